//! Where the numbers are: typed buffers that several tensors may share.
//!
//! Up to sixteen bytes live inside the buffer itself, so that a scalar costs one allocation and not two. From 32 KiB up, a
//! buffer that nobody holds any longer is kept for the next one of about its size: memory that comes fresh from the system
//! costs a page fault for every 4 KiB, several times what a kernel needs to fill it.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::limit;
use smallvec::SmallVec;
use std::ops::{Deref, DerefMut};
use std::sync::{MutexGuard, PoisonError};

/// The elements of one tensor, or of several views of it.
#[derive(Debug)]
pub struct Buffer<T: Element>(SmallVec<T::Inline>);

impl<T: Element> Buffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        if !is_large::<T>(len) {
            return Self::small(len);
        }
        if let Some(mut values) = shelf::<T>().take(len) {
            values.fill(T::default());
            return Buffer(SmallVec::from_vec(values));
        }
        // `vec![0; n]` asks for zeroed memory, which is free for large sizes.
        Self::from(vec![T::default(); len])
    }

    /// `len` elements of any value, for whoever writes them all: what an earlier tensor has left there.
    pub fn unwritten(len: usize) -> Self {
        let mut values = if is_large::<T>(len) {
            let kept = shelf::<T>().take(len);
            kept.map_or_else(|| Self::from(vec![T::default(); len]), |v| Buffer(SmallVec::from_vec(v)))
        } else {
            Self::small(len)
        };
        if cfg!(debug_assertions) {
            // Shows in the tests of whoever does not write them all.
            values.fill(T::from_f64(f64::NAN));
        }
        values
    }

    #[inline]
    fn small(len: usize) -> Self {
        if len == 1 {
            Buffer::scalar(T::default())
        } else if len <= SmallVec::<T::Inline>::new().inline_size() {
            Buffer(SmallVec::from_elem(T::default(), len))
        } else {
            Buffer(SmallVec::from_vec(vec![T::default(); len]))
        }
    }

    /// One element.
    #[inline]
    pub fn scalar(value: T) -> Self {
        let mut inline = SmallVec::new();
        inline.push(value);
        Buffer(inline)
    }

    /// `len` times the same value.
    pub fn full(len: usize, value: T) -> Self {
        let mut values = Self::unwritten(len);
        values.fill(value);
        values
    }

    /// Whether `len` elements can exist at all.
    #[track_caller]
    pub fn check(op: &'static str, len: usize) -> Result<()> {
        limit::room(op, len, size_of::<T>())?;
        // A small one comes from memory that is there.
        if is_large::<T>(len) && Vec::<T>::new().try_reserve_exact(len).is_err() {
            return Err(Error::size(
                op,
                format!("the system has no memory for {len} elements of {}", T::DTYPE),
            ));
        }
        Ok(())
    }
}

/// Bytes from which on a buffer is worth keeping. Below, the allocator is faster.
const LARGE: usize = 32 << 10;

#[inline]
fn is_large<T>(len: usize) -> bool {
    len.saturating_mul(size_of::<T>()) >= LARGE
}

/// The large buffers of one element type: how many elements are in use, and those that wait to be used again.
#[derive(Debug)]
pub struct Shelf<T> {
    /// The oldest first.
    kept: Vec<Vec<T>>,
    /// Elements of the buffers that are kept.
    idle: usize,
    /// Elements of the buffers in use.
    used: usize,
    /// The most that were in use at once.
    peak: usize,
}

impl<T: Element> Shelf<T> {
    /// Bytes that may be kept beyond what was ever in use at once: a small program may keep all of its sizes.
    const SLACK: usize = 64 << 20;

    pub(crate) const fn new() -> Self {
        Shelf { kept: Vec::new(), idle: 0, used: 0, peak: 0 }
    }

    /// A buffer that was kept and is at most a quarter too large; its elements are of any value.
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        // The latest is the likeliest to be in a cache.
        let at = self.kept.iter().rposition(|v| (len..=len + len / 4).contains(&v.capacity()))?;
        let mut values = self.kept.remove(at);
        self.idle -= values.capacity();
        self.enter(values.capacity());
        values.resize(len, T::default());
        Some(values)
    }

    /// Counts a buffer that comes into use, and lets go of the oldest where too much is kept.
    fn enter(&mut self, capacity: usize) {
        self.used += capacity;
        self.peak = self.peak.max(self.used);
        let most = self.peak + (self.peak / 4).max(Self::SLACK / size_of::<T>());
        let mut excess = (self.idle + self.used).saturating_sub(most);
        let old = self.kept.iter().take_while(|v| {
            let goes = excess > 0;
            excess = excess.saturating_sub(v.capacity());
            goes
        });
        let old = old.count();
        self.idle -= self.kept.drain(..old).map(|v| v.capacity()).sum::<usize>();
    }

    /// Keeps a buffer that nobody uses any longer.
    fn put(&mut self, values: Vec<T>) {
        self.used -= values.capacity();
        self.idle += values.capacity();
        self.kept.push(values);
    }
}

fn shelf<T: Element>() -> MutexGuard<'static, Shelf<T>> {
    T::shelf().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back the memory of large tensors that are no longer in use, which is otherwise kept for the next ones: at most a
/// quarter (or 64 MiB, if that is more) above what was in use at once.
///
/// ```
/// use tensor::zeros;
/// drop(zeros([1000, 1000])?);
/// tensor::empty_cache();
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.cuda.empty_cache")]
pub fn empty_cache() {
    fn empty<T: Element>() {
        let mut shelf = shelf::<T>();
        *shelf = Shelf { used: shelf.used, peak: shelf.used, ..Shelf::new() };
    }
    empty::<f32>();
    empty::<f64>();
    empty::<i64>();
    empty::<bool>();
}

impl<T: Element> Drop for Buffer<T> {
    #[inline]
    fn drop(&mut self) {
        if is_large::<T>(self.0.capacity()) {
            shelf::<T>().put(std::mem::take(&mut self.0).into_vec());
        }
    }
}

impl<T: Element> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::unwritten(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Element> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        if is_large::<T>(values.capacity()) {
            shelf::<T>().enter(values.capacity());
        }
        Buffer(SmallVec::from_vec(values))
    }
}

impl<T: Element> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values = values.into_iter();
        let len = values.size_hint().0;
        if !is_large::<T>(len) {
            let values = SmallVec::from_iter(values);
            return if values.spilled() { Self::from(values.into_vec()) } else { Buffer(values) };
        }
        let mut buffer = Self::unwritten(len).into_vec();
        buffer.clear();
        buffer.extend(values);
        Self::from(buffer)
    }
}

impl<T: Element> Buffer<T> {
    /// The elements, which nobody will keep.
    fn into_vec(mut self) -> Vec<T> {
        let values = std::mem::take(&mut self.0).into_vec();
        if is_large::<T>(values.capacity()) {
            shelf::<T>().used -= values.capacity();
        }
        values
    }
}

impl<T: Element> Deref for Buffer<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Element> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

/// A buffer of any element type.
#[derive(Clone, Debug)]
pub enum Storage {
    /// `bool`
    Bool(Buffer<bool>),
    /// `i64`
    I64(Buffer<i64>),
    /// `f32`
    F32(Buffer<f32>),
    /// `f64`
    F64(Buffer<f64>),
}

impl Storage {
    /// The type of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        match self {
            Storage::Bool(_) => DType::Bool,
            Storage::I64(_) => DType::I64,
            Storage::F32(_) => DType::F32,
            Storage::F64(_) => DType::F64,
        }
    }
}

/// Runs `$body` with `$type` standing for the element type of `$dtype`.
macro_rules! with_element {
    ($dtype:expr, $type:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool => {
                type $type = bool;
                $body
            }
            $crate::DType::I64 => {
                type $type = i64;
                $body
            }
            $crate::DType::F32 => {
                type $type = f32;
                $body
            }
            $crate::DType::F64 => {
                type $type = f64;
                $body
            }
        }
    };
}

/// Runs `$body` with `$type` standing for `f64` if `$dtype` is float64, else for `f32`: the one step from a tensor's type
/// at run time to a loop over its elements.
///
/// ```
/// use tensor::{Tensor, tensor, with_float};
/// fn norm(x: &Tensor) -> tensor::Result<f64> {
///     with_float!(x.dtype(), T => {
///         Ok(x.elements::<T>()?.iter().map(|&x| f64::from(x * x)).sum::<f64>().sqrt())
///     })
/// }
/// assert_eq!(norm(&tensor([3.0, 4.0]))?, 5.0);
/// # Ok::<(), tensor::Error>(())
/// ```
#[macro_export]
macro_rules! with_float {
    ($dtype:expr, $type:ident => $body:expr) => {
        if $dtype == $crate::DType::F64 {
            type $type = f64;
            $body
        } else {
            type $type = f32;
            $body
        }
    };
}

pub(crate) use with_element;
pub(crate) use with_float;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_longer_used_is_used_again() {
        let mut shelf = Shelf::<f32>::new();
        let first = vec![1.0; 10_000];
        let place = first.as_ptr();
        shelf.enter(first.capacity());
        shelf.put(first);
        assert!(shelf.take(5_000).is_none() && shelf.take(10_001).is_none());
        let again = shelf.take(9_000).unwrap();
        assert!(again.as_ptr() == place && again.len() == 9_000);
        assert_eq!((shelf.idle, shelf.used, shelf.peak), (0, 10_000, 10_000));
    }

    #[test]
    fn no_more_is_kept_than_a_quarter_above_the_peak() {
        let mut shelf = Shelf::<f64>::new();
        let size = 4 << 20;
        for i in 0..20 {
            // Every one too small or too large for the next.
            let values = Vec::<f64>::with_capacity(if i % 2 == 0 { size } else { 3 * size });
            shelf.enter(values.capacity());
            assert!(shelf.idle + shelf.used <= shelf.peak + (8 << 20).max(shelf.peak / 4));
            shelf.put(values);
        }
        assert!(shelf.kept.len() < 3);
    }
}

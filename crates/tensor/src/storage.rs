//! Where the numbers are: typed buffers that several tensors may share.
//!
//! A single number stands in the handle itself, up to sixteen bytes inside of the buffer. From 1 KiB up, a buffer that nobody
//! holds any longer goes to a [shelf](crate::shelf).

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::limit;
use crate::shelf::{is_kept, is_large, put_nearby, shelf, take_nearby};
use smallvec::SmallVec;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// The elements of one tensor, or of several views of it.
#[derive(Debug)]
pub struct Buffer<T: Element>(SmallVec<T::Inline>);

impl<T: Element> Buffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        if !is_large::<T>(len) {
            let mut values = Self::small(len);
            if is_kept::<T>(len) {
                values.fill(T::default());
            }
            return values;
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

    /// Zeros, unless it is a [kept](is_kept) one.
    #[inline]
    fn small(len: usize) -> Self {
        if len == 1 {
            return Buffer::scalar(T::default());
        }
        if len <= SmallVec::<T::Inline>::new().inline_size() {
            return Buffer(SmallVec::from_elem(T::default(), len));
        }
        let kept = if is_kept::<T>(len) { take_nearby(len) } else { None };
        Buffer(SmallVec::from_vec(kept.unwrap_or_else(|| {
            // Not `vec![0; n]`: glibc's zeroed memory passes its quick lists of small sizes by.
            let mut values = Vec::with_capacity(len);
            values.resize(len, T::default());
            values
        })))
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

impl<T: Element> Drop for Buffer<T> {
    #[inline]
    fn drop(&mut self) {
        if is_kept::<T>(self.0.capacity()) {
            let values = std::mem::take(&mut self.0).into_vec();
            match is_large::<T>(values.capacity()) {
                true => shelf::<T>().put(values),
                false => put_nearby(values),
            }
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

/// The numbers of a tensor as its handles hold them.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    /// A single number. It never changes, so that a copy of it is as good as itself: nothing is allocated or counted.
    One(Number),
    /// Any other count, which handles and views share.
    Shared(Arc<Numbers>),
}

/// A number of any element type, the first of eight bytes full.
///
/// Handles are copied right after they were written. A processor hands on what it has not yet stored only if it is read as
/// it was written: so both the type and the number are words, and none of their bytes is left open.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Number {
    /// `bool`
    Bool([bool; 8]),
    /// `i64`
    I64([i64; 1]),
    /// `f32`
    F32([f32; 2]),
    /// `f64`
    F64([f64; 1]),
}

/// A buffer of any element type.
#[derive(Clone, Debug)]
pub enum Numbers {
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
    pub(crate) fn dtype(&self) -> DType {
        match self {
            Storage::One(number) => match number {
                Number::Bool(_) => DType::Bool,
                Number::I64(_) => DType::I64,
                Number::F32(_) => DType::F32,
                Number::F64(_) => DType::F64,
            },
            Storage::Shared(numbers) => match **numbers {
                Numbers::Bool(_) => DType::Bool,
                Numbers::I64(_) => DType::I64,
                Numbers::F32(_) => DType::F32,
                Numbers::F64(_) => DType::F64,
            },
        }
    }

    /// The elements, if they are of this type.
    #[inline]
    pub(crate) fn elements<T: Element>(&self) -> Option<&[T]> {
        match self {
            Storage::One(number) => T::number(number).map(std::slice::from_ref),
            Storage::Shared(numbers) => T::buffer(numbers).map(|buffer| &**buffer),
        }
    }

    /// The elements, to be changed, if they are of this type and nobody else holds them.
    #[inline]
    pub(crate) fn sole<T: Element>(&mut self) -> Option<&mut [T]> {
        match self {
            Storage::One(number) => T::number_mut(number).map(std::slice::from_mut),
            Storage::Shared(numbers) => Some(T::buffer_mut(Arc::get_mut(numbers)?)?),
        }
    }

    /// The elements, to be changed, if they are of this type: a fresh copy where somebody else holds them.
    #[inline]
    pub(crate) fn own<T: Element>(&mut self) -> Option<&mut [T]> {
        match self {
            Storage::One(number) => T::number_mut(number).map(std::slice::from_mut),
            Storage::Shared(numbers) => Some(T::buffer_mut(Arc::make_mut(numbers))?),
        }
    }

    /// Whether both are the same numbers: a single one by its bits, others by where they are.
    pub(crate) fn is_same(&self, other: &Storage) -> bool {
        match (self, other) {
            (Storage::Shared(x), Storage::Shared(y)) => Arc::ptr_eq(x, y),
            (Storage::One(x), Storage::One(y)) => match (*x, *y) {
                (Number::Bool([x, ..]), Number::Bool([y, ..])) => x == y,
                (Number::I64([x]), Number::I64([y])) => x == y,
                (Number::F32([x, _]), Number::F32([y, _])) => x.to_bits() == y.to_bits(),
                (Number::F64([x]), Number::F64([y])) => x.to_bits() == y.to_bits(),
                _ => false,
            },
            _ => false,
        }
    }
}

impl<T: Element> From<Buffer<T>> for Storage {
    #[inline]
    fn from(buffer: Buffer<T>) -> Self {
        match *buffer {
            [number] => Storage::One(T::store_one(number)),
            _ => Storage::Shared(Arc::new(T::store(buffer))),
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

const _: () = assert!(size_of::<Storage>() == 16);

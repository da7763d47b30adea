//! Where the numbers are: typed buffers that several tensors may share.
//!
//! Up to sixteen bytes live inside the buffer itself, so that a scalar costs one allocation and not two.

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use smallvec::SmallVec;
use std::ops::{Deref, DerefMut};

/// The elements of one tensor, or of several views of it.
#[derive(Clone, Debug)]
pub struct Buffer<T: Element>(SmallVec<T::Inline>);

impl<T: Element> Buffer<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        let mut inline = SmallVec::new();
        if len <= inline.inline_size() {
            inline.resize(len, T::default());
            Buffer(inline)
        } else {
            // `vec![0; n]` asks for zeroed memory, which is free for large sizes.
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
        Buffer(SmallVec::from_elem(value, len))
    }

    /// Whether `len` elements can exist at all.
    #[track_caller]
    pub fn check(op: &'static str, len: usize) -> Result<()> {
        let bytes = len.saturating_mul(size_of::<T>());
        if bytes > MEMORY_LIMIT || Vec::<T>::new().try_reserve_exact(len).is_err() {
            return Err(Error::size(op, format!("{len} elements of {} need {bytes} bytes", T::DTYPE)));
        }
        Ok(())
    }
}

/// No allocation beyond this is even tried: an over-committing system would grant it and kill the process later.
const MEMORY_LIMIT: usize = 1 << 46;

impl<T: Element> From<Vec<T>> for Buffer<T> {
    fn from(values: Vec<T>) -> Self {
        Buffer(SmallVec::from_vec(values))
    }
}

impl<T: Element> FromIterator<T> for Buffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Buffer(SmallVec::from_iter(values))
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

//! Tensors from a rule: one number everywhere, ranges, even steps, the identity.
//!
//! The free functions choose the element type as PyTorch does; the constructors of the same names on [`Tensor`] take it
//! as an argument.
//!
//! ```
//! use tensor::{DType, Tensor, arange, linspace, zeros};
//! assert_eq!(zeros([2])?.to_string(), "tensor([0., 0.])");
//! assert_eq!(arange(1, 4, 1)?.to_string(), "tensor([1, 2, 3])");
//! assert_eq!(linspace(0.0, 1.0, 3)?.to_string(), "tensor([0.0000, 0.5000, 1.0000])");
//! assert_eq!(Tensor::eye(2, 3, DType::I64)?.to_string(), "tensor([[1, 0, 0],\n        [0, 1, 0]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, sizes};
use crate::literal::Scalar;
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;

/// Zeros, float32.
///
/// # Errors
/// As [`Tensor::full`].
#[doc(alias = "torch.zeros")]
#[doc(alias = "torch.empty")]
#[track_caller]
pub fn zeros(shape: impl Ints) -> Result<Tensor> {
    Tensor::zeros(shape, DType::F32)
}

/// Ones, float32.
///
/// # Errors
/// As [`Tensor::full`].
#[doc(alias = "torch.ones")]
#[track_caller]
pub fn ones(shape: impl Ints) -> Result<Tensor> {
    Tensor::ones(shape, DType::F32)
}

/// One number everywhere. Its type is that of the number: float32, int64 or bool.
///
/// # Errors
/// As [`Tensor::full`].
#[doc(alias = "torch.full")]
#[track_caller]
pub fn full(shape: impl Ints, value: impl Into<Scalar>) -> Result<Tensor> {
    let value = value.into();
    Tensor::full(shape, value, value.dtype())
}

/// `start, start + step, …` up to but not including `end`: int64 if all three are whole numbers, else float32.
///
/// # Errors
/// If `step` is zero or leads away from `end`, or if the length is not a number that fits.
///
/// ```
/// use tensor::arange;
/// assert_eq!(arange(0, 5, 2)?.to_string(), "tensor([0, 2, 4])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.arange")]
#[track_caller]
pub fn arange(start: impl Into<Scalar>, end: impl Into<Scalar>, step: impl Into<Scalar>) -> Result<Tensor> {
    let (start, end, step) = (start.into(), end.into(), step.into());
    let dtype = start.dtype().promote(end.dtype()).promote(step.dtype());
    let dtype = if dtype == DType::Bool { DType::I64 } else { dtype };
    Tensor::arange(start, end, step, dtype)
}

/// `steps` evenly spaced numbers from `start` to `end`, both included, float32.
///
/// # Errors
/// If the machine cannot hold that many.
#[doc(alias = "torch.linspace")]
#[track_caller]
pub fn linspace(start: f64, end: f64, steps: usize) -> Result<Tensor> {
    Tensor::linspace(start, end, steps, DType::F32)
}

/// 10 to the power of `steps` evenly spaced numbers from `start` to `end`, both included, float32.
///
/// # Errors
/// If the machine cannot hold that many.
///
/// ```
/// assert_eq!(tensor::logspace(0.0, 2.0, 3)?.to_string(), "tensor([  1.,  10., 100.])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.logspace")]
#[track_caller]
pub fn logspace(start: f64, end: f64, steps: usize) -> Result<Tensor> {
    Tensor::logspace(start, end, steps, 10.0, DType::F32)
}

/// The identity matrix `(n, n)`, float32.
///
/// # Errors
/// If the machine cannot hold it.
#[doc(alias = "torch.eye")]
#[track_caller]
pub fn eye(n: usize) -> Result<Tensor> {
    Tensor::eye(n, n, DType::F32)
}

/// Constructors that choose the element type.
impl Tensor {
    /// One number everywhere.
    ///
    /// # Errors
    /// If the machine cannot hold that many elements, or a size is negative.
    #[doc(alias = "torch.full")]
    #[track_caller]
    pub fn full(shape: impl Ints, value: impl Into<Scalar>, dtype: DType) -> Result<Tensor> {
        Tensor::everywhere("full", shape, value.into(), dtype)
    }

    #[track_caller]
    fn everywhere(op: &'static str, shape: impl Ints, value: Scalar, dtype: DType) -> Result<Tensor> {
        let layout = Layout::contiguous(op, &sizes(op, shape)?)?;
        with_element!(dtype, T => {
            Buffer::<T>::check(op, layout.numel())?;
            Ok(Tensor::new(filled::<T>(layout.numel(), value), layout.into()))
        })
    }

    /// Zeros of a chosen type.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    #[track_caller]
    pub fn zeros(shape: impl Ints, dtype: DType) -> Result<Tensor> {
        Tensor::everywhere("zeros", shape, 0.into(), dtype)
    }

    /// Ones of a chosen type.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    #[track_caller]
    pub fn ones(shape: impl Ints, dtype: DType) -> Result<Tensor> {
        Tensor::everywhere("ones", shape, 1.into(), dtype)
    }

    /// A scalar.
    #[doc(alias = "torch.scalar_tensor")]
    #[inline]
    pub fn scalar(value: impl Into<Scalar>, dtype: DType) -> Tensor {
        let value = value.into();
        with_element!(dtype, T => Tensor::one(value.to::<T>(), Layout::scalar()))
    }

    /// Zeros of the same shape and type.
    #[doc(alias = "torch.zeros_like")]
    #[doc(alias = "torch.empty_like")]
    #[must_use]
    pub fn zeros_like(&self) -> Tensor {
        self.full_like(0)
    }

    /// Ones of the same shape and type.
    #[doc(alias = "torch.ones_like")]
    #[must_use]
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1)
    }

    /// One number everywhere, of the same shape and type.
    #[doc(alias = "torch.full_like")]
    #[must_use]
    pub fn full_like(&self, value: impl Into<Scalar>) -> Tensor {
        let value = value.into();
        let layout = self.dense_layout();
        with_element!(self.dtype(), T => Tensor::new(filled::<T>(self.numel(), value), layout))
    }

    /// Zeros of the same type.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    #[doc(alias = "torch.Tensor.new_zeros")]
    #[doc(alias = "torch.Tensor.new_empty")]
    #[track_caller]
    pub fn new_zeros(&self, shape: impl Ints) -> Result<Tensor> {
        self.new_full(shape, 0)
    }

    /// Ones of the same type.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    #[doc(alias = "torch.Tensor.new_ones")]
    #[track_caller]
    pub fn new_ones(&self, shape: impl Ints) -> Result<Tensor> {
        self.new_full(shape, 1)
    }

    /// One number everywhere, of the same type.
    ///
    /// # Errors
    /// As [`Tensor::full`].
    #[doc(alias = "torch.Tensor.new_full")]
    #[track_caller]
    pub fn new_full(&self, shape: impl Ints, value: impl Into<Scalar>) -> Result<Tensor> {
        Tensor::full(shape, value, self.dtype())
    }

    /// [`arange`] of a chosen type. For int64, the start and the step are cut to whole numbers, but not what counts them.
    ///
    /// # Errors
    /// As [`arange`].
    #[track_caller]
    pub fn arange(
        start: impl Into<Scalar>,
        end: impl Into<Scalar>,
        step: impl Into<Scalar>,
        dtype: DType,
    ) -> Result<Tensor> {
        let (start, end, step) = (start.into(), end.into(), step.into());
        let whole = dtype == DType::I64;
        let (first, last, by) = (start.to_f64(), end.to_f64(), step.to_f64());
        let forward = first == last || (last > first) == (by > 0.0);
        if by == 0.0 || !forward || first.is_nan() || last.is_nan() || by.is_nan() {
            return Err(Error::value("arange", format!("no step of {by} leads from {first} to {last}")));
        }
        // Fractions count until the last; only then are the elements cut to whole numbers.
        let counted = whole && [start, end, step].iter().all(|x| !x.dtype().is_float());
        let len = if counted {
            let (a, b, s) = (start.to::<i64>(), end.to::<i64>(), step.to::<i64>());
            i128::from(b).abs_diff(i128::from(a)).div_ceil(i128::from(s).unsigned_abs()) as f64
        } else {
            ((last - first) / by).ceil()
        };
        if !len.is_finite() || len > isize::MAX as f64 / 8.0 {
            return Err(Error::size("arange", format!("{len} elements cannot be held")));
        }
        let len = len as usize;
        with_element!(dtype, T => {
            Buffer::<T>::check("arange", len)?;
            let buffer: Buffer<T> = if whole {
                let (a, s) = (start.to::<i64>(), step.to::<i64>());
                (0..len as i64).map(|i| T::from_i64(a.wrapping_add(i.wrapping_mul(s)))).collect()
            } else {
                (0..len).map(|i| T::from_f64(first + i as f64 * by)).collect()
            };
            Tensor::from_buffer("arange", buffer, len)
        })
    }

    /// [`linspace`] of a chosen type. For int64, both ends are first cut to whole numbers.
    ///
    /// # Errors
    /// If the machine cannot hold that many.
    #[track_caller]
    pub fn linspace(start: f64, end: f64, steps: usize, dtype: DType) -> Result<Tensor> {
        with_element!(dtype, T => {
            Buffer::<T>::check("linspace", steps)?;
            let buffer: Buffer<T> = match dtype {
                // In the precision of the result, and rounded once, as PyTorch's vector code does it.
                DType::F32 => {
                    let (start, end) = (start as f32, end as f32);
                    let step = (end - start) / (steps.max(2) - 1) as f32;
                    evenly(steps, |i| T::from_f64(step.mul_add(i as f32, start).into()), |i| {
                        T::from_f64((-step).mul_add(i as f32, end).into())
                    })
                }
                DType::F64 => {
                    let step = (end - start) / (steps.max(2) - 1) as f64;
                    evenly(steps, |i| T::from_f64(step.mul_add(i as f64, start)), |i| {
                        T::from_f64((-step).mul_add(i as f64, end))
                    })
                }
                _ => {
                    let (start, end) = (start.trunc(), end.trunc());
                    let step = (end - start) / (steps.max(2) - 1) as f64;
                    evenly(steps, |i| T::from_f64(start + step * i as f64), |i| {
                        T::from_f64(end - step * i as f64)
                    })
                }
            };
            Tensor::from_buffer("linspace", buffer, steps)
        })
    }

    /// `base` to the power of `steps` evenly spaced numbers from `start` to `end`, both included, of a chosen type.
    ///
    /// For whole numbers, the ends are cut to whole numbers first, and the powers after it.
    ///
    /// # Errors
    /// If the machine cannot hold that many.
    #[doc(alias = "torch.logspace")]
    #[track_caller]
    pub fn logspace(start: f64, end: f64, steps: usize, base: f64, dtype: DType) -> Result<Tensor> {
        with_element!(dtype, T => {
            Buffer::<T>::check("logspace", steps)?;
            let (start, end) = if dtype.is_float() { (start, end) } else { (start.trunc(), end.trunc()) };
            let step = (end - start) / (steps.max(2) - 1) as f64;
            let power = |exponent: f64| T::from_f64(base.powf(exponent));
            let buffer: Buffer<T> =
                evenly(steps, |i| power(start + step * i as f64), |i| power(end - step * i as f64));
            Tensor::from_buffer("logspace", buffer, steps)
        })
    }

    /// Ones on the diagonal of `(rows, columns)`, zeros elsewhere.
    ///
    /// # Errors
    /// If the machine cannot hold it.
    #[doc(alias = "torch.eye")]
    #[track_caller]
    pub fn eye(rows: usize, columns: usize, dtype: DType) -> Result<Tensor> {
        let layout = Layout::contiguous("eye", &[rows, columns])?;
        with_element!(dtype, T => {
            Buffer::<T>::check("eye", layout.numel())?;
            let mut buffer = Buffer::<T>::zeros(layout.numel());
            for i in 0..rows.min(columns) {
                buffer[i * columns + i] = T::from_f64(1.0);
            }
            Ok(Tensor::new(buffer, layout.into()))
        })
    }

    /// The powers of each element of a vector `(n)`, one row for each: `(n, count)`, from the highest down to 0, or, if
    /// `increasing`, up from 0. As many as there are elements, if no count is given.
    ///
    /// # Errors
    /// If this is not a vector.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([2, 3]).vander(3, false)?.to_string(), "tensor([[4, 2, 1],\n        [9, 3, 1]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.vander")]
    #[track_caller]
    pub fn vander(&self, count: impl Into<Option<usize>>, increasing: bool) -> Result<Tensor> {
        if self.dim() != 1 {
            return Err(Error::shape("vander", format!("expected a vector, found shape {:?}", self.shape())));
        }
        let count = count.into().unwrap_or(self.numel());
        let numel = Layout::contiguous("vander", &[self.numel(), count])?.numel();
        Buffer::<f64>::check("vander", numel)?;
        let exponents = arange(0, count as i64, 1)?;
        let exponents = if increasing { exponents } else { exponents.flip(0)? };
        self.unsqueeze(1)?.pow(&exponents)
    }
}

/// `len` times the same number; zeros cost nothing.
fn filled<T: Element>(len: usize, value: Scalar) -> Buffer<T> {
    let value: T = value.to();
    // −0 equals 0, but is not it.
    if value == T::default() && value.to_f64().is_sign_positive() {
        Buffer::zeros(len)
    } else {
        Buffer::full(len, value)
    }
}

/// From both ends, as PyTorch does, so that the last number is exactly the end.
fn evenly<T: Element>(
    steps: usize,
    from_start: impl Fn(usize) -> T,
    from_end: impl Fn(usize) -> T,
) -> Buffer<T> {
    let front = |i: usize| i < steps / 2 || steps == 1;
    (0..steps).map(|i| if front(i) { from_start(i) } else { from_end(steps - 1 - i) }).collect()
}

#[cfg(test)]
mod tests {
    use super::{arange, linspace, logspace, zeros};
    use crate::{DType, Tensor, tensor};

    #[test]
    fn ranges_end_before_their_end() {
        let list = |t: crate::Result<Tensor>| t.unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list(arange(5, 0, -2)), [5, 3, 1]);
        assert_eq!(list(arange(2, 2, 1)), [0; 0]);
        assert_eq!(list(Tensor::arange(0.5, 4.5, 1.5, DType::I64)), [0, 1, 2]);
        assert_eq!(list(arange(i64::MAX - 1, i64::MAX, 1)), [i64::MAX - 1]);
        assert_eq!(arange(0.0, 1.0, 0.3).unwrap().numel(), 4);
        for error in [
            arange(0, 1, 0).unwrap_err(),
            arange(0, 1, -1).unwrap_err(),
            arange(0.0, f64::NAN, 1.0).unwrap_err(),
            arange(0.0, f64::INFINITY, 1.0).unwrap_err(),
            arange(0, i64::MAX, 1).unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("arange: "), "{error}");
        }
    }

    #[test]
    fn even_steps_include_both_ends() {
        let x = linspace(-0.1, 0.3, 7).unwrap().to_vec::<f32>().unwrap();
        assert_eq!((x[0], x[6]), (-0.1, 0.3));
        assert_eq!(linspace(3.0, 9.0, 1).unwrap().to_vec::<f32>().unwrap(), [3.0]);
        assert_eq!(linspace(3.0, 9.0, 0).unwrap().shape(), [0]);
        let whole = Tensor::linspace(0.9, 10.9, 5, DType::I64).unwrap();
        assert_eq!(whole.to_vec::<i64>().unwrap(), [0, 2, 5, 7, 10]);
        assert_eq!(logspace(-1.0, 1.0, 3).unwrap().to_vec::<f32>().unwrap(), [0.1, 1.0, 10.0]);
    }

    #[test]
    fn one_number_everywhere() {
        assert_eq!(tensor([1.0]).full_like(-0.0).to_string(), "tensor([-0.])");
        assert_eq!(tensor([true]).new_zeros(2).unwrap().dtype(), DType::Bool);
        assert_eq!(tensor([2.5]).vander(2, true).unwrap().to_vec::<f32>().unwrap(), [1.0, 2.5]);
        assert!(zeros([-1]).is_err());
        assert!(zeros([1i64 << 40, 1 << 30]).is_err());
    }
}

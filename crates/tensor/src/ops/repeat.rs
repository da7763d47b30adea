//! Copies of a tensor along its dimensions, as a whole or element by element.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([1, 2]);
//! assert_eq!(x.repeat([2, 2])?.to_string(), "tensor([[1, 2, 1, 2],\n        [1, 2, 1, 2]])");
//! assert_eq!(x.repeat_interleave(2, None)?.to_string(), "tensor([1, 1, 2, 2])");
//! assert_eq!(x.repeat_interleave(&tensor([3, 1]), None)?.to_string(), "tensor([1, 1, 1, 2])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, no_grad};
use crate::dtype::DType;
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Layout, Shape, sizes};
use crate::storage::Buffer;
use crate::tensor::Tensor;
use smallvec::SmallVec;

impl Tensor {
    /// This tensor side by side, that often along each dimension; more numbers than dimensions make new ones in front.
    ///
    /// # Errors
    /// If there are fewer numbers than dimensions, or one is negative.
    #[doc(alias = "torch.Tensor.repeat")]
    #[track_caller]
    pub fn repeat(&self, repeats: impl Ints) -> Result<Tensor> {
        let repeats = sizes("repeat", repeats)?;
        let Some(new) = repeats.len().checked_sub(self.dim()) else {
            return Err(Error::shape(
                "repeat",
                format!(
                    "{} numbers are too few for the {} dimensions of shape {:?}",
                    repeats.len(),
                    self.dim(),
                    self.shape()
                ),
            ));
        };
        // (r₀, n₀, r₁, n₁, …), in which the repeated dimensions are new and of stride zero.
        let shape: Shape = std::iter::repeat_n(1, new).chain(self.shape().iter().copied()).collect();
        let apart: Shape = shape.iter().flat_map(|&n| [1, n]).collect();
        let copies: Shape = repeats.iter().zip(&shape).flat_map(|(&r, &n)| [r, n]).collect();
        let mut out = Shape::new();
        for (&r, &n) in repeats.iter().zip(&shape) {
            // A size that does not fit into memory is named by the layout below.
            out.push(r.saturating_mul(n));
        }
        let numel = Layout::contiguous("repeat", &out)?.numel();
        Buffer::<f64>::check("repeat", numel)?;
        let whole = no_grad(|| self.reshape(&apart)?.expand(&copies)?.reshape(&out)).at_caller()?;
        Ok(whole.record(Repeat { copies, input: self.shape().into() }, &[self]))
    }

    /// [`repeat`](Tensor::repeat), in which fewer numbers than dimensions leave the first dimensions as they are.
    ///
    /// # Errors
    /// If a number is negative.
    #[doc(alias = "torch.tile")]
    #[track_caller]
    pub fn tile(&self, repeats: impl Ints) -> Result<Tensor> {
        let mut repeats = repeats.ints();
        while repeats.len() < self.dim() {
            repeats.insert(0, 1);
        }
        self.repeat(&*repeats)
    }

    /// Each slice of dimension `dim` that often, one number for all or a vector with one for each. Without a dimension,
    /// the tensor counts as flat.
    ///
    /// # Errors
    /// If there is no such dimension, a number is negative or not int64, or there is not one for each slice.
    #[doc(alias = "torch.repeat_interleave")]
    #[track_caller]
    pub fn repeat_interleave(
        &self,
        repeats: impl Repeats,
        dim: impl Into<Option<isize>>,
    ) -> Result<Tensor> {
        let Some(dim) = dim.into() else {
            return self.ravel().repeat_interleave(repeats, 0);
        };
        let x = self.atleast_1d();
        let d = x.layout.dim("repeat_interleave", dim)?;
        let size = x.shape()[d];
        let counts = repeats.counts()?;
        if counts.len() != 1 && counts.len() != size {
            return Err(Error::shape(
                "repeat_interleave",
                format!("{} numbers for dimension {d} of size {size}", counts.len()),
            ));
        }
        let mut rows = Vec::new();
        for row in 0..size {
            let count = if counts.len() == 1 { counts[0] } else { counts[row] };
            let Ok(count) = usize::try_from(count) else {
                return Err(Error::value(
                    "repeat_interleave",
                    format!("a slice cannot be repeated {count} times"),
                ));
            };
            Buffer::<i64>::check("repeat_interleave", count.saturating_add(rows.len()))?;
            rows.extend(std::iter::repeat_n(row, count));
        }
        x.select_rows("IndexSelect", d, rows.into())
    }
}

/// How often: a number, a list, or a vector of int64.
pub trait Repeats {
    /// The numbers.
    ///
    /// # Errors
    /// If they are a tensor of another type, or of more than one dimension.
    fn counts(&self) -> Result<SmallVec<[i64; 4]>>;
}

impl<I: Ints + ?Sized> Repeats for I {
    fn counts(&self) -> Result<SmallVec<[i64; 4]>> {
        Ok(self.ints())
    }
}

impl Repeats for &Tensor {
    #[track_caller]
    fn counts(&self) -> Result<SmallVec<[i64; 4]>> {
        if self.dtype() != DType::I64 || self.dim() > 1 {
            return Err(Error::dtype(
                "repeat_interleave",
                format!("expected a vector of int64, found shape {:?} of type {}", self.shape(), self.dtype()),
            ));
        }
        Ok(self.values::<i64>().iter().copied().collect())
    }
}

struct Repeat {
    /// `(r₀, n₀, r₁, n₁, …)`
    copies: Shape,
    input: Shape,
}

impl Op for Repeat {
    fn name(&self) -> &'static str {
        "Repeat"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let repeated: Shape = (0..self.copies.len()).step_by(2).collect();
        ctx.grads(|_| match repeated.is_empty() {
            true => Ok(grad.clone()),
            false => grad.reshape(&self.copies)?.sum_dim(&repeated, false)?.reshape(&self.input),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("repeat", |x| x[0].repeat([2, 2, 1])?.mul(&x[0].repeat([2, 1])?.sin()), x()),
        case("tile", |x| Ok(x[0].tile(2)?.sin()), x()),
        case("repeat_interleave", |x| Ok(x[0].repeat_interleave(2, 1)?.sin()), x()),
        case("repeat_interleave by a tensor", |x| Ok(x[0].repeat_interleave(&tensor([0, 3]), 0)?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{grad, tensor, zeros};

    #[test]
    fn copies() {
        let x = tensor([[1, 2], [3, 4]]);
        assert_eq!(x.repeat([1, 2]).unwrap().to_vec::<i64>().unwrap(), [1, 2, 1, 2, 3, 4, 3, 4]);
        assert_eq!(x.repeat([2, 0, 1]).unwrap().shape(), [2, 0, 2]);
        assert_eq!(x.tile(2).unwrap().shape(), [2, 4]);
        assert_eq!(tensor(1).repeat(3).unwrap().shape(), [3]);
        assert_eq!(tensor(1).repeat(()).unwrap().shape(), [0; 0]);
        assert_eq!(x.repeat_interleave([1, 2], 1).unwrap().to_vec::<i64>().unwrap(), [1, 2, 2, 3, 4, 4]);
        assert_eq!(tensor(1).repeat_interleave(2, None).unwrap().shape(), [2]);
    }

    #[test]
    fn no_copy_gives_no_gradient() {
        let x = tensor([1.0, 2.0]).requires_grad();
        let y = x.repeat([0]).unwrap().sum();
        assert_eq!(grad(&y, &[&x]).unwrap()[0].to_string(), "tensor([0., 0.])");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([2, 3]).unwrap();
        for error in [
            x.repeat(2).unwrap_err(),
            x.repeat([1, -1]).unwrap_err(),
            x.repeat([usize::MAX, 1]).unwrap_err(),
            x.repeat_interleave([1, 2], 1).unwrap_err(),
            x.repeat_interleave(-1, 1).unwrap_err(),
            x.repeat_interleave(1, 2).unwrap_err(),
            x.repeat_interleave(&x, 0).unwrap_err(),
            x.repeat_interleave(i64::MAX, 0).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

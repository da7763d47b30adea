//! Areas under a curve that is known at points: the trapezoid rule, `Σ (xᵢ₊₁ − xᵢ)·(yᵢ + yᵢ₊₁)/2`.

use super::binary::Operand;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// The area under these heights along `dim`, at points that are one `distance` apart, or at `points`: a number, or a
    /// tensor (one row of points, or of this shape).
    ///
    /// # Errors
    /// If there is no such dimension, or the points do not fit.
    ///
    /// ```
    /// use tensor::tensor;
    /// let y = tensor([1.0, 2.0, 3.0]);
    /// assert_eq!(y.trapezoid(1.0, -1)?.to_string(), "tensor(4.)");
    /// assert_eq!(y.trapezoid(&tensor([0.0, 1.0, 3.0]), -1)?.to_string(), "tensor(6.5000)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.trapezoid")]
    #[doc(alias = "torch.trapz")]
    #[track_caller]
    pub fn trapezoid<'a>(&self, points: impl Into<Operand<'a>>, dim: isize) -> Result<Tensor> {
        self.areas("trapezoid", points.into(), dim)?.sum_dim(dim, false)
    }

    /// The areas under these heights up to each point along `dim`, as [`trapezoid`](Tensor::trapezoid): one less than
    /// there are points.
    ///
    /// # Errors
    /// If there is no such dimension, or the points do not fit.
    #[doc(alias = "torch.cumulative_trapezoid")]
    #[track_caller]
    pub fn cumulative_trapezoid<'a>(&self, points: impl Into<Operand<'a>>, dim: isize) -> Result<Tensor> {
        self.areas("cumulative_trapezoid", points.into(), dim)?.cumsum(dim)
    }

    #[track_caller]
    fn areas(&self, op: &'static str, points: Operand<'_>, dim: isize) -> Result<Tensor> {
        let d = self.layout.dim(op, dim)?;
        let Some(&size) = self.shape().get(d) else {
            return Err(Error::shape(op, "a scalar has no neighbours"));
        };
        let count = size.saturating_sub(1);
        let both = self.narrow(dim, size - count, count)?.add(&self.narrow(dim, 0, count)?)?;
        let x = match points {
            Operand::Number(distance) => return both.mul(distance)?.div(2.0),
            Operand::Tensor(x) if x.dim() == 1 && x.numel() == size => {
                let mut shape: Shape = smallvec::SmallVec::from_elem(1, self.dim());
                shape[d] = size;
                x.reshape(shape)?
            }
            Operand::Tensor(x) if x.dim() <= self.dim() && x.dim() > 1 => {
                let new = std::iter::repeat_n(1, self.dim() - x.dim());
                x.reshape(new.chain(x.shape().iter().copied()).collect::<Shape>())?
            }
            Operand::Tensor(x) => {
                return Err(Error::shape(
                    op,
                    format!("points of shape {:?} do not fit heights of {:?}", x.shape(), self.shape()),
                ));
            }
        };
        both.mul(&x.diff(1, dim)?)?.div(2.0)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let y = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    vec![
        case("trapezoid", |x| x[0].sin().trapezoid(0.5, 1), vec![y()]),
        case("trapezoid at points", |x| x[0].trapezoid(&x[1], 1), vec![y(), float64([0.0, 0.7, 2.0])]),
        case("cumulative_trapezoid", |x| x[0].sin().cumulative_trapezoid(2.0, 0), vec![y()]),
    ]
}

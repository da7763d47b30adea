//! Smooth L1 loss: a Huber loss whose far slope is always one.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

criterion! {
    /// With `d = x − t`: `d²/(2β)` where `|d| < β`, else `|d| − β/2` (Girshick 2015), the loss of box regression.
    ///
    /// [`HuberLoss`](crate::HuberLoss) divided by β: the slope far out is 1 for any β. With β = 0 it is
    /// [`L1Loss`](crate::L1Loss).
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, SmoothL1Loss};
    /// use tensor::tensor;
    /// let loss = SmoothL1Loss::new().forward(&tensor([2.5, 3.0]), &tensor([3.0, 6.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(1.3125)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.SmoothL1Loss")]
    #[doc(alias = "smooth_l1_loss")]
    SmoothL1Loss {
        /// Where the square ends, not negative (default 1).
        beta: f64 = 1.0,
    }
}

impl Criterion for SmoothL1Loss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if self.beta < 0.0 || self.beta.is_nan() {
            return Err(Error::value("SmoothL1Loss", format!("beta must not be negative, found {}", self.beta)));
        }
        unequal_shapes("SmoothL1Loss", ("input", input), ("target", target))?;
        pointwise(Smooth { beta: self.beta }, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Smooth {
    beta: f64,
}

impl Pointwise<2> for Smooth {
    const NAME: &'static str = "SmoothL1Loss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let d = (x - t).abs();
        if self.beta == 0.0 {
            return d;
        }
        let square = d.clone() * d.clone() * 0.5 / self.beta;
        R::select(d.clone().lt_scalar(self.beta), square, d - 0.5 * self.beta)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let d = x - t;
        let slope =
            if self.beta == 0.0 { d.sign() } else { (d / self.beta).max_scalar(-1.0).min_scalar(1.0) };
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, -1.2, 2.0, 0.7]), float64([1.0, -1.5, 0.5, 0.9])];
    vec![
        case("SmoothL1Loss", |x| SmoothL1Loss::new().forward(&x[0], &x[1]), inputs()),
        case("SmoothL1Loss, beta", |x| SmoothL1Loss::new().beta(0.5).forward(&x[0], &x[1]), inputs()),
        case("SmoothL1Loss, no beta", |x| SmoothL1Loss::new().beta(0.0).forward(&x[0], &x[1]), inputs()),
        case(
            "SmoothL1Loss, sum",
            |x| SmoothL1Loss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "SmoothL1Loss, none",
            |x| SmoothL1Loss::new().reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
    ]
}

//! Poisson negative log-likelihood: counts against a predicted rate.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use std::f64::consts::TAU;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// `eˣ − t·x` for the logarithm `x` of a rate, or `x − t·ln(x + ε)` for the rate itself: regression of counts, such
    /// as visits per hour.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, PoissonNLLLoss};
    /// use tensor::tensor;
    /// let loss = PoissonNLLLoss::new().forward(&tensor([0.5, 1.0]), &tensor([2.0, 3.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.1835)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.PoissonNLLLoss")]
    #[doc(alias = "poisson_nll_loss")]
    PoissonNLLLoss {
        /// Whether the input is the logarithm of the rate (default), or the rate.
        log_input: bool = true,
        /// Whether to add Stirling's approximation of `ln t!` for targets above 1 (default no).
        full: bool = false,
        /// Keeps the logarithm of a rate of 0 finite (default 1e-8).
        eps: f64 = 1e-8,
    }
}

impl Criterion for PoissonNLLLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("PoissonNLLLoss", ("input", input), ("target", target))?;
        let f = Poisson { log_input: self.log_input, full: self.full, eps: self.eps };
        pointwise(f, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Poisson {
    log_input: bool,
    full: bool,
    eps: f64,
}

impl Pointwise<2> for Poisson {
    const NAME: &'static str = "Sub";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let value = if self.log_input {
            x.clone().exp() - t.clone() * x
        } else {
            x.clone() - t.clone() * (x + self.eps).ln()
        };
        if !self.full {
            return value;
        }
        // t·ln t − t + ½·ln 2πt, where that is not far from ln t!.
        let (many, t) = above_one(t);
        let stirling = t.clone() * t.clone().ln() - t.clone() + (t.clone() * TAU).ln() * 0.5;
        value + R::select(many, stirling, t.constant(0.0))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let (slope, mut target_slope) = if self.log_input {
            (x.clone().exp() - t.clone(), -x)
        } else {
            let rate = x + self.eps;
            (-(t.clone() / rate.clone()) + 1.0, -rate.ln())
        };
        if self.full {
            let (many, t) = above_one(t);
            let stirling = t.clone().ln() + t.constant(0.5) / t.clone();
            target_slope = target_slope + R::select(many, stirling, t.constant(0.0));
        }
        [slope, target_slope]
    }
}

/// Where `t` is above one, and `t` with ones elsewhere: what is not selected must not be infinite either, or 0 times it
/// would be NaN in a gradient (PyTorch's is, for a target of 0).
#[inline(always)]
fn above_one<R: Real>(t: R) -> (R::Mask, R) {
    let many = t.clone().gt_scalar(1.0);
    (many.clone(), R::select(many, t.clone(), t.constant(1.0)))
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, 0.7, 2.0, 1.5]), float64([0.0, 2.0, 0.5, 3.0])];
    vec![
        case("PoissonNLLLoss", |x| PoissonNLLLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "PoissonNLLLoss, rate, sum",
            |x| {
                let criterion = PoissonNLLLoss::new().log_input(false).reduction(Reduction::Sum);
                criterion.forward(&x[0], &x[1])
            },
            inputs(),
        ),
        case(
            "PoissonNLLLoss, full, none",
            |x| PoissonNLLLoss::new().full(true).reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "PoissonNLLLoss, rate, full",
            |x| PoissonNLLLoss::new().log_input(false).full(true).eps(0.01).forward(&x[0], &x[1]),
            inputs(),
        ),
    ]
}

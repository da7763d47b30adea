//! Huber loss: squared near zero, absolute beyond.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, Weighted, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

criterion! {
    /// With `d = x − t`: `d²/2` where `|d| ≤ δ`, else `δ·(|d| − δ/2)` (Huber 1964), for regression with outliers: a
    /// large error pulls with the constant force δ and not with its size.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, HuberLoss};
    /// use tensor::tensor;
    /// let loss = HuberLoss::new().forward(&tensor([2.5, 3.0]), &tensor([3.0, 4.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.3125)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.HuberLoss")]
    #[doc(alias = "huber_loss")]
    HuberLoss {
        /// Where the square ends, positive (default 1).
        delta: f64 = 1.0,
        /// A weight for each element, of the input's shape; the mean still divides by the number of elements.
        weight: Option<Tensor>,
    }
}

impl Criterion for HuberLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if self.delta <= 0.0 || self.delta.is_nan() {
            return Err(Error::value("HuberLoss", format!("delta must be positive, found {}", self.delta)));
        }
        unequal_shapes("HuberLoss", ("input", input), ("target", target))?;
        let f = Huber { delta: self.delta };
        match &self.weight {
            None => pointwise(f, [input, target], self.reduction),
            Some(w) => {
                unequal_shapes("HuberLoss", ("input", input), ("weight", w))?;
                pointwise(Weighted(f), [input, target, w], self.reduction)
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Huber {
    delta: f64,
}

impl Pointwise<2> for Huber {
    const NAME: &'static str = "HuberLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let d = (x - t).abs();
        let square = d.clone() * d.clone() * 0.5;
        let line = (d.clone() - 0.5 * self.delta) * self.delta;
        R::select(d.clone().le(d.constant(self.delta)), square, line)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let slope = (x - t).max_scalar(-self.delta).min_scalar(self.delta);
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, -1.2, 2.0, 0.7]), float64([1.0, -1.5, 0.5, 0.9])];
    vec![
        case("HuberLoss", |x| HuberLoss::new().forward(&x[0], &x[1]), inputs()),
        case("HuberLoss, delta", |x| HuberLoss::new().delta(0.5).forward(&x[0], &x[1]), inputs()),
        case(
            "HuberLoss, weight",
            |x| HuberLoss::new().weight(&x[2]).forward(&x[0], &x[1]),
            inputs().into_iter().chain([float64([0.5, 2.0, 1.0, 0.25])]).collect(),
        ),
        case("HuberLoss, sum", |x| HuberLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("HuberLoss, none", |x| HuberLoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn shapes_do_not_broadcast() {
        let error = HuberLoss::new().forward(&tensor([[1.0], [2.0]]), &tensor([1.0, 2.0])).unwrap_err();
        assert!(error.to_string().contains("[2, 1]") && error.to_string().contains("input.squeeze_dim(-1)"), "{error}");
        assert!(error.location().file().ends_with("huber.rs"));
    }

    #[test]
    fn delta_is_positive() {
        let error = HuberLoss::new().delta(0.0).forward(&tensor([1.0]), &tensor([1.0])).unwrap_err();
        assert!(error.to_string().contains("delta must be positive, found 0"), "{error}");
    }
}

//! Gaussian negative log-likelihood: a target against a predicted mean and variance.

use crate::criterion::criterion;
use crate::refuse::negative;
use crate::{Pointwise, Reduction, pointwise};
use std::f64::consts::TAU;
use tensor::autograd::check::{Case, case, float64};
use tensor::layout::broadcast;
use tensor::{Error, Operand, Real, Result, Tensor};

criterion! {
    /// `½·(ln v + (x − t)²/v)` for a predicted mean `x` and variance `v ≥ ε`: regression that says how sure it is
    /// (Nix and Weigend 1994).
    ///
    /// A variance below ε counts as ε, but the gradient passes as if it did not, as in PyTorch. Errors whose square leaves the
    /// range of the type are welcome where the square divided by the variance does not (PyTorch: ∞).
    ///
    /// Shapes: input `(*)`; target alike, or with dimensions of size 1; variance alike, with dimensions of size 1, or
    /// without the last dimension (one variance for each row). Output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::GaussianNLLLoss;
    /// use tensor::tensor;
    /// let loss = GaussianNLLLoss::new().forward(&tensor([1.0, 2.0]), &tensor([1.5, 2.0]), &tensor([1.0, 0.5]))?;
    /// assert_eq!(loss.to_string(), "tensor(-0.1108)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.GaussianNLLLoss")]
    #[doc(alias = "gaussian_nll_loss")]
    GaussianNLLLoss {
        /// Whether to add the constant `½·ln 2π` (default no).
        full: bool = false,
        /// The smallest variance (default 1e-6).
        eps: f64 = 1e-6,
    }
}

const OP: &str = "GaussianNLLLoss";

impl GaussianNLLLoss {
    /// The loss of the mean `input` and the variance `var`, a tensor or one number for all, against `target`.
    ///
    /// # Errors
    /// If the shapes do not fit, or a variance is negative.
    #[track_caller]
    pub fn forward<'a>(
        &self,
        input: &Tensor,
        target: &Tensor,
        var: impl Into<Operand<'a>>,
    ) -> Result<Tensor> {
        let (x, t) = (input.shape(), target.shape());
        if t.len() != x.len() || broadcast(x, t).as_deref() != Some(x) {
            return Err(Error::shape(OP, format!("target of shape {t:?} does not fit input of shape {x:?}")));
        }
        let var = match var.into() {
            Operand::Tensor(var) => fit(var, x)?,
            Operand::Number(var) => Tensor::scalar(var, input.dtype()),
        };
        negative(OP, "var", &var)?;
        let f = Gaussian { eps: self.eps, constant: if self.full { 0.5 * TAU.ln() } else { 0.0 } };
        pointwise(f, [input, target, &var], self.reduction)
    }
}

/// The variance in a shape that is broadcast to that of the input.
#[track_caller]
fn fit(var: &Tensor, x: &[usize]) -> Result<Tensor> {
    let v = var.shape();
    if v.len() == x.len() && broadcast(x, v).as_deref() == Some(x) {
        return Ok(var.clone());
    }
    if !x.is_empty() && *v == x[..x.len() - 1] {
        return var.unsqueeze(-1);
    }
    Err(Error::shape(OP, format!("var of shape {v:?} does not fit input of shape {x:?}")))
}

#[derive(Clone, Copy)]
struct Gaussian {
    eps: f64,
    constant: f64,
}

impl Gaussian {
    /// `max(v, ε)` with the gradient of `v`.
    #[inline(always)]
    fn at_least<R: Real>(self, v: R) -> R {
        v.clone().max_scalar(self.eps).with_slope_of(|| v)
    }
}

impl Pointwise<3> for Gaussian {
    const NAME: &'static str = "Mul";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [x, t, v]: [R; 3]) -> R {
        let (d, v) = (x - t, self.at_least(v));
        // No square: `d²` may leave the range where `d²/v` does not.
        v.clone().ln() * 0.5 + d.clone() * 0.5 * (d / v) + self.constant
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t, v]: [R; 3]) -> [R; 3] {
        let (d, v) = (x - t, self.at_least(v));
        let slope = d / v.clone();
        let spread = v.constant(0.5) / v - slope.clone() * 0.5 * slope.clone();
        [slope.clone(), -slope, spread]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = |var: Tensor| {
        vec![float64([[0.3, -1.2], [2.0, 0.7]]), float64([[1.0, -1.5], [0.5, 0.9]]), var]
    };
    vec![
        case(
            "GaussianNLLLoss",
            |x| GaussianNLLLoss::new().forward(&x[0], &x[1], &x[2]),
            inputs(float64([[0.5, 1.2], [0.1, 3.0]])),
        ),
        case(
            "GaussianNLLLoss, full, sum, a variance for each row",
            |x| GaussianNLLLoss::new().full(true).reduction(Reduction::Sum).forward(&x[0], &x[1], &x[2]),
            inputs(float64([0.5, 1.2])),
        ),
        case(
            "GaussianNLLLoss, none, a variance for each column",
            |x| GaussianNLLLoss::new().reduction(Reduction::None).forward(&x[0], &x[1], &x[2]),
            inputs(float64([[0.5, 1.2]])),
        ),
        // With a smallest variance the gradient is PyTorch's and not the derivative: here only that of the mean.
        case(
            "GaussianNLLLoss, eps",
            |x| GaussianNLLLoss::new().eps(1.0).forward(&x[0], &x[1], 0.5),
            vec![float64([0.3, -1.2]), float64([1.0, -1.5])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn a_square_beyond_the_range() {
        let v = tensor([1e20]).requires_grad();
        let loss = GaussianNLLLoss::new().forward(&tensor([1e20]), &tensor([0.0]), &v).unwrap();
        loss.backward().unwrap();
        assert!((loss.item().unwrap() / 5e19 - 1.0).abs() < 1e-6);
        assert_eq!(v.grad().unwrap().item().unwrap(), -0.5);
    }

    #[test]
    fn a_small_variance_keeps_its_gradient() {
        let var = tensor([0.0]).requires_grad();
        let loss = GaussianNLLLoss::new().eps(0.5).forward(&tensor([1.0]), &tensor([1.0]), &var).unwrap();
        loss.backward().unwrap();
        assert_eq!(var.grad().unwrap().item().unwrap(), 1.0);
    }

    #[test]
    fn a_negative_variance_is_named() {
        let x = tensor([1.0, 2.0]);
        let error = GaussianNLLLoss::new().forward(&x, &x, &tensor([1.0, -0.5])).unwrap_err();
        assert!(error.to_string().contains("must be at least 0, found -0.5 at index [1]"), "{error}");
    }
}

//! Binary cross-entropy of logits: sigmoid and [`BCELoss`](crate::BCELoss) in one, exact at any logit.

use crate::criterion::criterion;
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// `w·(p·t·ln(1 + e⁻ˣ) + (1 − t)·ln(1 + eˣ))` for a logit `x`: the loss of binary and of multi-label
    /// classification.
    ///
    /// At ±∞ it is the limit (PyTorch: NaN): 0 for a right answer, ∞ for a wrong one.
    ///
    /// Shapes: input and target alike, `(*)`, targets in \[0, 1\]; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{BCEWithLogitsLoss, Criterion};
    /// use tensor::tensor;
    /// let loss = BCEWithLogitsLoss::new().forward(&tensor([2.0]), &tensor([1.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.1269)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.BCEWithLogitsLoss")]
    #[doc(alias = "binary_cross_entropy_with_logits")]
    BCEWithLogitsLoss {
        /// A weight for each element, broadcast to the input's shape.
        weight: Option<Tensor>,
        /// What a positive example counts, broadcast to the input's shape: `negatives / positives` of each class
        /// balances rare classes.
        pos_weight: Option<Tensor>,
    }
}

impl Criterion for BCEWithLogitsLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("BCEWithLogitsLoss", ("input", input), ("target", target))?;
        no_probabilities("BCEWithLogitsLoss", "target", target)?;
        match (&self.pos_weight, &self.weight) {
            (None, None) => pointwise(Logits, [input, target], self.reduction),
            (Some(p), None) => pointwise(PosWeight, [input, target, p], self.reduction),
            (None, Some(w)) => pointwise(Weighted(Logits), [input, target, w], self.reduction),
            (Some(p), Some(w)) => pointwise(Weighted(PosWeight), [input, target, p, w], self.reduction),
        }
    }
}

/// `w·v`, and 0 for no weight at all, where `v` may be infinite.
#[inline(always)]
fn weigh<R: Real>(w: R, v: R) -> R {
    R::select(w.clone().eq_scalar(0.0), w.constant(0.0), w * v)
}

/// `ln(1 + eˣ)`
#[inline(always)]
fn softplus<R: Real>(x: R) -> R {
    -(-x).log_sigmoid()
}

#[derive(Clone, Copy)]
pub(crate) struct Logits;

impl Pointwise<2> for Logits {
    const NAME: &'static str = "BinaryCrossEntropyWithLogits";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        weigh(t.clone(), softplus(-x.clone())) + weigh(-t + 1.0, softplus(x))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        // Not `σ(x) − t`: where x is large and t is 1, only this form has any digits.
        let slope = (-t.clone() + 1.0) * x.clone().sigmoid() - t * (-x.clone()).sigmoid();
        [slope, -x]
    }
}

/// With the weight `p` of positive examples.
#[derive(Clone, Copy)]
struct PosWeight;

impl Pointwise<3> for PosWeight {
    const NAME: &'static str = Logits::NAME;
    #[inline(always)]
    fn value<R: Real>(self, [x, t, p]: [R; 3]) -> R {
        weigh(t.clone() * p, softplus(-x.clone())) + weigh(-t + 1.0, softplus(x))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t, p]: [R; 3]) -> [R; 3] {
        let slope =
            (-t.clone() + 1.0) * x.clone().sigmoid() - t.clone() * p.clone() * (-x.clone()).sigmoid();
        let missed = softplus(-x.clone());
        [slope, weigh(p, missed.clone()) - softplus(x), weigh(t, missed)]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [0.0, 3.0]]), float64([[0.9, 0.75], [0.25, 0.125]])];
    let weighed = |weights: &[Tensor]| inputs().into_iter().chain(weights.iter().cloned()).collect::<Vec<_>>();
    vec![
        case("BCEWithLogitsLoss", |x| BCEWithLogitsLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "BCEWithLogitsLoss, sum",
            |x| BCEWithLogitsLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "BCEWithLogitsLoss, pos_weight, none",
            |x| {
                BCEWithLogitsLoss::new().pos_weight(&x[2]).reduction(Reduction::None).forward(&x[0], &x[1])
            },
            weighed(&[float64([0.5, 3.0])]),
        ),
        case(
            "BCEWithLogitsLoss, weight of rows",
            |x| BCEWithLogitsLoss::new().weight(&x[2]).forward(&x[0], &x[1]),
            weighed(&[float64([[0.5], [3.0]])]),
        ),
        case(
            "BCEWithLogitsLoss, weight and pos_weight, sum",
            |x| {
                let criterion = BCEWithLogitsLoss::new().weight(&x[2]).pos_weight(&x[3]);
                criterion.reduction(Reduction::Sum).forward(&x[0], &x[1])
            },
            weighed(&[float64([[0.5, 1.5], [0.25, 3.0]]), float64(2.0)]),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn the_limit_at_infinity() {
        let x = tensor([f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::NEG_INFINITY]).requires_grad();
        let t = tensor([1.0, 0.0, 0.0, 1.0]);
        let criterion = BCEWithLogitsLoss::new().reduction(Reduction::None);
        let loss = criterion.forward(&x, &t).unwrap();
        assert_eq!(loss.to_vec::<f32>().unwrap(), [0.0, 0.0, f32::INFINITY, f32::INFINITY]);
        loss.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, -1.0]);
    }

    #[test]
    fn the_gradient_keeps_its_digits_far_out() {
        let x = tensor([40.0]).requires_grad();
        BCEWithLogitsLoss::new().forward(&x, &tensor([1.0])).unwrap().backward().unwrap();
        let found = x.grad().unwrap().item().unwrap();
        assert!((found / -(-40f64).exp() - 1.0).abs() < 1e-6, "{found}");
    }
}

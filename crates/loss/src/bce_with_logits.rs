//! Binary cross-entropy of logits: sigmoid and [`BCELoss`](crate::BCELoss) in one, exact at any logit.

use crate::criterion::criterion;
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

criterion! {
    /// `w·(p·t·ln(1 + e⁻ˣ) + (1 − t)·ln(1 + eˣ))` for a logit `x`: the loss of binary and of multi-label
    /// classification.
    ///
    /// At ±∞ it is the limit (PyTorch: NaN): 0 for a right answer, ∞ for a wrong one. What a small target or a weight adds
    /// beside a large logit is kept, where PyTorch's difference of large numbers loses it.
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
        /// How far targets are moved towards ½, from 0 to 1 (default 0; PyTorch has it for classes only).
        label_smoothing: f64 = 0.0,
    }
}

impl Criterion for BCEWithLogitsLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("BCEWithLogitsLoss", ("input", input), ("target", target))?;
        no_probabilities("BCEWithLogitsLoss", "target", target)?;
        let smoothing = self.label_smoothing;
        if !(0.0..=1.0).contains(&smoothing) {
            let why = format!("label_smoothing must be between 0 and 1, found {smoothing}");
            return Err(Error::value("BCEWithLogitsLoss", why));
        }
        match (&self.pos_weight, &self.weight) {
            (None, None) => pointwise(Logits { smoothing }, [input, target], self.reduction),
            (Some(p), None) => pointwise(PosWeight { smoothing }, [input, target, p], self.reduction),
            (None, Some(w)) => pointwise(Weighted(Logits { smoothing }), [input, target, w], self.reduction),
            (Some(p), Some(w)) => {
                pointwise(Weighted(PosWeight { smoothing }), [input, target, p, w], self.reduction)
            }
        }
    }
}

/// `w·v`, and 0 for no weight at all, where `v` may be infinite.
#[inline(always)]
fn weigh<R: Real>(w: R, v: R) -> R {
    R::select(w.clone().eq_scalar(0.0), w.constant(0.0), w * v)
}

/// `t·(1 − ε) + ε/2`
#[inline(always)]
fn smooth<R: Real>(t: R, epsilon: f64) -> R {
    t * (1.0 - epsilon) + 0.5 * epsilon
}

/// `ln(1 + eˣ)`
#[inline(always)]
fn softplus<R: Real>(x: R) -> R {
    -(-x).log_sigmoid()
}

#[derive(Clone, Copy)]
pub(crate) struct Logits {
    pub(crate) smoothing: f64,
}

impl Pointwise<2> for Logits {
    const NAME: &'static str = "BinaryCrossEntropyWithLogits";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let t = smooth(t, self.smoothing);
        weigh(t.clone(), softplus(-x.clone())) + weigh(-t + 1.0, softplus(x))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let t = smooth(t, self.smoothing);
        // Not `σ(x) − t`: where x is large and t is 1, only this form has any digits.
        let [yes, no] = x.clone().sigmoids();
        let slope = (-t.clone() + 1.0) * yes - t * no;
        [slope, x * (self.smoothing - 1.0)]
    }
}

/// With the weight `p` of positive examples.
#[derive(Clone, Copy)]
struct PosWeight {
    smoothing: f64,
}

impl Pointwise<3> for PosWeight {
    const NAME: &'static str = Logits::NAME;
    #[inline(always)]
    fn value<R: Real>(self, [x, t, p]: [R; 3]) -> R {
        let t = smooth(t, self.smoothing);
        weigh(t.clone() * p, softplus(-x.clone())) + weigh(-t + 1.0, softplus(x))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t, p]: [R; 3]) -> [R; 3] {
        let t = smooth(t, self.smoothing);
        let [yes, no] = x.clone().sigmoids();
        let slope = (-t.clone() + 1.0) * yes - t.clone() * p.clone() * no;
        let missed = softplus(-x.clone());
        let of_target = (weigh(p, missed.clone()) - softplus(x)) * (1.0 - self.smoothing);
        [slope, of_target, weigh(t, missed)]
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
            "BCEWithLogitsLoss, label_smoothing",
            |x| BCEWithLogitsLoss::new().label_smoothing(0.25).forward(&x[0], &x[1]),
            inputs(),
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
    fn smoothed_labels_are_other_labels() {
        let (x, t) = (tensor([0.3, -1.2]), tensor([1.0, 0.0]));
        let smoothed = BCEWithLogitsLoss::new().label_smoothing(0.25).forward(&x, &t).unwrap();
        let moved = BCEWithLogitsLoss::new().forward(&x, &tensor([0.875, 0.125])).unwrap();
        assert_eq!(smoothed.item().unwrap(), moved.item().unwrap());
        assert!(BCEWithLogitsLoss::new().label_smoothing(1.5).forward(&x, &t).is_err());
    }

    #[test]
    fn the_gradient_keeps_its_digits_far_out() {
        let x = tensor([40.0]).requires_grad();
        BCEWithLogitsLoss::new().forward(&x, &tensor([1.0])).unwrap().backward().unwrap();
        let found = x.grad().unwrap().item().unwrap();
        assert!((found / -(-40f64).exp() - 1.0).abs() < 1e-6, "{found}");
    }
}

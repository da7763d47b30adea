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

/// What loss and slope of a logit have in common, so that a pass over both takes one exponential and one division.
struct Sides<R: Real> {
    negative: R::Mask,
    /// How far the logit is from 0: `|x|`.
    distance: R,
    /// `e^−|x|`
    decay: R,
}

impl<R: Real> Sides<R> {
    #[inline(always)]
    fn of(x: R) -> Self {
        let negative = x.clone().lt_scalar(0.0);
        // Not `x.abs()`: that has slope 0 at 0.
        let distance = R::select(negative.clone(), -x.clone(), x);
        Sides { negative, decay: (-distance.clone()).decay(), distance }
    }

    /// What the answer that the sign of the logit gives counts if it is wrong, of what either answer counts.
    #[inline(always)]
    fn wrong(&self, yes: R, no: R) -> R {
        R::select(self.negative.clone(), yes, no)
    }

    /// `ln(1 + e^−|x|)`
    #[inline(always)]
    fn rest(&self) -> R {
        self.decay.clone().ln_1p_unit()
    }

    /// `no·σ(x) − yes·σ(−x)`. Not `σ(x) − t`: where x is large and t is 1, only this form has any digits.
    #[inline(always)]
    fn slope(self, yes: R, no: R) -> R {
        let (wrong, right) = (self.wrong(yes.clone(), no.clone()), self.wrong(no, yes));
        let slope = (-right).mul_add(self.decay.clone(), wrong) / (self.decay + 1.0);
        R::select(self.negative, -slope.clone(), slope)
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Logits {
    pub(crate) smoothing: f64,
}

impl Pointwise<2> for Logits {
    const NAME: &'static str = "BinaryCrossEntropyWithLogits";
    /// Of `t·ln(1 + e⁻ˣ) + (1 − t)·ln(1 + eˣ)`, either logarithm is `ln(1 + e^−|x|)`, and one of them `|x|` more.
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let t = smooth(t, self.smoothing);
        let sides = Sides::of(x);
        let wrong = sides.wrong(t.clone(), -t + 1.0);
        sides.rest() + weigh(wrong, sides.distance)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let t = smooth(t, self.smoothing);
        [Sides::of(x.clone()).slope(t.clone(), -t + 1.0), x * (self.smoothing - 1.0)]
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
        let (yes, no) = (t.clone() * p, -t + 1.0);
        let sides = Sides::of(x);
        let wrong = sides.wrong(yes.clone(), no.clone());
        (yes + no) * sides.rest() + weigh(wrong, sides.distance)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t, p]: [R; 3]) -> [R; 3] {
        let t = smooth(t, self.smoothing);
        let sides = Sides::of(x);
        let (distance, zero) = (sides.distance.clone(), sides.distance.zero());
        // ln(1 + e⁻ˣ), and ln(1 + eˣ).
        let missed = sides.rest() + sides.wrong(distance.clone(), zero.clone());
        let alarmed = sides.rest() + sides.wrong(zero, distance);
        let of_target = (weigh(p.clone(), missed.clone()) - alarmed) * (1.0 - self.smoothing);
        [sides.slope(t.clone() * p, -t.clone() + 1.0), of_target, weigh(t, missed)]
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

    /// Loss and gradient of every logit with every target, against the definition in float64; and the fused passes have the
    /// bits of the ones without a reduction.
    #[test]
    fn every_logit_meets_the_definition() {
        let logits = [0.0, -0.0, 1e-45, -1e-38, 0.3, -1.2, 17.0, -17.5, 88.9, -95.0, 104.5, -1e4, 1e30, -1e30];
        let targets = [0.0, 1.0, 0.3, 1e-20];
        for n in [1, 7, 56, 100, 1001] {
            let x: Vec<f32> = (0..n).map(|i| logits[i % 14]).collect();
            let t: Vec<f32> = (0..n).map(|i| targets[i / 14 % 4]).collect();
            let leaf = tensor(x.clone()).requires_grad();
            let criterion = BCEWithLogitsLoss::new().pos_weight(&tensor(2.5)).reduction(Reduction::None);
            let weighed = criterion.forward(&leaf, &tensor(t.clone())).unwrap();
            weighed.sum().backward().unwrap();
            let weighed = [weighed.to_vec::<f32>().unwrap(), leaf.grad().unwrap().to_vec().unwrap()];
            leaf.zero_grad();
            let criterion = BCEWithLogitsLoss::new().reduction(Reduction::None);
            let plain = criterion.forward(&leaf, &tensor(t.clone())).unwrap();
            plain.sum().backward().unwrap();
            let plain = [plain.to_vec::<f32>().unwrap(), leaf.grad().unwrap().to_vec().unwrap()];
            leaf.zero_grad();
            let sum = BCEWithLogitsLoss::new().reduction(Reduction::Sum).forward(&leaf, &tensor(t.clone()));
            sum.unwrap().backward().unwrap();
            assert_eq!(leaf.grad().unwrap().to_vec::<f32>().unwrap(), plain[1]);
            for i in 0..n {
                let (x, t) = (f64::from(x[i]), f64::from(t[i]));
                let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
                let sigmoid = |x: f64| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
                for ([loss, slope], p) in [(&plain, 1.0), (&weighed, 2.5)] {
                    let expected = p * t * softplus(-x) + (1.0 - t) * softplus(x);
                    let near = |found: f32, expected: f64, scale: f64| {
                        let off = (f64::from(found) - expected).abs();
                        assert!(off <= 4e-7 * scale.abs() + 2e-45, "{x} {t} {p}: {found} is not {expected}");
                    };
                    near(loss[i], expected, expected);
                    let (missed, alarmed) = (p * t * sigmoid(-x), (1.0 - t) * sigmoid(x));
                    near(slope[i], alarmed - missed, alarmed + missed);
                }
            }
        }
        let x = tensor([f64::NAN, 0.0]).requires_grad();
        BCEWithLogitsLoss::new().forward(&x, &tensor([1.0, 0.0])).unwrap().backward().unwrap();
        let found = x.grad().unwrap().to_vec::<f32>().unwrap();
        assert!(found[0].is_nan() && found[1] == 0.25);
    }

    #[test]
    fn the_gradient_keeps_its_digits_far_out() {
        let x = tensor([40.0]).requires_grad();
        BCEWithLogitsLoss::new().forward(&x, &tensor([1.0])).unwrap().backward().unwrap();
        let found = x.grad().unwrap().item().unwrap();
        assert!((found / -(-40f64).exp() - 1.0).abs() < 1e-6, "{found}");
    }
}

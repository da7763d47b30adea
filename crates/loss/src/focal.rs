//! Focal losses: cross-entropy that attends to what the model gets wrong (Lin et al. 2017).

use crate::class_indices::{class_dim, classes, labels, weight_of, without_classes};
use crate::criterion::criterion;
use crate::pointwise::{divided, pointwise};
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor, tensor};

criterion! {
    /// `α_t·qᵞ·bce(x, t)` for a logit `x`, where `q` is how far the prediction is from the target: binary and multi-label
    /// classification where easy negatives outnumber everything, as in detection.
    ///
    /// torchvision's `sigmoid_focal_loss`, whose own default is no reduction. Exact for any logit.
    ///
    /// Shapes: input and target alike, `(*)`, targets in \[0, 1\]; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, SigmoidFocalLoss};
    /// use tensor::tensor;
    /// let loss = SigmoidFocalLoss::new().forward(&tensor([2.0, -1.0]), &tensor([1.0, 0.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.0087)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torchvision.ops.sigmoid_focal_loss")]
    SigmoidFocalLoss {
        /// What positive examples count, against `1 − α` of negative ones; negative: all alike (default 0.25).
        alpha: f64 = 0.25,
        /// How much easy examples are discounted; 0 is no focus (default 2).
        gamma: f64 = 2.0,
    }
}

impl Criterion for SigmoidFocalLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        not_negative("SigmoidFocalLoss", self.gamma)?;
        unequal_shapes("SigmoidFocalLoss", ("input", input), ("target", target))?;
        no_probabilities("SigmoidFocalLoss", "target", target)?;
        pointwise(Binary { alpha: self.alpha, gamma: self.gamma }, [input, target], self.reduction)
    }
}

#[track_caller]
fn not_negative(op: &'static str, gamma: f64) -> Result<()> {
    if gamma >= 0.0 { Ok(()) } else { Err(Error::value(op, format!("gamma must not be negative, found {gamma}"))) }
}

#[derive(Clone, Copy)]
struct Binary {
    alpha: f64,
    gamma: f64,
}

impl Binary {
    /// `α·t + (1 − α)·(1 − t)` and its slope.
    #[inline(always)]
    fn balance<R: Real>(self, t: R) -> (R, f64) {
        if self.alpha < 0.0 {
            return (t.constant(1.0), 0.0);
        }
        let slope = 2.0 * self.alpha - 1.0;
        (t * slope + (1.0 - self.alpha), slope)
    }

    /// The cross-entropy and the distance `q` from the target, each a sum of what is not negative.
    #[inline(always)]
    fn parts<R: Real>(x: R, t: R) -> [R; 4] {
        let (yes, no) = (x.clone().sigmoid(), (-x.clone()).sigmoid());
        let miss = -x.clone().log_sigmoid();
        let alarm = -(-x).log_sigmoid();
        let other = -t.clone() + 1.0;
        let zero = t.constant(0.0);
        // Nothing expected costs nothing, at infinite logits too.
        let ce = R::select(t.clone().eq_scalar(0.0), zero.clone(), t.clone() * miss)
            + R::select(other.clone().eq_scalar(0.0), zero, other.clone() * alarm);
        let q = t * no.clone() + other * yes.clone();
        [ce, q, yes, no]
    }

    /// `γ·qᵞ⁻¹`, where a `q` of 0 has no slope.
    #[inline(always)]
    fn slope_of_power<R: Real>(self, q: R) -> R {
        if self.gamma == 0.0 {
            return q.constant(0.0);
        }
        let none = q.clone().eq_scalar(0.0);
        let safe = R::select(none.clone(), q.constant(1.0), q.clone());
        R::select(none, q.constant(0.0), safe.pow_scalar(self.gamma - 1.0) * self.gamma)
    }
}

impl Pointwise<2> for Binary {
    const NAME: &'static str = "SigmoidFocalLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let (balance, _) = self.balance(t.clone());
        let [ce, q, ..] = Self::parts(x, t);
        let focus = q.clone().pow_scalar(self.gamma);
        // A certain and right answer: 0, although its q is 0 and for γ = 0 the power is not.
        balance * R::select(ce.clone().eq_scalar(0.0), ce.constant(0.0), focus * ce)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let (balance, tilt) = self.balance(t.clone());
        let [ce, q, yes, no] = Self::parts(x.clone(), t.clone());
        let focus = q.clone().pow_scalar(self.gamma);
        let power = self.slope_of_power(q);
        let variance = yes.clone() * no.clone();
        // At an infinite loss the variance is 0, faster than the loss grows.
        let spread = R::select(variance.clone().eq_scalar(0.0), ce.constant(0.0), variance * ce.clone());
        let error = (-t.clone() + 1.0) * yes.clone() - t.clone() * no.clone();
        let away = -(t * 2.0) + 1.0;
        let slope = balance.clone() * (focus.clone() * error + power.clone() * away * spread);
        let of_target = focus.clone() * ce.clone() * tilt + balance * (power * (no - yes) * ce - focus * x);
        [slope, of_target]
    }
}

criterion! {
    /// `−w_y·(1 − p_y)ᵞ·ln p_y` with `p = softmax(x)` for logits `x` and the label `y`: multi-class classification with
    /// many easy examples. With γ = 0 it is [`CrossEntropyLoss`](crate::CrossEntropyLoss), but for the mean, which divides
    /// by the number of labels that are not ignored.
    ///
    /// Shapes: input `(C)`, `(N, C)` or `(N, C, d1, …)`; int64 targets `()`, `(N)` or `(N, d1, …)`. Output scalar, or like
    /// the targets without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, FocalLoss};
    /// use tensor::tensor;
    /// let loss = FocalLoss::new().forward(&tensor([[2.5, 0.3, -1.2]]), &tensor([0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.0018)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    FocalLoss {
        /// A weight for each class, `(C)`: the α of the paper.
        weight: Option<Tensor>,
        /// How much easy examples are discounted; 0 is no focus (default 2).
        gamma: f64 = 2.0,
        /// The label that counts nothing (default −100).
        ignore_index: i64 = -100,
    }
}

impl Criterion for FocalLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        const OP: &str = "FocalLoss";
        not_negative(OP, self.gamma)?;
        let classes = classes(OP, input)?;
        let labels = labels(OP, input, target, Some(self.ignore_index))?;
        let (shape, dim) = (without_classes(input), class_dim(input) as isize);
        // What is ignored is looked up at the first class, and weighs nothing.
        let places: Vec<i64> = labels.iter().map(|y| y.unwrap_or(0) as i64).collect();
        let places = Tensor::from_vec(places, shape.as_slice())?;
        let counts = Tensor::from_vec(labels.iter().map(Option::is_some).collect(), shape.as_slice())?;
        let mut weight = counts.to(input.dtype());
        if let Some(w) = &self.weight {
            let each = weight_of(OP, w, classes, input)?.index_select(0, &places.flatten(0, -1)?)?;
            weight = weight.mul(&each.reshape(shape)?)?;
        }
        let log = input.log_softmax(dim)?.gather(dim, &places.unsqueeze(dim)?)?.squeeze_dim(dim)?;
        let (f, args) = (Weighted(Multiclass { gamma: self.gamma }), [&log, &weight]);
        match self.reduction {
            Reduction::Mean => divided(f, args, labels.iter().flatten().count() as f64),
            reduction => pointwise(f, args, reduction),
        }
    }
}

/// Of `ln p`: `−(1 − p)ᵞ·ln p`.
#[derive(Clone, Copy)]
struct Multiclass {
    gamma: f64,
}

impl Pointwise<1> for Multiclass {
    const NAME: &'static str = "FocalLoss";
    #[inline(always)]
    fn value<R: Real>(self, [log]: [R; 1]) -> R {
        -((-log.clone().exp_m1()).pow_scalar(self.gamma) * log)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [log]: [R; 1]) -> [R; 1] {
        let q = -log.clone().exp_m1();
        let focus = q.clone().pow_scalar(self.gamma);
        let power = Binary { alpha: 0.0, gamma: self.gamma }.slope_of_power(q);
        // Under −∞ the probability is 0, faster than its logarithm grows.
        let p = log.clone().exp();
        let spread = R::select(p.clone().eq_scalar(0.0), p.constant(0.0), p * log);
        [power * spread - focus]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [0.0, 3.0]]), float64([[0.9, 0.75], [0.25, 0.125]])];
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("SigmoidFocalLoss", |x| SigmoidFocalLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "SigmoidFocalLoss, gamma, sum",
            |x| SigmoidFocalLoss::new().gamma(1.5).reduction(Reduction::Sum).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "SigmoidFocalLoss, no focus, no balance, none",
            |x| {
                let criterion = SigmoidFocalLoss::new().gamma(0.0).alpha(-1.0);
                criterion.reduction(Reduction::None).forward(&x[0], &x[1])
            },
            inputs(),
        ),
        case("FocalLoss", |x| FocalLoss::new().forward(&x[0], &tensor([2, 0])), x()),
        case(
            "FocalLoss, weight, an ignored label, none",
            |x| {
                let criterion = FocalLoss::new().weight(&x[1]).gamma(0.5).ignore_index(1);
                criterion.reduction(Reduction::None).forward(&x[0], &tensor([2, 1]))
            },
            vec![x().remove(0), float64([0.5, 2.0, 1.25])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BCEWithLogitsLoss, CrossEntropyLoss};

    #[test]
    fn without_a_focus_it_is_cross_entropy() {
        let (x, y) = (tensor([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]), tensor([2, 1]));
        let focal = FocalLoss::new().gamma(0.0).forward(&x, &y).unwrap().item().unwrap();
        let ce = CrossEntropyLoss::new().forward(&x, &y).unwrap().item().unwrap();
        assert!((focal - ce).abs() < 1e-6);
        let t = tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]]);
        let focal = SigmoidFocalLoss::new().gamma(0.0).alpha(-1.0).forward(&x, &t).unwrap().item().unwrap();
        let bce = BCEWithLogitsLoss::new().forward(&x, &t).unwrap().item().unwrap();
        assert!((focal - bce).abs() < 1e-6);
    }

    #[test]
    fn infinite_logits() {
        let x = tensor([f64::INFINITY, f64::NEG_INFINITY, 1e4, -1e4]).requires_grad();
        let loss = SigmoidFocalLoss::new().alpha(-1.0).reduction(Reduction::None);
        let loss = loss.forward(&x, &tensor([1.0, 0.0, 0.0, 1.0])).unwrap();
        assert_eq!(loss.to_vec::<f32>().unwrap(), [0.0, 0.0, 1e4, 1e4]);
        loss.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, -1.0]);
    }
}

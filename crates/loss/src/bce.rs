//! Binary cross-entropy of probabilities.

use crate::criterion::criterion;
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Ctx, Grads, Keep, Op, Result, Tensor, cat, is_grad_enabled, with_float};

criterion! {
    /// `−w·(t·ln p + (1 − t)·ln(1 − p))` for a probability `p`, such as a sigmoid gives. Logarithms are cut at −100, as
    /// PyTorch cuts them, so that the loss of a certain and wrong answer is 100 and not infinite.
    ///
    /// A sigmoid and [`BCEWithLogitsLoss`](crate::BCEWithLogitsLoss) in one is exact where this is cut.
    ///
    /// Shapes: input and target alike, `(*)`, both in \[0, 1\]; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{BCELoss, Criterion};
    /// use tensor::tensor;
    /// let loss = BCELoss::new().forward(&tensor([0.8]), &tensor([1.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.2231)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.BCELoss")]
    #[doc(alias = "binary_cross_entropy")]
    BCELoss {
        /// A weight for each element, broadcast to the input's shape: `(N, 1)` weighs rows, `(C)` columns.
        weight: Option<Tensor>,
    }
}

impl Criterion for BCELoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("BCELoss", ("input", input), ("target", target))?;
        let [smallest, largest] = no_probabilities("BCELoss", "input", input)?;
        no_probabilities("BCELoss", "target", target)?;
        let saturated = smallest < EPSILON || largest > 1.0 - EPSILON;
        let past;
        let input = if saturated {
            past = past_sigmoid(input)?;
            &past
        } else {
            input
        };
        match &self.weight {
            None => pointwise(BinaryCrossEntropy, [input, target], self.reduction),
            Some(w) => pointwise(Weighted(BinaryCrossEntropy), [input, target, w], self.reduction),
        }
    }
}

/// Where PyTorch cuts the denominator of the slope; its constant is a float32.
const EPSILON: f64 = 1e-12f32 as f64;

#[derive(Clone, Copy)]
struct BinaryCrossEntropy;

impl Pointwise<2> for BinaryCrossEntropy {
    const NAME: &'static str = "BinaryCrossEntropy";
    #[inline(always)]
    fn value<R: tensor::Real>(self, [p, t]: [R; 2]) -> R {
        let (yes, no) = (p.clone().ln().max_scalar(-100.0), (-p).ln_1p().max_scalar(-100.0));
        (t.clone() - 1.0) * no - t * yes
    }
    #[inline(always)]
    fn slopes<R: tensor::Real>(self, [p, t]: [R; 2]) -> [R; 2] {
        let q = -p.clone() + 1.0;
        let yes = p.clone().ln().max_scalar(-100.0).with_slope_of(|| cut_ln(p.clone()));
        let no = (-p.clone()).ln_1p().max_scalar(-100.0).with_slope_of(|| cut_ln(q.clone()));
        let variance = q * p.clone();
        let slope = (p.clone() - t.clone()) / variance.clone().max_scalar(EPSILON);
        [slope.with_slope_of(|| uncut(p, t, variance)), no - yes]
    }
}

/// `max(ln p, −100)` whose slope is 0, and not `0·∞`, where it is cut.
fn cut_ln<R: tensor::Real>(p: R) -> R {
    // e⁻¹⁰⁰
    const SMALLEST: f64 = 3.720_075_976_020_836e-44;
    let one = p.constant(1.0);
    R::select(p.clone().gt_scalar(SMALLEST), p.clone(), one.clone()).ln()
        + R::select(p.gt_scalar(SMALLEST), one.constant(0.0), one * -100.0)
}

/// PyTorch cuts the first derivative, but moves the second away from its poles: with `u = p + ε`, `v = 1 − p + ε` and
/// `s = u + v` it is `(p² − 2pt + t)/(u²v²)`, of which this is the integral,
/// `((1 − t)/s + ε²/s²)/v − (t/s + ε²/s²)/u − 2ε(1 + ε)/s³·ln(u/v)`. The slope along `t` is that of the cut derivative.
fn uncut<R: tensor::Real>(p: R, t: R, variance: R) -> R {
    const SHIFT: f64 = 1e-12;
    const S: f64 = 1.0 + 2.0 * SHIFT;
    let one = p.constant(1.0);
    let (u, v) = (p.clone() + SHIFT, -p + 1.0 + SHIFT);
    let (yes, no) = (one.clone() / u.clone(), one.clone() / v.clone());
    let constant = SHIFT * SHIFT / (S * S);
    let apart = (no.clone() - yes.clone()) * constant - (u / v).ln() * (2.0 * SHIFT * (1.0 + SHIFT) / (S * S * S));
    let by_target = (-one / variance.max_scalar(SHIFT)).with_slope_of(|| -(no.clone() + yes) * (1.0 / S));
    no * (1.0 / S) + apart + t * by_target
}

/// If the probabilities are a sigmoid, the same ones, with a gradient that goes past the sigmoid where it is saturated:
/// there the slope of the loss is cut at `(p − t)/ε` and that of the sigmoid is 0 or nearly so, although their product is
/// `p − t`.
fn past_sigmoid(p: &Tensor) -> Result<Tensor> {
    let Some(argument) = p.behind_sigmoid() else { return Ok(p.clone()) };
    Ok(p.detach().record(PastSigmoid, &[p, &argument]))
}

struct PastSigmoid;

impl Op for PastSigmoid {
    fn name(&self) -> &'static str {
        "Sigmoid"
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        // Somebody wants to see the gradient of the probabilities.
        if !ctx.wants(1) || ctx.asked(0) {
            return Ok([Some(grad.clone()), None].into_iter().collect());
        }
        let p = ctx.input_value(0)?;
        if !is_grad_enabled() {
            return with_float!(p.dtype(), T => {
                let (values, grads) = (p.elements::<T>()?, grad.elements::<T>()?);
                let cut = EPSILON as T;
                ctx.grads(|i| {
                    let shares = if i == 0 { [0.0, 1.0] } else { [cut, 0.0] };
                    let part = |out: &mut [T]| {
                        for ((out, &p), &grad) in out.iter_mut().zip(values.iter()).zip(grads.iter()) {
                            let share = if (1.0 - p) * p < cut { shares[0] } else { shares[1] };
                            *out = if share == 0.0 { 0.0 } else { grad * share };
                        }
                    };
                    Ok(Tensor::write_like(p, part).0)
                })
            });
        }
        let saturated = p.rsub(1.0)?.mul(p)?.lt(EPSILON)?;
        ctx.grads(|i| match i {
            0 => grad.masked_fill(&saturated, 0.0),
            _ => grad.masked_fill(&saturated.logical_not(), 0.0)?.mul(EPSILON),
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, 0.9], [0.5, 0.04]]), float64([[0.9, 0.75], [0.25, 0.125]])];
    let weighed = || {
        let mut inputs = inputs();
        inputs.push(float64([0.5, 2.0]));
        inputs
    };
    vec![
        case("BCELoss", |x| BCELoss::new().forward(&x[0], &x[1]), inputs()),
        case("BCELoss, sum", |x| BCELoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("BCELoss, none", |x| BCELoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
        case("BCELoss, weight", |x| BCELoss::new().weight(&x[2]).forward(&x[0], &x[1]), weighed()),
        case(
            "BCELoss behind a sigmoid",
            |x| {
                // A certain answer among others.
                let p = cat(&[&x[0], &float64([40.0])], 0)?.sigmoid();
                BCELoss::new().forward(&p, &float64([0.0, 1.0, 0.0]))
            },
            vec![float64([0.3, -1.2])],
        ),
        case(
            "BCELoss, weight, none",
            |x| BCELoss::new().weight(&x[2]).reduction(Reduction::None).forward(&x[0], &x[1]),
            weighed(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{grad, tensor};

    #[test]
    fn a_number_that_is_no_probability_is_named() {
        let error = BCELoss::new().forward(&tensor([[0.5, 0.5], [1.5, 0.5]]), &tensor([[1.0; 2]; 2])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("input") && text.contains("found 1.5 at index [1, 0]"), "{text}");
        assert!(BCELoss::new().forward(&tensor([0.5]), &tensor([f64::NAN])).is_err());
    }

    #[test]
    fn a_hook_on_the_probabilities_sees_their_gradient() {
        let x = tensor([100.0]).requires_grad();
        let p = x.sigmoid();
        p.retain_grad().unwrap();
        BCELoss::new().forward(&p, &tensor([0.5])).unwrap().backward().unwrap();
        let seen = p.grad().unwrap().item().unwrap();
        assert!(seen > 1e6, "{seen}"); // (p − t)/ε: the slope at p = 1 is cut
    }

    #[test]
    fn a_saturated_sigmoid_still_learns() {
        for view in [false, true] {
            let x = tensor([[100.0], [-100.0], [40.0], [-40.0], [0.5]]).requires_grad();
            let t = tensor([0.0, 1.0, 1.0, 0.0, 1.0]);
            let p = x.sigmoid();
            let (p, t) = if view { (p.squeeze_dim(-1).unwrap(), t) } else { (p, t.unsqueeze(-1).unwrap()) };
            let loss = BCELoss::new().reduction(Reduction::Sum).forward(&p, &t).unwrap();
            let differentiable = grad(&loss, &[&x]).unwrap().remove(0);
            loss.backward_options().retain_graph().run().unwrap();
            for found in [differentiable, x.grad().unwrap()] {
                let found = found.to_vec::<f32>().unwrap();
                let expected = [1.0, -1.0, 0.0, 0.0, 0.622_459_35 - 1.0];
                assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
            }
            // Whoever asks for the gradient of the probabilities gets PyTorch's.
            let loss = BCELoss::new().reduction(Reduction::Sum).forward(&p, &t).unwrap();
            let both = grad(&loss, &[&p, &x]).unwrap();
            assert_eq!(both[0].to_vec::<f32>().unwrap()[0], 1e12);
            assert_eq!(both[1].to_vec::<f32>().unwrap()[0], 0.0);
        }
    }

    #[test]
    fn the_mean_of_nothing() {
        let nothing = tensor([0.0; 0]);
        assert!(BCELoss::new().forward(&nothing, &nothing).unwrap().item().unwrap().is_nan());
    }
}

//! Binary cross-entropy of probabilities.

use crate::criterion::criterion;
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

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
        no_probabilities("BCELoss", "input", input)?;
        no_probabilities("BCELoss", "target", target)?;
        match &self.weight {
            None => pointwise(BinaryCrossEntropy, [input, target], self.reduction),
            Some(w) => pointwise(Weighted(BinaryCrossEntropy), [input, target, w], self.reduction),
        }
    }
}

#[derive(Clone, Copy)]
struct BinaryCrossEntropy;

impl Pointwise<2> for BinaryCrossEntropy {
    const NAME: &'static str = "BinaryCrossEntropy";
    #[inline(always)]
    fn value<R: Real>(self, [p, t]: [R; 2]) -> R {
        let (yes, no) = (p.clone().ln().max_scalar(-100.0), (-p).ln_1p().max_scalar(-100.0));
        (t.clone() - 1.0) * no - t * yes
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [p, t]: [R; 2]) -> [R; 2] {
        let (yes, no) = (p.clone().ln().max_scalar(-100.0), (-p.clone()).ln_1p().max_scalar(-100.0));
        // Cut where PyTorch cuts it, and with its constant, which is a float32.
        let variance = ((-p.clone() + 1.0) * p.clone()).max_scalar(f64::from(1e-12f32));
        [(p - t) / variance, no - yes]
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
            "BCELoss, weight, none",
            |x| BCELoss::new().weight(&x[2]).reduction(Reduction::None).forward(&x[0], &x[1]),
            weighed(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn a_number_that_is_no_probability_is_named() {
        let error = BCELoss::new().forward(&tensor([[0.5, 0.5], [1.5, 0.5]]), &tensor([[1.0; 2]; 2])).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("input") && text.contains("found 1.5 at index [1, 0]"), "{text}");
        assert!(BCELoss::new().forward(&tensor([0.5]), &tensor([f64::NAN])).is_err());
    }

    #[test]
    fn the_mean_of_nothing() {
        let nothing = tensor([0.0; 0]);
        assert!(BCELoss::new().forward(&nothing, &nothing).unwrap().item().unwrap().is_nan());
    }
}

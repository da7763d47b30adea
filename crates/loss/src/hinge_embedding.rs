//! Hinge embedding loss: distances of similar pairs pulled to zero, of dissimilar pairs pushed beyond a margin.

use crate::criterion::criterion;
use crate::refuse::{gradient_of_labels, neither, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor, tensor};

criterion! {
    /// `x` for a pair that belongs together (`y = 1`), `max(0, Δ − x)` for one that does not (`y = −1`), where `x` is
    /// the distance of the pair: for learning embeddings.
    ///
    /// Other labels are an error; PyTorch adds both terms.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, HingeEmbeddingLoss};
    /// use tensor::tensor;
    /// let loss = HingeEmbeddingLoss::new().forward(&tensor([0.5, 0.25]), &tensor([1.0, -1.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.6250)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.HingeEmbeddingLoss")]
    #[doc(alias = "hinge_embedding_loss")]
    HingeEmbeddingLoss {
        /// From which distance on a dissimilar pair counts nothing (default 1).
        margin: f64 = 1.0,
    }
}

const OP: &str = "HingeEmbeddingLoss";

impl Criterion for HingeEmbeddingLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes(OP, ("input", input), ("target", target))?;
        gradient_of_labels(OP, target)?;
        neither(OP, target, [1.0, -1.0])?;
        pointwise(Hinge { margin: self.margin }, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Hinge {
    margin: f64,
}

impl Pointwise<2> for Hinge {
    const NAME: &'static str = "Add";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [x, y]: [R; 2]) -> R {
        R::select(y.gt_scalar(0.0), x.clone(), (-x + self.margin).max_scalar(0.0))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, y]: [R; 2]) -> [R; 2] {
        let (one, zero) = (x.constant(1.0), x.constant(0.0));
        let apart = R::select(x.lt_scalar(self.margin), -one.clone(), zero.clone());
        [R::select(y.gt_scalar(0.0), one, apart), zero]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || vec![float64([0.3, 0.7, 2.0, 1.5])];
    vec![
        case(
            "HingeEmbeddingLoss",
            |x| HingeEmbeddingLoss::new().forward(&x[0], &tensor([1.0, -1.0, -1.0, 1.0])),
            x(),
        ),
        case(
            "HingeEmbeddingLoss, margin, sum",
            |x| {
                let criterion = HingeEmbeddingLoss::new().margin(0.5).reduction(Reduction::Sum);
                criterion.forward(&x[0], &tensor([1.0, -1.0, -1.0, 1.0]))
            },
            x(),
        ),
        case(
            "HingeEmbeddingLoss, none",
            |x| {
                let criterion = HingeEmbeddingLoss::new().reduction(Reduction::None);
                criterion.forward(&x[0], &tensor([-1.0, -1.0, -1.0, 1.0]))
            },
            x(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_signs() {
        let error = HingeEmbeddingLoss::new().forward(&tensor([0.5, 1.0]), &tensor([1.0, 0.0])).unwrap_err();
        assert!(error.to_string().contains("must be 1 or -1, found 0 at index [1]"), "{error}");
        let target = tensor([1.0]).requires_grad();
        assert!(HingeEmbeddingLoss::new().forward(&tensor([0.5]), &target).is_err());
    }
}

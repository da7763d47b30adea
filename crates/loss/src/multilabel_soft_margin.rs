//! Multi-label soft margin loss: binary cross-entropy of each label, averaged over the labels.

use crate::bce_with_logits::Logits;
use crate::criterion::criterion;
use crate::pointwise::{divided, pointwise};
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Pointwise, Reduction, Weighted};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

criterion! {
    /// `−1/C·Σ w·(t·ln σ(x) + (1 − t)·ln σ(−x))` over the `C` labels of an example: multi-label classification.
    ///
    /// [`BCEWithLogitsLoss`](crate::BCEWithLogitsLoss) with another reduction: without one, here each example has a
    /// loss and not each label.
    ///
    /// Shapes: input and target alike, `(*, C)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, MultiLabelSoftMarginLoss};
    /// use tensor::tensor;
    /// let loss = MultiLabelSoftMarginLoss::new().forward(&tensor([[2.0, -1.0]]), &tensor([[1.0, 1.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.7201)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.MultiLabelSoftMarginLoss")]
    #[doc(alias = "multilabel_soft_margin_loss")]
    MultiLabelSoftMarginLoss {
        /// A weight for each label, `(C)`.
        weight: Option<Tensor>,
    }
}

const OP: &str = "MultiLabelSoftMarginLoss";

impl Criterion for MultiLabelSoftMarginLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes(OP, ("input", input), ("target", target))?;
        no_probabilities(OP, "target", target)?;
        let Some(&labels) = input.shape().last() else {
            return Err(Error::shape(OP, "a scalar has no dimension of labels; use (C) or (N, C)"));
        };
        match &self.weight {
            None => each(EachLabel, [input, target], labels, self.reduction),
            Some(w) => each(Weighted(EachLabel), [input, target, w], labels, self.reduction),
        }
    }
}

/// A mean of means is the mean of all; the sum of means is the sum of all over the number of labels.
#[track_caller]
fn each<F: Pointwise<N>, const N: usize>(
    f: F,
    args: [&Tensor; N],
    labels: usize,
    reduction: Reduction,
) -> Result<Tensor> {
    match reduction {
        Reduction::Mean => pointwise(f, args, Reduction::Mean),
        Reduction::Sum => divided(f, args, labels as f64),
        Reduction::None => pointwise(f, args, Reduction::None)?.mean_dim(-1, false),
    }
}

#[derive(Clone, Copy)]
struct EachLabel;

impl Pointwise<2> for EachLabel {
    const NAME: &'static str = Logits::NAME;
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, x: [R; 2]) -> R {
        Logits { smoothing: 0.0 }.value(x)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, x: [R; 2]) -> [R; 2] {
        Logits { smoothing: 0.0 }.slopes(x)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [0.0, 3.0]]), float64([[0.9, 0.75], [0.25, 0.125]])];
    let weighed = || {
        let mut inputs = inputs();
        inputs.push(float64([0.5, 2.0]));
        inputs
    };
    vec![
        case("MultiLabelSoftMarginLoss", |x| MultiLabelSoftMarginLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "MultiLabelSoftMarginLoss, weight, sum",
            |x| {
                let criterion = MultiLabelSoftMarginLoss::new().weight(&x[2]).reduction(Reduction::Sum);
                criterion.forward(&x[0], &x[1])
            },
            weighed(),
        ),
        case(
            "MultiLabelSoftMarginLoss, none",
            |x| MultiLabelSoftMarginLoss::new().reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
    ]
}

//! The criteria as functions, under the names of `torch.nn.functional`: with PyTorch's defaults, for a line of their own.
//! Options are those of the criterion: `CrossEntropyLoss::new().label_smoothing(0.1).forward(…)`.
//!
//! ```
//! use loss::functional as F;
//! use tensor::tensor;
//! let loss = F::cross_entropy(&tensor([[2.5, 0.3, -1.2]]), &tensor([0]))?;
//! assert_eq!(loss.to_string(), "tensor(0.1271)");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::*;
use tensor::{Operand, Result, Tensor};

macro_rules! functions {
    ($($name:ident $criterion:ident ($($arg:ident),*);)*) => {$(
        #[doc = concat!("[`", stringify!($criterion), "`] with its defaults.")]
        ///
        /// # Errors
        /// Those of the criterion.
        #[track_caller]
        pub fn $name($($arg: &Tensor),*) -> Result<Tensor> {
            $criterion::new().forward($($arg),*)
        }
    )*};
}

functions! {
    binary_cross_entropy BCELoss (input, target);
    binary_cross_entropy_with_logits BCEWithLogitsLoss (input, target);
    cosine_embedding_loss CosineEmbeddingLoss (input1, input2, target);
    cross_entropy CrossEntropyLoss (input, target);
    hinge_embedding_loss HingeEmbeddingLoss (input, target);
    huber_loss HuberLoss (input, target);
    kl_div KLDivLoss (input, target);
    l1_loss L1Loss (input, target);
    margin_ranking_loss MarginRankingLoss (input1, input2, target);
    mse_loss MSELoss (input, target);
    multi_margin_loss MultiMarginLoss (input, target);
    multilabel_margin_loss MultiLabelMarginLoss (input, target);
    multilabel_soft_margin_loss MultiLabelSoftMarginLoss (input, target);
    nll_loss NLLLoss (input, target);
    poisson_nll_loss PoissonNLLLoss (input, target);
    smooth_l1_loss SmoothL1Loss (input, target);
    soft_margin_loss SoftMarginLoss (input, target);
    triplet_margin_loss TripletMarginLoss (anchor, positive, negative);
    triplet_margin_with_distance_loss TripletMarginWithDistanceLoss (anchor, positive, negative);
}

/// [`CTCLoss`] with its defaults.
///
/// # Errors
/// Those of the criterion.
#[track_caller]
pub fn ctc_loss(
    log_probs: &Tensor,
    targets: &Tensor,
    input_lengths: impl Into<Lengths>,
    target_lengths: impl Into<Lengths>,
) -> Result<Tensor> {
    CTCLoss::new().forward(log_probs, targets, input_lengths, target_lengths)
}

/// [`GaussianNLLLoss`] with its defaults.
///
/// # Errors
/// Those of the criterion.
#[track_caller]
pub fn gaussian_nll_loss<'a>(input: &Tensor, target: &Tensor, var: impl Into<Operand<'a>>) -> Result<Tensor> {
    GaussianNLLLoss::new().forward(input, target, var)
}

/// [`CrossEntropyLoss`] with its defaults, of the logits `input·linear_weightᵀ + linear_bias`.
///
/// # Errors
/// Those of the product and of the criterion.
#[track_caller]
pub fn linear_cross_entropy(
    input: &Tensor,
    linear_weight: &Tensor,
    target: &Tensor,
    linear_bias: Option<&Tensor>,
) -> Result<Tensor> {
    CrossEntropyLoss::new().forward_linear(input, linear_weight, linear_bias, target)
}

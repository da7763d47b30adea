//! PyTorch's criteria: exact from −∞ to +∞, each one node of the graph, each differentiable as often as you like.
//!
//! ```
//! use loss::{BCEWithLogitsLoss, Criterion};
//! use tensor::tensor;
//!
//! let criterion = BCEWithLogitsLoss::new();
//! let logits = tensor([2.0]).requires_grad();
//! let loss = criterion.forward(&logits, &tensor([1.0]))?;
//! assert_eq!(loss.to_string(), "tensor(0.1269, grad_fn=<BinaryCrossEntropyWithLogitsBackward0>)");
//! loss.backward()?;
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! A criterion that is a formula of each element says its value and its slopes once, as a
//! [`Pointwise`] loss; the fused loops and the graph are made from the same text. The others are an
//! [`Op`](tensor::Op) with a kernel of its own.
#![forbid(unsafe_code)]

mod class_indices;
mod criterion;
mod pointwise;
mod refuse;

pub use criterion::{Criterion, Reduction};
pub use pointwise::{Pointwise, Weighted, pointwise};

macro_rules! criteria {
    ($($file:ident: $($name:ident),*;)*) => {
        $(mod $file;
        pub use $file::{$($name),*};)*

        /// The cases of every file here, by which the criteria's gradients are checked.
        #[doc(hidden)]
        pub fn cases() -> Vec<tensor::autograd::check::Case> {
            let mut cases = Vec::new();
            $(cases.extend($file::cases());)*
            cases
        }
    };
}

criteria! {
    bce: BCELoss;
    bce_with_logits: BCEWithLogitsLoss;
    cross_entropy: CrossEntropyLoss;
    ctc: CTCLoss, Lengths;
    gaussian_nll: GaussianNLLLoss;
    hinge_embedding: HingeEmbeddingLoss;
    huber: HuberLoss;
    kl_div: BatchMean, KLDivLoss, KLReduction;
    l1: L1Loss;
    margin_ranking: MarginRankingLoss;
    mse: MSELoss;
    multi_margin: MultiMarginLoss;
    multilabel_margin: MultiLabelMarginLoss;
    multilabel_soft_margin: MultiLabelSoftMarginLoss;
    nll: NLLLoss;
    poisson_nll: PoissonNLLLoss;
    smooth_l1: SmoothL1Loss;
    soft_margin: SoftMarginLoss;
}

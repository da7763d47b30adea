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
pub mod functional;
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
    boxes: box_area, box_iou, complete_box_iou, distance_box_iou, generalized_box_iou;
    contrastive: InfoNCELoss, NTXentLoss;
    cosine_embedding: CosineEmbeddingLoss;
    cross_entropy: CrossEntropyLoss;
    ctc: CTCLoss, Lengths;
    diffusion: DiffusionLoss, NoiseSchedule, Prediction, Said;
    focal: FocalLoss, SigmoidFocalLoss;
    gan: GanLoss, gradient_penalty, r1_penalty;
    gaussian_nll: GaussianNLLLoss;
    hinge_embedding: HingeEmbeddingLoss;
    huber: HuberLoss;
    iou_loss: CIoULoss, DIoULoss, GIoULoss, IoULoss;
    kl_div: BatchMean, KLDivLoss, KLReduction;
    l1: L1Loss;
    log_cosh: LogCoshLoss;
    lovasz: LovaszLoss;
    margin_ranking: MarginRankingLoss;
    mse: MSELoss;
    multi_margin: MultiMarginLoss;
    multilabel_margin: MultiLabelMarginLoss;
    multilabel_soft_margin: MultiLabelSoftMarginLoss;
    nll: NLLLoss;
    overlap: DiceLoss, TverskyLoss;
    poisson_nll: PoissonNLLLoss;
    quantile: QuantileLoss;
    smooth_l1: SmoothL1Loss;
    soft_margin: SoftMarginLoss;
    triplet: TripletMarginLoss, TripletMarginWithDistanceLoss;
    vae: Reconstruction, VaeLoss, VaeParts;
    weighted_sum: LossPart, WeightedSum;
}

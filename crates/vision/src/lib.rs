//! Boxes, anchors and regions of images: what detectors need beside their layers, with torchvision's names and numbers.
//!
//! ```
//! use tensor::tensor;
//! use vision::nms;
//!
//! let boxes = tensor([[0.0, 0.0, 2.0, 2.0], [0.1, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0]]);
//! let kept = nms(&boxes, &tensor([0.5, 0.9, 0.7]), 0.5)?;
//! assert_eq!(kept.to_string(), "tensor([1, 2])");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! Overlaps of boxes and their losses are in the crate `loss`: [`box_iou`], `CIoULoss` and the like.
#![forbid(unsafe_code)]

mod anchors;
mod average_precision;
mod box_coder;
mod boxes;
mod faster_rcnn;
mod font;
mod image;
mod matcher;
mod nms;
mod roi_align;
mod roi_heads;
mod roi_pool;
mod rpn;
mod sampler;
mod yolo;

pub use anchors::AnchorGenerator;
pub use average_precision::{AveragePrecision, Detections, Interpolation, Truth};
pub use box_coder::BoxCoder;
pub use boxes::{BoxFormat, box_convert, clip_boxes_to_image, remove_small_boxes};
pub use faster_rcnn::{RoiLoss, RpnLoss};
#[cfg(feature = "png")]
pub use image::save_image;
pub use image::{draw_bounding_boxes, draw_labeled_boxes, make_grid};
pub use loss::{box_area, box_iou, complete_box_iou, distance_box_iou, generalized_box_iou};
pub use matcher::Matcher;
pub use nms::{batched_nms, nms};
pub use roi_align::RoIAlign;
pub use roi_heads::{RoIHeads, TrainingSamples, convert_boxes_to_roi_format};
pub use roi_pool::RoIPool;
pub use rpn::RegionProposalNetwork;
pub use sampler::BalancedPositiveNegativeSampler;
pub use yolo::{
    Assignment, BoxLoss, TaskAlignedAssigner, YoloHead, YoloLoss, YoloPredictions, distribution_focal_loss,
};

/// The cases of every file here, by which the gradients are checked.
#[doc(hidden)]
pub fn cases() -> Vec<tensor::autograd::check::Case> {
    let files = [
        boxes::cases(),
        box_coder::cases(),
        roi_align::cases(),
        roi_pool::cases(),
        faster_rcnn::cases(),
        yolo::cases(),
    ];
    files.into_iter().flatten().collect()
}

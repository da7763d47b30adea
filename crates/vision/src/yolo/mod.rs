//! YOLO without anchors: each point of the maps says a box and a class.
//!
//! [`YoloHead`] reads maps of features and gives [`YoloPredictions`]; [`YoloLoss`] compares them with what is there, for
//! which a [`TaskAlignedAssigner`] says which points learn which box; [`detections`](YoloPredictions::detections) are what
//! is found.

mod assigner;
mod distribution;
mod head;
mod loss;
mod predictions;

pub use assigner::{Assignment, TaskAlignedAssigner};
pub use distribution::distribution_focal_loss;
pub use head::YoloHead;
pub use loss::{BoxLoss, YoloLoss};
pub use predictions::YoloPredictions;

use crate::Truth;
use tensor::autograd::check::Case;
use tensor::{DType, Error, Result};

pub(crate) fn cases() -> Vec<Case> {
    [distribution::cases(), predictions::cases(), loss::cases()].into_iter().flatten().collect()
}

/// A true box and its class, in plain numbers.
struct Object {
    corners: [f64; 4],
    label: usize,
}

/// What is in an image, unless it makes no sense.
#[track_caller]
fn objects(op: &'static str, image: usize, truth: &Truth, classes: usize) -> Result<Vec<Object>> {
    let (boxes, labels) = (&truth.boxes, &truth.labels);
    let n = labels.numel();
    if boxes.shape() != [n, 4] || labels.dim() != 1 {
        let (b, l) = (boxes.shape(), labels.shape());
        let found = format!("image {image}: expected boxes (M, 4) and labels (M), found {b:?} and {l:?}");
        return Err(Error::shape(op, found));
    }
    if !boxes.dtype().is_float() || labels.dtype() != DType::I64 {
        let (b, l) = (boxes.dtype(), labels.dtype());
        let found =
            format!("image {image}: boxes are floating point numbers and labels int64, found {b} and {l}");
        return Err(Error::dtype(op, found));
    }
    let (numbers, labels) = (boxes.detach().to(DType::F64).to_vec::<f64>()?, labels.to_vec::<i64>()?);
    let mut objects = Vec::with_capacity(n);
    for (i, (&corners, label)) in numbers.as_chunks::<4>().0.iter().zip(labels).enumerate() {
        let [x1, y1, x2, y2] = corners;
        if !(x1 < x2 && y1 < y2 && corners.iter().all(|c| c.is_finite())) {
            let found = format!("image {image}, box {i}: expected x1 < x2 and y1 < y2, found {corners:?}");
            return Err(Error::value(op, found));
        }
        let Some(label) = usize::try_from(label).ok().filter(|&label| label < classes) else {
            let found = format!("image {image}, box {i}: label {label} is not one of {classes} classes");
            return Err(Error::index(op, found));
        };
        objects.push(Object { corners, label });
    }
    Ok(objects)
}

//! Non-maximum suppression: of boxes that overlap, the one with the best score stays.

use crate::boxes::iou;
use tensor::{DType, Element, Error, Result, Tensor, with_float};

/// The indices of the boxes that stay, best score first: int64, `(M)`. A box goes if it overlaps a better one that stays by
/// more than `iou_threshold`, as intersection over union.
///
/// Shapes: boxes `(N, 4)` as `(x1, y1, x2, y2)`, scores `(N)`. Of equal scores, the earlier one is better.
///
/// # Errors
/// If the shapes are others, or the types are not one floating point type.
#[doc(alias = "torchvision.ops.nms")]
#[track_caller]
pub fn nms(boxes: &Tensor, scores: &Tensor, iou_threshold: f64) -> Result<Tensor> {
    suppress("nms", boxes, scores, None, iou_threshold)
}

/// [`nms`] within each category: boxes of different ones, by `idxs` (int64, `(N)`), leave each other alone.
///
/// # Errors
/// As [`nms`], and if there is not one category for each box.
#[doc(alias = "torchvision.ops.batched_nms")]
#[track_caller]
pub fn batched_nms(boxes: &Tensor, scores: &Tensor, idxs: &Tensor, iou_threshold: f64) -> Result<Tensor> {
    suppress("batched_nms", boxes, scores, Some(idxs), iou_threshold)
}

#[track_caller]
fn suppress(
    op: &'static str,
    boxes: &Tensor,
    scores: &Tensor,
    idxs: Option<&Tensor>,
    iou_threshold: f64,
) -> Result<Tensor> {
    let n = scores.numel();
    if boxes.shape() != [n, 4] || scores.dim() != 1 {
        let (b, s) = (boxes.shape(), scores.shape());
        return Err(Error::shape(op, format!("expected boxes (N, 4) and scores (N), found {b:?} and {s:?}")));
    }
    if !boxes.dtype().is_float() || boxes.dtype() != scores.dtype() {
        let (b, s) = (boxes.dtype(), scores.dtype());
        return Err(Error::dtype(
            op,
            format!("boxes and scores must be one floating point type, found {b} and {s}"),
        ));
    }
    let categories = match idxs {
        None => vec![0; n],
        Some(idxs) if idxs.shape() == [n] && idxs.dtype() == DType::I64 => idxs.to_vec::<i64>()?,
        Some(idxs) => {
            let (shape, dtype) = (idxs.shape(), idxs.dtype());
            return Err(Error::shape(
                op,
                format!("expected int64 idxs of shape [{n}], found {dtype} of shape {shape:?}"),
            ));
        }
    };
    let kept = with_float!(boxes.dtype(), T => {
        let scores = scores.elements::<T>()?;
        let boxes = boxes.elements::<T>()?;
        let boxes: Vec<[T; 4]> = boxes.as_chunks::<4>().0.to_vec();
        let mut order: Vec<usize> = (0..n).collect();
        // NaN first, as PyTorch sorts it.
        order.sort_by(|&a, &b| {
            let key = |i: usize| Element::to_f64(scores[i]);
            key(b).is_nan().cmp(&key(a).is_nan()).then_with(|| key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal))
        });
        let mut kept: Vec<usize> = Vec::new();
        for i in order {
            // Boxes without area overlap nothing, whatever 0/0 is.
            let stays = kept.iter().filter(|&&k| categories[k] == categories[i]).all(|&k| {
                let overlap = Element::to_f64(iou(&boxes[k], &boxes[i]));
                overlap <= iou_threshold || overlap.is_nan()
            });
            if stays {
                kept.push(i);
            }
        }
        kept
    });
    Tensor::from_vec(kept.iter().map(|&i| i as i64).collect(), kept.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn categories_leave_each_other_alone() {
        let boxes = tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.1], [0.0, 0.1, 2.0, 2.0]]);
        let scores = tensor([0.3, 0.9, 0.6]);
        assert_eq!(nms(&boxes, &scores, 0.5).unwrap().to_vec::<i64>().unwrap(), [1]);
        let kept = batched_nms(&boxes, &scores, &tensor([0, 1, 1]), 0.5).unwrap();
        assert_eq!(kept.to_vec::<i64>().unwrap(), [1, 0]);
        assert_eq!(nms(&boxes, &scores, 1.0).unwrap().to_vec::<i64>().unwrap(), [1, 2, 0]);
    }

    #[test]
    fn nothing_and_nonsense() {
        let none = zeros([0, 4]).unwrap();
        assert_eq!(nms(&none, &zeros([0]).unwrap(), 0.5).unwrap().shape(), [0]);
        let boxes = zeros([2, 4]).unwrap();
        assert!(nms(&boxes, &zeros([3]).unwrap(), 0.5).unwrap_err().to_string().contains("[2, 4] and [3]"));
        assert!(nms(&boxes, &tensor([1, 2]), 0.5).unwrap_err().to_string().contains("int64"));
        assert!(batched_nms(&boxes, &zeros([2]).unwrap(), &tensor([1]), 0.5).is_err());
        assert_eq!(nms(&boxes, &tensor([1.0, f32::NAN]), 0.5).unwrap().to_vec::<i64>().unwrap(), [1, 0]);
    }
}

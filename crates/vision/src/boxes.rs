//! Boxes in their three notations, cut to an image, and without the smallest.

use kernel::Float;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Result, Tensor, stack};

/// How a box is written in four numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxFormat {
    /// Two corners: `(x1, y1, x2, y2)`.
    Xyxy,
    /// A corner, width and height: `(x1, y1, w, h)`.
    Xywh,
    /// The centre, width and height: `(cx, cy, w, h)`.
    Cxcywh,
}

/// The four numbers of boxes `(…, 4)`, each `(…)`.
#[track_caller]
pub(crate) fn columns(op: &'static str, boxes: &Tensor) -> Result<[Tensor; 4]> {
    if boxes.shape().last() != Some(&4) {
        return Err(Error::shape(op, format!("boxes must be (…, 4), found shape {:?}", boxes.shape())));
    }
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| boxes.select(-1, i));
    Ok([a?, b?, c?, d?])
}

/// Intersection over union of two boxes of one type, rounded as torchvision rounds it: what [`box_iou`](crate::box_iou)
/// is of tensors. NaN for boxes without area.
pub(crate) fn iou<T: Float>(a: &[T; 4], b: &[T; 4]) -> T {
    // Exact in double precision, where a NaN gives way to a number.
    let smaller = |x: T, y: T| T::from_f64(x.to_f64().min(y.to_f64()));
    let larger = |x: T, y: T| T::from_f64(x.to_f64().max(y.to_f64()));
    let area = |x: &[T; 4]| (x[2] - x[0]) * (x[3] - x[1]);
    let side = |i: usize| larger(smaller(a[i + 2], b[i + 2]) - larger(a[i], b[i]), T::default());
    let inter = side(0) * side(1);
    inter / (area(a) + area(b) - inter)
}

/// Boxes from their four numbers: the inverse of [`columns`].
pub(crate) fn from_columns([a, b, c, d]: [&Tensor; 4]) -> Result<Tensor> {
    stack(&[a, b, c, d], -1)
}

/// Boxes `(…, 4)` in another notation.
///
/// ```
/// use tensor::tensor;
/// use vision::{BoxFormat, box_convert};
/// let boxes = tensor([[10.0, 20.0, 30.0, 60.0]]);
/// let centred = box_convert(&boxes, BoxFormat::Xyxy, BoxFormat::Cxcywh)?;
/// assert_eq!(centred.to_string(), "tensor([[20., 40., 20., 40.]])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.box_convert")]
#[track_caller]
pub fn box_convert(boxes: &Tensor, from: BoxFormat, to: BoxFormat) -> Result<Tensor> {
    let [a, b, c, d] = columns("box_convert", boxes)?;
    if from == to {
        return Ok(boxes.clone());
    }
    let [x1, y1, x2, y2] = match from {
        BoxFormat::Xyxy => [a, b, c, d],
        BoxFormat::Xywh => {
            let (x2, y2) = (a.add(&c)?, b.add(&d)?);
            [a, b, x2, y2]
        }
        BoxFormat::Cxcywh => {
            let (w, h) = (c.mul(0.5)?, d.mul(0.5)?);
            [a.sub(&w)?, b.sub(&h)?, a.add(&w)?, b.add(&h)?]
        }
    };
    match to {
        BoxFormat::Xyxy => from_columns([&x1, &y1, &x2, &y2]),
        BoxFormat::Xywh => from_columns([&x1, &y1, &x2.sub(&x1)?, &y2.sub(&y1)?]),
        BoxFormat::Cxcywh => {
            let (cx, cy) = (x1.add(&x2)?.div(2.0)?, y1.add(&y2)?.div(2.0)?);
            from_columns([&cx, &cy, &x2.sub(&x1)?, &y2.sub(&y1)?])
        }
    }
}

/// Boxes `(…, 4)` cut to an image of `[height, width]`. What is cut off has no gradient.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.clip_boxes_to_image")]
#[track_caller]
pub fn clip_boxes_to_image(boxes: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let [x1, y1, x2, y2] = columns("clip_boxes_to_image", boxes)?;
    let within = |x: &Tensor, size: usize| x.clamp(0.0, size as f64);
    from_columns([&within(&x1, width)?, &within(&y1, height)?, &within(&x2, width)?, &within(&y2, height)?])
}

/// The indices of the boxes `(N, 4)` of which no side is shorter than `min_size`: int64, `(M)`.
///
/// # Errors
/// If the boxes are not `(N, 4)`.
#[doc(alias = "torchvision.ops.remove_small_boxes")]
#[track_caller]
pub fn remove_small_boxes(boxes: &Tensor, min_size: f64) -> Result<Tensor> {
    let [x1, y1, x2, y2] = columns("remove_small_boxes", &boxes.detach())?;
    if boxes.dim() != 2 {
        return Err(Error::shape(
            "remove_small_boxes",
            format!("boxes must be (N, 4), found shape {:?}", boxes.shape()),
        ));
    }
    let large = x2.sub(&x1)?.ge(min_size)?.logical_and(&y2.sub(&y1)?.ge(min_size)?)?;
    large.nonzero().select(1, 0)
}

pub(crate) fn cases() -> Vec<Case> {
    use BoxFormat::{Cxcywh, Xywh, Xyxy};
    let boxes = || vec![float64([[0.5, 0.25, 3.0, 2.25], [-1.5, 0.5, 5.0, 8.5]])];
    vec![
        case("box_convert, corners to centres", |x| box_convert(&x[0], Xyxy, Cxcywh), boxes()),
        case("box_convert, centres to corners", |x| box_convert(&x[0], Cxcywh, Xyxy), boxes()),
        case("box_convert, sizes to centres", |x| box_convert(&x[0], Xywh, Cxcywh), boxes()),
        case("box_convert, corners to sizes", |x| box_convert(&x[0], Xyxy, Xywh), boxes()),
        case("clip_boxes_to_image", |x| clip_boxes_to_image(&x[0], [7, 4]), boxes()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn there_and_back() {
        let boxes = tensor([[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 0.0, 0.0]]);
        for format in [BoxFormat::Xyxy, BoxFormat::Xywh, BoxFormat::Cxcywh] {
            let other = box_convert(&boxes, BoxFormat::Xyxy, format).unwrap();
            assert!(box_convert(&other, format, BoxFormat::Xyxy).unwrap().equal(&boxes), "{format:?}");
        }
        assert!(
            box_convert(&tensor([1.0]), BoxFormat::Xyxy, BoxFormat::Xywh)
                .unwrap_err()
                .to_string()
                .contains("(…, 4)")
        );
    }

    #[test]
    fn a_side_that_is_too_short() {
        let boxes = tensor([[0.0, 0.0, 1.0, 5.0], [0.0, 0.0, 3.0, 3.0], [0.0, 0.0, 5.0, 1.0]]);
        assert_eq!(remove_small_boxes(&boxes, 3.0).unwrap().to_vec::<i64>().unwrap(), [1]);
    }
}

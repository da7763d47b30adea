//! Boxes `(x1, y1, x2, y2)` with `x1 ≤ x2` and `y1 ≤ y2`: how much they overlap, pair by pair.
//!
//! ```
//! use loss::box_iou;
//! use tensor::tensor;
//! let (a, b) = (tensor([[0.0, 0.0, 2.0, 2.0]]), tensor([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]));
//! assert_eq!(box_iou(&a, &b)?.to_string(), "tensor([[0.3333, 0.0000]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use std::f64::consts::PI;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Result, Tensor};

/// The four coordinates of boxes, each without the last dimension.
pub(crate) struct Corners([Tensor; 4]);

impl Corners {
    #[track_caller]
    pub(crate) fn of(op: &'static str, boxes: &Tensor) -> Result<Self> {
        if boxes.shape().last() != Some(&4) {
            let found = boxes.shape();
            return Err(Error::shape(op, format!("boxes must be (…, 4), found shape {found:?}")));
        }
        let one = |i| boxes.select(-1, i);
        Ok(Corners([one(0)?, one(1)?, one(2)?, one(3)?]))
    }

    pub(crate) fn width(&self) -> Result<Tensor> {
        self.0[2].sub(&self.0[0])
    }

    pub(crate) fn height(&self) -> Result<Tensor> {
        self.0[3].sub(&self.0[1])
    }

    pub(crate) fn area(&self) -> Result<Tensor> {
        self.width()?.mul(&self.height()?)
    }

    /// The smallest box around both.
    pub(crate) fn around(&self, other: &Corners) -> Result<Corners> {
        let [a, b] = [&self.0, &other.0];
        Ok(Corners([a[0].minimum(&b[0])?, a[1].minimum(&b[1])?, a[2].maximum(&b[2])?, a[3].maximum(&b[3])?]))
    }

    /// The area of what both have in common.
    pub(crate) fn intersection(&self, other: &Corners) -> Result<Tensor> {
        let [a, b] = [&self.0, &other.0];
        let side = |i: usize| a[i + 2].minimum(&b[i + 2])?.sub(&a[i].maximum(&b[i])?)?.clamp(0.0, None);
        side(0)?.mul(&side(1)?)
    }

    /// The area of both together, from that of what they have in common.
    pub(crate) fn union(&self, other: &Corners, intersection: &Tensor) -> Result<Tensor> {
        self.area()?.add(&other.area()?)?.sub(intersection)
    }

    /// The square of the distance of the centres.
    pub(crate) fn between_centers(&self, other: &Corners) -> Result<Tensor> {
        let [a, b] = [&self.0, &other.0];
        let apart = |i: usize| Ok(a[i].add(&a[i + 2])?.sub(&b[i].add(&b[i + 2])?)?.mul(0.5)?.square());
        apart(0)?.add(&apart(1)?)
    }

    /// The square of the diagonal.
    pub(crate) fn diagonal(&self) -> Result<Tensor> {
        self.width()?.square().add(&self.height()?.square())
    }

    /// `4/π²·(Δ atan(w/h))²`: how much the proportions differ (Zheng et al. 2020).
    pub(crate) fn proportions(&self, other: &Corners) -> Result<Tensor> {
        let angle = |c: &Corners| Ok::<_, Error>(c.width()?.div(&c.height()?)?.atan());
        angle(other)?.sub(&angle(self)?)?.square().mul(4.0 / (PI * PI))
    }

    /// With a dimension more, so that each box meets each of the others.
    fn against_all(self, dim: isize) -> Result<Corners> {
        let [a, b, c, d] = self.0;
        Ok(Corners([a.unsqueeze(dim)?, b.unsqueeze(dim)?, c.unsqueeze(dim)?, d.unsqueeze(dim)?]))
    }
}

/// The area of each box: `(N, 4)` to `(N)`.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.box_area")]
#[track_caller]
pub fn box_area(boxes: &Tensor) -> Result<Tensor> {
    Corners::of("box_area", boxes)?.area()
}

/// Each box of `(N, 4)` against each of `(M, 4)`.
#[track_caller]
fn pairs(op: &'static str, boxes1: &Tensor, boxes2: &Tensor) -> Result<[Corners; 2]> {
    Ok([Corners::of(op, boxes1)?.against_all(-1)?, Corners::of(op, boxes2)?.against_all(-2)?])
}

/// Intersection over union of each box of `(N, 4)` with each of `(M, 4)`: `(N, M)`, from 0 to 1.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.box_iou")]
#[track_caller]
pub fn box_iou(boxes1: &Tensor, boxes2: &Tensor) -> Result<Tensor> {
    let [a, b] = pairs("box_iou", boxes1, boxes2)?;
    let inter = a.intersection(&b)?;
    inter.div(&a.union(&b, &inter)?)
}

/// [`box_iou`] minus the share of the smallest box around both that is in neither (Rezatofighi et al. 2019): from −1 to 1.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.generalized_box_iou")]
#[track_caller]
pub fn generalized_box_iou(boxes1: &Tensor, boxes2: &Tensor) -> Result<Tensor> {
    let [a, b] = pairs("generalized_box_iou", boxes1, boxes2)?;
    let inter = a.intersection(&b)?;
    let (union, around) = (a.union(&b, &inter)?, a.around(&b)?.area()?);
    inter.div(&union)?.sub(&around.sub(&union)?.div(&around)?)
}

/// [`box_iou`] minus the distance of the centres, in squares of the diagonal of the smallest box around both.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.distance_box_iou")]
#[track_caller]
pub fn distance_box_iou(boxes1: &Tensor, boxes2: &Tensor, eps: f64) -> Result<Tensor> {
    let [a, b] = pairs("distance_box_iou", boxes1, boxes2)?;
    let inter = a.intersection(&b)?;
    let distance = a.between_centers(&b)?.div(&a.around(&b)?.diagonal()?.add(eps)?)?;
    inter.div(&a.union(&b, &inter)?)?.sub(&distance)
}

/// [`distance_box_iou`] minus how much the proportions differ, weighed by a constant for the gradient.
///
/// # Errors
/// If the last dimension is not 4.
#[doc(alias = "torchvision.ops.complete_box_iou")]
#[track_caller]
pub fn complete_box_iou(boxes1: &Tensor, boxes2: &Tensor, eps: f64) -> Result<Tensor> {
    let [a, b] = pairs("complete_box_iou", boxes1, boxes2)?;
    let proportions = a.proportions(&b)?;
    let iou = box_iou(boxes1, boxes2)?;
    distance_box_iou(boxes1, boxes2, eps)?.sub(&importance(&proportions, &iou, eps)?.mul(&proportions)?)
}

/// `v/(1 − iou + v + ε)`, a constant: the proportions matter where boxes overlap.
pub(crate) fn importance(proportions: &Tensor, iou: &Tensor, eps: f64) -> Result<Tensor> {
    let (v, iou) = (proportions.detach(), iou.detach());
    v.div(&v.sub(&iou)?.add(1.0 + eps)?)
}

pub(crate) fn cases() -> Vec<Case> {
    let boxes = || {
        vec![
            float64([[0.0, 0.1, 2.0, 2.5], [1.0, 1.2, 4.0, 3.0]]),
            float64([[0.5, 0.25, 3.0, 2.25], [2.125, 0.0, 5.0, 1.5], [7.0, 7.5, 8.0, 9.0]]),
        ]
    };
    vec![
        case("box_area", |x| box_area(&x[0]), boxes()),
        case("box_iou", |x| box_iou(&x[0], &x[1]), boxes()),
        case("generalized_box_iou", |x| generalized_box_iou(&x[0], &x[1]), boxes()),
        case("distance_box_iou", |x| distance_box_iou(&x[0], &x[1], 1e-7), boxes()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn a_box_and_itself() {
        let boxes = tensor([[1.0, 1.0, 3.0, 2.0]]);
        for iou in [box_iou(&boxes, &boxes), generalized_box_iou(&boxes, &boxes), complete_box_iou(&boxes, &boxes, 1e-7)]
        {
            assert_eq!(iou.unwrap().item().unwrap(), 1.0);
        }
        assert!(box_area(&tensor([1.0, 2.0])).unwrap_err().to_string().contains("(…, 4)"));
    }
}

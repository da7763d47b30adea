//! The loss of an anchor-free YOLO: boxes, classes and the distributions of the sides.

use super::{Assignment, TaskAlignedAssigner, YoloPredictions, distribution_focal_loss};
use crate::Truth;
use loss::{BCEWithLogitsLoss, CIoULoss, Criterion, DIoULoss, GIoULoss, IoULoss, LossPart, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, DType, Error, Result, Tensor, arange, tensor};

const OP: &str = "YoloLoss";

/// So little below the last bin a target is cut, as in YOLOv8: its upper neighbour exists.
const BELOW_THE_LAST: f64 = 0.01;

/// What a predicted box loses against the true one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BoxLoss {
    /// [`CIoULoss`]: overlap, distance of the centres and proportions.
    #[default]
    CIoU,
    /// [`DIoULoss`]: overlap and distance of the centres.
    DIoU,
    /// [`GIoULoss`]: overlap and the share of the smallest box around both that is in neither.
    GIoU,
    /// [`IoULoss`]: overlap alone.
    IoU,
}

/// The loss of an anchor-free detector in the manner of YOLOv8: with the points that a [`TaskAlignedAssigner`] gives to
/// boxes, their scores `ŝ` and `S = max(Σŝ, 1)`,
///
/// `7.5·Σ ŝ·(1 − CIoU)/S + 0.5·Σ BCE(logits, ŝ·onehot)/S + 1.5·Σ ŝ·DFL/S`,
///
/// the first and last sum over those points (DFL as the mean over the four sides), the second over all points and classes.
/// There is no objectness beside the classes: a point that no box is given to shall say no class. Sources: task alignment
/// and scores as targets from Feng et al. 2021 (TOOD), CIoU from Zheng et al. 2020, DFL from Li et al. 2020
/// ([`distribution_focal_loss`]), the weights from YOLOv8. With one bin for each side there is no DFL.
///
/// ```
/// use tensor::{tensor, zeros};
/// use vision::{Truth, YoloLoss, YoloPredictions};
/// let map = zeros([1, 4 * 8 + 10, 4, 4])?.requires_grad();
/// let predictions = YoloPredictions::from_maps(&[map], &[8], 8)?;
/// let truth = Truth { boxes: tensor([[3.0, 5.0, 20.0, 24.0]]), labels: tensor([7]) };
/// let (loss, parts) = YoloLoss::new().parts(&predictions, &[truth])?;
/// for part in &parts {
///     println!("{}: {:.4} · {}", part.name, part.weight, part.loss); // box, class, distribution
/// }
/// loss.backward()?;
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "v8DetectionLoss")]
#[derive(Clone, Copy, Debug)]
pub struct YoloLoss {
    assigner: TaskAlignedAssigner,
    box_loss: BoxLoss,
    box_weight: f64,
    class_weight: f64,
    distribution_weight: f64,
}

impl Default for YoloLoss {
    fn default() -> Self {
        Self::new()
    }
}

impl YoloLoss {
    /// With YOLOv8's weights.
    #[must_use]
    pub fn new() -> Self {
        YoloLoss {
            assigner: TaskAlignedAssigner::new(),
            box_loss: BoxLoss::CIoU,
            box_weight: 7.5,
            class_weight: 0.5,
            distribution_weight: 1.5,
        }
    }

    /// Who says which point learns which box.
    #[must_use]
    pub fn assigner(mut self, assigner: TaskAlignedAssigner) -> Self {
        self.assigner = assigner;
        self
    }

    /// What a box loses (default CIoU).
    #[must_use]
    pub fn box_loss(mut self, box_loss: BoxLoss) -> Self {
        self.box_loss = box_loss;
        self
    }

    /// The weight of the boxes (default 7.5).
    #[must_use]
    pub fn box_weight(mut self, box_weight: f64) -> Self {
        self.box_weight = box_weight;
        self
    }

    /// The weight of the classes (default 0.5).
    #[must_use]
    pub fn class_weight(mut self, class_weight: f64) -> Self {
        self.class_weight = class_weight;
        self
    }

    /// The weight of the distributions (default 1.5).
    #[must_use]
    pub fn distribution_weight(mut self, distribution_weight: f64) -> Self {
        self.distribution_weight = distribution_weight;
        self
    }

    /// The loss, a scalar.
    ///
    /// # Errors
    /// As [`parts`](YoloLoss::parts).
    #[track_caller]
    pub fn forward(&self, predictions: &YoloPredictions, truths: &[Truth]) -> Result<Tensor> {
        self.parts(predictions, truths).map(|(total, _)| total)
    }

    /// The loss and what it is made of: `box`, `class` and, where sides are distributions, `distribution`.
    ///
    /// # Errors
    /// If there is not one truth for each image, a box has no area (`x2 ≤ x1`), or a label is no class.
    #[track_caller]
    pub fn parts(
        &self,
        predictions: &YoloPredictions,
        truths: &[Truth],
    ) -> Result<(Tensor, Vec<LossPart<'static>>)> {
        self.parts_of(predictions, &self.assigner.assign(predictions, truths)?)
    }

    /// [`parts`](YoloLoss::parts) with an assignment that stands: by rules of one's own, or kept from another step.
    ///
    /// # Errors
    /// If the assignment does not fit the predictions.
    #[track_caller]
    pub fn parts_of(
        &self,
        predictions: &YoloPredictions,
        assignment: &Assignment,
    ) -> Result<(Tensor, Vec<LossPart<'static>>)> {
        let &[_, a, classes] = predictions.logits().shape() else {
            return Err(Error::shape(OP, "the logits must be (N, A, C)"));
        };
        let Assignment { points, boxes, labels, scores } = assignment;
        let p = points.numel();
        let shapes = [points.shape(), boxes.shape(), labels.shape(), scores.shape()];
        if shapes != [&[p][..], &[p, 4], &[p], &[p]] {
            return Err(Error::shape(
                OP,
                format!("expected an assignment (P), (P, 4), (P), (P), found {shapes:?}"),
            ));
        }
        let whole = scores.sum().item()?.max(1.0);
        let of = |x: &Tensor| x.flatten(0, 1)?.index_select(0, points);
        let weighed = |losses: &Tensor| losses.mul(scores)?.sum().div(whole);

        let criterion: Box<dyn Criterion> = match self.box_loss {
            BoxLoss::CIoU => Box::new(CIoULoss::new().reduction(Reduction::None)),
            BoxLoss::DIoU => Box::new(DIoULoss::new().reduction(Reduction::None)),
            BoxLoss::GIoU => Box::new(GIoULoss::new().reduction(Reduction::None)),
            BoxLoss::IoU => Box::new(IoULoss::new().reduction(Reduction::None)),
        };
        let of_boxes = weighed(&criterion.forward(&of(&predictions.boxes()?)?, boxes)?).at_caller()?;

        // One number of the row of each point is meant, the others are 0.
        let meant = points.mul(classes as i64)?.add(labels)?;
        let meant =
            predictions.logits().detach().zeros_like().flatten(0, -1)?.index_copy(0, &meant, scores)?;
        let logits = predictions.logits().flatten(0, -1)?;
        let of_classes =
            BCEWithLogitsLoss::new().reduction(Reduction::Sum).forward(&logits, &meant)?.div(whole)?;

        let mut parts = vec![
            LossPart { name: "box", weight: self.box_weight, loss: of_boxes },
            LossPart { name: "class", weight: self.class_weight, loss: of_classes },
        ];
        let bins = predictions.sides().shape()[3];
        if bins > 1 {
            // Which of the image's points these are.
            let point = points.sub(&points.floor_divide(a.max(1) as i64)?.mul(a as i64)?)?;
            let (at, stride) = (
                predictions.points().index_select(0, &point)?,
                predictions.strides().index_select(0, &point)?,
            );
            let before = at.sub(&boxes.narrow(1, 0, 2)?)?;
            let behind = boxes.narrow(1, 2, 2)?.sub(&at)?;
            let sides = tensor::cat(&[&before, &behind], 1)?.div(&stride)?;
            let sides = sides.clamp(0.0, bins as f64 - 1.0 - BELOW_THE_LAST)?;
            let losses = distribution_focal_loss(&of(predictions.sides())?, &sides)?.mean_dim(1, false)?;
            let loss = weighed(&losses).at_caller()?;
            parts.push(LossPart { name: "distribution", weight: self.distribution_weight, loss });
        }
        let mut total = parts[0].loss.mul(parts[0].weight)?;
        for part in &parts[1..] {
            total = total.add(&part.loss.mul(part.weight)?)?;
        }
        Ok((total, parts))
    }
}

/// Two maps of one image, and points of both that two boxes are given to. The weight in the proportions of CIoU is a
/// constant by its definition, which a difference quotient does not know: PyTorch's numbers hold it.
pub(crate) fn cases() -> Vec<Case> {
    fn assigned() -> Result<Assignment> {
        Ok(Assignment {
            points: tensor([0, 3, 4]),
            boxes: float64([[0.25, 0.5, 5.0, 6.5], [3.5, 2.75, 9.0, 7.5], [0.25, 0.5, 5.0, 6.5]]),
            labels: tensor([1, 0, 1]),
            scores: float64([0.75, 0.5, 0.25]),
        })
    }
    let map = |channels: i64, side: i64| {
        let wave = arange(0, channels * side * side, 1).map(|x| x.to(DType::F64).mul(0.7).map(|x| x.sin()));
        let wave = wave.and_then(|x| x?.reshape([1, channels, side, side]));
        wave.unwrap_or_else(|_| float64(0.0))
    };
    let with = |bins: usize, box_loss: BoxLoss| {
        move |x: &[Tensor]| {
            let predictions = YoloPredictions::from_maps(x, &[4, 8], bins)?;
            let (total, _) = YoloLoss::new().box_loss(box_loss).parts_of(&predictions, &assigned()?)?;
            Ok(total)
        }
    };
    vec![
        case("YoloLoss, GIoU and distributions", with(4, BoxLoss::GIoU), vec![map(18, 2), map(18, 1)]),
        case("YoloLoss, DIoU and one bin", with(1, BoxLoss::DIoU), vec![map(6, 2), map(6, 1)]),
        case("YoloLoss, IoU and one bin", with(1, BoxLoss::IoU), vec![map(6, 2), map(6, 1)]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::zeros;

    fn none() -> Truth {
        Truth { boxes: zeros([0, 4]).unwrap(), labels: tensor(Vec::<i64>::new()) }
    }

    fn one(corners: [f64; 4], label: i64) -> Truth {
        Truth { boxes: tensor([corners]), labels: tensor([label]) }
    }

    /// Zeros of two images with two classes, one bin, at the points (2, 2) and (6, 2).
    fn zero() -> (Tensor, YoloPredictions) {
        let map = zeros([2, 6, 1, 2]).unwrap().requires_grad();
        let predictions = YoloPredictions::from_maps(std::slice::from_ref(&map), &[4], 1).unwrap();
        (map, predictions)
    }

    /// The box of a zero is ln 2 strides of 4 each way: 5.545 × 5.545 pixels. Its score is ½ everywhere. The true box is as
    /// large and around the first point: CIoU 1, score 1. So the boxes lose nothing, and all 8 logits ln 2.
    #[test]
    fn a_box_that_is_right_loses_only_its_class() -> Result<()> {
        let (_, predictions) = zero();
        let side = 4.0 * 2f64.ln();
        let truths = [one([2.0 - side, 2.0 - side, 2.0 + side, 2.0 + side], 1), none()];
        let (total, parts) = YoloLoss::new().parts(&predictions, &truths)?;
        let found: Vec<(&str, f64)> = parts.iter().map(|p| (p.name, p.loss.item().unwrap())).collect();
        assert!(found[0].0 == "box" && found[0].1.abs() < 1e-6, "{found:?}");
        assert!(found[1].0 == "class" && (found[1].1 - 8.0 * 2f64.ln()).abs() < 1e-5, "{found:?}");
        assert_eq!(found.len(), 2);
        assert!((total.item()? - 0.5 * found[1].1).abs() < 1e-5);
        Ok(())
    }

    #[test]
    fn without_boxes_every_class_is_pushed_down() -> Result<()> {
        let (map, predictions) = zero();
        let (total, parts) = YoloLoss::new().class_weight(1.0).parts(&predictions, &[none(), none()])?;
        assert_eq!(parts[0].loss.item()?, 0.0);
        assert!((total.item()? - 8.0 * 2f64.ln()).abs() < 1e-5);
        total.backward()?;
        let grad = map.grad().unwrap();
        assert!(grad.narrow(1, 0, 4)?.eq(0.0)?.all().item()? == 1.0);
        assert!(grad.narrow(1, 4, 2)?.eq(0.5)?.all().item()? == 1.0);
        Ok(())
    }

    #[test]
    fn weights_scale_their_parts() -> Result<()> {
        let map = tensor::arange(0, 18 * 4, 1)?.to(DType::F32).sin().reshape([1, 18, 2, 2])?;
        let predictions = YoloPredictions::from_maps(&[map], &[4], 4)?;
        let truth = [one([0.5, 0.5, 6.0, 5.0], 1)];
        let (total, parts) = YoloLoss::new()
            .box_weight(2.0)
            .class_weight(3.0)
            .distribution_weight(5.0)
            .parts(&predictions, &truth)?;
        let losses: Vec<f64> = parts.iter().map(|p| p.loss.item().unwrap()).collect();
        assert!(losses.iter().all(|&loss| loss > 0.0) && losses.len() == 3, "{losses:?}");
        let expected = 2.0 * losses[0] + 3.0 * losses[1] + 5.0 * losses[2];
        assert!((total.item()? - expected).abs() < 1e-5 * expected);
        assert_eq!(YoloLoss::new().forward(&predictions, &truth)?.shape(), [] as [usize; 0]);
        Ok(())
    }

    #[test]
    fn the_order_of_the_boxes_does_not_matter() -> Result<()> {
        let map = arange(0, 18 * 16, 1)?.to(DType::F32).sin().reshape([1, 18, 4, 4])?;
        let predictions = YoloPredictions::from_maps(&[map], &[4], 4)?;
        let boxes = tensor([[0.5, 0.5, 6.0, 5.0], [4.0, 3.0, 12.0, 9.0], [7.0, 8.0, 16.0, 15.0]]);
        let labels = tensor([1, 0, 1]);
        let loss = |order: &[i64]| -> Result<f64> {
            let order = tensor(order.to_vec());
            let (boxes, labels) = (boxes.index_select(0, &order)?, labels.index_select(0, &order)?);
            YoloLoss::new().forward(&predictions, &[Truth { boxes, labels }])?.item()
        };
        let expected = loss(&[0, 1, 2])?;
        for order in [[2, 0, 1], [1, 2, 0], [2, 1, 0]] {
            let found = loss(&order)?;
            assert!((found - expected).abs() < 1e-5 * expected, "{order:?}: {found} instead of {expected}");
        }
        Ok(())
    }

    /// Nothing but a map of numbers, and gradient descent: in the end it says the boxes and their classes, each once.
    #[test]
    fn descent_along_the_gradient_finds_the_boxes() -> Result<()> {
        let boxes = tensor([[2.0, 3.0, 13.0, 21.0], [10.0, 14.0, 31.0, 30.0]]);
        let truth = [Truth { boxes: boxes.clone(), labels: tensor([2, 0]) }];
        let mut map = zeros([1, 4 * 8 + 3, 4, 4])?.requires_grad();
        let read = |map: &Tensor| YoloPredictions::from_maps(std::slice::from_ref(map), &[8], 8);
        assert_eq!(read(&map)?.detections(0.5, 0.5)?[0].scores.numel(), 0);
        for _ in 0..300 {
            let loss = YoloLoss::new().forward(&read(&map)?, &truth)?;
            let gradient = tensor::grad(&loss, &[&map])?.remove(0);
            map = map.detach().sub(&gradient.detach().mul(0.5)?)?.requires_grad();
        }
        let found = read(&map)?.detections(0.5, 0.5)?.remove(0);
        let overlaps = crate::box_iou(&boxes, &found.boxes)?;
        assert_eq!(overlaps.shape(), [2, 2]);
        let (best, at) = overlaps.max_dim(1, false)?;
        assert!(best.min()?.item()? > 0.85, "{overlaps}");
        assert_eq!(found.labels.index_select(0, &at)?.to_vec::<i64>()?, [2, 0]);
        Ok(())
    }

    #[test]
    fn misfits_are_named() {
        let (_, predictions) = zero();
        for (truth, why) in [
            (one([2.0, 0.0, 2.0, 3.0], 0), "image 1, box 0: expected x1 < x2"),
            (one([0.0, 3.0, 2.0, 1.0], 0), "[0.0, 3.0, 2.0, 1.0]"),
            (one([0.0, 0.0, f64::NAN, 1.0], 0), "NaN"),
            (one([0.0, 0.0, f64::INFINITY, 1.0], 0), "inf"),
            (one([0.0, 0.0, 2.0, 3.0], 2), "label 2 is not one of 2 classes"),
            (one([0.0, 0.0, 2.0, 3.0], -1), "label -1"),
            (Truth { boxes: tensor([0.0, 0.0, 2.0, 3.0]), labels: tensor([0]) }, "[4] and [1]"),
            (Truth { boxes: tensor([[0, 0, 2, 3]]), labels: tensor([0]) }, "int64"),
            (Truth { boxes: tensor([[0.0, 0.0, 2.0, 3.0]]), labels: tensor([0.0]) }, "float32"),
        ] {
            let line = line!() + 1;
            let error = YoloLoss::new().parts(&predictions, &[none(), truth]).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(&format!("loss.rs:{line}:")), "{error}");
        }
        assert!(YoloLoss::new().parts(&predictions, &[none()]).unwrap_err().to_string().contains("2 images"));
        let bad = Assignment {
            points: tensor([0]),
            boxes: tensor([[0.0, 0.0, 1.0, 1.0]]),
            labels: tensor([0, 1]),
            scores: tensor([1.0]),
        };
        assert!(YoloLoss::new().parts_of(&predictions, &bad).is_err());
        let beyond = Assignment { points: tensor([4]), labels: tensor([0]), ..bad };
        assert!(YoloLoss::new().parts_of(&predictions, &beyond).is_err());
    }
}

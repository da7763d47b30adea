//! Mean average precision: how well a detector finds what is there.
//!
//! Detections of a class are taken in the order of their scores, over all images. One is right if it overlaps a true box of
//! the class enough, and is the first to do so. Average precision is the area below the curve of precision over recall.

use crate::boxes::iou;
use std::collections::BTreeSet;
use tensor::{DType, Error, Result, Tensor};

/// What a detector found in one image.
#[derive(Clone, Debug)]
pub struct Detections {
    /// `(N, 4)` as `(x1, y1, x2, y2)`.
    pub boxes: Tensor,
    /// `(N)`
    pub scores: Tensor,
    /// int64, `(N)`
    pub labels: Tensor,
}

/// What is in one image.
#[derive(Clone, Debug)]
pub struct Truth {
    /// `(M, 4)` as `(x1, y1, x2, y2)`.
    pub boxes: Tensor,
    /// int64, `(M)`
    pub labels: Tensor,
}

/// How the area below the curve is measured. The precision at a recall is the best one at that recall or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The mean at the recalls 0, 0.01, …, 1: COCO's.
    Points101,
    /// The mean at the recalls 0, 0.1, …, 1: VOC's until 2007.
    Points11,
    /// The whole area: VOC's from 2010 on.
    All,
}

/// The mean over the classes of their average precision.
///
/// ```
/// use tensor::tensor;
/// use vision::{AveragePrecision, Detections, Truth};
/// let truth = Truth { boxes: tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0]]), labels: tensor([1, 1]) };
/// let found = Detections {
///     boxes: tensor([[0.0, 0.0, 10.0, 9.0], [50.0, 50.0, 60.0, 60.0]]),
///     scores: tensor([0.9, 0.8]),
///     labels: tensor([1, 1]),
/// };
/// let map = AveragePrecision::new(0.5).mean(&[found], &[truth])?;
/// assert!((map - 51.0 / 101.0).abs() < 1e-9); // one of two is found: precision 1 up to a recall of 0.5
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AveragePrecision {
    iou_threshold: f64,
    interpolation: Interpolation,
}

/// A box of an image.
struct Found {
    image: usize,
    score: f64,
    corners: [f64; 4],
}

impl AveragePrecision {
    /// A detection must overlap the truth by at least `iou_threshold`: mAP@0.5 is `new(0.5)`.
    pub fn new(iou_threshold: f64) -> Self {
        AveragePrecision { iou_threshold, interpolation: Interpolation::Points101 }
    }

    /// How the area is measured (default COCO's 101 points).
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }

    /// The mean over all classes that there are in the truth; NaN if there are none.
    ///
    /// # Errors
    /// If there are not as many detections as truths, or the shapes within one do not fit.
    #[track_caller]
    pub fn mean(&self, detections: &[Detections], truths: &[Truth]) -> Result<f64> {
        let classes = self.by_class(detections, truths)?;
        Ok(classes.iter().map(|(_, precision)| precision).sum::<f64>() / classes.len() as f64)
    }

    /// Each class that there is in the truth, with its average precision.
    ///
    /// # Errors
    /// As [`mean`](AveragePrecision::mean).
    #[track_caller]
    pub fn by_class(&self, detections: &[Detections], truths: &[Truth]) -> Result<Vec<(i64, f64)>> {
        const OP: &str = "AveragePrecision";
        if detections.len() != truths.len() {
            let (d, t) = (detections.len(), truths.len());
            return Err(Error::value(OP, format!("detections of {d} images, but truths of {t}")));
        }
        let (mut found, mut there) = (Vec::new(), Vec::new());
        for (image, (d, t)) in detections.iter().zip(truths).enumerate() {
            let labels = d.labels.to_vec::<i64>()?;
            let scores = d.scores.to(DType::F64).to_vec::<f64>()?;
            for ((label, score), corners) in
                labels.into_iter().zip(&scores).zip(corners(&d.boxes, scores.len())?)
            {
                found.push((label, Found { image, score: *score, corners }));
            }
            if d.labels.numel() != d.scores.numel() {
                let (l, s) = (d.labels.shape(), d.scores.shape());
                return Err(Error::shape(
                    OP,
                    format!("image {image}: labels {l:?} and scores {s:?} must be alike"),
                ));
            }
            let labels = t.labels.to_vec::<i64>()?;
            let boxes = corners(&t.boxes, labels.len())?;
            there.extend(labels.into_iter().zip(boxes).map(|(label, corners)| (label, image, corners)));
        }
        // Stable, so that of equal scores the earlier detection counts first.
        found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        let classes: BTreeSet<i64> = there.iter().map(|t| t.0).collect();
        Ok(classes.into_iter().map(|class| (class, self.of_class(class, &found, &there))).collect())
    }

    fn of_class(&self, class: i64, found: &[(i64, Found)], there: &[(i64, usize, [f64; 4])]) -> f64 {
        let there: Vec<_> = there.iter().filter(|t| t.0 == class).collect();
        let mut taken = vec![false; there.len()];
        let (mut right, mut all) = (0, 0);
        let mut curve = Vec::new();
        for (_, one) in found.iter().filter(|f| f.0 == class) {
            let free = (0..there.len()).filter(|&i| there[i].1 == one.image && !taken[i]);
            let best = free.map(|i| (iou(&one.corners, &there[i].2), i)).max_by(|a, b| a.0.total_cmp(&b.0));
            all += 1;
            if let Some((overlap, i)) = best
                && overlap >= self.iou_threshold
            {
                taken[i] = true;
                right += 1;
            }
            curve.push((f64::from(right) / there.len() as f64, f64::from(right) / f64::from(all)));
        }
        let mut best = 0.0f64;
        for point in curve.iter_mut().rev() {
            best = best.max(point.1);
            point.1 = best;
        }
        let at = |recall: f64| curve.iter().find(|p| p.0 >= recall).map_or(0.0, |p| p.1);
        match self.interpolation {
            Interpolation::Points101 => (0..=100).map(|i| at(f64::from(i) / 100.0)).sum::<f64>() / 101.0,
            Interpolation::Points11 => (0..=10).map(|i| at(f64::from(i) / 10.0)).sum::<f64>() / 11.0,
            Interpolation::All => {
                let before = std::iter::once(0.0).chain(curve.iter().map(|p| p.0));
                curve.iter().zip(before).map(|(p, before)| (p.0 - before) * p.1).sum()
            }
        }
    }
}

#[track_caller]
fn corners(boxes: &Tensor, n: usize) -> Result<Vec<[f64; 4]>> {
    if boxes.numel() != 4 * n || n > 0 && boxes.shape() != [n, 4] {
        return Err(Error::shape(
            "AveragePrecision",
            format!("expected boxes [{n}, 4], found shape {:?}", boxes.shape()),
        ));
    }
    Ok(boxes.to(DType::F64).to_vec::<f64>()?.as_chunks::<4>().0.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    fn image(boxes: Vec<f64>, scores: Vec<f64>) -> Detections {
        let n = scores.len();
        Detections {
            boxes: Tensor::from_vec(boxes, [n, 4]).unwrap(),
            scores: tensor(scores),
            labels: Tensor::from_vec(vec![0i64; n], n).unwrap(),
        }
    }

    /// Two true boxes; right, wrong, right: precision 1, ½, ⅔ at a recall of ½, ½, 1.
    #[test]
    fn the_three_areas_of_one_curve() {
        let truth =
            [Truth { boxes: tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 0.0, 3.0, 1.0]]), labels: tensor([0, 0]) }];
        let found =
            [image(vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.1, 2.0, 0.0, 3.0, 1.0], vec![0.9, 0.8, 0.7])];
        let of = |i| AveragePrecision::new(0.5).interpolation(i).mean(&found, &truth).unwrap();
        assert!((of(Interpolation::All) - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
        assert!((of(Interpolation::Points11) - (6.0 + 5.0 * 2.0 / 3.0) / 11.0).abs() < 1e-12);
        assert!((of(Interpolation::Points101) - (51.0 + 50.0 * 2.0 / 3.0) / 101.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_there_nothing_found() {
        let none = image(vec![], vec![]);
        let empty = Truth { boxes: zeros([0, 4]).unwrap(), labels: tensor(Vec::<i64>::new()) };
        assert!(AveragePrecision::new(0.5).mean(std::slice::from_ref(&none), &[empty]).unwrap().is_nan());
        let truth = Truth { boxes: tensor([[0.0, 0.0, 1.0, 1.0]]), labels: tensor([3]) };
        assert_eq!(
            AveragePrecision::new(0.5)
                .by_class(std::slice::from_ref(&none), std::slice::from_ref(&truth))
                .unwrap(),
            [(3, 0.0)]
        );
        assert!(AveragePrecision::new(0.5).mean(&[], std::slice::from_ref(&truth)).is_err());
        let wrong = Detections { scores: tensor([0.5]), ..none };
        assert!(AveragePrecision::new(0.5).mean(&[wrong], &[truth]).is_err());
    }
}

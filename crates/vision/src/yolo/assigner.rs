//! Which point learns which box: task-aligned assignment.

use super::{Object, YoloPredictions, objects};
use crate::{Truth, box_iou};
use tensor::{AtCaller, DType, Error, Result, Tensor, no_grad};

const OP: &str = "TaskAlignedAssigner";

/// Gives each box the points that already say class and place best, so that both tasks agree on their points: by
/// `t = s^α·u^β` with the score `s` of the box's class and the overlap `u` (intersection over union) of the predicted box
/// (Feng et al. 2021, TOOD; with YOLOv8's numbers by default).
///
/// 1. A box asks for the `topk` points inside of it with the largest `t`; the earlier one, if equal. A box that is so small
///    that no point lies inside asks for the one nearest to its centre.
/// 2. A point that several boxes ask for goes to the one that its prediction overlaps most.
/// 3. A point's score, which is what its class shall be and what its box weighs, is `t / max t · max u` among the points
///    of the same box: the best point has the best overlap as its score.
///
/// Points with `t = 0` (no overlap) are given to nobody.
#[derive(Clone, Copy, Debug)]
pub struct TaskAlignedAssigner {
    topk: usize,
    alpha: f64,
    beta: f64,
}

/// Which points learn a box, and which: `P` points, image by image, in each in the order of the points.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// int64 `(P)`: image times points of an image plus the point's number.
    pub points: Tensor,
    /// `(P, 4)`: the true box of each.
    pub boxes: Tensor,
    /// int64 `(P)`: its class.
    pub labels: Tensor,
    /// `(P)`: how much the class is meant and the box weighs, from 0 to 1.
    pub scores: Tensor,
}

/// A point that was given to a box.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Given {
    point: usize,
    object: usize,
    score: f64,
}

impl Default for TaskAlignedAssigner {
    fn default() -> Self {
        Self::new()
    }
}

impl TaskAlignedAssigner {
    /// With ten points for each box, α = ½ and β = 6.
    #[must_use]
    pub fn new() -> Self {
        TaskAlignedAssigner { topk: 10, alpha: 0.5, beta: 6.0 }
    }

    /// How many points a box asks for (default 10).
    #[must_use]
    pub fn topk(mut self, topk: usize) -> Self {
        self.topk = topk;
        self
    }

    /// The power of the score (default ½).
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The power of the overlap (default 6).
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// The points that learn a box, by what they predict now. No gradient flows through it.
    ///
    /// # Errors
    /// If there is not one truth for each image, a box has no area, or a label is no class.
    #[track_caller]
    pub fn assign(&self, predictions: &YoloPredictions, truths: &[Truth]) -> Result<Assignment> {
        let &[n, a, classes] = predictions.logits().shape() else {
            return Err(Error::shape(OP, "the logits must be (N, A, C)"));
        };
        if truths.len() != n {
            return Err(Error::value(
                OP,
                format!("predictions of {n} images, but truths of {}", truths.len()),
            ));
        }
        let all = no_grad(|| predictions.boxes())?.detach().to(DType::F64);
        let logits = predictions.logits().detach().to(DType::F64).to_vec::<f64>()?;
        let points = predictions.points().to(DType::F64).to_vec::<f64>()?;
        let points = points.as_chunks::<2>().0;
        let (mut places, mut boxes) = (Vec::new(), Vec::<f64>::new());
        let (mut labels, mut scores) = (Vec::new(), Vec::new());
        for (image, truth) in truths.iter().enumerate() {
            let objects = objects(OP, image, truth, classes)?;
            let corners = objects.iter().flat_map(|object| object.corners).collect();
            let corners = Tensor::from_vec(corners, [objects.len(), 4])?;
            let overlaps = box_iou(&corners, &all.select(0, image as isize)?).at_caller()?.to_vec::<f64>()?;
            let score = |object: &Object, point: usize| {
                1.0 / (1.0 + (-logits[(image * a + point) * classes + object.label]).exp())
            };
            for given in self.of_image(&objects, points, score, &overlaps) {
                let Object { corners, label } = &objects[given.object];
                places.push((image * a + given.point) as i64);
                boxes.extend(corners);
                labels.push(*label as i64);
                scores.push(given.score);
            }
        }
        let (p, dtype) = (places.len(), predictions.logits().dtype());
        Ok(Assignment {
            points: Tensor::from_vec(places, p)?,
            boxes: Tensor::from_vec(boxes, [p, 4])?.to(dtype),
            labels: Tensor::from_vec(labels, p)?,
            scores: Tensor::from_vec(scores, p)?.to(dtype),
        })
    }

    /// Of one image: overlaps object by object.
    fn of_image(
        &self,
        objects: &[Object],
        points: &[[f64; 2]],
        score: impl Fn(&Object, usize) -> f64,
        overlaps: &[f64],
    ) -> Vec<Given> {
        let a = points.len();
        // For each point the object that has it, and how well it is aligned.
        let mut taken: Vec<Option<(usize, f64)>> = vec![None; a];
        for (g, object) in objects.iter().enumerate() {
            let overlaps = |g: usize, p: usize| overlaps[g * a + p];
            let alignment = |p: usize| score(object, p).powf(self.alpha) * overlaps(g, p).powf(self.beta);
            let asked = candidates(&object.corners, points);
            let mut asked: Vec<(usize, f64)> =
                asked.into_iter().map(|p| (p, alignment(p))).filter(|c| c.1 > 0.0).collect();
            // Stable, so that of equal points the earlier one is better.
            asked.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (p, t) in asked.into_iter().take(self.topk) {
                if taken[p].is_none_or(|(other, _)| overlaps(g, p) > overlaps(other, p)) {
                    taken[p] = Some((g, t));
                }
            }
        }
        let given = || taken.iter().enumerate().filter_map(|(p, taken)| taken.map(|(g, t)| (p, g, t)));
        let mut best = vec![(0.0f64, 0.0f64); objects.len()];
        for (p, g, t) in given() {
            best[g] = (best[g].0.max(t), best[g].1.max(overlaps[g * a + p]));
        }
        given()
            .map(|(point, object, t)| Given { point, object, score: t / best[object].0 * best[object].1 })
            .collect()
    }
}

/// The points inside of a box, or the one nearest to its centre.
fn candidates([x1, y1, x2, y2]: &[f64; 4], points: &[[f64; 2]]) -> Vec<usize> {
    let inside = |&p: &usize| {
        let [x, y] = points[p];
        *x1 < x && x < *x2 && *y1 < y && y < *y2
    };
    let within: Vec<usize> = (0..points.len()).filter(inside).collect();
    if !within.is_empty() {
        return within;
    }
    let (cx, cy) = ((x1 + x2) / 2.0, (y1 + y2) / 2.0);
    let distance = |&p: &usize| (points[p][0] - cx).powi(2) + (points[p][1] - cy).powi(2);
    (0..points.len()).min_by(|a, b| distance(a).total_cmp(&distance(b))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    fn object(corners: [f64; 4], label: usize) -> Object {
        Object { corners, label }
    }

    /// Points at x = 1, 3, 5, 7 of one row.
    const ROW: [[f64; 2]; 4] = [[1.0, 1.0], [3.0, 1.0], [5.0, 1.0], [7.0, 1.0]];

    fn run(
        assigner: TaskAlignedAssigner,
        objects: &[Object],
        scores: [f64; 4],
        overlaps: &[f64],
    ) -> Vec<(usize, usize, f64)> {
        let given = assigner.of_image(objects, &ROW, |_, p| scores[p], overlaps);
        given.into_iter().map(|g| (g.point, g.object, (g.score * 1e9).round() / 1e9)).collect()
    }

    /// With α = β = 1: t = 0.2, 0.45, 0.2 for the points inside, of which two are asked for, the earlier of the equal ones.
    /// Scores are t / 0.45 · 0.5.
    #[test]
    fn the_best_aligned_points_inside_are_given() {
        let assigner = TaskAlignedAssigner::new().topk(2).alpha(1.0).beta(1.0);
        let box_ = [object([0.0, 0.0, 6.0, 2.0], 0)];
        let found = run(assigner, &box_, [0.5, 0.9, 0.5, 1.0], &[0.4, 0.5, 0.4, 1.0]);
        assert_eq!(found, [(0, 0, 0.222222222), (1, 0, 0.5)]);
    }

    /// Score and overlap at their powers: t = 0.25^½·0.5² = 0.125 and 0.64^½·0.25² = 0.05. The best point's score is the
    /// largest overlap, the other's 0.05/0.125 of it.
    #[test]
    fn powers_weigh_score_and_overlap() {
        let assigner = TaskAlignedAssigner::new().alpha(0.5).beta(2.0);
        let box_ = [object([0.0, 0.0, 4.0, 2.0], 0)];
        let found = run(assigner, &box_, [0.25, 0.64, 1.0, 1.0], &[0.5, 0.25, 1.0, 1.0]);
        assert_eq!(found, [(0, 0, 0.5), (1, 0, 0.2)]);
    }

    /// Both want the points 1 and 2. Point 1 overlaps the second box more, point 2 both alike: it stays with the first.
    #[test]
    fn a_point_goes_to_the_box_that_it_overlaps_most() {
        let assigner = TaskAlignedAssigner::new().alpha(1.0).beta(1.0);
        let boxes = [object([2.0, 0.0, 6.0, 2.0], 0), object([2.0, 0.0, 8.0, 2.0], 1)];
        let overlaps = [0.0, 0.5, 0.6, 0.1, 0.0, 0.7, 0.6, 0.35];
        let found = run(assigner, &boxes, [1.0; 4], &overlaps);
        assert_eq!(found, [(1, 1, 0.7), (2, 0, 0.6), (3, 1, 0.35)]);
    }

    /// No point is inside of the first box: the nearest is asked for. The second's points overlap nothing.
    #[test]
    fn a_tiny_box_takes_the_nearest_point_and_no_overlap_gives_none() {
        let boxes = [object([3.5, 0.5, 4.25, 0.75], 0), object([6.0, 0.0, 8.0, 2.0], 0)];
        let found =
            run(TaskAlignedAssigner::new(), &boxes, [1.0; 4], &[0.0, 0.25, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(found, [(1, 0, 0.25)]);
        assert_eq!(run(TaskAlignedAssigner::new().topk(0), &boxes, [1.0; 4], &[0.5; 8]), []);
        assert_eq!(run(TaskAlignedAssigner::new(), &[], [1.0; 4], &[]), []);
    }

    #[test]
    fn images_are_counted_through() -> Result<()> {
        // Softplus of 0.5413 is 1: boxes of one stride each way around the points (2, 2) and (6, 2).
        let map = Tensor::from_vec(vec![0.541_324_854_612_918; 2 * 6 * 2], [2, 6, 1, 2])?;
        let predictions = YoloPredictions::from_maps(&[map], &[4], 1)?;
        let none = Truth { boxes: zeros([0, 4])?, labels: tensor(Vec::<i64>::new()) };
        let one = Truth { boxes: tensor([[2.0, -2.0, 10.0, 6.0]]), labels: tensor([1]) };
        let found = TaskAlignedAssigner::new().assign(&predictions, &[none.clone(), one])?;
        // In the second image, only its second point lies inside, and says just this box.
        assert_eq!(found.points.to_vec::<i64>()?, [3]);
        assert_eq!(found.boxes.to_vec::<f64>()?, [2.0, -2.0, 10.0, 6.0]);
        assert_eq!(found.labels.to_vec::<i64>()?, [1]);
        assert!((found.scores.item()? - 1.0).abs() < 1e-12);
        let nothing = TaskAlignedAssigner::new().assign(&predictions, &[none.clone(), none.clone()])?;
        assert_eq!((nothing.points.shape(), nothing.boxes.shape()), (&[0][..], &[0, 4][..]));
        assert!(TaskAlignedAssigner::new().assign(&predictions, &[none]).is_err());
        Ok(())
    }
}

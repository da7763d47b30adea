//! What every point of a detector's maps says, and the boxes in it.

use crate::{Detections, batched_nms, clip_boxes_to_image};
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, DType, Error, Result, Tensor, arange, cat, no_grad};

/// Of one image, so many of the best go into the suppression, and so many come out: torchvision's numbers.
const CANDIDATES: usize = 1000;
const DETECTIONS: usize = 100;

/// What every point of every map says: how far the sides of its box are, and which class.
///
/// A map of stride `s` has a point in the middle of each `s × s` pixels. The distances to the left, upper, right and lower
/// side are in strides, so that large objects are small numbers on coarse maps (Tian et al. 2019, FCOS). Each is the mean
/// of a distribution over `0, 1, …, bins − 1` (Li et al. 2020) or, with one bin, `ln(1 + eˣ)` of what the map says.
///
/// ```
/// use tensor::zeros;
/// use vision::YoloPredictions;
/// // One map of 2 × 2 points, 8 pixels apart: 4 sides, a distribution over 3 numbers for each, and 5 classes.
/// let map = zeros([1, 4 * 3 + 5, 2, 2])?;
/// let predictions = YoloPredictions::from_maps(&[map], &[8], 3)?;
/// assert_eq!(predictions.logits().shape(), [1, 4, 5]);
/// // Zeros are an even distribution, its mean is one stride.
/// assert_eq!(predictions.boxes()?.select(1, 0)?.to_string(), "tensor([[-4., -4., 12., 12.]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct YoloPredictions {
    /// `(N, A, 4, bins)`
    sides: Tensor,
    /// `(N, A, C)`
    logits: Tensor,
    /// `(A, 2)`
    points: Tensor,
    /// `(A, 1)`
    strides: Tensor,
    /// Height and width.
    image: [usize; 2],
}

impl YoloPredictions {
    /// From maps `(N, 4·bins + C, H, W)` and the stride of each in pixels. The channels are the bins of the left side, of
    /// the upper, right and lower one, and the logits of the classes.
    ///
    /// # Errors
    /// If there are not as many strides as maps, or the maps do not fit together.
    #[track_caller]
    pub fn from_maps(maps: &[Tensor], strides: &[usize], bins: usize) -> Result<Self> {
        const OP: &str = "YoloPredictions";
        let shapes: Vec<&[usize]> = maps.iter().map(Tensor::shape).collect();
        if maps.is_empty() || maps.len() != strides.len() || bins == 0 || strides.contains(&0) {
            let found =
                format!("expected a stride for each map, and bins, found {shapes:?}, {strides:?}, {bins}");
            return Err(Error::value(OP, found));
        }
        let &[n, channels, ..] = shapes[0] else {
            return Err(Error::shape(OP, format!("expected maps (N, 4·bins + C, H, W), found {shapes:?}")));
        };
        let fits = |map: &Tensor| {
            map.dim() == 4 && map.shape()[..2] == [n, channels] && map.dtype() == maps[0].dtype()
        };
        if !maps.iter().all(fits) || !maps[0].dtype().is_float() || channels <= 4 * bins {
            let found =
                format!("expected maps (N, 4·{bins} + C, H, W) of one floating point type, found {shapes:?}");
            return Err(Error::shape(OP, found));
        }
        let (mut points, mut sizes, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (map, &stride) in maps.iter().zip(strides) {
            let (rows, columns) = (map.shape()[2], map.shape()[3]);
            let middle = |i: usize| (i as f64 + 0.5) * stride as f64;
            points.extend((0..rows * columns).flat_map(|i| [middle(i % columns), middle(i / columns)]));
            sizes.extend(std::iter::repeat_n(stride as f64, rows * columns));
            all.push(map.flatten(2, 3)?.transpose(1, 2)?);
        }
        let all = cat(&all.iter().collect::<Vec<_>>(), 1)?;
        let (a, dtype) = (sizes.len(), all.dtype());
        let sides = all.narrow(2, 0, 4 * bins)?.reshape([n, a, 4, bins])?;
        let logits = all.narrow(2, 4 * bins, channels - 4 * bins)?;
        let points = Tensor::from_vec(points, [a, 2])?.to(dtype);
        let image = [shapes[0][2] * strides[0], shapes[0][3] * strides[0]];
        Ok(YoloPredictions {
            sides,
            logits,
            points,
            strides: Tensor::from_vec(sizes, [a, 1])?.to(dtype),
            image,
        })
    }

    /// What is said about the four sides: `(N, A, 4, bins)`.
    pub fn sides(&self) -> &Tensor {
        &self.sides
    }

    /// The logits of the classes: `(N, A, C)`.
    pub fn logits(&self) -> &Tensor {
        &self.logits
    }

    /// Where the points are in the image: `(A, 2)`, x and y in pixels, map by map and row by row.
    pub fn points(&self) -> &Tensor {
        &self.points
    }

    /// How far apart the points of the map are to which a point belongs: `(A, 1)`, in pixels.
    pub fn strides(&self) -> &Tensor {
        &self.strides
    }

    /// The boxes, `(N, A, 4)` as `(x1, y1, x2, y2)` in pixels.
    ///
    /// # Errors
    /// None: the shapes were checked before.
    #[track_caller]
    pub fn boxes(&self) -> Result<Tensor> {
        let bins = self.sides.shape()[3];
        let distances = match bins {
            1 => self.sides.squeeze_dim(3)?.softplus(1.0, 20.0),
            _ => {
                let numbers = arange(0, bins as i64, 1)?.to(self.sides.dtype());
                self.sides.softmax(3)?.mul(&numbers)?.sum_dim(3, false)?
            }
        };
        let distances = distances.mul(&self.strides)?;
        let corner = self.points.sub(&distances.narrow(2, 0, 2)?)?;
        let other = self.points.add(&distances.narrow(2, 2, 2)?)?;
        cat(&[&corner, &other], 2)
    }

    /// What is found in each image: points whose likeliest class is likelier than `score_threshold`, without those that
    /// overlap a better one of the same class by more than `iou_threshold`; the 100 best of an image, best first, cut to
    /// the image.
    ///
    /// # Errors
    /// None: the shapes were checked before.
    #[track_caller]
    pub fn detections(&self, score_threshold: f64, iou_threshold: f64) -> Result<Vec<Detections>> {
        no_grad(|| {
            let boxes = clip_boxes_to_image(&self.boxes()?, self.image)?;
            let (logits, labels) = self.logits.detach().max_dim(2, false)?;
            let scores = logits.sigmoid();
            let images = 0..self.logits.shape()[0] as isize;
            let found = images.map(|i| {
                let scores = scores.select(0, i)?;
                let sure = scores.gt(score_threshold)?.nonzero().select(1, 0)?;
                let (_, best) = scores.index_select(0, &sure)?.topk(sure.numel().min(CANDIDATES), 0, true)?;
                let at = sure.index_select(0, &best)?;
                let of = |x: &Tensor| x.index_select(0, &at);
                let (boxes, scores) = (of(&boxes.select(0, i)?)?, of(&scores)?);
                let labels = of(&labels.select(0, i)?)?;
                let kept = batched_nms(&boxes, &scores, &labels, iou_threshold)?;
                let kept = kept.narrow(0, 0, kept.numel().min(DETECTIONS))?;
                let of = |x: &Tensor| x.index_select(0, &kept);
                Ok(Detections { boxes: of(&boxes)?, scores: of(&scores)?, labels: of(&labels)? })
            });
            found.collect::<Result<Vec<_>>>()
        })
        .at_caller()
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let map = |channels: i64, side: i64| {
        let wave = arange(0, channels * side * side, 1).map(|x| x.to(DType::F64).sin());
        wave.and_then(|x| x.reshape([1, channels, side, side])).unwrap_or_else(|_| float64(0.0))
    };
    vec![
        case(
            "YoloPredictions::boxes, distributions",
            |x| YoloPredictions::from_maps(&[x[0].clone(), x[1].clone()], &[4, 8], 3)?.boxes(),
            vec![map(13, 2), map(13, 1)],
        ),
        case(
            "YoloPredictions::boxes, one bin",
            |x| YoloPredictions::from_maps(&[x[0].clone()], &[4], 1)?.boxes(),
            vec![map(5, 2)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn points_are_in_the_middle_map_by_map_and_row_by_row() {
        let maps = [zeros([2, 6, 1, 2]).unwrap(), zeros([2, 6, 2, 1]).unwrap()];
        let predictions = YoloPredictions::from_maps(&maps, &[4, 10], 1).unwrap();
        let points = tensor([[2.0, 2.0], [6.0, 2.0], [5.0, 5.0], [5.0, 15.0]]);
        assert!(predictions.points().equal(&points));
        assert_eq!(predictions.strides().to_vec::<f32>().unwrap(), [4.0, 4.0, 10.0, 10.0]);
        assert_eq!(predictions.boxes().unwrap().shape(), [2, 4, 4]);
    }

    /// Left, upper, right and lower side are 1, 2, 3 and 0 strides away for certain.
    #[test]
    fn channels_are_the_sides_in_order() {
        let mut map = vec![0.0; 16 + 3];
        [1, 4 + 2, 8 + 3, 12].into_iter().for_each(|at| map[at] = 200.0);
        (map[16], map[17], map[18]) = (-3.0, 4.0, 1.0);
        let map = Tensor::from_vec(map, [1, 19, 1, 1]).unwrap().to(DType::F32);
        let predictions = YoloPredictions::from_maps(&[map], &[2], 4).unwrap();
        assert_eq!(predictions.boxes().unwrap().to_vec::<f32>().unwrap(), [-1.0, -3.0, 7.0, 1.0]);
        assert_eq!(predictions.logits().to_vec::<f32>().unwrap(), [-3.0, 4.0, 1.0]);
        let found = predictions.detections(0.5, 0.5).unwrap().remove(0);
        assert_eq!(found.boxes.to_vec::<f32>().unwrap(), [0.0, 0.0, 2.0, 1.0]); // cut to 2 × 2 pixels
        assert_eq!(found.labels.to_vec::<i64>().unwrap(), [1]);
        assert!((found.scores.item().unwrap() - 1.0 / (1.0 + (-4f64).exp())).abs() < 1e-6);
        assert_eq!(predictions.detections(0.99, 0.5).unwrap()[0].boxes.shape(), [0, 4]);
    }

    /// Three points with boxes of four strides each way, which is nearly the same box; classes 0, 0 and 1.
    #[test]
    fn of_boxes_that_overlap_the_best_of_each_class_stays() {
        let mut map = vec![4.0; 6 * 3];
        map[12..15].copy_from_slice(&[2.0, 3.0, -1.0]);
        map[15..18].copy_from_slice(&[-2.0, -2.0, 1.0]);
        let map = Tensor::from_vec(map, [1, 6, 1, 3]).unwrap().to(DType::F32);
        let found =
            YoloPredictions::from_maps(&[map], &[4], 1).unwrap().detections(0.1, 0.5).unwrap().remove(0);
        assert_eq!(found.labels.to_vec::<i64>().unwrap(), [0, 1]);
        assert!(
            (found.scores.select(0, 0).unwrap().item().unwrap() - 1.0 / (1.0 + (-3f64).exp())).abs() < 1e-6
        );
    }

    #[test]
    fn misfits_are_named() {
        let map = |shape: [usize; 4]| zeros(shape).unwrap();
        let make = |maps: &[Tensor], strides: &[usize], bins| {
            YoloPredictions::from_maps(maps, strides, bins).unwrap_err().to_string()
        };
        assert!(make(&[map([1, 6, 2, 2])], &[4, 8], 1).contains("[4, 8]"));
        assert!(make(&[map([1, 6, 2, 2]), map([1, 7, 1, 1])], &[4, 8], 1).contains("[1, 7, 1, 1]"));
        assert!(make(&[map([1, 8, 2, 2])], &[4], 2).contains("4·2 + C"));
        assert!(make(&[zeros([6]).unwrap()], &[4], 1).contains("[6]"));
        assert!(make(&[], &[], 1).contains("[]"));
        assert!(make(&[map([1, 6, 2, 2])], &[4], 0).contains("bins"));
    }
}

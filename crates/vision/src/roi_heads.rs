//! The second stage of Faster R-CNN (Girshick 2015, Fast R-CNN; Ren et al. 2015): which proposals it learns from, and
//! what its outputs say is in the image.
//!
//! The layers are the user's. What is here is what happens before and after them.

use crate::rpn::{joined_rows, keep_best};
use crate::{
    BalancedPositiveNegativeSampler, BoxCoder, Detections, Matcher, Truth, box_iou, clip_boxes_to_image,
};
use tensor::{Error, Result, Tensor, arange, cat, full, zeros};

const OP: &str = "RoIHeads";

/// A detection with a shorter side is empty, in torchvision's eyes.
const MIN_SIZE: f64 = 1e-2;

/// What the second stage of a detector does beside its layers: samples of proposals to train with, and detections.
///
/// ```
/// use tensor::{tensor, zeros};
/// use vision::RoIHeads;
/// // Two proposals; the logits of the background and of two classes.
/// let proposals = [tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 8.0, 20.0, 16.0]])];
/// let logits = tensor([[0.0, 4.0, 0.0], [5.0, 0.0, 0.0]]);
/// let found = RoIHeads::new().postprocess_detections(&logits, &zeros([2, 12])?, &proposals, &[[16, 16]])?;
/// assert_eq!(found[0].labels.to_string(), "tensor([1])");
/// assert_eq!(found[0].boxes.to_string(), "tensor([[0., 0., 8., 8.]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.models.detection.roi_heads.RoIHeads")]
#[derive(Clone, Copy, Debug)]
pub struct RoIHeads {
    fg_iou_thresh: f64,
    bg_iou_thresh: f64,
    batch_size_per_image: usize,
    positive_fraction: f64,
    bbox_reg_weights: [f64; 4],
    score_thresh: f64,
    nms_thresh: f64,
    detections_per_img: usize,
}

/// The proposals that a step trains with, and what is true of them: see [`RoIHeads::select_training_samples`].
#[derive(Clone, Debug)]
pub struct TrainingSamples {
    /// For each image `(K, 4)`.
    pub proposals: Vec<Tensor>,
    /// Of all images, one below the other: the class, int64, `(ΣK)`, and 0 for the background.
    pub labels: Tensor,
    /// The codes that are right, `(ΣK, 4)`.
    pub regression_targets: Tensor,
}

impl Default for RoIHeads {
    fn default() -> Self {
        Self::new()
    }
}

impl RoIHeads {
    /// With the defaults of torchvision's `FasterRCNN`.
    pub fn new() -> Self {
        RoIHeads {
            fg_iou_thresh: 0.5,
            bg_iou_thresh: 0.5,
            batch_size_per_image: 512,
            positive_fraction: 0.25,
            bbox_reg_weights: [10.0, 10.0, 5.0, 5.0],
            score_thresh: 0.05,
            nms_thresh: 0.5,
            detections_per_img: 100,
        }
    }

    /// From which overlap with a true box on a proposal shows its object (default 0.5).
    #[must_use]
    pub fn fg_iou_thresh(mut self, threshold: f64) -> Self {
        self.fg_iou_thresh = threshold;
        self
    }

    /// Below which overlap with all true boxes it shows background (default 0.5).
    #[must_use]
    pub fn bg_iou_thresh(mut self, threshold: f64) -> Self {
        self.bg_iou_thresh = threshold;
        self
    }

    /// With how many proposals of an image a step trains (default 512).
    #[must_use]
    pub fn batch_size_per_image(mut self, proposals: usize) -> Self {
        self.batch_size_per_image = proposals;
        self
    }

    /// Which share of them shows objects, if there are enough (default 0.25).
    #[must_use]
    pub fn positive_fraction(mut self, fraction: f64) -> Self {
        self.positive_fraction = fraction;
        self
    }

    /// The weights of the codes, as of [`BoxCoder`] (default 10, 10, 5, 5).
    #[must_use]
    pub fn bbox_reg_weights(mut self, weights: [f64; 4]) -> Self {
        self.bbox_reg_weights = weights;
        self
    }

    /// A detection has a larger probability than this (default 0.05).
    #[must_use]
    pub fn score_thresh(mut self, threshold: f64) -> Self {
        self.score_thresh = threshold;
        self
    }

    /// Of two detections of a class that overlap by more, the worse one goes (default 0.5).
    #[must_use]
    pub fn nms_thresh(mut self, threshold: f64) -> Self {
        self.nms_thresh = threshold;
        self
    }

    /// How many detections an image has at most (default 100).
    #[must_use]
    pub fn detections_per_img(mut self, detections: usize) -> Self {
        self.detections_per_img = detections;
        self
    }

    /// The proposals to train with: those of each image `(P, 4)` and its true boxes, of which a sample is drawn by the
    /// default generator, with the class and the codes that [`RoiLoss`](crate::RoiLoss) compares with.
    ///
    /// The labels of the truth begin with 1: class 0 is the background. Nothing of the result has a gradient.
    ///
    /// # Errors
    /// If there are not as many truths as images, the shapes do not fit, a label is below 1, or the thresholds are in
    /// the wrong order.
    #[doc(alias = "torchvision.models.detection.roi_heads.RoIHeads.select_training_samples")]
    #[track_caller]
    pub fn select_training_samples(&self, proposals: &[Tensor], truths: &[Truth]) -> Result<TrainingSamples> {
        if proposals.len() != truths.len() || truths.is_empty() {
            let (p, t) = (proposals.len(), truths.len());
            return Err(Error::value(OP, format!("proposals of {p} images, but truths of {t}")));
        }
        let matcher = Matcher::new(self.fg_iou_thresh, self.bg_iou_thresh);
        let sampler = BalancedPositiveNegativeSampler::new(self.batch_size_per_image, self.positive_fraction);
        let coder = BoxCoder::new(self.bbox_reg_weights);
        let (mut chosen, mut all_labels, mut all_targets) = (Vec::new(), Vec::new(), Vec::new());
        for (image, (boxes, truth)) in proposals.iter().zip(truths).enumerate() {
            let (p, m) = (boxes.shape(), truth.labels.numel());
            if !matches!(p, [_, 4]) || truth.boxes.numel() != 4 * m || m > 0 && truth.boxes.shape() != [m, 4]
            {
                let (t, l) = (truth.boxes.shape(), truth.labels.shape());
                return Err(Error::shape(
                    OP,
                    format!(
                        "image {image}: proposals {p:?}, true boxes {t:?} and labels {l:?} are not (P, 4), (M, 4), (M)"
                    ),
                ));
            }
            let boxes = boxes.detach();
            let true_boxes = truth.boxes.detach().to(boxes.dtype()).reshape([m, 4])?;
            // The true boxes are proposals too, so that there is something to learn from while the first stage is poor.
            let boxes = cat(&[&boxes, &true_boxes], 0)?;
            let (of, labels) = if m == 0 {
                (vec![0; boxes.shape()[0]], vec![0; boxes.shape()[0]])
            } else {
                let classes = truth.labels.to_vec::<i64>()?;
                if let Some(class) = classes.iter().find(|&&class| class < 1) {
                    return Err(Error::value(
                        OP,
                        format!(
                            "image {image} has an object of class {class}: classes begin with 1, 0 is background"
                        ),
                    ));
                }
                let matches = matcher.matches(&box_iou(&true_boxes, &boxes)?)?.to_vec::<i64>()?;
                let label = |&at: &i64| match at {
                    Matcher::BELOW_LOW_THRESHOLD => 0,
                    Matcher::BETWEEN_THRESHOLDS => -1,
                    of => classes[of as usize],
                };
                let labels = matches.iter().map(label).collect();
                (matches.into_iter().map(|of| of.max(0)).collect(), labels)
            };
            let labels = Tensor::from_vec(labels, of.len())?;
            let (positive, negative) = sampler.sample(&labels)?;
            let sample = cat(&[&positive, &negative], 0)?.sort(0, false)?.0;
            let of = Tensor::from_vec(of, labels.numel())?.index_select(0, &sample)?;
            // Without objects nothing reads what would be right.
            let true_boxes = if m == 0 { zeros([1, 4])?.to(boxes.dtype()) } else { true_boxes };
            let boxes = boxes.index_select(0, &sample)?;
            all_targets.push(coder.encode(&true_boxes.index_select(0, &of)?, &boxes)?);
            all_labels.push(labels.index_select(0, &sample)?);
            chosen.push(boxes);
        }
        let [labels, regression_targets] = [joined_rows(&all_labels)?, joined_rows(&all_targets)?];
        Ok(TrainingSamples { proposals: chosen, labels, regression_targets })
    }

    /// What is in each image, best first, from the outputs of the second stage: for each class, which box and how
    /// probable; without what is improbable, empty, or overlaps a better box of its class.
    ///
    /// Shapes: logits `(ΣK, C)` with the background as class 0, codes `(ΣK, 4·C)`, proposals `(K, 4)` of each image,
    /// and `[height, width]` of each image. Nothing of the result has a gradient.
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[doc(alias = "torchvision.models.detection.roi_heads.RoIHeads.postprocess_detections")]
    #[track_caller]
    pub fn postprocess_detections(
        &self,
        logits: &Tensor,
        codes: &Tensor,
        proposals: &[Tensor],
        image_shapes: &[[usize; 2]],
    ) -> Result<Vec<Detections>> {
        let counts: Vec<usize> = proposals.iter().map(|p| p.shape().first().copied().unwrap_or(0)).collect();
        let (l, c, k) = (logits.shape(), codes.shape(), counts.iter().sum::<usize>());
        let fits = matches!(l, &[rows, classes] if rows == k && classes > 0 && c[..] == [k, 4 * classes]);
        if !fits || proposals.iter().any(|p| !matches!(p.shape(), [_, 4])) {
            let p: Vec<&[usize]> = proposals.iter().map(Tensor::shape).collect();
            return Err(Error::shape(
                OP,
                format!(
                    "expected logits (ΣK, C), codes (ΣK, 4·C) and proposals (K, 4), found {l:?}, {c:?} and {p:?}"
                ),
            ));
        }
        if proposals.len() != image_shapes.len() {
            let (p, i) = (proposals.len(), image_shapes.len());
            return Err(Error::value(OP, format!("proposals of {p} images, but {i} image shapes")));
        }
        let classes = l[1];
        let scores = logits.detach().softmax(1)?;
        let codes = codes.detach().reshape([k, classes, 4])?;
        let coder = BoxCoder::new(self.bbox_reg_weights);
        let mut found = Vec::with_capacity(proposals.len());
        let mut first = 0;
        for ((proposals, &count), &image) in proposals.iter().zip(&counts).zip(image_shapes) {
            let codes = codes.narrow(0, first, count)?;
            let boxes = coder.decode(&codes, &proposals.detach().to(codes.dtype()))?;
            // Each class of each proposal is a box of its own; the background is none.
            let boxes = clip_boxes_to_image(&boxes, image)?.narrow(1, 1, classes - 1)?.reshape([-1, 4])?;
            let scores = scores.narrow(0, first, count)?.narrow(1, 1, classes - 1)?.reshape([-1])?;
            let labels =
                arange(1, classes as i64, 1)?.unsqueeze(0)?.expand([count, classes - 1])?.reshape([-1])?;
            first += count;
            let sure = scores.gt(self.score_thresh)?;
            let [boxes, scores, labels] = keep_best(
                [boxes, scores, labels],
                &sure,
                MIN_SIZE,
                self.nms_thresh,
                self.detections_per_img,
            )?;
            found.push(Detections { boxes, scores, labels });
        }
        Ok(found)
    }
}

/// The boxes of each image, `(K, 4)`, as [`RoIAlign`](crate::RoIAlign) wants them: `(ΣK, 5)`, the image's number first.
///
/// ```
/// use tensor::tensor;
/// use vision::convert_boxes_to_roi_format;
/// let boxes = [tensor([[0.0, 1.0, 2.0, 3.0]]), tensor([[4.0, 5.0, 6.0, 7.0]])];
/// let regions = convert_boxes_to_roi_format(&boxes)?;
/// assert_eq!(regions.to_string(), "tensor([[0., 0., 1., 2., 3.],\n        [1., 4., 5., 6., 7.]])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If there are no images, or boxes are not `(K, 4)` of one type.
#[doc(alias = "torchvision.ops._utils.convert_boxes_to_roi_format")]
#[track_caller]
pub fn convert_boxes_to_roi_format(boxes: &[Tensor]) -> Result<Tensor> {
    const OP: &str = "convert_boxes_to_roi_format";
    if boxes.is_empty() {
        return Err(Error::value(OP, "there are no images"));
    }
    let mut rows = Vec::with_capacity(boxes.len());
    for (image, boxes) in boxes.iter().enumerate() {
        let &[count, 4] = boxes.shape() else {
            return Err(Error::shape(OP, format!("boxes must be (K, 4), found shape {:?}", boxes.shape())));
        };
        if !boxes.dtype().is_float() {
            return Err(Error::not_float(OP, boxes.dtype()));
        }
        rows.push(cat(&[&full([count, 1], image as f64)?.to(boxes.dtype()), boxes], 1)?);
    }
    joined_rows(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, tensor};

    fn truth(boxes: Tensor, labels: &[i64]) -> Truth {
        Truth { boxes, labels: tensor(labels.to_vec()) }
    }

    #[test]
    fn the_truth_is_a_proposal() {
        manual_seed(0);
        let true_box = tensor([[2.0, 2.0, 6.0, 6.0]]);
        let proposals = [tensor([[2.0, 2.0, 6.0, 7.0], [8.0, 8.0, 12.0, 12.0]])];
        let samples =
            RoIHeads::new().select_training_samples(&proposals, &[truth(true_box.clone(), &[3])]).unwrap();
        assert_eq!(samples.labels.to_vec::<i64>().unwrap(), [3, 0, 3]);
        assert!(samples.proposals[0].narrow(0, 2, 1).unwrap().equal(&true_box));
        let targets = samples.regression_targets.to_vec::<f32>().unwrap();
        assert_eq!(targets[8..], [0.0; 4]);
        assert!(
            (targets[1] + 1.0).abs() < 1e-6 && (targets[3] - 5.0 * 0.8f32.ln()).abs() < 1e-5,
            "{targets:?}"
        );
    }

    #[test]
    fn an_image_without_objects_is_background() {
        manual_seed(0);
        let proposals = [tensor([[2.0, 2.0, 6.0, 7.0], [8.0, 8.0, 12.0, 12.0]])];
        let none = truth(zeros([0, 4]).unwrap(), &[]);
        let samples = RoIHeads::new().select_training_samples(&proposals, &[none]).unwrap();
        assert_eq!(samples.labels.to_vec::<i64>().unwrap(), [0, 0]);
        assert_eq!(samples.regression_targets.shape(), [2, 4]);
    }

    #[test]
    fn nothing_found_is_no_error() {
        let heads = RoIHeads::new();
        let none = zeros([0, 4]).unwrap();
        let (logits, codes) = (zeros([1, 3]).unwrap(), zeros([1, 12]).unwrap());
        let proposals = [none, tensor([[0.0, 0.0, 4.0, 4.0]])];
        let found = heads.postprocess_detections(&logits, &codes, &proposals, &[[8, 8], [8, 8]]).unwrap();
        assert_eq!((found[0].boxes.shape(), found[1].boxes.shape()), (&[0, 4][..], &[2, 4][..]));
        let few =
            heads.detections_per_img(1).postprocess_detections(&logits, &codes, &proposals, &[[8, 8]; 2]);
        assert_eq!(few.unwrap()[1].scores.numel(), 1);
    }

    #[test]
    fn misfits_are_named() {
        let heads = RoIHeads::new();
        let boxes = || tensor([[0.0, 0.0, 4.0, 4.0]]);
        let error =
            |truths: &[Truth]| heads.select_training_samples(&[boxes()], truths).unwrap_err().to_string();
        assert!(error(&[]).contains("truths of 0"));
        assert!(error(&[truth(boxes(), &[1, 2])]).contains("[2]"));
        let background = error(&[truth(boxes(), &[0])]);
        assert!(background.contains("class 0") && background.contains("roi_heads.rs"), "{background}");
        let (logits, codes) = (zeros([1, 3]).unwrap(), zeros([1, 8]).unwrap());
        let error = heads.postprocess_detections(&logits, &codes, &[boxes()], &[[8, 8]]).unwrap_err();
        assert!(error.to_string().contains("[1, 3], [1, 8] and [[1, 4]]"));
        let codes = zeros([1, 12]).unwrap();
        assert!(heads.postprocess_detections(&logits, &codes, &[boxes()], &[]).is_err());
        assert!(convert_boxes_to_roi_format(&[]).is_err() && convert_boxes_to_roi_format(&[codes]).is_err());
    }
}

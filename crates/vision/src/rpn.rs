//! The first stage of Faster R-CNN (Ren et al. 2015): from anchors and what a network says of them to proposals, the
//! boxes that a second stage looks at, and to the loss that teaches the network.
//!
//! The layers are the user's. What is here is what happens to their outputs.

use crate::{
    BalancedPositiveNegativeSampler, BoxCoder, Matcher, RpnLoss, Truth, batched_nms, box_iou,
    clip_boxes_to_image, remove_small_boxes,
};
use tensor::{AtCaller, DType, Error, Result, Tensor, cat, full};

const OP: &str = "RegionProposalNetwork";

/// A proposal with a shorter side shows nothing: torchvision's `min_size`.
const MIN_SIZE: f64 = 1e-3;

/// What a region proposal network does beside its layers: targets for the anchors, the loss, and the proposals.
///
/// The network tells of each anchor, in the order of [`AnchorGenerator`](crate::AnchorGenerator), how sure it is that
/// there is an object (a logit), and by how much the anchor is to be corrected ([`BoxCoder`] with weights of 1). Maps
/// `(N, A, H, W)` of A anchors a cell become `(N, H·W·A)` by `map.permute([0, 2, 3, 1])?.reshape([n, -1])?`, and maps
/// `(N, 4·A, H, W)` of codes `(N, H·W·A, 4)` by `map.permute([0, 2, 3, 1])?.reshape([n, -1, 4])?`.
///
/// ```
/// use tensor::{tensor, zeros};
/// use vision::{AnchorGenerator, RegionProposalNetwork};
/// let anchors = AnchorGenerator::new(&[&[8.0]], &[&[1.0]])?.grid([16, 16], &[[2, 2]])?;
/// let rpn = RegionProposalNetwork::new().score_thresh(0.5);
/// // Four anchors, of which one shows something.
/// let objectness = tensor([[-3.0, -2.0, -4.0, 3.0]]);
/// let (boxes, scores) = rpn.proposals(&objectness, &zeros([1, 4, 4])?, &anchors, &[[16, 16]])?;
/// assert_eq!(boxes[0].to_string(), "tensor([[ 4.,  4., 12., 12.]])");
/// assert_eq!(scores[0].to_string(), "tensor([0.9526])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.models.detection.rpn.RegionProposalNetwork")]
#[derive(Clone, Copy, Debug)]
pub struct RegionProposalNetwork {
    fg_iou_thresh: f64,
    bg_iou_thresh: f64,
    batch_size_per_image: usize,
    positive_fraction: f64,
    pre_nms_top_n: usize,
    post_nms_top_n: usize,
    nms_thresh: f64,
    score_thresh: f64,
}

impl Default for RegionProposalNetwork {
    fn default() -> Self {
        Self::new()
    }
}

impl RegionProposalNetwork {
    /// With the defaults of torchvision's `FasterRCNN` when it trains.
    pub fn new() -> Self {
        RegionProposalNetwork {
            fg_iou_thresh: 0.7,
            bg_iou_thresh: 0.3,
            batch_size_per_image: 256,
            positive_fraction: 0.5,
            pre_nms_top_n: 2000,
            post_nms_top_n: 2000,
            nms_thresh: 0.7,
            score_thresh: 0.0,
        }
    }

    /// From which overlap with a true box on an anchor is positive (default 0.7); the best one of a box always is.
    #[must_use]
    pub fn fg_iou_thresh(mut self, threshold: f64) -> Self {
        self.fg_iou_thresh = threshold;
        self
    }

    /// Below which overlap with all true boxes an anchor is negative (default 0.3).
    #[must_use]
    pub fn bg_iou_thresh(mut self, threshold: f64) -> Self {
        self.bg_iou_thresh = threshold;
        self
    }

    /// How many anchors of an image the loss looks at (default 256).
    #[must_use]
    pub fn batch_size_per_image(mut self, anchors: usize) -> Self {
        self.batch_size_per_image = anchors;
        self
    }

    /// Which share of them is positive, if there are enough (default 0.5).
    #[must_use]
    pub fn positive_fraction(mut self, fraction: f64) -> Self {
        self.positive_fraction = fraction;
        self
    }

    /// How many of the best anchors of each map are kept before non-maximum suppression (default 2000; torchvision
    /// takes 1000 when it does not train).
    #[must_use]
    pub fn pre_nms_top_n(mut self, anchors: usize) -> Self {
        self.pre_nms_top_n = anchors;
        self
    }

    /// How many proposals of an image there are after it at most (default 2000; torchvision takes 1000 when it does not
    /// train).
    #[must_use]
    pub fn post_nms_top_n(mut self, proposals: usize) -> Self {
        self.post_nms_top_n = proposals;
        self
    }

    /// Of two proposals of a map that overlap by more, the worse one goes (default 0.7).
    #[must_use]
    pub fn nms_thresh(mut self, threshold: f64) -> Self {
        self.nms_thresh = threshold;
        self
    }

    /// A proposal has at least this probability of showing an object (default 0).
    #[must_use]
    pub fn score_thresh(mut self, threshold: f64) -> Self {
        self.score_thresh = threshold;
        self
    }

    /// The proposals of each image, best first: boxes `(P, 4)` as `(x1, y1, x2, y2)`, and their probabilities `(P)`.
    ///
    /// Shapes: objectness logits `(N, A)` or `(N, A, 1)`, codes `(N, A, 4)`, the anchors of each map, A in all, as
    /// [`grid`](crate::AnchorGenerator::grid) gives them, and `[height, width]` of each image. Nothing of it has a
    /// gradient, as in torchvision: the second stage takes boxes as they are.
    ///
    /// # Errors
    /// If the shapes do not fit, or a number is no floating point number.
    #[track_caller]
    pub fn proposals(
        &self,
        objectness: &Tensor,
        codes: &Tensor,
        anchors: &[Tensor],
        image_shapes: &[[usize; 2]],
    ) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let [n, a] = predictions(objectness, codes, anchors)?;
        // Each image has the same anchors.
        let anchors_of_all = joined(anchors, codes.dtype())?.unsqueeze(0)?.expand([n, a, 4])?;
        let codes = codes.detach().reshape([n * a, 4])?;
        let boxes = coder().decode(&codes, &anchors_of_all.reshape([n * a, 4])?)?.reshape([n, a, 4])?;
        let per_level: Vec<usize> = anchors.iter().map(|level| level.shape()[0]).collect();
        self.filter_proposals(&boxes, objectness, image_shapes, &per_level)
    }

    /// The best of the boxes `(N, A, 4)` of each image, by their logits `(N, A)` or `(N, A, 1)`: for each map its
    /// `pre_nms_top_n` best, cut to the image, without those that have no area or too low a score; then non-maximum
    /// suppression within each map, and the `post_nms_top_n` best of all maps. Boxes `(P, 4)` and probabilities `(P)`.
    ///
    /// # Errors
    /// If the shapes do not fit, or the anchors of the maps are not A in all.
    #[doc(alias = "torchvision.models.detection.rpn.RegionProposalNetwork.filter_proposals")]
    #[track_caller]
    pub fn filter_proposals(
        &self,
        proposals: &Tensor,
        objectness: &Tensor,
        image_shapes: &[[usize; 2]],
        num_anchors_per_level: &[usize],
    ) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
        let (p, o, levels) = (proposals.shape(), objectness.shape(), num_anchors_per_level);
        let &[n, a, 4] = p else {
            return Err(Error::shape(OP, format!("proposals must be (N, A, 4), found shape {p:?}")));
        };
        if o[..] != [n, a] && o[..] != [n, a, 1] {
            return Err(Error::shape(OP, format!("objectness must be [{n}, {a}], found shape {o:?}")));
        }
        if image_shapes.len() != n || levels.iter().sum::<usize>() != a {
            let images = image_shapes.len();
            return Err(Error::value(
                OP,
                format!("{images} images with anchors {levels:?} of their maps do not fit proposals {p:?}"),
            ));
        }
        let objectness = objectness.detach().reshape([n, a])?;
        let (mut all_boxes, mut all_scores) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (i, &image) in image_shapes.iter().enumerate() {
            let logits = objectness.select(0, i as isize)?;
            let (mut best, mut level_of, mut first) = (Vec::new(), Vec::new(), 0);
            for (level, &anchors) in levels.iter().enumerate() {
                let top = self.pre_nms_top_n.min(anchors);
                best.push(logits.narrow(0, first, anchors)?.topk(top, 0, true)?.1.add(first as i64)?);
                level_of.push(full([top], level as i64)?);
                first += anchors;
            }
            let (best, level_of) = (joined_rows(&best)?, joined_rows(&level_of)?);
            let scores = logits.index_select(0, &best)?.sigmoid();
            let boxes = proposals.detach().select(0, i as isize)?.index_select(0, &best)?;
            let boxes = clip_boxes_to_image(&boxes, image)?;
            // At the threshold is enough.
            let sure = scores.ge(self.score_thresh)?;
            let [boxes, scores, _] =
                keep_best([boxes, scores, level_of], &sure, MIN_SIZE, self.nms_thresh, self.post_nms_top_n)?;
            all_boxes.push(boxes);
            all_scores.push(scores);
        }
        Ok((all_boxes, all_scores))
    }

    /// What is true of each of the anchors `(A, 4)` of one image with the true boxes `(M, 4)`: labels `(A)`, 1 for an
    /// object, 0 for background and −1 for what should count nothing, and the box that belongs to each anchor `(A, 4)`.
    ///
    /// In an image without objects all is background, and the boxes are zeros.
    ///
    /// # Errors
    /// If the shapes are others, or the thresholds are in the wrong order.
    #[doc(alias = "torchvision.models.detection.rpn.RegionProposalNetwork.assign_targets_to_anchors")]
    #[track_caller]
    pub fn assign_targets_to_anchors(&self, anchors: &Tensor, boxes: &Tensor) -> Result<(Tensor, Tensor)> {
        let (a, b) = (anchors.shape(), boxes.shape());
        let (&[n, 4], true) = (a, matches!(b, [_, 4] | [0])) else {
            return Err(Error::shape(
                OP,
                format!("expected anchors (A, 4) and boxes (M, 4), found {a:?} and {b:?}"),
            ));
        };
        let dtype = anchors.dtype();
        if boxes.numel() == 0 {
            return Ok((full([n], 0.0)?.to(dtype), full([n, 4], 0.0)?.to(dtype)));
        }
        let boxes = boxes.to(dtype);
        let matcher = Matcher::new(self.fg_iou_thresh, self.bg_iou_thresh).allow_low_quality_matches(true);
        let matches = matcher.matches(&box_iou(&boxes, anchors)?)?;
        let of = boxes.index_select(0, &matches.clamp(0, None)?)?;
        let label = |&at: &i64| match at {
            Matcher::BELOW_LOW_THRESHOLD => 0.0,
            Matcher::BETWEEN_THRESHOLDS => -1.0,
            _ => 1.0,
        };
        let labels = matches.to_vec::<i64>()?.iter().map(label).collect::<Vec<f32>>();
        Ok((Tensor::from_vec(labels, n)?.to(dtype), of))
    }

    /// The loss of the objectness and that of the boxes, two scalars: [`RpnLoss`] of anchors that are drawn by the
    /// default generator ([`BalancedPositiveNegativeSampler`]).
    ///
    /// Shapes as in [`proposals`](Self::proposals), with what is in each image.
    ///
    /// # Errors
    /// If the shapes do not fit.
    #[doc(alias = "torchvision.models.detection.rpn.RegionProposalNetwork.compute_loss")]
    #[track_caller]
    pub fn loss(
        &self,
        objectness: &Tensor,
        codes: &Tensor,
        anchors: &[Tensor],
        truths: &[Truth],
    ) -> Result<[Tensor; 2]> {
        let [n, a] = predictions(objectness, codes, anchors)?;
        if truths.len() != n {
            return Err(Error::value(
                OP,
                format!("predictions of {n} images, but truths of {}", truths.len()),
            ));
        }
        let anchors = joined(anchors, codes.dtype())?;
        let sampler = BalancedPositiveNegativeSampler::new(self.batch_size_per_image, self.positive_fraction);
        let (mut labels, mut targets) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let (mut positives, mut negatives) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (i, truth) in truths.iter().enumerate() {
            let (of_image, boxes) = self.assign_targets_to_anchors(&anchors, &truth.boxes)?;
            let (positive, negative) = sampler.sample(&of_image)?;
            // Among the anchors of all images.
            positives.push(positive.add((i * a) as i64)?);
            negatives.push(negative.add((i * a) as i64)?);
            targets.push(coder().encode(&boxes, &anchors)?);
            labels.push(of_image);
        }
        let [labels, targets] = [joined_rows(&labels)?, joined_rows(&targets)?];
        let [positive, negative] = [joined_rows(&positives)?, joined_rows(&negatives)?];
        let (objectness, codes) = (objectness.reshape([n * a])?, codes.reshape([n * a, 4])?);
        RpnLoss::new().forward(&objectness, &codes, &labels, &targets, [&positive, &negative]).at_caller()
    }
}

/// Proposals differ from anchors without weights.
fn coder() -> BoxCoder {
    BoxCoder::new([1.0; 4])
}

/// How many images and anchors there are.
#[track_caller]
fn predictions(objectness: &Tensor, codes: &Tensor, anchors: &[Tensor]) -> Result<[usize; 2]> {
    let (o, c) = (objectness.shape(), codes.shape());
    let a: usize = anchors.iter().map(|level| level.shape().first().copied().unwrap_or(0)).sum();
    let fits = matches!(c, &[n, all, 4] if all == a && (o[..] == [n, a] || o[..] == [n, a, 1]));
    if !fits || anchors.is_empty() || anchors.iter().any(|level| !matches!(level.shape(), [_, 4])) {
        let anchors: Vec<&[usize]> = anchors.iter().map(Tensor::shape).collect();
        return Err(Error::shape(
            OP,
            format!(
                "expected objectness (N, A), codes (N, A, 4) and anchors (A, 4), found {o:?}, {c:?} and {anchors:?}"
            ),
        ));
    }
    Ok([c[0], a])
}

/// The anchors of all maps, in the type of the predictions.
fn joined(anchors: &[Tensor], dtype: DType) -> Result<Tensor> {
    Ok(joined_rows(anchors)?.to(dtype))
}

/// One below the other.
pub(crate) fn joined_rows(parts: &[Tensor]) -> Result<Tensor> {
    cat(&parts.iter().collect::<Vec<_>>(), 0)
}

/// Of boxes, scores and groups of one image, best first, those of which one is `sure`, that have no side below `min_size`, and
/// that overlap no better one of their group; at most as many as asked for.
pub(crate) fn keep_best(
    mut kept: [Tensor; 3],
    sure: &Tensor,
    min_size: f64,
    nms_thresh: f64,
    most: usize,
) -> Result<[Tensor; 3]> {
    choose(&mut kept, &sure.nonzero().select(1, 0)?)?;
    let large = remove_small_boxes(&kept[0], min_size)?;
    choose(&mut kept, &large)?;
    let apart = batched_nms(&kept[0], &kept[1], &kept[2], nms_thresh)?;
    choose(&mut kept, &apart.narrow(0, 0, most.min(apart.numel()))?)?;
    Ok(kept)
}

/// The same rows of each.
fn choose(of: &mut [Tensor; 3], rows: &Tensor) -> Result<()> {
    for one in of {
        *one = one.index_select(0, rows)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, tensor, zeros};

    fn anchors() -> Tensor {
        tensor([[0.0, 0.0, 8.0, 8.0], [8.0, 0.0, 16.0, 8.0], [0.0, 8.0, 8.0, 16.0], [8.0, 8.0, 16.0, 16.0]])
    }

    #[test]
    fn each_map_suppresses_its_own() {
        let boxes = tensor([[[0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 8.0, 7.5], [0.0, 0.0, 7.5, 8.0]]]);
        let logits = tensor([[1.0, 3.0, 2.0]]);
        let rpn = RegionProposalNetwork::new();
        let count = |levels: &[usize], rpn: RegionProposalNetwork| {
            rpn.filter_proposals(&boxes, &logits, &[[16, 16]], levels).unwrap().1[0].numel()
        };
        assert_eq!((count(&[3], rpn), count(&[2, 1], rpn), count(&[1, 1, 1], rpn)), (1, 2, 3));
        assert_eq!(count(&[1, 1, 1], rpn.post_nms_top_n(2)), 2);
        assert_eq!(count(&[1, 1, 1], rpn.score_thresh(0.8)), 2);
        assert_eq!(count(&[1, 2], rpn.nms_thresh(1.0).pre_nms_top_n(1)), 2);
    }

    #[test]
    fn what_is_beside_the_image_or_no_number_is_no_proposal() {
        let boxes = tensor([[[20.0, 0.0, 28.0, 8.0], [f32::NAN, 0.0, 8.0, 8.0], [4.0, 4.0, 20.0, 20.0]]]);
        let (boxes, _) = RegionProposalNetwork::new()
            .filter_proposals(&boxes, &tensor([[9.0, 9.0, 0.0]]), &[[16, 16]], &[3])
            .unwrap();
        assert_eq!(boxes[0].to_vec::<f32>().unwrap(), [4.0, 4.0, 16.0, 16.0]);
    }

    /// The loss of images without objects is finite, and so is its gradient.
    #[test]
    fn nothing_to_find() {
        manual_seed(0);
        let objectness = zeros([2, 4]).unwrap().requires_grad();
        let codes = zeros([2, 4, 4]).unwrap().requires_grad();
        let none = Truth { boxes: zeros([0, 4]).unwrap(), labels: tensor(Vec::<i64>::new()) };
        let truths = [none.clone(), none];
        let [objects, boxes] =
            RegionProposalNetwork::new().loss(&objectness, &codes, &[anchors()], &truths).unwrap();
        assert!((objects.item().unwrap() - 2.0f64.ln()).abs() < 1e-6 && boxes.item().unwrap() == 0.0);
        objects.add(&boxes).unwrap().backward().unwrap();
        assert!(codes.grad().unwrap().equal(&zeros([2, 4, 4]).unwrap()));
        let slope = objectness.grad().unwrap();
        assert!(slope.allclose(&full([2, 4], 0.0625).unwrap(), 1e-6, 1e-7).unwrap(), "{slope}");
    }

    #[test]
    fn misfits_are_named() {
        let rpn = RegionProposalNetwork::new();
        let (o, c) = (zeros([1, 4]).unwrap(), zeros([1, 4, 4]).unwrap());
        let error = rpn.proposals(&o, &c, &[anchors(), anchors()], &[[16, 16]]).unwrap_err().to_string();
        assert!(error.contains("[1, 4, 4] and [[4, 4], [4, 4]]") && error.contains("rpn.rs"), "{error}");
        assert!(rpn.proposals(&o, &c, &[anchors()], &[]).unwrap_err().to_string().contains("0 images"));
        assert!(rpn.loss(&o, &c, &[anchors()], &[]).unwrap_err().to_string().contains("truths of 0"));
        assert!(rpn.filter_proposals(&c, &zeros([4]).unwrap(), &[[16, 16]], &[4]).is_err());
        assert!(rpn.filter_proposals(&c, &o, &[[16, 16]], &[3]).is_err());
        let boxes = zeros([1, 5]).unwrap();
        assert!(
            rpn.assign_targets_to_anchors(&anchors(), &boxes).unwrap_err().to_string().contains("[1, 5]")
        );
        let upside_down = rpn.bg_iou_thresh(0.9).assign_targets_to_anchors(&anchors(), &anchors());
        assert!(upside_down.unwrap_err().to_string().contains("0.9"));
    }
}

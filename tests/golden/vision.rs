//! Boxes and regions of images, by torchvision's names.

use crate::case::Args;
use ::vision::*;
use tensor::{Result, Tensor};

/// The outputs of an operation; `None` if there is none of that name.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let threshold = || args.float("iou_threshold").unwrap_or(0.5);
    let size = |name: &str| match args.ints(name)?.as_slice() {
        [both] => Some([*both as usize; 2]),
        [rows, columns] => Some([*rows as usize, *columns as usize]),
        _ => None,
    };
    let scale = || args.float("spatial_scale").unwrap_or(1.0);
    let result = match op {
        "nms" => nms(args.t("boxes"), args.t("scores"), threshold()),
        "batched_nms" => batched_nms(args.t("boxes"), args.t("scores"), args.t("idxs"), threshold()),
        "box_convert" => box_convert(args.t("boxes"), format(args, "in_fmt")?, format(args, "out_fmt")?),
        "clip_boxes_to_image" => clip_boxes_to_image(args.t("boxes"), size("size")?),
        "remove_small_boxes" => remove_small_boxes(args.t("boxes"), args.float("min_size")?),
        "roi_align" => RoIAlign::new(size("output_size")?)
            .spatial_scale(scale())
            .sampling_ratio(args.int("sampling_ratio").map_or(0, |ratio| ratio.max(0) as usize))
            .aligned(args.flag("aligned").unwrap_or(false))
            .forward(args.t("input"), args.t("boxes")),
        "roi_pool" => RoIPool::new(size("output_size")?)
            .spatial_scale(scale())
            .forward(args.t("input"), args.t("boxes")),
        "box_coder_encode" => coder(args)?.encode(args.t("boxes"), args.t("references")),
        "box_coder_decode" => coder(args)?.decode(args.t("codes"), args.t("references")),
        "matcher" => Matcher::new(args.float("high")?, args.float("low")?)
            .allow_low_quality_matches(args.flag("allow")?)
            .matches(args.t("quality")),
        "anchors" => anchors(args)?,
        "rpn_loss" => {
            let of = |name| args.t(name);
            let sampled = [of("positive"), of("negative")];
            return Some(
                RpnLoss::new()
                    .forward(of("objectness"), of("codes"), of("labels"), of("targets"), sampled)
                    .map(Vec::from),
            );
        }
        "yolo_assign" | "yolo_loss" | "yolo_detections" => return Some(yolo(op, args)),
        "fastrcnn_loss" => {
            let of = |name| args.t(name);
            let losses = RoiLoss::new().forward(of("logits"), of("codes"), of("labels"), of("targets"));
            return Some(losses.map(Vec::from));
        }
        _ => return stages(op, args),
    };
    Some(result.map(|y| vec![y]))
}

/// What the two stages of Faster R-CNN do beside their layers.
fn stages(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let all = |name: &str| args.members(name).into_iter().cloned().collect::<Vec<_>>();
    let shapes = || -> Option<Vec<[usize; 2]>> {
        let pair = |v: &serde_json::Value| Some([v[0].as_u64()? as usize, v[1].as_u64()? as usize]);
        args.get("image_shapes")?.as_array()?.iter().map(pair).collect()
    };
    let seeded = || args.size("seed").map(|seed| tensor::manual_seed(seed as u64));
    Some(match op {
        "rpn_filter_proposals" => {
            let levels: Vec<usize> = args.ints("levels")?.iter().map(|&n| n as usize).collect();
            let proposals = args.t("proposals");
            // torchvision takes the anchors of all images one below the other.
            let (objectness, shapes) =
                (args.t("objectness").reshape([proposals.shape()[0] as isize, -1]), shapes()?);
            let found = objectness.and_then(|o| rpn(args).filter_proposals(proposals, &o, &shapes, &levels));
            found.map(|(boxes, scores)| [boxes, scores].concat())
        }
        "rpn_proposals" => {
            let found =
                rpn(args).proposals(args.t("objectness"), args.t("codes"), &all("anchors"), &shapes()?);
            found.map(|(boxes, scores)| [boxes, scores].concat())
        }
        "rpn_assign_targets" => {
            let targets = rpn(args).assign_targets_to_anchors(args.t("anchors"), args.t("boxes"));
            targets.map(|(labels, boxes)| vec![labels, boxes])
        }
        "rpn_sampled_loss" => {
            seeded()?;
            let labels = tensor::tensor(Vec::<i64>::new());
            let truth = |boxes: Tensor| Truth { boxes, labels: labels.clone() };
            let truths: Vec<Truth> = all("boxes").into_iter().map(truth).collect();
            let losses = rpn(args).loss(args.t("objectness"), args.t("codes"), &all("anchors"), &truths);
            losses.map(Vec::from)
        }
        "roi_training_samples" => {
            seeded()?;
            let truths = all("boxes").into_iter().zip(all("labels"));
            let truths: Vec<Truth> = truths.map(|(boxes, labels)| Truth { boxes, labels }).collect();
            let samples = roi_heads(args).select_training_samples(&all("proposals"), &truths);
            samples.map(|s| [s.proposals, vec![s.labels, s.regression_targets]].concat())
        }
        "roi_postprocess_detections" => {
            let (logits, codes, proposals) = (args.t("logits"), args.t("codes"), all("proposals"));
            let found = roi_heads(args).postprocess_detections(logits, codes, &proposals, &shapes()?);
            found.map(|images| images.into_iter().flat_map(|d| [d.boxes, d.scores, d.labels]).collect())
        }
        _ => return None,
    })
}

fn rpn(args: &Args<'_>) -> RegionProposalNetwork {
    let float = |name, default| args.float(name).unwrap_or(default);
    let size = |name, default| args.size(name).unwrap_or(default);
    RegionProposalNetwork::new()
        .pre_nms_top_n(size("pre", 2000))
        .post_nms_top_n(size("post", 2000))
        .nms_thresh(float("nms", 0.7))
        .score_thresh(float("score", 0.0))
        .fg_iou_thresh(float("fg", 0.7))
        .bg_iou_thresh(float("bg", 0.3))
        .batch_size_per_image(size("batch", 256))
        .positive_fraction(float("fraction", 0.5))
}

fn roi_heads(args: &Args<'_>) -> RoIHeads {
    let float = |name, default| args.float(name).unwrap_or(default);
    let size = |name, default| args.size(name).unwrap_or(default);
    let weights = args.get("weights").and_then(serde_json::Value::as_array);
    let weights = weights.map(|w| [0, 1, 2, 3].map(|i| w[i].as_f64().unwrap_or(f64::NAN)));
    RoIHeads::new()
        .fg_iou_thresh(float("fg", 0.5))
        .bg_iou_thresh(float("bg", 0.5))
        .batch_size_per_image(size("batch", 512))
        .positive_fraction(float("fraction", 0.25))
        .bbox_reg_weights(weights.unwrap_or([10.0, 10.0, 5.0, 5.0]))
        .score_thresh(float("score", 0.05))
        .nms_thresh(float("nms", 0.5))
        .detections_per_img(size("most", 100))
}

/// The anchor-free YOLO: points, boxes, labels and scores of an assignment; the loss and its parts; boxes, scores and
/// labels of what is found in each image.
fn yolo(op: &str, args: &Args<'_>) -> Result<Vec<Tensor>> {
    let number = |name| args.float(name).unwrap_or_default();
    let strides: Vec<usize> = args.ints("strides").unwrap_or_default().iter().map(|&s| s as usize).collect();
    let maps: Vec<Tensor> = args.members("maps").into_iter().cloned().collect();
    let predictions = YoloPredictions::from_maps(&maps, &strides, number("bins") as usize)?;
    if op == "yolo_detections" {
        let found = predictions.detections(number("score_threshold"), number("iou_threshold"))?;
        return Ok(found.into_iter().flat_map(|found| [found.boxes, found.scores, found.labels]).collect());
    }
    let both = args.members("boxes").into_iter().zip(args.members("labels"));
    let truths: Vec<Truth> =
        both.map(|(boxes, labels)| Truth { boxes: boxes.clone(), labels: labels.clone() }).collect();
    let assigner =
        TaskAlignedAssigner::new().topk(number("topk") as usize).alpha(number("alpha")).beta(number("beta"));
    if op == "yolo_assign" {
        let Assignment { points, boxes, labels, scores } = assigner.assign(&predictions, &truths)?;
        return Ok(vec![points, boxes, labels, scores]);
    }
    let (total, parts) = YoloLoss::new().assigner(assigner).parts(&predictions, &truths)?;
    Ok(std::iter::once(total).chain(parts.into_iter().map(|part| part.loss)).collect())
}

fn format(args: &Args<'_>, name: &str) -> Option<BoxFormat> {
    Some(match args.text(name)? {
        "xyxy" => BoxFormat::Xyxy,
        "xywh" => BoxFormat::Xywh,
        "cxcywh" => BoxFormat::Cxcywh,
        _ => return None,
    })
}

fn coder(args: &Args<'_>) -> Option<BoxCoder> {
    let weights: Vec<f64> =
        args.get("weights")?.as_array()?.iter().filter_map(serde_json::Value::as_f64).collect();
    Some(BoxCoder::new(weights.try_into().ok()?))
}

/// The anchors of all maps, one below the other.
fn anchors(args: &Args<'_>) -> Option<Result<Tensor>> {
    let rows = |name: &str| -> Option<Vec<Vec<f64>>> {
        let row = |row: &serde_json::Value| row.as_array()?.iter().map(serde_json::Value::as_f64).collect();
        args.get(name)?.as_array()?.iter().map(row).collect()
    };
    let (maps, sizes, ratios) = (rows("maps")?, rows("sizes")?, rows("aspect_ratios")?);
    let maps: Vec<[usize; 2]> = maps.iter().map(|m| [m[0] as usize, m[1] as usize]).collect();
    let sizes: Vec<&[f64]> = sizes.iter().map(Vec::as_slice).collect();
    let ratios: Vec<&[f64]> = ratios.iter().map(Vec::as_slice).collect();
    let [.., height, width] = *args.t("image").shape() else { return None };
    let grids =
        AnchorGenerator::new(&sizes, &ratios).and_then(|anchors| anchors.grid([height, width], &maps));
    Some(grids.and_then(|grids| tensor::cat(&grids.iter().collect::<Vec<_>>(), 0)))
}

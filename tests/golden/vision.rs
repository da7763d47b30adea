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
        _ => return None,
    };
    Some(result.map(|y| vec![y]))
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

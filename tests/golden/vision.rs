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
        _ => return None,
    };
    Some(result.map(|y| vec![y]))
}

fn format(args: &Args<'_>, name: &str) -> Option<BoxFormat> {
    Some(match args.text(name)? {
        "xyxy" => BoxFormat::Xyxy,
        "xywh" => BoxFormat::Xywh,
        "cxcywh" => BoxFormat::Cxcywh,
        _ => return None,
    })
}

//! A detector in two stages finds handwritten digits on canvases and says which they are: a small Faster R-CNN (Ren et
//! al. 2015) with `RpnLoss` and `RoiLoss`, from convolutions to mean average precision.
//!
//! | object detection | Faster R-CNN | RoiLoss, RegionProposalNetwork::loss | made scenes of digits | mAP@0.5 0.989 | 58 s |
//!
//! `cargo run --release --example faster_rcnn_digits -- --epochs 12 --seed 0`

use baekmi::data::DigitScenes;
use baekmi::nn::init;
use baekmi::plot::Chart;
use baekmi::prelude::*;
use baekmi::vision::{
    AnchorGenerator, AveragePrecision, Detections, RegionProposalNetwork, RoIAlign, RoIHeads, RoiLoss, Truth,
    convert_boxes_to_roi_format, draw_labeled_boxes, make_grid, save_image,
};

/// The side of a canvas, and what share of it a feature map has.
const SIZE: usize = 64;
const SCALE: f64 = 1.0 / 4.0;
/// The sizes of the anchors, and their heights over their widths: digits are taller than wide.
const SIZES: [f64; 3] = [10.0, 14.0, 20.0];
const RATIOS: [f64; 2] = [1.2, 2.0];
/// The background, and ten digits.
const CLASSES: usize = 1 + 10;
/// Regions are brought to so many rows and columns.
const ROWS: usize = 5;

/// The first stage: for each anchor of each cell, is there something, and where exactly.
#[derive(Module)]
struct RpnHead {
    conv: Conv2d,
    cls_logits: Conv2d,
    bbox_pred: Conv2d,
}

impl RpnHead {
    fn new(channels: usize, anchors: usize) -> Result<RpnHead> {
        let conv = Conv2d::new(channels, channels, 3).padding(1);
        let head = RpnHead {
            conv,
            cls_logits: Conv2d::new(channels, anchors, 1),
            bbox_pred: Conv2d::new(channels, 4 * anchors, 1),
        };
        // As torchvision begins: all anchors are equally likely, and none is corrected by much.
        for layer in [&head.conv, &head.cls_logits, &head.bbox_pred] {
            init::normal_(&layer.weight, 0.0, 0.01)?;
            layer.bias.iter().try_for_each(init::zeros_)?;
        }
        Ok(head)
    }

    /// From maps `(N, C, H, W)` to a logit `(N, A)` and a code `(N, A, 4)` for each of all anchors of an image.
    fn forward(&self, maps: &Tensor) -> Result<(Tensor, Tensor)> {
        let n = maps.shape()[0];
        let x = self.conv.forward(maps)?.relu();
        let objectness = self.cls_logits.forward(&x)?.permute([0, 2, 3, 1])?.reshape([n as isize, -1])?;
        let codes = self.bbox_pred.forward(&x)?.permute([0, 2, 3, 1])?.reshape([n as isize, -1, 4])?;
        Ok((objectness, codes))
    }
}

/// The second stage: what a region shows, and where exactly if it is this or that.
#[derive(Module)]
struct BoxHead {
    fc: Sequential,
    cls_score: Linear,
    bbox_pred: Linear,
}

impl BoxHead {
    /// From regions `(K, C, rows, columns)` to logits `(K, classes)` and a code for each class `(K, 4·classes)`.
    fn forward(&self, regions: &Tensor) -> Result<(Tensor, Tensor)> {
        let x = self.fc.forward(regions)?;
        Ok((self.cls_score.forward(&x)?, self.bbox_pred.forward(&x)?))
    }
}

#[derive(Module)]
struct Detector {
    backbone: Sequential,
    rpn: RpnHead,
    roi_heads: BoxHead,
}

impl Detector {
    fn new() -> Result<Detector> {
        Ok(Detector {
            // Two times half as large; a cell of the maps sees 26 × 26 pixels, the largest digit and some around it.
            backbone: sequential![
                Conv2d::new(1, 16, 3).padding(1),
                BatchNorm2d::new(16),
                ReLU,
                MaxPool2d::new(2),
                Conv2d::new(16, 32, 3).padding(1),
                BatchNorm2d::new(32),
                ReLU,
                MaxPool2d::new(2),
                Conv2d::new(32, 64, 3).padding(1),
                BatchNorm2d::new(64),
                ReLU,
                Conv2d::new(64, 64, 3).padding(1),
                BatchNorm2d::new(64),
                ReLU,
            ],
            rpn: RpnHead::new(64, SIZES.len() * RATIOS.len())?,
            roi_heads: BoxHead {
                fc: sequential![Flatten::new(), Linear::new(64 * ROWS * ROWS, 128), ReLU],
                cls_score: Linear::new(128, CLASSES),
                bbox_pred: Linear::new(128, 4 * CLASSES),
            },
        })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { epochs, scenes, tests, batch, seed } = options()?;
    manual_seed(seed);
    // Other digits, by other writers, for each part.
    let (validation, test) = (1100..1300, 1300..1797);
    let validation = make_digit_scenes(tests / 2).size(SIZE).digits_from(validation).generate()?;
    let test = make_digit_scenes(tests).size(SIZE).digits_from(test).generate()?;

    let model = Detector::new()?;
    println!("{model}\n{} parameters", model.num_parameters());
    let anchors = AnchorGenerator::new(&[&SIZES], &[&RATIOS])?;
    let side = (SIZE as f64 * SCALE) as usize;
    let anchors = anchors.grid([SIZE, SIZE], &[[side, side]])?;
    println!("{} anchors on each of {scenes} canvases in an epoch\n", anchors[0].shape()[0]);

    // torchvision's rules, with fewer anchors and regions: an image has four objects at most.
    let rpn = RegionProposalNetwork::new().batch_size_per_image(64).pre_nms_top_n(200).post_nms_top_n(50);
    let roi_align = RoIAlign::new([ROWS, ROWS]).spatial_scale(SCALE).sampling_ratio(2);
    let roi_heads = RoIHeads::new().batch_size_per_image(32);

    // What is on canvases, from the outputs of both stages.
    let detect = |images: &Tensor| -> Result<Vec<Detections>> {
        let sizes = vec![[SIZE, SIZE]; images.size(0)?];
        let maps = model.backbone.forward(images)?;
        let (objectness, codes) = model.rpn.forward(&maps)?;
        let (proposals, _scores) = rpn.proposals(&objectness, &codes, &anchors, &sizes)?;
        let regions = roi_align.forward(&maps, &convert_boxes_to_roi_format(&proposals)?)?;
        let (logits, codes) = model.roi_heads.forward(&regions)?;
        roi_heads.postprocess_detections(&logits, &codes, &proposals, &sizes)
    };
    let detect_all = |scenes: &DigitScenes| -> Result<Vec<Detections>> {
        model.eval();
        let parts = no_grad(|| scenes.images.split(50, 0)?.iter().map(detect).collect::<Result<Vec<_>>>())?;
        Ok(parts.into_iter().flatten().collect())
    };

    let steps = epochs * scenes.div_ceil(batch);
    let mut optimizer = AdamW::new(model.parameters(), 0.002);
    let mut schedule = OneCycleLR::new(&optimizer, 0.002, steps);
    let names = ["objectness", "proposals' boxes", "classes", "detections' boxes"];
    let mut curves = vec![Vec::new(); names.len()];
    let mut found = Vec::new();
    let bar = indicatif::ProgressBar::new(steps as u64);
    for epoch in 1..=epochs {
        model.train();
        // New canvases in each epoch.
        let made = make_digit_scenes(scenes).size(SIZE).digits_from(0..1100).generate()?;
        let truths = truths(&made)?;
        let mut totals = [0.0; 4];
        for (images, truths) in made.images.split(batch as i64, 0)?.iter().zip(truths.chunks(batch)) {
            let maps = model.backbone.forward(images)?;
            // First stage: where could something be?
            let (objectness, codes) = model.rpn.forward(&maps)?;
            let [loss_objectness, loss_rpn_box] = rpn.loss(&objectness, &codes, &anchors, truths)?;
            let sizes = vec![[SIZE, SIZE]; images.size(0)?];
            let (proposals, _scores) = rpn.proposals(&objectness, &codes, &anchors, &sizes)?;
            // Second stage: what is there?
            let samples = roi_heads.select_training_samples(&proposals, truths)?;
            let regions = roi_align.forward(&maps, &convert_boxes_to_roi_format(&samples.proposals)?)?;
            let (logits, codes) = model.roi_heads.forward(&regions)?;
            let [loss_classifier, loss_box] =
                RoiLoss::new().forward(&logits, &codes, &samples.labels, &samples.regression_targets)?;

            let parts = [loss_objectness, loss_rpn_box, loss_classifier, loss_box];
            let loss = &(&parts[0] + &parts[1]) + &(&parts[2] + &parts[3]);
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            schedule.step();
            for (total, part) in totals.iter_mut().zip(&parts) {
                *total += part.item()? * images.size(0)? as f64 / scenes as f64;
            }
            bar.inc(1);
        }
        let map = AveragePrecision::new(0.5).mean(&detect_all(&validation)?, &self::truths(&validation)?)?;
        curves.iter_mut().zip(totals).for_each(|(curve, total)| curve.push(total));
        found.push(map);
        bar.suspend(|| {
            let parts = names.iter().zip(totals).map(|(name, total)| format!("{name} {total:.4}"));
            println!("epoch {epoch:2}  {}  mAP {map:.3}", parts.collect::<Vec<_>>().join("  "));
        });
    }
    bar.finish_and_clear();

    let detections = detect_all(&test)?;
    let truths = truths(&test)?;
    let by_class = AveragePrecision::new(0.5).by_class(&detections, &truths)?;
    let by_class = by_class.iter().map(|(class, precision)| format!("{} {precision:.3}", class - 1));
    println!("\naverage precision of each digit: {}", by_class.collect::<Vec<_>>().join(", "));

    save_image(&side_by_side(&test, &detections, tests.min(8))?, "faster_rcnn_digits.png")?;
    let mut chart = Chart::new("faster_rcnn_digits").x_label("epoch").y_label("loss");
    for (name, curve) in names.iter().zip(&curves) {
        chart = chart.line(*name, curve);
    }
    chart.save("faster_rcnn_digits.svg")?;
    Chart::new("faster_rcnn_digits")
        .x_label("epoch")
        .y_label("mAP")
        .line("validation", &found)
        .save("faster_rcnn_digits_map.svg")?;
    println!("what is found (left) beside what is there: faster_rcnn_digits.png");
    println!("learning curves: faster_rcnn_digits.svg, faster_rcnn_digits_map.svg");

    // COCO's figure: the mean over ten degrees of exactness.
    let coco = (0..10).map(|i| AveragePrecision::new(0.5 + 0.05 * f64::from(i)).mean(&detections, &truths));
    println!("mAP@0.5:0.95: {:.4}", coco.collect::<Result<Vec<_>>>()?.iter().sum::<f64>() / 10.0);
    // Who knows where everything is, and calls it always the same, has this.
    let same = truths.iter().map(|truth| {
        let count = truth.labels.numel();
        Ok(Detections {
            boxes: truth.boxes.clone(),
            scores: ones([count])?,
            labels: truth.labels.full_like(1),
        })
    });
    let same = same.collect::<Result<Vec<_>>>()?;
    println!("baseline mAP@0.5: {:.4}", AveragePrecision::new(0.5).mean(&same, &truths)?);
    println!("test mAP@0.5: {:.4}", AveragePrecision::new(0.5).mean(&detections, &truths)?);
    Ok(())
}

/// The first scenes four times as large: what is found with a probability of one half or more, beside what is there.
fn side_by_side(scenes: &DigitScenes, found: &[Detections], n: usize) -> Result<Tensor> {
    let mut pictures = Vec::new();
    for (i, found) in found.iter().enumerate().take(n) {
        let image =
            scenes.images.narrow(0, i, 1)?.interpolate(&Interpolate::scale_factor(4.0))?.select(0, 0)?;
        let sure = found.scores.ge(0.5)?.nonzero().select(1, 0)?;
        let labels = found.labels.index_select(0, &sure)?.to_vec::<i64>()?;
        let scores = found.scores.index_select(0, &sure)?.to_vec::<f32>()?;
        let words = labels.iter().zip(scores).map(|(label, score)| format!("{}: {score:.2}", label - 1));
        let boxes = found.boxes.index_select(0, &sure)?.mul(4.0)?;
        pictures.push(draw_labeled_boxes(&image, &boxes, &words.collect::<Vec<_>>(), [1.0, 0.75, 0.0])?);
        let words: Vec<String> = scenes.labels[i].to_vec::<i64>()?.iter().map(i64::to_string).collect();
        pictures.push(draw_labeled_boxes(&image, &scenes.boxes[i].mul(4.0)?, &words, [0.0, 0.7, 0.4])?);
    }
    make_grid(&stack(&pictures.iter().collect::<Vec<_>>(), 0)?, 4, 4)
}

/// What is on each canvas, where the classes begin with 1: class 0 is the background.
fn truths(scenes: &DigitScenes) -> Result<Vec<Truth>> {
    let one =
        |(boxes, labels): (&Tensor, &Tensor)| Ok(Truth { boxes: boxes.clone(), labels: labels.add(1)? });
    scenes.boxes.iter().zip(&scenes.labels).map(one).collect()
}

struct Options {
    epochs: usize,
    /// So many canvases in an epoch, and in the test.
    scenes: usize,
    tests: usize,
    batch: usize,
    seed: u64,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 12, scenes: 1000, tests: 400, batch: 10, seed: 0 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.scenes, options.tests) = (1, 10, 4),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

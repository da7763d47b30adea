//! An anchor-free YOLO finds handwritten digits: canvases of 64 × 64 pixels with one to four digits of several sizes, drawn
//! anew for each step, `YoloHead` and `YoloLoss`; pictures show what it finds beside what is there.
//!
//! | object detection | YOLO | YoloLoss | made scenes of digits | mAP@0.5 0.976 | 44 s |
//!
//! `cargo run --release --example yolo_digits -- --steps 600 --seed 0`: mAP@0.5 0.976 on canvases and digits that it never
//! saw, 0.858 by COCO's mean over the overlaps 0.5 to 0.95.

use baekmi::data::DigitScenes;
use baekmi::nn::Layer;
use baekmi::plot::Chart;
use baekmi::prelude::*;
use baekmi::vision::{
    AveragePrecision, Detections, Truth, YoloHead, YoloLoss, YoloPredictions, draw_labeled_boxes, make_grid,
    save_image,
};

/// Two maps of features, 4 and 8 pixels from point to point. The finer one sees what the coarser one knows.
#[derive(Module)]
struct Yolo {
    stem: Sequential,
    deep: Sequential,
    fused: Sequential,
    head: YoloHead,
}

/// A 3 × 3 convolution with batch norm and SiLU.
fn conv(from: usize, to: usize, stride: usize) -> Sequential {
    sequential![Conv2d::new(from, to, 3).stride(stride).padding(1).bias(false), BatchNorm2d::new(to), SiLU]
}

impl Yolo {
    /// So many channels on the finer map.
    fn new(width: usize) -> Result<Self> {
        Ok(Yolo {
            stem: sequential![conv(1, width / 2, 2), conv(width / 2, width, 2), conv(width, width, 1)],
            deep: sequential![conv(width, 2 * width, 2), conv(2 * width, 2 * width, 1)],
            fused: conv(3 * width, width, 1),
            // Ten classes; a side is at most seven strides away.
            head: YoloHead::new(&[width, 2 * width], &[4, 8], 10, 8)?,
        })
    }

    fn forward(&self, images: &Tensor) -> Result<YoloPredictions> {
        let fine = self.stem.forward(images)?;
        let coarse = self.deep.forward(&fine)?;
        let larger = coarse.interpolate(&Interpolate::scale_factor(2.0))?;
        let fine = self.fused.forward(&cat(&[&fine, &larger], 1)?)?;
        self.head.forward(&[fine, coarse])
    }

    /// What is found in each image; 50 images at once take little memory.
    fn predict(&self, images: &Tensor) -> Result<Vec<Detections>> {
        self.eval();
        let mut found = Vec::new();
        for images in &DataLoader::new(TensorDataset::new(images.clone())?).batch_size(50)? {
            found.extend(no_grad(|| self.forward(&images))?.detections(0.01, 0.5)?);
        }
        self.train();
        Ok(found)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { steps, seed, width, size, batch_size, tests } = options()?;
    manual_seed(seed);
    // No digit is on both sides: the first 1,300 are trained with, the other 497 tested.
    let train = make_digit_scenes(batch_size).size(size).digits(1..=size / 16).digits_from(0..1300);
    let test =
        make_digit_scenes(tests).size(size).digits(1..=size / 16).digits_from(1300..1797).generate()?;
    let truths = truths(&test);
    let model = Yolo::new(width)?;
    let criterion = YoloLoss::new();
    let mut optimizer = AdamW::new(model.parameters(), 1e-3).weight_decay(1e-3);
    let mut schedule = OneCycleLR::new(&optimizer, 4e-3, steps);
    println!(
        "{} parameters, {steps} steps with {batch_size} scenes each, {tests} to test",
        model.num_parameters()
    );

    let map = AveragePrecision::new(0.5);
    let baseline = map.mean(&model.predict(&test.images)?, &truths)?;
    let mut curves: [Vec<f64>; 3] = Default::default();
    let bar = indicatif::ProgressBar::new(steps as u64);
    for step in 1..=steps {
        let scenes = train.generate()?;
        let (loss, parts) = criterion.parts(&model.forward(&scenes.images)?, &self::truths(&scenes))?;
        optimizer.zero_grad();
        loss.backward()?;
        clip_grad_norm_(model.parameters(), 10.0)?;
        optimizer.step()?;
        schedule.step();
        for (curve, part) in curves.iter_mut().zip(&parts) {
            curve.push(part.weight * part.loss.item()?);
        }
        bar.inc(1);
        if step % (steps / 10).max(1) == 0 {
            let last =
                |curve: &Vec<f64>| curve.iter().rev().take(20).sum::<f64>() / curve.len().min(20) as f64;
            let [boxes, classes, sides] = curves.each_ref().map(last);
            bar.suspend(|| {
                println!("step {step:5}  box {boxes:.3}  class {classes:.3}  distribution {sides:.3}");
            });
        }
    }
    bar.finish_and_clear();

    let found = model.predict(&test.images)?;
    for (class, precision) in map.by_class(&found, &truths)? {
        println!("average precision of {class}: {precision:.3}");
    }
    save_image(&side_by_side(&test, &found, 8)?, "yolo_digits.png")?;
    let [boxes, classes, sides] = curves.each_ref().map(|curve| smooth(curve));
    Chart::new("yolo_digits")
        .x_label("steps, in twenties")
        .y_label("loss, weighted")
        .line("box", &boxes)
        .line("class", &classes)
        .line("distribution", &sides)
        .save("yolo_digits.svg")?;
    println!("found beside true: yolo_digits.png, learning curve: yolo_digits.svg");
    println!("baseline mAP@0.5, before it learns: {baseline:.4}");
    println!("test mAP@0.5:0.95: {:.4}", coco(&found, &truths)?);
    println!("test mAP@0.5: {:.4}", map.mean(&found, &truths)?);
    Ok(())
}

/// The boxes and labels of each scene.
fn truths(scenes: &DigitScenes) -> Vec<Truth> {
    let both = scenes.boxes.iter().zip(&scenes.labels);
    both.map(|(boxes, labels)| Truth { boxes: boxes.clone(), labels: labels.clone() }).collect()
}

/// COCO's mean over the overlaps 0.5, 0.55, …, 0.95.
fn coco(found: &[Detections], truths: &[Truth]) -> Result<f64> {
    let at = (0..10).map(|i| AveragePrecision::new(0.5 + 0.05 * f64::from(i)).mean(found, truths));
    Ok(at.sum::<Result<f64>>()? / 10.0)
}

/// The first scenes four times as large: what is found (left, orange, with scores from 0.25) beside what is there (right).
fn side_by_side(scenes: &DigitScenes, found: &[Detections], n: usize) -> Result<Tensor> {
    let mut pictures = Vec::new();
    for (i, found) in found.iter().enumerate().take(n) {
        let image = scenes.images.narrow(0, i, 1)?.interpolate(&Interpolate::scale_factor(4.0))?;
        let image = image.select(0, 0)?;
        let sure = found.scores.gt(0.25)?.nonzero().select(1, 0)?;
        let scores = found.scores.index_select(0, &sure)?.to_vec::<f32>()?;
        let labels = found.labels.index_select(0, &sure)?.to_vec::<i64>()?;
        let words: Vec<String> =
            labels.iter().zip(scores).map(|(label, score)| format!("{label}: {score:.2}")).collect();
        let boxes = found.boxes.index_select(0, &sure)?.mul(4.0)?;
        pictures.push(draw_labeled_boxes(&image, &boxes, &words, [1.0, 0.75, 0.0])?);
        let words: Vec<String> = scenes.labels[i].to_vec::<i64>()?.iter().map(i64::to_string).collect();
        pictures.push(draw_labeled_boxes(&image, &scenes.boxes[i].mul(4.0)?, &words, [0.0, 0.7, 0.4])?);
    }
    make_grid(&stack(&pictures.iter().collect::<Vec<_>>(), 0)?, 4, 4)
}

/// Means of 20 steps.
fn smooth(curve: &[f64]) -> Vec<f64> {
    curve.chunks(20).map(|part| part.iter().sum::<f64>() / part.len() as f64).collect()
}

struct Options {
    steps: usize,
    seed: u64,
    /// Channels of the finer map.
    width: usize,
    /// The side of a canvas; one to `size / 16` digits are on it.
    size: usize,
    batch_size: usize,
    /// How many scenes are tested.
    tests: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { steps: 600, seed: 0, width: 32, size: 64, batch_size: 32, tests: 300 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("steps") => options.steps = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => {
                options = Options { steps: 20, width: 8, size: 32, batch_size: 4, tests: 8, ..options };
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

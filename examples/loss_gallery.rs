//! Every criterion in one picture: its value and its slope over the prediction, drawn from what the library computes.
//!
//! | every criterion, drawn | none | all | a range of numbers | a picture of each | 1 s |
//!
//! `cargo run --release --example loss_gallery -- --out docs/losses` writes one picture of all, and one of each.

use baekmi::prelude::*;
use plotters::coord::Shift;
use plotters::element::Text as Label;
use plotters::prelude::{
    BLACK, ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, RGBColor, Rectangle,
    SVGBackend, WHITE,
};

type Loss = dyn Fn(&Tensor) -> Result<Tensor>;

/// A criterion as a function of one number.
struct Curve {
    name: &'static str,
    x_label: &'static str,
    range: (f64, f64),
    loss: Box<Loss>,
}

fn curve(
    name: &'static str,
    x_label: &'static str,
    range: (f64, f64),
    loss: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Curve {
    Curve { name, x_label, range, loss: Box::new(loss) }
}

/// The criterion of a number against a fixed target.
fn against(
    name: &'static str,
    x_label: &'static str,
    range: (f64, f64),
    criterion: impl Criterion + 'static,
    target: f64,
) -> Curve {
    curve(name, x_label, range, move |x| criterion.forward(x, &x.full_like(target)))
}

/// `x` beside a constant: the logits of two classes.
fn beside(x: &Tensor, other: f64) -> Result<Tensor> {
    stack(&[x, &x.full_like(other)], -1)?.reshape([1, 2])
}

fn curves() -> Vec<Curve> {
    let wide = (-4.0, 4.0);
    let one_of_two = |x: &Tensor| beside(x, 0.0);
    let box_at = |x: &Tensor| {
        let (low, high) = (x.full_like(0.0), x.full_like(1.0));
        stack(&[x, &low, &(x + 1.0), &high], -1)?.reshape([1, 4])
    };
    let vector = |x: &Tensor| stack(&[&x.cos(), &x.sin()], -1)?.reshape([1, 2]);
    vec![
        against("MSELoss", "x − t", wide, MSELoss::new(), 0.0),
        against("L1Loss", "x − t", wide, L1Loss::new(), 0.0),
        against("HuberLoss", "x − t", wide, HuberLoss::new(), 0.0),
        against("SmoothL1Loss, β = 2", "x − t", wide, SmoothL1Loss::new().beta(2.0), 0.0),
        against("LogCoshLoss", "x − t", wide, LogCoshLoss::new(), 0.0),
        against("QuantileLoss, 0.9", "x − t", wide, QuantileLoss::new().quantile(0.9), 0.0),
        against("PoissonNLLLoss, t = 2", "ln rate", (-2.0, 2.0), PoissonNLLLoss::new(), 2.0),
        curve("GaussianNLLLoss, x − t = 1", "variance", (0.3, 4.0), |v| {
            GaussianNLLLoss::new().forward(&v.full_like(1.0), &v.full_like(0.0), v)
        }),
        against("BCEWithLogitsLoss, t = 1", "logit", wide, BCEWithLogitsLoss::new(), 1.0),
        against(
            "BCEWithLogitsLoss, pos_weight = 3",
            "logit",
            wide,
            BCEWithLogitsLoss::new().pos_weight(&tensor(3.0)),
            1.0,
        ),
        against("BCELoss, t = 1", "probability", (0.1, 1.0), BCELoss::new(), 1.0),
        curve("CrossEntropyLoss", "logit of the label", wide, move |x| {
            CrossEntropyLoss::new().forward(&one_of_two(x)?, &tensor([0]))
        }),
        curve("CrossEntropyLoss, label_smoothing = 0.2", "logit of the label", wide, move |x| {
            CrossEntropyLoss::new().label_smoothing(0.2).forward(&one_of_two(x)?, &tensor([0]))
        }),
        curve("NLLLoss", "ln p of the label", (-4.0, 0.0), move |x| {
            NLLLoss::new().forward(&one_of_two(x)?, &tensor([0]))
        }),
        against("SigmoidFocalLoss, t = 1", "logit", wide, SigmoidFocalLoss::new(), 1.0),
        curve("FocalLoss", "logit of the label", wide, move |x| {
            FocalLoss::new().forward(&one_of_two(x)?, &tensor([0]))
        }),
        against("SoftMarginLoss, y = 1", "x", wide, SoftMarginLoss::new(), 1.0),
        curve("MultiLabelSoftMarginLoss", "logit of a label", wide, move |x| {
            MultiLabelSoftMarginLoss::new().forward(&one_of_two(x)?, &tensor([[1.0, 0.0]]).to(DType::F64))
        }),
        curve("MultiMarginLoss", "score of the label", wide, move |x| {
            MultiMarginLoss::new().forward(&one_of_two(x)?, &tensor([0]))
        }),
        curve("MultiLabelMarginLoss", "score of a label", wide, move |x| {
            MultiLabelMarginLoss::new().forward(&one_of_two(x)?, &tensor([[0, -1]]))
        }),
        against("KLDivLoss, t = ½", "ln p", (-4.0, 0.0), KLDivLoss::new(), 0.5),
        curve("CTCLoss, “a” over 3 times", "logit of a", wide, |x| {
            let blank = x.full_like(0.0);
            let log_probs = stack(&[&blank, x], -1)?.log_softmax(-1)?.reshape([1, 2])?.expand([3, 2])?;
            CTCLoss::new().forward(&log_probs, &tensor([1]), 3, 1)
        }),
        curve("AdaptiveLogSoftmaxWithLoss", "logit of the label's cluster", wide, of_a_cluster),
        curve("CosineEmbeddingLoss, y = 1", "angle", (-3.1, 3.1), move |x| {
            CosineEmbeddingLoss::new().forward(&vector(x)?, &vector(&x.full_like(0.0))?, &tensor([1.0]))
        }),
        against("HingeEmbeddingLoss, y = −1", "distance", (0.0, 2.0), HingeEmbeddingLoss::new(), -1.0),
        curve("TripletMarginLoss", "a − p, where a − n = 2", (-3.0, 3.0), |x| {
            let zero = x.full_like(0.0).reshape([1, 1])?;
            TripletMarginLoss::new().forward(&zero, &x.reshape([1, 1])?, &(&zero + 2.0))
        }),
        curve("TripletMarginWithDistanceLoss, cosine", "angle, where a − n = 2", (-3.1, 3.1), move |x| {
            let (anchor, other) = (vector(&x.full_like(0.0))?, vector(&x.full_like(2.0))?);
            let criterion = TripletMarginWithDistanceLoss::new()
                .distance_function(|x, y| x.cosine_similarity(y, 1, 1e-8)?.rsub(1.0));
            criterion.forward(&anchor, &vector(x)?, &other)
        }),
        curve("MarginRankingLoss, y = 1, margin 1", "x₁ − x₂", wide, |x| {
            let zero = x.full_like(0.0);
            MarginRankingLoss::new().margin(1.0).forward(x, &zero, &x.full_like(1.0))
        }),
        curve("InfoNCELoss, τ = ½", "angle of a pair", (-3.1, 3.1), move |x| {
            let keys = cat(&[&vector(&x.full_like(0.0))?, &vector(&x.full_like(2.0))?], 0)?;
            let queries = cat(&[&vector(x)?, &vector(&x.full_like(2.0))?], 0)?;
            InfoNCELoss::new().temperature(0.5).forward(&queries, &keys)
        }),
        curve("NTXentLoss", "angle of a pair", (-3.1, 3.1), move |x| {
            let keys = cat(&[&vector(&x.full_like(0.0))?, &vector(&x.full_like(2.0))?], 0)?;
            let queries = cat(&[&vector(x)?, &vector(&x.full_like(2.0))?], 0)?;
            NTXentLoss::new().forward(&queries, &keys)
        }),
        curve("DiceLoss", "logit of a pixel", wide, move |x| {
            DiceLoss::new().forward(&beside(x, -4.0)?, &tensor([[1.0, 0.0]]).to(DType::F64))
        }),
        curve("TverskyLoss, β = 0.9", "logit of a pixel", wide, move |x| {
            let criterion = TverskyLoss::new().alpha(0.1).beta(0.9);
            criterion.forward(&beside(x, -4.0)?, &tensor([[1.0, 0.0]]).to(DType::F64))
        }),
        curve("LovaszLoss", "logit of a pixel", wide, move |x| {
            LovaszLoss::new().forward(&beside(x, 0.0)?, &tensor([[1.0, 0.0]]).to(DType::F64))
        }),
        curve("IoULoss", "shift of a box", (-2.0, 2.0), move |x| {
            IoULoss::new().forward(&box_at(x)?, &box_at(&x.full_like(0.0))?)
        }),
        curve("GIoULoss", "shift of a box", (-2.0, 2.0), move |x| {
            GIoULoss::new().forward(&box_at(x)?, &box_at(&x.full_like(0.0))?)
        }),
        curve("DIoULoss", "shift of a box", (-2.0, 2.0), move |x| {
            DIoULoss::new().forward(&box_at(x)?, &box_at(&x.full_like(0.0))?)
        }),
        curve("CIoULoss", "width of a box, where 1 is right", (0.1, 4.0), |x| {
            let (low, high) = (x.full_like(0.0), x.full_like(1.0));
            let of_width = |width: &Tensor| stack(&[&low, &low, width, &high], -1)?.reshape([1, 4]);
            CIoULoss::new().forward(&of_width(x)?, &of_width(&high)?)
        }),
        curve("GanLoss::Bce, critic", "critic of a real sample", wide, critic_of_real(GanLoss::Bce)),
        curve(
            "GanLoss::LeastSquares, critic",
            "critic of a real sample",
            wide,
            critic_of_real(GanLoss::LeastSquares),
        ),
        curve("GanLoss::Hinge, critic", "critic of a real sample", wide, critic_of_real(GanLoss::Hinge)),
        curve(
            "GanLoss::Wasserstein, critic",
            "critic of a real sample",
            wide,
            critic_of_real(GanLoss::Wasserstein),
        ),
        curve("GanLoss::Bce, generator", "critic of a generated sample", wide, |x| GanLoss::Bce.generator(x)),
        curve("GanLoss::LeastSquares, generator", "critic of a generated sample", wide, |x| {
            GanLoss::LeastSquares.generator(x)
        }),
        curve("GanLoss::Hinge, generator", "critic of a generated sample", wide, |x| {
            GanLoss::Hinge.generator(x)
        }),
        curve("GanLoss::Wasserstein, generator", "critic of a generated sample", wide, |x| {
            GanLoss::Wasserstein.generator(x)
        }),
        // A critic that is a straight line: its slope is the same everywhere.
        curve("gradient_penalty", "slope of the critic", wide, |slope| {
            let sample = slope.full_like(1.0).reshape([1, 1])?;
            gradient_penalty(|at| at.mul(slope), &sample, &sample)
        }),
        curve("r1_penalty", "slope of the critic", wide, |slope| {
            r1_penalty(|at| at.mul(slope), &slope.full_like(1.0).reshape([1, 1])?)
        }),
        curve("VaeLoss", "μ, where σ = 1", wide, |mu| divergence(mu, &mu.full_like(0.0), 0.0)),
        curve("VaeLoss, σ", "ln σ², where μ = 0", wide, |log_var| {
            divergence(&log_var.full_like(0.0), log_var, 0.0)
        }),
        curve("VaeLoss, free_bits = 2", "μ, where σ = 1", wide, |mu| {
            divergence(mu, &mu.full_like(0.0), 2.0)
        }),
        curve("DiffusionLoss", "said − ε", wide, |x| denoising(x, None)),
        curve("DiffusionLoss, min_snr = 5, ᾱ = 0.95", "said − ε", wide, |x| denoising(x, Some(5.0))),
    ]
}

/// What the critic learns from a real sample, beside a generated one of 0.
fn critic_of_real(game: GanLoss) -> impl Fn(&Tensor) -> Result<Tensor> {
    move |x| game.critic(x, &x.full_like(0.0))
}

/// The loss of a rare class, one of two in their cluster, whose logit in the head is `x` beside 0 for the frequent class:
/// `−ln p(cluster) − ln p(class within it)`. The second part, ln(1 + 1/e), does not see `x`.
fn of_a_cluster(x: &Tensor) -> Result<Tensor> {
    let criterion = AdaptiveLogSoftmaxWithLoss::new(2, 3, [1])?.div_value(2.0);
    criterion.to(DType::F64)?;
    criterion.head.weight.set(&tensor([[0.0, 0.0], [1.0, 0.0]]).to(DType::F64))?;
    let mut tail = criterion.state_dict();
    tail.insert("tail.0.0.weight", tensor([[0.0, 1.0]]));
    tail.insert("tail.0.1.weight", tensor([[1.0], [0.0]]));
    criterion.load_state_dict(&tail)?;
    Ok(criterion.forward(&beside(x, 1.0)?, &tensor([1]))?.1)
}

/// The loss of a perfect reconstruction from a latent number.
fn divergence(mu: &Tensor, log_var: &Tensor, free_bits: f64) -> Result<Tensor> {
    let one = |x: &Tensor| x.reshape([1, 1]);
    let picture = one(&mu.full_like(0.5))?;
    let criterion = VaeLoss::new(Reconstruction::Mse).free_bits(free_bits);
    Ok(criterion.forward(&picture, &picture, &one(mu)?, &one(log_var)?)?.loss)
}

/// The loss of a denoiser that misses the noise by `x`, at a step with little noise.
fn denoising(x: &Tensor, min_snr: Option<f64>) -> Result<Tensor> {
    let mut criterion = DiffusionLoss::new(NoiseSchedule::from_betas([0.05])?, Prediction::Epsilon);
    if let Some(gamma) = min_snr {
        criterion = criterion.min_snr(gamma);
    }
    let said = x.reshape([1])?;
    criterion.forward(&said, &said.full_like(0.0), &said.full_like(0.0), &tensor([0]))
}

const COLUMNS: usize = 4;
const CELL: (u32, u32) = (300, 210);
const POINTS: usize = 121;
const VALUE: RGBColor = RGBColor(0, 114, 178);
const SLOPE: RGBColor = RGBColor(213, 94, 0);

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut folder = std::path::PathBuf::from("target/losses");
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("out") => folder = args.value()?.into(),
            // It is quick as it is.
            lexopt::Arg::Long("quick") => {}
            _ => return Err(arg.unexpected().into()),
        }
    }
    std::fs::create_dir_all(&folder)?;
    let curves = curves();
    let rows = curves.len().div_ceil(COLUMNS);
    let size = (COLUMNS as u32 * CELL.0, rows as u32 * CELL.1 + 40);
    let all = folder.join("all.svg");
    let area = SVGBackend::new(&all, size).into_drawing_area();
    area.fill(&WHITE)?;
    legend(&area)?;
    let cells = area.split_vertically(40).1.split_evenly((rows, COLUMNS));
    let mut drawn = std::collections::HashSet::new();
    for (curve, cell) in curves.iter().zip(&cells) {
        let lines = sample(curve)?;
        draw(curve, cell, &lines)?;
        println!("{:<38} from {:>8.4} to {:>8.4}", curve.name, lines.values[0], lines.values[POINTS - 1]);
        // The first curve of a criterion is its picture.
        let name = curve.name.split(',').next().unwrap_or(curve.name);
        if drawn.insert(name) {
            let file = folder.join(name.replace("::", "")).with_extension("svg");
            let area = SVGBackend::new(&file, CELL).into_drawing_area();
            area.fill(&WHITE)?;
            draw(curve, &area, &lines)?;
            area.present()?;
        }
    }
    area.present()?;
    println!("{} curves drawn into {}", curves.len(), folder.display());
    Ok(())
}

fn legend(area: &DrawingArea<SVGBackend<'_>, Shift>) -> Outcome<()> {
    let font = ("sans-serif", 16).into_font();
    for (x, name, colour) in [(20, "value", VALUE), (110, "slope", SLOPE)] {
        area.draw(&Rectangle::new([(x, 21), (x + 22, 24)], colour.filled()))?;
        area.draw(&Label::new(name, (x + 28, 14), font.clone()))?;
    }
    Ok(())
}

/// A curve in numbers.
struct Lines {
    xs: Vec<f64>,
    values: Vec<f64>,
    slopes: Vec<f64>,
}

/// Value and slope at each point.
fn sample(curve: &Curve) -> Result<Lines> {
    let (low, high) = curve.range;
    let xs: Vec<f64> = (0..POINTS).map(|i| low + (high - low) * i as f64 / (POINTS - 1) as f64).collect();
    let mut values = Vec::new();
    let mut slopes = Vec::new();
    for &x in &xs {
        let x = Tensor::scalar(x, DType::F64).requires_grad();
        let loss = (curve.loss)(&x)?;
        loss.backward()?;
        values.push(loss.item()?);
        slopes.push(x.grad().map_or(Ok(0.0), |g| g.item())?);
    }
    Ok(Lines { xs, values, slopes })
}

fn draw(curve: &Curve, cell: &DrawingArea<SVGBackend<'_>, Shift>, lines: &Lines) -> Outcome<()> {
    let Lines { xs, values, slopes } = lines;
    let all = values.iter().chain(slopes).filter(|y| y.is_finite());
    let (low, high) = all.fold((0.0f64, 0.0f64), |(l, h), &y| (l.min(y), h.max(y)));
    let pad = 0.06 * (high - low).max(1e-3);
    let mut chart = ChartBuilder::on(cell)
        .caption(curve.name, ("sans-serif", 15))
        .margin(6)
        .x_label_area_size(34)
        .y_label_area_size(38)
        .build_cartesian_2d(curve.range.0..curve.range.1, low - pad..high + pad)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(BLACK.mix(0.08))
        .x_labels(5)
        .y_labels(5)
        .x_desc(curve.x_label)
        .axis_desc_style(("sans-serif", 12))
        .label_style(("sans-serif", 11))
        .draw()?;
    for (ys, colour) in [(slopes, SLOPE), (values, VALUE)] {
        let points = xs.iter().copied().zip(ys.iter().copied()).filter(|p| p.1.is_finite());
        chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?;
    }
    Ok(())
}

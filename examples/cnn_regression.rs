//! A number from a picture: by how many degrees is a garment turned? `Conv2d`, one output and `MSELoss`; then the same
//! with a tenth of the labels wrong, by `MSELoss` and by `HuberLoss`.
//!
//! | regression with outliers | CNN | MSELoss, HuberLoss | Fashion-MNIST, turned | mean absolute error 2.8° (MSELoss 9.4°) | 4 s |
//!
//! `cargo run --release --example cnn_regression -- --epochs 10 --seed 0`

use baekmi::data::metrics::{mean_absolute_error, r2_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;
use baekmi::vision::{make_grid, save_image};

/// Garments that hang upright in the data set: trousers, pullovers, dresses and coats.
const UPRIGHT: [i64; 4] = [1, 2, 3, 4];
/// The largest angle in degrees.
const LARGEST: f64 = 60.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { epochs, seed, pictures } = options()?;
    manual_seed(seed);
    let (train, test) = load_fashion_mnist()?;
    let (train, test) = (upright(&train, pictures)?, upright(&test, pictures)?);
    // Each hangs at an angle of its own. Degrees in units of LARGEST, so that the model's outputs are near one.
    let angles = |n: usize| -> Result<Tensor> { rand([n, 1])?.mul(2.0)?.sub(1.0) };
    let (y_train, y_test) = (angles(train.size(0)?)?, angles(test.size(0)?)?);
    let (x_train, x_test) = (turned(&train, &y_train)?, turned(&test, &y_test)?);
    println!(
        "{} pictures to train with, {} to test, turned by up to {LARGEST}°",
        train.size(0)?,
        test.size(0)?
    );

    // A tenth of the labels are any angle at all, as if someone had read the scale upside down.
    let any = angles(train.size(0)?)?.mul(180.0 / LARGEST)?;
    let wrong = any.where_(&rand(y_train.shape())?.lt(0.1)?, &y_train)?;
    let right = TensorDataset::new((x_train.clone(), y_train))?;
    let wrong = TensorDataset::new((x_train, wrong))?;

    let (mse, huber) = (MSELoss::new(), HuberLoss::new().delta(0.1));
    let runs: [(&str, &dyn Criterion, &TensorDataset); 3] = [
        ("MSELoss", &mse, &right),
        ("MSELoss, a tenth of the labels wrong", &mse, &wrong),
        ("HuberLoss, a tenth of the labels wrong", &huber, &wrong),
    ];
    let degrees = |x: &Tensor| x.mul(LARGEST);
    println!("\n{:40}{:>20}{:>10}", "on the test part", "mean absolute error", "R²");
    let always = degrees(&y_test.full_like(right.tensors().1.mean().item()?))?;
    let truth = degrees(&y_test)?;
    println!("{:40}{:>19.2}°{:>10.4}", "always the mean", mean_absolute_error(&truth, &always)?, 0.0);
    let mut chart = Chart::new("cnn_regression").x_label("epoch").y_label("mean absolute error in degrees");
    let mut errors = Vec::new();
    for (name, criterion, train) in runs {
        let (model, curve) = fit(criterion, train, &x_test, &truth, epochs, seed)?;
        let guess = predict(&model, &x_test)?;
        let error = mean_absolute_error(&truth, &degrees(&guess)?)?;
        println!("{name:40}{error:>19.2}°{:>10.4}", r2_score(&truth, &degrees(&guess)?)?);
        chart = chart.line(name, &curve);
        errors.push(error);
        if errors.len() == runs.len() {
            // As they hang, and below that turned back by what the last model says; each pixel as 3×3.
            let (hang, back) = (x_test.narrow(0, 0, 10)?, guess.narrow(0, 0, 10)?.neg());
            let rows = cat(&[&hang, &turned(&hang, &back)?], 0)?;
            let grid = make_grid(&rows, 10, 2)?.repeat_interleave(3, 1)?.repeat_interleave(3, 2)?;
            save_image(&grid, "cnn_regression_turned.png")?;
        }
    }
    chart.save("cnn_regression.svg")?;
    println!(
        "\nlearning curves: cnn_regression.svg, turned back by the last model: cnn_regression_turned.png"
    );
    println!("error of MSELoss on the same labels: {:.4}", errors[1]);
    println!(
        "baseline mean absolute error: {:.4} (who always says the mean)",
        mean_absolute_error(&truth, &always)?
    );
    println!("test mean absolute error: {:.4} (HuberLoss)", errors[2]);
    Ok(())
}

/// The garments that hang upright, at most `n`: (N, 1, 28, 28), from 0 to 1.
fn upright(set: &Bunch, n: usize) -> Result<Tensor> {
    let kinds = set.target.to_vec::<i64>()?;
    let chosen: Vec<i64> =
        (0..).zip(kinds).filter(|(_, kind)| UPRIGHT.contains(kind)).map(|(i, _)| i).collect();
    let n = n.min(chosen.len());
    let chosen = Tensor::from_vec(chosen[..n].to_vec(), [n])?;
    set.data.index_select(0, &chosen)?.div(255.0)?.reshape([-1, 1, 28, 28])
}

/// Each picture (N, 1, 28, 28) turned by its angle (N, 1), in units of `LARGEST`: a pixel takes the mean of the four that
/// it falls between in the picture before.
fn turned(pictures: &Tensor, angles: &Tensor) -> Result<Tensor> {
    let (before, angles) = (pictures.to_vec::<f32>()?, angles.to_vec::<f32>()?);
    let mut after = Vec::with_capacity(before.len());
    for (picture, angle) in before.chunks(28 * 28).zip(angles) {
        let (sin, cos) = (angle * LARGEST as f32).to_radians().sin_cos();
        let pixel =
            |x: i32, y: i32| if x.min(y) < 0 || x.max(y) > 27 { 0.0 } else { picture[(y * 28 + x) as usize] };
        for (y, x) in (0..28).flat_map(|y| (0..28).map(move |x| (y as f32 - 13.5, x as f32 - 13.5))) {
            let (x, y) = (cos * x + sin * y + 13.5, cos * y - sin * x + 13.5);
            let (left, top, right, down) = (x.floor() as i32, y.floor() as i32, x - x.floor(), y - y.floor());
            let row = |y| pixel(left, y) * (1.0 - right) + pixel(left + 1, y) * right;
            after.push(row(top) * (1.0 - down) + row(top + 1) * down);
        }
    }
    Tensor::from_vec(after, pictures.shape().to_vec())
}

/// Trains a network by a criterion, and returns it with its error in degrees on the test part after each epoch.
fn fit(
    criterion: &dyn Criterion,
    train: &TensorDataset,
    x_test: &Tensor,
    truth: &Tensor,
    epochs: usize,
    seed: u64,
) -> Result<(Sequential, Vec<f64>)> {
    manual_seed(seed);
    // A stride of 2 halves the picture as a pool does, and does not forget where something was.
    let model = sequential![
        Conv2d::new(1, 16, 3).stride(2).padding(1),
        ReLU,
        Conv2d::new(16, 32, 3).stride(2).padding(1),
        ReLU,
        Flatten::new(),
        Linear::new(32 * 7 * 7, 64),
        ReLU,
        Linear::new(64, 1),
    ];
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    let loader = DataLoader::new(train).batch_size(16)?.shuffle(true);
    let mut errors = Vec::new();
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    for _ in 0..epochs {
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            bar.inc(1);
        }
        errors.push(mean_absolute_error(truth, &predict(&model, x_test)?.mul(LARGEST)?)?);
    }
    bar.finish_and_clear();
    Ok((model, errors))
}

fn predict(model: &Sequential, x: &Tensor) -> Result<Tensor> {
    no_grad(|| model.forward(x))
}

struct Options {
    epochs: usize,
    seed: u64,
    /// At most so many of either part.
    pictures: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 10, seed: 0, pictures: usize::MAX };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.pictures) = (1, 200),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

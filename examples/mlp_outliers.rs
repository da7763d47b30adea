//! Outliers: a twelfth of the labels that a network learns from have the decimal point in the wrong place. The same
//! network by `MSELoss` and by `HuberLoss`, both held against labels that are right.
//!
//! | regression with outliers | MLP | MSELoss, HuberLoss | diabetes | mean absolute error 0.49 (MSELoss 1.14) | 1 s |
//!
//! `cargo run --release --example mlp_outliers -- --epochs 60 --seed 0`

use baekmi::data::metrics::{mean_absolute_error, r2_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    let set = load_diabetes()?;
    manual_seed(seed);
    // How far diabetes has gone after a year, in hundreds: a scale that outliers do not move, as a deviation would.
    // (N, 1), as the model's output: a criterion never broadcasts.
    let target = set.target.div(100.0)?.unsqueeze(1)?;
    let ((x_train, y_train), test) = train_test_split((set.data.clone(), target), 0.25)?;
    let features = StandardScaler::fit(&x_train)?;
    let test = (features.transform(&test.0)?, test.1);

    // 1.5 becomes 15 in a twelfth of the training part; the test part stays as it is.
    let slipped = rand(y_train.shape())?.lt(1.0 / 12.0)?;
    let wrong = y_train.mul(10.0)?.where_(&slipped, &y_train)?;
    let (patients, outliers) = (slipped.numel(), slipped.sum().item()?);
    println!("{patients} patients to learn from, {outliers} of them with a slipped decimal point");

    let train = TensorDataset::new((features.transform(&x_train)?, wrong.clone()))?;
    let (squared, squared_errors) = fit(&MSELoss::new(), &train, &test, epochs, seed)?;
    let (huber, huber_errors) = fit(&HuberLoss::new().delta(0.5), &train, &test, epochs, seed)?;

    // Who knows nothing of the patients: the mean and the median of the same labels.
    let (x_test, y_test) = &test;
    let mean = y_test.full_like(wrong.mean().item()?);
    let median = y_test.full_like(wrong.median()?.item()?);
    let (by_squares, by_huber) = (no_grad(|| squared.forward(x_test))?, no_grad(|| huber.forward(x_test))?);
    println!("\n{:28}{:>20}{:>10}", "on the test part", "mean absolute error", "R²");
    let rows = [
        ("always the mean", &mean),
        ("always the median", &median),
        ("MSELoss", &by_squares),
        ("HuberLoss", &by_huber),
    ];
    for (name, guess) in rows {
        println!("{name:28}{:>20.4}{:>10.4}", mean_absolute_error(y_test, guess)?, r2_score(y_test, guess)?);
    }

    Chart::new("mlp_outliers: error on labels that are right")
        .x_label("epoch")
        .y_label("mean absolute error")
        .line("MSELoss", &squared_errors)
        .line("HuberLoss", &huber_errors)
        .save("mlp_outliers.svg")?;
    let measured = numbers(y_test)?;
    Chart::new("mlp_outliers: patients of the test part")
        .x_label("measured")
        .y_label("predicted")
        .points("MSELoss", &measured, &numbers(&by_squares)?)
        .points("HuberLoss", &measured, &numbers(&by_huber)?)
        .line_xy("exact", &[0.25, 3.46], &[0.25, 3.46])
        .save("mlp_outliers_predictions.svg")?;
    println!("\nlearning curves: mlp_outliers.svg, predictions: mlp_outliers_predictions.svg");
    println!("baseline mean absolute error (MSELoss): {:.4}", mean_absolute_error(y_test, &by_squares)?);
    println!("test mean absolute error (HuberLoss): {:.4}", mean_absolute_error(y_test, &by_huber)?);
    Ok(())
}

/// Trains a network by a criterion, and returns it with its error on the test part after each epoch.
fn fit(
    criterion: &dyn Criterion,
    train: &TensorDataset,
    (x_test, y_test): &(Tensor, Tensor),
    epochs: usize,
    seed: u64,
) -> Result<(Sequential, Vec<f64>)> {
    manual_seed(seed);
    let model = sequential![Linear::new(10, 16), Tanh, Linear::new(16, 1)];
    let mut optimizer = AdamW::new(model.parameters(), 0.01).weight_decay(0.1);
    let loader = DataLoader::new(train).batch_size(32)?.shuffle(true);
    let mut errors = Vec::new();
    for _ in 0..epochs {
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
        }
        errors.push(mean_absolute_error(y_test, &no_grad(|| model.forward(x_test))?)?);
    }
    Ok((model, errors))
}

fn numbers(x: &Tensor) -> Result<Vec<f64>> {
    x.to(DType::F64).to_vec::<f64>()
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (60, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 20,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

//! Regression: how far has diabetes gone after a year? Ten measures of 442 patients, and `MSELoss`.
//!
//! | regression | MLP | MSELoss | diabetes | R² 0.492 | 1 s |
//!
//! `cargo run --release --example regression -- --epochs 60 --seed 0`

use baekmi::data::metrics::{mean_absolute_error, r2_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    let set = load_diabetes()?;
    println!("{} patients, {} measures; {}", set.data.size(0)?, set.data.size(1)?, set.target_names[0]);

    manual_seed(seed);
    // (N, 1), as the model's output: a criterion never broadcasts.
    let target = set.target.unsqueeze(1)?;
    let ((x_train, y_train), (x_test, y_test)) = train_test_split((set.data.clone(), target), 0.25)?;
    let (features, targets) = (StandardScaler::fit(&x_train)?, StandardScaler::fit(&y_train)?);
    let train = TensorDataset::new((features.transform(&x_train)?, targets.transform(&y_train)?))?;
    let x_test = features.transform(&x_test)?;

    let model = sequential![Linear::new(10, 16), Tanh, Linear::new(16, 1)];
    let criterion = MSELoss::new();
    let mut optimizer = AdamW::new(model.parameters(), 0.01).weight_decay(0.1);
    let mut scheduler = CosineAnnealingLR::new(&optimizer, epochs);
    let loader = DataLoader::new(&train).batch_size(32)?.shuffle(true);
    let mut losses = Vec::new();
    for epoch in 1..=epochs {
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64;
        }
        scheduler.step();
        losses.push(total / train.len() as f64);
        if epoch % 20 == 0 {
            println!("epoch {epoch:3}  loss {:.4}", total / train.len() as f64);
        }
    }

    let guess = targets.inverse_transform(&no_grad(|| model.forward(&x_test))?)?;
    Chart::new("regression: diabetes")
        .x_label("measured")
        .y_label("predicted")
        .points("patients of the test part", &numbers(&y_test)?, &numbers(&guess)?)
        .line_xy("exact", &[25.0, 346.0], &[25.0, 346.0])
        .save("regression.svg")?;
    println!("predictions: regression.svg");
    println!("last training loss {:.4}", losses.last().copied().unwrap_or(f64::NAN));
    println!("mean absolute error {:.1} on a scale from 25 to 346", mean_absolute_error(&y_test, &guess)?);
    println!("baseline R²: 0.0000 (who always says the mean)");
    println!("test R²: {:.4}", r2_score(&y_test, &guess)?);
    Ok(())
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

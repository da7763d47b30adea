//! Several classes: which of three cultivars is a wine from? A small network and `CrossEntropyLoss`.
//!
//! | multiclass | MLP | CrossEntropyLoss | wine, iris | accuracy 1.000 | 1 s |
//!
//! `cargo run --release --example multiclass_classifier -- --data iris --epochs 100 --seed 0`

use baekmi::data::metrics::{accuracy_score, classification_report};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (data, epochs, seed) = options()?;
    let set = if data == "iris" { load_iris()? } else { load_wine()? };
    let (features, classes) = (set.data.size(1)?, set.target_names.len());
    println!("{data}: {} samples, {features} features, {classes} classes", set.data.size(0)?);

    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((set.data.clone(), set.target.clone()), 0.3, &set.target)?;
    let scaler = StandardScaler::fit(&x_train)?;
    let train = TensorDataset::new((scaler.transform(&x_train)?, y_train.clone()))?;
    let x_test = scaler.transform(&x_test)?;

    // As many outputs as classes, and no softmax at the end: the criterion has it inside.
    let model = sequential![Linear::new(features, 16), ReLU, Linear::new(16, classes)];
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.01);
    println!("\n{}\n", summary(&model, [16, features])?);

    let loader = DataLoader::new(&train).batch_size(16)?.shuffle(true);
    let (mut train_losses, mut test_losses) = (Vec::new(), Vec::new());
    for epoch in 1..=epochs {
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64;
        }
        train_losses.push(total / train.len() as f64);
        test_losses.push(no_grad(|| criterion.forward(&model.forward(&x_test)?, &y_test)?.item())?);
        if epoch % 20 == 0 {
            println!("epoch {epoch:3}  loss {:.4}", total / train.len() as f64);
        }
    }

    let guess = no_grad(|| model.forward(&x_test))?.argmax(1, false)?;
    println!("\n{}", classification_report(&y_test, &guess)?.target_names(&set.target_names)?);
    Chart::new(format!("multiclass_classifier: {data}"))
        .x_label("epoch")
        .y_label("cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("multiclass_classifier.svg")?;

    // Who always says the most frequent class is right this often.
    let most = (0..classes).map(|c| y_test.eq(c as i64).map(|hit| hit.sum())).collect::<Result<Vec<_>>>()?;
    let most = most.iter().map(Tensor::item).collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    println!("learning curve: multiclass_classifier.svg");
    println!("baseline accuracy: {:.4}", most / y_test.numel() as f64);
    println!("test accuracy: {:.4}", accuracy_score(&y_test, &guess)?);
    Ok(())
}

fn options() -> Result<(String, usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut data, mut epochs, mut seed) = ("wine".to_string(), 60, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("data") => data = arguments.value()?.string()?,
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 20,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((data, epochs, seed))
}

//! Binary classification: is a tumour benign? The blog's two ways, `Sigmoid` + `BCELoss` and `BCEWithLogitsLoss` alone.
//!
//! | binary | MLP | BCELoss, BCEWithLogitsLoss | breast cancer | accuracy 0.983 | 1 s |
//!
//! `cargo run --release --example binary_classifier -- --epochs 30 --lr 0.01 --seed 0 --batch-size 32`

use baekmi::plot::Chart;
use baekmi::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

struct Options {
    epochs: usize,
    lr: f64,
    seed: u64,
    batch_size: usize,
}

/// What a training run leaves behind.
struct Run {
    train_losses: Vec<f64>,
    test_losses: Vec<f64>,
    test_accuracy: f64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;

    // 569 tumours, 30 measures of their cell nuclei each; 0 is malignant, 1 benign.
    let cancer = load_breast_cancer()?;
    println!("{} tumours, {} features", cancer.data.size(0)?, cancer.data.size(1)?);

    // First way: the model ends in a sigmoid, and the criterion takes probabilities.
    manual_seed(options.seed);
    let (train, test) = parts(&cancer)?;
    let model = sequential![Linear::new(30, 1), Sigmoid];
    println!("\n{model}");
    let bce = run(&model, &BCELoss::new(), 0.5, &train, &test, &options)?;

    // Second way, which is what one does in practice: the model gives logits, and the criterion does the rest.
    manual_seed(options.seed);
    let (train, test) = parts(&cancer)?;
    let model = sequential![Linear::new(30, 1)];
    println!("\n{model}");
    let logits = run(&model, &BCEWithLogitsLoss::new(), 0.0, &train, &test, &options)?;

    println!("\n{:15}{:>10}{:>20}", "", "BCELoss", "BCEWithLogitsLoss");
    let last = |losses: &[f64]| losses.last().copied().unwrap_or(f64::NAN);
    println!("{:15}{:>10.4}{:>20.4}", "train loss", last(&bce.train_losses), last(&logits.train_losses));
    println!("{:15}{:>10.4}{:>20.4}", "test loss", last(&bce.test_losses), last(&logits.test_losses));
    println!("{:15}{:>10.4}{:>20.4}", "test accuracy", bce.test_accuracy, logits.test_accuracy);

    let epochs: Vec<f64> = (1..=options.epochs).map(|epoch| epoch as f64).collect();
    Chart::new("binary_classifier")
        .x_label("epoch")
        .y_label("loss")
        .points("BCELoss, training", &epochs, &bce.train_losses)
        .line("BCEWithLogitsLoss, training", &logits.train_losses)
        .line("BCEWithLogitsLoss, test", &logits.test_losses)
        .save("binary_classifier.svg")?;
    println!("\nlearning curves: binary_classifier.svg");
    println!("test accuracy: {:.4}", logits.test_accuracy);
    Ok(())
}

/// A training and a test part, brought to mean 0 and deviation 1 by what the training part says.
fn parts(cancer: &Bunch) -> Result<(TensorDataset, TensorDataset)> {
    let labels = cancer.target.to(DType::F32).unsqueeze(1)?;
    let [train, test] = random_split(TensorDataset::new((cancer.data.clone(), labels))?, [455, 114])?;
    let ((x_train, y_train), (x_test, y_test)) = (train.all(), test.all());
    let scaler = StandardScaler::fit(&x_train)?;
    let train = TensorDataset::new((scaler.transform(&x_train)?, y_train))?;
    let test = TensorDataset::new((scaler.transform(&x_test)?, y_test))?;
    Ok((train, test))
}

/// Trains the model and measures it on the test part. An output above `threshold` means benign.
fn run(
    model: &dyn Layer,
    criterion: &dyn Criterion,
    threshold: f64,
    train: &TensorDataset,
    test: &TensorDataset,
    options: &Options,
) -> Result<Run> {
    let loader = DataLoader::new(train).batch_size(options.batch_size)?.shuffle(true);
    let mut optimizer = SGD::new(model.parameters(), options.lr).momentum(0.9);

    let style = ProgressStyle::with_template("{bar:30} epoch {pos}/{len}  {msg}").expect("a valid template");
    let bar = ProgressBar::new(options.epochs as u64).with_style(style);
    let (x_test, y_test) = test.all();
    let (mut train_losses, mut test_losses) = (Vec::new(), Vec::new());
    for epoch in 1..=options.epochs {
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64;
        }
        let loss = total / train.len() as f64;
        train_losses.push(loss);
        test_losses.push(no_grad(|| criterion.forward(&model.forward(&x_test)?, &y_test)?.item())?);
        bar.set_message(format!("loss {loss:.4}"));
        bar.inc(1);
        if epoch % 10 == 0 || epoch == options.epochs {
            bar.suspend(|| println!("epoch {epoch:3}  loss {loss:.4}"));
        }
    }
    bar.finish_and_clear();

    let output = no_grad(|| model.forward(&x_test))?;
    let hits = output.gt(threshold)?.eq(&y_test.gt(0.5)?)?;
    let test_accuracy = hits.to(DType::F32).mean().item()?;
    Ok(Run { train_losses, test_losses, test_accuracy })
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 30, lr: 0.01, seed: 0, batch_size: 32 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("lr") => options.lr = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("batch-size") => options.batch_size = arguments.value()?.parse()?,
            Long("quick") => options.epochs = 3,
            Long("help") => {
                println!("--epochs 30  --lr 0.01  --seed 0  --batch-size 32");
                std::process::exit(0);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

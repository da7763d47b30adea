//! A picture and a yes-or-no question: is the handwritten digit odd? `Conv2d`, one output and `BCEWithLogitsLoss`.
//!
//! | binary | CNN | BCEWithLogitsLoss | digits | accuracy 0.983 | 1 s |
//!
//! `cargo run --release --example cnn_binary -- --epochs 20 --seed 0`

use baekmi::data::metrics::{accuracy_score, confusion_matrix, roc_auc_score, roc_curve};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    let set = load_digits()?;
    // Grey from 0 to 16, as pictures with one channel: (N, C, H, W).
    let images = set.data.div(16.0)?.reshape([-1, 1, 8, 8])?;
    // Ones and zeros as floats, (N, 1) as the model's output: a criterion never broadcasts.
    let odd = set.target.remainder(2)?.to(DType::F32).unsqueeze(1)?;
    println!("digits: {} pictures of 8x8 pixels, {} of an odd digit", images.size(0)?, odd.sum().item()?);

    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((images, odd), 0.3, &set.target)?;
    let train = TensorDataset::new((x_train, y_train.clone()))?;

    // One output and no sigmoid at the end: the criterion has it inside.
    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        ReLU,
        MaxPool2d::new(2),
        Flatten::new(),
        Linear::new(32 * 2 * 2, 1),
    ];
    let criterion = BCEWithLogitsLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.003);
    let loader = DataLoader::new(&train).batch_size(32)?.shuffle(true);
    let (mut train_losses, mut test_losses) = (Vec::new(), Vec::new());
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    for _ in 0..epochs {
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64;
            bar.inc(1);
        }
        train_losses.push(total / train.len() as f64);
        test_losses.push(no_grad(|| criterion.forward(&model.forward(&x_test)?, &y_test)?.item())?);
    }
    bar.finish_and_clear();
    for (epoch, (train, test)) in train_losses.iter().zip(&test_losses).enumerate() {
        println!("epoch {:2}  loss {train:.4}  on the test part {test:.4}", epoch + 1);
    }

    // A probability above one half is a logit above zero. The curve below tries every other threshold as well.
    let logits = no_grad(|| model.forward(&x_test))?.squeeze_dim(1)?;
    let (truth, guess) = (y_test.squeeze_dim(1)?.to(DType::I64), logits.gt(0.0)?.to(DType::I64));
    println!("\n{}", confusion_matrix(&truth, &guess)?.target_names(&["even", "odd"])?);
    let roc = roc_curve(&truth, &logits)?;
    Chart::new("cnn_binary")
        .x_label("epoch")
        .y_label("binary cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("cnn_binary.svg")?;
    Chart::new(format!("cnn_binary: area {:.4}", roc_auc_score(&truth, &logits)?))
        .x_label("even digits called odd")
        .y_label("odd digits called odd")
        .line_xy("every threshold", &roc.fpr, &roc.tpr)
        .line_xy("chance", &[0.0, 1.0], &[0.0, 1.0])
        .save("cnn_binary_roc.svg")?;
    println!("learning curve: cnn_binary.svg, thresholds: cnn_binary_roc.svg");

    // Who always gives the more frequent answer is right this often.
    let always = truth.full_like(if y_train.mean().item()? > 0.5 { 1 } else { 0 });
    println!("baseline accuracy: {:.4}", accuracy_score(&truth, &always)?);
    println!("test accuracy: {:.4}", accuracy_score(&truth, &guess)?);
    Ok(())
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (20, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 2,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

//! The pictures of `cnn_digits` as sequences: an `LSTM` reads a handwritten digit row by row from the top, and its last
//! state says which one it was. `CrossEntropyLoss`.
//!
//! | multiclass | LSTM | CrossEntropyLoss | digits | accuracy 0.976 | 1 s |
//!
//! `cargo run --release --example lstm_digits -- --epochs 40 --seed 0`

use baekmi::data::metrics::accuracy_score;
use baekmi::plot::Chart;
use baekmi::prelude::*;

#[derive(Module)]
struct Reader {
    lstm: LSTM,
    output: Linear,
}

impl Reader {
    /// What it would say after each row: (N, 8, 10).
    fn after_each_row(&self, x: &Tensor) -> Result<Tensor> {
        let (states, _) = self.lstm.forward(x)?;
        self.output.forward(&states)
    }
}

impl Layer for Reader {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, (last, _)) = self.lstm.forward(x)?;
        self.output.forward(&last.i(-1)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    let set = load_digits()?;
    // Grey from 0 to 16; a sequence of 8 rows with 8 pixels each: (N, T, features).
    let rows = set.data.div(16.0)?.reshape([-1, 8, 8])?;
    println!("digits: {} pictures, {} classes", rows.size(0)?, set.target_names.len());

    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((rows, set.target.clone()), 0.3, &set.target)?;
    let train = TensorDataset::new((x_train, y_train.clone()))?;
    let model = Reader { lstm: LSTM::new(8, 32).batch_first(true), output: Linear::new(32, 10) };
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.005);
    println!("\n{model}\n");

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
    for (epoch, (train, test)) in train_losses.iter().zip(&test_losses).enumerate().skip(1).step_by(2) {
        println!("epoch {:2}  loss {train:.4}  on the test part {test:.4}", epoch + 1);
    }

    // What it takes the first digit for while it reads, and how often it is right by then.
    let guesses = no_grad(|| model.after_each_row(&x_test))?.argmax(2, false)?;
    println!(
        "\na {} of the test part, row by row; beside it what the LSTM says so far",
        y_test.i(0)?.item()?
    );
    println!("                      and how many of the test part are right by then");
    for row in 0..8 {
        let guess = guesses.select(1, row)?;
        let drawn = drawn(&x_test.i(0)?.i(row)?)?;
        println!("{drawn}  {}  {:.4}", guess.i(0)?.item()?, accuracy_score(&y_test, &guess)?);
    }

    Chart::new("lstm_digits")
        .x_label("epoch")
        .y_label("cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("lstm_digits.svg")?;
    println!("\nlearning curve: lstm_digits.svg");

    // Who always says the most frequent digit is right this often.
    let most = y_train.bincount(None, 10)?.argmax(0, false)?.item()? as i64;
    println!("baseline accuracy: {:.4}", accuracy_score(&y_test, &y_test.full_like(most))?);
    println!("test accuracy: {:.4}", accuracy_score(&y_test, &guesses.select(1, -1)?)?);
    Ok(())
}

/// A row of pixels in characters, two for each.
fn drawn(row: &Tensor) -> Result<String> {
    let shades = [' ', '.', ':', '+', '#', '@'];
    let pixel = |grey: f32| shades[(grey * 5.0).round().clamp(0.0, 5.0) as usize];
    Ok(row.to_vec::<f32>()?.into_iter().map(pixel).flat_map(|shade| [shade, shade]).collect())
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (40, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 4,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

//! A convolutional network reads handwritten digits: 1,797 pictures of 8×8 pixels, `Conv2d`, `MaxPool2d` and
//! `CrossEntropyLoss`.
//!
//! | multiclass | CNN | CrossEntropyLoss | digits | accuracy 0.985 | 1 s |
//!
//! `cargo run --release --example cnn_digits -- --epochs 30 --seed 0`

use baekmi::data::metrics::{accuracy_score, classification_report};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    let set = load_digits()?;
    // Grey from 0 to 16, as pictures with one channel: (N, C, H, W).
    let images = set.data.div(16.0)?.reshape([-1, 1, 8, 8])?;
    println!("digits: {} pictures of 8x8 pixels, {} classes", images.size(0)?, set.target_names.len());

    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((images, set.target.clone()), 0.3, &set.target)?;
    let train = TensorDataset::new((x_train, y_train.clone()))?;

    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        ReLU,
        MaxPool2d::new(2),
        Flatten::new(),
        Linear::new(32 * 2 * 2, 10),
    ];
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.003);
    println!("\n{}\n", summary(&model, [32, 1, 8, 8])?);

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

    let guess = no_grad(|| model.forward(&x_test))?.argmax(1, false)?;
    println!("\n{}", classification_report(&y_test, &guess)?.target_names(&set.target_names)?);
    let wrong = guess.ne(&y_test)?.nonzero().to_vec::<i64>()?;
    println!("{} of {} pictures are misread; the first of them:\n", wrong.len(), y_test.numel());
    for &i in wrong.iter().take(3) {
        let (read, is) = (guess.select(0, i as isize)?.item()?, y_test.select(0, i as isize)?.item()?);
        println!("read as {read}, is {is}\n{}", drawn(&x_test.select(0, i as isize)?)?);
    }

    Chart::new("cnn_digits")
        .x_label("epoch")
        .y_label("cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("cnn_digits.svg")?;

    // Who always says the most frequent digit is right this often.
    let most = (0..10).map(|c| y_test.eq(c).map(|hit| hit.sum())).collect::<Result<Vec<_>>>()?;
    let most = most.iter().map(Tensor::item).collect::<Result<Vec<_>>>()?.into_iter().fold(0.0, f64::max);
    println!("learning curve: cnn_digits.svg");
    println!("baseline accuracy: {:.4}", most / y_test.numel() as f64);
    println!("test accuracy: {:.4}", accuracy_score(&y_test, &guess)?);
    Ok(())
}

/// A picture in characters, two for each pixel.
fn drawn(image: &Tensor) -> Result<String> {
    let shades = [' ', '.', ':', '+', '#', '@'];
    let pixels = image.to_vec::<f32>()?;
    let row = |row: &[f32]| {
        let pixel = |&grey: &f32| shades[(grey * 5.0).round().clamp(0.0, 5.0) as usize];
        row.iter().map(pixel).flat_map(|shade| [shade, shade]).chain(['\n']).collect::<String>()
    };
    Ok(pixels.chunks(8).map(row).collect())
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (30, 0);
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

//! A convolutional network sorts clothes: 5,000 pictures of Fashion-MNIST in 28×28 pixels, `Conv2d`, `BatchNorm2d`,
//! `Dropout` and `CrossEntropyLoss`; it stops when the validation loss no longer falls, and keeps the best weights.
//!
//! | image classification | CNN | CrossEntropyLoss | Fashion-MNIST, a part | accuracy 0.881 | 16 s |
//!
//! `cargo run --release --example cnn_fashion -- --epochs 20 --seed 0`, right for 0.88 of the test part.
//! The full set of 70,000 pictures, from Debian's package `dataset-fashion-mnist` or any folder with its four files:
//! `cargo run --release --example cnn_fashion -- --data /usr/share/datasets/fashion-mnist --epochs 10`

use baekmi::data::metrics::{accuracy_score, classification_report, confusion_matrix};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { data, epochs, seed, pictures } = options()?;
    let (train, test) = load_fashion_mnist()?;
    let names = train.target_names.clone();
    let (train, test) = match data {
        Some(folder) => load_mnist(folder)?,
        None => (train, test),
    };
    // Grey from 0 to 255, as pictures with one channel: (N, C, H, W).
    let picture = |set: &Tensor| set.div(255.0)?.reshape([-1, 1, 28, 28]);
    let shown = pictures.min(train.data.size(0)?);
    let (x, y) = (picture(&train.data)?.narrow(0, 0, shown)?, train.target.narrow(0, 0, shown)?);
    let (x_test, y_test) = (picture(&test.data)?, test.target);
    println!(
        "Fashion-MNIST: {shown} pictures to train with, {} to test, {} classes",
        y_test.numel(),
        names.len()
    );

    manual_seed(seed);
    let ((x_train, y_train), (x_val, y_val)) = train_test_split_stratified((x, y.clone()), 0.1, &y)?;
    let train = TensorDataset::new((x_train, y_train))?;
    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        BatchNorm2d::new(16),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        BatchNorm2d::new(32),
        ReLU,
        MaxPool2d::new(2),
        Flatten::new(),
        Dropout::new().p(0.4),
        Linear::new(32 * 7 * 7, 128),
        ReLU,
        Dropout::new().p(0.4),
        Linear::new(128, 10),
    ];
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    println!("\n{}\n", summary(&model, [64, 1, 28, 28])?);

    let loader = DataLoader::new(&train).batch_size(64)?.shuffle(true);
    let mut stopping = EarlyStopping::new().patience(4);
    let mut best = model.state_dict();
    let (mut train_losses, mut val_losses) = (Vec::new(), Vec::new());
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    for epoch in 1..=epochs {
        model.train();
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64;
            bar.inc(1);
        }
        model.eval();
        let val_loss = no_grad(|| criterion.forward(&model.forward(&x_val)?, &y_val)?.item())?;
        train_losses.push(total / train.len() as f64);
        val_losses.push(val_loss);
        bar.suspend(|| {
            println!("epoch {epoch:2}  loss {:.4}  validation {val_loss:.4}", total / train.len() as f64);
        });
        let stop = stopping.step(val_loss);
        if stopping.improved() {
            best = model.state_dict();
        }
        if stop {
            println!("no improvement for 4 epochs");
            break;
        }
    }
    bar.finish_and_clear();
    model.load_state_dict(&best)?;

    model.eval();
    let guess = no_grad(|| predict(&model, &x_test))?;
    println!("\n{}", classification_report(&y_test, &guess)?.target_names(&names)?);
    let wrong = guess.ne(&y_test)?.nonzero().to_vec::<i64>()?;
    println!("{} of {} pictures are sorted wrongly; the first of them:\n", wrong.len(), y_test.numel());
    for &i in wrong.iter().take(2) {
        let name = |class: &Tensor| Ok::<_, Error>(&names[class.select(0, i as isize)?.item()? as usize]);
        println!("sorted as {}, is {}", name(&guess)?, name(&y_test)?);
        println!("{}", drawn(&x_test.select(0, i as isize)?)?);
    }

    Chart::new("cnn_fashion")
        .x_label("epoch")
        .y_label("cross-entropy")
        .line("training", &train_losses)
        .line("validation", &val_losses)
        .save("cnn_fashion.svg")?;
    confusion_matrix(&y_test, &guess)?.target_names(&names)?.save_svg("cnn_fashion_confusion.svg")?;

    // Who always says the most frequent class is right this often.
    let most = (0..10).map(|c| y_test.eq(c)?.sum().item()).collect::<Result<Vec<_>>>()?;
    println!("learning curve: cnn_fashion.svg, what is taken for what: cnn_fashion_confusion.svg");
    println!("baseline accuracy: {:.4}", most.into_iter().fold(0.0, f64::max) / y_test.numel() as f64);
    println!("test accuracy: {:.4}", accuracy_score(&y_test, &guess)?);
    Ok(())
}

/// The likeliest class of each picture; 500 pictures at once take little memory.
fn predict(model: &Sequential, pictures: &Tensor) -> Result<Tensor> {
    let classes = DataLoader::new(TensorDataset::new(pictures.clone())?).batch_size(500)?;
    let classes = classes.iter().map(|x| model.forward(&x)?.argmax(1, false)).collect::<Result<Vec<_>>>()?;
    cat(&classes.iter().collect::<Vec<_>>(), 0)
}

/// A picture in characters, one for two rows.
fn drawn(image: &Tensor) -> Result<String> {
    let shades = [' ', '.', ':', '+', '#', '@'];
    let pixels = image.to_vec::<f32>()?;
    let row = |rows: &[f32]| {
        let pixel = |i: usize| shades[((rows[i] + rows[i + 28]) * 2.5).round().clamp(0.0, 5.0) as usize];
        (0..28).map(pixel).chain(['\n']).collect::<String>()
    };
    Ok(pixels.chunks(2 * 28).map(row).collect())
}

struct Options {
    data: Option<String>,
    epochs: usize,
    seed: u64,
    /// With how many pictures of the training part.
    pictures: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { data: None, epochs: 20, seed: 0, pictures: usize::MAX };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("data") => options.data = Some(arguments.value()?.string()?),
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.pictures) = (1, 500),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

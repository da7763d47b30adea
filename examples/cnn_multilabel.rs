//! Several digits in one picture: which of the ten are there? Canvases of 24×24 pixels with handwritten digits on them,
//! `Conv2d`, `AdaptiveMaxPool2d` and `BCEWithLogitsLoss`, a yes-or-no question for each digit.
//!
//! | multilabel | CNN | BCEWithLogitsLoss | digits on canvases | F1 0.968 (all ten: 0.366) | 15 s |
//!
//! `cargo run --release --example cnn_multilabel -- --epochs 15 --seed 0`

use baekmi::data::metrics::{Average, accuracy_score, classification_report, f1_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;

/// Pixels of a canvas along one side; a digit has 8.
const SIDE: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { epochs, seed, canvases: n } = options()?;
    manual_seed(seed);
    let set = load_digits()?;
    // Split before anything is pasted: no digit of a test canvas was on a training canvas.
    let (train_digits, test_digits) =
        train_test_split_stratified((set.data.div(16.0)?, set.target.clone()), 0.3, &set.target)?;
    let (x_train, y_train) = canvases(&train_digits, n)?;
    let (x_test, y_test) = canvases(&test_digits, n / 4)?;
    println!(
        "{n} canvases to train with, {} to test, {:.2} different digits on each, on average",
        x_test.size(0)?,
        y_test.sum_dim(1, false)?.mean().item()?
    );

    // An output for each digit: the largest value anywhere on the canvas says that it is there, wherever it stands.
    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        BatchNorm2d::new(16),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        BatchNorm2d::new(32),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(32, 64, 3).padding(1),
        ReLU,
        AdaptiveMaxPool2d::new(1),
        Flatten::new(),
        Linear::new(64, 10),
    ];
    let criterion = BCEWithLogitsLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.003);
    println!("\n{}\n", summary(&model, [32, 1, SIDE, SIDE])?);

    let train = TensorDataset::new((x_train, y_train))?;
    let loader = DataLoader::new(&train).batch_size(32)?.shuffle(true);
    let (mut train_losses, mut test_losses) = (Vec::new(), Vec::new());
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
        train_losses.push(total / train.len() as f64);
        model.eval();
        test_losses.push(no_grad(|| criterion.forward(&model.forward(&x_test)?, &y_test)?.item())?);
        let (train_loss, test_loss) = (train_losses[epoch - 1], test_losses[epoch - 1]);
        bar.suspend(|| println!("epoch {epoch:2}  loss {train_loss:.4}  on the test part {test_loss:.4}"));
    }
    bar.finish_and_clear();

    // A probability above one half is a logit above zero.
    let guess = no_grad(|| model.forward(&x_test))?.gt(0.0)?.to(DType::I64);
    let truth = y_test.to(DType::I64);
    println!("\n{}", classification_report(&truth, &guess)?.target_names(&set.target_names)?);

    // Eight canvases as they come, and the first four with a mistake.
    let wrong = guess.ne(&truth)?.any_dim(1, false)?.nonzero().flatten(0, -1)?;
    let mistakes = wrong.narrow(0, 0, wrong.numel().min(4))?;
    let shown = cat(&[&arange(0, 8, 1)?, &mistakes], 0)?;
    let of = |x: &Tensor| x.index_select(0, &shown);
    std::fs::write("cnn_multilabel_canvases.svg", picture(&of(&x_test)?, &of(&guess)?, &of(&truth)?)?)?;
    Chart::new("cnn_multilabel")
        .x_label("epoch")
        .y_label("binary cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("cnn_multilabel.svg")?;
    println!("learning curve: cnn_multilabel.svg, what it sees: cnn_multilabel_canvases.svg");

    // Always to say the set of digits that is most frequent; always to say all ten, which misses none.
    let sets =
        truth.mul(&tensor([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]))?.sum_dim(1, false)?.bincount(None, 0)?;
    let most = sets.max()?.item()? / truth.size(0)? as f64;
    println!("baseline, every digit of a canvas right: {most:.4}");
    println!("test, every digit of a canvas right: {:.4}", accuracy_score(&truth, &guess)?);
    println!("baseline F1: {:.4}", f1_score(&truth, &truth.ones_like(), Average::Micro)?);
    println!("test F1: {:.4}", f1_score(&truth, &guess, Average::Micro)?);
    Ok(())
}

/// `n` canvases with a digit or none in each quarter, and which digits those are: (N, 1, 24, 24) and (N, 10).
fn canvases((digits, classes): &(Tensor, Tensor), n: usize) -> Result<(Tensor, Tensor)> {
    let (digits, classes) = (digits.to_vec::<f32>()?, classes.to_vec::<i64>()?);
    // For each quarter: is there a digit, which one, and how far from the corner.
    let there = rand([n * 4])?.lt(0.6)?.to_vec::<bool>()?;
    let which = randint(0, classes.len() as i64, [n * 4])?.to_vec::<i64>()?;
    let place = randint(0, SIDE as i64 / 2 - 7, [n * 4, 2])?.to_vec::<i64>()?;
    let (mut pixels, mut labels) = (vec![0f32; n * SIDE * SIDE], vec![0f32; n * 10]);
    for i in (0..n * 4).filter(|&i| there[i]) {
        let (canvas, digit) = (i / 4, which[i] as usize);
        let top = i % 4 / 2 * (SIDE / 2) + place[2 * i] as usize;
        let left = i % 2 * (SIDE / 2) + place[2 * i + 1] as usize;
        for row in 0..8 {
            let at = (canvas * SIDE + top + row) * SIDE + left;
            pixels[at..at + 8].copy_from_slice(&digits[digit * 64 + row * 8..][..8]);
        }
        labels[canvas * 10 + classes[digit] as usize] = 1.0;
    }
    Ok((Tensor::from_vec(pixels, [n, 1, SIDE, SIDE])?, Tensor::from_vec(labels, [n, 10])?))
}

/// Canvases in rows of four, and below each what the model says: red is not there, grey in brackets was overlooked.
fn picture(x: &Tensor, guess: &Tensor, truth: &Tensor) -> Result<String> {
    let (pixels, guess, truth) = (x.to_vec::<f32>()?, guess.to_vec::<i64>()?, truth.to_vec::<i64>()?);
    let (width, height) = (4 * 112 + 16, x.size(0)?.div_ceil(4) * 132 + 16);
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' font-family='sans-serif' \
         font-size='16'><rect width='100%' height='100%' fill='white'/>\n"
    );
    for (i, canvas) in pixels.chunks(SIDE * SIDE).enumerate() {
        let (left, top) = (i % 4 * 112 + 16, i / 4 * 132 + 16);
        svg += &format!("<g transform='translate({left} {top}) scale(4)'><rect width='24' height='24'/>\n");
        for (at, grey) in canvas.iter().enumerate().filter(|(_, grey)| **grey > 0.0) {
            let (x, y) = (at % SIDE, at / SIDE);
            svg +=
                &format!("<rect x='{x}' y='{y}' width='1' height='1' fill='white' opacity='{grey:.2}'/>\n");
        }
        svg += &format!("</g><text x='{left}' y='{}' xml:space='preserve'>", top + 114);
        for digit in 0..10 {
            svg += &match (guess[i * 10 + digit], truth[i * 10 + digit]) {
                (1, 1) => format!("{digit} "),
                (1, _) => format!("<tspan fill='#d62728'>{digit} </tspan>"),
                (_, 1) => format!("<tspan fill='#999999'>({digit}) </tspan>"),
                _ => String::new(),
            };
        }
        svg += "</text>\n";
    }
    Ok(svg + "</svg>\n")
}

struct Options {
    epochs: usize,
    seed: u64,
    /// How many to train with; a quarter of that is for the test.
    canvases: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 15, seed: 0, canvases: 4000 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.canvases) = (1, 200),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

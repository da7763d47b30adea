//! In which of eight languages is a first name in use? Anna is at home in several: an LSTM in both directions with one
//! output for each language, and `BCEWithLogitsLoss`; beside it a bag of letters, which does not see their order.
//!
//! | multilabel | LSTM | BCEWithLogitsLoss | first names | area under ROC 0.860 (bag of letters 0.765) | 2 s |
//!
//! `cargo run --release --example text_multilabel -- --epochs 10 --seed 0`

use baekmi::data::metrics::{Average, classification_report, f1_score, roc_auc_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;

/// Reads a name from both ends and decides by the two last states.
#[derive(Module)]
struct Reader {
    embedding: Embedding,
    lstm: LSTM,
    dropout: Dropout,
    output: Linear,
}

impl Layer for Reader {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let lengths: Vec<usize> =
            x.ne(0)?.sum_dim(1, false)?.to_vec::<i64>()?.iter().map(|&n| n as usize).collect();
        let letters = pack_padded_sequence(&self.embedding.forward(x)?, &lengths, true, false)?;
        let (_, (last, _)) = self.lstm.forward_packed(&letters, None)?;
        let both = cat(&[&last.select(0, 0)?, &last.select(0, 1)?], 1)?;
        self.output.forward(&self.dropout.forward(&both)?)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { epochs, seed, count } = options()?;
    manual_seed(seed);
    let names = load_first_names_by_language()?;
    let labels = names.target_names.len();
    let ((x, y), (x_test, y_test)) = train_test_split((letters(&names.texts)?, names.target), 0.2)?;
    let (shown, asked) = (count.min(x.size(0)?), count.min(x_test.size(0)?));
    let (x, y) = (x.narrow(0, 0, shown)?, y.narrow(0, 0, shown)?);
    let (x_test, y_test) = (x_test.narrow(0, 0, asked)?, y_test.narrow(0, 0, asked)?);
    println!("{shown} first names to train with, {asked} to test, {labels} languages");
    println!("in use in {:.2} of them on average", y.sum_dim(1, false)?.mean().item()?);

    let bag = sequential![
        EmbeddingBag::new(27, 64).mode(BagMode::Sum).padding_idx(0),
        ReLU,
        Linear::new(64, labels)
    ];
    let reader = Reader {
        embedding: Embedding::new(27, 24).padding_idx(0),
        lstm: LSTM::new(24, 64).batch_first(true).bidirectional(true),
        dropout: Dropout::new().p(0.3),
        output: Linear::new(2 * 64, labels),
    };
    println!("\n{reader}\n");
    let (train, test) = (TensorDataset::new((x, y))?, (x_test.clone(), y_test.clone()));
    let bag_curves = fit(&bag, &train, &test, epochs)?;
    let curves = fit(&reader, &train, &test, epochs)?;
    Chart::new("text_multilabel")
        .x_label("epoch")
        .y_label("binary cross-entropy")
        .line("training", &curves[0])
        .line("test", &curves[1])
        .line("bag of letters, training", &bag_curves[0])
        .line("bag of letters, test", &bag_curves[1])
        .save("text_multilabel.svg")?;

    let (score, bag_score) = no_grad(|| Ok::<_, Error>((reader.forward(&x_test)?, bag.forward(&x_test)?)))?;
    let truth = y_test.to(DType::I64);
    // A probability above one half is a logit above zero.
    let guess = score.gt(0.0)?.to(DType::I64);
    println!("\n{}", classification_report(&truth, &guess)?.target_names(&names.target_names)?);
    let several = |row: &Tensor| -> Result<String> {
        let used = row.to_vec::<i64>()?;
        let named =
            names.target_names.iter().zip(used).filter(|(_, used)| *used == 1).map(|(name, _)| name.as_str());
        Ok(named.collect::<Vec<_>>().join(", "))
    };
    for i in 0..8 {
        let (read, is) = (several(&guess.select(0, i)?)?, several(&truth.select(0, i)?)?);
        println!("{:12} read as [{read}], is [{is}]", word(&x_test.select(0, i)?)?);
    }
    let f1 = |score: &Tensor| f1_score(&truth, &score.gt(0.0)?.to(DType::I64), Average::Micro);
    println!("\nlearning curve: text_multilabel.svg");
    println!("F1 {:.4}, a bag of letters {:.4}", f1(&score)?, f1(&bag_score)?);
    // How often a language in which the name is in use gets a higher score than one in which it is not.
    println!(
        "baseline area under the ROC curves, a bag of letters: {:.4}",
        roc_auc_score(&truth, &bag_score)?
    );
    println!("test area under the ROC curves: {:.4}", roc_auc_score(&truth, &score)?);
    Ok(())
}

/// Trains a model, and returns its losses on the training part and on the test part after each epoch.
fn fit(
    model: &impl Layer,
    train: &TensorDataset<(Tensor, Tensor)>,
    test: &(Tensor, Tensor),
    epochs: usize,
) -> Result<[Vec<f64>; 2]> {
    let criterion = BCEWithLogitsLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.003);
    let loader = DataLoader::new(train).batch_size(32)?.shuffle(true);
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    let mut curves = [vec![], vec![]];
    for epoch in 1..=epochs {
        model.train();
        let mut total = 0.0;
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
            total += loss.item()? * x.size(0)? as f64 / train.len() as f64;
            bar.inc(1);
        }
        model.eval();
        let of_test = no_grad(|| criterion.forward(&model.forward(&test.0)?, &test.1)?.item())?;
        bar.suspend(|| {
            println!("{} epoch {epoch:2}  loss {total:.4}  on the test part {of_test:.4}", model.name());
        });
        curves[0].push(total);
        curves[1].push(of_test);
    }
    bar.finish_and_clear();
    Ok(curves)
}

/// Letters as numbers, a to z from 1, and zeros behind the shorter names: (N, longest).
fn letters(names: &[String]) -> Result<Tensor> {
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    let numbers = names.iter().flat_map(|name| {
        let letters = name.bytes().map(|letter| i64::from(letter - b'a') + 1);
        letters.chain(std::iter::repeat(0)).take(longest)
    });
    Tensor::from_vec(numbers.collect(), [names.len(), longest])
}

/// The letters of one row.
fn word(row: &Tensor) -> Result<String> {
    Ok(row.to_vec::<i64>()?.into_iter().filter(|&n| n > 0).map(|n| (b'a' + n as u8 - 1) as char).collect())
}

struct Options {
    epochs: usize,
    seed: u64,
    /// With how many names at most, in each part.
    count: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 10, seed: 0, count: usize::MAX };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("count") => options.count = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.count) = (3, 300),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

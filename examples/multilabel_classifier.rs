//! Several labels at once: what is a document about? Five topics, each present or not, and `BCEWithLogitsLoss`.
//!
//! | multilabel | MLP | BCEWithLogitsLoss | made documents | F1 0.793 | 1 s |
//!
//! `cargo run --release --example multilabel_classifier -- --epochs 60 --seed 0`

use baekmi::data::metrics::{Average, accuracy_score, classification_report, f1_score};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    manual_seed(seed);
    // How often each of 20 words occurs, and a row of ones and zeros: which topics the document is about.
    let (words, topics) = make_multilabel_classification(2000).allow_unlabeled(false).generate()?;
    let (features, labels) = (words.size(1)?, topics.size(1)?);
    let average = topics.to(DType::F32).sum_dim(1, false)?.mean().item()?;
    println!("{} documents, {features} words, {average:.2} of {labels} topics on average", words.size(0)?);

    // The criterion takes a probability for each label, so ones and zeros as floats.
    let ((x_train, y_train), (x_test, y_test)) = train_test_split((words, topics.to(DType::F32)), 0.25)?;
    let scaler = StandardScaler::fit(&x_train)?;
    let train = TensorDataset::new((scaler.transform(&x_train)?, y_train))?;
    let x_test = scaler.transform(&x_test)?;

    // An output for each label and no last layer: each is a yes-or-no question of its own.
    let model = sequential![Linear::new(features, 32), ReLU, Linear::new(32, labels)];
    let criterion = BCEWithLogitsLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.003);
    let loader = DataLoader::new(&train).batch_size(32)?.shuffle(true);
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
        if epoch % 5 == 0 {
            println!("epoch {epoch:3}  loss {:.4}", total / train.len() as f64);
        }
    }

    // A probability above one half is a logit above zero.
    let guess = no_grad(|| model.forward(&x_test))?.gt(0.0)?.to(DType::I64);
    let truth = y_test.to(DType::I64);
    let names: Vec<String> = (0..labels).map(|topic| format!("topic {topic}")).collect();
    println!("\n{}", classification_report(&truth, &guess)?.target_names(&names)?);
    Chart::new("multilabel_classifier")
        .x_label("epoch")
        .y_label("binary cross-entropy")
        .line("training", &train_losses)
        .line("test", &test_losses)
        .save("multilabel_classifier.svg")?;

    // Who names every topic each time misses none, and is often wrong.
    let everything = truth.ones_like();
    println!("learning curve: multilabel_classifier.svg");
    println!("documents with every topic right: {:.4}", accuracy_score(&truth, &guess)?);
    println!("baseline F1: {:.4}", f1_score(&truth, &everything, Average::Micro)?);
    println!("test F1: {:.4}", f1_score(&truth, &guess, Average::Micro)?);
    Ok(())
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (30, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 5,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

//! The blog's five criteria and its models, line by line, printing what PyTorch prints.
//!
//! | the blog, line by line | none | BCELoss to HuberLoss | literals | prints what PyTorch prints | 1 s |

use baekmi::prelude::*;

fn main() -> Result<()> {
    // Binary classification: BCELoss takes probabilities, so the model ends in a sigmoid.
    let loss_fn = BCELoss::new();
    let pred = tensor([0.8]);
    let target = tensor([1.0]);
    let loss = loss_fn.forward(&pred, &target)?;
    println!("{loss}");

    let model = sequential![Linear::new(10, 1), Sigmoid];
    let criterion = BCELoss::new();
    println!("{model}\n{criterion}");

    // Binary classification, as it is done in practice: BCEWithLogitsLoss does sigmoid and BCE at once.
    let criterion = BCEWithLogitsLoss::new();
    let logits = tensor([2.0]);
    let target = tensor([1.0]);
    let loss = criterion.forward(&logits, &target)?;
    println!("{loss}");

    let model = sequential![Linear::new(10, 1)];
    let criterion = BCEWithLogitsLoss::new();
    println!("{model}\n{criterion}");

    // Several classes: CrossEntropyLoss holds softmax and NLLLoss.
    let criterion = CrossEntropyLoss::new();
    let logits = tensor([[2.5, 0.3, -1.2]]);
    let target = tensor([0]);
    let loss = criterion.forward(&logits, &target)?;
    println!("{loss}");

    let model = sequential![Linear::new(10, 3)];
    let criterion = CrossEntropyLoss::new();
    println!("{model}\n{criterion}");

    // Regression: prices, temperatures, whatever is a number.
    let criterion = MSELoss::new();
    let pred = tensor([8.0]);
    let target = tensor([10.0]);
    let loss = criterion.forward(&pred, &target)?;
    println!("{loss}");

    // Regression with outliers: small errors squared, large ones only as they are.
    let criterion = HuberLoss::new();
    let pred = tensor([2.5, 3.0]);
    let target = tensor([3.0, 4.0]);
    let loss = criterion.forward(&pred, &target)?;
    println!("{loss}");
    Ok(())
}

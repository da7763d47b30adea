//! Criteria alone: forward, and backward to the logits or predictions.

use crate::data::{bits, labels, standard};
use crate::measure::measure;
use crate::operations::sizes;
use crate::options::Options;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, HuberLoss, MSELoss};
use tensor::{Result, Tensor};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    let Some(criterion) = name.strip_prefix("W7") else { return Ok(false) };
    if let Some([rows, classes]) = criterion.strip_prefix("ce").and_then(sizes) {
        let x = Tensor::from_vec(standard(1, rows * classes), [rows, classes])?.requires_grad();
        let y = Tensor::from_vec(labels(2, rows, classes), [rows])?;
        let criterion = CrossEntropyLoss::new();
        both_ways(options, &[&x], || criterion.forward(&x, &y))?;
        return Ok(true);
    }
    if let Some([images, classes, height, width]) = criterion.strip_prefix("ce").and_then(sizes) {
        let n = images * classes * height * width;
        let x = Tensor::from_vec(standard(1, n), [images, classes, height, width])?.requires_grad();
        let y = Tensor::from_vec(labels(2, n / classes, classes), [images, height, width])?;
        let criterion = CrossEntropyLoss::new();
        both_ways(options, &[&x], || criterion.forward(&x, &y))?;
        return Ok(true);
    }
    // The same with the classes brought to the back by a copy first.
    if let Some([images, classes, height, width]) = criterion.strip_prefix("rows").and_then(sizes) {
        let n = images * classes * height * width;
        let x = Tensor::from_vec(standard(1, n), [images, classes, height, width])?.requires_grad();
        let y = Tensor::from_vec(labels(2, n / classes, classes), n / classes)?;
        let criterion = CrossEntropyLoss::new();
        let rows = || x.permute([0, 2, 3, 1])?.reshape([n / classes, classes]);
        both_ways(options, &[&x], || criterion.forward(&rows()?, &y))?;
        return Ok(true);
    }
    let n = 1_000_000;
    let x = Tensor::from_vec(standard(1, n), n)?.requires_grad();
    let y = Tensor::from_vec(if criterion.starts_with("bce") { bits(2, n) } else { standard(2, n) }, n)?;
    match criterion {
        "bcel" => {
            let criterion = BCEWithLogitsLoss::new();
            both_ways(options, &[&x], || criterion.forward(&x, &y))?;
        }
        "bce" => {
            let criterion = BCELoss::new();
            both_ways(options, &[&x], || criterion.forward(&x.sigmoid(), &y))?;
        }
        "mse" => {
            let criterion = MSELoss::new();
            both_ways(options, &[&x], || criterion.forward(&x, &y))?;
        }
        "huber" => {
            let criterion = HuberLoss::new();
            both_ways(options, &[&x], || criterion.forward(&x, &y))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Forward and backward of a scalar function of `leaves`.
pub(crate) fn both_ways(options: &Options, leaves: &[&Tensor], f: impl Fn() -> Result<Tensor>) -> Result<()> {
    measure(options, 1.0, |read| {
        leaves.iter().for_each(|leaf| leaf.zero_grad());
        let loss = f()?;
        loss.backward()?;
        if read { loss.item() } else { Ok(0.0) }
    })
}

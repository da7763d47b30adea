//! The blog's snippets, rewritten line by line: what they print.

use crate::case::Case;
use crate::run::Outcome;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, HuberLoss, MSELoss};
use nn::{Layer, Linear, Module, Sigmoid, sequential};
use tensor::{Result, linspace, ones, tensor};

pub fn run(case: &Case<'_>) -> Outcome {
    let name = case.json["options"]["name"].as_str().unwrap_or("");
    match printed(name) {
        Some(Ok(text)) if case.json["text"] == text.as_str() => Outcome::Passed,
        Some(Ok(text)) => Outcome::Failed(format!("prints {text:?}, expected {}", case.json["text"])),
        Some(Err(error)) => Outcome::Failed(error.to_string()),
        None => Outcome::Unsupported(format!("snippet {name}")),
    }
}

fn printed(name: &str) -> Option<Result<String>> {
    Some(match name {
        "bce" => line(BCELoss::new().forward(&tensor([0.8]), &tensor([1.0]))),
        "bce_with_logits" => line(BCEWithLogitsLoss::new().forward(&tensor([2.0]), &tensor([1.0]))),
        "cross_entropy" => line(CrossEntropyLoss::new().forward(&tensor([[2.5, 0.3, -1.2]]), &tensor([0]))),
        "mse" => line(MSELoss::new().forward(&tensor([8.0]), &tensor([10.0]))),
        "huber" => line(HuberLoss::new().forward(&tensor([2.5, 3.0]), &tensor([3.0, 4.0]))),
        "model_repr" => line(Ok(sequential![Linear::new(10, 1), Sigmoid])),
        "model_repr_logits" => line(Ok(sequential![Linear::new(10, 1)])),
        "bce_backward" => bce_backward(),
        "bce_with_logits_multi" => bce_with_logits_multi(),
        "model_fixed_weights" => model_fixed_weights(),
        _ => return None,
    })
}

fn line(value: Result<impl std::fmt::Display>) -> Result<String> {
    value.map(|value| format!("{value}\n"))
}

fn bce_backward() -> Result<String> {
    let pred = tensor([0.8]).requires_grad();
    let loss = BCELoss::new().forward(&pred, &tensor([1.0]))?;
    loss.backward()?;
    Ok(format!("{loss}\n{}\n", pred.grad().unwrap_or(loss.clone())))
}

fn bce_with_logits_multi() -> Result<String> {
    let (logits, target) = (tensor([1.2, -0.5, 2.0]), tensor([1.0, 0.0, 1.0]));
    let one = BCEWithLogitsLoss::new().forward(&logits, &target)?;
    let two = BCELoss::new().forward(&logits.sigmoid(), &target)?;
    Ok(format!("{one}\n{two}\n"))
}

fn model_fixed_weights() -> Result<String> {
    let model = sequential![Linear::new(10, 1), Sigmoid];
    let parameters = model.parameters();
    parameters[0].set(&linspace(-0.3, 0.3, 10)?.reshape([1, 10])?)?;
    parameters[1].set(&tensor([0.1]))?;
    let pred = model.forward(&ones([2, 10])?)?;
    let loss = BCELoss::new().forward(&pred, &ones([2, 1])?)?;
    Ok(format!("{pred}\n{loss}\n"))
}

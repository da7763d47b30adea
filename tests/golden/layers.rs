//! Layers: kind `layer`.

use crate::case::{Args, Case};
use crate::models;
use crate::run::{Outcome, judge, leaves};
use tensor::Tensor;

pub fn run(case: &Case<'_>) -> Outcome {
    let Some(inputs) = leaves(case.list("inputs")) else {
        return Outcome::Unsupported("an element type".into());
    };
    let args = Args::new(inputs, &case.json["options"]);
    let Some((layer, forward)) = models::callable(case.op, &args) else {
        return Outcome::Unsupported(format!("layer {}", case.op));
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    layer.set_training(case.json["training"] != false);
    let with = Args::new(args.tensors.clone(), &case.json["forward_options"]);
    let result = models::load(&*layer, &case.json["params"]).and_then(|()| forward(&with));
    if let (Ok(_), Some(option)) = (&result, with.unread().first()) {
        return Outcome::Unsupported(format!("forward option {option}"));
    }
    let parameters = layer.named_parameters();
    let values: Vec<(&str, Tensor)> =
        parameters.iter().map(|(name, p)| (name.as_str(), p.tensor())).collect();
    let inputs = args.tensors.iter().filter(|(_, t)| t.needs_grad()).map(|(n, t)| (n.as_str(), t));
    let wrt: Vec<(&str, &Tensor)> = inputs.chain(values.iter().map(|(n, t)| (*n, t))).collect();
    judge(case, result, &wrt)
}

//! Layers: kind `layer`.

use crate::case::{Args, Case};
use crate::compare::{Rule, same};
use crate::models::{self, Forward};
use crate::run::{Outcome, judge, leaves};
use nn::{AdaptiveLogSoftmaxWithLoss, Module};
use std::rc::Rc;
use tensor::{Result, Tensor};

pub fn run(case: &Case<'_>) -> Outcome {
    let Some(inputs) = leaves(case.list("inputs")) else {
        return Outcome::Unsupported("an element type".into());
    };
    let args = Args::new(inputs, &case.json["options"]);
    let found = match case.op {
        "AdaptiveLogSoftmaxWithLoss" => adaptive(case, &args),
        op => Ok(models::callable(op, &args)),
    };
    let (layer, forward) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Outcome::Unsupported(format!("layer {}", case.op)),
        Err(error) => return judge(case, Err(error), &[]),
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
    match (judge(case, result, &wrt), state_after(case, &*layer)) {
        (Outcome::Passed, Err(why)) => Outcome::Failed(why),
        (outcome, _) => outcome,
    }
}

/// Whether the buffers are what the forward pass should have made of them.
fn state_after(case: &Case<'_>, layer: &dyn Module) -> Result<(), String> {
    layer.named_buffers().iter().try_for_each(|(name, buffer)| {
        let expected = &case.json["state_after"][name];
        if expected.is_null() {
            return Ok(());
        }
        same(case, name, &buffer.tensor(), expected, Rule::Exact)
    })
}

/// The criterion with weights of its own, and the method that the case calls; an error if its cutoffs are refused.
pub fn adaptive(case: &Case<'_>, args: &Args<'_>) -> Result<Option<(Rc<dyn Module>, Forward)>> {
    let sizes = ["in_features", "n_classes"].map(|name| args.int(name).map(|n| n as usize));
    let ([Some(inputs), Some(classes)], Some(cutoffs)) = (sizes, args.ints("cutoffs")) else {
        return Ok(None);
    };
    let cutoffs: Vec<usize> = cutoffs.into_iter().map(|c| c as usize).collect();
    let criterion = AdaptiveLogSoftmaxWithLoss::new(inputs, classes, cutoffs)?
        .div_value(args.float("div_value").unwrap_or(4.0))
        .head_bias(args.flag("head_bias").unwrap_or(false));
    let layer = Rc::new(criterion);
    let criterion = Rc::clone(&layer);
    let method = case.json["method"].as_str().unwrap_or("forward").to_string();
    let forward: Forward = Box::new(move |args| {
        Ok(match method.as_str() {
            "log_prob" => vec![criterion.log_prob(args.t("input"))?],
            "predict" => vec![criterion.predict(args.t("input"))?],
            _ => {
                let (output, loss) = criterion.forward(args.t("input"), args.t("target"))?;
                vec![output, loss]
            }
        })
    });
    Ok(Some((layer, forward)))
}

//! The weights that a seed gives each layer, bit for bit, and how far the generator has gone: kind `seeded`.

use crate::case::{Args, Case, tensor};
use crate::compare::{Rule, same};
use crate::run::Outcome;
use crate::{layers, models};
use nn::*;
use std::collections::BTreeSet;
use std::rc::Rc;
use tensor::{Result, manual_seed, rand};

pub fn run(case: &Case<'_>) -> Outcome {
    manual_seed(0);
    let args = Args::new(vec![], &case.json["options"]);
    let made = match case.op {
        "TransformerEncoder" | "TransformerDecoder" => stack(case.op, &args).transpose(),
        "AdaptiveLogSoftmaxWithLoss" => {
            layers::adaptive(case, &args).map(|found| found.map(|(layer, _)| layer))
        }
        op => Ok(models::callable(op, &args).map(|(layer, _)| layer)),
    };
    let layer = match made {
        Ok(Some(layer)) => layer,
        Ok(None) => return Outcome::Unsupported(format!("layer {}", case.op)),
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    let after = rand([2]).expect("two numbers");
    let found = layer.state_dict();
    let expected = case.json["params"].as_object().expect("weights");
    let names: BTreeSet<&str> = found.iter().map(|(name, _)| name).collect();
    if !names.iter().copied().eq(expected.keys().map(String::as_str).collect::<BTreeSet<_>>()) {
        return Outcome::Failed(format!("the names are {names:?}, expected {:?}", expected.keys()));
    }
    let pairs = found.iter().map(|(name, t)| (name, t, &expected[name]));
    for (name, found, expected) in pairs.chain([("what is drawn next", &after, &case.json["after"])]) {
        // Sixteen normal numbers and more come from PyTorch's vectorised logarithm and cosine, whose last bits are not the
        // same on all processors.
        let normal = case.op.starts_with("Embedding") && name == "weight" && found.numel() >= 16;
        let equal = tensor(expected).is_some_and(|expected| found.equal(&expected));
        if !equal && (!normal || same(case, name, found, expected, Rule::Exact).is_err()) {
            return Outcome::Failed(format!("{name} is {found}, expected {expected}"));
        }
    }
    Outcome::Passed
}

/// Copies of one layer.
fn stack(class: &str, args: &Args<'_>) -> Option<Result<Rc<dyn Module>>> {
    let (width, heads) = (args.size("d_model")?, args.size("nhead")?);
    let (hidden, layers) = (args.size("dim_feedforward")?, args.size("num_layers")?);
    let norm = args.flag("norm")?.then(|| LayerNorm::new([width]));
    macro_rules! stack {
        ($layer:ident, $stack:ident) => {{
            let layer = $layer::new(width, heads).dim_feedforward(hidden);
            $stack::new(layer, layers).map(|stack| match norm {
                Some(norm) => Rc::new(stack.norm(norm)) as Rc<dyn Module>,
                None => Rc::new(stack),
            })
        }};
    }
    Some(match class {
        "TransformerEncoder" => stack!(TransformerEncoderLayer, TransformerEncoder),
        _ => stack!(TransformerDecoderLayer, TransformerDecoder),
    })
}

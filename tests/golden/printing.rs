//! Printed tensors, numbers and lists: kind `print`.
//!
//! Python's words for the same thing are taken off the expected text: `torch.` before a type, `torch.Size(…)` around a
//! shape, and its quotes around the keys of a dictionary.

use crate::case::{Args, Case};
use crate::programs;
use crate::run::{Outcome, foreign, leaves};
use serde_json::Value;
use std::collections::BTreeMap;
use tensor::{Parameter, PrintOptions, Tensor, with_printoptions};

pub fn run(case: &Case<'_>) -> Outcome {
    if let Some(name) = foreign(case) {
        return Outcome::Unsupported(format!("element type {name}"));
    }
    let Some(inputs) = leaves(case.list("inputs")) else {
        return Outcome::Unsupported("an input".into());
    };
    let args = Args::new(inputs, &case.json["options"]);
    let Some(found) = printed(case.op, &args) else {
        return Outcome::Unsupported(format!("kind print, op {}", case.op));
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    let expected = case.json["text"].as_str().unwrap_or("").replace("torch.", "");
    let expected = match case.op {
        "shape" => expected.trim_start_matches("Size(").trim_end_matches(')').to_string(),
        "dict" => expected.replace('\'', "\""),
        _ => expected,
    };
    if found == expected {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("printed\n{found}\nexpected\n{expected}"))
    }
}

fn printed(op: &str, args: &Args<'_>) -> Option<String> {
    let x = match args.get("program") {
        Some(_) => programs::call("program", args)?.ok()?.into_iter().next()?,
        None => args.tensors.first()?.1.clone(),
    };
    Some(match op {
        "str" if args.flag("parameter") == Some(true) => Parameter::new(&x).to_string(),
        "str" => with_printoptions(options(args)?, || x.to_string()),
        "item" => x.reshape(()).ok()?.tolist(),
        "format" => {
            args.get("what");
            formatted(&x.reshape(()).ok()?, args.text("spec")?)?
        }
        "shape" => format!("{:?}", x.shape()),
        "dtype" => x.dtype().to_string(),
        "tolist" => x.tolist(),
        "list" => format!("{:?}", args.tensors.iter().map(|(_, t)| t).collect::<Vec<_>>()),
        "dict" => format!("{:?}", args.tensors.iter().map(|(n, t)| (n, t)).collect::<BTreeMap<_, _>>()),
        _ => return None,
    })
}

/// The arguments of `torch.set_printoptions`.
fn options(args: &Args<'_>) -> Option<PrintOptions> {
    let mut options = PrintOptions::default();
    let Some(given) = args.get("printoptions") else { return Some(options) };
    let given = given.as_object()?;
    if let Some(profile) = given.get("profile").and_then(Value::as_str) {
        options = match profile {
            "short" => PrintOptions::short(),
            "full" => PrintOptions::full(),
            _ => options,
        };
    }
    for (name, value) in given {
        let number = || value.as_u64().map(|n| n as usize);
        match name.as_str() {
            "profile" => {}
            "precision" => options.precision = number()?,
            // Infinity is a float.
            "threshold" => options.threshold = number().unwrap_or(usize::MAX),
            "edgeitems" => options.edgeitems = number()?,
            "linewidth" => options.linewidth = number()?,
            "sci_mode" => options.sci_mode = value.as_bool(),
            _ => return None,
        }
    }
    Some(options)
}

/// `format(x, spec)` for specs such as `.4f`, `+8.2e` and `010.3f`.
fn formatted(x: &Tensor, spec: &str) -> Option<String> {
    let Some(kind) = spec.chars().last() else { return Some(x.tolist()) };
    let (numbers, precision) = spec[..spec.len() - 1].split_once('.')?;
    let precision: usize = precision.parse().ok()?;
    let (plus, numbers) = (numbers.starts_with('+'), numbers.trim_start_matches('+'));
    let zero = numbers.starts_with('0');
    let width: usize = if numbers.is_empty() { 0 } else { numbers.parse().ok()? };
    Some(match (kind, plus, zero) {
        ('f', false, false) => format!("{x:width$.precision$}"),
        ('f', true, false) => format!("{x:+width$.precision$}"),
        ('f', false, true) => format!("{x:0width$.precision$}"),
        ('f', true, true) => format!("{x:+0width$.precision$}"),
        ('e', false, false) => format!("{x:width$.precision$e}"),
        ('e', true, false) => format!("{x:+width$.precision$e}"),
        ('e', false, true) => format!("{x:0width$.precision$e}"),
        ('e', true, true) => format!("{x:+0width$.precision$e}"),
        _ => return None,
    })
}

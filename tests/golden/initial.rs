//! Default initialisation: kind `init-stat`.

use crate::case::{Args, Case, number};
use crate::compare::{Rule, same};
use crate::models::{self, moments, option};
use crate::run::Outcome;
use nn::init::{self, Fan, Nonlinearity};
use serde_json::Value;
use tensor::{DType, Parameter, Result, Tensor, manual_seed};

pub fn run(case: &Case<'_>) -> Outcome {
    manual_seed(0);
    let found = match case.op.strip_prefix("init.") {
        Some("calculate_gain") => return gain(case),
        Some(function) => match initialise(case, function) {
            Some(Ok(tensor)) => vec![("tensor".to_string(), tensor)],
            Some(Err(_)) if !case.json["error"].is_null() => return Outcome::Passed,
            Some(Err(error)) => return Outcome::Failed(error.to_string()),
            None => return Outcome::Unsupported(format!("function {function}")),
        },
        None => {
            let args = Args::new(vec![], &case.json["options"]);
            let Some((layer, _)) = models::callable(case.op, &args) else {
                return Outcome::Unsupported(format!("layer {}", case.op));
            };
            layer.named_parameters().into_iter().map(|(n, p)| (n, p.tensor().detach())).collect()
        }
    };
    if !case.json["error"].is_null() {
        return Outcome::Failed("no error".into());
    }
    if !case.json["exact"].is_null() {
        let found = found[0].1.to(DType::F64);
        return match same(case, "tensor", &found, &case.json["exact"], Rule::Exact) {
            Ok(()) => Outcome::Passed,
            Err(why) => Outcome::Failed(why),
        };
    }
    for (name, tensor) in &found {
        let expected = &case.json["expect"][name];
        if let Err(why) = distributed(tensor, expected, &case.json["observed"][name]) {
            return Outcome::Failed(format!("{name}: {why}"));
        }
    }
    Outcome::Passed
}

/// Whether the values are what the distribution gives: bounds, mean and deviation within five standard errors.
fn distributed(x: &Tensor, expected: &Value, observed: &Value) -> std::result::Result<(), String> {
    let values = x.to(DType::F64).to_vec::<f64>().map_err(|e| e.to_string())?;
    let n = values.len() as f64;
    let (mean, std) = moments(x);
    if observed["n"].as_f64() != Some(n) {
        return Err(format!("{n} values, expected {}", observed["n"]));
    }
    if expected.is_null() {
        // No law is named: as far from PyTorch's own draw as two draws are from each other.
        let (their_mean, their_std) = (number(&observed["mean"]), number(&observed["std"]));
        let error = 8.0 * their_std.max(1e-3) / n.sqrt();
        let close = (mean - their_mean).abs() <= error && (std - their_std).abs() <= error;
        return if close { Ok(()) } else { Err(format!("mean {mean}, std {std}, PyTorch's {observed}")) };
    }
    match expected["distribution"].as_str() {
        Some("constant") => {
            let value = number(&expected["value"]);
            let all = values.iter().all(|v| (v - value).abs() < 1e-7);
            if all { Ok(()) } else { Err(format!("{values:?}, expected {value}")) }
        }
        Some(law) => {
            let (wanted_mean, wanted_std) = (number(&expected["mean"]), number(&expected["std"]));
            if law == "uniform" {
                let (low, high) = (number(&expected["low"]), number(&expected["high"]));
                if let Some(outside) = values.iter().find(|v| **v < low - 1e-7 || **v > high + 1e-7) {
                    return Err(format!("{outside} is outside of {low}..{high}"));
                }
            }
            let error = 5.0 * wanted_std / n.sqrt();
            // Few values say little about the deviation.
            if (mean - wanted_mean).abs() > error || n > 30.0 && (std - wanted_std).abs() > error {
                return Err(format!("mean {mean}, std {std}, expected {wanted_mean}, {wanted_std}"));
            }
            Ok(())
        }
        None => Err("no distribution is named".into()),
    }
}

fn gain(case: &Case<'_>) -> Outcome {
    let options = &case.json["options"];
    let found = options["nonlinearity"].as_str().unwrap_or("").parse().map(|n| match n {
        Nonlinearity::LeakyReLU(slope) => Nonlinearity::LeakyReLU(option(case, "param", slope)).gain(),
        other => other.gain(),
    });
    let value = case.json["value"].as_f64();
    match (found, value) {
        (Err(_), None) => Outcome::Passed,
        (Ok(found), Some(value)) if (found - value).abs() < 1e-12 => Outcome::Passed,
        (found, value) => Outcome::Failed(format!("{found:?}, expected {value:?}")),
    }
}

fn initialise(case: &Case<'_>, function: &str) -> Option<Result<Tensor>> {
    let shape: Vec<i64> = case.json["shape"].as_array()?.iter().filter_map(Value::as_i64).collect();
    let p = Parameter::new(&Tensor::full(shape, 0.0, DType::F64).ok()?);
    let get = |name: &str, default: f64| option(case, name, default);
    let kaiming = |f: fn(&Parameter, Fan, Nonlinearity) -> Result<()>| {
        let options = &case.json["options"];
        let fan = options["mode"].as_str().unwrap_or("fan_in").parse()?;
        let law = match options["nonlinearity"].as_str() {
            None | Some("leaky_relu") => Nonlinearity::LeakyReLU(get("a", 0.0)),
            Some(name) => name.parse()?,
        };
        f(&p, fan, law)
    };
    let done = match function {
        "uniform_" => init::uniform_(&p, get("a", 0.0), get("b", 1.0)),
        "normal_" => init::normal_(&p, get("mean", 0.0), get("std", 1.0)),
        "constant_" => init::constant_(&p, get("val", 0.0)),
        "ones_" => init::ones_(&p),
        "zeros_" => init::zeros_(&p),
        "eye_" => init::eye_(&p),
        "dirac_" => init::dirac_(&p, get("groups", 1.0) as usize),
        "xavier_uniform_" => init::xavier_uniform_(&p, get("gain", 1.0)),
        "xavier_normal_" => init::xavier_normal_(&p, get("gain", 1.0)),
        "kaiming_uniform_" => kaiming(init::kaiming_uniform_),
        "kaiming_normal_" => kaiming(init::kaiming_normal_),
        "trunc_normal_" => {
            init::trunc_normal_(&p, get("mean", 0.0), get("std", 1.0), get("a", -2.0), get("b", 2.0))
        }
        "orthogonal_" => init::orthogonal_(&p, get("gain", 1.0)),
        "sparse_" => init::sparse_(&p, get("sparsity", 0.0), get("std", 0.01)),
        _ => return None,
    };
    Some(done.map(|()| p.tensor().detach()))
}

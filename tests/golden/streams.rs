//! The generator's stream: kind `rng`.

use crate::case::{Case, number};
use crate::compare::{Rule, same};
use crate::run::Outcome;
use nn::{Conv2d, Dropout, Embedding, Layer, Linear, Module};
use serde_json::Value;
use tensor::random::with_default;
use tensor::{DType, Result, Tensor, manual_seed, tensor};

/// The calls of the case, one behind the other, after seeding.
pub fn run(case: &Case<'_>) -> Outcome {
    let options = &case.json["options"];
    manual_seed(options["seed"].as_u64().expect("a seed"));
    let mut found = Vec::new();
    for call in options["calls"].as_array().into_iter().flatten() {
        match draw(call) {
            Some(Ok(mut tensors)) => found.append(&mut tensors),
            Some(Err(error)) => return Outcome::Failed(error.to_string()),
            None => return Outcome::Unsupported(format!("call {call}")),
        }
    }
    let expected = case.list("outputs");
    if found.len() != expected.len() {
        return Outcome::Failed(format!("{} outputs, expected {}", found.len(), expected.len()));
    }
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        if let Err(why) = same(case, &format!("output {i}"), found, expected, Rule::Exact) {
            return Outcome::Failed(why);
        }
    }
    Outcome::Passed
}

fn draw(call: &Value) -> Option<Result<Vec<Tensor>>> {
    let size: Vec<i64> = call["size"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    let dtype = call["dtype"].as_str().map_or(Some(DType::F32), crate::case::dtype)?;
    let n = |key: &str| number(&call[key]);
    let whole = |key: &str| call[key].as_i64().unwrap_or(0);
    let one = match call["fn"].as_str()? {
        "rand" => with_default(|g| g.rand(size, dtype)),
        "randn" => with_default(|g| g.randn(size, dtype)),
        "normal" => tensor::normal(n("mean"), n("std"), size),
        "uniform_" => with_default(|g| g.uniform(size, n("a"), n("b"), dtype)),
        "randint" => tensor::randint(whole("low"), whole("high"), size),
        "randperm" => tensor::randperm(whole("n") as usize),
        "bernoulli" => Tensor::full(size, n("p"), dtype).and_then(|p| p.bernoulli()),
        "multinomial" => {
            let weights: Vec<f32> = call["probs"].as_array()?.iter().map(|p| number(p) as f32).collect();
            tensor(weights).multinomial(whole("n") as usize, call["replacement"].as_bool()?)
        }
        "dropout" => Tensor::full(size, 1.0, dtype).and_then(|x| Dropout::new().p(n("p")).forward(&x)),
        "Linear" => {
            let layer = Linear::new(whole("in") as usize, whole("out") as usize);
            return Some(Ok(layer.parameters().iter().map(|p| p.tensor().detach()).collect()));
        }
        "Conv2d" => {
            let layer = Conv2d::new(whole("in") as usize, whole("out") as usize, whole("k"));
            return Some(Ok(layer.parameters().iter().map(|p| p.tensor().detach()).collect()));
        }
        "Embedding" => {
            let layer = Embedding::new(whole("n") as usize, whole("d") as usize);
            Ok(layer.weight.tensor().detach())
        }
        _ => return None,
    };
    Some(one.map(|t| vec![t]))
}

//! Runs one case and says how it went.

use crate::case::{Args, Case, tensor};
use crate::compare::{Rule, Tolerance, same};
use crate::{
    criteria, initial, layers, models, operations, optimizers, printing, schedulers, seeded, snippets,
    streams, training,
};
use serde_json::Value;
use tensor::{Tensor, grad_with};

pub enum Outcome {
    Passed,
    Failed(String),
    Unsupported(String),
}

/// How a case went; a panic is a failure, and a difference of ours on purpose is none.
pub fn run(case: &Case<'_>) -> Outcome {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatch(case)));
    match result.unwrap_or_else(|_| Outcome::Failed("panicked".into())) {
        Outcome::Failed(why) if on_purpose(case, &why) => Outcome::Passed,
        outcome => outcome,
    }
}

/// Single functions that differ from PyTorch on purpose, by what the comparison says of them. Each stands in the docs of
/// its function; what holds for many cases of many functions is a [`rule`].
fn on_purpose(case: &Case<'_>, why: &str) -> bool {
    let has = |name: &str, dtype: &str| {
        case.list("inputs").iter().any(|input| input["name"] == name && input["dtype"] == dtype)
    };
    match case.op {
        // Bools are counted in int64, whatever `dtype=` says.
        "prod" => why == "output 0 has type i64, expected bool" && case.json["options"]["dtype"] == "bool",
        // Weights of float32 beside elements of float64 are summed in float64.
        "cov" => has("input", "f64") && has("aweights", "f32") && why.starts_with("output 0"),
        // A vector has no channels.
        "nn.functional.batch_norm" => why.contains("expected (N, C, …), found shape [0]"),
        // Along a dimension of one element the result is ±1, and its derivatives are 0 but for rounding.
        "nn.functional.normalize" => {
            case.json["dtype"] == "f64" && why.starts_with("second-order") && tiny(why)
        }
        // A number may stand where PyTorch asks for a tensor.
        _ => why.starts_with("no error, where PyTorch says") && why.contains("must be Tensor, not int"),
    }
}

/// Whether a comparison tells of two numbers that are both 0 but for rounding.
fn tiny(why: &str) -> bool {
    let numbers: Vec<f64> =
        why.split([' ', ',']).filter_map(|word| word.parse().ok()).filter(|x: &f64| x.is_finite()).collect();
    numbers.len() == 2 && numbers.iter().all(|x| x.abs() < 1e-10)
}

fn dispatch(case: &Case<'_>) -> Outcome {
    match case.kind {
        // It has weights.
        "loss" | "layer" if case.op == "AdaptiveLogSoftmaxWithLoss" => layers::run(case),
        "op" | "loss" => {
            function(case, |op, args| operations::call(op, args).or_else(|| criteria::call(op, args)))
        }
        // A criterion by its class.
        "layer" if case.op.ends_with("Loss") => function(case, criteria::call),
        "init-stat" => initial::run(case),
        "layer" => layers::run(case),
        "optim" => optimizers::run(case),
        "print" if case.op == "repr_module" => models::print(case),
        "print" if case.op == "python" => snippets::run(case),
        "print" => printing::run(case),
        "rng" => streams::run(case),
        "seeded" => seeded::run(case),
        "scheduler" => schedulers::run(case),
        "train" => training::run(case),
        other => Outcome::Unsupported(format!("kind {other}")),
    }
}

/// The tensors of a list of the case, leaves where they require a gradient.
pub fn leaves(list: &[Value]) -> Option<Vec<(String, Tensor)>> {
    list.iter()
        .map(|json| {
            let t = tensor(json)?;
            let t = if json["requires_grad"] == true { t.requires_grad() } else { t };
            Some((json["name"].as_str().unwrap_or("").to_string(), t))
        })
        .collect()
}

/// An element type of an input or an output that the project does not have.
pub fn foreign<'a>(case: &Case<'a>) -> Option<&'a str> {
    let named = case.list("inputs").iter().chain(case.list("outputs")).filter_map(|t| t["dtype"].as_str());
    named.into_iter().find(|name| crate::case::dtype(name).is_none())
}

/// Where we differ from PyTorch on purpose, each rule for all cases that it describes: for an output or a gradient.
fn rule(case: &Case<'_>, gradient: bool) -> Rule {
    let among_inputs = |text: &[&str]| {
        let bad = |x: &Value| x.as_str().is_some_and(|x| text.contains(&x));
        case.list("inputs").iter().any(|x| x["data"].as_array().is_some_and(|data| data.iter().any(bad)))
    };
    let of_loss = case.kind == "loss";
    // PyTorch's comparisons drop a NaN in some criteria, and keep it in others.
    let margins = ["multi_margin_loss", "multilabel_margin_loss"].contains(&case.op);
    if of_loss && (among_inputs(&["nan"]) || margins && among_inputs(&["inf", "-inf"])) {
        return Rule::Poisoned;
    }
    // A stable value instead of an overflow; BCELoss cuts its logarithms, and their slope with them.
    if case.has_tag("extreme") || gradient && ["binary_cross_entropy", "BCELoss"].contains(&case.op) {
        return Rule::NonFiniteMayBeFinite;
    }
    let nan = ["torch_nan_grad", "torch_nan_second", "torch_nan_output"].iter().any(|tag| case.has_tag(tag));
    // A NaN among the inputs may be anything in the gradients.
    if gradient && among_inputs(&["nan"]) {
        return Rule::Poisoned;
    }
    // The limit at an infinite input, where PyTorch has a NaN.
    if nan || of_loss && gradient || among_inputs(&["inf", "-inf"]) {
        return Rule::NanMayBeFinite;
    }
    Rule::Exact
}

/// Whether PyTorch gives an input no gradient, or only zeros.
fn gradient_is_none(case: &Case<'_>, name: &str) -> bool {
    let zeros = |list: &Vec<Value>| list.iter().all(|x| x.as_f64() == Some(0.0));
    let found = &case.json["grads"][name];
    found.is_null() || found["data"].as_array().is_some_and(zeros)
}

/// Whether the inputs of a criterion, apart from its weights, differ in shape but would broadcast.
fn would_broadcast(case: &Case<'_>) -> bool {
    let elements = case.list("inputs").iter().filter(|x| {
        !["weight", "pos_weight", "var"].iter().any(|name| x["name"] == *name) && x["shape"].is_array()
    });
    let shapes: Vec<Vec<usize>> = elements
        .map(|x| {
            x["shape"].as_array().into_iter().flatten().filter_map(|n| Some(n.as_u64()? as usize)).collect()
        })
        .collect();
    let fits = |a: &[usize], b: &[usize]| tensor::layout::broadcast(a, b).is_some();
    shapes.windows(2).any(|pair| pair[0] != pair[1]) && shapes.windows(2).all(|pair| fits(&pair[0], &pair[1]))
}

/// An `Error` where PyTorch computes on, promised by our contract.
fn stricter(case: &Case<'_>, error: &str) -> bool {
    let criterion = case.kind == "loss" || case.op.ends_with("Loss");
    // Criteria never broadcast.
    let broadcast = !case.json["warning"].is_null() || case.has_tag("broadcast") || would_broadcast(case);
    if criterion && broadcast && error.contains("shape") {
        return true;
    }
    // Targets outside [0, 1]; rows of class probabilities that do not sum to one; labels that are no signs.
    let refused = ["between 0 and 1", "sum to", "must be 1 or -1"];
    // Products of integers times a fraction, which PyTorch cuts to an integer.
    error.contains("added to a product of int64, times")
        || criterion && refused.iter().any(|text| error.contains(text))
}

type Call = fn(&str, &Args<'_>) -> Option<tensor::Result<Vec<Tensor>>>;

fn function(case: &Case<'_>, call: Call) -> Outcome {
    if let Some(name) = foreign(case) {
        return Outcome::Unsupported(format!("element type {name}"));
    }
    let Some(inputs) = leaves(case.list("inputs")) else {
        return Outcome::Unsupported("an input".into());
    };
    // A criterion's weights stand among its options.
    let Some(weights) = leaves(case.list("option_tensors")) else {
        return Outcome::Unsupported("an option".into());
    };
    let mut args = Args::new(inputs.into_iter().chain(weights).collect(), &case.json["options"])
        .and(&case.json["forward_options"]);
    let Some(mut result) = call(case.op, &args) else { return Outcome::Unsupported(case.op.into()) };
    if let Err(error) = &result
        && case.json["error"].is_null()
        && error.to_string().contains("label and has no gradient")
        && gradient_is_none(case, "target")
    {
        // Refused as promised; without the request the values must agree.
        args.tensors.iter_mut().filter(|(name, _)| name == "target").for_each(|(_, t)| *t = t.detach());
        match call(case.op, &args) {
            Some(again) => result = again,
            None => return Outcome::Unsupported(case.op.into()),
        }
    }
    if let (Ok(_), Some(option)) = (&result, args.unread().first()) {
        return Outcome::Unsupported(format!("option {option}"));
    }
    let wrt: Vec<(&str, &Tensor)> =
        args.tensors.iter().filter(|(_, t)| t.needs_grad()).map(|(n, t)| (n.as_str(), t)).collect();
    judge(case, result, &wrt)
}

/// Compares a result, or its error, and its gradients, with what the case expects.
pub fn judge(case: &Case<'_>, result: tensor::Result<Vec<Tensor>>, wrt: &[(&str, &Tensor)]) -> Outcome {
    let expected_error = &case.json["error"];
    match (&result, expected_error.is_null()) {
        (Err(error), false) => {
            let said = error.to_string();
            let ours = said.contains("(at crates/");
            return if ours {
                Outcome::Failed(format!("the error names a line of ours: {said}"))
            } else {
                Outcome::Passed
            };
        }
        (Err(error), true) if stricter(case, &error.to_string()) => return Outcome::Passed,
        (Err(error), true) => return Outcome::Failed(format!("error: {error}")),
        // PyTorch lacks a kernel or a derivative.
        (Ok(_), false)
            if case.has_tag("unsupported_in_torch")
                || expected_error["message"]
                    .as_str()
                    .is_some_and(|m| m.contains("is not differentiable with")) =>
        {
            return Outcome::Passed;
        }
        (Ok(outputs), false) if expected_error["stage"] == "backward" => {
            // Nothing changes in place here, so no value that a gradient needs can be stale.
            if case.has_tag("inplace") {
                return Outcome::Passed;
            }
            let failed = outputs.iter().any(|y| y.backward_with(&y.ones_like()).is_err());
            return if failed { Outcome::Passed } else { Outcome::Failed("backward should fail".into()) };
        }
        (Ok(_), false) => {
            return Outcome::Failed(format!("no error, where PyTorch says {}", expected_error["message"]));
        }
        (Ok(_), true) => {}
    }
    match result.map_err(|e| e.to_string()).and_then(|outputs| values_and_gradients(case, &outputs, wrt)) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

/// A case of float32 may agree with PyTorch's float32 or with the same computation in float64.
fn either(case: &Case<'_>, what: &str, found: &Tensor, key: &[&str], rule: Rule) -> Result<(), String> {
    let pick = |mut json: &Value| -> Value {
        for part in key {
            json = match part.parse::<usize>() {
                Ok(i) => &json[i],
                Err(_) => &json[*part],
            };
        }
        json.clone()
    };
    let first = same(case, what, found, &pick(case.json), rule);
    if first.is_err() && !case.json["ref64"].is_null() {
        let mut wide = pick(&case.json["ref64"]);
        if wide.is_array() {
            // only the numbers are given
            let mut full = pick(case.json);
            full["data"] = wide;
            wide = full;
        }
        if !wide.is_null() {
            if wide["dtype"] == "f64" && found.dtype() == tensor::DType::F32 {
                wide["dtype"] = "f32".into();
            }
            return same(case, what, found, &wide, rule);
        }
    }
    first
}

/// Whether indices of equal elements are other ones than PyTorch's, which it leaves open for these operations.
fn names_equals(case: &Case<'_>, outputs: &[Tensor]) -> bool {
    let (true, [values, places]) = (["kthvalue", "mode", "topk"].contains(&case.op), outputs) else {
        return false;
    };
    let dim = case.json["options"]["dim"].as_i64().unwrap_or(-1) as isize;
    let named = || {
        let x = tensor(case.list("inputs").first()?)?;
        let places = if places.dim() < x.dim() { places.unsqueeze(dim).ok()? } else { places.clone() };
        x.gather(dim, &places).ok()?.reshape(values.shape()).ok()
    };
    named().is_some_and(|named| named.equal(&values.detach()))
}

fn values_and_gradients(case: &Case<'_>, outputs: &[Tensor], wrt: &[(&str, &Tensor)]) -> Result<(), String> {
    let of_outputs = rule(case, false);
    let rule = rule(case, true);
    let expected = case.list("outputs");
    if outputs.len() != expected.len() {
        return Err(format!("{} outputs, expected {}", outputs.len(), expected.len()));
    }
    for (i, y) in outputs.iter().enumerate() {
        // An output that the case does not speak of.
        if expected[i].is_null() {
            continue;
        }
        let found = either(case, &format!("output {i}"), y, &["outputs", &i.to_string()], of_outputs);
        if found.is_err() && i == 1 && names_equals(case, outputs) {
            continue;
        }
        found?;
        // The gradients of a value that PyTorch does not have mean nothing.
        let value = &expected[i]["data"];
        if of_outputs != Rule::Exact
            && value[0] == "nan"
            && expected.len() == 1
            && y.dim() == 0
            && y.item().is_ok_and(f64::is_finite)
        {
            return Ok(());
        }
    }
    let seeds = case.list("grad_output");
    if seeds.is_empty() || wrt.is_empty() {
        return Ok(());
    }
    let text = |e: tensor::Error| e.to_string();
    let mut roots = Vec::new();
    for (y, seed) in outputs.iter().zip(seeds) {
        if let Some(seed) = tensor(seed)
            && y.needs_grad()
        {
            roots.push((y, seed));
        }
    }
    // The fused path first, then the one that can be differentiated again.
    let zeros = |t: &Tensor| t.zeros_like();
    for (y, seed) in &roots {
        y.backward_options().grad(seed).retain_graph().run().map_err(text)?;
    }
    let fused: Vec<Tensor> = wrt.iter().map(|(_, t)| t.grad().unwrap_or_else(|| zeros(t))).collect();
    let inputs: Vec<&Tensor> = wrt.iter().map(|(_, t)| *t).collect();
    let graph = if roots.is_empty() {
        inputs.iter().map(|t| zeros(t)).collect()
    } else {
        let ys: Vec<&Tensor> = roots.iter().map(|r| r.0).collect();
        let gs: Vec<Option<&Tensor>> = roots.iter().map(|r| Some(&r.1)).collect();
        grad_with(&ys, &gs, &inputs).map_err(text)?
    };
    for (path, grads) in [("fused", &fused), ("differentiable", &graph)] {
        for ((name, t), found) in wrt.iter().zip(grads) {
            let what = format!("{path} gradient of {name}");
            if case.json["grads"].get(*name).is_none_or(Value::is_null) {
                zero(case, &what, t, found)?;
            } else {
                either(case, &what, found, &["grads", name], rule)?;
            }
        }
    }
    let second = &case.json["second_order"];
    if second.is_null() {
        return Ok(());
    }
    let mut sum = Tensor::scalar(0.0, tensor::DType::F64);
    for ((name, _), g) in wrt.iter().zip(&graph) {
        if let Some(v) = second["v"].get(*name).and_then(tensor) {
            sum =
                sum.add(&g.mul(&v).map(|gv| gv.sum().to(tensor::DType::F64)).map_err(text)?).map_err(text)?;
        }
    }
    let found = if sum.needs_grad() {
        tensor::grad(&sum, &inputs).map_err(text)?
    } else {
        inputs.iter().map(|t| zeros(t)).collect()
    };
    for ((name, t), found) in wrt.iter().zip(&found) {
        let what = format!("second-order gradient of {name}");
        if second["grads"].get(*name).is_none_or(Value::is_null) {
            zero(case, &what, t, found)?;
        } else {
            either(case, &what, found, &["second_order", "grads", name], rule)?;
        }
    }
    Ok(())
}

/// PyTorch's `None`: a gradient that does not exist may be zeros.
fn zero(case: &Case<'_>, what: &str, like: &Tensor, found: &Tensor) -> Result<(), String> {
    let tiny = Tolerance::of(case, what, if like.dtype() == tensor::DType::F32 { "f32" } else { "f64" }).atol;
    let all = found.to(tensor::DType::F64).to_vec::<f64>().map_err(|e| e.to_string())?;
    if found.shape() == like.shape() && all.iter().all(|&x| x.abs() <= tiny || x.is_nan()) {
        Ok(())
    } else {
        Err(format!("{what} is {all:?}, expected none"))
    }
}

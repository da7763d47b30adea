//! Whole training runs: kind `train`.

use crate::case::{Args, Case, number, tensor};
use crate::compare::close;
use crate::run::Outcome;
use crate::schedulers::Either;
use crate::{criteria, models, optimizers, schedulers};
use optim::ClipGradNorm;
use serde_json::Value;
use tensor::{DType, Error, Parameter};

enum Failure {
    Unsupported(String),
    Differs(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Differs(error.to_string())
    }
}

pub fn run(case: &Case<'_>) -> Outcome {
    match train(case) {
        Ok(()) => Outcome::Passed,
        Err(Failure::Unsupported(what)) => Outcome::Unsupported(what),
        Err(Failure::Differs(why)) => Outcome::Failed(why),
    }
}

fn train(case: &Case<'_>) -> Result<(), Failure> {
    let missing = |what: &Value| Failure::Unsupported(what.to_string());
    let json = case.json;
    let model = models::trainable(&json["model"]).ok_or_else(|| missing(&json["model"]))?;
    models::load(&*model, &json["params"])?;
    let options = Args::new(vec![], &json["loss"]["options"]);
    let criterion = criteria::build(json["loss"]["op"].as_str().unwrap_or(""), &options);
    let criterion = criterion.ok_or_else(|| missing(&json["loss"]))??;
    let options = Args::new(vec![], &json["optimizer"]["options"]);
    let name = json["optimizer"]["op"].as_str().unwrap_or("");
    let optimizer = optimizers::build(name, vec![model.parameters()], &options, &[]);
    let mut optimizer = optimizer.ok_or_else(|| missing(&json["optimizer"]))?;
    let schedule = &json["scheduler"];
    let mut scheduler = if schedule.is_null() {
        None
    } else {
        let options = Args::new(vec![], &schedule["options"]);
        match schedulers::build(schedule["op"].as_str().unwrap_or(""), &options, &*optimizer) {
            Ok(Either::Alone(scheduler)) => Some(scheduler),
            _ => return Err(missing(schedule)),
        }
    };

    let input = |i: usize| tensor(&case.list("inputs")[i]).ok_or_else(|| missing(&json["inputs"]));
    let (x, y) = (input(0)?, input(1)?);
    let losses = case.list("losses");
    let steps = losses.len() - 1;
    for (step, expected) in losses.iter().enumerate() {
        let loss = criterion.forward(&model.forward(&x)?, &y)?;
        let found = loss.item()?;
        let alternatives = [number(expected), number(&json["ref64_losses"][step])];
        let (rtol, atol) = tolerance(case);
        if !alternatives.iter().any(|&b| close(found, b, rtol, atol)) {
            return Err(Failure::Differs(format!("loss {step} is {found:e}, expected {expected}")));
        }
        if step == steps {
            break;
        }
        optimizer.zero_grad();
        loss.backward()?;
        if let Some(norm) = json["clip_grad_norm"].as_f64() {
            ClipGradNorm::new(norm).apply(model.parameters())?;
        }
        optimizer.step()?;
        if let Some(scheduler) = &mut scheduler {
            scheduler.step();
        }
    }
    model.named_parameters().iter().try_for_each(|(name, p)| same_values(case, name, p))
}

fn tolerance(case: &Case<'_>) -> (f64, f64) {
    let float32 = case.json["dtype"] == "f32";
    let lbfgs = case.json["optimizer"]["op"] == "LBFGS";
    match (float32, lbfgs) {
        (true, _) => (1e-4, 1e-6),
        (false, true) => (1e-4, 1e-9),
        (false, false) => (1e-7, 1e-9),
    }
}

/// Weights wander further apart than losses: by as much as float32's noise in all steps.
fn same_values(case: &Case<'_>, name: &str, p: &Parameter) -> Result<(), Failure> {
    let expected = tensor(&case.json["final_params"][name])
        .ok_or_else(|| Failure::Differs(format!("the case has no {name}")))?
        .to(DType::F64)
        .to_vec::<f64>()?;
    let found = p.tensor().to(DType::F64).to_vec::<f64>()?;
    let (rtol, atol) = tolerance(case);
    // A bias of the keys shifts all scores of a query alike, which softmax does not see: its gradient is 0 but for
    // rounding, and an optimizer that divides by the gradient's size walks wherever float32 rounds to.
    let n = found.len();
    let keys =
        if name.ends_with("in_proj_bias") && case.json["dtype"] == "f32" { n / 3..2 * n / 3 } else { 0..0 };
    for (i, (&a, &b)) in found.iter().zip(&expected).enumerate() {
        if !keys.contains(&i) && !close(a, b, 10.0 * rtol, 100.0 * atol) {
            return Err(Failure::Differs(format!("{name}[{i}] is {a:e} at the end, expected {b:e}")));
        }
    }
    Ok(())
}

//! Learning rates over time: kind `scheduler`.

use crate::case::{Args, Case, number};
use crate::run::Outcome;
use optim::scheduler::PerGroup;
use optim::{
    Anneal, ChainedScheduler, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CycleMode,
    CyclicLR, ExponentialLR, LambdaLR, LinearLR, Mode, MultiStepLR, MultiplicativeLR, OneCycleLR, Optimizer,
    PolynomialLR, ReduceLROnPlateau, SGD, Scheduler, SequentialLR, StepLR, ThresholdMode,
};
use serde_json::Value;
use tensor::{Parameter, tensor};

/// A schedule of either kind: one that steps by itself, or one that needs a metric.
pub enum Either {
    Alone(Box<dyn Scheduler>),
    Metric(ReduceLROnPlateau),
}

/// Why there is no schedule.
pub enum Refused {
    /// The case lacks what the constructor asks for: a program like that does not compile.
    Signature(&'static str),
    Unsupported(String),
}

type Lambda = Box<dyn Fn(usize) -> f64 + Send>;

fn lambda(name: &str) -> Option<fn(usize) -> f64> {
    Some(match name {
        "0.95**e" => |e| 0.95f64.powi(e as i32),
        "min(1,(e+1)/5)" => |e| ((e as f64 + 1.0) / 5.0).min(1.0),
        "0.9" => |_| 0.9,
        _ => return None,
    })
}

fn per_group(value: &Value) -> PerGroup {
    match value {
        Value::Array(each) => each.iter().map(number).collect::<Vec<_>>().into(),
        one => number(one).into(),
    }
}

pub fn build<O: Optimizer + ?Sized>(op: &str, args: &Args<'_>, optimizer: &O) -> Result<Either, Refused> {
    let whole = |name| args.int(name).map(|i| i as usize);
    let unsupported = |what: &str| Refused::Unsupported(what.to_string());
    let lambdas = || -> Result<Vec<Lambda>, Refused> {
        let names = args.get("lr_lambda").ok_or(Refused::Signature("lr_lambda"))?;
        let names = names.as_array().cloned().unwrap_or_else(|| vec![names.clone()]);
        let find = |name: &Value| lambda(name.as_str()?).map(|f| Box::new(f) as Lambda);
        names.iter().map(|n| find(n).ok_or_else(|| unsupported(&n.to_string()))).collect()
    };
    // Options that the case gives, by the builder method of the same name.
    macro_rules! with {
        ($made:expr $(, $method:ident = $value:expr)*) => {{
            let mut made = $made;
            $(if let Some(value) = $value { made = made.$method(value); })*
            made
        }};
    }
    let float = |name| args.float(name);
    let each = |name| args.get(name).map(per_group);
    let need = |name: &'static str| whole(name).ok_or(Refused::Signature(name));
    let made: Box<dyn Scheduler> = match op {
        "StepLR" => Box::new(with!(StepLR::new(optimizer, need("step_size")?), gamma = float("gamma"))),
        "MultiStepLR" => {
            let milestones = args.ints("milestones").ok_or(Refused::Signature("milestones"))?;
            let milestones = milestones.into_iter().map(|m| m as usize);
            Box::new(with!(MultiStepLR::new(optimizer, milestones), gamma = float("gamma")))
        }
        "LambdaLR" => Box::new(LambdaLR::per_group(optimizer, lambdas()?)),
        "MultiplicativeLR" => Box::new(MultiplicativeLR::per_group(optimizer, lambdas()?)),
        "ConstantLR" => Box::new(with!(
            ConstantLR::new(optimizer),
            factor = float("factor"),
            total_iters = whole("total_iters")
        )),
        "LinearLR" => Box::new(with!(
            LinearLR::new(optimizer),
            start_factor = float("start_factor"),
            end_factor = float("end_factor"),
            total_iters = whole("total_iters")
        )),
        "ExponentialLR" => {
            Box::new(ExponentialLR::new(optimizer, float("gamma").ok_or(Refused::Signature("gamma"))?))
        }
        "PolynomialLR" => Box::new(with!(
            PolynomialLR::new(optimizer),
            total_iters = whole("total_iters"),
            power = float("power")
        )),
        "CosineAnnealingLR" => {
            Box::new(with!(CosineAnnealingLR::new(optimizer, need("T_max")?), eta_min = float("eta_min")))
        }
        "CosineAnnealingWarmRestarts" => Box::new(with!(
            CosineAnnealingWarmRestarts::new(optimizer, need("T_0")?),
            t_mult = whole("T_mult"),
            eta_min = float("eta_min")
        )),
        "CyclicLR" => {
            let base = each("base_lr").ok_or(Refused::Signature("base_lr"))?;
            let max = each("max_lr").ok_or(Refused::Signature("max_lr"))?;
            let mode = match args.text("mode") {
                None => None,
                Some("triangular") => Some(CycleMode::Triangular),
                Some("triangular2") => Some(CycleMode::Triangular2),
                Some("exp_range") => Some(CycleMode::ExpRange),
                Some(_) => return Err(Refused::Signature("mode")),
            };
            Box::new(with!(
                CyclicLR::new(optimizer, base, max),
                step_size_up = whole("step_size_up"),
                step_size_down = whole("step_size_down"),
                mode = mode,
                gamma = float("gamma"),
                cycle_momentum = args.flag("cycle_momentum"),
                base_momentum = each("base_momentum"),
                max_momentum = each("max_momentum")
            ))
        }
        "OneCycleLR" => {
            let product = || Some(whole("epochs")? * whole("steps_per_epoch")?);
            let total = whole("total_steps").or_else(product).ok_or(Refused::Signature("total_steps"))?;
            let anneal = match args.text("anneal_strategy") {
                None => None,
                Some("cos") => Some(Anneal::Cos),
                Some("linear") => Some(Anneal::Linear),
                Some(_) => return Err(Refused::Signature("anneal_strategy")),
            };
            Box::new(with!(
                OneCycleLR::new(optimizer, each("max_lr").ok_or(Refused::Signature("max_lr"))?, total),
                pct_start = float("pct_start"),
                anneal_strategy = anneal,
                cycle_momentum = args.flag("cycle_momentum"),
                base_momentum = each("base_momentum"),
                max_momentum = each("max_momentum"),
                div_factor = float("div_factor"),
                final_div_factor = float("final_div_factor"),
                three_phase = args.flag("three_phase")
            ))
        }
        "ReduceLROnPlateau" => {
            let mode = match args.text("mode") {
                None => None,
                Some("min") => Some(Mode::Min),
                Some("max") => Some(Mode::Max),
                Some(_) => return Err(Refused::Signature("mode")),
            };
            let threshold_mode = match args.text("threshold_mode") {
                None => None,
                Some("rel") => Some(ThresholdMode::Rel),
                Some("abs") => Some(ThresholdMode::Abs),
                Some(_) => return Err(Refused::Signature("threshold_mode")),
            };
            return Ok(Either::Metric(with!(
                ReduceLROnPlateau::new(optimizer),
                mode = mode,
                factor = float("factor"),
                patience = whole("patience"),
                threshold = float("threshold"),
                threshold_mode = threshold_mode,
                cooldown = whole("cooldown"),
                min_lr = each("min_lr"),
                eps = float("eps")
            )));
        }
        "SequentialLR" | "ChainedScheduler" => {
            let mut members =
                args.get("schedulers").and_then(Value::as_array).into_iter().flatten().map(|json| {
                    let inner = Args::new(vec![], &json["options"]);
                    match build(json["op"].as_str().unwrap_or(""), &inner, optimizer)? {
                        Either::Alone(scheduler) => Ok(scheduler),
                        Either::Metric(_) => Err(Refused::Signature("a schedule that needs no metric")),
                    }
                });
            let first = members.next().ok_or(Refused::Signature("a first schedule"))??;
            if op == "ChainedScheduler" {
                let chain =
                    members.try_fold(ChainedScheduler::new(first), |chain, next| Ok(chain.and(next?)))?;
                return Ok(Either::Alone(Box::new(chain)));
            }
            // All are made before the sequence, as in PyTorch.
            let rest = members.collect::<Result<Vec<_>, _>>()?;
            let milestones = args.ints("milestones").unwrap_or_default();
            if milestones.len() != rest.len() {
                return Err(Refused::Signature("a milestone for each further schedule"));
            }
            let mut sequence = SequentialLR::new(optimizer, first);
            for (milestone, next) in milestones.into_iter().zip(rest) {
                sequence = sequence.then(milestone as usize, next);
            }
            Box::new(sequence)
        }
        _ => return Err(unsupported(op)),
    };
    Ok(Either::Alone(made))
}

pub fn run(case: &Case<'_>) -> Outcome {
    let args = Args::new(vec![], &case.json["options"]);
    let mut groups = case.list("base_lrs").iter().map(number);
    let parameter = || {
        let p = Parameter::new(&tensor([1.0]));
        p.set_grad(Some(&tensor([0.0]))).expect("a gradient of the same shape");
        p
    };
    let mut optimizer = SGD::new([parameter()], groups.next().unwrap_or(0.1))
        .momentum(case.json["momentum"].as_f64().unwrap_or(0.0));
    for lr in groups {
        optimizer = optimizer.param_group([parameter()], move |group| group.lr = lr);
    }
    let expects_error = !case.json["error"].is_null();
    let mut scheduler = match build(case.op, &args, &optimizer) {
        Ok(scheduler) => scheduler,
        Err(Refused::Signature(_)) if expects_error => return Outcome::Passed,
        Err(Refused::Signature(what)) => return Outcome::Failed(format!("lacks {what}")),
        Err(Refused::Unsupported(why)) => return Outcome::Unsupported(why),
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    for step in 0..=case.json["steps"].as_u64().unwrap_or(0) as usize {
        if step > 0 {
            match &mut scheduler {
                Either::Alone(scheduler) => scheduler.step(),
                Either::Metric(plateau) => plateau.step(number(&case.json["metrics"][step - 1])),
            }
        }
        match (optimizer.step(), expects_error) {
            (Err(_), true) => return Outcome::Passed,
            (Err(error), false) => return Outcome::Failed(error.to_string()),
            (Ok(()), _) => {}
        }
        for (key, option) in [("lrs", "lr"), ("momenta", "momentum")] {
            let expected = &case.json[key][step];
            for (i, group) in optimizer.param_groups().iter().enumerate() {
                let (a, b) = (group.get(option).unwrap_or(f64::NAN), number(&expected[i]));
                let close = (a - b).abs() <= 1e-11 + 1e-9 * b.abs();
                if !expected.is_null() && !close {
                    return Outcome::Failed(format!(
                        "{option} of group {i} at step {step} is {a}, expected {b}"
                    ));
                }
            }
        }
    }
    if expects_error { Outcome::Failed("no error".into()) } else { Outcome::Passed }
}

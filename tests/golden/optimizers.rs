//! Optimizers and gradient clipping: kind `optim`.

use crate::case::{Args, Case, tensor};
use crate::compare::{Rule, same};
use crate::run::Outcome;
use optim::{
    ASGD, Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, ClipGradNorm, LBFGS, LineSearch, NAdam,
    Optimizer, RAdam, RMSprop, Rprop, SGD, clip_grad_value_,
};
use serde_json::Value;
use tensor::{Error, Parameter, Tensor};

/// The optimizer of a case: the groups of parameters, each with the options that it has of its own.
pub fn build(
    op: &str,
    groups: Vec<Vec<Parameter>>,
    args: &Args<'_>,
    own: &[Value],
) -> Option<Box<dyn Optimizer>> {
    let lr = args.float("lr");
    let pair = |name| args.get(name).map(|b| (crate::case::number(&b[0]), crate::case::number(&b[1])));
    let mut groups = groups.into_iter();
    let first = groups.next()?;

    // Options that the case gives, by the builder method of the same name.
    macro_rules! optimizer {
        ($type:ident, $lr:expr, $($method:ident: $kind:ident),* $(; $pair:ident)*) => {{
            let mut made = $type::new(first, lr.unwrap_or($lr));
            $(if let Some(value) = args.$kind(stringify!($method)) { made = made.$method(value); })*
            $(if let Some((a, b)) = pair(stringify!($pair)) { made = made.$pair(a, b); })*
            made
        }};
    }
    macro_rules! boxed {
        ($($optimizer:tt)*) => { Box::new(grouped(optimizer!($($optimizer)*), groups, own)) };
    }
    let made: Box<dyn Optimizer> = match op {
        "SGD" => {
            boxed!(SGD, 1e-3, momentum: float, dampening: float, weight_decay: float, nesterov: flag, maximize: flag)
        }
        "Adam" => boxed!(Adam, 1e-3, eps: float, weight_decay: float, amsgrad: flag, maximize: flag; betas),
        "AdamW" => boxed!(AdamW, 1e-3, eps: float, weight_decay: float, amsgrad: flag, maximize: flag; betas),
        "RMSprop" => {
            boxed!(RMSprop, 1e-2, alpha: float, eps: float, weight_decay: float, momentum: float, centered: flag, maximize: flag)
        }
        "Adagrad" => {
            boxed!(Adagrad, 1e-2, lr_decay: float, weight_decay: float, initial_accumulator_value: float, eps: float, maximize: flag)
        }
        "Adadelta" => boxed!(Adadelta, 1.0, rho: float, eps: float, weight_decay: float, maximize: flag),
        "Adamax" => boxed!(Adamax, 2e-3, eps: float, weight_decay: float, maximize: flag; betas),
        "NAdam" => {
            boxed!(NAdam, 2e-3, eps: float, weight_decay: float, momentum_decay: float, decoupled_weight_decay: flag, maximize: flag; betas)
        }
        "RAdam" => {
            boxed!(RAdam, 1e-3, eps: float, weight_decay: float, decoupled_weight_decay: flag, maximize: flag; betas)
        }
        "ASGD" => {
            boxed!(ASGD, 1e-2, lambd: float, alpha: float, t0: float, weight_decay: float, maximize: flag)
        }
        "Rprop" => boxed!(Rprop, 1e-2, maximize: flag; etas; step_sizes),
        "Adafactor" => {
            let mut made = optimizer!(Adafactor, 1e-2, beta2_decay: float, d: float, weight_decay: float, maximize: flag);
            if let Some(eps) = args.get("eps") {
                made = made.eps(eps[0].as_f64(), crate::case::number(&eps[1]));
            }
            Box::new(grouped(made, groups, own))
        }
        "LBFGS" => {
            let whole = |name| args.int(name).map(|i| i as usize);
            let mut made = LBFGS::new(first, lr.unwrap_or(1.0));
            if let Some(n) = whole("max_iter") {
                made = made.max_iter(n);
            }
            if let Some(n) = whole("max_eval") {
                made = made.max_eval(n);
            }
            if let Some(n) = whole("history_size") {
                made = made.history_size(n);
            }
            if let Some(x) = args.float("tolerance_grad") {
                made = made.tolerance_grad(x);
            }
            if let Some(x) = args.float("tolerance_change") {
                made = made.tolerance_change(x);
            }
            match args.text("line_search_fn") {
                None => {}
                Some("strong_wolfe") => made = made.line_search_fn(LineSearch::StrongWolfe),
                Some(_) => return None,
            }
            Box::new(made)
        }
        _ => return None,
    };
    if let Some(options) = own.first() {
        set(&made.param_groups()[0], options);
    }
    Some(made)
}

/// Adds the other groups of a case; what one has of its own is set as a user would set it later.
fn grouped<R: optim::rule::Rule>(
    mut made: optim::rule::Optim<R>,
    groups: impl Iterator<Item = Vec<Parameter>>,
    own: &[Value],
) -> optim::rule::Optim<R> {
    for (parameters, options) in groups.zip(own.iter().skip(1)) {
        made = made.param_group(parameters, |_| {});
        set(made.param_groups().last().expect("just added"), options);
    }
    made
}

fn set(group: &optim::Group, options: &Value) {
    for (name, value) in options["options"].as_object().into_iter().flatten() {
        group.set(name, crate::case::number(value)).expect("an option by PyTorch's name");
    }
}

pub fn run(case: &Case<'_>) -> Outcome {
    if case.op.starts_with("clip_grad_") { clip(case) } else { optimize(case) }
}

/// The inputs are gradients.
fn clip(case: &Case<'_>) -> Outcome {
    let args = Args::new(vec![], &case.json["options"]);
    let Some(grads) = crate::run::leaves(case.list("inputs")) else {
        return Outcome::Unsupported("an element type".into());
    };
    let parameters: Vec<Parameter> = grads
        .iter()
        .map(|(_, grad)| {
            let p = Parameter::new(&grad.zeros_like());
            p.set_grad(Some(&grad.detach())).expect("a gradient of the same shape");
            p
        })
        .collect();
    let result = match case.op {
        "clip_grad_norm_" => {
            let clip = ClipGradNorm::new(args.float("max_norm").unwrap_or(f64::NAN))
                .norm_type(args.float("norm_type").unwrap_or(2.0))
                .error_if_nonfinite(args.flag("error_if_nonfinite").unwrap_or(false));
            clip.apply(parameters.clone()).map(Some)
        }
        "clip_grad_value_" => {
            clip_grad_value_(parameters.clone(), args.float("clip_value").unwrap_or(f64::NAN)).map(|()| None)
        }
        other => return Outcome::Unsupported(other.into()),
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    let total = match (result, case.json["error"].is_null()) {
        (Err(_), false) => return Outcome::Passed,
        (Err(error), true) => return Outcome::Failed(error.to_string()),
        (Ok(_), false) => return Outcome::Failed("no error".into()),
        (Ok(total), true) => total,
    };
    let total = total.map(|t| same(case, "the norm", &t, &case.json["total_norm"], Rule::Exact));
    let clipped = parameters.iter().zip(case.list("clipped")).enumerate().map(|(i, (p, expected))| {
        let grad = p.grad().ok_or("no gradient")?;
        same(case, &format!("gradient {i}"), &grad, expected, Rule::Exact)
    });
    match total.into_iter().chain(clipped).find_map(Result::err) {
        Some(why) => Outcome::Failed(why),
        None => Outcome::Passed,
    }
}

fn optimize(case: &Case<'_>) -> Outcome {
    let args = Args::new(vec![], &case.json["options"]);
    let named: Vec<(&String, Parameter)> = case.json["params"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, json)| Some((name, Parameter::new(&tensor(json)?))))
        .collect();
    let own = case.list("param_groups");
    let groups: Vec<Vec<Parameter>> = if own.is_empty() {
        vec![named.iter().map(|n| n.1.clone()).collect()]
    } else {
        let member = |name: &Value| named.iter().find(|n| name == n.0.as_str()).map(|n| n.1.clone());
        own.iter()
            .map(|g| g["params"].as_array().into_iter().flatten().filter_map(member).collect())
            .collect()
    };
    let Some(mut optimizer) = build(case.op, groups, &args, own) else {
        return Outcome::Unsupported(case.op.into());
    };
    if let Some(option) = args.unread().first() {
        return Outcome::Unsupported(format!("option {option}"));
    }
    let result = train(case, optimizer.as_mut(), &named);
    match (result, case.json["error"].is_null()) {
        (Err(Failure::Step(_)), false) => Outcome::Passed,
        (Ok(()), false) => Outcome::Failed(format!("no error, where PyTorch says {}", case.json["error"])),
        (Ok(()), true) => Outcome::Passed,
        (Err(Failure::Step(error)), true) => Outcome::Failed(error.to_string()),
        (Err(Failure::Differs(why)), _) => Outcome::Failed(why),
    }
}

enum Failure {
    Step(Error),
    Differs(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Step(error)
    }
}

fn train(
    case: &Case<'_>,
    optimizer: &mut dyn Optimizer,
    named: &[(&String, Parameter)],
) -> Result<(), Failure> {
    let objective = case.json["problem"].as_str().unwrap_or("");
    for step in 0..case.json["steps"].as_u64().unwrap_or(0) as usize {
        if objective == "given_grads" {
            for (name, parameter) in named {
                parameter.set_grad(tensor(&case.json["step_grads"][step][name.as_str()]).as_ref())?;
            }
            optimizer.step()?;
        } else {
            let loss = optimizer.step_with(&mut || {
                let mut sum = Tensor::scalar(0.0, named[0].1.dtype());
                for (_, parameter) in named {
                    sum = sum.add(&value(objective, &parameter.tensor())?)?;
                }
                Ok(sum)
            })?;
            let expected = serde_json::json!({"shape": [], "dtype": case.json["dtype"], "data": [case.json["losses"][step]]});
            same(case, &format!("loss {step}"), &loss, &expected, Rule::Exact).map_err(Failure::Differs)?;
        }
        for (name, parameter) in named {
            let expected = &case.json["trajectory"][step][name.as_str()];
            if !expected.is_null() {
                let what = format!("{name} after step {step}");
                same(case, &what, &parameter.tensor(), expected, Rule::Exact).map_err(Failure::Differs)?;
            }
        }
    }
    Ok(())
}

/// The objectives of the cases' README.
fn value(name: &str, x: &Tensor) -> tensor::Result<Tensor> {
    let n = x.numel();
    match name {
        "rosenbrock" => {
            let (a, b) = (x.narrow(0, 0, n - 1)?, x.narrow(0, 1, n - 1)?);
            (b.sub(&a.square())?.square() * 100.0).add(&a.neg().add(1.0)?.square()).map(|y| y.sum())
        }
        "quadratic" => {
            let i = Tensor::arange(1, n as i64 + 1, 1, x.dtype())?;
            (x.square().mul(&i)?.sum() * 0.5).sub(&x.sum())
        }
        other => Err(Error::value("golden", format!("no objective {other}"))),
    }
}

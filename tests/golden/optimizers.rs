//! Optimizers and gradient clipping: kind `optim`.

use crate::case::{Args, Case, tensor};
use crate::compare::{Rule, same};
use crate::run::Outcome;
use optim::{Adam, AdamW, Optimizer, SGD};
use serde_json::Value;
use tensor::{Error, Parameter, Result, Tensor};

/// The optimizer of a case: the groups of parameters, each with the options that it has of its own.
fn build(
    op: &str,
    groups: Vec<Vec<Parameter>>,
    args: &Args<'_>,
    own: &[Value],
) -> Option<Box<dyn Optimizer>> {
    let lr = args.float("lr");
    let betas = args.get("betas").map(|b| (crate::case::number(&b[0]), crate::case::number(&b[1])));
    let mut groups = groups.into_iter();
    let first = groups.next()?;

    // Options that the case gives, by the builder method of the same name.
    macro_rules! optimizer {
        ($type:ident, $lr:expr, $($method:ident: $kind:ident),* $(; $pair:ident)?) => {{
            let mut made = $type::new(first, lr.unwrap_or($lr));
            $(if let Some(value) = args.$kind(stringify!($method)) { made = made.$method(value); })*
            $(if let Some((a, b)) = $pair { made = made.$pair(a, b); })?
            made
        }};
    }
    let made: Box<dyn Optimizer> = match op {
        "SGD" => Box::new(grouped(
            optimizer!(SGD, 1e-3, momentum: float, dampening: float, weight_decay: float, nesterov: flag, maximize: flag),
            groups,
            own,
        )),
        "Adam" => Box::new(grouped(
            optimizer!(Adam, 1e-3, eps: float, weight_decay: float, amsgrad: flag, maximize: flag; betas),
            groups,
            own,
        )),
        "AdamW" => Box::new(grouped(
            optimizer!(AdamW, 1e-3, eps: float, weight_decay: float, amsgrad: flag, maximize: flag; betas),
            groups,
            own,
        )),
        _ => return None,
    };
    if let Some(options) = own.first() {
        set(&made.param_groups()[0], options);
    }
    Some(made)
}

/// Adds the other groups of a case; what one has of its own is set as a user would set it later.
fn grouped<R: optim::Rule>(
    mut made: optim::Optim<R>,
    groups: impl Iterator<Item = Vec<Parameter>>,
    own: &[Value],
) -> optim::Optim<R> {
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
) -> std::result::Result<(), Failure> {
    let objective = case.json["problem"].as_str().unwrap_or("");
    for step in 0..case.json["steps"].as_u64().unwrap_or(0) as usize {
        if objective == "given_grads" {
            for (name, parameter) in named {
                parameter.set_grad(tensor(&case.json["step_grads"][step][name.as_str()]).as_ref())?;
            }
            optimizer.step()?;
        } else {
            let handles = optimizer.param_groups().to_vec();
            let loss = optimizer.step_with(&mut || {
                handles.iter().flat_map(optim::Group::parameters).for_each(Parameter::zero_grad);
                let mut sum = Tensor::scalar(0.0, named[0].1.dtype());
                for (_, parameter) in named {
                    sum = sum.add(&value(objective, &parameter.tensor())?)?;
                }
                sum.backward()?;
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
fn value(name: &str, x: &Tensor) -> Result<Tensor> {
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

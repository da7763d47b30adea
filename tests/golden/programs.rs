//! Straight-line programs over named variables: op `program`.
//!
//! PyTorch's in-place operations change a variable and every view of it. Our tensors are values, so a program with such
//! an operation is rewritten while it runs: the changed variable gets a new value, what it is a view of gets a copy
//! with that value in place, and all other views are taken anew.

use crate::case::Args;
use crate::{criteria, operations};
use serde_json::Value;
use std::collections::BTreeMap;
use tensor::{Error, Result, Tensor, arange, no_grad};

/// The outputs of a program; `None` for other operations, and if one of its steps is not built.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    if op != "program" {
        return None;
    }
    let steps: Vec<Step<'_>> = args.get("program")?.as_array()?.iter().map(Step::new).collect();
    let returns = args.get("returns")?.as_array()?;
    let mut variables = Variables::new(args);
    for step in &steps {
        match variables.run(step)? {
            Ok(()) => {}
            Err(error) => return Some(Err(error)),
        }
    }
    returns.iter().map(|name| variables.get(name.as_str()?).cloned().map(Ok)).collect()
}

/// `{"op", "args": {argument: variable or [variables]}, "options", "out": variable or [variables]}`
struct Step<'a> {
    op: &'a str,
    args: Vec<(String, &'a str)>,
    options: &'a Value,
    outs: Vec<&'a str>,
}

impl<'a> Step<'a> {
    fn new(json: &'a Value) -> Self {
        let names = |value: &'a Value| match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<&str>>(),
        };
        let mut args = Vec::new();
        for (argument, value) in json["args"].as_object().into_iter().flatten() {
            match value {
                Value::Array(_) => {
                    let members = names(value).into_iter().enumerate();
                    args.extend(members.map(|(i, name)| (format!("{argument}.{i}"), name)));
                }
                _ => args.extend(value.as_str().map(|name| (argument.clone(), name))),
            }
        }
        Step {
            op: json["op"].as_str().unwrap_or(""),
            args,
            options: &json["options"],
            outs: names(&json["out"]),
        }
    }

    fn input(&self) -> Option<&'a str> {
        self.args.iter().find(|(argument, _)| argument == "input").map(|(_, name)| *name)
    }

    /// Whether the results share memory with `input`.
    fn is_view(&self) -> bool {
        let basic = || {
            let index = self.options["index"].as_array();
            index.is_some_and(|index| index.iter().all(|entry| entry["tensor"].is_null()))
        };
        match self.op {
            "view" | "view_as" | "reshape" | "flatten" | "unflatten" | "ravel" | "squeeze" | "unsqueeze"
            | "permute" | "transpose" | "swapaxes" | "swapdims" | "t" | "mT" | "movedim" | "expand"
            | "expand_as" | "narrow" | "select" | "diagonal" | "tensor_unfold" | "split" | "chunk"
            | "tensor_split" | "unbind" | "contiguous" => true,
            "getitem" => basic(),
            _ => false,
        }
    }
}

/// Output number `output` of a step that makes views.
#[derive(Clone, Copy)]
struct View<'a> {
    step: &'a Step<'a>,
    output: usize,
}

#[derive(Clone)]
struct Variable<'a> {
    value: Tensor,
    /// The variable whose memory this is a view of, and how it is seen. A variable of its own has no views here.
    root: &'a str,
    views: Vec<View<'a>>,
}

struct Variables<'a>(BTreeMap<&'a str, Variable<'a>>);

impl<'a> Variables<'a> {
    fn new(args: &'a Args<'_>) -> Self {
        let own = |(name, value): &'a (String, Tensor)| {
            (name.as_str(), Variable { value: value.clone(), root: name, views: vec![] })
        };
        Variables(args.tensors.iter().map(own).collect())
    }

    fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name).map(|variable| &variable.value)
    }

    /// `None` if the step is not built.
    fn run(&mut self, step: &'a Step<'a>) -> Option<Result<()>> {
        if let Some(op) = step.op.strip_prefix("inplace.") {
            return self.change(op, step);
        }
        let values = match self.outputs(step.op, step, None)? {
            Ok(values) => values,
            Err(error) => return Some(Err(error)),
        };
        if values.len() != step.outs.len() {
            return None;
        }
        for (output, (name, value)) in step.outs.iter().zip(values).enumerate() {
            let made = match step.input().filter(|_| step.is_view()).and_then(|input| self.0.get(input)) {
                Some(input) => {
                    let views = input.views.iter().copied().chain([View { step, output }]).collect();
                    Variable { value, root: input.root, views }
                }
                None => Variable { value, root: name, views: vec![] },
            };
            self.0.insert(name, made);
        }
        Some(Ok(()))
    }

    /// The results of `op` on the arguments of a step, of which `input` may be another tensor.
    fn outputs(&self, op: &str, step: &Step<'_>, input: Option<&Tensor>) -> Option<Result<Vec<Tensor>>> {
        let mut tensors = Vec::new();
        for (argument, name) in &step.args {
            let value = if argument == "input" { input.or(self.get(name))? } else { self.get(name)? };
            tensors.push((argument.clone(), value.clone()));
        }
        let args = Args::new(tensors, step.options);
        let one = |r: Result<Tensor>| Some(r.map(|t| vec![t]));
        let result = match op {
            "detach" => one(Ok(args.t("input").detach())),
            "no_grad_mul" => {
                let x = args.t("input");
                one(match args.find("other") {
                    Some(other) => no_grad(|| x.mul(other)),
                    None => no_grad(|| x.mul(args.scalar("other").unwrap_or(tensor::Scalar::Int(1)))),
                })
            }
            "gumbel_like_ste" => {
                let x = args.t("input");
                one(x.round().sub(x).and_then(|step| step.detach().add(x)))
            }
            _ => operations::call(op, &args).or_else(|| criteria::call(op, &args)),
        }?;
        if result.is_ok() && !args.unread().is_empty() {
            return None;
        }
        Some(result)
    }

    fn change(&mut self, op: &str, step: &'a Step<'a>) -> Option<Result<()>> {
        let target = self.0.get(step.input()?)?.clone();
        let root = self.0.get(target.root)?.value.clone();
        if root.needs_grad() && root.is_leaf() {
            return Some(Err(Error::graph("inplace", "a leaf that collects gradients cannot change")));
        }
        let value = match self.outputs(op, step, None)? {
            Ok(values) => values.into_iter().next()?,
            Err(error) => return Some(Err(error)),
        };
        if value.shape() != target.value.shape() || value.dtype() != target.value.dtype() {
            return Some(Err(Error::shape("inplace", "the result does not fit its place")));
        }
        // Where the view lies in its root: what the same views make of the root's positions.
        let positions = arange(0, root.numel() as i64, 1).and_then(|p| p.reshape(root.shape())).ok()?;
        let places = self.seen(&positions, &target.views)?.ok()?.contiguous();
        let new_root = match root.put(&places, &value, false) {
            Ok(new_root) => {
                if target.views.is_empty() {
                    value
                } else {
                    new_root
                }
            }
            Err(error) => return Some(Err(error)),
        };
        let names: Vec<&str> =
            self.0.iter().filter(|(_, v)| v.root == target.root).map(|(name, _)| *name).collect();
        for name in names {
            let views = self.0.get(name)?.views.clone();
            let seen = match self.seen(&new_root, &views)? {
                Ok(seen) => seen,
                Err(error) => return Some(Err(error)),
            };
            self.0.get_mut(name)?.value = seen;
        }
        for name in &step.outs {
            let value = self.get(step.input()?)?.clone();
            self.0.insert(name, Variable { value, ..target.clone() });
        }
        Some(Ok(()))
    }

    /// A tensor through these views.
    fn seen(&self, root: &Tensor, views: &[View<'_>]) -> Option<Result<Tensor>> {
        let mut value = root.clone();
        for view in views {
            value = match self.outputs(view.step.op, view.step, Some(&value))? {
                Ok(values) => values.into_iter().nth(view.output)?,
                Err(error) => return Some(Err(error)),
            };
        }
        Some(Ok(value))
    }
}

/// What no case of PyTorch's shows: a view that changes, and with it its root and its sisters.
#[test]
fn a_changed_view_changes_what_it_is_a_view_of() {
    let x = tensor::tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad();
    let program = serde_json::json!({
        "program": [
            {"op": "mul", "args": {"input": "x"}, "options": {"other": 2.0}, "out": "y"},
            {"op": "t", "args": {"input": "y"}, "out": "turned"},
            {"op": "select", "args": {"input": "turned"}, "options": {"dim": 0, "index": 1}, "out": "column"},
            {"op": "unbind", "args": {"input": "y"}, "out": ["first", "second"]},
            {"op": "inplace.mul", "args": {"input": "column"}, "options": {"other": 10.0}, "out": "again"},
        ],
        "returns": ["y", "turned", "second", "again"],
    });
    let args = Args::new(vec![("x".into(), x.clone())], &program);
    let out = call("program", &args).expect("is built").expect("runs");
    let lists: Vec<Vec<f32>> = out.iter().map(|t| t.to_vec().unwrap()).collect();
    assert_eq!(lists[0], [2.0, 40.0, 6.0, 80.0]);
    assert_eq!(lists[1], [2.0, 6.0, 40.0, 80.0]);
    assert_eq!(lists[2], [6.0, 80.0]);
    assert_eq!(lists[3], [40.0, 80.0]);
    let grads = tensor::grad(&out[0].sum(), &[&x]).unwrap();
    assert_eq!(grads[0].to_vec::<f32>().unwrap(), [2.0, 20.0, 2.0, 20.0]);
    // A leaf cannot change.
    let leaf = serde_json::json!({
        "program": [{"op": "inplace.mul", "args": {"input": "x"}, "options": {"other": 2.0}, "out": "y"}],
        "returns": ["x"],
    });
    assert!(call("program", &Args::new(vec![("x".into(), x)], &leaf)).expect("is built").is_err());
}

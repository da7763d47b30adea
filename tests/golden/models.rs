//! Layers and whole models from the descriptions in the cases, and what they print.

use crate::case::{Args, Case, number};
use crate::run::Outcome;
use crate::{layers_conv, layers_norm, layers_plain, layers_sequence};
use nn::*;
use serde_json::Value;
use std::borrow::Cow;
use std::rc::Rc;
use tensor::{AtCaller, DType, Result, Tensor};

/// A layer by PyTorch's class name and constructor arguments; `None` if there is none of that name.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    let int = |name: &str| args.int(name).map(|n| n as usize);
    let float = |name: &str, default: f64| args.float(name).unwrap_or(default);
    let dim = |name: &str, default: isize| args.dim(name).unwrap_or(default);
    Some(match class {
        "Linear" => {
            let layer = Linear::new(int("in_features")?, int("out_features")?);
            match args.flag("bias") {
                Some(bias) => Box::new(layer.bias(bias)),
                None => Box::new(layer),
            }
        }
        "Identity" => Box::new(Identity),
        "Flatten" => Box::new(Flatten::new().start_dim(dim("start_dim", 1)).end_dim(dim("end_dim", -1))),
        "Unflatten" => Box::new(Unflatten::new(args.dim("dim")?, args.ints("unflattened_size")?)),
        "Dropout" => Box::new(Dropout::new().p(args.float("p").unwrap_or(0.5))),
        "Dropout2d" => Box::new(Dropout2d::new().p(args.float("p").unwrap_or(0.5))),
        "Sigmoid" => Box::new(Sigmoid),
        "ReLU" => Box::new(ReLU),
        "Tanh" => Box::new(Tanh),
        "LogSigmoid" => Box::new(LogSigmoid),
        "SiLU" => Box::new(SiLU),
        "Mish" => Box::new(Mish),
        "SELU" => Box::new(SELU),
        "ReLU6" => Box::new(ReLU6),
        "Hardswish" => Box::new(Hardswish),
        "Hardsigmoid" => Box::new(Hardsigmoid),
        "Softsign" => Box::new(Softsign),
        "Tanhshrink" => Box::new(Tanhshrink),
        "LeakyReLU" => Box::new(LeakyReLU::new().negative_slope(float("negative_slope", 0.01))),
        "ELU" => Box::new(ELU::new().alpha(float("alpha", 1.0))),
        "CELU" => Box::new(CELU::new().alpha(float("alpha", 1.0))),
        "GELU" => Box::new(GELU::new().approximate(match args.text("approximate") {
            Some("tanh") => Approximate::Tanh,
            _ => Approximate::None,
        })),
        "Softplus" => Box::new(Softplus::new().beta(float("beta", 1.0)).threshold(float("threshold", 20.0))),
        "Hardtanh" => {
            Box::new(Hardtanh::new().min_val(float("min_val", -1.0)).max_val(float("max_val", 1.0)))
        }
        "Softshrink" => Box::new(Softshrink::new().lambd(float("lambd", 0.5))),
        "Hardshrink" => Box::new(Hardshrink::new().lambd(float("lambd", 0.5))),
        "Threshold" => {
            Box::new(Threshold::new().threshold(args.float("threshold")?).value(args.float("value")?))
        }
        "GLU" => Box::new(GLU::new().dim(dim("dim", -1))),
        "PReLU" => Box::new(
            PReLU::new().num_parameters(int("num_parameters").unwrap_or(1)).init(float("init", 0.25)),
        ),
        "Softmax" => Box::new(Softmax::new(args.dim("dim")?)),
        "LogSoftmax" => Box::new(LogSoftmax::new(args.dim("dim")?)),
        "Softmin" => Box::new(Softmin::new(args.dim("dim")?)),
        _ => {
            return {
                layers_conv::layer(class, args)
                    .or_else(|| layers_sequence::layer(class, args))
                    .or_else(|| layers_norm::layer(class, args))
                    .or_else(|| layers_plain::layer(class, args))
            };
        }
    })
}

/// A class of the user's own: named parts, none of which it says how to use.
struct Named {
    class: String,
    parts: Vec<(String, Box<dyn Module>)>,
}

impl Module for Named {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.parts.iter().for_each(|(name, part)| visit(name, part));
    }
    fn name(&self) -> Cow<'static, str> {
        self.class.clone().into()
    }
}

/// A model that maps one tensor to one tensor, from `{"module", "args", "children"}`.
pub fn model(spec: &Value) -> Option<Box<dyn Layer>> {
    let class = spec["module"].as_str()?;
    if class != "Sequential" {
        let args = Args::new(vec![], &spec["args"]);
        return layer(class, &args).filter(|_| args.unread().is_empty());
    }
    let mut layers = Sequential::new();
    for child in spec["children"].as_array().into_iter().flatten() {
        layers.push_named(child[0].as_str()?, model(&child[1])?);
    }
    Some(Box::new(layers))
}

/// A model of the training cases.
pub fn trainable(spec: &Value) -> Option<Box<dyn Layer>> {
    model(spec).or_else(|| layers_sequence::trainable(spec))
}

/// Any module, one of the user's own too.
fn module(spec: &Value) -> Option<Box<dyn Module>> {
    let Some(class) = spec["class_name"].as_str() else {
        return Some(Box::new(model(spec)?));
    };
    let children = spec["children"].as_array()?.iter();
    let parts = children.map(|child| Some((child[0].as_str()?.to_string(), module(&child[1])?)));
    Some(Box::new(Named { class: class.to_string(), parts: parts.collect::<Option<_>>()? }))
}

/// The printed form of a criterion; `None` if there is none of that name.
fn criterion(spec: &Value) -> Option<String> {
    let args = Args::new(vec![], &spec["args"]);
    Some(crate::criteria::build(spec["module"].as_str()?, &args)?.ok()?.to_string())
}

/// The printed form of a layer that does not map one tensor to one tensor.
fn called(spec: &Value) -> Option<String> {
    let args = Args::new(vec![], &spec["args"]);
    Some(callable(spec["module"].as_str()?, &args)?.0.repr())
}

pub fn print(case: &Case<'_>) -> Outcome {
    let spec = &case.json["options"]["model"];
    let Some(found) = module(spec).map(|m| m.repr()).or_else(|| called(spec)).or_else(|| criterion(spec))
    else {
        return Outcome::Unsupported(format!("model {spec}"));
    };
    let expected = case.json["text"].as_str().unwrap_or("");
    if found == expected {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("prints\n{found}\nexpected\n{expected}"))
    }
}

/// How a module is called with the inputs of a case.
pub type Forward = Box<dyn Fn(&Args<'_>) -> Result<Vec<Tensor>>>;

/// Any module by its class name, and how it is called.
pub fn callable(class: &str, args: &Args<'_>) -> Option<(Rc<dyn Module>, Forward)> {
    if let Some(found) = layers_conv::callable(class, args) {
        return Some(found);
    }
    if let Some(layer) = layer(class, args) {
        let layer: Rc<Box<dyn Layer>> = Rc::new(layer);
        return Some((
            layer.clone(),
            Box::new(move |args| {
                // One module calls its input otherwise.
                let input = args.find("x").unwrap_or_else(|| args.t("input"));
                Ok(vec![layer.forward(input).at_caller()?])
            }),
        ));
    }
    let int = |name: &str| args.int(name).map(|n| n as usize);
    match class {
        "Bilinear" => {
            let layer = Bilinear::new(int("in1_features")?, int("in2_features")?, int("out_features")?);
            let layer = Rc::new(layer.bias(args.flag("bias").unwrap_or(true)));
            let forward = layer.clone();
            Some((
                layer,
                Box::new(move |args| Ok(vec![forward.forward(args.t("input1"), args.t("input2"))?])),
            ))
        }
        _ => layers_sequence::callable(class, args).or_else(|| layers_plain::callable(class, args)),
    }
}

/// Values for parameters as the case gives them.
pub fn load(model: &dyn Module, params: &Value) -> Result<()> {
    let dict: tensor::StateDict = params
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, json)| Some((name.clone(), crate::case::tensor(json)?)))
        .collect();
    let float = dict.iter().map(|(_, t)| t.dtype()).find(|d| d.is_float());
    if let Some(dtype) = float {
        model.to(dtype)?;
    }
    model.load_state_dict(&dict)
}

/// The mean and standard deviation of a tensor, in double precision.
pub fn moments(x: &Tensor) -> (f64, f64) {
    let values = x.to(DType::F64).to_vec::<f64>().expect("floats");
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// A number of the case's options or its default.
pub fn option(case: &Case<'_>, name: &str, default: f64) -> f64 {
    let value = &case.json["options"][name];
    if value.is_null() { default } else { number(value) }
}

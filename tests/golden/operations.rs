//! From PyTorch's names and arguments to calls of ours.

use crate::case::Args;
use tensor::{DType, Operand, Result, Tensor};

/// The right-hand side of a binary operation: a tensor, or an option.
fn other<'a>(args: &'a Args<'_>, name: &str) -> Option<Operand<'a>> {
    match args.find(name) {
        Some(t) => Some(Operand::Tensor(t)),
        None => args.scalar(name).map(Operand::Number),
    }
}

/// The outputs of an operation; `None` if there is none of that name.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    one(op, args)
        .map(|r| r.map(|t| vec![t]))
        .or_else(|| several(op, args))
        .or_else(|| crate::ops_elementwise::call(op, args))
        .or_else(|| crate::ops_reduce::call(op, args))
        .or_else(|| crate::ops_shape::call(op, args))
        .or_else(|| crate::ops_index::call(op, args))
        .or_else(|| crate::ops_create::call(op, args))
        .or_else(|| crate::programs::call(op, args))
}

/// The operations with one result.
fn one(op: &str, args: &Args<'_>) -> Option<Result<Tensor>> {
    let x = match args.find("input") {
        Some(x) => x,
        None => return listed(op, args),
    };
    unary(op, x, args).map(Ok).or_else(|| binary(op, x, args)).or_else(|| reduce(op, x, args))
}

fn unary(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Tensor> {
    Some(match op {
        "abs" if x.dtype() != DType::Bool => x.abs(),
        "acos" => x.acos(),
        "acosh" => x.acosh(),
        "asin" => x.asin(),
        "asinh" => x.asinh(),
        "atan" => x.atan(),
        "atanh" => x.atanh(),
        "ceil" => x.ceil(),
        "cos" => x.cos(),
        "cosh" => x.cosh(),
        "digamma" => x.digamma(),
        "erf" => x.erf(),
        "erfc" => x.erfc(),
        "exp" => x.exp(),
        "expm1" => x.expm1(),
        "floor" => x.floor(),
        "isfinite" => x.isfinite(),
        "isinf" => x.isinf(),
        "isnan" => x.isnan(),
        "lgamma" => x.lgamma(),
        "log" => x.log(),
        "log1p" => x.log1p(),
        "logical_not" => x.logical_not(),
        "logsigmoid" => x.log_sigmoid(),
        "neg" if x.dtype() != DType::Bool => x.neg(),
        "reciprocal" => x.reciprocal(),
        "relu" => x.relu(),
        "round" if args.get("decimals").is_none() => x.round(),
        "rsqrt" => x.rsqrt(),
        "sgn" | "sign" => x.sign(),
        "sigmoid" => x.sigmoid(),
        "sin" => x.sin(),
        "sinh" => x.sinh(),
        "sqrt" => x.sqrt(),
        "square" => x.square(),
        "tan" => x.tan(),
        "tanh" => x.tanh(),
        "trunc" => x.trunc(),
        "positive" | "clone" => x.clone(),
        _ => return None,
    })
}

fn binary(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    // `alpha` scales the right-hand side of a sum.
    let scaled = |y: Operand<'_>| -> Result<Tensor> {
        let y = match y {
            Operand::Tensor(y) => y.clone(),
            Operand::Number(n) => Tensor::scalar(n, n.dtype()),
        };
        match args.scalar("alpha") {
            Some(alpha) => y.mul(alpha),
            None => Ok(y),
        }
    };
    Some(match op {
        "add" if args.get("alpha").is_some() => scaled(other(args, "other")?).and_then(|y| x.add(&y)),
        "sub" if args.get("alpha").is_some() => scaled(other(args, "other")?).and_then(|y| x.sub(&y)),
        "add" => x.add(other(args, "other")?),
        "sub" => x.sub(other(args, "other")?),
        "rsub" => x.rsub(other(args, "other")?),
        "mul" => x.mul(other(args, "other")?),
        "div" if args.get("rounding_mode").is_none() => x.div(other(args, "other")?),
        "true_divide" => x.div(other(args, "other")?),
        "pow" => x.pow(other(args, "exponent")?),
        "maximum" => x.maximum(other(args, "other")?),
        "minimum" => x.minimum(other(args, "other")?),
        "atan2" => x.atan2(other(args, "other")?),
        "eq" => x.eq(other(args, "other")?),
        "ne" => x.ne(other(args, "other")?),
        "lt" => x.lt(other(args, "other")?),
        "le" => x.le(other(args, "other")?),
        "gt" => x.gt(other(args, "other")?),
        "ge" => x.ge(other(args, "other")?),
        "logical_and" => x.logical_and(args.t("other")),
        "logical_or" => x.logical_or(args.t("other")),
        "logical_xor" => x.logical_xor(args.t("other")),
        "where" => x.where_(args.t("condition"), other(args, "other")?),
        "masked_fill" => x.masked_fill(args.t("mask"), other(args, "value")?),
        "clamp" if args.find("min").is_none() && args.find("max").is_none() => {
            let bound = |name| args.scalar(name);
            match (bound("min"), bound("max")) {
                (Some(low), Some(high)) => x.clamp(low, high),
                (Some(low), None) => x.clamp(low, None),
                (None, Some(high)) => x.clamp(None, high),
                (None, None) => x.clamp(None, None),
            }
        }
        "equal" => Ok(Tensor::scalar(x.equal(args.t("other")), DType::Bool)),
        "allclose" if args.flag("equal_nan") != Some(true) => {
            x.allclose(args.t("other"), 1e-5, 1e-8).map(|b| Tensor::scalar(b, DType::Bool))
        }
        "matmul" => x.matmul(args.t("other")),
        "linear" => x.linear(args.t("weight"), args.find("bias")),
        _ => return None,
    })
}

fn reduce(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let dims = || args.ints("dim").unwrap_or_default();
    let keepdim = || args.flag("keepdim").unwrap_or(false);
    let all = args.get("dim").is_none();
    Some(match op {
        "sum" if all => Ok(x.sum()),
        "sum" => x.sum_dim(dims(), keepdim()),
        "mean" if all && x.dtype().is_float() => Ok(x.mean()),
        "mean" => x.mean_dim(dims(), keepdim()),
        "prod" => x.prod_dim(dims(), keepdim()),
        "var" | "std" => {
            let correction = args
                .float("correction")
                .unwrap_or_else(|| f64::from(u8::from(args.flag("unbiased").unwrap_or(true))));
            if op == "var" {
                x.var_dim(dims(), correction, keepdim())
            } else {
                x.std_dim(dims(), correction, keepdim())
            }
        }
        "amax" => x.amax(dims(), keepdim()),
        "amin" => x.amin(dims(), keepdim()),
        "max" if all => x.max(),
        "min" if all => x.min(),
        "argmax" => x.argmax(args.dim("dim"), keepdim()),
        "argmin" => x.argmin(args.dim("dim"), keepdim()),
        "any" => x.any_dim(dims(), keepdim()),
        "all" => x.all_dim(dims(), keepdim()),
        "logsumexp" => x.logsumexp(dims(), keepdim()),
        "softmax" | "log_softmax" => {
            let x = match args.dtype("dtype") {
                Some(Some(dtype)) => x.to(dtype),
                Some(None) => return None,
                None => x.clone(),
            };
            let dim = args.dim("dim")?;
            if op == "softmax" { x.softmax(dim) } else { x.log_softmax(dim) }
        }
        _ => return None,
    })
}

/// Operations without a tensor `input`.
fn listed(op: &str, args: &Args<'_>) -> Option<Result<Tensor>> {
    Some(match op {
        "pow_scalar" => {
            let base = args.scalar("self")?;
            let exponent = args.t("exponent");
            Tensor::scalar(base, tensor::result_type(exponent, base)).pow(exponent)
        }
        _ => return None,
    })
}

/// Operations with several results, and straight-line programs.
fn several(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let x = args.find("input");
    let keepdim = || args.flag("keepdim").unwrap_or(false);
    let pair = |r: Result<(Tensor, Tensor)>| r.map(|(a, b)| vec![a, b]);
    Some(match op {
        "max" => pair(x?.max_dim(args.dim("dim")?, keepdim())),
        "min" => pair(x?.min_dim(args.dim("dim")?, keepdim())),
        _ => return None,
    })
}

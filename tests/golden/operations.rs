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
    // Some namespaces repeat the functions of others.
    let op = ["nn.functional.", "special."].iter().find_map(|space| op.strip_prefix(space)).unwrap_or(op);
    one(op, args)
        .map(|r| r.map(|t| vec![t]))
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
    unary(op, x, args).map(Ok).or_else(|| binary(op, x, args))
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

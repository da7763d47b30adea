//! PyTorch's elementwise and comparing operations, by name.

use crate::case::Args;
use tensor::{Bound, DType, Operand, Result, RoundingMode, Scalar, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let one = |r: Result<Tensor>| r.map(|t| vec![t]);
    if op == "pow_scalar" {
        return Some(one(args.find("exponent")?.rpow(args.scalar("self")?)));
    }
    if op == "isin" {
        return isin(args).map(|found| found.map(|x| vec![x]));
    }
    if op == "where" && args.find("input").is_none() {
        // One number or both.
        let number = |name: &str| args.find(name).cloned().or_else(|| Some(literal(args.scalar(name)?)));
        let condition = args.find("condition")?;
        return Some(one(number("input")?.where_(condition, &number("other")?)));
    }
    let x = args.find("input")?;
    unary(op, x).map(|y| one(Ok(y))).or_else(|| {
        with_options(op, x, args).or_else(|| binary(op, x, args)).or_else(|| choice(op, x, args)).map(one)
    })
}

/// A number as a tensor: a scalar of its type.
fn literal(number: Scalar) -> Tensor {
    let dtype = match number {
        Scalar::Bool(_) => DType::Bool,
        Scalar::Int(_) => DType::I64,
        Scalar::Float(_) => DType::F32,
    };
    Tensor::scalar(number, dtype)
}

fn isin(args: &Args<'_>) -> Option<Result<Tensor>> {
    args.get("assume_unique");
    let set = |name: &str| args.find(name).cloned().or_else(|| Some(literal(args.scalar(name)?)));
    let found = set("elements")
        .or_else(|| set("input"))?
        .isin(&set("test_elements").or_else(|| set("test_element"))?);
    Some(Ok(if args.flag("invert") == Some(true) { found.logical_not() } else { found }))
}

fn unary(op: &str, x: &Tensor) -> Option<Tensor> {
    Some(match op {
        "abs" | "absolute" => x.abs(),
        "acos" | "arccos" => x.acos(),
        "acosh" | "arccosh" => x.acosh(),
        "asin" | "arcsin" => x.asin(),
        "asinh" | "arcsinh" => x.asinh(),
        "atan" | "arctan" => x.atan(),
        "atanh" | "arctanh" => x.atanh(),
        "ceil" => x.ceil(),
        "cos" => x.cos(),
        "cosh" => x.cosh(),
        "deg2rad" => x.deg2rad(),
        "digamma" | "psi" => x.digamma(),
        "entr" => x.entr(),
        "erf" => x.erf(),
        "erfc" => x.erfc(),
        "erfcx" => x.erfcx(),
        "erfinv" => x.erfinv(),
        "exp" => x.exp(),
        "exp2" => x.exp2(),
        "expm1" => x.expm1(),
        "floor" => x.floor(),
        "frac" => x.frac(),
        "hardsigmoid" => x.hardsigmoid(),
        "hardswish" => x.hardswish(),
        "i0" => x.i0(),
        "i0e" => x.i0e(),
        "i1" => x.i1(),
        "i1e" => x.i1e(),
        "isfinite" => x.isfinite(),
        "isinf" => x.isinf(),
        "isnan" => x.isnan(),
        "isneginf" => x.isneginf(),
        "isposinf" => x.isposinf(),
        "lgamma" | "gammaln" => x.lgamma(),
        "log" => x.log(),
        "log10" => x.log10(),
        "log1p" => x.log1p(),
        "log2" => x.log2(),
        "log_ndtr" => x.log_ndtr(),
        "logical_not" => x.logical_not(),
        "logsigmoid" => x.log_sigmoid(),
        "mish" => x.mish(),
        "ndtr" => x.ndtr(),
        "ndtri" => x.ndtri(),
        "neg" | "negative" => x.neg(),
        "positive" | "clone" => x.clone(),
        "rad2deg" => x.rad2deg(),
        "reciprocal" => x.reciprocal(),
        "relu" => x.relu(),
        "relu6" => x.relu6(),
        "rsqrt" => x.rsqrt(),
        "selu" => x.selu(),
        "sgn" | "sign" => x.sign(),
        "sigmoid" | "expit" => x.sigmoid(),
        "signbit" => x.signbit(),
        "silu" => x.silu(),
        "sin" => x.sin(),
        "sinc" => x.sinc(),
        "sinh" => x.sinh(),
        "softsign" => x.softsign(),
        "sqrt" => x.sqrt(),
        "square" => x.square(),
        "tan" => x.tan(),
        "tanh" => x.tanh(),
        "tanhshrink" => x.tanhshrink(),
        "trunc" | "fix" => x.trunc(),
        _ => return None,
    })
}

fn with_options(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let number = |name: &str, default: f64| args.float(name).unwrap_or(default);
    Some(match op {
        "item" => x.item().map(|value| {
            // A number of Python.
            let dtype = x.dtype();
            Tensor::scalar(value, if dtype.is_float() { DType::F64 } else { dtype })
        }),
        "bitwise_not" => x.bitwise_not(),
        "celu" => x.celu(number("alpha", 1.0)),
        "elu" => Ok(x.elu(number("alpha", 1.0))),
        "gelu" => match args.text("approximate") {
            Some("tanh") => Ok(x.gelu_tanh()),
            None | Some("none") => Ok(x.gelu()),
            Some(_) => Err(tensor::Error::value("gelu", "other forms do not exist here")),
        },
        "glu" => x.glu(args.dim("dim").unwrap_or(-1)),
        "hardshrink" => Ok(x.hardshrink(number("lambd", 0.5))),
        "hardtanh" => x.hardtanh(number("min_val", -1.0), number("max_val", 1.0)),
        "leaky_relu" => Ok(x.leaky_relu(number("negative_slope", 0.01))),
        "logit" => Ok(args.float("eps").map_or_else(|| x.logit(), |eps| x.logit_eps(eps))),
        "mvlgamma" | "multigammaln" => x.mvlgamma(args.int("p")?),
        "nan_to_num" => Ok(x.nan_to_num(args.float("nan"), args.float("posinf"), args.float("neginf"))),
        "polygamma" => x.polygamma(args.int("n")?),
        "prelu" => x.prelu(args.find("weight")?),
        "round" => Ok(args.int("decimals").map_or_else(|| x.round(), |d| x.round_decimals(d as i32))),
        "rrelu" if args.flag("training") != Some(true) => {
            x.rrelu(number("lower", 1.0 / 8.0), number("upper", 1.0 / 3.0))
        }
        "softplus" => Ok(x.softplus(number("beta", 1.0), number("threshold", 20.0))),
        "softshrink" => x.softshrink(number("lambd", 0.5)),
        "threshold" => Ok(x.threshold(args.float("threshold")?, args.float("value")?)),
        _ => return None,
    })
}

/// The right-hand side of a binary operation: a tensor, or an option.
fn operand<'a>(args: &'a Args<'_>, name: &str) -> Option<Operand<'a>> {
    match args.find(name) {
        Some(t) => Some(Operand::Tensor(t)),
        None => args.scalar(name).map(Operand::Number),
    }
}

fn binary(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let name = match op {
        "pow" | "float_power" => "exponent",
        "heaviside" => "values",
        "__rpow__" => "exponent",
        _ => "other",
    };
    let y = operand(args, name).or_else(|| operand(args, "y"))?;
    let tensor = || args.find(name);
    Some(match op {
        "add" | "sub" | "subtract" => match (op, args.scalar("alpha")) {
            ("add", None) => x.add(y),
            ("add", Some(alpha)) => x.add_alpha(y, alpha),
            (_, None) => x.sub(y),
            (_, Some(alpha)) => x.sub_alpha(y, alpha),
        },
        "__rsub__" => x.rsub(y),
        "__rpow__" | "__rdiv__" | "__rmod__" => return reflected(op, x, y),
        "rsub" => match args.scalar("alpha") {
            Some(alpha) => x.mul(alpha).and_then(|x| x.rsub(y)),
            None => x.rsub(y),
        },
        "mul" | "multiply" => x.mul(y),
        "div" | "divide" | "true_divide" => match args.text("rounding_mode") {
            Some("floor") => x.div_mode(y, RoundingMode::Floor),
            Some(_) => x.div_mode(y, RoundingMode::Trunc),
            None => x.div(y),
        },
        "floor_divide" => x.floor_divide(y),
        "fmod" => x.fmod(y),
        "remainder" => x.remainder(y),
        "pow" => x.pow(y),
        "float_power" => x.float_power(y),
        "maximum" | "max" => x.maximum(y),
        "minimum" | "min" => x.minimum(y),
        "fmax" => x.fmax(y),
        "fmin" => x.fmin(y),
        "atan2" | "arctan2" => x.atan2(y),
        "hypot" => x.hypot(y),
        "copysign" => x.copysign(y),
        "heaviside" => x.heaviside(y),
        "nextafter" => x.nextafter(y),
        "ldexp" => x.ldexp(y),
        "logaddexp" => x.logaddexp(y),
        "logaddexp2" => x.logaddexp2(y),
        "xlogy" => x.xlogy(y),
        "xlog1py" => x.xlog1py(y),
        "zeta" => x.zeta(y),
        "gcd" => x.gcd(y),
        "lcm" => x.lcm(y),
        "bitwise_and" => x.bitwise_and(y),
        "bitwise_or" => x.bitwise_or(y),
        "bitwise_xor" => x.bitwise_xor(y),
        "bitwise_left_shift" => x.bitwise_left_shift(y),
        "bitwise_right_shift" => x.bitwise_right_shift(y),
        "eq" => x.eq(y),
        "ne" | "not_equal" => x.ne(y),
        "lt" | "less" => x.lt(y),
        "le" | "less_equal" => x.le(y),
        "gt" | "greater" => x.gt(y),
        "ge" | "greater_equal" => x.ge(y),
        "logical_and" => x.logical_and(tensor()?),
        "logical_or" => x.logical_or(tensor()?),
        "logical_xor" => x.logical_xor(tensor()?),
        "equal" => Ok(Tensor::scalar(x.equal(tensor()?), DType::Bool)),
        "isclose" | "allclose" => {
            let (rtol, atol) = (args.float("rtol").unwrap_or(1e-5), args.float("atol").unwrap_or(1e-8));
            let close = x.isclose(tensor()?, rtol, atol, args.flag("equal_nan").unwrap_or(false));
            if op == "isclose" { close } else { close.and_then(|c| c.all_dim(Vec::<i64>::new(), false)) }
        }
        _ => return None,
    })
}

/// `y ∘ x`, as Python calls it where the left side is a number.
fn reflected(op: &str, x: &Tensor, y: Operand<'_>) -> Option<Result<Tensor>> {
    Some(match (op, y) {
        ("__rpow__", Operand::Tensor(y)) => y.pow(x),
        ("__rpow__", Operand::Number(y)) => x.rpow(y),
        ("__rdiv__", Operand::Tensor(y)) => y.div(x),
        ("__rdiv__", Operand::Number(y)) => x.reciprocal().mul(y),
        ("__rmod__", Operand::Tensor(y)) => y.remainder(x),
        ("__rmod__", Operand::Number(y)) => literal(y).remainder(x),
        _ => return None,
    })
}

/// Operations of three variables, and those that choose.
fn choice(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let bound = |name: &str| match operand(args, name) {
        Some(Operand::Tensor(t)) => Bound::Tensor(t),
        Some(Operand::Number(number)) => Bound::Number(number),
        None => Bound::None,
    };
    let value = || args.scalar("value").unwrap_or(Scalar::Int(1));
    Some(match op {
        "where" => x.where_(args.find("condition")?, operand(args, "other")?),
        "masked_fill" => x.masked_fill(args.find("mask")?, operand(args, "value")?),
        "clamp" | "clip" => x.clamp(bound("min"), bound("max")),
        "clamp_min" => x.clamp(bound("min"), None),
        "clamp_max" => x.clamp(None, bound("max")),
        "lerp" => x.lerp(args.find("end")?, operand(args, "weight")?),
        "fill" => match operand(args, "value")? {
            Operand::Tensor(value) => value.to(x.dtype()).expand(x.shape()),
            Operand::Number(value) => Tensor::full(x.shape(), value, x.dtype()),
        },
        "addcmul" => x.addcmul(args.find("tensor1")?, args.find("tensor2")?, value()),
        "addcdiv" => x.addcdiv(args.find("tensor1")?, args.find("tensor2")?, value()),
        _ => return None,
    })
}

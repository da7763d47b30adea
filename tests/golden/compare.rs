//! Whether what was found is what PyTorch found, by the rules of the cases' README.

use crate::case::{Case, number};
use serde_json::Value;
use tensor::{DType, Tensor};

pub struct Tolerance {
    pub rtol: f64,
    pub atol: f64,
}

/// Operations whose gradients PyTorch has to fewer digits than float64: it rounds a constant to float32 (celu's 1/alpha,
/// hardsigmoid's 1/6), or subtracts what cancels (sinc near 0). Ours are exact.
const COARSE: [&str; 3] = ["celu", "hardsigmoid", "sinc"];

impl Tolerance {
    pub fn of(case: &Case<'_>, what: &str, dtype: &str) -> Tolerance {
        let coarse = what.contains("gradient")
            && COARSE.contains(&case.op.to_lowercase().trim_start_matches("nn.functional."));
        let (rtol, atol) = if dtype == "f32" || coarse { (1e-5, 1e-6) } else { (1e-9, 1e-11) };
        let tol = &case.json["tol"];
        let pick = |key: &str, default: f64| tol[key].as_f64().unwrap_or(default);
        Tolerance { rtol: pick("rtol", rtol), atol: pick("atol", atol) }
    }
}

/// What may differ on purpose.
#[derive(Clone, Copy, PartialEq)]
pub enum Rule {
    Exact,
    /// PyTorch's NaN may be a number: the limit, or an exact value where PyTorch overflows.
    NanMayBeFinite,
    /// PyTorch's NaN or infinity may be a number.
    NonFiniteMayBeFinite,
    /// With a NaN among the inputs, any number may be NaN, and PyTorch's NaN a number.
    Poisoned,
}

/// Whether two numbers are equal but for rounding. NaN matches NaN, an infinity only itself.
pub fn close(a: f64, b: f64, rtol: f64, atol: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || b.is_finite() && (a - b).abs() <= atol + rtol * b.abs()
}

pub fn same(case: &Case<'_>, what: &str, found: &Tensor, expected: &Value, rule: Rule) -> Result<(), String> {
    let shape: Vec<usize> = expected["shape"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|n| n.as_u64().map(|n| n as usize))
        .collect();
    let dtype = expected["dtype"].as_str().unwrap_or("");
    if found.shape() != shape {
        return Err(format!("{what} has shape {:?}, expected {shape:?}", found.shape()));
    }
    let name = match found.dtype() {
        DType::F64 => "f64",
        DType::F32 => "f32",
        DType::I64 => "i64",
        DType::Bool => "bool",
    };
    if name != dtype {
        return Err(format!("{what} has type {name}, expected {dtype}"));
    }
    if found.dtype() == DType::I64 {
        let found = found.to_vec::<i64>().unwrap();
        let expected: Vec<i64> =
            expected["data"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        return if found == expected {
            Ok(())
        } else {
            Err(format!("{what} is {found:?}, expected {expected:?}"))
        };
    }
    let found = found.to(DType::F64).to_vec::<f64>().unwrap();
    // Numbers of the same computation in float64 are rounded to what was asked for.
    let rounded = |x: f64| if dtype == "f32" { f64::from(x as f32) } else { x };
    let expected: Vec<f64> =
        expected["data"].as_array().into_iter().flatten().map(|x| rounded(number(x))).collect();
    let tol = Tolerance::of(case, what, dtype);
    for (i, (&a, &b)) in found.iter().zip(&expected).enumerate() {
        let excused = match rule {
            Rule::Exact => false,
            Rule::Poisoned => a.is_nan() || b.is_nan(),
            Rule::NanMayBeFinite => b.is_nan(),
            Rule::NonFiniteMayBeFinite => !b.is_finite(),
        };
        if !(close(a, b, tol.rtol, tol.atol) || excused && (!a.is_nan() || rule == Rule::Poisoned)) {
            return Err(format!("{what}[{i}] is {a:e}, expected {b:e}"));
        }
    }
    Ok(())
}

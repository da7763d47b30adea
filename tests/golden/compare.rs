//! Whether what was found is what PyTorch found, by the rules of the cases' README.

use crate::case::{Case, number};
use serde_json::Value;
use tensor::{DType, Tensor};

pub struct Tolerance {
    rtol: f64,
    atol: f64,
}

impl Tolerance {
    pub fn of(case: &Case<'_>, dtype: &str) -> Tolerance {
        let (rtol, atol) = if dtype == "f32" { (1e-5, 1e-6) } else { (1e-9, 1e-11) };
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
}

/// Whether two numbers are equal but for rounding. NaN matches NaN, an infinity only itself.
pub fn close(a: f64, b: f64, rtol: f64, atol: f64) -> bool {
    (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= atol + rtol * b.abs()
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
    let expected: Vec<f64> = expected["data"].as_array().into_iter().flatten().map(number).collect();
    let tol = Tolerance::of(case, dtype);
    for (i, (&a, &b)) in found.iter().zip(&expected).enumerate() {
        let excused = match rule {
            Rule::Exact => false,
            Rule::NanMayBeFinite => b.is_nan(),
            Rule::NonFiniteMayBeFinite => !b.is_finite(),
        };
        if !(close(a, b, tol.rtol, tol.atol) || excused && !a.is_nan()) {
            return Err(format!("{what}[{i}] is {a:e}, expected {b:e}"));
        }
    }
    Ok(())
}

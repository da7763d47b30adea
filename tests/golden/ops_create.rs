//! PyTorch's creation functions, by name.

use crate::case::Args;
use tensor::{DType, Result, Scalar, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let like = args.find("input");
    // `zeros_like` and `new_zeros` have the type of their input, all others float32.
    let dtype = || match args.dtype("dtype") {
        Some(found) => found,
        None => Some(like.map_or(DType::F32, Tensor::dtype)),
    };
    let size = || match like {
        Some(like) if args.get("size").is_none() => like.shape().iter().map(|&n| n as i64).collect(),
        _ => args.ints("size").unwrap_or_default(),
    };
    let count = |name: &str| args.int(name).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let number = |name: &str| match args.find(name) {
        Some(t) => t.item().ok(),
        None => args.float(name),
    };
    let periodic = || args.flag("periodic").unwrap_or(true);
    let made = match op {
        "arange" => {
            let start = args.scalar("start").unwrap_or(Scalar::Int(0));
            let step = args.scalar("step").unwrap_or(Scalar::Int(1));
            let end = args.scalar("end")?;
            match args.dtype("dtype") {
                Some(dtype) => Tensor::arange(start, end, step, dtype?),
                None => tensor::arange(start, end, step),
            }
        }
        "linspace" => Tensor::linspace(number("start")?, number("end")?, count("steps")?, dtype()?),
        "logspace" => {
            let base = args.float("base").unwrap_or(10.0);
            Tensor::logspace(number("start")?, number("end")?, count("steps")?, base, dtype()?)
        }
        "hann_window" => Tensor::hann_window(count("window_length")?, periodic(), dtype()?),
        "hamming_window" => {
            let (alpha, beta) = (args.float("alpha").unwrap_or(0.54), args.float("beta").unwrap_or(0.46));
            Tensor::hamming_window(count("window_length")?, periodic(), alpha, beta, dtype()?)
        }
        "blackman_window" => Tensor::blackman_window(count("window_length")?, periodic(), dtype()?),
        "bartlett_window" => Tensor::bartlett_window(count("window_length")?, periodic(), dtype()?),
        "kaiser_window" => {
            let beta = args.float("beta").unwrap_or(12.0);
            Tensor::kaiser_window(count("window_length")?, periodic(), beta, dtype()?)
        }
        "eye" => Tensor::eye(count("n")?, count("m").unwrap_or(count("n")?), dtype()?),
        "full" => {
            let value = args.scalar("fill_value")?;
            match args.dtype("dtype") {
                Some(dtype) => Tensor::full(size(), value, dtype?),
                None => tensor::full(size(), value),
            }
        }
        "zeros" | "zeros_like" | "new_zeros" => Tensor::full(size(), 0, dtype()?),
        "ones" | "ones_like" | "new_ones" => Tensor::full(size(), 1, dtype()?),
        "full_like" | "new_full" => Tensor::full(size(), args.scalar("fill_value")?, dtype()?),
        "scalar_tensor" => Ok(Tensor::scalar(args.scalar("s")?, dtype()?)),
        "tril_indices" | "triu_indices" => {
            let make = if op == "tril_indices" { tensor::tril_indices } else { tensor::triu_indices };
            // Indices are int64 here.
            let DType::I64 = args.dtype("dtype").unwrap_or(Some(DType::I64))? else { return None };
            make(count("row")?, count("col")?, args.int("offset").unwrap_or(0))
        }
        _ => return None,
    };
    Some(made.map(|t| vec![t]))
}

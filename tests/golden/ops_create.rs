//! PyTorch's creation functions, by name.

use crate::case::Args;
use tensor::{DType, Result, Scalar, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let dtype = || match args.dtype("dtype") {
        Some(found) => found,
        None => Some(DType::F32),
    };
    let size = || args.ints("size").unwrap_or_default();
    let made = match op {
        "arange" => {
            let (start, step) = (
                args.scalar("start").unwrap_or(Scalar::Int(0)),
                args.scalar("step").unwrap_or(Scalar::Int(1)),
            );
            tensor::arange(start, args.scalar("end")?, step)
        }
        "linspace" => {
            Tensor::linspace(args.float("start")?, args.float("end")?, args.int("steps")? as usize, dtype()?)
        }
        "eye" => tensor::eye(args.int("n")? as usize),
        "full" => tensor::full(size(), args.scalar("fill_value")?),
        "zeros" => Tensor::full(size(), 0, dtype()?),
        "ones" => Tensor::full(size(), 1, dtype()?),
        "zeros_like" => Ok(args.t("input").zeros_like()),
        "ones_like" => Ok(args.t("input").ones_like()),
        "full_like" => Ok(args.t("input").full_like(args.scalar("fill_value")?)),
        _ => return None,
    };
    Some(made.map(|t| vec![t]))
}

//! PyTorch's functions of shapes, by name: views, joins and splits, repetition.

use crate::case::Args;
use tensor::{Indexing, Result, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let one = |r: Result<Tensor>| r.map(|t| vec![t]);
    if let Some(x) = args.find("input") {
        return view(op, x, args).map(one).or_else(|| split(op, x, args));
    }
    let tensors = args.members("tensors");
    if tensors.is_empty() {
        return None;
    }
    join(op, &tensors, args).map(one).or_else(|| grid(op, &tensors, args))
}

fn view(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let ints = |name: &str| args.ints(name).unwrap_or_default();
    Some(match op {
        "view" => x.view(ints("size")),
        "view_as" => x.view_as(args.find("other")?),
        "reshape" => x.reshape(ints("shape")),
        "reshape_as" => x.reshape_as(args.find("other")?),
        "ravel" => Ok(x.ravel()),
        "flatten" => x.flatten(args.dim("start_dim").unwrap_or(0), args.dim("end_dim").unwrap_or(-1)),
        "unflatten" => x.unflatten(args.dim("dim")?, ints("sizes")),
        "squeeze" if args.get("dim").is_none() => Ok(x.squeeze()),
        "squeeze" => x.squeeze_dim(ints("dim")),
        "unsqueeze" => x.unsqueeze(args.dim("dim")?),
        "atleast_1d" => Ok(x.atleast_1d()),
        "atleast_2d" => Ok(x.atleast_2d()),
        "atleast_3d" => Ok(x.atleast_3d()),
        "contiguous" => Ok(x.contiguous()),
        "permute" => x.permute(ints("dims")),
        "transpose" | "swapdims" => x.transpose(args.dim("dim0")?, args.dim("dim1")?),
        "swapaxes" => x.transpose(args.dim("axis0")?, args.dim("axis1")?),
        "t" => x.t(),
        "mT" | "mH" | "adjoint" => x.mt(),
        "movedim" | "moveaxis" => x.movedim(ints("source"), ints("destination")),
        "expand" | "broadcast_to" => x.expand(args.ints("size").or_else(|| args.ints("shape"))?),
        "expand_as" => x.expand_as(args.find("other")?),
        "sum_to_size" => x.sum_to_size(ints("size")),
        "narrow" => x.narrow(args.dim("dim")?, args.int("start")? as usize, args.int("length")? as usize),
        "select" => x.select(args.dim("dim")?, args.dim("index")?),
        "to" => Ok(x.to(args.dtype("dtype")??)),
        _ => return None,
    })
}

fn split(_op: &str, _x: &Tensor, _args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    None
}

fn join(op: &str, tensors: &[&Tensor], args: &Args<'_>) -> Option<Result<Tensor>> {
    let dim = || args.dim("dim").unwrap_or(0);
    Some(match op {
        "cat" | "concat" | "concatenate" => tensor::cat(tensors, dim()),
        "stack" => tensor::stack(tensors, dim()),
        _ => return None,
    })
}

fn grid(op: &str, tensors: &[&Tensor], args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    Some(match op {
        "broadcast_tensors" => tensor::broadcast_tensors(tensors),
        "meshgrid" => {
            let xy = args.text("indexing") == Some("xy");
            tensor::meshgrid(tensors, if xy { Indexing::Xy } else { Indexing::Ij })
        }
        _ => return None,
    })
}

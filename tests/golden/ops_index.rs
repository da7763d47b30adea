//! PyTorch's functions that read and write by index, by name.

use crate::case::Args;
use serde_json::Value;
use tensor::{Index, Operand, Reduce, Result, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let x = args.find("input").or_else(|| args.find("indices").filter(|_| op == "unravel_index"))?;
    let one = |r: Result<Tensor>| r.map(|t| vec![t]);
    if op == "nonzero" && args.flag("as_tuple") == Some(true) || op == "where" && args.tensors.len() == 1 {
        return Some(Ok(x.nonzero_tuple()));
    }
    if op == "unravel_index" {
        return Some(x.unravel_index(args.ints("shape")?));
    }
    read(op, x, args).map(one).or_else(|| write(op, x, args).map(one))
}

fn read(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    Some(match op {
        "gather" => {
            args.get("sparse_grad");
            x.gather(args.dim("dim")?, args.find("index")?)
        }
        "take" => x.take(args.find("index")?),
        "take_along_dim" => x.take_along_dim(args.find("indices")?, args.dim("dim")),
        "index_select" => x.index_select(args.dim("dim")?, args.find("index")?),
        "masked_select" => x.masked_select(args.find("mask")?),
        "getitem" => x.i(indices(args)?.as_slice()),
        "nonzero" | "argwhere" => Ok(x.nonzero()),
        "one_hot" => match args.int("num_classes") {
            None | Some(-1) => x.one_hot(None),
            Some(n) => x.one_hot(usize::try_from(n).unwrap_or(0)),
        },
        "embedding" => x.embedding(args.find("weight")?, args.int("padding_idx")),
        _ => return None,
    })
}

/// The right-hand side: an input or an option.
fn operand<'a>(args: &'a Args<'_>, name: &str) -> Option<Operand<'a>> {
    match args.find(name) {
        Some(t) => Some(Operand::Tensor(t)),
        None => args.scalar(name).map(Operand::Number),
    }
}

fn write(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let index = || args.find("index");
    let dim = || args.dim("dim");
    let source = || args.find("source").or_else(|| args.find("src"));
    let reduce = || {
        Some(match args.text("reduce")? {
            "sum" | "add" => Reduce::Sum,
            "prod" | "multiply" => Reduce::Prod,
            "mean" => Reduce::Mean,
            "amax" => Reduce::Amax,
            "amin" => Reduce::Amin,
            _ => return None,
        })
    };
    let include_self = || args.flag("include_self").unwrap_or(true);
    Some(match op {
        "scatter" if args.get("reduce").is_some() => {
            let src = match operand(args, "src").or_else(|| operand(args, "value"))? {
                Operand::Tensor(src) => Ok(src.clone()),
                Operand::Number(value) => Tensor::full(index()?.shape(), value, x.dtype()),
            };
            let (dim, index, reduce) = (dim()?, index()?, reduce()?);
            src.and_then(|src| x.scatter_reduce(dim, index, &src, reduce, true))
        }
        "scatter" => x.scatter(dim()?, index()?, operand(args, "src").or_else(|| operand(args, "value"))?),
        "scatter_add" => x.scatter_add(dim()?, index()?, source()?),
        "scatter_reduce" => x.scatter_reduce(dim()?, index()?, source()?, reduce()?, include_self()),
        "index_reduce" => x.index_reduce(dim()?, index()?, source()?, reduce()?, include_self()),
        "index_add" => {
            let (dim, index) = (dim().unwrap_or(0), index()?);
            match args.scalar("alpha") {
                Some(alpha) => source()?.mul(alpha).and_then(|s| x.index_add(dim, index, &s)),
                None => x.index_add(dim, index, source()?),
            }
        }
        "index_copy" => x.index_copy(dim()?, index()?, source()?),
        "index_fill" => x.index_fill(dim()?, index()?, operand(args, "value")?),
        "masked_fill" => x.masked_fill(args.find("mask")?, operand(args, "value")?),
        "masked_scatter" => x.masked_scatter(args.find("mask")?, source()?),
        "put" => x.put(index()?, source()?, args.flag("accumulate").unwrap_or(false)),
        "setitem" => x.set_i(indices(args)?.as_slice(), operand(args, "value")?),
        "index_put" => x.index_put(
            indices(args)?.as_slice(),
            operand(args, "values")?,
            args.flag("accumulate").unwrap_or(false),
        ),
        _ => return None,
    })
}

/// Places, or which elements to take.
fn list_of(list: &[Value]) -> Option<Tensor> {
    if list.iter().all(Value::is_boolean) && !list.is_empty() {
        let all: Vec<bool> = list.iter().filter_map(Value::as_bool).collect();
        return Tensor::from_vec(all, [list.len()]).ok();
    }
    Tensor::from_vec(list.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>()?, [list.len()]).ok()
}

/// Option `index`: `[1, null, "...", {"slice": [start, stop, step]}, {"tensor": name}]`.
fn indices(args: &Args<'_>) -> Option<Vec<Index>> {
    let tensors = args.members("indices");
    if !tensors.is_empty() {
        return Some(tensors.into_iter().map(Index::from).collect());
    }
    let one = |entry: &Value| -> Option<Index> {
        Some(match entry {
            Value::Null => Index::NewAxis,
            Value::Bool(value) => (*value).into(),
            Value::Array(list) => list_of(list)?.into(),
            Value::String(dots) if dots == "..." => Index::Ellipsis,
            Value::Number(at) => Index::At(at.as_i64()?),
            Value::Object(_) => match entry["tensor"].as_str() {
                Some(name) => args.find(name)?.into(),
                None => {
                    let part = |i: usize| entry["slice"][i].as_i64();
                    Index::Slice { start: part(0), end: part(1), step: part(2).unwrap_or(1) }
                }
            },
            _ => return None,
        })
    };
    args.get("index")?.as_array()?.iter().map(one).collect()
}

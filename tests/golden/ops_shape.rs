//! PyTorch's functions of shapes, by name: views, joins and splits, repetition.

use crate::case::Args;
use serde_json::Value;
use tensor::{DType, Indexing, Pad, Result, Sections, Tensor, Window};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let one = |r: Result<Tensor>| r.map(|t| vec![t]);
    if let ("repeat_interleave", None, Some(repeats)) = (op, args.find("input"), args.find("repeats")) {
        // Of places, if nothing is to be repeated.
        args.get("output_size");
        return Some(one(
            tensor::arange(0, repeats.numel() as i64, 1).and_then(|x| x.repeat_interleave(repeats, 0))
        ));
    }
    if let Some(x) = args.find("input") {
        return view(op, x, args).or_else(|| arrange(op, x, args)).map(one).or_else(|| split(op, x, args));
    }
    let tensors = args.members("tensors");
    if tensors.is_empty() && args.get("tensors").is_none() {
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
        "T" | "H" if x.dim() <= 2 => x.t(),
        "mT" | "mH" | "adjoint" => x.mt(),
        "alias" => Ok(x.clone()),
        "movedim" | "moveaxis" => x.movedim(ints("source"), ints("destination")),
        "expand" | "broadcast_to" => x.expand(args.ints("size").or_else(|| args.ints("shape"))?),
        "expand_as" => x.expand_as(args.find("other")?),
        "as_strided" => {
            let offset = args.int("storage_offset").unwrap_or(0);
            x.as_strided(ints("size"), ints("stride"), usize::try_from(offset).unwrap_or(usize::MAX))
        }
        "sum_to_size" => x.sum_to_size(ints("size")),
        "narrow" | "narrow_copy" => narrow(x, args)?,
        "select" => x.select(args.dim("dim")?, args.dim("index")?),
        "float" => Ok(x.to(DType::F32)),
        "double" => Ok(x.to(DType::F64)),
        "long" => Ok(x.to(DType::I64)),
        "bool" => Ok(x.to(DType::Bool)),
        "to" => Ok(x.to(args.dtype("dtype")??)),
        _ => return None,
    })
}

/// PyTorch counts a negative start from the back.
fn narrow(x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let (dim, length) = (args.dim("dim")?, args.int("length")?);
    let start = match args.find("start") {
        Some(start) if start.dim() == 0 && start.dtype() == DType::I64 => start.item().ok()? as i64,
        Some(_) => return Some(Err(tensor::Error::value("narrow", "the start is a number here"))),
        None => args.int("start")?,
    };
    let size = x.size(dim).map_or(0, |n| n as i64);
    let start = if start < 0 { start + size } else { start };
    let refused = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    Some(x.narrow(dim, refused(start), refused(length)))
}

/// One number or a list, as an option or as a tensor of integers.
fn parts(args: &Args<'_>, names: &[&str]) -> Option<Sections> {
    for name in names {
        if let Some(t) = args.find(name) {
            let list = t.to_vec::<i64>().ok()?;
            return Some(if t.dim() == 0 { list[0].into() } else { list.into() });
        }
        match args.get(name) {
            Some(Value::Array(list)) => {
                return Some(list.iter().filter_map(Value::as_i64).collect::<Vec<i64>>().into());
            }
            Some(number) => return Some(number.as_i64()?.into()),
            None => {}
        }
    }
    None
}

fn split(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let dim = || args.dim("dim").unwrap_or(0);
    let sections =
        || parts(args, &["indices_or_sections", "sections", "indices", "tensor_indices_or_sections"]);
    Some(match op {
        "split" | "unsafe_split" | "split_with_sizes" | "unsafe_split_with_sizes" => {
            x.split(parts(args, &["split_size_or_sections", "split_size", "split_sizes"])?, dim())
        }
        "chunk" | "unsafe_chunk" => x.chunk(usize::try_from(args.int("chunks")?).unwrap_or(0), dim()),
        "tensor_split" => x.tensor_split(sections()?, dim()),
        "hsplit" => x.hsplit(sections()?),
        "vsplit" => x.vsplit(sections()?),
        "dsplit" => x.dsplit(sections()?),
        "unbind" => x.unbind(dim()),
        _ => return None,
    })
}

/// Copies, other orders, and what stands around.
fn arrange(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let ints = |name: &str| args.ints(name).unwrap_or_default();
    let size = |name: &str| args.int(name).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    let diagonal = || args.dim("diagonal").or_else(|| args.dim("offset")).unwrap_or(0);
    let dims =
        |first: isize, second: isize| (args.dim("dim1").unwrap_or(first), args.dim("dim2").unwrap_or(second));
    Some(match op {
        "repeat" => x.repeat(["repeats", "sizes", "dims"].iter().find_map(|name| args.ints(name))?),
        "tile" => x.tile(args.ints("dims").or_else(|| args.ints("reps"))?),
        "repeat_interleave" => {
            let dim = args.dim("dim");
            let out = match args.find("repeats") {
                Some(repeats) => x.repeat_interleave(repeats, dim),
                None => x.repeat_interleave(ints("repeats").as_slice(), dim),
            };
            // Only a hint to PyTorch; but a wrong one is an error.
            match (out, args.int("output_size")) {
                (Ok(out), Some(n)) if out.size(dim.unwrap_or(0)).ok() != Some(n as usize) => {
                    Err(tensor::Error::value("repeat_interleave", "the size of the output differs"))
                }
                (out, _) => out,
            }
        }
        "roll" => x.roll(ints("shifts"), ints("dims")),
        "flip" => x.flip(args.ints("dims")?),
        "fliplr" => x.fliplr(),
        "flipud" => x.flipud(),
        "rot90" => x.rot90(args.int("k").unwrap_or(1), args.ints("dims").unwrap_or_else(|| vec![0, 1])),
        "pad" | "constant_pad_nd" => pad(x, args)?,
        "tensor_unfold" | "unfold_copy" => {
            let dim = args.dim("dimension")?;
            x.unfold(dim, size("size")?, size("step")?)
        }
        "unfold" if args.get("dimension").is_some() => {
            x.unfold(args.dim("dimension")?, size("size")?, size("step")?)
        }
        "unfold" => x.unfold2d(window(args)?),
        "fold" => x.fold(args.ints("output_size")?, window(args)?),
        "tril" => x.tril(diagonal() as i64),
        "triu" => x.triu(diagonal() as i64),
        "diag" => x.diag(diagonal()),
        "diagflat" => x.diagflat(diagonal()),
        "diagonal" | "diagonal_copy" => {
            let (dim1, dim2) = dims(0, 1);
            x.diagonal(diagonal(), dim1, dim2)
        }
        "linalg.diagonal" => {
            let (dim1, dim2) = dims(-2, -1);
            x.diagonal(diagonal(), dim1, dim2)
        }
        "diag_embed" => {
            let (dim1, dim2) = dims(-2, -1);
            x.diag_embed(diagonal(), dim1, dim2)
        }
        "diagonal_scatter" => {
            let (dim1, dim2) = dims(0, 1);
            x.diagonal_scatter(args.find("src")?, diagonal(), dim1, dim2)
        }
        "select_scatter" => x.select_scatter(args.find("src")?, args.dim("dim")?, args.dim("index")?),
        "slice_scatter" => x.slice_scatter(
            args.find("src")?,
            args.dim("dim").unwrap_or(0),
            args.dim("start").unwrap_or(0),
            args.dim("end").unwrap_or(isize::MAX),
            size("step").unwrap_or(1),
        ),
        "pixel_shuffle" => x.pixel_shuffle(size("upscale_factor")?),
        "pixel_unshuffle" => x.pixel_unshuffle(size("downscale_factor")?),
        "channel_shuffle" => x.channel_shuffle(size("groups")?),
        "combinations" => {
            x.combinations(size("r").unwrap_or(2), args.flag("with_replacement").unwrap_or(false))
        }
        // Ours has no batches.
        "linalg.vander" if x.dim() == 1 => x.vander(size("N"), true),
        "vander" => x.vander(size("N"), args.flag("increasing").unwrap_or(false)),
        _ => return None,
    })
}

fn pad(x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let mode = match args.text("mode").unwrap_or("constant") {
        "constant" => Pad::Constant(args.float("value").unwrap_or(0.0)),
        "reflect" => Pad::Reflect,
        "replicate" => Pad::Replicate,
        "circular" => Pad::Circular,
        _ => return None,
    };
    if !matches!(mode, Pad::Constant(_)) && args.float("value").is_some_and(|value| value != 0.0) {
        return Some(Err(tensor::Error::value("pad", "our modes but the constant one take no value")));
    }
    Some(x.pad(args.ints("pad")?, mode))
}

fn window(args: &Args<'_>) -> Option<Window> {
    let option = |name: &str, default: i64| args.ints(name).unwrap_or_else(|| vec![default]);
    Some(
        Window::new(args.ints("kernel_size")?)
            .dilation(option("dilation", 1))
            .padding(option("padding", 0))
            .stride(option("stride", 1)),
    )
}

fn join(op: &str, tensors: &[&Tensor], args: &Args<'_>) -> Option<Result<Tensor>> {
    let dim = || args.dim("dim").unwrap_or(0);
    Some(match op {
        "cat" | "concat" | "concatenate" => tensor::cat(tensors, dim()),
        "stack" => tensor::stack(tensors, dim()),
        "hstack" => tensor::hstack(tensors),
        "vstack" | "row_stack" => tensor::vstack(tensors),
        "dstack" => tensor::dstack(tensors),
        "column_stack" => tensor::column_stack(tensors),
        "block_diag" => tensor::block_diag(tensors),
        "cartesian_prod" => tensor::cartesian_prod(tensors),
        _ => return None,
    })
}

fn grid(op: &str, tensors: &[&Tensor], args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    Some(match op {
        "broadcast_tensors" => tensor::broadcast_tensors(tensors),
        "atleast_1d" => Ok(tensors.iter().map(|t| t.atleast_1d()).collect()),
        "atleast_2d" => Ok(tensors.iter().map(|t| t.atleast_2d()).collect()),
        "atleast_3d" => Ok(tensors.iter().map(|t| t.atleast_3d()).collect()),
        "meshgrid" => {
            let xy = args.text("indexing") == Some("xy");
            tensor::meshgrid(tensors, if xy { Indexing::Xy } else { Indexing::Ij })
        }
        _ => return None,
    })
}

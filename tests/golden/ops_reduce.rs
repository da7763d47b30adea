//! PyTorch's reductions, scans, sorts and products, by name.

use crate::case::Args;
use tensor::{Attention, Interpolation, Operand, Result, Scalar, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    if let Some(found) = paired(op, args) {
        return Some(found.map(|t| vec![t]));
    }
    let x = ["input", "y", "x", "A", "self"].iter().find_map(|name| args.find(name))?;
    // `dtype=` is a conversion before the reduction.
    let x = &match args.dtype("dtype") {
        Some(dtype) => x.to(dtype?),
        None => x.clone(),
    };
    reduce(op, x, args)
        .or_else(|| scan(op, x, args))
        .or_else(|| product(op, x, args))
        .map(|r| r.map(|t| vec![t]))
        .or_else(|| pair(op, x, args).map(|r| r.map(|(a, b)| vec![a, b])))
        .or_else(|| unique(op, x, args))
}

fn unique(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    args.get("sorted");
    let found = match op {
        "unique" => x.unique(args.dim("dim")),
        "unique_consecutive" => x.unique_consecutive(args.dim("dim")),
        _ => return None,
    };
    let asked = |name| args.flag(name) == Some(true);
    Some(found.map(|found| {
        let inverse = asked("return_inverse").then_some(found.inverse);
        let counts = asked("return_counts").then_some(found.counts);
        [Some(found.values), inverse, counts].into_iter().flatten().collect()
    }))
}

/// Operations whose first argument has another name.
fn paired(op: &str, args: &Args<'_>) -> Option<Result<Tensor>> {
    let p = || args.float("p").unwrap_or(2.0);
    Some(match op {
        "cdist" => {
            args.get("compute_mode");
            args.t("x1").cdist(args.t("x2"), p())
        }
        "pairwise_distance" => {
            let eps = args.float("eps").unwrap_or(1e-6);
            args.t("x1").pairwise_distance(args.t("x2"), p(), eps, keepdim(args))
        }
        "cosine_similarity" => {
            let eps = args.float("eps").unwrap_or(1e-8);
            args.t("x1").cosine_similarity(args.t("x2"), args.dim("dim").unwrap_or(1), eps)
        }
        "bilinear" => args.t("input1").bilinear(args.t("input2"), args.t("weight"), args.find("bias")),
        "tensordot" => {
            let (a, b) = (args.t("a"), args.t("b"));
            let list = |json: &serde_json::Value| -> Option<Vec<i64>> {
                json.as_array()?.iter().map(serde_json::Value::as_i64).collect()
            };
            match args.get("dims") {
                None => a.tensordot(b, 2),
                Some(dims) => match dims.as_array().map(Vec::as_slice) {
                    None => a.tensordot(b, dims.as_i64()? as usize),
                    Some([left, right]) => a.tensordot(b, (list(left)?, list(right)?)),
                    Some(_) => return None,
                },
            }
        }
        "einsum" => tensor::einsum(args.text("equation")?, &args.members("operands")),
        "linalg.multi_dot" => tensor::multi_dot(&args.members("tensors")),
        "chain_matmul" => tensor::multi_dot(&args.members("matrices")),
        "linalg.vecdot" => {
            let (x, y) = (args.t("x"), args.t("y"));
            x.mul(y).and_then(|product| product.sum_dim(args.dim("dim").unwrap_or(-1), false))
        }
        "scaled_dot_product_attention" => {
            // PyTorch's inputs of operators are drawn after this seed.
            let dropout_p = args.float("dropout_p").unwrap_or(0.0);
            if dropout_p > 0.0 {
                tensor::manual_seed(42);
            }
            let attention = Attention {
                mask: args.find("attn_mask"),
                causal: args.flag("is_causal").unwrap_or(false),
                scale: args.float("scale"),
                dropout_p,
                enable_gqa: args.flag("enable_gqa").unwrap_or(false),
            };
            args.t("query").scaled_dot_product_attention(args.t("key"), args.t("value"), attention)
        }
        "searchsorted" => {
            let values = match args.find("input") {
                Some(values) => values.clone(),
                None => {
                    let number = args.scalar("self").or_else(|| args.scalar("input"))?;
                    Tensor::scalar(number, args.t("sorted_sequence").dtype())
                }
            };
            let right = args.flag("right").unwrap_or(false) || args.text("side") == Some("right");
            if args.flag("out_int32") == Some(true) {
                return None;
            }
            match args.find("sorter") {
                Some(sorter) => args.t("sorted_sequence").gather(-1, sorter),
                None => Ok(args.t("sorted_sequence").clone()),
            }
            .and_then(|sorted| sorted.searchsorted(&values, right))
        }
        _ => return None,
    })
}

fn keepdim(args: &Args<'_>) -> bool {
    args.flag("keepdim").unwrap_or(false)
}

fn correction(args: &Args<'_>) -> f64 {
    args.float("correction").unwrap_or_else(|| f64::from(u8::from(args.flag("unbiased").unwrap_or(true))))
}

fn reduce(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let dims = args.ints("dim");
    let all = dims.is_none();
    let dims = dims.unwrap_or_default();
    let keepdim = keepdim(args);
    Some(match op {
        "sum" if all => Ok(x.sum()),
        "sum" => x.sum_dim(dims, keepdim),
        "nansum" if all => Ok(x.nansum()),
        "nansum" => x.nansum_dim(dims, keepdim),
        "mean" if all && x.dtype().is_float() => Ok(x.mean()),
        "mean" => x.mean_dim(dims, keepdim),
        "nanmean" => x.nanmean(dims, keepdim),
        "prod" if all => Ok(x.prod()),
        "prod" => x.prod_dim(dims, keepdim),
        "var" => x.var_dim(dims, correction(args), keepdim),
        "std" => x.std_dim(dims, correction(args), keepdim),
        "cov" => {
            args.get("correction");
            x.cov(args.float("correction").unwrap_or(1.0), args.find("fweights"), args.find("aweights"))
        }
        "corrcoef" => x.corrcoef(),
        "amax" => x.amax(dims, keepdim),
        "amin" => x.amin(dims, keepdim),
        "max" if all && args.find("other").is_none() => x.max(),
        "min" if all && args.find("other").is_none() => x.min(),
        "max" if all => x.maximum(args.t("other")),
        "min" if all => x.minimum(args.t("other")),
        "argmax" => x.argmax(args.dim("dim"), keepdim),
        "argmin" => x.argmin(args.dim("dim"), keepdim),
        // An empty list of dimensions reduces none here, where it means all elsewhere.
        "any" | "all" if !all && dims.is_empty() => Ok(x.to(tensor::DType::Bool)),
        "any" if all => Ok(x.any()),
        "any" => x.any_dim(dims, keepdim),
        "all" if all => Ok(x.all()),
        "all" => x.all_dim(dims, keepdim),
        "count_nonzero" => x.count_nonzero(dims),
        "logsumexp" => x.logsumexp(dims, keepdim),
        "median" if all => x.median(),
        "nanmedian" if all => x.nanmedian(),
        "quantile" | "nanquantile" => {
            let interpolation = match args.text("interpolation").unwrap_or("linear") {
                "linear" => Interpolation::Linear,
                "lower" => Interpolation::Lower,
                "higher" => Interpolation::Higher,
                "midpoint" => Interpolation::Midpoint,
                _ => Interpolation::Nearest,
            };
            let q = match args.find("q") {
                Some(q) => Operand::Tensor(q),
                None => Operand::Number(args.scalar("q")?),
            };
            if op == "quantile" {
                x.quantile(q, args.dim("dim"), keepdim, interpolation)
            } else {
                x.nanquantile(q, args.dim("dim"), keepdim, interpolation)
            }
        }
        "norm" | "linalg.norm" | "linalg.vector_norm" | "linalg.matrix_norm" => norm(op, x, args, dims, all)?,
        "renorm" => x.renorm(args.float("p")?, args.dim("dim")?, args.float("maxnorm")?),
        "normalize" => {
            let dims = if all { vec![1] } else { dims };
            x.normalize(args.float("p").unwrap_or(2.0), dims, args.float("eps").unwrap_or(1e-12))
        }
        _ => return None,
    })
}

/// The four functions differ in what they make of a matrix, and of an order that is a word.
fn norm(op: &str, x: &Tensor, args: &Args<'_>, dims: Vec<i64>, all: bool) -> Option<Result<Tensor>> {
    let name = if op == "norm" { "p" } else { "ord" };
    let word = args.get(name).and_then(|ord| ord.as_str()).filter(|word| !word.contains("inf"));
    let given = args.get(name).is_some();
    let keepdim = keepdim(args);
    let pair = || match dims[..] {
        [rows, columns] => Some([rows as isize, columns as isize]),
        _ => (all && (x.dim() == 2 || op == "linalg.matrix_norm")).then_some([-2, -1]),
    };
    let matrix = match op {
        "linalg.matrix_norm" => true,
        "linalg.norm" => given && pair().is_some(),
        _ => false,
    };
    Some(match (matrix, word) {
        (_, Some("nuc")) => x.nuclear_norm(pair()?, keepdim),
        (_, Some(word)) if word != "fro" => Err(tensor::Error::value("matrix_norm", "there is no such norm")),
        (true, _) => x.matrix_norm(if word.is_some() { None } else { args.float(name) }, pair()?, keepdim),
        (false, Some(_)) => x.vector_norm(2.0, dims, keepdim),
        (false, None) => x.vector_norm(args.float(name).unwrap_or(2.0), dims, keepdim),
    })
}

fn scan(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let dim = || args.dim("dim");
    Some(match op {
        "argsort" => {
            args.get("stable");
            x.argsort(dim().unwrap_or(-1), args.flag("descending").unwrap_or(false))
        }
        "msort" => x.msort(),
        "linalg.svdvals" => x.svdvals(),
        "histc" => x.histc(
            args.int("bins").unwrap_or(100) as usize,
            args.float("min").unwrap_or(0.0),
            args.float("max").unwrap_or(0.0),
        ),
        "bincount" => x.bincount(args.find("weights"), args.int("minlength").unwrap_or(0) as usize),
        "bucketize" if args.flag("out_int32") != Some(true) => {
            x.bucketize(args.t("boundaries"), args.flag("right").unwrap_or(false))
        }
        "cumsum" => x.cumsum(dim()?),
        "cumprod" => x.cumprod(dim()?),
        "logcumsumexp" => x.logcumsumexp(dim()?),
        "softmax" => x.softmax(dim()?),
        "log_softmax" => x.log_softmax(dim()?),
        "softmin" => x.softmin(dim()?),
        "trapezoid" | "trapz" | "cumulative_trapezoid" => {
            let points = match args.find("x").filter(|_| args.find("y").is_some()) {
                Some(points) => Operand::Tensor(points),
                None => Operand::Number(args.scalar("dx").unwrap_or(Scalar::Int(1))),
            };
            let dim = dim().unwrap_or(-1);
            if op == "cumulative_trapezoid" {
                x.cumulative_trapezoid(points, dim)
            } else {
                x.trapezoid(points, dim)
            }
        }
        "diff" => {
            let dim = dim().unwrap_or(-1);
            let parts = [args.find("prepend"), Some(x), args.find("append")];
            let parts: Vec<&Tensor> = parts.into_iter().flatten().collect();
            match usize::try_from(args.int("n").unwrap_or(1)) {
                Ok(0) => Ok(x.clone()),
                Ok(n) => tensor::cat(&parts, dim).and_then(|x| x.diff(n, dim)),
                Err(_) => Err(tensor::Error::value("diff", "counts are not negative here")),
            }
        }
        _ => return None,
    })
}

fn product(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let factor = |name: &str| args.scalar(name).unwrap_or(Scalar::Int(1));
    let other = || args.t("other");
    Some(match op {
        "matmul" => x.matmul(other()),
        "mm" => x.mm(args.t("mat2")),
        "bmm" => x.bmm(args.t("mat2")),
        "mv" => x.mv(args.t("vec")),
        "dot" => x.dot(args.t("tensor")),
        "vdot" => x.dot(other()),
        "outer" | "ger" => x.outer(args.t("vec2")),
        "inner" => x.inner(other()),
        "kron" => x.kron(other()),
        "cross" | "linalg.cross" => {
            // `torch.cross` takes the first dimension of size 3, if none is named.
            let first = || x.shape().iter().position(|n| *n == 3).map(|d| d as isize);
            let default = if op == "cross" { first() } else { Some(-1) };
            x.cross(other(), args.dim("dim").or(default).unwrap_or(-1))
        }
        "addmm" => x.addmm(args.t("mat1"), args.t("mat2"), factor("beta"), factor("alpha")),
        "addmv" => x.addmv(args.t("mat"), args.t("vec"), factor("beta"), factor("alpha")),
        "addr" => x.addr(args.t("vec1"), args.t("vec2"), factor("beta"), factor("alpha")),
        "baddbmm" => x.baddbmm(args.t("batch1"), args.t("batch2"), factor("beta"), factor("alpha")),
        "addbmm" => x.addbmm(args.t("batch1"), args.t("batch2"), factor("beta"), factor("alpha")),
        "linear" => x.linear(args.t("weight"), args.find("bias")),
        "trace" => x.trace(),
        "matrix_power" | "linalg.matrix_power" => x.matrix_power(args.int("n")?),
        "inverse" | "linalg.inv" => x.inverse(),
        "det" | "linalg.det" => x.det(),
        "logdet" => x.logdet(),
        "linalg.solve" => {
            let right = args.find("B")?;
            if args.flag("left").unwrap_or(true) {
                x.solve(right)
            } else {
                // x·A = B, the other way around.
                x.mt().and_then(|a| a.solve(&right.mt()?)).and_then(|x| x.mt())
            }
        }
        "dist" => x.dist(other(), args.float("p").unwrap_or(2.0)),
        "pdist" => x.pdist(args.float("p").unwrap_or(2.0)),
        _ => return None,
    })
}

fn pair(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<(Tensor, Tensor)>> {
    let keepdim = keepdim(args);
    let dims = || args.ints("dim").unwrap_or_default();
    Some(match op {
        "slogdet" | "linalg.slogdet" => x.slogdet(),
        "max" => x.max_dim(args.dim("dim")?, keepdim),
        "min" => x.min_dim(args.dim("dim")?, keepdim),
        "aminmax" => x.aminmax(args.dim("dim"), keepdim),
        "var_mean" => x.var_mean(dims(), correction(args), keepdim),
        "std_mean" => x.std_mean(dims(), correction(args), keepdim),
        "median" => x.median_dim(args.dim("dim")?, keepdim),
        "nanmedian" => x.nanmedian_dim(args.dim("dim")?, keepdim),
        "mode" => x.mode(args.dim("dim").unwrap_or(-1), keepdim),
        "sort" => {
            args.get("stable");
            x.sort(args.dim("dim").unwrap_or(-1), args.flag("descending").unwrap_or(false))
        }
        "topk" => {
            args.get("sorted");
            let k = args.int("k")? as usize;
            // PyTorch's table of signatures has another name for it.
            let largest = args.flag("largest").or_else(|| args.flag("descending"));
            x.topk(k, args.dim("dim").unwrap_or(-1), largest.unwrap_or(true))
        }
        "kthvalue" => x.kthvalue(args.int("k")? as usize, args.dim("dim").unwrap_or(-1), keepdim),
        "cummax" => x.cummax(args.dim("dim")?),
        "cummin" => x.cummin(args.dim("dim")?),
        _ => return None,
    })
}

//! Convolutions, pooling and batch normalisation by PyTorch's class names and arguments.

use crate::case::Args;
use crate::models::Forward;
use nn::*;
use std::rc::Rc;
use tensor::{Conv, Pool, Result, Tensor};

/// A layer of this family; `None` if there is none of that name here.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    macro_rules! set {
        ($layer:ident: $($method:ident $get:ident),*) => {
            $(if let Some(value) = args.$get(stringify!($method)) {
                $layer = $layer.$method(value);
            })*
        };
    }
    macro_rules! conv {
        ($class:ident, |$layer:ident| $more:block) => {{
            let kernel = args.ints("kernel_size")?;
            let mut $layer = $class::new(args.size("in_channels")?, args.size("out_channels")?, kernel);
            set!($layer: groups size, bias flag, stride ints, padding ints, dilation ints);
            $more
            Box::new($layer)
        }};
    }
    macro_rules! plain {
        ($class:ident) => {
            conv!($class, |layer| {
                if args.text("padding") == Some("same") {
                    layer = layer.padding_same();
                }
                layer = layer.padding_mode(match args.text("padding_mode") {
                    None | Some("zeros") => PaddingMode::Zeros,
                    Some("reflect") => PaddingMode::Reflect,
                    Some("replicate") => PaddingMode::Replicate,
                    Some("circular") => PaddingMode::Circular,
                    Some(_) => return None,
                });
            })
        };
    }
    macro_rules! pool {
        ($class:ident: $($method:ident $get:ident),*) => {{
            let mut layer = $class::new(args.ints("kernel_size")?);
            set!(layer: stride ints, padding ints, ceil_mode flag $(, $method $get)*);
            Box::new(layer)
        }};
    }
    macro_rules! batch_norm {
        ($class:ident) => {{
            let mut layer = $class::new(args.size("num_features")?);
            set!(layer: eps float, affine flag, bias flag, track_running_stats flag);
            // An absent momentum is the default, and null is none.
            if args.is_null("momentum") {
                layer = layer.momentum(None);
            }
            set!(layer: momentum float);
            Box::new(layer)
        }};
    }
    Some(match class {
        "Conv1d" => plain!(Conv1d),
        "Conv2d" => plain!(Conv2d),
        "Conv3d" => plain!(Conv3d),
        "ConvTranspose1d" => conv!(ConvTranspose1d, |layer| { set!(layer: output_padding ints) }),
        "ConvTranspose2d" => conv!(ConvTranspose2d, |layer| { set!(layer: output_padding ints) }),
        "ConvTranspose3d" => conv!(ConvTranspose3d, |layer| { set!(layer: output_padding ints) }),
        "MaxPool1d" => pool!(MaxPool1d: dilation ints),
        "MaxPool2d" => pool!(MaxPool2d: dilation ints),
        "MaxPool3d" => pool!(MaxPool3d: dilation ints),
        "AvgPool1d" => pool!(AvgPool1d: count_include_pad flag),
        "AvgPool2d" => pool!(AvgPool2d: count_include_pad flag, divisor_override int),
        "AvgPool3d" => pool!(AvgPool3d: count_include_pad flag, divisor_override int),
        "AdaptiveAvgPool1d" => Box::new(AdaptiveAvgPool1d::new(args.sizes("output_size")?)),
        "AdaptiveAvgPool2d" => Box::new(AdaptiveAvgPool2d::new(args.sizes("output_size")?)),
        "AdaptiveMaxPool1d" => Box::new(AdaptiveMaxPool1d::new(args.sizes("output_size")?)),
        "AdaptiveMaxPool2d" => Box::new(AdaptiveMaxPool2d::new(args.sizes("output_size")?)),
        "AdaptiveAvgPool3d" => Box::new(AdaptiveAvgPool3d::new(args.sizes("output_size")?)),
        "AdaptiveMaxPool3d" => Box::new(AdaptiveMaxPool3d::new(args.sizes("output_size")?)),
        "BatchNorm1d" => batch_norm!(BatchNorm1d),
        "BatchNorm2d" => batch_norm!(BatchNorm2d),
        "BatchNorm3d" => batch_norm!(BatchNorm3d),
        "InstanceNorm1d" => batch_norm!(InstanceNorm1d),
        "InstanceNorm2d" => batch_norm!(InstanceNorm2d),
        "InstanceNorm3d" => batch_norm!(InstanceNorm3d),
        _ => return None,
    })
}

/// A pool that gives indices too.
pub fn callable(class: &str, args: &Args<'_>) -> Option<(Rc<dyn Module>, Forward)> {
    macro_rules! pool {
        ($class:ident) => {{
            let option = |name: &str, default: i64| args.ints(name).unwrap_or(vec![default]);
            let mut pool = $class::new(args.ints("kernel_size")?);
            if let Some(stride) = args.ints("stride") {
                pool = pool.stride(stride);
            }
            let pool = pool.padding(option("padding", 0)).dilation(option("dilation", 1));
            let pool = Rc::new(pool.ceil_mode(args.flag("ceil_mode").unwrap_or(false)));
            let module = pool.clone();
            let forward: Forward = Box::new(move |args| {
                let (largest, places) = pool.forward_with_indices(args.t("input"))?;
                Ok(vec![largest, places])
            });
            Some((module as Rc<dyn Module>, forward))
        }};
    }
    if args.flag("return_indices") != Some(true) {
        return None;
    }
    match class {
        "MaxPool1d" => pool!(MaxPool1d),
        "MaxPool2d" => pool!(MaxPool2d),
        "MaxPool3d" => pool!(MaxPool3d),
        _ => None,
    }
}

/// A function of this family.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    if let Some(found) = pool(op, args) {
        return Some(found);
    }
    let rank = op.strip_prefix("conv").and_then(|rest| rest.strip_suffix('d'))?;
    let ints = |name: &str, default: i64| args.ints(name).unwrap_or(vec![default]);
    let options = Conv::new()
        .stride(ints("stride", 1))
        .dilation(ints("dilation", 1))
        .output_padding(ints("output_padding", 0))
        .groups(args.size("groups").unwrap_or(1));
    let options = match args.text("padding") {
        Some("same") => options.padding_same(),
        _ => options.padding(ints("padding", 0)),
    };
    let (x, weight, bias) = (args.t("input"), args.t("weight"), args.find("bias"));
    // Called by name: a function in a variable hides the caller's line.
    let found = match rank {
        "1" => x.conv1d(weight, bias, &options),
        "2" => x.conv2d(weight, bias, &options),
        "3" => x.conv3d(weight, bias, &options),
        "_transpose1" => x.conv_transpose1d(weight, bias, &options),
        "_transpose2" => x.conv_transpose2d(weight, bias, &options),
        "_transpose3" => x.conv_transpose3d(weight, bias, &options),
        _ => return None,
    };
    Some(found.map(|y| vec![y]))
}

/// The functions of windows.
fn pool(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let x = args.find("input")?;
    let size = || args.sizes("output_size");
    let pool = || {
        let mut pool = Pool::new(args.ints("kernel_size")?);
        // PyTorch takes an empty stride for none.
        if let Some(stride) = args.ints("stride").filter(|stride| !stride.is_empty()) {
            pool = pool.stride(stride);
        }
        pool = pool.padding(args.ints("padding").unwrap_or(vec![0]));
        pool = pool.ceil_mode(args.flag("ceil_mode").unwrap_or(false));
        if op.starts_with("max") {
            return Some(pool.dilation(args.ints("dilation").unwrap_or(vec![1])));
        }
        pool = pool.count_include_pad(args.flag("count_include_pad").unwrap_or(true));
        Some(match args.int("divisor_override") {
            Some(divisor) => pool.divisor_override(divisor),
            None => pool,
        })
    };
    let one = |found: Result<Tensor>| found.map(|x| vec![x]);
    let largest = |found: Result<(Tensor, Tensor)>| {
        let indices = args.flag("return_indices") == Some(true) || op.ends_with("_with_indices");
        found.map(|(x, places)| if indices { vec![x, places] } else { vec![x] })
    };
    Some(match op.trim_end_matches("_with_indices") {
        "max_pool1d" => largest(x.max_pool1d(&pool()?)),
        "max_pool2d" => largest(x.max_pool2d(&pool()?)),
        "max_pool3d" => largest(x.max_pool3d(&pool()?)),
        "avg_pool1d" => one(x.avg_pool1d(&pool()?)),
        "avg_pool2d" => one(x.avg_pool2d(&pool()?)),
        "avg_pool3d" => one(x.avg_pool3d(&pool()?)),
        "adaptive_max_pool1d" => largest(x.adaptive_max_pool1d(size()?)),
        "adaptive_max_pool2d" => largest(x.adaptive_max_pool2d(size()?)),
        "adaptive_max_pool3d" => largest(x.adaptive_max_pool3d(size()?)),
        "adaptive_avg_pool1d" => one(x.adaptive_avg_pool1d(size()?)),
        "adaptive_avg_pool2d" => one(x.adaptive_avg_pool2d(size()?)),
        "adaptive_avg_pool3d" => one(x.adaptive_avg_pool3d(size()?)),
        _ => return None,
    })
}

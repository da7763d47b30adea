//! Layers without weights that resize, pad, shuffle and compare, by PyTorch's class names and arguments.

use crate::case::{Args, number};
use crate::models::Forward;
use nn::*;
use serde_json::Value;
use std::rc::Rc;
use tensor::{GridPadding, GridSample, Interpolate, Result, Tensor, Upsampling};

/// One number or a list of them.
fn floats(args: &Args<'_>, name: &str) -> Option<Vec<f64>> {
    match args.get(name)? {
        Value::Array(list) => Some(list.iter().map(number).collect()),
        one => Some(vec![number(one)]),
    }
}

/// A layer of this family; `None` if there is none of that name here.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    macro_rules! set {
        ($layer:expr, $($method:ident $get:ident),*) => {{
            let mut layer = $layer;
            $(if let Some(value) = args.$get(stringify!($method)) {
                layer = layer.$method(value);
            })*
            layer
        }};
    }
    macro_rules! pads {
        ($($layer:ident)*) => {
            match class {
                $(stringify!($layer) => return Some(Box::new($layer::new(args.ints("padding")?))),)*
                "ConstantPad1d" => return Some(Box::new(ConstantPad1d::new(args.ints("padding")?, args.scalar("value")?))),
                "ConstantPad2d" => return Some(Box::new(ConstantPad2d::new(args.ints("padding")?, args.scalar("value")?))),
                "ConstantPad3d" => return Some(Box::new(ConstantPad3d::new(args.ints("padding")?, args.scalar("value")?))),
                _ => {}
            }
        };
    }
    pads!(
        ZeroPad1d ZeroPad2d ZeroPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d
        ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d
    );
    macro_rules! lp {
        ($layer:ident) => {{
            let layer = $layer::new(args.scalar("norm_type")?, args.ints("kernel_size")?);
            Box::new(set!(layer, stride ints, ceil_mode flag))
        }};
    }
    macro_rules! enlarge {
        ($layer:expr) => {{
            let mut layer = $layer;
            if let Some(factors) = floats(args, "scale_factor") {
                layer = layer.scale_factor(factors);
            }
            set!(layer, size ints)
        }};
    }
    Some(match class {
        "Upsample" => {
            let layer = enlarge!(Upsample::new());
            let mode = args.text("mode").unwrap_or("nearest").parse().ok()?;
            Box::new(set!(layer.mode(mode), align_corners flag, recompute_scale_factor flag))
        }
        "UpsamplingNearest2d" => Box::new(enlarge!(UpsamplingNearest2d::new())),
        "UpsamplingBilinear2d" => Box::new(enlarge!(UpsamplingBilinear2d::new())),
        "PixelShuffle" => Box::new(PixelShuffle::new(args.size("upscale_factor")?)),
        "PixelUnshuffle" => Box::new(PixelUnshuffle::new(args.size("downscale_factor")?)),
        "ChannelShuffle" => Box::new(ChannelShuffle::new(args.size("groups")?)),
        "LPPool1d" => lp!(LPPool1d),
        "LPPool2d" => lp!(LPPool2d),
        "LPPool3d" => lp!(LPPool3d),
        "Unfold" => Box::new(set!(
            Unfold::new(args.ints("kernel_size")?),
            dilation ints, padding ints, stride ints
        )),
        "Fold" => Box::new(set!(
            Fold::new(args.ints("output_size")?, args.ints("kernel_size")?),
            dilation ints, padding ints, stride ints
        )),
        "Dropout1d" => Box::new(set!(Dropout1d::new(), p float)),
        "Dropout3d" => Box::new(set!(Dropout3d::new(), p float)),
        "AlphaDropout" => Box::new(set!(AlphaDropout::new(), p float)),
        "FeatureAlphaDropout" => Box::new(set!(FeatureAlphaDropout::new(), p float)),
        "RReLU" => Box::new(set!(RReLU::new(), lower float, upper float)),
        "Softmax2d" => Box::new(Softmax2d),
        "AdaptiveAvgPool3d" => Box::new(AdaptiveAvgPool3d::new(args.ints("output_size")?)),
        "AdaptiveMaxPool3d" => Box::new(AdaptiveMaxPool3d::new(args.ints("output_size")?)),
        _ => return None,
    })
}

/// A module that is called with two tensors.
pub fn callable(class: &str, args: &Args<'_>) -> Option<(Rc<dyn Module>, Forward)> {
    macro_rules! called {
        ($layer:expr, |$module:ident, $args:ident| $output:expr) => {{
            let layer = Rc::new($layer);
            let $module = layer.clone();
            let forward: Forward = Box::new(move |$args| Ok(vec![$output?]));
            Some((layer as Rc<dyn Module>, forward))
        }};
    }
    macro_rules! unpool {
        ($layer:ident) => {{
            let mut layer = $layer::new(args.ints("kernel_size")?);
            if let Some(stride) = args.ints("stride") {
                layer = layer.stride(stride);
            }
            let layer = layer.padding(args.ints("padding").unwrap_or(vec![0]));
            called!(layer, |module, args| {
                let size = args.ints("output_size");
                module.forward(args.t("input"), args.t("indices"), size.as_deref())
            })
        }};
    }
    let dim = args.dim("dim");
    match class {
        "CosineSimilarity" => {
            let layer = CosineSimilarity::new().dim(dim.unwrap_or(1)).eps(args.float("eps").unwrap_or(1e-8));
            called!(layer, |module, args| module.forward(args.t("x1"), args.t("x2")))
        }
        "PairwiseDistance" => {
            let layer = PairwiseDistance::new()
                .p(args.float("p").unwrap_or(2.0))
                .eps(args.float("eps").unwrap_or(1e-6))
                .keepdim(args.flag("keepdim").unwrap_or(false));
            called!(layer, |module, args| module.forward(args.t("x1"), args.t("x2")))
        }
        "MaxUnpool1d" => unpool!(MaxUnpool1d),
        "MaxUnpool2d" => unpool!(MaxUnpool2d),
        "MaxUnpool3d" => unpool!(MaxUnpool3d),
        _ => None,
    }
}

/// A function of this family.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    if op == "affine_grid" {
        let align = args.flag("align_corners").unwrap_or(false);
        return Some(args.find("theta")?.affine_grid(args.ints("size")?, align).map(|grid| vec![grid]));
    }
    let x = args.find("input")?;
    let (kernel, stride) = (args.ints("kernel_size"), args.ints("stride"));
    let ceil = || args.flag("ceil_mode").unwrap_or(false);
    macro_rules! unpool {
        ($layer:ident) => {{
            let mut layer = $layer::new(kernel?).padding(args.ints("padding").unwrap_or(vec![0]));
            if let Some(stride) = stride.filter(|stride| !stride.is_empty()) {
                layer = layer.stride(stride);
            }
            layer.forward(x, args.find("indices")?, args.ints("output_size").as_deref())
        }};
    }
    Some(
        match op {
            "max_unpool1d" => unpool!(MaxUnpool1d),
            "max_unpool2d" => unpool!(MaxUnpool2d),
            "max_unpool3d" => unpool!(MaxUnpool3d),
            "grid_sample" | "grid_sampler_2d" | "grid_sampler_3d" => grid_sample(x, args)?,
            "interpolate" | "upsample" | "upsample_nearest" | "upsample_bilinear" => {
                interpolate(op, x, args)?
            }
            "lp_pool1d" => x.lp_pool1d(args.float("norm_type")?, kernel?, stride.as_deref(), ceil()),
            "lp_pool2d" => x.lp_pool2d(args.float("norm_type")?, kernel?, stride.as_deref(), ceil()),
            "lp_pool3d" => x.lp_pool3d(args.float("norm_type")?, kernel?, stride.as_deref(), ceil()),
            _ => return None,
        }
        .map(|y| vec![y]),
    )
}

/// The function says its modes in words, what it calls as numbers.
fn grid_sample(x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let mode = args.text("mode").unwrap_or("bilinear");
    let mode = match args.int("interpolation_mode") {
        Some(number) => {
            *[Upsampling::Bilinear, Upsampling::Nearest, Upsampling::Bicubic].get(number as usize)?
        }
        None => match mode.parse() {
            Ok(mode) => mode,
            Err(error) => return Some(Err(error)),
        },
    };
    let padding = match (args.int("padding_mode"), args.text("padding_mode")) {
        (Some(0), _) | (_, None | Some("zeros")) if args.int("padding_mode").unwrap_or(0) == 0 => {
            GridPadding::Zeros
        }
        (Some(1), _) | (_, Some("border")) => GridPadding::Border,
        (Some(2), _) | (_, Some("reflection")) => GridPadding::Reflection,
        _ => return Some(Err(tensor::Error::value("grid_sample", "there is no such padding"))),
    };
    let align = args.flag("align_corners").unwrap_or(false);
    let how = GridSample::new().mode(mode).padding_mode(padding).align_corners(align);
    Some(x.grid_sample(args.find("grid")?, &how))
}

fn interpolate(op: &str, x: &Tensor, args: &Args<'_>) -> Option<Result<Tensor>> {
    let how = match (args.ints("size"), floats(args, "scale_factor")) {
        (Some(size), None) => Interpolate::size(size),
        (None, Some(factors)) => Interpolate::scale_factor(factors),
        _ => {
            return Some(Err(tensor::Error::value(
                "interpolate",
                "either a size or a scale factor is needed",
            )));
        }
    };
    let mode = args.text("mode").unwrap_or("nearest").parse::<Upsampling>();
    let how = match mode {
        Ok(_) if op == "upsample_bilinear" => how.mode(Upsampling::Bilinear).align_corners(true),
        Ok(mode) => how.mode(mode).align_corners(args.flag("align_corners")),
        Err(error) => return Some(Err(error)),
    };
    let how = how.recompute_scale_factor(args.flag("recompute_scale_factor").unwrap_or(false));
    Some(x.interpolate(&how.antialias(args.flag("antialias").unwrap_or(false))))
}

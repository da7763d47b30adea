//! Normalisations beside those of a batch, by PyTorch's class names and arguments, and their functions.

use crate::case::Args;
use nn::*;
use tensor::{Result, Tensor};

/// A layer of this family; `None` if there is none of that name here.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    let shape = || Some(args.ints("normalized_shape")?.into_iter().map(|n| n as usize));
    Some(match class {
        "GroupNorm" => {
            let mut layer = GroupNorm::new(args.size("num_groups")?, args.size("num_channels")?);
            layer = layer.eps(args.float("eps").unwrap_or(1e-5));
            if let Some(affine) = args.flag("affine") {
                layer = layer.affine(affine);
            }
            if let Some(bias) = args.flag("bias") {
                layer = layer.bias(bias);
            }
            Box::new(layer)
        }
        "RMSNorm" => {
            let layer = RMSNorm::new(shape()?).eps(args.float("eps"));
            Box::new(layer.elementwise_affine(args.flag("elementwise_affine").unwrap_or(true)))
        }
        "LocalResponseNorm" => Box::new(
            LocalResponseNorm::new(args.size("size")?)
                .alpha(args.float("alpha").unwrap_or(1e-4))
                .beta(args.float("beta").unwrap_or(0.75))
                .k(args.float("k").unwrap_or(1.0)),
        ),
        _ => return None,
    })
}

/// A function of this family.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let x = args.find("input")?;
    let (weight, bias) = (args.find("weight"), args.find("bias"));
    let eps = || args.float("eps").unwrap_or(1e-5);
    let given = || args.find("running_mean").zip(args.find("running_var"));
    Some(
        match op {
            "layer_norm" => x.layer_norm(args.ints("normalized_shape")?, weight, bias, eps()),
            "rms_norm" => x.rms_norm(args.ints("normalized_shape")?, weight, args.float("eps")),
            "group_norm" => x.group_norm(args.size("num_groups")?, weight, bias, eps()),
            "batch_norm" => {
                let training = args.flag("training").unwrap_or(false);
                let given = given().filter(|_| !training);
                args.float("momentum");
                x.batch_norm(given, weight, bias, eps()).map(|y| y.output)
            }
            "instance_norm" => {
                args.float("momentum");
                match given().filter(|_| !args.flag("use_input_stats").unwrap_or(true)) {
                    Some(given) => x.batch_norm(Some(given), weight, bias, eps()),
                    None => x.instance_norm(weight, bias, eps()),
                }
                .map(|y| y.output)
            }
            "local_response_norm" => x.local_response_norm(
                args.size("size")?,
                args.float("alpha").unwrap_or(1e-4),
                args.float("beta").unwrap_or(0.75),
                args.float("k").unwrap_or(1.0),
            ),
            _ => return None,
        }
        .map(|y| vec![y]),
    )
}

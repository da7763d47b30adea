//! Layers for sequences by PyTorch's class names and arguments: embeddings, recurrent layers, attention, and the
//! normalisation that goes with it.

use crate::case::Args;
use nn::*;

/// A layer that maps one tensor to one tensor; `None` if there is none of that name here.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    Some(match class {
        "LayerNorm" => {
            let shape = args.ints("normalized_shape")?.into_iter().map(|n| n as usize);
            let mut layer = LayerNorm::new(shape).eps(args.float("eps").unwrap_or(1e-5));
            layer = layer.elementwise_affine(args.flag("elementwise_affine").unwrap_or(true));
            if args.flag("bias") == Some(false) {
                layer = layer.bias(false);
            }
            Box::new(layer)
        }
        _ => return None,
    })
}

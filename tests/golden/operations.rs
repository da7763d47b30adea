//! From PyTorch's names and arguments to calls of ours, a file per family.

use crate::case::Args;
use tensor::{Result, Tensor};

/// The outputs of an operation; `None` if there is none of that name.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    // Some namespaces repeat the functions of others.
    let op = ["nn.functional.", "special."].iter().find_map(|space| op.strip_prefix(space)).unwrap_or(op);
    known(op, args).or_else(|| known(op.strip_suffix("_copy")?, args))
}

fn known(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    crate::ops_elementwise::call(op, args)
        .or_else(|| crate::ops_reduce::call(op, args))
        .or_else(|| crate::ops_shape::call(op, args))
        .or_else(|| crate::ops_index::call(op, args))
        .or_else(|| crate::ops_create::call(op, args))
        .or_else(|| crate::layers_conv::call(op, args))
        .or_else(|| crate::layers_norm::call(op, args))
        .or_else(|| crate::layers_plain::call(op, args))
        .or_else(|| crate::vision::call(op, args))
        .or_else(|| crate::generation::call(op, args))
        .or_else(|| crate::programs::call(op, args))
}

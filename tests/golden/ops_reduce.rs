//! More of PyTorch's reduce operations, by name.

use crate::case::Args;
use tensor::{Result, Tensor};

/// The outputs of an operation; `None` if there is none of that name here.
pub fn call(_op: &str, _args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    None
}

//! Printed tensors, numbers and models: kind `print`.

use crate::case::Case;
use crate::run::Outcome;

pub fn run(case: &Case<'_>) -> Outcome {
    Outcome::Unsupported(format!("kind {}", case.kind))
}

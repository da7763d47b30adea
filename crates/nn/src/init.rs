//! First values for parameters, by the rules and from the numbers of PyTorch.

use tensor::random::with_default;
use tensor::{DType, Parameter};

/// Evenly distributed in ±bound. What the machine cannot hold becomes an empty parameter, which its layer then refuses
/// to use: `new` of a layer has no way to return an error.
#[track_caller]
fn uniform_parameter(shape: &[usize], bound: f64) -> Parameter {
    let drawn = with_default(|generator| generator.uniform(shape, -bound, bound, DType::F32));
    Parameter::new(&drawn.unwrap_or_else(|_| tensor::tensor([0.0; 0])))
}

/// The default for weights `(out, in, …)`: Kaiming's rule with `a = √5`, which comes to ±1/√fan_in.
#[track_caller]
pub(crate) fn kaiming_parameter(shape: &[usize]) -> Parameter {
    let fan_in: f64 = shape[1..].iter().map(|&n| n as f64).product();
    // In the steps of PyTorch's kaiming_uniform_, so that the bound has the same last bits.
    let a = 5f64.sqrt();
    let gain = (2.0 / (1.0 + a * a)).sqrt();
    let bound = 3f64.sqrt() * (gain / fan_in.sqrt());
    uniform_parameter(shape, if fan_in > 0.0 { bound } else { 0.0 })
}

/// The default for biases: ±1/√fan_in.
#[track_caller]
pub(crate) fn fan_in_parameter(shape: &[usize], fan_in: usize) -> Parameter {
    uniform_parameter(shape, if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 })
}

//! First values for parameters, by the rules and from the numbers of PyTorch's `torch.nn.init`.
//!
//! ```
//! use nn::init::{self, Fan, Nonlinearity};
//! use nn::Linear;
//!
//! let layer = Linear::new(64, 32);
//! init::kaiming_normal_(&layer.weight, Fan::In, Nonlinearity::ReLU)?;
//! init::zeros_(layer.bias.as_ref().unwrap())?;
//! # Ok::<(), tensor::Error>(())
//! ```

use std::str::FromStr;
use tensor::random::{Generator, with_default};
use tensor::{AtCaller, DType, Error, Parameter, Result, Tensor};

/// Evenly distributed in ±bound. What the machine cannot hold becomes an empty parameter, which its layer then refuses
/// to use: `new` of a layer has no way to return an error.
#[track_caller]
pub(crate) fn uniform_parameter(shape: &[usize], bound: f64) -> Parameter {
    let drawn = with_default(|generator| generator.uniform(shape, -bound, bound, DType::F32));
    Parameter::new(&drawn.unwrap_or_else(|_| tensor::tensor([0.0; 0])))
}

/// Zeros; what the machine cannot hold becomes an empty parameter, as above.
#[track_caller]
pub(crate) fn zero_parameter(shape: &[usize]) -> Parameter {
    Parameter::new(&tensor::zeros(shape).unwrap_or_else(|_| tensor::tensor([0.0; 0])))
}

/// The default for weights `(out, in, …)`: Kaiming's rule with `a = √5`, which comes to ±1/√fan_in.
#[track_caller]
pub(crate) fn kaiming_parameter(shape: &[usize]) -> Parameter {
    let fan_in: f64 = shape[1..].iter().map(|&n| n as f64).product();
    // In the steps of PyTorch's kaiming_uniform_, so that the bound has the same last bits.
    let bound = 3f64.sqrt() * (Nonlinearity::LeakyReLU(5f64.sqrt()).gain() / fan_in.sqrt());
    uniform_parameter(shape, if fan_in > 0.0 { bound } else { 0.0 })
}

/// The default for biases: ±1/√fan_in.
#[track_caller]
pub(crate) fn fan_in_parameter(shape: &[usize], fan_in: usize) -> Parameter {
    uniform_parameter(shape, if fan_in > 0 { 1.0 / (fan_in as f64).sqrt() } else { 0.0 })
}

/// The activation behind a layer, by which its weights are scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nonlinearity {
    /// None, or a linear map: linear, convolution.
    Linear,
    /// Sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// ReLU.
    ReLU,
    /// Leaky ReLU with its negative slope.
    LeakyReLU(f64),
    /// SELU.
    SELU,
}

impl Nonlinearity {
    /// The factor that keeps the variance of activations from layer to layer.
    #[doc(alias = "calculate_gain")]
    pub fn gain(self) -> f64 {
        match self {
            Nonlinearity::Linear | Nonlinearity::Sigmoid => 1.0,
            Nonlinearity::Tanh => 5.0 / 3.0,
            Nonlinearity::ReLU => 2f64.sqrt(),
            Nonlinearity::LeakyReLU(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Nonlinearity::SELU => 0.75,
        }
    }
}

/// From PyTorch's names; a leaky ReLU has the slope 0.01.
impl FromStr for Nonlinearity {
    type Err = Error;
    #[track_caller]
    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "linear" | "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d" | "conv_transpose2d"
            | "conv_transpose3d" => Nonlinearity::Linear,
            "sigmoid" => Nonlinearity::Sigmoid,
            "tanh" => Nonlinearity::Tanh,
            "relu" => Nonlinearity::ReLU,
            "leaky_relu" => Nonlinearity::LeakyReLU(0.01),
            "selu" => Nonlinearity::SELU,
            other => {
                return Err(Error::value(
                    "calculate_gain",
                    format!("{other:?} is not one of linear, conv*, sigmoid, tanh, relu, leaky_relu, selu"),
                ));
            }
        })
    }
}

/// Which side of a weight its scale is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// The inputs: keeps the variance in the forward pass.
    In,
    /// The outputs: keeps it in the backward pass.
    Out,
}

impl FromStr for Fan {
    type Err = Error;
    #[track_caller]
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "fan_in" => Ok(Fan::In),
            "fan_out" => Ok(Fan::Out),
            other => Err(Error::value("init", format!("{other:?} is neither fan_in nor fan_out"))),
        }
    }
}

/// Inputs and outputs of a weight `(out, in, …)`: behind the first two, each position counts.
#[doc(alias = "_calculate_fan_in_and_fan_out")]
#[track_caller]
fn fans(op: &'static str, p: &Parameter) -> Result<(f64, f64)> {
    match p.shape().as_slice() {
        [out, inputs, field @ ..] => {
            let field: usize = field.iter().product();
            Ok(((inputs * field) as f64, (out * field) as f64))
        }
        shape => Err(Error::shape(op, format!("a weight has at least two dimensions, found {shape:?}"))),
    }
}

/// Puts values in place that are drawn in the shape and type of the parameter.
#[track_caller]
fn fill(p: &Parameter, draw: impl FnOnce(&mut Generator, &[usize], DType) -> Result<Tensor>) -> Result<()> {
    let value = with_default(|generator| draw(generator, &p.shape(), p.dtype())).at_caller()?;
    p.set(&value)
}

/// Evenly distributed in [a, b).
///
/// # Errors
/// If `a > b`.
#[track_caller]
pub fn uniform_(p: &Parameter, a: f64, b: f64) -> Result<()> {
    fill(p, |generator, shape, dtype| generator.uniform(shape, a, b, dtype))
}

/// Normally distributed.
///
/// # Errors
/// If `std` is negative.
#[track_caller]
pub fn normal_(p: &Parameter, mean: f64, std: f64) -> Result<()> {
    fill(p, |generator, shape, dtype| generator.normal(shape, mean, std, dtype))
}

/// One number everywhere.
///
/// # Errors
/// None for a parameter of floats.
#[track_caller]
pub fn constant_(p: &Parameter, value: f64) -> Result<()> {
    p.set(&p.tensor().detach().full_like(value))
}

/// Ones.
///
/// # Errors
/// As [`constant_`].
#[track_caller]
pub fn ones_(p: &Parameter) -> Result<()> {
    constant_(p, 1.0)
}

/// Zeros.
///
/// # Errors
/// As [`constant_`].
#[track_caller]
pub fn zeros_(p: &Parameter) -> Result<()> {
    constant_(p, 0.0)
}

/// The identity matrix.
///
/// # Errors
/// If the parameter is no matrix.
#[track_caller]
pub fn eye_(p: &Parameter) -> Result<()> {
    match *p.shape() {
        [rows, columns] => p.set(&Tensor::eye(rows, columns, p.dtype())?),
        ref shape => Err(Error::shape("eye_", format!("expected a matrix, found {shape:?}"))),
    }
}

/// The convolution that passes its channels on: a one in the middle of filter `i` for channel `i`, in each group.
///
/// # Errors
/// If the parameter is no weight of a convolution `(out, in, …)` of one to three dimensions, or the groups do not divide
/// its outputs.
#[track_caller]
pub fn dirac_(p: &Parameter, groups: usize) -> Result<()> {
    let shape = p.shape();
    if !(3..=5).contains(&shape.len()) || groups == 0 || !shape[0].is_multiple_of(groups) {
        return Err(Error::shape(
            "dirac_",
            format!("expected (out, in, …) of 3 to 5 dimensions, out divisible by {groups}; found {shape:?}"),
        ));
    }
    let per_group = shape[0] / groups;
    let mut values = vec![0.0; p.numel()];
    let field: usize = shape[2..].iter().product();
    let middle = shape[2..].iter().fold(0, |at, &size| at * size + size / 2);
    for (group, i) in (0..groups).flat_map(|g| (0..per_group.min(shape[1])).map(move |i| (g, i))) {
        values[((group * per_group + i) * shape[1] + i) * field + middle] = 1.0;
    }
    p.set(&Tensor::from_vec::<f64>(values, &shape)?.to(p.dtype()))
}

/// Evenly distributed in ±gain·√(6/(fan_in + fan_out)). Source: X. Glorot and Y. Bengio, 2010.
///
/// # Errors
/// If the parameter has fewer than two dimensions.
#[doc(alias = "glorot_uniform")]
#[track_caller]
pub fn xavier_uniform_(p: &Parameter, gain: f64) -> Result<()> {
    let (fan_in, fan_out) = fans("xavier_uniform_", p)?;
    let bound = 3f64.sqrt() * (gain * (2.0 / (fan_in + fan_out)).sqrt());
    uniform_(p, -bound, bound)
}

/// Normally distributed with the standard deviation gain·√(2/(fan_in + fan_out)).
///
/// # Errors
/// If the parameter has fewer than two dimensions.
#[doc(alias = "glorot_normal")]
#[track_caller]
pub fn xavier_normal_(p: &Parameter, gain: f64) -> Result<()> {
    let (fan_in, fan_out) = fans("xavier_normal_", p)?;
    normal_(p, 0.0, gain * (2.0 / (fan_in + fan_out)).sqrt())
}

/// Evenly distributed in ±gain·√(3/fan). Source: K. He et al., 2015.
///
/// # Errors
/// If the parameter has fewer than two dimensions.
#[doc(alias = "he_uniform")]
#[track_caller]
pub fn kaiming_uniform_(p: &Parameter, fan: Fan, nonlinearity: Nonlinearity) -> Result<()> {
    let (fan_in, fan_out) = fans("kaiming_uniform_", p)?;
    let count = if fan == Fan::In { fan_in } else { fan_out };
    let bound = 3f64.sqrt() * (nonlinearity.gain() / count.sqrt());
    uniform_(p, -bound, bound)
}

/// Normally distributed with the standard deviation gain/√fan.
///
/// # Errors
/// If the parameter has fewer than two dimensions.
#[doc(alias = "he_normal")]
#[track_caller]
pub fn kaiming_normal_(p: &Parameter, fan: Fan, nonlinearity: Nonlinearity) -> Result<()> {
    let (fan_in, fan_out) = fans("kaiming_normal_", p)?;
    let count = if fan == Fan::In { fan_in } else { fan_out };
    normal_(p, 0.0, nonlinearity.gain() / count.sqrt())
}

/// Normally distributed, but only between `a` and `b`: what falls outside is drawn again.
///
/// # Errors
/// If `std` is not positive, or nothing of the distribution is between `a` and `b`.
#[track_caller]
pub fn trunc_normal_(p: &Parameter, mean: f64, std: f64, a: f64, b: f64) -> Result<()> {
    let below = |x: f64| Tensor::scalar((x - mean) / std, DType::F64).ndtr().item();
    if !(std > 0.0 && a < b && below(b)? - below(a)? > 1e-4) {
        return Err(Error::value(
            "trunc_normal_",
            format!(
                "a normal distribution of mean {mean} and std {std} hardly ever falls between {a} and {b}"
            ),
        ));
    }
    fill(p, |generator, shape, dtype| {
        let mut draw = || loop {
            let x = generator.normal_f64() * std + mean;
            if (a..=b).contains(&x) {
                return x;
            }
        };
        let values: Vec<f64> = (0..shape.iter().product()).map(|_| draw()).collect();
        Ok(Tensor::from_vec(values, shape)?.to(dtype))
    })
}

/// Rows, or columns if there are fewer of them, of length `gain` that stand at right angles to each other.
/// Source: A. Saxe et al., 2013.
///
/// # Errors
/// If the parameter has fewer than two dimensions.
#[track_caller]
pub fn orthogonal_(p: &Parameter, gain: f64) -> Result<()> {
    let shape = p.shape();
    let [rows, rest @ ..] = shape.as_slice() else {
        return Err(Error::shape("orthogonal_", "expected at least two dimensions, found a scalar"));
    };
    if rest.is_empty() {
        return Err(Error::shape(
            "orthogonal_",
            format!("expected at least two dimensions, found {shape:?}"),
        ));
    }
    let (rows, columns) = (*rows, rest.iter().product::<usize>());
    fill(p, |generator, _, dtype| {
        let flat = generator.normal([rows, columns], 0.0, 1.0, dtype)?.to(DType::F64);
        // As many vectors as the smaller side, along the larger one.
        let wide = rows < columns;
        let vectors = if wide { flat } else { flat.t()? };
        let length = rows.max(columns);
        let mut values = vectors.to_vec::<f64>()?;
        orthonormalize(&mut values, length);
        let vectors = Tensor::from_vec(values, [rows.min(columns), length])? * gain;
        let flat = if wide { vectors } else { vectors.t()? };
        Ok(flat.reshape(&shape)?.to(dtype))
    })
}

/// Gram-Schmidt, each vector twice, which is orthogonal to the last digits ("twice is enough", W. Kahan).
fn orthonormalize(vectors: &mut [f64], length: usize) {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    for i in 0..vectors.len() / length.max(1) {
        let (done, rest) = vectors.split_at_mut(i * length);
        let vector = &mut rest[..length];
        for _ in 0..2 {
            for other in done.chunks_exact(length) {
                let share = dot(other, vector);
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= share * o);
            }
        }
        let norm = dot(vector, vector).sqrt();
        vector.iter_mut().for_each(|v| *v /= norm);
    }
}

/// Normally distributed with standard deviation `std`, but in each column the share `sparsity` is zero.
/// Source: J. Martens, 2010.
///
/// # Errors
/// If the parameter is no matrix.
#[track_caller]
pub fn sparse_(p: &Parameter, sparsity: f64, std: f64) -> Result<()> {
    let [rows, columns] = *p.shape() else {
        return Err(Error::shape("sparse_", format!("expected a matrix, found {:?}", p.shape().as_slice())));
    };
    fill(p, |generator, shape, dtype| {
        let mut values = generator.normal(shape, 0.0, std, dtype)?.to(DType::F64).to_vec::<f64>()?;
        let zeros = (sparsity * rows as f64).ceil() as usize;
        for column in 0..columns {
            for row in generator.permutation(rows).into_iter().take(zeros) {
                values[row * columns + column] = 0.0;
            }
        }
        Ok(Tensor::from_vec(values, shape)?.to(dtype))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::zeros;

    #[test]
    fn orthogonal_rows_or_columns() {
        for shape in [vec![3, 5], vec![5, 3], vec![4, 4], vec![2, 3, 2]] {
            let p = Parameter::new(&zeros(&shape).unwrap());
            orthogonal_(&p, 2.0).unwrap();
            let flat = p.tensor().reshape([shape[0] as i64, -1]).unwrap();
            let wide = flat.shape()[0] < flat.shape()[1];
            let gram =
                if wide { flat.matmul(&flat.t().unwrap()) } else { flat.t().unwrap().matmul(&flat) }.unwrap();
            let n = gram.shape()[0];
            let expected = Tensor::eye(n, n, DType::F32).unwrap() * 4.0;
            assert!(gram.allclose(&expected, 1e-5, 1e-5).unwrap(), "{gram}");
        }
    }

    #[test]
    fn wrong_shapes_are_named() {
        let vector = Parameter::new(&zeros([3]).unwrap());
        for error in [
            xavier_uniform_(&vector, 1.0).unwrap_err(),
            eye_(&vector).unwrap_err(),
            dirac_(&vector, 1).unwrap_err(),
            orthogonal_(&vector, 1.0).unwrap_err(),
            sparse_(&vector, 0.5, 1.0).unwrap_err(),
            trunc_normal_(&vector, 0.0, 1.0, 50.0, 51.0).unwrap_err(),
        ] {
            assert!(error.to_string().contains(": "), "{error}");
        }
    }
}

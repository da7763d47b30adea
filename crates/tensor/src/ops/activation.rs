//! Activations: the functions between the layers of a network, as in `torch.nn.functional`.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([-2.0, 0.0, 1.0]);
//! assert_eq!(x.gelu().to_string(), "tensor([-0.0455,  0.0000,  0.8413])");
//! assert_eq!(x.leaky_relu(0.1).to_string(), "tensor([-0.2000,  0.0000,  1.0000])");
//! assert_eq!(x.hardtanh(-1.0, 1.0)?.to_string(), "tensor([-1.,  0.,  1.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, broadcast_cases};
use super::rounding::Clamp;
use super::unary::{Function, cases_at, functions};
use crate::autograd::Keep;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use kernel::formula;

functions! {
    /// `max(x, 0)`, NaN stays; slope 0 at 0.
    Relu relu "Relu" keeps Output: |x| x.max_scalar(0.0),
        |y| R::select(y.clone().eq_scalar(0.0), y.constant(0.0), y.constant(1.0)), integers |x| x.max(0);
    /// `x·Φ(x)` with the cumulative normal distribution Φ, exact in the tail.
    #[doc(alias = "torch.nn.functional.gelu")]
    Gelu gelu "Gelu" keeps Inputs: |x| x.gelu(), |x| x.gelu_slope();
    /// `½x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`: `gelu(x, approximate="tanh")`.
    #[doc(alias = "torch.nn.functional.gelu")]
    GeluTanh gelu_tanh "Gelu" keeps Inputs: |x| x.gelu_tanh(), |x| formula::gelu_tanh_slope(x);
    /// `x/(1 + e⁻ˣ)`
    #[doc(alias = "swish")]
    Silu silu "Silu" keeps Inputs: |x| formula::silu(x), |x| formula::silu_slope(x);
    /// `x·tanh(ln(1 + eˣ))`
    Mish mish "Mish" keeps Inputs: |x| formula::mish(x), |x| formula::mish_slope(x);
    /// `ln(1/(1 + e⁻ˣ))`, exact for any x.
    #[doc(alias = "logsigmoid")]
    LogSigmoid log_sigmoid "LogSigmoid" keeps Inputs: |x| x.log_sigmoid(), |x| (-x).sigmoid();
    /// [`elu`](Tensor::elu) with the slopes by which activations keep mean 0 and variance 1 from layer to layer.
    Selu selu "Elu" keeps Inputs: |x| formula::elu(x, SELU[0], SELU[1], 1.0),
        |x| formula::elu_slope(x, SELU[0], SELU[1], 1.0);
    /// `x·min(max(x + 3, 0), 6)/6`
    Hardswish hardswish "Hardswish" keeps Inputs:
        |x| {
            let bounded = x.clone().max_scalar(-3.0);
            R::select(x.clone().lt_scalar(3.0), bounded.clone() * (bounded + 3.0) / 6.0, x)
        },
        |x| {
            let middle = R::select(x.clone().lt_scalar(3.0), x.clone() / 3.0 + 0.5, x.constant(1.0));
            R::select(x.clone().le(x.constant(-3.0)), x.constant(0.0), middle)
        };
    /// `min(max(x + 3, 0), 6)/6`
    Hardsigmoid hardsigmoid "Hardsigmoid" keeps Inputs: |x| (x + 3.0).max_scalar(0.0).min_scalar(6.0) / 6.0,
        |x| {
            let left = R::select(x.clone().gt_scalar(-3.0), x.constant(1.0 / 6.0), x.constant(0.0));
            R::select(x.clone().lt_scalar(3.0), left, x.constant(0.0))
        };
    /// `x/(1 + |x|)`; ±1 at ±∞.
    Softsign softsign "Div" keeps Inputs: |x| formula::softsign(x), |x| {
        let below = x.clone().abs() + 1.0;
        x.constant(1.0) / (below.clone() * below)
    };
    /// `x − tanh x`, exact near 0.
    Tanhshrink tanhshrink "Sub" keeps Inputs: |x| formula::tanhshrink(x), |x| {
        let tanh = x.tanh();
        tanh.clone() * tanh
    }, rare true;
}

/// α and λ of Klambauer et al., "Self-Normalizing Neural Networks" (2017).
const SELU: [f64; 2] = [1.673_263_242_354_377_2, 1.050_700_987_355_480_5];

/// One entry: type, parameters, PyTorch's name, value and slope.
macro_rules! with_parameters {
    ($($type:ident { $($field:ident),* } $name:literal: |$f:ident, $x:ident| $value:expr, |$g:ident, $y:ident| $slope:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $type {
            $($field: f64),*
        }

        impl Function for $type {
            const NAME: &'static str = $name;
            const KEEPS: Keep = Keep::Inputs;
            #[inline(always)]
            fn value<R: kernel::Real>(self, $x: R) -> R {
                let $f = self;
                $value
            }
            #[inline(always)]
            fn slope<R: kernel::Real>(self, $y: R) -> R {
                let $g = self;
                $slope
            }
        }
    )*};
}

with_parameters! {
    LeakyRelu { slope } "LeakyRelu": |f, x| R::select(x.clone().gt_scalar(0.0), x.clone(), x * f.slope),
        |f, x| R::select(x.clone().gt_scalar(0.0), x.constant(1.0), x.constant(f.slope));
    Rrelu { slope } "RreluWithNoise": |f, x| R::select(x.clone().gt_scalar(0.0), x.clone(), x * f.slope),
        |f, x| R::select(x.clone().gt_scalar(0.0), x.constant(1.0), x.constant(f.slope));
    Elu { alpha } "Elu": |f, x| formula::elu(x, f.alpha, 1.0, 1.0), |f, x| formula::elu_slope(x, f.alpha, 1.0, 1.0);
    Celu { alpha } "Celu": |f, x| formula::elu(x, f.alpha, 1.0, 1.0 / f.alpha),
        |f, x| formula::elu_slope(x, f.alpha, 1.0, 1.0 / f.alpha);
    Softplus { beta, threshold } "Softplus":
        |f, x| {
            let z = x.clone() * f.beta;
            R::select(z.clone().gt_scalar(f.threshold), x, formula::softplus(z) / f.beta)
        },
        |f, x| {
            let z = x * f.beta;
            R::select(z.clone().gt_scalar(f.threshold), z.constant(1.0), z.sigmoid())
        };
    Threshold { threshold, value } "Threshold":
        |f, x| R::select(x.clone().le(x.constant(f.threshold)), x.constant(f.value), x),
        |f, x| R::select(x.clone().le(x.constant(f.threshold)), x.constant(0.0), x.constant(1.0));
    Softshrink { lambda } "Softshrink":
        |f, x| x.clone() - x.max_scalar(-f.lambda).min_scalar(f.lambda), |f, x| shrink_slope(x, f.lambda);
    Hardshrink { lambda } "Hardshrink":
        |f, x| {
            let inner = R::select(x.clone().lt_scalar(-f.lambda), x.clone(), x.constant(0.0));
            R::select(x.clone().le(x.constant(f.lambda)), inner, x)
        },
        |f, x| shrink_slope(x, f.lambda);
}

/// 0 from −λ to λ, else 1.
#[inline(always)]
fn shrink_slope<R: kernel::Real>(x: R, lambda: f64) -> R {
    let right = R::select(x.clone().le(x.constant(lambda)), x.constant(0.0), x.constant(1.0));
    R::select(x.clone().lt_scalar(-lambda), x.constant(1.0), right)
}

/// `x` above 0, `weight·x` from 0 down.
#[derive(Clone, Copy)]
struct Prelu;

impl Function2 for Prelu {
    const NAME: &'static str = "PreluKernel";
    const METHOD: &'static str = "prelu";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, weight: R) -> R {
        R::select(x.clone().gt_scalar(0.0), x.clone(), weight * x)
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, x: R, weight: R, grad: R) -> R {
        // PyTorch's second order counts 0 to the right, though its first order counts it to the left.
        let weight = R::select(x.clone().eq_scalar(0.0), weight.clone().detached(), weight);
        R::select(x.gt_scalar(0.0), grad.clone(), weight * grad)
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, _: R, grad: R) -> R {
        grad * x.min_scalar(0.0)
    }
}

/// `x·σ(y)`
#[derive(Clone, Copy)]
struct Glu;

impl Function2 for Glu {
    const NAME: &'static str = "Glu";
    const METHOD: &'static str = "glu";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x * y.sigmoid()
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, y: R, grad: R) -> R {
        grad * y.sigmoid()
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        grad * x * y.clone().sigmoid() * (-y).sigmoid()
    }
}

impl Tensor {
    /// `min(max(x, min), max)`, NaN stays; slope 0 at and beyond the bounds.
    ///
    /// # Errors
    /// If `min` is above `max`.
    #[doc(alias = "torch.nn.functional.hardtanh")]
    #[track_caller]
    pub fn hardtanh(&self, min: f64, max: f64) -> Result<Tensor> {
        if min > max {
            return Err(Error::value("hardtanh", format!("min {min} should not be above max {max}")));
        }
        Ok(self.within(min, max))
    }

    #[track_caller]
    fn within(&self, min: f64, max: f64) -> Tensor {
        if self.dtype() == DType::I64 {
            let (low, high) = (min as i64, max as i64);
            return self.map_elements(|x: i64| x.max(low).min(high));
        }
        self.apply(Clamp::<true> { low: Some(min), high: Some(max) })
    }

    /// `min(max(x, 0), 6)`
    #[track_caller]
    #[must_use]
    pub fn relu6(&self) -> Tensor {
        self.within(0.0, 6.0)
    }

    /// `x` above 0, `negative_slope·x` from 0 down. PyTorch's default slope is 0.01.
    #[track_caller]
    #[must_use]
    pub fn leaky_relu(&self, negative_slope: f64) -> Tensor {
        self.apply(LeakyRelu { slope: negative_slope })
    }

    /// [`leaky_relu`](Tensor::leaky_relu) with the middle of `lower` and `upper`: the random slopes of training, in
    /// evaluation. PyTorch's defaults are 1/8 and 1/3.
    ///
    /// # Errors
    /// If `lower` is above `upper`.
    #[track_caller]
    pub fn rrelu(&self, lower: f64, upper: f64) -> Result<Tensor> {
        if lower > upper {
            return Err(Error::value("rrelu", format!("lower {lower} should not be above upper {upper}")));
        }
        Ok(self.apply(Rrelu { slope: (lower + upper) / 2.0 }))
    }

    /// `x` above 0, `alpha·(eˣ − 1)` from 0 down. PyTorch's default is 1.
    #[track_caller]
    #[must_use]
    pub fn elu(&self, alpha: f64) -> Tensor {
        self.apply(Elu { alpha })
    }

    /// `x` above 0, `alpha·(e^(x/alpha) − 1)` from 0 down. PyTorch's default is 1.
    ///
    /// # Errors
    /// If alpha is 0.
    #[track_caller]
    pub fn celu(&self, alpha: f64) -> Result<Tensor> {
        if alpha == 0.0 {
            return Err(Error::value("celu", "alpha must not be 0"));
        }
        Ok(self.apply(Celu { alpha }))
    }

    /// `ln(1 + e^(beta·x))/beta`, and `x` where `beta·x` is above the threshold. PyTorch's defaults are 1 and 20.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([-1.0, 0.0, 30.0]).softplus(1.0, 20.0).to_string(), "tensor([ 0.3133,  0.6931, 30.0000])");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn softplus(&self, beta: f64, threshold: f64) -> Tensor {
        self.apply(Softplus { beta, threshold })
    }

    /// `x` above the threshold, else `value`.
    #[track_caller]
    #[must_use]
    pub fn threshold(&self, threshold: f64, value: f64) -> Tensor {
        if self.dtype() == DType::I64 {
            return self.map_elements(|x: i64| if x <= threshold as i64 { value as i64 } else { x });
        }
        self.apply(Threshold { threshold, value })
    }

    /// `x` moved by `lambda` towards 0, and 0 from −lambda to lambda. PyTorch's default is ½.
    ///
    /// # Errors
    /// If lambda is negative.
    #[track_caller]
    pub fn softshrink(&self, lambda: f64) -> Result<Tensor> {
        if lambda < 0.0 {
            return Err(Error::value("softshrink", format!("lambda must not be negative, found {lambda}")));
        }
        Ok(self.apply(Softshrink { lambda }))
    }

    /// `x`, and 0 from −lambda to lambda. PyTorch's default is ½.
    #[track_caller]
    #[must_use]
    pub fn hardshrink(&self, lambda: f64) -> Tensor {
        self.apply(Hardshrink { lambda })
    }

    /// `x` above 0, `weight·x` from 0 down. The weight is one number, or one per channel of `(N, C, …)`.
    ///
    /// # Errors
    /// If the weight is of another type, of more than one dimension, or does not have one number per channel.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([[-1.0, -1.0], [2.0, -3.0]]);
    /// assert_eq!(x.prelu(&tensor([0.5, 0.1]))?.to_string(), "tensor([[-0.5000, -0.1000],\n        [ 2.0000, -0.3000]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn prelu(&self, weight: &Tensor) -> Result<Tensor> {
        if weight.dtype() != self.dtype() {
            return Err(Error::dtype(
                "prelu",
                format!("the weight must be {} as the input, found {}", self.dtype(), weight.dtype()),
            ));
        }
        let channels = self.shape().get(1).copied().unwrap_or(1);
        if weight.dim() > 1 || (weight.numel() != 1 && weight.numel() != channels) {
            return Err(Error::shape(
                "prelu",
                format!("the weight must be one number, or one for each of {channels} channels, found shape {:?}", weight.shape()),
            ));
        }
        let mut shape = vec![1i64; self.dim()];
        if let Some(channel) = shape.get_mut(1) {
            *channel = weight.numel() as i64;
        }
        self.apply2(Prelu, &weight.reshape(shape)?)
    }

    /// `a·σ(b)`, where a and b are the halves along `dim`. PyTorch's default is the last dimension.
    ///
    /// # Errors
    /// If there is no such dimension, or its size is odd.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1.0, 2.0, 0.0, 100.0]).glu(-1)?.to_string(), "tensor([0.5000, 2.0000])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn glu(&self, dim: isize) -> Result<Tensor> {
        let d = self.layout().dim("glu", dim)?;
        let size = self.shape().get(d).copied().unwrap_or(1);
        if size % 2 != 0 {
            return Err(Error::shape("glu", format!("the halved dimension must be even, dimension {d} has size {size}")));
        }
        let half = size / 2;
        self.narrow(dim, 0, half)?.apply2(Glu, &self.narrow(dim, half, half)?)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = cases_at([-3.7, -2.1, -0.7, -0.1, 0.2, 0.9, 3.2], &[
        ("relu", Tensor::relu),
        ("relu6", Tensor::relu6),
        ("gelu", Tensor::gelu),
        ("gelu_tanh", Tensor::gelu_tanh),
        ("silu", Tensor::silu),
        ("mish", Tensor::mish),
        ("log_sigmoid", Tensor::log_sigmoid),
        ("selu", Tensor::selu),
        ("hardswish", Tensor::hardswish),
        ("hardsigmoid", Tensor::hardsigmoid),
        ("softsign", Tensor::softsign),
        ("tanhshrink", Tensor::tanhshrink),
        ("leaky_relu", |x| x.leaky_relu(0.1)),
        ("elu", |x| x.elu(0.7)),
        ("softplus", |x| x.softplus(2.0, 3.0)),
        ("threshold", |x| x.threshold(0.1, 7.0)),
        ("hardshrink", |x| x.hardshrink(0.5)),
    ]);
    let x = || vec![float64([-2.1, -0.7, 0.2, 0.9])];
    cases.extend(cases_at([-700.0, -40.0, 40.0, 700.0], &[
        ("log_sigmoid of large numbers", Tensor::log_sigmoid),
        ("gelu of large numbers", Tensor::gelu),
        ("mish of large numbers", Tensor::mish),
        ("silu of large numbers", Tensor::silu),
    ]));
    cases.extend(broadcast_cases(&[("prelu of one weight", |x| x[0].prelu(&x[1].sum()))]));
    cases.extend([
        case("celu", |x| x[0].celu(0.7), x()),
        case("hardtanh", |x| x[0].hardtanh(-0.5, 0.5), x()),
        case("rrelu", |x| x[0].rrelu(0.1, 0.3), x()),
        case("softshrink", |x| x[0].softshrink(0.5), x()),
        case(
            "prelu",
            |x| x[0].prelu(&x[1]),
            vec![float64([[[-2.1, 0.3], [-0.7, 0.2]], [[0.9, -0.6], [-1.0, 0.4]]]), float64([0.2, -0.3])],
        ),
        case("glu", |x| x[0].glu(0), x()),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, tensor};

    #[test]
    fn nan_and_kinks() {
        let nan: [fn(&Tensor) -> Tensor; 6] = [
            Tensor::relu,
            Tensor::hardswish,
            |x| x.hardshrink(0.5),
            |x| x.softshrink(0.5).unwrap(),
            |x| x.threshold(0.0, 1.0),
            |x| x.elu(1.0),
        ];
        for f in nan {
            assert!(f(&tensor(f64::NAN)).item().unwrap().is_nan());
        }
        let x = tensor([-1.0, 0.0, 2.0]).requires_grad();
        x.relu().sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_limits_at_infinity_are_numbers() {
        let x = tensor([f64::NEG_INFINITY, f64::INFINITY]).requires_grad();
        for f in [Tensor::silu, Tensor::mish, Tensor::gelu, Tensor::gelu_tanh] {
            let y = f(&x);
            assert_eq!(y.to_vec::<f32>().unwrap(), [0.0, f32::INFINITY]);
            x.zero_grad();
            y.sum().backward().unwrap();
            assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 1.0]);
        }
        assert_eq!(x.softsign().to_vec::<f32>().unwrap(), [-1.0, 1.0]);
    }
}

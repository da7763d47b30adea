//! Functions of one number: *a name, a value and a slope*, each written once over [`Real`].
//!
//! The table below is the whole definition of `exp`, `sigmoid`, … From one entry come the vectorised forward loop, the
//! fused backward loop, and the graph of the gradient, when somebody differentiates it. A function of your own is the
//! same three things:
//!
//! ```
//! use tensor::{Function, Keep, Real, tensor};
//!
//! #[derive(Clone, Copy)]
//! struct Gaussian;
//! impl Function for Gaussian {
//!     const NAME: &'static str = "Gaussian";
//!     const KEEPS: Keep = Keep::Inputs;
//!     fn value<R: kernel::Real>(self, x: R) -> R {
//!         (-(x.clone() * x)).exp()
//!     }
//!     fn slope<R: kernel::Real>(self, x: R) -> R {
//!         x.clone() * -2.0 * self.value(x)
//!     }
//! }
//! let x = tensor([0.5]).requires_grad();
//! x.apply(Gaussian).sum().backward()?;
//! assert_eq!(x.grad().unwrap().to_string(), "tensor([-0.7788])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::DType;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::error::{Error, Result};
use crate::literal::Scalar;
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::map::{Arg, map, zip};
use kernel::{Map1, Map2};
use kernel::polygamma::tetragamma;
use std::f64::consts::FRAC_2_SQRT_PI;

/// A function of one number. `#[inline(always)]` on both formulas lets the loops around them vectorise.
pub trait Function: Copy + Send + Sync + 'static {
    /// As in `grad_fn=<NameBackward0>`.
    const NAME: &'static str;
    /// What the slope is computed from: [`Keep::Inputs`], [`Keep::Output`], or [`Keep::Nothing`] where it is zero.
    const KEEPS: Keep;
    /// The value on whole numbers, where it is a whole number too. Else they are converted to float32.
    const INTEGERS: Option<fn(i64) -> i64> = None;

    /// The value at `x`.
    fn value<R: kernel::Real>(self, x: R) -> R;

    /// The derivative, from the value that is kept.
    fn slope<R: kernel::Real>(self, kept: R) -> R;
}

/// The function as the graph remembers it.
pub(crate) struct Unary<F>(pub(crate) F);

#[derive(Clone, Copy)]
struct Value<F>(F);
impl<F: Function> Map1 for Value<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R) -> R {
        self.0.value(x)
    }
}

#[derive(Clone, Copy)]
struct Pull<F>(F);
impl<F: Function> Map2 for Pull<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, kept: R, grad: R) -> R {
        grad * self.0.slope(kept)
    }
}

impl Tensor {
    /// Applies a [`Function`] to every element. Integers and bools are converted to float32 first, unless the function
    /// says how to treat integers.
    #[track_caller]
    #[must_use]
    pub fn apply<F: Function>(&self, f: F) -> Tensor {
        match (self.dtype(), F::INTEGERS) {
            (DType::I64, Some(f)) => {
                let out = self.values::<i64>().iter().map(|&x| f(x)).collect();
                return Tensor::new(out, self.dense_layout());
            }
            (DType::I64 | DType::Bool, _) => return self.to(DType::F32).apply(f),
            _ => {}
        }
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(self.numel());
            map(Value(f), &self.values::<T>(), &mut out);
            Tensor::new(out, self.dense_layout())
        });
        out.record(Unary(f), &[self])
    }
}

impl<F: Function> Op for Unary<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn keep(&self) -> Keep {
        F::KEEPS
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let kept = match F::KEEPS {
                Keep::Nothing => return Ok(grad.zeros_like()),
                Keep::Output => ctx.output()?,
                Keep::Inputs | Keep::All => ctx.input(0)?,
            };
            if is_grad_enabled() {
                return grad.mul(&self.0.slope(kept));
            }
            Ok(with_float!(grad.dtype(), T => {
                let mut out = Buffer::<T>::zeros(grad.numel());
                zip(Pull(self.0), Arg::Slice(&kept.values()), Arg::Slice(&grad.values()), &mut out);
                Tensor::new(out, grad.dense_layout())
            }))
        })
    }
}

/// One entry: documentation, type and method, the name that PyTorch prints, what the slope needs, value and slope.
macro_rules! functions {
    ($($(#[$doc:meta])* $type:ident $method:ident $name:literal keeps $keep:ident:
        |$x:ident| $value:expr, |$kept:ident| $slope:expr $(, integers |$int:ident| $integer:expr)?;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $type;

        impl Function for $type {
            const NAME: &'static str = $name;
            const KEEPS: Keep = Keep::$keep;
            $(const INTEGERS: Option<fn(i64) -> i64> = Some(|$int| $integer);)?
            #[inline(always)]
            fn value<R: kernel::Real>(self, $x: R) -> R {
                $value
            }
            #[inline(always)]
            fn slope<R: kernel::Real>(self, $kept: R) -> R {
                $slope
            }
        }

        impl Tensor {
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $method(&self) -> Tensor {
                self.apply($type)
            }
        }
    )*};
}

functions! {
    /// `eˣ`
    Exp exp "Exp" keeps Output: |x| x.exp(), |y| y;
    /// `eˣ − 1`, exact near 0.
    #[doc(alias = "torch.expm1")]
    ExpM1 expm1 "Expm1" keeps Output: |x| x.exp_m1(), |y| y + 1.0;
    /// Natural logarithm.
    #[doc(alias = "ln")]
    Log log "Log" keeps Inputs: |x| x.ln(), |x| x.constant(1.0) / x;
    /// `ln(1 + x)`, exact near 0.
    #[doc(alias = "ln_1p")]
    Log1p log1p "Log1P" keeps Inputs: |x| x.ln_1p(), |x| x.constant(1.0) / (x + 1.0);
    /// `√x`; its slope at 0 is infinite.
    Sqrt sqrt "Sqrt" keeps Output: |x| x.sqrt(), |y| y.constant(0.5) / y;
    /// `1/√x`
    Rsqrt rsqrt "Rsqrt" keeps Output: |x| x.constant(1.0) / x.sqrt(), |y| y.clone() * y.clone() * y * -0.5;
    /// `1/x`
    Reciprocal reciprocal "Reciprocal" keeps Output: |x| x.constant(1.0) / x, |y| -(y.clone() * y);
    /// `1/(1 + e⁻ˣ)`
    Sigmoid sigmoid "Sigmoid" keeps Output: |x| x.sigmoid(), |y| y.clone() * (-y + 1.0);
    /// Hyperbolic tangent.
    Tanh tanh "Tanh" keeps Output: |x| x.tanh(), |y| -(y.clone() * y) + 1.0;
    /// Sine.
    Sin sin "Sin" keeps Inputs: |x| x.sin(), |x| x.cos();
    /// Cosine.
    Cos cos "Cos" keeps Inputs: |x| x.cos(), |x| -x.sin();
    /// Tangent.
    Tan tan "Tan" keeps Output: |x| x.tan(), |y| y.clone() * y + 1.0;
    /// Inverse sine.
    #[doc(alias = "arcsin")]
    Asin asin "Asin" keeps Inputs: |x| x.asin(), |x| x.constant(1.0) / (-(x.clone() * x) + 1.0).sqrt();
    /// Inverse cosine.
    #[doc(alias = "arccos")]
    Acos acos "Acos" keeps Inputs: |x| x.acos(), |x| x.constant(-1.0) / (-(x.clone() * x) + 1.0).sqrt();
    /// Inverse tangent.
    #[doc(alias = "arctan")]
    Atan atan "Atan" keeps Inputs: |x| x.atan(), |x| x.constant(1.0) / (x.clone() * x + 1.0);
    /// Hyperbolic sine.
    Sinh sinh "Sinh" keeps Inputs: |x| x.sinh(), |x| x.cosh();
    /// Hyperbolic cosine.
    Cosh cosh "Cosh" keeps Inputs: |x| x.cosh(), |x| x.sinh();
    /// Inverse hyperbolic sine.
    #[doc(alias = "arcsinh")]
    Asinh asinh "Asinh" keeps Inputs: |x| x.asinh(), |x| x.constant(1.0) / (x.clone() * x + 1.0).sqrt();
    /// Inverse hyperbolic cosine.
    #[doc(alias = "arccosh")]
    Acosh acosh "Acosh" keeps Inputs: |x| x.acosh(),
        |x| x.constant(1.0) / (x.clone() * x - 1.0).sqrt();
    /// Inverse hyperbolic tangent.
    #[doc(alias = "arctanh")]
    Atanh atanh "Atanh" keeps Inputs: |x| x.atanh(), |x| x.constant(1.0) / (-(x.clone() * x) + 1.0);
    /// Error function `2/√π ∫₀ˣ e^(−t²) dt`.
    Erf erf "Erf" keeps Inputs: |x| x.erf(), |x| (-(x.clone() * x)).exp() * FRAC_2_SQRT_PI;
    /// `1 − erf(x)`, exact in the tail.
    Erfc erfc "Erfc" keeps Inputs: |x| x.erfc(), |x| (-(x.clone() * x)).exp() * -FRAC_2_SQRT_PI;
    /// `ln |Γ(x)|`
    Lgamma lgamma "Lgamma" keeps Inputs: |x| x.lgamma(), |x| x.digamma();
    /// `d/dx ln Γ(x)`
    Digamma digamma "Digamma" keeps Inputs: |x| x.digamma(), |x| x.trigamma();
    /// `d²/dx² ln Γ(x)`
    #[doc(alias = "polygamma")]
    Trigamma trigamma "Polygamma" keeps Inputs: |x| x.trigamma(), |x| tetragamma(x);
    /// `ln(1/(1 + e⁻ˣ))`, exact for any x: `min(x, 0) − ln(1 + e^−|x|)`.
    #[doc(alias = "logsigmoid")]
    LogSigmoid log_sigmoid "LogSigmoid" keeps Inputs:
        |x| x.log_sigmoid(), |x| (-x).sigmoid();
    /// `max(x, 0)`, NaN stays; slope 0 at 0.
    Relu relu "Relu" keeps Output: |x| x.max_scalar(0.0),
        |y| R::select(y.clone().eq_scalar(0.0), y.constant(0.0), y.constant(1.0)), integers |x| x.max(0);
    /// `|x|`; slope 0 at 0.
    Abs abs "Abs" keeps Inputs: |x| x.abs(), |x| x.sign(), integers |x| x.wrapping_abs();
    /// −1, 0 or 1.
    Sign sign "Sign" keeps Nothing: |x| x.sign(), |x| x.constant(0.0), integers |x| x.signum();
    /// `x²`
    Square square "Pow" keeps Inputs: |x| x.clone() * x, |x| x * 2.0, integers |x| x.wrapping_mul(x);
    /// The largest integer not above; slope 0.
    Floor floor "Floor" keeps Nothing: |x| x.floor(), |x| x.constant(0.0), integers |x| x;
    /// The smallest integer not below; slope 0.
    Ceil ceil "Ceil" keeps Nothing: |x| x.ceil(), |x| x.constant(0.0), integers |x| x;
    /// The nearest integer, ties to even; slope 0.
    Round round "Round" keeps Nothing: |x| x.round(), |x| x.constant(0.0), integers |x| x;
    /// The integer part; slope 0.
    Trunc trunc "Trunc" keeps Nothing: |x| x.trunc(), |x| x.constant(0.0), integers |x| x;
}

/// `min(max(x, low), high)`; slope 0 at and beyond the bounds.
#[derive(Clone, Copy)]
pub(crate) struct Clamp {
    low: Option<f64>,
    high: Option<f64>,
}

impl Function for Clamp {
    const NAME: &'static str = "Clamp";
    const KEEPS: Keep = Keep::Inputs;
    #[inline(always)]
    fn value<R: kernel::Real>(self, mut x: R) -> R {
        if let Some(low) = self.low {
            x = x.max_scalar(low);
        }
        if let Some(high) = self.high {
            x = x.min_scalar(high);
        }
        x
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        let mut slope = x.constant(1.0);
        if let Some(low) = self.low {
            slope = R::select(x.clone().gt_scalar(low), slope, x.constant(0.0));
        }
        if let Some(high) = self.high {
            slope = R::select(x.clone().lt_scalar(high), slope, x.constant(0.0));
        }
        slope
    }
}

impl Tensor {
    /// `min(max(x, low), high)`, NaN stays; slope 0 at and beyond the bounds. `None` is no bound:
    /// `x.clamp(0.0, None)`. Integers stay integers between whole bounds.
    ///
    /// # Errors
    /// If there is no bound at all.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([-2.0, 0.5, 3.0]).clamp(0.0, 1.0)?.to_string(), "tensor([0.0000, 0.5000, 1.0000])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.clamp")]
    #[doc(alias = "clip")]
    #[track_caller]
    pub fn clamp(&self, low: impl Into<Bound>, high: impl Into<Bound>) -> Result<Tensor> {
        let (low, high) = (low.into().0, high.into().0);
        if low.is_none() && high.is_none() {
            return Err(Error::value("clamp", "neither a lower nor an upper bound was given"));
        }
        match (self.dtype(), low, high) {
            (DType::I64 | DType::Bool, None | Some(Scalar::Int(_)), None | Some(Scalar::Int(_))) => {
                let low = low.map_or(i64::MIN, Scalar::to);
                let high = high.map_or(i64::MAX, Scalar::to);
                let x = self.to(DType::I64);
                Ok(Tensor::new(x.values::<i64>().iter().map(|&x| x.max(low).min(high)).collect(), x.dense_layout()))
            }
            _ => Ok(self.apply(Clamp {
                low: low.map(Scalar::to_f64),
                high: high.map(Scalar::to_f64),
            })),
        }
    }
}

/// A bound of [`Tensor::clamp`]: a number, or `None`.
#[derive(Clone, Copy, Debug)]
pub struct Bound(Option<Scalar>);

impl<T: Into<Scalar>> From<T> for Bound {
    fn from(number: T) -> Self {
        Bound(Some(number.into()))
    }
}

impl From<Option<f64>> for Bound {
    fn from(number: Option<f64>) -> Self {
        Bound(number.map(Scalar::Float))
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let anywhere = || vec![float64([-2.1, -0.7, -0.1, 0.2, 0.9, 3.2])];
    let positive = || vec![float64([0.05, 0.3, 1.0, 2.5, 40.0])];
    vec![
        case("exp", |x| Ok(x[0].exp()), anywhere()),
        case("expm1", |x| Ok(x[0].expm1()), anywhere()),
        case("log", |x| Ok(x[0].log()), positive()),
        case("log1p", |x| Ok(x[0].log1p()), positive()),
        case("sqrt", |x| Ok(x[0].sqrt()), positive()),
        case("rsqrt", |x| Ok(x[0].rsqrt()), positive()),
        case("reciprocal", |x| Ok(x[0].reciprocal()), anywhere()),
        case("sigmoid", |x| Ok(x[0].sigmoid()), anywhere()),
        case("sigmoid of large numbers", |x| Ok(x[0].sigmoid()), vec![float64([-700.0, -40.0, 36.0, 700.0])]),
        case("tanh", |x| Ok(x[0].tanh()), anywhere()),
        case("sin", |x| Ok(x[0].sin()), anywhere()),
        case("cos", |x| Ok(x[0].cos()), anywhere()),
        case("tan", |x| Ok(x[0].tan()), anywhere()),
        case("asin", |x| Ok(x[0].asin()), vec![float64([-0.8, -0.1, 0.0, 0.6])]),
        case("acos", |x| Ok(x[0].acos()), vec![float64([-0.8, -0.1, 0.0, 0.6])]),
        case("atan", |x| Ok(x[0].atan()), anywhere()),
        case("sinh", |x| Ok(x[0].sinh()), anywhere()),
        case("cosh", |x| Ok(x[0].cosh()), anywhere()),
        case("asinh", |x| Ok(x[0].asinh()), anywhere()),
        case("acosh", |x| Ok(x[0].acosh()), vec![float64([1.2, 2.0, 7.0])]),
        case("atanh", |x| Ok(x[0].atanh()), vec![float64([-0.8, -0.1, 0.0, 0.6])]),
        case("erf", |x| Ok(x[0].erf()), anywhere()),
        case("erfc", |x| Ok(x[0].erfc()), anywhere()),
        case("lgamma", |x| Ok(x[0].lgamma()), vec![float64([-1.3, -0.4, 0.3, 1.7, 9.0])]),
        case("digamma", |x| Ok(x[0].digamma()), vec![float64([-1.3, -0.4, 0.3, 1.7, 9.0])]),
        case("trigamma", |x| Ok(x[0].trigamma()), vec![float64([-1.3, -0.4, 0.3, 1.7, 9.0])]),
        case("log_sigmoid", |x| Ok(x[0].log_sigmoid()), anywhere()),
        case("log_sigmoid of large numbers", |x| Ok(x[0].log_sigmoid()), vec![float64([-700.0, 700.0])]),
        case("relu", |x| Ok(x[0].relu()), anywhere()),
        case("abs", |x| Ok(x[0].abs()), anywhere()),
        case("sign", |x| Ok(x[0].sign()), anywhere()),
        case("square", |x| Ok(x[0].square()), anywhere()),
        case("floor", |x| Ok(x[0].floor()), anywhere()),
        case("ceil", |x| Ok(x[0].ceil()), anywhere()),
        case("round", |x| Ok(x[0].round()), anywhere()),
        case("trunc", |x| Ok(x[0].trunc()), anywhere()),
        case("clamp", |x| x[0].clamp(-0.5, 0.5), anywhere()),
        case("of a transposed matrix", |x| Ok(x[0].t()?.tanh()), vec![float64([[0.1, -0.4, 2.0], [1.0, 0.3, 0.7]])]),
        case("of one number, twice", |x| Ok(x[0].sigmoid().exp()), vec![float64(0.3)]),
        case("of nothing", |x| Ok(x[0].exp()), vec![float64([0.0; 0])]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn nan_and_kinks() {
        assert!(tensor(f64::NAN).relu().item().unwrap().is_nan());
        let x = tensor([-1.0, 0.0, 2.0]).requires_grad();
        (x.relu() + x.abs()).sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [-1.0, 0.0, 2.0]);
    }

    #[test]
    fn whole_numbers_stay_whole_where_that_makes_sense() {
        assert_eq!(tensor([-2, 3]).abs().to_vec::<i64>().unwrap(), [2, 3]);
        assert_eq!(tensor([-2, 3]).relu().to_vec::<i64>().unwrap(), [0, 3]);
        assert_eq!(tensor([0]).exp().to_vec::<f32>().unwrap(), [1.0]);
    }
}

//! The numbers that a formula is written over.
//!
//! A function such as `sigmoid(x)·(1 − sigmoid(x))` is written once, generic over [`Real`]. The compiler reads
//! it as a vector loop over [`Lane`]s, and the tensor crate, which implements [`Real`] for its tensors, reads
//! the same text as a piece of a graph. So the fused kernel and the differentiable gradient cannot disagree.
//!
//! ```
//! use kernel::{Lane, Real};
//!
//! fn softplus<R: Real>(x: R) -> R {
//!     -(-x).log_sigmoid()
//! }
//! let y = softplus(Lane::<f32, false>(2.0)).0;
//! assert!((y - 2.126928).abs() < 1e-6);
//! ```

use crate::lanes::Element;
use crate::map::{Map1, Map2};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A real number, or a whole tensor of them.
///
/// The right-hand side of an operator may be a plain `f64`: a constant of the formula, rounded to the type of
/// the number that it meets.
pub trait Real:
    Clone
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// The result of a comparison: `bool` for a lane, a tensor of bools for a tensor.
    type Mask: Clone;

    /// The constant `value`, of the same type as `self`.
    fn constant(&self, value: f64) -> Self;

    /// 0, of the same type and shape as `self`.
    fn zero(&self) -> Self {
        self.constant(0.0)
    }

    /// The same value, with slope 0.
    fn detached(self) -> Self {
        self
    }

    /// `self < other`
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other`
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other`
    fn equal(self, other: Self) -> Self::Mask;
    /// `self < bound`
    fn lt_scalar(self, bound: f64) -> Self::Mask;
    /// `self > bound`
    fn gt_scalar(self, bound: f64) -> Self::Mask;
    /// `self == value`
    fn eq_scalar(self, value: f64) -> Self::Mask;
    /// `self` is not a number.
    #[expect(clippy::wrong_self_convention, reason = "a formula consumes its numbers")]
    fn is_nan(self) -> Self::Mask;
    /// This value, with the derivatives of another: where a convention cuts the value, but not the gradient.
    #[inline(always)]
    fn with_slope_of(self, _other: impl FnOnce() -> Self) -> Self {
        self
    }
    /// `yes` where the mask holds, else `no`. Both are computed; only one of them gets a gradient.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// `self · factor + addend`, rounded once where the machine can.
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    /// `|x|`; its slope at 0 is 0.
    fn abs(self) -> Self;
    /// −1, 0 or 1; 0 for NaN, as PyTorch has it.
    fn sign(self) -> Self;
    /// The larger one; a NaN on either side stays. Ties share the slope.
    fn maximum(self, other: Self) -> Self;
    /// The smaller one; a NaN on either side stays. Ties share the slope.
    fn minimum(self, other: Self) -> Self;
    /// `max(x, bound)`, NaN stays; slope 0 at the bound.
    fn max_scalar(self, bound: f64) -> Self;
    /// `min(x, bound)`, NaN stays; slope 0 at the bound.
    fn min_scalar(self, bound: f64) -> Self;

    /// `|x|` with the sign bit of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// The remainder of the division, of the sign of `self`: `x − y·trunc(x/y)` without rounding.
    fn rem(self, other: Self) -> Self;

    /// `f` in double precision, rounded once: for a formula whose terms cancel. A tensor computes it as it is.
    fn wide<F: Map1>(self, f: F) -> Self {
        f.call(self)
    }
    /// [`wide`](Real::wide) for two variables.
    fn wide2<F: Map2>(self, other: Self, f: F) -> Self {
        f.call(self, other)
    }

    /// `√x`
    fn sqrt(self) -> Self;
    /// `√(x² + y²)`, where the squares may overflow.
    fn hypot(self, other: Self) -> Self;
    /// `eˣ`
    fn exp(self) -> Self;
    /// `eˣ` for x ≤ 0, where nothing can overflow.
    fn decay(self) -> Self {
        self.exp()
    }
    /// `factor·eˣ`, rounded once where `eˣ` alone would be subnormal; for `|x|` and `|factor|` up to 1000.
    fn exp_times(self, factor: Self) -> Self {
        self.exp() * factor
    }
    /// `2ˣ`, exact for whole numbers.
    fn exp2(self) -> Self;
    /// `eˣ − 1`, exact near 0.
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// `ln(1 + x)`, exact near 0.
    fn ln_1p(self) -> Self;
    /// `ln(1 + x)` for 0 ≤ x ≤ 1, such as `e^−|x|` is.
    fn ln_1p_unit(self) -> Self {
        self.ln_1p()
    }
    /// Logarithm to the base 2, exact for powers of two.
    fn log2(self) -> Self;
    /// Logarithm to the base 10.
    fn log10(self) -> Self;
    /// `1 / (1 + e⁻ˣ)`
    fn sigmoid(self) -> Self;
    /// `σ(x)` and `σ(−x) = 1 − σ(x)`, each with all its digits.
    #[inline(always)]
    fn sigmoids(self) -> [Self; 2] {
        [self.clone().sigmoid(), (-self).sigmoid()]
    }
    /// `ln(1 / (1 + e⁻ˣ))`, exact for any x: `min(x, 0) − ln(1 + e^−|x|)`.
    #[inline(always)]
    fn log_sigmoid(self) -> Self {
        self.clone().min_scalar(0.0) - (-self.abs()).exp().ln_1p()
    }
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Hyperbolic sine.
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    fn cosh(self) -> Self;
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Tangent.
    fn tan(self) -> Self;
    /// `sin πx`, exact at every multiple of ½.
    fn sin_pi(self) -> Self {
        half_turn(self).sin()
    }
    /// `cos πx`, exact at every multiple of ½.
    fn cos_pi(self) -> Self {
        half_turn(self).cos()
    }
    /// Inverse sine.
    fn asin(self) -> Self;
    /// Inverse cosine.
    fn acos(self) -> Self;
    /// Inverse tangent.
    fn atan(self) -> Self;
    /// Angle of the point `(other, self)`.
    fn atan2(self, other: Self) -> Self;
    /// Inverse hyperbolic sine.
    fn asinh(self) -> Self;
    /// Inverse hyperbolic cosine.
    fn acosh(self) -> Self;
    /// Inverse hyperbolic tangent.
    fn atanh(self) -> Self;
    /// Error function `2/√π ∫₀ˣ e^(−t²) dt`.
    fn erf(self) -> Self;
    /// `1 − erf(x)`, exact in the tail.
    fn erfc(self) -> Self;
    /// `e^(x²)·erfc(x)`
    fn erfcx(self) -> Self;
    /// The inverse of the error function.
    fn erfinv(self) -> Self;
    /// Φ, the cumulative normal distribution, exact in the tail.
    fn normal_cdf(self) -> Self;
    /// φ, the density of the normal distribution: `e^(−x²/2)/√2π`.
    fn normal_pdf(self) -> Self {
        (self.clone() * self * -0.5).exp() * 0.398_942_280_401_432_7
    }
    /// The inverse of Φ.
    fn ndtri(self) -> Self;
    /// `ln Φ(x)`, exact in the tail.
    fn log_ndtr(self) -> Self;
    /// `x·Φ(x)`; 0 at −∞.
    fn gelu(self) -> Self;
    /// The slope of [`gelu`](Real::gelu): `Φ(x) + x·φ(x)`.
    fn gelu_slope(self) -> Self {
        self.clone().normal_cdf() + self.clone() * self.normal_pdf()
    }
    /// `x·σ(√(8/π)·(x + 0.044715·x³))`, the approximation of [`gelu`](Real::gelu) by a hyperbolic tangent.
    fn gelu_tanh(self) -> Self;
    /// `ln |Γ(x)|`
    fn lgamma(self) -> Self;
    /// `d/dx ln Γ(x)`
    fn digamma(self) -> Self;
    /// The n-th derivative of [`digamma`](Real::digamma), n ≥ 0.
    fn polygamma(self, n: i64) -> Self;
    /// Hurwitz' `ζ(s, q) = Σ (q + k)⁻ˢ`, s being `self`.
    fn zeta(self, q: Self) -> Self;
    /// The modified Bessel function `I₀`.
    fn i0(self) -> Self;
    /// `e^−|x|·I₀(x)`
    fn i0e(self) -> Self;
    /// The modified Bessel function `I₁`.
    fn i1(self) -> Self;
    /// `e^−|x|·I₁(x)`
    fn i1e(self) -> Self;
    /// `x` to the power of `exponent`.
    fn pow(self, exponent: Self) -> Self;
    /// `x` to a constant power.
    fn pow_scalar(self, exponent: f64) -> Self;
    /// The largest integer not above; slope 0.
    fn floor(self) -> Self;
    /// The smallest integer not below; slope 0.
    fn ceil(self) -> Self;
    /// The nearest integer, ties to even; slope 0.
    fn round(self) -> Self;
    /// The integer part; slope 0.
    fn trunc(self) -> Self;
}

/// `π·(x − 2⌊x/2⌉)`: the same angle within one turn.
fn half_turn<R: Real>(x: R) -> R {
    (x.clone() - (x * 0.5).round() * 2.0) * std::f64::consts::PI
}

/// The element types that kernels compute with.
pub trait Float:
    Copy
    + Default
    + Send
    + Sync
    + PartialOrd
    + std::fmt::Debug
    + std::ops::AddAssign
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Element
{
    /// The lane of a loop on a machine with fused multiply-add.
    type Fused: AsLane<Self>;
    /// The lane of a loop on a machine without.
    type Plain: AsLane<Self>;

    /// From `f64`, rounded to nearest.
    fn from_f64(value: f64) -> Self;
    /// To `f64`, exactly.
    fn to_f64(self) -> f64;
}

/// A lane that carries a `T` and can be compared to plain bools.
pub trait AsLane<T>: Real<Mask = bool> + Copy {
    /// Puts the element into the loop.
    fn wrap(value: T) -> Self;
    /// Takes it out again.
    fn unwrap(self) -> T;
}

impl Float for f32 {
    type Fused = Lane<f32, true>;
    type Plain = Lane<f32, false>;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Float for f64 {
    type Fused = Lane<f64, true>;
    type Plain = Lane<f64, false>;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// One element in a vector loop. `FMA` says whether the machine that the loop is compiled for has a fused
/// multiply-add; without one, `f32::mul_add` would be a library call of 25 ns.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Lane<T, const FMA: bool>(pub T);

//! Formulas over [`Real`] whose roundings deserve care: activations and their slopes, sums of exponentials, `logit`.
//!
//! What a textbook writes down overflows, cancels or loses its tail somewhere. The forms here do not: each stays within
//! 2.5 units in the last place in single precision over the whole range (`docs/numerics.md` has the table), and the
//! limits at ±∞ are numbers.
//!
//! ```
//! use kernel::{Lane, formula};
//! let silu = formula::silu(Lane::<f32, false>(-95.0)).0; // where e⁻⁹⁵ alone is subnormal
//! assert!((silu / -5.24503e-40 - 1.0).abs() < 1e-5);
//! assert_eq!(formula::silu(Lane::<f32, false>(f32::NEG_INFINITY)).0, 0.0);
//! ```

use crate::map::{Map1, Map2};
use crate::real::Real;
use std::f64::consts::{LN_2, PI};

/// Below, an activation that dies out is 0: a bound keeps −∞ from becoming −∞·0.
const DEAD: f64 = -1000.0;

/// `x/(1 + e⁻ˣ)` (swish), as `y/(1 + t)` with `y = x·eˣ` and `t = eˣ` on the left. Where t is small, what the quotient
/// lacks to y is taken off instead, so that its rounding hardly counts.
#[inline(always)]
pub fn silu<R: Real>(x: R) -> R {
    let (y, t) = arm(x.max_scalar(DEAD));
    let small = t.clone().lt_scalar(0.25);
    let quotient = R::select(small.clone(), t.clone(), y.clone()) / (t + 1.0);
    R::select(small, y.clone() - y.min_scalar(-DEAD) * quotient.clone(), quotient)
}

/// `(x, e⁻ˣ)` on the right and `(x·eˣ, eˣ)` on the left.
#[inline(always)]
fn arm<R: Real>(x: R) -> (R, R) {
    let exponent = -x.clone().abs();
    let left = exponent.clone().exp_times(x.clone());
    (R::select(x.clone().lt_scalar(0.0), left, x), exponent.exp())
}

/// `σ + x·σ·(1 − σ)`
#[inline(always)]
pub fn silu_slope<R: Real>(x: R) -> R {
    let x = x.max_scalar(DEAD).min_scalar(-DEAD);
    let s = x.clone().sigmoid();
    s.clone() + x.clone() * s * (-x).sigmoid()
}

#[derive(Clone, Copy)]
struct MishFraction;
impl Map2 for MishFraction {
    /// From an arm and its `t`, which is negative for the left one.
    #[inline(always)]
    fn call<R: Real>(self, arm: R, t: R) -> R {
        let left = t.clone().lt_scalar(0.0);
        let t = t.abs();
        let square = t.clone() * t.clone();
        let above = R::select(left.clone(), t.clone() + 2.0, t.clone() * 2.0 + 1.0);
        let below = R::select(left, square.clone() + t.clone() * 2.0 + 2.0, square * 2.0 + (t * 2.0 + 1.0));
        arm * (above / below)
    }
}

/// `x·tanh(ln(1 + eˣ))`: with `t = e^−|x|` it is `x·(1 + 2t)/(1 + 2t + 2t²)` on the right, and `x·t·(2 + t)/(2 + 2t + t²)`
/// on the left. Five roundings in a row would be too many: the fraction is taken in double precision.
#[inline(always)]
pub fn mish<R: Real>(x: R) -> R {
    let x = x.max_scalar(DEAD);
    let left = x.clone().lt_scalar(0.0);
    let (y, t) = arm(x);
    y.wide2(R::select(left, -t.clone(), t), MishFraction)
}

/// `T + x·σ(x)·(1 − T)·(1 + T)` with `T = tanh(ln(1 + eˣ))` as in [`mish`].
#[inline(always)]
pub fn mish_slope<R: Real>(x: R) -> R {
    let x = x.max_scalar(DEAD).min_scalar(-DEAD);
    let left = x.clone().lt_scalar(0.0);
    // Not −|x|: that has slope 0 at 0.
    let t = R::select(left.clone(), x.clone(), -x.clone()).exp();
    let above = R::select(left.clone(), t.clone() * (t.clone() + 2.0), t.clone() * 2.0 + 1.0);
    let rest = R::select(left.clone(), t.constant(2.0), t.clone() * t.clone() * 2.0);
    let below = above.clone() + rest.clone();
    let (tanh, missing) = (above / below.clone(), rest / below);
    let sigmoid = R::select(left, t.clone(), t.constant(1.0)) / (t + 1.0);
    tanh.clone() + x * sigmoid * missing * (tanh + 1.0)
}

/// `ln(1 + eˣ)`
#[inline(always)]
pub fn softplus<R: Real>(x: R) -> R {
    -(-x).log_sigmoid()
}

/// `scale·x`, and `alpha·scale·(e^(rate·x) − 1)` from 0 down.
#[inline(always)]
pub fn elu<R: Real>(x: R, alpha: f64, scale: f64, rate: f64) -> R {
    let left = x.clone().le(x.constant(0.0));
    let exponential = (R::select(left.clone(), x.clone(), x.constant(0.0)) * rate).exp_m1();
    R::select(left, exponential * (alpha * scale), x * scale)
}

/// The slope of [`elu`].
#[inline(always)]
pub fn elu_slope<R: Real>(x: R, alpha: f64, scale: f64, rate: f64) -> R {
    let left = (x.clone().min_scalar(0.0) * rate).exp() * (alpha * scale * rate);
    R::select(x.clone().le(x.constant(0.0)), left, x.constant(scale))
}

/// `σ + x·σ·(1 − σ)·z'` with `σ` at `z = √(8/π)·(x + 0.044715·x³)`
#[inline(always)]
pub fn gelu_tanh_slope<R: Real>(x: R) -> R {
    let x = x.max_scalar(DEAD).min_scalar(-DEAD);
    let steepness = (8.0 / PI).sqrt();
    let square = x.clone() * x.clone();
    let z = x.clone() * (square.clone() * 0.044715 + 1.0) * steepness;
    let slope = (square * (3.0 * 0.044715) + 1.0) * steepness;
    let s = z.clone().sigmoid();
    s.clone() + x * s * (-z).sigmoid() * slope
}

/// `−x·ln x`; 0 at 0, −∞ below.
#[inline(always)]
pub fn entr<R: Real>(x: R) -> R {
    // The logarithm that is multiplied by 0 is that of 1.
    let positive = R::select(x.clone().eq_scalar(0.0), x.constant(1.0), x.clone());
    let y = -(x.clone() * positive.ln());
    R::select(x.clone().lt_scalar(0.0), x.constant(f64::NEG_INFINITY), y)
}

/// `x/(1 + |x|)`; ±1 at ±∞.
#[inline(always)]
pub fn softsign<R: Real>(x: R) -> R {
    let x = x.max_scalar(f64::from(f32::MIN)).min_scalar(f64::from(f32::MAX));
    x.clone() / (x.abs() + 1.0)
}

#[derive(Clone, Copy)]
struct TanhShrink;
impl Map1 for TanhShrink {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        /// Twelve levels of Lambert's fraction `tanh x = x/(1 + x²/(3 + x²/(5 + …)))`: exact to 2⁻⁵⁹ up to 2.
        const ABOVE: [f64; 6] =
            [105_411_381_075.0, 8_249_586_345.0, 174_594_420.0, 1_276_275.0, 2_925.0, 1.0];
        const BELOW: [f64; 7] =
            [316_234_143_225.0, 151_242_416_325.0, 9_820_936_125.0, 192_972_780.0, 1_351_350.0, 3_003.0, 1.0];
        let horner = |z: &R, coefficients: &[f64]| {
            let mut sum = z.constant(0.0);
            for &c in coefficients.iter().rev() {
                sum = sum * z.clone() + c;
            }
            sum
        };
        let z = x.clone() * x.clone();
        let near = x.clone() * z.clone() * horner(&z, &ABOVE) / horner(&z, &BELOW);
        R::select(z.lt_scalar(4.0), near, x.clone() - x.tanh())
    }
}

/// `x − tanh x`, without cancellation near 0, where it is `x³/3`.
#[inline(always)]
pub fn tanhshrink<R: Real>(x: R) -> R {
    x.wide(TanhShrink)
}

/// `ln(x/(1 − x))` as `ln(1 + (2x − 1)/(1 − x))`, or its mirror image below ½: `2x − 1` is exact where it is small.
#[inline(always)]
pub fn logit<R: Real>(x: R) -> R {
    let low = x.clone().lt_scalar(0.5);
    let gap = (x.clone() * 2.0 - 1.0).abs();
    let smaller = R::select(low.clone(), x.clone(), -x + 1.0);
    // The quotient of a subnormal number may be inf.
    let tiny = smaller.clone().lt_scalar(1e-30);
    let y = R::select(tiny, -smaller.clone().ln(), (gap / smaller).ln_1p());
    R::select(low, -y.clone(), y)
}

#[derive(Clone, Copy)]
struct LogAddExp<const TWO: bool>;
impl<const TWO: bool> Map2 for LogAddExp<TWO> {
    #[inline(always)]
    fn call<R: Real>(self, x: R, y: R) -> R {
        let distance = -distance(x.clone(), y.clone()).abs();
        let rest = if TWO { distance.exp2().ln_1p() / LN_2 } else { distance.exp().ln_1p() };
        x.maximum(y) + rest
    }
}

/// `x − y`, and 0 where both are the same infinity.
#[inline(always)]
pub fn distance<R: Real>(x: R, y: R) -> R {
    let difference = x.clone() - y.clone();
    let same = R::select(difference.clone().is_nan(), x.constant(0.0), difference.clone());
    R::select(x.equal(y), same, difference)
}

/// `ln(eˣ + eʸ)` as `max(x, y) + ln(1 + e^−|x − y|)`.
#[inline(always)]
pub fn log_add_exp<R: Real>(x: R, y: R) -> R {
    x.wide2(y, LogAddExp::<false>)
}

/// `log₂(2ˣ + 2ʸ)`
#[inline(always)]
pub fn log_add_exp2<R: Real>(x: R, y: R) -> R {
    x.wide2(y, LogAddExp::<true>)
}

/// `x·ln y`; 0 where x is 0, NaN where y is.
#[inline(always)]
pub fn xlogy<R: Real>(x: R, y: R) -> R {
    times_log(x, y.clone(), y.ln())
}

/// `x·ln(1 + y)`; 0 where x is 0, NaN where y is.
#[inline(always)]
pub fn xlog1py<R: Real>(x: R, y: R) -> R {
    times_log(x, y.clone(), y.ln_1p())
}

#[inline(always)]
fn times_log<R: Real>(x: R, y: R, logarithm: R) -> R {
    let product = R::select(x.clone().eq_scalar(0.0), x.zero(), x * logarithm);
    R::select(y.clone().is_nan(), y, product)
}

#[derive(Clone, Copy)]
struct Sinc;
impl Map1 for Sinc {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        let zero = x.clone().eq_scalar(0.0);
        let safe = R::select(zero.clone(), x.constant(1.0), x.clone());
        R::select(zero, x.constant(1.0), safe.clone().sin_pi() / (safe * PI))
    }
}

/// `sin(πx)/(πx)`; 1 at 0.
#[inline(always)]
pub fn sinc<R: Real>(x: R) -> R {
    x.wide(Sinc)
}

#[derive(Clone, Copy)]
struct SincSlope;
impl Map1 for SincSlope {
    #[inline(always)]
    fn call<R: Real>(self, x: R) -> R {
        /// (−1)ᵏ·2k/(2k + 1)!
        const SERIES: [f64; 7] = [
            -1.0 / 3.0,
            1.0 / 30.0,
            -1.0 / 840.0,
            1.0 / 45_360.0,
            -1.0 / 3_991_680.0,
            1.0 / 518_918_400.0,
            -1.0 / 93_405_312_000.0,
        ];
        let z = x.clone() * x.clone() * (PI * PI);
        let small = z.clone().lt_scalar(1.0);
        let series = SERIES.iter().rev().fold(x.constant(0.0), |sum, &c| sum * z.clone() + c);
        let safe = R::select(small.clone(), x.constant(1.0), x.clone());
        let far = (safe.clone().cos_pi() - sinc(safe.clone())) / safe;
        R::select(small, x * (PI * PI) * series, far)
    }
}

/// `(cos πx − sinc x)/x`, and its series near 0, where that cancels.
#[inline(always)]
pub fn sinc_slope<R: Real>(x: R) -> R {
    x.wide(SincSlope)
}

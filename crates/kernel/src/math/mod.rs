//! [`Real`] for lanes: the mathematics of the vector loops.
//!
//! The functions of a training loop are straight-line arithmetic on the lane, without branch, call or table, so
//! that the compiler turns a loop over them into vector code: they live in the family files beside this one, as
//! `single` and `double`. The rare ones go through double precision, one element at a time.

mod bessel;
mod erf;
mod exp;
mod gamma;
mod log;
mod normal;
mod pow;
mod trig;

use crate::map::{Map1, Map2};
use crate::real::{AsLane, Lane, Real};
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! lane {
    ($float:ty, $width:ident) => {
        impl<const FMA: bool> AsLane<$float> for Lane<$float, FMA> {
            #[inline(always)]
            fn wrap(value: $float) -> Self {
                Lane(value)
            }
            #[inline(always)]
            fn unwrap(self) -> $float {
                self.0
            }
        }

        impl<const FMA: bool> Neg for Lane<$float, FMA> {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Lane(-self.0)
            }
        }

        lane!(@operator $float, Add, add, +);
        lane!(@operator $float, Sub, sub, -);
        lane!(@operator $float, Mul, mul, *);
        lane!(@operator $float, Div, div, /);

        impl<const FMA: bool> Real for Lane<$float, FMA> {
            type Mask = bool;

            #[inline(always)]
            fn constant(&self, value: f64) -> Self {
                Lane(value as $float)
            }
            #[inline(always)]
            fn lt(self, other: Self) -> bool {
                self.0 < other.0
            }
            #[inline(always)]
            fn le(self, other: Self) -> bool {
                self.0 <= other.0
            }
            #[inline(always)]
            fn equal(self, other: Self) -> bool {
                self.0 == other.0
            }
            #[inline(always)]
            fn lt_scalar(self, bound: f64) -> bool {
                self.0 < bound as $float
            }
            #[inline(always)]
            fn gt_scalar(self, bound: f64) -> bool {
                self.0 > bound as $float
            }
            #[inline(always)]
            fn eq_scalar(self, value: f64) -> bool {
                self.0 == value as $float
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                self.0.is_nan()
            }
            #[inline(always)]
            fn select(mask: bool, yes: Self, no: Self) -> Self {
                if mask { yes } else { no }
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                if FMA { Lane(self.0.mul_add(factor.0, addend.0)) } else { self * factor + addend }
            }
            #[inline(always)]
            fn sign(self) -> Self {
                let x = self.0;
                Lane(if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { 0.0 })
            }
            // `f32::max` would drop a NaN.
            #[inline(always)]
            fn maximum(self, other: Self) -> Self {
                if self.0 > other.0 || self.0.is_nan() { self } else { other }
            }
            #[inline(always)]
            fn minimum(self, other: Self) -> Self {
                if self.0 < other.0 || self.0.is_nan() { self } else { other }
            }
            #[inline(always)]
            fn max_scalar(self, bound: f64) -> Self {
                if self.0 < bound as $float { Lane(bound as $float) } else { self }
            }
            #[inline(always)]
            fn min_scalar(self, bound: f64) -> Self {
                if self.0 > bound as $float { Lane(bound as $float) } else { self }
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                Lane(self.0.copysign(sign.0))
            }
            #[inline(always)]
            fn wide<F: Map1>(self, f: F) -> Self {
                Lane(f.call(Lane::<f64, FMA>(f64::from(self.0))).0 as $float)
            }
            #[inline(always)]
            fn wide2<F: Map2>(self, other: Self, f: F) -> Self {
                let (x, y) = (Lane::<f64, FMA>(f64::from(self.0)), Lane(f64::from(other.0)));
                Lane(f.call(x, y).0 as $float)
            }
            #[inline(always)]
            fn exp_times(self, factor: Self) -> Self {
                exp::$width::exp_times(self, factor)
            }
            #[inline(always)]
            fn rem(self, other: Self) -> Self {
                Lane(self.0 % other.0)
            }
            #[inline(always)]
            fn pow(self, exponent: Self) -> Self {
                pow::$width::pow(self, exponent)
            }
            #[inline(always)]
            fn pow_scalar(self, exponent: f64) -> Self {
                pow::$width::pow_scalar(self, exponent)
            }
            #[inline(always)]
            fn polygamma(self, n: i64) -> Self {
                let x = self.0;
                if n == 1 && x < 0.0 && x == x.floor() {
                    // A pole. PyTorch divides by the sine of a rounded π·x: huge, but no inf that 0 could turn into NaN.
                    let inverse = std::f64::consts::PI as $float / (std::f64::consts::PI as $float * x).sin();
                    return Lane(inverse * inverse);
                }
                Lane(gamma::polygamma(n, f64::from(x)) as $float)
            }
            #[inline(always)]
            fn zeta(self, q: Self) -> Self {
                Lane(gamma::zeta(f64::from(self.0), f64::from(q.0)) as $float)
            }
            #[inline(always)]
            fn atan2(self, other: Self) -> Self {
                Lane(f64::from(self.0).atan2(f64::from(other.0)) as $float)
            }
            #[inline(always)]
            fn hypot(self, other: Self) -> Self {
                pow::$width::hypot(self, other)
            }

            #[inline(always)]
            fn sigmoids(self) -> [Self; 2] {
                exp::$width::sigmoids(self)
            }

            lane!(@exact $float: abs = abs, sqrt = sqrt, floor = floor, ceil = ceil, round = round_ties_even,
                trunc = trunc);
            lane!(@own $width: exp::exp, exp::decay, exp::exp2, exp::exp_m1, exp::sigmoid, exp::tanh, exp::sinh, exp::cosh, log::ln,
                log::ln_1p, log::ln_1p_unit, log::log_sigmoid, log::log2, log::log10, trig::sin, trig::cos, erf::erf, erf::erfc, normal::normal_cdf,
                normal::normal_pdf, normal::gelu, normal::gelu_slope, normal::gelu_tanh);
            lane!(@wide $float: trig::sin_pi, trig::cos_pi, erf::erfcx, normal::ndtri, normal::erfinv, normal::log_ndtr,
                bessel::i0, bessel::i0e, bessel::i1, bessel::i1e);
            lane!(@scalar $float: tan = f64::tan, asin = f64::asin, acos = f64::acos, atan = f64::atan,
                asinh = libm::asinh, acosh = libm::acosh, atanh = libm::atanh, lgamma = libm::lgamma,
                digamma = gamma::digamma);
        }
    };

    // Methods of the float itself.
    (@exact $float:ty: $($method:ident = $function:ident),*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            Lane(self.0.$function())
        }
    )*};

    // Straight-line code of its own for either width.
    (@own $width:ident: $($file:ident::$method:ident),*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            $file::$width::$method(self)
        }
    )*};

    // Straight-line code in double precision for both.
    (@wide $float:ty: $($file:ident::$method:ident),*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            Lane($file::$method(Lane::<f64, FMA>(f64::from(self.0))).0 as $float)
        }
    )*};

    // A call per element, in double precision.
    (@scalar $float:ty: $($method:ident = $function:path),*) => {$(
        #[inline(always)]
        fn $method(self) -> Self {
            Lane($function(f64::from(self.0)) as $float)
        }
    )*};

    (@operator $float:ty, $trait:ident, $method:ident, $symbol:tt) => {
        impl<const FMA: bool> $trait for Lane<$float, FMA> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Lane(self.0 $symbol other.0)
            }
        }

        impl<const FMA: bool> $trait<f64> for Lane<$float, FMA> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, constant: f64) -> Self {
                Lane(self.0 $symbol constant as $float)
            }
        }
    };
}

lane!(f32, single);
lane!(f64, double);

/// c₀ + c₁·x + c₂·x² + …
#[inline(always)]
fn polynomial<R: Real + Copy, const N: usize>(x: R, coefficients: [f64; N]) -> R {
    let mut sum = x.constant(coefficients[N - 1]);
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, x.constant(c));
    }
    sum
}

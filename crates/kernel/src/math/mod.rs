//! [`Real`] for lanes: the mathematics of the vector loops.
//!
//! The functions of a training loop are straight-line arithmetic on the lane, without branch, call or table, so
//! that the compiler turns a loop over them into vector code: they live in the family files beside this one, as
//! `single` and `double`. The rare ones go through double precision, one element at a time.

mod erf;
mod exp;
mod gamma;
mod log;
mod pow;
mod trig;
#[cfg(test)]
mod ulp;

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
            fn sigmoid(self) -> Self {
                exp::$width::sigmoid(self)
            }
            #[inline(always)]
            fn atan2(self, other: Self) -> Self {
                Lane(f64::from(self.0).atan2(f64::from(other.0)) as $float)
            }
            #[inline(always)]
            fn erf(self) -> Self {
                erf::$width::erf(self)
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                erf::$width::erfc(self)
            }
            #[inline(always)]
            fn lgamma(self) -> Self {
                Lane(libm::lgamma(f64::from(self.0)) as $float)
            }
            #[inline(always)]
            fn digamma(self) -> Self {
                Lane(gamma::digamma(f64::from(self.0)) as $float)
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
            fn abs(self) -> Self {
                Lane(self.0.abs())
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Lane(self.0.sqrt())
            }
            #[inline(always)]
            fn exp(self) -> Self {
                exp::$width::exp(self)
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                exp::$width::exp_m1(self)
            }
            #[inline(always)]
            fn ln(self) -> Self {
                log::$width::ln(self)
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                log::$width::ln_1p(self)
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                exp::$width::tanh(self)
            }
            #[inline(always)]
            fn sinh(self) -> Self {
                exp::$width::sinh(self)
            }
            #[inline(always)]
            fn cosh(self) -> Self {
                exp::$width::cosh(self)
            }
            #[inline(always)]
            fn sin(self) -> Self {
                trig::$width::sin(self)
            }
            #[inline(always)]
            fn cos(self) -> Self {
                trig::$width::cos(self)
            }
            #[inline(always)]
            fn tan(self) -> Self {
                Lane(f64::from(self.0).tan() as $float)
            }
            #[inline(always)]
            fn asin(self) -> Self {
                Lane(f64::from(self.0).asin() as $float)
            }
            #[inline(always)]
            fn acos(self) -> Self {
                Lane(f64::from(self.0).acos() as $float)
            }
            #[inline(always)]
            fn atan(self) -> Self {
                Lane(f64::from(self.0).atan() as $float)
            }
            #[inline(always)]
            fn asinh(self) -> Self {
                Lane(libm::asinh(f64::from(self.0)) as $float)
            }
            #[inline(always)]
            fn acosh(self) -> Self {
                Lane(libm::acosh(f64::from(self.0)) as $float)
            }
            #[inline(always)]
            fn atanh(self) -> Self {
                Lane(libm::atanh(f64::from(self.0)) as $float)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                Lane(self.0.floor())
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                Lane(self.0.ceil())
            }
            #[inline(always)]
            fn round(self) -> Self {
                Lane(self.0.round_ties_even())
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                Lane(self.0.trunc())
            }
        }
    };

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

//! [`Real`] for lanes: the mathematics of the vector loops.
//!
//! First version: the standard library's functions, one element at a time.

mod gamma;

use crate::real::{AsLane, Lane, Real};
use std::ops::{Add, Div, Mul, Neg, Sub};

macro_rules! lane {
    ($float:ty) => {
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
                Lane(if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x * 0.0 })
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
                let z = (-self.0.abs()).exp();
                Lane(if self.0 < 0.0 { z } else { 1.0 } / (1.0 + z))
            }
            #[inline(always)]
            fn atan2(self, other: Self) -> Self {
                Lane(self.0.atan2(other.0))
            }
            #[inline(always)]
            fn erf(self) -> Self {
                Lane(libm::erf(f64::from(self.0)) as $float)
            }
            #[inline(always)]
            fn erfc(self) -> Self {
                Lane(libm::erfc(f64::from(self.0)) as $float)
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
                Lane(self.0.powf(exponent.0))
            }
            #[inline(always)]
            fn pow_scalar(self, exponent: f64) -> Self {
                Lane(self.0.powf(exponent as $float))
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
                Lane(self.0.exp())
            }
            #[inline(always)]
            fn exp_m1(self) -> Self {
                Lane(self.0.exp_m1())
            }
            #[inline(always)]
            fn ln(self) -> Self {
                Lane(self.0.ln())
            }
            #[inline(always)]
            fn ln_1p(self) -> Self {
                Lane(self.0.ln_1p())
            }
            #[inline(always)]
            fn tanh(self) -> Self {
                Lane(self.0.tanh())
            }
            #[inline(always)]
            fn sinh(self) -> Self {
                Lane(self.0.sinh())
            }
            #[inline(always)]
            fn cosh(self) -> Self {
                Lane(self.0.cosh())
            }
            #[inline(always)]
            fn sin(self) -> Self {
                Lane(self.0.sin())
            }
            #[inline(always)]
            fn cos(self) -> Self {
                Lane(self.0.cos())
            }
            #[inline(always)]
            fn tan(self) -> Self {
                Lane(self.0.tan())
            }
            #[inline(always)]
            fn asin(self) -> Self {
                Lane(self.0.asin())
            }
            #[inline(always)]
            fn acos(self) -> Self {
                Lane(self.0.acos())
            }
            #[inline(always)]
            fn atan(self) -> Self {
                Lane(self.0.atan())
            }
            #[inline(always)]
            fn asinh(self) -> Self {
                Lane(self.0.asinh())
            }
            #[inline(always)]
            fn acosh(self) -> Self {
                Lane(self.0.acosh())
            }
            #[inline(always)]
            fn atanh(self) -> Self {
                Lane(self.0.atanh())
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

lane!(f32);
lane!(f64);

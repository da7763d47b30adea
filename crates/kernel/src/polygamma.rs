//! The second and third derivative of `ln Γ`: the slopes of digamma and of its slope.
//!
//! Reflection to x ≥ ½, six steps of the recurrence, then the asymptotic series (Abramowitz & Stegun 6.4.6, 6.4.7 and
//! 6.4.12, with the Bernoulli numbers 1/6, −1/30, 1/42, −1/30, 5/66).

use crate::real::Real;
use std::f64::consts::PI;

/// `ψ'(x) = d²/dx² ln Γ(x)`
#[inline(always)]
pub fn trigamma<R: Real>(x: R) -> R {
    let (reflected, z) = reflect(&x);
    let (z, mut sum) = climb(z, |z| z.constant(1.0) / (z.clone() * z));
    let w = z.constant(1.0) / (z.clone() * z.clone());
    let series =
        horner(&w, [5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0]) * w.clone() / z.clone();
    sum = sum + z.constant(1.0) / z + w * 0.5 + series;
    let s = sine(&x, &reflected);
    R::select(reflected, s.constant(PI * PI) / (s.clone() * s) - sum.clone(), sum)
}

/// `ψ''(x) = d³/dx³ ln Γ(x)`; −∞ at the poles.
#[inline(always)]
pub fn tetragamma<R: Real>(x: R) -> R {
    let (reflected, z) = reflect(&x);
    let (z, mut sum) = climb(z, |z| z.constant(-2.0) / (z.clone() * z.clone() * z));
    let w = z.constant(1.0) / (z.clone() * z.clone());
    let series = horner(&w, [-5.0 / 6.0, 0.3, -1.0 / 6.0, 1.0 / 6.0, -0.5]) * w.clone() * w.clone();
    sum = sum - w.clone() - w / z + series;
    let s = sine(&x, &reflected);
    let c = (R::select(reflected.clone(), x.clone(), x.constant(0.5)) * PI).cos();
    let mirror = c * (-2.0 * PI * PI * PI) / (s.clone() * s.clone() * s);
    let pole = x.clone().floor().equal(x.clone());
    let left = R::select(pole, x.constant(f64::NEG_INFINITY), mirror + sum.clone());
    R::select(reflected, left, sum)
}

/// Where x < ½, and `1 − x` there.
#[inline(always)]
fn reflect<R: Real>(x: &R) -> (R::Mask, R) {
    let reflected = x.clone().lt_scalar(0.5);
    (reflected.clone(), R::select(reflected, -x.clone() + 1.0, x.clone()))
}

/// Six steps of a recurrence: `z + 6`, and the sum of `term` over z, z + 1, …, z + 5.
#[inline(always)]
fn climb<R: Real>(mut z: R, term: impl Fn(R) -> R) -> (R, R) {
    let mut sum = z.constant(0.0);
    for _ in 0..6 {
        sum = sum + term(z.clone());
        z = z + 1.0;
    }
    (z, sum)
}

/// A polynomial, its highest coefficient first.
#[inline(always)]
fn horner<R: Real, const N: usize>(x: &R, coefficients: [f64; N]) -> R {
    coefficients.into_iter().fold(x.constant(0.0), |sum, c| sum * x.clone() + c)
}

/// `sin πx` where it is wanted, 1 elsewhere: there its reciprocal could poison the choice.
#[inline(always)]
fn sine<R: Real>(x: &R, wanted: &R::Mask) -> R {
    (R::select(wanted.clone(), x.clone(), x.constant(0.5)) * PI).sin()
}

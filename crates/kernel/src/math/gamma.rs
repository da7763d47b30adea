//! The derivative of ln Γ, which neither the standard library nor `libm` has.

use super::polynomial;
use crate::real::Lane;
use std::f64::consts::PI;

/// The zero of ψ, and what its double lacks.
const ZERO: [f64; 2] = [1.4616321449683622, 9.549995429965697e-17];
/// ψ(x)/(x − ZERO) in x − 1.5, on [1, 2], minimax for the relative error (Remez): 2⁻⁵⁸.
const AROUND_ZERO: [f64; 23] = [
    0.9510558760318328,
    -0.4236274212814606,
    0.24054248424078722,
    -0.14840492305388028,
    0.09498872445284975,
    -0.06192213327554257,
    0.0407608339433918,
    -0.02697579665762864,
    0.017907248235567365,
    -0.011908220153112672,
    0.007927023327397024,
    -0.0052799366366830655,
    0.0035180887067911655,
    -0.002345499828341473,
    0.0015635033819745095,
    -0.001036432069620036,
    0.000690282226086459,
    -0.0004860344231494719,
    0.00032588050402860457,
    -0.0001446568359298585,
    9.329550016789944e-05,
    -0.00017833297602913093,
    0.00012117303666734809,
];
/// B₂ₙ/2n
const SERIES: [f64; 7] =
    [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];

/// ψ(x) = d/dx ln Γ(x): ψ(x + 1) = ψ(x) + 1/x into [1, 2], ln x − 1/2x − Σ B₂ₙ/(2n·x²ⁿ) from 10 on, and
/// ψ(x) = ψ(1 − x) − π/tan πx on the left (Abramowitz & Stegun 6.3.5, 6.3.18, 6.3.7).
///
/// At the poles as PyTorch: ∓inf at ±0, NaN at the negative integers. Near the zeros on the left, the two terms
/// cancel: the error there is small beside them, not beside the result.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        if x == x.trunc() {
            return f64::NAN;
        }
        // x − ⌊x⌉ is exact, π·x is not.
        return right(1.0 - x) - PI / (PI * (x - x.round())).tan();
    }
    right(x)
}

/// ψ for x > 0.
fn right(mut x: f64) -> f64 {
    if x >= 10.0 {
        let z = 1.0 / (x * x);
        return x.ln() - 0.5 / x - z * polynomial(Lane::<f64, false>(z), SERIES).0;
    }
    let mut sum = 0.0;
    if x < 1.0 {
        sum = -1.0 / x;
        x += 1.0;
    }
    while x > 2.0 {
        x -= 1.0;
        sum += 1.0 / x;
    }
    sum + (x - ZERO[0] - ZERO[1]) * polynomial(Lane::<f64, false>(x - 1.5), AROUND_ZERO).0
}

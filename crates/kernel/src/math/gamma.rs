//! The derivative of ln Γ, which neither the standard library nor `libm` has.

use std::f64::consts::PI;

/// ψ(x) = d/dx ln Γ(x), by reflection, recurrence and the asymptotic series (Abramowitz & Stegun 6.3.7, 6.3.5,
/// 6.3.18). At the poles as PyTorch: ∓inf at ±0, NaN at the negative integers.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        if x == x.trunc() {
            return f64::NAN;
        }
        return positive(1.0 - x) - PI / (PI * (x - x.round())).tan();
    }
    positive(x)
}

fn positive(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum += 1.0 / x;
        x += 1.0;
    }
    // B₂ₙ / 2n
    const SERIES: [f64; 7] =
        [1.0 / 12.0, -1.0 / 120.0, 1.0 / 252.0, -1.0 / 240.0, 1.0 / 132.0, -691.0 / 32760.0, 1.0 / 12.0];
    let z = 1.0 / (x * x);
    let tail = SERIES.iter().rev().fold(0.0, |tail, c| tail * z + c) * z;
    x.ln() - 0.5 / x - tail - sum
}

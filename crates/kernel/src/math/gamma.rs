//! The derivatives of ln Γ and Hurwitz' zeta function, which neither the standard library nor `libm` has.

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

/// ζ(s, q) = Σ (q + k)⁻ˢ over k ≥ 0, for s > 1, by the sum of Euler and Maclaurin (Abramowitz & Stegun 23.1.30).
///
/// As PyTorch: inf at s = 1 and at the poles q = 0, −1, …, NaN for s < 1, and for q < 0 unless s is whole.
pub(super) fn zeta(s: f64, q: f64) -> f64 {
    /// B₂ₙ/(2n)!
    const SERIES: [f64; 12] = [
        0.08333333333333333,
        -0.001388888888888889,
        3.306878306878307e-05,
        -8.267195767195768e-07,
        2.08767569878681e-08,
        -5.284190138687493e-10,
        1.3382536530684679e-11,
        -3.3896802963225827e-13,
        8.586062056277845e-15,
        -2.174868698558062e-16,
        5.5090028283602295e-18,
        -1.3954464685812522e-19,
    ];
    if s.is_nan() || q.is_nan() || s < 1.0 {
        return f64::NAN;
    }
    if s == 1.0 {
        return f64::INFINITY;
    }
    if q == f64::INFINITY {
        return 0.0;
    }
    if q <= 0.0 {
        if q == q.floor() {
            return f64::INFINITY;
        }
        if s != s.floor() {
            return f64::NAN;
        }
        // The terms left of 0 mirror those of ζ(s, 1 − r), but for its tail from 1 − q on; r is exact.
        let r = q - q.round();
        let odd = s % 2.0 != 0.0;
        if odd && r.abs() == 0.5 {
            // Each term on the left has one on the right that takes it away.
            return zeta(s, 1.0 - q);
        }
        let nearest = r.powf(-s);
        if nearest.is_infinite() {
            return nearest;
        }
        let mirrored = zeta(s, 1.0 - r) - zeta(s, 1.0 - q);
        return nearest + zeta(s, 1.0 + r) + if odd { -mirrored } else { mirrored };
    }
    let mut x = q;
    let mut sum = 0.0;
    let mut term = x.powf(-s);
    // The series needs x beyond 9 and beyond s, or it diverges before it is exact. Where s is large, the terms are soon
    // too small to be added (or all 0): a hundred steps are the most.
    while x < 10.0 + s {
        sum += term;
        if term <= sum * (f64::EPSILON / 8.0) {
            return sum;
        }
        x += 1.0;
        term = x.powf(-s);
    }
    sum += term * (x / (s - 1.0) + 0.5);
    let mut factor = term * s / x;
    for (k, b) in SERIES.into_iter().enumerate() {
        let part = b * factor;
        sum += part;
        if part.abs() < sum * (f64::EPSILON / 8.0) {
            break;
        }
        let k = 2.0 * k as f64 + 1.0;
        factor *= (s + k) * (s + k + 1.0) / (x * x);
    }
    sum
}

/// ψ⁽ⁿ⁾(x) = (−1)ⁿ⁺¹·n!·ζ(n + 1, x); for n = 0 ψ itself (Abramowitz & Stegun 6.4.10).
pub(super) fn polygamma(n: i64, x: f64) -> f64 {
    if n == 0 {
        return digamma(x);
    }
    let s = n as f64 + 1.0;
    let magnitude = libm::tgamma(s) * zeta(s, x);
    if n % 2 == 0 { -magnitude } else { magnitude }
}

//! Sine and cosine.
//!
//! In single precision they are vector code over the whole range; in double precision, where the far range would
//! need a table, they are the standard library's.

use super::polynomial;
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    /// 2²⁶ʲ·2/π modulo 4 (a whole turn) in three parts: a multiple of 2⁻²⁶, a multiple of 2⁻⁵⁴, the rest. Computed
    /// to 80 digits.
    const QUARTER_TURNS: [[f64; 3]; 4] = [
        [0.6366197764873505, -4.11976913694545e-09, 1.6153797880892852e-17],
        [1.72352696955204, 4.809353304491282e-09, 1.904295900750416e-17],
        [1.3227502405643463, -2.4473389426127312e-09, -9.65701128970269e-18],
        [1.8357618600130081, 3.077219257185959e-09, -1.6011167415812785e-17],
    ];
    /// (2²⁴⁺²⁶ʲ, 2⁻²⁶ʲ): from the first number on, x is a multiple of 2²⁶ʲ.
    const TIERS: [(f64, f64); 4] = [
        (0.0, 1.0),
        (1_125_899_906_842_624.0, 1.0 / 67_108_864.0),
        (1_125_899_906_842_624.0 * 67_108_864.0, 1.0 / 4_503_599_627_370_496.0),
        (1_125_899_906_842_624.0 * 4_503_599_627_370_496.0, 1.0 / 4_503_599_627_370_496.0 / 67_108_864.0),
    ];
    /// 1.5·2⁵²: the sum rounds to an integer, and its low bits are that integer.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// (sin r − r)/r³ in r², on |r| ≤ π/4, minimax for the relative error (Remez): 2⁻²⁷.
    const SIN: [f64; 3] = [-0.16666655, 0.008332156, -0.00019514638];
    /// (cos r − 1 + r²/2)/r⁴ in r², on |r| ≤ π/4, minimax for the relative error (Remez): 2⁻³².
    const COS: [f64; 3] = [0.041666646, -0.001388731, 2.4432422e-5];

    /// x = (n + r/(π/2))·π/2; returns `(n mod 2³², r, what single precision loses of r)`.
    ///
    /// Payne and Hanek's idea without their table: write x = y·2²⁶ʲ with an integer y below 2⁵⁰ (any y if j = 0),
    /// and multiply y by the j-th remainder. y has 24 bits and the first two parts of the remainder 28 each, so in
    /// double precision their products are exact, and whole quarter-turns are subtracted from them without error.
    #[inline(always)]
    fn reduce<const FMA: bool>(x: f32) -> (u32, Lane<f32, FMA>, Lane<f32, FMA>) {
        let a = f64::from(x.abs());
        let mut scale = TIERS[0].1;
        let [mut high, mut middle, mut low] = QUARTER_TURNS[0];
        for j in 1..TIERS.len() {
            let above = a >= TIERS[j].0;
            scale = if above { TIERS[j].1 } else { scale };
            high = if above { QUARTER_TURNS[j][0] } else { high };
            middle = if above { QUARTER_TURNS[j][1] } else { middle };
            low = if above { QUARTER_TURNS[j][2] } else { low };
        }
        let y = f64::from(x) * scale;
        let (high, middle, low) = (y * high, y * middle, y * low);
        let (rounded_high, rounded_middle) = (high + ROUND, middle + ROUND);
        let high = high - (rounded_high - ROUND);
        let middle = middle - (rounded_middle - ROUND);
        let rounded = (high + middle) + ROUND;
        let r = ((high - (rounded - ROUND)) + middle + low) * std::f64::consts::FRAC_PI_2;
        let n = rounded_high.to_bits().wrapping_add(rounded_middle.to_bits()).wrapping_add(rounded.to_bits());
        let near = r as f32;
        (n as u32, Lane(near), Lane((r - f64::from(near)) as f32))
    }

    /// The sine of r + rest plus `quadrant` quarter-turns.
    #[inline(always)]
    fn turned<const FMA: bool>(quadrant: u32, r: Lane<f32, FMA>, rest: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let square = r * r;
        let sin = (square * r).mul_add(polynomial(square, SIN), rest) + r;
        let cos = square.mul_add(r.constant(-0.5), r.constant(1.0));
        let cos = (square * square).mul_add(polynomial(square, COS), -(r * rest)) + cos;
        let y = Lane::select(quadrant & 1 == 0, sin, cos);
        Lane(f32::from_bits(y.0.to_bits() ^ (quadrant & 2) << 30))
    }

    #[inline(always)]
    pub(in super::super) fn sin<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (quadrant, r, rest) = reduce(x.0);
        Lane::select(x.eq_scalar(0.0), x, turned(quadrant, r, rest)) // −0
    }

    #[inline(always)]
    pub(in super::super) fn cos<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (quadrant, r, rest) = reduce(x.0);
        turned(quadrant.wrapping_add(1), r, rest)
    }
}

pub(super) mod double {
    use super::*;

    #[inline(always)]
    pub(in super::super) fn sin<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.sin())
    }

    #[inline(always)]
    pub(in super::super) fn cos<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.cos())
    }
}

/// `(quadrant, r)` with x = quadrant/2 + r and |r| ≤ ¼, without rounding; NaN where x is not finite.
#[inline(always)]
fn quarter(x: f64) -> (u32, f64) {
    let n = (x * 2.0).round_ties_even();
    let turn = n - (n * 0.25).floor() * 4.0;
    (turn as u32, x - n * 0.5)
}

/// sin πx, exact at every multiple of ½.
#[inline(always)]
pub(super) fn sin_pi<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let (quadrant, r) = quarter(x.0);
    Lane(if x.0 == 0.0 { x.0 } else { turned(quadrant, r) }) // −0
}

/// cos πx, exact at every multiple of ½.
#[inline(always)]
pub(super) fn cos_pi<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let (quadrant, r) = quarter(x.0);
    Lane(turned(quadrant + 1, r))
}

/// sin(πr + quadrant·π/2)
#[inline(always)]
fn turned(quadrant: u32, r: f64) -> f64 {
    let angle = r * std::f64::consts::PI;
    let y = if quadrant & 1 == 0 { angle.sin() } else { angle.cos() };
    if quadrant & 2 == 0 { y } else { -y }
}

//! Sine and cosine.
//!
//! In single precision they are vector code over the whole range; in double precision, where the far range would
//! need a table, they are the standard library's.

use super::polynomial;
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    /// 2²⁶ʲ·2/π modulo 4 (a whole turn), as a multiple of 2⁻²⁶ and the rest; computed to 80 digits.
    const QUARTER_TURNS: [(f64, f64); 5] = [
        (0.6366197764873505, -4.119769120791653e-09),
        (1.72353696955204, 4.809353323534241e-09),
        (1.3227502405643463, -2.4473389522697427e-09),
        (1.8357618600130081, 3.077219241174792e-09),
        (1.206508681178093, 6.376089340334816e-09),
    ];
    const TIER: f64 = 67_108_864.0; // 2²⁶
    /// 1.5·2⁵²: the sum rounds to an integer, and its low bits are that integer.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// (sin r − r)/r³ in r², on |r| ≤ π/4, minimax for the relative error (Remez): 2⁻²⁷.
    const SIN: [f64; 3] = [-0.16666655, 0.008332156, -0.00019514638];
    /// (cos r − 1 + r²/2)/r⁴ in r², on |r| ≤ π/4, minimax for the relative error (Remez): 2⁻³².
    const COS: [f64; 3] = [0.041666646, -0.001388731, 2.4432422e-5];

    /// x = (n + r/(π/2))·π/2; returns `(n mod 2³², r)`.
    ///
    /// Payne and Hanek's idea without their table: write x = y·2²⁶ʲ with |y| < 2²⁶, and multiply y by the j-th
    /// remainder. y has 24 bits and the first part of the remainder 28, so in double precision their product is
    /// exact, and whole quarter-turns are subtracted from it without error.
    #[inline(always)]
    fn reduce<const FMA: bool>(x: f32) -> (u32, Lane<f32, FMA>) {
        let a = f64::from(x.abs());
        let (mut high, mut low) = QUARTER_TURNS[0];
        let mut scale = 1.0;
        let mut bound = 1.0;
        for tier in &QUARTER_TURNS[1..] {
            bound *= TIER;
            let above = a >= bound;
            high = if above { tier.0 } else { high };
            low = if above { tier.1 } else { low };
            scale = if above { 1.0 / bound } else { scale };
        }
        let y = f64::from(x) * scale;
        let (high, low) = (y * high, y * low);
        let rounded = (high + low) + ROUND;
        let r = ((high - (rounded - ROUND)) + low) * std::f64::consts::FRAC_PI_2;
        (rounded.to_bits() as u32, Lane(r as f32))
    }

    /// The sine of r plus `quadrant` quarter-turns.
    #[inline(always)]
    fn turned<const FMA: bool>(quadrant: u32, r: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let square = r * r;
        let sin = (square * r).mul_add(polynomial(square, SIN), r);
        let cos = square.mul_add(r.constant(-0.5), r.constant(1.0));
        let cos = (square * square).mul_add(polynomial(square, COS), cos);
        let y = Lane::select(quadrant & 1 == 0, sin, cos);
        Lane(f32::from_bits(y.0.to_bits() ^ (quadrant & 2) << 30))
    }

    #[inline(always)]
    pub(in super::super) fn sin<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (quadrant, r) = reduce(x.0);
        Lane::select(x.eq_scalar(0.0), x, turned(quadrant, r)) // −0
    }

    #[inline(always)]
    pub(in super::super) fn cos<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (quadrant, r) = reduce(x.0);
        turned(quadrant.wrapping_add(1), r)
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

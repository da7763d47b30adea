//! Logarithms.
//!
//! x = 2ᵏ·m with m around 1, so that ln x = k·ln 2 + ln(1 + f) with f = m − 1. Exponent and mantissa are taken
//! apart by adding the distance from m's lower end to 1 to the bits of x: the exponent field then counts k.

use super::polynomial;
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    // ln 2 = 355/512 − 2.12…e-4 (Cephes, public domain): 355·k is exact.
    const LN2_HI: f64 = 0.693359375;
    const LN2_LO: f64 = -2.121_944_400_546_905_8e-4;
    /// (ln(1+f) − f + f²/2)/f³ on [√½ − 1, √2 − 1], minimax for the relative error of the logarithm (Remez): 2⁻³⁰.
    const P: [f64; 9] = [
        0.33333313,
        -0.2500001,
        0.20002118,
        -0.16667995,
        0.14219555,
        -0.124056004,
        0.118881576,
        -0.11675592,
        0.06746588,
    ];
    /// √½, the lower end of m.
    const LOW: u32 = 0x3f35_04f3;

    /// `(k + 127, m)` for normal x > 0.
    #[inline(always)]
    fn split(x: f32) -> (u32, f32) {
        let bits = x.to_bits().wrapping_add(0x3f80_0000 - LOW);
        (bits >> 23, f32::from_bits((bits & 0x007f_ffff) + LOW))
    }

    /// An integer below 2²³ as a float: the low bits of 2²³ + k.
    #[inline(always)]
    fn float(k: u32) -> f32 {
        f32::from_bits(k | 0x4b00_0000) - 8_388_608.0
    }

    /// k·ln 2 + ln(1 + f), the small terms first.
    #[inline(always)]
    fn combine<const FMA: bool>(k: Lane<f32, FMA>, f: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let square = f * f;
        let y = k * LN2_LO;
        let y = (square * f).mul_add(polynomial(f, P), y);
        let y = square.mul_add(f.constant(-0.5), y) + f;
        k.mul_add(k.constant(LN2_HI), y)
    }

    #[inline(always)]
    pub(in super::super) fn ln<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let small = x.0 < f32::MIN_POSITIVE;
        let (k, m) = split(if small { x.0 * 8_388_608.0 } else { x.0 });
        let k = float(k) - if small { 127.0 + 23.0 } else { 127.0 };
        let y = combine::<FMA>(Lane(k), Lane(m - 1.0));
        Lane(ends(x.0.to_bits() < f32::INFINITY.to_bits(), x.0, x.0, y.0))
    }

    /// From the natural logarithm in double precision, whose last digits the product may lose.
    #[inline(always)]
    pub(in super::super) fn log2<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        Lane((double::ln(Lane::<f64, FMA>(f64::from(x.0))) * std::f64::consts::LOG2_E).0 as f32)
    }

    /// See [`log2`].
    #[inline(always)]
    pub(in super::super) fn log10<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        Lane((double::ln(Lane::<f64, FMA>(f64::from(x.0))) * std::f64::consts::LOG10_E).0 as f32)
    }

    /// ln(1 + x) = ln(u) with u = 1 + x rounded and the rounding's loss, scaled as m is, given back to f.
    #[inline(always)]
    pub(in super::super) fn ln_1p<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let u = x + 1.0;
        let rounded = u - 1.0;
        // Knuth's sum without error.
        let loss = (u.constant(1.0) - (u - rounded)) + (x - rounded);
        let (k, m) = split(u.0);
        // 2⁻ᵏ; 0 instead of 2⁻¹²⁷ and less, where the loss is nothing.
        let scale = Lane::<_, FMA>(f32::from_bits((254 - k.min(254)) << 23));
        let y = combine::<FMA>(Lane(float(k) - 127.0), loss.mul_add(scale, Lane(m - 1.0)));
        // A negative NaN is NaN in `loss` already.
        let finite = x.0.to_bits().cast_signed() < f32::INFINITY.to_bits().cast_signed();
        Lane(ends(finite, x.0, u.0, y.0).copysign(x.0)) // −0
    }

    /// (ln(1+z) − z)/z² on [0, 1], minimax for the relative error of the logarithm (Remez): 2⁻²⁷·⁵.
    const UNIT: [f64; 9] = [
        -0.4999993145465851,
        0.33330464363098145,
        -0.24958018958568573,
        0.19692102074623108,
        -0.15344880521297455,
        0.10661128163337708,
        -0.05745723098516464,
        0.020086241886019707,
        -0.003290468594059348,
    ];

    /// ln(1 + z) for z from 0 to 1: one polynomial, without an exponent to take apart.
    #[inline(always)]
    pub(in super::super) fn ln_1p_unit<const FMA: bool>(z: Lane<f32, FMA>) -> Lane<f32, FMA> {
        (z * z).mul_add(polynomial(z, UNIT), z)
    }

    /// min(x, 0) − ln(1 + e^−|x|).
    #[inline(always)]
    pub(in super::super) fn log_sigmoid<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        x.min_scalar(0.0) - ln_1p_unit((-x.abs()).decay())
    }

    /// `y` where the argument of the logarithm is finite and above 0; else −inf, NaN, or inf and NaN kept. Whether x is finite
    /// its bits have to say: `x < inf` would become a test for classes of floats, of a dozen instructions.
    #[inline(always)]
    fn ends(finite: bool, x: f32, argument: f32, y: f32) -> f32 {
        let y = if finite { y } else { x };
        let y = if argument < 0.0 { f32::NAN } else { y };
        if argument == 0.0 { f32::NEG_INFINITY } else { y }
    }
}

pub(super) mod double {
    use super::*;

    // ln 2 to 32 bits and the rest (fdlibm).
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    /// (ln((1+s)/(1−s)) − 2s)/s³ in s², on [0, 0.1716²] (fdlibm's Lg1 to Lg7): 2⁻⁵⁸.
    const P: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    /// √½, the lower end of m.
    const LOW: u64 = 0x3fe6_a09e_667f_3bcd;

    /// `(k + 1023, m)` for normal x > 0.
    #[inline(always)]
    fn split(x: f64) -> (u64, f64) {
        let bits = x.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - LOW);
        (bits >> 52, f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + LOW))
    }

    /// An integer below 2⁵² as a float.
    #[inline(always)]
    fn float(k: u64) -> f64 {
        f64::from_bits(k | 0x4330_0000_0000_0000) - 4_503_599_627_370_496.0
    }

    /// k·ln 2 + ln(1 + f) by fdlibm: with s = f/(2 + f), ln(1 + f) = f − f²/2 + s·(f²/2 + s²·P(s²)).
    #[inline(always)]
    fn combine<const FMA: bool>(k: Lane<f64, FMA>, f: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let half_square = f * f * 0.5;
        let s = f / (f + 2.0);
        let z = s * s;
        let y = z.mul_add(polynomial(z, P), half_square);
        let y = s.mul_add(y, k * LN2_LO);
        k.mul_add(k.constant(LN2_HI), f - (half_square - y))
    }

    #[inline(always)]
    pub(in super::super) fn ln<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let small = x.0 < f64::MIN_POSITIVE;
        let (k, m) = split(if small { x.0 * 18_014_398_509_481_984.0 } else { x.0 });
        let k = float(k) - if small { 1023.0 + 54.0 } else { 1023.0 };
        let y = combine::<FMA>(Lane(k), Lane(m - 1.0));
        Lane(ends(x.0.to_bits() < f64::INFINITY.to_bits(), x.0, x.0, y.0))
    }

    /// The standard library's: exact powers of the base have exact logarithms.
    #[inline(always)]
    pub(in super::super) fn log2<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.log2())
    }

    /// See [`log2`].
    #[inline(always)]
    pub(in super::super) fn log10<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.log10())
    }

    /// As in [`single`].
    #[inline(always)]
    pub(in super::super) fn ln_1p<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let u = x + 1.0;
        let rounded = u - 1.0;
        let loss = (u.constant(1.0) - (u - rounded)) + (x - rounded);
        let (k, m) = split(u.0);
        let scale = Lane::<_, FMA>(f64::from_bits((2046 - k.min(2046)) << 52));
        let y = combine::<FMA>(Lane(float(k) - 1023.0), loss.mul_add(scale, Lane(m - 1.0)));
        // A negative NaN is NaN in `loss` already.
        let finite = x.0.to_bits().cast_signed() < f64::INFINITY.to_bits().cast_signed();
        Lane(ends(finite, x.0, u.0, y.0).copysign(x.0)) // −0
    }

    /// ln(1 + z) for z from 0 to 1: `1 + z` is m or 2m, and `f` has what it loses to rounding.
    #[inline(always)]
    pub(in super::super) fn ln_1p_unit<const FMA: bool>(z: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let upper = z.0 > 0.414_213_562_373_095_1;
        let (k, f) = if upper { (1.0, (z.0 - 1.0) * 0.5) } else { (0.0, z.0) };
        combine::<FMA>(Lane(k), Lane(f))
    }

    /// min(x, 0) − ln(1 + e^−|x|).
    #[inline(always)]
    pub(in super::super) fn log_sigmoid<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        x.min_scalar(0.0) - ln_1p_unit((-x.abs()).decay())
    }

    #[inline(always)]
    fn ends(finite: bool, x: f64, argument: f64, y: f64) -> f64 {
        let y = if finite { y } else { x };
        let y = if argument < 0.0 { f64::NAN } else { y };
        if argument == 0.0 { f64::NEG_INFINITY } else { y }
    }
}

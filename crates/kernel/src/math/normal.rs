//! The normal distribution: its cumulative Φ(x) = erfc(−x/√2)/2 and the inverse, and GELU, x·Φ(x).
//!
//! On the left Φ is e^(−x²/2)·erfcx(|x|/√2)/2, whose factors [`erf`](super::erf) has; so it is exact in the tail, down to
//! subnormal numbers, where the textbook's (1 + erf(x/√2))/2 has lost all digits at −6.

use super::{erf, exp, log, polynomial};
use crate::real::{Lane, Real};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, SQRT_2};

/// 1/√2π
const DENSITY: f64 = 0.398_942_280_401_432_7;
/// 2·√(2/π), the slope of the logistic function's argument in the approximation of GELU.
const STEEPNESS: f64 = 1.595_769_121_605_730_8;
const CUBIC: f64 = 0.044715;

pub(super) mod single {
    use super::*;

    /// Φ in double precision.
    #[inline(always)]
    fn cdf<const FMA: bool>(x: Lane<f32, FMA>) -> f64 {
        let a = x.abs().min_scalar(14.4); // Φ(−14.2) = 0 after rounding
        let tail = erf::single::tail(a, 0.25, a * FRAC_1_SQRT_2) * 0.5;
        if x.0 < 0.0 { tail } else { 1.0 - tail }
    }

    #[inline(always)]
    pub(in super::super) fn normal_cdf<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        Lane(cdf(x) as f32)
    }

    #[inline(always)]
    pub(in super::super) fn normal_pdf<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let a = x.abs().min_scalar(14.5);
        let head = Lane(f32::from_bits(a.0.to_bits() & 0xffff_f000));
        let (p, b, c) = exp::single::parts(-(head * head) * 0.5, (head - a) * (head + a) * 0.5);
        (p + 1.0) * DENSITY * b * c
    }

    /// (Φ(x) − ½)/x in x², on |x| ≤ 0.81, minimax for the error of Φ (Remez): 2⁻³⁵.
    const NEAR: [f64; 6] = [
        0.3989422917366028,
        -0.06649037450551987,
        0.009973480366170406,
        -0.0011869237059727311,
        0.00011439143418101594,
        -8.135644748108461e-06,
    ];
    /// a·Φ(−a)·e^(a²/2) in (a − K)/(a + K), on [0.76, 14.4], minimax for the relative error (Remez): 2⁻²⁹.
    const FAR: [f64; 10] = [
        0.3561815321445465,
        0.1300610452890396,
        -0.14897839725017548,
        0.07648782432079315,
        -0.009237456135451794,
        -0.008323228918015957,
        0.0016424785135313869,
        0.0015074142720550299,
        -0.00012886965123470873,
        -0.00027811044128611684,
    ];
    /// With this one the first coefficient, the value at K, is a float but for 2⁻²⁸.
    const K: f64 = 2.609375;
    /// Where the first gives way to the second.
    const NEAR_END: f64 = 0.78;

    /// `(N, F, e^(−x²/2))` with Φ(x) = ½ + x·N near 0 and |x|·Φ(−|x|) = F·e^(−x²/2) beyond.
    #[inline(always)]
    fn pieces<const FMA: bool>(x: Lane<f32, FMA>) -> (Lane<f32, FMA>, [Lane<f32, FMA>; 4]) {
        let a = x.abs().min_scalar(14.5); // Φ(−14.2) = 0 after rounding
        let far = polynomial((a - K) / (a + K), FAR);
        let head = Lane(f32::from_bits(a.0.to_bits() & 0xffff_f000));
        let (p, b, c) = exp::single::parts(-(head * head) * 0.5, (head - a) * (head + a) * 0.5);
        (polynomial(x * x, NEAR), [far, p, b, c])
    }

    /// x·Φ(x) = max(x, 0) − |x|·Φ(−|x|), but for the neighbourhood of 0, where that loses a digit. Without fused
    /// multiply-add it would lose more than it may.
    #[inline(always)]
    pub(in super::super) fn gelu<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        if !FMA {
            return Lane((f64::from(x.max_scalar(-15.0).0) * cdf(x)) as f32);
        }
        let (near, [far, p, b, c]) = pieces(x);
        let near = x * near.mul_add(x, x.constant(0.5));
        let far = x.max_scalar(0.0) - p.mul_add(far, far) * b * c;
        Lane::select(x.abs().lt_scalar(NEAR_END), near, far)
    }

    /// Φ(x) + x·φ(x)
    #[inline(always)]
    pub(in super::super) fn gelu_slope<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let (near, [far, p, b, c]) = pieces(x);
        let x = x.max_scalar(-20.0).min_scalar(20.0);
        let bell = (p + 1.0) * b * c;
        let tail = bell * far / x.abs();
        let far = Lane::select(x.lt_scalar(0.0), tail, -tail + 1.0);
        let cdf = Lane::select(x.abs().lt_scalar(NEAR_END), near.mul_add(x, x.constant(0.5)), far);
        (x * DENSITY).mul_add(bell, cdf)
    }

    /// x/(1 + e^−z) with z = √(8/π)·(x + 0.044715·x³) in double precision: an error in z would be multiplied by z.
    #[inline(always)]
    pub(in super::super) fn gelu_tanh<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let x = x.max_scalar(-12.0); // 0 after rounding
        let wide = f64::from(x.min_scalar(12.0).0);
        let z = (wide * (STEEPNESS * CUBIC) * (wide * wide) + wide * STEEPNESS).abs();
        let near = z as f32;
        let (p, b, c) = exp::single::parts(Lane::<f32, FMA>(-near), Lane((f64::from(near) - z) as f32));
        let small = (p + 1.0) * b * c;
        let y = Lane::select(x.lt_scalar(0.0), p.mul_add(x, x) * b * c, x);
        y - y.min_scalar(12.0) * (small / (small + 1.0))
    }
}

pub(super) mod double {
    use super::*;

    /// Φ(x)·factor for x < 0 without its last factor, a power of two.
    #[inline(always)]
    fn left<const FMA: bool>(x: Lane<f64, FMA>, factor: Lane<f64, FMA>) -> (Lane<f64, FMA>, Lane<f64, FMA>) {
        let a = x.abs().min_scalar(38.6); // Φ(−38.5) = 0 after rounding
        let (p, b, c) = erf::double::bell(a, 0.25);
        let s = erf::double::scaled(a * FRAC_1_SQRT_2);
        (p.mul_add(s, s) * (factor * 0.5) * b, c)
    }

    #[inline(always)]
    pub(in super::super) fn normal_cdf<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let (s, c) = left(x, x.constant(1.0));
        let tail = s * c;
        let far = Lane::select(x.lt_scalar(0.0), tail, -tail + 1.0);
        let near = erf::double::near(x * FRAC_1_SQRT_2) * 0.5 + 0.5;
        Lane::select(x.abs().lt_scalar(0.7), near, far)
    }

    #[inline(always)]
    pub(in super::super) fn normal_pdf<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let (p, b, c) = erf::double::bell(x.abs().min_scalar(38.7), 0.25);
        (p + 1.0) * DENSITY * b * c
    }

    /// On the left x goes into the product before the last power of two: a subnormal Φ must not be rounded first.
    #[inline(always)]
    pub(in super::super) fn gelu<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let (s, c) = left(x, x.max_scalar(-39.0));
        Lane::select(x.lt_scalar(-0.7), s * c, x * normal_cdf(x))
    }

    #[inline(always)]
    pub(in super::super) fn gelu_slope<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let x = x.max_scalar(-50.0).min_scalar(50.0);
        x.mul_add(normal_pdf(x), normal_cdf(x))
    }

    #[inline(always)]
    pub(in super::super) fn gelu_tanh<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let bounded = x.max_scalar(-22.0); // 0 after rounding
        let near = bounded.min_scalar(22.0);
        let z = (near * (STEEPNESS * CUBIC) * (near * near) + near * STEEPNESS).abs();
        let (p, b, c) = exp::double::parts(-z, z.constant(0.0));
        let small = (p + 1.0) * b * c;
        let above = Lane::select(x.lt_scalar(0.0), p.mul_add(bounded, bounded) * b * c, bounded);
        above / (small + 1.0)
    }
}

/// ln Φ(x): from the scaled tail on the left, where Φ is 0 long before its logarithm is −inf.
#[inline(always)]
pub(super) fn log_ndtr<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    let scaled = erf::double::scaled(a * FRAC_1_SQRT_2);
    let left = log::double::ln(scaled) - LN_2 - a * a * 0.5;
    let right = log::double::ln_1p(-double::normal_cdf(-x));
    Lane::select(x.lt_scalar(-1.0), left, right)
}

/// The x with Φ(x) = ½ + q, from q and from the smaller one of both tails (M. J. Wichura's algorithm AS 241, 1988).
#[inline(always)]
fn quantile<const FMA: bool>(q: Lane<f64, FMA>, tail: Lane<f64, FMA>) -> Lane<f64, FMA> {
    const CENTRE: [[f64; 8]; 2] = [
        [
            3.387_132_872_796_366_6,
            133.141_667_891_784_38,
            1_971.590_950_306_551_4,
            13_731.693_765_509_46,
            45_921.953_931_549_87,
            67_265.770_927_008_7,
            33_430.575_583_588_13,
            2_509.080_928_730_122_7,
        ],
        [
            1.0,
            42.313_330_701_600_91,
            687.187_007_492_057_9,
            5_394.196_021_424_751,
            21_213.794_301_586_597,
            39_307.895_800_092_71,
            28_729.085_735_721_943,
            5_226.495_278_852_854,
        ],
    ];
    const MIDDLE: [[f64; 8]; 2] = [
        [
            1.423_437_110_749_683_5,
            4.630_337_846_156_546,
            5.769_497_221_460_691,
            3.647_848_324_763_204_5,
            1.270_458_252_452_368_4,
            0.241_780_725_177_450_6,
            0.022_723_844_989_269_184,
            7.745_450_142_783_414e-4,
        ],
        [
            1.0,
            2.053_191_626_637_758_7,
            1.676_384_830_183_803_8,
            0.689_767_334_985_1,
            0.148_103_976_427_480_08,
            0.015_198_666_563_616_457,
            5.475_938_084_995_345e-4,
            1.050_750_071_644_416_9e-9,
        ],
    ];
    const FAR: [[f64; 8]; 2] = [
        [
            6.657_904_643_501_103,
            5.463_784_911_164_114,
            1.784_826_539_917_291_3,
            0.296_560_571_828_504_87,
            0.026_532_189_526_576_124,
            0.001_242_660_947_388_078_4,
            2.711_555_568_743_487_6e-5,
            2.010_334_399_292_288_1e-7,
        ],
        [
            1.0,
            0.599_832_206_555_888,
            0.136_929_880_922_735_8,
            0.014_875_361_290_850_615,
            7.868_691_311_456_133e-4,
            1.846_318_317_510_054_8e-5,
            1.421_511_758_316_446e-7,
            2.044_263_103_389_939_8e-15,
        ],
    ];
    let near = |x, [p, q]: [[f64; 8]; 2]| polynomial(x, p) / polynomial(x, q);
    let centre = q * near(-(q * q) + 0.180625, CENTRE);
    let r = (-log::double::ln(tail)).sqrt();
    let far = Lane::select(r.lt_scalar(5.0), near(r - 1.6, MIDDLE), near(r - 5.0, FAR));
    let far = Lane::select(tail.eq_scalar(0.0), far.constant(f64::INFINITY), far);
    Lane(if q.0.abs() <= 0.425 { centre.0 } else { far.0.copysign(q.0) })
}

/// The inverse of Φ; NaN outside of [0, 1].
#[inline(always)]
pub(super) fn ndtri<const FMA: bool>(p: Lane<f64, FMA>) -> Lane<f64, FMA> {
    quantile(p - 0.5, p.minimum(-p + 1.0))
}

/// The inverse of the error function: Φ⁻¹((1 + x)/2)/√2; NaN outside of [−1, 1].
#[inline(always)]
pub(super) fn erfinv<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let y = quantile(x * 0.5, (-x.abs() + 1.0) * 0.5) / SQRT_2;
    Lane(y.0.copysign(x.0)) // −0
}

//! The exponential and what is made of it: 2ˣ, eˣ − 1, the logistic sigmoid and the hyperbolic functions.
//!
//! All but 2ˣ reduce x = n·ln 2 + r with |r| ≤ ln 2 / 2 (Cody & Waite: ln 2 is the sum of a short number, whose
//! product with n is exact, and a small rest), take e^r − 1 = r + r²·q(r) with a minimax q, and multiply by 2ⁿ
//! as two factors. Two, because 2ⁿ alone overflows before eˣ does, and because a subnormal result must be
//! rounded only once. Where x ≤ 0, 2ⁿ⁺⁶⁴ and 2⁻⁶⁴ will do, which are cheaper.
//!
//! No branch, no conversion to an integer (it would saturate): n is read from the low bits of x·log₂e + 1.5·2²³.

use super::polynomial;
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    /// 1.5·2²³ makes the sum round to an integer; 254 is twice the bias of the exponent, for [`two_factors`].
    const ROUND: f64 = 12_582_912.0 + 254.0;
    // ln 2 = 355/512 − 2.12…e-4 (Cephes, public domain): 355·n is exact.
    const LN2_HI: f64 = 0.693359375;
    const LN2_LO: f64 = -2.121_944_400_546_905_8e-4;
    /// (e^r − 1 − r)/r² on |r| ≤ 0.3473, minimax for the relative error of e^r − 1 (Remez): 2⁻³².
    #[allow(clippy::approx_constant)]
    const Q: [f64; 6] = [0.5, 0.16666666, 0.04166636, 0.00833339, 0.0013940822, 0.00019845845];

    /// e^(x+rest) = (1 + p)·a·b; returns `(p, a, b)`. NaN goes into `p`.
    #[inline(always)]
    pub(in super::super) fn parts<const FMA: bool>(
        x: Lane<f32, FMA>,
        rest: Lane<f32, FMA>,
    ) -> (Lane<f32, FMA>, Lane<f32, FMA>, Lane<f32, FMA>) {
        // Far outside of what is not inf or 0, so that [`exp_times`] has room for its factor.
        let x = x.min_scalar(150.0).max_scalar(-150.0);
        let (n, near, a, b) = reduced(x);
        let r = (-n).mul_add(n.constant(LN2_LO), near) + rest;
        let p = (r * r).mul_add(polynomial(r, Q), r);
        (p, a, b)
    }

    /// `n`, `x − n·355/512` (exact), and 2ⁿ as two factors.
    #[inline(always)]
    fn reduced<const FMA: bool>(
        x: Lane<f32, FMA>,
    ) -> (Lane<f32, FMA>, Lane<f32, FMA>, Lane<f32, FMA>, Lane<f32, FMA>) {
        let rounded = x.mul_add(x.constant(std::f64::consts::LOG2_E), x.constant(ROUND));
        let n = rounded - ROUND;
        let (a, b) = two_factors(rounded.0.to_bits());
        (n, (-n).mul_add(n.constant(LN2_HI), x), Lane(a), Lane(b))
    }

    /// 2ⁿ as 2^⌊n/2⌋ · 2^⌈n/2⌉, from an integer whose low bits are n + 2·127; the high ones are shifted out.
    #[inline(always)]
    fn two_factors(biased: u32) -> (f32, f32) {
        let half = biased >> 1;
        (f32::from_bits(half << 23), f32::from_bits(biased.wrapping_sub(half) << 23))
    }

    #[inline(always)]
    pub(in super::super) fn exp<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        // Outside, the result is inf or 0: e⁸⁹ > MAX, e⁻¹⁰⁴ < 2⁻¹⁵⁰.
        let (n, near, a, b) = reduced(x.min_scalar(89.0).max_scalar(-104.0));
        // What r and 1 + r lose to rounding is kept apart and added with the rest of the series: 98 % of the results are
        // the nearest number, as PyTorch's are, and so print the same digits.
        let r = (-n).mul_add(n.constant(LN2_LO), near);
        let lost = (-n).mul_add(n.constant(LN2_LO), near - r);
        let sum = r + 1.0;
        let rest = (r * r).mul_add(polynomial(r, Q), r - (sum - 1.0) + lost);
        (sum + rest) * a * b
    }

    /// eˣ for x ≤ 0 (up to 40 at most), with 0.9 units in the last place where [`exp`] has 0.51.
    #[inline(always)]
    pub(in super::super) fn decay<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        // As ROUND, for a float whose exponent is n + 64; the high bits are shifted out.
        const ROUND: f64 = 12_582_912.0 + 127.0 + 64.0;
        /// 2⁻⁶⁴
        const DOWN: f64 = f64::from_bits((1023 - 64) << 52);
        let x = x.max_scalar(-104.0);
        let rounded = x.mul_add(x.constant(std::f64::consts::LOG2_E), x.constant(ROUND));
        let n = rounded - ROUND;
        let r = (-n).mul_add(n.constant(LN2_LO), (-n).mul_add(n.constant(LN2_HI), x));
        let p = (r * r).mul_add(polynomial(r, Q), r);
        let a = Lane(f32::from_bits(rounded.0.to_bits() << 23));
        p.mul_add(a, a) * DOWN
    }

    /// factor·eˣ, rounded once where eˣ alone is subnormal or inf.
    #[inline(always)]
    pub(in super::super) fn exp_times<const FMA: bool>(
        x: Lane<f32, FMA>,
        factor: Lane<f32, FMA>,
    ) -> Lane<f32, FMA> {
        let (p, a, b) = parts(x, x.constant(0.0));
        p.mul_add(factor, factor) * a * b
    }

    /// (2^r − 1)/r on |r| ≤ ½, minimax for the error of 2^r (Remez): 2⁻²⁹.
    #[allow(clippy::approx_constant)]
    const TWO: [f64; 6] = [0.6931472, 0.2402265, 0.05550328, 0.0096180035, 0.001340027, 0.00015476392];

    /// x = n + r, no rounding: whole powers are exact.
    #[inline(always)]
    pub(in super::super) fn exp2<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let x = x.min_scalar(150.0).max_scalar(-160.0);
        let rounded = x + ROUND;
        let r = x - (rounded - ROUND);
        let (a, b) = two_factors(rounded.0.to_bits());
        (r * polynomial(r, TWO) + 1.0) * Lane(a) * Lane(b)
    }

    /// e^r·2ⁿ − 1 = ((e^r − 1)·a + (a − 1/b))·b, which for n = 0 is e^r − 1 itself.
    #[inline(always)]
    pub(in super::super) fn exp_m1<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        // Below −18 the result is −1.
        let (p, a, b) = parts(x.max_scalar(-18.0), x.constant(0.0));
        let reciprocal = Lane(f32::from_bits(0x7f00_0000_u32.wrapping_sub(b.0.to_bits())));
        let y = p.mul_add(a, a - reciprocal) * b;
        Lane(y.0.copysign(x.0)) // −0
    }

    /// 1/(1 + e⁻ˣ) for x ≥ 0 and eˣ/(1 + eˣ) below, where the first form would lose the tail.
    #[inline(always)]
    pub(in super::super) fn sigmoid<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let z = decay(-x.abs());
        Lane::select(x.lt_scalar(0.0), z, z.constant(1.0)) / (z + 1.0)
    }

    /// σ(x) and σ(−x) by one division.
    #[inline(always)]
    pub(in super::super) fn sigmoids<const FMA: bool>(x: Lane<f32, FMA>) -> [Lane<f32, FMA>; 2] {
        let z = decay(-x.abs());
        let large = z.constant(1.0) / (z + 1.0);
        let small = z * large;
        let below = x.lt_scalar(0.0);
        [Lane::select(below, small, large), Lane::select(below, large, small)]
    }

    /// (tanh x − x)/x³ in x², on |x| ≤ 0.64, minimax for the relative error of tanh (Remez): 2⁻²⁷.
    const TANH: [f64; 5] = [-0.3333327, 0.13331093, -0.05370967, 0.02053886, -0.0055910572];

    /// x + x³·T(x²) near 0 and 1 − 2·e⁻²ˣ/(1 + e⁻²ˣ) beyond.
    #[inline(always)]
    pub(in super::super) fn tanh<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let a = x.abs();
        let square = a * a;
        let near = (a * square).mul_add(polynomial(square, TANH), a);
        let z = decay(a * -2.0);
        let far = a.constant(1.0) - (z + z) / (z + 1.0);
        Lane(Lane::select(a.lt_scalar(0.625), near, far).0.copysign(x.0))
    }

    /// (E + E/(E + 1))/2 with E = eˣ − 1, in double precision.
    #[inline(always)]
    pub(in super::super) fn sinh<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        // The clamp keeps inf/inf away; e¹⁰⁰/2 is already inf in single precision.
        let e = double::exp_m1(Lane::<f64, FMA>(f64::from(x.0)).abs().min_scalar(100.0));
        let y = (e + e / (e + 1.0)) * 0.5;
        Lane((y.0 as f32).copysign(x.0))
    }

    /// (z + 1/z)/2 with z = eˣ, in double precision.
    #[inline(always)]
    pub(in super::super) fn cosh<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let z = double::exp(Lane::<f64, FMA>(f64::from(x.0)).abs().min_scalar(100.0));
        let y = (z + z.constant(1.0) / z) * 0.5;
        Lane(y.0 as f32)
    }
}

pub(super) mod double {
    use super::*;

    /// As in [`single`]: 1.5·2⁵² and twice the bias.
    const ROUND: f64 = 6_755_399_441_055_744.0 + 2046.0;
    // ln 2 to 32 bits and the rest (fdlibm).
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    /// (e^r − 1 − r)/r² on |r| ≤ 0.3473, minimax for the relative error of e^r − 1 (Remez): 2⁻⁶¹.
    const Q: [f64; 11] = [
        0.5,
        0.16666666666666677,
        0.041666666666666505,
        0.008333333333321515,
        0.00138888888889635,
        0.0001984126988647619,
        2.4801587171081456e-05,
        2.7557243805242885e-06,
        2.755740324848727e-07,
        2.510919475034039e-08,
        2.0875335504955362e-09,
    ];

    /// e^(x+rest) = (1 + p)·a·b; returns `(p, a, b)`.
    #[inline(always)]
    pub(in super::super) fn parts<const FMA: bool>(
        x: Lane<f64, FMA>,
        rest: Lane<f64, FMA>,
    ) -> (Lane<f64, FMA>, Lane<f64, FMA>, Lane<f64, FMA>) {
        let x = x.min_scalar(1000.0).max_scalar(-1000.0);
        let rounded = x.mul_add(x.constant(std::f64::consts::LOG2_E), x.constant(ROUND));
        let n = rounded - ROUND;
        let r = (-n).mul_add(n.constant(LN2_HI), x);
        let r = (-n).mul_add(n.constant(LN2_LO), r) + rest;
        let p = (r * r).mul_add(polynomial(r, Q), r);
        let (a, b) = two_factors(rounded.0.to_bits());
        (p, Lane(a), Lane(b))
    }

    #[inline(always)]
    fn two_factors(biased: u64) -> (f64, f64) {
        let half = biased >> 1;
        (f64::from_bits(half << 52), f64::from_bits(biased.wrapping_sub(half) << 52))
    }

    #[inline(always)]
    pub(in super::super) fn exp<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let (p, a, b) = parts(x, x.constant(0.0));
        (p + 1.0) * a * b
    }

    /// As in [`single`], with n + 512.
    #[inline(always)]
    pub(in super::super) fn decay<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        const ROUND: f64 = 6_755_399_441_055_744.0 + 1023.0 + 512.0;
        /// 2⁻⁵¹²
        const DOWN: f64 = f64::from_bits((1023 - 512) << 52);
        let x = x.max_scalar(-746.0);
        let rounded = x.mul_add(x.constant(std::f64::consts::LOG2_E), x.constant(ROUND));
        let n = rounded - ROUND;
        let r = (-n).mul_add(n.constant(LN2_LO), (-n).mul_add(n.constant(LN2_HI), x));
        let p = (r * r).mul_add(polynomial(r, Q), r);
        let a = Lane(f64::from_bits(rounded.0.to_bits() << 52));
        p.mul_add(a, a) * DOWN
    }

    #[inline(always)]
    pub(in super::super) fn exp_times<const FMA: bool>(
        x: Lane<f64, FMA>,
        factor: Lane<f64, FMA>,
    ) -> Lane<f64, FMA> {
        let (p, a, b) = parts(x, x.constant(0.0));
        p.mul_add(factor, factor) * a * b
    }

    /// (2^r − 1)/r on |r| ≤ ½, minimax for the error of 2^r (Remez): 2⁻⁶⁴.
    #[allow(clippy::approx_constant)]
    const TWO: [f64; 12] = [
        0.6931471805599453,
        0.24022650695910072,
        0.0555041086648217,
        0.009618129107628496,
        0.0013333558146390479,
        0.0001540353039334123,
        1.5252733856194216e-05,
        1.3215486832966515e-06,
        1.0178051228533286e-07,
        7.0548882801927476e-09,
        4.456670577802093e-10,
        2.5741772415389025e-11,
    ];

    #[inline(always)]
    pub(in super::super) fn exp2<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let x = x.min_scalar(1050.0).max_scalar(-1100.0);
        let rounded = x + ROUND;
        let r = x - (rounded - ROUND);
        let (a, b) = two_factors(rounded.0.to_bits());
        (r * polynomial(r, TWO) + 1.0) * Lane(a) * Lane(b)
    }

    #[inline(always)]
    pub(in super::super) fn exp_m1<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let (p, a, b) = parts(x.max_scalar(-40.0), x.constant(0.0));
        let reciprocal = Lane(f64::from_bits(0x7fe0_0000_0000_0000_u64.wrapping_sub(b.0.to_bits())));
        let y = p.mul_add(a, a - reciprocal) * b;
        Lane(y.0.copysign(x.0)) // −0
    }

    #[inline(always)]
    pub(in super::super) fn sigmoid<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let z = decay(-x.abs());
        Lane::select(x.lt_scalar(0.0), z, z.constant(1.0)) / (z + 1.0)
    }

    /// σ(x) and σ(−x) by one division.
    #[inline(always)]
    pub(in super::super) fn sigmoids<const FMA: bool>(x: Lane<f64, FMA>) -> [Lane<f64, FMA>; 2] {
        let z = decay(-x.abs());
        let large = z.constant(1.0) / (z + 1.0);
        let small = z * large;
        let below = x.lt_scalar(0.0);
        [Lane::select(below, small, large), Lane::select(below, large, small)]
    }

    /// E/(E + 2) with E = e²ˣ − 1.
    #[inline(always)]
    pub(in super::super) fn tanh<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        // tanh 22 = 1 after rounding; the clamp keeps inf/inf away.
        let a = x.abs().min_scalar(22.0);
        let e = exp_m1(a + a);
        Lane((e / (e + 2.0)).0.copysign(x.0))
    }

    /// The standard library's: near the overflow it is more careful than the formula above.
    #[inline(always)]
    pub(in super::super) fn sinh<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.sinh())
    }

    /// See [`sinh`].
    #[inline(always)]
    pub(in super::super) fn cosh<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        Lane(x.0.cosh())
    }
}

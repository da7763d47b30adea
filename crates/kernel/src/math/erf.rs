//! The error function, its complement, and the complement scaled by e^(x²).

use super::{exp, polynomial};
use crate::real::{Lane, Real};

pub(super) mod single {
    use super::*;

    /// erf(x)/x − 1 in x², on |x| ≤ 0.94, minimax for the relative error (Remez): 2⁻³⁰.
    const NEAR: [f64; 7] =
        [0.12837917, -0.37612632, 0.11283676, -0.026858345, 0.005198463, -0.00081140513, 8.251017e-5];
    /// −ln(erfc x)/x on [0.92, 4], minimax for the relative error of erf (Remez): 2⁻³⁰.
    const FAR: [f64; 7] =
        [1.1286485, 0.6351512, 0.10623703, -0.02376220, 0.003642527, -0.00032282143, 1.1233158e-5];
    /// (u + K)·e^(u²)·erfc u in (u − K)/(u + K), on [0, 10.3], minimax for the relative error (Remez): 2⁻²⁷.
    const SCALED: [f64; 10] = [
        1.054031819195965,
        -0.80465174,
        0.4539141,
        -0.1712547,
        0.028360566,
        0.008421623,
        -0.004803317,
        -0.0005257336,
        0.00062793196,
        0.00014167117,
    ];
    const K: f64 = 2.5;

    /// x + x·N(x²) near 0 and 1 − e^(−x·F(x)) beyond (the form is N. Juffa's).
    #[inline(always)]
    pub(in super::super) fn erf<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let a = x.abs();
        let near = a.mul_add(polynomial(a * a, NEAR), a);
        let t = a.min_scalar(4.0); // erf 4 = 1 after rounding
        let far = t.constant(1.0) - exp::single::exp(-t * polynomial(t, FAR));
        Lane(Lane::select(a.lt_scalar(0.93), near, far).0.copysign(x.0))
    }

    /// e^(−half·2a²)·e^(u²)·erfc u, for a up to 15 and u up to 10.3.
    ///
    /// An error in a² would be multiplied by a²: a² = head² + (a − head)(a + head), the head's square exact. And four
    /// roundings of single precision in a row would cost 3 ulp: the last sums and products of the small terms are taken
    /// in double precision, where nothing is subnormal either.
    #[inline(always)]
    pub(in super::super) fn tail<const FMA: bool>(a: Lane<f32, FMA>, half: f64, u: Lane<f32, FMA>) -> f64 {
        let head = Lane(f32::from_bits(a.0.to_bits() & 0xffff_f000));
        let twice = half * 2.0;
        let (p, b, c) = exp::single::parts(-(head * head) * twice, (head - a) * (head + a) * twice);
        // One step of Newton's gives the reciprocal its missing digits.
        let r = f64::from((u.constant(1.0) / (u + K)).0);
        let r = r * (2.0 - r * (f64::from(u.0) + K));
        let t = 1.0 - 2.0 * K * r;
        let [constant, rest @ ..] = SCALED;
        let s = t * f64::from(polynomial(Lane::<f32, FMA>(t as f32), rest).0) + constant;
        (f64::from(p.0) + 1.0) * s * r * f64::from(b.0) * f64::from(c.0)
    }

    /// e^(−x²)·erfcx x on the right and 2 − erfc(−x) on the left.
    #[inline(always)]
    pub(in super::super) fn erfc<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let a = x.abs().min_scalar(10.25); // erfc 10.1 = 0 after rounding
        let tail = tail(a, 0.5, a);
        Lane(if x.0 < 0.0 { 2.0 - tail } else { tail } as f32)
    }
}

pub(super) mod double {
    use super::*;

    /// erf(x)/x − 1 in x², on |x| ≤ 1, minimax for the relative error (Remez): 2⁻⁵⁷.
    const NEAR: [f64; 12] = [
        0.12837916709551256,
        -0.3761263890318352,
        0.11283791670944185,
        -0.026866170643111597,
        0.005223977606119711,
        -0.0008548325929378619,
        0.00012055293578913304,
        -1.4924712341900876e-05,
        1.6447132073476558e-06,
        -1.6206317651886606e-07,
        1.3710997346779898e-08,
        -7.77950018763225e-10,
    ];
    /// (u + K)·e^(u²)·erfc u in (u − K)/(u + K), on [0, ∞], minimax for the relative error (Remez): 2⁻⁶⁰.
    const SCALED: [f64; 26] = [
        1.08705558926226,
        -0.937799724567112,
        0.6941136466346431,
        -0.43525602671688257,
        0.22573862164748346,
        -0.09231870663876954,
        0.026518619879963914,
        -0.003177050337436751,
        -0.0013053546707505529,
        0.0007145316363617694,
        -4.2062321783781944e-05,
        -7.477682194081907e-05,
        1.8647942038978362e-05,
        7.243284128313425e-06,
        -3.39440032550274e-06,
        -7.94667258840209e-07,
        5.554616814523402e-07,
        1.1441447154240908e-07,
        -9.00330406328498e-08,
        -2.1454961725931267e-08,
        1.4088909765492472e-08,
        4.263694781553664e-09,
        -1.8652414517638122e-09,
        -6.78545686789012e-10,
        1.48039233456562e-10,
        5.812969400318757e-11,
    ];
    const K: f64 = 3.5;

    /// e^(u²)·erfc u for u ≥ 0; best beyond ½.
    #[inline(always)]
    pub(in super::super) fn scaled<const FMA: bool>(u: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let reciprocal = u.constant(1.0) / (u + K);
        let t = Lane::select(u.lt_scalar(1e17), (u - K) * reciprocal, u.constant(1.0));
        polynomial(t, SCALED) * reciprocal
    }

    /// erf x on |x| ≤ 1.
    #[inline(always)]
    pub(in super::super) fn near<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        x.mul_add(polynomial(x * x, NEAR), x)
    }

    /// e^(−half·2a²) = (1 + p)·b·c, as in [`single::tail`]; returns `(p, b, c)`.
    #[inline(always)]
    pub(in super::super) fn bell<const FMA: bool>(
        a: Lane<f64, FMA>,
        half: f64,
    ) -> (Lane<f64, FMA>, Lane<f64, FMA>, Lane<f64, FMA>) {
        let head = Lane(f64::from_bits(a.0.to_bits() & 0xffff_ffff_f800_0000));
        let twice = half * 2.0;
        exp::double::parts(-(head * head) * twice, (head - a) * (head + a) * twice)
    }

    /// erfc of x ≥ 0, or of 27.5 where x is larger: 0 after rounding.
    #[inline(always)]
    fn tail<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let a = x.min_scalar(27.5);
        let (s, (p, b, c)) = (scaled(a), bell(a, 0.5));
        p.mul_add(s, s) * b * c
    }

    #[inline(always)]
    pub(in super::super) fn erf<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let a = x.abs();
        let far = a.constant(1.0) - tail(a);
        Lane(Lane::select(a.lt_scalar(1.0), near(a), far).0.copysign(x.0))
    }

    #[inline(always)]
    pub(in super::super) fn erfc<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let tail = tail(x.abs());
        let far = Lane::select(x.lt_scalar(0.0), -tail + 2.0, tail);
        Lane::select(x.abs().lt_scalar(0.5), -near(x) + 1.0, far)
    }
}

/// e^(x²)·erfc x: a reflection 2·e^(x²) − erfcx(−x) on the left, where it grows beyond all bounds.
#[inline(always)]
pub(super) fn erfcx<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    let right = double::scaled(a);
    // From here on e^(x²) is inf.
    let (p, b, c) = double::bell(a.min_scalar(26.7), -0.5);
    let bell = (p + 1.0) * b * c;
    let far = Lane::select(x.lt_scalar(0.0), bell * 2.0 - right, right);
    Lane::select(a.lt_scalar(0.5), bell * (-double::near(x) + 1.0), far)
}

//! The error function and its complement.

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
    /// (1 + 2x)·e^(x²)·erfc x in (x − 2)/(x + 2), on [0.5, 10.1], minimax for the relative error (Remez): 2⁻²⁶.
    const SCALED: [f64; 9] = [
        1.2769784,
        -0.09276357,
        -0.16603039,
        0.16404232,
        -0.054218303,
        -0.007947409,
        0.008694425,
        0.00094885356,
        -0.0013187788,
    ];

    /// x + x·N(x²) near 0 and 1 − e^(−x·F(x)) beyond (the form is N. Juffa's).
    #[inline(always)]
    pub(in super::super) fn erf<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let a = x.abs();
        let near = a.mul_add(polynomial(a * a, NEAR), a);
        let t = a.min_scalar(4.0); // erf 4 = 1 after rounding
        let far = t.constant(1.0) - exp::single::exp(-t * polynomial(t, FAR));
        Lane(Lane::select(a.lt_scalar(0.93), near, far).0.copysign(x.0))
    }

    /// 1 − erf(x) near 0 and e^(−x²)·S/(1 + 2x) beyond; 2 − erfc(−x) on the left.
    #[inline(always)]
    pub(in super::super) fn erfc<const FMA: bool>(x: Lane<f32, FMA>) -> Lane<f32, FMA> {
        let near = x.constant(1.0) - x.mul_add(polynomial(x * x, NEAR), x);
        let a = x.abs().min_scalar(10.5); // erfc 10.1 = 0 after rounding
        // An error in a² would be multiplied by a²: a² = head² + (a − head)(a + head), the head's square exact.
        let head = Lane(f32::from_bits(a.0.to_bits() & 0xffff_f000));
        let (p, b, c) = exp::single::parts(-(head * head), (head - a) * (head + a));
        // Four roundings of single precision in a row would cost 3 ulp: the last sums, the product and the quotient
        // of the small terms are taken in double precision.
        let t = (a - 2.0) / (a + 2.0);
        let [constant, rest @ ..] = SCALED;
        let s = f64::from((t * polynomial(t, rest)).0) + constant;
        let s = (f64::from(p.0) + 1.0) * s / (f64::from(a.0) * 2.0 + 1.0);
        // The powers of two last: e^(−a²) is subnormal too early.
        let tail = Lane(s as f32) * b * c;
        let far = Lane::select(x.lt_scalar(0.0), -tail + 2.0, tail);
        Lane::select(x.abs().lt_scalar(0.5), near, far)
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
    /// (1 + 2x)·e^(x²)·erfc x in (x − 4)/(x + 4), on [0, 27.3], minimax for the relative error (Remez): 2⁻⁵⁶.
    const SCALED: [f64; 23] = [
        1.2329951186255526,
        -0.13962111684056286,
        0.01537965210262014,
        0.06809705425473354,
        -0.10103906603632355,
        0.0937328349969146,
        -0.06633036581203872,
        0.03716751556069985,
        -0.016197734054723013,
        0.005031969770624755,
        -0.0007577733614102264,
        -0.0001992555796114568,
        0.00015062229008857138,
        -2.4402953682535335e-05,
        -1.1224821290137335e-05,
        5.717498252704173e-06,
        3.0127299870700217e-07,
        -8.347658919039832e-07,
        6.288849264708118e-08,
        1.1516024924945702e-07,
        -7.842084173963941e-09,
        -1.3650013078855995e-08,
        -1.8001698814802458e-09,
    ];

    /// erfc of x ≥ 0, or of 27.5 where x is larger: 0 after rounding.
    #[inline(always)]
    fn tail<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let a = x.min_scalar(27.5);
        let s = polynomial((a - 4.0) / (a + 4.0), SCALED) / a.mul_add(a.constant(2.0), a.constant(1.0));
        let head = Lane(f64::from_bits(a.0.to_bits() & 0xffff_ffff_f800_0000));
        let (p, b, c) = exp::double::parts(-(head * head), (head - a) * (head + a));
        p.mul_add(s, s) * b * c
    }

    #[inline(always)]
    pub(in super::super) fn erf<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let a = x.abs();
        let near = a.mul_add(polynomial(a * a, NEAR), a);
        let far = a.constant(1.0) - tail(a);
        Lane(Lane::select(a.lt_scalar(1.0), near, far).0.copysign(x.0))
    }

    #[inline(always)]
    pub(in super::super) fn erfc<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
        let near = x.constant(1.0) - x.mul_add(polynomial(x * x, NEAR), x);
        let tail = tail(x.abs());
        let far = Lane::select(x.lt_scalar(0.0), -tail + 2.0, tail);
        Lane::select(x.abs().lt_scalar(0.5), near, far)
    }
}

//! The modified Bessel functions of the first kind, of orders 0 and 1, plain and scaled by e^−|x|.
//!
//! Up to 8 a power series in x²/4, whose terms are all positive; beyond, e^x/√x times a polynomial in 16/x − 1. Both are
//! minimax for the relative error (Remez), to 2⁻⁵⁵ or better.

use super::polynomial;
use crate::real::{Lane, Real};

/// (I₀(x) − 1)/z in z = x²/4, on |x| ≤ 8: 2⁻⁵⁹.
const SMALL_0: [f64; 15] = [
    1.0,
    0.2499999999999997,
    0.027777777777778748,
    0.001736111111109597,
    6.944444444579945e-05,
    1.9290123449143966e-06,
    3.9367599180117076e-08,
    6.151186569100876e-10,
    7.594072574304125e-12,
    7.593868332553934e-14,
    6.277921280520934e-16,
    4.345711115265169e-18,
    2.6393563418666355e-20,
    1.1280115889067383e-22,
    9.191737769987698e-25,
];
/// (2·I₁(x)/x − 1)/z in z = x²/4, on |x| ≤ 8: 2⁻⁵⁶.
const SMALL_1: [f64; 14] = [
    0.4999999999999997,
    0.08333333333333524,
    0.006944444444439524,
    0.00034722222222842024,
    1.157407406956837e-05,
    2.755731943114608e-07,
    4.920949224525843e-09,
    6.834666132099246e-11,
    7.593855340578215e-13,
    6.905847200421493e-15,
    5.2139547208996315e-17,
    3.4349712935395344e-19,
    1.5699635548707447e-21,
    1.388591760789178e-23,
];
/// √x·e^−x·I₀(x) in 16/x − 1, on x ≥ 8: 2⁻⁵⁵.
const LARGE_0: [f64; 24] = [
    0.4021765094450081,
    0.0033605519836678453,
    0.00013621607439017757,
    1.114303379237677e-05,
    1.4838476519297851e-06,
    2.9735982086187185e-07,
    8.872054958688995e-08,
    3.932630397163744e-08,
    2.156460578285905e-08,
    7.551592763800298e-09,
    -6.841659370573105e-09,
    -1.3396191417699195e-08,
    -5.060442907625558e-09,
    7.519052010020174e-09,
    6.601863251505631e-09,
    -3.448099131346984e-09,
    -4.6256198977891795e-09,
    1.4550133751808388e-09,
    2.2341946294712325e-09,
    -5.256702044095958e-10,
    -6.790342832230683e-10,
    1.34333836961416e-10,
    9.650630422142767e-11,
    -1.7035687386296818e-11,
];
/// √x·e^−x·I₁(x) in 16/x − 1, on x ≥ 8: 2⁻⁵⁵.
const LARGE_1: [f64; 24] = [
    0.38939845902587233,
    -0.009749577193235725,
    -0.0002192357638320565,
    -1.5038547201576212e-05,
    -1.8349102226101136e-06,
    -3.4838554985399133e-07,
    -1.0001116379168706e-07,
    -4.312949292822515e-08,
    -2.3390846630608166e-08,
    -8.42565647275389e-09,
    6.83240765654274e-09,
    1.402562319547502e-08,
    5.6158564361222405e-09,
    -7.619798408547906e-09,
    -7.02583903432317e-09,
    3.387393415174107e-09,
    4.860988107056547e-09,
    -1.395201659973635e-09,
    -2.334544439808095e-09,
    4.989441465935701e-10,
    7.075131868550883e-10,
    -1.2784022121114115e-10,
    -1.0039711530878546e-10,
    1.6375449009674377e-11,
];

/// I₀
#[inline(always)]
pub(super) fn i0<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    unbounded(a, Lane::select(a.lt_scalar(8.0), small_0(a), a.exp_times(large(a, LARGE_0))))
}

/// e^−|x|·I₀(x)
#[inline(always)]
pub(super) fn i0e<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    Lane::select(a.lt_scalar(8.0), (-a).exp_times(small_0(a)), large(a, LARGE_0))
}

/// I₁
#[inline(always)]
pub(super) fn i1<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    let y = unbounded(a, Lane::select(a.lt_scalar(8.0), small_1(a), a.exp_times(large(a, LARGE_1))));
    Lane(y.0.copysign(x.0))
}

/// e^−|x|·I₁(x)
#[inline(always)]
pub(super) fn i1e<const FMA: bool>(x: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let a = x.abs();
    let y = Lane::select(a.lt_scalar(8.0), (-a).exp_times(small_1(a)), large(a, LARGE_1));
    Lane(y.0.copysign(x.0))
}

/// inf where I₀ and I₁ are, and where [`exp_times`](Real::exp_times) no longer says so.
#[inline(always)]
fn unbounded<const FMA: bool>(a: Lane<f64, FMA>, y: Lane<f64, FMA>) -> Lane<f64, FMA> {
    Lane::select(a.gt_scalar(750.0), a.constant(f64::INFINITY), y)
}

#[inline(always)]
fn small_0<const FMA: bool>(a: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let z = a * a * 0.25;
    z.mul_add(polynomial(z, SMALL_0), z.constant(1.0))
}

#[inline(always)]
fn small_1<const FMA: bool>(a: Lane<f64, FMA>) -> Lane<f64, FMA> {
    let z = a * a * 0.25;
    z.mul_add(polynomial(z, SMALL_1), z.constant(1.0)) * a * 0.5
}

#[inline(always)]
fn large<const FMA: bool>(a: Lane<f64, FMA>, coefficients: [f64; 24]) -> Lane<f64, FMA> {
    polynomial(a.constant(16.0) / a - 1.0, coefficients) / a.sqrt()
}

//! How exact every function is: the largest error over all magnitudes, in units in the last place of the true
//! value, measured against the standard library and `libm` in double precision and held to a bound.
//!
//! `cargo test -p baekmi-kernel ulp -- --nocapture` prints the table.

#![allow(clippy::redundant_closure_for_method_calls)]

use crate::real::{Lane, Real};

/// One function: its text over both kinds of lanes, its reference, its bounds.
struct Case {
    name: &'static str,
    single: [fn(f32) -> f32; 2],
    double: [fn(f64) -> f64; 2],
    reference: fn(f64) -> f64,
    bounds: [f64; 2],
}

macro_rules! case {
    ($name:literal, $formula:expr, $reference:expr, $single:literal, $double:literal) => {{
        // A closure cannot be generic over the lane, so the formula is pasted four times.
        Case {
            name: $name,
            single: [|x| call(Lane::<f32, true>(x), $formula).0, |x| call(Lane::<f32, false>(x), $formula).0],
            double: [|x| call(Lane::<f64, true>(x), $formula).0, |x| call(Lane::<f64, false>(x), $formula).0],
            reference: $reference,
            bounds: [$single, $double],
        }
    }};
}

/// Tells the compiler the type of the formula's variable.
fn call<R: Real>(x: R, formula: impl Fn(R) -> R) -> R {
    formula(x)
}

/// The logistic function in the form that keeps the tail.
fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

fn cases() -> Vec<Case> {
    vec![
        case!("exp", |x| x.exp(), f64::exp, 1.5, 2.0),
        case!("exp_m1", |x| x.exp_m1(), f64::exp_m1, 1.5, 2.5),
        case!("sigmoid", |x| x.sigmoid(), sigmoid, 2.5, 4.0),
        case!("tanh", |x| x.tanh(), f64::tanh, 1.5, 4.0),
        case!("sinh", |x| x.sinh(), f64::sinh, 1.0, 2.0),
        case!("cosh", |x| x.cosh(), f64::cosh, 1.0, 2.0),
        case!("ln", |x| x.ln(), f64::ln, 1.5, 2.0),
        case!("ln_1p", |x| x.ln_1p(), f64::ln_1p, 1.5, 3.0),
        case!("sqrt", |x| x.sqrt(), f64::sqrt, 0.51, 0.0),
        case!("sin", |x| x.sin(), f64::sin, 1.5, 1.0),
        case!("cos", |x| x.cos(), f64::cos, 1.5, 1.0),
        case!("tan", |x| x.tan(), f64::tan, 1.0, 1.0),
        case!("asin", |x| x.asin(), f64::asin, 1.0, 1.0),
        case!("acos", |x| x.acos(), f64::acos, 1.0, 1.0),
        case!("atan", |x| x.atan(), f64::atan, 1.0, 1.0),
        case!("asinh", |x| x.asinh(), libm::asinh, 1.0, 1.0),
        case!("acosh", |x| x.acosh(), libm::acosh, 1.0, 1.0),
        case!("atanh", |x| x.atanh(), libm::atanh, 1.0, 1.0),
        case!("erf", |x| x.erf(), libm::erf, 1.5, 3.0),
        case!("erfc", |x| x.erfc(), libm::erfc, 2.5, 4.0),
        case!("lgamma", |x| x.lgamma(), libm::lgamma, 1.0, 1.0),
        case!("digamma", |x| x.digamma(), super::gamma::digamma, 1.0, 1.0),
        case!("x^2", |x| x.pow_scalar(2.0), |x| x.powf(2.0), 1.0, 1.0),
        case!("x^3", |x| x.pow_scalar(3.0), |x| x.powf(3.0), 1.5, 1.5),
        case!("x^4", |x| x.pow_scalar(4.0), |x| x.powf(4.0), 1.0, 1.0),
        case!("x^½", |x| x.pow_scalar(0.5), |x| x.powf(0.5), 1.0, 1.0),
        case!("x^-½", |x| x.pow_scalar(-0.5), |x| x.powf(-0.5), 1.0, 1.0),
        case!("x^-1", |x| x.pow_scalar(-1.0), |x| x.powf(-1.0), 1.0, 1.0),
        case!("x^-2", |x| x.pow_scalar(-2.0), |x| x.powf(-2.0), 1.0, 1.0),
        case!("x^2.5", |x| x.pow_scalar(2.5), |x| x.powf(2.5), 1.0, 1.0),
        case!("x^-7.25", |x| x.pow_scalar(-7.25), |x| x.powf(-7.25), 1.0, 1.0),
        case!("1.7^x", |x| x.constant(1.7f32.into()).pow(x), |x| f64::from(1.7f32).powf(x), 1.0, 1.0),
    ]
}

/// The error of `y` in units in the last place of a float with `digits` bits and the least exponent `least`.
fn error(y: f64, truth: f64, largest: f64, digits: i32, least: i32) -> f64 {
    if y.is_nan() || truth.is_nan() {
        return if y.is_nan() && truth.is_nan() { 0.0 } else { f64::INFINITY };
    }
    // Where the truth leaves the range, inf is right, and the largest float is one step beside it.
    let (y, truth) = (y.clamp(-largest, largest), truth.clamp(-largest, largest));
    let exponent = libm::frexp(truth).1.max(least + digits);
    libm::ldexp(libm::ldexp(y - truth, -exponent), digits).abs()
}

/// 200,000 floats of all magnitudes and signs, and as many evenly over the ranges where functions have shape.
fn points() -> impl Iterator<Item = f64> {
    let patterns = (0..200_000u64).map(|i| f64::from(f32::from_bits((i * 21_475 + 1) as u32)));
    let lines = [(-110.0, 110.0), (-12.0, 12.0), (-1.5, 1.5), (0.5, 2.5)]
        .into_iter()
        .flat_map(|(a, b): (f64, f64)| (0..50_000).map(move |i| a + (b - a) * f64::from(i) / 5e4));
    patterns.chain(lines)
}

/// Doubles: the same, with the exponent spread over the wider range and all bits of the mantissa in use.
fn wide_points() -> impl Iterator<Item = f64> {
    let patterns = (0..100_000u64).map(|i| f64::from_bits(i.wrapping_mul(0x0000_a7c5_ac47_1b47 | 1) << 1));
    let lines = [(-760.0, 760.0), (-30.0, 30.0), (-1.5, 1.5), (0.5, 2.5)]
        .into_iter()
        .flat_map(|(a, b): (f64, f64)| (0..25_000).map(move |i| a + (b - a) * f64::from(i) / 24_999.3));
    patterns.chain(lines)
}

#[test]
fn ulp() {
    println!("| function | f32 | f32 without FMA | f64 | f64 without FMA |\n|---|---|---|---|---|");
    let mut failed = Vec::new();
    for case in cases() {
        let mut worst = [(0.0, 0.0); 4];
        for x in points() {
            let x = x as f32;
            let truth = (case.reference)(f64::from(x));
            for (f, worst) in case.single.iter().zip(&mut worst[..2]) {
                let error = error(f(x).into(), truth, f32::MAX.into(), 24, -149);
                if error > worst.0 {
                    *worst = (error, f64::from(x));
                }
            }
        }
        for x in wide_points() {
            let truth = (case.reference)(x);
            for (f, worst) in case.double.iter().zip(&mut worst[2..]) {
                let error = error(f(x), truth, f64::MAX, 53, -1074);
                if error > worst.0 {
                    *worst = (error, x);
                }
            }
        }
        let [a, b, c, d] = worst.map(|(error, _)| error);
        println!("| {} | {a:.2} | {b:.2} | {c:.2} | {d:.2} |", case.name);
        for (worst, bound) in
            worst.iter().zip([case.bounds[0], case.bounds[0], case.bounds[1], case.bounds[1]])
        {
            if worst.0 > bound {
                failed.push(format!("{}: {:.2} ulp at {:e}, bound {bound}", case.name, worst.0, worst.1));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

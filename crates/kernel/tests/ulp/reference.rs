//! The functions that neither the standard library nor `libm` has, computed in double precision in another way than the
//! kernels do: by series, by recurrence, by inversion. Exact enough for float32, slow, and plain.

use std::f64::consts::{LN_2, PI, SQRT_2};

pub fn ln_1p_unit(x: f64) -> f64 {
    let x = x.abs();
    (if x > 1.0 { 1.0 } else { x }).ln_1p()
}

pub fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}

pub fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

pub fn silu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * sigmoid(x) }
}

pub fn mish(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * softplus(x).tanh() }
}

pub fn gelu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { 0.0 } else { x * normal_cdf(x) }
}

pub fn gelu_tanh(x: f64) -> f64 {
    if x < -100.0 {
        return 0.0 * x.signum();
    }
    x * sigmoid((8.0 / PI).sqrt() * (x + 0.044715 * x * x * x))
}

pub fn elu(x: f64) -> f64 {
    if x > 0.0 { x } else { x.exp_m1() }
}

pub fn selu(x: f64) -> f64 {
    1.050_700_987_355_480_5 * if x > 0.0 { x } else { 1.673_263_242_354_377_2 * x.exp_m1() }
}

pub fn celu(x: f64, alpha: f64) -> f64 {
    if x > 0.0 { x } else { alpha * (x / alpha).exp_m1() }
}

pub fn softsign(x: f64) -> f64 {
    if x.is_infinite() { x.signum() } else { x / (1.0 + x.abs()) }
}

pub fn tanhshrink(x: f64) -> f64 {
    if x.abs() > 0.02 {
        return x - x.tanh();
    }
    let z = x * x;
    x * z * (1.0 / 3.0 - z * (2.0 / 15.0 - z * (17.0 / 315.0 - z * 62.0 / 2835.0)))
}

pub fn logit(x: f64) -> f64 {
    (x / (1.0 - x)).ln()
}

pub fn entr(x: f64) -> f64 {
    if x < 0.0 {
        return f64::NEG_INFINITY;
    }
    if x == 0.0 { 0.0 } else { -x * x.ln() }
}

pub fn sinc(x: f64) -> f64 {
    let r = x - x.round();
    let sine = (r * PI).sin() * if x.round() % 2.0 == 0.0 { 1.0 } else { -1.0 };
    if x == 0.0 { 1.0 } else { sine / (x * PI) }
}

pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

pub fn normal_pdf(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * PI).sqrt()
}

/// Laplace's continued fraction beyond 3.
pub fn erfcx(x: f64) -> f64 {
    if x < 3.0 {
        return (x * x).exp() * libm::erfc(x);
    }
    let fraction = (1..200).rev().fold(x, |below, k| x + f64::from(k) / 2.0 / below);
    1.0 / (fraction * PI.sqrt())
}

pub fn log_ndtr(x: f64) -> f64 {
    if x > 0.0 {
        return (-normal_cdf(-x)).ln_1p();
    }
    (erfcx(-x / SQRT_2) / 2.0).ln() - x * x / 2.0
}

/// The x at which a growing function has a value, by bisection.
fn invert(f: impl Fn(f64) -> f64, value: f64, mut low: f64, mut high: f64) -> f64 {
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if f(middle) < value { low = middle } else { high = middle }
    }
}

pub fn erfinv(x: f64) -> f64 {
    match x.abs() {
        a if a > 1.0 || a.is_nan() => f64::NAN,
        1.0 => f64::INFINITY.copysign(x),
        a if a < 1e-9 => x * PI.sqrt() / 2.0,
        a if a < 0.5 => invert(libm::erf, a, 0.0, 1.0).copysign(x),
        a => invert(|y| -libm::erfc(y), a - 1.0, 0.0, 7.0).copysign(x),
    }
}

pub fn ndtri(p: f64) -> f64 {
    match p {
        _ if !(0.0..=1.0).contains(&p) => f64::NAN,
        0.0 => f64::NEG_INFINITY,
        1.0 => f64::INFINITY,
        _ if (p - 0.5).abs() < 0.2 => erfinv(2.0 * p - 1.0) * SQRT_2,
        _ if p > 0.5 => -invert(normal_cdf, 1.0 - p, -10.0, 0.0),
        _ => invert(log_ndtr, p.ln(), -40.0, 0.0),
    }
}

/// ln |Γ(x)|: by Γ itself where that is a number, and by Stirling's series.
pub fn lgamma(x: f64) -> f64 {
    if x == x.floor() && x <= 0.0 || x.is_infinite() {
        return f64::INFINITY;
    }
    if x.abs() < 150.0 && x.abs() > 1e-3 {
        return libm::tgamma(x).abs().ln();
    }
    if x.abs() <= 1e-3 {
        return libm::tgamma(1.0 + x).ln() - x.abs().ln();
    }
    if x < 0.0 {
        return PI.ln() - ((x % 2.0) * PI).sin().abs().ln() - lgamma(1.0 - x);
    }
    (x - 0.5) * x.ln() - x + (2.0 * PI).ln() / 2.0 + 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3))
}

/// ψ and its derivatives: the recurrence up to 40, then the first terms of the asymptotic series.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        return if x == x.floor() { f64::NAN } else { digamma(1.0 - x) - PI / ((x - x.round()) * PI).tan() };
    }
    let (mut z, mut sum) = (x, 0.0);
    while z < 40.0 {
        sum -= 1.0 / z;
        z += 1.0;
    }
    sum + (z.ln() - 0.5 / z - 1.0 / (12.0 * z * z) + 1.0 / (120.0 * z.powi(4)) - 1.0 / (252.0 * z.powi(6)))
}

pub fn trigamma(x: f64) -> f64 {
    if x <= 0.0 {
        if x == 0.0 {
            return f64::INFINITY;
        }
        if x == x.floor() {
            // The kernel follows PyTorch here; see `polygamma` there.
            let pi = std::f32::consts::PI;
            return f64::from((pi / (pi * x as f32).sin()).powi(2));
        }
        return (PI / ((x - x.round()) * PI).sin()).powi(2) - trigamma(1.0 - x);
    }
    let (mut z, mut sum) = (x, 0.0);
    while z < 40.0 {
        sum += 1.0 / (z * z);
        z += 1.0;
    }
    sum + 1.0 / z + 0.5 / (z * z) + 1.0 / (6.0 * z.powi(3)) - 1.0 / (30.0 * z.powi(5))
        + 1.0 / (42.0 * z.powi(7))
}

/// ψ″: the mirror ψ″(1 − x) − ψ″(x) = π·(cot πx)″ on the left.
pub fn polygamma2(x: f64) -> f64 {
    let r = x - x.round();
    let (sine, cosine) = ((r * PI).sin(), ((0.5 - r.abs()) * PI).sin());
    if x <= 0.0 && x == x.floor() {
        return f64::NEG_INFINITY;
    }
    if x < 0.0 { polygamma2(1.0 - x) - 2.0 * PI.powi(3) * cosine / sine.powi(3) } else { -2.0 * zeta(3.0, x) }
}

/// ψ‴: the mirror ψ‴(1 − x) + ψ‴(x) = −π·(cot πx)‴ on the left.
pub fn polygamma3(x: f64) -> f64 {
    let sine = ((x - x.round()) * PI).sin();
    if x <= 0.0 && x == x.floor() {
        return f64::INFINITY;
    }
    if x < 0.0 {
        return PI.powi(4) * (6.0 - 4.0 * sine * sine) / sine.powi(4) - polygamma3(1.0 - x);
    }
    6.0 * zeta(4.0, x)
}

pub fn polygamma9(x: f64) -> f64 {
    362_880.0 * zeta(10.0, x)
}

/// Hurwitz' zeta function: term by term until x is 30 beyond s or a term is too small to count, then the series of Euler
/// and Maclaurin; on the left the terms nearest to 0, of which all others are shadows.
pub fn zeta(s: f64, q: f64) -> f64 {
    if s.is_nan() || q.is_nan() || s < 1.0 {
        return f64::NAN;
    }
    if s == 1.0 || q <= 0.0 && q == q.floor() {
        return f64::INFINITY;
    }
    if q < 0.0 {
        if s != s.floor() {
            return f64::NAN;
        }
        let r = q - q.floor();
        // From the farthest that may count to the nearest.
        let terms = -q.floor() as i64;
        let left = ((terms - 300).max(0)..terms).map(|k| (q + k as f64).powf(-s)).sum::<f64>();
        // Of two infinities the nearer to the pole is the larger.
        let right = zeta(s, r);
        return if left.is_infinite() && (r > 0.5 || right.is_finite()) {
            left
        } else if right.is_infinite() && r < 0.5 {
            right
        } else if right.is_infinite() && s % 2.0 != 0.0 {
            zeta(s, 1.0 - q)
        } else {
            left + right
        };
    }
    let (mut x, mut sum) = (q, 0.0);
    while x < s + 30.0 {
        let term = x.powf(-s);
        sum += term;
        x += 1.0;
        if term <= sum * 1e-18 {
            return sum;
        }
    }
    if x.is_infinite() {
        return 0.0;
    }
    let (mut tail, mut part) = (x.powf(1.0 - s) / (s - 1.0) + x.powf(-s) / 2.0, x.powf(-s) * s / x);
    for (k, factorial) in [12.0, -720.0, 30240.0, -1_209_600.0].into_iter().enumerate() {
        let k = 2.0 * k as f64 + 1.0;
        tail += part / factorial;
        part *= (s + k) * (s + k + 1.0) / (x * x);
    }
    sum + tail
}

/// I₀ and I₁ scaled by e^−|x|: the power series, and the first terms of the asymptotic one beyond 600.
fn bessel(order: f64, x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() {
        return a;
    }
    if a > 600.0 {
        let m = 4.0 * order * order;
        let series = 1.0 - (m - 1.0) / (8.0 * a) + (m - 1.0) * (m - 9.0) / (128.0 * a * a)
            - (m - 1.0) * (m - 9.0) * (m - 25.0) / (3072.0 * a * a * a);
        return series / (2.0 * PI * a).sqrt();
    }
    let z = a * a / 4.0;
    let (mut k, mut term, mut sum) = (0.0, (-a).exp(), 0.0);
    loop {
        sum += term;
        k += 1.0;
        term *= z / (k * (k + order));
        if term <= sum * 1e-18 {
            return if order == 1.0 { sum * x / 2.0 } else { sum };
        }
    }
}

pub fn i0e(x: f64) -> f64 {
    bessel(0.0, x)
}

pub fn i1e(x: f64) -> f64 {
    if x < -600.0 { -bessel(1.0, x) } else { bessel(1.0, x) }
}

pub fn i0(x: f64) -> f64 {
    if x.is_infinite() {
        return f64::INFINITY;
    }
    (x.abs() / 2.0).exp() * i0e(x) * (x.abs() / 2.0).exp()
}

pub fn i1(x: f64) -> f64 {
    if x.is_infinite() {
        return x;
    }
    (x.abs() / 2.0).exp() * i1e(x) * (x.abs() / 2.0).exp()
}

/// `ln(eˣ + eʸ)` as `max + ln(1 + e^(min − max))`, the difference in two parts where it cancels.
pub fn log_add_exp(x: f64, y: f64) -> f64 {
    let (high, low) = if x > y { (x, y) } else { (y, x) };
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if high == low { high + LN_2 } else { high + (low - high).exp().ln_1p() }
}

pub fn log_add_exp2(x: f64, y: f64) -> f64 {
    let (high, low) = if x > y { (x, y) } else { (y, x) };
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    if high == low { high + 1.0 } else { high + (low - high).exp2().ln_1p() / LN_2 }
}

pub fn hypot(x: f64, y: f64) -> f64 {
    libm::hypot(x, y)
}

pub fn xlogy(x: f64, y: f64) -> f64 {
    if y.is_nan() {
        return f64::NAN;
    }
    if x == 0.0 { 0.0 } else { x * y.ln() }
}

pub fn xlog1py(x: f64, y: f64) -> f64 {
    if y.is_nan() {
        return f64::NAN;
    }
    if x == 0.0 { 0.0 } else { x * y.ln_1p() }
}

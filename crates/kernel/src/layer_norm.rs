//! Layer normalisation: each row to mean 0 and variance 1, then stretched and shifted column by column.
//!
//! `x̂ = (x − μ)·ρ` with `ρ = 1/√(σ² + ε)`, `y = x̂·w + b`. Moments are kept in `f64`.
//!
//! ```
//! use kernel::layer_norm::{layer_norm, moments};
//! let (x, mut of_rows, mut y) = ([1.0f32, 3.0], [[0.0; 2]; 1], [0.0f32; 2]);
//! moments(&x, 0.0, &mut of_rows);
//! layer_norm(&x, &of_rows, None, None, &mut y);
//! assert_eq!(y, [-1.0, 1.0]);
//! ```

use crate::map::{PIECE, vectorize};
use crate::real::Float;
use crate::threads::share_out;

/// Partial sums that a vector unit keeps apart; always as many, so that the bits do not depend on the machine's width.
const LANES: usize = 16;

/// `Σ f(i)`, in lanes.
#[inline(always)]
pub(crate) fn sum(n: usize, f: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let whole = n / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(first + lane);
        }
    }
    for i in whole..n {
        lanes[i - whole] += f(i);
    }
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The mean μ and ρ = 1/√(σ² + `eps`) of each row.
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn moments<T: Float>(x: &[T], eps: f64, of_rows: &mut [[f64; 2]]) {
    each_row(
        x,
        of_rows,
        #[inline(always)]
        move |x| {
            let [mean, variance] = mean_and_variance(x);
            [mean, (variance + eps).sqrt().recip()]
        },
    );
}

/// The mean μ and the variance σ² of each row; zeros for rows without numbers.
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn variances<T: Float>(x: &[T], of_rows: &mut [[f64; 2]]) {
    each_row(x, of_rows, mean_and_variance);
}

/// 0 in place of the mean, and ρ = 1/√(mean(x²) + `eps`) of each row: the moments of a root mean square normalisation.
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn squares<T: Float>(x: &[T], eps: f64, of_rows: &mut [[f64; 2]]) {
    each_row(
        x,
        of_rows,
        #[inline(always)]
        move |x| {
            let squares = sum(x.len(), |i| x[i].to_f64() * x[i].to_f64());
            [0.0, (squares / x.len().max(1) as f64 + eps).sqrt().recip()]
        },
    );
}

#[inline(always)]
fn mean_and_variance<T: Float>(x: &[T]) -> [f64; 2] {
    let n = x.len().max(1) as f64;
    let mean = sum(x.len(), |i| x[i].to_f64()) / n;
    [mean, sum(x.len(), |i| (x[i].to_f64() - mean) * (x[i].to_f64() - mean)) / n]
}

#[inline(always)]
fn each_row<T: Float>(
    x: &[T],
    of_rows: &mut [[f64; 2]],
    of_row: impl Fn(&[T]) -> [f64; 2] + Copy + Send + Sync,
) {
    let n = columns(x.len(), of_rows.len());
    if n == 0 {
        return of_rows.fill(of_row(&[]));
    }
    share_out(of_rows, 1, PIECE / n, &move |first, of_rows| {
        let x = &x[first * n..(first + of_rows.len()) * n];
        vectorize!({
            for (x, moments) in x.chunks_exact(n).zip(of_rows) {
                *moments = of_row(x);
            }
        });
    });
}

/// The length of a row.
pub(crate) fn columns(numbers: usize, rows: usize) -> usize {
    let n = numbers.checked_div(rows).unwrap_or(0);
    assert_eq!(n * rows, numbers, "layer_norm: {numbers} numbers are not {rows} rows");
    n
}

/// `y = (x − μ)·ρ·w + b`.
///
/// # Panics
/// If lengths do not fit.
pub fn layer_norm<T: Float>(
    x: &[T],
    moments: &[[f64; 2]],
    weight: Option<&[T]>,
    bias: Option<&[T]>,
    y: &mut [T],
) {
    let n = columns(x.len(), moments.len());
    if n == 0 {
        return;
    }
    share_out(y, n, PIECE, &|first, y| {
        let (x, moments) = (&x[first..first + y.len()], &moments[first / n..]);
        vectorize!({
            for ((x, y), &[mean, scale]) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)).zip(moments) {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = T::from_f64((x.to_f64() - mean) * scale);
                }
                if let Some(weight) = weight {
                    y.iter_mut().zip(weight).for_each(|(y, &w)| *y = *y * w);
                }
                if let Some(bias) = bias {
                    y.iter_mut().zip(bias).for_each(|(y, &b)| *y += b);
                }
            }
        });
    });
}

/// `∂x = ρ·(g − mean(g) − x̂·mean(g·x̂))` with `g = ∂y·w`; without `mean(g)` if the mean of `x` was not taken away.
///
/// # Panics
/// If lengths do not fit.
pub fn input_gradient<T: Float>(
    x: &[T],
    moments: &[[f64; 2]],
    centered: bool,
    weight: Option<&[T]>,
    grad: &[T],
    out: &mut [T],
) {
    let n = columns(x.len(), moments.len());
    if n == 0 {
        return;
    }
    let ones = vec![T::from_f64(1.0); if weight.is_none() { n } else { 0 }];
    let weight = weight.unwrap_or(&ones);
    share_out(out, n, PIECE, &|first, out| {
        let part = first..first + out.len();
        let (x, grad, moments) = (&x[part.clone()], &grad[part], &moments[first / n..]);
        vectorize!({
            let rows = x.chunks_exact(n).zip(grad.chunks_exact(n)).zip(out.chunks_exact_mut(n));
            for (((x, grad), out), &[mean, scale]) in rows.zip(moments) {
                let weight = &weight[..n];
                let g = |i: usize| grad[i].to_f64() * weight[i].to_f64();
                let unit = |i: usize| (x[i].to_f64() - mean) * scale;
                let mean_g = if centered { sum(n, g) / n as f64 } else { 0.0 };
                let slope = sum(n, |i| g(i) * unit(i)) / n as f64;
                for (i, out) in out.iter_mut().enumerate() {
                    *out = T::from_f64(scale * (g(i) - mean_g - unit(i) * slope));
                }
            }
        });
    });
}

/// `∂w = Σ ∂y·x̂` over the rows, or without `x`, `∂b = Σ ∂y`.
///
/// # Panics
/// If lengths do not fit.
pub fn column_gradient<T: Float>(x: Option<(&[T], &[[f64; 2]])>, grad: &[T], out: &mut [T]) {
    let n = out.len();
    if n == 0 {
        return;
    }
    let rows = grad.len() / n;
    share_out(out, 64, PIECE / rows.max(1), &|first, out| {
        let part = first..first + out.len();
        let mut sums = vec![0.0; out.len()];
        let totals = &mut sums;
        vectorize!({
            for (i, grad) in grad.chunks_exact(n).enumerate() {
                let grad = &grad[part.clone()];
                match x {
                    Some((x, moments)) => {
                        let ([mean, scale], x) = (moments[i], &x[i * n..][part.clone()]);
                        for ((sum, g), x) in totals.iter_mut().zip(grad).zip(x) {
                            *sum += g.to_f64() * (x.to_f64() - mean) * scale;
                        }
                    }
                    None => totals.iter_mut().zip(grad).for_each(|(sum, g)| *sum += g.to_f64()),
                }
            }
        });
        out.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = T::from_f64(sum));
    });
}

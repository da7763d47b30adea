//! Normalisation by channels: batch, group and instance normalisation, which differ in the planes that share a mean.
//!
//! A plane is all that stands behind one `(n, c)`: the pixels of a channel of an image. Forward and backward are the
//! same map of a plane, `a·(x − m) + b` and `p·g + q·(x − m) + r`, with numbers of its own for each; where they come from
//! is up to the caller, who adds up planes as the kind of normalisation says. These numbers are kept in `f64`.
//! Planes of a single element, those of `(N, C)`, are columns; [`columns`] has the same functions for them.
//!
//! ```
//! use kernel::channel_norm::stretch;
//! let mut y = [0.0f32; 4];
//! stretch(&[1.0, 3.0, 10.0, 30.0], &[[2.0, 1.0, 0.0], [20.0, 0.1, 5.0]], &mut y);
//! assert_eq!(y, [-1.0, 1.0, 4.0, 6.0]);
//! ```

use crate::layer_norm::{columns as numbers_of, sum};
use crate::map::{PIECE, vectorize};
use crate::real::Float;
use crate::threads::share_out;

/// `y = (x − m)·a + b` with the `[m, a, b]` of each plane.
///
/// # Panics
/// If lengths do not fit.
pub fn stretch<T: Float>(x: &[T], of_planes: &[[f64; 3]], y: &mut [T]) {
    let n = numbers_of(x.len(), of_planes.len());
    assert_eq!(x.len(), y.len(), "stretch: {} numbers become {}", x.len(), y.len());
    if n == 0 {
        return;
    }
    share_out(y, n, PIECE, &|first, y| {
        let (x, of_planes) = (&x[first..first + y.len()], &of_planes[first / n..]);
        vectorize!({
            for ((x, y), &[m, a, b]) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)).zip(of_planes) {
                for (y, x) in y.iter_mut().zip(x) {
                    *y = T::from_f64((x.to_f64() - m) * a + b);
                }
            }
        });
    });
}

/// `[Σ g, Σ g·(x − m)]` of each plane, with its `m`.
///
/// # Panics
/// If lengths do not fit.
pub fn sums<T: Float>(x: &[T], grad: &[T], centers: &[f64], of_planes: &mut [[f64; 2]]) {
    let n = numbers_of(x.len(), of_planes.len());
    assert!(x.len() == grad.len() && centers.len() == of_planes.len(), "sums: lengths differ");
    share_out(of_planes, 1, PIECE / n.max(1), &|first, of_planes| {
        let part = first * n..(first + of_planes.len()) * n;
        let (x, grad, centers) = (&x[part.clone()], &grad[part], &centers[first..]);
        vectorize!({
            for (i, (sums, &m)) in of_planes.iter_mut().zip(centers).enumerate() {
                let (x, grad) = (&x[i * n..(i + 1) * n], &grad[i * n..(i + 1) * n]);
                let slope = sum(n, |i| grad[i].to_f64() * (x[i].to_f64() - m));
                *sums = [sum(n, |i| grad[i].to_f64()), slope];
            }
        });
    });
}

/// `p·g + q·(x − m) + r` with the `[m, p, q, r]` of each plane.
///
/// # Panics
/// If lengths do not fit.
pub fn input_gradient<T: Float>(x: &[T], grad: &[T], of_planes: &[[f64; 4]], out: &mut [T]) {
    let n = numbers_of(x.len(), of_planes.len());
    assert!(x.len() == grad.len() && x.len() == out.len(), "input_gradient: lengths differ");
    if n == 0 {
        return;
    }
    share_out(out, n, PIECE, &|first, out| {
        let part = first..first + out.len();
        let (x, grad, of_planes) = (&x[part.clone()], &grad[part], &of_planes[first / n..]);
        vectorize!({
            let planes = x.chunks_exact(n).zip(grad.chunks_exact(n)).zip(out.chunks_exact_mut(n));
            for (((x, grad), out), &[m, p, q, r]) in planes.zip(of_planes) {
                for ((out, x), g) in out.iter_mut().zip(x).zip(grad) {
                    *out = T::from_f64(g.to_f64() * p + (x.to_f64() - m) * q + r);
                }
            }
        });
    });
}

/// Batch normalisation of `(N, C)`, where a channel is a column.
pub mod columns {
    use crate::map::{PIECE, vectorize};
    use crate::real::Float;
    use crate::threads::share_out;

    /// The mean μ and the variance σ² of each column.
    pub fn variances<T: Float>(x: &[T], of_columns: &mut [[f64; 2]]) {
        let n = of_columns.len();
        let rows = x.len().checked_div(n).unwrap_or(0);
        let share = 1.0 / rows.max(1) as f64;
        two_sums(n, rows, of_columns, |first, means, variances| {
            vectorize!({
                for x in x.chunks_exact(n) {
                    means.iter_mut().zip(&x[first..]).for_each(|(sum, x)| *sum += x.to_f64());
                }
                means.iter_mut().for_each(|sum| *sum *= share);
                for x in x.chunks_exact(n) {
                    for ((sum, x), mean) in variances.iter_mut().zip(&x[first..]).zip(&*means) {
                        *sum += (x.to_f64() - mean) * (x.to_f64() - mean);
                    }
                }
                variances.iter_mut().for_each(|sum| *sum *= share);
            });
        });
    }

    /// `[Σ g, Σ g·(x − m)]` of each column, with its `m`.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn sums<T: Float>(x: &[T], grad: &[T], centers: &[f64], of_columns: &mut [[f64; 2]]) {
        let n = of_columns.len();
        assert!(x.len() == grad.len() && centers.len() == n, "sums: lengths differ");
        let rows = x.len().checked_div(n).unwrap_or(0);
        two_sums(n, rows, of_columns, |first, sums, slopes| {
            let centers = &centers[first..];
            vectorize!({
                for (x, grad) in x.chunks_exact(n).zip(grad.chunks_exact(n)) {
                    let sums = sums.iter_mut().zip(slopes.iter_mut());
                    for (((sum, slope), m), (x, g)) in
                        sums.zip(centers).zip(x[first..].iter().zip(&grad[first..]))
                    {
                        *sum += g.to_f64();
                        *slope += g.to_f64() * (x.to_f64() - m);
                    }
                }
            });
        });
    }

    /// Two numbers for each column, by a job that gets the first column of its part.
    fn two_sums(
        n: usize,
        rows: usize,
        of_columns: &mut [[f64; 2]],
        job: impl Fn(usize, &mut [f64], &mut [f64]) + Sync,
    ) {
        if n == 0 {
            return;
        }
        share_out(of_columns, 64, PIECE / rows.max(1), &|first, out| {
            let (mut a, mut b) = (vec![0.0; out.len()], vec![0.0; out.len()]);
            job(first, &mut a, &mut b);
            out.iter_mut().zip(a.iter().zip(&b)).for_each(|(out, (&a, &b))| *out = [a, b]);
        });
    }

    /// `y = (x − m)·a + b` with the `[m, a, b]` of each column.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn stretch<T: Float>(x: &[T], of_columns: &[[f64; 3]], y: &mut [T]) {
        let n = of_columns.len();
        assert_eq!(x.len(), y.len(), "stretch: {} numbers become {}", x.len(), y.len());
        if n == 0 {
            return;
        }
        let [m, a, b] = [0, 1, 2].map(|k| of_columns.iter().map(|c| c[k]).collect::<Vec<f64>>());
        share_out(y, n, PIECE, &|first, y| {
            let (x, [m, a, b]) = (&x[first..first + y.len()], [&m[..n], &a[..n], &b[..n]]);
            vectorize!({
                for (x, y) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)) {
                    for i in 0..n {
                        y[i] = T::from_f64((x[i].to_f64() - m[i]) * a[i] + b[i]);
                    }
                }
            });
        });
    }

    /// `p·g + q·(x − m) + r` with the `[m, p, q, r]` of each column.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn input_gradient<T: Float>(x: &[T], grad: &[T], of_columns: &[[f64; 4]], out: &mut [T]) {
        let n = of_columns.len();
        assert!(x.len() == grad.len() && x.len() == out.len(), "input_gradient: lengths differ");
        if n == 0 {
            return;
        }
        let [m, p, q, r] = [0, 1, 2, 3].map(|k| of_columns.iter().map(|c| c[k]).collect::<Vec<f64>>());
        share_out(out, n, PIECE, &|first, out| {
            let part = first..first + out.len();
            let (x, grad, [m, p, q, r]) =
                (&x[part.clone()], &grad[part], [&m[..n], &p[..n], &q[..n], &r[..n]]);
            vectorize!({
                let rows = x.chunks_exact(n).zip(grad.chunks_exact(n)).zip(out.chunks_exact_mut(n));
                for ((x, grad), out) in rows {
                    for i in 0..n {
                        out[i] = T::from_f64(grad[i].to_f64() * p[i] + (x[i].to_f64() - m[i]) * q[i] + r[i]);
                    }
                }
            });
        });
    }
}

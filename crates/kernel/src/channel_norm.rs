//! Normalisation by channels: batch, group and instance normalisation, which differ in the planes that share a mean.
//!
//! A plane is all that stands behind one `(n, c)`: the pixels of a channel of an image. Forward and backward are the
//! same map of a plane, `a·(x − m) + b` and `p·g + q·(x − m) + r`, with numbers of its own for each; where they come from
//! is up to the caller, who adds up planes as the kind of normalisation says. These numbers are kept in `f64`.
//!
//! ```
//! use kernel::channel_norm::stretch;
//! let mut y = [0.0f32; 4];
//! stretch(&[1.0, 3.0, 10.0, 30.0], &[[2.0, 1.0, 0.0], [20.0, 0.1, 5.0]], &mut y);
//! assert_eq!(y, [-1.0, 1.0, 4.0, 6.0]);
//! ```

use crate::layer_norm::{columns, sum};
use crate::map::{PIECE, vectorize};
use crate::real::Float;
use crate::threads::share_out;

/// `y = (x − m)·a + b` with the `[m, a, b]` of each plane.
///
/// # Panics
/// If lengths do not fit.
pub fn stretch<T: Float>(x: &[T], of_planes: &[[f64; 3]], y: &mut [T]) {
    let n = columns(x.len(), of_planes.len());
    assert_eq!(x.len(), y.len(), "stretch: {} numbers become {}", x.len(), y.len());
    if n == 0 {
        return;
    }
    share_out(y, n, PIECE, &|first, y| {
        let (x, of_planes) = (&x[first..first + y.len()], &of_planes[first / n..]);
        vectorize(move || {
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
    let n = columns(x.len(), of_planes.len());
    assert!(x.len() == grad.len() && centers.len() == of_planes.len(), "sums: lengths differ");
    share_out(of_planes, 1, PIECE / n.max(1), &|first, of_planes| {
        let part = first * n..(first + of_planes.len()) * n;
        let (x, grad, centers) = (&x[part.clone()], &grad[part], &centers[first..]);
        vectorize(move || {
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
    let n = columns(x.len(), of_planes.len());
    assert!(x.len() == grad.len() && x.len() == out.len(), "input_gradient: lengths differ");
    if n == 0 {
        return;
    }
    share_out(out, n, PIECE, &|first, out| {
        let part = first..first + out.len();
        let (x, grad, of_planes) = (&x[part.clone()], &grad[part], &of_planes[first / n..]);
        vectorize(move || {
            let planes = x.chunks_exact(n).zip(grad.chunks_exact(n)).zip(out.chunks_exact_mut(n));
            for (((x, grad), out), &[m, p, q, r]) in planes.zip(of_planes) {
                for ((out, x), g) in out.iter_mut().zip(x).zip(grad) {
                    *out = T::from_f64(g.to_f64() * p + (x.to_f64() - m) * q + r);
                }
            }
        });
    });
}

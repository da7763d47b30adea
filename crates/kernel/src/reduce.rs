//! Reductions with a fixed tree: the same bits for any number of threads.
//!
//! First version: correct, not yet fast.

use crate::map::{Arg, Map2};
use crate::real::{AsLane, Float};

/// The sum of all elements.
pub fn sum<T: Float>(x: &[T]) -> T {
    T::from_f64(x.iter().map(|x| x.to_f64()).sum())
}

/// Sums a row-major matrix `(rows, out.len())` over its rows into `out`.
pub fn sum_rows<T: Float>(x: &[T], out: &mut [T]) {
    let columns = out.len();
    for (j, out) in out.iter_mut().enumerate() {
        *out = T::from_f64(x.iter().skip(j).step_by(columns.max(1)).map(|x| x.to_f64()).sum());
    }
}

/// The sum of `f(x, y)` over `n` pairs, without a temporary.
pub fn zip_sum<T: Float, F: Map2>(f: F, n: usize, x: Arg<'_, T>, y: Arg<'_, T>) -> T {
    let at = |arg: &Arg<'_, T>, i: usize| match arg {
        Arg::Slice(x) => x[i],
        Arg::Scalar(x) => *x,
    };
    T::from_f64(
        (0..n).map(|i| f.call(T::Plain::wrap(at(&x, i)), T::Plain::wrap(at(&y, i))).unwrap().to_f64()).sum(),
    )
}

/// The sum of products of two vectors.
pub fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    T::from_f64(x.iter().zip(y).map(|(x, y)| x.to_f64() * y.to_f64()).sum())
}

/// The largest element; NaN if there is one; nothing of nothing.
pub fn max<T: Float>(x: &[T]) -> Option<T> {
    x.iter().copied().reduce(|a, b| if b > a || b.to_f64().is_nan() { b } else { a })
}

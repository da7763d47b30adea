//! The largest and the smallest element. A NaN is more extreme than any number, so it always shows.

use super::check_sides;
use super::tree::{LANES, SHORT};
use crate::real::Float;
use pulp::{Arch, Simd, WithSimd};

/// The largest element; a NaN among them is the result. −∞ for none.
#[doc(alias = "amax")]
pub fn max<T: Float>(x: &[T]) -> T {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> T {
            extreme(self.0, T::from_f64(f64::NEG_INFINITY), larger)
        }
    }
    Arch::new().dispatch(Loop(x))
}

/// The smallest element; a NaN among them is the result. +∞ for none.
#[doc(alias = "amin")]
pub fn min<T: Float>(x: &[T]) -> T {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> T {
            extreme(self.0, T::from_f64(f64::INFINITY), smaller)
        }
    }
    Arch::new().dispatch(Loop(x))
}

/// Meets each element of `out` with one row of the row-major matrix `(out.len(), columns)`: the larger one stays, or
/// the smaller one, as `largest` says.
///
/// # Panics
/// If `x` has no whole number of elements for each element of `out`.
pub fn extreme_columns<T: Float>(largest: bool, x: &[T], out: &mut [T]) {
    struct Loop<'a, T>(bool, &'a [T], &'a mut [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(largest, x, out) = self;
            let rows = x.chunks_exact(x.len() / out.len()).zip(out);
            if largest {
                rows.for_each(|(x, out)| *out = extreme(x, *out, larger));
            } else {
                rows.for_each(|(x, out)| *out = extreme(x, *out, smaller));
            }
        }
    }
    check_sides(x.len(), out.len());
    if !x.is_empty() {
        Arch::new().dispatch(Loop(largest, x, out));
    }
}

/// Meets each element of `out` with a column of the row-major matrix `(rows, out.len())`, as [`extreme_columns`].
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn extreme_rows<T: Float>(largest: bool, x: &[T], out: &mut [T]) {
    struct Loop<'a, T>(bool, &'a [T], &'a mut [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(largest, x, out) = self;
            for row in x.chunks_exact(out.len()) {
                let pairs = out.iter_mut().zip(row);
                if largest {
                    pairs.for_each(|(out, &x)| *out = larger(*out, x));
                } else {
                    pairs.for_each(|(out, &x)| *out = smaller(*out, x));
                }
            }
        }
    }
    check_sides(x.len(), out.len());
    if !x.is_empty() {
        Arch::new().dispatch(Loop(largest, x, out));
    }
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
fn larger<T: Float>(best: T, x: T) -> T {
    // `|`, not `||`: a select instead of a branch. A NaN in `best` stays, for no comparison with it holds.
    if (x > best) | (x != x) { x } else { best }
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
fn smaller<T: Float>(best: T, x: T) -> T {
    if (x < best) | (x != x) { x } else { best }
}

#[inline(always)]
fn extreme<T: Float>(x: &[T], none: T, better: impl Fn(T, T) -> T + Copy) -> T {
    if x.len() < SHORT {
        extreme_of::<T, 8>(x, none, better)
    } else {
        extreme_of::<T, LANES>(x, none, better)
    }
}

#[inline(always)]
fn extreme_of<T: Float, const L: usize>(x: &[T], none: T, better: impl Fn(T, T) -> T + Copy) -> T {
    let mut lanes = [none; L];
    let (chunks, rest) = x.as_chunks::<L>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = better(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = better(*lane, x);
    }
    let mut width = L / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = better(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

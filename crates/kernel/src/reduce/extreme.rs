//! The largest and the smallest element. A NaN is more extreme than any number, so it always shows.

use super::check_sides;
use super::tree::{LANES, SHORT};
use crate::map::PIECE;
use crate::real::Float;
use crate::threads::{pieces, share_out};
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

/// The smallest and the largest element in one pass, shared out among threads; NaN for both if there is one among them.
#[doc(alias = "aminmax")]
pub fn extremes<T: Float>(x: &[T]) -> [T; 2] {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = [T; 2];
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> [T; 2] {
            let (mut low, mut high) = none();
            let (chunks, rest) = self.0.as_chunks::<LANES>();
            for chunk in chunks {
                for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(chunk) {
                    (*low, *high) = (smaller(*low, x), larger(*high, x));
                }
            }
            for ((low, high), &x) in low.iter_mut().zip(&mut high).zip(rest) {
                (*low, *high) = (smaller(*low, x), larger(*high, x));
            }
            let [least, most] = [T::from_f64(f64::INFINITY), T::from_f64(f64::NEG_INFINITY)];
            [low.into_iter().fold(least, smaller), high.into_iter().fold(most, larger)]
        }
    }
    fn none<T: Float>() -> ([T; LANES], [T; LANES]) {
        ([T::from_f64(f64::INFINITY); LANES], [T::from_f64(f64::NEG_INFINITY); LANES])
    }
    let parts = pieces(x.len(), PIECE);
    if parts == 1 {
        return Arch::new().dispatch(Loop(x));
    }
    let size = x.len().div_ceil(parts);
    let mut found = vec![[T::default(); 2]; x.len().div_ceil(size)];
    share_out(&mut found, 1, 1, &|first, found| {
        for (found, part) in found.iter_mut().zip(x[first * size..].chunks(size)) {
            *found = Arch::new().dispatch(Loop(part));
        }
    });
    let first = found[0];
    found.into_iter().fold(first, |a, b| [smaller(a[0], b[0]), larger(a[1], b[1])])
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

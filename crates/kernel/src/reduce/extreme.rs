//! The largest and the smallest element. A NaN is more extreme than any number, so it always shows.

use super::check_sides;
use super::tree::{BLOCK, SHORT};
use crate::map::PIECE;
use crate::real::Float;
use crate::threads::{pieces, share_out};
use pulp::{Arch, Simd, WithSimd};

/// The largest element; a NaN among them is the result. −∞ for none.
#[doc(alias = "amax")]
pub fn max<T: Float>(x: &[T]) -> T {
    one::<T, true>(x)
}

/// The smallest element; a NaN among them is the result. +∞ for none.
#[doc(alias = "amin")]
pub fn min<T: Float>(x: &[T]) -> T {
    one::<T, false>(x)
}

fn one<T: Float, const LARGEST: bool>(x: &[T]) -> T {
    struct Loop<'a, T, const LARGEST: bool>(&'a [T]);
    impl<T: Float, const LARGEST: bool> WithSimd for Loop<'_, T, LARGEST> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> T {
            extreme::<S, T, LARGEST>(simd, self.0, none::<T, LARGEST>())
        }
    }
    Arch::new().dispatch(Loop::<T, LARGEST>(x))
}

/// The smallest and the largest element in one pass, shared out among threads; NaN for both if there is one among them.
#[doc(alias = "aminmax")]
pub fn extremes<T: Float>(x: &[T]) -> [T; 2] {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = [T; 2];
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> [T; 2] {
            // Two loops over what the nearest cache holds.
            let mut found = [none::<T, false>(), none::<T, true>()];
            for part in self.0.chunks(BLOCK) {
                let [low, high] = found;
                found = [extreme::<S, T, false>(simd, part, low), extreme::<S, T, true>(simd, part, high)];
            }
            found
        }
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
    found.into_iter().fold(first, |a, b| [further::<T, false>(a[0], b[0]), further::<T, true>(a[1], b[1])])
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
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(largest, x, out) = self;
            let columns = x.len() / out.len();
            for (x, out) in x.chunks_exact(columns).zip(out) {
                *out = if largest {
                    extreme::<S, T, true>(simd, x, *out)
                } else {
                    extreme::<S, T, false>(simd, x, *out)
                };
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
                    pairs.for_each(|(out, &x)| *out = further::<T, true>(*out, x));
                } else {
                    pairs.for_each(|(out, &x)| *out = further::<T, false>(*out, x));
                }
            }
        }
    }
    check_sides(x.len(), out.len());
    if !x.is_empty() {
        Arch::new().dispatch(Loop(largest, x, out));
    }
}

/// What everything is larger than, or smaller.
#[inline(always)]
fn none<T: Float, const LARGEST: bool>() -> T {
    T::from_f64(if LARGEST { f64::NEG_INFINITY } else { f64::INFINITY })
}

#[inline(always)]
#[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
fn further<T: Float, const LARGEST: bool>(best: T, x: T) -> T {
    // `|`, not `||`: a select instead of a branch. A NaN in `best` stays, for no comparison with it holds.
    let beyond = if LARGEST { x > best } else { x < best };
    if beyond | (x != x) { x } else { best }
}

/// Chains of comparisons that run side by side, each as long as two comparisons and a selection.
const CHAINS: usize = 8;

/// The extreme of `best` and all of `x`. Explicit vectors: the compiler would leave the chains in memory.
#[inline(always)]
fn extreme<S: Simd, T: Float, const LARGEST: bool>(simd: S, x: &[T], best: T) -> T {
    if x.len() < SHORT {
        return short::<T, LARGEST>(x, best);
    }
    let vectors = T::vectors::<S>(x);
    let (groups, rest) = vectors.as_chunks::<CHAINS>();
    let mut found = [T::splat(simd, best); CHAINS];
    for group in groups {
        for (found, &x) in found.iter_mut().zip(group) {
            *found = T::extreme::<S, LARGEST>(simd, *found, x);
        }
    }
    // A copy: registers whose address is taken would live in memory from the start.
    let mut chains = found;
    for (found, &x) in chains.iter_mut().zip(rest) {
        *found = T::extreme::<S, LARGEST>(simd, *found, x);
    }
    // The last vector that fits: what it has in common with the others it may meet twice.
    let mut last = T::vectors::<S>(&x[x.len() - T::lanes::<S>()..])[0];
    for found in chains {
        last = T::extreme::<S, LARGEST>(simd, last, found);
    }
    short::<T, LARGEST>(T::numbers::<S>(&[last]), best)
}

#[inline(always)]
fn short<T: Float, const LARGEST: bool>(x: &[T], best: T) -> T {
    let mut lanes = [best; 8];
    let (chunks, rest) = x.as_chunks::<8>();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = further::<T, LARGEST>(*lane, x);
        }
    }
    // Each lane by its number: registers have no other.
    for (i, lane) in lanes.iter_mut().enumerate() {
        if let Some(&x) = rest.get(i) {
            *lane = further::<T, LARGEST>(*lane, x);
        }
    }
    let mut width = 4;
    while width > 0 {
        for i in 0..width {
            lanes[i] = further::<T, LARGEST>(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

//! Sums and extremes with a fixed tree: the same bits on every run, at every alignment, for any number of threads.
//!
//! `iter().sum()` is a single chain of additions: ten times slower than the machine, and less exact the longer
//! it gets. Here a block of 4,096 elements is added up in 32 lanes of `f64` (vectors of any machine divide them),
//! the lanes are folded pairwise, and the sums of the blocks are added along a binary tree. The order depends on
//! the length alone, so threads may share the blocks out as they like.
//!
//! ```
//! use kernel::reduce;
//!
//! assert_eq!(reduce::sum(&vec![0.1f32; 1_000_000]) / 1e6, 0.1);
//! assert!(reduce::max(&[1.0, f64::NAN, 2.0]).is_nan());
//! ```

use crate::map::{Arg, Map2, Map3, zip, zip3};
use crate::real::Float;
use crate::spread::STRIP;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Chains of additions that run side by side: eight AVX2 or four AVX-512 registers of f64 hide the latency.
const LANES: usize = 32;

/// Elements in a leaf of the tree, the unit that threads share out.
const BLOCK: usize = 4096;

/// Below this length 32 lanes would cost more to fold than to fill: 8 have to do.
const SHORT: usize = 96;

/// The sum of all elements; 0 for none.
pub fn sum<T: Float>(x: &[T]) -> T {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> T {
            sum_of(simd, self.0)
        }
    }
    Arch::new().dispatch(Loop(x))
}

/// Sums a row-major matrix `(rows, out.len())` over its rows into `out`.
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn sum_rows<T: Float>(x: &[T], out: &mut [T]) {
    struct Loop<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(x, out) = self;
            match out.len() {
                0 => {}
                1 => out[0] = sum_of(simd, x),
                _ => rows(x, out),
            }
        }
    }
    check_rows(x.len(), out.len());
    Arch::new().dispatch(Loop(x, out));
}

/// Sums each row of a row-major matrix `(out.len(), columns)` into one element of `out`.
///
/// # Panics
/// If `x` has no whole number of elements for each element of `out`.
pub fn sum_columns<T: Float>(x: &[T], out: &mut [T]) {
    struct Loop<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(x, out) = self;
            if x.is_empty() {
                out.fill(T::default());
                return;
            }
            for (x, out) in x.chunks_exact(x.len() / out.len()).zip(out) {
                *out = sum_of(simd, x);
            }
        }
    }
    check_rows(x.len(), out.len());
    Arch::new().dispatch(Loop(x, out));
}

/// The sum of `f(x, y)` over `n` pairs, without a temporary.
///
/// # Panics
/// If a slice has not `n` elements.
pub fn zip_sum<T: Float, F: Map2>(f: F, n: usize, x: Arg<'_, T>, y: Arg<'_, T>) -> T {
    assert!(x.fits(n) && y.fits(n), "reduce: operands of unequal length");
    T::from_f64(terms(n, &|start, out: &mut [T]| {
        let len = out.len();
        zip(f, x.part(start, len), y.part(start, len), out);
    }))
}

/// The sum of `f(x, y, z)` over `n` triples, without a temporary.
///
/// # Panics
/// If a slice has not `n` elements.
pub fn zip3_sum<T: Float, F: Map3>(f: F, n: usize, x: Arg<'_, T>, y: Arg<'_, T>, z: Arg<'_, T>) -> T {
    assert!(x.fits(n) && y.fits(n) && z.fits(n), "reduce: operands of unequal length");
    T::from_f64(terms(n, &|start, out: &mut [T]| {
        let len = out.len();
        zip3(f, x.part(start, len), y.part(start, len), z.part(start, len), out);
    }))
}

/// The sum of products of two vectors.
///
/// # Panics
/// If they differ in length.
pub fn dot<T: Float>(x: &[T], y: &[T]) -> T {
    struct Loop<'a, T>(&'a [T], &'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> T {
            let Loop(x, y) = self;
            tree(
                simd,
                x.len(),
                #[inline(always)]
                move |start, terms| {
                    for ((term, &x), &y) in terms.iter_mut().zip(&x[start..]).zip(&y[start..]) {
                        *term = (x * y).to_f64();
                    }
                },
            )
        }
    }
    assert_eq!(x.len(), y.len(), "dot: operands of unequal length");
    Arch::new().dispatch(Loop(x, y))
}

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

/// The largest element of each row of a row-major matrix `(out.len(), columns)`, as [`max`].
///
/// # Panics
/// If `x` has no whole number of elements for each element of `out`.
pub fn max_columns<T: Float>(x: &[T], out: &mut [T]) {
    struct Loop<'a, T>(&'a [T], &'a mut [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let (Loop(x, out), lowest) = (self, T::from_f64(f64::NEG_INFINITY));
            if x.is_empty() {
                out.fill(lowest);
                return;
            }
            for (x, out) in x.chunks_exact(x.len() / out.len()).zip(out) {
                *out = extreme(x, lowest, larger);
            }
        }
    }
    check_rows(x.len(), out.len());
    Arch::new().dispatch(Loop(x, out));
}

fn check_rows(elements: usize, side: usize) {
    let whole = if side == 0 { elements == 0 } else { elements.is_multiple_of(side) };
    assert!(whole, "reduce: {elements} elements are no matrix with a side of {side}");
}

#[inline(always)]
fn sum_of<S: Simd, T: Float>(simd: S, x: &[T]) -> T {
    tree(
        simd,
        x.len(),
        #[inline(always)]
        move |start, terms| {
            for (term, &x) in terms.iter_mut().zip(&x[start..]) {
                *term = x.to_f64();
            }
        },
    )
}

/// The sum of `n` terms, of which `fill(start, terms)` writes some: for formulas, whose loop is compiled apart from the
/// tree.
pub(crate) fn terms<T: Float>(n: usize, fill: &dyn Fn(usize, &mut [T])) -> f64 {
    struct Loop<'a, T>(usize, &'a dyn Fn(usize, &mut [T]));
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(n, fill) = self;
            tree(
                simd,
                n,
                #[inline(always)]
                move |start, terms| {
                    let mut strip = [T::default(); STRIP];
                    let strip = &mut strip[..terms.len()];
                    fill(start, strip);
                    for (term, &x) in terms.iter_mut().zip(&*strip) {
                        *term = x.to_f64();
                    }
                },
            )
        }
    }
    Arch::new().dispatch(Loop(n, fill))
}

/// The sum of `n` terms, of which `fill(start, terms)` writes some.
///
/// Block `i` closes as many subtrees as `i` ends in ones, as a binary counter carries: the tree over the blocks
/// without a recursion, and `sums` its path from the root.
#[inline(always)]
pub(crate) fn tree<S: Simd, T: Float>(simd: S, n: usize, fill: impl Fn(usize, &mut [f64]) + Copy) -> T {
    if n < SHORT {
        return T::from_f64(short(n, fill));
    }
    let mut sums = [0.0; usize::BITS as usize];
    let mut depth = 0;
    for (i, start) in (0..n).step_by(BLOCK).enumerate() {
        let mut sum = block(simd, start..n.min(start + BLOCK), fill);
        for _ in 0..i.trailing_ones() {
            depth -= 1;
            sum += sums[depth];
        }
        sums[depth] = sum;
        depth += 1;
    }
    T::from_f64(sums[..depth].iter().rev().fold(0.0, |sum, x| sum + x))
}

#[inline(always)]
fn short(n: usize, fill: impl Fn(usize, &mut [f64])) -> f64 {
    let mut terms = [0.0; SHORT];
    fill(0, &mut terms[..n]);
    let mut sums = [0.0; 8];
    // What lies behind the terms is zero.
    for terms in &terms.as_chunks::<8>().0[..n.div_ceil(8)] {
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    fold(sums)
}

#[inline(always)]
fn block<S: Simd>(simd: S, range: Range<usize>, fill: impl Fn(usize, &mut [f64])) -> f64 {
    // A match on a constant: one arm is left, with as many registers as make up the lanes.
    match S::F64_LANES {
        8 => lanes::<S, 4>(simd, range, fill),
        4 => lanes::<S, 8>(simd, range, fill),
        2 => lanes::<S, 16>(simd, range, fill),
        _ => lanes::<S, LANES>(simd, range, fill),
    }
}

/// The formula fills a strip, and explicit vectors add the strip up. In a single loop the compiler would have
/// to find vectors for both at once, and for short formulas it does not (`Σx` ran eight times slower).
#[inline(always)]
fn lanes<S: Simd, const V: usize>(simd: S, range: Range<usize>, fill: impl Fn(usize, &mut [f64])) -> f64 {
    assert_eq!(V * S::F64_LANES, LANES);
    let mut strip = [0.0; STRIP];
    let mut sums = [simd.splat_f64s(0.0); V];
    for start in range.clone().step_by(STRIP) {
        let n = STRIP.min(range.end - start);
        fill(start, &mut strip[..n]);
        let whole = n.next_multiple_of(LANES);
        strip[n..whole].fill(0.0);
        for terms in S::as_simd_f64s(&strip[..whole]).0.as_chunks::<V>().0 {
            for (sum, &term) in sums.iter_mut().zip(terms) {
                *sum = simd.add_f64s(*sum, term);
            }
        }
    }
    // A copy: registers whose address is taken would live in memory from the start.
    let mut lanes = [0.0; LANES];
    for (lanes, sum) in S::as_mut_simd_f64s(&mut lanes).0.iter_mut().zip(sums) {
        *lanes = sum;
    }
    fold(lanes)
}

/// Pairwise, as a register folds.
#[inline(always)]
fn fold<const L: usize>(mut sums: [f64; L]) -> f64 {
    let mut width = L / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

/// A tile of columns at a time; of a narrow matrix, as many rows side by side as fit, to fill a vector too.
#[inline(always)]
fn rows<T: Float>(x: &[T], out: &mut [T]) {
    const NARROW: usize = 64;
    let columns = out.len();
    let mut sums = [0.0; STRIP];
    if columns <= NARROW {
        let sums = &mut sums[..NARROW - NARROW % columns];
        for x in x.chunks(sums.len()) {
            add(sums, x);
        }
        for (j, out) in out.iter_mut().enumerate() {
            *out = T::from_f64(sums[j..].iter().step_by(columns).sum());
        }
    } else {
        for (tile, out) in out.chunks_mut(STRIP).enumerate() {
            let sums = &mut sums[..out.len()];
            sums.fill(0.0);
            for row in x.chunks_exact(columns) {
                add(sums, &row[tile * STRIP..][..sums.len()]);
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = T::from_f64(*sum);
            }
        }
    }
}

#[inline(always)]
fn add<T: Float>(sums: &mut [f64], x: &[T]) {
    for (sum, &x) in sums.iter_mut().zip(x) {
        *sum += x.to_f64();
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

#[cfg(test)]
mod tests;

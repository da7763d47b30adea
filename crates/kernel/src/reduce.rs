//! Sums and extremes with a fixed tree: the same bits on every run, at every alignment, for any number of threads.
//!
//! `iter().sum()` is a single chain of additions: ten times slower than the machine, and less exact the longer
//! it gets. Here a block of 4,096 elements is added up in 32 lanes (vectors of any machine divide them), the
//! lanes are folded pairwise, and the sums of the blocks are added in `f64` along a binary tree. The order
//! depends on the length alone, so threads may share the blocks out as they like.
//!
//! ```
//! use kernel::reduce;
//!
//! assert_eq!(reduce::sum(&vec![0.1f32; 1_000_000]) / 1e6, 0.1);
//! assert!(reduce::max(&[1.0, f64::NAN, 2.0]).is_nan());
//! ```

use crate::map::{Arg, Map2, Map3, fused};
use crate::real::{AsLane, Float};
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// Chains of additions that run side by side: four AVX2 or two AVX-512 registers of f32 hide the latency.
const LANES: usize = 32;

/// Elements in a leaf of the tree; 128 per lane keep the error of an f32 chain near 1e-6 at its worst.
const BLOCK: usize = 4096;

/// Below this length 32 lanes would cost more to fold than to fill: 8 have to do.
const SHORT: usize = 96;

/// The sum of all elements; 0 for none.
pub fn sum<T: Float>(x: &[T]) -> T {
    struct Loop<'a, T>(&'a [T]);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> T {
            sum_of(self.0)
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
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(x, out) = self;
            match out.len() {
                0 => {}
                1 => out[0] = sum_of(x),
                2..LANES => narrow_rows(x, out),
                _ => wide_rows(x, out),
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
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(x, out) = self;
            if x.is_empty() {
                out.fill(T::default());
                return;
            }
            for (x, out) in x.chunks_exact(x.len() / out.len()).zip(out) {
                *out = sum_of(x);
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
    struct Loop<'a, T, F>(F, usize, Arg<'a, T>, Arg<'a, T>);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> T {
            let Loop(f, n, x, y) = self;
            if fused::<S>() {
                pairs(n, x, y, move |x, y| f.call(T::Fused::wrap(x), T::Fused::wrap(y)).unwrap())
            } else {
                pairs(n, x, y, move |x, y| f.call(T::Plain::wrap(x), T::Plain::wrap(y)).unwrap())
            }
        }
    }
    Arch::new().dispatch(Loop(f, n, x, y))
}

/// The sum of `f(x, y, z)` over `n` triples, without a temporary.
///
/// # Panics
/// If a slice has not `n` elements.
pub fn zip3_sum<T: Float, F: Map3>(f: F, n: usize, x: Arg<'_, T>, y: Arg<'_, T>, z: Arg<'_, T>) -> T {
    struct Loop<'a, T, F>(F, usize, [Arg<'a, T>; 3]);
    impl<T: Float, F: Map3> WithSimd for Loop<'_, T, F> {
        type Output = T;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> T {
            let Loop(f, n, args) = self;
            if fused::<S>() {
                triples(n, args, move |x, y, z| {
                    f.call(T::Fused::wrap(x), T::Fused::wrap(y), T::Fused::wrap(z)).unwrap()
                })
            } else {
                triples(n, args, move |x, y, z| {
                    f.call(T::Plain::wrap(x), T::Plain::wrap(y), T::Plain::wrap(z)).unwrap()
                })
            }
        }
    }
    Arch::new().dispatch(Loop(f, n, [x, y, z]))
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
        fn with_simd<S: Simd>(self, _: S) -> T {
            tree([self.0, self.1], self.0.len(), move |[x, y]| x * y)
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
fn sum_of<T: Float>(x: &[T]) -> T {
    tree([x], x.len(), move |[x]| x)
}

/// A match per kind of operand, so that no loop has to ask which one it meets.
#[inline(always)]
fn pairs<T: Float>(n: usize, x: Arg<'_, T>, y: Arg<'_, T>, f: impl Fn(T, T) -> T + Copy) -> T {
    match (x, y) {
        (Arg::Slice(x), Arg::Slice(y)) => tree([x, y], n, move |[x, y]| f(x, y)),
        (Arg::Slice(x), Arg::Scalar(y)) => tree([x], n, move |[x]| f(x, y)),
        (Arg::Scalar(x), Arg::Slice(y)) => tree([y], n, move |[y]| f(x, y)),
        (Arg::Scalar(x), Arg::Scalar(y)) => tree([], n, move |[]| f(x, y)),
    }
}

#[inline(always)]
fn triples<T: Float>(n: usize, [x, y, z]: [Arg<'_, T>; 3], f: impl Fn(T, T, T) -> T + Copy) -> T {
    match (x, y, z) {
        (Arg::Slice(x), Arg::Slice(y), Arg::Slice(z)) => tree([x, y, z], n, move |[x, y, z]| f(x, y, z)),
        (x, y, Arg::Scalar(z)) => pairs(n, x, y, move |x, y| f(x, y, z)),
        (x, Arg::Scalar(y), z) => pairs(n, x, z, move |x, z| f(x, y, z)),
        (Arg::Scalar(x), y, z) => pairs(n, y, z, move |y, z| f(x, y, z)),
    }
}

/// The sum of `f` over the elements of `args`, side by side.
///
/// Block `i` closes as many subtrees as `i` ends in ones, as a binary counter carries: the tree over the blocks
/// without a recursion, and `sums` its path from the root.
#[inline(always)]
fn tree<T: Float, const N: usize>(args: [&[T]; N], n: usize, f: impl Fn([T; N]) -> T + Copy) -> T {
    for arg in args {
        assert_eq!(arg.len(), n, "reduce: operands of unequal length");
    }
    if n <= BLOCK {
        return T::from_f64(block(args, 0..n, f));
    }
    let mut sums = [0.0; usize::BITS as usize];
    let mut depth = 0;
    for (i, start) in (0..n).step_by(BLOCK).enumerate() {
        let mut sum = block(args, start..n.min(start + BLOCK), f);
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
fn block<T: Float, const N: usize>(
    args: [&[T]; N],
    range: Range<usize>,
    f: impl Fn([T; N]) -> T + Copy,
) -> f64 {
    let args = args.map(|arg| &arg[range.clone()]);
    if range.len() < SHORT {
        lanes::<T, N, 8>(args, range.len(), f)
    } else {
        lanes::<T, N, LANES>(args, range.len(), f)
    }
}

#[inline(always)]
fn lanes<T: Float, const N: usize, const L: usize>(
    args: [&[T]; N],
    n: usize,
    f: impl Fn([T; N]) -> T + Copy,
) -> f64 {
    let chunks = args.map(|arg| arg[..n].as_chunks::<L>());
    let mut sums = [0.0; L];
    for i in 0..n / L {
        let chunk = chunks.map(|(chunks, _)| &chunks[i]);
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += f(chunk.map(move |chunk| chunk[lane])).to_f64();
        }
    }
    for (lane, sum) in sums[..n % L].iter_mut().enumerate() {
        *sum += f(chunks.map(move |(_, rest)| rest[lane])).to_f64();
    }
    let mut width = L / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

/// 32 columns at a time, then the last 32 again with those left out that are done.
#[inline(always)]
fn wide_rows<T: Float>(x: &[T], out: &mut [T]) {
    let columns = out.len();
    let mut done = 0;
    while done < columns {
        let start = done.min(columns - LANES);
        let mut sums = [0.0; LANES];
        for row in x.chunks_exact(columns) {
            let row: &[T; LANES] = row[start..].first_chunk().expect("a tile lies in its row");
            add(&mut sums, row);
        }
        for (out, sum) in out[done..].iter_mut().zip(&sums[done - start..]) {
            *out = T::from_f64(*sum);
        }
        done = start + LANES;
    }
}

/// As many rows as fit go side by side into the lanes, so that narrow matrices fill a vector too.
#[inline(always)]
fn narrow_rows<T: Float>(x: &[T], out: &mut [T]) {
    let columns = out.len();
    let width = LANES - LANES % columns;
    let mut sums = [0.0; LANES];
    if width == LANES {
        let (whole, rest) = x.as_chunks::<LANES>();
        for rows in whole {
            add(&mut sums, rows);
        }
        add(&mut sums, rest);
    } else {
        for rows in x.chunks(width) {
            add(&mut sums, rows);
        }
    }
    for (j, out) in out.iter_mut().enumerate() {
        *out = T::from_f64(sums[j..width].iter().step_by(columns).sum());
    }
}

#[inline(always)]
fn add<T: Float>(sums: &mut [f64; LANES], x: &[T]) {
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

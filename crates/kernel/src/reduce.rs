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
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;
use tree::{shared, shared_with, tree};

mod axis;
mod extreme;
mod tree;

pub use axis::{Itself, add_columns, add_rows};
pub use extreme::{extreme_columns, extreme_rows, extremes, max, min};

/// The sum of all elements; 0 for none.
pub fn sum<T: Float>(x: &[T]) -> T {
    T::from_f64(sum_f64(x))
}

/// The [`sum`] before it is rounded to the type of the elements.
pub fn sum_f64<T: Float>(x: &[T]) -> f64 {
    struct Loop<'a, T>(&'a [T], Range<usize>);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(x, part) = self;
            tree(
                simd,
                part,
                #[inline(always)]
                move |start, strip| Some(&x[start..][..strip.len()]),
            )
        }
    }
    shared(x.len(), &|part| Arch::new().dispatch(Loop(x, part)))
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
    struct Loop<'a, T>(&'a [T], &'a [T], Range<usize>);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(x, y, part) = self;
            tree(
                simd,
                part,
                #[inline(always)]
                move |start, strip| {
                    for ((term, &x), &y) in strip.iter_mut().zip(&x[start..]).zip(&y[start..]) {
                        *term = x * y;
                    }
                    None
                },
            )
        }
    }
    assert_eq!(x.len(), y.len(), "dot: operands of unequal length");
    T::from_f64(shared(x.len(), &|part| Arch::new().dispatch(Loop(x, y, part))))
}

fn check_sides(elements: usize, side: usize) {
    let whole = if side == 0 { elements == 0 } else { elements.is_multiple_of(side) };
    assert!(whole, "reduce: {elements} elements are no matrix with a side of {side}");
}

/// The sum of `n` terms, of which `fill(start, terms)` writes some: for formulas, whose loop is compiled apart from the
/// tree.
pub(crate) fn terms<T: Float>(n: usize, fill: &(dyn Fn(usize, &mut [T]) + Sync)) -> f64 {
    struct Loop<'a, T>(Range<usize>, &'a (dyn Fn(usize, &mut [T]) + Sync));
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(part, fill) = self;
            tree(
                simd,
                part,
                #[inline(always)]
                move |start, strip| {
                    fill(start, strip);
                    None
                },
            )
        }
    }
    shared(n, &|part| Arch::new().dispatch(Loop(part, fill)))
}

/// What writes some terms from a start on, and its part of an output.
type Fill<'a, T> = dyn Fn(usize, &mut [T], &mut [T]) + Sync + 'a;

/// As [`terms`], of as many terms as `out` has elements, of which `fill(start, terms, out)` also writes its part.
pub(crate) fn terms_with<T: Float>(out: &mut [T], fill: &Fill<'_, T>) -> f64 {
    struct Loop<'a, T>(Range<usize>, &'a mut [T], &'a Fill<'a, T>);
    impl<T: Float> WithSimd for Loop<'_, T> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Loop(part, out, fill) = self;
            let first = part.start;
            tree(
                simd,
                part,
                #[inline(always)]
                move |start, strip| {
                    let len = strip.len();
                    fill(start, strip, &mut out[start - first..][..len]);
                    None
                },
            )
        }
    }
    shared_with(out, &|part, out| Arch::new().dispatch(Loop(part, out, fill)))
}

#[cfg(test)]
mod tests;

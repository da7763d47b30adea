//! Sums over one axis of a matrix, of a formula of its elements, added to sums that are kept in `f64`: whoever has
//! several blocks to add up rounds once, at the end.

use super::check_sides;
use super::tree::{PIECE, SHORT, few, shared, tree};
use crate::map::{Map2, fused};
use crate::real::{AsLane, Float, Real};
use crate::spread::STRIP;
use crate::threads::share_out;
use pulp::{Arch, Simd, WithSimd};
use std::ops::Range;

/// The formula of a plain sum.
#[derive(Clone, Copy, Debug)]
pub struct Itself;
impl Map2 for Itself {
    #[inline(always)]
    fn call<R: Real>(self, x: R, _: R) -> R {
        x
    }
}

/// Adds `Σᵢ f(xᵢⱼ, cⱼ)` over the rows of a row-major matrix `(rows, sums.len())` to `sums[j]`. The centers `c` (zeros,
/// if there are none) are what the formula measures from, such as the means of a variance. It computes in `f64`.
///
/// # Panics
/// If `x` is no whole number of rows, or `centers` not one row.
pub fn add_rows<T: Float, F: Map2>(f: F, x: &[T], centers: Option<&[f64]>, sums: &mut [f64]) {
    struct Loop<'a, T, F>(F, &'a [T], Option<&'a [f64]>, [usize; 2], &'a mut [f64]);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            let Loop(f, x, centers, place, sums) = self;
            rows(x, centers, place, sums, lane::<S, F>(f));
        }
    }
    check(x.len(), centers, sums.len());
    if x.is_empty() {
        return;
    }
    let columns = sums.len();
    if columns == 1 {
        return add_columns(f, x, centers, sums);
    }
    let least = if columns > NARROW { PIECE / (x.len() / columns) } else { columns };
    share_out(sums, 64, least, &|first, sums| {
        Arch::new().dispatch(Loop(f, x, centers, [first, columns], sums));
    });
}

/// Adds `Σⱼ f(xᵢⱼ, cᵢ)` over the columns of a row-major matrix `(sums.len(), columns)` to `sums[i]`, as [`add_rows`].
///
/// # Panics
/// If `x` has no whole number of elements for each sum, or `centers` not one.
pub fn add_columns<T: Float, F: Map2>(f: F, x: &[T], centers: Option<&[f64]>, sums: &mut [f64]) {
    /// One row.
    struct Row<'a, T, F>(F, &'a [T], f64, Range<usize>);
    impl<T: Float, F: Map2> WithSimd for Row<'_, T, F> {
        type Output = f64;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f64 {
            let Row(f, x, center, part) = self;
            row(simd, x, center, part, lane::<S, F>(f))
        }
    }
    struct Loop<'a, T, F>(F, &'a [T], Option<&'a [f64]>, &'a mut [f64]);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(f, x, centers, sums) = self;
            let n = x.len() / sums.len();
            for (i, (x, sum)) in x.chunks_exact(n).zip(sums).enumerate() {
                *sum += row(simd, x, centers.map_or(0.0, |c| c[i]), 0..n, lane::<S, F>(f));
            }
        }
    }
    check(x.len(), centers, sums.len());
    if x.is_empty() {
        return;
    }
    if let [sum] = sums {
        let center = centers.map_or(0.0, |c| c[0]);
        *sum += shared(x.len(), &|part| Arch::new().dispatch(Row(f, x, center, part)));
        return;
    }
    let n = x.len() / sums.len();
    share_out(sums, 1, PIECE / n, &|first, sums| {
        let part = first..first + sums.len();
        let (x, centers) = (&x[first * n..part.end * n], centers.map(|c| &c[part]));
        Arch::new().dispatch(Loop(f, x, centers, sums));
    });
}

fn check(elements: usize, centers: Option<&[f64]>, sums: usize) {
    check_sides(elements, sums);
    assert!(centers.is_none_or(|c| c.len() == sums), "reduce: each sum needs a center");
}

/// The formula on the machine that the loop is compiled for.
#[inline(always)]
fn lane<S: Simd, F: Map2>(f: F) -> impl Fn(f64, f64) -> f64 + Copy {
    #[inline(always)]
    move |x, center| {
        if fused::<S>() {
            f.call(<f64 as Float>::Fused::wrap(x), <f64 as Float>::Fused::wrap(center)).unwrap()
        } else {
            f.call(<f64 as Float>::Plain::wrap(x), <f64 as Float>::Plain::wrap(center)).unwrap()
        }
    }
}

#[inline(always)]
fn row<S: Simd, T: Float>(
    simd: S,
    x: &[T],
    center: f64,
    part: Range<usize>,
    f: impl Fn(f64, f64) -> f64 + Copy,
) -> f64 {
    if part.end < SHORT {
        return few(
            &x[part],
            #[inline(always)]
            |x| f(x.to_f64(), center),
        );
    }
    tree(
        simd,
        part,
        #[inline(always)]
        move |start, terms| {
            for (term, &x) in terms.iter_mut().zip(&x[start..]) {
                *term = f(x.to_f64(), center);
            }
            None
        },
    )
}

/// Of a matrix with no more columns, as many rows side by side as fit are added up, to fill a vector.
const NARROW: usize = 64;

/// Adds to the sums of the columns from `first` on; a tile of columns at a time.
#[inline(always)]
fn rows<T: Float>(
    x: &[T],
    centers: Option<&[f64]>,
    [first, columns]: [usize; 2],
    out: &mut [f64],
    f: impl Fn(f64, f64) -> f64 + Copy,
) {
    let (mut sums, mut places) = ([0.0; STRIP], [0.0; STRIP]);
    if columns <= NARROW {
        let width = NARROW - NARROW % columns;
        if let Some(centers) = centers {
            places[..width].chunks_exact_mut(columns).for_each(|row| row.copy_from_slice(centers));
        }
        for x in x.chunks(width) {
            add(&mut sums[..width], x, &places, f);
        }
        for (j, out) in out.iter_mut().enumerate() {
            *out += sums[j..width].iter().step_by(columns).sum::<f64>();
        }
    } else {
        for (tile, out) in out.chunks_mut(STRIP).enumerate() {
            let (sums, start) = (&mut sums[..out.len()], first + tile * STRIP);
            sums.fill(0.0);
            if let Some(centers) = centers {
                places[..out.len()].copy_from_slice(&centers[start..][..out.len()]);
            }
            for row in x.chunks_exact(columns) {
                add(sums, &row[start..][..sums.len()], &places, f);
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out += *sum);
        }
    }
}

#[inline(always)]
fn add<T: Float>(sums: &mut [f64], x: &[T], centers: &[f64; STRIP], f: impl Fn(f64, f64) -> f64) {
    for ((sum, &x), &center) in sums.iter_mut().zip(x).zip(centers) {
        *sum += f(x.to_f64(), center);
    }
}

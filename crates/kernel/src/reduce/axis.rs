//! Sums over one axis of a matrix, of a formula of its elements, added to sums that are kept in `f64`: whoever has
//! several blocks to add up rounds once, at the end.

use super::check_sides;
use super::tree::tree;
use crate::map::{Map2, fused};
use crate::real::{AsLane, Float, Real};
use crate::spread::STRIP;
use pulp::{Arch, Simd, WithSimd};

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
    struct Loop<'a, T, F>(F, &'a [T], Option<&'a [f64]>, &'a mut [f64]);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(f, x, centers, sums) = self;
            let wide = sums.len() > 1;
            let f = lane::<S, F>(f);
            if wide { rows(x, centers, sums, f) } else { columns(simd, x, centers, sums, f) }
        }
    }
    check(x.len(), centers, sums.len());
    if !x.is_empty() {
        Arch::new().dispatch(Loop(f, x, centers, sums));
    }
}

/// Adds `Σⱼ f(xᵢⱼ, cᵢ)` over the columns of a row-major matrix `(sums.len(), columns)` to `sums[i]`, as [`add_rows`].
///
/// # Panics
/// If `x` has no whole number of elements for each sum, or `centers` not one.
pub fn add_columns<T: Float, F: Map2>(f: F, x: &[T], centers: Option<&[f64]>, sums: &mut [f64]) {
    struct Loop<'a, T, F>(F, &'a [T], Option<&'a [f64]>, &'a mut [f64]);
    impl<T: Float, F: Map2> WithSimd for Loop<'_, T, F> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Loop(f, x, centers, sums) = self;
            columns(simd, x, centers, sums, lane::<S, F>(f));
        }
    }
    check(x.len(), centers, sums.len());
    if !x.is_empty() {
        Arch::new().dispatch(Loop(f, x, centers, sums));
    }
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
fn columns<S: Simd, T: Float>(
    simd: S,
    x: &[T],
    centers: Option<&[f64]>,
    sums: &mut [f64],
    f: impl Fn(f64, f64) -> f64 + Copy,
) {
    let n = x.len() / sums.len();
    for (i, (x, sum)) in x.chunks_exact(n).zip(sums).enumerate() {
        let center = centers.map_or(0.0, |c| c[i]);
        *sum += tree(
            simd,
            n,
            #[inline(always)]
            move |start, terms| {
                for (term, &x) in terms.iter_mut().zip(&x[start..]) {
                    *term = f(x.to_f64(), center);
                }
            },
        );
    }
}

/// A tile of columns at a time; of a narrow matrix, as many rows side by side as fit, to fill a vector too.
#[inline(always)]
fn rows<T: Float>(x: &[T], centers: Option<&[f64]>, out: &mut [f64], f: impl Fn(f64, f64) -> f64 + Copy) {
    const NARROW: usize = 64;
    let columns = out.len();
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
            let sums = &mut sums[..out.len()];
            sums.fill(0.0);
            if let Some(centers) = centers {
                places[..out.len()].copy_from_slice(&centers[tile * STRIP..][..out.len()]);
            }
            for row in x.chunks_exact(columns) {
                add(sums, &row[tile * STRIP..][..sums.len()], &places, f);
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

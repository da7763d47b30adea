//! Products with a vector: `A·x`, and the outer product `a·bᵀ`.
//!
//! Each number of A is used once, so nothing is worth packing; what counts is that A is read along its
//! contiguous direction. When that is the rows, an element of the result is a dot product; when it is the
//! columns, a vector of results grows by a column at a time.

use super::{K_BLOCK, Matrix, mul_add};
use crate::real::Float;
use pulp::{Simd, WithSimd};

/// Short rows that share a loop, so that their chains of additions overlap. Measured on AVX2: with 4 or 8 the
/// compiler gathers the rows into vectors, which takes half as long again.
const ROWS: usize = 2;

/// From this length on, a dot product is worth a sum over the lanes of its vectors (f32 on AVX2).
const LONG: usize = 16;

/// `c = a·x` where `a` is `(m, k)` and element `l` of `x` is `x[l * step]`.
pub(super) struct MatrixVector<'a, T> {
    pub(super) shape: [usize; 2],
    pub(super) a: Matrix<'a, T>,
    pub(super) x: &'a [T],
    pub(super) step: usize,
    pub(super) c: &'a mut [T],
    pub(super) accumulate: bool,
}

impl<T: Float> WithSimd for MatrixVector<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape: [m, k], a, x, step, c, accumulate } = self;
        if step == 1 {
            matrix_vector(simd, [m, k], a, &x[..k], c, accumulate);
        } else {
            // An expanded or strided x, a block at a time on the stack: no allocation, and the block is the
            // same that `K_BLOCK` is for matrices.
            let mut block = [T::default(); K_BLOCK];
            for l in (0..k).step_by(K_BLOCK) {
                let block = &mut block[..K_BLOCK.min(k - l)];
                for (i, x_l) in block.iter_mut().enumerate() {
                    *x_l = x[(l + i) * step];
                }
                let a = Matrix { data: &a.data[l * a.column_stride..], ..a };
                matrix_vector(simd, [m, block.len()], a, block, c, accumulate || l > 0);
            }
        }
    }
}

#[inline(always)]
fn matrix_vector<S: Simd, T: Float>(
    simd: S,
    [m, k]: [usize; 2],
    a: Matrix<'_, T>,
    x: &[T],
    c: &mut [T],
    accumulate: bool,
) {
    if a.row_stride == 1 && m >= T::lanes::<S>() {
        columns(simd, m, a, x, c, accumulate);
    } else if a.row_stride == 1 && m > 1 {
        narrow(simd, a, x, c, accumulate);
    } else if a.column_stride == 1 && k >= LONG {
        for (i, out) in c.iter_mut().enumerate() {
            put(out, dot(simd, &a.data[i * a.row_stride..][..k], x), accumulate);
        }
    } else if a.column_stride == 1 {
        let (groups, rest) = c.as_chunks_mut::<ROWS>();
        let mut i = 0;
        for group in groups {
            let rows = std::array::from_fn(|r| &a.data[(i + r) * a.row_stride..][..k]);
            short_dots::<S, T, ROWS>(rows, x, group, accumulate);
            i += ROWS;
        }
        for out in rest {
            short_dots::<S, T, 1>(
                [&a.data[i * a.row_stride..][..k]],
                x,
                std::array::from_mut(out),
                accumulate,
            );
            i += 1;
        }
    } else {
        for (i, out) in c.iter_mut().enumerate() {
            let mut sum = T::default();
            for (l, &x) in x.iter().enumerate() {
                sum = mul_add::<S, T>(a.at(i, l), x, sum);
            }
            put(out, sum, accumulate);
        }
    }
}

#[inline(always)]
fn put<T: Float>(out: &mut T, sum: T, accumulate: bool) {
    *out = if accumulate { *out + sum } else { sum };
}

#[inline(always)]
fn short_dots<S: Simd, T: Float, const R: usize>(
    rows: [&[T]; R],
    x: &[T],
    out: &mut [T; R],
    accumulate: bool,
) {
    let rows = rows.map(|row| &row[..x.len()]);
    let mut sums = [T::default(); R];
    for l in 0..x.len() {
        for r in 0..R {
            sums[r] = mul_add::<S, T>(rows[r][l], x[l], sums[r]);
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        put(out, sum, accumulate);
    }
}

/// Four vectors of partial sums, then their lanes in halves.
#[inline(always)]
fn dot<S: Simd, T: Float>(simd: S, x: &[T], y: &[T]) -> T {
    let mut sums = [T::splat(simd, T::default()); 4];
    let (x_vectors, y_vectors) = (T::vectors::<S>(x), T::vectors::<S>(y));
    let ((x4, x1), (y4, y1)) = (x_vectors.as_chunks::<4>(), y_vectors.as_chunks::<4>());
    for (x, y) in x4.iter().zip(y4) {
        for r in 0..4 {
            sums[r] = T::mul_add(simd, x[r], y[r], sums[r]);
        }
    }
    for (&x, &y) in x1.iter().zip(y1) {
        sums[0] = T::mul_add(simd, x, y, sums[0]);
    }
    let done = x_vectors.len() * T::lanes::<S>();
    let mut rest = T::default();
    for (&x, &y) in x[done..].iter().zip(&y[done..]) {
        rest = mul_add::<S, T>(x, y, rest);
    }
    let [s0, s1, s2, s3] = sums;
    let all = [T::plus(simd, T::plus(simd, s0, s1), T::plus(simd, s2, s3))];
    halves(T::numbers::<S>(&all)) + rest
}

/// Pairwise, so that lanes are added as a register folds.
#[inline(always)]
fn halves<T: Float>(lanes: &[T]) -> T {
    let mut sums = [T::default(); 16];
    let mut width = lanes.len();
    sums[..width].copy_from_slice(lanes);
    while width > 1 {
        width /= 2;
        for i in 0..width {
            sums[i] += sums[i + width];
        }
    }
    sums[0]
}

/// Columns of A are contiguous: vectors of results stay in registers while the columns go by.
#[inline(always)]
fn columns<S: Simd, T: Float>(simd: S, m: usize, a: Matrix<'_, T>, x: &[T], c: &mut [T], accumulate: bool) {
    let lanes = T::lanes::<S>();
    let mut i = 0;
    while m - i >= 8 * lanes {
        column_tile::<S, T, 8>(simd, i, a, x, &mut c[i..][..8 * lanes], accumulate);
        i += 8 * lanes;
    }
    while m - i >= 2 * lanes {
        column_tile::<S, T, 2>(simd, i, a, x, &mut c[i..][..2 * lanes], accumulate);
        i += 2 * lanes;
    }
    while m - i >= lanes {
        column_tile::<S, T, 1>(simd, i, a, x, &mut c[i..][..lanes], accumulate);
        i += lanes;
    }
    if i < m {
        // The last vector reaches back over results that are done already; only its end is written.
        let sums = [column_sums::<S, T, 1>(simd, m - lanes, a, x)[0]];
        let sums = T::numbers::<S>(&sums);
        for (out, &sum) in c[i..].iter_mut().zip(&sums[lanes - (m - i)..]) {
            put(out, sum, accumulate);
        }
    }
}

/// Contiguous columns shorter than a vector: it also takes what follows a column, and its end is not used. Where nothing
/// follows, the last columns are added number by number.
#[inline(always)]
fn narrow<S: Simd, T: Float>(simd: S, a: Matrix<'_, T>, x: &[T], c: &mut [T], accumulate: bool) {
    let lanes = T::lanes::<S>();
    let vectors = a.data.len().checked_sub(lanes).map_or(0, |last| last / a.column_stride.max(1) + 1);
    let vectors = vectors.min(x.len());
    let sums = [column_sums::<S, T, 1>(simd, 0, a, &x[..vectors])[0]];
    for (i, (out, &sum)) in c.iter_mut().zip(T::numbers::<S>(&sums)).enumerate() {
        let rest = (vectors..x.len()).fold(sum, |sum, l| mul_add::<S, T>(a.at(i, l), x[l], sum));
        put(out, rest, accumulate);
    }
}

#[inline(always)]
fn column_tile<S: Simd, T: Float, const V: usize>(
    simd: S,
    i: usize,
    a: Matrix<'_, T>,
    x: &[T],
    c: &mut [T],
    accumulate: bool,
) {
    let sums = column_sums::<S, T, V>(simd, i, a, x);
    for (out, sum) in T::vectors_mut::<S>(c).iter_mut().zip(sums) {
        *out = if accumulate { T::plus(simd, *out, sum) } else { sum };
    }
}

#[inline(always)]
fn column_sums<S: Simd, T: Float, const V: usize>(
    simd: S,
    i: usize,
    a: Matrix<'_, T>,
    x: &[T],
) -> [T::Vector<S>; V] {
    let mut sums = [T::splat(simd, T::default()); V];
    for (l, &x) in x.iter().enumerate() {
        let x = T::splat(simd, x);
        let column = T::vectors::<S>(&a.data[l * a.column_stride + i..][..V * T::lanes::<S>()]);
        for (sum, &a) in sums.iter_mut().zip(column) {
            *sum = T::mul_add(simd, a, x, *sum);
        }
    }
    sums
}

/// `c = a·b` where `a` is a column and `b` a row.
pub(super) struct Outer<'a, T> {
    pub(super) a: Matrix<'a, T>,
    pub(super) b: Matrix<'a, T>,
    pub(super) n: usize,
    pub(super) c: &'a mut [T],
    pub(super) accumulate: bool,
}

impl<T: Float> WithSimd for Outer<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { a, b, n, c, accumulate } = self;
        for (i, row) in c.chunks_exact_mut(n).enumerate() {
            let a = a.at(i, 0);
            if b.column_stride == 1 {
                outer_row::<S, T>(row, a, b.data[..n].iter(), accumulate);
            } else if b.column_stride == 0 {
                outer_row::<S, T>(row, a, std::iter::repeat(&b.data[0]), accumulate);
            } else {
                outer_row::<S, T>(row, a, b.data.iter().step_by(b.column_stride), accumulate);
            }
        }
    }
}

#[inline(always)]
fn outer_row<'a, S: Simd, T: Float>(row: &mut [T], a: T, b: impl Iterator<Item = &'a T>, accumulate: bool) {
    if accumulate {
        for (out, &b) in row.iter_mut().zip(b) {
            *out = mul_add::<S, T>(a, b, *out);
        }
    } else {
        for (out, &b) in row.iter_mut().zip(b) {
            *out = a * b;
        }
    }
}

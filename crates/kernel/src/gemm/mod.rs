//! Matrix products `C = A·B` (or `C += A·B`) for any strides of A and B.
//!
//! A transposed or expanded operand is only another pair of strides, so nobody copies a matrix to multiply it:
//!
//! ```
//! use kernel::gemm::{Matrix, gemm};
//!
//! // x·Wᵀ with x = (1 2) and W = [[1, 0], [3, 1], [0, 2]], row-major: Wᵀ is W with its strides swapped.
//! let x = Matrix { data: &[1.0f32, 2.0], row_stride: 2, column_stride: 1 };
//! let w = Matrix { data: &[1.0, 0.0, 3.0, 1.0, 0.0, 2.0], row_stride: 1, column_stride: 2 };
//! let mut y = [f32::NAN; 3];
//! gemm([1, 2, 3], x, w, &mut y, false);
//! assert_eq!(y, [1.0, 5.0, 4.0]);
//! ```
//!
//! [`gemm`] looks at the shape and takes one of three ways: `vector` when C is a single column or row or when
//! there is a single k, plain loops when there is next to nothing to do, and tiles (`tile`) over packed
//! panels (`pack`) for all else.
//!
//! **Bits.** The shape and the strides choose the way, and within a way the terms of an element of C are added in
//! an order that depends on k alone: one by one in blocks of `K_BLOCK` in a tile, one by one or lane by lane in
//! a product with a vector. So a product gives the same bits every time, and once the way is chosen its rows or
//! columns may be split over any number of threads without a bit changing. (A single row multiplied on its own
//! takes another way than the same row within a matrix, and may round differently.)

mod pack;
mod tile;
mod vector;

pub(crate) use pack::panels;

use crate::map::fused;
use crate::real::{AsLane, Float, Real};
use crate::threads::{Block, Blocks, num_threads, share, share_out};
use pulp::{Arch, Simd, WithSimd};

/// A matrix in a slice: element `(i, j)` is `data[i * row_stride + j * column_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// The elements; the slice begins at element (0, 0).
    pub data: &'a [T],
    /// Elements from one row to the next.
    pub row_stride: usize,
    /// Elements from one column to the next.
    pub column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// Row-major and without gaps, with rows of `columns` elements.
    #[inline]
    pub fn dense(data: &'a [T], columns: usize) -> Self {
        Matrix { data, row_stride: columns, column_stride: 1 }
    }

    /// Rows become columns.
    #[inline]
    #[must_use]
    pub fn transposed(self) -> Self {
        Self { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }
}

impl<T: Copy> Matrix<'_, T> {
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> T {
        self.data[i * self.row_stride + j * self.column_stride]
    }

    /// Whether all of `rows`×`columns` (neither 0) lies in the slice.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = |n: usize, stride: usize| (n - 1).checked_mul(stride);
        let end = last(rows, self.row_stride)
            .and_then(|row| last(columns, self.column_stride).and_then(|column| row.checked_add(column)));
        end.is_some_and(|end| end < self.data.len())
    }
}

/// Terms that are added up in registers before they meet C. 256 rows of a panel 16 columns wide (f32, AVX2) are
/// 16 KB, half of the smallest L1 in use. A constant, because it is the one block size that shows in the bits.
const K_BLOCK: usize = 256;

/// Up to this many products a loop is done before a tile is set up.
const TINY: usize = 64;

/// Products that are worth another thread: 2 to 4 µs of a core.
const PART: usize = 250_000;

/// Rows and columns at which C may be cut: whole tiles of every machine and type.
const CUTS: [usize; 2] = [12, 32];

/// `c = a·b`, or `c += a·b` with `accumulate`, where `a` is `(m, k)`, `b` is `(k, n)` and `c` is `(m, n)`,
/// row-major and without gaps. Without `accumulate`, c is not read.
///
/// # Panics
/// If a slice is too short for its shape and strides.
#[doc(alias = "matmul")]
#[doc(alias = "addmm")]
pub fn gemm<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    c: &mut [T],
    accumulate: bool,
) {
    product([m, k, n], a, b, None, c, accumulate);
}

/// `c = a·b + bias`, the bias for each row: what a linear layer computes, in one pass. It has the bits of [`gemm`] added to
/// rows that are the bias.
///
/// # Panics
/// If a slice is too short for its shape and strides, or the bias has not `n` elements.
#[doc(alias = "addmm")]
pub fn gemm_with_bias<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    bias: &[T],
    c: &mut [T],
) {
    assert_eq!(bias.len(), n, "gemm: a bias of {} elements for {n} columns", bias.len());
    product([m, k, n], a, b, Some(bias), c, false);
}

fn product<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    bias: Option<&[T]>,
    c: &mut [T],
    accumulate: bool,
) {
    assert_eq!(Some(c.len()), m.checked_mul(n), "gemm: c has {} elements, not {m}×{n}", c.len());
    if c.is_empty() {
        return;
    }
    let tiled = m.min(k).min(n) > 1 && m.saturating_mul(n).saturating_mul(k) > TINY;
    if let (false, Some(bias)) = (tiled, bias) {
        match bias {
            // A copy of one number for each row would be a call each.
            [one] => c.fill(*one),
            _ => c.chunks_exact_mut(n).for_each(|row| row.copy_from_slice(bias)),
        }
        return product([m, k, n], a, b, None, c, true);
    }
    if k == 0 {
        if !accumulate {
            c.fill(T::default());
        }
        return;
    }
    assert!(a.holds(m, k), "gemm: a has {} elements, too few for {m}×{k} and its strides", a.data.len());
    assert!(b.holds(k, n), "gemm: b has {} elements, too few for {k}×{n} and its strides", b.data.len());

    let arch = Arch::new();
    if tiled {
        tiles([m, k, n], a, b, bias, c, accumulate);
    } else if n == 1 {
        matrix_vector([m, k], a, b.data, b.row_stride, c, accumulate);
    } else if m == 1 {
        // A row is a column of the transposed product.
        matrix_vector([n, k], b.transposed(), a.data, a.column_stride, c, accumulate);
    } else if k == 1 {
        arch.dispatch(vector::Outer { a, b, n, c, accumulate });
    } else {
        arch.dispatch(Tiny { k, n, a, b, c, accumulate });
    }
}

/// `c = a·x`, its rows shared out.
fn matrix_vector<T: Float>(
    [m, k]: [usize; 2],
    a: Matrix<'_, T>,
    x: &[T],
    step: usize,
    c: &mut [T],
    accumulate: bool,
) {
    debug_assert_eq!(c.len(), m);
    share_out(c, 64, PART / 8 / k, &|start, c| {
        let a = Matrix { data: &a.data[start * a.row_stride..], ..a };
        Arch::new().dispatch(vector::MatrixVector { shape: [c.len(), k], a, x, step, c, accumulate });
    });
}

/// Tiles of C, whose longer side is shared out: what the threads have in common, and each of them packs, is the
/// smaller operand.
fn tiles<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    bias: Option<&[T]>,
    c: &mut [T],
    accumulate: bool,
) {
    let run = |a, b, bias, c: Block<'_, T>| {
        let ([m, n], mut room) = (c.shape(), T::take_room());
        let shape = [m, k, n];
        Arch::new().dispatch(tile::Tiled { shape, a, b, bias, c, accumulate, room: &mut room });
        T::return_room(room);
    };
    let parts = (m * n).saturating_mul(k).div_ceil(PART).min(num_threads());
    let side = usize::from(n >= m);
    if parts < 2 {
        return run(a, b, bias, Block::whole(c, [m, n]));
    }
    let mut size = [m, n];
    size[side] = size[side].div_ceil(parts).next_multiple_of(CUTS[side]);
    let blocks = Blocks::new(c, [m, n], size);
    share(blocks.len(), &|i| {
        let ([row, column], c) = blocks.take(i);
        let a = Matrix { data: &a.data[row * a.row_stride..], ..a };
        let b = Matrix { data: &b.data[column * b.column_stride..], ..b };
        run(a, b, bias.map(|bias| &bias[column..]), c);
    });
}

/// A matrix that is packed once for many products from the left.
///
/// ```
/// use kernel::gemm::{Matrix, Packed};
///
/// let b = Packed::new([2, 1], Matrix { data: &[3.0f32, 4.0], row_stride: 1, column_stride: 2 });
/// let mut c = [1.0; 2];
/// b.product(&[1.0, 0.0, 0.0, 1.0], &mut c, true);
/// assert_eq!(c, [4.0, 5.0]);
/// ```
pub struct Packed<T: Float> {
    shape: [usize; 2],
    panels: Vec<T>,
}

impl<T: Float> Packed<T> {
    /// Packs a `(k, n)` matrix.
    ///
    /// # Panics
    /// If the slice is too short for its shape and strides.
    pub fn new([k, n]: [usize; 2], b: Matrix<'_, T>) -> Self {
        assert!(k * n == 0 || b.holds(k, n), "gemm: b has {} elements, too few for {k}×{n}", b.data.len());
        let panels = Arch::new().dispatch(Pack { shape: [k, n], b });
        Packed { shape: [k, n], panels }
    }

    /// `c = a·b`, or `c += a·b` with `accumulate`, where `a` is `(m, k)`; both are row-major and without gaps. A row of
    /// c has the same bits whatever m is.
    ///
    /// # Panics
    /// If `a` and `c` have not the same number of rows.
    pub fn product(&self, a: &[T], c: &mut [T], accumulate: bool) {
        let [k, n] = self.shape;
        if c.is_empty() {
            return;
        }
        if k == 0 {
            if !accumulate {
                c.fill(T::default());
            }
            return;
        }
        let m = c.len() / n;
        assert!(
            c.len() == m * n && a.len() == m * k,
            "gemm: rows of {} and of {} do not fit",
            a.len(),
            c.len()
        );
        let a = Matrix::dense(a, k);
        let c = Block::whole(c, [m, n]);
        Arch::new().dispatch(tile::Ready { shape: [m, k, n], a, panels: &self.panels, c, accumulate });
    }
}

struct Pack<'a, T> {
    shape: [usize; 2],
    b: Matrix<'a, T>,
}

impl<T: Float> WithSimd for Pack<'_, T> {
    type Output = Vec<T>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<T> {
        let Self { shape: [k, n], b } = self;
        let width = tile::width::<T, S>();
        let mut out = vec![T::default(); k * n.next_multiple_of(width)];
        if !out.is_empty() {
            pack::panels([k, n], b, width, &mut out);
        }
        out
    }
}

/// The textbook's loops.
struct Tiny<'a, T> {
    k: usize,
    n: usize,
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    c: &'a mut [T],
    accumulate: bool,
}

impl<T: Float> WithSimd for Tiny<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { k, n, a, b, c, accumulate } = self;
        for (i, row) in c.chunks_exact_mut(n).enumerate() {
            for (j, out) in row.iter_mut().enumerate() {
                let mut sum = T::default();
                for l in 0..k {
                    sum = mul_add::<S, T>(a.at(i, l), b.at(l, j), sum);
                }
                *out = if accumulate { *out + sum } else { sum };
            }
        }
    }
}

/// `x·y + z`, rounded once where the machine can and never by a library call.
#[inline(always)]
fn mul_add<S: Simd, T: Float>(x: T, y: T, z: T) -> T {
    if fused::<S>() {
        T::Fused::wrap(x).mul_add(T::Fused::wrap(y), T::Fused::wrap(z)).unwrap()
    } else {
        T::Plain::wrap(x).mul_add(T::Plain::wrap(y), T::Plain::wrap(z)).unwrap()
    }
}

#[cfg(test)]
mod tests;

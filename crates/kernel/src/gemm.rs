//! Matrix products `C = A·B` (or `C += A·B`) for any strides of A and B.
//!
//! First version: correct, not yet fast.

use crate::real::Float;

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

/// `c = a·b`, or `c += a·b` with `accumulate`, where `a` is `(m, k)`, `b` is `(k, n)` and `c` is `(m, n)`,
/// row-major and without gaps.
///
/// # Panics
/// If a slice is too short for its shape and strides.
pub fn gemm<T: Float>(
    [m, k, n]: [usize; 3],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    c: &mut [T],
    accumulate: bool,
) {
    assert_eq!(c.len(), m * n, "gemm: c has {} elements, not {m}×{n}", c.len());
    for i in 0..m {
        for j in 0..n {
            let mut sum = if accumulate { c[i * n + j] } else { T::default() };
            for l in 0..k {
                sum += a.data[i * a.row_stride + l * a.column_stride]
                    * b.data[l * b.row_stride + j * b.column_stride];
            }
            c[i * n + j] = sum;
        }
    }
}

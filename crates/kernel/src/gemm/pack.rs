//! Panels: an operand copied into the order in which a tile reads it.
//!
//! A panel of B holds `width` neighbouring columns, row after row; a panel of A holds [`ROWS`](super::tile)
//! neighbouring rows, column after column. Both are the same copy, with A read as its transpose. What a panel
//! lacks in width is zero, so that a tile never asks where the matrix ends.

use super::Matrix;
use crate::real::Float;

/// Copies rows `0..k` and columns `0..n` of `b` into panels of `width` columns each.
#[inline(always)]
pub(crate) fn panels<T: Float>([k, n]: [usize; 2], b: Matrix<'_, T>, width: usize, out: &mut [T]) {
    for (j, panel) in (0..n).step_by(width).zip(out.chunks_exact_mut(k * width)) {
        let columns = width.min(n - j);
        let b = Matrix { data: &b.data[j * b.column_stride..], ..b };
        if b.column_stride == 1 {
            copy([k, columns], b, width, panel);
        } else {
            gather([k, columns], b, width, panel);
        }
    }
}

/// Rows are contiguous.
#[inline(always)]
fn copy<T: Float>(size: [usize; 2], b: Matrix<'_, T>, width: usize, panel: &mut [T]) {
    match width {
        4 => copy_wide::<T, 4>(size, b, panel),
        6 => copy_wide::<T, 6>(size, b, panel),
        8 => copy_wide::<T, 8>(size, b, panel),
        12 => copy_wide::<T, 12>(size, b, panel),
        16 => copy_wide::<T, 16>(size, b, panel),
        32 => copy_wide::<T, 32>(size, b, panel),
        _ => panel.chunks_exact_mut(width).enumerate().for_each(|(l, out)| copy_part(size[1], b, l, out)),
    }
}

/// Rows of a width that the compiler knows are moved by a few vectors, where a call of `memcpy` for each row would take
/// longer than a small product.
#[inline(always)]
fn copy_wide<T: Float, const W: usize>([_, n]: [usize; 2], b: Matrix<'_, T>, panel: &mut [T]) {
    let used: [bool; W] = std::array::from_fn(|j| j < n);
    for (l, out) in panel.as_chunks_mut::<W>().0.iter_mut().enumerate() {
        match b.data[l * b.row_stride..].first_chunk::<W>() {
            Some(row) if n == W => *out = *row,
            // What follows in the slice is of another row.
            Some(row) => (0..W).for_each(|j| out[j] = if used[j] { row[j] } else { T::default() }),
            None => copy_part(n, b, l, out),
        }
    }
}

fn copy_part<T: Float>(n: usize, b: Matrix<'_, T>, l: usize, out: &mut [T]) {
    out[..n].copy_from_slice(&b.data[l * b.row_stride..][..n]);
    out[n..].fill(T::default());
}

/// Any strides.
#[inline(always)]
fn gather<T: Float>(size: [usize; 2], b: Matrix<'_, T>, width: usize, panel: &mut [T]) {
    if size[1] < width {
        panel.fill(T::default());
    }
    let done = match width {
        _ if b.row_stride != 1 => 0,
        4 => transpose::<T, 4>(size, b, panel),
        6 => transpose::<T, 6>(size, b, panel),
        8 => transpose::<T, 8>(size, b, panel),
        12 => transpose::<T, 12>(size, b, panel),
        16 => transpose::<T, 16>(size, b, panel),
        32 => transpose::<T, 32>(size, b, panel),
        64 => transpose::<T, 64>(size, b, panel),
        _ => 0,
    };
    for j in done..size[1] {
        for (l, out) in panel.chunks_exact_mut(width).enumerate() {
            out[j] = b.at(l, j);
        }
    }
}

/// Contiguous columns, four at a time and in squares of 4×4; how many columns are done.
#[inline(always)]
fn transpose<T: Float, const W: usize>([k, n]: [usize; 2], b: Matrix<'_, T>, panel: &mut [T]) -> usize {
    let rows = panel.as_chunks_mut::<W>().0;
    for j in (0..W.min(n / 4 * 4)).step_by(4) {
        let [c0, c1, c2, c3] = [0, 1, 2, 3].map(|c| &b.data[(j + c) * b.column_stride..][..k]);
        let (rows, last_rows) = rows.as_chunks_mut::<4>();
        let squares =
            c0.as_chunks::<4>().0.iter().zip(c1.as_chunks().0).zip(c2.as_chunks().0).zip(c3.as_chunks().0);
        for ((((c0, c1), c2), c3), rows) in squares.zip(rows) {
            let square = T::transpose([*c0, *c1, *c2, *c3]);
            for l in 0..4 {
                rows[l][j..j + 4].copy_from_slice(&square[l]);
            }
        }
        for (l, row) in (k / 4 * 4..k).zip(last_rows) {
            row[j..j + 4].copy_from_slice(&[c0[l], c1[l], c2[l], c3[l]]);
        }
    }
    n / 4 * 4
}

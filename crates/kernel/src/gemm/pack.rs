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
fn gather<T: Float>([k, n]: [usize; 2], b: Matrix<'_, T>, width: usize, panel: &mut [T]) {
    if n < width {
        panel.fill(T::default());
    }
    let contiguous = b.row_stride == 1;
    let mut j = 0;
    while contiguous && n - j >= 4 {
        // Four columns at a time: as many reads in flight, and neighbouring writes.
        let columns: [&[T]; 4] = std::array::from_fn(|c| &b.data[(j + c) * b.column_stride..][..k]);
        for (l, out) in panel.chunks_exact_mut(width).enumerate() {
            let out = &mut out[j..j + 4];
            for c in 0..4 {
                out[c] = columns[c][l];
            }
        }
        j += 4;
    }
    for j in j..n {
        for (l, out) in panel.chunks_exact_mut(width).enumerate() {
            out[j] = b.at(l, j);
        }
    }
}

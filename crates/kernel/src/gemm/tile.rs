//! The product of two matrices as tiles of C that stay in registers.
//!
//! ```text
//! for N_BLOCKS columns of B, K_BLOCK terms:       B packed (or read in place when C has few rows)
//!     for M_BLOCK rows of A:                      A packed (or read in place when its rows or columns are contiguous)
//!         for a panel of B, for a few rows of A:  one tile, K_BLOCK steps, then once to C
//! ```
//! The order of the blocks is Goto's ("Anatomy of High-Performance Matrix Multiplication", 2008): a panel of B
//! stays in L1, the block of A in L2, the block of B in L3.

use super::{K_BLOCK, Matrix, pack};
use crate::lanes::{STEPS, add_product, prefetch};
use crate::real::Float;
use crate::threads::Block;
use pulp::{Simd, WithSimd};

/// Rows of A that stay in L2 while the columns go by: 120 × 256 f32 are 120 KB. A multiple of 6 and 12.
const M_BLOCK: usize = 120;
/// Columns of B that are packed at a time, with A packed for each of them (256 × 1,024 f32 are 1 MB) or read in place, where
/// to come again costs nothing, so that B may stay in L2 (256 KB).
const N_BLOCKS: [usize; 2] = [1024, 256];
/// Up to this many rows of C, each row of B is read so seldom that packing it would cost more.
const FEW_ROWS: usize = 24;
/// Where columns are a multiple of so many bytes apart, they share a few places of the first-level cache, and a copy is
/// faster than reading them where they are; elsewhere it takes a tenth longer. With 32 registers, and with 16: tiles of half
/// the rows come back to each line of a column twice as often.
const CROWDED: [usize; 2] = [2048, 256];
/// Bytes of C that may be in a cache when they are written: half of a second-level cache.
const NEAR: usize = 512 << 10;
/// Bytes in a line of the cache; panels begin at one.
const LINE: usize = 64;

/// How a tile reads A.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Where it is, its rows contiguous.
    Rows,
    /// Where it is, its columns contiguous, as those of a transposed matrix are.
    Columns,
    /// From a copy.
    Packed,
}

impl Way {
    fn of<S: Simd, T>(a: &Matrix<'_, T>) -> Self {
        let apart = CROWDED[usize::from(S::REGISTER_COUNT < 32)];
        let crowded = (a.column_stride * size_of::<T>()).is_multiple_of(apart);
        match (a.row_stride, a.column_stride) {
            (_, 1) => Way::Rows,
            (1, _) if !crowded => Way::Columns,
            _ => Way::Packed,
        }
    }
}

pub(super) struct Tiled<'a, T> {
    pub(super) shape: [usize; 3],
    pub(super) a: Matrix<'a, T>,
    pub(super) b: Matrix<'a, T>,
    /// What is added to each row.
    pub(super) bias: Option<&'a [T]>,
    pub(super) c: Block<'a, T>,
    pub(super) accumulate: bool,
    /// Any vector; it grows to what the panels need.
    pub(super) room: &'a mut Vec<T>,
}

/// Rows of a packed tile: 6×2 sums of AVX2's 16 registers, 12×2 of AVX-512's 32.
#[inline(always)]
fn tile_rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 12 } else { 6 }
}

impl<T: Float> WithSimd for Tiled<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape: [m, k, n], a, b, bias, mut c, accumulate, room } = self;
        // No more is packed of a narrow B than what a tile of one vector reads.
        let width = if n <= T::lanes::<S>() { T::lanes::<S>() } else { width::<T, S>() };
        let rows = tile_rows::<S>();
        let way = Way::of::<S, T>(&a);
        let pack_a = matches!(way, Way::Packed);
        // Whole panels of B can be read where they are; its last columns need their zeros.
        let in_place = b.column_stride == 1 && m <= FEW_ROWS;
        let (deep, far) = (k.min(K_BLOCK), m * n * size_of::<T>() >= NEAR);
        let a_room = if pack_a { m.min(M_BLOCK).next_multiple_of(rows) * deep } else { 0 };
        let most = if pack_a { N_BLOCKS[0] } else { N_BLOCKS[1] };
        let b_room = if in_place { width } else { n.min(most).next_multiple_of(width) } * deep;
        let slack = LINE / size_of::<T>();
        if room.len() < a_room + b_room + 2 * slack {
            room.resize(a_room + b_room + 2 * slack, T::default());
        }
        let start = room.as_ptr().align_offset(LINE).min(slack);
        let (b_panels, rest) = room[start..].split_at_mut(b_room.next_multiple_of(slack));
        let a_panels = &mut rest[..a_room];

        for j in (0..n).step_by(most) {
            let n_block = most.min(n - j);
            for l in (0..k).step_by(K_BLOCK) {
                let k_block = K_BLOCK.min(k - l);
                let add = accumulate || l > 0;
                let b = Matrix { data: &b.data[l * b.row_stride + j * b.column_stride..], ..b };
                let packed_from = if in_place { n_block - n_block % width } else { 0 };
                if packed_from < n_block {
                    let b = Matrix { data: &b.data[packed_from * b.column_stride..], ..b };
                    pack::panels([k_block, n_block - packed_from], b, width, b_panels);
                }
                for i in (0..m).step_by(M_BLOCK) {
                    let m_block = M_BLOCK.min(m - i);
                    let a = Matrix { data: &a.data[i * a.row_stride + l * a.column_stride..], ..a };
                    if pack_a {
                        pack::panels([k_block, m_block], a.transposed(), rows, a_panels);
                    }
                    for jj in (0..n_block).step_by(width) {
                        let (panel, lead) = if jj < packed_from {
                            (&b.data[jj..], b.row_stride)
                        } else {
                            (&b_panels[(jj - packed_from) * k_block..], width)
                        };
                        let columns = width.min(n_block - jj);
                        let bias = bias.filter(|_| l == 0).map(|bias| &bias[j + jj..][..columns]);
                        let c = Target { block: &mut c, row: i, column: j + jj, columns, bias, add, far };
                        let b = Panel { data: panel, lead, k: k_block };
                        let size = [m_block, columns];
                        match (way, columns > T::lanes::<S>()) {
                            (Way::Packed, true) => packed_rows::<S, T, 2>(simd, size, a_panels, b, c),
                            (Way::Packed, false) => packed_rows::<S, T, 1>(simd, size, a_panels, b, c),
                            (Way::Rows, true) => rows_in_place::<S, T, 2>(simd, size, a, b, c),
                            (Way::Rows, false) => rows_in_place::<S, T, 1>(simd, size, a, b, c),
                            (Way::Columns, true) => columns_in_place::<S, T, 2>(simd, size, a, b, c),
                            (Way::Columns, false) => columns_in_place::<S, T, 1>(simd, size, a, b, c),
                        }
                    }
                }
            }
        }
    }
}

/// Columns of a panel of B.
#[inline(always)]
pub(super) fn width<T: Float, S: Simd>() -> usize {
    2 * T::lanes::<S>()
}

/// The product with panels that are packed already, each with all its k. A's rows are contiguous.
pub(super) struct Ready<'a, T> {
    pub(super) shape: [usize; 3],
    pub(super) a: Matrix<'a, T>,
    pub(super) panels: &'a [T],
    pub(super) c: Block<'a, T>,
    pub(super) accumulate: bool,
}

impl<T: Float> WithSimd for Ready<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { shape: [m, k, n], a, panels, mut c, accumulate } = self;
        let width = width::<T, S>();
        for l in (0..k).step_by(K_BLOCK) {
            let k_block = K_BLOCK.min(k - l);
            let a = Matrix { data: &a.data[l..], ..a };
            for (j, panel) in (0..n).step_by(width).zip(panels.chunks_exact(k * width)) {
                let columns = width.min(n - j);
                let add = accumulate || l > 0;
                let c = Target { block: &mut c, row: 0, column: j, columns, bias: None, add, far: false };
                let b = Panel { data: &panel[l * width..], lead: width, k: k_block };
                if columns > T::lanes::<S>() {
                    rows_in_place::<S, T, 2>(simd, [m, columns], a, b, c);
                } else {
                    rows_in_place::<S, T, 1>(simd, [m, columns], a, b, c);
                }
            }
        }
    }
}

/// `k` rows of B, of the width of a tile, `lead` elements apart.
#[derive(Clone, Copy)]
struct Panel<'a, T> {
    data: &'a [T],
    lead: usize,
    k: usize,
}

impl<T: Float> Panel<'_, T> {
    #[inline(always)]
    fn row<S: Simd, const V: usize>(&self, l: usize) -> &[T::Vector<S>; V] {
        T::vectors::<S>(&self.data[l * self.lead..]).first_chunk().expect("a panel is as wide as a tile")
    }

    /// All rows, if they are as wide as the tile: nothing is left to be checked in a loop over them.
    #[inline(always)]
    fn rows<S: Simd, const V: usize>(&self) -> Option<&[[T::Vector<S>; V]]> {
        let width = V * T::lanes::<S>();
        (self.lead == width).then(|| T::vectors::<S>(&self.data[..self.k * width]).as_chunks::<V>().0)
    }
}

/// Where in C tiles go: rows from `row` on, of which they fill `columns`.
struct Target<'a, 'c, T> {
    block: &'a mut Block<'c, T>,
    row: usize,
    column: usize,
    columns: usize,
    /// What is added to each row, as many numbers as columns.
    bias: Option<&'a [T]>,
    /// Whether what is there is added.
    add: bool,
    /// Whether C is too large to be in the caches.
    far: bool,
}

impl<T: Float> Target<'_, '_, T> {
    /// Asks for the elements that a tile will be written to, while it is computed: without, a result larger than the
    /// caches costs a tenth of the product.
    #[inline(always)]
    fn prefetch(&mut self, i: usize, rows: usize) {
        if !self.far {
            return;
        }
        for r in 0..rows {
            prefetch(&self.block.row(self.row + i + r)[self.column..][..self.columns]);
        }
    }
}

#[inline(always)]
fn packed_rows<S: Simd, T: Float, const V: usize>(
    simd: S,
    [m, _]: [usize; 2],
    a: &[T],
    b: Panel<'_, T>,
    mut c: Target<'_, '_, T>,
) {
    let rows = tile_rows::<S>();
    for (i, panel) in (0..m).step_by(rows).zip(a.chunks_exact(rows * b.k)) {
        let used = rows.min(m - i);
        c.prefetch(i, used);
        if rows == 12 {
            let tile = packed_tile::<S, T, 12, V>(simd, panel, b);
            store(simd, &tile[..used], i, &mut c);
        } else {
            let tile = packed_tile::<S, T, 6, V>(simd, panel, b);
            store(simd, &tile[..used], i, &mut c);
        }
    }
}

#[inline(always)]
fn rows_in_place<S: Simd, T: Float, const V: usize>(
    simd: S,
    [m, _]: [usize; 2],
    a: Matrix<'_, T>,
    b: Panel<'_, T>,
    mut c: Target<'_, '_, T>,
) {
    let mut i = 0;
    while i < m {
        let c = &mut c;
        i += match rows_at_once::<S>(m - i) {
            1 => row_tile::<S, T, 1, V>(simd, i, a, b, c),
            2 => row_tile::<S, T, 2, V>(simd, i, a, b, c),
            3 => row_tile::<S, T, 3, V>(simd, i, a, b, c),
            4 => row_tile::<S, T, 4, V>(simd, i, a, b, c),
            5 => row_tile::<S, T, 5, V>(simd, i, a, b, c),
            6 => row_tile::<S, T, 6, V>(simd, i, a, b, c),
            _ => row_tile::<S, T, 8, V>(simd, i, a, b, c),
        };
    }
}

/// As [`rows_in_place`], with the rows of a tile side by side in each column.
#[inline(always)]
fn columns_in_place<S: Simd, T: Float, const V: usize>(
    simd: S,
    [m, _]: [usize; 2],
    a: Matrix<'_, T>,
    b: Panel<'_, T>,
    mut c: Target<'_, '_, T>,
) {
    let mut i = 0;
    while i < m {
        let c = &mut c;
        i += match columns_at_once::<S>(m - i) {
            1 => column_tile::<S, T, 1, V>(simd, i, a, b, c),
            2 => column_tile::<S, T, 2, V>(simd, i, a, b, c),
            3 => column_tile::<S, T, 3, V>(simd, i, a, b, c),
            4 => column_tile::<S, T, 4, V>(simd, i, a, b, c),
            6 => column_tile::<S, T, 6, V>(simd, i, a, b, c),
            8 => column_tile::<S, T, 8, V>(simd, i, a, b, c),
            _ => column_tile::<S, T, 12, V>(simd, i, a, b, c),
        };
    }
}

/// [`rows_at_once`] where no register is needed for each row: one says where all of them are.
#[inline(always)]
fn columns_at_once<S: Simd>(left: usize) -> usize {
    let many = S::REGISTER_COUNT >= 32;
    match left {
        0..=4 | 6 => left,
        5 => 3,
        7 => 4,
        8 if !many => 4,
        11 if many => 8,
        9..=11 => 6,
        12 | 18.. if many => 12,
        _ if many => 8,
        _ => 6,
    }
}

const COLUMN: &str = "a column has the rows of a tile";

/// The innermost loop, A from contiguous columns.
#[inline(always)]
fn column_tile<S: Simd, T: Float, const R: usize, const V: usize>(
    simd: S,
    i: usize,
    a: Matrix<'_, T>,
    b: Panel<'_, T>,
    c: &mut Target<'_, '_, T>,
) -> usize {
    c.prefetch(i, R);
    let mut sums = [[T::splat(simd, T::default()); V]; R];
    let panel = b.rows::<S, V>().unwrap_or_default();
    for (l, panel) in panel.as_chunks::<STEPS>().0.iter().enumerate() {
        for (s, b) in panel.iter().enumerate() {
            let a = a.data[(l * STEPS + s) * a.column_stride + i..].first_chunk().expect(COLUMN);
            add_product::<S, T, R, R, V>(simd, a, b, &mut sums);
        }
    }
    for l in panel.len() / STEPS * STEPS..b.k {
        let a = a.data[l * a.column_stride + i..].first_chunk().expect(COLUMN);
        add_product::<S, T, R, R, V>(simd, a, b.row::<S, V>(l), &mut sums);
    }
    store(simd, &out_of_registers::<S, T, R, V>(simd, sums), i, c);
    R
}

/// How many of the rows that are left share a tile: as many as there are registers for, and never so few at the end that the
/// sums of a tile have to wait for each other. Of 32 registers, 8×2 sums take more from a panel of B than 6×2, and 12×2 have
/// no register left for where the rows are.
#[inline(always)]
fn rows_at_once<S: Simd>(left: usize) -> usize {
    let many = S::REGISTER_COUNT >= 32;
    match left {
        0..=6 => left,
        7 => 4,
        8 if !many => 4,
        9 | 10 | 15 => 5,
        11 | 12 => 6,
        _ if many => 8,
        _ => 6,
    }
}

/// The innermost loop, A from a packed panel.
#[inline(always)]
fn packed_tile<S: Simd, T: Float, const R: usize, const V: usize>(
    simd: S,
    a: &[T],
    b: Panel<'_, T>,
) -> [[T::Vector<S>; V]; R] {
    let mut sums = [[T::splat(simd, T::default()); V]; R];
    let a = a.as_chunks::<R>().0;
    let panel = b.rows::<S, V>().unwrap_or_default();
    let whole = panel.as_chunks::<STEPS>().0;
    for (a, panel) in a.as_chunks::<STEPS>().0.iter().zip(whole) {
        for s in 0..STEPS {
            add_product::<S, T, R, R, V>(simd, &a[s], &panel[s], &mut sums);
        }
    }
    for (l, a) in a.iter().enumerate().skip(whole.len() * STEPS) {
        add_product::<S, T, R, R, V>(simd, a, b.row::<S, V>(l), &mut sums);
    }
    out_of_registers::<S, T, R, V>(simd, sums)
}

/// A copy for `store`, which asks for rows by number: sums whose address is taken would be kept in memory, and written
/// there in every step.
#[inline(always)]
fn out_of_registers<S: Simd, T: Float, const R: usize, const V: usize>(
    simd: S,
    sums: [[T::Vector<S>; V]; R],
) -> [[T::Vector<S>; V]; R] {
    let mut rows = [[T::splat(simd, T::default()); V]; R];
    for r in 0..R {
        for v in 0..V {
            rows[r][v] = sums[r][v];
        }
    }
    rows
}

/// The innermost loop, A from contiguous rows.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "`l` goes through all the rows at once")]
fn row_tile<S: Simd, T: Float, const R: usize, const V: usize>(
    simd: S,
    i: usize,
    a: Matrix<'_, T>,
    b: Panel<'_, T>,
    c: &mut Target<'_, '_, T>,
) -> usize {
    // A loop, for `from_fn` is called out of line, and what comes from there may be of any length.
    let mut rows: [&[T]; R] = [&[]; R];
    for r in 0..R {
        rows[r] = &a.data[(i + r) * a.row_stride..][..b.k];
    }
    c.prefetch(i, R);
    let mut sums = [[T::splat(simd, T::default()); V]; R];
    // Otherwise the compiler finds each row from the one before, an addition for each element.
    rows = std::hint::black_box(rows);
    let panel = b.rows::<S, V>().unwrap_or_default();
    let whole = panel.as_chunks::<STEPS>().0;
    let mut steps: [&[[T; STEPS]]; R] = [&[]; R];
    for r in 0..R {
        rows[r] = &rows[r][..b.k];
        steps[r] = &rows[r].as_chunks::<STEPS>().0[..whole.len()];
    }
    for (l, panel) in whole.iter().enumerate() {
        for s in 0..STEPS {
            for r in 0..R {
                let a = T::splat(simd, steps[r][l][s]);
                for v in 0..V {
                    sums[r][v] = T::mul_add(simd, a, panel[s][v], sums[r][v]);
                }
            }
        }
    }
    for l in whole.len() * STEPS..b.k {
        let b = b.row::<S, V>(l);
        for r in 0..R {
            let a = T::splat(simd, rows[r][l]);
            for v in 0..V {
                sums[r][v] = T::mul_add(simd, a, b[v], sums[r][v]);
            }
        }
    }
    store(simd, &out_of_registers::<S, T, R, V>(simd, sums), i, c);
    R
}

#[inline(always)]
fn store<S: Simd, T: Float, const V: usize>(
    simd: S,
    sums: &[[T::Vector<S>; V]],
    i: usize,
    c: &mut Target<'_, '_, T>,
) {
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut c.block.row(c.row + i + r)[c.column..][..c.columns];
        if c.columns == V * T::lanes::<S>() {
            let row = T::vectors_mut::<S>(row).iter_mut().zip(sums);
            if let Some(bias) = c.bias {
                for ((out, &sum), &bias) in row.zip(T::vectors::<S>(bias)) {
                    *out = T::plus(simd, bias, sum);
                }
            } else {
                for (out, &sum) in row {
                    *out = if c.add { T::plus(simd, *out, sum) } else { sum };
                }
            }
        } else {
            let row = row.iter_mut().zip(T::numbers::<S>(sums));
            if let Some(bias) = c.bias {
                for ((out, &sum), &bias) in row.zip(bias) {
                    *out = bias + sum;
                }
            } else {
                for (out, &sum) in row {
                    *out = if c.add { *out + sum } else { sum };
                }
            }
        }
    }
}

//! The two loops of a convolution: sums over the taps of windows side by side, and sums over windows for taps side by
//! side. Both read the copy of an image in place; no columns are written.

use super::window::{Pass, Source};
use crate::gemm::{Matrix, panels};
use crate::lanes::{STEPS, add_product};
use crate::real::Float;
use pulp::{Arch, Simd, WithSimd};
use smallvec::SmallVec;
use std::ops::Range;

/// Channels of the result in a panel of weights, whose sums fill the registers: of 32 of them 8 channels by 3 vectors, of 16
/// 6 by 2. With 4×3 no register would be left for a single weight, and the compiler keeps sums in memory.
#[inline(always)]
pub(super) fn rows<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { 8 } else { 6 }
}

/// [`rows`] of this machine.
pub(super) fn rows_here() -> usize {
    struct Rows;
    impl WithSimd for Rows {
        type Output = usize;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            rows::<S>()
        }
    }
    Arch::new().dispatch(Rows)
}

/// Vectors in a tile; few rows leave registers for one more.
#[inline(always)]
pub(super) fn most_vectors<S: Simd>(rows: usize) -> usize {
    if S::REGISTER_COUNT >= 32 || rows <= FEW { 3 } else { 2 }
}

/// Rows that are few.
const FEW: usize = 2;

/// Terms that are added up before they meet the sum of those before, as in a matrix product.
pub(super) const BLOCK: usize = 256;

/// The widest tile of any machine: three vectors of f32 with AVX-512.
const WIDE: usize = 48;

/// `out[r, j] = b[r] + Σ w[r, k] · source[offset[k] + j]`: the rows of a result for which there is a copy of the source.
pub(super) struct Windows<'a, T> {
    pub(super) pass: &'a Pass,
    pub(super) source: &'a Source,
    pub(super) copy: &'a [T],
    /// The plane and the line of windows at which the copy begins.
    pub(super) block: [usize; 2],
    /// Panels of [`rows_here`] rows, tap by tap.
    pub(super) weights: &'a [T],
    /// Of the panels' rows, those that are wanted.
    pub(super) rows: Range<usize>,
    /// The bias of each of them.
    pub(super) bias: Option<&'a [T]>,
    /// Planes of `size`, a plane for each of them.
    pub(super) out: &'a mut [T],
    pub(super) size: [usize; 3],
    /// Whether a plane of the result is written from front to back, so that it does no harm to write beyond a line.
    pub(super) in_order: bool,
    /// Room for sums.
    pub(super) room: &'a mut Vec<T>,
}

impl<T: Float> WithSimd for Windows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Windows { pass, source, copy, block: [z, y], weights, rows, bias, out, size, in_order, room } =
            self;
        let (pitch, lanes) = (source.pitch, T::lanes::<S>());
        let lines = pass.len[1].saturating_sub(y).min(source.lines);
        if z >= pass.len[0] || lines == 0 || pass.len[2] == 0 {
            return;
        }
        let height = self::rows::<S>();
        // From the beginning of a panel.
        let wanted = rows.start / height * height..rows.end;
        // A vector behind the last row, for whoever reads beyond it.
        room.clear();
        room.resize(wanted.len().next_multiple_of(height) * WIDE + WIDE, T::default());
        let sums = &mut room[..];
        let flat = (lines - 1) * pitch + pass.len[2];
        let plane = size.iter().product::<usize>();
        let mut strip = 0;
        while strip < flat {
            let width = (flat - strip).div_ceil(lanes).min(most_vectors::<S>(wanted.len())) * lanes;
            let (wanted, copy) = (wanted.clone(), &copy[strip..]);
            match width / lanes {
                3 => tiles::<S, T, 3>(simd, pass, weights, wanted, copy, sums),
                2 => tiles::<S, T, 2>(simd, pass, weights, wanted, copy, sums),
                _ => tiles::<S, T, 1>(simd, pass, weights, wanted, copy, sums),
            }
            let end = flat.min(strip + width);
            for (i, out) in out.chunks_exact_mut(plane).enumerate() {
                let row = rows.start % height + i;
                let sums = &sums[row * WIDE..][..WIDE + lanes];
                let bias = bias.map_or_else(T::default, |bias| bias[i]);
                for line in strip / pitch..end.div_ceil(pitch) {
                    let (from, to) = (strip.max(line * pitch), end.min(line * pitch + pass.len[2]));
                    if from >= to {
                        continue;
                    }
                    let place = [z, y + line, from - line * pitch];
                    let [z, y, x] = [0, 1, 2].map(|d| place[d] * pass.step[d] + pass.start[d]);
                    let out = &mut out[(z * size[1] + y) * size[2] + x..];
                    let sums = &sums[from - strip..];
                    if pass.step[2] == 1 {
                        write(simd, sums, to - from, bias, out, in_order);
                    } else {
                        let out = out.iter_mut().step_by(pass.step[2]);
                        out.zip(&sums[..to - from]).for_each(|(out, &sum)| *out = sum + bias);
                    }
                }
            }
            strip += width;
        }
    }
}

/// A tile for each panel of rows.
#[inline(always)]
fn tiles<S: Simd, T: Float, const V: usize>(
    simd: S,
    pass: &Pass,
    weights: &[T],
    rows: Range<usize>,
    copy: &[T],
    sums: &mut [T],
) {
    let (terms, height) = (pass.offsets.len(), self::rows::<S>());
    for start in (0..terms).step_by(BLOCK) {
        let offsets = &pass.offsets[start..terms.min(start + BLOCK)];
        // What may leave the loop, as a check of bounds does, costs registers. For a few rows it is not worth a list.
        let mut list = SmallVec::<[_; BLOCK]>::new();
        if rows.len() > FEW {
            for &offset in offsets {
                list.push(tile(simd, &copy[offset..]));
            }
        }
        for (row, sums) in rows.clone().step_by(height).zip(sums.chunks_exact_mut(height * WIDE)) {
            let a = &weights[row * terms + start * height..][..offsets.len() * height];
            let taps = Taps { a, add: start > 0, pitch: WIDE };
            match rows.len() {
                1 => taps.few::<S, 1, V>(simd, copy, offsets, sums),
                2 => taps.few::<S, 2, V>(simd, copy, offsets, sums),
                _ => taps.rows::<S, V>(simd, (rows.end - row).min(height), &list, sums),
            }
        }
    }
}

/// The tile at the beginning of a slice.
#[inline(always)]
pub(super) fn tile<S: Simd, T: Float, const V: usize>(_: S, copy: &[T]) -> &[T::Vector<S>; V] {
    T::vectors::<S>(copy).first_chunk().expect("a copy has all windows of a tile")
}

/// `out = sums + bias`; a vector may go beyond `len` where `beyond` allows.
#[inline(always)]
fn write<S: Simd, T: Float>(simd: S, sums: &[T], len: usize, bias: T, out: &mut [T], beyond: bool) {
    let lanes = T::lanes::<S>();
    let mut i = 0;
    while i < len && (beyond || i + lanes <= len) && i + lanes <= out.len() {
        let sum = T::plus(simd, T::vectors::<S>(&sums[i..][..lanes])[0], T::splat(simd, bias));
        T::vectors_mut::<S>(&mut out[i..][..lanes])[0] = sum;
        i += lanes;
    }
    if i < len {
        out[i..len].iter_mut().zip(&sums[i..]).for_each(|(out, &sum)| *out = sum + bias);
    }
}

/// Taps of windows side by side.
pub(super) struct Taps<'a, T> {
    /// A panel of weights.
    pub(super) a: &'a [T],
    /// Whether there are sums already.
    pub(super) add: bool,
    /// From one row of sums to the next.
    pub(super) pitch: usize,
}

impl<T: Float> Taps<'_, T> {
    /// As many rows of a panel as are used, with a tile of windows for each tap.
    #[inline(always)]
    pub(super) fn rows<S: Simd, const V: usize>(
        &self,
        simd: S,
        used: usize,
        tiles: &[&[T::Vector<S>; V]],
        sums: &mut [T],
    ) {
        match (used, rows::<S>()) {
            (1, 8) => self.tile::<S, 8, 1, V>(simd, tiles, sums),
            (2, 8) => self.tile::<S, 8, 2, V>(simd, tiles, sums),
            (3 | 4, 8) => self.tile::<S, 8, 4, V>(simd, tiles, sums),
            (_, 8) => self.tile::<S, 8, 8, V>(simd, tiles, sums),
            (1, _) => self.tile::<S, 6, 1, V>(simd, tiles, sums),
            (2, _) => self.tile::<S, 6, 2, V>(simd, tiles, sums),
            (3 | 4, _) => self.tile::<S, 6, 4, V>(simd, tiles, sums),
            _ => self.tile::<S, 6, 6, V>(simd, tiles, sums),
        }
    }

    /// `R` rows of a panel of `P`.
    #[inline(always)]
    fn tile<S: Simd, const P: usize, const R: usize, const V: usize>(
        &self,
        simd: S,
        tiles: &[&[T::Vector<S>; V]],
        out: &mut [T],
    ) {
        let mut sums = [[T::splat(simd, T::default()); V]; R];
        let (whole, rest) = self.a.as_chunks::<P>().0.as_chunks::<STEPS>();
        let (tiles, last) = tiles.as_chunks::<STEPS>();
        for (a, b) in whole.iter().zip(tiles) {
            for s in 0..STEPS {
                add_product::<S, T, P, R, V>(simd, &a[s], b[s], &mut sums);
            }
        }
        for (a, b) in rest.iter().zip(last) {
            add_product::<S, T, P, R, V>(simd, a, b, &mut sums);
        }
        self.store(simd, sums, out);
    }

    /// The `R` rows of a panel that has no more.
    #[inline(always)]
    fn few<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        copy: &[T],
        offsets: &[usize],
        out: &mut [T],
    ) {
        let mut sums = [[T::splat(simd, T::default()); V]; R];
        for (a, &offset) in self.a.chunks_exact(rows::<S>()).zip(offsets) {
            let a = a.first_chunk().expect("a panel has more than a few rows");
            add_product::<S, T, R, R, V>(simd, a, tile(simd, &copy[offset..]), &mut sums);
        }
        self.store(simd, sums, out);
    }

    #[inline(always)]
    fn store<S: Simd, const R: usize, const V: usize>(
        &self,
        simd: S,
        sums: [[T::Vector<S>; V]; R],
        out: &mut [T],
    ) {
        for r in 0..R {
            let out = T::vectors_mut::<S>(&mut out[r * self.pitch..][..V * T::lanes::<S>()]);
            for v in 0..V {
                out[v] = if self.add { T::plus(simd, out[v], sums[r][v]) } else { sums[r][v] };
            }
        }
    }
}

/// Taps of a tile of the weight's gradient.
pub(super) const TAPS: usize = 6;

/// The vectors in a row of such a tile: 1, 2 or 4.
#[inline(always)]
pub(super) fn vectors<S: Simd, T: Float>(outputs: usize) -> usize {
    match outputs.div_ceil(T::lanes::<S>()) {
        1 => 1,
        n if S::REGISTER_COUNT < 32 || n == 2 || n % 4 == 1 || n % 4 == 2 => 2,
        _ => 4,
    }
}

/// `sums[k, o] += Σ grad[o, j] · source[offset[k] + j]`: the gradient of some taps of a weight.
pub(super) struct Weights<'a, T> {
    pub(super) source: &'a Source,
    pub(super) pass: &'a Pass,
    pub(super) copy: &'a [T],
    pub(super) block: [usize; 2],
    /// One group of one image: a plane for each channel.
    pub(super) grad: &'a [T],
    /// Which taps `sums` has a row for.
    pub(super) taps: Range<usize>,
    pub(super) sums: &'a mut [T],
    /// Room for the gradient, channels side by side.
    pub(super) room: &'a mut Vec<T>,
}

impl<T: Float> WithSimd for Weights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { source, pass, copy, block: [z, y], grad, taps, sums, room } = self;
        let (lanes, [_, tall, wide]) = (T::lanes::<S>(), pass.len);
        let lines = tall.saturating_sub(y).min(source.lines);
        if lines == 0 || wide == 0 || taps.is_empty() || sums.is_empty() {
            return;
        }
        let (plane, outputs) = (pass.len.iter().product::<usize>(), sums.len() / taps.len());
        // Lines without a gap are one line.
        let (lines, width) = if source.pitch == wide { (1, lines * wide) } else { (lines, wide) };
        let vectors = vectors::<S, T>(outputs);
        let across = outputs.div_ceil(vectors * lanes);
        let (tall, wide) = (lines.min((BLOCK / width).max(1)), width.min(BLOCK));
        if room.len() < tall * wide * across * vectors * lanes {
            room.resize(tall * wide * across * vectors * lanes, T::default());
        }
        for top in (0..lines).step_by(tall) {
            let tall = tall.min(lines - top);
            for left in (0..width).step_by(wide) {
                let wide = wide.min(width - left);
                let start = (z * pass.len[1] + y) * pass.len[2] + top * width + left;
                let grad = Matrix { data: &grad[start..], row_stride: 1, column_stride: plane };
                // Either whole lines or a part of one line.
                panels([tall * wide, outputs], grad, vectors * lanes, room);
                let copy = &copy[top * source.pitch + left..];
                for i in 0..across {
                    let grad = &room[i * tall * wide * vectors * lanes..][..tall * wide * vectors * lanes];
                    let first = i * vectors * lanes;
                    let lines = Lines { copy, pitch: source.pitch, wide, grad };
                    let columns = first..outputs.min(first + vectors * lanes);
                    let offsets = &pass.offsets[taps.clone()];
                    for (offsets, sums) in offsets.chunks(TAPS).zip(sums.chunks_mut(TAPS * outputs)) {
                        let columns = columns.clone();
                        match vectors {
                            4 => lines.taps::<S, 4>(simd, offsets, outputs, columns, sums),
                            2 => lines.taps::<S, 2>(simd, offsets, outputs, columns, sums),
                            _ => lines.taps::<S, 1>(simd, offsets, outputs, columns, sums),
                        }
                    }
                }
            }
        }
    }
}

/// Windows whose sums stay in registers.
#[derive(Clone, Copy)]
pub(super) struct Lines<'a, T> {
    pub(super) copy: &'a [T],
    pub(super) pitch: usize,
    pub(super) wide: usize,
    /// A panel with a row for each window.
    pub(super) grad: &'a [T],
}

impl<T: Float> Lines<'_, T> {
    #[inline(always)]
    pub(super) fn taps<S: Simd, const V: usize>(
        self,
        simd: S,
        offsets: &[usize],
        outputs: usize,
        columns: Range<usize>,
        sums: &mut [T],
    ) {
        if offsets.len() > TAPS / 2 {
            self.tile::<S, TAPS, V>(simd, offsets, outputs, columns, sums);
        } else {
            self.tile::<S, { TAPS / 2 }, V>(simd, offsets, outputs, columns, sums);
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        self,
        simd: S,
        offsets: &[usize],
        outputs: usize,
        columns: Range<usize>,
        out: &mut [T],
    ) {
        let width = V * T::lanes::<S>();
        // What is missing of a tile is computed again.
        let offsets: [usize; R] = std::array::from_fn(|r| offsets[r.min(offsets.len() - 1)]);
        let mut sums = [[T::splat(simd, T::default()); V]; R];
        for (line, grad) in self.grad.chunks_exact(self.wide * width).enumerate() {
            let start = line * self.pitch;
            let rows: [&[T]; R] = std::array::from_fn(|r| &self.copy[offsets[r] + start..][..self.wide]);
            for (i, grad) in grad.chunks_exact(width).enumerate() {
                let grad = T::vectors::<S>(grad);
                for r in 0..R {
                    let x = T::splat(simd, rows[r][i]);
                    for v in 0..V {
                        sums[r][v] = T::mul_add(simd, x, grad[v], sums[r][v]);
                    }
                }
            }
        }
        for (sums, out) in sums.iter().zip(out.chunks_exact_mut(outputs)) {
            let out = &mut out[columns.clone()];
            if out.len() == width {
                for (out, &sum) in T::vectors_mut::<S>(out).iter_mut().zip(sums) {
                    *out = T::plus(simd, *out, sum);
                }
            } else {
                out.iter_mut().zip(T::numbers::<S>(sums)).for_each(|(out, &sum)| *out += sum);
            }
        }
    }
}

//! The gradient of a weight whose groups have few channels of y, as in a depthwise convolution: vectors of windows.
//!
//! The general loop (`tile`) lays channels of y side by side, and one of them would fill one lane of a vector. Here the
//! lines of ∂y stand as far apart as those of the copy of x, with zeros between, so that both are one line:
//!
//! ```text
//! ∂w[k] = Σ ∂y[j] · copy[offset[k] + j]      a sum for each lane, over all images of a part
//! ```
//! The zeros meet elements of the copy as well. Where one of them is infinite or NaN the sum is not finite, and the caller
//! takes the general loop's.

use super::Geometry;
use super::tile::BLOCK;
use super::window::{Pass, Source};
use crate::real::Float;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// The most channels of y: of eight lanes, the general loop would leave half empty.
const FEW: usize = 4;

/// The most lanes of any machine.
pub(super) const LANES: usize = 16;

/// Taps whose sums stay in registers: a window of 3×3.
const TAPS: usize = 9;

/// Whether this is the way to go.
pub(super) fn suits(g: &Geometry) -> bool {
    g.outputs <= FEW && g.output.iter().product::<usize>() >= LANES
}

/// What the windows of a block of one group of one image add to the gradient of some taps.
pub(super) struct Narrow<'a, T> {
    pub(super) source: &'a Source,
    pub(super) pass: &'a Pass,
    pub(super) copy: &'a [T],
    pub(super) block: [usize; 2],
    /// A plane for each channel.
    pub(super) grad: &'a [T],
    pub(super) taps: Range<usize>,
    /// For each channel and tap a sum in each of [`LANES`] lanes.
    pub(super) sums: &'a mut [T],
    /// Room for lines of ∂y.
    pub(super) room: &'a mut Vec<T>,
}

impl<T: Float> WithSimd for Narrow<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Narrow { source, pass, copy, block: [z, y], grad, taps, sums, room } = self;
        let (lanes, pitch, [_, tall, wide]) = (T::lanes::<S>(), source.pitch, pass.len);
        let lines = tall.saturating_sub(y).min(source.lines);
        if lines == 0 || wide == 0 || taps.is_empty() {
            return;
        }
        let plane = pass.len.iter().product::<usize>();
        let len = ((lines - 1) * pitch + wide).next_multiple_of(lanes);
        room.clear();
        room.resize(len, T::default());
        let offsets = &pass.offsets[taps];
        for (grad, sums) in grad.chunks_exact(plane).zip(sums.chunks_exact_mut(offsets.len() * LANES)) {
            let grad = &grad[(z * tall + y) * wide..][..lines * wide];
            for (grad, line) in grad.chunks_exact(wide).zip(room.chunks_mut(pitch)) {
                line[..wide].copy_from_slice(grad);
            }
            for start in (0..len).step_by(BLOCK * lanes) {
                let grad = &room[start..len.min(start + BLOCK * lanes)];
                let copy = &copy[start..];
                for (offsets, sums) in offsets.chunks(TAPS).zip(sums.chunks_mut(TAPS * LANES)) {
                    match offsets.len() {
                        1 => tile::<S, T, 1>(simd, grad, copy, offsets, sums),
                        2 | 3 => tile::<S, T, 3>(simd, grad, copy, offsets, sums),
                        4 | 5 => tile::<S, T, 5>(simd, grad, copy, offsets, sums),
                        _ => tile::<S, T, TAPS>(simd, grad, copy, offsets, sums),
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn tile<S: Simd, T: Float, const R: usize>(
    simd: S,
    grad: &[T],
    copy: &[T],
    offsets: &[usize],
    out: &mut [T],
) {
    let (grad, lanes) = (T::vectors::<S>(grad), T::lanes::<S>());
    let mut sums = [T::splat(simd, T::default()); R];
    // What is missing of a tile is computed again.
    let mut rows = [grad; R];
    for r in 0..R {
        let offset = offsets[r.min(offsets.len() - 1)];
        rows[r] = T::vectors::<S>(&copy[offset..][..grad.len() * lanes]);
    }
    for (i, &grad) in grad.iter().enumerate() {
        for r in 0..R {
            sums[r] = T::mul_add(simd, grad, rows[r][i], sums[r]);
        }
    }
    for r in 0..R.min(offsets.len()) {
        let out = &mut T::vectors_mut::<S>(&mut out[r * LANES..][..lanes])[0];
        *out = T::plus(simd, *out, sums[r]);
    }
}

/// Adds up the lanes of each sum, into the first of them.
pub(super) fn add_up<T: Float>(sums: &mut [T]) {
    for lanes in sums.as_chunks_mut::<LANES>().0 {
        // By halves: fewer roundings than one after the other.
        let mut n = LANES / 2;
        while n > 0 {
            (0..n).for_each(|i| lanes[i] += lanes[i + n]);
            n /= 2;
        }
    }
}

fn is_finite<T: Float>(x: T) -> bool {
    x * T::default() == T::default()
}

/// Whether one of the sums is not finite.
pub(super) fn is_odd<T: Float>(sums: &[T]) -> bool {
    sums.iter().step_by(LANES).any(|&sum| !is_finite(sum))
}

/// Puts sums where they belong, a row of channels for each tap. What is not finite stays there: so it depends on nothing
/// else what a sum is.
pub(super) fn write<T: Float>(sums: &[T], outputs: usize, out: &mut [T]) {
    let taps = out.len() / outputs;
    for (i, &[sum, ..]) in sums.as_chunks::<LANES>().0.iter().enumerate() {
        if is_finite(sum) {
            out[i % taps * outputs + i / taps] = sum;
        }
    }
}

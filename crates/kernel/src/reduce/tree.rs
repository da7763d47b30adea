//! The fixed tree along which terms are added: lanes within a block, pairs of lanes, pairs of blocks.

use crate::real::Float;
use crate::spread::STRIP;
use crate::threads::{Pieces, pieces, share, share_out};
use pulp::Simd;
use std::ops::Range;

/// Chains of additions that run side by side: eight AVX2 or four AVX-512 registers of f64 hide the latency.
pub(super) const LANES: usize = 32;

/// Elements in a leaf of the tree.
pub(super) const BLOCK: usize = 4096;

/// Elements that are worth another thread: a subtree of 4 blocks.
pub(super) const PIECE: usize = 4 * BLOCK;

/// Below this length 32 lanes would cost more to fold than to fill: 8 have to do.
pub(super) const SHORT: usize = 96;

/// The sum of `n` terms, where `sum(part)` adds up a subtree as [`tree`] does, shared out among threads.
pub(super) fn shared(n: usize, sum: &(dyn Fn(Range<usize>) -> f64 + Sync)) -> f64 {
    if pieces(n, PIECE) == 1 {
        return sum(0..n);
    }
    let mut sums = vec![0.0; n.div_ceil(PIECE)];
    share_out(&mut sums, 1, 1, &|first, sums| {
        for (i, out) in sums.iter_mut().enumerate() {
            let start = (first + i) * PIECE;
            *out = sum(start..n.min(start + PIECE));
        }
    });
    add_up(sums)
}

/// The [`shared`] sum of as many terms as `out` has elements, where `sum(part, out)` also writes its part of `out`.
pub(super) fn shared_with<T: Send>(
    out: &mut [T],
    sum: &(dyn Fn(Range<usize>, &mut [T]) -> f64 + Sync),
) -> f64 {
    let n = out.len();
    if pieces(n, PIECE) == 1 {
        return sum(0..n, out);
    }
    let mut sums = vec![0.0; n.div_ceil(PIECE)];
    let size = sums.len().div_ceil(pieces(sums.len(), 1));
    let (each, out) = (Pieces::new(&mut sums, size), Pieces::new(out, size * PIECE));
    share(each.len(), &|i| {
        for (k, (sum_of, out)) in each.take(i).iter_mut().zip(out.take(i).chunks_mut(PIECE)).enumerate() {
            let start = (i * size + k) * PIECE;
            *sum_of = sum(start..start + out.len(), out);
        }
    });
    add_up(sums)
}

/// The sum of the terms of a subtree, of which `fill(start, strip)` writes some, or returns them where it has them already.
#[inline(always)]
pub(super) fn tree<'x, S: Simd, T: Float>(
    simd: S,
    part: Range<usize>,
    mut fill: impl FnMut(usize, &mut [T]) -> Option<&'x [T]>,
) -> f64 {
    if part.end < SHORT {
        return short(part.end, fill);
    }
    let mut path = Path::default();
    let mut start = part.start;
    // No iterator: the one that calls `block` would be compiled without the machine's vectors, wherever the compiler
    // leaves its `next` a function.
    while start < part.end {
        let end = part.end.min(start + BLOCK);
        path.push(block(simd, start..end, &mut fill));
        start = end;
    }
    path.sum()
}

/// The tree over the sums of blocks, or of subtrees of equally many blocks (the last may have fewer): without a
/// recursion, its path from the root. Block `i` closes as many subtrees as `i` ends in ones, as a binary counter
/// carries.
struct Path {
    sums: [f64; usize::BITS as usize],
    depth: usize,
    pushed: usize,
}

impl Default for Path {
    #[inline(always)]
    fn default() -> Self {
        Path { sums: [0.0; usize::BITS as usize], depth: 0, pushed: 0 }
    }
}

impl Path {
    #[inline(always)]
    fn push(&mut self, mut sum: f64) {
        for _ in 0..self.pushed.trailing_ones() {
            self.depth -= 1;
            sum += self.sums[self.depth];
        }
        self.sums[self.depth] = sum;
        self.depth += 1;
        self.pushed += 1;
    }

    #[inline(always)]
    fn sum(&self) -> f64 {
        self.sums[..self.depth].iter().rev().fold(0.0, |sum, x| sum + x)
    }
}

fn add_up(sums: Vec<f64>) -> f64 {
    let mut path = Path::default();
    sums.into_iter().for_each(|sum| path.push(sum));
    path.sum()
}

#[inline(always)]
fn short<'x, T: Float>(n: usize, mut fill: impl FnMut(usize, &mut [T]) -> Option<&'x [T]>) -> f64 {
    let mut strip = [T::default(); SHORT];
    let strip = &mut strip[..n];
    let terms = fill(0, strip).unwrap_or(strip);
    few(terms, T::to_f64)
}

/// The tree over fewer than [`SHORT`] terms, from the elements that they are of.
#[inline(always)]
pub(super) fn few<T: Float>(x: &[T], term: impl Fn(T) -> f64) -> f64 {
    let (chunks, rest) = x.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for chunk in chunks {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += term(x);
        }
    }
    // Each lane by its number: registers have no other.
    for (lane, sum) in sums.iter_mut().enumerate() {
        if let Some(&x) = rest.get(lane) {
            *sum += term(x);
        }
    }
    fold(sums)
}

#[inline(always)]
fn block<'x, S: Simd, T: Float>(
    simd: S,
    range: Range<usize>,
    fill: impl FnMut(usize, &mut [T]) -> Option<&'x [T]>,
) -> f64 {
    // A match on a constant: one arm is left, with as many registers as make up the lanes.
    match S::F64_LANES {
        8 => lanes::<S, T, 4>(simd, range, fill),
        4 => lanes::<S, T, 8>(simd, range, fill),
        2 => lanes::<S, T, 16>(simd, range, fill),
        _ => lanes::<S, T, LANES>(simd, range, fill),
    }
}

/// The formula fills a strip, and explicit vectors add the strip up. In a single loop the compiler would have
/// to find vectors for both at once, and for short formulas it does not (`Σx` ran eight times slower).
#[inline(always)]
fn lanes<'x, S: Simd, T: Float, const V: usize>(
    simd: S,
    range: Range<usize>,
    mut fill: impl FnMut(usize, &mut [T]) -> Option<&'x [T]>,
) -> f64 {
    assert_eq!(V * S::F64_LANES, LANES);
    let mut strip = [T::default(); STRIP];
    let mut sums = [simd.splat_f64s(0.0); V];
    for start in range.clone().step_by(STRIP) {
        let strip = &mut strip[..STRIP.min(range.end - start)];
        let (chunks, rest) = fill(start, strip).unwrap_or(strip).as_chunks::<LANES>();
        for terms in chunks {
            plus(simd, &mut sums, terms);
        }
        if !rest.is_empty() {
            let mut terms = [T::default(); LANES];
            terms[..rest.len()].copy_from_slice(rest);
            plus(simd, &mut sums, &terms);
        }
    }
    // A copy: registers whose address is taken would live in memory from the start.
    let mut lanes = [0.0; LANES];
    for (lanes, sum) in S::as_mut_simd_f64s(&mut lanes).0.iter_mut().zip(sums) {
        *lanes = sum;
    }
    fold(lanes)
}

#[inline(always)]
fn plus<S: Simd, T: Float, const V: usize>(simd: S, sums: &mut [S::f64s; V], terms: &[T; LANES]) {
    let mut wide = [0.0; LANES];
    for (wide, term) in wide.iter_mut().zip(terms) {
        *wide = term.to_f64();
    }
    for (sum, &wide) in sums.iter_mut().zip(S::as_simd_f64s(&wide).0) {
        *sum = simd.add_f64s(*sum, wide);
    }
}

/// Pairwise, as a register folds.
#[inline(always)]
fn fold<const L: usize>(mut sums: [f64; L]) -> f64 {
    let mut width = L / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}

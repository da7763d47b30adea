//! The fixed tree along which terms are added: lanes within a block, pairs of lanes, pairs of blocks.

use crate::spread::STRIP;
use pulp::Simd;
use std::ops::Range;

/// Chains of additions that run side by side: eight AVX2 or four AVX-512 registers of f64 hide the latency.
pub(super) const LANES: usize = 32;

/// Elements in a leaf of the tree, the unit that threads share out.
pub(super) const BLOCK: usize = 4096;

/// Below this length 32 lanes would cost more to fold than to fill: 8 have to do.
pub(super) const SHORT: usize = 96;

/// The sum of `n` terms, of which `fill(start, terms)` writes some.
///
/// Block `i` closes as many subtrees as `i` ends in ones, as a binary counter carries: the tree over the blocks
/// without a recursion, and `sums` its path from the root.
#[inline(always)]
pub(super) fn tree<S: Simd>(simd: S, n: usize, fill: impl Fn(usize, &mut [f64]) + Copy) -> f64 {
    if n < SHORT {
        return short(n, fill);
    }
    let mut sums = [0.0; usize::BITS as usize];
    let mut depth = 0;
    for (i, start) in (0..n).step_by(BLOCK).enumerate() {
        let mut sum = block(simd, start..n.min(start + BLOCK), fill);
        for _ in 0..i.trailing_ones() {
            depth -= 1;
            sum += sums[depth];
        }
        sums[depth] = sum;
        depth += 1;
    }
    sums[..depth].iter().rev().fold(0.0, |sum, x| sum + x)
}

#[inline(always)]
fn short(n: usize, fill: impl Fn(usize, &mut [f64])) -> f64 {
    let mut terms = [0.0; SHORT];
    fill(0, &mut terms[..n]);
    let mut sums = [0.0; 8];
    // What lies behind the terms is zero.
    for terms in &terms.as_chunks::<8>().0[..n.div_ceil(8)] {
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    fold(sums)
}

#[inline(always)]
fn block<S: Simd>(simd: S, range: Range<usize>, fill: impl Fn(usize, &mut [f64])) -> f64 {
    // A match on a constant: one arm is left, with as many registers as make up the lanes.
    match S::F64_LANES {
        8 => lanes::<S, 4>(simd, range, fill),
        4 => lanes::<S, 8>(simd, range, fill),
        2 => lanes::<S, 16>(simd, range, fill),
        _ => lanes::<S, LANES>(simd, range, fill),
    }
}

/// The formula fills a strip, and explicit vectors add the strip up. In a single loop the compiler would have
/// to find vectors for both at once, and for short formulas it does not (`Σx` ran eight times slower).
#[inline(always)]
fn lanes<S: Simd, const V: usize>(simd: S, range: Range<usize>, fill: impl Fn(usize, &mut [f64])) -> f64 {
    assert_eq!(V * S::F64_LANES, LANES);
    let mut strip = [0.0; STRIP];
    let mut sums = [simd.splat_f64s(0.0); V];
    for start in range.clone().step_by(STRIP) {
        let n = STRIP.min(range.end - start);
        fill(start, &mut strip[..n]);
        let whole = n.next_multiple_of(LANES);
        strip[n..whole].fill(0.0);
        for terms in S::as_simd_f64s(&strip[..whole]).0.as_chunks::<V>().0 {
            for (sum, &term) in sums.iter_mut().zip(terms) {
                *sum = simd.add_f64s(*sum, term);
            }
        }
    }
    // A copy: registers whose address is taken would live in memory from the start.
    let mut lanes = [0.0; LANES];
    for (lanes, sum) in S::as_mut_simd_f64s(&mut lanes).0.iter_mut().zip(sums) {
        *lanes = sum;
    }
    fold(lanes)
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

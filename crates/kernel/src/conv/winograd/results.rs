//! The way back: results of tiles from their products.

use super::{LINE, Planes, Strip, TILE, vector};
use crate::conv::tile::{self, BLOCK, Taps};
use crate::real::Float;
use crate::threads::Block;
use pulp::{Simd, WithSimd};
use smallvec::SmallVec;
use std::ops::Range;

/// Some channels of the results of one group of some images; whether all is finite.
pub(super) struct Sums<'a, 'b, T> {
    pub(super) planes: &'a Planes,
    pub(super) x: &'a [T],
    pub(super) weights: &'a [T],
    pub(super) bias: Option<&'a [T]>,
    pub(super) rows: Range<usize>,
    /// A row for each image, of which `images` are wanted.
    pub(super) out: &'a mut Block<'b, T>,
    pub(super) images: Range<usize>,
    pub(super) room: &'a mut Vec<T>,
}

impl<T: Float> WithSimd for Sums<'_, '_, T> {
    type Output = bool;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> bool {
        let Sums { planes, x, weights, bias, rows, out, images, room } = self;
        let (lanes, [tall, wide], most) = (T::lanes::<S>(), planes.tiles(), planes.lines());
        let pitch = (images.len() * most * wide).next_multiple_of(lanes);
        let panel = tile::rows::<S>();
        let wanted = rows.start / panel..rows.end.div_ceil(panel);
        // Elements of a tile that are a power of two apart would all fall into one place of the cache.
        let [from_tile, to_tile] = [planes.channels, wanted.len() * panel].map(|rows| rows * pitch + LINE);
        let sizes = [
            TILE * from_tile,
            TILE * to_tile,
            Strip::room(most, wide, lanes).next_multiple_of(LINE),
            4 * pitch,
        ];
        room.resize((sizes.iter().sum::<usize>() + LINE).max(room.len()), T::default());
        // Vectors do not cross the lines of the cache.
        let start = room.as_ptr().align_offset(64).min(LINE);
        let (tiles, rest) = room[start..].split_at_mut(sizes[0]);
        let (sums, rest) = rest.split_at_mut(sizes[1]);
        let (space, rest) = rest.split_at_mut(sizes[2]);
        let results = &mut rest[..sizes[3]];
        let (from, to) = (planes.source[0] * planes.source[1], planes.result[0] * planes.result[1]);
        // 0 as long as all is finite, then NaN.
        let mut odd = T::splat(simd, T::default());
        for top in (0..tall).step_by(most) {
            let lines = most.min(tall - top);
            let (each, all) = (lines * wide, images.len() * lines * wide);
            let used = all.next_multiple_of(lanes);
            let strip = Strip { planes, top, lines, pitch: each.next_multiple_of(lanes) };
            // What a vector writes behind a channel's tiles, the next channel writes over.
            for channel in 0..planes.channels {
                for i in 0..images.len() {
                    let x = &x[(i * planes.channels + channel) * from..][..from];
                    strip.transform(simd, x, space, &mut tiles[channel * pitch + i * each..], from_tile);
                }
                // What is not of a tile takes part in vectors, and must not make them NaN.
                if all - each + strip.pitch < used {
                    (0..TILE).for_each(|p| {
                        tiles[p * from_tile + channel * pitch..][all..used].fill(T::default());
                    });
                }
            }
            for p in 0..TILE {
                let tiles = &tiles[p * from_tile..][..from_tile];
                let sums = &mut sums[p * to_tile..][..to_tile];
                let product = Product { planes, weights, p, wanted: wanted.clone(), tiles, pitch };
                let (mut left, two) = (0, tile::most_vectors::<S>(planes.rows) == 2);
                while left < used {
                    left += lanes
                        * match (used - left) / lanes {
                            1 => product.columns::<S, 1>(simd, left, sums),
                            2 | 4 => product.columns::<S, 2>(simd, left, sums),
                            _ if two => product.columns::<S, 2>(simd, left, sums),
                            _ => product.columns::<S, 3>(simd, left, sums),
                        };
                }
            }
            for channel in 0..rows.len() {
                let sums = &sums[(rows.start - wanted.start * panel + channel) * pitch..];
                odd = back(simd, sums, to_tile, results, used, odd);
                let bias = bias.map_or_else(T::default, |bias| bias[channel]);
                for (i, image) in images.clone().enumerate() {
                    let out = &mut out.row(image)[channel * to..][..to];
                    strip.write(&results[i * each..], used, bias, out);
                }
            }
        }
        T::numbers::<S>(&[odd]).iter().all(|&odd| odd == T::default())
    }
}

/// The product for one element of the tiles: the transformed weights of some panels times the channels of the tiles.
struct Product<'a, T> {
    planes: &'a Planes,
    weights: &'a [T],
    p: usize,
    wanted: Range<usize>,
    tiles: &'a [T],
    pitch: usize,
}

impl<T: Float> Product<'_, T> {
    /// `V` vectors of tiles from `left` on; how many they are.
    #[inline(always)]
    fn columns<S: Simd, const V: usize>(&self, simd: S, left: usize, sums: &mut [T]) -> usize {
        let (&Product { planes, weights, p, pitch, .. }, rows) = (self, tile::rows::<S>());
        for start in (0..planes.channels).step_by(BLOCK) {
            let mut tiles = SmallVec::<[_; BLOCK]>::new();
            for channel in start..planes.channels.min(start + BLOCK) {
                tiles.push(tile::tile::<S, T, V>(simd, &self.tiles[channel * pitch + left..]));
            }
            for (panel, sums) in self.wanted.clone().zip(sums.chunks_mut(rows * pitch)) {
                let a = &weights[((panel * TILE + p) * planes.channels + start) * rows..];
                let taps = Taps { a: &a[..tiles.len() * rows], add: start > 0, pitch };
                taps.rows(simd, (planes.rows - panel * rows).min(rows), &tiles, &mut sums[left..]);
            }
        }
        V
    }
}

impl Strip<'_> {
    /// Puts the results of tiles where they belong.
    #[inline(always)]
    fn write<T: Float>(self, results: &[T], pitch: usize, bias: T, out: &mut [T]) {
        let Strip { planes, top, lines, .. } = self;
        let ([_, width], [_, wide]) = (planes.result, planes.tiles());
        for (i, out) in out.chunks_exact_mut(width).skip(2 * top).take(2 * lines).enumerate() {
            let results = &results[i % 2 * 2 * pitch + i / 2 * wide..];
            let (left, right) = (&results[..wide], &results[pitch..][..wide]);
            let (pairs, last) = out.as_chunks_mut::<2>();
            for ((out, &a), &b) in pairs.iter_mut().zip(left).zip(right) {
                *out = [a + bias, b + bias];
            }
            if let (Some(out), Some(&a)) = (last.first_mut(), left.last()) {
                *out = a + bias;
            }
        }
    }
}

/// `Aᵀ m A`: four results of each tile.
#[inline(always)]
fn back<S: Simd, T: Float>(
    simd: S,
    sums: &[T],
    apart: usize,
    out: &mut [T],
    pitch: usize,
    odd: T::Vector<S>,
) -> T::Vector<S> {
    let (lanes, zero) = (T::lanes::<S>(), T::splat(simd, T::default()));
    let mut odds = [[odd, zero], [zero; 2]];
    for t in (0..pitch).step_by(lanes) {
        let mut columns = [[zero; 2]; 4];
        for (q, column) in columns.iter_mut().enumerate() {
            let mut m = [zero; 4];
            for (p, m) in m.iter_mut().enumerate() {
                *m = vector::<S, T>(sums, (4 * p + q) * apart + t);
            }
            *column = two::<S, T>(simd, m);
        }
        for i in 0..2 {
            let [a, b, c, d] = columns;
            let both = two::<S, T>(simd, [a[i], b[i], c[i], d[i]]);
            for j in 0..2 {
                odds[i][j] = T::mul_add(simd, both[j], zero, odds[i][j]);
                T::vectors_mut::<S>(&mut out[(2 * i + j) * pitch + t..][..lanes])[0] = both[j];
            }
        }
    }
    let [[a, b], [c, d]] = odds;
    T::plus(simd, T::plus(simd, a, b), T::plus(simd, c, d))
}

/// `Aᵀ m`
#[inline(always)]
fn two<S: Simd, T: Float>(simd: S, [a, b, c, d]: [T::Vector<S>; 4]) -> [T::Vector<S>; 2] {
    [T::plus(simd, a, T::plus(simd, b, c)), T::minus(simd, T::minus(simd, b, c), d)]
}

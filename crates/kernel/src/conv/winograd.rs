//! Windows of 3×3, one beside the other: 16 products for four results, where the sum over taps takes 36.
//!
//! Four windows that are a square of 2×2 meet 4×4 elements of x, a tile. With Winograd's algorithm `F(2×2, 3×3)`,
//!
//! ```text
//!                                           ⎡1  0 −1  0⎤       ⎡1  0  0⎤
//! y  = Aᵀ [(G w Gᵀ) ∘ (Bᵀ x B)] A      Bᵀ = ⎢0  1  1  0⎥   G = ⎢½  ½  ½⎥   Aᵀ = ⎡1  1  1  0⎤
//! ∂w = Gᵀ [(A ∂y Aᵀ) ∘ (Bᵀ x B)] G          ⎢0 −1  1  0⎥       ⎢½ −½  ½⎥        ⎣0  1 −1 −1⎦
//!                                           ⎣0  1  0 −1⎦       ⎣0  0  1⎦
//! ```
//! (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016). The square brackets are summed over the
//! channels, or over the tiles: for each of their 16 elements a product of matrices.
//!
//! **Exactness.** Whole numbers stay whole, and errors are those of a sum over taps as long as the elements of a tile are
//! of one size: an error is relative to the largest of the tile, even in a result that does not meet it. What is infinite or
//! NaN would spoil results that do not meet it as well; so where a result is not finite, the caller sums over the taps.

mod gradient;
mod results;

use super::tile::{self, BLOCK};
use super::{Geometry, PARTS, WORK, in_parts};
use crate::real::Float;
use crate::threads::{Blocks, MOST, num_threads, share, share_out};
use gradient::Gradient;
use pulp::{Arch, Simd, WithSimd};
use results::Sums;
use std::sync::atomic::{AtomicBool, Ordering};

/// Elements of a tile.
const TILE: usize = 16;

/// Elements of transformed tiles, of x and of y, that are kept at once: of f32, as many as a second-level cache holds.
const ROOM: usize = 1 << 18;

/// Elements of a line of the cache, of f32.
const LINE: usize = 16;

/// Tiles of a line that are transformed side by side.
const SIDE: usize = 8;

/// Tiles of an image, and of all images, from which on the transform of a weight pays.
const TILES: [usize; 2] = [16, 48];

/// Elements of the transformed gradient of a weight, at most.
const SUMS: usize = 1 << 20;

/// Windows that are worth a part of the batch of their own, where a gradient is summed.
const PART: usize = 2048;

/// Transforms grow with the channels of both sides, products with those of one times those of the other: from this
/// quotient on, what the products save is more.
const CHANNELS: usize = 10;

/// A convolution as one sum over channels for each result: `y` from `x`, or `∂x` from `∂y`.
#[derive(Clone, Copy)]
pub(super) struct Planes {
    groups: usize,
    /// Channels of the result in a group, and of the source.
    rows: usize,
    channels: usize,
    /// Elements of the weight from one row to the next, and from one channel to the next.
    strides: [usize; 2],
    /// Whether windows are read from back to front.
    turned: bool,
    /// Height and width.
    source: [usize; 2],
    result: [usize; 2],
    /// Zeros in front of the source; elements that are left out, if negative.
    front: [i64; 2],
}

/// Whether this is the way to go.
pub(super) fn suits(g: &Geometry) -> bool {
    let ones = [g.stride, g.dilation].concat().iter().all(|&n| n == 1);
    let planes = g.input[0] == 1 && g.padding[0] == 0 && g.kernel == [1, 3, 3];
    let channels = g.inputs * g.outputs >= CHANNELS * (g.inputs + g.outputs);
    let tiles = [g.input, g.output].map(|size| size[1].div_ceil(2) * size[2].div_ceil(2));
    let tiles = tiles[0].min(tiles[1]);
    let whole = [1, 2].iter().all(|&d| g.output[d].min(g.input[d]) >= 4);
    let room = TILE * (g.inputs + g.outputs) * g.input[2].max(g.output[2]).div_ceil(2) <= 2 * ROOM;
    ones && planes && channels && whole && room && tiles >= TILES[0] && g.batch * tiles >= TILES[1]
}

/// Whether this is the way to go to the gradient of a weight, whose sums are loaded and stored for some tiles at once: they
/// should be in the cache.
pub(super) fn suits_weight(g: &Geometry) -> bool {
    let tiles = g.output[1].div_ceil(2) * g.output[2].div_ceil(2);
    suits(g) && (g.groups == 1 || tiles >= TILES[1]) && TILE * g.inputs * g.outputs <= SUMS
}

impl Planes {
    pub(super) fn forward(g: &Geometry) -> Self {
        Planes {
            groups: g.groups,
            rows: g.outputs,
            channels: g.inputs,
            strides: [g.inputs * 9, 9],
            turned: false,
            source: [g.input[1], g.input[2]],
            result: [g.output[1], g.output[2]],
            front: [1, 2].map(|d| g.padding[d] as i64),
        }
    }

    pub(super) fn transposed(g: &Geometry) -> Self {
        Planes {
            groups: g.groups,
            rows: g.inputs,
            channels: g.outputs,
            strides: [9, g.inputs * 9],
            turned: true,
            source: [g.output[1], g.output[2]],
            result: [g.input[1], g.input[2]],
            front: [1, 2].map(|d| 2 - g.padding[d] as i64),
        }
    }

    /// Tiles of an image, down and across.
    fn tiles(&self) -> [usize; 2] {
        self.result.map(|n| n.div_ceil(2))
    }

    /// Tiles that are transformed at once, more or less.
    fn most(&self) -> usize {
        (ROOM / (TILE * (self.rows + self.channels))).clamp(TILES[1], BLOCK)
    }

    /// Lines of tiles that are transformed at once.
    fn lines(&self) -> usize {
        let [tall, wide] = self.tiles();
        let most = (self.most() / wide).clamp(1, tall);
        tall.div_ceil(tall.div_ceil(most))
    }

    /// Images that are transformed at once: the weight, or its gradient, is read once for all of them.
    fn at_once(&self) -> usize {
        if self.groups > 1 { 1 } else { (self.most() / self.tiles().iter().product::<usize>()).max(1) }
    }

    /// All weights of a group, tap by tap: in panels of some rows, for each element of a tile a row of each channel.
    fn weights<T: Float>(&self, w: &[T], out: &mut Vec<T>) {
        let height = tile::rows_here();
        let panels = self.rows.div_ceil(height);
        let panel = TILE * self.channels * height;
        out.clear();
        out.resize(self.groups * panels * panel, T::default());
        share_out(out, panel, 4 * panel, &|start, out| {
            for (i, out) in (start / panel..).zip(out.chunks_exact_mut(panel)) {
                let (group, row) = (i / panels, i % panels * height);
                let w = &w[group * self.rows * self.channels * 9 + row * self.strides[0]..];
                let rows = height.min(self.rows - row);
                Arch::new().dispatch(Weights { planes: self, w, rows, out });
            }
        });
    }

    /// The whole result, and which images are to be computed again because something is not finite.
    pub(super) fn sums<T: Float>(&self, x: &[T], w: &[T], bias: Option<&[T]>, out: &mut [T]) -> Vec<usize> {
        let [from, to] = [self.source, self.result].map(|[tall, wide]| tall * wide);
        let images = out.len() / (self.groups * self.rows * to);
        let mut weights = T::take_room();
        self.weights(w, &mut weights);
        let height = tile::rows_here();
        let group = self.rows.next_multiple_of(height) * TILE * self.channels;
        let odd: Vec<AtomicBool> = (0..images).map(|_| AtomicBool::new(false)).collect();
        // Whole images where there are enough of them: those who share an image transform it once each.
        let (rows, most) = (images * self.groups, self.at_once());
        let strips = rows.div_ceil(most);
        let threads = if out.len() * self.channels * 9 < 2 * WORK { 1 } else { num_threads() };
        let across = if strips >= 2 * threads { 1 } else { threads.min(MOST / strips) };
        let down = strips.min((4 * threads).min(MOST));
        let size = [strips.div_ceil(down) * most, self.rows.div_ceil(across).next_multiple_of(height) * to];
        let blocks = Blocks::new(out, [rows, self.rows * to], size);
        share(blocks.len(), &|i| {
            let ([first, channel], mut block) = blocks.take(i);
            let [images, wanted] = block.shape();
            let wanted = channel / to..(channel + wanted) / to;
            let mut room = T::take_room();
            for start in (0..images).step_by(most) {
                let images = start..images.min(start + most);
                let row = first + start;
                let channel = row % self.groups * self.rows + wanted.start;
                let finite = Arch::new().dispatch(Sums {
                    planes: self,
                    x: &x[row * self.channels * from..][..images.len() * self.channels * from],
                    weights: &weights[row % self.groups * group..][..group],
                    bias: bias.map(|bias| &bias[channel..][..wanted.len()]),
                    rows: wanted.clone(),
                    out: &mut block,
                    images: images.clone(),
                    room: &mut room,
                });
                if !finite {
                    let odd = images.map(|image| &odd[(first + image) / self.groups]);
                    odd.for_each(|odd| odd.store(true, Ordering::Relaxed));
                }
            }
            T::return_room(room);
        });
        T::return_room(weights);
        (0..images).filter(|&image| odd[image].load(Ordering::Relaxed)).collect()
    }
}

/// The gradient of a weight; whether all of it is finite. If not, it is to be computed again.
pub(super) fn weight<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) -> bool {
    let planes = Planes::forward(g);
    let [nx, ny] = g.image().map(|n| n / g.groups);
    let parts = (g.batch * g.output.iter().product::<usize>() / PART).clamp(1, PARTS);
    in_parts(g, parts, 9, w, &|images, group, taps, out| {
        let mut room = T::take_room();
        Arch::new().dispatch(Gradient {
            planes: &planes,
            images: images
                .map(|image| image * g.groups + group)
                .map(|i| [&x[i * nx..][..nx], &grad[i * ny..][..ny]])
                .collect(),
            channels: taps.start / 9..taps.end / 9,
            out,
            room: &mut room,
        });
        T::return_room(room);
    });
    w.iter().all(|&w| w * T::default() == T::default())
}

/// `G w Gᵀ` of some rows.
struct Weights<'a, T> {
    planes: &'a Planes,
    w: &'a [T],
    rows: usize,
    out: &'a mut [T],
}

impl<T: Float> WithSimd for Weights<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        if tile::rows::<S>() == 8 { self.transform::<8>() } else { self.transform::<6>() }
    }
}

impl<T: Float> Weights<'_, T> {
    /// In panels of `P` rows.
    #[inline(always)]
    fn transform<const P: usize>(self) {
        let Weights { planes, w, rows, out } = self;
        let [row_stride, channel_stride] = planes.strides;
        let out = out.as_chunks_mut::<P>().0;
        for channel in 0..planes.channels {
            let mut taps = [[[T::default(); P]; 3]; 3];
            for r in 0..rows {
                let w = &w[r * row_stride + channel * channel_stride..][..9];
                for i in 0..3 {
                    for j in 0..3 {
                        taps[j][i][r] = if planes.turned { w[8 - 3 * i - j] } else { w[3 * i + j] };
                    }
                }
            }
            let [a, b, c] = [along(taps[0]), along(taps[1]), along(taps[2])];
            for i in 0..4 {
                for (j, sums) in along([a[i], b[i], c[i]]).into_iter().enumerate() {
                    out[(4 * i + j) * planes.channels + channel] = sums;
                }
            }
        }
    }
}

/// `G w`
#[inline(always)]
fn along<T: Float, const P: usize>([a, b, c]: [[T; P]; 3]) -> [[T; P]; 4] {
    let (mut out, half) = ([[T::default(); P]; 4], T::from_f64(0.5));
    for r in 0..P {
        let (ends, middle) = ((a[r] + c[r]) * half, b[r] * half);
        out[0][r] = a[r];
        out[1][r] = ends + middle;
        out[2][r] = ends - middle;
        out[3][r] = c[r];
    }
    out
}

/// Tiles of some lines of an image.
#[derive(Clone, Copy)]
struct Strip<'a> {
    planes: &'a Planes,
    /// The first line of tiles, and how many.
    top: usize,
    lines: usize,
    /// Tiles, in whole vectors.
    pitch: usize,
}

impl Strip<'_> {
    /// Elements that [`transform`](Self::transform) needs beside its result, lines of `wide` tiles.
    fn room(lines: usize, wide: usize, lanes: usize) -> usize {
        2 * (wide + 1 + SIDE) + 8 * Self::half(lines, wide, lanes)
    }

    /// Every second line of a source, transformed across; what a vector needs beyond it.
    fn half(lines: usize, wide: usize, lanes: usize) -> usize {
        (lines + 1) * wide + SIDE + lanes
    }

    /// `Bᵀ x B` of a plane; the elements of a tile are `apart`.
    #[inline(always)]
    fn transform<S: Simd, T: Float>(self, simd: S, x: &[T], room: &mut [T], out: &mut [T], apart: usize) {
        let Strip { planes, top, lines, pitch } = self;
        let ([height, width], [_, wide]) = (planes.source, planes.tiles());
        let lanes = T::lanes::<S>();
        let half = Self::half(lines, wide, lanes);
        let (line, room) = room.split_at_mut(2 * (wide + 1 + SIDE));
        line.fill(T::default());
        // The part of the source that a line meets.
        let [above, before] = planes.front;
        let left = before.clamp(0, 2 * wide as i64 + 2) as usize;
        let skip = (-before).clamp(0, width as i64) as usize;
        let len = (width - skip).min(2 * wide + 2 - left);
        let [even, odd] = {
            let (even, odd) = room.split_at_mut(4 * half);
            [even, odd]
        };
        for i in 0..2 * lines + 2 {
            let y = (2 * top + i) as i64 - above;
            let to = if i % 2 == 0 { &mut *even } else { &mut *odd };
            let to = &mut to[i / 2 * wide..];
            if y < 0 || y >= height as i64 {
                (0..4).for_each(|q| to[q * half..][..wide].fill(T::default()));
                continue;
            }
            copy(&x[y as usize * width + skip..][..len], &mut line[left..][..len]);
            let (a, to) = to.split_at_mut(half);
            let (b, to) = to.split_at_mut(half);
            let (c, d) = to.split_at_mut(half);
            let pairs = line.as_chunks::<2>().0;
            for j in (0..wide).step_by(SIDE) {
                let pairs = &pairs[j..][..SIDE + 1];
                let [a, b, c, d] =
                    [&mut a[j..][..SIDE], &mut b[j..][..SIDE], &mut c[j..][..SIDE], &mut d[j..][..SIDE]];
                for t in 0..SIDE {
                    let ([x0, x1], [x2, x3]) = (pairs[t], pairs[t + 1]);
                    a[t] = x0 - x2;
                    b[t] = x1 + x2;
                    c[t] = x2 - x1;
                    d[t] = x1 - x3;
                }
            }
        }
        // What is not of a tile takes part in vectors, and must not make them NaN.
        for q in 0..4 {
            even[q * half..][..half][(lines + 1) * wide..].fill(T::default());
            odd[q * half..][..half][(lines + 1) * wide..].fill(T::default());
        }
        for q in 0..4 {
            let (even, odd) = (&even[q * half..][..half], &odd[q * half..][..half]);
            for t in (0..pitch).step_by(lanes) {
                let (x0, x2) = (vector::<S, T>(even, t), vector::<S, T>(even, t + wide));
                let (x1, x3) = (vector::<S, T>(odd, t), vector::<S, T>(odd, t + wide));
                let sums = [
                    T::minus(simd, x0, x2),
                    T::plus(simd, x1, x2),
                    T::minus(simd, x2, x1),
                    T::minus(simd, x1, x3),
                ];
                for p in 0..4 {
                    T::vectors_mut::<S>(&mut out[(4 * p + q) * apart + t..][..lanes])[0] = sums[p];
                }
            }
        }
    }
}

/// A few elements, without a call of `memcpy`.
#[inline(always)]
fn copy<T: Float>(from: &[T], to: &mut [T]) {
    let (Some(from_last), Some(_)) = (from.last_chunk::<SIDE>(), to.last_chunk::<SIDE>()) else {
        return to.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
    };
    for (from, to) in from.as_chunks::<SIDE>().0.iter().zip(to.as_chunks_mut::<SIDE>().0) {
        *to = *from;
    }
    if let Some(to) = to.last_chunk_mut::<SIDE>() {
        *to = *from_last;
    }
}

/// The vector that begins at a place.
#[inline(always)]
fn vector<S: Simd, T: Float>(x: &[T], start: usize) -> T::Vector<S> {
    T::vectors::<S>(&x[start..][..T::lanes::<S>()])[0]
}

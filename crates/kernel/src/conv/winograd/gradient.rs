//! The gradient of a weight, summed over tiles.

use super::{LINE, Planes, Strip, TILE, vector};
use crate::conv::tile::{Lines, TAPS, vectors};
use crate::gemm::{self, Matrix};
use crate::real::Float;
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// What a part of the batch adds to the gradient of a weight, for some channels of x: nine rows of the channels of y for
/// each of them.
pub(super) struct Gradient<'a, T> {
    pub(super) planes: &'a Planes,
    /// A group of x and of ∂y, for each image of the part.
    pub(super) images: Vec<[&'a [T]; 2]>,
    pub(super) channels: Range<usize>,
    pub(super) out: &'a mut [T],
    pub(super) room: &'a mut Vec<T>,
}

impl<T: Float> WithSimd for Gradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Gradient { planes, images, channels, out, room } = self;
        let (lanes, [tall, wide], most) = (T::lanes::<S>(), planes.tiles(), planes.lines());
        let at_once = planes.at_once().min(images.len());
        let pitch = (at_once * most * wide).next_multiple_of(lanes);
        let width = vectors::<S, T>(planes.rows) * lanes;
        let panels = planes.rows.div_ceil(width);
        let ([height, across], outputs) = (planes.result, panels * width);
        // Elements of a tile that are a power of two apart would all fall into one place of the cache.
        let [of_x, of_y, of_w] = [channels.len(), outputs, 0].map(|rows| rows * pitch + LINE);
        let of_w = channels.len() * outputs + of_w;
        let sizes = [
            TILE * of_x,
            TILE * of_y,
            TILE * of_w,
            (2 * most * across * outputs).next_multiple_of(LINE),
            Strip::room(most, wide, lanes),
        ];
        room.resize((sizes.iter().sum::<usize>() + LINE).max(room.len()), T::default());
        let start = room.as_ptr().align_offset(64).min(LINE);
        let (xs, rest) = room[start..].split_at_mut(sizes[0]);
        let (ys, rest) = rest.split_at_mut(sizes[1]);
        let (sums, rest) = rest.split_at_mut(sizes[2]);
        let (pixels, space) = rest.split_at_mut(sizes[3]);
        sums.fill(T::default());
        let offsets: [usize; TAPS] = std::array::from_fn(|channel| channel * pitch);
        let plane = planes.source[0] * planes.source[1];
        for images in images.chunks(at_once.max(1)) {
            for top in (0..tall).step_by(most) {
                let lines = most.min(tall - top);
                let (each, tiles) = (lines * wide, images.len() * lines * wide);
                let strip = Strip { planes, top, lines, pitch: each.next_multiple_of(lanes) };
                // What a vector writes behind a channel's tiles, the next channel writes over.
                for channel in 0..channels.len() {
                    for (i, [x, _]) in images.iter().enumerate() {
                        let x = &x[(channels.start + channel) * plane..][..plane];
                        strip.transform(simd, x, space, &mut xs[channel * pitch + i * each..], of_x);
                    }
                }
                let rows = (2 * lines).min(height - 2 * top);
                let size = rows * across;
                for (i, [_, grad]) in images.iter().enumerate() {
                    let data = &grad[2 * top * across..];
                    let grad = Matrix { data, row_stride: 1, column_stride: height * across };
                    gemm::panels([size, planes.rows], grad, width, pixels);
                    for panel in 0..panels {
                        let pixels = &pixels[panel * size * width..][..size * width];
                        let ys = &mut ys[(panel * tiles + i * each) * width..];
                        strip.spread(simd, pixels, width, rows, ys, of_y);
                    }
                }
                for p in 0..TILE {
                    let (xs, ys) = (&xs[p * of_x..][..of_x], &ys[p * of_y..][..of_y]);
                    let sums = &mut sums[p * of_w..][..channels.len() * outputs];
                    for panel in 0..panels {
                        let grad = &ys[panel * tiles * width..][..tiles * width];
                        let columns = panel * width..(panel + 1) * width;
                        for (i, sums) in sums.chunks_mut(TAPS * outputs).enumerate() {
                            let copy = &xs[i * TAPS * pitch..];
                            let lines = Lines { copy, pitch, wide: tiles, grad };
                            let offsets = &offsets[..sums.len() / outputs];
                            let columns = columns.clone();
                            match width / lanes {
                                4 => lines.taps::<S, 4>(simd, offsets, outputs, columns, sums),
                                2 => lines.taps::<S, 2>(simd, offsets, outputs, columns, sums),
                                _ => lines.taps::<S, 1>(simd, offsets, outputs, columns, sums),
                            }
                        }
                    }
                }
            }
        }
        for (channel, out) in out.chunks_exact_mut(9 * planes.rows).enumerate() {
            for o in (0..outputs).step_by(lanes) {
                taps(simd, &sums[channel * outputs + o..], of_w, o, planes.rows, out);
            }
        }
    }
}

impl Strip<'_> {
    /// `A ∂y Aᵀ` of some channels side by side; the elements of a tile are `apart`. The last row and column have the
    /// other sign, which [`taps`] puts right.
    #[inline(always)]
    fn spread<S: Simd, T: Float>(
        self,
        simd: S,
        pixels: &[T],
        width: usize,
        rows: usize,
        out: &mut [T],
        apart: usize,
    ) {
        let ([_, across], [_, wide]) = (self.planes.result, self.planes.tiles());
        let (lanes, zero) = (T::lanes::<S>(), T::splat(simd, T::default()));
        for i in 0..self.lines {
            for j in 0..wide {
                let (below, beside) = (2 * i + 1 < rows, 2 * j + 1 < across);
                let first = (2 * i * across + 2 * j) * width;
                for v in (0..width).step_by(lanes) {
                    let a = vector::<S, T>(pixels, first + v);
                    let b = if beside { vector::<S, T>(pixels, first + width + v) } else { zero };
                    let c = if below { vector::<S, T>(pixels, first + across * width + v) } else { zero };
                    let d = if below && beside {
                        vector::<S, T>(pixels, first + (across + 1) * width + v)
                    } else {
                        zero
                    };
                    let left = [a, T::plus(simd, a, c), T::minus(simd, a, c), c];
                    let right = [b, T::plus(simd, b, d), T::minus(simd, b, d), d];
                    for p in 0..4 {
                        let (x, y) = (left[p], right[p]);
                        let four = [x, T::plus(simd, x, y), T::minus(simd, x, y), y];
                        for (q, sum) in four.into_iter().enumerate() {
                            let at = (4 * p + q) * apart + (i * wide + j) * width + v;
                            T::vectors_mut::<S>(&mut out[at..][..lanes])[0] = sum;
                        }
                    }
                }
            }
        }
    }
}

/// `Gᵀ m G` of a vector of channels of y, into rows of `outputs`.
#[inline(always)]
fn taps<S: Simd, T: Float>(simd: S, sums: &[T], apart: usize, o: usize, outputs: usize, out: &mut [T]) {
    let mut columns = [[T::splat(simd, T::default()); 4]; 3];
    for q in 0..4 {
        let mut m = columns[0];
        for (p, m) in m.iter_mut().enumerate() {
            *m = vector::<S, T>(sums, (4 * p + q) * apart);
        }
        let three = three::<S, T>(simd, m);
        for i in 0..3 {
            columns[i][q] = three[i];
        }
    }
    for i in 0..3 {
        let three = three::<S, T>(simd, columns[i]);
        for j in 0..3 {
            let out = &mut out[(3 * i + j) * outputs..][..outputs][o.min(outputs)..];
            out.iter_mut().zip(T::numbers::<S>(&three[j..j + 1])).for_each(|(out, &sum)| *out = sum);
        }
    }
}

/// `Gᵀ m`
#[inline(always)]
fn three<S: Simd, T: Float>(simd: S, [a, b, c, d]: [T::Vector<S>; 4]) -> [T::Vector<S>; 3] {
    let (half, zero) = (T::splat(simd, T::from_f64(0.5)), T::splat(simd, T::default()));
    let plus = T::mul_add(simd, T::plus(simd, b, c), half, zero);
    let minus = T::mul_add(simd, T::minus(simd, b, c), half, zero);
    [T::plus(simd, a, plus), minus, T::minus(simd, plus, d)]
}

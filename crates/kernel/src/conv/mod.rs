//! Convolutions along up to three dimensions, and their two adjoints.
//!
//! ```text
//! y[n, o, j]  = b[o] + Σ w[o, i, k] · x[n, i, j·stride + k·dilation − padding]
//! ∂x[n, i, p] = Σ w[o, i, k] · ∂y[n, o, j]      over all k and j with j·stride + k·dilation − padding = p
//! ∂w[o, i, k] = Σ ∂y[n, o, j] · x[n, i, j·stride + k·dilation − padding]
//! ```
//! An image is copied between the zeros that its windows meet (`window`), small enough to stay in the cache. There, the
//! elements that windows side by side multiply by the same weight are neighbours, so they are vectors as they stand: the
//! loops of a matrix product read them in place, by a table of offsets (`tile`), and nothing is written out k times. A
//! gradient to x is the same loop over a copy of ∂y; a gradient to w is the sum over windows of vectors of ∂y, whose
//! channels are laid side by side, times single elements of x; of few channels, sums over vectors of windows (`narrow`).
//! Where an image has only a few windows, all images together are a product of matrices (`columns`), and where a window is
//! one element, each image is one (`pointwise`). Windows of 3×3 beside each other, of channels enough, share products
//! (`winograd`). Zeros around an image count: 0·∞ is NaN.
//!
//! **Bits.** A sum over taps has one order, whatever its neighbours. Results are shared out over the threads by channels,
//! and weights are summed in parts of the batch that depend on its size alone: nothing depends on the threads.

mod columns;
mod narrow;
mod pointwise;
mod tile;
mod window;
mod winograd;

use crate::real::Float;
use crate::threads::{num_threads, share_out};
use narrow::{LANES, Narrow};
use pulp::Arch;
use std::ops::Range;
use tile::{Weights, Windows};
use window::{Pass, Source};
use winograd::Planes;

/// Products that are worth another thread.
const WORK: usize = 500_000;

/// Elements to copy that are worth another thread.
const COPIES: usize = 20_000;

/// Parts of the batch whose weight gradients are summed apart, at most.
const PARTS: usize = 16;

/// Elements of all the parts together.
const SUMS: usize = 1 << 20;

/// The sizes of a convolution. Dimensions that it does not have come first, with size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Groups of channels that do not meet.
    pub groups: usize,
    /// Channels of x in a group.
    pub inputs: usize,
    /// Channels of y in a group.
    pub outputs: usize,
    /// Depth, height and width of x.
    pub input: [usize; 3],
    /// Those of y.
    pub output: [usize; 3],
    /// Those of the window.
    pub kernel: [usize; 3],
    /// The distance between windows.
    pub stride: [usize; 3],
    /// Zeros in front of x.
    pub padding: [usize; 3],
    /// The distance between neighbours in a window.
    pub dilation: [usize; 3],
}

impl Geometry {
    /// Elements of the weight of one group.
    fn w(&self) -> usize {
        self.outputs * self.taps()
    }

    /// Elements of an image of x, and of y.
    fn image(&self) -> [usize; 2] {
        let [x, y] = [self.input, self.output].map(|size| self.groups * size.iter().product::<usize>());
        [x * self.inputs, y * self.outputs]
    }

    /// Elements of a window of all channels of a group.
    fn taps(&self) -> usize {
        self.inputs * self.kernel.iter().product::<usize>()
    }
}

/// The smallest piece of a loop over `n` elements that is worth another thread, where `work` products make up an
/// element. Pieces of the same image copy it once each: without images enough, as many pieces as threads have to do.
fn least(n: usize, work: usize, images: usize) -> usize {
    let threads = num_threads();
    let least = WORK.div_ceil(work.max(1));
    if images < 2 * threads { least.max(n.div_ceil(threads)) } else { least }
}

/// `y = W ∗ x + b`
pub fn forward<T: Float>(g: &Geometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    if pointwise::suits(g) {
        return pointwise::sums(g, x, w, bias, y, false);
    }
    if columns::are_few(g) || columns::are_several(g) && !winograd::suits(g) {
        return columns::forward(g, x, w, bias, y);
    }
    if !winograd::suits(g) {
        return forward_by_taps(g, x, w, bias, y);
    }
    let (one, [nx, ny]) = (Geometry { batch: 1, ..*g }, g.image());
    for i in Planes::forward(g).sums(x, w, bias, y) {
        forward_by_taps(&one, &x[i * nx..][..nx], w, bias, &mut y[i * ny..][..ny]);
    }
}

fn forward_by_taps<T: Float>(g: &Geometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let taps = g.kernel.iter().product();
    sums(g, [g.outputs, g.inputs], [g.inputs * taps, taps], g.output, Source::forward(g), [x, w], bias, y);
}

/// `∂x = Wᵀ ∗ ∂y`, plus a bias: the convolution transposed.
pub fn input<T: Float>(g: &Geometry, grad: &[T], w: &[T], bias: Option<&[T]>, x: &mut [T]) {
    if pointwise::suits(g) {
        return pointwise::sums(g, grad, w, bias, x, true);
    }
    if columns::are_few(g) || columns::are_several(g) && !winograd::suits(g) {
        return columns::input(g, grad, w, bias, x);
    }
    if !winograd::suits(g) {
        return input_by_taps(g, grad, w, bias, x);
    }
    let (one, [nx, ny]) = (Geometry { batch: 1, ..*g }, g.image());
    for i in Planes::transposed(g).sums(grad, w, bias, x) {
        input_by_taps(&one, &grad[i * ny..][..ny], w, bias, &mut x[i * nx..][..nx]);
    }
}

fn input_by_taps<T: Float>(g: &Geometry, grad: &[T], w: &[T], bias: Option<&[T]>, x: &mut [T]) {
    let taps = g.kernel.iter().product();
    sums(
        g,
        [g.inputs, g.outputs],
        [taps, g.inputs * taps],
        g.input,
        Source::transposed(g),
        [grad, w],
        bias,
        x,
    );
}

/// A result with planes of `size`, and as many channels in a group as the weight has `rows`; a row and a channel of the
/// weight are `strides` apart.
#[expect(clippy::too_many_arguments, reason = "the two directions differ in no less")]
fn sums<T: Float>(
    g: &Geometry,
    [rows, channels]: [usize; 2],
    strides: [usize; 2],
    size: [usize; 3],
    source: Source,
    [x, w]: [&[T]; 2],
    bias: Option<&[T]>,
    out: &mut [T],
) {
    let (plane, passes) = (size.iter().product::<usize>(), source.passes());
    if out.is_empty() {
        return;
    }
    // Each pass has its weights, each group has them all.
    let padded = rows.next_multiple_of(tile::rows_here());
    let group = padded * passes.iter().map(|pass| pass.offsets.len()).sum::<usize>();
    let mut weights = T::take_room();
    weights.clear();
    weights.resize(g.groups * group, T::default());
    for (i, weights) in weights.chunks_exact_mut(group.max(1)).enumerate() {
        let mut rest = weights;
        for pass in &passes {
            let part;
            (part, rest) = rest.split_at_mut(padded * pass.offsets.len());
            pack(&w[i * g.w()..][..g.w()], [rows, channels], strides, pass, part);
        }
    }
    let work = channels * g.kernel.iter().product::<usize>();
    let least = least(out.len(), work, g.batch * g.groups);
    share_out(out, plane, least, &|start, out| {
        let (mut copy, mut room) = (T::take_room(), T::take_room());
        copy.clear();
        copy.resize(source.len(), T::default());
        let (mut row, mut out) = (start / plane, out);
        while !out.is_empty() {
            // The rest of one group of one image.
            let (image, first) = (row / rows, row % rows);
            let wanted = first..rows.min(first + out.len() / plane);
            let part;
            (part, out) = out.split_at_mut(wanted.len() * plane);
            row += wanted.len();
            let channel = image % g.groups * rows + first;
            let bias = bias.map(|bias| &bias[channel..][..wanted.len()]);
            for block in source.blocks() {
                source.copy(&x[image * source.image()..][..source.image()], block, &mut copy);
                let mut weights = &weights[image % g.groups * group..][..group];
                for pass in &passes {
                    let own;
                    (own, weights) = weights.split_at(padded * pass.offsets.len());
                    Arch::new().dispatch(Windows {
                        pass,
                        source: &source,
                        copy: &copy,
                        block,
                        weights: own,
                        rows: wanted.clone(),
                        bias,
                        out: part,
                        size,
                        in_order: passes.len() == 1,
                        room: &mut room,
                    });
                }
            }
        }
        T::return_room(room);
        T::return_room(copy);
    });
    T::return_room(weights);
}

/// The taps of a pass in panels of [`tile::rows_here`] rows, tap by tap.
fn pack<T: Float>(
    w: &[T],
    [rows, channels]: [usize; 2],
    [row_stride, channel_stride]: [usize; 2],
    pass: &Pass,
    out: &mut [T],
) {
    let height = tile::rows_here();
    let panels = out.chunks_exact_mut((pass.offsets.len() * height).max(1));
    for (row, panel) in (0..rows).step_by(height).zip(panels) {
        for r in 0..height.min(rows - row) {
            let mut out = panel.iter_mut().skip(r).step_by(height);
            for channel in 0..channels {
                let w = &w[(row + r) * row_stride + channel * channel_stride..];
                out.by_ref().zip(&pass.places).for_each(|(out, &place)| *out = w[place]);
            }
        }
    }
}

/// `∂W = Σ ∂y·x`
pub fn weight<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) {
    if pointwise::suits(g) {
        return pointwise::weight(g, x, grad, w);
    }
    if columns::are_few(g) || columns::are_several(g) && !winograd::suits_weight(g) {
        return columns::weight(g, x, grad, w);
    }
    if !(winograd::suits_weight(g) && winograd::weight(g, x, grad, w)) {
        weight_by_taps(g, x, grad, w);
    }
}

/// What is to be done with the copy of a block, for the gradient to an image.
type Block<'a, T> = &'a mut dyn FnMut(&[T], [usize; 2], &[T]);

fn weight_by_taps<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) {
    let (source, planes) = (Source::forward(g), g.output.iter().product::<usize>());
    let passes = source.passes();
    let [pass] = &passes[..] else { return };
    let narrow = narrow::suits(g);
    in_parts(g, PARTS, 1, w, &|images, group, taps, sums| {
        let (mut copy, mut room) = (T::take_room(), T::take_room());
        copy.clear();
        copy.resize(source.len(), T::default());
        // A copy of all that windows meet, block by block, and the gradient to these windows.
        let each = |copy: &mut [T], add: Block<'_, T>| {
            for image in images.clone() {
                let i = image * g.groups + group;
                let grad = &grad[i * g.outputs * planes..][..g.outputs * planes];
                for block in source.blocks() {
                    source.copy(&x[i * source.image()..][..source.image()], block, copy);
                    add(copy, block, grad);
                }
            }
        };
        let mut lanes = T::take_room();
        lanes.clear();
        if narrow {
            lanes.resize(sums.len() * LANES, T::default());
            each(&mut copy, &mut |copy, block, grad| {
                let (source, taps) = (&source, taps.clone());
                let (sums, room) = (&mut lanes[..], &mut room);
                Arch::new().dispatch(Narrow { source, pass, copy, block, grad, taps, sums, room });
            });
            narrow::add_up(&mut lanes);
        }
        if !narrow || narrow::is_odd(&lanes) {
            each(&mut copy, &mut |copy, block, grad| {
                let (source, taps, room) = (&source, taps.clone(), &mut room);
                let sums = &mut *sums;
                Arch::new().dispatch(Weights { source, pass, copy, block, grad, taps, sums, room });
            });
        }
        narrow::write(&lanes, g.outputs, sums);
        T::return_room(lanes);
        T::return_room(room);
        T::return_room(copy);
    });
}

/// What some images of a group add to the gradient of some taps: a row of the channels of y for each tap.
type Part<'a, T> = &'a (dyn Fn(Range<usize>, usize, Range<usize>, &mut [T]) + Sync);

/// `∂W`, a sum over at most so many parts of the batch; a job gets whole `units` of taps.
fn in_parts<T: Float>(g: &Geometry, most: usize, units: usize, w: &mut [T], job: Part<T>) {
    let (taps, size) = (g.taps(), g.groups * g.w());
    if size == 0 || g.batch == 0 {
        return w.fill(T::default());
    }
    let parts = (SUMS / size).clamp(1, most);
    let images = g.batch.div_ceil(parts);
    let parts = g.batch.div_ceil(images);
    let mut sums = T::take_room();
    sums.resize((parts * size).max(sums.len()), T::default());
    let all = &mut sums[..parts * size];
    let work = g.output.iter().product::<usize>() * images;
    let least = least(all.len(), work, parts * g.groups);
    share_out(all, units * g.outputs, least, &|start, mut sums| {
        let mut row = start / g.outputs;
        while !sums.is_empty() {
            let (part, group, first) = (row / taps / g.groups, row / taps % g.groups, row % taps);
            let wanted = first..taps.min(first + sums.len() / g.outputs);
            let own;
            (own, sums) = sums.split_at_mut(wanted.len() * g.outputs);
            row += wanted.len();
            own.fill(T::default());
            job(part * images..g.batch.min((part + 1) * images), group, wanted, own);
        }
    });
    share_out(w, taps, COPIES.div_ceil(parts), &|start, w| add_up(g, all, start / taps, w));
    T::return_room(sums);
}

/// Rows of the weight from `row` on: the sums of all parts, in their order, which stand there in columns.
fn add_up<T: Float>(g: &Geometry, parts: &[T], mut row: usize, mut w: &mut [T]) {
    /// Both sides of a square, whose lines lie in the cache until each of its elements has been there.
    const SIDE: usize = 16;
    let taps = g.taps();
    while !w.is_empty() {
        let (group, o) = (row / g.outputs, row % g.outputs);
        let rows = SIDE.min(g.outputs - o).min(w.len() / taps);
        let own;
        (own, w) = w.split_at_mut(rows * taps);
        row += rows;
        for tap in (0..taps).step_by(SIDE) {
            let columns = SIDE.min(taps - tap);
            let mut square = [[T::default(); SIDE]; SIDE];
            for (i, part) in parts.chunks_exact(g.groups * g.w()).enumerate() {
                let part = &part[group * g.w() + tap * g.outputs + o..];
                for (sums, part) in square.iter_mut().zip(part.chunks(g.outputs)).take(columns) {
                    for (sum, &part) in sums[..rows].iter_mut().zip(part) {
                        *sum = if i == 0 { part } else { *sum + part };
                    }
                }
            }
            for (r, own) in own.chunks_exact_mut(taps).enumerate() {
                let own = own[tap..][..columns].iter_mut();
                own.zip(&square).for_each(|(w, sums)| *w = sums[r]);
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Convolutions along up to three dimensions, and their two adjoints, as matrix products image by image.
//!
//! ```text
//! y[n, o, j] = Σ w[o, i, k] · x[n, i, j·stride + k·dilation − padding]
//! ```
//! The elements that the windows of one image meet are written out as columns (im2col), small enough to stay in the
//! cache; then a convolution is `W·columns`, its gradient to the image `Wᵀ·∂y` added back from columns, and its gradient
//! to the weight `∂y·columnsᵀ`.
//!
//! **Bits.** Images are shared out over the threads, and weights are summed in 16 parts of the batch that do not
//! depend on the number of threads: neither do the results.

use crate::gemm::{Matrix, gemm};
use crate::real::Float;
use crate::threads::share_out;

/// Products that are worth another thread.
const WORK: usize = 500_000;

/// Parts of the batch whose weight gradients are summed apart.
const PARTS: usize = 16;

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

fn product(sizes: [usize; 3]) -> usize {
    sizes.iter().product()
}

impl Geometry {
    /// Elements of one group of one image of x.
    fn x(&self) -> usize {
        self.inputs * product(self.input)
    }

    /// Elements of one group of one image of y.
    fn y(&self) -> usize {
        self.outputs * product(self.output)
    }

    /// Rows and columns of the columns of one group of one image.
    fn columns(&self) -> [usize; 2] {
        [self.inputs * product(self.kernel), product(self.output)]
    }

    /// Elements of the weight of one group.
    fn w(&self) -> usize {
        self.outputs * self.columns()[0]
    }

    /// Images that are worth another thread.
    fn images(&self) -> usize {
        let work = self.groups * self.outputs * self.columns()[0] * self.columns()[1];
        WORK.div_ceil(work.max(1))
    }

    /// The windows that find element `k` of theirs inside of x, along dimension `d`, and the place of the first one's.
    fn inside(&self, d: usize, k: usize) -> (std::ops::Range<usize>, usize) {
        let (stride, shift, padding) = (self.stride[d], k * self.dilation[d], self.padding[d]);
        let first = padding.saturating_sub(shift).div_ceil(stride);
        // Windows j with j·stride + shift − padding < input.
        let end = (self.input[d] + padding).saturating_sub(shift).div_ceil(stride).min(self.output[d]);
        (first..end.max(first), (first * stride + shift).saturating_sub(padding))
    }

    /// Calls `run(column, x, len)` for each run of windows in a row of the columns: where they begin in the columns and
    /// in x, and how many there are. What is not in a run lies outside of x.
    fn runs(&self, mut run: impl FnMut(usize, usize, usize)) {
        let [_, height, width] = self.input;
        let [deep, tall, wide] = self.output;
        let mut row = 0;
        for channel in 0..self.inputs {
            for a in 0..self.kernel[0] {
                let (depths, z) = self.inside(0, a);
                for b in 0..self.kernel[1] {
                    let (heights, y) = self.inside(1, b);
                    for c in 0..self.kernel[2] {
                        let (widths, x) = self.inside(2, c);
                        for (i, depth) in depths.clone().enumerate() {
                            let z = (channel * self.input[0] + z + i * self.stride[0]) * height;
                            for (j, line) in heights.clone().enumerate() {
                                let place = (z + y + j * self.stride[1]) * width + x;
                                let column = (row * deep + depth) * tall + line;
                                run(column * wide + widths.start, place, widths.len());
                            }
                        }
                        row += 1;
                    }
                }
            }
        }
    }

    /// One group of one image as columns.
    fn unfold<T: Float>(&self, x: &[T], columns: &mut [T]) {
        // What lies outside of x stays zero from image to image.
        let step = self.stride[2];
        self.runs(|column, place, len| {
            let out = &mut columns[column..column + len];
            if step == 1 {
                out.copy_from_slice(&x[place..place + len]);
            } else if len > 0 {
                out.iter_mut().zip(x[place..].iter().step_by(step)).for_each(|(out, &x)| *out = x);
            }
        });
    }

    /// Columns added up to one group of one image.
    fn fold<T: Float>(&self, columns: &[T], x: &mut [T]) {
        let step = self.stride[2];
        self.runs(|column, place, len| {
            let values = &columns[column..column + len];
            if len > 0 {
                x[place..].iter_mut().step_by(step).zip(values).for_each(|(x, &value)| *x += value);
            }
        });
    }
}

/// Writes the bias of each channel over its plane, or zeros.
fn begin<T: Float>(bias: Option<&[T]>, plane: usize, out: &mut [T]) {
    match bias {
        Some(bias) if plane > 0 => {
            let channels = out.chunks_exact_mut(plane).zip(bias.iter().cycle());
            channels.for_each(|(out, &bias)| out.fill(bias));
        }
        _ => out.fill(T::default()),
    }
}

/// `y = W ∗ x + b`
pub fn forward<T: Float>(g: &Geometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T]) {
    let image = g.groups * g.y();
    let [k, n] = g.columns();
    share_out(y, image, image * g.images(), &|start, y| {
        begin(bias, product(g.output), y);
        let mut columns = vec![T::default(); k * n];
        for (i, y) in y.chunks_exact_mut(g.y().max(1)).enumerate() {
            let i = start / g.y() + i;
            g.unfold(&x[i * g.x()..][..g.x()], &mut columns);
            let w = Matrix { data: &w[i % g.groups * g.w()..], row_stride: k, column_stride: 1 };
            let columns = Matrix { data: &columns, row_stride: n, column_stride: 1 };
            gemm([g.outputs, k, n], w, columns, y, true);
        }
    });
}

/// `∂x = Wᵀ ∗ ∂y`, plus a bias: the convolution transposed.
pub fn input<T: Float>(g: &Geometry, grad: &[T], w: &[T], bias: Option<&[T]>, x: &mut [T]) {
    let image = g.groups * g.x();
    let [k, n] = g.columns();
    share_out(x, image, image * g.images(), &|start, x| {
        begin(bias, product(g.input), x);
        let mut columns = vec![T::default(); k * n];
        for (i, x) in x.chunks_exact_mut(g.x().max(1)).enumerate() {
            let i = start / g.x() + i;
            let w = Matrix { data: &w[i % g.groups * g.w()..], row_stride: 1, column_stride: k };
            let grad = Matrix { data: &grad[i * g.y()..][..g.y()], row_stride: n, column_stride: 1 };
            gemm([k, g.outputs, n], w, grad, &mut columns, false);
            g.fold(&columns, x);
        }
    });
}

/// `∂W = Σ ∂y·columnsᵀ`
pub fn weight<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) {
    let size = g.groups * g.w();
    let [k, n] = g.columns();
    let images = g.batch.div_ceil(PARTS).max(1);
    let parts = g.batch.div_ceil(images);
    let mut sums = vec![T::default(); parts * size];
    share_out(&mut sums, size, size * g.images().div_ceil(images), &|start, sums| {
        let mut columns = vec![T::default(); k * n];
        for (part, sums) in sums.chunks_exact_mut(size.max(1)).enumerate() {
            let first = (start / size + part) * images;
            for image in first..(first + images).min(g.batch) {
                for (group, sum) in sums.chunks_exact_mut(g.w()).enumerate() {
                    let i = image * g.groups + group;
                    g.unfold(&x[i * g.x()..][..g.x()], &mut columns);
                    let grad = Matrix { data: &grad[i * g.y()..][..g.y()], row_stride: n, column_stride: 1 };
                    let columns = Matrix { data: &columns, row_stride: 1, column_stride: n };
                    gemm([g.outputs, n, k], grad, columns, sum, true);
                }
            }
        }
    });
    w.fill(T::default());
    for part in sums.chunks_exact(size.max(1)) {
        w.iter_mut().zip(part).for_each(|(w, &part)| *w += part);
    }
}

//! Windows of a single element, one beside the other: each image is a matrix with a row for each channel, as it stands.
//!
//! ```text
//! y = W·x      ∂x = Wᵀ·∂y      ∂W = Σ ∂y·xᵀ
//! ```
//! So nothing is copied, and the loops are those of products of matrices.

use super::{Geometry, PARTS, in_parts};
use crate::gemm::{Matrix, gemm};
use crate::real::Float;
use crate::threads::{num_threads, share_out};

/// Products of an image from which on its matrices, and not the images, are shared out.
const LARGE: usize = 1_000_000;

/// Whether this is the way to go. Products with fewer rows or columns leave most of their tiles empty.
pub(super) fn suits(g: &Geometry) -> bool {
    let ones = [g.kernel, g.stride].concat().iter().all(|&n| n == 1);
    ones && g.padding == [0; 3] && g.inputs >= 8 && g.outputs >= 8
}

/// Windows of an image.
fn plane(g: &Geometry) -> usize {
    g.output.iter().product()
}

/// `y = W·x + b`, or `x = Wᵀ·y + b` if the weight is `turned`.
pub(super) fn sums<T: Float>(g: &Geometry, x: &[T], w: &[T], bias: Option<&[T]>, y: &mut [T], turned: bool) {
    let plane = plane(g);
    let [rows, channels] = if turned { [g.inputs, g.outputs] } else { [g.outputs, g.inputs] };
    if plane == 0 {
        return;
    }
    let image = |i: usize, y: &mut [T]| {
        let group = i % g.groups;
        if let Some(bias) = bias {
            let bias = &bias[group * rows..][..rows];
            y.chunks_exact_mut(plane).zip(bias).for_each(|(y, &bias)| y.fill(bias));
        }
        let w = Matrix::dense(&w[group * g.w()..][..g.w()], g.inputs);
        let w = if turned { w.transposed() } else { w };
        let x = Matrix::dense(&x[i * channels * plane..][..channels * plane], plane);
        gemm([rows, channels, plane], w, x, y, bias.is_some());
    };
    // Images of their own threads, unless each is work for all of them.
    let unit = rows * plane;
    let alone = unit * channels >= LARGE && g.batch * g.groups < 2 * num_threads();
    let least = if alone { y.len() } else { super::WORK.div_ceil(channels) };
    share_out(y, unit, least, &|start, y| {
        (start / unit..).zip(y.chunks_exact_mut(unit)).for_each(|(i, y)| image(i, y));
    });
}

/// `∂W = Σ ∂y·xᵀ`
pub(super) fn weight<T: Float>(g: &Geometry, x: &[T], grad: &[T], w: &mut [T]) {
    let plane = plane(g);
    if plane == 0 || g.batch == 0 {
        return w.fill(T::default());
    }
    let of = |i: usize| {
        let x = &x[i * g.inputs * plane..][..g.inputs * plane];
        let grad = &grad[i * g.outputs * plane..][..g.outputs * plane];
        (Matrix::dense(x, plane), Matrix::dense(grad, plane))
    };
    if g.w() * plane >= LARGE {
        for i in 0..g.batch * g.groups {
            let (x, grad) = of(i);
            let w = &mut w[i % g.groups * g.w()..][..g.w()];
            gemm([g.outputs, plane, g.inputs], grad, x.transposed(), w, i >= g.groups);
        }
        return;
    }
    in_parts(g, PARTS, g.inputs, w, &|images, group, _, sums| {
        for image in images {
            let (x, grad) = of(image * g.groups + group);
            gemm([g.inputs, plane, g.outputs], x, grad.transposed(), sums, true);
        }
    });
}

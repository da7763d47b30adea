//! The largest element, or the mean, of windows that slide over the last dimensions.
//!
//! ```
//! use tensor::{Pool, tensor};
//! let x = tensor([[[1.0, 5.0, 2.0, 4.0]]]); // (N, C, L)
//! assert_eq!(x.max_pool1d(&Pool::new(2))?.0.to_string(), "tensor([[[5., 4.]]])");
//! assert_eq!(x.avg_pool1d(&Pool::new(2))?.to_string(), "tensor([[[3., 3.]]])");
//! # Ok::<(), tensor::Error>(())
//! ```
//! Means go along one dimension after the other (see `taps`): a mean over a window is a mean of means.

use super::conv::{each, three};
use super::taps::Taps;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Ints, Shape};
use crate::storage::{Buffer, with_float};
use crate::literal::tensor;
use crate::tensor::{Tensor, dense};
use kernel::pool::{self, Run};
use smallvec::SmallVec;
use std::sync::Arc;

/// The options of pooling. Each size is one number for all dimensions, or one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    kernel_size: SmallVec<[i64; 4]>,
    stride: Option<SmallVec<[i64; 4]>>,
    padding: SmallVec<[i64; 4]>,
    dilation: SmallVec<[i64; 4]>,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Option<i64>,
}

impl Pool {
    /// Windows of this size, side by side.
    pub fn new(kernel_size: impl Ints) -> Self {
        Pool {
            kernel_size: kernel_size.ints(),
            stride: None,
            padding: 0.ints(),
            dilation: 1.ints(),
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
        }
    }

    /// The distance between neighbouring windows; without it, their size.
    #[must_use]
    pub fn stride(self, stride: impl Ints) -> Self {
        Pool { stride: Some(stride.ints()), ..self }
    }

    /// By how much windows reach over the edges, at most half of their size.
    #[must_use]
    pub fn padding(self, padding: impl Ints) -> Self {
        Pool { padding: padding.ints(), ..self }
    }

    /// The distance between neighbours inside of a window (of the largest element only).
    #[must_use]
    pub fn dilation(self, dilation: impl Ints) -> Self {
        Pool { dilation: dilation.ints(), ..self }
    }

    /// Whether a last window may reach over the edge, so that no element is left out.
    #[must_use]
    pub fn ceil_mode(self, ceil_mode: bool) -> Self {
        Pool { ceil_mode, ..self }
    }

    /// Whether the padding counts in a mean.
    #[must_use]
    pub fn count_include_pad(self, count_include_pad: bool) -> Self {
        Pool { count_include_pad, ..self }
    }

    /// What sums are divided by instead of their number of elements.
    #[must_use]
    pub fn divisor_override(self, divisor: i64) -> Self {
        Pool { divisor_override: Some(divisor), ..self }
    }

    /// The windows along each of the last `rank` dimensions: what of them is inside, and how many they count as.
    #[track_caller]
    fn windows(&self, op: &'static str, rank: usize, x: &Tensor) -> Result<[Vec<(Run, usize)>; 3]> {
        let sizes = three(&x.shape()[x.dim() - rank..]);
        let kernel = each(op, "kernel_size", &self.kernel_size, rank, 1, 1)?;
        let stride = self.stride.as_ref().unwrap_or(&self.kernel_size);
        let stride = each(op, "stride", stride, rank, 1, 1)?;
        let padding = each(op, "padding", &self.padding, rank, 0, 0)?;
        let dilation = each(op, "dilation", &self.dilation, rank, 1, 1)?;
        let mut windows = [vec![], vec![], vec![]];
        for d in 0..3 {
            let span = dilation[d].saturating_mul(kernel[d] - 1).saturating_add(1);
            if 2 * padding[d] > span {
                return Err(Error::value(op, format!("padding {} is more than half of a window of {span}", padding[d])));
            }
            let end = sizes[d] + padding[d];
            // How far the last window may go beyond the padding behind it, the first one too.
            let beyond = if self.ceil_mode { stride[d] - 1 } else { 0 };
            let room = (end + padding[d]).saturating_add(beyond).checked_sub(span);
            let Some(room) = room.filter(|_| sizes[d] > 0) else {
                let shape = x.shape();
                return Err(Error::shape(op, format!("no window of {span} fits into a dimension of {shape:?} by {self:?}")));
            };
            let mut count = room / stride[d] + 1;
            // A window that begins beyond the input and its first padding does not count.
            if self.ceil_mode && (count - 1).saturating_mul(stride[d]) >= end {
                count -= 1;
            }
            for i in 0..count {
                let start = i * stride[d];
                let before = padding[d].saturating_sub(start).div_ceil(dilation[d]);
                let first = start + before * dilation[d];
                let len = end.saturating_sub(first).div_ceil(dilation[d]).min(kernel[d].saturating_sub(before));
                let run = Run { start: first.saturating_sub(padding[d]), len, step: dilation[d] };
                let counted = kernel[d].min((end + padding[d]).saturating_sub(start));
                windows[d].push((run, if self.count_include_pad { counted } else { len }));
            }
        }
        Ok(windows)
    }
}

/// The windows that divide `size` evenly into `outs`, overlapping where they must.
fn adaptive(size: usize, outs: usize) -> impl Iterator<Item = Run> {
    (0..outs).map(move |i| {
        let start = i * size / outs;
        Run { start, len: ((i + 1) * size).div_ceil(outs) - start, step: 1 }
    })
}

/// The elements at fixed places of planes.
#[derive(Clone)]
struct Places {
    /// Of `part`'s shape.
    places: Tensor,
    whole: Shape,
    part: Shape,
    rank: usize,
}

impl Places {
    fn planes(&self) -> [usize; 2] {
        [&self.whole, &self.part].map(|shape| shape[shape.len() - self.rank..].iter().product())
    }

    #[track_caller]
    fn pick(&self, x: &Tensor) -> Tensor {
        let [whole, part] = self.planes();
        let out = with_float!(x.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(self.places.numel());
            pool::gather(&x.values::<T>(), &self.places.values::<i64>(), whole, part, &mut out);
            Tensor::new(out, dense(&self.part))
        });
        out.record(MaxPool(self.clone()), &[x])
    }

    #[track_caller]
    fn put(&self, grad: &Tensor) -> Tensor {
        let [whole, part] = self.planes();
        let out = with_float!(grad.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(self.whole.iter().product());
            pool::scatter(&grad.values::<T>(), &self.places.values::<i64>(), part, whole, &mut out);
            Tensor::new(out, dense(&self.whole))
        });
        out.record(MaxUnpool(self.clone()), &[grad])
    }
}

struct MaxPool(Places);

impl Op for MaxPool {
    fn name(&self) -> &'static str {
        match self.0.rank {
            1 => "Squeeze",
            2 => "MaxPool2DWithIndices",
            _ => "MaxPool3DWithIndices",
        }
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(self.0.put(grad)))
    }
}

/// Each element to its place among zeros.
struct MaxUnpool(Places);

impl Op for MaxUnpool {
    fn name(&self) -> &'static str {
        "MaxPoolBackward"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(self.0.pick(grad)))
    }
}

impl Tensor {
    #[track_caller]
    fn check_pool(&self, op: &'static str, rank: usize) -> Result<()> {
        if !self.dtype().is_float() {
            return Err(Error::not_float(op, self.dtype()));
        }
        if self.dim() != rank + 1 && self.dim() != rank + 2 || self.shape()[self.dim() - rank..].contains(&0) {
            return Err(Error::shape(
                op,
                format!("expected {} or {} dimensions, none of the last ones empty, found {:?}", rank + 1, rank + 2, self.shape()),
            ));
        }
        Ok(())
    }

    #[track_caller]
    fn max_of(&self, rank: usize, windows: &[Vec<Run>; 3]) -> Result<(Tensor, Tensor)> {
        let batch = self.dim() - rank;
        let mut part: Shape = self.shape()[..batch].into();
        part.extend(windows[3 - rank..].iter().map(Vec::len));
        let n: usize = part.iter().product();
        let mut places = Buffer::<i64>::unwritten(n);
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(n);
            let runs: [&[Run]; 3] = std::array::from_fn(|d| windows[d].as_slice());
            pool::max_pool(&self.values::<T>(), three(&self.shape()[batch..]), runs, &mut out, &mut places);
            Tensor::new(out, dense(&part))
        });
        let indices = Tensor::new(places, dense(&part));
        let places = Places { places: indices.clone(), whole: self.shape().into(), part, rank };
        Ok((out.record(MaxPool(places), &[self]), indices))
    }

    #[track_caller]
    fn max_pool(&self, op: &'static str, rank: usize, pool: &Pool) -> Result<(Tensor, Tensor)> {
        if self.dtype() == DType::I64 {
            let (out, places) = self.to(DType::F64).max_pool(op, rank, pool)?;
            return Ok((out.to(DType::I64), places));
        }
        self.check_pool(op, rank)?;
        if self.shape()[self.dim() - rank - 1] == 0 {
            return Err(Error::shape(op, format!("there are no channels in shape {:?}", self.shape())));
        }
        let windows = pool.windows(op, rank, self)?;
        self.max_of(rank, &windows.map(|runs| runs.into_iter().map(|(run, _)| run).collect()))
    }

    #[track_caller]
    fn avg_pool(&self, op: &'static str, rank: usize, pool: &Pool) -> Result<Tensor> {
        if self.dtype() == DType::I64 {
            // Towards 0, as integers are divided; a third of 9 must not become 2.
            let mean = self.to(DType::F64).avg_pool(op, rank, pool)?;
            return Ok(mean.add(&mean.sign().mul(1e-9)?)?.to(DType::I64));
        }
        self.check_pool(op, rank)?;
        if pool.dilation.iter().any(|&n| n != 1) || pool.divisor_override == Some(0) {
            return Err(Error::value(op, "a mean has neither a dilation nor a divisor of 0"));
        }
        let windows = pool.windows(op, rank, self)?;
        // Of the means, only that of volumes refuses this, also where sizes are rounded up.
        let kernel = each(op, "kernel_size", &pool.kernel_size, rank, 1, 1)?;
        if rank == 3 && self.shape()[self.dim() - 3..].iter().zip(kernel).any(|(&size, kernel)| size < kernel) {
            let shape = self.shape();
            return Err(Error::shape(op, format!("a window of {kernel:?} is larger than the input {shape:?}")));
        }
        let mut out = self.clone();
        for (d, windows) in windows[3 - rank..].iter().enumerate() {
            let means = windows.iter().map(|&(run, count)| {
                let weight = if pool.divisor_override.is_some() { 1.0 } else { 1.0 / count as f64 };
                (run, weight)
            });
            let dim = self.dim() - rank + d;
            out = out.taps("AvgPool2D", dim, &Arc::new(Taps::means(self.shape()[dim], means)));
        }
        match pool.divisor_override {
            Some(divisor) => out.div(divisor as f64),
            None => Ok(out),
        }
    }

    /// Output sizes of an adaptive pooling; −1 keeps a size.
    #[track_caller]
    fn outs(&self, op: &'static str, rank: usize, sizes: impl Ints) -> Result<[usize; 3]> {
        self.check_pool(op, rank)?;
        let kept = three(&self.shape()[self.dim() - rank..]);
        let sizes = sizes.ints();
        let outs = each(op, "output_size", &sizes.iter().map(|n| n.saturating_add(1)).collect::<Vec<_>>(), rank, 0, 2)?;
        let outs: [usize; 3] = std::array::from_fn(|d| outs[d].checked_sub(1).unwrap_or(kept[d]));
        let batch = self.shape()[..self.dim() - rank].iter().chain(&outs);
        Buffer::<f64>::check(op, batch.fold(1usize, |n, &size| n.saturating_mul(size.max(1))))?;
        Ok(outs)
    }

    #[track_caller]
    fn adaptive_max(&self, op: &'static str, rank: usize, sizes: impl Ints) -> Result<(Tensor, Tensor)> {
        let outs = self.outs(op, rank, sizes)?;
        let kept = three(&self.shape()[self.dim() - rank..]);
        self.max_of(rank, &std::array::from_fn(|d| adaptive(kept[d], outs[d]).collect()))
    }

    #[track_caller]
    fn adaptive_avg(&self, op: &'static str, rank: usize, sizes: impl Ints) -> Result<Tensor> {
        let outs = self.outs(op, rank, sizes)?;
        let mut out = self.clone();
        for d in 0..rank {
            let dim = self.dim() - rank + d;
            let size = self.shape()[dim];
            let means = adaptive(size, outs[3 - rank + d]).map(|run| (run, 1.0 / run.len as f64));
            out = out.taps("AdaptiveAvgPool2D", dim, &Arc::new(Taps::means(size, means)));
        }
        Ok(out)
    }
}

macro_rules! pools {
    ($($max:ident $avg:ident $adaptive_max:ident $adaptive_avg:ident $rank:literal $shape:literal;)*) => {
        impl Tensor {$(
            #[doc = concat!("The largest element of each window of `", $shape, "`, and its index in its plane.")]
            ///
            /// # Errors
            /// If the options make no sense, or no window fits.
            #[track_caller]
            pub fn $max(&self, pool: &Pool) -> Result<(Tensor, Tensor)> {
                self.max_pool(stringify!($max), $rank, pool)
            }

            #[doc = concat!("The mean of each window of `", $shape, "`.")]
            ///
            /// # Errors
            /// If the options make no sense, or no window fits.
            #[track_caller]
            pub fn $avg(&self, pool: &Pool) -> Result<Tensor> {
                self.avg_pool(stringify!($avg), $rank, pool)
            }

            #[doc = concat!("The largest elements of `", $shape, "` in as many windows as the output is to have, and their indices. −1 keeps a size.")]
            ///
            /// # Errors
            /// If the sizes do not fit.
            #[track_caller]
            pub fn $adaptive_max(&self, output_size: impl Ints) -> Result<(Tensor, Tensor)> {
                self.adaptive_max(stringify!($adaptive_max), $rank, output_size)
            }

            #[doc = concat!("The means of `", $shape, "` in as many windows as the output is to have. −1 keeps a size.")]
            ///
            /// # Errors
            /// If the sizes do not fit.
            #[track_caller]
            pub fn $adaptive_avg(&self, output_size: impl Ints) -> Result<Tensor> {
                self.adaptive_avg(stringify!($adaptive_avg), $rank, output_size)
            }
        )*}
    };
}

pools! {
    max_pool1d avg_pool1d adaptive_max_pool1d adaptive_avg_pool1d 1 "(N, C, L)";
    max_pool2d avg_pool2d adaptive_max_pool2d adaptive_avg_pool2d 2 "(N, C, H, W)";
    max_pool3d avg_pool3d adaptive_max_pool3d adaptive_avg_pool3d 3 "(N, C, D, H, W)";
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || {
        let rows = [[0.4, -1.3, 2.0, 0.1], [0.7, -0.9, 0.3, 1.2], [-0.2, 0.6, 0.8, -1.1]];
        vec![float64([[rows]])]
    };
    vec![
        case("max_pool2d", |x| Ok(x[0].max_pool2d(&Pool::new(2).stride(1).padding(1))?.0.sin()), x()),
        case(
            "the gradient of max_pool",
            |x| {
                let [whole, part] = [[1, 4], [1, 3]].map(|shape| Shape::from(shape.as_slice()));
                let places = Places { places: tensor([[1, 3, 1]]), whole, part, rank: 1 };
                Ok(places.put(&x[0]).sin())
            },
            vec![float64([[0.4, -1.3, 2.0]])],
        ),
        case("adaptive_max_pool2d", |x| Ok(x[0].adaptive_max_pool2d([2, 3])?.0.sin()), x()),
        case("avg_pool2d", |x| Ok(x[0].avg_pool2d(&Pool::new(2).ceil_mode(true))?.sin()), x()),
        case(
            "avg_pool2d, padding not counted",
            |x| Ok(x[0].avg_pool2d(&Pool::new(3).stride(2).padding(1).count_include_pad(false))?.sin()),
            x(),
        ),
        case("adaptive_avg_pool2d", |x| Ok(x[0].adaptive_avg_pool2d([2, 3])?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use super::tensor;
    use crate::arange;

    #[test]
    fn infinities_and_nan() {
        let x = tensor([[[f64::NEG_INFINITY, f64::NEG_INFINITY, 1.0, f64::NAN, 3.0, 2.0]]]);
        let (y, indices) = x.max_pool1d(&Pool::new(2)).unwrap();
        let y = y.to_vec::<f32>().unwrap();
        assert!(y[0] == f32::NEG_INFINITY && y[1].is_nan() && y[2] == 3.0);
        assert_eq!(indices.to_vec::<i64>().unwrap(), [0, 3, 4]);
    }

    /// With `ceil_mode` a window may be larger than what is left, also the only one.
    #[test]
    fn a_window_may_be_larger_than_the_input_if_sizes_are_rounded_up() {
        let x = tensor([[[1.0, 5.0, 3.0]]]);
        let pool = Pool::new(4).ceil_mode(true);
        assert_eq!(x.max_pool1d(&pool).unwrap().0.to_vec::<f32>().unwrap(), [5.0]);
        assert_eq!(x.avg_pool1d(&pool).unwrap().to_vec::<f32>().unwrap(), [3.0]);
        // Too large for that: the stride does not reach so far.
        assert!(x.max_pool1d(&pool.stride(1)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = arange(0, 16, 1).unwrap().to(crate::DType::F32).reshape([1, 1, 4, 4]).unwrap();
        for pool in [Pool::new(2).padding(2), Pool::new(5), Pool::new(0), Pool::new(2).stride(0), Pool::new([1, 1, 1])] {
            assert!(x.max_pool2d(&pool).is_err());
            assert!(x.avg_pool2d(&pool).is_err());
        }
        assert!(x.adaptive_avg_pool2d(-2).is_err());
        assert_eq!(x.adaptive_avg_pool2d([-1, 1]).unwrap().shape(), [1, 1, 4, 1]);
    }
}

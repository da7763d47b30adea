//! Broadcasting: the common shape of two operands, loops over both, and the sum that takes a gradient back.
//!
//! ```
//! use tensor::tensor;
//! let grad = tensor([[1.0, 2.0], [3.0, 4.0]]);
//! assert_eq!(grad.sum_to_size([2])?.to_string(), "tensor([4., 6.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::Case;
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, SharedLayout, broadcast};
use crate::storage::Buffer;
use crate::tensor::Tensor;
use kernel::map::Arg;
use std::borrow::Cow;

#[track_caller]
pub(crate) fn common_shape(op: &'static str, x: &Tensor, y: &Tensor) -> Result<Shape> {
    let Some(shape) = broadcast(x.shape(), y.shape()) else {
        return Err(Error::shape(
            op,
            format!("shapes {:?} and {:?} cannot be broadcast together", x.shape(), y.shape()),
        ));
    };
    if shape.len() > 1 && (x.numel() < shape.iter().product() || y.numel() < shape.iter().product()) {
        Layout::contiguous(op, &shape)?; // two small operands can span a product that no machine holds
    }
    Ok(shape)
}

/// Runs `row` over two operands expanded to `layout`, in rows along which each operand is dense or constant.
#[inline]
pub(crate) fn zip_rows<T: Element, U: Element>(
    x: &Tensor,
    y: &Tensor,
    layout: SharedLayout,
    mut row: impl FnMut(Arg<'_, T>, Arg<'_, T>, &mut [U]),
) -> Tensor {
    if let (1, Some(x), Some(y)) = (layout.numel(), x.only(), y.only()) {
        let mut out = [U::default()];
        row(Arg::Scalar(x), Arg::Scalar(y), &mut out);
        return Tensor::one(out[0], layout);
    }
    rows(x, y, layout, &mut row)
}

type Row<'a, T, U> = dyn FnMut(Arg<'_, T>, Arg<'_, T>, &mut [U]) + 'a;

/// [`zip_rows`] compiled once for all loops.
fn rows<T: Element, U: Element>(
    x: &Tensor,
    y: &Tensor,
    layout: SharedLayout,
    row: &mut Row<'_, T, U>,
) -> Tensor {
    let numel = layout.numel();
    let mut out = Buffer::<U>::unwritten(numel);
    let whole = |t: &Tensor| t.numel() == numel && t.is_contiguous();
    if numel == 0 {
    } else if whole(x) && whole(y) {
        row(Arg::Slice(&x.values()), Arg::Slice(&y.values()), &mut out);
    } else if y.numel() == 1 && whole(x) {
        row(Arg::Slice(&x.values()), Arg::Scalar(y.values()[0]), &mut out);
    } else if x.numel() == 1 && whole(y) {
        row(Arg::Scalar(x.values()[0]), Arg::Slice(&y.values()), &mut out);
    } else {
        let last = layout.shape().last().copied().unwrap_or(1);
        let (x, y) = (x.rowwise(layout.shape()), y.rowwise(layout.shape()));
        for ((out, i), j) in out.chunks_mut(last).zip(x.row_starts()).zip(y.row_starts()) {
            row(x.row(i, last), y.row(j, last), out);
        }
    }
    Tensor::new(out, layout)
}

/// What a loop reads of a tensor.
pub(crate) enum Elements<'a, T: Clone> {
    /// The same number everywhere.
    One(T),
    Each(Cow<'a, [T]>),
}

impl<T: Copy> Elements<'_, T> {
    pub(crate) fn arg(&self) -> Arg<'_, T> {
        match self {
            Elements::One(number) => Arg::Scalar(*number),
            Elements::Each(elements) => Arg::of(elements),
        }
    }
}

/// A plain loop over pairs, for what is no formula over [`Real`].
pub(crate) fn pairs<T: Copy, U>(x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [U], f: impl Fn(T, T) -> U) {
    kernel::map::zip_with(x, y, out, f);
}

impl Tensor {
    /// The elements for a loop, without a copy if they are one number repeated, as in the gradient of a sum.
    pub(crate) fn operand<T: Element>(&self) -> Elements<'_, T> {
        match self.raw::<T>() {
            [number] => Elements::One(*number),
            _ => Elements::Each(self.values()),
        }
    }

    /// Expanded to `shape`, and copied if the last dimension is then neither dense nor constant.
    fn rowwise(&self, shape: &[usize]) -> Tensor {
        let expanded = match self.layout.expand(shape) {
            Some(layout) => self.detach().with_layout(layout),
            None => self.detach(),
        };
        match expanded.layout.strides().last() {
            Some(0 | 1) | None => expanded,
            Some(_) if shape.last() == Some(&1) => expanded,
            Some(_) => expanded.contiguous(),
        }
    }

    /// Where the rows of the last dimension begin in the buffer.
    fn row_starts(&self) -> Vec<usize> {
        let outer = self.dim().max(1) - 1;
        let mut starts = Vec::new();
        let layout =
            self.layout.with(self.shape()[..outer].into(), self.layout.strides()[..outer].into());
        layout.rows(|first, stride, len| starts.extend((0..len).map(|i| first + i * stride)));
        starts
    }

    /// One row of the last dimension, dense or constant.
    fn row<T: Element>(&self, first: usize, len: usize) -> Arg<'_, T> {
        let all = self.raw::<T>();
        match self.layout.strides().last() {
            Some(0) => Arg::Scalar(all[first]),
            _ => Arg::Slice(&all[first..first + len]),
        }
    }

    /// Sums over what broadcasting repeated, so that the result has `shape` again.
    ///
    /// # Errors
    /// If `shape` cannot be broadcast to this shape.
    #[track_caller]
    pub fn sum_to_size(&self, shape: impl crate::layout::Ints) -> Result<Tensor> {
        let shape = crate::layout::sizes("sum_to_size", shape)?;
        if shape.is_empty() && self.dtype() == DType::Bool {
            return Ok(self.sum());
        }
        if self.shape() == shape.as_slice() {
            return Ok(self.clone());
        }
        let new = self.dim().checked_sub(shape.len());
        if self.layout.rank() < shape.len()
            || broadcast(&shape, self.shape()).as_deref() != Some(self.shape())
        {
            return Err(Error::shape(
                "sum_to_size",
                format!("shape {:?} is not {shape:?} broadcast", self.shape()),
            ));
        }
        let new = new.unwrap_or(0);
        let dims: Vec<usize> =
            (0..self.dim()).filter(|&d| d < new || (shape[d - new] == 1 && self.shape()[d] != 1)).collect();
        self.sum_dim(dims, true)?.reshape(shape)
    }
}

/// Broadcasting has no operation of its own here.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    Vec::new()
}

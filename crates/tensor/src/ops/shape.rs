//! The same numbers under another shape: views, which share memory and copy nothing.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 6, 1)?.reshape([2, -1])?;
//! assert_eq!(x.t()?.shape(), [3, 2]);
//! assert_eq!(x.select(0, 1)?.to_string(), "tensor([3, 4, 5])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape, normalize_dim, sizes};
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;
use std::sync::Arc;

/// A view whose gradient is the gradient, viewed back as the input's shape: reshape, squeeze, unsqueeze.
struct Reshape {
    name: &'static str,
    input: Arc<Layout>,
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.reshape(self.input.shape()))
    }
}

/// Dimensions in another order; `inverse` puts them back.
struct Permute {
    name: &'static str,
    inverse: Shape,
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.permuted(self.name, &self.inverse)))
    }
}

struct Expand {
    input: Arc<Layout>,
}

impl Op for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.sum_to_size(self.input.shape()))
    }
}

/// `len` indices of a dimension of `size`: every `step`-th, from `start` on.
#[derive(Clone, Copy)]
struct Slice {
    dim: usize,
    start: usize,
    len: usize,
    step: usize,
    size: usize,
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "Slice"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.unslice(*self))
    }
}

/// A slice put back among zeros: the reverse of [`Slice`], and the other way round.
struct Unslice(Slice);

impl Op for Unslice {
    fn name(&self) -> &'static str {
        "SliceBackward"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let Slice { dim, start, len, step, .. } = self.0;
        ctx.grads(|_| Ok(grad.sliced(dim, start, len, step)))
    }
}

impl Tensor {
    /// The same elements in a new shape. One size may be −1: what is left. Copies only if the layout leaves no choice.
    ///
    /// # Errors
    /// If the number of elements differs.
    #[doc(alias = "torch.reshape")]
    #[track_caller]
    pub fn reshape(&self, shape: impl Ints) -> Result<Tensor> {
        let shape = fill_in("reshape", &shape.ints(), self)?;
        let source = self.layout.reshape(&shape).map(|layout| self.with_layout(layout));
        let out = match source {
            Some(view) => view,
            None => {
                let dense = self.detach().contiguous();
                let layout = Layout::contiguous("reshape", &shape)?;
                dense.with_layout(layout)
            }
        };
        Ok(out.record(Reshape { name: "View", input: Arc::clone(&self.layout) }, &[self]))
    }

    /// [`reshape`](Tensor::reshape), but never a copy.
    ///
    /// # Errors
    /// If the number of elements differs, or the layout needs a copy.
    #[doc(alias = "torch.Tensor.view")]
    #[track_caller]
    pub fn view(&self, shape: impl Ints) -> Result<Tensor> {
        let shape = fill_in("view", &shape.ints(), self)?;
        let layout = self.layout.reshape(&shape).ok_or_else(|| {
            Error::shape(
                "view",
                format!(
                    "shape {:?} with strides {:?} cannot be seen as {shape:?} without a copy; use reshape",
                    self.shape(),
                    self.layout.strides()
                ),
            )
        })?;
        Ok(self.with_layout(layout).record(Reshape { name: "View", input: Arc::clone(&self.layout) }, &[self]))
    }

    /// Dimensions `start` to `end` (included) as one.
    ///
    /// # Errors
    /// If there are no such dimensions, or `start` is behind `end`.
    #[doc(alias = "torch.flatten")]
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Result<Tensor> {
        let (start, end) = (self.layout.dim("flatten", start)?, self.layout.dim("flatten", end)?);
        if start > end {
            return Err(Error::dim("flatten", format!("start dimension {start} is behind end dimension {end}")));
        }
        if self.dim() == 0 {
            return self.reshape([1]);
        }
        let mut shape: Shape = self.shape()[..start].into();
        shape.push(self.shape()[start..=end].iter().product());
        shape.extend_from_slice(&self.shape()[end + 1..]);
        self.reshape(shape)
    }

    /// A dimension of size 1 at `dim` of the result.
    ///
    /// # Errors
    /// If `dim` is not between −rank−1 and rank.
    #[track_caller]
    pub fn unsqueeze(&self, dim: isize) -> Result<Tensor> {
        let d = normalize_dim("unsqueeze", dim, self.dim() + 1)?;
        let (mut shape, mut strides): (Shape, Shape) = (self.shape().into(), self.layout.strides().into());
        let stride = shape.get(d).map_or(1, |size| size * strides[d]);
        shape.insert(d, 1);
        strides.insert(d, stride);
        let out = self.with_layout(self.layout.with(shape, strides));
        Ok(out.record(Reshape { name: "Unsqueeze", input: Arc::clone(&self.layout) }, &[self]))
    }

    /// Without the dimensions of size 1.
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self) -> Tensor {
        self.without(|_| true)
    }

    /// Without these dimensions, as far as their size is 1.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[track_caller]
    pub fn squeeze_dim(&self, dims: impl Ints) -> Result<Tensor> {
        let dims = dims
            .ints()
            .iter()
            .map(|&d| self.layout.dim("squeeze", d as isize))
            .collect::<Result<Vec<usize>>>()?;
        Ok(self.without(|d| dims.contains(&d)))
    }

    #[track_caller]
    fn without(&self, drop: impl Fn(usize) -> bool) -> Tensor {
        let keep = |d: &usize| self.shape()[*d] != 1 || !drop(*d);
        let dims: Shape = (0..self.dim()).filter(keep).collect();
        let out = self.with_layout(self.layout.permute(&dims));
        out.record(Reshape { name: "Squeeze", input: Arc::clone(&self.layout) }, &[self])
    }

    /// Two dimensions exchanged.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[doc(alias = "swapaxes")]
    #[track_caller]
    pub fn transpose(&self, dim0: isize, dim1: isize) -> Result<Tensor> {
        let (a, b) = (self.layout.dim("transpose", dim0)?, self.layout.dim("transpose", dim1)?);
        let mut dims: Shape = (0..self.dim()).collect();
        if !dims.is_empty() {
            dims.swap(a, b);
        }
        Ok(self.permuted("Transpose", &dims))
    }

    /// A matrix transposed; vectors and scalars as they are.
    ///
    /// # Errors
    /// With more than two dimensions.
    #[track_caller]
    pub fn t(&self) -> Result<Tensor> {
        match self.dim() {
            0 | 1 => Ok(self.clone()),
            2 => Ok(self.permuted("T", &[1, 0])),
            n => Err(Error::shape("t", format!("expected at most 2 dimensions, found {n}; use transpose or mt"))),
        }
    }

    /// The last two dimensions exchanged.
    ///
    /// # Errors
    /// With fewer than two dimensions.
    #[doc(alias = "mT")]
    #[track_caller]
    pub fn mt(&self) -> Result<Tensor> {
        if self.dim() < 2 {
            return Err(Error::shape("mt", format!("expected at least 2 dimensions, found {}", self.dim())));
        }
        self.transpose(-2, -1)
    }

    /// The dimensions in the order `dims`.
    ///
    /// # Errors
    /// If `dims` does not name each dimension once.
    #[track_caller]
    pub fn permute(&self, dims: impl Ints) -> Result<Tensor> {
        let ints = dims.ints();
        let dims =
            ints.iter().map(|&d| self.layout.dim("permute", d as isize)).collect::<Result<Shape>>()?;
        let mut seen = dims.clone();
        seen.sort_unstable();
        if !seen.iter().copied().eq(0..self.dim()) {
            return Err(Error::dim(
                "permute",
                format!("{ints:?} does not name each of the {} dimensions once", self.dim()),
            ));
        }
        Ok(self.permuted("Permute", &dims))
    }

    #[track_caller]
    fn permuted(&self, name: &'static str, dims: &[usize]) -> Tensor {
        let mut inverse: Shape = dims.into();
        for (i, &d) in dims.iter().enumerate() {
            inverse[d] = i;
        }
        self.with_layout(self.layout.permute(dims)).record(Permute { name, inverse }, &[self])
    }

    /// Repeats along dimensions of size 1, and along new ones in front, without a copy. −1 keeps a size.
    ///
    /// # Errors
    /// If a size other than 1 would change.
    #[doc(alias = "broadcast_to")]
    #[track_caller]
    pub fn expand(&self, shape: impl Ints) -> Result<Tensor> {
        let ints = shape.ints();
        let new = ints.len().saturating_sub(self.dim());
        let sizes = ints
            .iter()
            .enumerate()
            .map(|(d, &n)| match usize::try_from(n) {
                Ok(n) => Some(n),
                Err(_) if n == -1 && d >= new => self.shape().get(d - new).copied(),
                Err(_) => None,
            })
            .collect::<Option<Shape>>();
        let layout = sizes.and_then(|shape| self.layout.expand(&shape)).ok_or_else(|| {
            Error::shape("expand", format!("shape {:?} cannot be repeated to {ints:?}", self.shape()))
        })?;
        if layout == *self.layout {
            return Ok(self.clone());
        }
        Layout::contiguous("expand", layout.shape())?;
        Ok(self.with_layout(layout).record(Expand { input: Arc::clone(&self.layout) }, &[self]))
    }

    /// `len` indices of dimension `dim`, from `start` on.
    ///
    /// # Errors
    /// If they are not all there.
    #[track_caller]
    pub fn narrow(&self, dim: isize, start: usize, len: usize) -> Result<Tensor> {
        let d = self.layout.dim("narrow", dim)?;
        let size = self.shape().get(d).copied().unwrap_or(0);
        if self.dim() == 0 || start.checked_add(len).is_none_or(|end| end > size) {
            return Err(Error::index(
                "narrow",
                format!("indices {start} to {start}+{len} are not in dimension {dim} of shape {:?}", self.shape()),
            ));
        }
        Ok(self.sliced(d, start, len, 1))
    }

    /// Every `step`-th index of dimension `dim` from `start` up to but not including `end`, as Python slices: negative
    /// numbers count from the back, and what lies outside is cut off.
    ///
    /// # Errors
    /// If there is no such dimension, or `step` is not positive.
    #[track_caller]
    pub fn slice(&self, dim: isize, start: isize, end: isize, step: usize) -> Result<Tensor> {
        let d = self.layout.dim("slice", dim)?;
        if self.dim() == 0 || step == 0 {
            return Err(Error::value("slice", "a slice needs a dimension, and a step of at least 1"));
        }
        let size = self.shape()[d];
        let place = |i: isize| {
            if i < 0 { size.saturating_sub(i.unsigned_abs()) } else { size.min(i as usize) }
        };
        let (start, end) = (place(start), place(end));
        Ok(self.sliced(d, start, end.saturating_sub(start).div_ceil(step), step))
    }

    #[track_caller]
    fn sliced(&self, dim: usize, start: usize, len: usize, step: usize) -> Tensor {
        let op = Slice { dim, start, len, step, size: self.shape()[dim] };
        self.with_layout(self.layout.slice(dim, start, len, step)).record(op, &[self])
    }

    /// This tensor as a slice of a larger one that is zero elsewhere.
    fn unslice(&self, slice: Slice) -> Result<Tensor> {
        let mut shape: Shape = self.shape().into();
        shape[slice.dim] = slice.size;
        let layout = Layout::contiguous("slice", &shape)?;
        let place = layout.slice(slice.dim, slice.start, slice.len, slice.step);
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(layout.numel());
            let values = self.values::<T>();
            let mut next = values.iter();
            place.rows(|first, stride, len| {
                for i in 0..len {
                    if let Some(&value) = next.next() {
                        out[first + i * stride] = value;
                    }
                }
            });
            Tensor::new(out, Arc::new(layout))
        });
        Ok(out.record(Unslice(slice), &[self]))
    }

    /// One index of dimension `dim`, which disappears. Negative indices count from the back.
    ///
    /// # Errors
    /// If there is no such dimension or index.
    #[track_caller]
    pub fn select(&self, dim: isize, index: isize) -> Result<Tensor> {
        let d = self.layout.dim("select", dim)?;
        let size = self.shape().get(d).copied().unwrap_or(0) as isize;
        if self.dim() == 0 || index < -size || index >= size {
            return Err(Error::index(
                "select",
                format!("index {index} is out of range for dimension {dim} of shape {:?}", self.shape()),
            ));
        }
        let at = if index < 0 { index + size } else { index } as usize;
        self.sliced(d, at, 1, 1).squeeze_dim(d)
    }

    /// In row-major order without gaps: itself, if it is so already, else a copy.
    #[track_caller]
    #[must_use]
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() {
            return self.clone();
        }
        let out = with_element!(self.dtype(), T => {
            Tensor::new(Buffer::<T>::from(self.values::<T>().into_owned()), crate::tensor::dense(self.shape()))
        });
        out.record(Reshape { name: "Clone", input: Arc::clone(&self.layout) }, &[self])
    }
}

/// The sizes of a reshape, with −1 filled in.
#[track_caller]
fn fill_in(op: &'static str, ints: &[i64], x: &Tensor) -> Result<Shape> {
    let fail = || {
        Error::shape(op, format!("shape {:?} ({} elements) cannot become {ints:?}", x.shape(), x.numel()))
    };
    let free = ints.iter().filter(|&&n| n == -1).count();
    if free > 1 {
        return Err(Error::shape(op, format!("only one size can be -1, found {ints:?}")));
    }
    let known = ints.iter().filter(|&&n| n != -1).try_fold(1usize, |p, &n| p.checked_mul(usize::try_from(n).ok()?));
    let known = known.ok_or_else(fail)?;
    if free == 0 {
        return if known == x.numel() { sizes(op, ints) } else { Err(fail()) };
    }
    if known == 0 || !x.numel().is_multiple_of(known) {
        return Err(fail());
    }
    ints.iter().map(|&n| if n == -1 { Ok(x.numel() / known) } else { usize::try_from(n).map_err(|_| fail()) }).collect()
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("reshape", |x| Ok(x[0].reshape([3, -1])?.sin()), x()),
        case("reshape with a copy", |x| Ok(x[0].t()?.reshape(6)?.sin()), x()),
        case("flatten", |x| Ok(x[0].flatten(0, -1)?.sin()), x()),
        case("unsqueeze and squeeze", |x| Ok(x[0].unsqueeze(1)?.sin().squeeze()), x()),
        case("transpose", |x| Ok(x[0].transpose(0, 1)?.sin()), x()),
        case("permute", |x| Ok(x[0].unsqueeze(0)?.permute([2, 0, 1])?.sin()), x()),
        case("expand", |x| x[0].unsqueeze(1)?.expand([2, 4, 3])?.mul(&x[0].unsqueeze(1)?), x()),
        case("narrow", |x| Ok(x[0].narrow(1, 1, 2)?.sin()), x()),
        case("slice with a step", |x| Ok(x[0].slice(1, 0, 3, 2)?.sin()), x()),
        case("select", |x| Ok(x[0].select(0, -1)?.sin()), x()),
        case(
            "unslice",
            |x| Ok(x[0].unslice(Slice { dim: 1, start: 1, len: 3, step: 2, size: 7 })?.sin()),
            x(),
        ),
        case("contiguous", |x| Ok(x[0].t()?.contiguous().sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor};

    #[test]
    fn views_share_memory() {
        let x = arange(0, 6, 1).unwrap();
        let y = x.reshape([2, 3]).unwrap().t().unwrap();
        assert!(std::ptr::eq(x.raw::<i64>(), y.raw::<i64>()));
        assert_eq!(y.to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn bad_shapes_are_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            x.reshape([3]).unwrap_err(),
            x.reshape([-1, -1]).unwrap_err(),
            x.reshape([-1, 0]).unwrap_err(),
            x.expand([3, 3]).unwrap_err(),
            x.narrow(1, 1, 2).unwrap_err(),
            x.select(0, 1).unwrap_err(),
            x.transpose(0, 2).unwrap_err(),
            x.permute([0, 0]).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

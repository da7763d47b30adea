//! Parts of a tensor that are seen through other strides, without a copy: slices, single indices, and whatever
//! else a layout can pick.
//!
//! A part and its reverse, the part put back among zeros, are each other's gradients.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 6, 1)?.reshape([2, 3])?;
//! assert_eq!(x.select(0, 1)?.to_string(), "tensor([3, 4, 5])");
//! assert_eq!(x.slice(1, 0, 3, 2)?.to_string(), "tensor([[0, 2],\n        [3, 5]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::places::{places_of, same_type};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape, sizes};
use crate::literal::Scalar;
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::Tensor;

/// What `part` picks from a dense tensor of shape `whole`.
struct Strided {
    name: &'static str,
    whole: Shape,
    part: Layout,
}

impl Op for Strided {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.unstrided(self.name, &self.whole, &self.part, 0.0))
    }
    fn add_backward(&self, grad: &Tensor, sum: &mut Tensor) -> bool {
        if !sum.is_contiguous() || sum.shape() != self.whole.as_slice() || sum.dtype() != grad.dtype() {
            return false;
        }
        let offset = sum.layout.offset();
        with_float!(grad.dtype(), T => {
            let Some(sums) = sum.storage.sole::<T>() else { return false };
            rows_of(&self.part, &grad.values::<T>(), |first, stride, row| {
                let places = &mut sums[offset + first..];
                match stride {
                    1 => places.iter_mut().zip(row).for_each(|(sum, x)| *sum += x),
                    _ => row.iter().enumerate().for_each(|(i, x)| places[i * stride] += x),
                }
            });
        });
        true
    }
}

/// The reverse: a tensor put where `part` says.
struct Unstrided {
    name: &'static str,
    part: Layout,
}

impl Op for Unstrided {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        // The part is known for a dense tensor only.
        ctx.grads(|_| Ok(grad.contiguous().strided(self.name, |layout| self.part.moved(layout.offset()))))
    }
}

/// Runs `f(first, stride, row)` over the rows of `part`, with those of `values` that stand there.
fn rows_of<T>(part: &Layout, values: &[T], mut f: impl FnMut(usize, usize, &[T])) {
    let mut rest = values;
    part.rows(|first, stride, len| {
        let (row, behind) = rest.split_at(len.min(rest.len()));
        rest = behind;
        f(first, stride, row);
    });
}

impl Tensor {
    /// The elements that `part` picks from this tensor's layout.
    #[track_caller]
    pub(crate) fn strided(&self, name: &'static str, part: impl Fn(&Layout) -> Layout) -> Tensor {
        let out = self.with_layout(part(&self.layout));
        if !self.needs_grad() || !is_grad_enabled() {
            return out;
        }
        let op = Strided { name, whole: self.shape().into(), part: part(&self.dense_layout()) };
        out.record(op, &[self])
    }

    /// A tensor of shape `whole` that is `fill` but for these elements, which stand where `part`, a layout inside of
    /// a dense tensor of that shape, says. Where `part` names a place several times, the elements are added up, and
    /// `fill` must be zero.
    #[track_caller]
    pub(crate) fn unstrided(
        &self,
        name: &'static str,
        whole: &[usize],
        part: &Layout,
        fill: impl Into<Scalar>,
    ) -> Result<Tensor> {
        let layout = Layout::contiguous(name, whole)?;
        let fill = fill.into();
        let overlaps = part.overlaps();
        let out = with_element!(self.dtype(), T => {
            Buffer::<T>::check(name, layout.numel())?;
            let fill: T = fill.to();
            let mut out = if fill == T::default() {
                Buffer::<T>::zeros(layout.numel())
            } else {
                Buffer::full(layout.numel(), fill)
            };
            rows_of(part, &self.values::<T>(), |first, stride, row| match stride {
                _ if overlaps => {
                    for (i, &value) in row.iter().enumerate() {
                        let place = &mut out[first + i * stride];
                        *place = plus(*place, value);
                    }
                }
                1 => out[first..first + row.len()].copy_from_slice(row),
                _ => row.iter().enumerate().for_each(|(i, &value)| out[first + i * stride] = value),
            });
            Tensor::new(out, layout.into())
        });
        Ok(out.record(Unstrided { name, part: part.clone() }, &[self]))
    }

    /// `len` indices of dimension `dim`, from `start` on.
    ///
    /// # Errors
    /// If they are not all there.
    #[doc(alias = "torch.narrow")]
    #[track_caller]
    pub fn narrow(&self, dim: isize, start: usize, len: usize) -> Result<Tensor> {
        let d = self.layout.dim("narrow", dim)?;
        let size = self.shape().get(d).copied().unwrap_or(0);
        if self.dim() == 0 || start.checked_add(len).is_none_or(|end| end > size) {
            return Err(Error::index(
                "narrow",
                format!(
                    "indices {start} to {start}+{len} are not in dimension {dim} of shape {:?}",
                    self.shape()
                ),
            ));
        }
        Ok(self.sliced("Slice", d, start, len, 1))
    }

    /// Every `step`-th index of dimension `dim` from `start` up to but not including `end`, as Python slices:
    /// negative numbers count from the back, and what lies outside is cut off.
    ///
    /// # Errors
    /// If there is no such dimension, or `step` is not positive.
    #[track_caller]
    pub fn slice(&self, dim: isize, start: isize, end: isize, step: usize) -> Result<Tensor> {
        let d = self.layout.dim("slice", dim)?;
        if self.dim() == 0 || step == 0 {
            return Err(Error::value("slice", "a slice needs a dimension, and a step of at least 1"));
        }
        let (start, len) = within(self.shape()[d], start, end, step);
        Ok(self.sliced("Slice", d, start, len, step))
    }

    #[track_caller]
    pub(crate) fn sliced(
        &self,
        name: &'static str,
        dim: usize,
        start: usize,
        len: usize,
        step: usize,
    ) -> Tensor {
        self.strided(name, |layout| layout.slice(dim, start, len, step))
    }

    /// One index of dimension `dim`, which disappears. Negative indices count from the back.
    ///
    /// # Errors
    /// If there is no such dimension or index.
    #[doc(alias = "torch.select")]
    #[track_caller]
    pub fn select(&self, dim: isize, index: isize) -> Result<Tensor> {
        let (d, at) = self.one_index("select", dim, index)?;
        Ok(self.strided("Select", |layout| layout.select(d, at)))
    }

    /// The elements at `offset + Σ index[d]·stride[d]` of this tensor, which must be contiguous, as a view. Elements may be
    /// seen several times; their gradients are added.
    ///
    /// # Errors
    /// If this tensor is not contiguous, if there is not a stride for each size, or an element lies outside.
    ///
    /// ```
    /// use tensor::arange;
    /// let x = arange(0, 5, 1)?.as_strided([3, 2], [1, 1], 1)?;
    /// assert_eq!(x.to_string(), "tensor([[1, 2],\n        [2, 3],\n        [3, 4]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.as_strided")]
    #[track_caller]
    pub fn as_strided(&self, size: impl Ints, stride: impl Ints, offset: usize) -> Result<Tensor> {
        let (shape, strides) = (sizes("as_strided", size)?, sizes("as_strided", stride)?);
        Layout::contiguous("as_strided", &shape)?;
        let reach = shape.iter().zip(&strides).try_fold(offset, |reach, (&n, &stride)| {
            reach.checked_add(stride.checked_mul(n.saturating_sub(1))?)
        });
        let inside = shape.contains(&0) || reach.is_some_and(|reach| reach < self.numel());
        if !self.is_contiguous() || shape.len() != strides.len() || !inside {
            return Err(Error::shape(
                "as_strided",
                format!(
                    "sizes {shape:?} with strides {strides:?} from {offset} on do not lie in a contiguous tensor of {} \
                     elements",
                    self.numel()
                ),
            ));
        }
        Ok(self.strided("AsStrided", |layout| {
            Layout::from_parts(shape.clone(), strides.clone(), layout.offset() + offset)
        }))
    }

    /// This tensor with `src` as index `index` of dimension `dim`.
    ///
    /// # Errors
    /// As [`select`](Tensor::select), and if `src` has not the shape that it returns, or another type.
    #[doc(alias = "torch.select_scatter")]
    #[track_caller]
    pub fn select_scatter(&self, src: &Tensor, dim: isize, index: isize) -> Result<Tensor> {
        let (d, at) = self.one_index("select_scatter", dim, index)?;
        self.write_part("SelectScatter", "select_scatter", &self.dense_layout().select(d, at), src)
    }

    /// This tensor with `src` as the [`slice`](Tensor::slice) of these numbers.
    ///
    /// # Errors
    /// As [`slice`](Tensor::slice), and if `src` has not the shape that it returns, or another type.
    #[doc(alias = "torch.slice_scatter")]
    #[track_caller]
    pub fn slice_scatter(
        &self,
        src: &Tensor,
        dim: isize,
        start: isize,
        end: isize,
        step: usize,
    ) -> Result<Tensor> {
        let d = self.layout.dim("slice_scatter", dim)?;
        if self.dim() == 0 || step == 0 {
            return Err(Error::value("slice_scatter", "a slice needs a dimension, and a step of at least 1"));
        }
        let (start, len) = within(self.shape()[d], start, end, step);
        let part = self.dense_layout().slice(d, start, len, step);
        self.write_part("SliceScatter", "slice_scatter", &part, src)
    }

    /// This tensor with `src` where `part` says.
    #[track_caller]
    pub(crate) fn write_part(
        &self,
        name: &'static str,
        op: &'static str,
        part: &Layout,
        src: &Tensor,
    ) -> Result<Tensor> {
        same_type(op, self, src)?;
        if src.shape() != part.shape() {
            return Err(Error::shape(
                op,
                format!("expected a source of shape {:?}, found {:?}", part.shape(), src.shape()),
            ));
        }
        self.write_at(name, &places_of(part), src)
    }

    /// A dimension and an index of it, both counted from the front.
    #[track_caller]
    pub(crate) fn one_index(&self, op: &'static str, dim: isize, index: isize) -> Result<(usize, usize)> {
        let d = self.layout.dim(op, dim)?;
        let size = self.shape().get(d).copied().unwrap_or(0) as isize;
        if self.dim() == 0 || index < -size || index >= size {
            return Err(Error::index(
                op,
                format!("index {index} is out of range for dimension {dim} of shape {:?}", self.shape()),
            ));
        }
        Ok((d, if index < 0 { index + size } else { index } as usize))
    }
}

/// The first index and the number of indices of a Python slice of a dimension of `size`.
pub(crate) fn within(size: usize, start: isize, end: isize, step: usize) -> (usize, usize) {
    let place =
        |i: isize| if i < 0 { size.saturating_sub(i.unsigned_abs()) } else { size.min(i as usize) };
    let (start, end) = (place(start), place(end));
    (start, end.saturating_sub(start).div_ceil(step))
}

/// A sum in the element's own type.
#[inline]
pub(crate) fn plus<T: Element>(x: T, y: T) -> T {
    match T::DTYPE {
        DType::I64 => T::from_i64(x.to_i64().wrapping_add(y.to_i64())),
        // The sum of two f32 in f64, rounded once, is the sum in f32.
        _ => T::from_f64(x.to_f64() + y.to_f64()),
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("narrow", |x| Ok(x[0].narrow(1, 1, 2)?.sin()), x()),
        case("slice with a step", |x| Ok(x[0].slice(1, 0, 3, 2)?.sin()), x()),
        case("slice of a transposed tensor", |x| Ok(x[0].t()?.slice(0, 1, 3, 1)?.sin()), x()),
        case("select", |x| Ok(x[0].select(0, -1)?.sin()), x()),
        case(
            "a part put back",
            |x| {
                let part = Layout::contiguous("case", &[2, 7])?.slice(1, 1, 3, 2);
                Ok(x[0].unstrided("Slice", &[2, 7], &part, 1.0)?.sin())
            },
            x(),
        ),
        case(
            "overlapping parts put back",
            |x| {
                let part = Layout::contiguous("case", &[4])?.unfold(0, 3, 1);
                Ok(x[0].unstrided("Unfold", &[4], &part, 0.0)?.sin())
            },
            x(),
        ),
        case("as_strided", |x| Ok(x[0].as_strided([2, 2, 2], [2, 0, 1], 1)?.sin()), x()),
        case(
            "select_scatter",
            |x| Ok(x[0].select_scatter(&x[0].select(1, 0)?.sin(), 1, -1)?.sin()),
            x(),
        ),
        case("slice_scatter", |x| Ok(x[0].slice_scatter(&x[0].sin(), 1, 0, 3, 1)?.sin()), x()),
        case("a part of a slice put back", |x| Ok(x[0].slice(1, 1, 3, 1)?.select(0, 1)?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor};

    #[test]
    fn a_part_shares_memory_with_the_whole() {
        let x = arange(0, 6, 1).unwrap().reshape([2, 3]).unwrap();
        let y = x.select(1, 2).unwrap();
        assert!(std::ptr::eq(x.raw::<i64>(), y.raw::<i64>()));
        assert_eq!(y.to_vec::<i64>().unwrap(), [2, 5]);
        assert_eq!(x.slice(1, -2, 100, 1).unwrap().to_vec::<i64>().unwrap(), [1, 2, 4, 5]);
        assert_eq!(x.slice(0, 2, 1, 1).unwrap().shape(), [0, 3]);
    }

    #[test]
    fn gradients_of_parts_add_up_in_place_as_they_do_apart() {
        let x = arange(0.0, 24.0, 1.0).unwrap().reshape([2, 3, 4]).unwrap().requires_grad();
        let whole = x.mul(1.0).unwrap();
        let parts = [
            whole.select(1, 2).unwrap(),
            whole.select(2, 0).unwrap(),
            whole.slice(2, 0, 4, 3).unwrap(),
            whole.narrow(0, 1, 1).unwrap(),
            whole.as_strided([3, 2], [0, 5], 7).unwrap(),
            whole.unfold(2, 2, 1).unwrap(),
            whole.permute([2, 0, 1]).unwrap().select(0, 3).unwrap(),
        ];
        // The whole too, so that the sum may begin with a gradient that somebody else holds.
        let terms = parts.iter().chain([&whole]).map(|part| (part * part).sum());
        let y = terms.reduce(|a, b| a + b).unwrap();
        let apart = crate::grad(&y, &[&x]).unwrap();
        y.backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), apart[0].to_vec::<f32>().unwrap());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            x.narrow(1, 1, 2).unwrap_err(),
            x.narrow(2, 0, 1).unwrap_err(),
            x.select(0, 1).unwrap_err(),
            x.select(1, -3).unwrap_err(),
            x.slice(0, 0, 1, 0).unwrap_err(),
            tensor(1.0).select(0, 0).unwrap_err(),
            x.select_scatter(&x, 0, 0).unwrap_err(),
            x.as_strided([2, 2], [1, 1], 0).unwrap_err(),
            x.as_strided(2, [1, 1], 0).unwrap_err(),
            x.t().unwrap().unsqueeze(0).unwrap().expand([2, 2, 1]).unwrap().as_strided(2, 1, 0).unwrap_err(),
            x.slice_scatter(&x, 1, 1, 2, 1).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

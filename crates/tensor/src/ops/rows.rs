//! Whole slices of a dimension by number: `index_select` and the functions that write slices.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
//! assert_eq!(x.index_select(0, &tensor([1, 1]))?.to_string(), "tensor([[3., 4.],\n        [3., 4.]])");
//! assert_eq!(x.index_fill(1, &tensor([0]), 0.0)?.to_string(), "tensor([[0., 2.],\n        [0., 4.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::Operand;
use super::lanes::Lanes;
use super::places::{Places, check_index, out_of_range, places_in, same_type};
use super::strided::plus;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, SharedLayout};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};
use std::sync::Arc;

/// Slice numbers along a dimension.
pub(crate) type Rows = Arc<[usize]>;

/// `shape` with another size of one dimension.
fn resized(shape: &[usize], dim: usize, size: usize) -> Shape {
    let mut shape: Shape = shape.into();
    if let Some(place) = shape.get_mut(dim) {
        *place = size;
    }
    shape
}

impl Tensor {
    /// Whole slices of dimension `dim`, in the order of the one-dimensional `index`.
    ///
    /// # Errors
    /// If `index` is not a vector of int64, or leaves the range.
    #[doc(alias = "torch.index_select")]
    #[track_caller]
    pub fn index_select(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let d = self.layout.dim("index_select", dim)?;
        let rows = rows("index_select", self, d, index)?;
        if self.dim() == 0 && rows.len() != 1 {
            return Err(Error::shape(
                "index_select",
                format!("one slice can be selected from a scalar, not {}", rows.len()),
            ));
        }
        self.select_rows("IndexSelect", d, rows)
    }

    /// The slices of dimension `dim` with these numbers, which must be in range.
    #[track_caller]
    pub(crate) fn select_rows(&self, name: &'static str, dim: usize, rows: Rows) -> Result<Tensor> {
        let blocks = Lanes::of(self.shape(), dim);
        let layout = Layout::contiguous(name, &resized(self.shape(), dim, rows.len()))?;
        let out = with_element!(self.dtype(), T => {
            Buffer::<T>::check(name, layout.numel())?;
            let x = self.values::<T>();
            let mut out = Vec::with_capacity(layout.numel());
            if blocks.inner == 1 {
                out.extend(blocks.starts(&rows).map(|first| x[first]));
            } else {
                blocks.starts(&rows).for_each(|first| out.extend_from_slice(&x[first..first + blocks.inner]));
            }
            Tensor::new(Buffer::<T>::from(out), layout.into())
        });
        Ok(out.record(SelectRows { name, dim, rows, input: self.layout.clone() }, &[self]))
    }

    /// Zeros in the shape of `whole`, to whose slices the slices of this tensor are added: the reverse of
    /// `select_rows`.
    #[track_caller]
    fn unselect_rows(&self, name: &'static str, dim: usize, rows: &Rows, whole: &Layout) -> Result<Tensor> {
        let layout = Layout::contiguous(name, whole.shape())?;
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(layout.numel());
            add_rows(&mut out, &Lanes::of(whole.shape(), dim), rows, &self.values::<T>());
            Tensor::new(out, layout.into())
        });
        let op = UnselectRows { name, dim, rows: Arc::clone(rows), input: self.layout.clone() };
        Ok(out.record(op, &[self]))
    }

    /// Adds slice `i` of `source` to the slice of `self` that `index[i]` names.
    ///
    /// # Errors
    /// As [`index_select`](Tensor::index_select); and if `source` does not have the shape that it would return.
    #[doc(alias = "torch.index_add")]
    #[track_caller]
    pub fn index_add(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor> {
        let (dim, rows) = self.check_rows("index_add", dim, index, source)?;
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            add_rows(&mut out, &Lanes::of(self.shape(), dim), &rows, &source.values::<T>());
            Tensor::new(out, self.dense_layout())
        });
        let op = AddRows { dim, rows, source: source.layout.clone() };
        Ok(out.record(op, &[self, source]))
    }

    /// This tensor with slice `i` of `source` instead of the slice that `index[i]` names.
    ///
    /// # Errors
    /// As [`index_add`](Tensor::index_add).
    #[doc(alias = "torch.index_copy")]
    #[track_caller]
    pub fn index_copy(&self, dim: isize, index: &Tensor, source: &Tensor) -> Result<Tensor> {
        let (dim, rows) = self.check_rows("index_copy", dim, index, source)?;
        self.write_at("IndexCopy", &self.places_of_rows(dim, &rows), source)
    }

    /// This tensor with `value`, a number or a scalar tensor, everywhere in the slices that `index` names; negative
    /// numbers count from the back.
    ///
    /// # Errors
    /// If `index` is not a vector of int64, or leaves the range; if `value` has dimensions.
    #[doc(alias = "torch.index_fill")]
    #[track_caller]
    pub fn index_fill<'a>(
        &self,
        dim: isize,
        index: &Tensor,
        value: impl Into<Operand<'a>>,
    ) -> Result<Tensor> {
        let d = self.layout.dim("index_fill", dim)?;
        let size = self.shape().get(d).copied().unwrap_or(1);
        let rows = places_in("index_fill", vector("index_fill", index)?, d, size)?;
        let value = match value.into() {
            Operand::Number(number) => Tensor::scalar(number, self.dtype()),
            Operand::Tensor(value) if value.dim() == 0 => value.to(self.dtype()),
            Operand::Tensor(value) => {
                return Err(Error::shape(
                    "index_fill",
                    format!("the value must be a number or a scalar tensor, found shape {:?}", value.shape()),
                ));
            }
        };
        // Each row once: it passes its gradient on once, however often it is named.
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let places = self.places_of_rows(d, &rows.into());
        self.write_at("IndexFill", &places, &value.expand(places.len())?)
    }

    pub(crate) fn places_of_rows(&self, dim: usize, rows: &Rows) -> Places {
        let blocks = Lanes::of(self.shape(), dim);
        blocks.starts(rows).flat_map(|first| first..first + blocks.inner).collect()
    }

    /// The dimension and the rows that `index` names, if `source` has as many and the type of this tensor.
    #[track_caller]
    pub(crate) fn check_rows(
        &self,
        op: &'static str,
        dim: isize,
        index: &Tensor,
        source: &Tensor,
    ) -> Result<(usize, Rows)> {
        let d = self.layout.dim(op, dim)?;
        let rows = rows(op, self, d, index)?;
        same_type(op, self, source)?;
        let expected = resized(self.shape(), d, rows.len());
        // One element may stand for a scalar.
        let scalar = (self.dim() == 0 || source.dim() == 0)
            && source.numel() == 1
            && expected.iter().product::<usize>() == 1;
        if source.shape() != expected.as_slice() && !scalar || self.dim() == 0 && rows.len() != source.numel()
        {
            return Err(Error::shape(
                op,
                format!("expected a source of shape {expected:?}, found {:?}", source.shape()),
            ));
        }
        Ok((d, rows))
    }
}

fn add_rows<T: crate::Element>(out: &mut [T], blocks: &Lanes, rows: &[usize], values: &[T]) {
    let mut slices = values.chunks_exact(blocks.inner.max(1));
    for first in blocks.starts(rows) {
        let place = &mut out[first..first + blocks.inner];
        for (p, &v) in place.iter_mut().zip(slices.next().into_iter().flatten()) {
            *p = plus(*p, v);
        }
    }
}

/// An index of int64 with at most one dimension.
#[track_caller]
fn vector<'a>(op: &'static str, index: &'a Tensor) -> Result<&'a Tensor> {
    check_index(op, index)?;
    if index.dim() > 1 {
        return Err(Error::shape(op, format!("the index must be a vector, found shape {:?}", index.shape())));
    }
    Ok(index)
}

/// The rows that an index vector names.
#[track_caller]
fn rows(op: &'static str, x: &Tensor, dim: usize, index: &Tensor) -> Result<Rows> {
    let size = x.shape().get(dim).copied().unwrap_or(1);
    let index = vector(op, index)?;
    if let Some(&i) = index.values::<i64>().iter().find(|&&i| i < 0) {
        return Err(out_of_range(op, i, dim, size));
    }
    places_in(op, index, dim, size)
}

struct SelectRows {
    name: &'static str,
    dim: usize,
    rows: Rows,
    input: SharedLayout,
}

impl Op for SelectRows {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.unselect_rows(self.name, self.dim, &self.rows, &self.input))
    }
}

struct UnselectRows {
    name: &'static str,
    dim: usize,
    rows: Rows,
    input: SharedLayout,
}

impl Op for UnselectRows {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            grad.select_rows(self.name, self.dim, Arc::clone(&self.rows))?.reshape(self.input.shape())
        })
    }
}

struct AddRows {
    dim: usize,
    rows: Rows,
    source: SharedLayout,
}

impl Op for AddRows {
    fn name(&self) -> &'static str {
        "IndexAdd"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| match i {
            0 => Ok(grad.clone()),
            _ => grad.select_rows("IndexAdd", self.dim, Arc::clone(&self.rows))?.reshape(self.source.shape()),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let three = || float64([[0.3, 0.5, 0.1], [1.0, -0.7, 0.2], [0.6, 0.4, 0.9]]);
    vec![
        case("index_select", |x| Ok(x[0].index_select(1, &tensor([2, 0, 2]))?.sin()), vec![x()]),
        case("index_select of rows", |x| Ok(x[0].index_select(0, &tensor([1, 1, 0]))?.sin()), vec![x()]),
        case(
            "unselect_rows",
            |x| Ok(x[0].unselect_rows("IndexSelect", 0, &Rows::from([3, 0]), &dense(&[4, 3]))?.sin()),
            vec![x()],
        ),
        case("index_add", |x| Ok(x[0].index_add(0, &tensor([1, 1, 0]), &x[1])?.sin()), vec![x(), three()]),
        case("index_copy", |x| Ok(x[0].index_copy(0, &tensor([1, 0]), &x[1])?.sin()), vec![x(), x()]),
        case("index_fill", |x| Ok(x[0].index_fill(1, &tensor([-1, 0]), 0.5)?.sin()), vec![x()]),
        case(
            "index_fill by a tensor",
            |x| Ok(x[0].index_fill(1, &tensor([-1, 0]), &x[1])?.sin()),
            vec![x(), float64(0.3)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn an_index_out_of_range_is_named() {
        let x = tensor([[1.0, 2.0]]);
        for index in [2, -1] {
            let error = x.index_select(1, &tensor([index])).unwrap_err().to_string();
            let expected = format!("index {index} is out of range for dimension 1 with size 2");
            assert!(error.contains(&expected), "{error}");
        }
        assert!(x.index_select(1, &tensor([[0]])).is_err());
        assert!(x.index_select(1, &tensor([0.0])).is_err());
        assert!(x.index_add(1, &tensor([0]), &tensor([[1.0, 2.0]])).is_err());
        assert!(x.index_copy(1, &tensor([0]), &tensor([[1]])).is_err());
        assert!(x.index_fill(1, &tensor([0]), &tensor([1.0])).is_err());
    }

    #[test]
    fn a_scalar_counts_as_a_vector_of_one() {
        let x = tensor(3.0);
        assert_eq!(x.index_select(0, &tensor([0])).unwrap().to_string(), "tensor(3.)");
        assert!(x.index_select(0, &tensor([0, 0])).is_err());
        assert_eq!(x.index_add(0, &tensor([0]), &tensor(1.0)).unwrap().to_string(), "tensor(4.)");
        assert_eq!(x.index_copy(0, &tensor([0]), &tensor([1.0])).unwrap().to_string(), "tensor(1.)");
    }
}

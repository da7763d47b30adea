//! Elements chosen by integer tensors: gather and its reverse, rows by number.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_element};
use super::strided::plus;
use crate::tensor::Tensor;
use std::sync::Arc;

impl Tensor {
    /// `out[i][j][k] = self[index[i][j][k]][j][k]` for `dim` 0, and so on: the result has the shape of `index`.
    ///
    /// # Errors
    /// If `index` is not int64, has another rank, is larger than `self` in another dimension, or leaves the range.
    #[doc(alias = "torch.gather")]
    #[track_caller]
    pub fn gather(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("gather", dim)?;
        let places = places("gather", self, dim, index, index.shape())?;
        let out = with_element!(self.dtype(), T => {
            let x = self.values::<T>();
            Tensor::new(places.iter().map(|&p| x[p]).collect(), index.dense_layout())
        });
        let op = Gather { dim, index: index.detach(), input: Arc::clone(&self.layout) };
        Ok(out.record(op, &[self]))
    }

    /// Adds each element of `src` to the place in `self` that `index` names, as [`gather`](Tensor::gather) would read it.
    ///
    /// # Errors
    /// As `gather`; and if `src` is smaller than `index` or of another type than `self`.
    #[doc(alias = "torch.scatter_add")]
    #[track_caller]
    pub fn scatter_add(&self, dim: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("scatter_add", dim)?;
        let values = scattered("scatter_add", self, index, src)?;
        let places = places("scatter_add", self, dim, index, index.shape())?;
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            for (&p, &v) in places.iter().zip(values.values::<T>().iter()) {
                out[p] = plus(out[p], v);
            }
            Tensor::new(out, self.dense_layout())
        });
        let op = ScatterAdd { dim, index: index.detach(), src: Arc::clone(&src.layout) };
        Ok(out.record(op, &[self, src]))
    }

    /// Whole slices of dimension `dim`, in the order of the one-dimensional `index`.
    ///
    /// # Errors
    /// If `index` is not a vector of int64, or leaves the range.
    #[doc(alias = "torch.index_select")]
    #[track_caller]
    pub fn index_select(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("index_select", dim)?;
        let rows = rows("index_select", self, dim, index)?;
        let Blocks { outer, size, inner } = Blocks::of(self, dim);
        let mut shape: Shape = self.shape().into();
        if let Some(size) = shape.get_mut(dim) {
            *size = rows.len();
        }
        let layout = Layout::contiguous("index_select", &shape)?;
        let out = with_element!(self.dtype(), T => {
            let x = self.values::<T>();
            let mut out = Vec::with_capacity(layout.numel());
            for o in 0..outer {
                for &row in &rows {
                    out.extend_from_slice(&x[(o * size + row) * inner..][..inner]);
                }
            }
            Tensor::new(Buffer::<T>::from(out), Arc::new(layout))
        });
        let op = IndexSelect { dim, index: index.detach(), input: Arc::clone(&self.layout) };
        Ok(out.record(op, &[self]))
    }

    /// Adds slice `i` of `src` to the slice of `self` that `index[i]` names.
    ///
    /// # Errors
    /// As [`index_select`](Tensor::index_select); and if `src` does not have the shape that it would return.
    #[doc(alias = "torch.index_add")]
    #[track_caller]
    pub fn index_add(&self, dim: isize, index: &Tensor, src: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("index_add", dim)?;
        let rows = rows("index_add", self, dim, index)?;
        let Blocks { outer, size, inner } = Blocks::of(self, dim);
        let mut shape: Shape = self.shape().into();
        if let Some(size) = shape.get_mut(dim) {
            *size = rows.len();
        }
        if src.shape() != shape.as_slice() || src.dtype() != self.dtype() {
            return Err(Error::shape(
                "index_add",
                format!(
                    "expected a source of shape {shape:?} and type {}, found {:?} and {}",
                    self.dtype(),
                    src.shape(),
                    src.dtype()
                ),
            ));
        }
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            let values = src.values::<T>();
            let mut next = values.chunks_exact(inner.max(1));
            for o in 0..outer {
                for &row in &rows {
                    let place = &mut out[(o * size + row) * inner..][..inner];
                    for (p, &v) in place.iter_mut().zip(next.next().into_iter().flatten()) {
                        *p = plus(*p, v);
                    }
                }
            }
            Tensor::new(out, self.dense_layout())
        });
        Ok(out.record(IndexAdd { dim, index: index.detach() }, &[self, src]))
    }
}

/// A dimension and what lies around it: element `(o, d, i)` of a dense tensor is at `(o·size + d)·inner + i`.
struct Blocks {
    outer: usize,
    size: usize,
    inner: usize,
}

impl Blocks {
    fn of(x: &Tensor, dim: usize) -> Blocks {
        let shape = x.shape();
        Blocks {
            outer: shape.iter().take(dim).product(),
            size: shape.get(dim).copied().unwrap_or(1),
            inner: shape.iter().skip(dim + 1).product(),
        }
    }
}

#[track_caller]
fn check_index(op: &'static str, index: &Tensor) -> Result<()> {
    if index.dtype() != DType::I64 {
        return Err(Error::dtype(op, format!("the index must be int64, found {}", index.dtype())));
    }
    Ok(())
}

#[cold]
#[track_caller]
fn out_of_range(op: &'static str, index: i64, dim: usize, size: usize) -> Error {
    Error::index(op, format!("index {index} is out of range for dimension {dim} with size {size}"))
}

/// The rows that an index vector names.
#[track_caller]
fn rows(op: &'static str, x: &Tensor, dim: usize, index: &Tensor) -> Result<Vec<usize>> {
    check_index(op, index)?;
    if index.dim() > 1 {
        return Err(Error::shape(op, format!("the index must be a vector, found shape {:?}", index.shape())));
    }
    let size = Blocks::of(x, dim).size;
    let mut rows = Vec::with_capacity(index.numel());
    for &i in index.values::<i64>().iter() {
        match usize::try_from(i) {
            Ok(row) if row < size => rows.push(row),
            _ => return Err(out_of_range(op, i, dim, size)),
        }
    }
    Ok(rows)
}

/// The places in a dense `x` that `index`, cut to `shape`, names along `dim`.
#[track_caller]
fn places(op: &'static str, x: &Tensor, dim: usize, index: &Tensor, shape: &[usize]) -> Result<Vec<usize>> {
    check_index(op, index)?;
    let (rank, index_rank) = (x.dim().max(1), index.dim().max(1));
    let fits = index.numel() == 0
        || rank == index_rank && (0..x.dim().min(index.dim())).all(|d| d == dim || shape[d] <= x.shape()[d]);
    if !fits {
        return Err(Error::shape(
            op,
            format!(
                "an index of shape {:?} does not fit shape {:?} along dimension {dim}: ranks must be equal, and other \
                 dimensions not larger",
                index.shape(),
                x.shape()
            ),
        ));
    }
    let size = Blocks::of(x, dim).size;
    let strides = crate::tensor::dense(x.shape());
    let strides = strides.strides();
    let mut counter: Shape = smallvec::SmallVec::from_elem(0, index.dim());
    let mut places = Vec::with_capacity(index.numel());
    for &i in index.values::<i64>().iter() {
        let row = match usize::try_from(i) {
            Ok(row) if row < size => row,
            _ => return Err(out_of_range(op, i, dim, size)),
        };
        let at = |d: usize| if d == dim { row } else { counter[d] };
        places.push((0..x.dim()).map(|d| at(d) * strides[d]).sum());
        for d in (0..counter.len()).rev() {
            counter[d] += 1;
            if counter[d] < shape[d] {
                break;
            }
            counter[d] = 0;
        }
    }
    Ok(places)
}

/// The part of `src` that an index of this shape uses.
#[track_caller]
fn scattered(op: &'static str, x: &Tensor, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    if src.dtype() != x.dtype() {
        return Err(Error::dtype(op, format!("the source is {}, the target {}", src.dtype(), x.dtype())));
    }
    let fits = index.numel() == 0
        || src.dim().max(1) == index.dim().max(1) && index.shape().iter().zip(src.shape()).all(|(i, s)| i <= s);
    if !fits {
        return Err(Error::shape(
            op,
            format!("a source of shape {:?} is too small for an index of shape {:?}", src.shape(), index.shape()),
        ));
    }
    let mut part = src.detach();
    for (d, &len) in index.shape().iter().enumerate().take(part.dim()) {
        part = part.narrow(d as isize, 0, len)?;
    }
    Ok(part)
}

struct Gather {
    dim: usize,
    index: Tensor,
    input: Arc<Layout>,
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "Gather"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            Tensor::full(self.input.shape(), 0.0, grad.dtype())?.scatter_add(self.dim as isize, &self.index, grad)
        })
    }
}

struct ScatterAdd {
    dim: usize,
    index: Tensor,
    src: Arc<Layout>,
}

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        "ScatterAdd"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| {
            if i == 0 {
                return Ok(grad.clone());
            }
            let part = grad.gather(self.dim as isize, &self.index)?;
            part.pad_to(self.src.shape())
        })
    }
}

impl Tensor {
    /// Zeros behind the end of each dimension, up to `shape`.
    fn pad_to(&self, shape: &[usize]) -> Result<Tensor> {
        let mut out = self.clone();
        for (d, &size) in shape.iter().enumerate() {
            let missing = size - out.shape()[d];
            if missing > 0 {
                let mut rest: Shape = out.shape().into();
                rest[d] = missing;
                out = crate::cat(&[&out, &Tensor::full(&rest, 0.0, out.dtype())?], d as isize)?;
            }
        }
        Ok(out)
    }
}

struct IndexSelect {
    dim: usize,
    index: Tensor,
    input: Arc<Layout>,
}

impl Op for IndexSelect {
    fn name(&self) -> &'static str {
        "IndexSelect"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            Tensor::full(self.input.shape(), 0.0, grad.dtype())?.index_add(self.dim as isize, &self.index, grad)
        })
    }
}

struct IndexAdd {
    dim: usize,
    index: Tensor,
}

impl Op for IndexAdd {
    fn name(&self) -> &'static str {
        "IndexAdd"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| if i == 0 { Ok(grad.clone()) } else { grad.index_select(self.dim as isize, &self.index) })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    vec![
        case("gather", |x| Ok(x[0].gather(1, &tensor([[0, 0], [2, 1]]))?.sin()), vec![x()]),
        case("gather along the first dimension", |x| Ok(x[0].gather(0, &tensor([[1, 0, 1]]))?.sin()), vec![x()]),
        case(
            "scatter_add",
            |x| Ok(x[0].scatter_add(1, &tensor([[0, 0], [2, 1]]), &x[1])?.sin()),
            vec![x(), float64([[0.3, 0.5], [1.0, -0.7]])],
        ),
        case(
            "scatter_add of a part",
            |x| Ok(x[0].scatter_add(1, &tensor([[0], [2]]), &x[1])?.sin()),
            vec![x(), float64([[0.3, 0.5], [1.0, -0.7]])],
        ),
        case("index_select", |x| Ok(x[0].index_select(1, &tensor([2, 0, 2]))?.sin()), vec![x()]),
        case(
            "index_add",
            |x| Ok(x[0].index_add(0, &tensor([1, 1, 0]), &x[1])?.sin()),
            vec![x(), float64([[0.3, 0.5, 0.1], [1.0, -0.7, 0.2], [0.6, 0.4, 0.9]])],
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
            let error = x.gather(1, &tensor([[index]])).unwrap_err().to_string();
            assert!(error.contains(&format!("index {index} is out of range for dimension 1 with size 2")), "{error}");
            assert!(x.index_select(1, &tensor([index])).is_err());
        }
    }
}

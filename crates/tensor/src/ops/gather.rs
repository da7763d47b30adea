//! Elements read by integer tensors: `gather`, `take`, and the writing twin of `take`, `put`.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
//! let of_each_row = tensor([[2], [0]]);
//! assert_eq!(x.gather(1, &of_each_row)?.to_string(), "tensor([[3.],\n        [4.]])");
//! assert_eq!(x.take(&tensor([0, -1]))?.to_string(), "tensor([1., 6.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::places::{Places, check_index, out_of_range, place, same_type};
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, broadcast};
use crate::tensor::Tensor;

impl Tensor {
    /// `out[i][j][k] = self[index[i][j][k]][j][k]` for `dim` 0, and so on: the result has the shape of `index`.
    ///
    /// # Errors
    /// If `index` is not int64, has another rank, is larger than `self` in another dimension, or leaves the range.
    #[doc(alias = "torch.gather")]
    #[track_caller]
    pub fn gather(&self, dim: isize, index: &Tensor) -> Result<Tensor> {
        let dim = self.layout.dim("gather", dim)?;
        let places = places_along("gather", self, dim, index)?;
        Ok(self.read("Gather", &places, index.dense_layout()))
    }

    /// [`gather`](Tensor::gather) after broadcasting all dimensions but `dim`: takes the results of `argmax`,
    /// `argsort` and `topk` to the values. Without a dimension, both tensors count as flat.
    ///
    /// # Errors
    /// If `indices` is not int64, has another rank, does not broadcast, or leaves the range.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([[1.0, 3.0, 2.0], [6.0, 5.0, 4.0]]);
    /// let largest = x.argmax(1, true)?;
    /// assert_eq!(x.take_along_dim(&largest, 1)?.to_string(), "tensor([[3.],\n        [6.]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.take_along_dim")]
    #[track_caller]
    pub fn take_along_dim(&self, indices: &Tensor, dim: impl Into<Option<isize>>) -> Result<Tensor> {
        let Some(dim) = dim.into() else {
            return self.ravel().gather(0, &wrapped(&indices.ravel(), self.numel())?);
        };
        let d = self.layout.dim("take_along_dim", dim)?;
        let (mut mine, mut theirs): (Shape, Shape) = (self.shape().into(), indices.shape().into());
        let common = if mine.len() == theirs.len() && !mine.is_empty() {
            (mine[d], theirs[d]) = (1, 1);
            broadcast(&mine, &theirs)
        } else {
            None
        };
        let Some(common) = common else {
            return Err(Error::shape(
                "take_along_dim",
                format!(
                    "indices of shape {:?} do not fit shape {:?} along dimension {d}: all other sizes must be equal \
                     or 1",
                    indices.shape(),
                    self.shape()
                ),
            ));
        };
        let sized = |x: &Tensor| {
            let mut shape = common.clone();
            shape[d] = x.shape()[d];
            x.expand(shape)
        };
        sized(self)?.gather(dim, &wrapped(&sized(indices)?, self.shape()[d])?)
    }

    /// The elements at these positions in row-major order, negative ones counted from the back. The result has the
    /// shape of `index`.
    ///
    /// # Errors
    /// If `index` is not int64, or leaves the range.
    #[doc(alias = "torch.take")]
    #[track_caller]
    pub fn take(&self, index: &Tensor) -> Result<Tensor> {
        Ok(self.read("Take", &flat_places("take", self, index)?, index.dense_layout()))
    }

    /// This tensor with the elements of `source` at these positions in row-major order, or, with `accumulate`, added
    /// to what stands there.
    ///
    /// # Errors
    /// If `index` is not int64, or leaves the range; if `source` has another type, or not as many elements.
    #[doc(alias = "torch.Tensor.put")]
    #[track_caller]
    pub fn put(&self, index: &Tensor, source: &Tensor, accumulate: bool) -> Result<Tensor> {
        let places = flat_places("put", self, index)?;
        same_type("put", self, source)?;
        if source.numel() != places.len() {
            return Err(Error::shape(
                "put",
                format!("{} indices for a source of {} elements", places.len(), source.numel()),
            ));
        }
        if accumulate { self.add_at("Put", &places, source) } else { self.write_at("Put", &places, source) }
    }
}

/// Indices of which negative ones count from the back.
fn wrapped(indices: &Tensor, size: usize) -> Result<Tensor> {
    if indices.dtype() != DType::I64 {
        return Ok(indices.clone());
    }
    indices.add(size as i64)?.where_(&indices.lt(0)?, indices)
}

/// The places that positions in row-major order name.
#[track_caller]
fn flat_places(op: &'static str, x: &Tensor, index: &Tensor) -> Result<Places> {
    check_index(op, index)?;
    let mut places = Vec::with_capacity(index.numel());
    for &i in index.values::<i64>().iter() {
        let Some(place) = place(i, x.numel()) else {
            return Err(Error::index(
                op,
                format!("index {i} is out of range for a tensor of {} elements", x.numel()),
            ));
        };
        places.push(place);
    }
    Ok(places.into())
}

/// The places in a dense `x` that the elements of `index` name along `dim`.
#[track_caller]
pub(crate) fn places_along(op: &'static str, x: &Tensor, dim: usize, index: &Tensor) -> Result<Places> {
    check_index(op, index)?;
    if index.numel() == 0 {
        return Ok(Places::from([]));
    }
    // A scalar counts as a vector of one element.
    let vector = |shape: &[usize]| if shape.is_empty() { Shape::from_slice(&[1]) } else { shape.into() };
    let (shape, index_shape) = (vector(x.shape()), vector(index.shape()));
    let fits = shape.len() == index_shape.len()
        && (0..shape.len()).all(|d| d == dim || index_shape[d] <= shape[d]);
    if !fits {
        return Err(Error::shape(
            op,
            format!(
                "an index of shape {:?} does not fit shape {:?} along dimension {dim}: ranks must be equal, and \
                 other dimensions not larger",
                index.shape(),
                x.shape()
            ),
        ));
    }
    let size = shape[dim];
    let layout = Layout::contiguous(op, &shape)?;
    let stride = layout.strides()[dim];
    // Where each element of `index` would stand at index 0 of `dim`.
    let mut strides: Shape = layout.strides().into();
    strides[dim] = 0;
    let base = Layout::from_parts(index_shape, strides, 0);
    let values = index.values::<i64>();
    let mut rest = values.iter();
    let mut places = Vec::with_capacity(values.len());
    let mut wrong = None;
    base.rows(|first, step, len| {
        for (k, &i) in rest.by_ref().take(len).enumerate() {
            match usize::try_from(i) {
                Ok(at) if at < size => places.push(first + k * step + at * stride),
                _ => wrong = wrong.or(Some(i)),
            }
        }
    });
    match wrong {
        Some(i) => Err(out_of_range(op, i, dim, size)),
        None => Ok(places.into()),
    }
}

/// The part of `src` that an index of this shape uses.
#[track_caller]
pub(crate) fn used_part(op: &'static str, index: &Tensor, src: &Tensor) -> Result<Tensor> {
    if src.shape() == index.shape() {
        return Ok(src.clone());
    }
    let (index_rank, rank) = (index.dim().max(1), src.dim().max(1));
    let fits = index_rank == rank && index.shape().iter().zip(src.shape()).all(|(i, s)| i <= s);
    if !fits && index.numel() > 0 {
        return Err(Error::shape(
            op,
            format!(
                "a source of shape {:?} is too small for an index of shape {:?}",
                src.shape(),
                index.shape()
            ),
        ));
    }
    if index.numel() == 0 {
        return src.ravel().narrow(0, 0, 0);
    }
    let mut part = src.clone();
    for (d, &len) in index.shape().iter().enumerate().take(part.dim()) {
        if part.shape()[d] > len {
            part = part.narrow(d as isize, 0, len)?;
        }
    }
    Ok(part)
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    vec![
        case("gather", |x| Ok(x[0].gather(1, &tensor([[0, 0], [2, 1]]))?.sin()), vec![x()]),
        case(
            "gather along the first dimension",
            |x| Ok(x[0].gather(0, &tensor([[1, 0, 1]]))?.sin()),
            vec![x()],
        ),
        case(
            "take_along_dim",
            |x| Ok(x[0].take_along_dim(&tensor([[2, 0]]), 1)?.sin()),
            vec![x()],
        ),
        case("take", |x| Ok(x[0].take(&tensor([[0, -1], [0, 2]]))?.sin()), vec![x()]),
        case(
            "put",
            |x| Ok(x[0].put(&tensor([4, 0]), &x[1], false)?.sin()),
            vec![x(), float64([0.3, 0.5])],
        ),
        case(
            "put that accumulates",
            |x| Ok(x[0].put(&tensor([4, 4]), &x[1], true)?.sin()),
            vec![x(), float64([0.3, 0.5])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn an_index_out_of_range_is_named() {
        let x = tensor([[1.0, 2.0]]);
        for index in [2, -1] {
            let error = x.gather(1, &tensor([[index]])).unwrap_err().to_string();
            let expected = format!("index {index} is out of range for dimension 1 with size 2");
            assert!(error.contains(&expected), "{error}");
        }
        assert!(x.take(&tensor([2])).unwrap_err().to_string().contains("index 2 is out of range"));
        assert!(x.take(&tensor([1.0])).is_err());
        assert!(x.put(&tensor([0]), &tensor([1.0, 2.0]), false).is_err());
        assert!(x.take_along_dim(&tensor([0]), 0).is_err());
    }

    #[test]
    fn an_index_may_be_smaller_or_empty() {
        let x = tensor([[1, 2], [3, 4], [5, 6]]);
        assert_eq!(x.gather(0, &tensor([[2]])).unwrap().to_vec::<i64>().unwrap(), [5]);
        let none = zeros([0]).unwrap().to(crate::DType::I64);
        assert_eq!(x.gather(0, &none).unwrap().shape(), [0]);
        assert_eq!(tensor(7).gather(0, &tensor([0, 0])).unwrap().to_vec::<i64>().unwrap(), [7, 7]);
        assert_eq!(x.take_along_dim(&tensor([5, 0]), None).unwrap().to_vec::<i64>().unwrap(), [6, 1]);
    }
}

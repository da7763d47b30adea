//! Elements chosen by a mask, and the places where something is.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, -2.0], [-3.0, 4.0]]);
//! assert_eq!(x.masked_select(&x.gt(0.0)?)?.to_string(), "tensor([1., 4.])");
//! assert_eq!(x.lt(0.0)?.nonzero().to_string(), "tensor([[0, 1],\n        [1, 0]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::broadcast::{common_shape};
use super::places::{Places, check_index, places_in, same_type};
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Ints, SharedLayout, sizes};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};

impl Tensor {
    /// The elements where the mask holds, in row-major order, as a vector. Both are broadcast.
    ///
    /// # Errors
    /// If the mask is not bool, or the shapes cannot be broadcast together.
    #[doc(alias = "torch.masked_select")]
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Result<Tensor> {
        let (x, places) = masked("masked_select", self, mask)?;
        let layout = dense(&[places.len()]);
        Ok(x.read("MaskedSelect", &places, layout))
    }

    /// This tensor with the elements of `source`, one after the other, where the mask holds.
    ///
    /// # Errors
    /// If the mask is not bool or does not broadcast with this tensor; if `source` is of another type or has fewer
    /// elements than the mask asks for.
    #[doc(alias = "torch.masked_scatter")]
    #[track_caller]
    pub fn masked_scatter(&self, mask: &Tensor, source: &Tensor) -> Result<Tensor> {
        let (x, places) = masked("masked_scatter", self, mask)?;
        same_type("masked_scatter", self, source)?;
        if source.numel() < places.len() {
            return Err(Error::shape(
                "masked_scatter",
                format!("the mask asks for {} elements, the source has {}", places.len(), source.numel()),
            ));
        }
        x.write_at("MaskedScatter", &places, &source.ravel().narrow(0, 0, places.len())?)
    }

    /// The indices of all elements that are not zero, one a row: `(n, rank)`, int64.
    #[doc(alias = "torch.nonzero")]
    #[doc(alias = "argwhere")]
    #[must_use]
    pub fn nonzero(&self) -> Tensor {
        let places = self.nonzero_places();
        let rank = self.dim();
        let mut out = Vec::with_capacity(places.len() * rank);
        for &place in &places {
            out.extend(self.index_of(place));
        }
        Tensor::new(Buffer::from(out), dense(&[places.len(), rank]))
    }

    /// The indices of all elements that are not zero, a vector for each dimension: as an index they read these
    /// elements. A scalar counts as a vector of one element.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([[0.0, 5.0], [7.0, 0.0]]);
    /// let places = x.nonzero_tuple();
    /// assert_eq!(x.i((&places[0], &places[1]))?.to_string(), "tensor([5., 7.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nonzero(as_tuple=True)")]
    #[doc(alias = "torch.where")]
    #[must_use]
    pub fn nonzero_tuple(&self) -> Vec<Tensor> {
        let x = self.detach().atleast_1d();
        let places = x.nonzero_places();
        columns(&places, x.shape(), &dense(&[places.len()]))
    }

    /// The indices that these positions in row-major order have in a tensor of this shape, one tensor for each of its
    /// dimensions.
    ///
    /// # Errors
    /// If these are not int64, or not positions in a tensor of this shape.
    ///
    /// ```
    /// use tensor::tensor;
    /// let at = tensor([5, 0]).unravel_index([2, 3])?;
    /// assert_eq!((at[0].to_string(), at[1].to_string()), ("tensor([1, 0])".into(), "tensor([2, 0])".into()));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.unravel_index")]
    #[track_caller]
    pub fn unravel_index(&self, shape: impl Ints) -> Result<Vec<Tensor>> {
        check_index("unravel_index", self)?;
        let shape = sizes("unravel_index", shape)?;
        // No tensor of that shape is made, so that it need not fit into memory.
        let strides = shape.iter().try_fold(1usize, |step, &n| step.checked_mul(n.max(1)));
        if strides.is_none() {
            return Err(Error::size("unravel_index", format!("shape {shape:?} has more places than indices can name")));
        }
        let numel = shape.iter().product();
        let places = places_in("unravel_index", self, 0, numel)?;
        Ok(columns(&places, &shape, &self.dense_layout()))
    }

    fn nonzero_places(&self) -> Vec<usize> {
        with_element!(self.dtype(), T => {
            let zero = T::default();
            let values = self.values::<T>();
            values.iter().enumerate().filter(|(_, x)| **x != zero).map(|(i, _)| i).collect()
        })
    }

    /// The index of a place in row-major order.
    fn index_of(&self, place: usize) -> impl Iterator<Item = i64> {
        let mut rest = self.numel().max(1);
        self.shape().iter().map(move |&size| {
            rest /= size.max(1);
            (place / rest % size.max(1)) as i64
        })
    }
}

/// The indices of places in a tensor of this shape, a tensor of this layout for each dimension.
fn columns(places: &[usize], shape: &[usize], layout: &SharedLayout) -> Vec<Tensor> {
    let strides = dense(shape);
    let column = |(&size, &stride): (&usize, &usize)| {
        let of = |&place: &usize| (place / stride % size.max(1)) as i64;
        Tensor::new(places.iter().map(of).collect::<Buffer<i64>>(), layout.clone())
    };
    shape.iter().zip(strides.strides()).map(column).collect()
}

/// The tensor broadcast with its mask, and the places where that holds.
#[track_caller]
fn masked(op: &'static str, x: &Tensor, mask: &Tensor) -> Result<(Tensor, Places)> {
    if mask.dtype() != DType::Bool {
        return Err(Error::dtype(op, format!("the mask must be bool, found {}", mask.dtype())));
    }
    let shape = common_shape(op, x, mask)?;
    let places = mask.expand(&shape)?.nonzero_places().into();
    Ok((x.expand(&shape)?, places))
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    vec![
        case("masked_select", |x| Ok(x[0].masked_select(&x[0].gt(0.0)?)?.sin()), vec![x()]),
        case(
            "masked_select, mask broadcast",
            |x| Ok(x[0].masked_select(&tensor([true, false, true]))?.sin()),
            vec![x()],
        ),
        case(
            "masked_scatter",
            |x| Ok(x[0].masked_scatter(&x[0].gt(0.0)?, &x[1])?.sin()),
            vec![x(), float64([[0.3, 0.5, 0.2], [1.0, -0.7, 0.8]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn places_of_what_is_not_zero() {
        let x = tensor([[[0, 1], [2, 0]], [[0, 0], [0, 3]]]);
        assert_eq!(x.nonzero().to_string(), "tensor([[0, 0, 1],\n        [0, 1, 0],\n        [1, 1, 1]])");
        assert_eq!(x.nonzero_tuple()[1].to_vec::<i64>().unwrap(), [0, 1, 1]);
        assert_eq!(tensor(1.0).nonzero().shape(), [1, 0]);
        assert_eq!(tensor(0.0).nonzero().shape(), [0, 0]);
        assert_eq!(tensor(1.0).nonzero_tuple().len(), 1);
        assert_eq!(zeros([0, 3]).unwrap().nonzero().shape(), [0, 2]);
        assert_eq!(tensor([f64::NAN]).nonzero().shape(), [1, 1]);
    }

    #[test]
    fn masks() {
        let x = tensor([1.0, 2.0]);
        let both = x.masked_select(&tensor([[true, false], [true, true]])).unwrap();
        assert_eq!(both.to_vec::<f32>().unwrap(), [1.0, 1.0, 2.0]);
        assert_eq!(tensor(4.0).masked_select(&tensor(true)).unwrap().shape(), [1]);
        assert!(x.masked_select(&tensor([1, 0])).is_err());
        assert!(x.masked_select(&tensor([true, false, true])).is_err());
        assert!(x.masked_scatter(&tensor([true, true]), &tensor([1.0])).is_err());
        assert!(x.masked_scatter(&tensor([true, true]), &tensor([1, 2])).is_err());
        assert!(tensor([6]).unravel_index([2, 3]).is_err());
        assert!(tensor([1.0]).unravel_index([2, 3]).is_err());
    }
}

//! Elements in order: sort, the largest or smallest few, the k-th.
//!
//! ```
//! use tensor::tensor;
//! let (values, indices) = tensor([3.0, 1.0, 2.0]).sort(0, false)?;
//! assert_eq!(values.to_string(), "tensor([1., 2., 3.])");
//! assert_eq!(indices.to_string(), "tensor([1, 2, 0])");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! Every sort is stable, and NaN counts as larger than any number. The gradient goes to the chosen elements.

use super::lanes::Lanes;
use super::order::key;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::layout::Shape;
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};

/// Which part of the order is asked for.
#[derive(Clone, Copy)]
enum Part {
    All,
    /// The first so many, in order.
    First(usize),
    /// The one at this place.
    At(usize),
}

impl Part {
    fn len(self, size: usize) -> usize {
        match self {
            Part::All => size,
            Part::First(k) => k,
            Part::At(_) => 1,
        }
    }
}

/// The indices of the elements of each lane in their order.
fn indices<T: Element>(x: &Tensor, lanes: Lanes, part: Part, descending: bool) -> Buffer<i64> {
    let len = part.len(lanes.size);
    let mut out = Buffer::zeros(lanes.outer * len * lanes.inner);
    // With its index beside it no key has an equal, so that the fast sort of the standard library is stable.
    let mut keys: Vec<(u64, usize)> = Vec::with_capacity(lanes.size);
    lanes.each(&x.values::<T>(), len, |lane, start| {
        keys.clear();
        keys.extend(lane.iter().enumerate().map(|(i, &x)| (if descending { !key(x) } else { key(x) }, i)));
        let found = match part {
            Part::First(k) if k < keys.len() && k > 0 => {
                keys.select_nth_unstable(k - 1);
                &mut keys[..k]
            }
            Part::At(k) => {
                keys.select_nth_unstable(k);
                &mut keys[k..=k]
            }
            _ => &mut keys[..len],
        };
        found.sort_unstable();
        for (j, &(_, i)) in found.iter().enumerate() {
            out[start + j * lanes.inner] = i as i64;
        }
    });
    out
}

impl Tensor {
    #[track_caller]
    fn order(&self, dim: usize, part: Part, descending: bool) -> Tensor {
        let lanes = Lanes::of(self.shape(), dim);
        let mut shape: Shape = self.shape().into();
        if let Some(size) = shape.get_mut(dim) {
            *size = part.len(lanes.size);
        }
        let indices = with_element!(self.dtype(), T => indices::<T>(self, lanes, part, descending));
        Tensor::new(indices, dense(&shape))
    }

    /// The elements along `dim` in ascending or descending order, and where they were: `(values, indices)`. Equal ones
    /// keep their order (PyTorch's `stable=True`).
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.sort")]
    #[track_caller]
    pub fn sort(&self, dim: isize, descending: bool) -> Result<(Tensor, Tensor)> {
        let dim = self.layout.dim("sort", dim)?;
        self.chosen("Sort", dim, &self.order(dim, Part::All, descending), true)
    }

    /// The indices of [`sort`](Tensor::sort).
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.argsort")]
    #[track_caller]
    pub fn argsort(&self, dim: isize, descending: bool) -> Result<Tensor> {
        Ok(self.order(self.layout.dim("argsort", dim)?, Part::All, descending))
    }

    /// The values of [`sort`](Tensor::sort) along the first dimension, ascending.
    ///
    /// # Errors
    /// If this is a scalar.
    #[doc(alias = "torch.msort")]
    #[track_caller]
    pub fn msort(&self) -> Result<Tensor> {
        if self.dim() == 0 {
            return Err(Error::shape("msort", "a scalar has no first dimension"));
        }
        Ok(self.sort(0, false)?.0)
    }

    /// The `k` largest elements along `dim`, or the smallest, beginning with the most extreme: `(values, indices)`.
    ///
    /// # Errors
    /// If there is no such dimension, or it has fewer than `k` elements.
    ///
    /// ```
    /// use tensor::tensor;
    /// let (values, _) = tensor([3.0, 1.0, 2.0]).topk(2, 0, true)?;
    /// assert_eq!(values.to_string(), "tensor([3., 2.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.topk")]
    #[track_caller]
    pub fn topk(&self, k: usize, dim: isize, largest: bool) -> Result<(Tensor, Tensor)> {
        let d = self.layout.dim("topk", dim)?;
        let size = Lanes::of(self.shape(), d).size;
        // A scalar has no dimension that could shrink.
        let k = if self.dim() == 0 { k.max(1) } else { k };
        if k > size {
            return Err(Error::value(
                "topk",
                format!("{k} of dimension {dim} of shape {:?}: there are only {size}", self.shape()),
            ));
        }
        self.chosen("Topk", d, &self.order(d, Part::First(k), largest), true)
    }

    /// The `k`-th smallest element along `dim`, counted from 1, and its index.
    ///
    /// # Errors
    /// If there is no such dimension, or no `k`-th element in it.
    #[doc(alias = "torch.kthvalue")]
    #[track_caller]
    pub fn kthvalue(&self, k: usize, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let d = self.layout.dim("kthvalue", dim)?;
        let size = Lanes::of(self.shape(), d).size;
        if k == 0 || k > size {
            return Err(Error::value(
                "kthvalue",
                format!("k counts from 1 to the size of the dimension, {size}; found {k}"),
            ));
        }
        self.chosen("Kthvalue", d, &self.order(d, Part::At(k - 1), false), keepdim)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("sort", |x| Ok(x[0].sin().sort(1, false)?.0), x()),
        case("sort, descending", |x| Ok(x[0].sin().sort(0, true)?.0), x()),
        case("msort", |x| x[0].sin().msort(), x()),
        case("topk", |x| Ok(x[0].sin().topk(2, -1, true)?.0), x()),
        case("kthvalue", |x| Ok(x[0].sin().kthvalue(2, 1, false)?.0), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor};

    #[test]
    fn equal_ones_keep_their_order_and_nan_is_the_largest() {
        let x = tensor([2.0, f64::NAN, -0.0, 2.0, 0.0, f64::NEG_INFINITY]);
        assert_eq!(x.argsort(0, false).unwrap().to_vec::<i64>().unwrap(), [5, 2, 4, 0, 3, 1]);
        assert_eq!(x.argsort(0, true).unwrap().to_vec::<i64>().unwrap(), [1, 0, 3, 2, 4, 5]);
        assert_eq!(x.topk(2, 0, true).unwrap().1.to_vec::<i64>().unwrap(), [1, 0]);
        assert_eq!(x.topk(2, 0, false).unwrap().1.to_vec::<i64>().unwrap(), [5, 2]);
        assert_eq!(x.kthvalue(4, 0, false).unwrap().1.item().unwrap(), 0.0);
    }

    #[test]
    fn any_dimension() {
        let x = arange(0, 24, 1).unwrap().rsub(11).unwrap().square().reshape([2, 3, 4]).unwrap();
        for dim in -3..3 {
            let (values, indices) = x.sort(dim, false).unwrap();
            assert!(values.equal(&x.gather(dim, &indices).unwrap()));
            assert!(values.diff(1, dim).unwrap().ge(0).unwrap().all().item().unwrap() == 1.0);
            let (few, _) = x.topk(2, dim, false).unwrap();
            assert!(few.equal(&values.narrow(dim, 0, 2).unwrap()));
        }
    }

    #[test]
    fn too_many_and_none() {
        let x = tensor([[1, 2]]);
        assert!(x.topk(3, 1, true).is_err());
        assert!(x.kthvalue(0, 1, false).is_err());
        assert_eq!(x.topk(0, 1, true).unwrap().0.shape(), [1, 0]);
        assert_eq!(tensor(5.0).sort(0, false).unwrap().0.item().unwrap(), 5.0);
    }
}

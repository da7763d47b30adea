//! Where numbers belong: among sorted ones, and into bins.
//!
//! ```
//! use tensor::tensor;
//! let edges = tensor([1.0, 3.0, 5.0]);
//! assert_eq!(edges.searchsorted(&tensor([0.0, 3.0, 9.0]), false)?.to_string(), "tensor([0, 1, 3])");
//! assert_eq!(tensor([1, 1, 3]).bincount(None, 0)?.to_string(), "tensor([0, 2, 0, 1])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::order::key;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::Tensor;

impl Tensor {
    /// For each of `values` the place among the sorted elements of the last dimension where it could be put in: before
    /// its equals, or with `right` behind them. This is one row `(n)`, or has a row for each row of `values`.
    ///
    /// # Errors
    /// If types differ, or the dimensions before the last.
    #[doc(alias = "torch.searchsorted")]
    #[track_caller]
    pub fn searchsorted(&self, values: &Tensor, right: bool) -> Result<Tensor> {
        let single = self.dim() == 1;
        let fits = single
            || self.dim() > 1
                && self.dim() == values.dim()
                && self.shape()[..self.dim() - 1] == values.shape()[..self.dim() - 1];
        if !fits {
            return Err(Error::shape(
                "searchsorted",
                format!(
                    "sorted elements of shape {:?} are neither one row, nor rows for those of {:?}",
                    self.shape(),
                    values.shape()
                ),
            ));
        }
        if self.dtype() != values.dtype() {
            return Err(Error::dtype(
                "searchsorted",
                format!("sorted elements are {}, the values {}", self.dtype(), values.dtype()),
            ));
        }
        let (n, m) = (self.size(-1)?, if single { values.numel() } else { values.size(-1)? });
        let out = with_element!(self.dtype(), T => {
            let (sorted, values) = (self.values::<T>(), values.values::<T>());
            let mut out = Vec::with_capacity(values.len());
            for (i, values) in values.chunks_exact(m.max(1)).enumerate() {
                let row = if single { &sorted[..] } else { &sorted[i * n..(i + 1) * n] };
                for &value in values {
                    let value = key(value);
                    let before = |&x: &T| if right { key(x) <= value } else { key(x) < value };
                    out.push(row.partition_point(before) as i64);
                }
            }
            out
        });
        Tensor::from_vec(out, values.shape())
    }

    /// For each element, into which of the intervals between sorted `boundaries` it falls: [`searchsorted`] the other
    /// way round. An element on a boundary belongs to the interval below, or with `right` to the one above.
    ///
    /// # Errors
    /// If `boundaries` is not a vector of the same type.
    ///
    /// [`searchsorted`]: Tensor::searchsorted
    #[doc(alias = "torch.bucketize")]
    #[track_caller]
    pub fn bucketize(&self, boundaries: &Tensor, right: bool) -> Result<Tensor> {
        if boundaries.dim() != 1 {
            return Err(Error::shape(
                "bucketize",
                format!("boundaries must be a vector, found shape {:?}", boundaries.shape()),
            ));
        }
        boundaries.searchsorted(self, right)
    }

    /// How many elements fall into each of `bins` equal parts of the range from `min` to `max`, in the type of the
    /// elements; those outside are not counted. If both are 0, the range is that of the elements.
    ///
    /// # Errors
    /// If there is no bin, the range is none, or the elements are not floating point.
    #[doc(alias = "torch.histc")]
    #[track_caller]
    pub fn histc(&self, bins: usize, min: f64, max: f64) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("histc", self.dtype()));
        }
        let (mut low, mut high) = (min, max);
        if low == high && self.numel() > 0 {
            (low, high) = (self.min()?.item()?, self.max()?.item()?);
        }
        if low == high {
            (low, high) = (low - 1.0, high + 1.0);
        }
        let range = low < high && (high - low).is_finite();
        if bins == 0 || !range {
            return Err(Error::value("histc", format!("{bins} bins from {low} to {high} are none")));
        }
        Ok(with_float!(self.dtype(), T => {
            Buffer::<T>::check("histc", bins)?;
            let mut counts = Buffer::<T>::zeros(bins);
            let (low, high) = (low as T, high as T);
            for &x in self.values::<T>().iter().filter(|x| (low..=high).contains(x)) {
                // The last bin has its upper end.
                counts[(((x - low) * bins as T / (high - low)) as usize).min(bins - 1)] += 1.0;
            }
            Tensor::from_buffer("histc", counts, bins)?
        }))
    }

    /// How often each number from 0 on occurs in a vector of int64, up to the largest and at least `minlength`; or the
    /// sums of the `weights` of its occurrences.
    ///
    /// # Errors
    /// If this is no vector of int64, a number is negative, or the weights are not one for each.
    #[doc(alias = "torch.bincount")]
    #[track_caller]
    pub fn bincount(&self, weights: Option<&Tensor>, minlength: usize) -> Result<Tensor> {
        if self.dtype() != DType::I64 || self.dim() != 1 {
            return Err(Error::dtype(
                "bincount",
                format!("expected a vector of int64, found {} of shape {:?}", self.dtype(), self.shape()),
            ));
        }
        let least = if self.numel() == 0 { 0 } else { self.min()?.values::<i64>()[0] };
        let most = if self.numel() == 0 { -1 } else { self.max()?.values::<i64>()[0] };
        if least < 0 {
            return Err(Error::value("bincount", format!("numbers must not be negative, found {least}")));
        }
        let weights = match weights {
            Some(weights) if weights.shape() != self.shape() => {
                return Err(Error::shape(
                    "bincount",
                    format!("weights of shape {:?} for numbers of shape {:?}", weights.shape(), self.shape()),
                ));
            }
            Some(weights) if !weights.dtype().is_float() => weights.to(DType::F64),
            Some(weights) => weights.clone(),
            None => self.ones_like(),
        };
        let size = usize::try_from(most.saturating_add(1)).unwrap_or(0).max(minlength);
        Tensor::full(size, 0, weights.dtype())?.index_add(0, self, &weights)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let weights = || vec![float64([0.4, -1.3, 2.0])];
    vec![case("bincount", |x| Ok(crate::tensor([1, 0, 1]).bincount(Some(&x[0]), 4)?.sin()), weights())]
}

#[cfg(test)]
mod tests {
    use crate::{DType, tensor};

    #[test]
    fn rows_for_rows() {
        let sorted = tensor([[1, 2, 2, 5], [0, 3, 4, 9]]);
        let values = tensor([[2, 6], [4, -1]]);
        assert_eq!(sorted.searchsorted(&values, false).unwrap().to_vec::<i64>().unwrap(), [1, 4, 2, 0]);
        assert_eq!(sorted.searchsorted(&values, true).unwrap().to_vec::<i64>().unwrap(), [3, 4, 3, 0]);
        assert!(sorted.searchsorted(&tensor([1, 2]), false).is_err());
        assert!(sorted.searchsorted(&values.to(DType::F32), false).is_err());
        assert_eq!(tensor([2.0]).searchsorted(&tensor(3.0), false).unwrap().to_string(), "tensor(1)");
    }

    #[test]
    fn bins_hold_their_lower_end_and_the_last_one_both() {
        let x = tensor([0.0, 0.5, 1.0, 2.0, f64::NAN]);
        assert_eq!(x.histc(4, 0.0, 2.0).unwrap().to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 1.0]);
        assert_eq!(tensor([3.0, 3.0]).histc(2, 0.0, 0.0).unwrap().to_vec::<f32>().unwrap(), [0.0, 2.0]);
        assert!(x.histc(0, 0.0, 1.0).is_err() && x.histc(2, 1.0, 0.0).is_err());
    }

    #[test]
    fn counts_of_nothing_and_of_too_much() {
        let none = tensor([0i64; 0]);
        assert_eq!(none.bincount(None, 2).unwrap().to_vec::<i64>().unwrap(), [0, 0]);
        assert!(tensor([1, -1]).bincount(None, 0).is_err());
        assert!(tensor([i64::MAX]).bincount(None, 0).is_err());
    }
}

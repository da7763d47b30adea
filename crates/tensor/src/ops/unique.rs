//! Each element once, where it occurs, and how often.

use super::lanes::Lanes;
use super::order::key;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};

/// What [`Tensor::unique`] and [`Tensor::unique_consecutive`] find.
#[derive(Clone, Debug)]
pub struct Unique {
    /// Each element once. The gradient goes to its first occurrence.
    pub values: Tensor,
    /// For each element of the input, where it is among the values.
    pub inverse: Tensor,
    /// How often each value occurs.
    pub counts: Tensor,
}

impl Tensor {
    /// Each element once, in ascending order; or each slice along `dim`. NaN differs from NaN.
    ///
    /// # Errors
    /// If there is no such dimension.
    ///
    /// ```
    /// use tensor::tensor;
    /// let labels = tensor([3, 1, 3, 2]).unique(None)?;
    /// assert_eq!(labels.values.to_string(), "tensor([1, 2, 3])");
    /// assert_eq!(labels.counts.to_string(), "tensor([1, 1, 2])");
    /// assert_eq!(labels.inverse.to_string(), "tensor([2, 0, 2, 1])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.unique")]
    #[track_caller]
    pub fn unique(&self, dim: impl Into<Option<isize>>) -> Result<Unique> {
        self.once("unique", dim.into(), true)
    }

    /// Each element once, unless others came in between; or each slice along `dim`.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.unique_consecutive")]
    #[track_caller]
    pub fn unique_consecutive(&self, dim: impl Into<Option<isize>>) -> Result<Unique> {
        self.once("unique_consecutive", dim.into(), false)
    }

    #[track_caller]
    fn once(&self, op: &'static str, dim: Option<isize>, sorted: bool) -> Result<Unique> {
        let (x, d) = match dim {
            Some(dim) => (self.clone(), self.layout.dim(op, dim)?),
            None => (self.reshape(-1)?, 0),
        };
        if x.dim() == 0 {
            return Err(Error::dim(op, "a scalar has no slices; leave the dimension out"));
        }
        let lanes = Lanes::of(x.shape(), d);
        let width = lanes.outer * lanes.inner;
        // One row of keys for each slice; a NaN in it makes it differ from all others.
        let mut keys = vec![0u64; lanes.size * width];
        let mut row = 0;
        with_element!(x.dtype(), T => lanes.each(&x.values::<T>(), 0, |lane, _| {
            lane.iter().enumerate().for_each(|(i, &x)| keys[i * width + row] = key(x));
            row += 1;
        }));
        let slice = |i: usize| &keys[i * width..(i + 1) * width];
        let mut order: Vec<usize> = (0..lanes.size).collect();
        if sorted {
            order.sort_by(|&i, &j| slice(i).cmp(slice(j)));
        }
        let (mut first, mut counts) = (Vec::new(), Vec::new());
        let mut inverse = vec![0i64; lanes.size];
        for (n, &i) in order.iter().enumerate() {
            let new = n == 0 || slice(i) != slice(order[n - 1]) || slice(i).contains(&u64::MAX);
            if new {
                first.push(i as i64);
                counts.push(0);
            }
            if let Some(count) = counts.last_mut() {
                *count += 1;
            }
            inverse[i] = counts.len() as i64 - 1;
        }
        let shape = if dim.is_some() { vec![lanes.size] } else { self.shape().to_vec() };
        let count = first.len();
        Ok(Unique {
            values: x.index_select(d as isize, &Tensor::from_vec(first, count)?)?,
            inverse: Tensor::from_vec(inverse, shape)?,
            counts: Tensor::new(Buffer::<i64>::from(counts), dense(&[count])),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("unique", |x| Ok(x[0].sin().unique(None)?.values), x()),
        case("unique columns", |x| Ok(x[0].sin().unique(1)?.values), x()),
        case("unique_consecutive", |x| Ok(x[0].sin().unique_consecutive(0)?.values), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn slices() {
        let x = tensor([[1, 0, 1], [2, 0, 2]]);
        let columns = x.unique(1).unwrap();
        assert_eq!(columns.values.to_vec::<i64>().unwrap(), [0, 1, 0, 2]);
        assert_eq!(columns.inverse.to_vec::<i64>().unwrap(), [1, 0, 1]);
        assert_eq!(columns.counts.to_vec::<i64>().unwrap(), [1, 2]);
        assert_eq!(x.unique_consecutive(1).unwrap().counts.to_vec::<i64>().unwrap(), [1, 1, 1]);
    }

    #[test]
    fn zeros_are_equal_and_nan_is_not() {
        let x = tensor([0.0, f64::NAN, -0.0, f64::NAN]).unique(None).unwrap();
        assert_eq!(x.counts.to_vec::<i64>().unwrap(), [2, 1, 1]);
        assert_eq!(crate::zeros(0).unwrap().unique(None).unwrap().values.shape(), [0]);
    }
}

//! The same slices in another order: rolled, mirrored, turned.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1, 2], [3, 4]]);
//! assert_eq!(x.flip(0)?.to_string(), "tensor([[3, 4],\n        [1, 2]])");
//! assert_eq!(x.roll(1, 1)?.to_string(), "tensor([[2, 1],\n        [4, 3]])");
//! assert_eq!(x.rot90(1, [0, 1])?.to_string(), "tensor([[2, 4],\n        [1, 3]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::Ints;
use crate::tensor::Tensor;

impl Tensor {
    /// In reverse order along these dimensions.
    ///
    /// # Errors
    /// If there is no such dimension, or one is named twice.
    #[doc(alias = "torch.flip")]
    #[track_caller]
    pub fn flip(&self, dims: impl Ints) -> Result<Tensor> {
        let mut out = self.clone();
        for d in self.layout.dims("flip", dims)? {
            if let Some(&size) = self.shape().get(d) {
                out = out.select_rows("Flip", d, (0..size).rev().collect())?;
            }
        }
        Ok(out)
    }

    /// Mirrored left to right: [`flip`](Tensor::flip) of dimension 1.
    ///
    /// # Errors
    /// With fewer than two dimensions.
    #[doc(alias = "torch.fliplr")]
    #[track_caller]
    pub fn fliplr(&self) -> Result<Tensor> {
        if self.dim() < 2 {
            return Err(Error::shape(
                "fliplr",
                format!("expected at least 2 dimensions, found shape {:?}", self.shape()),
            ));
        }
        self.flip(1)
    }

    /// Mirrored upside down: [`flip`](Tensor::flip) of dimension 0.
    ///
    /// # Errors
    /// If this is a scalar.
    #[doc(alias = "torch.flipud")]
    #[track_caller]
    pub fn flipud(&self) -> Result<Tensor> {
        if self.dim() < 1 {
            return Err(Error::shape("flipud", "expected at least 1 dimension, found a scalar"));
        }
        self.flip(0)
    }

    /// Moved along these dimensions by as many places; what leaves at the end comes back at the beginning. With `()` for
    /// the dimensions, the tensor counts as flat and keeps its shape.
    ///
    /// # Errors
    /// If there is no such dimension, or the lists differ in length.
    #[doc(alias = "torch.roll")]
    #[track_caller]
    pub fn roll(&self, shifts: impl Ints, dims: impl Ints) -> Result<Tensor> {
        let (shifts, dims) = (shifts.ints(), dims.ints());
        if dims.is_empty() && shifts.len() == 1 && self.dim() != 1 {
            return self.ravel().roll(shifts[0], 0)?.reshape(self.shape());
        }
        let dims = if dims.is_empty() { [0].into_iter().collect() } else { dims };
        if shifts.len() != dims.len() || shifts.is_empty() {
            return Err(Error::value(
                "roll",
                format!("{} shifts do not fit {} dimensions", shifts.len(), dims.len()),
            ));
        }
        if self.dim() == 0 {
            return Err(Error::shape("roll", "a scalar has no dimension to roll along; give no dimensions"));
        }
        let mut out = self.clone();
        for (&shift, &dim) in shifts.iter().zip(&dims) {
            let d = self.layout.dim("roll", dim as isize)?;
            if let Some(&size) = self.shape().get(d).filter(|&&size| size > 0) {
                let first = size - shift.rem_euclid(size as i64) as usize;
                out = out.select_rows("Roll", d, (0..size).map(|i| (first + i) % size).collect())?;
            }
        }
        Ok(out)
    }

    /// Turned by 90 degrees `k` times, from the first of two dimensions towards the second.
    ///
    /// # Errors
    /// If `dims` are not two different dimensions of this tensor.
    #[doc(alias = "torch.rot90")]
    #[track_caller]
    pub fn rot90(&self, k: i64, dims: impl Ints) -> Result<Tensor> {
        let dims = self.layout.dims("rot90", dims)?;
        let &[a, b] = dims.as_slice() else {
            return Err(Error::dim("rot90", format!("expected two dimensions, found {dims:?}")));
        };
        if self.dim() < 2 {
            return Err(Error::shape(
                "rot90",
                format!("expected at least 2 dimensions, found shape {:?}", self.shape()),
            ));
        }
        let (a, b) = (a as isize, b as isize);
        match k.rem_euclid(4) {
            1 => self.flip(b)?.transpose(a, b),
            2 => self.flip([a, b]),
            3 => self.flip(a)?.transpose(a, b),
            _ => Ok(self.clone()),
        }
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("flip", |x| Ok(x[0].flip([0, 1])?.sin()), x()),
        case("roll", |x| Ok(x[0].roll([1, -1], [1, 0])?.sin()), x()),
        case("roll of all elements", |x| Ok(x[0].roll(4, ())?.sin()), x()),
        case("rot90", |x| Ok(x[0].rot90(3, [0, 1])?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor, zeros};

    #[test]
    fn around() {
        let x = arange(0, 5, 1).unwrap();
        let list = |y: crate::Result<crate::Tensor>| y.unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list(x.roll(2, 0)), [3, 4, 0, 1, 2]);
        assert_eq!(list(x.roll(-7, ())), [2, 3, 4, 0, 1]);
        assert_eq!(list(x.roll([1, 1], [0, 0])), [3, 4, 0, 1, 2]);
        let y = tensor([[1, 2, 3], [4, 5, 6]]);
        assert_eq!(list(y.rot90(1, [0, 1])), [3, 6, 2, 5, 1, 4]);
        assert_eq!(list(y.rot90(-1, [0, 1])), [4, 1, 5, 2, 6, 3]);
        assert_eq!(list(y.rot90(2, [0, 1])), [6, 5, 4, 3, 2, 1]);
        assert_eq!(list(y.rot90(5, [1, 0])), [4, 1, 5, 2, 6, 3]);
        assert_eq!(zeros([0, 2]).unwrap().roll(1, 0).unwrap().shape(), [0, 2]);
        assert_eq!(tensor(1).flip(0).unwrap().item().unwrap(), 1.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([2, 3]).unwrap();
        for error in [
            x.flip([0, 0]).unwrap_err(),
            x.flip(2).unwrap_err(),
            zeros(3).unwrap().fliplr().unwrap_err(),
            tensor(1).flipud().unwrap_err(),
            x.roll([1, 2], 0).unwrap_err(),
            x.roll((), ()).unwrap_err(),
            x.rot90(1, [0, 0]).unwrap_err(),
            x.rot90(1, 0).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

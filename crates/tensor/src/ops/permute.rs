//! Dimensions in another order, as a view.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 6, 1)?.reshape([2, 3])?;
//! assert_eq!(x.t()?.to_string(), "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])");
//! assert_eq!(x.unsqueeze(0)?.permute([2, 0, 1])?.shape(), [3, 1, 2]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Ints, Shape};
use crate::tensor::Tensor;

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

impl Tensor {
    /// Two dimensions exchanged.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[doc(alias = "torch.transpose")]
    #[doc(alias = "swapaxes")]
    #[doc(alias = "swapdims")]
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
    #[doc(alias = "torch.permute")]
    #[track_caller]
    pub fn permute(&self, dims: impl Ints) -> Result<Tensor> {
        let ints = dims.ints();
        let dims = self.layout.dims("permute", &*ints)?;
        if dims.len() != self.dim() {
            return Err(Error::dim(
                "permute",
                format!("{ints:?} does not name each of the {} dimensions once", self.dim()),
            ));
        }
        Ok(self.permuted("Permute", &dims))
    }

    /// Dimensions `source` moved to the places `destination`; the others keep their order.
    ///
    /// # Errors
    /// If there are no such dimensions, one is named twice, or the lists differ in length.
    ///
    /// ```
    /// use tensor::zeros;
    /// assert_eq!(zeros([2, 3, 4])?.movedim(0, -1)?.shape(), [3, 4, 2]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.movedim")]
    #[doc(alias = "moveaxis")]
    #[track_caller]
    pub fn movedim(&self, source: impl Ints, destination: impl Ints) -> Result<Tensor> {
        let source = self.layout.dims("movedim", source)?;
        let destination = self.layout.dims("movedim", destination)?;
        if source.len() != destination.len() {
            return Err(Error::dim(
                "movedim",
                format!("{} dimensions cannot move to {} places", source.len(), destination.len()),
            ));
        }
        let mut rest = (0..self.dim()).filter(|d| !source.contains(d));
        let order: Shape = (0..self.dim())
            .filter_map(|place| match destination.iter().position(|&d| d == place) {
                Some(i) => Some(source[i]),
                None => rest.next(),
            })
            .collect();
        Ok(self.permuted("Permute", &order))
    }

    #[track_caller]
    fn permuted(&self, name: &'static str, dims: &[usize]) -> Tensor {
        let mut inverse: Shape = dims.into();
        for (i, &d) in dims.iter().enumerate() {
            inverse[d] = i;
        }
        self.with_layout(self.layout.permute(dims)).record(Permute { name, inverse }, &[self])
    }

}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("transpose", |x| Ok(x[0].transpose(0, 1)?.sin()), x()),
        case("t", |x| x[0].t()?.matmul(&x[0]), x()),
        case("permute", |x| Ok(x[0].unsqueeze(0)?.permute([2, 0, 1])?.sin()), x()),
        case("movedim", |x| Ok(x[0].unsqueeze(0)?.movedim([0, 1], [1, 2])?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor, zeros};

    #[test]
    fn dimensions_move() {
        let x = zeros([2, 3, 4, 5]).unwrap();
        assert_eq!(x.movedim([0, 1], [-1, -2]).unwrap().shape(), [4, 5, 3, 2]);
        assert_eq!(x.movedim(2, 0).unwrap().shape(), [4, 2, 3, 5]);
        assert_eq!(x.mt().unwrap().shape(), [2, 3, 5, 4]);
        let y = arange(0, 6, 1).unwrap().reshape([2, 3]).unwrap();
        assert_eq!(y.movedim(0, 1).unwrap().to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn bad_dimensions_are_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            x.transpose(0, 2).unwrap_err(),
            x.permute([0, 0]).unwrap_err(),
            x.permute([0]).unwrap_err(),
            x.movedim([0, 1], 0).unwrap_err(),
            x.movedim([0, 0], [0, 1]).unwrap_err(),
            zeros([1, 2, 3]).unwrap().t().unwrap_err(),
            tensor([1.0]).mt().unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

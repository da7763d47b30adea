//! Diagonals: read, as a view, and written among zeros.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
//! assert_eq!(x.diag(0)?.to_string(), "tensor([1., 4.])");
//! assert_eq!(tensor([1.0, 2.0]).diag(0)?.to_string(), "tensor([[1., 0.],\n        [0., 2.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::join::cat;
use super::pad::Pad;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, normalize_dim};
use crate::tensor::{Tensor, dense};

impl Tensor {
    /// Diagonal number `offset` of dimensions `dim1` and `dim2`, as a view whose last dimension it is: 0 is the main
    /// one, positive ones lie above it.
    ///
    /// # Errors
    /// If these are not two different dimensions of this tensor.
    #[doc(alias = "torch.diagonal")]
    #[track_caller]
    pub fn diagonal(&self, offset: isize, dim1: isize, dim2: isize) -> Result<Tensor> {
        let (a, b) = self.two_dims("diagonal", dim1, dim2)?;
        Ok(self.strided("Diagonal", |layout| layout.diagonal(offset, a, b)))
    }

    #[track_caller]
    pub(crate) fn two_dims(&self, op: &'static str, dim1: isize, dim2: isize) -> Result<(usize, usize)> {
        let (a, b) = (self.layout.dim(op, dim1)?, self.layout.dim(op, dim2)?);
        if a == b || self.dim() < 2 {
            return Err(Error::dim(
                op,
                format!("expected two different dimensions of shape {:?}, found {dim1} and {dim2}", self.shape()),
            ));
        }
        Ok((a, b))
    }

    /// Zeros with the last dimension of this tensor as diagonal number `offset` of two new dimensions, which stand at
    /// `dim1` and `dim2` of the result.
    ///
    /// # Errors
    /// If this is a scalar, or these are not two different dimensions of the result.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([[1.0, 2.0]]).diag_embed(1, -2, -1)?.shape(), [1, 3, 3]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.diag_embed")]
    #[track_caller]
    pub fn diag_embed(&self, offset: isize, dim1: isize, dim2: isize) -> Result<Tensor> {
        let rank = self.dim() + 1;
        let a = normalize_dim("diag_embed", dim1, rank)?;
        let b = normalize_dim("diag_embed", dim2, rank)?;
        let Some((&len, rest)) = self.shape().split_last().filter(|_| a != b) else {
            return Err(Error::dim(
                "diag_embed",
                format!("expected a vector or more and two different dimensions, found shape {:?}, {dim1} and {dim2}", self.shape()),
            ));
        };
        let size = len.saturating_add(offset.unsigned_abs());
        let mut whole: Shape = rest.into();
        for d in [a.min(b), a.max(b)] {
            whole.insert(d, size);
        }
        Layout::contiguous("diag_embed", &whole)?;
        self.unstrided("DiagEmbed", &whole, &dense(&whole).diagonal(offset, a, b), 0.0)
    }

    /// Of a matrix, diagonal number `diagonal`; of a vector, the matrix of zeros that has it there.
    ///
    /// # Errors
    /// If this is neither a matrix nor a vector.
    #[doc(alias = "torch.diag")]
    #[track_caller]
    pub fn diag(&self, diagonal: isize) -> Result<Tensor> {
        match self.dim() {
            1 => self.diag_embed(diagonal, 0, 1),
            2 => self.diagonal(diagonal, 0, 1),
            _ => Err(Error::shape("diag", format!("expected a vector or a matrix, found shape {:?}", self.shape()))),
        }
    }

    /// A matrix of zeros with all elements of this tensor, in row-major order, as diagonal number `offset`.
    ///
    /// # Errors
    /// If the machine cannot hold it.
    #[doc(alias = "torch.diagflat")]
    #[track_caller]
    pub fn diagflat(&self, offset: isize) -> Result<Tensor> {
        self.ravel().diag_embed(offset, 0, 1)
    }

    /// This tensor with `src` as diagonal number `offset` of dimensions `dim1` and `dim2`.
    ///
    /// # Errors
    /// As [`diagonal`](Tensor::diagonal), and if `src` has not the shape that it returns, or another type.
    #[doc(alias = "torch.diagonal_scatter")]
    #[track_caller]
    pub fn diagonal_scatter(&self, src: &Tensor, offset: isize, dim1: isize, dim2: isize) -> Result<Tensor> {
        let (a, b) = self.two_dims("diagonal_scatter", dim1, dim2)?;
        self.write_part("DiagonalScatter", "diagonal_scatter", &dense(self.shape()).diagonal(offset, a, b), src)
    }
}

/// Matrices along the diagonal of one that is zero elsewhere. Vectors count as rows.
///
/// # Errors
/// If a tensor has more than two dimensions.
///
/// ```
/// use tensor::{block_diag, tensor};
/// let x = block_diag(&[&tensor([[1], [2]]), &tensor(3)])?;
/// assert_eq!(x.to_string(), "tensor([[1, 0],\n        [2, 0],\n        [0, 3]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.block_diag")]
#[track_caller]
pub fn block_diag(tensors: &[&Tensor]) -> Result<Tensor> {
    if let Some(t) = tensors.iter().find(|t| t.dim() > 2) {
        return Err(Error::shape("block_diag", format!("expected matrices, found shape {:?}", t.shape())));
    }
    let blocks: Vec<Tensor> = tensors.iter().map(|t| t.atleast_2d()).collect();
    let width: usize = blocks.iter().map(|b| b.shape()[1]).sum();
    let mut left = 0;
    let mut rows = Vec::with_capacity(blocks.len());
    for block in &blocks {
        let right = width - left - block.shape()[1];
        rows.push(block.pad([left, right], Pad::Constant(0.0))?);
        left += block.shape()[1];
    }
    cat(&rows.iter().collect::<Vec<_>>(), 0)
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("diagonal", |x| Ok(x[0].unsqueeze(0)?.diagonal(1, 1, 2)?.sin()), x()),
        case("diag_embed", |x| Ok(x[0].diag_embed(-1, 0, 2)?.sin()), x()),
        case("diag", |x| Ok(x[0].diag(0)?.diag(1)?.sin()), x()),
        case(
            "diagonal_scatter",
            |x| Ok(x[0].diagonal_scatter(&x[1], 1, 0, 1)?.sin()),
            vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]), float64([0.3, -0.5])],
        ),
        case(
            "block_diag",
            |x| Ok(block_diag(&[&x[0], &x[1]])?.sin()),
            vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]), float64([0.3, -0.5])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::block_diag;
    use crate::{arange, tensor, zeros};

    #[test]
    fn diagonals_of_every_number() {
        let x = arange(0, 6, 1).unwrap().reshape([2, 3]).unwrap();
        let list = |offset| x.diagonal(offset, 0, 1).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list(0), [0, 4]);
        assert_eq!(list(1), [1, 5]);
        assert_eq!(list(2), [2]);
        assert_eq!(list(-1), [3]);
        assert_eq!(list(7), [0; 0]);
        assert_eq!(x.diagonal(1, 1, 0).unwrap().to_vec::<i64>().unwrap(), [3]);
        let cube = zeros([2, 3, 4, 5]).unwrap();
        assert_eq!(cube.diagonal(0, 1, -1).unwrap().shape(), [2, 4, 3]);
        assert_eq!(x.diag_embed(0, 0, -1).unwrap().shape(), [3, 2, 3]);
        for offset in [-2, 0, 3] {
            let back = x.diag_embed(offset, 0, 2).unwrap().diagonal(offset, 0, 2).unwrap();
            assert!(back.contiguous().equal(&x));
        }
        assert_eq!(tensor([[1, 2], [3, 4]]).diagflat(0).unwrap().shape(), [4, 4]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([2, 3]).unwrap();
        for error in [
            x.diagonal(0, 0, 0).unwrap_err(),
            x.diagonal(0, 0, 2).unwrap_err(),
            tensor(1.0).diagonal(0, 0, -1).unwrap_err(),
            tensor(1.0).diag(0).unwrap_err(),
            x.diag_embed(0, 1, 1).unwrap_err(),
            x.diag_embed(isize::MAX, 0, 1).unwrap_err(),
            x.diagonal_scatter(&x, 0, 0, 1).unwrap_err(),
            block_diag(&[&zeros([1, 1, 1]).unwrap()]).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

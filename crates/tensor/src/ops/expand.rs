//! Repetition without a copy: broadcasting as a view, and grids of coordinates.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0], [2.0]]).expand([2, 3])?;
//! assert_eq!(x.to_string(), "tensor([[1., 1., 1.],\n        [2., 2., 2.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape, SharedLayout, broadcast};
use crate::tensor::Tensor;

struct Expand {
    input: SharedLayout,
}

impl Op for Expand {
    fn name(&self) -> &'static str {
        "Expand"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.sum_to_size(self.input.shape()))
    }
}

impl Tensor {
    /// Repeats along dimensions of size 1, and along new ones in front, without a copy. −1 keeps a size.
    ///
    /// # Errors
    /// If a size other than 1 would change.
    #[doc(alias = "torch.Tensor.expand")]
    #[doc(alias = "broadcast_to")]
    #[track_caller]
    pub fn expand(&self, shape: impl Ints) -> Result<Tensor> {
        let ints = shape.ints();
        let new = ints.len().saturating_sub(self.dim());
        let sizes = ints
            .iter()
            .enumerate()
            .map(|(d, &n)| match usize::try_from(n) {
                Ok(n) => Some(n),
                Err(_) if n == -1 && d >= new => self.shape().get(d - new).copied(),
                Err(_) => None,
            })
            .collect::<Option<Shape>>();
        let layout = match &sizes {
            Some(sizes) => {
                Layout::contiguous("expand", sizes)?;
                self.layout.expand(sizes)
            }
            None => None,
        };
        let Some(layout) = layout else {
            return Err(Error::shape(
                "expand",
                format!("shape {:?} cannot be repeated to {ints:?}", self.shape()),
            ));
        };
        if layout == *self.layout {
            return Ok(self.clone());
        }
        Ok(self.with_layout(layout).record(Expand { input: self.layout.clone() }, &[self]))
    }

    /// Repeats to the shape of another tensor.
    ///
    /// # Errors
    /// If a size other than 1 would change.
    #[doc(alias = "torch.Tensor.expand_as")]
    #[track_caller]
    pub fn expand_as(&self, other: &Tensor) -> Result<Tensor> {
        self.expand(other.shape())
    }
}

/// The common shape of all tensors: aligned at the back, each size equal or 1.
///
/// # Errors
/// If there is none.
///
/// ```
/// use tensor::{broadcast_shapes, zeros};
/// assert_eq!(broadcast_shapes(&[&[2, 1], &[3], &[]])?.as_slice(), [2, 3]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.broadcast_shapes")]
#[track_caller]
pub fn broadcast_shapes(shapes: &[&[usize]]) -> Result<Shape> {
    match shapes.iter().try_fold(Shape::new(), |common, shape| broadcast(&common, shape)) {
        Some(common) => Ok(common),
        None => Err(Error::shape("broadcast", format!("shapes {shapes:?} cannot be broadcast together"))),
    }
}

/// All tensors in their common shape, as views.
///
/// # Errors
/// If the shapes cannot be broadcast together.
#[doc(alias = "torch.broadcast_tensors")]
#[track_caller]
pub fn broadcast_tensors(tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    let shape = broadcast_shapes(&tensors.iter().map(|t| t.shape()).collect::<Vec<_>>())?;
    tensors.iter().map(|t| t.expand(&shape)).collect()
}

/// Which of the first two tensors of [`meshgrid`] runs along the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indexing {
    /// Matrix order: the result has the shape `(len 0, len 1, …)`.
    #[default]
    Ij,
    /// Cartesian order, as in a plot: the first two dimensions are exchanged.
    Xy,
}

/// The coordinates of a grid: for vectors of lengths n, m, … as many tensors of shape `(n, m, …)`, each of which
/// varies along its own dimension.
///
/// # Errors
/// If there is no tensor, one has more than one dimension, or types differ.
///
/// ```
/// use tensor::{Indexing, meshgrid, tensor};
/// let grid = meshgrid(&[&tensor([1, 2]), &tensor([3, 4, 5])], Indexing::Ij)?;
/// assert_eq!(grid[0].to_string(), "tensor([[1, 1, 1],\n        [2, 2, 2]])");
/// assert_eq!(grid[1].to_string(), "tensor([[3, 4, 5],\n        [3, 4, 5]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.meshgrid")]
#[track_caller]
pub fn meshgrid(tensors: &[&Tensor], indexing: Indexing) -> Result<Vec<Tensor>> {
    let Some(first) = tensors.first() else {
        return Err(Error::value("meshgrid", "there is no tensor in the list"));
    };
    if let Some(t) = tensors.iter().find(|t| t.dim() > 1 || t.dtype() != first.dtype()) {
        return Err(Error::shape(
            "meshgrid",
            format!(
                "expected vectors of type {}, found shape {:?} of type {}",
                first.dtype(),
                t.shape(),
                t.dtype()
            ),
        ));
    }
    let swap = indexing == Indexing::Xy && tensors.len() > 1;
    let mut shape: Shape = tensors.iter().map(|t| t.numel()).collect();
    let along = |i: usize| if swap && i < 2 { 1 - i } else { i };
    if swap {
        shape.swap(0, 1);
    }
    Layout::contiguous("meshgrid", &shape)?;
    let place = |(i, t): (usize, &&Tensor)| {
        let mut ones: Shape = shape.iter().map(|_| 1).collect();
        ones[along(i)] = t.numel();
        t.reshape(ones)?.expand(&shape)
    };
    tensors.iter().enumerate().map(place).collect()
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    let two = || vec![float64([0.4, -1.3]), float64([2.0, 0.1, 0.7])];
    vec![
        case("expand", |x| x[0].unsqueeze(1)?.expand([2, 4, 3])?.mul(&x[0].unsqueeze(1)?), x()),
        case(
            "broadcast_tensors",
            |x| {
                let both = broadcast_tensors(&[&x[0].unsqueeze(1)?, &x[1]])?;
                both[0].sin().mul(&both[1])
            },
            two(),
        ),
        case(
            "meshgrid",
            |x| {
                let grid = meshgrid(&[&x[0], &x[1]], Indexing::Xy)?;
                grid[0].sin().mul(&grid[1])
            },
            two(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Indexing, broadcast_shapes, meshgrid};
    use crate::{arange, tensor};

    #[test]
    fn a_grid_for_a_plot() {
        let (x, y) = (arange(0, 2, 1).unwrap(), arange(0, 3, 1).unwrap());
        let grid = meshgrid(&[&x, &y, &tensor(7)], Indexing::Xy).unwrap();
        assert_eq!(grid[0].shape(), [3, 2, 1]);
        assert_eq!(grid[0].to_vec::<i64>().unwrap(), [0, 1, 0, 1, 0, 1]);
        assert_eq!(grid[1].to_vec::<i64>().unwrap(), [0, 0, 1, 1, 2, 2]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            x.expand([3, 3]).unwrap_err(),
            x.expand([2]).unwrap_err(),
            x.expand([-1, 1, 2]).unwrap_err(),
            broadcast_shapes(&[&[2], &[1, 3]]).unwrap_err(),
            meshgrid(&[], Indexing::Ij).unwrap_err(),
            meshgrid(&[&x], Indexing::Ij).unwrap_err(),
            meshgrid(&[&tensor([1]), &tensor([1.0])], Indexing::Ij).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

//! The same numbers in the same order under another shape: views, which share memory and copy nothing.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 6, 1)?.reshape([2, -1])?;
//! assert_eq!(x.shape(), [2, 3]);
//! assert_eq!(x.unsqueeze(0)?.flatten(0, 1)?.shape(), [2, 3]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape, SharedLayout, normalize_dim, sizes};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};

/// A view whose gradient is the gradient, viewed back as the input's shape: reshape, squeeze, unsqueeze.
pub(crate) struct Reshape {
    name: &'static str,
    input: SharedLayout,
}

impl Reshape {
    /// The shape that the elements had before.
    pub(crate) fn shape(&self) -> &[usize] {
        self.input.shape()
    }
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.reshape(self.input.shape()))
    }
}

impl Tensor {
    /// The same elements in a new shape. One size may be −1: what is left. Copies only if the layout leaves no choice.
    ///
    /// # Errors
    /// If the number of elements differs.
    #[doc(alias = "torch.reshape")]
    #[track_caller]
    pub fn reshape(&self, shape: impl Ints) -> Result<Tensor> {
        let shape = fill_in("reshape", &shape.ints(), self.shape(), self.numel())?;
        let (name, out) = match self.layout.reshape(&shape) {
            Some(layout) => ("View", self.with_layout(layout)),
            None => {
                let layout = Layout::contiguous("reshape", &shape)?;
                ("UnsafeView", self.detach().contiguous().with_layout(layout))
            }
        };
        Ok(out.record(Reshape { name, input: self.layout.clone() }, &[self]))
    }

    /// In the shape of another tensor.
    ///
    /// # Errors
    /// If the number of elements differs.
    #[doc(alias = "torch.Tensor.reshape_as")]
    #[track_caller]
    pub fn reshape_as(&self, other: &Tensor) -> Result<Tensor> {
        self.reshape(other.shape())
    }

    /// All elements in a row: `(N)`.
    #[doc(alias = "torch.ravel")]
    #[track_caller]
    #[must_use]
    pub fn ravel(&self) -> Tensor {
        let row = dense(&[self.numel()]);
        let layout = self.layout.reshape(row.shape());
        let out = match layout {
            Some(layout) => self.with_layout(layout),
            None => Tensor { layout: row, ..self.detach().contiguous() },
        };
        out.record(Reshape { name: "View", input: self.layout.clone() }, &[self])
    }

    /// [`reshape`](Tensor::reshape), but never a copy.
    ///
    /// # Errors
    /// If the number of elements differs, or the layout needs a copy.
    #[doc(alias = "torch.Tensor.view")]
    #[track_caller]
    pub fn view(&self, shape: impl Ints) -> Result<Tensor> {
        let shape = fill_in("view", &shape.ints(), self.shape(), self.numel())?;
        let Some(layout) = self.layout.reshape(&shape) else {
            return Err(Error::shape(
                "view",
                format!(
                    "shape {:?} with strides {:?} cannot be seen as {shape:?} without a copy; use reshape",
                    self.shape(),
                    self.layout.strides()
                ),
            ));
        };
        Ok(self.with_layout(layout).record(Reshape { name: "View", input: self.layout.clone() }, &[self]))
    }

    /// [`view`](Tensor::view) in the shape of another tensor.
    ///
    /// # Errors
    /// If the number of elements differs, or the layout needs a copy.
    #[doc(alias = "torch.Tensor.view_as")]
    #[track_caller]
    pub fn view_as(&self, other: &Tensor) -> Result<Tensor> {
        self.view(other.shape())
    }

    /// Dimensions `start` to `end` (included) as one: `flatten(1, -1)` makes `(N, C, H, W)` to `(N, C·H·W)`.
    ///
    /// # Errors
    /// If there are no such dimensions, or `start` is behind `end`.
    #[doc(alias = "torch.flatten")]
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Result<Tensor> {
        let (start, end) = (self.layout.dim("flatten", start)?, self.layout.dim("flatten", end)?);
        if start > end {
            return Err(Error::dim("flatten", format!("start dimension {start} is behind end dimension {end}")));
        }
        if self.dim() == 0 {
            return self.reshape([1]);
        }
        let mut shape: Shape = self.shape()[..start].into();
        shape.push(self.shape()[start..=end].iter().product());
        shape.extend_from_slice(&self.shape()[end + 1..]);
        self.reshape(shape)
    }

    /// One dimension as several of these sizes, of which one may be −1: the reverse of [`flatten`](Tensor::flatten).
    ///
    /// # Errors
    /// If there is no such dimension, or the sizes do not multiply to its size.
    ///
    /// ```
    /// use tensor::zeros;
    /// assert_eq!(zeros([2, 6])?.unflatten(1, [3, -1])?.shape(), [2, 3, 2]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.unflatten")]
    #[track_caller]
    pub fn unflatten(&self, dim: isize, sizes: impl Ints) -> Result<Tensor> {
        let d = self.layout.dim("unflatten", dim)?;
        let sizes = sizes.ints();
        if sizes.is_empty() {
            return Err(Error::shape("unflatten", "the list of sizes must not be empty"));
        }
        let size = self.shape().get(d).copied().unwrap_or(1);
        let parts = fill_in("unflatten", &sizes, &self.shape()[d..(d + 1).min(self.dim())], size)?;
        let mut shape: Shape = self.shape()[..d].into();
        shape.extend(parts);
        shape.extend_from_slice(&self.shape()[(d + 1).min(self.dim())..]);
        self.reshape(shape)
    }

    /// A dimension of size 1 at `dim` of the result.
    ///
    /// # Errors
    /// If `dim` is not between −rank−1 and rank.
    #[doc(alias = "torch.unsqueeze")]
    #[track_caller]
    pub fn unsqueeze(&self, dim: isize) -> Result<Tensor> {
        let d = normalize_dim("unsqueeze", dim, self.dim() + 1)?;
        let out = self.with_layout(self.layout.unsqueeze(d));
        Ok(out.record(Reshape { name: "Unsqueeze", input: self.layout.clone() }, &[self]))
    }

    /// Without the dimensions of size 1.
    #[doc(alias = "torch.squeeze")]
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self) -> Tensor {
        self.without("Squeeze", |_| true)
    }

    /// Without these dimensions, as far as their size is 1.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[doc(alias = "torch.squeeze")]
    #[track_caller]
    pub fn squeeze_dim(&self, dims: impl Ints) -> Result<Tensor> {
        let dims = self.layout.dims("squeeze", dims)?;
        let name = if dims.len() == 1 { "SqueezeBackward1" } else { "SqueezeBackward2" };
        Ok(self.without(name, |d| dims.contains(&d)))
    }

    #[track_caller]
    fn without(&self, name: &'static str, drop: impl Fn(usize) -> bool) -> Tensor {
        let keep = |d: &usize| self.shape()[*d] != 1 || !drop(*d);
        let dims: Shape = (0..self.dim()).filter(keep).collect();
        let out = self.with_layout(self.layout.permute(&dims));
        out.record(Reshape { name, input: self.layout.clone() }, &[self])
    }

    /// With at least one dimension: a scalar becomes `(1)`.
    #[doc(alias = "torch.atleast_1d")]
    #[track_caller]
    #[must_use]
    pub fn atleast_1d(&self) -> Tensor {
        self.ones_around(1, |shape| shape.push(1))
    }

    /// With at least two dimensions: a vector becomes one row, `(1, n)`.
    #[doc(alias = "torch.atleast_2d")]
    #[track_caller]
    #[must_use]
    pub fn atleast_2d(&self) -> Tensor {
        self.ones_around(2, |shape| shape.insert(0, 1))
    }

    /// With at least three dimensions: a vector becomes `(1, n, 1)`, a matrix `(n, m, 1)`.
    #[doc(alias = "torch.atleast_3d")]
    #[track_caller]
    #[must_use]
    pub fn atleast_3d(&self) -> Tensor {
        self.ones_around(3, |shape| shape.insert(if shape.len() == 1 { 0 } else { shape.len() }, 1))
    }

    /// With dimensions of size 1, as `add` adds them, up to `rank` dimensions.
    #[track_caller]
    fn ones_around(&self, rank: usize, add: impl Fn(&mut Shape)) -> Tensor {
        if self.dim() >= rank {
            return self.clone();
        }
        let mut shape: Shape = self.shape().into();
        while shape.len() < rank {
            add(&mut shape);
        }
        // Ones never ask for a copy.
        match self.layout.reshape(&shape) {
            Some(layout) => {
                let op = Reshape { name: "Unsqueeze", input: self.layout.clone() };
                self.with_layout(layout).record(op, &[self])
            }
            None => self.clone(),
        }
    }

    /// In row-major order without gaps: itself, if it is so already, else a copy.
    #[track_caller]
    #[must_use]
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() {
            return self.clone();
        }
        let out = with_element!(self.dtype(), T => {
            Tensor::new(Buffer::<T>::from(self.values::<T>().into_owned()), dense(self.shape()))
        });
        out.record(Reshape { name: "Clone", input: self.layout.clone() }, &[self])
    }
}

/// The sizes of a reshape of `numel` elements, with −1 filled in.
#[track_caller]
fn fill_in(op: &'static str, ints: &[i64], from: &[usize], numel: usize) -> Result<Shape> {
    let free = ints.iter().filter(|&&n| n == -1).count();
    if free > 1 {
        return Err(Error::shape(op, format!("only one size can be -1, found {ints:?}")));
    }
    let known =
        ints.iter().filter(|&&n| n != -1).try_fold(1usize, |p, &n| p.checked_mul(usize::try_from(n).ok()?));
    match known {
        Some(known) if free == 0 && known == numel => return sizes(op, ints),
        Some(known) if free == 1 && known > 0 && numel.is_multiple_of(known) => {
            let sizes = ints.iter().map(|&n| if n == -1 { numel / known } else { n as usize });
            return Ok(sizes.collect());
        }
        _ => {}
    }
    Err(Error::shape(op, format!("shape {from:?} ({numel} elements) cannot become {ints:?}")))
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("reshape", |x| Ok(x[0].reshape([3, -1])?.sin()), x()),
        case("reshape with a copy", |x| Ok(x[0].t()?.reshape(6)?.sin()), x()),
        case("ravel", |x| Ok(x[0].ravel().sin()), x()),
        case("ravel with a copy", |x| Ok(x[0].t()?.ravel().sin()), x()),
        case("flatten", |x| Ok(x[0].flatten(0, -1)?.sin()), x()),
        case("unflatten", |x| Ok(x[0].unflatten(1, [3, 1])?.sin()), x()),
        case("unsqueeze and squeeze", |x| Ok(x[0].unsqueeze(1)?.sin().squeeze()), x()),
        case("squeeze of one dimension", |x| x[0].unsqueeze(1)?.sin().squeeze_dim(1), x()),
        case("atleast_3d", |x| Ok(x[0].sin().atleast_3d()), x()),
        case("contiguous", |x| Ok(x[0].t()?.contiguous().sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, tensor, zeros};

    #[test]
    fn views_share_memory() {
        let x = arange(0, 6, 1).unwrap();
        let y = x.reshape([2, 3]).unwrap().t().unwrap();
        assert!(std::ptr::eq(x.raw::<i64>(), y.raw::<i64>()));
        assert_eq!(y.to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
        assert!(y.view(6).is_err());
        assert_eq!(y.ravel().to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn dimensions_around() {
        assert_eq!(tensor(1.0).atleast_1d().shape(), [1]);
        assert_eq!(tensor([1.0, 2.0]).atleast_2d().shape(), [1, 2]);
        assert_eq!(tensor(1.0).atleast_3d().shape(), [1, 1, 1]);
        assert_eq!(tensor([1.0, 2.0]).atleast_3d().shape(), [1, 2, 1]);
        assert_eq!(zeros([2, 3]).unwrap().atleast_3d().shape(), [2, 3, 1]);
    }

    #[test]
    fn bad_shapes_are_named() {
        let x = tensor([[1.0, 2.0]]);
        for error in [
            x.reshape([3]).unwrap_err(),
            x.reshape([-1, -1]).unwrap_err(),
            x.reshape([-1, 0]).unwrap_err(),
            x.flatten(1, 0).unwrap_err(),
            x.unflatten(1, [3, -1]).unwrap_err(),
            x.unsqueeze(3).unwrap_err(),
            x.squeeze_dim([0, -2]).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

//! The handle: what a [`Tensor`] is and what can be asked of it.

use crate::autograd::Node;
use crate::dtype::{DType, Element};
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Layout, SharedLayout, sizes};
use crate::storage::{Buffer, Storage, with_element};
use std::borrow::Cow;
use std::sync::Arc;

/// A multi-dimensional array of numbers that may remember how it was computed.
///
/// Cloning is cheap: the numbers are shared, and they never change. What trains is a
/// [`Parameter`](crate::Parameter).
///
/// ```
/// use tensor::tensor;
/// let x = tensor([[2.5, 0.3, -1.2]]);
/// assert_eq!(x.shape(), [1, 3]);
/// assert_eq!(x.to_string(), "tensor([[ 2.5000,  0.3000, -1.2000]])");
/// ```
#[derive(Clone)]
pub struct Tensor {
    pub(crate) storage: Storage,
    pub(crate) layout: SharedLayout,
    pub(crate) node: Option<Arc<Node>>,
}

const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Tensor>();
};

/// What a tensor is made of, how it is read.
impl Tensor {
    #[inline]
    pub(crate) fn new<T: Element>(buffer: Buffer<T>, layout: SharedLayout) -> Tensor {
        Tensor { storage: buffer.into(), layout, node: None }
    }

    /// A single number. The layout must be of one element.
    #[inline]
    pub(crate) fn one<T: Element>(number: T, layout: SharedLayout) -> Tensor {
        Tensor { storage: Storage::One(number.store_one()), layout, node: None }
    }

    /// From values in row-major order.
    ///
    /// # Errors
    /// If the shape does not have as many elements as there are values.
    ///
    /// ```
    /// use tensor::Tensor;
    /// let x = Tensor::from_vec(vec![1.0f32, 2.0, 3.0, 4.0], [2, 2])?;
    /// assert_eq!(x.to_string(), "tensor([[1., 2.],\n        [3., 4.]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn from_vec<T: Element>(values: Vec<T>, shape: impl Ints) -> Result<Tensor> {
        Self::from_buffer("from_vec", values.into(), shape)
    }

    /// From values in row-major order, in the shape of `like`: what an operation of your own returns.
    ///
    /// # Errors
    /// If `like` does not have as many elements as there are values.
    #[track_caller]
    #[inline]
    pub fn from_vec_like<T: Element>(values: Vec<T>, like: &Tensor) -> Result<Tensor> {
        if values.len() != like.numel() {
            return Self::from_vec(values, like.shape());
        }
        Ok(Tensor::new(values.into(), like.dense_layout()))
    }

    /// A tensor of the shape of `like`, whose elements `f` writes in row-major order; and what `f` returns. Before `f` has
    /// written them they have any value: their memory may come from an earlier tensor.
    ///
    /// ```
    /// use tensor::{Tensor, tensor};
    /// let x = tensor([1.0, 2.0, 3.0]);
    /// let (ones, count) = Tensor::write_like(&x, |out: &mut [f32]| {
    ///     out.fill(1.0);
    ///     out.len()
    /// });
    /// assert_eq!((ones.to_string().as_str(), count), ("tensor([1., 1., 1.])", 3));
    /// ```
    #[inline]
    pub fn write_like<T: Element, R>(like: &Tensor, f: impl FnOnce(&mut [T]) -> R) -> (Tensor, R) {
        let mut out = Buffer::unwritten(like.numel());
        let result = f(&mut out);
        (Tensor::new(out, like.dense_layout()), result)
    }

    /// As [`write_like`](Self::write_like), of a shape of its own.
    ///
    /// # Errors
    /// If there can be no tensor of that shape.
    #[track_caller]
    pub fn write<T: Element, R>(shape: impl Ints, f: impl FnOnce(&mut [T]) -> R) -> Result<(Tensor, R)> {
        let layout = Layout::contiguous("write", &sizes("write", shape)?)?;
        Buffer::<T>::check("write", layout.numel())?;
        let mut out = Buffer::unwritten(layout.numel());
        let result = f(&mut out);
        Ok((Tensor::new(out, layout.into()), result))
    }

    #[track_caller]
    pub(crate) fn from_buffer<T: Element>(
        op: &'static str,
        values: Buffer<T>,
        shape: impl Ints,
    ) -> Result<Tensor> {
        let layout = Layout::contiguous(op, &sizes(op, shape)?)?;
        if layout.numel() != values.len() {
            return Err(Error::shape(
                op,
                format!(
                    "shape {:?} has {} elements, but {} values were given",
                    layout.shape(),
                    layout.numel(),
                    values.len()
                ),
            ));
        }
        Ok(Tensor::new(values, layout.into()))
    }

    /// The sizes along the dimensions.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// The size of one dimension, counted from the back if negative.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[track_caller]
    pub fn size(&self, dim: isize) -> Result<usize> {
        let d = self.layout.dim("size", dim)?;
        self.shape().get(d).copied().ok_or_else(|| Error::dim_out_of_range("size", dim, 0)).at_caller()
    }

    /// The number of dimensions.
    #[doc(alias = "ndim")]
    #[inline]
    pub fn dim(&self) -> usize {
        self.layout.rank()
    }

    /// The number of elements.
    #[inline]
    pub fn numel(&self) -> usize {
        self.layout.numel()
    }

    /// The type of the elements.
    #[inline]
    pub fn dtype(&self) -> DType {
        self.storage.dtype()
    }

    /// Shape, strides and offset.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Whether the elements stand in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    /// The only element, as a float64 (exact for every type but int64 beyond 2⁵³, which is an error).
    ///
    /// # Errors
    /// If there is not exactly one element.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([0.5]).item()?, 0.5);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn item(&self) -> Result<f64> {
        if self.numel() != 1 {
            return Err(Error::shape(
                "item",
                format!("a tensor of shape {:?} is not one number; use to_vec", self.shape()),
            ));
        }
        let at = self.layout.offset();
        match self.storage.elements::<i64>() {
            Some(x) if x[at].unsigned_abs() > 1 << 53 => Err(Error::value(
                "item",
                format!("{} does not fit into a float64 exactly; use to_vec::<i64>()", x[at]),
            )),
            _ => Ok(with_element!(self.dtype(), T => self.raw::<T>()[at].to_f64())),
        }
    }

    /// The elements in row-major order.
    ///
    /// # Errors
    /// If they are of another type.
    #[doc(alias = "tolist")]
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        self.of_type::<T>("to_vec")?;
        Ok(self.values::<T>().into_owned())
    }

    /// The elements in row-major order, for a loop of your own: borrowed where they stand so in memory, copied where
    /// this is a transposed or expanded view.
    ///
    /// # Errors
    /// If they are of another type.
    ///
    /// ```
    /// use tensor::{Tensor, tensor};
    /// let x = tensor([1.0, -2.0, 3.0]);
    /// let positive = x.elements::<f32>()?.iter().filter(|&&x| x > 0.0).count();
    /// assert_eq!(positive, 2);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "data_ptr")]
    #[track_caller]
    #[inline]
    pub fn elements<T: Element>(&self) -> Result<Cow<'_, [T]>> {
        self.of_type::<T>("elements")?;
        Ok(self.values())
    }

    #[track_caller]
    #[inline]
    fn of_type<T: Element>(&self, op: &'static str) -> Result<()> {
        if self.dtype() == T::DTYPE {
            return Ok(());
        }
        Err(Error::dtype(
            op,
            format!("the elements are {}, not {}; convert with .to(DType::…)", self.dtype(), T::DTYPE),
        ))
    }

    /// The elements in row-major order: borrowed when they already stand so. The type must be right, or nothing
    /// comes back.
    #[inline]
    pub(crate) fn values<T: Element>(&self) -> Cow<'_, [T]> {
        let Some(all) = self.storage.elements::<T>() else {
            debug_assert!(false, "values of {} asked as {}", self.dtype(), T::DTYPE);
            return Cow::Borrowed(&[]);
        };
        let layout = &self.layout;
        if layout.is_contiguous() {
            let first = layout.offset().min(all.len());
            return Cow::Borrowed(&all[first..first + layout.numel()]);
        }
        let mut out = Vec::with_capacity(layout.numel());
        layout.rows(|first, stride, len| match stride {
            1 => out.extend_from_slice(&all[first..first + len]),
            0 => out.extend(std::iter::repeat_n(all[first], len)),
            _ => out.extend(all[first..].iter().step_by(stride).take(len)),
        });
        Cow::Owned(out)
    }

    /// The element, if there is just one, and of this type.
    #[inline]
    pub(crate) fn only<T: Element>(&self) -> Option<T> {
        let all = self.storage.elements::<T>().filter(|_| self.numel() == 1)?;
        all.get(self.layout.offset()).copied()
    }

    /// The whole buffer behind this tensor; element `i` of a contiguous one is at `offset + i`.
    pub(crate) fn raw<T: Element>(&self) -> &[T] {
        self.storage.elements().unwrap_or(&[])
    }

    /// The same numbers under another layout.
    #[inline]
    pub(crate) fn with_layout(&self, layout: Layout) -> Tensor {
        Tensor { storage: self.storage.clone(), layout: layout.into(), node: None }
    }

    /// Whether both are the same tensor: the same numbers in memory, seen the same way, at the same place in the graph. (A
    /// single number has no place of its own in memory: there the bits decide.)
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([1.0, 2.0]).requires_grad();
    /// assert!(x.is_same(&x.clone()));
    /// assert!(!x.is_same(&x.detach()) && !x.detach().is_same(&tensor([1.0, 2.0])));
    /// ```
    pub fn is_same(&self, other: &Tensor) -> bool {
        self.storage.is_same(&other.storage)
            && *self.layout == *other.layout
            && self.node.as_ref().map(|node| node.seq) == other.node.as_ref().map(|node| node.seq)
    }

    /// A layout of the same shape without gaps; the same one if it has none.
    #[inline]
    pub(crate) fn dense_layout(&self) -> SharedLayout {
        if self.is_contiguous() && self.layout.offset() == 0 {
            return self.layout.clone();
        }
        dense(self.shape())
    }
}

/// A layout without gaps for a shape that some tensor has already, so it cannot overflow.
pub(crate) fn dense(shape: &[usize]) -> SharedLayout {
    Layout::dense(shape).into()
}

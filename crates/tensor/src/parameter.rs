//! The one thing that changes: a tensor under training.
//!
//! A [`Tensor`] is a value and stays what it is. A [`Parameter`] is a place: an update puts a new value there, so a
//! graph, a snapshot or a view made before never sees it change, and a stale value in a gradient is impossible.

use crate::autograd::{Kept, Node};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::ops::arithmetic::accumulate;
use crate::tensor::Tensor;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A place for a trainable tensor and its gradient. Clones are the same place.
///
/// ```
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, 2.0]));
/// w.tensor().sum().backward()?;
/// assert_eq!(w.grad().unwrap().to_vec::<f32>()?, [1.0, 1.0]);
///
/// let before = w.tensor();
/// w.set(&tensor([3.0, 4.0]))?;
/// assert_eq!(before.to_vec::<f32>()?, [1.0, 2.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.Parameter")]
#[derive(Clone)]
pub struct Parameter(Arc<Inner>);

struct Inner {
    /// Outside of the graph.
    value: RwLock<Tensor>,
    leaf: Arc<Node>,
    frozen: AtomicBool,
}

impl Parameter {
    /// A place with a first value.
    #[track_caller]
    pub fn new(value: &Tensor) -> Self {
        let value = value.detach().contiguous();
        Parameter(Arc::new(Inner {
            value: RwLock::new(value),
            leaf: Node::leaf(),
            frozen: AtomicBool::new(false),
        }))
    }

    // No foreign code runs under these locks, so a poisoned one still holds a whole value.
    fn read(&self) -> RwLockReadGuard<'_, Tensor> {
        self.0.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tensor> {
        self.0.value.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Today's value, a leaf of the graph.
    #[inline]
    pub fn tensor(&self) -> Tensor {
        let node = self.needs_grad().then(|| Arc::clone(&self.0.leaf));
        Tensor { node, ..self.read().detach() }
    }

    /// The sizes.
    pub fn shape(&self) -> crate::layout::Shape {
        self.read().layout.shape().into()
    }

    /// The number of elements.
    pub fn numel(&self) -> usize {
        self.read().layout.numel()
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.read().storage.dtype()
    }

    /// Whether gradients are collected here. Also false for integers.
    pub fn needs_grad(&self) -> bool {
        !self.0.frozen.load(Ordering::Relaxed)
    }

    /// Freezes or unfreezes: a frozen parameter is a constant in graphs made from now on.
    #[doc(alias = "requires_grad_")]
    pub fn set_requires_grad(&self, on: bool) {
        self.0.frozen.store(!on, Ordering::Relaxed);
    }

    /// Puts a new value here. The gradient stays.
    ///
    /// # Errors
    /// If shape or type differ.
    #[track_caller]
    pub fn set(&self, value: &Tensor) -> Result<()> {
        let mut place = self.write();
        if place.layout.shape() != value.shape() || place.storage.dtype() != value.dtype() {
            return Err(Error::shape(
                "Parameter::set",
                format!(
                    "a parameter of shape {:?} and type {} cannot take a value of shape {:?} and type {}",
                    place.layout.shape(),
                    place.storage.dtype(),
                    value.shape(),
                    value.dtype()
                ),
            ));
        }
        *place = value.detach().contiguous();
        Ok(())
    }

    /// Converts the value to another type and forgets the gradient.
    pub fn to(&self, dtype: DType) {
        let mut place = self.write();
        *place = place.to(dtype);
        set_leaf_grad(&self.0.leaf, None);
    }

    /// Changes the numbers in place when nobody else holds them, else in a fresh copy: an optimizer's step.
    ///
    /// # Errors
    /// If the elements are not of type `T`.
    #[track_caller]
    pub fn update<T: Element>(&self, f: impl FnOnce(&mut [T])) -> Result<()> {
        let mut place = self.write();
        let numel = place.layout.numel();
        let first = place.layout.offset();
        let found = place.storage.dtype();
        let Some(buffer) = place.storage.own::<T>() else {
            return Err(Error::dtype(
                "Parameter::update",
                format!("the elements are {found}, not {}", T::DTYPE),
            ));
        };
        f(&mut buffer[first..first + numel]);
        Ok(())
    }

    /// Changes the numbers by the gradient, as [`update`](Parameter::update) does, and reads it where it lies. `false`,
    /// and nothing is called, if no gradient has been collected. `f` must not ask this parameter for anything: its
    /// value and its gradient are locked.
    ///
    /// ```
    /// use tensor::{Parameter, tensor};
    /// let w = Parameter::new(&tensor([1.0, 2.0]));
    /// (w.tensor() * 3.0).sum().backward()?;
    /// w.update_by_grad::<f32>(|w, grad| w.iter_mut().zip(grad).for_each(|(w, g)| *w -= 0.1 * g))?;
    /// assert_eq!(w.tensor().to_vec::<f32>()?, [0.7, 1.7]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the elements are not of type `T`.
    #[track_caller]
    pub fn update_by_grad<T: Element>(&self, f: impl FnOnce(&mut [T], &[T])) -> Result<bool> {
        let kept = self.0.leaf.kept();
        let Kept::Leaf(Some(grad)) = &*kept else { return Ok(false) };
        if grad.dtype() != T::DTYPE {
            return Err(Error::dtype(
                "Parameter::update_by_grad",
                format!("the gradient is {}, not {}", grad.dtype(), T::DTYPE),
            ));
        }
        self.update(|values| f(values, &grad.values::<T>()))?;
        Ok(true)
    }

    /// Changes the collected gradient in place when nobody else holds it, else in a fresh copy: for clipping. `false`,
    /// and nothing is called, if there is none. `f` must not ask this parameter for its gradient, which is locked.
    ///
    /// # Errors
    /// If the elements are not of type `T`.
    #[track_caller]
    pub fn update_grad<T: Element>(&self, f: impl FnOnce(&mut [T])) -> Result<bool> {
        let mut kept = self.0.leaf.kept();
        let Kept::Leaf(Some(grad)) = &mut *kept else { return Ok(false) };
        if !grad.is_contiguous() || grad.needs_grad() {
            *grad = grad.detach().contiguous();
        }
        let (first, numel, found) = (grad.layout.offset(), grad.numel(), grad.dtype());
        let Some(buffer) = grad.storage.own::<T>() else {
            return Err(Error::dtype(
                "Parameter::update_grad",
                format!("the elements are {found}, not {}", T::DTYPE),
            ));
        };
        f(&mut buffer[first..first + numel]);
        Ok(true)
    }

    /// Whether a gradient has been collected.
    pub fn has_grad(&self) -> bool {
        matches!(&*self.0.leaf.kept(), Kept::Leaf(Some(_)))
    }

    /// A number that no other place has.
    #[inline]
    pub fn id(&self) -> u64 {
        self.0.leaf.seq
    }

    /// The gradient that has been collected.
    pub fn grad(&self) -> Option<Tensor> {
        leaf_grad(&self.0.leaf)
    }

    /// Replaces the collected gradient, for clipping and for tests.
    ///
    /// # Errors
    /// If shape or type differ from the parameter's.
    #[track_caller]
    pub fn set_grad(&self, grad: Option<&Tensor>) -> Result<()> {
        if let Some(grad) = grad
            && (grad.shape() != self.shape().as_slice() || grad.dtype() != self.dtype())
        {
            return Err(Error::shape(
                "Parameter::set_grad",
                format!(
                    "a parameter of shape {:?} and type {} cannot have a gradient of shape {:?} and type {}",
                    self.shape(),
                    self.dtype(),
                    grad.shape(),
                    grad.dtype()
                ),
            ));
        }
        set_leaf_grad(&self.0.leaf, grad.cloned());
        Ok(())
    }

    /// Forgets the gradient.
    pub fn zero_grad(&self) {
        set_leaf_grad(&self.0.leaf, None);
    }

    /// Whether both are the same place.
    pub fn is_same(&self, other: &Parameter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// As PyTorch prints it: `Parameter containing:`, then the tensor.
impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter containing:\n{}", self.tensor())
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn leaf_grad(node: &Node) -> Option<Tensor> {
    if let Kept::Leaf(grad) = &*node.kept() { grad.clone() } else { None }
}

pub(crate) fn set_leaf_grad(node: &Node, new: Option<Tensor>) {
    let old = if let Kept::Leaf(grad) = &mut *node.kept() { std::mem::replace(grad, new) } else { None };
    drop(old); // a gradient may own a graph: let it go outside of the lock
}

/// Adds to what a leaf has collected, in place where nobody else holds the sum.
pub(crate) fn add_leaf_grad(node: &Node, mut grad: Tensor) -> Result<()> {
    // Nothing is added under the lock. A walk of another thread may put its gradient there meanwhile: that is added as well.
    loop {
        let mut sum = {
            let mut kept = node.kept();
            let Kept::Leaf(place) = &mut *kept else { return Ok(()) };
            let Some(sum) = place.take() else {
                *place = Some(grad);
                return Ok(());
            };
            sum
        };
        accumulate(&mut sum, grad)?;
        grad = sum;
    }
}

#[cfg(test)]
mod tests {
    use crate::literal::tensor;

    #[test]
    fn walks_of_several_threads_lose_no_gradient() {
        let x = tensor([1.0, 2.0, 3.0]).requires_grad();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| x.sum().backward().unwrap()));
            }
        });
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [2000.0; 3]);
    }
}

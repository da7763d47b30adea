//! Functions of your own that see a gradient as the walk passes, and may change it.
//!
//! ```
//! use tensor::tensor;
//!
//! let x = tensor([1.0, 2.0]).requires_grad();
//! let y = &x * 3.0;
//! let handle = y.register_hook(|grad| Ok(Some(grad * 2.0)))?;
//! y.sum().backward()?;
//! assert_eq!(x.grad().unwrap().to_string(), "tensor([6., 6.])");
//! handle.remove();
//! # Ok::<(), tensor::Error>(())
//! ```

use super::node::Node;
use crate::error::{AtCaller, Error, Result};
use crate::tensor::Tensor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

type Hook = Arc<dyn Fn(&Tensor) -> Result<Option<Tensor>> + Send + Sync>;

/// What a node carries for those who watch it.
#[derive(Default)]
pub(crate) struct Hooks {
    list: Vec<(u64, Hook)>,
    next: u64,
    /// Whether the gradient is kept, and what has been kept.
    retained: Option<Option<Tensor>>,
}

/// Takes a hook away again. Dropping it leaves the hook where it is.
#[must_use = "without its handle a hook cannot be removed"]
pub struct HookHandle {
    node: Weak<Node>,
    number: u64,
}

impl HookHandle {
    /// The hook is called no more.
    pub fn remove(self) {
        if let Some(node) = self.node.upgrade()
            && let Some(hooks) = node.hooks.get()
        {
            lock(hooks).list.retain(|(number, _)| *number != self.number);
        }
    }
}

impl Tensor {
    /// Lets `hook` see the gradient of this tensor whenever a walk has completed it. What it returns, if it returns
    /// something, takes the gradient's place. Hooks run in the order in which they were registered.
    ///
    /// # Errors
    /// If this tensor is not part of a graph. An error of the hook, or a gradient of another shape or type, is one of
    /// the walk.
    #[track_caller]
    pub fn register_hook(
        &self,
        hook: impl Fn(&Tensor) -> Result<Option<Tensor>> + Send + Sync + 'static,
    ) -> Result<HookHandle> {
        let node = self.watched("register_hook")?;
        let mut hooks = lock(node.hooks.get_or_init(Box::default));
        let number = hooks.next;
        hooks.next += 1;
        hooks.list.push((number, Arc::new(hook)));
        Ok(HookHandle { node: Arc::downgrade(node), number })
    }

    /// Keeps the gradient of this tensor for [`grad`](Tensor::grad), though it is no leaf.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([1.0, 2.0]).requires_grad();
    /// let y = x.square();
    /// y.retain_grad()?;
    /// (&y * 3.0).sum().backward()?;
    /// assert_eq!(y.grad().unwrap().to_string(), "tensor([3., 3.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If this tensor is not part of a graph.
    #[track_caller]
    pub fn retain_grad(&self) -> Result<()> {
        let node = self.watched("retain_grad")?;
        if !node.is_leaf() {
            lock(node.hooks.get_or_init(Box::default)).retained.get_or_insert(None);
        }
        Ok(())
    }

    #[track_caller]
    fn watched(&self, op: &'static str) -> Result<&Arc<Node>> {
        self.node().ok_or_else(|| {
            Error::graph(
                op,
                "this tensor has no gradient: make it, or what it is computed from, with .requires_grad()",
            )
        }).at_caller()
    }
}

/// Hooks are called outside of this lock, which therefore always holds a whole list.
fn lock(hooks: &Mutex<Hooks>) -> MutexGuard<'_, Hooks> {
    hooks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The gradient after all hooks of its node.
pub(crate) fn run(hooks: &Mutex<Hooks>, mut grad: Tensor) -> Result<Tensor> {
    let list = lock(hooks).list.clone();
    for (_, hook) in list {
        let Some(new) = hook(&grad)? else { continue };
        if new.shape() != grad.shape() || new.dtype() != grad.dtype() {
            return Err(Error::shape(
                "register_hook",
                format!(
                    "the hook returned {} of shape {:?} for a gradient of {} of shape {:?}",
                    new.dtype(),
                    new.shape(),
                    grad.dtype(),
                    grad.shape()
                ),
            ));
        }
        grad = new;
    }
    let before = match &mut lock(hooks).retained {
        Some(kept) => kept.take(),
        None => return Ok(grad),
    };
    let sum = match before {
        Some(before) => before.add(&grad)?,
        None => grad.clone(),
    };
    lock(hooks).retained = Some(Some(sum));
    Ok(grad)
}

/// The gradient that has been kept for a tensor that is no leaf.
pub(crate) fn retained(node: &Node) -> Option<Tensor> {
    lock(node.hooks.get()?).retained.clone().flatten()
}

/// Forgets it.
pub(crate) fn forget(node: &Node) {
    if let Some(hooks) = node.hooks.get() {
        let old = lock(hooks).retained.as_mut().and_then(Option::take);
        drop(old); // outside of the lock: a gradient may own a graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::grad;
    use crate::literal::tensor;
    use crate::parameter::Parameter;

    #[test]
    fn a_hook_sees_the_whole_gradient_once() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let x = tensor([1.0]).requires_grad();
        let y = &x * 2.0;
        let list = Arc::clone(&seen);
        let handle = y
            .register_hook(move |grad| {
                list.lock().unwrap().push(grad.item()?);
                Ok(None)
            })
            .unwrap();
        // y is used three times.
        let z = (&y + &y + y.square()).sum();
        z.backward_options().retain_graph().run().unwrap();
        assert_eq!(*seen.lock().unwrap(), [6.0]);
        handle.remove();
        z.backward().unwrap();
        assert_eq!(seen.lock().unwrap().len(), 1);
    }

    #[test]
    fn hooks_of_a_leaf_change_what_it_collects() {
        let w = Parameter::new(&tensor([1.0, 1.0]));
        let _first = w.tensor().register_hook(|g| Ok(Some(g * 10.0))).unwrap();
        let _second = w.tensor().register_hook(|g| Ok(Some(g + 1.0))).unwrap();
        w.tensor().sum().backward().unwrap();
        w.tensor().sum().backward().unwrap();
        assert_eq!(w.grad().unwrap().to_vec::<f32>().unwrap(), [22.0, 22.0]);
    }

    #[test]
    fn what_grad_returns_has_passed_the_hooks_and_can_be_differentiated() {
        let x = tensor([3.0]).requires_grad();
        let _handle = x.register_hook(|g| Ok(Some(g.square()))).unwrap();
        let first = &grad(&x.square().sum(), &[&x]).unwrap()[0]; // (2x)²
        assert_eq!(first.to_vec::<f32>().unwrap(), [36.0]);
        let y = tensor([3.0]).requires_grad();
        let z = &y * 1.0;
        let handle = z.register_hook(|g| Ok(Some(g.square()))).unwrap();
        let first = &grad(&z.square().sum(), &[&y]).unwrap()[0]; // (2y)², whose derivative is 8y
        handle.remove(); // or it would see that derivative too
        assert_eq!(grad(&first.sum(), &[&y]).unwrap()[0].to_vec::<f32>().unwrap(), [24.0]);
    }

    #[test]
    fn mistakes_are_errors() {
        assert!(tensor([1.0]).register_hook(|_| Ok(None)).is_err());
        assert!(tensor([1.0]).retain_grad().is_err());
        let x = tensor([1.0, 2.0]).requires_grad();
        let y = &x * 2.0;
        let handle = y.register_hook(|g| Ok(Some(g.sum()))).unwrap();
        let message = y.sum().backward().unwrap_err().to_string();
        assert!(message.contains("returned float32 of shape []"), "{message}");
        handle.remove();
        let _handle = y.register_hook(|_| Err(Error::value("mine", "on purpose"))).unwrap();
        assert!(y.sum().backward().unwrap_err().to_string().contains("on purpose"));
        assert!(x.grad().is_none(), "nothing is collected when the walk fails");
    }

    #[test]
    fn a_kept_gradient_adds_up_until_it_is_forgotten() {
        let x = tensor([1.0]).requires_grad();
        let y = &x * 2.0;
        y.retain_grad().unwrap();
        assert!(y.grad().is_none());
        let z = y.square().sum();
        for _ in 0..2 {
            z.backward_options().retain_graph().run().unwrap();
        }
        assert_eq!(y.grad().unwrap().to_vec::<f32>().unwrap(), [8.0]);
        y.zero_grad();
        assert!(y.grad().is_none());
    }
}

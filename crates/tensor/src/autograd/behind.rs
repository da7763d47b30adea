//! What lies behind a value: the one question that a criterion asks of the graph.
//!
//! A sigmoid in float32 is 1 from 17 on. A loss of the probability alone then sends a gradient of 0 to the logit; a loss
//! that sees what lies behind the probability can send the right one.

use super::node::{Ctx, Node};
use crate::ops::shape::Reshape;
use crate::ops::unary::{Sigmoid, Unary};
use crate::tensor::Tensor;
use std::sync::Arc;

/// The node that made the elements, if this one only views them in another shape; and the shape that they had.
fn made<'a>(mut node: &'a Arc<Node>, mut shape: &'a [usize]) -> (&'a Arc<Node>, &'a [usize]) {
    while let (Some(view), [Some(input)]) = (node.op().downcast_ref::<Reshape>(), node.inputs.as_slice()) {
        (node, shape) = (input, view.shape());
    }
    (node, shape)
}

impl Tensor {
    /// If this is a sigmoid, maybe viewed in another shape, of something that needs a gradient: a tensor of the same
    /// values and shape as this one, whose gradient goes to the argument of the sigmoid, past the sigmoid.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([100.0]).requires_grad();
    /// let p = x.sigmoid();
    /// p.sum().backward()?;
    /// assert_eq!(x.grad().unwrap().item()?, 0.0);
    ///
    /// x.zero_grad();
    /// p.behind_sigmoid().unwrap().sum().backward()?;
    /// assert_eq!(x.grad().unwrap().item()?, 1.0);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    #[must_use]
    pub fn behind_sigmoid(&self) -> Option<Tensor> {
        let (node, shape) = made(self.node()?, self.shape());
        node.op().downcast_ref::<Unary<Sigmoid>>()?;
        let argument = node.inputs.first()?.clone();
        if shape == self.shape() {
            return Some(Tensor { node: argument, ..self.detach() });
        }
        let values = self.detach().reshape(shape).ok()?;
        Tensor { node: argument, ..values }.reshape(self.shape()).ok()
    }
}

impl Ctx<'_> {
    /// Whether the gradient of input `i`, or of what it is another shape of, was itself asked for, by
    /// [`grad`](crate::grad) or by a [hook](Tensor::register_hook), so that it must not be led past it.
    pub fn asked(&self, i: usize) -> bool {
        let Some(mut node) = self.node.inputs[i].as_ref() else { return false };
        let (last, _) = made(node, &[]);
        loop {
            if node.hooks.get().is_some() || self.targets.is_some_and(|asked| asked(node)) {
                return true;
            }
            match node.inputs.as_slice() {
                [Some(input)] if node.seq != last.seq => node = input,
                _ => return false,
            }
        }
    }
}

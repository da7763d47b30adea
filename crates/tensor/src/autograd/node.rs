//! A node of the graph, and what an operation has to say about itself.

use super::checkpoint::Later;
use super::hooks::Hooks;
use super::mode::{ANOMALY, CHECKPOINT, Mode};
use super::number::number;
use super::{anomaly, checkpoint, hooks};
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use crate::{is_grad_enabled, parameter};
use smallvec::SmallVec;
use std::any::Any;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Gradients for the inputs of an operation, in their order; `None` where none flows.
pub type Grads = SmallVec<[Option<Tensor>; 3]>;

/// Which values an operation needs in its backward. Frugality here is memory saved everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The gradient alone is enough (add, sum, views).
    Nothing,
    /// The inputs (mul, matmul).
    Inputs,
    /// The output (sigmoid, exp, softmax).
    Output,
    /// Both.
    All,
}

/// A differentiable operation, as the graph remembers it: also the way to write one of your own.
///
/// `backward` is written in tensor operations, so it can itself be differentiated. Where speed asks for it, an
/// operation may take a fused path when `!is_grad_enabled()`, that is when nobody will differentiate the gradient.
///
/// ```
/// use tensor::{Ctx, Grads, Keep, Op, Result, Tensor, tensor};
///
/// /// x³
/// struct Cube;
/// impl Op for Cube {
///     fn name(&self) -> &'static str {
///         "Cube"
///     }
///     fn keep(&self) -> Keep {
///         Keep::Inputs
///     }
///     fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
///         ctx.grads(|_| (ctx.input(0)?.square() * 3.0).mul(grad))
///     }
/// }
/// fn cube(x: &Tensor) -> Tensor {
///     let y = tensor::no_grad(|| x * x * x);
///     y.record(Cube, &[x])
/// }
///
/// let x = tensor([2.0]).requires_grad();
/// cube(&x).sum().backward()?;
/// assert_eq!(x.grad().unwrap().to_vec::<f32>()?, [12.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
pub trait Op: Any + Send + Sync {
    /// As PyTorch prints it: `grad_fn=<NameBackward0>`.
    fn name(&self) -> &'static str;

    /// Which values `backward` will ask for.
    fn keep(&self) -> Keep {
        Keep::All
    }

    /// The gradients of the inputs from the gradient of the output, which has the output's shape and type.
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads>;

    /// Whether the gradient goes on to every input as it is, as that of a sum does: then `backward` need not be asked.
    #[doc(hidden)]
    fn passes_on(&self) -> bool {
        false
    }

    /// Adds the gradient of the only input to what has reached it from elsewhere, where that takes less than to make one of
    /// its own, as for a slice, whose gradient is zero nearly everywhere. If it has not been done, `sum` is as it was.
    #[doc(hidden)]
    fn add_backward(&self, _grad: &Tensor, _sum: &mut Tensor) -> bool {
        false
    }

    /// The struct's path, by which the tests find out which operations have been checked.
    #[doc(hidden)]
    fn type_name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

/// What a node holds until the walk has passed it.
pub(crate) enum Kept {
    /// Values for `backward`, outside of the graph.
    Values { inputs: Each<Tensor>, output: Option<Tensor> },
    /// The same, to be had by running a part of the forward pass again.
    Later(Later),
    /// The walk has been here, and nobody asked to retain the graph.
    Released,
    /// A leaf: its gradient, accumulated over walks.
    Leaf(Option<Tensor>),
}

/// Something of each input. Most operations have at most three, as a linear layer has.
pub(crate) type Each<T> = SmallVec<[T; 3]>;

/// Where the inputs of a node came from; `None` for an input outside of the graph.
pub(crate) type Sources = Each<Option<Arc<Node>>>;

/// One operation that was carried out: the operation, where its inputs came from, and the line that asked for it.
pub struct Node<O: ?Sized = dyn Op> {
    /// Creation order. An input is always older than its result.
    pub(crate) seq: u64,
    pub(crate) at: &'static Location<'static>,
    pub(crate) inputs: Sources,
    kept: Mutex<Kept>,
    pub(crate) hooks: OnceLock<Box<Mutex<Hooks>>>,
    pub(crate) op: O,
}

/// A tensor that collects gradients.
struct Leaf;

impl Op for Leaf {
    fn name(&self) -> &'static str {
        "AccumulateGrad"
    }
    fn backward(&self, _: &Ctx<'_>, _: &Tensor) -> Result<Grads> {
        Ok(Grads::new())
    }
}

impl Node {
    #[track_caller]
    #[inline]
    fn new<O: Op>(op: O, seq: u64, inputs: Sources, kept: Mutex<Kept>) -> Arc<Node> {
        Arc::new(Node { seq, at: Location::caller(), inputs, kept, hooks: OnceLock::new(), op })
    }

    #[track_caller]
    pub(crate) fn leaf() -> Arc<Node> {
        Node::new(Leaf, number(&[]), Each::new(), Mutex::new(Kept::Leaf(None)))
    }

    /// The operation's name, such as `Sigmoid`.
    pub fn name(&self) -> &'static str {
        self.op.name()
    }

    /// The line of the user's code that made this node.
    pub fn location(&self) -> &'static Location<'static> {
        self.at
    }

    /// The nodes that the inputs came from; `None` for an input outside of the graph.
    pub fn inputs(&self) -> impl Iterator<Item = Option<&Arc<Node>>> {
        self.inputs.iter().map(Option::as_ref)
    }

    /// The operation itself, to be looked at through `downcast_ref`.
    pub fn op(&self) -> &dyn Any {
        &self.op
    }

    #[doc(hidden)]
    pub fn type_name(&self) -> &'static str {
        self.op.type_name()
    }

    pub(crate) fn is_leaf(&self) -> bool {
        self.inputs.is_empty()
    }

    /// A lock that is only ever held for moving values, never while foreign code runs, so it cannot be poisoned
    /// half-way.
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Unlinks ancestors in a loop: a chain of a million nodes must not become a million nested calls.
impl<O: ?Sized> Drop for Node<O> {
    fn drop(&mut self) {
        unlink(&mut self.inputs);
    }
}

fn unlink(inputs: &mut Sources) {
    let mut orphans: SmallVec<[Arc<Node>; 4]> = SmallVec::new();
    take_last(inputs, &mut orphans);
    while let Some(mut node) = orphans.pop() {
        if let Some(node) = Arc::get_mut(&mut node) {
            take_last(&mut node.inputs, &mut orphans);
        }
    }
}

/// Moves the nodes that nobody else holds to `orphans`. The others are let go where they are: that only counts down, and
/// it costs a third of asking for the sole right to them.
#[inline]
fn take_last(inputs: &mut Sources, orphans: &mut SmallVec<[Arc<Node>; 4]>) {
    for input in inputs {
        if input.as_ref().is_some_and(|node| Arc::strong_count(node) == 1) {
            orphans.extend(input.take());
        }
    }
}

/// `f` of each input.
#[inline(always)]
fn of_each<T>(inputs: &[&Tensor], f: impl Fn(&Tensor) -> T) -> Each<T> {
    let mut each = Each::new();
    // A collection would look for more room at every step.
    match *inputs {
        [x] => each.push(f(x)),
        [x, y] => {
            each.push(f(x));
            each.push(f(y));
        }
        _ => each.extend(inputs.iter().map(|t| f(t))),
    }
    each
}

/// What an operation's `backward` may look at.
pub struct Ctx<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) inputs: &'a [Tensor],
    pub(crate) output: Option<&'a Tensor>,
    /// Set when only some inputs lead to what [`grad`](crate::grad) was asked for.
    pub(crate) useful: Option<&'a (dyn Fn(&Node) -> bool + 'a)>,
    /// The same, for these inputs themselves.
    pub(crate) targets: Option<&'a (dyn Fn(&Node) -> bool + 'a)>,
}

impl Ctx<'_> {
    /// Whether anybody wants the gradient of input `i`.
    #[inline]
    pub fn wants(&self, i: usize) -> bool {
        match (&self.node.inputs[i], self.useful) {
            (None, _) => false,
            (Some(node), Some(useful)) => useful(node),
            (Some(_), None) => true,
        }
    }

    /// Input `i`, if the operation [keeps](Op::keep) it: a part of the graph again, when the gradient is to be
    /// differentiated.
    ///
    /// # Errors
    /// If the operation did not keep its inputs.
    pub fn input(&self, i: usize) -> Result<Tensor> {
        let value = self.input_value(i)?;
        Ok(Tensor {
            node: if is_grad_enabled() { self.node.inputs[i].clone() } else { None },
            ..value.clone()
        })
    }

    /// The value of input `i`, if the operation [keeps](Op::keep) it, outside of the graph: for a fused path, which then need
    /// not hold a tensor of its own.
    ///
    /// # Errors
    /// If the operation did not keep its inputs.
    #[inline]
    pub fn input_value(&self, i: usize) -> Result<&Tensor> {
        self.inputs.get(i).ok_or_else(|| self.not_kept("inputs"))
    }

    /// The output, if the operation keeps it.
    ///
    /// # Errors
    /// If the operation did not keep its output.
    pub fn output(&self) -> Result<Tensor> {
        let value = self.output_value()?;
        Ok(Tensor { node: is_grad_enabled().then(|| Arc::clone(self.node)), ..value.clone() })
    }

    /// The value of the output, if the operation keeps it, outside of the graph.
    ///
    /// # Errors
    /// If the operation did not keep its output.
    #[inline]
    pub fn output_value(&self) -> Result<&Tensor> {
        self.output.ok_or_else(|| self.not_kept("output"))
    }

    /// Asks `f` for the gradient of each wanted input.
    ///
    /// # Errors
    /// Those of `f`.
    #[inline]
    pub fn grads(&self, mut f: impl FnMut(usize) -> Result<Tensor>) -> Result<Grads> {
        self.each_wanted(&mut f)
    }

    fn each_wanted(&self, f: &mut dyn FnMut(usize) -> Result<Tensor>) -> Result<Grads> {
        let mut grads = Grads::new();
        for i in 0..self.node.inputs.len() {
            grads.push(if self.wants(i) { Some(f(i)?) } else { None });
        }
        Ok(grads)
    }

    #[cold]
    fn not_kept(&self, what: &str) -> Error {
        Error::graph(self.node.name(), format!("backward asks for its {what}, but `keep` does not name them"))
    }
}

impl Tensor {
    /// Makes this value the result of `op` on `inputs` in the graph. Nothing is recorded inside of
    /// [`no_grad`](crate::no_grad), if no input needs a gradient, or if the value is not floating point.
    #[track_caller]
    #[inline]
    pub fn record<O: Op>(mut self, op: O, inputs: &[&Tensor]) -> Tensor {
        let mode = Mode::now();
        if !self.is_recorded(mode, inputs) {
            return self;
        }
        let kept = match op.keep() {
            Keep::Nothing => Mutex::new(Kept::Values { inputs: Each::new(), output: None }),
            keep => self.remember(keep, inputs),
        };
        let node: Arc<Node> = Node::new(op, number(inputs), of_each(inputs, |t| t.node.clone()), kept);
        if mode.is_watched() {
            self.watched_record(mode, &node, inputs);
        }
        self.node = Some(node);
        self
    }

    /// Whether the graph takes notice of a result of these inputs.
    #[inline]
    fn is_recorded(&self, mode: Mode, inputs: &[&Tensor]) -> bool {
        inputs.iter().any(|t| t.node.is_some()) && mode.is_recording() && self.dtype().is_float()
    }

    /// What a node holds of its inputs and its output. Compiled once, and not for each operation. It comes with its lock: to
    /// put one around it later would move all of it to odd addresses, which takes longer than to write it.
    fn remember(&self, keep: Keep, inputs: &[&Tensor]) -> Mutex<Kept> {
        Mutex::new(Kept::Values {
            inputs: match keep {
                Keep::Inputs | Keep::All => of_each(inputs, Tensor::detach),
                Keep::Nothing | Keep::Output => Each::new(),
            },
            output: matches!(keep, Keep::Output | Keep::All).then(|| self.detach()),
        })
    }

    #[cold]
    fn watched_record(&self, mode: Mode, node: &Arc<Node>, inputs: &[&Tensor]) {
        if mode.has(ANOMALY) {
            anomaly::recorded(node, self, inputs);
        }
        if mode.has(CHECKPOINT) {
            checkpoint::recorded(node);
        }
    }

    /// The node of the graph that made this tensor, or that collects its gradient.
    pub fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }

    /// This value as a new leaf, whose gradient [`backward`](Tensor::backward) collects. Integers and bools have no
    /// gradient; they stay constants.
    #[doc(alias = "requires_grad_")]
    #[track_caller]
    #[must_use]
    pub fn requires_grad(mut self) -> Tensor {
        self.node = self.dtype().is_float().then(Node::leaf);
        self
    }

    /// Whether a gradient flows to or through this tensor.
    #[doc(alias = "requires_grad")]
    #[inline]
    pub fn needs_grad(&self) -> bool {
        self.node.is_some()
    }

    /// Whether this tensor was not computed from others in the graph.
    pub fn is_leaf(&self) -> bool {
        self.node.as_ref().is_none_or(|n| n.is_leaf())
    }

    /// The gradient that [`backward`](Tensor::backward) has collected in this leaf. `None` before the first walk, and
    /// for a tensor that is no leaf, unless [`retain_grad`](Tensor::retain_grad) was asked for.
    pub fn grad(&self) -> Option<Tensor> {
        let node = self.node.as_deref()?;
        parameter::leaf_grad(node).or_else(|| hooks::retained(node))
    }

    /// Forgets the collected gradient.
    pub fn zero_grad(&self) {
        if let Some(node) = &self.node {
            parameter::set_leaf_grad(node, None);
            hooks::forget(node);
        }
    }

    /// The same value outside of the graph.
    #[must_use]
    pub fn detach(&self) -> Tensor {
        Tensor { storage: self.storage.clone(), layout: self.layout.clone(), node: None }
    }
}

//! The walk back: from the newest node to the oldest.
//!
//! A node waits until its newest consumers are done; the newest waiting node is always complete, because whatever uses
//! it is newer still.

use super::mode::recording;
use super::node::{Ctx, Kept, Node};
use super::pending::Pending;
use super::{anomaly, hooks};
use crate::error::{AtCaller, Error, Result};
use crate::parameter::add_leaf_grad;
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::Location;
use std::sync::Arc;

/// Options of a walk; made by [`Tensor::backward_options`].
#[must_use = "nothing happens before .run()"]
pub struct Backward<'a> {
    root: &'a Tensor,
    grad: Option<&'a Tensor>,
    retain_graph: bool,
    create_graph: bool,
}

impl<'a> Backward<'a> {
    /// The gradient of the root; needed where it is not a scalar.
    pub fn grad(mut self, grad: &'a Tensor) -> Self {
        self.grad = Some(grad);
        self
    }

    /// Keeps the values in the graph, so that it can be walked again.
    pub fn retain_graph(mut self) -> Self {
        self.retain_graph = true;
        self
    }

    /// Makes the collected gradients parts of a graph. Keeps the values too.
    pub fn create_graph(mut self) -> Self {
        self.create_graph = true;
        self
    }

    /// Walks.
    ///
    /// # Errors
    /// As [`Tensor::backward`].
    #[track_caller]
    pub fn run(self) -> Result<()> {
        self.collect(None)
    }

    /// Walks, and hands over the gradient of each leaf as soon as nothing more will be added to it, while the rest of the
    /// walk is still to come: to send it elsewhere meanwhile. `take` is called once for each leaf, with the
    /// [`id`](crate::Parameter::id) of a parameter and the gradient; where it answers `true`, the leaf collects nothing.
    ///
    /// ```
    /// use tensor::{Parameter, tensor};
    /// let w = Parameter::new(&tensor([1.0, 2.0]));
    /// let mut taken = Vec::new();
    /// (w.tensor() * 3.0).sum().backward_options().run_with(&mut |id, grad| {
    ///     taken.push((id, grad.to_vec::<f32>()?));
    ///     Ok(true)
    /// })?;
    /// assert_eq!(taken, [(w.id(), vec![3.0, 3.0])]);
    /// assert!(w.grad().is_none());
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Backward::run), and those of `take`, which end the walk.
    #[track_caller]
    pub fn run_with(self, take: Take<'_>) -> Result<()> {
        self.collect(Some(take))
    }

    #[track_caller]
    fn collect(self, mut take: Option<Take<'_>>) -> Result<()> {
        let (root, seed) = start("backward", self.root, self.grad)?;
        let retain = self.retain_graph || self.create_graph;
        let early = take.is_some().then(|| completed_by(&root));
        // Collected only when the whole walk has gone well.
        let mut leaves: SmallVec<[_; 4]> = SmallVec::new();
        walk([(root, seed)], retain, self.create_graph, None, early.as_ref(), true, |node, grad| {
            let taken = match &mut take {
                Some(take) => take(node.seq, &grad)?,
                None => false,
            };
            if !taken {
                leaves.push((node, grad));
            }
            Ok(())
        })?;
        recording(self.create_graph, || {
            leaves.drain(..).try_for_each(|(node, grad)| add_leaf_grad(&node, grad))
        })
    }
}

/// What takes the gradients of leaves, by their numbers.
type Take<'a> = &'a mut dyn FnMut(u64, &Tensor) -> Result<bool>;

/// Leaves, by the node after whose backward nothing is added to them any more: the oldest of those that use them.
type Completed = HashMap<u64, Vec<u64>>;

/// A leaf is older than all that was computed since the model was made, so that without this the walk would come to it
/// last.
fn completed_by(root: &Arc<Node>) -> Completed {
    let mut oldest: HashMap<u64, u64> = HashMap::new();
    let mut seen = HashSet::from([root.seq]);
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        for input in node.inputs.iter().flatten() {
            if input.is_leaf() {
                oldest.entry(input.seq).and_modify(|first| *first = node.seq.min(*first)).or_insert(node.seq);
            } else if seen.insert(input.seq) {
                stack.push(input);
            }
        }
    }
    let mut completed = Completed::new();
    for (leaf, by) in oldest {
        completed.entry(by).or_default().push(leaf);
    }
    // Newest first, as everywhere in a walk: the order must not depend on how a table is laid out.
    completed.values_mut().for_each(|leaves| leaves.sort_unstable_by(|a, b| b.cmp(a)));
    completed
}

impl Tensor {
    /// Computes the gradient of this scalar with respect to every leaf it was computed from, and adds it to what
    /// the leaf has collected. The values held for the walk are released on the way.
    ///
    /// # Errors
    /// If this is not a scalar, if nothing in it needs a gradient, or if the graph has been walked before.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([3.0]).requires_grad();
    /// (&x * &x).sum().backward()?;
    /// assert_eq!(x.grad().unwrap().to_string(), "tensor([6.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[track_caller]
    pub fn backward(&self) -> Result<()> {
        self.backward_options().run()
    }

    /// [`backward`](Tensor::backward) from any shape, with the gradient of this tensor given.
    ///
    /// # Errors
    /// Those of `backward`, and a gradient of another shape or type.
    #[track_caller]
    pub fn backward_with(&self, grad: &Tensor) -> Result<()> {
        self.backward_options().grad(grad).run()
    }

    /// [`backward`](Tensor::backward) with options: `y.backward_options().retain_graph().run()?`.
    #[doc(alias = "retain_graph")]
    #[doc(alias = "create_graph")]
    pub fn backward_options(&self) -> Backward<'_> {
        Backward { root: self, grad: None, retain_graph: false, create_graph: false }
    }
}

/// The gradient of the scalar `output` with respect to each of `inputs`, themselves parts of a graph, so they can
/// be differentiated again. An input that `output` does not depend on gets zeros. Leaves collect nothing.
///
/// # Errors
/// If `output` is not a scalar, or needs no gradient, or its graph was released by a `backward`.
#[doc(alias = "torch.autograd.grad")]
#[track_caller]
pub fn grad(output: &Tensor, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    grad_with(&[output], &[None], inputs)
}

/// [`grad`] of several outputs of any shape, each with its own gradient (`None`: it is a scalar).
///
/// # Errors
/// As [`grad`], and gradients of other shapes or types than their outputs.
#[doc(alias = "torch.autograd.grad")]
#[track_caller]
pub fn grad_with(outputs: &[&Tensor], grads: &[Option<&Tensor>], inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    gradients(outputs, grads, inputs, true)
}

/// [`grad_with`], by the fused path if the gradients need not be parts of a graph.
#[track_caller]
pub(crate) fn gradients(
    outputs: &[&Tensor],
    grads: &[Option<&Tensor>],
    inputs: &[&Tensor],
    create_graph: bool,
) -> Result<Vec<Tensor>> {
    if outputs.len() != grads.len() {
        return Err(Error::value(
            "grad",
            format!("{} outputs, but {} gradients for them", outputs.len(), grads.len()),
        ));
    }
    let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
    for (i, input) in inputs.iter().enumerate() {
        let node = input
            .node()
            .ok_or_else(|| {
                Error::graph(
                    "grad",
                    format!("input {i} does not need a gradient: make it with .requires_grad()"),
                )
            })
            .at_caller()?;
        places.entry(node.seq).or_default().push(i);
    }
    let starts = outputs
        .iter()
        .zip(grads)
        .map(|(&y, &g)| start("grad", y, g))
        .collect::<Result<Vec<_>>>()
        .at_caller()?;
    let useful = leading_to(starts.iter().map(|s| &s.0), &places);
    let mut found: Vec<Option<Tensor>> = vec![None; inputs.len()];
    let lead = |node: &Node| useful.contains(&node.seq);
    let asked = |node: &Node| places.contains_key(&node.seq);
    walk(starts, true, create_graph, Some([&lead, &asked]), None, true, |node, grad| {
        for &i in places.get(&node.seq).into_iter().flatten() {
            found[i] = Some(grad.clone());
        }
        Ok(())
    })?;
    Ok(found
        .into_iter()
        .zip(inputs)
        .map(|(grad, input)| grad.unwrap_or_else(|| input.zeros_like()))
        .collect())
}

/// The nodes from which one of `targets` can be reached, found without recursion: first everything that is not
/// older than the oldest target, then, from old to new, what has a useful input.
fn leading_to<'a>(
    roots: impl Iterator<Item = &'a Arc<Node>>,
    targets: &HashMap<u64, Vec<usize>>,
) -> HashSet<u64> {
    let oldest = targets.keys().copied().min().unwrap_or(u64::MAX);
    let mut reached: BTreeMap<u64, &Arc<Node>> = BTreeMap::new();
    let mut stack: Vec<&Arc<Node>> = roots.collect();
    while let Some(node) = stack.pop() {
        if node.seq >= oldest && reached.insert(node.seq, node).is_none() {
            stack.extend(node.inputs.iter().flatten());
        }
    }
    let mut useful = HashSet::new();
    for (seq, node) in reached {
        if targets.contains_key(&seq) || node.inputs.iter().flatten().any(|input| useful.contains(&input.seq))
        {
            useful.insert(seq);
        }
    }
    useful
}

/// The first node of a walk and the gradient that it starts with.
#[track_caller]
fn start(op: &'static str, root: &Tensor, grad: Option<&Tensor>) -> Result<(Arc<Node>, Tensor)> {
    if anomaly::is_on() {
        anomaly::check_root(op, root)?;
    }
    let Some(node) = root.node() else {
        let why = if root.dtype().is_float() {
            "no input of its computation was made with .requires_grad(), or it was computed inside of no_grad"
        } else {
            "only floating point tensors have gradients"
        };
        return Err(Error::graph(op, format!("this {} tensor is not part of a graph: {why}", root.dtype())));
    };
    let seed = match grad {
        Some(grad) if grad.shape() != root.shape() => {
            return Err(Error::shape(
                op,
                format!("gradient of shape {:?} for an output of shape {:?}", grad.shape(), root.shape()),
            ));
        }
        Some(grad) if grad.dtype() != root.dtype() => {
            return Err(Error::dtype(
                op,
                format!("gradient of type {} for an output of type {}", grad.dtype(), root.dtype()),
            ));
        }
        Some(grad) => grad.clone(),
        None if root.numel() == 1 => root.ones_like(),
        None => {
            return Err(Error::graph(
                op,
                format!(
                    "a gradient is implied only for scalars, and this output has shape {:?}: reduce it with .sum() \
                     or .mean(), or give its gradient with backward_with",
                    root.shape()
                ),
            ));
        }
    };
    Ok((Arc::clone(node), seed))
}

/// A set of nodes.
type Set<'a> = &'a dyn Fn(&Node) -> bool;

/// Visits every node that a gradient reaches, newest first, and hands leaves and complete gradients to `visit`.
#[track_caller]
pub(crate) fn walk(
    starts: impl IntoIterator<Item = (Arc<Node>, Tensor)>,
    retain: bool,
    differentiable: bool,
    // Which nodes lead to those whose gradients were asked for, and which these are; of `None`, all leaves.
    wanted: Option<[Set<'_>; 2]>,
    // Leaves to be visited as soon as they are complete, instead of when their turn comes.
    early: Option<&Completed>,
    // Whether hooks and anomaly mode look on.
    watched: bool,
    mut visit: impl FnMut(Arc<Node>, Tensor) -> Result<()>,
) -> Result<()> {
    let at = Location::caller();
    let [useful, targets] = [0, 1].map(|i| wanted.map(|w| w[i]));
    let look_for_nan = watched && anomaly::is_on();
    recording(differentiable, || {
        let mut pending = Pending::new();
        for (node, grad) in starts {
            pending.add(&node, grad)?;
        }
        while let Some((node, mut grad)) = pending.pop() {
            if let Some(hooks) = node.hooks.get()
                && watched
            {
                grad = hooks::run(hooks, grad).map_err(|e| e.in_backward(node.op.name(), node.at))?;
            }
            if node.is_leaf() {
                visit(node, grad)?;
                continue;
            }
            if useful.is_some() {
                visit(Arc::clone(&node), grad.clone())?;
            }
            // Out of the lock before foreign code runs.
            let mut kept = {
                let mut kept = node.kept();
                match (&*kept, retain) {
                    (Kept::Released, _) => return Err(released(&node).at(at)),
                    (Kept::Values { inputs, output }, true) => {
                        Kept::Values { inputs: inputs.clone(), output: output.clone() }
                    }
                    (Kept::Later(later), true) => Kept::Later(later.clone()),
                    _ => std::mem::replace(&mut *kept, Kept::Released),
                }
            };
            // One checkpoint may be inside of another.
            while let Kept::Later(later) = kept {
                kept = later.take().map_err(|e| e.in_backward(node.op.name(), node.at))?;
            }
            let Kept::Values { inputs, output } = kept else { return Err(released(&node).at(at)) };
            let failed = |e: Error| e.in_backward(node.op.name(), node.at);
            let added = match node.inputs.as_slice() {
                [Some(input)] if !differentiable && !look_for_nan => {
                    pending.sum(input).is_some_and(|sum| node.op.add_backward(&grad, sum))
                }
                _ => false,
            };
            if node.op.passes_on() {
                let fits = |input: &&Arc<Node>| useful.is_none_or(|useful| useful(input));
                let mut inputs = node.inputs.iter().flatten().filter(fits);
                let last = inputs.next_back();
                for input in inputs {
                    pending.add(input, grad.clone()).map_err(failed)?;
                }
                if let Some(last) = last {
                    pending.add(last, grad).map_err(failed)?;
                }
            } else if !added {
                let ctx = Ctx { node: &node, inputs: &inputs, output: output.as_ref(), useful, targets };
                let mut grads = node.op.backward(&ctx, &grad).map_err(failed)?;
                if look_for_nan {
                    anomaly::check_grads(&node, &grad, &grads).map_err(failed)?;
                }
                drop(grad);
                for (input, grad) in node.inputs.iter().zip(&mut grads) {
                    if let (Some(input), Some(grad)) = (input, grad.take())
                        && useful.is_none_or(|useful| useful(input))
                    {
                        pending.add(input, grad).map_err(failed)?;
                    }
                }
            }
            for leaf in early.and_then(|early| early.get(&node.seq)).into_iter().flatten() {
                // Nothing waits for it if the gradient did not reach it.
                let Some((leaf, mut grad)) = pending.remove(*leaf) else { continue };
                if let Some(hooks) = leaf.hooks.get() {
                    grad = hooks::run(hooks, grad).map_err(|e| e.in_backward(leaf.op.name(), leaf.at))?;
                }
                visit(leaf, grad)?;
            }
        }
        Ok(())
    })
}

#[cold]
fn released(node: &Node) -> Error {
    Error::graph(
        "backward",
        format!(
            "the graph was walked before and its values are released; use backward_options().retain_graph() for \
             the first walk (stopped at {}, recorded at {})",
            node.op.name(),
            node.at
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::tensor;
    use crate::parameter::Parameter;
    use std::sync::Mutex;

    #[test]
    fn a_gradient_is_handed_over_while_the_walk_goes_on() {
        let [a, b, c] = [2.0, 3.0, 5.0].map(|v| Parameter::new(&tensor([v])));
        let x = tensor([1.0]).requires_grad();
        let events = Arc::new(Mutex::new(Vec::new()));
        let y = x.mul(&a.tensor()).unwrap();
        let list = Arc::clone(&events);
        let _hook = y.register_hook(move |_| {
            list.lock().unwrap().push(("y", 0.0));
            Ok(None)
        });
        let _doubled = c.tensor().register_hook(|grad| Ok(Some(grad * 2.0))).unwrap();
        // b twice: it is complete only after the older use.
        let z = y.mul(&b.tensor()).unwrap().mul(&c.tensor()).unwrap().add(&b.tensor()).unwrap().sum();
        z.backward_options()
            .run_with(&mut |id, grad| {
                let name = [(&a, "a"), (&b, "b"), (&c, "c")].into_iter().find(|(p, _)| p.id() == id);
                events.lock().unwrap().push((name.map_or("x", |(_, name)| name), grad.item()?));
                Ok(name.is_some())
            })
            .unwrap();
        assert_eq!(*events.lock().unwrap(), [("c", 12.0), ("b", 11.0), ("y", 0.0), ("x", 30.0), ("a", 15.0)]);
        assert!([&a, &b, &c].iter().all(|p| p.grad().is_none()));
        assert_eq!(x.grad().unwrap().item().unwrap(), 30.0, "what was not taken is collected");
    }

    #[test]
    fn an_error_of_the_taker_ends_the_walk() {
        let w = Parameter::new(&tensor([1.0]));
        let y = w.tensor().square().sum();
        let error = y.backward_options().run_with(&mut |_, _| Err(Error::value("mine", "on purpose")));
        assert!(error.unwrap_err().to_string().contains("on purpose"));
        assert!(w.grad().is_none());
    }
}

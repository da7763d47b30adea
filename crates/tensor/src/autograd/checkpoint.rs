//! Less memory for more time: a part of the graph whose values are computed again when the walk back comes to it.
//!
//! ```
//! use tensor::{checkpoint, tensor};
//!
//! let x = tensor([1.0, 2.0]).requires_grad();
//! let y = checkpoint(|x| Ok(x[0].sigmoid().exp().sin()), &[x.clone()])?;
//! y.sum().backward()?; // computes sigmoid, exp and sin once more
//! assert!(x.grad().is_some());
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! The nodes of the part are real ones: parameters inside collect their gradients, and a gradient can be differentiated
//! again. Only what the nodes would keep is given up, and taken from the nodes of a second run, the first from the
//! first, the second from the second. That the second run gives the same bits as the first is checked.

use super::mode::{self, CHECKPOINT, enable_grad, is_grad_enabled};
use super::node::{Kept, Node};
use crate::error::{Error, Result};
use crate::random::{generator, set_generator};
use crate::storage::with_element;
use crate::tensor::Tensor;
use std::cell::RefCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

type Function = dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync;

/// What a node keeps, to be had by a second run.
#[derive(Clone)]
pub(crate) struct Later {
    frame: Arc<Frame>,
    /// The node's number among those that the run records.
    place: usize,
}

impl Later {
    pub(crate) fn take(&self) -> Result<Kept> {
        self.frame.take(self.place)
    }
}

/// What a second run needs.
struct Frame {
    f: Box<Function>,
    /// Each with whether it is part of a graph. Not the graph itself, or a chain of checkpoints would drop recursively.
    inputs: Vec<(Tensor, bool)>,
    /// The default generator before the first run, so that dropout drops the same.
    generator: crate::random::Generator,
    /// What the first run recorded, and what came out.
    names: Vec<&'static str>,
    result: u64,
    at: &'static Location<'static>,
    /// What the nodes of a second run keep, until the nodes of the first one have taken it.
    again: Mutex<Vec<Option<Kept>>>,
}

/// Runs `f` on `inputs` and gives up what the recorded operations keep for the walk back; the walk runs `f` again. `f`
/// must give the same result both times: the walk is an error if a parameter has changed in between. The default
/// generator is put back for the second run, so dropout is the same.
///
/// # Errors
/// Those of `f`.
#[doc(alias = "torch.utils.checkpoint.checkpoint")]
#[track_caller]
pub fn checkpoint(
    f: impl Fn(&[Tensor]) -> Result<Tensor> + Send + Sync + 'static,
    inputs: &[Tensor],
) -> Result<Tensor> {
    if !is_grad_enabled() {
        return f(inputs);
    }
    let before = generator();
    let (output, nodes) = listed(|| f(inputs));
    let output = output?;
    let frame = Arc::new(Frame {
        f: Box::new(f),
        inputs: inputs.iter().map(|x| (x.detach(), x.needs_grad())).collect(),
        generator: before,
        names: nodes.iter().map(|node| node.name()).collect(),
        result: fingerprint(&output),
        at: Location::caller(),
        again: Mutex::default(),
    });
    for (place, node) in nodes.iter().enumerate() {
        let mut kept = node.kept();
        let gives_up = matches!(&*kept, Kept::Values { inputs, output } if !inputs.is_empty() || output.is_some())
            || matches!(&*kept, Kept::Later(_));
        if gives_up {
            let old = std::mem::replace(&mut *kept, Kept::Later(Later { frame: Arc::clone(&frame), place }));
            drop(kept);
            drop(old); // outside of the lock
        }
    }
    Ok(output)
}

impl Frame {
    /// What node number `place` keeps.
    fn take(&self, place: usize) -> Result<Kept> {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        let found = again.get_mut(place).and_then(Option::take);
        match found {
            Some(kept) => Ok(kept),
            None => {
                *again = self.run_again()?;
                again.get_mut(place).and_then(Option::take).ok_or_else(|| self.differs("fewer operations"))
            }
        }
    }

    fn run_again(&self) -> Result<Vec<Option<Kept>>> {
        let inputs: Vec<Tensor> = self
            .inputs
            .iter()
            .map(|(value, leaf)| if *leaf { value.clone().requires_grad() } else { value.clone() })
            .collect();
        let (output, nodes) = {
            let _restore = Restore(Some(generator()));
            set_generator(self.generator.clone());
            listed(|| enable_grad(|| (self.f)(&inputs)))
        };
        let output = output?;
        if nodes.len() != self.names.len() || nodes.iter().zip(&self.names).any(|(n, name)| n.name() != *name)
        {
            return Err(self.differs("other operations"));
        }
        if fingerprint(&output) != self.result {
            return Err(self.differs("another result"));
        }
        Ok(nodes.iter().map(|node| Some(std::mem::replace(&mut *node.kept(), Kept::Released))).collect())
    }

    #[cold]
    fn differs(&self, what: &str) -> Error {
        Error::graph(
            "checkpoint",
            format!(
                "the function of the checkpoint at {} gave {what} when it was run again for the walk back. Walk back \
                 before a parameter changes, and let nothing in it depend on when it runs",
                self.at
            ),
        )
    }
}

/// Puts the default generator back, also after a panic.
struct Restore(Option<crate::random::Generator>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(generator) = self.0.take() {
            set_generator(generator);
        }
    }
}

thread_local! {
    /// The nodes of the checkpoints that this thread is in, innermost last.
    static LISTS: RefCell<Vec<Vec<Arc<Node>>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, and lists the nodes that it records.
fn listed<R>(f: impl FnOnce() -> R) -> (R, Vec<Arc<Node>>) {
    /// Takes the list away, also after a panic. What is inside of one checkpoint is inside of the outer one too.
    struct List;
    impl List {
        fn take() -> Vec<Arc<Node>> {
            LISTS.with_borrow_mut(|lists| {
                let nodes = lists.pop().unwrap_or_default();
                if let Some(outer) = lists.last_mut() {
                    outer.extend(nodes.iter().cloned());
                }
                nodes
            })
        }
    }
    impl Drop for List {
        fn drop(&mut self) {
            List::take();
        }
    }
    LISTS.with_borrow_mut(|lists| lists.push(Vec::new()));
    let list = List;
    let result = mode::with(CHECKPOINT, f);
    std::mem::forget(list);
    (result, List::take())
}

/// Lists a node that was just recorded.
#[cold]
pub(crate) fn recorded(node: &Arc<Node>) {
    LISTS.with_borrow_mut(|lists| {
        if let Some(list) = lists.last_mut() {
            list.push(Arc::clone(node));
        }
    });
}

/// A number for all bits of a tensor.
fn fingerprint(x: &Tensor) -> u64 {
    let mut hasher = DefaultHasher::new();
    x.shape().hash(&mut hasher);
    with_element!(x.dtype(), T => x.values::<T>().iter().for_each(|x| {
        crate::dtype::Element::to_f64(*x).to_bits().hash(&mut hasher);
    }));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::{grad, grad_with, gradcheck, gradgradcheck};
    use crate::dtype::DType;
    use crate::literal::tensor;
    use crate::parameter::Parameter;
    use crate::random::manual_seed;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn part(x: &[Tensor]) -> Result<Tensor> {
        x[0].sigmoid().mul(&x[1])?.exp().sin().mul(&x[0])
    }

    fn whole(x: &[Tensor]) -> Result<Tensor> {
        checkpoint(part, x)
    }

    #[test]
    fn gradients_of_both_orders_are_those_of_the_function() {
        let x = [tensor([0.3, -0.7]).to(DType::F64), tensor([1.1, 0.4]).to(DType::F64)];
        gradcheck(whole, &x).unwrap();
        gradgradcheck(whole, &x).unwrap();
        let leaves: Vec<Tensor> = x.iter().map(|x| x.clone().requires_grad()).collect();
        let both: Vec<&Tensor> = leaves.iter().collect();
        let ones = Tensor::full([2], 1.0, DType::F64).unwrap();
        let of = |y: Tensor| grad_with(&[&y], &[Some(&ones)], &both).unwrap();
        for (a, b) in of(part(&leaves).unwrap()).iter().zip(of(whole(&leaves).unwrap())) {
            assert_eq!(a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
        }
    }

    #[test]
    fn parameters_inside_collect_their_gradients() {
        let w = Parameter::new(&tensor([2.0, 3.0]));
        let inside = w.clone();
        // No input needs a gradient.
        let y =
            checkpoint(move |x| x[0].mul(&inside.tensor())?.exp().mul(&x[0]), &[tensor([0.5, 0.1])]).unwrap();
        y.sum().backward().unwrap();
        let direct = Parameter::new(&tensor([2.0, 3.0]));
        let x = tensor([0.5, 0.1]);
        x.mul(&direct.tensor()).unwrap().exp().mul(&x).unwrap().sum().backward().unwrap();
        assert_eq!(
            w.grad().unwrap().to_vec::<f32>().unwrap(),
            direct.grad().unwrap().to_vec::<f32>().unwrap()
        );
    }

    #[test]
    fn the_function_runs_once_more_for_each_walk() {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let x = tensor([0.5]).requires_grad();
        let counted = |x: &[Tensor]| {
            RUNS.fetch_add(1, Ordering::Relaxed);
            Ok(x[0].exp().sin().exp())
        };
        let y = checkpoint(counted, std::slice::from_ref(&x)).unwrap().sum();
        assert_eq!(RUNS.load(Ordering::Relaxed), 1);
        y.backward_options().retain_graph().run().unwrap();
        assert_eq!(RUNS.load(Ordering::Relaxed), 2);
        y.backward_options().retain_graph().run().unwrap();
        assert_eq!(RUNS.load(Ordering::Relaxed), 3);
        y.backward().unwrap();
        assert!(y.backward().is_err(), "released");
    }

    #[test]
    fn nested() {
        let inner = |x: &[Tensor]| Ok(checkpoint(|x| Ok(x[0].exp().sin()), &[x[0].sigmoid()])?.exp());
        let x = tensor([0.3, -0.2]).to(DType::F64);
        gradcheck(move |x| checkpoint(inner, x), std::slice::from_ref(&x)).unwrap();
        gradgradcheck(move |x| checkpoint(inner, x), &[x]).unwrap();
    }

    #[test]
    fn random_numbers_are_the_same_in_the_second_run() {
        manual_seed(7);
        let x = tensor([1.0, 2.0, 3.0, 4.0]).requires_grad();
        let noisy = |x: &[Tensor]| x[0].square().mul(&x[0].rand_like()?);
        let y = checkpoint(noisy, std::slice::from_ref(&x)).unwrap();
        let after = crate::random::rand([3]).unwrap();
        y.sum().backward().unwrap();
        let noise = y.detach().div(&x.detach().square()).unwrap();
        let expected = noise.mul(&(x.detach() * 2.0)).unwrap();
        let found = x.grad().unwrap();
        assert!((found - expected).abs().sum().item().unwrap() < 1e-6);
        // The walk has drawn nothing from the stream.
        manual_seed(7);
        let _ = x.rand_like().unwrap();
        assert_eq!(
            crate::random::rand([3]).unwrap().to_vec::<f32>().unwrap(),
            after.to_vec::<f32>().unwrap()
        );
    }

    #[test]
    fn a_parameter_that_changed_in_between_is_an_error() {
        let w = Parameter::new(&tensor([2.0]));
        let inside = w.clone();
        let x = tensor([0.5]).requires_grad();
        let y = checkpoint(move |x| Ok(x[0].mul(&inside.tensor())?.exp()), std::slice::from_ref(&x)).unwrap();
        w.set(&tensor([3.0])).unwrap();
        let message = y.sum().backward().unwrap_err().to_string();
        assert!(message.contains("gave another result"), "{message}");
        assert!(message.contains("checkpoint.rs"), "{message}");

        static CALLS: AtomicUsize = AtomicUsize::new(0);
        let moody = |x: &[Tensor]| {
            Ok(if CALLS.fetch_add(1, Ordering::Relaxed) == 0 { x[0].exp() } else { x[0].sin().exp() })
        };
        let y = checkpoint(moody, &[x]).unwrap();
        assert!(y.sum().backward().unwrap_err().to_string().contains("other operations"));
    }

    #[test]
    fn without_recording_nothing_is_kept() {
        let x = tensor([0.5]).requires_grad();
        let y = crate::autograd::no_grad(|| checkpoint(|x| Ok(x[0].exp()), &[x]).unwrap());
        assert!(!y.needs_grad());
        assert!(checkpoint(|_| Err(Error::value("mine", "on purpose")), &[]).is_err());
    }

    #[test]
    fn a_gradient_inside_of_the_function() {
        // A penalty on the slope: f = (d/dx x³)².
        let penalty = |x: &[Tensor]| {
            let cubed = x[0].mul(&x[0])?.mul(&x[0])?;
            Ok(grad(&cubed.sum(), &[&x[0]])?[0].square())
        };
        let x = tensor([0.5, 1.5]).requires_grad();
        let y = checkpoint(penalty, std::slice::from_ref(&x)).unwrap();
        y.sum().backward().unwrap(); // 9x⁴ has the slope 36x³
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [4.5, 121.5]);
    }

    #[test]
    fn a_long_chain_of_checkpoints_drops_without_recursion() {
        let mut x = tensor([0.5]).requires_grad();
        for _ in 0..20_000 {
            x = checkpoint(|x| Ok(x[0].sin()), &[x]).unwrap();
        }
        drop(x);
    }
}

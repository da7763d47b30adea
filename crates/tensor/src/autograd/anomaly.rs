//! Finds the first NaN: the operation that made it, and the line that called the operation.
//!
//! ```
//! use tensor::{detect_anomaly, tensor};
//!
//! let x = tensor([1.0, -1.0]).requires_grad();
//! let error = detect_anomaly(|| {
//!     let y = x.log(); // NaN at −1
//!     (y * 2.0).sum().backward()
//! });
//! let message = error.unwrap_err().to_string();
//! assert!(message.contains("made by Log, recorded at"), "{message}");
//! ```

use super::mode::{self, ANOMALY};
use super::node::{Grads, Node};
use crate::error::{Error, Result};
use crate::storage::with_float;
use crate::tensor::Tensor;
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

thread_local! {
    /// Where NaN came from, in the order of recording.
    static ORIGINS: RefCell<Vec<Origin>> = const { RefCell::new(Vec::new()) };
}

/// A node whose output is the first with NaN on its path.
struct Origin {
    seq: u64,
    story: String,
}

/// Runs `f` and looks for NaN: in the result of every operation that is recorded, and in every gradient of a walk back.
/// A `backward` or `grad` inside of `f` fails where the loss or a gradient is NaN, and the error names the operation
/// that made the first one, and the line of the forward pass. Costs a pass over every value.
///
/// A NaN that does not reach the loss, because `where_` has chosen the other side, is none. (But its gradient often is
/// NaN all the same, 0 · ∞; then the error says so.)
#[doc(alias = "torch.autograd.detect_anomaly")]
#[doc(alias = "set_detect_anomaly")]
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    /// Forgets the origins at the end of the outermost call.
    struct Forget(bool);
    impl Drop for Forget {
        fn drop(&mut self) {
            if self.0 {
                ORIGINS.with_borrow_mut(Vec::clear);
            }
        }
    }
    let _forget = Forget(!is_on());
    mode::with(ANOMALY, f)
}

#[inline]
pub(crate) fn is_on() -> bool {
    mode::is_on(ANOMALY)
}

fn has_nan(x: &Tensor) -> bool {
    x.dtype().is_float() && with_float!(x.dtype(), T => x.values::<T>().iter().any(|x| x.is_nan()))
}

/// Notes a node that was just recorded, if its output is the first with NaN.
#[cold]
pub(crate) fn recorded(node: &Node, output: &Tensor, inputs: &[&Tensor]) {
    if !has_nan(output) {
        return;
    }
    let story = match inputs.iter().position(|x| has_nan(x)) {
        None => {
            format!("made by {}, recorded at {}, from {}", node.name(), node.location(), describe(inputs))
        }
        // Computed from what an operation before has spoilt.
        Some(i) if inputs[i].node().is_some_and(|n| !n.is_leaf()) => return,
        Some(i) => format!(
            "there already in input {i} of {}, recorded at {}: {}",
            node.name(),
            node.location(),
            describe(&inputs[i..=i])
        ),
    };
    ORIGINS.with_borrow_mut(|origins| origins.push(Origin { seq: node.seq, story }));
}

/// Shapes and ranges.
fn describe(inputs: &[&Tensor]) -> String {
    let one = |x: &&Tensor| {
        if !x.dtype().is_float() {
            return format!("{} of shape {:?}", x.dtype(), x.shape());
        }
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut nan = 0;
        with_float!(x.dtype(), T => for &x in x.values::<T>().iter() {
            let x = crate::dtype::Element::to_f64(x);
            (least, most) = (least.min(x), most.max(x));
            nan += usize::from(x.is_nan());
        });
        let nan = if nan > 0 { format!(", {nan} NaN") } else { String::new() };
        format!("shape {:?} with values from {least} to {most}{nan}", x.shape())
    };
    inputs.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Refuses a walk that begins with NaN.
#[track_caller]
pub(crate) fn check_root(op: &'static str, root: &Tensor) -> Result<()> {
    if !has_nan(root) {
        return Ok(());
    }
    let story = root.node().and_then(origin_of);
    let story = story.unwrap_or_else(|| "there before detect_anomaly began".into());
    Err(Error::value(op, format!("the loss is NaN; the first NaN was {story}")))
}

/// The oldest origin among a node and its ancestors.
fn origin_of(root: &Arc<Node>) -> Option<String> {
    let mut seen = HashSet::new();
    let mut stack = vec![root];
    while let Some(node) = stack.pop() {
        if seen.insert(node.seq) {
            stack.extend(node.inputs().flatten());
        }
    }
    ORIGINS.with_borrow(|origins| {
        let reached = origins.iter().filter(|o| seen.contains(&o.seq));
        reached.min_by_key(|o| o.seq).map(|o| o.story.clone())
    })
}

/// Refuses the first gradient with NaN.
pub(crate) fn check_grads(node: &Node, grad: &Tensor, grads: &Grads) -> Result<()> {
    if has_nan(grad) {
        return Ok(()); // given so to backward_with, or let pass by a hook
    }
    for (i, found) in grads.iter().enumerate() {
        if let Some(found) = found
            && has_nan(found)
        {
            let nan = describe(&[found]);
            let came = describe(&[grad]);
            return Err(Error::value(
                node.name(),
                format!(
                    "the first NaN among the gradients is in that of input {i}: {nan}; the gradient that came in: {came}"
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autograd::{grad, no_grad};
    use crate::literal::tensor;

    fn message(f: impl FnOnce() -> Result<()>) -> String {
        detect_anomaly(f).unwrap_err().to_string()
    }

    #[test]
    fn the_first_of_several_is_named_with_its_line() {
        let x = tensor([4.0, -1.0]).requires_grad();
        let mut line = 0;
        let text = message(|| {
            line = line!() + 1;
            let y = x.sqrt();
            let z = &y + x.log();
            z.mean().backward()
        });
        assert!(text.contains("the first NaN was made by Sqrt"), "{text}");
        assert!(text.contains(&format!("anomaly.rs:{line}")), "line {line}: {text}");
        assert!(text.contains("shape [2] with values from -1 to 4"), "{text}");
        assert!(x.grad().is_none());
    }

    #[test]
    fn a_nan_that_came_in_with_the_data_is_told_from_one_that_was_made() {
        let w = tensor([1.0, 1.0]).requires_grad();
        let x = tensor([1.0, f32::NAN]);
        let text = message(|| (&w * &x).sum().backward());
        assert!(text.contains("there already in input 1 of Mul"), "{text}");
        assert!(text.contains("1 NaN"), "{text}");
    }

    #[test]
    fn a_gradient_can_be_the_first() {
        let x = tensor([0.0, 1.0]).requires_grad();
        // √0 has the slope ∞, and 0 · ∞ is NaN.
        let text = message(|| (x.sqrt() * tensor([0.0, 1.0])).sum().backward());
        assert!(text.contains("first NaN among the gradients is in that of input 0"), "{text}");
        assert!(text.contains("in the backward of Sqrt"), "{text}");
        assert!(message(|| grad(&(x.sqrt() * tensor([0.0, 1.0])).sum(), &[&x]).map(drop)).contains("Sqrt"));
    }

    #[test]
    fn a_nan_that_is_not_chosen_is_none() {
        let x = tensor([-1.0, 4.0]).requires_grad();
        detect_anomaly(|| {
            let safe = x.clamp(0.5, None)?;
            let chosen = safe.sqrt().where_(&x.gt(0.0)?, &x.detach())?;
            let _unused = x.log();
            chosen.sum().backward()
        })
        .unwrap();
    }

    #[test]
    fn nothing_is_left_afterwards() {
        let x = tensor([-1.0]).requires_grad();
        let y = detect_anomaly(|| x.log());
        assert!(!is_on());
        ORIGINS.with_borrow(|origins| assert!(origins.is_empty()));
        y.sum().backward().unwrap();
        let caught = std::panic::catch_unwind(|| detect_anomaly(|| panic!("on purpose")));
        assert!(caught.is_err() && !is_on());
        detect_anomaly(|| no_grad(|| assert!(is_on())));
    }
}

//! What every optimizer can do.
//!
//! ```
//! use optim::{Adam, Optimizer, SGD};
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([1.0]));
//! let choice = "adam";
//! let mut optimizer: Box<dyn Optimizer> = match choice {
//!     "adam" => Box::new(Adam::new([w.clone()], 0.1)),
//!     _ => Box::new(SGD::new([w.clone()], 0.1)),
//! };
//! let loss = optimizer.step_with(&mut || Ok(w.tensor().square().sum()))?;
//! assert_eq!(loss.item()?, 1.0);
//! assert_eq!(w.tensor().detach().to_string(), "tensor([0.9000])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::group::Group;
use std::collections::HashSet;
use tensor::{Error, Parameter, Result, StateDict, Tensor, enable_grad};

/// What every optimizer can do.
#[doc(alias = "torch.optim.Optimizer")]
pub trait Optimizer {
    /// The groups of parameters, as handles: changing an option there changes the next step.
    fn param_groups(&self) -> &[Group];

    /// Changes each parameter that has a gradient.
    ///
    /// # Errors
    /// If no parameter has a gradient, or an option makes no sense; then nothing has changed.
    fn step(&mut self) -> Result<()>;

    /// Computes the loss by `closure` and steps. Gradients are forgotten before and computed after it here, unless it
    /// calls `backward` itself. Returns the loss.
    ///
    /// # Errors
    /// Those of the closure, of `backward` and of [`step`](Optimizer::step).
    #[track_caller]
    fn step_with(&mut self, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        let loss = evaluate(self.param_groups(), closure)?;
        self.step()?;
        Ok(loss)
    }

    /// What has been remembered, and all options, as named tensors; [names](crate::state_dict) as in PyTorch.
    fn state_dict(&self) -> StateDict;

    /// Goes on from a dictionary of the same optimizer over parameters of the same shapes.
    ///
    /// # Errors
    /// If something is missing, unknown or of another shape: the error names everything, and nothing has changed.
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()>;

    /// Forgets the gradients of all parameters.
    fn zero_grad(&self) {
        zero_grad(self.param_groups());
    }
}

fn zero_grad(groups: &[Group]) {
    groups.iter().flat_map(Group::parameters).for_each(Parameter::zero_grad);
}

/// The loss of a closure, and its gradients in the parameters.
#[track_caller]
pub(crate) fn evaluate(groups: &[Group], closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
    zero_grad(groups);
    let loss = enable_grad(closure)?;
    if !groups.iter().flat_map(Group::parameters).any(Parameter::has_grad) {
        loss.backward()?;
    }
    Ok(loss)
}

/// What is wrong with the parameters of a new group, if something is.
pub(crate) fn twice(groups: &[Group], new: &[Parameter]) -> Option<String> {
    if new.is_empty() {
        return Some("a group without parameters: was the model empty?".into());
    }
    let mut known: HashSet<u64> = groups.iter().flat_map(Group::parameters).map(Parameter::id).collect();
    let twice = new.iter().find(|p| !known.insert(p.id()))?;
    Some(format!(
        "a parameter of shape {:?} is given twice and would be changed twice a step",
        twice.shape().as_slice()
    ))
}

#[cold]
#[track_caller]
pub(crate) fn no_gradient(name: &'static str, groups: &[Group]) -> Error {
    let count: usize = groups.iter().map(|g| g.parameters().len()).sum();
    Error::graph(
        name,
        format!(
            "step would change nothing: none of the {count} parameters has a gradient. Call loss.backward()? before \
             step()?, and zero_grad() before backward, not after; and see that the loss is computed from these \
             parameters, outside of no_grad"
        ),
    )
}

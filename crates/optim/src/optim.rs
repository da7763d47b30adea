//! Runs a [`Rule`](crate::rule::Rule) over groups of parameters.
//!
//! ```
//! use optim::{Adam, Optimizer};
//! use tensor::{Parameter, tensor};
//!
//! let (body, head) = (Parameter::new(&tensor([1.0])), Parameter::new(&tensor([2.0])));
//! let optimizer = Adam::new([body], 1e-3).param_group([head], |group| group.lr = 1e-2).weight_decay(0.1);
//! let lrs: Vec<f64> = optimizer.param_groups().iter().map(|g| g.lr()).collect();
//! assert_eq!(lrs, [1e-3, 1e-2]);
//! ```

use crate::group::{Group, Shared, lock};
use crate::optimizer::{Optimizer, no_gradient, twice};
use crate::rule::Rule;
use crate::state::AnyState;
use crate::state_dict::{GroupOptions, Reader, write_groups};
use std::sync::{Arc, Mutex};
use tensor::{Error, Parameter, Result, StateDict};

/// A rule at work: groups of parameters, and what the rule remembers about each.
pub struct Optim<R: Rule> {
    groups: Vec<Group>,
    members: Vec<Members<R>>,
    /// A mistake in how it was built, which the first step reports: builders chain without `?`.
    mistake: Option<String>,
}

/// A group as its optimizer sees it.
struct Members<R> {
    shared: Arc<Mutex<Shared<R>>>,
    /// What this group has of its own, whatever the others get.
    own: Box<dyn Fn(&mut R) + Send + Sync>,
    places: Vec<Place>,
}

struct Place {
    parameter: Parameter,
    state: AnyState,
}

impl<R: Rule> Optim<R> {
    /// One group of parameters, trained by `rule`.
    pub fn of(parameters: impl IntoIterator<Item = Parameter>, rule: R) -> Self {
        let mut optim = Optim { groups: Vec::new(), members: Vec::new(), mistake: None };
        optim.push(parameters, rule, |_| {});
        optim
    }

    /// Another group, with options of its own: `.param_group(head.parameters(), |group| group.lr = 0.01)`. What it
    /// does not set, it shares with the first group.
    #[doc(alias = "add_param_group")]
    #[must_use]
    pub fn param_group(
        mut self,
        parameters: impl IntoIterator<Item = Parameter>,
        own: impl Fn(&mut R) + Send + Sync + 'static,
    ) -> Self {
        self.add_param_group(parameters, own);
        self
    }

    /// [`param_group`](Optim::param_group) for an optimizer that is at work already, when layers are unfrozen.
    pub fn add_param_group(
        &mut self,
        parameters: impl IntoIterator<Item = Parameter>,
        own: impl Fn(&mut R) + Send + Sync + 'static,
    ) {
        if let Some(first) = self.members.first() {
            let rule = lock(&first.shared).options.clone();
            self.push(parameters, rule, own);
        }
    }

    fn push(
        &mut self,
        parameters: impl IntoIterator<Item = Parameter>,
        mut rule: R,
        own: impl Fn(&mut R) + Send + Sync + 'static,
    ) {
        own(&mut rule);
        let parameters: Arc<[Parameter]> = parameters.into_iter().collect();
        if self.mistake.is_none() {
            self.mistake = twice(&self.groups, &parameters);
        }
        let places =
            parameters.iter().map(|p| Place { parameter: p.clone(), state: AnyState::new(p) }).collect();
        let shared = Shared::new(rule);
        self.groups.push(Group { shared: shared.clone(), parameters });
        self.members.push(Members { shared, own: Box::new(own), places });
    }

    /// Changes the options of all groups, but for what a group has of its own: what builder methods are made of.
    #[must_use]
    pub fn with(self, change: impl Fn(&mut R)) -> Self {
        for members in &self.members {
            let rule = &mut lock(&members.shared).options;
            change(rule);
            (members.own)(rule);
        }
        self
    }
}

impl<R: Rule> Optimizer for Optim<R> {
    fn param_groups(&self) -> &[Group] {
        &self.groups
    }

    #[track_caller]
    fn step(&mut self) -> Result<()> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::value(R::NAME, mistake.clone()));
        }
        for members in &self.members {
            let shared = lock(&members.shared);
            shared.check()?;
            shared.options.check()?;
        }
        let mut any = false;
        for members in &mut self.members {
            let rule = lock(&members.shared).options.clone();
            for place in &mut members.places {
                any |= place.step(&rule)?;
            }
        }
        if any { Ok(()) } else { Err(no_gradient(R::NAME, &self.groups)) }
    }

    fn state_dict(&self) -> StateDict {
        let mut dict = StateDict::new();
        for (i, place) in self.members.iter().flat_map(|m| &m.places).enumerate() {
            place.state.write::<R>(i, &mut dict);
        }
        write_groups(&mut dict, &self.groups);
        dict
    }

    #[track_caller]
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        let mut reader = Reader::new(R::NAME, dict);
        let groups = self.groups.iter().enumerate().map(|(i, g)| GroupOptions::read(&mut reader, i, g));
        let groups: Vec<GroupOptions> = groups.collect();
        let places = || self.members.iter().flat_map(|m| &m.places);
        let states: Vec<AnyState> = places()
            .enumerate()
            .map(|(i, place)| AnyState::read::<R>(i, &place.parameter, &mut reader))
            .collect();
        reader.finish()?;
        groups.into_iter().zip(&self.groups).for_each(|(options, group)| options.put(group));
        let places = self.members.iter_mut().flat_map(|m| &mut m.places);
        places.zip(states).for_each(|(place, state)| place.state = state);
        Ok(())
    }
}

impl Place {
    #[track_caller]
    fn step<R: Rule>(&mut self, rule: &R) -> Result<bool> {
        let Place { parameter, state } = self;
        let done = match state {
            AnyState::F32(state) => parameter.update_by_grad::<f32>(|x, g| rule.update(state, x, g)),
            AnyState::F64(state) => parameter.update_by_grad::<f64>(|x, g| rule.update(state, x, g)),
        };
        match done {
            // The parameter was converted to another type since the last step.
            Err(_) if parameter.dtype() != state.dtype() => {
                *state = state.to(parameter.dtype());
                self.step(rule)
            }
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adam, AdamW, SGD};
    use tensor::{DType, Tensor, tensor};

    fn with_grad(value: f64, grad: f64) -> Parameter {
        let p = Parameter::new(&Tensor::full([3], value, DType::F64).unwrap());
        p.set_grad(Some(&Tensor::full([3], grad, DType::F64).unwrap())).unwrap();
        p
    }

    fn first(p: &Parameter) -> f64 {
        p.tensor().to(DType::F64).to_vec::<f64>().unwrap()[0]
    }

    #[test]
    fn a_step_without_any_gradient_is_an_error() {
        let mut optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.1);
        let message = optimizer.step().unwrap_err().to_string();
        assert!(message.contains("none of the 1 parameters has a gradient"), "{message}");
        assert!(message.contains("optim.rs"), "the caller's line: {message}");
    }

    #[test]
    fn a_parameter_without_gradient_is_left_alone() {
        let (a, b) = (with_grad(1.0, 1.0), Parameter::new(&tensor([1.0])));
        SGD::new([a.clone(), b.clone()], 0.5).weight_decay(1.0).step().unwrap();
        assert_eq!((first(&a), first(&b)), (0.0, 1.0));
    }

    #[test]
    fn mistakes_are_reported_and_change_nothing() {
        let p = with_grad(1.0, 1.0);
        let refused = |mut optimizer: Box<dyn Optimizer>, what: &str| {
            let message = optimizer.step().unwrap_err().to_string();
            assert!(message.contains(what), "{message}");
            assert_eq!(first(&p), 1.0);
        };
        let params = || [p.clone()];
        refused(Box::new(SGD::new(params(), -1.0)), "SGD: lr is -1");
        refused(Box::new(SGD::new(params(), f64::NAN)), "lr is NaN");
        refused(Box::new(SGD::new(params(), 0.1).nesterov(true)), "nesterov needs");
        refused(Box::new(Adam::new(params(), 0.1).betas(1.0, 0.9)), "betas.0 is 1");
        refused(Box::new(AdamW::new(params(), 0.1).eps(-1.0)), "AdamW: eps is -1");
        refused(Box::new(SGD::new([], 0.1)), "without parameters");
        refused(Box::new(SGD::new([p.clone(), p.clone()], 0.1)), "given twice");
        refused(Box::new(SGD::new(params(), 0.1).param_group(params(), |_| {})), "given twice");
        refused(
            Box::new(SGD::new(params(), 0.1).param_group([with_grad(1.0, 1.0)], |g| g.lr = -1.0)),
            "lr is -1",
        );
    }

    #[test]
    fn what_a_group_has_of_its_own_wins_in_any_order() {
        let groups = |optimizer: SGD| -> Vec<[Option<f64>; 2]> {
            optimizer.param_groups().iter().map(|g| [g.get("lr"), g.get("momentum")]).collect()
        };
        let expected = [[Some(0.1), Some(0.9)], [Some(0.1), Some(0.5)]];
        let a = || [with_grad(1.0, 1.0)];
        assert_eq!(groups(SGD::new(a(), 0.1).momentum(0.9).param_group(a(), |g| g.momentum = 0.5)), expected);
        assert_eq!(groups(SGD::new(a(), 0.1).param_group(a(), |g| g.momentum = 0.5).momentum(0.9)), expected);
    }

    #[test]
    fn the_state_follows_a_parameter_to_another_type() {
        let p = with_grad(1.0, 1.0);
        let mut optimizer = SGD::new([p.clone()], 0.5).momentum(0.5);
        optimizer.step().unwrap();
        p.to(DType::F32);
        p.set_grad(Some(&Tensor::full([3], 1.0, DType::F32).unwrap())).unwrap();
        optimizer.step().unwrap();
        assert_eq!(first(&p), 1.0 - 0.5 - 0.5 * 1.5);
    }

    #[test]
    fn gradients_that_are_views_are_read_in_their_order() {
        let p = Parameter::new(&tensor([[0.0, 0.0], [0.0, 0.0]]));
        p.set_grad(Some(&tensor([[1.0, 2.0], [3.0, 4.0]]).transpose(0, 1).unwrap())).unwrap();
        SGD::new([p.clone()], 1.0).step().unwrap();
        assert_eq!(p.tensor().to_vec::<f32>().unwrap(), [-1.0, -3.0, -2.0, -4.0]);
    }

    #[test]
    fn a_snapshot_does_not_see_the_step() {
        let p = with_grad(1.0, 1.0);
        let before = p.tensor();
        SGD::new([p.clone()], 0.5).step().unwrap();
        assert_eq!((before.to_vec::<f64>().unwrap()[0], first(&p)), (1.0, 0.5));
    }
}

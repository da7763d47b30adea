//! Learning rates over time.
//!
//! A [`Schedule`] is a formula for the learning rate of a group; [`LRScheduler`] runs it. It holds handles of the
//! optimizer's groups and borrows nothing. Wrong options do not stop a schedule's `step()`, which needs no `?`: the
//! optimizer's next step is the error that says so.
//!
//! ```
//! use optim::{Optimizer, SGD, StepLR};
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([1.0]));
//! let mut optimizer = SGD::new([w.clone()], 0.1);
//! let mut scheduler = StepLR::new(&optimizer, 2).gamma(0.5);
//! let mut lrs = Vec::new();
//! for _ in 0..4 {
//!     optimizer.zero_grad();
//!     w.tensor().square().sum().backward()?;
//!     optimizer.step()?;
//!     lrs.extend(scheduler.last_lr());
//!     scheduler.step();
//! }
//! assert_eq!(lrs, [0.1, 0.1, 0.05, 0.05]);
//! # use optim::Scheduler;
//! # Ok::<(), tensor::Error>(())
//! ```

mod chained_scheduler;
mod constant_lr;
mod cosine_annealing_lr;
mod cosine_annealing_warm_restarts;
mod cyclic_lr;
mod exponential_lr;
mod lambda_lr;
mod linear_lr;
mod multi_step_lr;
mod multiplicative_lr;
mod one_cycle_lr;
mod polynomial_lr;
mod reduce_lr_on_plateau;
mod sequential_lr;
mod step_lr;

pub use chained_scheduler::ChainedScheduler;
pub use constant_lr::{ConstantLR, ConstantSchedule};
pub use cosine_annealing_lr::{CosineAnnealingLR, CosineSchedule};
pub use cosine_annealing_warm_restarts::{CosineAnnealingWarmRestarts, WarmRestarts};
pub use cyclic_lr::{CycleMode, CyclicLR, CyclicSchedule};
pub use exponential_lr::{ExponentialLR, ExponentialSchedule};
pub use lambda_lr::{LambdaLR, LambdaSchedule};
pub use linear_lr::{LinearLR, LinearSchedule};
pub use multi_step_lr::{MultiStepLR, MultiStepSchedule};
pub use multiplicative_lr::{MultiplicativeLR, MultiplicativeSchedule};
pub use one_cycle_lr::{Anneal, OneCycleLR, OneCycleSchedule};
pub use polynomial_lr::{PolynomialLR, PolynomialSchedule};
pub use reduce_lr_on_plateau::{Mode, ReduceLROnPlateau, ThresholdMode};
pub use sequential_lr::SequentialLR;
pub use step_lr::{StepLR, StepSchedule};

use crate::group::{Group, Setting};
use crate::optimizer::Optimizer;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whatever changes learning rates step by step.
#[doc(alias = "torch.optim.lr_scheduler.LRScheduler")]
pub trait Scheduler: Send {
    /// Goes on by one: after each epoch, or after each batch, as the schedule was meant.
    fn step(&mut self);

    /// The groups of the optimizer.
    fn groups(&self) -> &[Group];

    /// The learning rate of each group.
    #[doc(alias = "get_last_lr")]
    fn last_lr(&self) -> Vec<f64> {
        self.groups().iter().map(Group::lr).collect()
    }

    /// How far the schedule has come: each number by its name.
    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting));

    /// Begins, from the learning rates as they are.
    #[doc(hidden)]
    fn begin(&mut self);

    /// Begins in the middle of a sequence, from the initial learning rates.
    #[doc(hidden)]
    fn enter(&mut self);
}

impl<S: Scheduler + ?Sized> Scheduler for Box<S> {
    fn step(&mut self) {
        (**self).step();
    }
    fn groups(&self) -> &[Group] {
        (**self).groups()
    }
    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        (**self).progress(visit);
    }
    fn begin(&mut self) {
        (**self).begin();
    }
    fn enter(&mut self) {
        (**self).enter();
    }
}

/// Where a schedule stands when it is asked for a learning rate.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The number of steps so far.
    pub epoch: f64,
    /// Which group.
    pub group: usize,
    /// The learning rate before this step.
    pub lr: f64,
    /// The group's initial learning rate.
    pub base_lr: f64,
}

/// A formula for the learning rate.
pub trait Schedule: Send {
    /// The schedule's name, for messages.
    const NAME: &'static str;

    /// The learning rate after `at.epoch` steps, from the one before, so that schedules can be chained.
    fn lr(&self, at: At) -> f64;

    /// The learning rate with which it begins.
    fn first_lr(&self, at: At) -> f64 {
        self.lr(at)
    }

    /// The learning rate with which it begins in the middle of a [`SequentialLR`], whatever came before.
    fn entry_lr(&self, at: At) -> f64 {
        self.lr(at)
    }

    /// The momentum, if it changes that too.
    fn momentum(&self, _: At) -> Option<f64> {
        None
    }

    /// The initial learning rate of a group, which may have one from an earlier schedule.
    fn initial_lr(&self, _group: usize, earlier: Option<f64>) -> Option<f64> {
        earlier
    }

    /// What is wrong with the options, if something is.
    fn complaint(&self, groups: &[Group], epoch: f64) -> Option<String>;
}

/// A [`Schedule`] at work on the groups of an optimizer.
pub struct LRScheduler<S> {
    groups: Vec<Group>,
    base_lrs: Vec<f64>,
    /// The learning rates before this schedule began, from which it begins again when an option is set.
    before: Vec<f64>,
    epoch: f64,
    schedule: S,
    complaints: Complaints,
}

impl<S: Schedule> LRScheduler<S> {
    /// Begins a schedule: the first learning rate is set at once.
    pub fn of<O: Optimizer + ?Sized>(optimizer: &O, schedule: S) -> Self {
        let groups = optimizer.param_groups().to_vec();
        let mut scheduler = LRScheduler {
            complaints: Complaints::of(&groups),
            groups,
            base_lrs: Vec::new(),
            before: Vec::new(),
            epoch: 0.0,
            schedule,
        };
        scheduler.begin();
        scheduler
    }

    /// Changes the options and begins again: what builder methods are made of.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut S)) -> Self {
        change(&mut self.schedule);
        self.groups.iter().zip(&self.before).for_each(|(group, &lr)| group.set_lr(lr));
        self.begin();
        self
    }

    fn apply(&mut self, lr: impl Fn(&S, At) -> f64) {
        let complaint = self.schedule.complaint(&self.groups, self.epoch);
        let stop = complaint.is_some();
        self.complaints.set(complaint.map(|c| format!("{}: {c}", S::NAME)));
        if stop {
            return;
        }
        for (i, (group, &base_lr)) in self.groups.iter().zip(&self.base_lrs).enumerate() {
            let at = At { epoch: self.epoch, group: i, lr: group.lr(), base_lr };
            group.set_lr(lr(&self.schedule, at));
            if let Some(momentum) = self.schedule.momentum(at) {
                // One of the two is there, or the schedule would have complained.
                let _ = group.set("momentum", momentum).or_else(|_| group.set("betas.0", momentum));
            }
        }
    }
}

impl<S: Schedule> Scheduler for LRScheduler<S> {
    fn step(&mut self) {
        self.epoch += 1.0;
        self.apply(S::lr);
    }

    fn groups(&self) -> &[Group] {
        &self.groups
    }

    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        visit("last_epoch", &mut self.epoch);
        for (i, lr) in self.base_lrs.iter_mut().enumerate() {
            visit(&format!("base_lrs.{i}"), lr);
        }
    }

    fn begin(&mut self) {
        self.epoch = 0.0;
        self.before = self.last_lr();
        for (i, group) in self.groups.iter().enumerate() {
            let initial = self.schedule.initial_lr(i, group.initial_lr());
            group.set_initial_lr(initial.or_else(|| Some(group.lr())));
        }
        self.base_lrs = self.groups.iter().map(|g| g.initial_lr().unwrap_or(f64::NAN)).collect();
        self.apply(S::first_lr);
    }

    fn enter(&mut self) {
        self.epoch = 0.0;
        self.apply(S::entry_lr);
    }
}

/// Where a schedule's complaint stands until the optimizer's next step.
struct Complaints {
    number: u64,
    place: Option<Group>,
}

impl Complaints {
    fn of(groups: &[Group]) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Complaints { number: NEXT.fetch_add(1, Ordering::Relaxed), place: groups.first().cloned() }
    }

    fn set(&self, complaint: Option<String>) {
        if let Some(group) = &self.place {
            group.complain(self.number, complaint);
        }
    }
}

/// A dropped schedule has nothing to complain of.
impl Drop for Complaints {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// One number for all groups, or one for each.
#[derive(Clone, Debug)]
pub enum PerGroup {
    /// The same for all.
    All(f64),
    /// In the order of the groups.
    Each(Vec<f64>),
}

impl PerGroup {
    /// The number of a group.
    pub fn get(&self, group: usize) -> f64 {
        match self {
            PerGroup::All(value) => *value,
            PerGroup::Each(values) => values.get(group).copied().unwrap_or(f64::NAN),
        }
    }

    /// Complains if there is not one for each group.
    fn complaint(&self, name: &str, groups: &[Group]) -> Option<String> {
        match self {
            PerGroup::Each(values) if values.len() != groups.len() => {
                Some(format!("{name} has {} values for {} groups", values.len(), groups.len()))
            }
            _ => None,
        }
    }
}

impl From<f64> for PerGroup {
    fn from(value: f64) -> Self {
        PerGroup::All(value)
    }
}

impl From<Vec<f64>> for PerGroup {
    fn from(values: Vec<f64>) -> Self {
        PerGroup::Each(values)
    }
}

impl<const N: usize> From<[f64; N]> for PerGroup {
    fn from(values: [f64; N]) -> Self {
        PerGroup::Each(values.to_vec())
    }
}

/// Complains if a condition does not hold.
fn unless(holds: bool, complaint: impl FnOnce() -> String) -> Option<String> {
    (!holds).then(complaint)
}

/// Complains if the momentum cannot be cycled.
fn needs_momentum(groups: &[Group]) -> Option<String> {
    let has = groups.iter().all(|g| g.get("momentum").or_else(|| g.get("betas.0")).is_some());
    unless(has, || "the optimizer has neither momentum nor betas; turn off cycle_momentum".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adagrad, Adam, SGD};
    use tensor::{Parameter, tensor};

    fn parameter() -> Parameter {
        let p = Parameter::new(&tensor([1.0]));
        p.set_grad(Some(&tensor([0.0]))).unwrap();
        p
    }

    fn message(optimizer: &mut dyn Optimizer) -> String {
        optimizer.step().unwrap_err().to_string()
    }

    #[test]
    fn the_next_step_of_the_optimizer_says_what_a_schedule_complains_of() {
        let mut optimizer = SGD::new([parameter()], 0.1);
        let scheduler = StepLR::new(&optimizer, 0);
        assert!(message(&mut optimizer).contains("StepLR: step_size is 0"));
        drop(scheduler);
        optimizer.step().unwrap();

        let mut once = OneCycleLR::new(&optimizer, 1.0, 2);
        (0..3).for_each(|_| once.step());
        assert!(message(&mut optimizer).contains("OneCycleLR: stepped 3 times; total_steps is 2"));
    }

    #[test]
    fn an_option_can_mend_what_another_has_broken() {
        let mut optimizer = Adagrad::new([parameter()], 0.1);
        let scheduler = CyclicLR::new(&optimizer, 0.1, 0.2);
        assert!(message(&mut optimizer).contains("neither momentum nor betas"));
        let _scheduler = scheduler.cycle_momentum(false);
        optimizer.step().unwrap();
    }

    #[test]
    fn a_list_needs_a_number_for_each_group() {
        let mut optimizer = SGD::new([parameter()], 0.1).param_group([parameter()], |_| {});
        let scheduler = OneCycleLR::new(&optimizer, [0.1, 0.2, 0.3], 10);
        assert!(message(&mut optimizer).contains("max_lr has 3 values for 2 groups"));
        drop(scheduler);
        let _scheduler = LambdaLR::per_group(&optimizer, vec![]);
        assert!(message(&mut optimizer).contains("0 functions for 2 groups"));
    }

    #[test]
    fn options_in_any_order_begin_from_the_same_rate() {
        let optimizer = SGD::new([parameter()], 1.0);
        let scheduler = ConstantLR::new(&optimizer).total_iters(3).factor(0.5).total_iters(2);
        assert_eq!(scheduler.last_lr(), [0.5]);
    }

    #[test]
    fn betas_are_cycled_where_there_is_no_momentum() {
        let optimizer = Adam::new([parameter()], 1.0);
        let _scheduler = OneCycleLR::new(&optimizer, 1.0, 10);
        assert_eq!(optimizer.param_groups()[0].get("betas.0"), Some(0.95));
    }

    #[test]
    fn a_time_within_an_epoch() {
        let optimizer = SGD::new([parameter()], 1.0);
        let mut scheduler = CosineAnnealingWarmRestarts::new(&optimizer, 2).t_mult(3);
        let mut at = |epoch| {
            scheduler.step_to(epoch);
            scheduler.last_lr()[0]
        };
        assert!((at(0.5) - 0.5 * (1.0 + (std::f64::consts::PI / 4.0).cos())).abs() < 1e-15);
        assert!((at(2.0), at(8.0)) == (1.0, 1.0));
        assert!((at(5.0) - 0.5).abs() < 1e-15);
    }
}

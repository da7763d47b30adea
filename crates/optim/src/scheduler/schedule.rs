//! A schedule is a formula for the learning rate of a group; here it is run over all groups. Yours too:
//!
//! ```
//! use optim::scheduler::{At, LRScheduler, Schedule, Scheduler};
//! use optim::{Group, SGD};
//! # use tensor::{Parameter, tensor};
//!
//! /// base_lr / √(1 + epoch)
//! struct InverseRoot;
//! impl Schedule for InverseRoot {
//!     const NAME: &'static str = "InverseRoot";
//!     fn lr(&self, at: At) -> f64 {
//!         at.base_lr / (1.0 + at.epoch).sqrt()
//!     }
//!     fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
//!         None
//!     }
//! }
//! let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
//! let mut scheduler = LRScheduler::of(&optimizer, InverseRoot);
//! (0..3).for_each(|_| scheduler.step());
//! assert_eq!(scheduler.last_lr(), [0.25]);
//! ```

use super::Scheduler;
use super::options::Complaints;
use crate::group::{Group, Setting};
use crate::optimizer::Optimizer;

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

    /// The learning rate with which it begins in the middle of a [`SequentialLR`](super::SequentialLR), whatever came before.
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
    pub(super) epoch: f64,
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

    pub(super) fn apply(&mut self, lr: impl Fn(&S, At) -> f64) {
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

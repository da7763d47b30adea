//! Schedules at the same time.

use super::Scheduler;
use crate::group::{Group, Setting};

/// Steps several schedules at once: each multiplies what the one before has left.
///
/// ```
/// use optim::{ChainedScheduler, ConstantLR, ExponentialLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let warmup = ConstantLR::new(&optimizer).factor(0.5).total_iters(2);
/// let mut scheduler = ChainedScheduler::new(warmup).and(ExponentialLR::new(&optimizer, 0.5));
/// let lrs: Vec<f64> = (0..4).map(|_| { let lr = scheduler.last_lr()[0]; scheduler.step(); lr }).collect();
/// assert_eq!(lrs, [0.5, 0.25, 0.25, 0.125]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.ChainedScheduler")]
pub struct ChainedScheduler {
    schedulers: Vec<Box<dyn Scheduler>>,
}

impl ChainedScheduler {
    /// Begins with one.
    pub fn new(first: impl Scheduler + 'static) -> Self {
        ChainedScheduler { schedulers: vec![Box::new(first)] }
    }

    /// Another one at the same time.
    #[must_use]
    pub fn and(mut self, next: impl Scheduler + 'static) -> Self {
        self.schedulers.push(Box::new(next));
        self
    }
}

impl Scheduler for ChainedScheduler {
    fn step(&mut self) {
        self.schedulers.iter_mut().for_each(Scheduler::step);
    }

    fn groups(&self) -> &[Group] {
        self.schedulers[0].groups()
    }

    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        for (i, scheduler) in self.schedulers.iter_mut().enumerate() {
            scheduler.progress(&mut |name, setting| visit(&format!("schedulers.{i}.{name}"), setting));
        }
    }

    fn begin(&mut self) {
        self.schedulers.iter_mut().for_each(Scheduler::begin);
    }

    fn enter(&mut self) {
        let (first, rest) = self.schedulers.split_at_mut(1);
        first.iter_mut().for_each(Scheduler::enter);
        rest.iter_mut().for_each(Scheduler::begin);
    }
}

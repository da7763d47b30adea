//! Schedules one after the other.

use super::Scheduler;
use super::options::{Complaints, unless};
use crate::group::{Group, Setting};
use crate::optimizer::Optimizer;

/// One schedule, and from a milestone on the next one, which begins with the initial learning rate.
///
/// ```
/// use optim::{CosineAnnealingLR, LinearLR, SGD, Scheduler, SequentialLR};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let warmup = LinearLR::new(&optimizer).start_factor(0.5).total_iters(2);
/// let decay = CosineAnnealingLR::new(&optimizer, 8);
/// let mut scheduler = SequentialLR::new(&optimizer, warmup).then(2, decay);
/// let lrs: Vec<f64> = (0..11).map(|_| { let lr = scheduler.last_lr()[0]; scheduler.step(); lr }).collect();
/// assert_eq!((lrs[0], lrs[1], lrs[2], lrs[10]), (0.5, 0.75, 1.0, 0.0));
/// ```
#[doc(alias = "torch.optim.lr_scheduler.SequentialLR")]
pub struct SequentialLR {
    groups: Vec<Group>,
    schedulers: Vec<Box<dyn Scheduler>>,
    milestones: Vec<usize>,
    last_epoch: usize,
    complaints: Complaints,
}

impl SequentialLR {
    /// Begins with one schedule.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, first: impl Scheduler + 'static) -> Self {
        let groups = optimizer.param_groups().to_vec();
        let mut scheduler = SequentialLR {
            complaints: Complaints::of(&groups),
            groups,
            schedulers: vec![Box::new(first)],
            milestones: Vec::new(),
            last_epoch: 0,
        };
        scheduler.begin();
        scheduler
    }

    /// From step `milestone` on, the next schedule. Milestones must grow.
    #[doc(alias = "milestones")]
    #[must_use]
    pub fn then(mut self, milestone: usize, next: impl Scheduler + 'static) -> Self {
        let grow = self.milestones.last().is_none_or(|&last| last < milestone);
        self.complaints.set(unless(grow, || {
            format!("SequentialLR: milestone {milestone} after {:?}; they must grow", self.milestones)
        }));
        self.milestones.push(milestone);
        self.schedulers.push(Box::new(next));
        // The next one has set its first learning rate when it was made.
        self.begin();
        self
    }
}

impl Scheduler for SequentialLR {
    fn step(&mut self) {
        self.last_epoch += 1;
        let at = self.milestones.partition_point(|&m| m <= self.last_epoch);
        let scheduler = &mut self.schedulers[at];
        if at > 0 && self.milestones[at - 1] == self.last_epoch {
            scheduler.enter();
        } else {
            scheduler.step();
        }
    }

    fn groups(&self) -> &[Group] {
        &self.groups
    }

    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        visit("last_epoch", &mut self.last_epoch);
        for (i, scheduler) in self.schedulers.iter_mut().enumerate() {
            scheduler.progress(&mut |name, setting| visit(&format!("schedulers.{i}.{name}"), setting));
        }
    }

    fn begin(&mut self) {
        self.last_epoch = 0;
        for group in &self.groups {
            if let Some(lr) = group.initial_lr() {
                group.set_lr(lr);
            }
        }
        self.schedulers[0].begin();
    }

    fn enter(&mut self) {
        self.begin();
    }
}

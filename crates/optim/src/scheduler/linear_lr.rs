//! A learning rate that goes in a straight line from one factor to another: a warm-up.

use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;
use std::ops::Bound;

/// The learning rate times a factor that goes from `start_factor` to `end_factor` in `total_iters` epochs.
///
/// ```
/// use optim::{LinearLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = LinearLR::new(&optimizer).start_factor(0.5).total_iters(2);
/// assert_eq!(scheduler.last_lr(), [0.5]);
/// scheduler.step();
/// assert_eq!(scheduler.last_lr(), [0.75]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.LinearLR")]
#[doc(alias = "warmup")]
pub type LinearLR = LRScheduler<LinearSchedule>;

/// The options of [`LinearLR`].
#[derive(Clone, Debug)]
pub struct LinearSchedule {
    start_factor: f64,
    end_factor: f64,
    total_iters: usize,
}

impl LinearLR {
    /// From a third to the whole in 5 epochs.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O) -> Self {
        let schedule = LinearSchedule { start_factor: 1.0 / 3.0, end_factor: 1.0, total_iters: 5 };
        LRScheduler::of(optimizer, schedule)
    }

    /// The first factor, above 0 and at most 1; a third.
    #[must_use]
    pub fn start_factor(self, start_factor: f64) -> Self {
        self.with(|s| s.start_factor = start_factor)
    }

    /// The last factor, between 0 and 1; 1.
    #[must_use]
    pub fn end_factor(self, end_factor: f64) -> Self {
        self.with(|s| s.end_factor = end_factor)
    }

    /// In how many epochs; 5.
    #[must_use]
    pub fn total_iters(self, total_iters: usize) -> Self {
        self.with(|s| s.total_iters = total_iters)
    }
}

impl Schedule for LinearSchedule {
    const NAME: &'static str = "LinearLR";

    fn lr(&self, at: At) -> f64 {
        let LinearSchedule { start_factor, end_factor, total_iters } = *self;
        if at.epoch == 0.0 {
            return at.lr * start_factor;
        }
        if at.epoch > total_iters as f64 {
            return at.lr;
        }
        let slope = end_factor - start_factor;
        at.lr * (1.0 + slope / (total_iters as f64 * start_factor + (at.epoch - 1.0) * slope))
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr * self.start_factor
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        outside("start_factor", self.start_factor, (Bound::Excluded(0.0), Bound::Included(1.0)))
            .or_else(|| outside("end_factor", self.end_factor, 0.0..=1.0))
    }
}

//! A learning rate that falls by the same factor each epoch.

use super::{At, LRScheduler, Schedule};
use crate::group::Group;
use crate::optimizer::Optimizer;

/// Multiplies the learning rate by `gamma` at each step.
///
/// ```
/// use optim::{ExponentialLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = ExponentialLR::new(&optimizer, 0.5);
/// (0..3).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.125]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.ExponentialLR")]
pub type ExponentialLR = LRScheduler<ExponentialSchedule>;

/// The factor of [`ExponentialLR`].
#[derive(Clone, Debug)]
pub struct ExponentialSchedule {
    gamma: f64,
}

impl ExponentialLR {
    /// By `gamma` each step.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, gamma: f64) -> Self {
        LRScheduler::of(optimizer, ExponentialSchedule { gamma })
    }
}

impl Schedule for ExponentialSchedule {
    const NAME: &'static str = "ExponentialLR";

    fn lr(&self, at: At) -> f64 {
        at.lr * self.gamma
    }

    fn first_lr(&self, at: At) -> f64 {
        at.lr
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        None
    }
}

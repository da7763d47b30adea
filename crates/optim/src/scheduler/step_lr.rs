//! A learning rate that falls by a factor every few epochs.

use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;

/// Multiplies the learning rate by `gamma` every `step_size` epochs.
///
/// ```
/// use optim::{SGD, Scheduler, StepLR};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
/// let mut scheduler = StepLR::new(&optimizer, 10).gamma(0.5);
/// (0..25).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.125]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.StepLR")]
pub type StepLR = LRScheduler<StepSchedule>;

/// The options of [`StepLR`].
#[derive(Clone, Debug)]
pub struct StepSchedule {
    step_size: usize,
    gamma: f64,
}

impl StepLR {
    /// By 0.1 every `step_size` epochs.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, step_size: usize) -> Self {
        LRScheduler::of(optimizer, StepSchedule { step_size, gamma: 0.1 })
    }

    /// The factor; 0.1.
    #[must_use]
    pub fn gamma(self, gamma: f64) -> Self {
        self.with(|s| s.gamma = gamma)
    }
}

impl Schedule for StepSchedule {
    const NAME: &'static str = "StepLR";

    fn lr(&self, at: At) -> f64 {
        if at.epoch > 0.0 && at.epoch % self.step_size as f64 == 0.0 { at.lr * self.gamma } else { at.lr }
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        outside("step_size", self.step_size as f64, 1.0..)
    }
}

//! A learning rate that is smaller by a factor for the first epochs.

use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;

/// The learning rate times `factor`, until `total_iters` epochs have passed.
///
/// ```
/// use optim::{ConstantLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
/// let mut scheduler = ConstantLR::new(&optimizer).factor(0.5).total_iters(2);
/// assert_eq!(scheduler.last_lr(), [0.25]);
/// (0..2).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.5]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.ConstantLR")]
pub type ConstantLR = LRScheduler<ConstantSchedule>;

/// The options of [`ConstantLR`].
#[derive(Clone, Debug)]
pub struct ConstantSchedule {
    factor: f64,
    total_iters: usize,
}

impl ConstantLR {
    /// A third for 5 epochs.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O) -> Self {
        LRScheduler::of(optimizer, ConstantSchedule { factor: 1.0 / 3.0, total_iters: 5 })
    }

    /// The factor, between 0 and 1; a third.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        self.with(|s| s.factor = factor)
    }

    /// For how many epochs; 5.
    #[must_use]
    pub fn total_iters(self, total_iters: usize) -> Self {
        self.with(|s| s.total_iters = total_iters)
    }
}

impl Schedule for ConstantSchedule {
    const NAME: &'static str = "ConstantLR";

    fn lr(&self, at: At) -> f64 {
        if at.epoch == 0.0 {
            at.lr * self.factor
        } else if at.epoch == self.total_iters as f64 {
            // What was multiplied by 0 cannot be divided back.
            if self.factor == 0.0 { at.base_lr } else { at.lr * (1.0 / self.factor) }
        } else {
            at.lr
        }
    }

    fn entry_lr(&self, at: At) -> f64 {
        if self.total_iters == 0 { at.base_lr } else { at.base_lr * self.factor }
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        outside("factor", self.factor, 0.0..=1.0)
    }
}

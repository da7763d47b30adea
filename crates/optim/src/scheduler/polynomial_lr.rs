//! A learning rate that falls to 0 along a power of the time that is left.

use super::{At, LRScheduler, Schedule};
use crate::group::Group;
use crate::optimizer::Optimizer;

/// The learning rate times `(1 − epoch / total_iters)^power`.
///
/// ```
/// use optim::{PolynomialLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = PolynomialLR::new(&optimizer).total_iters(4).power(2.0);
/// (0..2).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.25]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.PolynomialLR")]
pub type PolynomialLR = LRScheduler<PolynomialSchedule>;

/// The options of [`PolynomialLR`].
#[derive(Clone, Debug)]
pub struct PolynomialSchedule {
    total_iters: usize,
    power: f64,
}

impl PolynomialLR {
    /// In a straight line to 0 in 5 epochs.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O) -> Self {
        LRScheduler::of(optimizer, PolynomialSchedule { total_iters: 5, power: 1.0 })
    }

    /// In how many epochs; 5.
    #[must_use]
    pub fn total_iters(self, total_iters: usize) -> Self {
        self.with(|s| s.total_iters = total_iters)
    }

    /// The power; 1.
    #[must_use]
    pub fn power(self, power: f64) -> Self {
        self.with(|s| s.power = power)
    }
}

impl Schedule for PolynomialSchedule {
    const NAME: &'static str = "PolynomialLR";

    fn lr(&self, at: At) -> f64 {
        let total = self.total_iters as f64;
        if at.epoch == 0.0 || at.epoch > total {
            return at.lr;
        }
        let left = |epoch: f64| 1.0 - epoch / total;
        at.lr * (left(at.epoch) / left(at.epoch - 1.0)).powf(self.power)
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        None
    }
}

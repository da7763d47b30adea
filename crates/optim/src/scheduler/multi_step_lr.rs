//! A learning rate that falls by a factor at chosen epochs.

use super::{At, LRScheduler, Schedule};
use crate::group::Group;
use crate::optimizer::Optimizer;

/// Multiplies the learning rate by `gamma` at each of the `milestones`; twice at one that is named twice.
///
/// ```
/// use optim::{MultiStepLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
/// let mut scheduler = MultiStepLR::new(&optimizer, [3, 8]).gamma(0.5);
/// (0..5).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.25]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.MultiStepLR")]
pub type MultiStepLR = LRScheduler<MultiStepSchedule>;

/// The options of [`MultiStepLR`].
#[derive(Clone, Debug)]
pub struct MultiStepSchedule {
    milestones: Vec<usize>,
    gamma: f64,
}

impl MultiStepLR {
    /// By 0.1 at each milestone.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, milestones: impl IntoIterator<Item = usize>) -> Self {
        let milestones = milestones.into_iter().collect();
        LRScheduler::of(optimizer, MultiStepSchedule { milestones, gamma: 0.1 })
    }

    /// The factor; 0.1.
    #[must_use]
    pub fn gamma(self, gamma: f64) -> Self {
        self.with(|s| s.gamma = gamma)
    }
}

impl MultiStepSchedule {
    fn factor(&self, epoch: f64) -> f64 {
        let times = self.milestones.iter().filter(|&&m| m as f64 == epoch).count();
        self.gamma.powi(times as i32)
    }
}

impl Schedule for MultiStepSchedule {
    const NAME: &'static str = "MultiStepLR";

    fn lr(&self, at: At) -> f64 {
        at.lr * self.factor(at.epoch)
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr * self.factor(0.0)
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        None
    }
}

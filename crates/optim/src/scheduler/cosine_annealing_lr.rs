//! A learning rate that falls along half a cosine, without restarts.

use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;
use std::f64::consts::PI;

/// From the initial learning rate to `eta_min` along a cosine in `t_max` epochs, and back again after them; Loshchilov
/// and Hutter, <https://arxiv.org/abs/1608.03983>:
/// `eta_min + (base_lr − eta_min)(1 + cos(π epoch / t_max)) / 2`.
///
/// ```
/// use optim::{CosineAnnealingLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = CosineAnnealingLR::new(&optimizer, 4);
/// (0..2).for_each(|_| scheduler.step());
/// assert!((scheduler.last_lr()[0] - 0.5).abs() < 1e-15);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.CosineAnnealingLR")]
pub type CosineAnnealingLR = LRScheduler<CosineSchedule>;

/// The options of [`CosineAnnealingLR`].
#[derive(Clone, Debug)]
pub struct CosineSchedule {
    t_max: usize,
    eta_min: f64,
}

impl CosineAnnealingLR {
    /// To 0 in `t_max` epochs.
    #[doc(alias = "T_max")]
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, t_max: usize) -> Self {
        LRScheduler::of(optimizer, CosineSchedule { t_max, eta_min: 0.0 })
    }

    /// The smallest learning rate; 0.
    #[must_use]
    pub fn eta_min(self, eta_min: f64) -> Self {
        self.with(|s| s.eta_min = eta_min)
    }
}

impl Schedule for CosineSchedule {
    const NAME: &'static str = "CosineAnnealingLR";

    fn lr(&self, at: At) -> f64 {
        let (period, least) = (self.t_max as f64, self.eta_min);
        // From the bottom of the cosine the ratio below would divide by 0.
        if (at.epoch - 1.0 - period) % (2.0 * period) == 0.0 {
            return at.lr + (at.base_lr - least) * (1.0 - (PI / period).cos()) / 2.0;
        }
        let height = |epoch: f64| 1.0 + (PI * epoch / period).cos();
        height(at.epoch) / height(at.epoch - 1.0) * (at.lr - least) + least
    }

    fn first_lr(&self, at: At) -> f64 {
        at.lr
    }

    fn entry_lr(&self, at: At) -> f64 {
        at.base_lr
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        outside("t_max", self.t_max as f64, 1.0..)
    }
}

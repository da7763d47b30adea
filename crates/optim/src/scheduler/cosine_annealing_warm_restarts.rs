//! A learning rate that falls along half a cosine and jumps back to the top, again and again.

use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;
use std::f64::consts::PI;

/// `eta_min + (base_lr − eta_min)(1 + cos(π t / T)) / 2`, `t` epochs after the last restart; the first period has `t_0`
/// epochs, each next one is `t_mult` times longer. Loshchilov and Hutter, <https://arxiv.org/abs/1608.03983>.
///
/// ```
/// use optim::{CosineAnnealingWarmRestarts, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = CosineAnnealingWarmRestarts::new(&optimizer, 2).t_mult(2);
/// let lrs: Vec<f64> = (0..7).map(|_| { let lr = scheduler.last_lr()[0]; scheduler.step(); lr }).collect();
/// assert_eq!(lrs.iter().filter(|&&lr| lr == 1.0).count(), 3, "epochs 0, 2 and 6");
/// ```
#[doc(alias = "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts")]
pub type CosineAnnealingWarmRestarts = LRScheduler<WarmRestarts>;

/// The options of [`CosineAnnealingWarmRestarts`].
#[derive(Clone, Debug)]
pub struct WarmRestarts {
    t_0: usize,
    t_mult: usize,
    eta_min: f64,
}

impl CosineAnnealingWarmRestarts {
    /// A restart every `t_0` epochs.
    #[doc(alias = "T_0")]
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O, t_0: usize) -> Self {
        LRScheduler::of(optimizer, WarmRestarts { t_0, t_mult: 1, eta_min: 0.0 })
    }

    /// How much longer each next period is; 1.
    #[doc(alias = "T_mult")]
    #[must_use]
    pub fn t_mult(self, t_mult: usize) -> Self {
        self.with(|s| s.t_mult = t_mult)
    }

    /// The smallest learning rate; 0.
    #[must_use]
    pub fn eta_min(self, eta_min: f64) -> Self {
        self.with(|s| s.eta_min = eta_min)
    }

    /// Goes to any time, also within an epoch: `scheduler.step_to(epoch as f64 + batch as f64 / batches as f64)`. A time
    /// before 0 counts as 0.
    pub fn step_to(&mut self, epoch: f64) {
        self.epoch = epoch.max(0.0);
        self.apply(WarmRestarts::lr);
    }
}

impl WarmRestarts {
    /// The time since the last restart, and the length of the period.
    fn within_period(&self, epoch: f64) -> (f64, f64) {
        let (mut since, mut period) = (epoch, self.t_0 as f64);
        if self.t_mult == 1 {
            return (since % period, period);
        }
        while since >= period {
            since -= period;
            period *= self.t_mult as f64;
        }
        (since, period)
    }
}

impl Schedule for WarmRestarts {
    const NAME: &'static str = "CosineAnnealingWarmRestarts";

    fn lr(&self, at: At) -> f64 {
        let (since, period) = self.within_period(at.epoch);
        self.eta_min + (at.base_lr - self.eta_min) * (1.0 + (PI * since / period).cos()) / 2.0
    }

    fn complaint(&self, _: &[Group], _: f64) -> Option<String> {
        outside("t_0", self.t_0 as f64, 1.0..).or_else(|| outside("t_mult", self.t_mult as f64, 1.0..))
    }
}

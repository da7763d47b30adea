//! A learning rate that is the initial one times a function of the epoch.

use super::options::unless;
use super::{At, LRScheduler, Schedule};
use crate::group::Group;
use crate::optimizer::Optimizer;

/// A factor for an epoch.
pub(super) type Factor = Box<dyn Fn(usize) -> f64 + Send>;

/// The initial learning rate times `lr_lambda(epoch)`.
///
/// ```
/// use optim::{LambdaLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
/// let mut scheduler = LambdaLR::new(&optimizer, |epoch| 0.5f64.powi(epoch as i32));
/// (0..2).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.125]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.LambdaLR")]
pub type LambdaLR = LRScheduler<LambdaSchedule>;

/// The functions of [`LambdaLR`]: one for all groups, or one for each.
pub struct LambdaSchedule(Vec<Factor>);

impl LambdaLR {
    /// One function for all groups.
    pub fn new<O: Optimizer + ?Sized>(
        optimizer: &O,
        lr_lambda: impl Fn(usize) -> f64 + Send + 'static,
    ) -> Self {
        LRScheduler::of(optimizer, LambdaSchedule(vec![Box::new(lr_lambda)]))
    }

    /// A function for each group.
    pub fn per_group<O: Optimizer + ?Sized>(
        optimizer: &O,
        lr_lambdas: Vec<Box<dyn Fn(usize) -> f64 + Send>>,
    ) -> Self {
        LRScheduler::of(optimizer, LambdaSchedule(lr_lambdas))
    }
}

/// The factor of a group at an epoch.
pub(super) fn factor(lambdas: &[Factor], at: At) -> f64 {
    let one = if lambdas.len() == 1 { 0 } else { at.group };
    lambdas.get(one).map_or(f64::NAN, |f| f(at.epoch as usize))
}

/// Complains if the functions are not one for all and not one for each.
pub(super) fn wrong_number(lambdas: &[Factor], groups: &[Group]) -> Option<String> {
    unless(lambdas.len() == 1 || lambdas.len() == groups.len(), || {
        format!("{} functions for {} groups", lambdas.len(), groups.len())
    })
}

impl Schedule for LambdaSchedule {
    const NAME: &'static str = "LambdaLR";

    fn lr(&self, at: At) -> f64 {
        at.base_lr * factor(&self.0, at)
    }

    fn complaint(&self, groups: &[Group], _: f64) -> Option<String> {
        wrong_number(&self.0, groups)
    }
}

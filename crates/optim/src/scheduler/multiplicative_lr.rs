//! A learning rate that is multiplied by a function of the epoch, step by step.

use super::lambda_lr::{Factor, factor, wrong_number};
use super::{At, LRScheduler, Schedule};
use crate::group::Group;
use crate::optimizer::Optimizer;

/// The learning rate times `lr_lambda(epoch)` at each step.
///
/// ```
/// use optim::{MultiplicativeLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.5);
/// let mut scheduler = MultiplicativeLR::new(&optimizer, |_| 0.5);
/// (0..2).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [0.125]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.MultiplicativeLR")]
pub type MultiplicativeLR = LRScheduler<MultiplicativeSchedule>;

/// The functions of [`MultiplicativeLR`]: one for all groups, or one for each.
pub struct MultiplicativeSchedule(Vec<Factor>);

impl MultiplicativeLR {
    /// One function for all groups.
    pub fn new<O: Optimizer + ?Sized>(
        optimizer: &O,
        lr_lambda: impl Fn(usize) -> f64 + Send + 'static,
    ) -> Self {
        LRScheduler::of(optimizer, MultiplicativeSchedule(vec![Box::new(lr_lambda)]))
    }

    /// A function for each group.
    pub fn per_group<O: Optimizer + ?Sized>(
        optimizer: &O,
        lr_lambdas: Vec<Box<dyn Fn(usize) -> f64 + Send>>,
    ) -> Self {
        LRScheduler::of(optimizer, MultiplicativeSchedule(lr_lambdas))
    }
}

impl Schedule for MultiplicativeSchedule {
    const NAME: &'static str = "MultiplicativeLR";

    fn lr(&self, at: At) -> f64 {
        at.lr * factor(&self.0, at)
    }

    fn first_lr(&self, at: At) -> f64 {
        at.lr
    }

    fn complaint(&self, groups: &[Group], _: f64) -> Option<String> {
        wrong_number(&self.0, groups)
    }
}

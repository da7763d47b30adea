//! Learning rates over time.
//!
//! A [`Schedule`] is a formula for the learning rate of a group; [`LRScheduler`] runs it. It holds handles of the
//! optimizer's groups and borrows nothing. Wrong options do not stop a schedule's `step()`, which needs no `?`: the
//! optimizer's next step is the error that says so.
//!
//! ```
//! use optim::{Optimizer, SGD, StepLR};
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([1.0]));
//! let mut optimizer = SGD::new([w.clone()], 0.1);
//! let mut scheduler = StepLR::new(&optimizer, 2).gamma(0.5);
//! let mut lrs = Vec::new();
//! for _ in 0..4 {
//!     optimizer.zero_grad();
//!     w.tensor().square().sum().backward()?;
//!     optimizer.step()?;
//!     lrs.extend(scheduler.last_lr());
//!     scheduler.step();
//! }
//! assert_eq!(lrs, [0.1, 0.1, 0.05, 0.05]);
//! # use optim::Scheduler;
//! # Ok::<(), tensor::Error>(())
//! ```

mod chained_scheduler;
mod constant_lr;
mod cosine_annealing_lr;
mod cosine_annealing_warm_restarts;
mod cyclic_lr;
mod exponential_lr;
mod lambda_lr;
mod linear_lr;
mod multi_step_lr;
mod multiplicative_lr;
mod one_cycle_lr;
mod options;
mod polynomial_lr;
mod reduce_lr_on_plateau;
mod schedule;
mod sequential_lr;
mod step_lr;

pub use chained_scheduler::ChainedScheduler;
pub use constant_lr::{ConstantLR, ConstantSchedule};
pub use cosine_annealing_lr::{CosineAnnealingLR, CosineSchedule};
pub use cosine_annealing_warm_restarts::{CosineAnnealingWarmRestarts, WarmRestarts};
pub use cyclic_lr::{CycleMode, CyclicLR, CyclicSchedule};
pub use exponential_lr::{ExponentialLR, ExponentialSchedule};
pub use lambda_lr::{LambdaLR, LambdaSchedule};
pub use linear_lr::{LinearLR, LinearSchedule};
pub use multi_step_lr::{MultiStepLR, MultiStepSchedule};
pub use multiplicative_lr::{MultiplicativeLR, MultiplicativeSchedule};
pub use one_cycle_lr::{Anneal, OneCycleLR, OneCycleSchedule};
pub use options::PerGroup;
pub use polynomial_lr::{PolynomialLR, PolynomialSchedule};
pub use reduce_lr_on_plateau::{Mode, ReduceLROnPlateau, ThresholdMode};
pub use schedule::{At, LRScheduler, Schedule};
pub use sequential_lr::SequentialLR;
pub use step_lr::{StepLR, StepSchedule};

use crate::group::{Group, Setting};
use crate::state_dict::{load_progress, of_progress};
use tensor::{Result, StateDict};

/// Whatever changes learning rates step by step.
#[doc(alias = "torch.optim.lr_scheduler.LRScheduler")]
pub trait Scheduler: Send {
    /// Goes on by one: after each epoch, or after each batch, as the schedule was meant.
    fn step(&mut self);

    /// The groups of the optimizer.
    fn groups(&self) -> &[Group];

    /// The learning rate of each group.
    #[doc(alias = "get_last_lr")]
    fn last_lr(&self) -> Vec<f64> {
        self.groups().iter().map(Group::lr).collect()
    }

    /// How far the schedule has come: each number by its name.
    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting));

    /// How far the schedule has come, as named numbers. The learning rates are in the optimizer's dictionary.
    fn state_dict(&mut self) -> StateDict {
        of_progress(&mut |visit| self.progress(visit))
    }

    /// Goes on from a dictionary of the same schedule.
    ///
    /// # Errors
    /// If something is missing or unknown: the error names everything, and nothing has changed.
    #[track_caller]
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        load_progress(dict, &mut |visit| self.progress(visit))
    }

    /// Begins, from the learning rates as they are.
    #[doc(hidden)]
    fn begin(&mut self);

    /// Begins in the middle of a sequence, from the initial learning rates.
    #[doc(hidden)]
    fn enter(&mut self);
}

impl<S: Scheduler + ?Sized> Scheduler for Box<S> {
    fn step(&mut self) {
        (**self).step();
    }
    fn groups(&self) -> &[Group] {
        (**self).groups()
    }
    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        (**self).progress(visit);
    }
    fn begin(&mut self) {
        (**self).begin();
    }
    fn enter(&mut self) {
        (**self).enter();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adagrad, Adam, Optimizer, SGD};
    use tensor::{Parameter, tensor};

    fn parameter() -> Parameter {
        let p = Parameter::new(&tensor([1.0]));
        p.set_grad(Some(&tensor([0.0]))).unwrap();
        p
    }

    fn message(optimizer: &mut dyn Optimizer) -> String {
        optimizer.step().unwrap_err().to_string()
    }

    #[test]
    fn the_next_step_of_the_optimizer_says_what_a_schedule_complains_of() {
        let mut optimizer = SGD::new([parameter()], 0.1);
        let scheduler = StepLR::new(&optimizer, 0);
        assert!(message(&mut optimizer).contains("StepLR: step_size is 0"));
        drop(scheduler);
        optimizer.step().unwrap();

        let mut once = OneCycleLR::new(&optimizer, 1.0, 2);
        (0..3).for_each(|_| once.step());
        assert!(message(&mut optimizer).contains("OneCycleLR: stepped 3 times; total_steps is 2"));
    }

    #[test]
    fn an_option_can_mend_what_another_has_broken() {
        let mut optimizer = Adagrad::new([parameter()], 0.1);
        let scheduler = CyclicLR::new(&optimizer, 0.1, 0.2);
        assert!(message(&mut optimizer).contains("neither momentum nor betas"));
        let _scheduler = scheduler.cycle_momentum(false);
        optimizer.step().unwrap();
    }

    #[test]
    fn a_list_needs_a_number_for_each_group() {
        let mut optimizer = SGD::new([parameter()], 0.1).param_group([parameter()], |_| {});
        let scheduler = OneCycleLR::new(&optimizer, [0.1, 0.2, 0.3], 10);
        assert!(message(&mut optimizer).contains("max_lr has 3 values for 2 groups"));
        drop(scheduler);
        let _scheduler = LambdaLR::per_group(&optimizer, vec![]);
        assert!(message(&mut optimizer).contains("0 functions for 2 groups"));
    }

    #[test]
    fn options_in_any_order_begin_from_the_same_rate() {
        let optimizer = SGD::new([parameter()], 1.0);
        let scheduler = ConstantLR::new(&optimizer).total_iters(3).factor(0.5).total_iters(2);
        assert_eq!(scheduler.last_lr(), [0.5]);
    }

    #[test]
    fn betas_are_cycled_where_there_is_no_momentum() {
        let optimizer = Adam::new([parameter()], 1.0);
        let _scheduler = OneCycleLR::new(&optimizer, 1.0, 10);
        assert_eq!(optimizer.param_groups()[0].get("betas.0"), Some(0.95));
    }

    #[test]
    fn a_time_within_an_epoch() {
        let optimizer = SGD::new([parameter()], 1.0);
        let mut scheduler = CosineAnnealingWarmRestarts::new(&optimizer, 2).t_mult(3);
        let mut at = |epoch| {
            scheduler.step_to(epoch);
            scheduler.last_lr()[0]
        };
        assert!((at(0.5) - 0.5 * (1.0 + (std::f64::consts::PI / 4.0).cos())).abs() < 1e-15);
        assert!((at(2.0), at(8.0)) == (1.0, 1.0));
        assert!((at(5.0) - 0.5).abs() < 1e-15);
    }
}

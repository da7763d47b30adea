//! A learning rate that rises once and then falls far below where it began.

use super::options::{PerGroup, needs_momentum, unless};
use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;
use std::f64::consts::PI;

/// The one-cycle policy, Smith and Topin, <https://arxiv.org/abs/1708.07120>: from `max_lr / div_factor` to `max_lr`
/// in the first `pct_start` of all steps, then to `max_lr / div_factor / final_div_factor`; momentum the other way
/// round. Step after each batch. `total_steps` is `epochs * batches`; more of them are an error.
///
/// ```
/// use optim::{Anneal, OneCycleLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0).momentum(0.9);
/// let mut scheduler = OneCycleLR::new(&optimizer, 1.0, 10).anneal_strategy(Anneal::Linear);
/// (0..2).for_each(|_| scheduler.step());
/// assert_eq!(scheduler.last_lr(), [1.0]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.OneCycleLR")]
pub type OneCycleLR = LRScheduler<OneCycleSchedule>;

/// The curve between two learning rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anneal {
    /// Half a cosine.
    Cos,
    /// A straight line.
    Linear,
}

impl Anneal {
    fn between(self, start: f64, end: f64, part: f64) -> f64 {
        match self {
            Anneal::Cos => end + (start - end) / 2.0 * ((PI * part).cos() + 1.0),
            Anneal::Linear => (end - start) * part + start,
        }
    }
}

/// The options of [`OneCycleLR`].
#[derive(Clone, Debug)]
pub struct OneCycleSchedule {
    max_lr: PerGroup,
    total_steps: usize,
    pct_start: f64,
    anneal: Anneal,
    cycle_momentum: bool,
    base_momentum: PerGroup,
    max_momentum: PerGroup,
    div_factor: f64,
    final_div_factor: f64,
    three_phase: bool,
}

impl OneCycleLR {
    /// Up to `max_lr`, for all groups or one for each, and down again in `total_steps` batches.
    #[doc(alias = "epochs")]
    #[doc(alias = "steps_per_epoch")]
    pub fn new<O: Optimizer + ?Sized>(
        optimizer: &O,
        max_lr: impl Into<PerGroup>,
        total_steps: usize,
    ) -> Self {
        let schedule = OneCycleSchedule {
            max_lr: max_lr.into(),
            total_steps,
            pct_start: 0.3,
            anneal: Anneal::Cos,
            cycle_momentum: true,
            base_momentum: 0.85.into(),
            max_momentum: 0.95.into(),
            div_factor: 25.0,
            final_div_factor: 1e4,
            three_phase: false,
        };
        LRScheduler::of(optimizer, schedule)
    }

    /// The part of all steps in which the learning rate rises; 0.3.
    #[must_use]
    pub fn pct_start(self, part: f64) -> Self {
        self.with(|s| s.pct_start = part)
    }

    /// The curve; half a cosine.
    #[must_use]
    pub fn anneal_strategy(self, anneal: Anneal) -> Self {
        self.with(|s| s.anneal = anneal)
    }

    /// Whether momentum (of Adam and its kin: the first beta) goes the other way round; true.
    #[must_use]
    pub fn cycle_momentum(self, cycle: bool) -> Self {
        self.with(|s| s.cycle_momentum = cycle)
    }

    /// The lower bound of the momentum; 0.85.
    #[must_use]
    pub fn base_momentum(self, momentum: impl Into<PerGroup>) -> Self {
        self.with(|s| s.base_momentum = momentum.into())
    }

    /// The upper bound of the momentum; 0.95.
    #[must_use]
    pub fn max_momentum(self, momentum: impl Into<PerGroup>) -> Self {
        self.with(|s| s.max_momentum = momentum.into())
    }

    /// How much smaller than `max_lr` the first learning rate is; 25.
    #[must_use]
    pub fn div_factor(self, factor: f64) -> Self {
        self.with(|s| s.div_factor = factor)
    }

    /// How much smaller than the first learning rate the last one is; 1e4.
    #[must_use]
    pub fn final_div_factor(self, factor: f64) -> Self {
        self.with(|s| s.final_div_factor = factor)
    }

    /// Whether it falls back to the first learning rate as fast as it rose, and only then to the last one.
    #[must_use]
    pub fn three_phase(self, three_phase: bool) -> Self {
        self.with(|s| s.three_phase = three_phase)
    }
}

/// The ends of a phase: low and high are those of the cycle, `least` is the last learning rate of all.
#[derive(Clone, Copy)]
enum Level {
    Low,
    High,
    Least,
}

impl OneCycleSchedule {
    fn first(&self, group: usize) -> f64 {
        self.max_lr.get(group) / self.div_factor
    }

    /// From which level to which, and the part of the way.
    fn phase(&self, step: f64) -> (Level, Level, f64) {
        let total = self.total_steps as f64;
        let top = self.pct_start * total - 1.0;
        let mut phases = vec![(top, Level::Low, Level::High)];
        if self.three_phase {
            phases.push((2.0 * self.pct_start * total - 2.0, Level::High, Level::Low));
            phases.push((total - 1.0, Level::Low, Level::Least));
        } else {
            phases.push((total - 1.0, Level::High, Level::Least));
        }
        let mut start = 0.0;
        let last = phases.len() - 1;
        for (i, (end, from, to)) in phases.into_iter().enumerate() {
            if step <= end || i == last {
                return (from, to, (step - start) / (end - start));
            }
            start = end;
        }
        (Level::High, Level::Least, 1.0)
    }
}

impl Schedule for OneCycleSchedule {
    const NAME: &'static str = "OneCycleLR";

    fn lr(&self, at: At) -> f64 {
        let (from, to, part) = self.phase(at.epoch);
        let first = self.first(at.group);
        let lr = |level| match level {
            Level::Low => first,
            Level::High => self.max_lr.get(at.group),
            Level::Least => first / self.final_div_factor,
        };
        self.anneal.between(lr(from), lr(to), part)
    }

    fn momentum(&self, at: At) -> Option<f64> {
        let (from, to, part) = self.phase(at.epoch);
        let momentum = |level| match level {
            Level::High => self.base_momentum.get(at.group),
            Level::Low | Level::Least => self.max_momentum.get(at.group),
        };
        self.cycle_momentum.then(|| self.anneal.between(momentum(from), momentum(to), part))
    }

    fn initial_lr(&self, group: usize, _: Option<f64>) -> Option<f64> {
        Some(self.first(group))
    }

    fn complaint(&self, groups: &[Group], epoch: f64) -> Option<String> {
        let total = self.total_steps;
        outside("total_steps", total as f64, 1.0..)
            .or_else(|| {
                unless(epoch <= total as f64, || format!("stepped {epoch} times; total_steps is {total}"))
            })
            .or_else(|| outside("pct_start", self.pct_start, 0.0..=1.0))
            .or_else(|| self.max_lr.complaint("max_lr", groups))
            .or_else(|| if self.cycle_momentum { needs_momentum(groups) } else { None })
            .or_else(|| self.base_momentum.complaint("base_momentum", groups))
            .or_else(|| self.max_momentum.complaint("max_momentum", groups))
    }
}

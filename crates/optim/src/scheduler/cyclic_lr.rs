//! A learning rate that goes up and down between two bounds.

use super::options::{PerGroup, needs_momentum};
use super::{At, LRScheduler, Schedule};
use crate::bounds::outside;
use crate::group::Group;
use crate::optimizer::Optimizer;

/// Cyclical learning rates, Smith, <https://arxiv.org/abs/1506.01186>: in straight lines from `base_lr` to `max_lr` in
/// `step_size_up` batches and back in `step_size_down`; momentum the other way round. Step after each batch.
///
/// ```
/// use optim::{CyclicLR, SGD, Scheduler};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = CyclicLR::new(&optimizer, 0.25, 0.75).step_size_up(2);
/// let lrs: Vec<f64> = (0..5).map(|_| { let lr = scheduler.last_lr()[0]; scheduler.step(); lr }).collect();
/// assert_eq!(lrs, [0.25, 0.5, 0.75, 0.5, 0.25]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.CyclicLR")]
pub type CyclicLR = LRScheduler<CyclicSchedule>;

/// How the height of a cycle changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CycleMode {
    /// It does not.
    Triangular,
    /// Halved after each cycle.
    Triangular2,
    /// Times `gamma` after each batch.
    ExpRange,
}

/// What a scale function is asked with, and the function.
enum Scale {
    Mode(CycleMode),
    OfCycle(Box<dyn Fn(f64) -> f64 + Send>),
    OfIterations(Box<dyn Fn(f64) -> f64 + Send>),
}

/// The options of [`CyclicLR`].
pub struct CyclicSchedule {
    base_lr: PerGroup,
    max_lr: PerGroup,
    step_size_up: usize,
    step_size_down: Option<usize>,
    scale: Scale,
    gamma: f64,
    cycle_momentum: bool,
    base_momentum: PerGroup,
    max_momentum: PerGroup,
}

impl CyclicLR {
    /// Between `base_lr` and `max_lr`, each for all groups or one for each, with 2000 batches up and 2000 down.
    pub fn new<O: Optimizer + ?Sized>(
        optimizer: &O,
        base_lr: impl Into<PerGroup>,
        max_lr: impl Into<PerGroup>,
    ) -> Self {
        let schedule = CyclicSchedule {
            base_lr: base_lr.into(),
            max_lr: max_lr.into(),
            step_size_up: 2000,
            step_size_down: None,
            scale: Scale::Mode(CycleMode::Triangular),
            gamma: 1.0,
            cycle_momentum: true,
            base_momentum: 0.8.into(),
            max_momentum: 0.9.into(),
        };
        LRScheduler::of(optimizer, schedule)
    }

    /// Batches from the lower bound to the upper; 2000.
    #[must_use]
    pub fn step_size_up(self, batches: usize) -> Self {
        self.with(|s| s.step_size_up = batches)
    }

    /// Batches from the upper bound to the lower; as many as up.
    #[must_use]
    pub fn step_size_down(self, batches: usize) -> Self {
        self.with(|s| s.step_size_down = Some(batches))
    }

    /// How the height of a cycle changes; not at all.
    #[must_use]
    pub fn mode(self, mode: CycleMode) -> Self {
        self.with(|s| s.scale = Scale::Mode(mode))
    }

    /// The factor of [`CycleMode::ExpRange`]; 1.
    #[must_use]
    pub fn gamma(self, gamma: f64) -> Self {
        self.with(|s| s.gamma = gamma)
    }

    /// The height as a function of the number of the cycle, which begins with 1.
    #[doc(alias = "scale_fn")]
    #[must_use]
    pub fn scale_by_cycle(self, scale: impl Fn(f64) -> f64 + Send + 'static) -> Self {
        self.with(|s| s.scale = Scale::OfCycle(Box::new(scale)))
    }

    /// The height as a function of the number of batches so far.
    #[doc(alias = "scale_fn")]
    #[must_use]
    pub fn scale_by_iterations(self, scale: impl Fn(f64) -> f64 + Send + 'static) -> Self {
        self.with(|s| s.scale = Scale::OfIterations(Box::new(scale)))
    }

    /// Whether momentum (of Adam and its kin: the first beta) goes the other way round; true.
    #[must_use]
    pub fn cycle_momentum(self, cycle: bool) -> Self {
        self.with(|s| s.cycle_momentum = cycle)
    }

    /// The lower bound of the momentum; 0.8.
    #[must_use]
    pub fn base_momentum(self, momentum: impl Into<PerGroup>) -> Self {
        self.with(|s| s.base_momentum = momentum.into())
    }

    /// The upper bound of the momentum; 0.9.
    #[must_use]
    pub fn max_momentum(self, momentum: impl Into<PerGroup>) -> Self {
        self.with(|s| s.max_momentum = momentum.into())
    }
}

impl CyclicSchedule {
    /// How high the cycle is at this batch, as a part of its full height.
    fn height(&self, epoch: f64) -> f64 {
        let up = self.step_size_up as f64;
        let total = up + self.step_size_down.unwrap_or(self.step_size_up) as f64;
        let cycle = (1.0 + epoch / total).floor();
        let x = 1.0 + epoch / total - cycle;
        let ratio = up / total;
        let triangle = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        let scale = match &self.scale {
            Scale::Mode(CycleMode::Triangular) => 1.0,
            Scale::Mode(CycleMode::Triangular2) => 1.0 / 2f64.powf(cycle - 1.0),
            Scale::Mode(CycleMode::ExpRange) => self.gamma.powf(epoch),
            Scale::OfCycle(f) => f(cycle),
            Scale::OfIterations(f) => f(epoch),
        };
        triangle * scale
    }
}

impl Schedule for CyclicSchedule {
    const NAME: &'static str = "CyclicLR";

    fn lr(&self, at: At) -> f64 {
        let (base, max) = (self.base_lr.get(at.group), self.max_lr.get(at.group));
        base + (max - base) * self.height(at.epoch)
    }

    fn momentum(&self, at: At) -> Option<f64> {
        let (base, max) = (self.base_momentum.get(at.group), self.max_momentum.get(at.group));
        self.cycle_momentum.then(|| max - (max - base) * self.height(at.epoch))
    }

    fn initial_lr(&self, group: usize, earlier: Option<f64>) -> Option<f64> {
        earlier.or_else(|| Some(self.base_lr.get(group)))
    }

    fn complaint(&self, groups: &[Group], _: f64) -> Option<String> {
        outside("step_size_up", self.step_size_up as f64, 1.0..)
            .or_else(|| self.base_lr.complaint("base_lr", groups))
            .or_else(|| self.max_lr.complaint("max_lr", groups))
            .or_else(|| if self.cycle_momentum { needs_momentum(groups) } else { None })
            .or_else(|| self.base_momentum.complaint("base_momentum", groups))
            .or_else(|| self.max_momentum.complaint("max_momentum", groups))
    }
}

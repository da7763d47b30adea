//! A learning rate that falls when a metric has stopped to improve.

use super::options::{Complaints, PerGroup};
use crate::bounds::outside;
use crate::group::{Group, Setting};
use crate::optimizer::Optimizer;
use crate::state_dict::{load_progress, of_progress};
use tensor::{Result, StateDict};

/// Whether smaller or larger metrics are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A loss.
    Min,
    /// An accuracy.
    Max,
}

impl Mode {
    /// Whether a metric is better than the best one so far, by the threshold. NaN never is.
    pub(crate) fn improves(self, metric: f64, best: Option<f64>, by: f64, threshold: ThresholdMode) -> bool {
        let best = best.unwrap_or(if self == Mode::Min { f64::INFINITY } else { f64::NEG_INFINITY });
        match (self, threshold) {
            (Mode::Min, ThresholdMode::Rel) => metric < best * (1.0 - by),
            (Mode::Min, ThresholdMode::Abs) => metric < best - by,
            (Mode::Max, ThresholdMode::Rel) => metric > best * (1.0 + by),
            (Mode::Max, ThresholdMode::Abs) => metric > best + by,
        }
    }
}

/// By how much a metric must improve to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdMode {
    /// By a part of the best one.
    Rel,
    /// By that much.
    Abs,
}

/// Multiplies the learning rate by `factor` when a metric has not improved for more than `patience` epochs.
///
/// ```
/// use optim::{ReduceLROnPlateau, SGD};
/// # use tensor::{Parameter, tensor};
/// let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 1.0);
/// let mut scheduler = ReduceLROnPlateau::new(&optimizer).patience(1).factor(0.5);
/// for validation_loss in [0.9, 0.7, 0.8, 0.8] {
///     scheduler.step(validation_loss);
/// }
/// assert_eq!(scheduler.last_lr(), [0.5]);
/// ```
#[doc(alias = "torch.optim.lr_scheduler.ReduceLROnPlateau")]
pub struct ReduceLROnPlateau {
    groups: Vec<Group>,
    mode: Mode,
    factor: f64,
    patience: usize,
    threshold: f64,
    threshold_mode: ThresholdMode,
    cooldown: usize,
    min_lr: PerGroup,
    eps: f64,
    last_epoch: usize,
    /// `None` before the first metric.
    best: Option<f64>,
    num_bad_epochs: usize,
    cooldown_counter: usize,
    complaints: Complaints,
}

impl ReduceLROnPlateau {
    /// By 0.1 after 10 epochs in which the metric has not become smaller by a ten thousandth.
    pub fn new<O: Optimizer + ?Sized>(optimizer: &O) -> Self {
        let groups = optimizer.param_groups().to_vec();
        ReduceLROnPlateau {
            complaints: Complaints::of(&groups),
            groups,
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: 0.0.into(),
            eps: 1e-8,
            last_epoch: 0,
            best: None,
            num_bad_epochs: 0,
            cooldown_counter: 0,
        }
    }

    /// Whether smaller or larger is better; smaller.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        self.checked(|s| s.mode = mode)
    }

    /// The factor, below 1; 0.1.
    #[must_use]
    pub fn factor(self, factor: f64) -> Self {
        self.checked(|s| s.factor = factor)
    }

    /// How many epochs without improvement are tolerated; 10.
    #[must_use]
    pub fn patience(self, epochs: usize) -> Self {
        self.checked(|s| s.patience = epochs)
    }

    /// By how much the metric must improve; 1e-4.
    #[must_use]
    pub fn threshold(self, threshold: f64) -> Self {
        self.checked(|s| s.threshold = threshold)
    }

    /// Whether the threshold is a part of the best metric, or absolute; a part.
    #[must_use]
    pub fn threshold_mode(self, mode: ThresholdMode) -> Self {
        self.checked(|s| s.threshold_mode = mode)
    }

    /// How many epochs after a reduction do not count; 0.
    #[must_use]
    pub fn cooldown(self, epochs: usize) -> Self {
        self.checked(|s| s.cooldown = epochs)
    }

    /// The smallest learning rate, of all groups or one for each; 0.
    #[must_use]
    pub fn min_lr(self, min_lr: impl Into<PerGroup>) -> Self {
        self.checked(|s| s.min_lr = min_lr.into())
    }

    /// A reduction by less than this is left; 1e-8.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.checked(|s| s.eps = eps)
    }

    fn checked(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        let complaint =
            outside("factor", self.factor, ..1.0).or_else(|| self.min_lr.complaint("min_lr", &self.groups));
        self.complaints.set(complaint.map(|c| format!("ReduceLROnPlateau: {c}")));
        self
    }

    /// Takes the metric of an epoch. NaN counts as no improvement.
    pub fn step(&mut self, metric: f64) {
        self.last_epoch += 1;
        if self.mode.improves(metric, self.best, self.threshold, self.threshold_mode) {
            self.best = Some(metric);
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.num_bad_epochs = 0;
        }
        if self.num_bad_epochs > self.patience {
            for (i, group) in self.groups.iter().enumerate() {
                let (old, new) = (group.lr(), (group.lr() * self.factor).max(self.min_lr.get(i)));
                if old - new > self.eps {
                    group.set_lr(new);
                }
            }
            self.cooldown_counter = self.cooldown;
            self.num_bad_epochs = 0;
        }
    }

    /// The learning rate of each group.
    #[doc(alias = "get_last_lr")]
    pub fn last_lr(&self) -> Vec<f64> {
        self.groups.iter().map(Group::lr).collect()
    }

    /// How far the schedule has come, as named numbers. The learning rates are in the optimizer's dictionary.
    pub fn state_dict(&mut self) -> StateDict {
        of_progress(&mut |visit| self.progress(visit))
    }

    /// Goes on from a dictionary of the same schedule.
    ///
    /// # Errors
    /// If something is missing or unknown: the error names everything, and nothing has changed.
    #[track_caller]
    pub fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        load_progress(dict, &mut |visit| self.progress(visit))
    }

    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        visit("last_epoch", &mut self.last_epoch);
        visit("best", &mut self.best);
        visit("num_bad_epochs", &mut self.num_bad_epochs);
        visit("cooldown_counter", &mut self.cooldown_counter);
    }
}

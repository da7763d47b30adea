//! When to stop: the metric of a validation set has not improved for some epochs.
//!
//! ```
//! use optim::EarlyStopping;
//!
//! let mut stopping = EarlyStopping::new().patience(2);
//! let mut best = None;
//! for (epoch, validation_loss) in [0.9, 0.5, 0.6, 0.55, 0.4].into_iter().enumerate() {
//!     let stop = stopping.step(validation_loss);
//!     if stopping.improved() {
//!         best = Some(epoch); // and here one keeps `model.state_dict()`
//!     }
//!     if stop {
//!         break;
//!     }
//! }
//! assert_eq!((best, stopping.best()), (Some(1), Some(0.5)));
//! ```

use crate::group::Setting;
use crate::scheduler::{Mode, ThresholdMode};
use crate::state_dict::{load_progress, of_progress};
use tensor::{Result, StateDict};

/// Says when a metric has not improved for `patience` epochs.
#[doc(alias = "patience")]
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    mode: Mode,
    patience: usize,
    min_delta: f64,
    /// `None` before the first metric.
    best: Option<f64>,
    num_bad_epochs: usize,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self::new()
    }
}

impl EarlyStopping {
    /// After 10 epochs in which the metric has not become smaller.
    pub fn new() -> Self {
        EarlyStopping { mode: Mode::Min, patience: 10, min_delta: 0.0, best: None, num_bad_epochs: 0 }
    }

    /// Whether smaller or larger is better; smaller.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// After how many epochs in a row without improvement it is time; 10. With 0 as with 1, the first one ends it.
    #[must_use]
    pub fn patience(mut self, epochs: usize) -> Self {
        self.patience = epochs;
        self
    }

    /// By how much the metric must improve to count; 0.
    #[must_use]
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// Takes the metric of an epoch, and says whether to stop. NaN counts as no improvement.
    #[must_use]
    pub fn step(&mut self, metric: f64) -> bool {
        if self.mode.improves(metric, self.best, self.min_delta, ThresholdMode::Abs) {
            self.best = Some(metric);
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        self.num_bad_epochs >= self.patience.max(1)
    }

    /// Whether the last metric was the best one so far: the time to keep the weights.
    pub fn improved(&self) -> bool {
        self.best.is_some() && self.num_bad_epochs == 0
    }

    /// The best metric so far; `None` before the first.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// What has been seen, as named numbers.
    pub fn state_dict(&mut self) -> StateDict {
        of_progress(&mut |visit| self.progress(visit))
    }

    /// Goes on from such a dictionary.
    ///
    /// # Errors
    /// If something is missing or unknown: the error names everything, and nothing has changed.
    #[track_caller]
    pub fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        load_progress(dict, &mut |visit| self.progress(visit))
    }

    fn progress(&mut self, visit: &mut dyn FnMut(&str, &mut dyn Setting)) {
        visit("best", &mut self.best);
        visit("num_bad_epochs", &mut self.num_bad_epochs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(mut stopping: EarlyStopping, metrics: &[f64]) -> Option<usize> {
        metrics.iter().position(|&metric| stopping.step(metric))
    }

    #[test]
    fn it_stops_after_that_many_bad_epochs_in_a_row() {
        let new = EarlyStopping::new;
        assert_eq!(stops(new().patience(2), &[1.0, 0.5, 0.6, 0.4, 0.5, 0.4, 0.1]), Some(5));
        assert_eq!(stops(new().patience(2).mode(Mode::Max), &[0.1, 0.5, 0.4, 0.6, 0.6, 0.5]), Some(5));
        assert_eq!(stops(new().patience(1).min_delta(0.1), &[1.0, 0.8, 0.75]), Some(2));
        assert_eq!(stops(new().patience(0), &[1.0, 0.9, 0.9]), Some(2));
        assert_eq!(stops(new().patience(3), &[f64::NAN; 4]), Some(2));
    }

    #[test]
    fn what_came_before_counts_after_a_checkpoint() -> Result<()> {
        let mut first = EarlyStopping::new().patience(2);
        assert!(!first.improved() && !first.step(0.5) && first.improved() && !first.step(0.6));
        let mut second = EarlyStopping::new().patience(2);
        second.load_state_dict(&first.state_dict())?;
        assert!(second.step(0.55) && !second.improved());
        assert_eq!(second.best(), Some(0.5));
        assert!(second.load_state_dict(&StateDict::new()).is_err());
        Ok(())
    }
}

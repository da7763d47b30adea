//! A group of parameters that share their options, as a handle: what a schedule changes, the optimizer sees.
//!
//! ```
//! use optim::{Optimizer, SGD};
//! use tensor::{Parameter, tensor};
//!
//! let optimizer = SGD::new([Parameter::new(&tensor([1.0]))], 0.1).momentum(0.9);
//! let group = &optimizer.param_groups()[0];
//! group.set_lr(0.05);
//! assert_eq!(optimizer.param_groups()[0].get("lr"), Some(0.05));
//! assert_eq!(group.get("momentum"), Some(0.9));
//! ```

use crate::rule::Rule;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tensor::{AtCaller, Error, Parameter, Result};

/// One option, seen as a number: `true` is 1.
pub trait Setting {
    /// The number.
    fn get(&self) -> f64;
    /// Replaces it.
    fn set(&mut self, value: f64);
}

impl Setting for f64 {
    fn get(&self) -> f64 {
        *self
    }
    fn set(&mut self, value: f64) {
        *self = value;
    }
}

impl Setting for bool {
    fn get(&self) -> f64 {
        f64::from(u8::from(*self))
    }
    fn set(&mut self, value: f64) {
        *self = value != 0.0;
    }
}

/// A whole number; a negative or broken one becomes 0.
impl Setting for usize {
    fn get(&self) -> f64 {
        *self as f64
    }
    fn set(&mut self, value: f64) {
        *self = value as usize;
    }
}

/// NaN stands for `None`.
impl Setting for Option<f64> {
    fn get(&self) -> f64 {
        self.unwrap_or(f64::NAN)
    }
    fn set(&mut self, value: f64) {
        *self = (!value.is_nan()).then_some(value);
    }
}

/// The options of any optimizer, by name.
pub(crate) trait Options: Send {
    fn visit(&mut self, f: &mut dyn FnMut(&'static str, &mut dyn Setting));
}

impl<R: Rule> Options for R {
    fn visit(&mut self, f: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        self.settings(f);
    }
}

/// What all handles of a group see.
pub(crate) struct Shared<R: ?Sized> {
    /// The learning rate before any schedule changed it.
    initial_lr: Option<f64>,
    /// What schedules have to complain of, each under its number. They step without `?`, so the optimizer's next step
    /// says it for them.
    complaints: Vec<(u64, String)>,
    pub(crate) options: R,
}

impl<R> Shared<R> {
    pub(crate) fn new(options: R) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Shared { initial_lr: None, complaints: Vec::new(), options }))
    }
}

impl<R: ?Sized> Shared<R> {
    /// What a schedule has to complain of.
    #[track_caller]
    pub(crate) fn check(&self) -> Result<()> {
        match self.complaints.first() {
            None => Ok(()),
            Some((_, complaint)) => Err(Error::value("step", complaint.clone())),
        }
    }
}

/// No foreign code but a rule's list of settings runs under this lock, so a poisoned one holds whole options.
pub(crate) fn lock<T: ?Sized>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Parameters that share their options. Clones are the same group.
#[doc(alias = "param_groups")]
#[derive(Clone)]
pub struct Group {
    pub(crate) shared: Arc<Mutex<Shared<dyn Options>>>,
    pub(crate) parameters: Arc<[Parameter]>,
}

impl Group {
    /// The parameters, in the order in which they were given.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The learning rate.
    pub fn lr(&self) -> f64 {
        self.get("lr").unwrap_or(f64::NAN)
    }

    /// Changes the learning rate for the next step.
    pub fn set_lr(&self, lr: f64) {
        self.find("lr", |setting| setting.set(lr));
    }

    /// The learning rate before any schedule changed it; `None` if there is no schedule.
    pub fn initial_lr(&self) -> Option<f64> {
        lock(&self.shared).initial_lr
    }

    /// Replaces what schedules begin with.
    pub fn set_initial_lr(&self, lr: Option<f64>) {
        lock(&self.shared).initial_lr = lr;
    }

    /// An option by PyTorch's name, as a number. The members of a pair are `betas.0` and `betas.1`.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.find(name, |setting| setting.get())
    }

    /// Changes an option for the next step.
    ///
    /// # Errors
    /// If the optimizer has no such option.
    #[track_caller]
    pub fn set(&self, name: &str, value: f64) -> Result<()> {
        self.find(name, |setting| setting.set(value))
            .ok_or_else(|| {
                let names: Vec<&str> = self.settings().iter().map(|s| s.0).collect();
                Error::value("Group::set", format!("no option {name}; there are {}", names.join(", ")))
            })
            .at_caller()
    }

    /// All options by name.
    pub fn settings(&self) -> Vec<(&'static str, f64)> {
        let mut all = Vec::new();
        lock(&self.shared).options.visit(&mut |name, setting| all.push((name, setting.get())));
        all
    }

    /// Replaces the complaint of schedule `number`.
    pub(crate) fn complain(&self, number: u64, complaint: Option<String>) {
        let complaints = &mut lock(&self.shared).complaints;
        complaints.retain(|c| c.0 != number);
        complaints.extend(complaint.map(|c| (number, c)));
    }

    pub(crate) fn find<A>(&self, name: &str, mut f: impl FnMut(&mut dyn Setting) -> A) -> Option<A> {
        let mut found = None;
        lock(&self.shared).options.visit(&mut |n, setting| {
            if n == name {
                found = Some(f(setting));
            }
        });
        found
    }
}

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
use tensor::{Error, Parameter, Result};

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

/// The options of any rule, by name.
pub(crate) trait Options: Send {
    fn visit(&mut self, f: &mut dyn FnMut(&'static str, &mut dyn Setting));
}

impl<R: Rule> Options for R {
    fn visit(&mut self, f: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        self.settings(f);
    }
}

/// No foreign code but a rule's list of settings runs under this lock, so a poisoned one holds whole options.
pub(crate) fn lock<T: ?Sized>(options: &Mutex<T>) -> MutexGuard<'_, T> {
    options.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Parameters that share their options. Clones are the same group.
#[doc(alias = "param_groups")]
#[derive(Clone)]
pub struct Group {
    pub(crate) options: Arc<Mutex<dyn Options>>,
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
        self.find(name, |setting| setting.set(value)).ok_or_else(|| {
            let names: Vec<&str> = self.settings().iter().map(|s| s.0).collect();
            Error::value("Group::set", format!("no option {name}; there are {}", names.join(", ")))
        })
    }

    /// All options by name.
    pub fn settings(&self) -> Vec<(&'static str, f64)> {
        let mut all = Vec::new();
        lock(&self.options).visit(&mut |name, setting| all.push((name, setting.get())));
        all
    }

    fn find<A>(&self, name: &str, mut f: impl FnMut(&mut dyn Setting) -> A) -> Option<A> {
        let mut found = None;
        lock(&self.options).visit(&mut |n, setting| {
            if n == name {
                found = Some(f(setting));
            }
        });
        found
    }
}

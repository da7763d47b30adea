//! AdamW: [`Adam`](crate::Adam) whose weight decay shrinks the values and does not pass through the gradient.

use crate::adam::AdamOptions;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule};
use crate::state::State;
use std::ops::{Deref, DerefMut};
use tensor::{Parameter, Result};

/// Adam with decoupled weight decay, Loshchilov and Hutter, <https://arxiv.org/abs/1711.05101>:
/// `θ ← θ − lr · weight_decay · θ`, then the step of [`Adam`](crate::Adam).
///
/// ```
/// use optim::{AdamW, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = AdamW::new([w.clone()], 0.1).weight_decay(0.5);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.8500, -2.7500], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.AdamW")]
pub type AdamW = Optim<AdamWOptions>;

/// The options of [`AdamW`]: those of [`Adam`](crate::Adam).
#[derive(Clone, Copy, Debug)]
pub struct AdamWOptions(AdamOptions);

impl Deref for AdamWOptions {
    type Target = AdamOptions;
    fn deref(&self) -> &AdamOptions {
        &self.0
    }
}

impl DerefMut for AdamWOptions {
    fn deref_mut(&mut self) -> &mut AdamOptions {
        &mut self.0
    }
}

impl AdamW {
    /// With betas (0.9, 0.999), eps 1e-8 and weight decay 0.01. PyTorch's default for `lr` is 1e-3.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        Optim::of(parameters, AdamWOptions(AdamOptions { weight_decay: 0.01, ..AdamOptions::new(lr) }))
    }

    /// How much of the running means of the gradient and of its square stays; 0.9 and 0.999.
    #[must_use]
    pub fn betas(self, of_mean: f64, of_square: f64) -> Self {
        self.with(|o| o.betas = (of_mean, of_square))
    }

    /// Keeps the denominator from 0; 1e-8.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.eps = eps)
    }

    /// By how much `lr` times the values shrink in a step; 0.01.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Divides by the largest second moment so far.
    #[must_use]
    pub fn amsgrad(self, amsgrad: bool) -> Self {
        self.with(|o| o.amsgrad = amsgrad)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdamWOptions {
    const NAME: &'static str = "AdamW";
    const ARRAYS: &'static [&'static str] = AdamOptions::ARRAYS;
    const NUMBERS: &'static [&'static str] = AdamOptions::NUMBERS;

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        self.0.settings(visit);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        self.0.check_as(Self::NAME)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        self.step(state, values, grad, true);
    }
}

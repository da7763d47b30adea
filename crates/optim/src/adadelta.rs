//! Adadelta: steps in the units of the parameter, from running means of squared gradients and squared steps.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Adadelta, Zeiler, <https://arxiv.org/abs/1212.5701>.
///
/// ```text
/// g ← g + weight_decay · θ
/// s ← rho · s + (1 − rho) g²
/// Δ ← √(u + eps) / √(s + eps) · g
/// u ← rho · u + (1 − rho) Δ²
/// θ ← θ − lr · Δ
/// ```
///
/// ```
/// use optim::{Adadelta, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = Adadelta::new([w.clone()], 1.0).eps(1e-2);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.6877, -2.6842], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Adadelta")]
pub type Adadelta = Optim<AdadeltaOptions>;

/// The options of [`Adadelta`].
#[derive(Clone, Copy, Debug)]
pub struct AdadeltaOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the running means stays.
    pub rho: f64,
    /// Keeps the denominator from 0, and the first step from being 0.
    pub eps: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Adadelta {
    /// With rho 0.9 and eps 1e-6. PyTorch's default for `lr` is 1.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        Optim::of(parameters, AdadeltaOptions { lr, rho: 0.9, eps: 1e-6, weight_decay: 0.0, maximize: false })
    }

    /// How much of the running means stays; 0.9.
    #[must_use]
    pub fn rho(self, rho: f64) -> Self {
        self.with(|o| o.rho = rho)
    }

    /// Keeps the denominator from 0, and the first step from being 0; 1e-6.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.eps = eps)
    }

    /// The factor of the L2 penalty; 0.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdadeltaOptions {
    const NAME: &'static str = "Adadelta";
    const ARRAYS: &'static [&'static str] = &["square_avg", "acc_delta"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("rho", &mut self.rho);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "rho", self.rho, 0.0..=1.0)?;
        within(Self::NAME, "eps", self.eps, 0.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        state.count();
        state.each([0, 1], values, grad, *self);
    }
}

impl Formula<2> for AdadeltaOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s, u]: [R; 2]) -> (R, [R; 2]) {
        let mean = |mean: R, new: R| mean * self.rho + new * (1.0 - self.rho);
        let g = decayed(x, g, self.maximize, self.weight_decay);
        let s = mean(s, g * g);
        let delta = (u + self.eps).sqrt() / (s + self.eps).sqrt() * g;
        (x - delta * self.lr, [s, mean(u, delta * delta)])
    }
}

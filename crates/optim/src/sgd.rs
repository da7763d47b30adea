//! Stochastic gradient descent, with momentum as PyTorch has it: the learning rate is outside of the velocity.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Error, Parameter, Result};

/// Stochastic gradient descent.
///
/// ```text
/// g ← g + weight_decay · θ
/// v ← momentum · v + (1 − dampening) · g      (v = g in the first step)
/// g ← g + momentum · v  with nesterov, else v
/// θ ← θ − lr · g
/// ```
///
/// ```
/// use optim::{Optimizer, SGD};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0]));
/// let mut optimizer = SGD::new([w.clone()], 0.1).momentum(0.9).nesterov(true);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([0.6200], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.SGD")]
pub type SGD = Optim<SGDOptions>;

/// The options of [`SGD`].
#[derive(Clone, Copy, Debug)]
pub struct SGDOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the velocity stays.
    pub momentum: f64,
    /// How much of the gradient does not enter the velocity.
    pub dampening: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// Looks ahead along the velocity.
    pub nesterov: bool,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl SGD {
    /// Plain descent by `lr · gradient`.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let plain = SGDOptions {
            lr,
            momentum: 0.0,
            dampening: 0.0,
            weight_decay: 0.0,
            nesterov: false,
            maximize: false,
        };
        Optim::of(parameters, plain)
    }

    /// How much of the velocity stays; 0.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        self.with(|o| o.momentum = momentum)
    }

    /// How much of the gradient does not enter the velocity; 0.
    #[must_use]
    pub fn dampening(self, dampening: f64) -> Self {
        self.with(|o| o.dampening = dampening)
    }

    /// The factor of the L2 penalty; 0.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// Looks ahead along the velocity. Needs momentum, and no dampening.
    #[must_use]
    pub fn nesterov(self, nesterov: bool) -> Self {
        self.with(|o| o.nesterov = nesterov)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for SGDOptions {
    const NAME: &'static str = "SGD";
    const ARRAYS: &'static [&'static str] = &["momentum_buffer"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("momentum", &mut self.momentum);
        visit("dampening", &mut self.dampening);
        visit("weight_decay", &mut self.weight_decay);
        visit("nesterov", &mut self.nesterov);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "momentum", self.momentum, 0.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::value(
                Self::NAME,
                format!(
                    "nesterov needs a momentum above 0 and no dampening; they are {} and {}",
                    self.momentum, self.dampening
                ),
            ));
        }
        Ok(())
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        if self.momentum == 0.0 {
            return state.each([], values, grad, *self);
        }
        let (keep, take) = if state.is_new(0) { (0.0, 1.0) } else { (self.momentum, 1.0 - self.dampening) };
        state.each([0], values, grad, Velocity { options: *self, keep, take });
    }
}

impl Formula<0> for SGDOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
        (x - decayed(x, g, self.maximize, self.weight_decay) * self.lr, [])
    }
}

/// With momentum: how much of the velocity stays, and how much of the gradient enters.
#[derive(Clone, Copy)]
struct Velocity {
    options: SGDOptions,
    keep: f64,
    take: f64,
}

impl Formula<1> for Velocity {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [v]: [R; 1]) -> (R, [R; 1]) {
        let Velocity { options: o, keep, take } = self;
        let g = decayed(x, g, o.maximize, o.weight_decay);
        let v = v * keep + g * take;
        (x - if o.nesterov { g + v * o.momentum } else { v } * o.lr, [v])
    }
}

//! Adagrad: steps that shrink along each coordinate as its squared gradients add up.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Adagrad, Duchi, Hazan and Singer, <https://jmlr.org/papers/v12/duchi11a.html>.
///
/// ```text
/// g ← g + weight_decay · θ
/// s ← s + g²
/// θ ← θ − lr / (1 + (t − 1) lr_decay) · g / (√s + eps)
/// ```
///
/// ```
/// use optim::{Adagrad, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = Adagrad::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.9000, -2.9000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Adagrad")]
pub type Adagrad = Optim<AdagradOptions>;

/// The options of [`Adagrad`].
#[derive(Clone, Copy, Debug)]
pub struct AdagradOptions {
    /// The step size.
    pub lr: f64,
    /// How fast the step size shrinks by itself.
    pub lr_decay: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// What the sums of squares begin with.
    pub initial_accumulator_value: f64,
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Adagrad {
    /// With eps 1e-10. PyTorch's default for `lr` is 0.01.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = AdagradOptions {
            lr,
            lr_decay: 0.0,
            weight_decay: 0.0,
            initial_accumulator_value: 0.0,
            eps: 1e-10,
            maximize: false,
        };
        Optim::of(parameters, options)
    }

    /// How fast the step size shrinks by itself; 0.
    #[must_use]
    pub fn lr_decay(self, lr_decay: f64) -> Self {
        self.with(|o| o.lr_decay = lr_decay)
    }

    /// The factor of the L2 penalty; 0.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// What the sums of squares begin with; 0.
    #[must_use]
    pub fn initial_accumulator_value(self, value: f64) -> Self {
        self.with(|o| o.initial_accumulator_value = value)
    }

    /// Keeps the denominator from 0; 1e-10.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        self.with(|o| o.eps = eps)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdagradOptions {
    const NAME: &'static str = "Adagrad";
    const ARRAYS: &'static [&'static str] = &["sum"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("lr_decay", &mut self.lr_decay);
        visit("weight_decay", &mut self.weight_decay);
        visit("initial_accumulator_value", &mut self.initial_accumulator_value);
        visit("eps", &mut self.eps);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "lr_decay", self.lr_decay, 0.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)?;
        within(Self::NAME, "initial_accumulator_value", self.initial_accumulator_value, 0.0..)?;
        within(Self::NAME, "eps", self.eps, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        let t = state.count();
        state.fill(0, values.len(), self.initial_accumulator_value);
        let lr = self.lr / (1.0 + (t - 1.0) * self.lr_decay);
        state.each([0], values, grad, AdagradOptions { lr, ..*self });
    }
}

impl Formula<1> for AdagradOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s]: [R; 1]) -> (R, [R; 1]) {
        let g = decayed(x, g, self.maximize, self.weight_decay);
        let s = s + g * g;
        (x - g * self.lr / (s.sqrt() + self.eps), [s])
    }
}

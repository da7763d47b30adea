//! Adam: steps of about the learning rate along each coordinate, from running means of the gradient and its square.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Adam, Kingma and Ba, <https://arxiv.org/abs/1412.6980>; with `amsgrad`, Reddi et al.,
/// <https://openreview.net/forum?id=ryQu7f-RZ>.
///
/// ```text
/// g ← g + weight_decay · θ
/// m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
/// θ ← θ − lr · m̂ / (√v̂ + eps)    m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
/// ```
///
/// ```
/// use optim::{Adam, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = Adam::new([w.clone()], 0.1).betas(0.9, 0.99);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.9000, -2.9000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Adam")]
pub type Adam = Optim<AdamOptions>;

/// The options of [`Adam`].
#[derive(Clone, Copy, Debug)]
pub struct AdamOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the two running means stays.
    pub betas: (f64, f64),
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// Divides by the largest second moment so far.
    pub amsgrad: bool,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Adam {
    /// With betas (0.9, 0.999) and eps 1e-8. PyTorch's default for `lr` is 1e-3.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        Optim::of(parameters, AdamOptions::new(lr))
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

    /// The factor of the L2 penalty; 0.
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

impl AdamOptions {
    pub(crate) fn new(lr: f64) -> Self {
        AdamOptions { lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, amsgrad: false, maximize: false }
    }

    #[track_caller]
    pub(crate) fn check_as(&self, rule: &'static str) -> Result<()> {
        within(rule, "lr", self.lr, 0.0..)?;
        within(rule, "betas.0", self.betas.0, 0.0..1.0)?;
        within(rule, "betas.1", self.betas.1, 0.0..1.0)?;
        within(rule, "eps", self.eps, 0.0..)?;
        within(rule, "weight_decay", self.weight_decay, 0.0..)
    }

    /// The step; `decoupled` takes the weight decay from the values and not through the gradient.
    #[inline]
    pub(crate) fn step<T: Number>(
        &self,
        state: &mut State<T>,
        values: &mut [T],
        grad: &[T],
        decoupled: bool,
    ) {
        let AdamOptions { lr, betas, eps, weight_decay, amsgrad, maximize } = *self;
        let t = state.count();
        let step = Step {
            betas,
            rate: lr / (1.0 - betas.0.powf(t)),
            correction: (1.0 - betas.1.powf(t)).sqrt(),
            eps,
            shrink: if decoupled { 1.0 - lr * weight_decay } else { 1.0 },
            penalty: if decoupled { 0.0 } else { weight_decay },
            maximize,
        };
        if amsgrad {
            state.each([0, 1, 2], values, grad, step);
        } else {
            state.each([0, 1], values, grad, step);
        }
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    betas: (f64, f64),
    rate: f64,
    correction: f64,
    eps: f64,
    shrink: f64,
    penalty: f64,
    maximize: bool,
}

impl Step {
    #[inline(always)]
    fn moments<R: Real + Copy>(self, x: R, g: R, m: R, v: R) -> (R, R) {
        let g = decayed(x, g, self.maximize, self.penalty);
        let (beta1, beta2) = self.betas;
        (m + (g - m) * (1.0 - beta1), v * beta2 + g * g * (1.0 - beta2))
    }

    #[inline(always)]
    fn moved<R: Real>(self, x: R, m: R, v: R) -> R {
        x * self.shrink - m * self.rate / (v.sqrt() / self.correction + self.eps)
    }
}

impl Formula<2> for Step {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let (m, v) = self.moments(x, g, m, v);
        (self.moved(x, m, v), [m, v])
    }
}

/// With `amsgrad`.
impl Formula<3> for Step {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, v, largest]: [R; 3]) -> (R, [R; 3]) {
        let (m, v) = self.moments(x, g, m, v);
        let largest = largest.maximum(v);
        (self.moved(x, m, largest), [m, v, largest])
    }
}

impl Rule for AdamOptions {
    const NAME: &'static str = "Adam";
    const ARRAYS: &'static [&'static str] = &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("betas.0", &mut self.betas.0);
        visit("betas.1", &mut self.betas.1);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
        visit("amsgrad", &mut self.amsgrad);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        self.check_as(Self::NAME)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        self.step(state, values, grad, false);
    }
}

//! NAdam: Adam with Nesterov's look ahead along the running mean.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// NAdam, Dozat, <https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ>.
///
/// ```text
/// g ← g + weight_decay · θ           decoupled: θ ← θ − lr · weight_decay · θ
/// μₜ = β₁ (1 − ½ · 0.96^(t · momentum_decay))
/// m ← β₁ m + (1 − β₁) g              v ← β₂ v + (1 − β₂) g²
/// m̂ = μₜ₊₁ m / (1 − μ₁⋯μₜ₊₁) + (1 − μₜ) g / (1 − μ₁⋯μₜ)
/// θ ← θ − lr · m̂ / (√v̂ + eps)        v̂ = v / (1 − β₂ᵗ)
/// ```
///
/// ```
/// use optim::{NAdam, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = NAdam::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.8944, -2.8944], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.NAdam")]
pub type NAdam = Optim<NAdamOptions>;

/// The options of [`NAdam`].
#[derive(Clone, Copy, Debug)]
pub struct NAdamOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the two running means stays.
    pub betas: (f64, f64),
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// The factor of the L2 penalty, or of the shrinking.
    pub weight_decay: f64,
    /// How fast the momentum grows to its full value.
    pub momentum_decay: f64,
    /// Weight decay shrinks the values and does not pass through the gradient.
    pub decoupled_weight_decay: bool,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl NAdam {
    /// With betas (0.9, 0.999), eps 1e-8 and momentum decay 4e-3. PyTorch's default for `lr` is 2e-3.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = NAdamOptions {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 4e-3,
            decoupled_weight_decay: false,
            maximize: false,
        };
        Optim::of(parameters, options)
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

    /// The factor of the L2 penalty, or of the shrinking; 0.
    #[must_use]
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        self.with(|o| o.weight_decay = weight_decay)
    }

    /// How fast the momentum grows to its full value; 4e-3.
    #[must_use]
    pub fn momentum_decay(self, momentum_decay: f64) -> Self {
        self.with(|o| o.momentum_decay = momentum_decay)
    }

    /// Weight decay shrinks the values and does not pass through the gradient.
    #[must_use]
    pub fn decoupled_weight_decay(self, decoupled: bool) -> Self {
        self.with(|o| o.decoupled_weight_decay = decoupled)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for NAdamOptions {
    const NAME: &'static str = "NAdam";
    const ARRAYS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];
    const NUMBERS: &'static [&'static str] = &["step", "mu_product"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("betas.0", &mut self.betas.0);
        visit("betas.1", &mut self.betas.1);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
        visit("momentum_decay", &mut self.momentum_decay);
        visit("decoupled_weight_decay", &mut self.decoupled_weight_decay);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "eps", self.eps, 0.0..)?;
        within(Self::NAME, "betas.0", self.betas.0, 0.0..1.0)?;
        within(Self::NAME, "betas.1", self.betas.1, 0.0..1.0)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)?;
        within(Self::NAME, "momentum_decay", self.momentum_decay, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        let NAdamOptions { lr, betas, weight_decay, momentum_decay, .. } = *self;
        let t = state.count();
        let momentum = |t: f64| betas.0 * (1.0 - 0.5 * 0.96f64.powf(t * momentum_decay));
        let (now, next) = (momentum(t), momentum(t + 1.0));
        let before = if t == 1.0 { 1.0 } else { state.numbers[1] };
        // In float32, where PyTorch keeps it.
        let product = f64::from(before as f32 * now as f32);
        state.numbers[1] = product;
        let step = Step {
            options: *self,
            correction: (1.0 - betas.1.powf(t)).sqrt(),
            of_grad: lr * (1.0 - now) / (1.0 - product),
            of_mean: lr * next / (1.0 - product * next),
            shrink: if self.decoupled_weight_decay { 1.0 - lr * weight_decay } else { 1.0 },
            penalty: if self.decoupled_weight_decay { 0.0 } else { weight_decay },
        };
        state.each([0, 1], values, grad, step);
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    options: NAdamOptions,
    correction: f64,
    of_grad: f64,
    of_mean: f64,
    shrink: f64,
    penalty: f64,
}

impl Formula<2> for Step {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let NAdamOptions { betas: (beta1, beta2), eps, maximize, .. } = self.options;
        let g = decayed(x, g, maximize, self.penalty);
        let m = m + (g - m) * (1.0 - beta1);
        let v = v * beta2 + g * g * (1.0 - beta2);
        let root = v.sqrt() / self.correction + eps;
        (x * self.shrink - (g * self.of_grad + m * self.of_mean) / root, [m, v])
    }
}

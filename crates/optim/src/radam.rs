//! RAdam: Adam that waits with its denominator until the running mean of the square can be trusted.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Rectified Adam, Liu et al., <https://arxiv.org/abs/1908.03265>.
///
/// ```text
/// g ← g + weight_decay · θ          decoupled: θ ← θ − lr · weight_decay · θ
/// m ← β₁ m + (1 − β₁) g             v ← β₂ v + (1 − β₂) g²
/// ρ∞ = 2 / (1 − β₂) − 1             ρ = ρ∞ − 2t β₂ᵗ / (1 − β₂ᵗ)
/// θ ← θ − lr · m̂                                       if ρ ≤ 5
/// θ ← θ − lr · m̂ · r · √(1 − β₂ᵗ) / (√v + eps)         else, with
/// r = √((ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ))      m̂ = m / (1 − β₁ᵗ)
/// ```
///
/// ```
/// use optim::{Optimizer, RAdam};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = RAdam::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.8000, -2.4000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.RAdam")]
pub type RAdam = Optim<RAdamOptions>;

/// The options of [`RAdam`].
#[derive(Clone, Copy, Debug)]
pub struct RAdamOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the two running means stays.
    pub betas: (f64, f64),
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// The factor of the L2 penalty, or of the shrinking.
    pub weight_decay: f64,
    /// Weight decay shrinks the values and does not pass through the gradient.
    pub decoupled_weight_decay: bool,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl RAdam {
    /// With betas (0.9, 0.999) and eps 1e-8. PyTorch's default for `lr` is 1e-3.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = RAdamOptions {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: 0.0,
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

impl Rule for RAdamOptions {
    const NAME: &'static str = "RAdam";
    const ARRAYS: &'static [&'static str] = &["exp_avg", "exp_avg_sq"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("betas.0", &mut self.betas.0);
        visit("betas.1", &mut self.betas.1);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
        visit("decoupled_weight_decay", &mut self.decoupled_weight_decay);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "eps", self.eps, 0.0..)?;
        within(Self::NAME, "betas.0", self.betas.0, 0.0..1.0)?;
        within(Self::NAME, "betas.1", self.betas.1, 0.0..1.0)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        let RAdamOptions { lr, betas, weight_decay, decoupled_weight_decay: decoupled, .. } = *self;
        let t = state.count();
        let correction = 1.0 - betas.1.powf(t);
        let longest = 2.0 / (1.0 - betas.1) - 1.0;
        let length = longest - 2.0 * t * betas.1.powf(t) / correction;
        let rectified = length > 5.0;
        let factor = if rectified {
            let ratio =
                (length - 4.0) * (length - 2.0) * longest / ((longest - 4.0) * (longest - 2.0) * length);
            (ratio * correction).sqrt()
        } else {
            1.0
        };
        let step = Step {
            options: *self,
            rate: lr / (1.0 - betas.0.powf(t)) * factor,
            rectified,
            shrink: if decoupled { 1.0 - lr * weight_decay } else { 1.0 },
            penalty: if decoupled { 0.0 } else { weight_decay },
        };
        state.each([0, 1], values, grad, step);
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    options: RAdamOptions,
    rate: f64,
    rectified: bool,
    shrink: f64,
    penalty: f64,
}

impl Formula<2> for Step {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, v]: [R; 2]) -> (R, [R; 2]) {
        let RAdamOptions { betas: (beta1, beta2), eps, maximize, .. } = self.options;
        let g = decayed(x, g, maximize, self.penalty);
        let m = m + (g - m) * (1.0 - beta1);
        let v = v * beta2 + g * g * (1.0 - beta2);
        let along = m * self.rate;
        let along = if self.rectified { along / (v.sqrt() + eps) } else { along };
        (x * self.shrink - along, [m, v])
    }
}

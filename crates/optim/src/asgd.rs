//! Averaged stochastic gradient descent: plain steps that grow smaller, and beside the values their mean.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Averaged SGD, Polyak and Juditsky, <https://dl.acm.org/citation.cfm?id=131098>. The mean of the values, from step
/// `t0` on, is `state.N.ax` of the [dictionary](crate::Optimizer::state_dict).
///
/// ```text
/// g ← g + weight_decay · θ
/// θ ← θ − η (g + lambd · θ)
/// a ← a + μ (θ − a)
/// η ← lr / (1 + lambd · lr · t)^alpha         μ ← 1 / max(1, t − t0)
/// ```
///
/// ```
/// use optim::{ASGD, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = ASGD::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.8000, -2.4000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.ASGD")]
pub type ASGD = Optim<ASGDOptions>;

/// The options of [`ASGD`].
#[derive(Clone, Copy, Debug)]
pub struct ASGDOptions {
    /// The first step size.
    pub lr: f64,
    /// How fast the step size and the values shrink.
    pub lambd: f64,
    /// The power by which the step size shrinks.
    pub alpha: f64,
    /// The step with which averaging begins.
    pub t0: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl ASGD {
    /// With lambd 1e-4, alpha 0.75 and t0 1e6. PyTorch's default for `lr` is 0.01.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options =
            ASGDOptions { lr, lambd: 1e-4, alpha: 0.75, t0: 1e6, weight_decay: 0.0, maximize: false };
        Optim::of(parameters, options)
    }

    /// How fast the step size and the values shrink; 1e-4.
    #[must_use]
    pub fn lambd(self, lambd: f64) -> Self {
        self.with(|o| o.lambd = lambd)
    }

    /// The power by which the step size shrinks; 0.75.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        self.with(|o| o.alpha = alpha)
    }

    /// The step with which averaging begins; 1e6.
    #[must_use]
    pub fn t0(self, t0: f64) -> Self {
        self.with(|o| o.t0 = t0)
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

impl Rule for ASGDOptions {
    const NAME: &'static str = "ASGD";
    const ARRAYS: &'static [&'static str] = &["ax"];
    const NUMBERS: &'static [&'static str] = &["step", "eta", "mu"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("lambd", &mut self.lambd);
        visit("alpha", &mut self.alpha);
        visit("t0", &mut self.t0);
        visit("weight_decay", &mut self.weight_decay);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        let t = state.count();
        let [_, eta, mu, _] = &mut state.numbers;
        // Between steps they are float32, as in PyTorch.
        let keep = |x: f64| f64::from(x as f32);
        if t == 1.0 {
            (*eta, *mu) = (keep(self.lr), 1.0);
        }
        let step = Step { options: *self, eta: *eta, mu: *mu };
        *eta = keep(self.lr / (1.0 + self.lambd * self.lr * t).powf(self.alpha));
        *mu = keep(1.0 / (t - self.t0).max(1.0));
        state.each([0], values, grad, step);
    }
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    options: ASGDOptions,
    eta: f64,
    mu: f64,
}

impl Formula<1> for Step {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [mean]: [R; 1]) -> (R, [R; 1]) {
        let o = self.options;
        let g = decayed(x, g, o.maximize, o.weight_decay);
        let x = x * (1.0 - o.lambd * self.eta) - g * self.eta;
        // Exactly the values, as long as averaging has not begun.
        let mean = if self.mu == 1.0 { x } else { mean + (x - mean) * self.mu };
        (x, [mean])
    }
}

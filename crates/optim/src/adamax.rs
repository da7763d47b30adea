//! Adamax: Adam with the largest recent gradient in place of the root mean square.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// Adamax, Kingma and Ba, <https://arxiv.org/abs/1412.6980>, section 7.
///
/// ```text
/// g ← g + weight_decay · θ
/// m ← β₁ m + (1 − β₁) g
/// u ← max(β₂ u, |g| + eps)
/// θ ← θ − lr / (1 − β₁ᵗ) · m / u
/// ```
///
/// ```
/// use optim::{Adamax, Optimizer};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = Adamax::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.9000, -2.9000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Adamax")]
pub type Adamax = Optim<AdamaxOptions>;

/// The options of [`Adamax`].
#[derive(Clone, Copy, Debug)]
pub struct AdamaxOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the running mean and of the running maximum stays.
    pub betas: (f64, f64),
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Adamax {
    /// With betas (0.9, 0.999) and eps 1e-8. PyTorch's default for `lr` is 2e-3.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options =
            AdamaxOptions { lr, betas: (0.9, 0.999), eps: 1e-8, weight_decay: 0.0, maximize: false };
        Optim::of(parameters, options)
    }

    /// How much of the running mean and of the running maximum stays; 0.9 and 0.999.
    #[must_use]
    pub fn betas(self, of_mean: f64, of_maximum: f64) -> Self {
        self.with(|o| o.betas = (of_mean, of_maximum))
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

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for AdamaxOptions {
    const NAME: &'static str = "Adamax";
    const ARRAYS: &'static [&'static str] = &["exp_avg", "exp_inf"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("betas.0", &mut self.betas.0);
        visit("betas.1", &mut self.betas.1);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
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
        let t = state.count();
        let rate = self.lr / (1.0 - self.betas.0.powf(t));
        state.each([0, 1], values, grad, AdamaxOptions { lr: rate, ..*self });
    }
}

impl Formula<2> for AdamaxOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [m, u]: [R; 2]) -> (R, [R; 2]) {
        let g = decayed(x, g, self.maximize, self.weight_decay);
        let m = m + (g - m) * (1.0 - self.betas.0);
        let u = (u * self.betas.1).maximum(g.abs() + self.eps);
        (x - m * self.lr / u, [m, u])
    }
}

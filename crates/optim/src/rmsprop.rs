//! RMSprop: the gradient divided by a running root mean square of itself.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule, decayed};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Parameter, Result};

/// RMSprop, Hinton,
/// <https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf>; centred, Graves,
/// <https://arxiv.org/abs/1308.0850>.
///
/// ```text
/// g ← g + weight_decay · θ
/// s ← alpha · s + (1 − alpha) g²
/// u ← g / (√s + eps)       centred: √(s − ḡ²), with ḡ ← alpha · ḡ + (1 − alpha) g
/// θ ← θ − lr · u           with momentum: v ← momentum · v + u, θ ← θ − lr · v
/// ```
///
/// ```
/// use optim::{Optimizer, RMSprop};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = RMSprop::new([w.clone()], 0.01).alpha(0.75);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.9800, -2.9800], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.RMSprop")]
pub type RMSprop = Optim<RMSpropOptions>;

/// The options of [`RMSprop`].
#[derive(Clone, Copy, Debug)]
pub struct RMSpropOptions {
    /// The step size.
    pub lr: f64,
    /// How much of the running mean of the square stays.
    pub alpha: f64,
    /// Keeps the denominator from 0.
    pub eps: f64,
    /// The factor of the L2 penalty.
    pub weight_decay: f64,
    /// How much of the velocity stays.
    pub momentum: f64,
    /// Divides by the standard deviation instead of the root mean square.
    pub centered: bool,
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl RMSprop {
    /// With alpha 0.99 and eps 1e-8. PyTorch's default for `lr` is 0.01.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = RMSpropOptions {
            lr,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
            maximize: false,
        };
        Optim::of(parameters, options)
    }

    /// How much of the running mean of the square stays; 0.99.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        self.with(|o| o.alpha = alpha)
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

    /// How much of the velocity stays; 0.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        self.with(|o| o.momentum = momentum)
    }

    /// Divides by the standard deviation instead of the root mean square.
    #[must_use]
    pub fn centered(self, centered: bool) -> Self {
        self.with(|o| o.centered = centered)
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for RMSpropOptions {
    const NAME: &'static str = "RMSprop";
    const ARRAYS: &'static [&'static str] = &["square_avg", "momentum_buffer", "grad_avg"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("alpha", &mut self.alpha);
        visit("eps", &mut self.eps);
        visit("weight_decay", &mut self.weight_decay);
        visit("momentum", &mut self.momentum);
        visit("centered", &mut self.centered);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        within(Self::NAME, "eps", self.eps, 0.0..)?;
        within(Self::NAME, "momentum", self.momentum, 0.0..)?;
        within(Self::NAME, "weight_decay", self.weight_decay, 0.0..)?;
        within(Self::NAME, "alpha", self.alpha, 0.0..)
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        state.count();
        match (self.momentum > 0.0, self.centered) {
            (false, false) => state.each([0], values, grad, *self),
            (true, false) => state.each([0, 1], values, grad, *self),
            (false, true) => state.each([0, 2], values, grad, Centered(*self)),
            (true, true) => state.each([0, 1, 2], values, grad, Centered(*self)),
        }
    }
}

impl RMSpropOptions {
    #[inline(always)]
    fn mean<R: Real>(self, mean: R, new: R) -> R {
        mean * self.alpha + new * (1.0 - self.alpha)
    }

    /// The step along `u`, through the velocity.
    #[inline(always)]
    fn moved<R: Real + Copy>(self, x: R, u: R, v: R) -> (R, R) {
        let v = v * self.momentum + u;
        (x - v * self.lr, v)
    }

    /// `g / (√s + eps)`, and the new `s`.
    #[inline(always)]
    fn scaled<R: Real + Copy>(self, x: R, g: R, s: R) -> (R, R) {
        let g = decayed(x, g, self.maximize, self.weight_decay);
        let s = self.mean(s, g * g);
        (g / (s.sqrt() + self.eps), s)
    }
}

impl Formula<1> for RMSpropOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s]: [R; 1]) -> (R, [R; 1]) {
        let (u, s) = self.scaled(x, g, s);
        (x - u * self.lr, [s])
    }
}

/// With momentum.
impl Formula<2> for RMSpropOptions {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s, v]: [R; 2]) -> (R, [R; 2]) {
        let (u, s) = self.scaled(x, g, s);
        let (x, v) = self.moved(x, u, v);
        (x, [s, v])
    }
}

#[derive(Clone, Copy)]
struct Centered(RMSpropOptions);

impl Centered {
    #[inline(always)]
    fn scaled<R: Real + Copy>(self, x: R, g: R, s: R, mean: R) -> (R, R, R) {
        let o = self.0;
        let g = decayed(x, g, o.maximize, o.weight_decay);
        let (s, mean) = (o.mean(s, g * g), o.mean(mean, g));
        // A variance; rounding may take it below 0, where PyTorch has NaN.
        let variance = (s - mean * mean).max_scalar(0.0);
        (g / (variance.sqrt() + o.eps), s, mean)
    }
}

impl Formula<2> for Centered {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s, mean]: [R; 2]) -> (R, [R; 2]) {
        let (u, s, mean) = self.scaled(x, g, s, mean);
        (x - u * self.0.lr, [s, mean])
    }
}

/// With momentum.
impl Formula<3> for Centered {
    #[inline(always)]
    fn call<R: Real + Copy>(self, x: R, g: R, [s, v, mean]: [R; 3]) -> (R, [R; 3]) {
        let (u, s, mean) = self.scaled(x, g, s, mean);
        let (x, v) = self.0.moved(x, u, v);
        (x, [s, v, mean])
    }
}

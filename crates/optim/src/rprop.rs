//! Rprop: steps that know only the sign of the gradient, and grow while it stays the same.

use crate::bounds::within;
use crate::group::Setting;
use crate::optim::Optim;
use crate::rule::{Number, Rule};
use crate::state::State;
use kernel::{Formula, Real};
use tensor::{Error, Parameter, Result};

/// Resilient backpropagation, Riedmiller and Braun, for gradients of the whole data set.
///
/// ```text
/// s ← s · eta⁺   if g keeps its sign
/// s ← s · eta⁻   if g changes its sign; then g counts as 0
/// s within step_sizes; in the beginning lr
/// θ ← θ − s · sign(g)
/// ```
///
/// ```
/// use optim::{Optimizer, Rprop};
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0, -3.0]));
/// let mut optimizer = Rprop::new([w.clone()], 0.1);
/// w.tensor().square().sum().backward()?;
/// optimizer.step()?;
/// assert_eq!(w.tensor().to_string(), "tensor([ 0.9000, -2.9000], requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.Rprop")]
pub type Rprop = Optim<RpropOptions>;

/// The options of [`Rprop`].
#[derive(Clone, Copy, Debug)]
pub struct RpropOptions {
    /// The first step size.
    pub lr: f64,
    /// By how much a step shrinks and grows.
    pub etas: (f64, f64),
    /// The smallest and the largest step.
    pub step_sizes: (f64, f64),
    /// Climbs instead of descending.
    pub maximize: bool,
}

impl Rprop {
    /// With etas (0.5, 1.2) and step sizes between 1e-6 and 50. PyTorch's default for `lr` is 0.01.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = RpropOptions { lr, etas: (0.5, 1.2), step_sizes: (1e-6, 50.0), maximize: false };
        Optim::of(parameters, options)
    }

    /// By how much a step shrinks and grows; 0.5 and 1.2.
    #[must_use]
    pub fn etas(self, shrink: f64, grow: f64) -> Self {
        self.with(|o| o.etas = (shrink, grow))
    }

    /// The smallest and the largest step; 1e-6 and 50.
    #[must_use]
    pub fn step_sizes(self, smallest: f64, largest: f64) -> Self {
        self.with(|o| o.step_sizes = (smallest, largest))
    }

    /// Climbs instead of descending.
    #[must_use]
    pub fn maximize(self, maximize: bool) -> Self {
        self.with(|o| o.maximize = maximize)
    }
}

impl Rule for RpropOptions {
    const NAME: &'static str = "Rprop";
    const ARRAYS: &'static [&'static str] = &["prev", "step_size"];
    const NUMBERS: &'static [&'static str] = &["step"];

    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("etas.0", &mut self.etas.0);
        visit("etas.1", &mut self.etas.1);
        visit("step_sizes.0", &mut self.step_sizes.0);
        visit("step_sizes.1", &mut self.step_sizes.1);
        visit("maximize", &mut self.maximize);
    }

    #[track_caller]
    fn check(&self) -> Result<()> {
        within(Self::NAME, "lr", self.lr, 0.0..)?;
        let (shrink, grow) = self.etas;
        if 0.0 < shrink && shrink < 1.0 && 1.0 < grow {
            return Ok(());
        }
        Err(Error::value(
            Self::NAME,
            format!("etas are {shrink} and {grow}; the first must be between 0 and 1, the second above 1"),
        ))
    }

    #[inline]
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
        state.count();
        state.fill(1, values.len(), self.lr);
        state.each([0, 1], values, grad, *self);
    }
}

impl Formula<2> for RpropOptions {
    #[inline(always)]
    fn call<R: Real<Mask = bool> + Copy>(self, x: R, g: R, [before, size]: [R; 2]) -> (R, [R; 2]) {
        let g = if self.maximize { -g } else { g };
        let same = g * before;
        let (shrinks, grows) = (same.lt_scalar(0.0), same.gt_scalar(0.0));
        let factor = R::select(shrinks, x.constant(self.etas.0), x.constant(1.0));
        let factor = R::select(grows, x.constant(self.etas.1), factor);
        let size = (size * factor).max_scalar(self.step_sizes.0).min_scalar(self.step_sizes.1);
        let g = R::select(shrinks, x.constant(0.0), g);
        (x - g.sign() * size, [g, size])
    }
}

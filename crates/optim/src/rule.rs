//! What an optimizer is apart from its bookkeeping: options, and a formula for one parameter. Yours too.
//!
//! ```
//! use optim::Optimizer;
//! use optim::rule::{Formula, Number, Optim, Rule, Setting, State};
//! use tensor::{Parameter, Real, Result, tensor};
//!
//! /// θ ← θ − lr · sign(g)
//! #[derive(Clone, Copy)]
//! struct SignDescent {
//!     lr: f64,
//! }
//! impl Formula<0> for SignDescent {
//!     #[inline(always)]
//!     fn call<R: Real>(self, x: R, g: R, []: [R; 0]) -> (R, [R; 0]) {
//!         (x - g.sign() * self.lr, [])
//!     }
//! }
//! impl Rule for SignDescent {
//!     const NAME: &'static str = "SignDescent";
//!     fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
//!         visit("lr", &mut self.lr);
//!     }
//!     fn check(&self) -> Result<()> {
//!         Ok(())
//!     }
//!     fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]) {
//!         state.each([], values, grad, *self);
//!     }
//! }
//!
//! let w = Parameter::new(&tensor([3.0, -2.0]));
//! let mut optimizer = Optim::of([w.clone()], SignDescent { lr: 0.5 });
//! w.tensor().square().sum().backward()?;
//! optimizer.step()?;
//! assert_eq!(w.tensor().to_vec::<f32>()?, [2.5, -1.5]);
//! # Ok::<(), tensor::Error>(())
//! ```

pub use crate::group::Setting;
pub use crate::optim::Optim;
pub use crate::state::State;
pub use kernel::Formula;

use crate::state::AnyState;
use kernel::{Float, Real};
use tensor::{Element, Result, Shape};

/// The options of an optimizer, and the rule for which they stand.
pub trait Rule: Clone + Send + 'static {
    /// The optimizer's name, for messages.
    const NAME: &'static str;
    /// PyTorch's names of what is remembered per element, in the order of the slots of [`State::each`].
    const ARRAYS: &'static [&'static str] = &[];
    /// PyTorch's names of what is remembered per parameter, in the order of [`State::numbers`]: at most four.
    const NUMBERS: &'static [&'static str] = &[];

    /// The shape of what slot `slot` remembers about a parameter; its own shape, unless the rule saves memory.
    fn array_shape(_slot: usize, shape: &[usize]) -> Shape {
        shape.into()
    }

    /// Shows each option under PyTorch's name: schedules and dictionaries find them here.
    fn settings(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting));

    /// Whether the options make sense; asked before each step.
    ///
    /// # Errors
    /// If one does not.
    fn check(&self) -> Result<()>;

    /// One step of one parameter: new `values` from old ones and their gradient.
    fn update<T: Number>(&self, state: &mut State<T>, values: &mut [T], grad: &[T]);
}

/// A type of element that can be trained.
pub trait Number: Element + Float {
    #[doc(hidden)]
    fn state(any: &mut AnyState) -> Option<&mut State<Self>>;

    /// To `f64`, exactly. (Both [`Element`] and [`Float`] have a method for it, so that neither can be called plainly.)
    #[inline(always)]
    fn wide(self) -> f64 {
        Float::to_f64(self)
    }

    /// From `f64`, rounded to nearest.
    #[inline(always)]
    fn narrow(value: f64) -> Self {
        Float::from_f64(value)
    }
}

impl Number for f32 {
    fn state(any: &mut AnyState) -> Option<&mut State<f32>> {
        if let AnyState::F32(state) = any { Some(state) } else { None }
    }
}

impl Number for f64 {
    fn state(any: &mut AnyState) -> Option<&mut State<f64>> {
        if let AnyState::F64(state) = any { Some(state) } else { None }
    }
}

/// The gradient after the two options that nearly every rule begins with: its negative where the objective is
/// maximised, plus the weight decay.
#[inline(always)]
pub(crate) fn decayed<R: Real>(x: R, g: R, maximize: bool, weight_decay: f64) -> R {
    let g = if maximize { -g } else { g };
    if weight_decay == 0.0 { g } else { g + x * weight_decay }
}

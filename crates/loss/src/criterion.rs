//! What all criteria have in common: an input, a target, and a way to make one number of many.

use std::fmt;
use tensor::{Result, Tensor};

/// A loss of `input` against `target`.
///
/// ```
/// use loss::{Criterion, HuberLoss, MSELoss};
/// use tensor::tensor;
/// let criteria: [Box<dyn Criterion>; 2] = [Box::new(MSELoss::new()), Box::new(HuberLoss::new())];
/// for criterion in &criteria {
///     println!("{criterion}: {}", criterion.forward(&tensor([8.0]), &tensor([10.0]))?);
/// }
/// # Ok::<(), tensor::Error>(())
/// ```
pub trait Criterion: fmt::Display + Send + Sync {
    /// The loss: a scalar, or one number per element or row with [`Reduction::None`].
    ///
    /// # Errors
    /// If the shapes do not fit, or a number is outside of what the loss is defined for. Nothing is ever broadcast
    /// to make an input and a target fit.
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor>;
}

/// What becomes of the losses of the single elements.
///
/// The mean of nothing is NaN, as in PyTorch; its sum is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// They stay as they are.
    None,
    /// Their mean; where the criterion weighs classes, the weighted mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// Of losses that stand in a tensor: for a criterion made of tensor operations.
    #[track_caller]
    #[must_use]
    pub fn of(self, losses: &Tensor) -> Tensor {
        match self {
            Reduction::None => losses.clone(),
            Reduction::Mean => losses.mean(),
            Reduction::Sum => losses.sum(),
        }
    }
}

/// Defines a criterion: its options as builder methods with PyTorch's argument names, `reduction` among them, and
/// PyTorch's repr.
macro_rules! criterion {
    ($(#[$doc:meta])* $name:ident { $($(#[$option_doc:meta])* $option:ident: $type:tt $(<$of:ident>)? $(= $default:expr)?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name {
            $($option: $type $(<$of>)?,)*
            reduction: $crate::Reduction,
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    $($option: criterion!(@default $($default)?),)*
                    reduction: $crate::Reduction::default(),
                }
            }
        }

        impl $name {
            /// With PyTorch's defaults.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            $(criterion!(@setter $(#[$option_doc])* $option: $type $(<$of>)?);)*

            /// What becomes of the losses of the single elements (default: their mean).
            #[must_use]
            pub fn reduction(mut self, reduction: $crate::Reduction) -> Self {
                self.reduction = reduction;
                self
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "()"))
            }
        }
    };
    (@default $default:expr) => { $default };
    (@default) => { None };
    (@setter $(#[$doc:meta])* $option:ident: Option<Tensor>) => {
        $(#[$doc])*
        #[must_use]
        pub fn $option(mut self, $option: &tensor::Tensor) -> Self {
            self.$option = Some($option.clone());
            self
        }
    };
    (@setter $(#[$doc:meta])* $option:ident: $type:tt) => {
        $(#[$doc])*
        #[must_use]
        pub fn $option(mut self, $option: $type) -> Self {
            self.$option = $option;
            self
        }
    };
}

pub(crate) use criterion;

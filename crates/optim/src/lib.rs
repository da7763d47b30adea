//! Optimizers with PyTorch's names, options and numbers.
//!
//! An optimizer is a [`Rule`](rule::Rule): its options, and the formula by which one step changes one parameter.
//! [`Optim`](rule::Optim) runs a rule over groups of parameters, each in one vectorised pass, and keeps what the rule
//! remembers beside the parameter.
//!
//! ```
//! use optim::{Optimizer, SGD};
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([1.0, -2.0]));
//! let mut optimizer = SGD::new([w.clone()], 0.1).momentum(0.9);
//! for _ in 0..100 {
//!     let loss = w.tensor().square().sum();
//!     optimizer.zero_grad();
//!     loss.backward()?;
//!     optimizer.step()?;
//! }
//! assert!(w.tensor().abs().sum().item()? < 0.02);
//! # Ok::<(), tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod asgd;
mod bounds;
mod clip;
mod early_stopping;
mod ema;
mod group;
mod lbfgs;
mod nadam;
mod optim;
mod optimizer;
mod radam;
mod rmsprop;
mod rprop;
pub mod rule;
pub mod scheduler;
mod sgd;
mod state;
pub mod state_dict;

pub use adadelta::{Adadelta, AdadeltaOptions};
pub use adafactor::{Adafactor, AdafactorOptions};
pub use adagrad::{Adagrad, AdagradOptions};
pub use adam::{Adam, AdamOptions};
pub use adamax::{Adamax, AdamaxOptions};
pub use adamw::{AdamW, AdamWOptions};
pub use asgd::{ASGD, ASGDOptions};
pub use clip::{ClipGradNorm, clip_grad_norm_, clip_grad_value_};
pub use early_stopping::EarlyStopping;
pub use ema::ExponentialMovingAverage;
pub use group::Group;
pub use lbfgs::{LBFGS, LineSearch};
pub use nadam::{NAdam, NAdamOptions};
pub use optimizer::Optimizer;
pub use radam::{RAdam, RAdamOptions};
pub use rmsprop::{RMSprop, RMSpropOptions};
pub use rprop::{Rprop, RpropOptions};
pub use scheduler::{
    Anneal, ChainedScheduler, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts, CycleMode,
    CyclicLR, ExponentialLR, LambdaLR, LinearLR, Mode, MultiStepLR, MultiplicativeLR, OneCycleLR,
    PolynomialLR, ReduceLROnPlateau, Scheduler, SequentialLR, StepLR, ThresholdMode,
};
pub use sgd::{SGD, SGDOptions};

//! Optimizers with PyTorch's names, options and numbers.
//!
//! An optimizer is a [`Rule`]: its options, and the formula by which one step changes one parameter. [`Optim`] runs
//! a rule over groups of parameters, each in one vectorised pass, and keeps what the rule remembers beside the
//! parameter.
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

mod adam;
mod adamw;
mod group;
mod optimizer;
mod rule;
mod sgd;

pub use adam::{Adam, AdamOptions};
pub use adamw::{AdamW, AdamWOptions};
pub use group::{Group, Setting};
pub use kernel::Formula;
pub use optimizer::{Optim, Optimizer};
pub use rule::{Number, Rule, State};
pub use sgd::{SGD, SGDOptions};

//! The tape: what a tensor remembers of how it was made, and the walk back.
//!
//! An operation is a struct that implements [`Op`]. [`record`](crate::Tensor::record) puts it into the graph;
//! [`backward`](crate::Tensor::backward) and [`grad`] walk from the newest node to the oldest. The order is the order in
//! which nodes were made: an input is always older than what is computed from it, so there is no recursion and no sorting.
//!
//! ```
//! use tensor::{grad, tensor};
//!
//! let x = tensor([1.0, 2.0]).requires_grad();
//! let y = (&x * &x * &x).sum();
//! let first = &grad(&y, &[&x])?[0]; // 3x², itself a part of a graph
//! let second = &grad(&first.sum(), &[&x])?[0]; // 6x
//! assert_eq!(second.to_vec::<f32>()?, [6.0, 12.0]);
//! # Ok::<(), tensor::Error>(())
//! ```

mod anomaly;
mod behind;
pub mod check;
mod checkpoint;
mod functional;
mod graph;
mod hooks;
mod mode;
mod node;
mod number;
mod pending;
mod walk;

pub use anomaly::detect_anomaly;
pub use check::{gradcheck, gradgradcheck};
pub use checkpoint::checkpoint;
pub use functional::{hessian, hvp, jacobian, jvp, vjp};
pub use hooks::HookHandle;
pub use mode::{enable_grad, is_grad_enabled, no_grad};
pub(crate) use node::Kept;
pub use node::{Ctx, Grads, Keep, Node, Op};
pub use walk::{Backward, grad, grad_with};

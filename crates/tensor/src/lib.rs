//! Tensors with PyTorch's semantics and printed output, and a tape that differentiates them as often as you like.
//!
//! ```
//! use tensor::tensor;
//!
//! let x = tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad();
//! let y = (&x * &x).sum();
//! y.backward()?;
//! assert_eq!(y.to_string(), "tensor(30., grad_fn=<SumBackward0>)");
//! assert_eq!(x.grad().unwrap().to_string(), "tensor([[2., 4.],\n        [6., 8.]])");
//! # Ok::<(), tensor::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod autograd;
mod create;
pub mod display;
mod dtype;
mod error;
mod index;
pub mod layout;
mod limit;
mod literal;
pub mod ops;
mod parameter;
pub mod random;
mod real;
mod shelf;
mod state;
mod storage;
mod taper;
mod tensor;
mod threads;

pub use autograd::{
    Backward, Ctx, Grads, HookHandle, Keep, Node, Op, checkpoint, detect_anomaly, enable_grad, grad,
    grad_with, gradcheck, gradgradcheck, hessian, hvp, is_grad_enabled, jacobian, jvp, no_grad, vjp,
};
pub use create::{arange, eye, full, linspace, logspace, ones, zeros};
pub use display::{PrintOptions, printoptions, set_printoptions, with_printoptions};
pub use dtype::{DType, Element};
pub use error::{AtCaller, Error, ErrorKind, Result};
pub use index::{By, Ellipsis, Index, Indices, NewAxis};
pub use kernel::Real;
pub use layout::{Ints, Shape};
pub use limit::{memory_limit, set_memory_limit};
pub use literal::{Literal, Scalar, tensor};
pub use ops::attention::Attention;
pub use ops::binary::{Function2, Operand, result_type};
pub use ops::channel_norm::Normalized;
pub use ops::conv::Conv;
pub use ops::diagonal::block_diag;
pub use ops::division::RoundingMode;
pub use ops::einsum::{Contraction, einsum};
pub use ops::expand::{Indexing, broadcast_shapes, broadcast_tensors, meshgrid};
pub use ops::grid::{GridPadding, GridSample};
pub use ops::interpolate::{Factors, Interpolate, Upsampling};
pub use ops::join::{cartesian_prod, cat, column_stack, dstack, hstack, stack, vstack};
pub use ops::linalg::multi_dot;
pub use ops::median::Interpolation;
pub use ops::pad::Pad;
pub use ops::pool::Pool;
pub use ops::recurrent::{Cell, Recurred, Recurrent};
pub use ops::rounding::Bound;
pub use ops::scatter_reduce::Reduce;
pub use ops::split::Sections;
pub use ops::triangle::{tril_indices, triu_indices};
pub use ops::unary::Function;
pub use ops::unique::Unique;
pub use ops::window::Window;
pub use parameter::Parameter;
pub use random::{get_rng_state, manual_seed, normal, rand, randint, randn, randperm, set_rng_state};
pub use shelf::empty_cache;
pub use state::StateDict;
pub use taper::{bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window};
pub use tensor::Tensor;
pub use threads::{get_num_threads, set_num_threads};

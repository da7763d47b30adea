//! PyTorch's criteria: exact from −∞ to +∞, each one node of the graph, each differentiable as often as you like.
//!
//! ```
//! use loss::{BCEWithLogitsLoss, Criterion};
//! use tensor::tensor;
//!
//! let criterion = BCEWithLogitsLoss::new();
//! let logits = tensor([2.0]).requires_grad();
//! let loss = criterion.forward(&logits, &tensor([1.0]))?;
//! assert_eq!(loss.to_string(), "tensor(0.1269, grad_fn=<BinaryCrossEntropyWithLogitsBackward0>)");
//! loss.backward()?;
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! A criterion that is a formula of each element says its value and its slopes once, as a
//! [`Pointwise`] loss; the fused loops and the graph are made from the same text. The others are an
//! [`Op`](tensor::Op) with a kernel of its own.
#![forbid(unsafe_code)]

mod criterion;
mod pointwise;
mod refuse;

pub use criterion::{Criterion, Reduction};
pub use pointwise::{Pointwise, Weighted, pointwise};

macro_rules! criteria {
    ($($file:ident: $($name:ident),*;)*) => {
        $(mod $file;
        pub use $file::{$($name),*};)*

        /// The cases of every file here, by which the criteria's gradients are checked.
        #[doc(hidden)]
        pub fn cases() -> Vec<tensor::autograd::check::Case> {
            let mut cases = Vec::new();
            $(cases.extend($file::cases());)*
            cases
        }
    };
}

criteria! {
    bce: BCELoss;
    bce_with_logits: BCEWithLogitsLoss;
    cross_entropy: CrossEntropyLoss;
    huber: HuberLoss;
    mse: MSELoss;
}

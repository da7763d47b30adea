//! **baekmi**: a small autograd tensor engine with PyTorch's loss modules. The five-minute tour:
//!
//! # Tensors
//! ```
//! use baekmi::prelude::*;
//!
//! let x = tensor([[2.5, 0.3, -1.2]]);
//! println!("{x}"); // tensor([[ 2.5000,  0.3000, -1.2000]])
//! let y = (&x * 2.0 + 1.0).tanh().sum();
//! assert_eq!(x.matmul(&x.t()?)?.shape(), [1, 1]);
//! # assert_eq!(y.dim(), 0);
//! # Ok::<(), Error>(())
//! ```
//! Their type follows Python's rule: `1.0` is float32, `1` is int64. What can go wrong returns a `Result`; the operators
//! `+ - * /` panic with the same message.
//!
//! # Gradients
//! ```
//! use baekmi::prelude::*;
//!
//! let x = tensor([1.0, 2.0]).requires_grad();
//! (&x * &x).sum().backward()?;
//! assert_eq!(x.grad().unwrap().to_string(), "tensor([2., 4.])");
//!
//! // As often as you like: the derivative of x³ three times.
//! let y = (&x * &x * &x).sum();
//! let first = &grad(&y, &[&x])?[0];
//! let second = &grad(&first.sum(), &[&x])?[0];
//! let third = &grad(&second.sum(), &[&x])?[0];
//! assert_eq!(third.to_string(), "tensor([6., 6.])");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Training
//! ```
//! use baekmi::prelude::*;
//!
//! manual_seed(42);
//! let (x, y) = (rand([64, 10])?, rand([64, 1])?.round());
//! let loader = DataLoader::new(TensorDataset::new((x, y))?).batch_size(16)?.shuffle(true);
//!
//! let model = sequential![Linear::new(10, 1), Sigmoid];
//! let criterion = BCELoss::new();
//! let mut optimizer = SGD::new(model.parameters(), 0.1).momentum(0.9);
//! for (x, y) in &loader {
//!     let loss = criterion.forward(&model.forward(&x)?, &y)?;
//!     optimizer.zero_grad();
//!     loss.backward()?;
//!     optimizer.step()?;
//! }
//! println!("{model}");
//! # Ok::<(), Error>(())
//! ```
//!
//! # Models of your own
//! ```
//! use baekmi::prelude::*;
//!
//! #[derive(Module)]
//! struct Net {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Layer for Net {
//!     fn forward(&self, x: &Tensor) -> Result<Tensor> {
//!         self.output.forward(&self.hidden.forward(x)?.relu())
//!     }
//! }
//!
//! let net = Net { hidden: Linear::new(2, 16), output: Linear::new(16, 1) };
//! assert_eq!(net.num_parameters(), 65);
//! assert_eq!(
//!     net.to_string(),
//!     "Net(
//!   (hidden): Linear(in_features=2, out_features=16, bias=True)
//!   (output): Linear(in_features=16, out_features=1, bias=True)
//! )"
//! );
//! ```
//!
//! # Where things live
//! [`tensor`](mod@tensor) is the engine, [`nn`] has the layers, [`loss`] the criteria, [`optim`] the optimizers and
//! [`data`] the loaders, data sets and metrics, [`vision`] boxes and regions of images, `distributed` (with
//! the feature `mpi`) training on several processes or machines. [`prelude`] brings what a training loop needs into scope.
#![forbid(unsafe_code)]

pub use data;
#[cfg(feature = "mpi")]
pub use distributed;
pub use loss;
pub use nn;
pub use optim;
pub use tensor;
pub use vision;

#[cfg(feature = "plot")]
pub mod plot;

/// The code of the pages in `docs/`, run as tests.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($name:ident $path:literal;)*) => {
            $(#[doc = include_str!($path)]
            struct $name;)*
        };
    }

    pages! {
        CustomOp "../../docs/custom-op.md";
        Autograd "../../docs/guide/autograd.md";
        Data "../../docs/guide/data.md";
        Extending "../../docs/guide/extending.md";
        FromPyTorch "../../docs/guide/from-pytorch.md";
        Losses "../../docs/guide/losses.md";
        Models "../../docs/guide/models.md";
        Numerics "../../docs/guide/numerics.md";
        Saving "../../docs/guide/saving.md";
        Start "../../docs/guide/start.md";
        Tensors "../../docs/guide/tensors.md";
    }
}

/// What a training loop needs: `use baekmi::prelude::*;`.
///
/// Traits by which functions of one's own are written ([`tensor::Real`], [`tensor::Element`], …) are not here: their
/// methods would be found before those of the same names on numbers and tensors.
pub mod prelude {
    pub use data::*;
    pub use derive::Module;
    pub use loss::*;
    pub use nn::*;
    pub use optim::*;
    pub use tensor::{
        By, DType, Ellipsis, Error, GridPadding, GridSample, Index, Indexing, Interpolate, NewAxis, Pad,
        Parameter, Reduce, Result, Scalar, StateDict, Tensor, Upsampling, Window, arange, cat, checkpoint,
        detect_anomaly, enable_grad, eye, full, get_rng_state, grad, hessian, hstack, jacobian, linspace,
        logspace, manual_seed, meshgrid, no_grad, normal, ones, rand, randint, randn, randperm,
        set_rng_state, stack, tensor, vstack, zeros,
    };
}

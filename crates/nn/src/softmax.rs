//! Softmax and its relatives as layers.

use crate::module::{Layer, Module, no_parts, printed};
use crate::summary::seen;
use tensor::{Error, Result, Tensor};

macro_rules! softmaxes {
    ($($(#[$doc:meta])* $layer:ident |$input:ident, $dim:ident| $forward:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $layer {
            dim: isize,
        }

        impl $layer {
            /// Along this dimension.
            pub fn new(dim: isize) -> Self {
                Self { dim }
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                format!("dim={}", self.dim)
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                let $dim = self.dim;
                seen(self, $forward)
            }
        }
    )*
    printed!($($layer)*);
    };
}

softmaxes! {
    /// `eˣ / Σ eˣ` along a dimension: positive, and one in sum.
    ///
    /// ```
    /// use nn::{Layer, Softmax};
    /// let y = Softmax::new(1).forward(&tensor::tensor([[0.0, 0.0]]))?;
    /// assert_eq!(y.to_string(), "tensor([[0.5000, 0.5000]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.Softmax")]
    Softmax |input, dim| input.softmax(dim);
    /// `ln softmax(x)` along a dimension.
    #[doc(alias = "torch.nn.LogSoftmax")]
    LogSoftmax |input, dim| input.log_softmax(dim);
    /// `softmax(−x)` along a dimension.
    #[doc(alias = "torch.nn.Softmin")]
    Softmin |input, dim| input.softmin(dim);
}

/// [`Softmax`] over the channels of each pixel of `(N, C, H, W)`, or of a single image without N.
#[doc(alias = "torch.nn.Softmax2d")]
#[derive(Clone, Copy, Default)]
pub struct Softmax2d;

impl Layer for Softmax2d {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        if !matches!(input.dim(), 3..=4) {
            let message = format!("expected (N, C, H, W) or (C, H, W), found shape {:?}", input.shape());
            return Err(Error::shape("Softmax2d", message));
        }
        seen(self, input.softmax(-3))
    }
}

no_parts!(Softmax2d);
printed!(Softmax2d);

//! Activations: elementwise functions as layers without parameters.

use crate::module::{Layer, no_parts, printed};
use crate::summary::seen;
use tensor::{Result, Tensor};

macro_rules! activations {
    ($($(#[$doc:meta])* $layer:ident $method:ident;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Default)]
        pub struct $layer;

        impl Layer for $layer {
            #[track_caller]
            #[inline]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, Ok(input.$method()))
            }
        })*
        no_parts!($($layer)*);
        printed!($($layer)*);
    };
}

activations! {
    /// `1/(1 + e⁻ˣ)`: a logit to a probability.
    #[doc(alias = "torch.nn.Sigmoid")]
    Sigmoid sigmoid;
    /// `max(x, 0)`
    #[doc(alias = "torch.nn.ReLU")]
    ReLU relu;
    /// Hyperbolic tangent.
    #[doc(alias = "torch.nn.Tanh")]
    Tanh tanh;
    /// `ln(1/(1 + e⁻ˣ))`
    #[doc(alias = "torch.nn.LogSigmoid")]
    LogSigmoid log_sigmoid;
}

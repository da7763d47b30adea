//! Activations: elementwise functions as layers without parameters.

use crate::module::{Layer, Module, no_parts, printed};
use crate::summary::seen;
use tensor::{Parameter, Result, Tensor, tensor};

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
    /// `x/(1 + e⁻ˣ)`, also called swish.
    #[doc(alias = "torch.nn.SiLU")]
    SiLU silu;
    /// `x·tanh(ln(1 + eˣ))`. Source: D. Misra, 2019.
    #[doc(alias = "torch.nn.Mish")]
    Mish mish;
    /// The self-normalising unit. Source: G. Klambauer et al., 2017.
    #[doc(alias = "torch.nn.SELU")]
    SELU selu;
    /// `min(max(x, 0), 6)`
    #[doc(alias = "torch.nn.ReLU6")]
    ReLU6 relu6;
    /// `x·min(max(x + 3, 0), 6)/6`
    #[doc(alias = "torch.nn.Hardswish")]
    Hardswish hardswish;
    /// `min(max(x + 3, 0), 6)/6`
    #[doc(alias = "torch.nn.Hardsigmoid")]
    Hardsigmoid hardsigmoid;
    /// `x/(1 + |x|)`
    #[doc(alias = "torch.nn.Softsign")]
    Softsign softsign;
    /// `x − tanh x`
    #[doc(alias = "torch.nn.Tanhshrink")]
    Tanhshrink tanhshrink;
}

/// Activations with options: a table of names, defaults and what they compute.
macro_rules! with_options {
    ($($(#[$doc:meta])* $layer:ident { $($(#[$option_doc:meta])* $option:ident: $type:ty = $default:expr,)* }
        |$this:ident, $input:ident| $forward:expr, $repr:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $layer {
            $($option: $type,)*
        }

        impl $layer {
            /// With PyTorch's defaults.
            pub fn new() -> Self {
                $layer { $($option: $default,)* }
            }

            $($(#[$option_doc])*
            #[must_use]
            pub fn $option(mut self, $option: $type) -> Self {
                self.$option = $option;
                self
            })*
        }

        impl Default for $layer {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                let $this = self;
                $repr
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                let $this = self;
                seen(self, $forward)
            }
        }
    )*
    printed!($($layer)*);
    };
}

/// How [`GELU`] is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approximate {
    /// Exactly, by the error function.
    #[default]
    None,
    /// By a hyperbolic tangent, as GPT-2 does.
    Tanh,
}

with_options! {
    /// `x` above 0, `negative_slope·x` below.
    #[doc(alias = "torch.nn.LeakyReLU")]
    LeakyReLU {
        /// The slope below 0: 0.01 by default.
        negative_slope: f64 = 0.01,
    } |this, x| Ok(x.leaky_relu(this.negative_slope)), format!("negative_slope={:?}", this.negative_slope);
    /// `x` above 0, `α·(eˣ − 1)` below. Source: D.-A. Clevert et al., 2015.
    #[doc(alias = "torch.nn.ELU")]
    ELU {
        /// Minus the limit at −∞: 1 by default.
        alpha: f64 = 1.0,
    } |this, x| Ok(x.elu(this.alpha)), format!("alpha={:?}", this.alpha);
    /// `max(0, x) + min(0, α·(e^(x/α) − 1))`. Source: J. T. Barron, 2017.
    #[doc(alias = "torch.nn.CELU")]
    CELU {
        /// Minus the limit at −∞: 1 by default.
        alpha: f64 = 1.0,
    } |this, x| x.celu(this.alpha), format!("alpha={:?}", this.alpha);
    /// `x·Φ(x)`, Φ the distribution function of a standard normal. Source: D. Hendrycks and K. Gimpel, 2016.
    #[doc(alias = "torch.nn.GELU")]
    GELU {
        /// Exactly, by default, or by a hyperbolic tangent.
        approximate: Approximate = Approximate::None,
    } |this, x| Ok(match this.approximate {
        Approximate::None => x.gelu(),
        Approximate::Tanh => x.gelu_tanh(),
    }), format!("approximate={}", match this.approximate {
        Approximate::None => "'none'",
        Approximate::Tanh => "'tanh'",
    });
    /// `ln(1 + e^(βx))/β`, and `x` itself where `βx` is above the threshold.
    #[doc(alias = "torch.nn.Softplus")]
    Softplus {
        /// How sharp the bend is: 1 by default.
        beta: f64 = 1.0,
        /// Where it is straight: 20 by default.
        threshold: f64 = 20.0,
    } |this, x| Ok(x.softplus(this.beta, this.threshold)),
    format!("beta={:?}, threshold={:?}", this.beta, this.threshold);
    /// `min(max(x, min_val), max_val)`
    #[doc(alias = "torch.nn.Hardtanh")]
    Hardtanh {
        /// −1 by default.
        min_val: f64 = -1.0,
        /// 1 by default.
        max_val: f64 = 1.0,
    } |this, x| x.hardtanh(this.min_val, this.max_val),
    format!("min_val={:?}, max_val={:?}", this.min_val, this.max_val);
    /// `x − λ` above λ, `x + λ` below −λ, 0 between.
    #[doc(alias = "torch.nn.Softshrink")]
    Softshrink {
        /// 0.5 by default.
        lambd: f64 = 0.5,
    } |this, x| x.softshrink(this.lambd), format!("{:?}", this.lambd);
    /// `x` outside of ±λ, 0 between.
    #[doc(alias = "torch.nn.Hardshrink")]
    Hardshrink {
        /// 0.5 by default.
        lambd: f64 = 0.5,
    } |this, x| Ok(x.hardshrink(this.lambd)), format!("{:?}", this.lambd);
    /// `x` above the threshold, `value` elsewhere.
    #[doc(alias = "torch.nn.Threshold")]
    Threshold {
        /// What is to be exceeded: 0 by default; PyTorch has no default.
        threshold: f64 = 0.0,
        /// What stands for the rest: 0 by default; PyTorch has no default.
        value: f64 = 0.0,
    } |this, x| Ok(x.threshold(this.threshold, this.value)),
    format!("threshold={:?}, value={:?}", this.threshold, this.value);
    /// One half of a dimension, weighed by the sigmoid of the other. Source: Y. Dauphin et al., 2016.
    #[doc(alias = "torch.nn.GLU")]
    GLU {
        /// Which dimension is halved: the last by default.
        dim: isize = -1,
    } |this, x| x.glu(this.dim), format!("dim={}", this.dim);
}

/// `x` above 0, `weight·x` below, the weight trained: one for all, or one per channel (dimension 1).
/// Source: K. He et al., 2015.
#[doc(alias = "torch.nn.PReLU")]
pub struct PReLU {
    /// `(num_parameters)`
    pub weight: Parameter,
}

impl PReLU {
    /// One weight of 0.25.
    #[track_caller]
    pub fn new() -> Self {
        PReLU { weight: Parameter::new(&tensor([0.25])) }
    }

    /// So many weights, one per channel.
    #[track_caller]
    #[must_use]
    pub fn num_parameters(self, n: usize) -> Self {
        let first = self
            .weight
            .tensor()
            .detach()
            .to_vec::<f32>()
            .map_or(0.25, |w| w.first().copied().unwrap_or(0.25));
        PReLU { weight: Parameter::new(&tensor(vec![first; n])) }
    }

    /// What the weights begin with: 0.25 by default.
    #[track_caller]
    #[must_use]
    pub fn init(self, value: f64) -> Self {
        PReLU { weight: Parameter::new(&self.weight.tensor().detach().full_like(value)) }
    }
}

impl Default for PReLU {
    fn default() -> Self {
        Self::new()
    }
}

impl Module for PReLU {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
    }
    fn extra_repr(&self) -> String {
        format!("num_parameters={}", self.weight.numel())
    }
}

impl Layer for PReLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.prelu(&self.weight.tensor()))
    }
}

printed!(PReLU);

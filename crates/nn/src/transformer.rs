//! The layers of a Transformer, and stacks of them.
//!
//! ```
//! use nn::{Layer, TransformerEncoder, TransformerEncoderLayer};
//! use tensor::rand;
//! let layer = TransformerEncoderLayer::new(8, 2).dim_feedforward(16).batch_first(true);
//! let encoder = TransformerEncoder::new(layer, 2)?;
//! assert_eq!(encoder.forward(&rand([4, 5, 8])?)?.shape(), [4, 5, 8]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::summary::seen;
use crate::{Attend, Dropout, LayerNorm, Linear, MultiheadAttention};
use tensor::random::{Draft, generator, set_generator};
use tensor::{Result, Tensor};

/// What stands between the two linear maps of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(0, ·)`
    Relu,
    /// `x·Φ(x)`
    Gelu,
}

/// The masks of a [`TransformerEncoderLayer`], or of the targets of a [`TransformerDecoderLayer`]: as those of
/// [`MultiheadAttention`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Masks<'a> {
    /// PyTorch's `src_mask` or `tgt_mask`.
    pub mask: Option<&'a Tensor>,
    /// PyTorch's `src_key_padding_mask` or `tgt_key_padding_mask`.
    pub key_padding_mask: Option<&'a Tensor>,
    /// Whether a step sees only those before it and itself.
    pub is_causal: bool,
}

#[derive(Clone, Copy)]
struct Options {
    d_model: usize,
    nhead: usize,
    dim_feedforward: usize,
    dropout: f64,
    activation: Activation,
    layer_norm_eps: f64,
    batch_first: bool,
    norm_first: bool,
    bias: bool,
}

impl Options {
    #[track_caller]
    fn attention(&self) -> MultiheadAttention {
        MultiheadAttention::new(self.d_model, self.nhead)
            .bias(self.bias)
            .dropout(self.dropout)
            .batch_first(self.batch_first)
    }

    #[track_caller]
    fn linear(&self, ins: usize, outs: usize) -> Linear {
        Linear::new(ins, outs).bias(self.bias)
    }

    fn norm(&self) -> LayerNorm {
        LayerNorm::new([self.d_model]).eps(self.layer_norm_eps).bias(self.bias)
    }

    fn dropout(&self) -> Dropout {
        Dropout::new().p(self.dropout)
    }
}

/// Attention of one part, without the weights.
fn attend(layer: &MultiheadAttention, x: &Tensor, memory: &Tensor, masks: Masks<'_>) -> Result<Tensor> {
    let attend = Attend {
        key_padding_mask: masks.key_padding_mask,
        attn_mask: masks.mask,
        is_causal: masks.is_causal,
        need_weights: false,
        ..Attend::default()
    };
    Ok(layer.forward(x, memory, memory, attend)?.0)
}

macro_rules! layers {
    ($($(#[$doc:meta])* $layer:ident $parts:ident { $($part:ident: $kind:ty = |$options:ident| $made:expr;)* })*) => {$(
        $(#[$doc])*
        pub struct $layer {
            options: Options,
            parts: $parts,
            draft: Draft,
        }

        struct $parts {
            $($part: $kind,)*
        }

        impl $parts {
            #[track_caller]
            fn draw(options: &Options) -> Self {
                $parts { $($part: { let $options = options; $made },)* }
            }
        }

        impl $layer {
            /// With `dim_feedforward = 2048`, `dropout = 0.1`, ReLU, and the normalisation behind each part.
            #[track_caller]
            pub fn new(d_model: usize, nhead: usize) -> Self {
                let options = Options {
                    d_model,
                    nhead,
                    dim_feedforward: 2048,
                    dropout: 0.1,
                    activation: Activation::Relu,
                    layer_norm_eps: 1e-5,
                    batch_first: false,
                    norm_first: false,
                    bias: true,
                };
                let (parts, draft) = Draft::new(|| $parts::draw(&options));
                $layer { options, parts, draft }
            }

            #[track_caller]
            fn with(mut self, options: Options) -> Self {
                self.options = options;
                (self.parts, self.draft) = self.draft.again(|| $parts::draw(&options));
                self
            }

            /// The width between the two linear maps.
            #[track_caller]
            #[must_use]
            pub fn dim_feedforward(self, dim_feedforward: usize) -> Self {
                let options = Options { dim_feedforward, ..self.options };
                self.with(options)
            }

            /// The probability of a zero, in training.
            #[track_caller]
            #[must_use]
            pub fn dropout(self, dropout: f64) -> Self {
                let options = Options { dropout, ..self.options };
                self.with(options)
            }

            /// What stands between the two linear maps.
            #[must_use]
            pub fn activation(mut self, activation: Activation) -> Self {
                self.options.activation = activation;
                self
            }

            /// What the normalisations add to the variance.
            #[track_caller]
            #[must_use]
            pub fn layer_norm_eps(self, layer_norm_eps: f64) -> Self {
                let options = Options { layer_norm_eps, ..self.options };
                self.with(options)
            }

            /// Whether inputs and outputs are `(batch, steps, d_model)`, and not `(steps, batch, d_model)`.
            #[track_caller]
            #[must_use]
            pub fn batch_first(self, batch_first: bool) -> Self {
                let options = Options { batch_first, ..self.options };
                self.with(options)
            }

            /// Whether the normalisation comes before each part.
            #[must_use]
            pub fn norm_first(mut self, norm_first: bool) -> Self {
                self.options.norm_first = norm_first;
                self
            }

            /// Whether there are biases.
            #[track_caller]
            #[must_use]
            pub fn bias(self, bias: bool) -> Self {
                let options = Options { bias, ..self.options };
                self.with(options)
            }

            /// A layer of its own with the same options and the same values.
            ///
            /// # Errors
            /// If the values cannot be copied.
            #[doc(alias = "deepcopy")]
            #[track_caller]
            pub fn copy(&self) -> Result<Self> {
                let before = generator();
                let (parts, draft) = Draft::new(|| $parts::draw(&self.options));
                set_generator(before);
                let copy = $layer { options: self.options, parts, draft };
                if let Some(p) = self.parameters().first() {
                    copy.to(p.dtype())?;
                }
                copy.load_state_dict(&self.state_dict())?;
                Ok(copy)
            }

            fn feed_forward(&self, x: &Tensor) -> Result<Tensor> {
                let inner = self.parts.linear1.forward(x)?;
                let inner = match self.options.activation {
                    Activation::Relu => inner.relu(),
                    Activation::Gelu => inner.gelu(),
                };
                self.parts.linear2.forward(&self.parts.dropout.forward(&inner)?)
            }

            /// `x` plus what a part makes of it, normalised before or behind.
            fn around(
                &self,
                x: &Tensor,
                norm: &LayerNorm,
                dropout: &Dropout,
                part: impl FnOnce(&Tensor) -> Result<Tensor>,
            ) -> Result<Tensor> {
                if self.options.norm_first {
                    return x.add(&dropout.forward(&part(&norm.forward(x)?)?)?);
                }
                norm.forward(&x.add(&dropout.forward(&part(x)?)?)?)
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                $(visit(stringify!($part), &self.parts.$part);)*
            }
        }

        printed!($layer);
    )*};
}

layers! {
    /// Attention of a sequence to itself, then two linear maps, each added to what went in and normalised.
    /// Source: A. Vaswani et al., arXiv:1706.03762.
    #[doc(alias = "torch.nn.TransformerEncoderLayer")]
    TransformerEncoderLayer EncoderParts {
        self_attn: MultiheadAttention = |o| o.attention();
        linear1: Linear = |o| o.linear(o.d_model, o.dim_feedforward);
        dropout: Dropout = |o| o.dropout();
        linear2: Linear = |o| o.linear(o.dim_feedforward, o.d_model);
        norm1: LayerNorm = |o| o.norm();
        norm2: LayerNorm = |o| o.norm();
        dropout1: Dropout = |o| o.dropout();
        dropout2: Dropout = |o| o.dropout();
    }

    /// As [`TransformerEncoderLayer`], with attention to a memory in between.
    #[doc(alias = "torch.nn.TransformerDecoderLayer")]
    TransformerDecoderLayer DecoderParts {
        self_attn: MultiheadAttention = |o| o.attention();
        multihead_attn: MultiheadAttention = |o| o.attention();
        linear1: Linear = |o| o.linear(o.d_model, o.dim_feedforward);
        dropout: Dropout = |o| o.dropout();
        linear2: Linear = |o| o.linear(o.dim_feedforward, o.d_model);
        norm1: LayerNorm = |o| o.norm();
        norm2: LayerNorm = |o| o.norm();
        norm3: LayerNorm = |o| o.norm();
        dropout1: Dropout = |o| o.dropout();
        dropout2: Dropout = |o| o.dropout();
        dropout3: Dropout = |o| o.dropout();
    }
}

impl TransformerEncoderLayer {
    /// The output for a sequence, some of which may not be seen.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(&self, src: &Tensor, masks: Masks<'_>) -> Result<Tensor> {
        let EncoderParts { self_attn, norm1, norm2, dropout1, dropout2, .. } = &self.parts;
        let x = self.around(src, norm1, dropout1, |x| attend(self_attn, x, x, masks))?;
        seen(self, self.around(&x, norm2, dropout2, |x| self.feed_forward(x)))
    }
}

impl Layer for TransformerEncoderLayer {
    #[track_caller]
    fn forward(&self, src: &Tensor) -> Result<Tensor> {
        self.forward_masked(src, Masks::default())
    }
}

impl TransformerDecoderLayer {
    /// The output for targets that look at a memory.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(&self, tgt: &Tensor, memory: &Tensor) -> Result<Tensor> {
        self.forward_masked(tgt, memory, Masks::default(), Masks::default())
    }

    /// [`forward`](Self::forward) with masks of the targets and of the memory.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        of_targets: Masks<'_>,
        of_memory: Masks<'_>,
    ) -> Result<Tensor> {
        let parts = &self.parts;
        let x =
            self.around(tgt, &parts.norm1, &parts.dropout1, |x| attend(&parts.self_attn, x, x, of_targets))?;
        let x = self.around(&x, &parts.norm2, &parts.dropout2, |x| {
            attend(&parts.multihead_attn, x, memory, of_memory)
        })?;
        seen(self, self.around(&x, &parts.norm3, &parts.dropout3, |x| self.feed_forward(x)))
    }
}

macro_rules! stacks {
    ($($(#[$doc:meta])* $stack:ident of $layer:ident;)*) => {$(
        $(#[$doc])*
        pub struct $stack {
            layers: Vec<$layer>,
            norm: Option<LayerNorm>,
        }

        impl $stack {
            /// `num_layers` copies of this layer, which begin with the same values, as in PyTorch.
            ///
            /// # Errors
            /// If the values cannot be copied.
            #[track_caller]
            pub fn new(layer: $layer, num_layers: usize) -> Result<Self> {
                let layers = (0..num_layers).map(|_| layer.copy()).collect::<Result<_>>()?;
                Ok(Self::of(layers))
            }

            pub(crate) fn of(layers: Vec<$layer>) -> Self {
                $stack { layers, norm: None }
            }

            /// A normalisation at the end.
            #[must_use]
            pub fn norm(mut self, norm: LayerNorm) -> Self {
                self.norm = Some(norm);
                self
            }

            fn normalized(&self, x: Tensor) -> Result<Tensor> {
                let y = match &self.norm {
                    Some(norm) => norm.forward(&x),
                    None => Ok(x),
                };
                seen(self, y)
            }
        }

        impl Module for $stack {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                visit("layers", &self.layers);
                visit("norm", &self.norm);
            }
        }

        printed!($stack);
    )*};
}

stacks! {
    /// [`TransformerEncoderLayer`]s one behind the other.
    #[doc(alias = "torch.nn.TransformerEncoder")]
    TransformerEncoder of TransformerEncoderLayer;

    /// [`TransformerDecoderLayer`]s one behind the other.
    #[doc(alias = "torch.nn.TransformerDecoder")]
    TransformerDecoder of TransformerDecoderLayer;
}

impl TransformerEncoder {
    /// The output for a sequence, some of which may not be seen.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(&self, src: &Tensor, masks: Masks<'_>) -> Result<Tensor> {
        let mut x = src.clone();
        for layer in &self.layers {
            x = layer.forward_masked(&x, masks)?;
        }
        self.normalized(x)
    }
}

impl Layer for TransformerEncoder {
    #[track_caller]
    fn forward(&self, src: &Tensor) -> Result<Tensor> {
        self.forward_masked(src, Masks::default())
    }
}

impl TransformerDecoder {
    /// The output for targets that look at a memory.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(&self, tgt: &Tensor, memory: &Tensor) -> Result<Tensor> {
        self.forward_masked(tgt, memory, Masks::default(), Masks::default())
    }

    /// [`forward`](Self::forward) with masks of the targets and of the memory.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(
        &self,
        tgt: &Tensor,
        memory: &Tensor,
        of_targets: Masks<'_>,
        of_memory: Masks<'_>,
    ) -> Result<Tensor> {
        let mut x = tgt.clone();
        for layer in &self.layers {
            x = layer.forward_masked(&x, memory, of_targets, of_memory)?;
        }
        self.normalized(x)
    }
}

//! The whole Transformer: an encoder of sources, and a decoder of targets that looks at what the encoder made.
//!
//! ```
//! use nn::{Masks, Transformer};
//! use tensor::rand;
//! let model = Transformer::new(8, 2).num_encoder_layers(1).num_decoder_layers(2).dim_feedforward(16).batch_first(true);
//! let (source, target) = (rand([4, 6, 8])?, rand([4, 5, 8])?);
//! let mask = Transformer::generate_square_subsequent_mask(5)?;
//! let of_targets = Masks { mask: Some(&mask), ..Masks::default() };
//! let output = model.forward_masked(&source, &target, Masks::default(), of_targets, Masks::default())?;
//! assert_eq!(output.shape(), [4, 5, 8]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Module, printed};
use crate::summary::seen;
use crate::{
    Activation, LayerNorm, Masks, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer, init,
};
use tensor::random::{Draft, generator, set_generator};
use tensor::{DType, Error, Result, Tensor};

/// A [`TransformerEncoder`] and a [`TransformerDecoder`], each with a normalisation at its end; all matrices begin by
/// [`init::xavier_uniform_`]. Source: A. Vaswani et al., arXiv:1706.03762.
#[doc(alias = "torch.nn.Transformer")]
pub struct Transformer {
    options: Options,
    parts: Parts,
    draft: Draft,
}

#[derive(Clone, Copy)]
struct Options {
    d_model: usize,
    nhead: usize,
    num_encoder_layers: usize,
    num_decoder_layers: usize,
    dim_feedforward: usize,
    dropout: f64,
    activation: Activation,
    layer_norm_eps: f64,
    batch_first: bool,
    norm_first: bool,
    bias: bool,
}

struct Parts {
    encoder: TransformerEncoder,
    decoder: TransformerDecoder,
}

/// So many layers that begin with the same values; of none, one is drawn all the same, as in PyTorch.
#[track_caller]
fn alike<L>(count: usize, draw: impl Fn() -> L) -> Vec<L> {
    let before = generator();
    let mut layers = vec![];
    for _ in 0..count.max(1) {
        set_generator(before.clone());
        layers.push(draw());
    }
    layers.truncate(count);
    layers
}

impl Options {
    #[track_caller]
    fn draw(&self) -> Parts {
        macro_rules! layer {
            ($layer:ident) => {
                $layer::new(self.d_model, self.nhead)
                    .dim_feedforward(self.dim_feedforward)
                    .dropout(self.dropout)
                    .activation(self.activation)
                    .layer_norm_eps(self.layer_norm_eps)
                    .batch_first(self.batch_first)
                    .norm_first(self.norm_first)
                    .bias(self.bias)
            };
        }
        let norm = || LayerNorm::new([self.d_model]).eps(self.layer_norm_eps).bias(self.bias);
        let encoder = alike(self.num_encoder_layers, || layer!(TransformerEncoderLayer));
        let decoder = alike(self.num_decoder_layers, || layer!(TransformerDecoderLayer));
        let parts = Parts {
            encoder: TransformerEncoder::of(encoder).norm(norm()),
            decoder: TransformerDecoder::of(decoder).norm(norm()),
        };
        for p in parts.encoder.parameters().iter().chain(&parts.decoder.parameters()) {
            if p.shape().len() > 1 {
                init::xavier_uniform_(p, 1.0).ok();
            }
        }
        parts
    }
}

macro_rules! options {
    ($($(#[$doc:meta])* $option:ident: $kind:ty;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        #[must_use]
        pub fn $option(self, $option: $kind) -> Self {
            let options = Options { $option, ..self.options };
            self.with(options)
        }
    )*};
}

impl Transformer {
    /// With six layers each, `dim_feedforward = 2048`, `dropout = 0.1` and ReLU.
    #[track_caller]
    pub fn new(d_model: usize, nhead: usize) -> Self {
        let options = Options {
            d_model,
            nhead,
            num_encoder_layers: 6,
            num_decoder_layers: 6,
            dim_feedforward: 2048,
            dropout: 0.1,
            activation: Activation::Relu,
            layer_norm_eps: 1e-5,
            batch_first: false,
            norm_first: false,
            bias: true,
        };
        let (parts, draft) = Draft::new(|| options.draw());
        Transformer { options, parts, draft }
    }

    #[track_caller]
    fn with(mut self, options: Options) -> Self {
        self.options = options;
        (self.parts, self.draft) = self.draft.again(|| options.draw());
        self
    }

    options! {
        /// How many layers the encoder has.
        num_encoder_layers: usize;
        /// How many layers the decoder has.
        num_decoder_layers: usize;
        /// The width between the two linear maps of a layer.
        dim_feedforward: usize;
        /// The probability of a zero, in training.
        dropout: f64;
        /// What stands between the two linear maps of a layer.
        activation: Activation;
        /// What the normalisations add to the variance.
        layer_norm_eps: f64;
        /// Whether inputs and outputs are `(batch, steps, d_model)`, and not `(steps, batch, d_model)`.
        batch_first: bool;
        /// Whether the normalisation comes before each part of a layer.
        norm_first: bool;
        /// Whether there are biases.
        bias: bool;
    }

    /// The output for targets, of their shape.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(&self, src: &Tensor, tgt: &Tensor) -> Result<Tensor> {
        self.forward_masked(src, tgt, Masks::default(), Masks::default(), Masks::default())
    }

    /// [`forward`](Self::forward) with masks of the sources, of the targets, and of what targets see of the sources.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward_masked(
        &self,
        src: &Tensor,
        tgt: &Tensor,
        of_sources: Masks<'_>,
        of_targets: Masks<'_>,
        of_memory: Masks<'_>,
    ) -> Result<Tensor> {
        let d_model = self.options.d_model;
        let batch = usize::from(!self.options.batch_first);
        let same_batch = src.dim() != 3 || tgt.dim() != 3 || src.shape()[batch] == tgt.shape()[batch];
        if [src, tgt].iter().any(|t| t.shape().last() != Some(&d_model)) || !same_batch {
            let message = format!(
                "expected sources and targets of the same batch, with {d_model} features, found {:?} and {:?}",
                src.shape(),
                tgt.shape()
            );
            return Err(Error::shape("Transformer", message));
        }
        let memory = self.parts.encoder.forward_masked(src, of_sources)?;
        seen(self, self.parts.decoder.forward_masked(tgt, &memory, of_targets, of_memory))
    }

    /// `(sz, sz)`: 0 where a step sees itself or one before, −∞ behind.
    ///
    /// # Errors
    /// If the machine cannot hold it.
    #[track_caller]
    pub fn generate_square_subsequent_mask(sz: usize) -> Result<Tensor> {
        Tensor::full([sz, sz], f64::NEG_INFINITY, DType::F32)?.triu(1)
    }
}

impl Module for Transformer {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("encoder", &self.parts.encoder);
        visit("decoder", &self.parts.decoder);
    }
}

printed!(Transformer);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{arange, manual_seed, ones, rand};

    #[test]
    fn the_same_seed_gives_the_model_of_pytorch() {
        manual_seed(1);
        let model = Transformer::new(4, 2).num_encoder_layers(2).num_decoder_layers(1).dim_feedforward(3);
        let sum = |i: usize| model.named_parameters()[i].1.tensor().sum().item().unwrap();
        assert!((sum(0) + 1.946_821).abs() < 1e-5);
        assert!((sum(5) + 0.698_408_9).abs() < 1e-5 && sum(5) == sum(17));
        assert_eq!(rand([1]).unwrap().to_string(), "tensor([0.3843])");
        model.eval();
        let targets = arange(0, 16, 1).unwrap().reshape([2, 2, 4]).unwrap().div(8.0).unwrap();
        let y = model.forward(&ones([3, 2, 4]).unwrap(), &targets).unwrap().detach();
        let expected = "tensor([[[-0.6741,  1.4608, -1.1357,  0.3490],
         [-0.4751,  1.5680, -1.1458,  0.0530]],

        [[-0.9462,  1.2839, -1.0052,  0.6675],
         [-0.4867,  1.5502, -1.1620,  0.0986]]])";
        assert_eq!(y.to_string(), expected);
        assert!(model.forward(&ones([3, 1, 4]).unwrap(), &targets).is_err());
        let mask = Transformer::generate_square_subsequent_mask(2).unwrap();
        assert_eq!(mask.to_string(), "tensor([[0., -inf],\n        [0., 0.]])");
    }
}

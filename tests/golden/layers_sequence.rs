//! Layers for sequences by PyTorch's class names and arguments: embeddings, recurrent layers, attention, and the
//! normalisation that goes with it.

use crate::case::Args;
use crate::models::Forward;
use nn::*;
use serde_json::Value;
use std::rc::Rc;
use tensor::{Result, Tensor};

/// A layer that maps one tensor to one tensor; `None` if there is none of that name here.
pub fn layer(class: &str, args: &Args<'_>) -> Option<Box<dyn Layer>> {
    Some(match class {
        "LayerNorm" => {
            let shape = args.ints("normalized_shape")?.into_iter().map(|n| n as usize);
            let mut layer = LayerNorm::new(shape).eps(args.float("eps").unwrap_or(1e-5));
            layer = layer.elementwise_affine(args.flag("elementwise_affine").unwrap_or(true));
            if args.flag("bias") == Some(false) {
                layer = layer.bias(false);
            }
            Box::new(layer)
        }
        "Embedding" => {
            let mut layer = Embedding::new(args.size("num_embeddings")?, args.size("embedding_dim")?);
            if let Some(padding) = args.int("padding_idx") {
                layer = layer.padding_idx(padding);
            }
            if let Some(norm) = args.float("max_norm") {
                layer = layer.max_norm(norm);
            }
            if let Some(p) = args.float("norm_type") {
                layer = layer.norm_type(p);
            }
            Box::new(layer.scale_grad_by_freq(args.flag("scale_grad_by_freq").unwrap_or(false)))
        }
        _ => return None,
    })
}

macro_rules! transformer {
    ($layer:ident, $args:expr) => {{
        let args = $args;
        let mut layer = $layer::new(args.size("d_model")?, args.size("nhead")?);
        if let Some(width) = args.size("dim_feedforward") {
            layer = layer.dim_feedforward(width);
        }
        layer
            .dropout(args.float("dropout").unwrap_or(0.1))
            .activation(match args.text("activation") {
                Some("gelu") => Activation::Gelu,
                _ => Activation::Relu,
            })
            .layer_norm_eps(args.float("layer_norm_eps").unwrap_or(1e-5))
            .batch_first(args.flag("batch_first").unwrap_or(false))
            .norm_first(args.flag("norm_first").unwrap_or(false))
            .bias(args.flag("bias").unwrap_or(true))
    }};
}

/// A module that is called in a way of its own.
pub fn callable(class: &str, args: &Args<'_>) -> Option<(Rc<dyn Module>, Forward)> {
    macro_rules! recurrent {
        ($layer:ident) => {{
            let mut layer = $layer::new(args.size("input_size")?, args.size("hidden_size")?);
            if let Some(layers) = args.size("num_layers") {
                layer = layer.num_layers(layers);
            }
            if let Some(bias) = args.flag("bias") {
                layer = layer.bias(bias);
            }
            if let Some(both) = args.flag("bidirectional") {
                layer = layer.bidirectional(both);
            }
            layer
                .batch_first(args.flag("batch_first").unwrap_or(false))
                .dropout(args.float("dropout").unwrap_or(0.0))
        }};
    }
    macro_rules! cell {
        ($cell:ident) => {
            $cell::new(args.size("input_size")?, args.size("hidden_size")?)
                .bias(args.flag("bias").unwrap_or(true))
        };
    }
    macro_rules! with_state {
        ($layer:expr, |$found:ident| $outputs:expr) => {{
            let layer = Rc::new($layer);
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let $found = match args.find("hx") {
                    Some(state) => layer.forward_from(args.t("input"), state)?,
                    None => layer.forward(args.t("input"))?,
                };
                Ok($outputs)
            });
            (module, forward)
        }};
    }
    macro_rules! with_states {
        ($layer:expr, |$found:ident| $outputs:expr) => {{
            let layer = Rc::new($layer);
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let $found = match args.members("hx")[..] {
                    [state, cells] => layer.forward_from(args.t("input"), (state, cells))?,
                    _ => layer.forward(args.t("input"))?,
                };
                Ok($outputs)
            });
            (module, forward)
        }};
    }
    let nonlinear = || match args.text("nonlinearity") {
        Some("relu") => Nonlinear::Relu,
        _ => Nonlinear::Tanh,
    };
    let (module, forward): (Rc<dyn Module>, Forward) = match class {
        "RNN" => with_state!(recurrent!(RNN).nonlinearity(nonlinear()), |found| vec![found.0, found.1]),
        "GRU" => with_state!(recurrent!(GRU), |found| vec![found.0, found.1]),
        "LSTM" => {
            let mut layer = recurrent!(LSTM);
            if let Some(size) = args.size("proj_size") {
                layer = layer.proj_size(size);
            }
            with_states!(layer, |found| vec![found.0, found.1.0, found.1.1])
        }
        "RNNCell" => with_state!(cell!(RNNCell).nonlinearity(nonlinear()), |found| vec![found]),
        "GRUCell" => with_state!(cell!(GRUCell), |found| vec![found]),
        "LSTMCell" => with_states!(cell!(LSTMCell), |found| vec![found.0, found.1]),
        "Transformer" => {
            let mut layer = transformer!(Transformer, args);
            if let Some(layers) = args.size("num_encoder_layers") {
                layer = layer.num_encoder_layers(layers);
            }
            if let Some(layers) = args.size("num_decoder_layers") {
                layer = layer.num_decoder_layers(layers);
            }
            let layer = Rc::new(layer);
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let masks = |mask: &str, padding: &str, causal: &str| Masks {
                    mask: args.find(mask),
                    key_padding_mask: args.find(padding),
                    is_causal: args.flag(causal).unwrap_or(false),
                };
                Ok(vec![layer.forward_masked(
                    args.t("src"),
                    args.t("tgt"),
                    masks("src_mask", "src_key_padding_mask", "src_is_causal"),
                    masks("tgt_mask", "tgt_key_padding_mask", "tgt_is_causal"),
                    masks("memory_mask", "memory_key_padding_mask", "memory_is_causal"),
                )?])
            });
            (module, forward)
        }
        "MultiheadAttention" => {
            let mut layer = MultiheadAttention::new(args.size("embed_dim")?, args.size("num_heads")?);
            if let Some(kdim) = args.size("kdim") {
                layer = layer.kdim(kdim);
            }
            if let Some(vdim) = args.size("vdim") {
                layer = layer.vdim(vdim);
            }
            let flag = |name: &str| args.flag(name).unwrap_or(false);
            let layer = layer
                .bias(args.flag("bias").unwrap_or(true))
                .add_bias_kv(flag("add_bias_kv"))
                .add_zero_attn(flag("add_zero_attn"))
                .batch_first(flag("batch_first"))
                .dropout(args.float("dropout").unwrap_or(0.0));
            let layer = Rc::new(layer);
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let attend = Attend {
                    key_padding_mask: args.find("key_padding_mask"),
                    attn_mask: args.find("attn_mask"),
                    is_causal: args.flag("is_causal").unwrap_or(false),
                    need_weights: args.flag("need_weights").unwrap_or(true),
                    average_attn_weights: args.flag("average_attn_weights").unwrap_or(true),
                };
                let found = layer.forward(args.t("query"), args.t("key"), args.t("value"), attend)?;
                Ok([found.0].into_iter().chain(found.1).collect())
            });
            (module, forward)
        }
        "TransformerEncoderLayer" => {
            let layer = Rc::new(transformer!(TransformerEncoderLayer, args));
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let masks = Masks {
                    mask: args.find("src_mask"),
                    key_padding_mask: args.find("src_key_padding_mask"),
                    is_causal: args.flag("is_causal").unwrap_or(false),
                };
                Ok(vec![layer.forward_masked(args.t("src"), masks)?])
            });
            (module, forward)
        }
        "TransformerDecoderLayer" => {
            let layer = Rc::new(transformer!(TransformerDecoderLayer, args));
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let masks = |of: &str| Masks {
                    mask: args.find(&format!("{of}_mask")),
                    key_padding_mask: args.find(&format!("{of}_key_padding_mask")),
                    is_causal: args.flag(&format!("{of}_is_causal")).unwrap_or(false),
                };
                let (tgt, memory) = (args.t("tgt"), args.t("memory"));
                Ok(vec![layer.forward_masked(tgt, memory, masks("tgt"), masks("memory"))?])
            });
            (module, forward)
        }
        "EmbeddingBag" => {
            let mut layer = EmbeddingBag::new(args.size("num_embeddings")?, args.size("embedding_dim")?);
            if let Some(padding) = args.int("padding_idx") {
                layer = layer.padding_idx(padding);
            }
            if let Some(norm) = args.float("max_norm") {
                layer = layer.max_norm(norm);
            }
            let layer = layer
                .norm_type(args.float("norm_type").unwrap_or(2.0))
                .include_last_offset(args.flag("include_last_offset").unwrap_or(false))
                .scale_grad_by_freq(args.flag("scale_grad_by_freq").unwrap_or(false))
                .mode(match args.text("mode") {
                    Some("sum") => BagMode::Sum,
                    Some("max") => BagMode::Max,
                    _ => BagMode::Mean,
                });
            let layer = Rc::new(layer);
            let module = layer.clone();
            let forward: Forward = Box::new(move |args| {
                let weights = args.find("per_sample_weights");
                Ok(vec![match args.find("offsets") {
                    Some(offsets) => layer.forward_bags(args.t("input"), offsets, weights)?,
                    None => layer.forward(args.t("input"))?,
                }])
            });
            (module, forward)
        }
        _ => return None,
    };
    Some((module, forward))
}

/// `emb` and `rnn` of the models of the training cases, then `fc` on the last step.
struct Last {
    emb: Option<Embedding>,
    rnn: LSTM,
    fc: Linear,
}

impl Module for Last {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("emb", &self.emb);
        visit("rnn", &self.rnn);
        visit("fc", &self.fc);
    }
}

impl Layer for Last {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.emb.as_ref().map_or_else(|| Ok(x.clone()), |emb| emb.forward(x))?;
        self.fc.forward(&self.rnn.forward(&x)?.0.select(1, -1)?)
    }
}

/// `enc`, the mean over the steps, `fc`.
struct EncMean {
    enc: TransformerEncoderLayer,
    fc: Linear,
}

impl Module for EncMean {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("enc", &self.enc);
        visit("fc", &self.fc);
    }
}

impl Layer for EncMean {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.fc.forward(&self.enc.forward(x)?.mean_dim(1, false)?)
    }
}

/// The models of the training cases that are no `Sequential`.
pub fn trainable(spec: &Value) -> Option<Box<dyn Layer>> {
    let children = spec["children"].as_array()?;
    let child = |name: &str| Some(Args::new(vec![], &children.iter().find(|c| c[0] == name)?[1]["args"]));
    let linear = |args: Args<'_>| Some(Linear::new(args.size("in_features")?, args.size("out_features")?));
    Some(match spec["arch"].as_str()? {
        "Last" | "EmbLast" => {
            let rnn = child("rnn")?;
            let emb = child("emb");
            Box::new(Last {
                emb: emb.and_then(|emb| {
                    Some(Embedding::new(emb.size("num_embeddings")?, emb.size("embedding_dim")?))
                }),
                rnn: LSTM::new(rnn.size("input_size")?, rnn.size("hidden_size")?).batch_first(true),
                fc: linear(child("fc")?)?,
            })
        }
        "EncMean" => {
            let enc = child("enc")?;
            Box::new(EncMean { enc: transformer!(TransformerEncoderLayer, &enc), fc: linear(child("fc")?)? })
        }
        _ => return None,
    })
}

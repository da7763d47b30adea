//! Attention of several heads at once.
//!
//! ```
//! use nn::{Attend, MultiheadAttention};
//! use tensor::rand;
//! let layer = MultiheadAttention::new(8, 2).batch_first(true);
//! let x = rand([4, 5, 8])?;
//! let (output, weights) = layer.forward(&x, &x, &x, Attend::default())?;
//! assert_eq!((output.shape(), weights.unwrap().shape()), (&[4, 5, 8][..], &[4, 5, 5][..]));
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::Linear;
use crate::dropout::drop_out;
use crate::init::{self, zero_parameter};
use crate::module::{Module, TrainMode, printed};
use std::borrow::Cow;
use tensor::random::Draft;
use tensor::{Attention, DType, Error, Parameter, Result, Tensor, cat, zeros};

/// What is attended to, and what is returned. As in PyTorch, a bool mask is true where nothing may be seen, the opposite
/// of [`Tensor::scaled_dot_product_attention`]'s; a mask of numbers is added to the scores.
#[derive(Clone, Copy, Debug)]
pub struct Attend<'a> {
    /// `(batch, source)`: keys that are padding.
    pub key_padding_mask: Option<&'a Tensor>,
    /// `(target, source)` or `(batch·heads, target, source)`
    pub attn_mask: Option<&'a Tensor>,
    /// Whether target `i` sees sources 0 to `i` only.
    pub is_causal: bool,
    /// Whether the weights are returned too. Without them all scores `(batch, heads, target, source)` never exist at once,
    /// which is faster and takes less memory; with them, even averaged, they are part of the graph and are held.
    pub need_weights: bool,
    /// Whether these are the mean over the heads.
    pub average_attn_weights: bool,
}

impl Default for Attend<'_> {
    fn default() -> Self {
        Attend {
            key_padding_mask: None,
            attn_mask: None,
            is_causal: false,
            need_weights: true,
            average_attn_weights: true,
        }
    }
}

/// Query, key and value are projected, split into heads that attend each on its own, joined and projected again.
/// Source: A. Vaswani et al., arXiv:1706.03762.
#[doc(alias = "torch.nn.MultiheadAttention")]
pub struct MultiheadAttention {
    options: Options,
    parts: Parts,
    draft: Draft,
    mode: TrainMode,
}

#[derive(Clone, Copy)]
struct Options {
    embed_dim: usize,
    num_heads: usize,
    kdim: usize,
    vdim: usize,
    dropout: f64,
    bias: bool,
    add_bias_kv: bool,
    add_zero_attn: bool,
    batch_first: bool,
}

/// The projections: one matrix for all three, or one each where their widths differ.
enum Projections {
    Joint(Parameter),
    Apart([Parameter; 3]),
}

struct Parts {
    projections: Projections,
    in_proj_bias: Option<Parameter>,
    bias_kv: Option<[Parameter; 2]>,
    out_proj: Output,
}

/// A linear layer under the name that PyTorch prints.
struct Output(Linear);

impl Module for Output {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.0.visit(visit);
    }
    fn name(&self) -> Cow<'static, str> {
        "NonDynamicallyQuantizableLinear".into()
    }
    fn extra_repr(&self) -> String {
        self.0.extra_repr()
    }
}

impl Options {
    /// The numbers that PyTorch draws, in its order: the output's first.
    #[track_caller]
    fn draw(self) -> Parts {
        let Options { embed_dim, kdim, vdim, .. } = self;
        let out = Linear::new(embed_dim, embed_dim).bias(self.bias);
        if let Some(bias) = &out.bias {
            init::zeros_(bias).ok();
        }
        let projection = |rows: usize, columns: usize| {
            let p = zero_parameter(&[rows, columns]);
            init::xavier_uniform_(&p, 1.0).ok();
            p
        };
        let projections = if kdim == embed_dim && vdim == embed_dim {
            Projections::Joint(projection(3 * embed_dim, embed_dim))
        } else {
            Projections::Apart([embed_dim, kdim, vdim].map(|columns| projection(embed_dim, columns)))
        };
        let bias_kv = self.add_bias_kv.then(|| {
            [(); 2].map(|()| {
                let p = zero_parameter(&[1, 1, embed_dim]);
                init::xavier_normal_(&p, 1.0).ok();
                p
            })
        });
        let in_proj_bias = self.bias.then(|| zero_parameter(&[3 * embed_dim]));
        Parts { projections, in_proj_bias, bias_kv, out_proj: Output(out) }
    }
}

impl MultiheadAttention {
    /// With biases, for sequences `(steps, batch, embed_dim)`.
    #[track_caller]
    pub fn new(embed_dim: usize, num_heads: usize) -> Self {
        let options = Options {
            embed_dim,
            num_heads,
            kdim: embed_dim,
            vdim: embed_dim,
            dropout: 0.0,
            bias: true,
            add_bias_kv: false,
            add_zero_attn: false,
            batch_first: false,
        };
        let (parts, draft) = Draft::new(|| options.draw());
        MultiheadAttention { options, parts, draft, mode: TrainMode::new() }
    }

    #[track_caller]
    fn with(mut self, options: Options) -> Self {
        self.options = options;
        (self.parts, self.draft) = self.draft.again(|| options.draw());
        self
    }

    /// In training, the probability that a weight is set to zero.
    #[must_use]
    pub fn dropout(mut self, dropout: f64) -> Self {
        self.options.dropout = dropout;
        self
    }

    /// Whether inputs and outputs are `(batch, steps, …)`.
    #[must_use]
    pub fn batch_first(mut self, batch_first: bool) -> Self {
        self.options.batch_first = batch_first;
        self
    }

    /// Whether a key and a value of zeros are added to what can be seen.
    #[must_use]
    pub fn add_zero_attn(mut self, add: bool) -> Self {
        self.options.add_zero_attn = add;
        self
    }

    /// Whether the projections have biases.
    #[track_caller]
    #[must_use]
    pub fn bias(self, bias: bool) -> Self {
        let options = Options { bias, ..self.options };
        self.with(options)
    }

    /// Whether a key and a value that are trained are added to what can be seen.
    #[track_caller]
    #[must_use]
    pub fn add_bias_kv(self, add_bias_kv: bool) -> Self {
        let options = Options { add_bias_kv, ..self.options };
        self.with(options)
    }

    /// The width of the keys, if it is not `embed_dim`.
    #[track_caller]
    #[must_use]
    pub fn kdim(self, kdim: usize) -> Self {
        let options = Options { kdim, ..self.options };
        self.with(options)
    }

    /// The width of the values, if it is not `embed_dim`.
    #[track_caller]
    #[must_use]
    pub fn vdim(self, vdim: usize) -> Self {
        let options = Options { vdim, ..self.options };
        self.with(options)
    }

    /// The output, of the query's shape, and, if asked for, the weights `(batch, target, source)`, or `(batch, heads,
    /// target, source)` where they are not averaged. Without a batch, its dimension is missing everywhere.
    ///
    /// # Errors
    /// If shapes do not fit.
    #[track_caller]
    pub fn forward(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        attend: Attend<'_>,
    ) -> Result<(Tensor, Option<Tensor>)> {
        const OP: &str = "MultiheadAttention";
        let Options { embed_dim, num_heads, kdim, vdim, batch_first, .. } = self.options;
        if num_heads == 0 || embed_dim == 0 || embed_dim % num_heads != 0 {
            return Err(Error::value(
                OP,
                format!("embed_dim {embed_dim} should be a multiple of num_heads {num_heads}"),
            ));
        }
        let single = query.dim() == 2;
        let fits = [(query, embed_dim), (key, kdim), (value, vdim)]
            .iter()
            .all(|(t, width)| t.dim() == query.dim() && t.shape().last() == Some(width));
        if !fits || !(2..=3).contains(&query.dim()) {
            return Err(Error::shape(
                OP,
                format!(
                    "expected a query (…, {embed_dim}), a key (…, {kdim}) and a value (…, {vdim}) of 2 or 3 dimensions, \
                     found {:?}, {:?} and {:?}",
                    query.shape(),
                    key.shape(),
                    value.shape()
                ),
            ));
        }
        // Everything as (batch, steps, …).
        let batched = |t: &Tensor| match (single, batch_first) {
            (true, _) => t.unsqueeze(0),
            (false, true) => Ok(t.clone()),
            (false, false) => t.transpose(0, 1),
        };
        let (query, key, value) = (batched(query)?, batched(key)?, batched(value)?);
        let (batch, target) = (query.shape()[0], query.shape()[1]);
        if key.shape()[..2] != value.shape()[..2] || key.shape()[0] != batch {
            return Err(Error::shape(
                OP,
                format!("key and value should have the batch of the query, {batch}, and equal steps"),
            ));
        }
        let [q, mut k, mut v] = self.project([&query, &key, &value])?;
        let mut added = 0;
        if let Some(bias) = &self.parts.bias_kv {
            let shape = [batch, 1, embed_dim];
            k = cat(&[&k, &bias[0].tensor().expand(shape)?], 1)?;
            v = cat(&[&v, &bias[1].tensor().expand(shape)?], 1)?;
            added += 1;
        }
        if self.options.add_zero_attn {
            let nothing = zeros([batch, 1, embed_dim])?.to(k.dtype());
            (k, v) = (cat(&[&k, &nothing], 1)?, cat(&[&v, &nothing], 1)?);
            added += 1;
        }
        let width = embed_dim / num_heads;
        let heads = |t: &Tensor| t.unflatten(-1, [num_heads, width])?.transpose(1, 2);
        let (q, k, v) = (heads(&q)?, heads(&k)?, heads(&v)?);
        let source = k.shape()[2];
        let plain = attend.attn_mask.is_none() && attend.key_padding_mask.is_none();
        let causal = attend.is_causal && attend.attn_mask.is_none();
        let dropped = self.mode.is_training() && self.options.dropout > 0.0;
        let joined = |t: &Tensor| t.transpose(1, 2)?.flatten(2, 3);
        let (output, weights) = if !attend.need_weights {
            let mask = if plain && (!causal || added == 0) {
                None
            } else {
                self.mask(&attend, [batch, target, source], added, q.dtype())?
            };
            let rule = Attention {
                mask: mask.as_ref(),
                causal: causal && mask.is_none(),
                dropout_p: if dropped { self.options.dropout } else { 0.0 },
                ..Attention::default()
            };
            (joined(&q.scaled_dot_product_attention(&k, &v, rule)?)?, None)
        } else {
            let scores = q.mul(1.0 / (width as f64).sqrt())?.matmul(&k.mt()?)?;
            let scores = match self.mask(&attend, [batch, target, source], added, q.dtype())? {
                Some(mask) => scores.add(&mask)?,
                None => scores,
            };
            let mut weights = scores.softmax(-1)?;
            if dropped {
                weights = drop_out(&weights, weights.shape().to_vec(), self.options.dropout)?;
            }
            (joined(&weights.matmul(&v)?)?, Some(weights))
        };
        let out = &self.parts.out_proj.0;
        let bias = out.bias.as_ref().map(Parameter::tensor);
        let output = output.linear(&out.weight.tensor(), bias.as_ref())?;
        let output = match (single, batch_first) {
            (true, _) => output.squeeze_dim(0)?,
            (false, true) => output,
            (false, false) => output.transpose(0, 1)?,
        };
        let weights = weights.filter(|_| attend.need_weights);
        let weights = weights.map(|w| if attend.average_attn_weights { w.mean_dim(1, false) } else { Ok(w) });
        let weights = weights.transpose()?;
        let weights = weights.map(|w| if single { w.squeeze_dim(0) } else { Ok(w) }).transpose()?;
        Ok((output, weights))
    }

    fn project(&self, [query, key, value]: [&Tensor; 3]) -> Result<[Tensor; 3]> {
        let width = self.options.embed_dim;
        let bias = self.parts.in_proj_bias.as_ref().map(Parameter::tensor);
        if let Projections::Joint(weight) = &self.parts.projections {
            let weight = weight.tensor();
            if query.is_same(key) && key.is_same(value) {
                let all = query.linear(&weight, bias.as_ref())?;
                let part = |i: usize| all.narrow(-1, i * width, width);
                return Ok([part(0)?, part(1)?, part(2)?]);
            }
        }
        let one = |i: usize, x: &Tensor| {
            let weight = match &self.parts.projections {
                Projections::Joint(weight) => weight.tensor().narrow(0, i * width, width)?,
                Projections::Apart(weights) => weights[i].tensor(),
            };
            let bias = bias.as_ref().map(|b| b.narrow(0, i * width, width)).transpose()?;
            x.linear(&weight, bias.as_ref())
        };
        Ok([one(0, query)?, one(1, key)?, one(2, value)?])
    }

    /// All masks as one that is added to the scores `(batch, heads, target, source)`.
    fn mask(
        &self,
        attend: &Attend<'_>,
        [batch, target, source]: [usize; 3],
        added: usize,
        dtype: DType,
    ) -> Result<Option<Tensor>> {
        const OP: &str = "MultiheadAttention";
        let heads = self.options.num_heads;
        let seen = source - added;
        let additive = |mask: &Tensor| -> Result<Tensor> {
            let mask = if mask.dtype() == DType::Bool {
                zeros(mask.shape())?.to(dtype).masked_fill(mask, f64::NEG_INFINITY)?
            } else {
                mask.to(dtype)
            };
            if added == 0 {
                return Ok(mask);
            }
            let mut shape = mask.shape().to_vec();
            if let Some(last) = shape.last_mut() {
                *last = added;
            }
            cat(&[&mask, &zeros(shape)?.to(dtype)], -1)
        };
        let mut all: Option<Tensor> = None;
        if let Some(mask) = attend.attn_mask {
            let mask = match *mask.shape() {
                [t, s] if [t, s] == [target, seen] => additive(mask)?,
                [n, t, s] if [n, t, s] == [batch * heads, target, seen] => {
                    additive(mask)?.unflatten(0, [batch, heads])?
                }
                _ => {
                    return Err(Error::shape(
                        OP,
                        format!(
                            "attn_mask should be {:?} or {:?}, found {:?}",
                            [target, seen],
                            [batch * heads, target, seen],
                            mask.shape()
                        ),
                    ));
                }
            };
            all = Some(mask);
        } else if attend.is_causal {
            let later: Vec<bool> = (0..target).flat_map(|i| (0..seen).map(move |j| j > i)).collect();
            all = Some(additive(&Tensor::from_vec(later, [target, seen])?)?);
        }
        if let Some(padding) = attend.key_padding_mask {
            let padding = if padding.dim() == 1 { padding.unsqueeze(0)? } else { padding.clone() };
            if padding.shape() != [batch, seen] {
                return Err(Error::shape(
                    OP,
                    format!("key_padding_mask should be {:?}, found {:?}", [batch, seen], padding.shape()),
                ));
            }
            let padding = additive(&padding)?.reshape([batch, 1, 1, source])?;
            all = Some(match all {
                Some(mask) => mask.add(&padding)?,
                None => padding,
            });
        }
        Ok(all)
    }
}

impl Module for MultiheadAttention {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        match &self.parts.projections {
            Projections::Joint(weight) => visit("in_proj_weight", weight),
            Projections::Apart(weights) => {
                for (name, weight) in ["q_proj_weight", "k_proj_weight", "v_proj_weight"].iter().zip(weights)
                {
                    visit(name, weight);
                }
            }
        }
        visit("in_proj_bias", &self.parts.in_proj_bias);
        if let Some([k, v]) = &self.parts.bias_kv {
            visit("bias_k", k);
            visit("bias_v", v);
        }
        visit("mode", &self.mode);
        visit("out_proj", &self.parts.out_proj);
    }
}

printed!(MultiheadAttention);

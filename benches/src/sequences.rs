//! Training steps of models for sequences: an LSTM that classifies, a Transformer that predicts the next character.

use crate::data::{between, labels};
use crate::models::train;
use crate::options::Options;
use loss::CrossEntropyLoss;
use nn::{Embedding, LSTM, Layer, LayerNorm, Linear, Module};
use optim::{Adam, AdamW};
use tensor::{Attention, Result, Tensor, arange};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    // `W5` with its own length, or `W5x1024`.
    let length = |own| match name.get(2..) {
        Some("") => Some(own),
        Some(rest) => rest.strip_prefix('x')?.parse::<usize>().ok(),
        None => None,
    };
    match name.get(..2) {
        Some("W5") => {
            let Some(length) = length(64) else { return Ok(false) };
            let batch = options.batch_or(32);
            let x = Tensor::from_vec(labels(1, batch * length, 5000), [batch, length])?;
            let y = Tensor::from_vec(labels(2, batch, 5), [batch])?;
            let model = Classifier {
                emb: Embedding::new(5000, 64),
                lstm: LSTM::new(64, 128).batch_first(true),
                fc: Linear::new(128, 5),
            };
            drawn(&model, |name| if name.starts_with("lstm") { Some(128) } else { None })?;
            let optimizer = Adam::new(model.parameters(), 1e-3);
            train(options, model, CrossEntropyLoss::new(), optimizer, [x, y])?;
        }
        Some("W6") => {
            let Some(length) = length(128) else { return Ok(false) };
            let batch = options.batch_or(16);
            let x = Tensor::from_vec(labels(1, batch * length, 65), [batch, length])?;
            let y = Tensor::from_vec(labels(2, batch * length, 65), [batch * length])?;
            let model = Transformer {
                tok: Embedding::new(65, WIDTH),
                pos: Embedding::new(length, WIDTH),
                blocks: (0..4).map(|_| Block::new()).collect(),
                lnf: LayerNorm::new([WIDTH]),
                head: Linear::new(WIDTH, 65),
                places: arange(0, length as i64, 1)?,
            };
            drawn(&model, |_| None)?;
            let optimizer = AdamW::new(model.parameters(), 3e-4);
            train(options, model, CrossEntropyLoss::new(), optimizer, [x, y])?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The parameters that every library's program has: seeds 100, 101, …, evenly in ±1/√fan, the width of the rows unless
/// `fan` says otherwise. Normalisations stay as they are.
fn drawn(model: &impl Module, fan: impl Fn(&str) -> Option<usize>) -> Result<()> {
    let (mut seed, mut width) = (100, 1);
    for (name, parameter) in model.named_parameters() {
        if name.contains("ln") {
            continue;
        }
        let shape = parameter.shape();
        if let [_, columns] = *shape.as_slice() {
            width = columns; // a bias is drawn as its weight
        }
        let bound = (fan(&name).unwrap_or(width) as f64).powf(-0.5) as f32;
        parameter.set(&Tensor::from_vec(between(seed, parameter.numel(), -bound, bound), shape)?)?;
        seed += 1;
    }
    Ok(())
}

struct Classifier {
    emb: Embedding,
    lstm: LSTM,
    fc: Linear,
}

impl Module for Classifier {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("emb", &self.emb);
        visit("lstm", &self.lstm);
        visit("fc", &self.fc);
    }
}

impl Layer for Classifier {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, (h, _)) = self.lstm.forward(&self.emb.forward(x)?)?;
        self.fc.forward(&h.select(0, -1)?)
    }
}

const WIDTH: usize = 128;
const HEADS: usize = 4;

/// A layer of the Transformer, normalised before each part.
struct Block {
    ln1: LayerNorm,
    qkv: Linear,
    proj: Linear,
    ln2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl Block {
    fn new() -> Self {
        Block {
            ln1: LayerNorm::new([WIDTH]),
            qkv: Linear::new(WIDTH, 3 * WIDTH),
            proj: Linear::new(WIDTH, WIDTH),
            ln2: LayerNorm::new([WIDTH]),
            fc1: Linear::new(WIDTH, 4 * WIDTH),
            fc2: Linear::new(4 * WIDTH, WIDTH),
        }
    }
}

impl Module for Block {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("ln1", &self.ln1);
        visit("qkv", &self.qkv);
        visit("proj", &self.proj);
        visit("ln2", &self.ln2);
        visit("fc1", &self.fc1);
        visit("fc2", &self.fc2);
    }
}

impl Layer for Block {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let qkv = self.qkv.forward(&self.ln1.forward(x)?)?;
        let heads = qkv.unflatten(-1, [3, HEADS, WIDTH / HEADS])?.permute([2, 0, 3, 1, 4])?;
        let [q, k, v] = [heads.select(0, 0)?, heads.select(0, 1)?, heads.select(0, 2)?];
        let causal = Attention { causal: true, ..Attention::default() };
        let seen = q.scaled_dot_product_attention(&k, &v, causal)?.transpose(1, 2)?.flatten(2, 3)?;
        let x = x.add(&self.proj.forward(&seen)?)?;
        let inner = self.fc1.forward(&self.ln2.forward(&x)?)?.gelu();
        x.add(&self.fc2.forward(&inner)?)
    }
}

struct Transformer {
    tok: Embedding,
    pos: Embedding,
    blocks: Vec<Block>,
    lnf: LayerNorm,
    head: Linear,
    places: Tensor,
}

impl Module for Transformer {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("tok", &self.tok);
        visit("pos", &self.pos);
        visit("blocks", &self.blocks);
        visit("lnf", &self.lnf);
        visit("head", &self.head);
    }
}

impl Layer for Transformer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = self.tok.forward(x)?.add(&self.pos.forward(&self.places)?)?;
        for block in &self.blocks {
            x = block.forward(&x)?;
        }
        self.head.forward(&self.lnf.forward(&x)?)?.flatten(0, 1)
    }
}

//! Models saved by PyTorch load by name and give the same outputs, and what is saved here is the same file again.
//! `tests/weights/saved_weights.py` wrote the files, and loads ours.

use baekmi::nn::{Embedding, LSTM, TransformerEncoder, TransformerEncoderLayer};
use baekmi::nn::{from_safetensors, load_safetensors, to_safetensors};
use baekmi::prelude::*;
use baekmi::tensor::{Result, StateDict};
use std::path::Path;

/// The weights, the input and PyTorch's output in a file.
fn file(name: &str) -> (StateDict, Tensor, Tensor) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weights").join(name);
    let all = load_safetensors(path.with_extension("safetensors")).unwrap();
    let weights = all
        .iter()
        .filter_map(|(name, t)| Some((name.strip_prefix("model.")?.to_string(), t.clone())))
        .collect();
    (weights, all.get("input").unwrap().clone(), all.get("output").unwrap().clone())
}

fn check(name: &str, model: &dyn Layer) {
    let (weights, input, expected) = file(name);
    model.load_state_dict(&weights).unwrap();
    model.eval();
    let found = model.forward(&input).unwrap();
    assert!(found.allclose(&expected, 1e-5, 1e-6).unwrap(), "{name}: {found}\nexpected {expected}");

    let mut all = StateDict::new();
    for (name, tensor) in model.state_dict().iter() {
        all.insert(format!("model.{name}"), tensor.clone());
    }
    all.insert("input", input);
    all.insert("output", found);
    let bytes = to_safetensors(&all).unwrap();
    if let Some(folder) = std::env::var_os("SAVED_WEIGHTS_TO") {
        std::fs::write(Path::new(&folder).join(format!("{name}.safetensors")), &bytes).unwrap();
    }
    let again = from_safetensors(&bytes).unwrap();
    assert_eq!(again.len(), weights.len() + 2);
    for (name, tensor) in weights.iter() {
        assert!(again.get(&format!("model.{name}")).unwrap().equal(tensor), "{name}");
    }
}

#[test]
fn an_mlp() {
    check("mlp", &sequential![Linear::new(4, 5), ReLU, Linear::new(5, 2)]);
}

#[derive(Module)]
struct Last {
    emb: Embedding,
    rnn: LSTM,
    fc: Linear,
}

impl Layer for Last {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.fc.forward(&self.rnn.forward(&self.emb.forward(x)?)?.0.select(1, -1)?)
    }
}

#[test]
fn an_lstm() {
    let rnn = LSTM::new(3, 4).num_layers(2).bidirectional(true).batch_first(true);
    check("lstm", &Last { emb: Embedding::new(7, 3), rnn, fc: Linear::new(8, 2) });
}

#[test]
fn a_transformer_encoder() {
    let layer = TransformerEncoderLayer::new(4, 2).dim_feedforward(6).batch_first(true);
    check("encoder", &TransformerEncoder::new(layer, 2).unwrap());
}

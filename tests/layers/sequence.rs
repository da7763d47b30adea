//! Layers for sequences.

use crate::{all_reached, covered, send_back};
use nn::*;
use tensor::{Result, Tensor, randn, tensor};

/// Asks whether a loss of the output reaches all parameters and the inputs.
fn reached(layer: &dyn Module, inputs: &[&Tensor], output: Result<Tensor>) {
    send_back(&output.unwrap());
    all_reached(layer);
    for input in inputs {
        let sum =
            input.grad().unwrap_or_else(|| panic!("{}: an input has no gradient", layer.repr())).abs().sum();
        assert!(sum.item().unwrap() > 0.0, "{}: the gradient of an input is zero", layer.repr());
        input.zero_grad();
    }
}

pub fn layers_of_sequences() {
    let leaf = |shape: &[usize]| randn(shape).unwrap().requires_grad();
    let (x, numbers) = (leaf(&[4, 3, 6]), tensor([[0, 1], [2, 3]]));
    let joined = |(y, h): (Tensor, Tensor)| Ok(y.sum().add(&h.sum().sin()).unwrap());

    let layer = covered(LayerNorm::new([6]));
    reached(&layer, &[&x], layer.forward(&x));
    let layer = covered(Embedding::new(4, 6));
    reached(&layer, &[], layer.forward(&numbers));
    for mode in [BagMode::Sum, BagMode::Mean, BagMode::Max] {
        let layer = covered(EmbeddingBag::new(4, 6).mode(mode));
        reached(&layer, &[], layer.forward(&numbers));
    }
    let layer = covered(RNN::new(6, 5).num_layers(2).bidirectional(true).dropout(0.1));
    reached(&layer, &[&x], joined(layer.forward(&x).unwrap()));
    let layer = covered(GRU::new(6, 5).num_layers(2).bidirectional(true));
    reached(&layer, &[&x], joined(layer.forward(&x).unwrap()));
    let layer = covered(LSTM::new(6, 5).num_layers(2).bidirectional(true).proj_size(2));
    reached(&layer, &[&x], layer.forward(&x).map(|(y, _)| y));
    // The last cells alone.
    let layer = covered(LSTM::new(6, 5));
    reached(&layer, &[&x], layer.forward(&x).map(|(_, (_, c))| c));
    let (step, state) = (leaf(&[3, 6]), leaf(&[3, 5]));
    let layer = covered(RNNCell::new(6, 5));
    reached(&layer, &[&step, &state], layer.forward_from(&step, &state));
    let layer = covered(GRUCell::new(6, 5));
    reached(&layer, &[&step, &state], layer.forward_from(&step, &state));
    let layer = covered(LSTMCell::new(6, 5));
    reached(&layer, &[&step, &state], layer.forward_from(&step, (&state, &state)).map(|(h, _)| h));

    for need_weights in [true, false] {
        let layer =
            covered(MultiheadAttention::new(6, 2).add_bias_kv(true).add_zero_attn(true).kdim(5).vdim(4));
        let (key, value) = (leaf(&[2, 3, 5]), leaf(&[2, 3, 4]));
        let attend = Attend { need_weights, ..Attend::default() };
        let found = layer.forward(&x, &key, &value, attend).map(|(y, _)| y);
        reached(&layer, &[&x, &key, &value], found);
    }
    let other = leaf(&[5, 3, 6]);
    for norm_first in [true, false] {
        let layer = covered(TransformerEncoderLayer::new(6, 2).dim_feedforward(7).norm_first(norm_first));
        let stack = covered(TransformerEncoder::new(layer, 2).unwrap().norm(LayerNorm::new([6])));
        reached(&stack, &[&x], stack.forward(&x));
        let layer = covered(TransformerDecoderLayer::new(6, 2).dim_feedforward(7).norm_first(norm_first));
        let stack = covered(TransformerDecoder::new(layer, 2).unwrap());
        reached(&stack, &[&x, &other], stack.forward(&x, &other));
        let whole = Transformer::new(6, 2).num_encoder_layers(1).num_decoder_layers(1).dim_feedforward(7);
        let whole = covered(whole.norm_first(norm_first));
        reached(&whole, &[&x, &other], whole.forward(&x, &other));
    }
}

/// What is detached is another tensor, though its numbers are the same: no gradient goes through the keys and values.
#[test]
fn attention_to_detached_keys_is_no_self_attention() {
    tensor::manual_seed(5);
    let layer = MultiheadAttention::new(4, 2);
    let grad = |keys: fn(&Tensor) -> Tensor| {
        let x =
            Tensor::from_vec((0..12).map(|i| (i as f32).sin()).collect(), [3, 1, 4]).unwrap().requires_grad();
        let keys = keys(&x);
        layer.forward(&x, &keys, &keys, Attend::default()).unwrap().0.square().sum().backward().unwrap();
        x.grad().unwrap()
    };
    assert!(grad(Tensor::detach).equal(&grad(|x| x.detach() + 0.0)));
    assert!(!grad(Tensor::detach).equal(&grad(Tensor::clone)));
}

/// In training the same weights are lost whether somebody wants to see them, so that all of them are held, or not.
#[test]
fn dropout_of_attention_is_the_same_without_weights() {
    tensor::manual_seed(1);
    let layer = MultiheadAttention::new(8, 2).dropout(0.4).batch_first(true);
    let x = randn([3, 5, 8]).unwrap();
    for is_causal in [false, true] {
        let run = |need_weights| {
            tensor::manual_seed(2);
            let attend = Attend { need_weights, is_causal, ..Attend::default() };
            layer.forward(&x, &x, &x, attend).unwrap().0
        };
        layer.train();
        let dropped = run(false);
        assert!(dropped.allclose(&run(true), 1e-5, 1e-6).unwrap());
        layer.eval();
        assert!(!dropped.allclose(&run(false), 1e-2, 1e-2).unwrap());
    }
}

//! No layer for sequences drops the graph or a parameter: each parameter of each layer receives a gradient.

use baekmi::nn::*;
use baekmi::prelude::*;
use baekmi::tensor::{Result, randn};

/// The parameters that get no gradient, or one that is zero everywhere.
fn without_gradient(layer: &dyn Module, output: Result<Tensor>) -> Vec<String> {
    // Not the plain sum: that of a normalised row is constant.
    let output = output.unwrap();
    let weights =
        Tensor::from_vec((0..output.numel()).map(|i| (i as f32 + 1.0).sin()).collect(), output.shape())
            .unwrap();
    output.mul(&weights).unwrap().sum().backward().unwrap();
    let silent =
        |p: &Parameter| p.grad().is_none_or(|g| g.to_vec::<f32>().unwrap().iter().all(|&x| x == 0.0));
    layer.named_parameters().into_iter().filter(|(_, p)| silent(p)).map(|(name, _)| name).collect()
}

#[test]
fn every_parameter_receives_a_gradient() {
    manual_seed(0);
    let (x, numbers) = (randn([4, 3, 6]).unwrap(), tensor([[0, 1], [2, 3]]));
    let none = Vec::<String>::new();
    let joined = |(y, h): (Tensor, Tensor)| Ok(y.sum().add(&h.sum().sin()).unwrap());

    let layer = LayerNorm::new([6]);
    assert_eq!(without_gradient(&layer, layer.forward(&x)), none);
    let layer = Embedding::new(4, 6);
    assert_eq!(without_gradient(&layer, layer.forward(&numbers)), none);
    for mode in [BagMode::Sum, BagMode::Mean, BagMode::Max] {
        let layer = EmbeddingBag::new(4, 6).mode(mode);
        assert_eq!(without_gradient(&layer, layer.forward(&numbers)), none);
    }
    let layer = RNN::new(6, 5).num_layers(2).bidirectional(true).dropout(0.1);
    assert_eq!(without_gradient(&layer, joined(layer.forward(&x).unwrap())), none);
    let layer = GRU::new(6, 5).num_layers(2).bidirectional(true);
    assert_eq!(without_gradient(&layer, joined(layer.forward(&x).unwrap())), none);
    let layer = LSTM::new(6, 5).num_layers(2).bidirectional(true).proj_size(2);
    assert_eq!(without_gradient(&layer, layer.forward(&x).map(|(y, _)| y)), none);
    // The last cells alone.
    let layer = LSTM::new(6, 5);
    assert_eq!(without_gradient(&layer, layer.forward(&x).map(|(_, (_, c))| c)), none);
    let (step, state) = (randn([3, 6]).unwrap(), randn([3, 5]).unwrap());
    let layer = RNNCell::new(6, 5);
    assert_eq!(without_gradient(&layer, layer.forward_from(&step, &state)), none);
    let layer = GRUCell::new(6, 5);
    assert_eq!(without_gradient(&layer, layer.forward_from(&step, &state)), none);
    let layer = LSTMCell::new(6, 5);
    assert_eq!(without_gradient(&layer, layer.forward_from(&step, (&state, &state)).map(|(h, _)| h)), none);

    for need_weights in [true, false] {
        let layer = MultiheadAttention::new(6, 2).add_bias_kv(true).add_zero_attn(true).kdim(5).vdim(4);
        let (key, value) = (randn([2, 3, 5]).unwrap(), randn([2, 3, 4]).unwrap());
        let attend = Attend { need_weights, ..Attend::default() };
        let found = layer.forward(&x, &key, &value, attend).map(|(y, _)| y);
        assert_eq!(without_gradient(&layer, found), none);
    }
    for norm_first in [true, false] {
        let layer = TransformerEncoderLayer::new(6, 2).dim_feedforward(7).norm_first(norm_first);
        let stack = TransformerEncoder::new(layer, 2).unwrap().norm(LayerNorm::new([6]));
        assert_eq!(without_gradient(&stack, stack.forward(&x)), none);
        let layer = TransformerDecoderLayer::new(6, 2).dim_feedforward(7).norm_first(norm_first);
        let stack = TransformerDecoder::new(layer, 2).unwrap();
        assert_eq!(without_gradient(&stack, stack.forward(&x, &randn([5, 3, 6]).unwrap())), none);
        let whole = Transformer::new(6, 2).num_encoder_layers(1).num_decoder_layers(1).dim_feedforward(7);
        let whole = whole.norm_first(norm_first);
        assert_eq!(without_gradient(&whole, whole.forward(&x, &randn([5, 3, 6]).unwrap())), none);
    }
}

/// In training the same weights are lost whether somebody wants to see them, so that all of them are held, or not.
#[test]
fn dropout_of_attention_is_the_same_without_weights() {
    manual_seed(1);
    let layer = MultiheadAttention::new(8, 2).dropout(0.4).batch_first(true);
    let x = randn([3, 5, 8]).unwrap();
    for is_causal in [false, true] {
        let run = |need_weights| {
            manual_seed(2);
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

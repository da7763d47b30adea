//! What attention does in training.

use nn::{Attend, Module, MultiheadAttention};
use tensor::{manual_seed, randn};

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

//! No layer drops the graph or a parameter: every public layer of `nn` in a small model, in which each parameter, also of
//! the layer before it, receives a gradient. A layer that is in none of the models makes the test fail.

#![allow(unreachable_pub, reason = "the modules of a test binary")]

#[path = "layers/image.rs"]
mod image;
#[path = "layers/pair.rs"]
mod pair;
#[path = "layers/plain.rs"]
mod plain;
#[path = "layers/sequence.rs"]
mod sequence;

use nn::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use tensor::{Ints, Tensor, rand};

thread_local! {
    /// The words of the types' names that have been in a model, `Linear` of `nn::linear::Linear`.
    static COVERED: RefCell<BTreeSet<String>> = RefCell::default();
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).map(str::to_string)
}

/// Notes that a layer is in a model that is checked.
pub fn covered<L>(layer: L) -> L {
    COVERED.with_borrow_mut(|all| all.extend(words(std::any::type_name::<L>())));
    layer
}

/// Sends back numbers of all signs and sizes. Not the sum, of which a normalisation takes the gradient away.
pub fn send_back(y: &Tensor) {
    (y * &rand(y.shape()).unwrap()).sum().backward().unwrap();
}

/// Asks whether a loss behind the layer reaches all of its parameters and the ones before it.
pub fn reaches_all(front: impl Layer + 'static, layer: impl Layer + 'static, input: impl Ints) {
    let model = sequential![covered(front), covered(layer), Tanh];
    send_back(&model.forward(&rand(input).unwrap()).unwrap_or_else(|e| panic!("{model}: {e}")));
    all_reached(&model);
}

/// Asks whether each parameter has a gradient of its shape, which is not zero everywhere.
pub fn all_reached(model: &dyn Module) {
    for (name, p) in model.named_parameters() {
        let grad = p.grad().unwrap_or_else(|| panic!("{}: {name} has no gradient", model.repr()));
        assert_eq!(grad.shape(), p.tensor().shape());
        let sum = grad.abs().sum().item().unwrap();
        assert!(sum > 0.0 && sum.is_finite(), "{}: the gradient of {name} is {grad}", model.repr());
    }
}

/// What `nn` exports with a capital letter and is no layer.
const NO_LAYERS: [&str; 19] = [
    "Activation",
    "Approximate",
    "Attend",
    "BagMode",
    "Buffer",
    "Layer",
    "Masks",
    "Module",
    "Nonlinear",
    "PackedSequence",
    "PaddingMode",
    "Parametrization",
    "Part",
    "Row",
    "Summary",
    "TrainMode",
    "WithWeight",
    // What is put on a layer's weight, not a layer.
    "SpectralNorm",
    "WeightNorm",
];

/// The names that `nn` exports.
fn exported() -> BTreeSet<String> {
    let text = include_str!("../crates/nn/src/lib.rs");
    let exports = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    exports.flat_map(words).filter(|word| word.starts_with(char::is_uppercase)).collect()
}

#[test]
fn no_layer_drops_the_graph_or_a_parameter() {
    tensor::manual_seed(0);
    image::convolutions_pooling_and_normalisation();
    image::layers_that_resize_pad_and_shuffle();
    plain::activations();
    plain::layers_that_drop();
    plain::layers_whose_weight_is_computed();
    plain::containers();
    pair::modules_of_two_inputs();
    sequence::layers_of_sequences();

    let exported = exported();
    assert!(exported.len() > 120, "the search finds only {} names: has their form changed?", exported.len());
    let covered = COVERED.take();
    let missing: Vec<_> = exported
        .iter()
        .filter(|name| !covered.contains(*name) && !NO_LAYERS.contains(&name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "no model has these layers; add them to a file of tests/layers/: {missing:?}"
    );
    let stale: Vec<_> = NO_LAYERS.iter().filter(|name| !exported.contains(**name)).collect();
    assert!(stale.is_empty(), "named as no layers, but not exported: {stale:?}");
}

//! Every layer in a small model: each of its parameters receives a gradient.

use nn::*;
use tensor::{Ints, rand};

/// Trains nothing, but asks whether a loss behind the layer reaches all of its parameters and the ones before it.
fn reaches_all(front: impl Layer + 'static, layer: impl Layer + 'static, input: impl Ints) {
    let model = sequential![front, layer, Tanh];
    let y = model.forward(&rand(input).unwrap()).unwrap_or_else(|e| panic!("{model}: {e}"));
    // Not the sum, of which a normalisation takes the gradient away.
    (&y * &rand(y.shape()).unwrap()).sum().backward().unwrap();
    for (name, p) in model.named_parameters() {
        let grad = p.grad().unwrap_or_else(|| panic!("{model}: {name} has no gradient"));
        assert_eq!(grad.shape(), p.tensor().shape());
        let sum = grad.abs().sum().item().unwrap();
        assert!(sum > 0.0 && sum.is_finite(), "{model}: the gradient of {name} is {grad}");
    }
}

#[test]
fn convolutions_pooling_and_normalisation() {
    tensor::manual_seed(0);
    let line = || Conv1d::new(2, 4, 3).padding(1);
    reaches_all(line(), Conv1d::new(4, 2, 3).padding_same().padding_mode(PaddingMode::Circular), [2, 2, 6]);
    reaches_all(line(), ConvTranspose1d::new(4, 2, 3).stride(2), [2, 2, 6]);
    reaches_all(line(), MaxPool1d::new(2), [2, 2, 6]);
    reaches_all(line(), AvgPool1d::new(2), [2, 2, 6]);
    reaches_all(line(), AdaptiveMaxPool1d::new(3), [2, 2, 6]);
    reaches_all(line(), AdaptiveAvgPool1d::new(3), [2, 2, 6]);
    reaches_all(line(), BatchNorm1d::new(4), [2, 2, 6]);
    let image = || Conv2d::new(2, 4, 3).padding(1);
    reaches_all(image(), Conv2d::new(4, 6, [2, 3]).groups(2).stride(2), [2, 2, 6, 6]);
    reaches_all(image(), ConvTranspose2d::new(4, 6, 3).groups(2).stride(2).output_padding(1), [2, 2, 4, 4]);
    reaches_all(image(), MaxPool2d::new(2), [2, 2, 6, 6]);
    reaches_all(image(), AvgPool2d::new(2), [2, 2, 6, 6]);
    reaches_all(image(), AdaptiveMaxPool2d::new([2, 3]), [2, 2, 6, 6]);
    reaches_all(image(), AdaptiveAvgPool2d::new(1), [2, 2, 6, 6]);
    reaches_all(image(), BatchNorm2d::new(4), [2, 2, 6, 6]);
    reaches_all(image(), InstanceNorm2d::new(4).affine(true).track_running_stats(true), [2, 2, 6, 6]);
    reaches_all(image(), GroupNorm::new(2, 4), [2, 2, 6, 6]);
    reaches_all(image(), RMSNorm::new([6, 6]), [2, 2, 6, 6]);
    reaches_all(image(), LayerNorm::new([6]), [2, 2, 6, 6]);
    reaches_all(image(), LocalResponseNorm::new(3), [2, 2, 6, 6]);
    reaches_all(line(), InstanceNorm1d::new(4), [2, 2, 6]);
    let space = || Conv3d::new(1, 2, 3).padding(1);
    reaches_all(space(), ConvTranspose3d::new(2, 1, 2), [1, 1, 4, 4, 4]);
    reaches_all(space(), MaxPool3d::new(2), [1, 1, 4, 4, 4]);
    reaches_all(space(), AvgPool3d::new(2), [1, 1, 4, 4, 4]);
    reaches_all(space(), AdaptiveMaxPool3d::new(2), [1, 1, 4, 4, 4]);
    reaches_all(space(), AdaptiveAvgPool3d::new(2), [1, 1, 4, 4, 4]);
    reaches_all(space(), BatchNorm3d::new(2), [2, 1, 4, 4, 4]);
    reaches_all(space(), InstanceNorm3d::new(2).affine(true), [2, 1, 4, 4, 4]);
}

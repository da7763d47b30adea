//! Every layer in a small model: each of its parameters receives a gradient.

use nn::*;
use tensor::{Ints, Upsampling, rand};

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

#[test]
fn layers_that_resize_pad_and_shuffle() {
    tensor::manual_seed(0);
    let line = || Conv1d::new(2, 4, 3).padding(1);
    let image = || Conv2d::new(2, 4, 3).padding(1);
    let space = || Conv3d::new(1, 2, 3).padding(1);
    reaches_all(line(), Upsample::new().size(9).mode(Upsampling::Linear), [2, 2, 6]);
    reaches_all(image(), Upsample::new().scale_factor([1.5, 2.0]).mode(Upsampling::Bicubic), [2, 2, 4, 4]);
    reaches_all(image(), UpsamplingNearest2d::new().scale_factor(2), [2, 2, 4, 4]);
    reaches_all(image(), UpsamplingBilinear2d::new().size(3), [2, 2, 4, 4]);
    reaches_all(space(), Upsample::new().scale_factor(2).mode(Upsampling::Trilinear), [1, 1, 3, 3, 3]);
    reaches_all(image(), PixelShuffle::new(2), [2, 2, 4, 4]);
    reaches_all(image(), PixelUnshuffle::new(2), [2, 2, 4, 4]);
    reaches_all(image(), ChannelShuffle::new(2), [2, 2, 4, 4]);
    reaches_all(image(), Unfold::new([2, 3]).padding(1).stride(2), [2, 2, 4, 4]);
    reaches_all(sequential![image(), Unfold::new(2)], Fold::new(4, 2), [2, 2, 4, 4]);
    macro_rules! pads {
        ($front:ident $shape:expr; $($layer:ident)*) => {
            $(reaches_all($front(), $layer::new(1), $shape);)*
        };
    }
    pads!(line [2, 2, 6]; ZeroPad1d ReflectionPad1d ReplicationPad1d CircularPad1d);
    pads!(image [2, 2, 4, 4]; ZeroPad2d ReflectionPad2d ReplicationPad2d CircularPad2d);
    pads!(space [1, 1, 3, 3, 3]; ZeroPad3d ReflectionPad3d ReplicationPad3d CircularPad3d);
    reaches_all(line(), ConstantPad1d::new([1, 2], 3), [2, 2, 6]);
    reaches_all(image(), ConstantPad2d::new(1, 0.5), [2, 2, 4, 4]);
    reaches_all(space(), ConstantPad3d::new(1, 0.5), [1, 1, 3, 3, 3]);
    reaches_all(line(), LPPool1d::new(2, 2), [2, 2, 6]);
    reaches_all(image(), LPPool2d::new(2.0, 2), [2, 2, 4, 4]);
    reaches_all(space(), LPPool3d::new(2, 2), [1, 1, 4, 4, 4]);
}

#[test]
fn layers_that_drop() {
    tensor::manual_seed(0);
    let line = || Conv1d::new(2, 32, 3).padding(1);
    reaches_all(line(), Dropout::new().p(0.1), [2, 2, 6]);
    reaches_all(line(), Dropout1d::new().p(0.01), [2, 2, 6]);
    reaches_all(line(), Dropout2d::new().p(0.01), [2, 2, 6]);
    reaches_all(Conv3d::new(1, 2, 3), Dropout3d::new().p(0.01), [1, 1, 4, 4, 4]);
    reaches_all(line(), AlphaDropout::new().p(0.1), [2, 2, 6]);
    reaches_all(line(), FeatureAlphaDropout::new().p(0.01), [2, 2, 6]);
    reaches_all(line(), RReLU::new(), [2, 2, 6]);
    reaches_all(Conv2d::new(2, 4, 3), Softmax2d, [2, 2, 6, 6]);
}

#[test]
fn layers_whose_weight_is_computed() {
    tensor::manual_seed(0);
    reaches_all(Linear::new(3, 4), spectral_norm(Linear::new(4, 5)).unwrap(), [2, 3]);
    reaches_all(Conv2d::new(2, 4, 3), spectral_norm(ConvTranspose2d::new(4, 3, 2)).unwrap(), [2, 2, 5, 5]);
    reaches_all(Conv2d::new(2, 4, 3), weight_norm(Conv2d::new(4, 3, 2), Some(0)).unwrap(), [2, 2, 5, 5]);
    reaches_all(Linear::new(3, 4), weight_norm(Linear::new(4, 5), None).unwrap(), [2, 3]);
}

/// The modules that take two tensors: what is behind them reaches both.
#[test]
fn modules_of_two_inputs() {
    tensor::manual_seed(0);
    let linear = || Linear::new(3, 4);
    let reached = |layers: &[&Linear], y: tensor::Tensor| {
        (&y * &rand(y.shape()).unwrap()).sum().backward().unwrap();
        for layer in layers {
            assert!(layer.weight.grad().unwrap().abs().sum().item().unwrap() > 0.0);
        }
    };
    let (a, b, x) = (linear(), linear(), rand([2, 3]).unwrap());
    let left = || a.forward(&x).unwrap();
    let right = || b.forward(&x).unwrap();
    reached(&[&a, &b], CosineSimilarity::new().forward(&left(), &right()).unwrap());
    reached(&[&a, &b], PairwiseDistance::new().forward(&left(), &right()).unwrap());
    let bilinear = Bilinear::new(4, 4, 2);
    reached(&[&a, &b], bilinear.forward(&left(), &right()).unwrap());
    assert!(bilinear.parameters().iter().all(tensor::Parameter::has_grad));
    let (largest, places) = MaxPool1d::new(2).forward_with_indices(&left().unsqueeze(1).unwrap()).unwrap();
    reached(&[&a], MaxUnpool1d::new(2).forward(&largest, &places, None).unwrap());
}

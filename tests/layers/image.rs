//! Layers for lines, images and volumes.

use crate::reaches_all;
use nn::*;
use tensor::Upsampling;

pub fn convolutions_pooling_and_normalisation() {
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

pub fn layers_that_resize_pad_and_shuffle() {
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

//! Convolutions and transposed convolutions.
//!
//! ```
//! use nn::{Conv2d, Layer};
//! use tensor::ones;
//! let layer = Conv2d::new(1, 8, 3).padding(1);
//! assert_eq!(layer.to_string(), "Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))");
//! assert_eq!(layer.forward(&ones([4, 1, 28, 28])?)?.shape(), [4, 8, 28, 28]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::init;
use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::random::Draft;
use tensor::{Conv, Error, Ints, Pad, Parameter, Result, Tensor};

/// What stands around the input of a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The inside, mirrored at the edge.
    Reflect,
    /// The element at the edge.
    Replicate,
    /// The other end.
    Circular,
}

/// What a convolution was made with; sizes for each dimension.
struct Settings {
    channels: [usize; 2],
    kernel_size: Vec<i64>,
    stride: Vec<i64>,
    /// `None` keeps the size.
    padding: Option<Vec<i64>>,
    output_padding: Vec<i64>,
    dilation: Vec<i64>,
    groups: usize,
    bias: bool,
    mode: PaddingMode,
}

fn each(numbers: impl Ints, rank: usize) -> Vec<i64> {
    let numbers = numbers.ints();
    if let [one] = *numbers { vec![one; rank] } else { numbers.to_vec() }
}

impl Settings {
    fn new(channels: [usize; 2], kernel_size: impl Ints, rank: usize) -> Self {
        let [one, none] = [vec![1; rank], vec![0; rank]];
        Settings {
            channels,
            kernel_size: each(kernel_size, rank),
            stride: one.clone(),
            padding: Some(none.clone()),
            output_padding: none,
            dilation: one,
            groups: 1,
            bias: true,
            mode: PaddingMode::Zeros,
        }
    }

    /// The weight is `(first, second / groups, kernel…)`.
    #[track_caller]
    fn draw(&self, [first, second]: [usize; 2]) -> (Parameter, Option<Parameter>) {
        let mut shape = vec![first, second.checked_div(self.groups).unwrap_or(0)];
        // Negative sizes make an empty weight, which forward refuses.
        shape.extend(self.kernel_size.iter().map(|&n| usize::try_from(n).unwrap_or(0)));
        let fan_in = shape[1..].iter().fold(1usize, |product, &n| product.saturating_mul(n));
        let weight = init::kaiming_parameter(&shape);
        (weight, self.bias.then(|| init::fan_in_parameter(&[self.channels[1]], fan_in)))
    }

    fn options(&self) -> Conv {
        let options = Conv::new()
            .stride(&*self.stride)
            .output_padding(&*self.output_padding)
            .dilation(&*self.dilation)
            .groups(self.groups);
        match &self.padding {
            _ if self.mode != PaddingMode::Zeros => options,
            Some(padding) => options.padding(&**padding),
            None => options.padding_same(),
        }
    }

    #[track_caller]
    fn check(&self, name: &'static str) -> Result<()> {
        let [inputs, outputs] = self.channels;
        if self.groups == 0 || inputs % self.groups != 0 || outputs % self.groups != 0 {
            return Err(Error::value(
                name,
                format!("{inputs} and {outputs} channels cannot be divided into {} groups", self.groups),
            ));
        }
        Ok(())
    }

    /// The input with what its mode puts around it.
    #[track_caller]
    fn pad(&self, name: &'static str, input: &Tensor) -> Result<Tensor> {
        let mode = match self.mode {
            PaddingMode::Zeros => return Ok(input.clone()),
            PaddingMode::Reflect => Pad::Reflect,
            PaddingMode::Replicate => Pad::Replicate,
            PaddingMode::Circular => Pad::Circular,
        };
        if self.padding.is_none() && self.stride.iter().any(|&n| n != 1) {
            return Err(Error::value(name, "padding that keeps the size needs stride 1"));
        }
        let spans = self.kernel_size.iter().zip(&self.dilation).map(|(k, d)| (k - 1) * d);
        let sides: Vec<[i64; 2]> = match &self.padding {
            Some(padding) => padding.iter().map(|&n| [n, n]).collect(),
            None => spans.map(|n| [n / 2, n - n / 2]).collect(),
        };
        // The last dimension first.
        input.pad(sides.iter().rev().flatten().copied().collect::<Vec<i64>>(), mode)
    }

    fn repr(&self) -> String {
        let [inputs, outputs] = self.channels;
        let (kernel, stride) = (python::tuple(&self.kernel_size), python::tuple(&self.stride));
        let mut text = format!("{inputs}, {outputs}, kernel_size={kernel}, stride={stride}");
        match &self.padding {
            None => text += ", padding=same",
            Some(padding) if padding.iter().any(|&n| n != 0) => {
                text += &format!(", padding={}", python::tuple(padding));
            }
            Some(_) => {}
        }
        if self.dilation.iter().any(|&n| n != 1) {
            text += &format!(", dilation={}", python::tuple(&self.dilation));
        }
        if self.output_padding.iter().any(|&n| n != 0) {
            text += &format!(", output_padding={}", python::tuple(&self.output_padding));
        }
        if self.groups != 1 {
            text += &format!(", groups={}", self.groups);
        }
        if !self.bias {
            text += ", bias=False";
        }
        if self.mode != PaddingMode::Zeros {
            text += &format!(", padding_mode={}", format!("{:?}", self.mode).to_lowercase());
        }
        text
    }
}

macro_rules! convolutions {
    ($($layer:ident $function:ident $rank:literal $order:expr, $shape:literal, $what:literal;)*) => {$(
        #[doc = concat!($what, " of `", $shape, "`, or a single one without N.")]
        ///
        /// Weight and bias begin evenly distributed in ±1/√fan_in, with the numbers that PyTorch draws.
        pub struct $layer {
            /// `(out, in / groups, kernel…)`; of a transposed convolution `(in, out / groups, kernel…)`.
            pub weight: Parameter,
            /// `(out)`
            pub bias: Option<Parameter>,
            settings: Settings,
            draft: Draft,
        }

        impl $layer {
            /// With stride 1, no padding, no gaps, one group and a bias. The kernel's size is one number for all
            /// dimensions, or one for each; so are the other options.
            #[track_caller]
            pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Ints) -> Self {
                let settings = Settings::new([in_channels, out_channels], kernel_size, $rank);
                let ((weight, bias), draft) = Draft::new(|| settings.draw($order(settings.channels)));
                Self { weight, bias, settings, draft }
            }

            #[track_caller]
            fn redrawn(mut self) -> Self {
                let settings = &self.settings;
                let draw = || settings.draw($order(settings.channels));
                ((self.weight, self.bias), self.draft) = self.draft.again(draw);
                self
            }

            /// The distance between neighbouring windows.
            #[must_use]
            pub fn stride(mut self, stride: impl Ints) -> Self {
                self.settings.stride = each(stride, $rank);
                self
            }

            /// What is added on both sides of the input (taken off the output, if transposed).
            #[must_use]
            pub fn padding(mut self, padding: impl Ints) -> Self {
                self.settings.padding = Some(each(padding, $rank));
                self
            }

            /// The distance between neighbours inside of a window.
            #[must_use]
            pub fn dilation(mut self, dilation: impl Ints) -> Self {
                self.settings.dilation = each(dilation, $rank);
                self
            }

            /// Into how many groups the channels are divided that do not meet.
            #[track_caller]
            #[must_use]
            pub fn groups(mut self, groups: usize) -> Self {
                self.settings.groups = groups;
                self.redrawn()
            }

            /// With or without a bias.
            #[track_caller]
            #[must_use]
            pub fn bias(mut self, bias: bool) -> Self {
                self.settings.bias = bias;
                self.redrawn()
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                visit("weight", &self.weight);
                visit("bias", &self.bias);
            }
            fn extra_repr(&self) -> String {
                self.settings.repr()
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, self.by(&self.weight.tensor(), input))
            }
        }

        impl $layer {
            /// The output with this weight.
            #[track_caller]
            pub(crate) fn by(&self, weight: &Tensor, input: &Tensor) -> Result<Tensor> {
                self.settings.check(stringify!($layer))?;
                let bias = self.bias.as_ref().map(Parameter::tensor);
                let padded = self.settings.pad(stringify!($layer), input)?;
                padded.$function(weight, bias.as_ref(), &self.settings.options())
            }
        }

        printed!($layer);
    )*};
}

convolutions! {
    Conv1d conv1d 1 |[i, o]: [usize; 2]| [o, i], "(N, C, L)", "Convolution";
    Conv2d conv2d 2 |[i, o]: [usize; 2]| [o, i], "(N, C, H, W)", "Convolution";
    Conv3d conv3d 3 |[i, o]: [usize; 2]| [o, i], "(N, C, D, H, W)", "Convolution";
    ConvTranspose1d conv_transpose1d 1 |both: [usize; 2]| both, "(N, C, L)", "Transposed convolution";
    ConvTranspose2d conv_transpose2d 2 |both: [usize; 2]| both, "(N, C, H, W)", "Transposed convolution";
    ConvTranspose3d conv_transpose3d 3 |both: [usize; 2]| both, "(N, C, D, H, W)", "Transposed convolution";
}

macro_rules! plain {
    ($($layer:ident)*) => {$(
        impl $layer {
            /// As much padding as keeps the size: PyTorch's `padding="same"`.
            #[must_use]
            pub fn padding_same(mut self) -> Self {
                self.settings.padding = None;
                self
            }

            /// What stands in the padding.
            #[must_use]
            pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
                self.settings.mode = mode;
                self
            }
        }
    )*};
}

plain!(Conv1d Conv2d Conv3d);

macro_rules! transposed {
    ($($layer:ident $rank:literal)*) => {$(
        impl $layer {
            /// By how much the output is larger, at its end.
            #[must_use]
            pub fn output_padding(mut self, output_padding: impl Ints) -> Self {
                self.settings.output_padding = each(output_padding, $rank);
                self
            }
        }
    )*};
}

transposed!(ConvTranspose1d 1 ConvTranspose2d 2 ConvTranspose3d 3);

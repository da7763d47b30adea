//! The largest element, or the mean, of windows.
//!
//! ```
//! use nn::{Layer, MaxPool2d};
//! use tensor::ones;
//! let layer = MaxPool2d::new(2);
//! assert_eq!(layer.to_string(), "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
//! assert_eq!(layer.forward(&ones([4, 8, 28, 28])?)?.shape(), [4, 8, 14, 14]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Ints, Pool, Result, Tensor};

/// What all pooling layers are told.
struct Settings {
    pool: Pool,
    kernel_size: Vec<i64>,
    stride: Vec<i64>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    ceil_mode: bool,
}

macro_rules! pools {
    ($($layer:ident $shape:literal $what:literal |$input:ident, $pool:ident| $output:expr, |$settings:ident| $repr:expr;)*) => {$(
        #[doc = concat!($what, " of each window of `", $shape, "`, or of a single one without N.")]
        pub struct $layer(Settings);

        impl $layer {
            /// Windows of this size side by side; one number for all dimensions, or one for each.
            pub fn new(kernel_size: impl Ints) -> Self {
                let size = kernel_size.ints().to_vec();
                $layer(Settings {
                    pool: Pool::new(kernel_size),
                    stride: size.clone(),
                    kernel_size: size,
                    padding: vec![0],
                    dilation: vec![1],
                    ceil_mode: false,
                })
            }

            /// The distance between neighbouring windows; without it, their size.
            #[must_use]
            pub fn stride(mut self, stride: impl Ints) -> Self {
                self.0.stride = stride.ints().to_vec();
                self.0.pool = self.0.pool.stride(stride);
                self
            }

            /// By how much windows reach over the edges, at most half of their size.
            #[must_use]
            pub fn padding(mut self, padding: impl Ints) -> Self {
                self.0.padding = padding.ints().to_vec();
                self.0.pool = self.0.pool.padding(padding);
                self
            }

            /// Whether a last window may reach over the edge, so that no element is left out.
            #[must_use]
            pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
                self.0.ceil_mode = ceil_mode;
                self.0.pool = self.0.pool.ceil_mode(ceil_mode);
                self
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                let $settings = &self.0;
                $repr
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                let $pool = &self.0.pool;
                seen(self, $output)
            }
        }

        printed!($layer);
    )*};
}

fn largest(s: &Settings) -> String {
    let [kernel, stride, padding, dilation] =
        [&s.kernel_size, &s.stride, &s.padding, &s.dilation].map(|n| python::numbers(n));
    let ceil = python::flag(s.ceil_mode);
    format!("kernel_size={kernel}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil}")
}

fn mean(s: &Settings) -> String {
    let [kernel, stride, padding] = [&s.kernel_size, &s.stride, &s.padding].map(|n| python::numbers(n));
    format!("kernel_size={kernel}, stride={stride}, padding={padding}")
}

/// PyTorch makes tuples of the sizes of `AvgPool1d`.
fn mean_1d(s: &Settings) -> String {
    let [kernel, stride, padding] = [&s.kernel_size, &s.stride, &s.padding].map(|n| python::tuple(n));
    format!("kernel_size={kernel}, stride={stride}, padding={padding}")
}

pools! {
    MaxPool1d "(N, C, L)" "The largest element" |x, pool| x.max_pool1d(pool).map(|both| both.0), |s| largest(s);
    MaxPool2d "(N, C, H, W)" "The largest element" |x, pool| x.max_pool2d(pool).map(|both| both.0), |s| largest(s);
    MaxPool3d "(N, C, D, H, W)" "The largest element" |x, pool| x.max_pool3d(pool).map(|both| both.0), |s| largest(s);
    AvgPool1d "(N, C, L)" "The mean" |x, pool| x.avg_pool1d(pool), |s| mean_1d(s);
    AvgPool2d "(N, C, H, W)" "The mean" |x, pool| x.avg_pool2d(pool), |s| mean(s);
    AvgPool3d "(N, C, D, H, W)" "The mean" |x, pool| x.avg_pool3d(pool), |s| mean(s);
}

macro_rules! largest {
    ($($layer:ident $function:ident)*) => {$(
        impl $layer {
            /// The largest elements, and where in its plane each was: what [`MaxUnpool2d`](crate::MaxUnpool2d) and its
            /// siblings need.
            ///
            /// # Errors
            /// As [`forward`](Layer::forward).
            #[doc(alias = "return_indices")]
            #[track_caller]
            pub fn forward_with_indices(&self, input: &Tensor) -> Result<(Tensor, Tensor)> {
                let (largest, places) = input.$function(&self.0.pool)?;
                Ok((seen(self, Ok(largest))?, places))
            }

            /// The distance between neighbours inside of a window.
            #[must_use]
            pub fn dilation(mut self, dilation: impl Ints) -> Self {
                self.0.dilation = dilation.ints().to_vec();
                self.0.pool = self.0.pool.dilation(dilation);
                self
            }
        }
    )*};
}

largest!(MaxPool1d max_pool1d MaxPool2d max_pool2d MaxPool3d max_pool3d);

macro_rules! means {
    ($($layer:ident)*) => {$(
        impl $layer {
            /// Whether the padding counts.
            #[must_use]
            pub fn count_include_pad(mut self, count: bool) -> Self {
                self.0.pool = self.0.pool.count_include_pad(count);
                self
            }
        }
    )*};
}

means!(AvgPool1d AvgPool2d AvgPool3d);

macro_rules! overridden {
    ($($layer:ident)*) => {$(
        impl $layer {
            /// What sums are divided by instead of their number of elements.
            #[must_use]
            pub fn divisor_override(mut self, divisor: i64) -> Self {
                self.0.pool = self.0.pool.divisor_override(divisor);
                self
            }
        }
    )*};
}

overridden!(AvgPool2d AvgPool3d);

macro_rules! adaptive {
    ($($layer:ident $what:literal |$input:ident, $size:ident| $output:expr;)*) => {$(
        #[doc = concat!($what, " in as many windows as the output is to have; −1 keeps a size.")]
        pub struct $layer {
            output_size: Vec<i64>,
        }

        impl $layer {
            /// An output of this size: one number for all dimensions, or one for each.
            pub fn new(output_size: impl Ints) -> Self {
                $layer { output_size: output_size.ints().to_vec() }
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                let size = |&n: &i64| if n == -1 { "None".into() } else { n.to_string() };
                let sizes: Vec<String> = self.output_size.iter().map(size).collect();
                format!("output_size={}", python::numbers(&sizes))
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                let $size = self.output_size.as_slice();
                seen(self, $output)
            }
        }

        printed!($layer);
    )*};
}

adaptive! {
    AdaptiveMaxPool1d "The largest element" |x, size| x.adaptive_max_pool1d(size).map(|both| both.0);
    AdaptiveMaxPool2d "The largest element" |x, size| x.adaptive_max_pool2d(size).map(|both| both.0);
    AdaptiveMaxPool3d "The largest element" |x, size| x.adaptive_max_pool3d(size).map(|both| both.0);
    AdaptiveAvgPool1d "The mean" |x, size| x.adaptive_avg_pool1d(size);
    AdaptiveAvgPool2d "The mean" |x, size| x.adaptive_avg_pool2d(size);
    AdaptiveAvgPool3d "The mean" |x, size| x.adaptive_avg_pool3d(size);
}

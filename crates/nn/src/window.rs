//! The windows of images as columns, and columns added up to images.
//!
//! ```
//! use nn::{Fold, Layer, Unfold};
//! use tensor::ones;
//! let columns = Unfold::new(2).forward(&ones([1, 3, 4, 4])?)?;
//! assert_eq!(columns.shape(), [1, 12, 9]);
//! assert_eq!(Fold::new(4, 2).forward(&columns)?.shape(), [1, 3, 4, 4]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Ints, Result, Tensor, Window};

/// A window and how it was written.
#[derive(Clone)]
struct Settings {
    window: Window,
    kernel_size: Vec<i64>,
    dilation: Vec<i64>,
    padding: Vec<i64>,
    stride: Vec<i64>,
}

impl Settings {
    fn new(kernel_size: impl Ints) -> Self {
        let (one, none) = (vec![1], vec![0]);
        let window = Window::new(&kernel_size);
        Settings {
            window,
            kernel_size: kernel_size.ints().to_vec(),
            dilation: one.clone(),
            padding: none,
            stride: one,
        }
    }

    fn repr(&self) -> String {
        let [kernel, dilation, padding, stride] =
            [&self.kernel_size, &self.dilation, &self.padding, &self.stride].map(|n| python::numbers(n));
        format!("kernel_size={kernel}, dilation={dilation}, padding={padding}, stride={stride}")
    }
}

macro_rules! options {
    ($($layer:ident)*) => {$(
        impl $layer {
            /// The distance between neighbours inside of a window.
            #[must_use]
            pub fn dilation(mut self, dilation: impl Ints) -> Self {
                self.settings.dilation = dilation.ints().to_vec();
                self.settings.window = self.settings.window.dilation(dilation);
                self
            }

            /// Zeros on both sides of the image.
            #[must_use]
            pub fn padding(mut self, padding: impl Ints) -> Self {
                self.settings.padding = padding.ints().to_vec();
                self.settings.window = self.settings.window.padding(padding);
                self
            }

            /// The distance between neighbouring windows.
            #[must_use]
            pub fn stride(mut self, stride: impl Ints) -> Self {
                self.settings.stride = stride.ints().to_vec();
                self.settings.window = self.settings.window.stride(stride);
                self
            }
        }
    )*};
}

/// The windows of `(N, C, H, W)` as columns `(N, C·kernel, places)`.
#[doc(alias = "torch.nn.Unfold")]
#[derive(Clone)]
pub struct Unfold {
    settings: Settings,
}

impl Unfold {
    /// Windows of this size, one step apart. Each option is one number for height and width, or two.
    pub fn new(kernel_size: impl Ints) -> Self {
        Unfold { settings: Settings::new(kernel_size) }
    }
}

impl Module for Unfold {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        self.settings.repr()
    }
}

impl Layer for Unfold {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.unfold2d(self.settings.window))
    }
}

/// Columns `(N, C·kernel, places)`, added up where windows overlap, as `(N, C, H, W)`.
#[doc(alias = "torch.nn.Fold")]
#[derive(Clone)]
pub struct Fold {
    output_size: Vec<i64>,
    settings: Settings,
}

impl Fold {
    /// Images of this height and width, of windows of this size that are one step apart.
    pub fn new(output_size: impl Ints, kernel_size: impl Ints) -> Self {
        Fold { output_size: output_size.ints().to_vec(), settings: Settings::new(kernel_size) }
    }
}

impl Module for Fold {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        format!("output_size={}, {}", python::numbers(&self.output_size), self.settings.repr())
    }
}

impl Layer for Fold {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.fold(&self.output_size, self.settings.window))
    }
}

options!(Unfold Fold);
printed!(Unfold Fold);

//! Layers that make images, lines and spaces larger or smaller.
//!
//! ```
//! use nn::{Layer, Upsample};
//! use tensor::{Upsampling, ones};
//! let layer = Upsample::new().scale_factor(2).mode(Upsampling::Bilinear);
//! assert_eq!(layer.to_string(), "Upsample(scale_factor=2.0, mode='bilinear')");
//! assert_eq!(layer.forward(&ones([1, 3, 4, 4])?)?.shape(), [1, 3, 8, 8]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Error, Factors, Interpolate, Ints, Result, Tensor, Upsampling};

/// `(N, C, L)`, `(N, C, H, W)` or `(N, C, D, H, W)` with the dimensions behind the channels of another size.
#[doc(alias = "torch.nn.Upsample")]
#[derive(Clone, Default)]
pub struct Upsample {
    size: Option<Vec<i64>>,
    scale_factor: Option<Vec<f64>>,
    mode: Upsampling,
    align_corners: Option<bool>,
    recompute_scale_factor: bool,
}

impl Upsample {
    /// In mode `nearest`; the size or the factor has yet to be given.
    pub fn new() -> Self {
        Self::default()
    }

    /// The output's size: one number for all dimensions, or one for each.
    #[must_use]
    pub fn size(mut self, size: impl Ints) -> Self {
        self.size = Some(size.ints().to_vec());
        self
    }

    /// How many times as large the output is: one number for all dimensions, or one for each.
    #[must_use]
    pub fn scale_factor(mut self, scale_factor: impl Factors) -> Self {
        self.scale_factor = Some(scale_factor.factors().to_vec());
        self
    }

    /// What stands between the given elements.
    #[must_use]
    pub fn mode(mut self, mode: Upsampling) -> Self {
        self.mode = mode;
        self
    }

    /// As [`Interpolate::align_corners`].
    #[must_use]
    pub fn align_corners(mut self, align_corners: impl Into<Option<bool>>) -> Self {
        self.align_corners = align_corners.into();
        self
    }

    /// As [`Interpolate::recompute_scale_factor`].
    #[must_use]
    pub fn recompute_scale_factor(mut self, recompute_scale_factor: bool) -> Self {
        self.recompute_scale_factor = recompute_scale_factor;
        self
    }

    #[track_caller]
    fn enlarge(&self, input: &Tensor) -> Result<Tensor> {
        let how = match (&self.size, &self.scale_factor) {
            (Some(size), None) => Interpolate::size(size),
            (None, Some(scale_factor)) => Interpolate::scale_factor(scale_factor),
            _ => {
                return Err(Error::value(
                    "Upsample",
                    format!("either a size or a scale factor is needed: {self}"),
                ));
            }
        };
        input.interpolate(
            &how.mode(self.mode)
                .align_corners(self.align_corners)
                .recompute_scale_factor(self.recompute_scale_factor),
        )
    }
}

impl Module for Upsample {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        let how = match (&self.size, &self.scale_factor) {
            (_, Some(factors)) => {
                let factors: Vec<String> = factors.iter().map(|&f| python::float(f)).collect();
                format!("scale_factor={}", python::numbers(&factors))
            }
            (Some(size), None) => format!("size={}", python::numbers(size)),
            (None, None) => "size=None".into(),
        };
        format!("{how}, mode='{}'", self.mode.name())
    }
}

impl Layer for Upsample {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, self.enlarge(input))
    }
}

macro_rules! of_images {
    ($($(#[$doc:meta])* $layer:ident $upsample:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $layer(Upsample);

        impl $layer {
            /// The size or the factor has yet to be given.
            pub fn new() -> Self {
                $layer($upsample)
            }

            /// The output's height and width.
            #[must_use]
            pub fn size(self, size: impl Ints) -> Self {
                $layer(self.0.size(size))
            }

            /// How many times as large the output is.
            #[must_use]
            pub fn scale_factor(self, scale_factor: impl Factors) -> Self {
                $layer(self.0.scale_factor(scale_factor))
            }
        }

        impl Default for $layer {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                self.0.extra_repr()
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                if input.dim() != 4 {
                    let message = format!("expected (N, C, H, W), found shape {:?}", input.shape());
                    return Err(Error::shape(stringify!($layer), message));
                }
                seen(self, self.0.enlarge(input))
            }
        }

        printed!($layer);
    )*};
}

of_images! {
    /// [`Upsample`] of images `(N, C, H, W)` by the nearest pixel.
    #[doc(alias = "torch.nn.UpsamplingNearest2d")]
    UpsamplingNearest2d Upsample::new();
    /// [`Upsample`] of images `(N, C, H, W)` by lines between pixels, the corners on each other.
    #[doc(alias = "torch.nn.UpsamplingBilinear2d")]
    UpsamplingBilinear2d Upsample::new().mode(Upsampling::Bilinear).align_corners(true);
}

printed!(Upsample);

//! Layers that exchange channels and pixels, and channels with each other.
//!
//! ```
//! use nn::{Layer, PixelShuffle};
//! use tensor::ones;
//! assert_eq!(PixelShuffle::new(2).forward(&ones([1, 12, 4, 4])?)?.shape(), [1, 3, 8, 8]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::summary::seen;
use tensor::{Result, Tensor};

macro_rules! shuffles {
    ($($(#[$doc:meta])* $layer:ident $method:ident $option:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $layer {
            $option: usize,
        }

        impl $layer {
            #[doc = concat!("With this `", stringify!($option), "`.")]
            pub fn new($option: usize) -> Self {
                $layer { $option }
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                format!(concat!(stringify!($option), "={}"), self.$option)
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, input.$method(self.$option))
            }
        }

        printed!($layer);
    )*};
}

shuffles! {
    /// `(…, C·r², H, W)` → `(…, C, H·r, W·r)`: sub-pixel convolution. Source: W. Shi et al., arXiv:1609.05158.
    #[doc(alias = "torch.nn.PixelShuffle")]
    PixelShuffle pixel_shuffle upscale_factor;
    /// `(…, C, H·r, W·r)` → `(…, C·r², H, W)`: the reverse of [`PixelShuffle`].
    #[doc(alias = "torch.nn.PixelUnshuffle")]
    PixelUnshuffle pixel_unshuffle downscale_factor;
    /// `(N, C, …)` with the channels of its groups dealt out in turn. Source: X. Zhang et al., arXiv:1707.01083.
    #[doc(alias = "torch.nn.ChannelShuffle")]
    ChannelShuffle channel_shuffle groups;
}

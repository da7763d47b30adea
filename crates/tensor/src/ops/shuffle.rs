//! Channels and pixels exchanged: sub-pixel convolution and its reverse, and mixed groups of channels.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 4, 1)?.reshape([1, 4, 1, 1])?;
//! let y = x.pixel_shuffle(2)?;
//! assert_eq!(y.to_string(), "tensor([[[[0, 1],\n          [2, 3]]]])");
//! assert!(y.pixel_unshuffle(2)?.equal(&x));
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::Shape;
use crate::tensor::Tensor;

impl Tensor {
    /// `(…, C·r², H, W)` to `(…, C, H·r, W·r)`: r² channels become a square of pixels.
    ///
    /// # Errors
    /// If there are fewer than three dimensions, `r` is zero, or r² does not divide the channels.
    #[doc(alias = "torch.nn.functional.pixel_shuffle")]
    #[track_caller]
    pub fn pixel_shuffle(&self, upscale_factor: usize) -> Result<Tensor> {
        let r = upscale_factor;
        let (batch, channels, height, width) = self.image("pixel_shuffle")?;
        let square = r.checked_mul(r).filter(|&square| square > 0 && channels.is_multiple_of(square));
        let sizes = height.checked_mul(r).zip(width.checked_mul(r));
        let (Some(square), Some((tall, wide))) = (square, sizes) else {
            return Err(Error::shape(
                "pixel_shuffle",
                format!("{channels} channels cannot be divided by the square of the factor {r}"),
            ));
        };
        let c = channels / square;
        let apart = joined(batch, &[c, r, r, height, width]);
        let together = joined(batch, &[c, tall, wide]);
        self.shuffled(&apart, [0, 3, 1, 4, 2], &together)
    }

    /// `(…, C, H·r, W·r)` to `(…, C·r², H, W)`: the reverse of [`pixel_shuffle`](Tensor::pixel_shuffle).
    ///
    /// # Errors
    /// If there are fewer than three dimensions, `r` is zero, or does not divide height and width.
    #[doc(alias = "torch.nn.functional.pixel_unshuffle")]
    #[track_caller]
    pub fn pixel_unshuffle(&self, downscale_factor: usize) -> Result<Tensor> {
        let r = downscale_factor;
        let (batch, channels, height, width) = self.image("pixel_unshuffle")?;
        if r == 0 || !height.is_multiple_of(r) || !width.is_multiple_of(r) {
            return Err(Error::shape(
                "pixel_unshuffle",
                format!("an image of {height} by {width} cannot be divided by the factor {r}"),
            ));
        }
        let apart = joined(batch, &[channels, height / r, r, width / r, r]);
        let Some(deep) = r.checked_mul(r).and_then(|square| square.checked_mul(channels)) else {
            return Err(Error::size("pixel_unshuffle", format!("{channels} channels times the square of {r}")));
        };
        let together = joined(batch, &[deep, height / r, width / r]);
        self.shuffled(&apart, [0, 2, 4, 1, 3], &together)
    }

    /// `(N, C, …)` with the channels of `groups` groups dealt out in turn, one from each.
    ///
    /// # Errors
    /// If there are fewer than three dimensions, or `groups` does not divide the channels.
    #[doc(alias = "torch.nn.functional.channel_shuffle")]
    #[track_caller]
    pub fn channel_shuffle(&self, groups: usize) -> Result<Tensor> {
        let channels = self.shape().get(1).copied().unwrap_or(0);
        if self.dim() < 3 || groups == 0 || !channels.is_multiple_of(groups) {
            return Err(Error::shape(
                "channel_shuffle",
                format!("expected (N, C, …) with C divisible by {groups}, found shape {:?}", self.shape()),
            ));
        }
        self.unflatten(1, [groups, channels / groups])?.transpose(1, 2)?.reshape(self.shape())
    }

    /// The dimensions in front of an image, and its channels, height and width.
    #[track_caller]
    fn image(&self, op: &'static str) -> Result<(&[usize], usize, usize, usize)> {
        match self.shape() {
            [batch @ .., channels, height, width] => Ok((batch, *channels, *height, *width)),
            shape => Err(Error::shape(op, format!("expected (…, C, H, W), found shape {shape:?}"))),
        }
    }

    /// Seen as `apart`, the last five dimensions in another order, and seen as `together`.
    #[track_caller]
    fn shuffled(&self, apart: &[usize], order: [usize; 5], together: &[usize]) -> Result<Tensor> {
        let batch = apart.len() - order.len();
        let dims: Shape = (0..batch).chain(order.map(|d| d + batch)).collect();
        self.reshape(apart)?.permute(&dims)?.reshape(together)
    }
}

fn joined(batch: &[usize], image: &[usize]) -> Shape {
    batch.iter().chain(image).copied().collect()
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[[0.4, -1.3, 2.0, 0.3], [0.1, 0.7, -0.9, 0.6]]])];
    vec![
        case("pixel_shuffle", |x| Ok(x[0].reshape([4, 1, 2])?.pixel_shuffle(2)?.sin()), x()),
        case("pixel_unshuffle", |x| Ok(x[0].pixel_unshuffle(2)?.sin()), x()),
        case("channel_shuffle", |x| Ok(x[0].reshape([1, 4, 2])?.channel_shuffle(2)?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{arange, zeros};

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([3, 2, 2]).unwrap();
        for error in [
            x.pixel_shuffle(2).unwrap_err(),
            x.pixel_shuffle(0).unwrap_err(),
            x.pixel_unshuffle(3).unwrap_err(),
            zeros([2, 2]).unwrap().pixel_shuffle(1).unwrap_err(),
            x.channel_shuffle(3).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }

    #[test]
    fn channels_are_dealt_out() {
        let x = arange(0, 6, 1).unwrap().reshape([1, 6, 1]).unwrap();
        assert_eq!(x.channel_shuffle(2).unwrap().to_vec::<i64>().unwrap(), [0, 3, 1, 4, 2, 5]);
    }
}

//! Dropout: noise that keeps a model from relying on single features.

use crate::module::{Layer, Module, TrainMode, printed};
use crate::summary::seen;
use tensor::random::with_default;
use tensor::{AtCaller, Error, Result, Tensor};

/// Dropout with noise of this shape, in training.
#[track_caller]
pub(crate) fn drop_out(input: &Tensor, noise: Vec<usize>, p: f64) -> Result<Tensor> {
    if p == 0.0 || input.numel() == 0 {
        return Ok(input.clone());
    }
    let keep = 1.0 - p;
    if keep == 0.0 {
        return input.mul(0.0);
    }
    input.mul(&kept(input, noise, keep)?.div(keep)?)
}

/// Ones and zeros of the shape `noise`, by the default generator: 1 with probability `keep`.
#[track_caller]
fn kept(input: &Tensor, noise: Vec<usize>, keep: f64) -> Result<Tensor> {
    with_default(|generator| generator.bernoulli_scalar(noise, keep, input.dtype())).at_caller()
}

/// Dropout that keeps mean and variance of what a [`SELU`](crate::SELU) makes: an element falls to −α′ = −1.758…, the
/// least that a SELU gives, and `a·x + b` puts mean 0 and variance 1 back.
#[track_caller]
fn alpha_drop_out(input: &Tensor, noise: Vec<usize>, p: f64) -> Result<Tensor> {
    const ALPHA: f64 = 1.758_099_340_847_376_6;
    if p == 0.0 || input.numel() == 0 {
        return Ok(input.clone());
    }
    if p == 1.0 {
        return input.mul(0.0);
    }
    let a = ((ALPHA * ALPHA * p + 1.0) * (1.0 - p)).sqrt().recip();
    let mask = kept(input, noise, 1.0 - p)?;
    let fallen = mask.sub(1.0)?.mul(ALPHA * a)?.add(ALPHA * a * p)?;
    input.mul(&mask.mul(a)?)?.add(&fallen)
}

/// Ones behind `(n, c)`: all of a channel is kept or lost.
fn channels(shape: &[usize], leading: usize) -> Vec<usize> {
    shape.iter().enumerate().map(|(d, &size)| if d < leading { size } else { 1 }).collect()
}

/// The noise of channels in inputs of this rank, or one less, without N.
#[track_caller]
fn batched(layer: &'static str, input: &Tensor, rank: usize) -> Result<Vec<usize>> {
    let dims = input.dim();
    if dims != rank && dims + 1 != rank {
        let message =
            format!("expected {rank} dimensions, or {} without N, found {:?}", rank - 1, input.shape());
        return Err(Error::shape(layer, message));
    }
    Ok(channels(input.shape(), if dims == rank { 2 } else { 1 }))
}

#[track_caller]
fn from_two(layer: &'static str, input: &Tensor) -> Result<Vec<usize>> {
    if input.dim() < 2 {
        return Err(Error::shape(layer, format!("expected (N, C, …), found {:?}", input.shape())));
    }
    Ok(channels(input.shape(), 2))
}

macro_rules! dropouts {
    ($($(#[$doc:meta])* $layer:ident $drop:ident |$input:ident| $noise:expr;)*) => {$(
        $(#[$doc])*
        pub struct $layer {
            p: f64,
            mode: TrainMode,
        }

        impl $layer {
            /// With `p = 0.5`.
            pub fn new() -> Self {
                Self { p: 0.5, mode: TrainMode::new() }
            }

            /// The probability of a zero.
            #[must_use]
            pub fn p(mut self, p: f64) -> Self {
                self.p = p;
                self
            }
        }

        impl Default for $layer {
            fn default() -> Self {
                Self::new()
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                visit("mode", &self.mode);
            }
            fn extra_repr(&self) -> String {
                format!("p={:?}, inplace=False", self.p)
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, $input: &Tensor) -> Result<Tensor> {
                if !(0.0..=1.0).contains(&self.p) {
                    let message = format!("p is a probability between 0 and 1, found {}", self.p);
                    return Err(Error::value(stringify!($layer), message));
                }
                let noise: Vec<usize> = $noise;
                seen(self, if self.mode.is_training() { $drop($input, noise, self.p) } else { Ok($input.clone()) })
            }
        }
    )*
    printed!($($layer)*);
    };
}

dropouts! {
    /// In training, sets each element to zero with probability `p` and scales the others by `1/(1 − p)`; in evaluation the
    /// identity. The masks are PyTorch's for the same seed. Source: N. Srivastava et al., JMLR 15, 2014.
    ///
    /// ```
    /// use nn::{Dropout, Layer, Module};
    /// use tensor::ones;
    /// let layer = Dropout::new().p(0.2);
    /// layer.eval();
    /// assert!(layer.forward(&ones([4])?)?.equal(&ones([4])?));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.Dropout")]
    Dropout drop_out |input| input.shape().into();
    /// [`Dropout`] of whole channels of `(N, C, L)`, or of `(C, L)`.
    #[doc(alias = "torch.nn.Dropout1d")]
    Dropout1d drop_out |input| batched("Dropout1d", input, 3)?;
    /// [`Dropout`] of whole channels: `(N, C, L)`, `(N, C, H, W)`, … lose or keep all that stands behind `(n, c)`.
    #[doc(alias = "torch.nn.Dropout2d")]
    Dropout2d drop_out |input| from_two("Dropout2d", input)?;
    /// [`Dropout`] of whole channels of `(N, C, D, H, W)`, or of `(C, D, H, W)`.
    #[doc(alias = "torch.nn.Dropout3d")]
    Dropout3d drop_out |input| batched("Dropout3d", input, 5)?;
    /// Dropout for networks of [`SELU`](crate::SELU)s, which keeps mean 0 and variance 1.
    /// Source: G. Klambauer et al., arXiv:1706.02515.
    #[doc(alias = "torch.nn.AlphaDropout")]
    AlphaDropout alpha_drop_out |input| input.shape().into();
    /// [`AlphaDropout`] of whole channels of `(N, C, …)`.
    #[doc(alias = "torch.nn.FeatureAlphaDropout")]
    FeatureAlphaDropout alpha_drop_out |input| from_two("FeatureAlphaDropout", input)?;
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, ones, randn};

    #[test]
    fn selus_keep_mean_and_variance() {
        manual_seed(0);
        let y = AlphaDropout::new().p(0.3).forward(&randn([200, 100]).unwrap()).unwrap();
        assert!(y.mean().item().unwrap().abs() < 0.03 && (y.var().item().unwrap() - 1.0).abs() < 0.03);
        // PyTorch's numbers.
        manual_seed(0);
        let y = AlphaDropout::new().forward(&ones([6]).unwrap()).unwrap();
        assert_eq!(y.to_string(), "tensor([-0.7792, -0.7792,  1.6656, -0.7792, -0.7792, -0.7792])");
        manual_seed(0);
        let y = FeatureAlphaDropout::new().forward(&ones([1, 3, 2]).unwrap()).unwrap();
        assert_eq!(
            y.to_string(),
            "tensor([[[-0.7792, -0.7792],\n         [-0.7792, -0.7792],\n         [ 1.6656,  1.6656]]])"
        );
    }

    #[test]
    fn keeps_the_mean_and_whole_channels() {
        manual_seed(0);
        let x = ones([100, 10, 3]).unwrap();
        let y = Dropout::new().p(0.2).forward(&x).unwrap();
        assert!((y.mean().item().unwrap() - 1.0).abs() < 0.05);
        let y = Dropout2d::new().forward(&x).unwrap();
        let per_channel = y.sum_dim(-1, false).unwrap().to_vec::<f32>().unwrap();
        assert!(per_channel.iter().all(|&s| s == 0.0 || s == 6.0));
        let y = Dropout1d::new().forward(&x.select(0, 0).unwrap()).unwrap();
        assert!(y.sum_dim(-1, false).unwrap().to_vec::<f32>().unwrap().iter().all(|&s| s == 0.0 || s == 6.0));
        assert!(Dropout3d::new().forward(&x).is_err());
        assert!(Dropout::new().p(1.5).forward(&x).is_err());
    }
}

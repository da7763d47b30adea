//! Dropout: noise that keeps a model from relying on single features.

use crate::module::{Layer, Module, TrainMode, printed};
use crate::summary::seen;
use tensor::random::with_default;
use tensor::{AtCaller, Error, Result, Tensor};

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
pub struct Dropout {
    p: f64,
    mode: TrainMode,
}

/// [`Dropout`] of whole channels: `(N, C, L)`, `(N, C, H, W)`, … lose or keep all that stands behind `(n, c)`.
#[doc(alias = "torch.nn.Dropout2d")]
pub struct Dropout2d {
    p: f64,
    mode: TrainMode,
}

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
    let mask =
        with_default(|generator| generator.bernoulli_scalar(noise, keep, input.dtype())).at_caller()?;
    input.mul(&mask.div(keep)?)
}

macro_rules! dropouts {
    ($($layer:ident |$input:ident| $noise:expr;)*) => {$(
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
                seen(self, if self.mode.is_training() { drop_out($input, noise, self.p) } else { Ok($input.clone()) })
            }
        }
    )*
    printed!($($layer)*);
    };
}

dropouts! {
    Dropout |input| input.shape().into();
    Dropout2d |input| {
        if input.dim() < 2 {
            return Err(Error::shape("Dropout2d", format!("expected (N, C, …), found {:?}", input.shape())));
        }
        (0..input.dim()).map(|d| if d < 2 { input.shape()[d] } else { 1 }).collect()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, ones};

    #[test]
    fn keeps_the_mean_and_whole_channels() {
        manual_seed(0);
        let x = ones([100, 10, 3]).unwrap();
        let y = Dropout::new().p(0.2).forward(&x).unwrap();
        assert!((y.mean().item().unwrap() - 1.0).abs() < 0.05);
        let y = Dropout2d::new().forward(&x).unwrap();
        let per_channel = y.sum_dim(-1, false).unwrap().to_vec::<f32>().unwrap();
        assert!(per_channel.iter().all(|&s| s == 0.0 || s == 6.0));
        assert!(Dropout::new().p(1.5).forward(&x).is_err());
    }
}

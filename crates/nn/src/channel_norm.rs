//! Normalisation of channels: over a batch, over one sample, or over groups of one sample.
//!
//! ```
//! use nn::{BatchNorm2d, GroupNorm, Layer};
//! use tensor::rand;
//! let x = rand([8, 6, 5, 5])?;
//! let layer = BatchNorm2d::new(6);
//! assert_eq!(layer.forward(&x)?.shape(), x.shape());
//! assert_eq!(GroupNorm::new(3, 6).to_string(), "GroupNorm(3, 6, eps=1e-05, affine=True, bias=True)");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Buffer, Layer, Module, TrainMode, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Error, Normalized, Parameter, Result, Tensor, ones, tensor, zeros};

/// What the layers that keep running statistics consist of.
struct Norm {
    num_features: usize,
    eps: f64,
    momentum: Option<f64>,
    mode: TrainMode,
}

#[track_caller]
fn parameter(value: Result<Tensor>, wanted: bool) -> Option<Parameter> {
    value.ok().filter(|_| wanted).map(|t| Parameter::new(&t))
}

/// Moves a running statistic towards what was found.
fn track(place: &Buffer, found: &Tensor, share: f64) -> Result<()> {
    let old = place.tensor();
    place.set(&old.mul(1.0 - share)?.add(&found.to(old.dtype()).mul(share)?)?)
}

macro_rules! norms {
    ($($(#[$doc:meta])* $layer:ident $ranks:pat, $shape:literal, $affine:literal, $track:literal, $normalize:ident;)*) => {$(
        $(#[$doc])*
        pub struct $layer {
            /// `(C)`, ones to begin with.
            pub weight: Option<Parameter>,
            /// `(C)`, zeros to begin with.
            pub bias: Option<Parameter>,
            /// `(C)`, zeros to begin with.
            pub running_mean: Option<Buffer>,
            /// `(C)`, ones to begin with; of the variances with n − 1.
            pub running_var: Option<Buffer>,
            /// How many batches have been seen.
            pub num_batches_tracked: Option<Buffer>,
            norm: Norm,
        }

        impl $layer {
            #[doc = concat!("With `eps = 1e-5`, `momentum = 0.1`, `affine = ", stringify!($affine), "` and `track_running_stats = ", stringify!($track), "`.")]
            #[track_caller]
            pub fn new(num_features: usize) -> Self {
                let norm = Norm { num_features, eps: 1e-5, momentum: Some(0.1), mode: TrainMode::new() };
                let layer = Self {
                    weight: None,
                    bias: None,
                    running_mean: None,
                    running_var: None,
                    num_batches_tracked: None,
                    norm,
                };
                layer.affine($affine).track_running_stats($track)
            }

            /// What is added to the variance.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.norm.eps = eps;
                self
            }

            /// The share of a batch in the running statistics; with `None` a batch normalisation counts all batches alike.
            #[must_use]
            pub fn momentum(mut self, momentum: impl Into<Option<f64>>) -> Self {
                self.norm.momentum = momentum.into();
                self
            }

            /// Whether there are a weight and a bias.
            #[track_caller]
            #[must_use]
            pub fn affine(mut self, affine: bool) -> Self {
                self.weight = parameter(ones(self.norm.num_features), affine);
                self.bias(affine)
            }

            /// Whether there is a bias beside the weight.
            #[track_caller]
            #[must_use]
            pub fn bias(mut self, bias: bool) -> Self {
                self.bias = parameter(zeros(self.norm.num_features), bias && self.weight.is_some());
                self
            }

            /// Whether there are running statistics, by which it normalises in evaluation.
            #[track_caller]
            #[must_use]
            pub fn track_running_stats(mut self, track: bool) -> Self {
                let made = |value: Result<Tensor>| value.ok().filter(|_| track).map(|t| Buffer::new(&t));
                self.running_mean = made(zeros(self.norm.num_features));
                self.running_var = made(ones(self.norm.num_features));
                self.num_batches_tracked = made(Ok(tensor(0)));
                self
            }

            /// The affine map of the channels.
            fn affine_map(&self) -> [Option<Tensor>; 2] {
                [&self.weight, &self.bias].map(|p| p.as_ref().map(Parameter::tensor))
            }

            /// By the running statistics, if there are any and this is no training.
            #[track_caller]
            fn by_running(&self, x: &Tensor) -> Option<Result<Tensor>> {
                let (mean, var) = self.running_mean.as_ref().zip(self.running_var.as_ref())?;
                let (mean, var) = (mean.tensor(), var.tensor());
                let [weight, bias] = self.affine_map();
                (!self.norm.mode.is_training()).then(|| {
                    let given = Some((&mean, &var));
                    Ok(x.batch_norm(given, weight.as_ref(), bias.as_ref(), self.norm.eps)?.output)
                })
            }

            #[track_caller]
            fn fits(&self, x: &Tensor, channels: usize) -> Result<()> {
                // Without parameters and statistics of so many channels, any number will do.
                let counted = $affine || self.weight.is_some() || self.running_mean.is_some();
                if matches!(x.dim(), $ranks) && (!counted || x.shape()[channels] == self.norm.num_features) {
                    return Ok(());
                }
                let message = format!("input of shape {:?} for {self}: expected {}", x.shape(), $shape);
                Err(Error::shape(stringify!($layer), message))
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                visit("weight", &self.weight);
                visit("bias", &self.bias);
                visit("running_mean", &self.running_mean);
                visit("running_var", &self.running_var);
                visit("num_batches_tracked", &self.num_batches_tracked);
                visit("mode", &self.norm.mode);
            }
            fn extra_repr(&self) -> String {
                format!(
                    "{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
                    self.norm.num_features,
                    python::float(self.norm.eps),
                    self.norm.momentum.map_or("None".into(), python::float),
                    python::flag(self.weight.is_some()),
                    python::flag(self.bias.is_some()),
                    python::flag(self.running_mean.is_some())
                )
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, self.$normalize(input))
            }
        }

        printed!($layer);
    )*};
}

macro_rules! batch_norms {
    ($($layer:ident $ranks:pat, $shape:literal;)*) => {
        norms! {$(
            #[doc = concat!("Each channel of `", $shape, "` to mean 0 and variance 1 over the batch, then times `weight` plus `bias`.")]
            ///
            /// In training by the numbers of the batch, of which it keeps running means; in evaluation by those.
            /// Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.
            $layer $ranks, $shape, true, true, over_batch;
        )*}
        $(impl $layer {
            #[track_caller]
            fn over_batch(&self, x: &Tensor) -> Result<Tensor> {
                self.fits(x, 1)?;
                if let Some(done) = self.by_running(x) {
                    return done;
                }
                let [weight, bias] = self.affine_map();
                let Normalized { output, mean, var } =
                    x.batch_norm(None, weight.as_ref(), bias.as_ref(), self.norm.eps)?;
                let mut share = self.norm.momentum;
                if let Some(count) = &self.num_batches_tracked {
                    let next = count.tensor().add(1)?;
                    share = share.or(Some(1.0 / next.item()?));
                    count.set(&next)?;
                }
                let n = (x.numel() / self.norm.num_features.max(1)) as f64;
                // An empty batch moves nothing.
                if let (Some(means), Some(vars), Some(share)) = (&self.running_mean, &self.running_var, share)
                    && n > 0.0
                {
                    track(means, &mean, share)?;
                    track(vars, &var.mul(n / (n - 1.0))?, share)?;
                }
                Ok(output)
            }
        })*
    };
}

batch_norms! {
    BatchNorm1d 2..=3, "(N, C) or (N, C, L)";
    BatchNorm2d 4, "(N, C, H, W)";
    BatchNorm3d 5, "(N, C, D, H, W)";
}

macro_rules! instance_norms {
    ($($layer:ident $ranks:pat, $rank:literal, $shape:literal;)*) => {
        norms! {$(
            #[doc = concat!("Each channel of each sample of `", $shape, "`, or of a single one without N, to mean 0 and variance 1,")]
            /// then, if so asked, times `weight` plus `bias`.
            ///
            /// Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, arXiv:1607.08022.
            $layer $ranks, $shape, false, false, of_samples;
        )*}
        $(impl $layer {
            #[track_caller]
            fn of_samples(&self, x: &Tensor) -> Result<Tensor> {
                let single = x.dim() + 1 == $rank;
                self.fits(x, usize::from(!single))?;
                if single {
                    return self.of_samples(&x.unsqueeze(0)?)?.squeeze_dim(0);
                }
                if let Some(done) = self.by_running(x) {
                    return done;
                }
                let [weight, bias] = self.affine_map();
                let Normalized { output, mean, var } =
                    x.instance_norm(weight.as_ref(), bias.as_ref(), self.norm.eps)?;
                // As in PyTorch, a momentum of `None` leaves the statistics as they are, and batches are not counted.
                if let (Some(means), Some(vars), Some(share)) =
                    (&self.running_mean, &self.running_var, self.norm.momentum)
                {
                    let n = x.shape()[2..].iter().product::<usize>() as f64;
                    track(means, &mean.mean_dim(0, false)?, share)?;
                    track(vars, &var.mean_dim(0, false)?.mul(n / (n - 1.0))?, share)?;
                }
                Ok(output)
            }
        })*
    };
}

instance_norms! {
    InstanceNorm1d 2..=3, 3, "(N, C, L)";
    InstanceNorm2d 3..=4, 4, "(N, C, H, W)";
    InstanceNorm3d 4..=5, 5, "(N, C, D, H, W)";
}

/// The channels of each sample of `(N, C, …)` in groups, each to mean 0 and variance 1, then times `weight` plus `bias`.
/// Source: Y. Wu, K. He, arXiv:1803.08494.
#[doc(alias = "torch.nn.GroupNorm")]
pub struct GroupNorm {
    /// `(C)`, ones to begin with.
    pub weight: Option<Parameter>,
    /// `(C)`, zeros to begin with.
    pub bias: Option<Parameter>,
    num_groups: usize,
    num_channels: usize,
    eps: f64,
}

impl GroupNorm {
    /// With `eps = 1e-5`, a weight and a bias.
    #[track_caller]
    pub fn new(num_groups: usize, num_channels: usize) -> Self {
        let layer = GroupNorm { weight: None, bias: None, num_groups, num_channels, eps: 1e-5 };
        layer.affine(true)
    }

    /// What is added to the variance.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias.
    #[track_caller]
    #[must_use]
    pub fn affine(mut self, affine: bool) -> Self {
        self.weight = parameter(ones(self.num_channels), affine);
        self.bias(affine)
    }

    /// Whether there is a bias beside the weight.
    #[track_caller]
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        self.bias = parameter(zeros(self.num_channels), bias && self.weight.is_some());
        self
    }
}

impl Module for GroupNorm {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }
    fn extra_repr(&self) -> String {
        format!(
            "{}, {}, eps={}, affine={}, bias={}",
            self.num_groups,
            self.num_channels,
            python::float(self.eps),
            python::flag(self.weight.is_some()),
            python::flag(self.bias.is_some())
        )
    }
}

impl Layer for GroupNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(Parameter::tensor));
        seen(self, input.group_norm(self.num_groups, weight.as_ref(), bias.as_ref(), self.eps))
    }
}

printed!(GroupNorm);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::rand;

    #[test]
    fn running_statistics_are_what_evaluation_uses() {
        let x = rand([4, 2, 9]).unwrap();
        let layer = InstanceNorm1d::new(2).track_running_stats(true).momentum(1.0);
        let trained = layer.forward(&x).unwrap();
        layer.eval();
        assert!(!layer.forward(&x).unwrap().equal(&trained));
        assert_eq!(layer.num_batches_tracked.as_ref().map(|b| b.tensor().item().unwrap()), Some(0.0));
        let single = layer.forward(&x.select(0, 1).unwrap()).unwrap();
        assert!(single.allclose(&layer.forward(&x).unwrap().select(0, 1).unwrap(), 1e-6, 1e-6).unwrap());
        // No parameter says how many channels there are.
        assert!(InstanceNorm1d::new(2).forward(&rand([4, 3, 9]).unwrap()).is_ok());
        assert!(InstanceNorm1d::new(2).affine(true).forward(&rand([4, 3, 9]).unwrap()).is_err());
        assert!(InstanceNorm2d::new(2).forward(&rand([2, 9]).unwrap()).is_err());
        assert!(GroupNorm::new(2, 3).forward(&rand([2, 3, 9]).unwrap()).is_err());
    }
}

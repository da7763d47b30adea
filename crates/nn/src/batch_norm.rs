//! Batch normalisation. Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.

use crate::module::{Buffer, Layer, Module, TrainMode, printed};
use crate::summary::seen;
use tensor::{Error, Parameter, Result, Tensor, no_grad, ones, tensor, zeros};

/// What a normalisation over the batch consists of.
struct Norm {
    num_features: usize,
    eps: f64,
    momentum: Option<f64>,
    mode: TrainMode,
}

macro_rules! batch_norms {
    ($($layer:ident $ranks:pat, $shape:literal;)*) => {$(
        #[doc = concat!("Each channel of `", $shape, "` to mean 0 and variance 1 over the batch, then times `weight` plus `bias`.")]
        ///
        /// In training by the numbers of the batch, of which it keeps running means; in evaluation by those.
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
            /// With `eps = 1e-5`, `momentum = 0.1`, weight, bias and running statistics.
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
                layer.affine(true).track_running_stats(true)
            }

            /// What is added to the variance.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.norm.eps = eps;
                self
            }

            /// The share of a batch in the running statistics; with `None` all batches count alike.
            #[must_use]
            pub fn momentum(mut self, momentum: impl Into<Option<f64>>) -> Self {
                self.norm.momentum = momentum.into();
                self
            }

            /// Whether there are a weight and a bias.
            #[track_caller]
            #[must_use]
            pub fn affine(mut self, affine: bool) -> Self {
                let made = |value: Result<Tensor>| value.ok().filter(|_| affine).map(|t| Parameter::new(&t));
                self.weight = made(ones(self.norm.num_features));
                self.bias = made(zeros(self.norm.num_features));
                self
            }

            /// Whether there are running statistics; without them the batch's are used in evaluation too.
            #[track_caller]
            #[must_use]
            pub fn track_running_stats(mut self, track: bool) -> Self {
                let made = |value: Result<Tensor>| value.ok().filter(|_| track).map(|t| Buffer::new(&t));
                self.running_mean = made(zeros(self.norm.num_features));
                self.running_var = made(ones(self.norm.num_features));
                self.num_batches_tracked = made(Ok(tensor(0)));
                self
            }

            #[track_caller]
            fn normalize(&self, x: &Tensor) -> Result<Tensor> {
                const OP: &str = stringify!($layer);
                let features = self.norm.num_features;
                if !matches!(x.dim(), $ranks) || x.shape()[1] != features {
                    return Err(Error::shape(OP, format!("input of shape {:?} for {self}: expected {}", x.shape(), $shape)));
                }
                let mut channel = vec![1; x.dim()];
                channel[1] = features;
                let tracked = self.running_mean.as_ref().zip(self.running_var.as_ref());
                let (mean, var) = match tracked {
                    Some((mean, var)) if !self.norm.mode.is_training() => {
                        (mean.tensor().reshape(&*channel)?, var.tensor().reshape(&*channel)?)
                    }
                    _ => {
                        let n = x.numel().checked_div(features).unwrap_or(0);
                        if n < 2 {
                            return Err(Error::shape(
                                OP,
                                format!("training needs more than one value per channel, found shape {:?}", x.shape()),
                            ));
                        }
                        let dims: Vec<i64> = (0..x.dim() as i64).filter(|&d| d != 1).collect();
                        let (var, mean) = x.var_mean(dims, 0.0, true)?;
                        if let Some((means, vars)) = tracked {
                            no_grad(|| self.track(&mean, &var, n as f64, means, vars))?;
                        }
                        (mean, var)
                    }
                };
                let mut y = x.sub(&mean)?.mul(&var.add(self.norm.eps)?.rsqrt())?;
                if let Some(weight) = &self.weight {
                    y = y.mul(&weight.tensor().reshape(&*channel)?)?;
                }
                if let Some(bias) = &self.bias {
                    y = y.add(&bias.tensor().reshape(&*channel)?)?;
                }
                Ok(y)
            }

            /// Moves the running statistics towards those of a batch with `n` values per channel.
            fn track(&self, mean: &Tensor, var: &Tensor, n: f64, means: &Buffer, vars: &Buffer) -> Result<()> {
                let mut seen = 1.0;
                if let Some(count) = &self.num_batches_tracked {
                    let next = count.tensor().add(1)?;
                    seen = next.item()?;
                    count.set(&next)?;
                }
                let share = self.norm.momentum.unwrap_or(1.0 / seen);
                let unbiased = var.mul(n / (n - 1.0))?;
                for (place, value) in [(means, mean), (vars, &unbiased)] {
                    let old = place.tensor();
                    let value = value.detach().reshape(old.shape())?.to(old.dtype());
                    place.set(&old.mul(1.0 - share)?.add(&value.mul(share)?)?)?;
                }
                Ok(())
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
                let python = |flag: bool| if flag { "True" } else { "False" };
                format!(
                    "{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
                    self.norm.num_features,
                    tensor::display::format_float(self.norm.eps),
                    self.norm.momentum.map_or("None".into(), tensor::display::format_float),
                    python(self.weight.is_some()),
                    python(self.bias.is_some()),
                    python(self.running_mean.is_some())
                )
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, self.normalize(input))
            }
        }

        printed!($layer);
    )*};
}

batch_norms! {
    BatchNorm1d 2..=3, "(N, C) or (N, C, L)";
    BatchNorm2d 4, "(N, C, H, W)";
    BatchNorm3d 5, "(N, C, D, H, W)";
}

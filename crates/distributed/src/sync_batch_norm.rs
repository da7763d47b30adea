//! Batch normalisation by the numbers of the whole batch, those of the other ranks included.

use crate::world::World;
use nn::{Buffer, Layer, Module, TrainMode};
use std::fmt;
use tensor::{Error, Parameter, Result, Tensor, ones, tensor, zeros};

/// Each channel of `(N, C)` or `(N, C, d₁, …)` to mean 0 and variance 1 over the batches of all ranks, then times `weight` plus
/// `bias`: what a `BatchNorm` computes that sees the whole batch.
///
/// With an ordinary `BatchNorm1d`, `2d` or `3d`, each rank normalises by its own part of the batch, and keeps statistics of its
/// own, of which rank 0's are saved. That costs no message; this layer costs two sums forward and two backward, each of `2C`
/// numbers at most, and is worth it where a rank's part is small. The names of its parameters and buffers are the same, so
/// that weights can be exchanged between both. With one rank, both compute the same bits.
///
/// ```
/// use distributed::{SyncBatchNorm, World};
/// use nn::Layer;
/// use tensor::rand;
/// World::run(|world| {
///     let layer = SyncBatchNorm::new(world, 6);
///     assert_eq!(layer.to_string(), "SyncBatchNorm(6, eps=1e-05, momentum=0.1)");
///     assert_eq!(layer.forward(&rand([8, 6, 5, 5])?)?.shape(), [8, 6, 5, 5]);
///     Ok::<(), tensor::Error>(())
/// })?;
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// Source: S. Ioffe, C. Szegedy, arXiv:1502.03167.
#[doc(alias = "torch.nn.SyncBatchNorm")]
pub struct SyncBatchNorm {
    /// `(C)`, ones to begin with.
    pub weight: Parameter,
    /// `(C)`, zeros to begin with.
    pub bias: Parameter,
    /// `(C)`, zeros to begin with.
    pub running_mean: Buffer,
    /// `(C)`, ones to begin with; of the variances with n − 1.
    pub running_var: Buffer,
    /// How many batches have been seen.
    pub num_batches_tracked: Buffer,
    world: World,
    num_features: usize,
    eps: f64,
    momentum: f64,
    mode: TrainMode,
}

impl SyncBatchNorm {
    /// With `eps = 1e-5` and `momentum = 0.1`.
    #[track_caller]
    pub fn new(world: &World, num_features: usize) -> Self {
        let [zero, one] =
            [zeros(num_features), ones(num_features)].map(|t| t.unwrap_or_else(|_| tensor(0.0)));
        SyncBatchNorm {
            weight: Parameter::new(&one),
            bias: Parameter::new(&zero),
            running_mean: Buffer::new(&zero),
            running_var: Buffer::new(&one),
            num_batches_tracked: Buffer::new(&tensor(0)),
            world: world.clone(),
            num_features,
            eps: 1e-5,
            momentum: 0.1,
            mode: TrainMode::new(),
        }
    }

    /// What is added to the variance.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        SyncBatchNorm { eps, ..self }
    }

    /// The share of a batch in the running statistics.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Self {
        SyncBatchNorm { momentum, ..self }
    }

    /// Over the batches of all ranks: two sums, since a variance of squares less the square of a mean would lose its digits.
    #[track_caller]
    fn over_ranks(&self, x: &Tensor) -> Result<Tensor> {
        let dims: Vec<i64> = (0..x.dim() as i64).filter(|&d| d != 1).collect();
        let mut channels = vec![1; x.dim()];
        channels[1] = self.num_features;
        let count = (x.numel() / self.num_features.max(1)) as f64;
        let described = format!("{} of {} features", x.dtype(), self.num_features);
        let n: f64 =
            self.world.agree("SyncBatchNorm", &described, [count, 0.0, 0.0])?.iter().map(|of| of[0]).sum();
        if n <= 1.0 {
            let message = format!("training needs more than one value per channel, found {n} on all ranks");
            return Err(Error::shape("SyncBatchNorm", message));
        }
        let mean = self.world.sum_of(&x.sum_dim(&dims[..], false)?)?.div(n)?;
        let centered = x.sub(&mean.reshape(&channels[..])?)?;
        let var = self.world.sum_of(&centered.square().sum_dim(&dims[..], false)?)?.div(n)?;
        let scale = var.add(self.eps)?.rsqrt().mul(&self.weight.tensor())?.reshape(&channels[..])?;
        self.track(&mean.detach(), &var.detach(), n)?;
        centered.mul(&scale)?.add(&self.bias.tensor().reshape(&channels[..])?)
    }

    /// Moves the running statistics towards those of a batch.
    fn track(&self, mean: &Tensor, var: &Tensor, n: f64) -> Result<()> {
        self.num_batches_tracked.set(&self.num_batches_tracked.tensor().add(1)?)?;
        let unbiased = var.mul(n / (n - 1.0))?;
        for (place, found) in [(&self.running_mean, mean), (&self.running_var, &unbiased)] {
            let old = place.tensor();
            place.set(&old.mul(1.0 - self.momentum)?.add(&found.to(old.dtype()).mul(self.momentum)?)?)?;
        }
        Ok(())
    }
}

impl Module for SyncBatchNorm {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
        visit("running_mean", &self.running_mean);
        visit("running_var", &self.running_var);
        visit("num_batches_tracked", &self.num_batches_tracked);
        visit("mode", &self.mode);
    }
    fn extra_repr(&self) -> String {
        format!("{}, eps={}, momentum={}", self.num_features, python(self.eps), python(self.momentum))
    }
}

/// As Python prints it: `1e-05`.
fn python(x: f64) -> String {
    if x != 0.0 && x.abs() < 1e-4 {
        let text = format!("{x:e}");
        let (digits, exponent) = text.split_once("e-").unwrap_or((&text, "0"));
        return format!("{digits}e-{exponent:0>2}");
    }
    format!("{x:?}")
}

impl Layer for SyncBatchNorm {
    /// # Errors
    /// If the input does not fit, or the ranks' have no two values per channel between them.
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        if input.dim() < 2 || input.shape()[1] != self.num_features {
            let message = format!("input of shape {:?} for {self}: expected (N, C, …)", input.shape());
            return Err(Error::shape("SyncBatchNorm", message));
        }
        let (weight, bias) = (self.weight.tensor(), self.bias.tensor());
        if !self.mode.is_training() {
            let given = (&self.running_mean.tensor(), &self.running_var.tensor());
            return Ok(input.batch_norm(Some(given), Some(&weight), Some(&bias), self.eps)?.output);
        }
        if self.world.size() > 1 {
            return self.over_ranks(input);
        }
        let found = input.batch_norm(None, Some(&weight), Some(&bias), self.eps)?;
        let n = (input.numel() / self.num_features.max(1)) as f64;
        if n > 0.0 {
            self.track(&found.mean, &found.var, n)?;
        }
        Ok(found.output)
    }
}

impl fmt::Display for SyncBatchNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl fmt::Debug for SyncBatchNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threads::ranks;
    use nn::BatchNorm2d;
    use tensor::{DType, manual_seed, rand};

    #[test]
    fn it_is_the_batch_norm_of_the_whole_batch() {
        manual_seed(1);
        // Far from zero, where squares would lose digits.
        let x = rand([6, 3, 4, 5]).unwrap().to(DType::F64).add(1000.0).unwrap();
        let weights = rand([6, 3, 4, 5]).unwrap().to(DType::F64);
        let whole = BatchNorm2d::new(3);
        whole.to(DType::F64).unwrap();
        let x = x.requires_grad();
        let y = whole.forward(&x).unwrap();
        y.square().mul(&weights).unwrap().sum().backward().unwrap();
        let state = whole.state_dict();
        let parts = ranks(2, |world| {
            let layer = SyncBatchNorm::new(world, 3);
            layer.to(DType::F64)?;
            let cut = |t: &Tensor| t.detach().narrow(0, 2 * world.rank(), 2 + 2 * world.rank());
            let part = cut(&x)?.requires_grad();
            let y = layer.forward(&part)?;
            y.square().mul(&cut(&weights)?)?.sum().backward()?;
            assert!(part.grad().unwrap().allclose(&cut(&x.grad().unwrap())?, 1e-7, 1e-9)?);
            let weight = world.all_reduce(&layer.weight.grad().unwrap())?;
            assert!(weight.allclose(&whole.weight.as_ref().unwrap().grad().unwrap(), 1e-7, 1e-9)?);
            for (name, value) in layer.state_dict().iter() {
                let expected = state.get(name).expect("the same names");
                assert!(value.allclose(expected, 1e-9, 1e-9)?, "{name}");
            }
            layer.eval();
            Ok((y.detach(), layer.forward(&part)?.detach()))
        });
        whole.eval();
        let evaluated = whole.forward(&x).unwrap();
        for (rank, part) in parts.into_iter().enumerate() {
            let (trained, tested) = part.unwrap();
            let cut = |t: &Tensor| t.detach().narrow(0, 2 * rank, 2 + 2 * rank).unwrap();
            assert!(trained.allclose(&cut(&y), 1e-7, 1e-9).unwrap());
            assert!(tested.allclose(&cut(&evaluated), 1e-9, 1e-9).unwrap());
        }
    }

    #[test]
    fn mistakes_are_errors() {
        for result in ranks(2, |world| {
            let layer = SyncBatchNorm::new(world, 3);
            assert!(layer.forward(&rand([2, 4])?).unwrap_err().to_string().contains("expected (N, C, …)"));
            assert!(
                layer.forward(&rand([world.rank(), 3])?).unwrap_err().to_string().contains("more than one")
            );
            Ok(())
        }) {
            result.unwrap();
        }
    }
}

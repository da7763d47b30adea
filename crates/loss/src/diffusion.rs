//! Denoising diffusion (Ho et al. 2020): how noise is added, what the model learns, and how samples are drawn.
//!
//! `x_t = √ᾱ_t·x₀ + √(1 − ᾱ_t)·ε` for `t` from 0 to `T − 1`, with `ᾱ_t` falling from almost 1 to almost 0.

use crate::refuse::unequal_shapes;
use crate::{Criterion, MSELoss, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, DType, Error, Result, Tensor};

/// What the model predicts, from which the other two follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// The noise ε.
    Epsilon,
    /// `v = √ᾱ·ε − √(1 − ᾱ)·x₀` (Salimans & Ho 2022).
    V,
    /// What was there before the noise, x₀.
    Sample,
}

/// How much of the sample is left after `t` steps of noise: `ᾱ`, in float64.
#[derive(Clone, Debug)]
pub struct NoiseSchedule {
    alphas_cumprod: Vec<f64>,
}

impl NoiseSchedule {
    /// Of `β_t`, the variance that each step adds.
    ///
    /// # Errors
    /// If there is none, or one is not within 0 and 1.
    #[track_caller]
    pub fn from_betas(betas: impl IntoIterator<Item = f64>) -> Result<Self> {
        let mut left = 1.0;
        let mut alphas_cumprod = Vec::new();
        for (t, beta) in betas.into_iter().enumerate() {
            if !(beta > 0.0 && beta < 1.0) {
                return Err(Error::value("NoiseSchedule", format!("β must be within 0 and 1, found {beta} at step {t}")));
            }
            left *= 1.0 - beta;
            alphas_cumprod.push(left);
        }
        if alphas_cumprod.is_empty() {
            return Err(Error::value("NoiseSchedule", "a schedule of no steps"));
        }
        Ok(NoiseSchedule { alphas_cumprod })
    }

    /// `β` on a line from 0.0001 to 0.02 over 1000 steps (Ho et al. 2020); over fewer, as much steeper.
    ///
    /// # Errors
    /// If there are fewer than 21 steps, which would each add all the noise.
    #[track_caller]
    pub fn linear(steps: usize) -> Result<Self> {
        let scale = 1000.0 / steps as f64;
        let last = steps.saturating_sub(1).max(1) as f64;
        Self::from_betas((0..steps).map(|t| scale * (1e-4 + (0.02 - 1e-4) * t as f64 / last))).at_caller()
    }

    /// `ᾱ = cos²((t/T + s)/(1 + s)·π/2)` with s = 0.008, and β at most 0.999 (Nichol & Dhariwal 2021).
    ///
    /// # Errors
    /// If there are no steps.
    #[track_caller]
    pub fn cosine(steps: usize) -> Result<Self> {
        let left = |t: usize| {
            let angle = (t as f64 / steps as f64 + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2;
            angle.cos().powi(2)
        };
        Self::from_betas((0..steps).map(|t| (1.0 - left(t + 1) / left(t)).min(0.999))).at_caller()
    }

    /// The number of steps `T`.
    pub fn steps(&self) -> usize {
        self.alphas_cumprod.len()
    }

    /// `ᾱ` of each step.
    pub fn alphas_cumprod(&self) -> &[f64] {
        &self.alphas_cumprod
    }

    /// `[√ᾱ, √(1 − ᾱ)]` at the steps `t`, int64 `(N)`, shaped to meet samples `(N, …)` like `like`.
    #[track_caller]
    fn shares(&self, op: &'static str, t: &Tensor, like: &Tensor) -> Result<[Tensor; 2]> {
        let all = self.at(op, t, like, |left| left)?;
        let mut shape = vec![1; like.dim()];
        shape[0] = all.len();
        let of = |f: &dyn Fn(f64) -> f64| -> Result<Tensor> {
            Ok(Tensor::from_vec(all.iter().map(|&left| f(left)).collect(), shape.as_slice())?.to(like.dtype()))
        };
        Ok([of(&f64::sqrt)?, of(&|left| (1.0 - left).sqrt())?])
    }

    /// `f(ᾱ)` at each of the steps `t`.
    #[track_caller]
    fn at(&self, op: &'static str, t: &Tensor, like: &Tensor, f: impl Fn(f64) -> f64) -> Result<Vec<f64>> {
        if t.dtype() != DType::I64 || like.dim() == 0 || t.shape() != [like.shape()[0]] {
            let (t, x, dtype) = (t.shape(), like.shape(), t.dtype());
            return Err(Error::shape(op, format!("expected samples (N, …) and int64 steps (N), found {x:?} and {dtype} {t:?}")));
        }
        let steps = self.steps();
        let mut found = Vec::with_capacity(t.numel());
        for (i, t) in t.to_vec::<i64>()?.into_iter().enumerate() {
            let left = usize::try_from(t).ok().and_then(|t| self.alphas_cumprod.get(t)).copied();
            let wrong = || Error::index(op, format!("steps must be below {steps}, found {t} at index [{i}]"));
            found.push(f(left.ok_or_else(wrong).at_caller()?));
        }
        Ok(found)
    }

    /// `x_t`: samples `(N, …)` with the noise of the steps `t`, int64 `(N)`.
    ///
    /// ```
    /// use loss::NoiseSchedule;
    /// use tensor::{randn, tensor};
    /// let schedule = NoiseSchedule::cosine(100)?;
    /// let images = randn([2, 1, 8, 8])?;
    /// let noisy = schedule.add_noise(&images, &randn([2, 1, 8, 8])?, &tensor([0, 99]))?;
    /// assert_eq!(noisy.shape(), images.shape());
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes do not fit, or a step is beyond the schedule.
    #[track_caller]
    pub fn add_noise(&self, sample: &Tensor, noise: &Tensor, t: &Tensor) -> Result<Tensor> {
        unequal_shapes("add_noise", ("sample", sample), ("noise", noise))?;
        let [signal, rest] = self.shares("add_noise", t, sample)?;
        sample.mul(&signal)?.add(&noise.mul(&rest)?)
    }

    /// What the model should say of `add_noise(sample, noise, t)`.
    ///
    /// # Errors
    /// As [`add_noise`](NoiseSchedule::add_noise).
    #[track_caller]
    pub fn target(&self, prediction: Prediction, sample: &Tensor, noise: &Tensor, t: &Tensor) -> Result<Tensor> {
        unequal_shapes("target", ("sample", sample), ("noise", noise))?;
        let [signal, rest] = self.shares("target", t, sample)?;
        match prediction {
            Prediction::Epsilon => Ok(noise.clone()),
            Prediction::Sample => Ok(sample.clone()),
            Prediction::V => noise.mul(&signal)?.sub(&sample.mul(&rest)?),
        }
    }

    /// The sample and the noise that `x_t` consists of, by what the model said of it: `(x₀, ε)`.
    ///
    /// # Errors
    /// As [`add_noise`](NoiseSchedule::add_noise).
    #[track_caller]
    pub fn split(&self, prediction: Prediction, noisy: &Tensor, said: &Tensor, t: &Tensor) -> Result<(Tensor, Tensor)> {
        unequal_shapes("split", ("noisy", noisy), ("prediction", said))?;
        let [signal, rest] = self.shares("split", t, noisy)?;
        let sample = match prediction {
            Prediction::Epsilon => noisy.sub(&said.mul(&rest)?)?.div(&signal)?,
            Prediction::Sample => said.clone(),
            Prediction::V => noisy.mul(&signal)?.sub(&said.mul(&rest)?)?,
        };
        let noise = match prediction {
            Prediction::Epsilon => said.clone(),
            Prediction::Sample => noisy.sub(&said.mul(&signal)?)?.div(&rest)?,
            Prediction::V => said.mul(&signal)?.add(&noisy.mul(&rest)?)?,
        };
        Ok((sample, noise))
    }

    /// One step back, from `x_t` to `x_s` with `s < t` (`None`: to the sample itself), the same for the whole batch: DDIM with
    /// `eta` = 0, which draws nothing (Song et al. 2021); with `eta` = 1 and `s = t − 1`, DDPM. `noise` is standard normal
    /// and only used if `eta` is not 0. `clip` bounds the sample that the model believes in, for pictures in \[−1, 1\].
    ///
    /// # Errors
    /// If the shapes do not fit, or a step is beyond the schedule or not before `t`.
    #[track_caller]
    pub fn step_back(&self, model: Said<'_>, [t, s]: [Option<usize>; 2], eta: f64, noise: &Tensor) -> Result<Tensor> {
        let Said { prediction, noisy, said, clip } = model;
        unequal_shapes("step_back", ("noisy", noisy), ("noise", noise))?;
        let left = |t: Option<usize>| t.map_or(Some(1.0), |t| self.alphas_cumprod.get(t).copied());
        let (Some(now), Some(then), true) = (left(t), left(s), t.is_some() && s < t) else {
            let steps = self.steps();
            return Err(Error::value("step_back", format!("cannot go from {t:?} to {s:?} in a schedule of {steps} steps")));
        };
        let steps = Tensor::from_vec(vec![t.unwrap_or(0) as i64; noisy.shape()[0]], noisy.shape()[0])?;
        let (mut sample, mut direction) = self.split(prediction, noisy, said, &steps).at_caller()?;
        if let Some(bound) = clip {
            sample = sample.clamp(-bound, bound)?;
            direction = noisy.sub(&sample.mul(now.sqrt())?)?.div((1.0 - now).sqrt())?;
        }
        // σ² = η²·(1 − ᾱ_s)/(1 − ᾱ_t)·(1 − ᾱ_t/ᾱ_s)
        let variance = eta * eta * (1.0 - then) / (1.0 - now) * (1.0 - now / then);
        let mean = sample.mul(then.sqrt())?.add(&direction.mul((1.0 - then - variance).max(0.0).sqrt())?)?;
        if variance > 0.0 { mean.add(&noise.mul(variance.sqrt())?) } else { Ok(mean) }
    }
}

/// What a model said of noisy samples.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// What it predicts.
    pub prediction: Prediction,
    /// What it was given.
    pub noisy: &'a Tensor,
    /// Its answer.
    pub said: &'a Tensor,
    /// A bound for the absolute values of the sample.
    pub clip: Option<f64>,
}

/// The mean squared error of the prediction, weighed by the step: `mean w(t)·(said − target)²`.
///
/// Shapes: prediction, sample and noise alike, `(N, *)`; int64 steps `(N)`; output scalar.
#[derive(Clone, Debug)]
pub struct DiffusionLoss {
    schedule: NoiseSchedule,
    prediction: Prediction,
    min_snr: Option<f64>,
}

impl DiffusionLoss {
    /// Of what the model predicts under a schedule, with all weights 1.
    #[must_use]
    pub fn new(schedule: NoiseSchedule, prediction: Prediction) -> Self {
        DiffusionLoss { schedule, prediction, min_snr: None }
    }

    /// With weights `min(SNR, γ)` of the error of the sample, which stand for easy and for hard steps alike; γ = 5 in the
    /// paper (Hang et al. 2023). `SNR = ᾱ/(1 − ᾱ)`.
    #[must_use]
    pub fn min_snr(mut self, gamma: f64) -> Self {
        self.min_snr = Some(gamma);
        self
    }

    /// The loss of what the model said of `schedule.add_noise(sample, noise, t)`: all `(N, …)`, the steps `t` int64 `(N)`.
    ///
    /// ```
    /// use loss::{DiffusionLoss, NoiseSchedule, Prediction};
    /// use tensor::{randn, tensor, zeros};
    /// let criterion = DiffusionLoss::new(NoiseSchedule::linear(1000)?, Prediction::Epsilon);
    /// let (sample, noise, t) = (randn([2, 4])?, randn([2, 4])?, tensor([10, 500]));
    /// assert_eq!(criterion.forward(&noise, &sample, &noise, &t)?.item()?, 0.0);
    /// assert!(criterion.forward(&zeros([2, 4])?, &sample, &noise, &t)?.item()? > 0.0);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes do not fit, or a step is beyond the schedule.
    #[track_caller]
    pub fn forward(&self, said: &Tensor, sample: &Tensor, noise: &Tensor, t: &Tensor) -> Result<Tensor> {
        unequal_shapes("DiffusionLoss", ("prediction", said), ("sample", sample))?;
        let target = self.schedule.target(self.prediction, sample, noise, t).at_caller()?;
        let Some(gamma) = self.min_snr else { return MSELoss::new().forward(said, &target).at_caller() };
        let weights = self.schedule.at("DiffusionLoss", t, sample, |left| {
            let snr = left / (1.0 - left);
            // An error of ε is SNR times, one of v (SNR + 1) times the error of the sample.
            snr.min(gamma) / match self.prediction {
                Prediction::Sample => 1.0,
                Prediction::Epsilon => snr,
                Prediction::V => snr + 1.0,
            }
        })?;
        let each = MSELoss::new().reduction(Reduction::None).forward(said, &target).at_caller()?;
        let each = if each.dim() > 1 { each.flatten(1, -1)?.mean_dim(1, false)? } else { each };
        let weights = Tensor::from_vec(weights, t.numel())?.to(each.dtype());
        Ok(each.mul(&weights)?.mean())
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let steps = || Tensor::from_vec(vec![2i64, 7], 2);
    let inputs = || {
        vec![
            float64([[0.3, -1.2], [0.7, 0.4]]),
            float64([[0.5, 0.25], [1.0, 0.0]]),
            float64([[0.9, -0.5], [-0.4, 0.2]]),
        ]
    };
    let mut cases = Vec::new();
    for prediction in [Prediction::Epsilon, Prediction::V, Prediction::Sample] {
        let loss = move |x: &[Tensor], gamma: Option<f64>| {
            let mut criterion = DiffusionLoss::new(NoiseSchedule::cosine(10)?, prediction);
            criterion.min_snr = gamma;
            criterion.forward(&x[0], &x[1], &x[2], &steps()?)
        };
        cases.push(case("DiffusionLoss", move |x| loss(x, None), inputs()));
        cases.push(case("DiffusionLoss, min-SNR", move |x| loss(x, Some(5.0)), inputs()));
    }
    cases.push(case(
        "add_noise",
        move |x| NoiseSchedule::cosine(10)?.add_noise(&x[0], &x[1], &steps()?),
        inputs()[..2].to_vec(),
    ));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, randn, tensor, zeros};

    const ALL: [Prediction; 3] = [Prediction::Epsilon, Prediction::V, Prediction::Sample];

    #[test]
    fn schedules_fall_from_almost_one_to_almost_zero() {
        for schedule in [NoiseSchedule::linear(1000).unwrap(), NoiseSchedule::cosine(1000).unwrap()] {
            let left = schedule.alphas_cumprod();
            assert!(left.is_sorted_by(|a, b| a > b) && left[0] > 0.99 && left[999] < 1e-4, "{left:?}");
        }
        // Ho et al.: ᾱ_T = 4.0358e-5.
        assert!((NoiseSchedule::linear(1000).unwrap().alphas_cumprod()[999] - 4.0358e-5).abs() < 1e-8);
        assert!(NoiseSchedule::linear(10).is_err() && NoiseSchedule::cosine(0).is_err());
    }

    #[test]
    fn what_was_mixed_is_taken_apart() {
        manual_seed(0);
        let schedule = NoiseSchedule::cosine(50).unwrap();
        let [x, e] = [0, 1].map(|_| randn([3, 2, 2]).unwrap().to(DType::F64));
        let t = tensor([0, 20, 45]);
        let noisy = schedule.add_noise(&x, &e, &t).unwrap();
        for prediction in ALL {
            let said = schedule.target(prediction, &x, &e, &t).unwrap();
            let (sample, noise) = schedule.split(prediction, &noisy, &said, &t).unwrap();
            assert!(sample.allclose(&x, 1e-9, 1e-9).unwrap() && noise.allclose(&e, 1e-9, 1e-9).unwrap());
        }
    }

    /// A model that knows the answer leads every way back to the sample.
    #[test]
    fn every_sampler_returns_to_the_sample() {
        manual_seed(0);
        let schedule = NoiseSchedule::linear(100).unwrap();
        let [x, e] = [0, 1].map(|_| randn([2, 3]).unwrap().to(DType::F64));
        let whole = |t: usize| tensor([t as i64, t as i64]);
        for (eta, stride) in [(0.0, 1), (0.0, 9), (1.0, 1)] {
            let mut noisy = schedule.add_noise(&x, &e, &whole(99)).unwrap();
            let mut t = Some(99usize);
            while let Some(now) = t {
                let next = now.checked_sub(stride);
                let model = Said { prediction: Prediction::Sample, noisy: &noisy, said: &x, clip: None };
                noisy = schedule.step_back(model, [t, next], eta, &randn([2, 3]).unwrap().to(DType::F64)).unwrap();
                t = next;
            }
            assert!(noisy.allclose(&x, 1e-9, 1e-9).unwrap(), "eta {eta}, stride {stride}");
        }
    }

    #[test]
    fn min_snr_weighs_the_errors_of_all_predictions_alike() {
        manual_seed(0);
        let schedule = NoiseSchedule::cosine(50).unwrap();
        let [x, e, wrong] = [0, 1, 2].map(|_| randn([1, 4]).unwrap().to(DType::F64));
        let t = tensor([30]);
        let noisy = schedule.add_noise(&x, &e, &t).unwrap();
        // The same belief, said in three ways.
        let believed = schedule.split(Prediction::Sample, &noisy, &wrong, &t).unwrap();
        let losses = ALL.map(|prediction| {
            let said = schedule.target(prediction, &believed.0, &believed.1, &t).unwrap();
            let criterion = DiffusionLoss::new(schedule.clone(), prediction).min_snr(5.0);
            criterion.forward(&said, &x, &e, &t).unwrap().item().unwrap()
        });
        assert!(losses.iter().all(|l| (l / losses[0] - 1.0).abs() < 1e-9), "{losses:?}");
    }

    #[test]
    fn steps_beyond_the_schedule_are_named() {
        let schedule = NoiseSchedule::cosine(10).unwrap();
        let x = zeros([2, 3]).unwrap();
        let error = |t: &Tensor| schedule.add_noise(&x, &x, t).unwrap_err().to_string();
        assert!(error(&tensor([0, 10])).contains("found 10 at index [1]"));
        assert!(error(&tensor([0])).contains("[1]"));
        let model = Said { prediction: Prediction::V, noisy: &x, said: &x, clip: Some(1.0) };
        assert!(schedule.step_back(model, [Some(3), Some(5)], 0.0, &x).is_err());
    }
}

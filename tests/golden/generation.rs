//! The losses of generative models: games, penalties on a slope, variational and diffusion losses.

use crate::case::Args;
use loss::*;
use nn::{Flatten, Layer};
use tensor::{Conv, Result, Tensor, manual_seed};

/// The outputs of an operation; `None` if there is none of that name.
pub fn call(op: &str, args: &Args<'_>) -> Option<Result<Vec<Tensor>>> {
    let result = match op {
        "gan_critic" => game(args)?.critic(args.t("real"), args.t("fake")),
        "gan_generator" => game(args)?.generator(args.t("fake")),
        "gradient_penalty" => {
            let norm = args.flag("norm")?;
            manual_seed(args.int("seed")?.unsigned_abs());
            gradient_penalty(|x| critic(x, args, norm), args.t("real"), args.t("fake"))
        }
        "r1_penalty" => {
            let norm = args.flag("norm")?;
            r1_penalty(|x| critic(x, args, norm), args.t("real"))
        }
        "vae_loss" => {
            let reconstruction = match args.text("reconstruction")? {
                "bce" => Reconstruction::Bce,
                _ => Reconstruction::Mse,
            };
            let criterion =
                VaeLoss::new(reconstruction).beta(args.float("beta")?).free_bits(args.float("free_bits")?);
            let parts =
                criterion.forward(args.t("recovered"), args.t("target"), args.t("mu"), args.t("log_var"));
            return Some(parts.map(|p| vec![p.loss, p.reconstruction, p.divergence]));
        }
        "add_noise" => schedule(args)?.add_noise(args.t("sample"), args.t("noise"), args.t("t")),
        "diffusion_loss" => {
            let mut criterion = DiffusionLoss::new(schedule(args)?, prediction(args)?);
            if let Some(gamma) = args.float("min_snr") {
                criterion = criterion.min_snr(gamma);
            }
            criterion.forward(args.t("said"), args.t("sample"), args.t("noise"), args.t("t"))
        }
        "step_back" => {
            let step = |name: &str| args.int(name).and_then(|t| usize::try_from(t).ok());
            let said = Said {
                prediction: prediction(args)?,
                noisy: args.t("noisy"),
                said: args.t("said"),
                clip: args.float("clip"),
            };
            schedule(args)?.step_back(said, [step("now"), step("then")], args.float("eta")?, args.t("noise"))
        }
        _ => return None,
    };
    Some(result.map(|y| vec![y]))
}

fn game(args: &Args<'_>) -> Option<GanLoss> {
    Some(match args.text("game")? {
        "bce" => GanLoss::Bce,
        "lsgan" => GanLoss::LeastSquares,
        "hinge" => GanLoss::Hinge,
        "wgan" => GanLoss::Wasserstein,
        _ => return None,
    })
}

/// A convolution, layer norm if asked for, a leaky relu and a linear map: no batch norm.
fn critic(x: &Tensor, args: &Args<'_>, norm: bool) -> Result<Tensor> {
    let mut hidden = x.conv2d(args.t("weight"), None, &Conv::new().stride(2).padding(1))?;
    if norm {
        let shape: Vec<usize> = hidden.shape()[1..].to_vec();
        hidden = hidden.layer_norm(shape, None, None, 1e-5)?;
    }
    Flatten::new().forward(&hidden.leaky_relu(0.2))?.matmul(args.t("out"))
}

fn schedule(args: &Args<'_>) -> Option<NoiseSchedule> {
    let steps = usize::try_from(args.int("steps")?).ok()?;
    match args.text("schedule")? {
        "linear" => NoiseSchedule::linear(steps),
        _ => NoiseSchedule::cosine(steps),
    }
    .ok()
}

fn prediction(args: &Args<'_>) -> Option<Prediction> {
    Some(match args.text("predict")? {
        "noise" => Prediction::Epsilon,
        "v" => Prediction::V,
        _ => Prediction::Sample,
    })
}

//! A step of a Wasserstein critic on pictures of 28×28 pixels, plain and with the gradient penalty, which is a gradient of a
//! gradient through the whole critic.

use crate::data::standard;
use crate::measure::measure;
use crate::models::drawn;
use crate::options::Options;
use loss::{GanLoss, gradient_penalty};
use nn::{Conv2d, Flatten, Layer, LayerNorm, LeakyReLU, Linear, Module, sequential};
use optim::{Adam, Optimizer};
use tensor::{Result, Tensor};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    let (norm, penalised) = match name {
        "W9-critic" => (false, false),
        "W9-critic-gp" => (false, true),
        "W9-norm" => (true, false),
        "W9-norm-gp" => (true, true),
        _ => return Ok(false),
    };
    let batch = options.batch_or(64);
    let pictures = |seed| Tensor::from_vec(standard(seed, batch * 784), [batch, 1, 28, 28]);
    let (real, fake) = (pictures(1)?, pictures(2)?);
    let mut model = sequential![
        Conv2d::new(1, 64, 4).stride(2).padding(1),
        LeakyReLU::new().negative_slope(0.2),
        Conv2d::new(64, 128, 4).stride(2).padding(1),
    ];
    if norm {
        model.push(LayerNorm::new([128, 7, 7]));
    }
    model.push(LeakyReLU::new().negative_slope(0.2));
    model.push(Flatten::new());
    model.push(Linear::new(128 * 7 * 7, 1));
    let model = drawn(model)?;
    let mut optimizer = Adam::new(model.parameters(), 1e-4).betas(0.0, 0.9);
    measure(options, 1.0, |read| {
        optimizer.zero_grad();
        let mut loss = GanLoss::Wasserstein.critic(&model.forward(&real)?, &model.forward(&fake)?)?;
        if penalised {
            loss = loss.add(&gradient_penalty(|x| model.forward(x), &real, &fake)?.mul(10.0)?)?;
        }
        loss.backward()?;
        optimizer.step()?;
        if read { loss.item() } else { Ok(0.0) }
    })?;
    Ok(true)
}

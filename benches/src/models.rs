//! Whole training steps of small models: gradients to zero, forward, loss, backward, optimizer.

use crate::data::{between, bits, labels, standard};
use crate::measure::measure;
use crate::options::Options;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, MSELoss};
use nn::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, Module, ReLU, Sequential,
    Sigmoid, Tanh, sequential,
};
use optim::{Adam, Optimizer, SGD};
use tensor::{Result, Tensor};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    match name {
        "W1a" | "W1b" => {
            let batch = options.batch_or(32);
            let x = Tensor::from_vec(standard(1, batch * 10), [batch, 10])?;
            let y = Tensor::from_vec(bits(2, batch), [batch, 1])?;
            if name == "W1a" {
                let model = drawn(sequential![Linear::new(10, 1), Sigmoid])?;
                let optimizer = SGD::new(model.parameters(), 0.01);
                train(options, model, BCELoss::new(), optimizer, [x, y])?;
            } else {
                let model = drawn(sequential![Linear::new(10, 1)])?;
                let optimizer = SGD::new(model.parameters(), 0.01);
                train(options, model, BCEWithLogitsLoss::new(), optimizer, [x, y])?;
            }
        }
        "W2t" | "W2r" => {
            let batch = options.batch_or(100);
            let x = Tensor::from_vec(standard(1, batch * 2), [batch, 2])?;
            let signs = bits(2, batch).into_iter().map(|bit| bit * 2.0 - 1.0).collect();
            let y = Tensor::from_vec(signs, [batch, 1])?;
            let model = drawn(if name == "W2t" {
                sequential![Linear::new(2, 16), Tanh, Linear::new(16, 16), Tanh, Linear::new(16, 1)]
            } else {
                sequential![Linear::new(2, 16), ReLU, Linear::new(16, 16), ReLU, Linear::new(16, 1)]
            })?;
            let optimizer = SGD::new(model.parameters(), 0.05);
            train(options, model, MSELoss::new(), optimizer, [x, y])?;
        }
        "W3" => {
            let batch = options.batch_or(64);
            let x = Tensor::from_vec(standard(1, batch * 784), [batch, 784])?;
            let y = Tensor::from_vec(labels(2, batch, 10), [batch])?;
            let model = drawn(sequential![
                Linear::new(784, 256),
                ReLU,
                Linear::new(256, 128),
                ReLU,
                Linear::new(128, 10)
            ])?;
            let optimizer = Adam::new(model.parameters(), 1e-3);
            train(options, model, CrossEntropyLoss::new(), optimizer, [x, y])?;
        }
        "W4a" => {
            let batch = options.batch_or(64);
            let x = Tensor::from_vec(standard(1, batch * 784), [batch, 1, 28, 28])?;
            let y = Tensor::from_vec(labels(2, batch, 10), [batch])?;
            let model = drawn(sequential![
                Conv2d::new(1, 32, 3).padding(1),
                ReLU,
                MaxPool2d::new(2),
                Conv2d::new(32, 64, 3).padding(1),
                ReLU,
                MaxPool2d::new(2),
                Flatten::new(),
                Linear::new(3136, 128),
                ReLU,
                Linear::new(128, 10)
            ])?;
            let optimizer = Adam::new(model.parameters(), 1e-3);
            train(options, model, CrossEntropyLoss::new(), optimizer, [x, y])?;
        }
        "W4b" => {
            let batch = options.batch_or(64);
            let x = Tensor::from_vec(standard(1, batch * 3072), [batch, 3, 32, 32])?;
            let y = Tensor::from_vec(labels(2, batch, 10), [batch])?;
            let mut model = sequential![Conv2d::new(3, 64, 3).padding(1), ReLU];
            for _ in 0..3 {
                model.push(Conv2d::new(64, 64, 3).padding(1));
                model.push(BatchNorm2d::new(64));
                model.push(ReLU);
            }
            model.push(AdaptiveAvgPool2d::new(1));
            model.push(Flatten::new());
            model.push(Linear::new(64, 10));
            let model = drawn(model)?;
            let optimizer = Adam::new(model.parameters(), 1e-3);
            train(options, model, CrossEntropyLoss::new(), optimizer, [x, y])?;
        }
        // `W2x1000`: so many hidden layers.
        _ => {
            let depth = name.strip_prefix("W2x").and_then(|depth| depth.parse::<usize>().ok());
            let Some(depth) = depth else { return Ok(false) };
            let batch = options.batch_or(100);
            let x = Tensor::from_vec(standard(1, batch * 16), [batch, 16])?;
            let y = Tensor::from_vec(bits(2, batch), [batch, 1])?;
            let mut model = sequential![];
            for _ in 0..depth {
                model.push(Linear::new(16, 16));
                model.push(Tanh);
            }
            model.push(Linear::new(16, 1));
            let model = drawn(model)?;
            let optimizer = SGD::new(model.parameters(), 0.01);
            train(options, model, MSELoss::new(), optimizer, [x, y])?;
        }
    }
    Ok(true)
}

/// The model with the parameters that every library's program has: seeds 100, 101, …, evenly in ±1/√fan_in. A
/// normalisation keeps its ones and zeros.
pub(crate) fn drawn(model: Sequential) -> Result<Sequential> {
    let mut seed = 100;
    let mut fan_in = None;
    for parameter in model.parameters() {
        let shape = parameter.shape();
        let of_weight = (shape.len() > 1).then(|| shape[1..].iter().product::<usize>());
        // A bias is drawn as its weight.
        let Some(inputs) = of_weight.or(fan_in.take()) else { continue };
        fan_in = of_weight;
        let bound = (inputs as f64).powf(-0.5) as f32;
        let values = between(seed, parameter.numel(), -bound, bound);
        parameter.set(&Tensor::from_vec(values, shape)?)?;
        seed += 1;
    }
    Ok(model)
}

pub(crate) fn train(
    options: &Options,
    model: impl Layer,
    criterion: impl Criterion,
    mut optimizer: impl Optimizer,
    [x, y]: [Tensor; 2],
) -> Result<()> {
    measure(options, 1.0, |read| {
        optimizer.zero_grad();
        let loss = criterion.forward(&model.forward(&x)?, &y)?;
        loss.backward()?;
        optimizer.step()?;
        if read { loss.item() } else { Ok(0.0) }
    })
}

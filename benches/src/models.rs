//! Whole training steps of small models: gradients to zero, forward, loss, backward, optimizer.

use crate::data::{between, bits, labels, standard};
use crate::measure::{measure, unsupported};
use crate::options::Options;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, MSELoss};
use nn::{Layer, Linear, Module, ReLU, Sequential, Sigmoid, Tanh, sequential};
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
        "W4a" | "W4b" => unsupported(options, "convolutions are not built yet"),
        _ => return Ok(false),
    }
    Ok(true)
}

/// The model with the parameters that every library's program has: seeds 100, 101, …, evenly in ±1/√fan_in.
fn drawn(model: Sequential) -> Result<Sequential> {
    let mut fan_in = 1;
    for (i, parameter) in model.parameters().iter().enumerate() {
        let shape = parameter.shape();
        if let [_, columns @ ..] = shape.as_slice()
            && !columns.is_empty()
        {
            fan_in = columns.iter().product(); // a bias is drawn as its weight
        }
        let bound = (fan_in as f64).powf(-0.5) as f32;
        let values = between(100 + i as u64, parameter.numel(), -bound, bound);
        parameter.set(&Tensor::from_vec(values, shape)?)?;
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

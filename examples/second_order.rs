//! Second derivatives: logistic regression by Newton's method, the Hessian taken by `hessian`, beside gradient descent.
//!
//! | binary, by second derivatives | logistic regression | BCEWithLogitsLoss | breast cancer | accuracy 1.000 | 1 s |
//!
//! `cargo run --release --example second_order -- --steps 8 --seed 0`

use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (steps, seed) = options()?;
    let cancer = load_breast_cancer()?;
    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((cancer.data.clone(), cancer.target.clone()), 0.25, &cancer.target)?;
    let scaler = StandardScaler::fit(&x_train)?;
    // Newton's method doubles the right digits with each step: float64 has more of them to show.
    let (x_train, x_test) =
        (with_ones(&scaler.transform(&x_train)?)?, with_ones(&scaler.transform(&x_test)?)?);
    let y_train = y_train.to(DType::F64);
    println!("{} tumours to learn from, {} weights", x_train.size(0)?, x_train.size(1)?);

    // Cross-entropy, and a little of the squared weights so that there is a minimum.
    let criterion = BCEWithLogitsLoss::new();
    let objective = |w: &Tensor| -> Result<Tensor> {
        criterion.forward(&x_train.mv(w)?, &y_train)?.add(&w.square().sum().mul(0.01)?)
    };

    // Newton: w − H⁻¹ g, where the Hessian H is the derivative of the gradient g.
    let mut w = zeros(x_train.size(1)?)?.to(DType::F64);
    let (mut newton, mut norms) = (vec![objective(&w)?.item()?], Vec::new());
    for step in 1..=steps {
        let variable = w.clone().requires_grad();
        let g = &grad(&objective(&variable)?, &[&variable])?[0].detach();
        let h = &hessian(|x| objective(&x[0]), &[w.clone()])?[0][0];
        w = w.sub(&h.inverse()?.mv(g)?)?;
        newton.push(objective(&w)?.item()?);
        norms.push(g.norm().item()?);
        println!("Newton, step {step}  loss {:.12}  |gradient| {:.1e}", newton[step], norms[step - 1]);
    }

    // Gradient descent on the same objective, with a rate near the largest that does not diverge.
    let descent_steps = 25 * steps;
    let weights = Parameter::new(&zeros(x_train.size(1)?)?.to(DType::F64));
    let mut optimizer = SGD::new([weights.clone()], 0.5);
    let mut descent = vec![newton[0]];
    for step in 1..=descent_steps {
        let loss = objective(&weights.tensor())?;
        optimizer.zero_grad();
        loss.backward()?;
        optimizer.step()?;
        descent.push(no_grad(|| objective(&weights.tensor())?.item())?);
        if step % 50 == 0 {
            println!("gradient descent, step {step}  loss {:.12}", descent[step]);
        }
    }

    // How far each step still is from the minimum.
    let minimum = newton.iter().chain(&descent).fold(f64::INFINITY, |low, loss| low.min(*loss));
    let rest = |losses: &[f64]| losses.iter().map(|loss| loss - minimum).collect::<Vec<f64>>();
    let numbers = |n: usize| (0..n).map(|step| step as f64).collect::<Vec<f64>>();
    Chart::new("second_order: above the minimum")
        .x_label("step")
        .y_label("loss − minimum")
        .log_y()
        .line_xy("Newton's method", &numbers(newton.len()), &rest(&newton))
        .line_xy("gradient descent", &numbers(descent.len()), &rest(&descent))
        .save("second_order.svg")?;
    println!("both ways down: second_order.svg");

    let right = x_test.mv(&w)?.gt(0.0)?.eq(&y_test.to(DType::Bool))?;
    let accuracy = right.to(DType::F64).mean().item()?;
    let benign = y_test.to(DType::F64).mean().item()?;
    println!("baseline loss after {descent_steps} steps of gradient descent: {:.6}", descent[descent_steps]);
    println!("loss after {steps} steps of Newton: {:.6}", newton[steps]);
    println!("baseline accuracy: {:.4}", benign.max(1.0 - benign));
    println!("test accuracy: {accuracy:.4}");
    Ok(())
}

/// A column of ones beside the features, whose weight is the bias.
fn with_ones(x: &Tensor) -> Result<Tensor> {
    hstack(&[x, &ones([x.size(0)?, 1])?]).map(|x| x.to(DType::F64))
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut steps, mut seed) = (8, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("steps") => steps = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((steps, seed))
}

//! Outliers: the same line fitted with `MSELoss` and with `HuberLoss`, both in one picture.
//!
//! | regression with outliers | line | MSELoss, HuberLoss | made points | slope error 0.25 (MSELoss 20.58) | 1 s |
//!
//! `cargo run --release --example robust_regression -- --epochs 300 --seed 0`

use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;
    manual_seed(seed);
    // 80 points of a line under noise, a tenth of them far off.
    let set = make_regression(80).n_features(1).n_informative(1).noise(5.0).outliers(0.1).generate()?;
    let (x, y) = (set.x, set.y.unsqueeze(1)?);
    let slope = set.coef.item()?;

    let squared = fit(&MSELoss::new(), &x, &y, epochs, seed)?;
    let huber = fit(&HuberLoss::new().delta(5.0), &x, &y, epochs, seed)?;
    println!("slope of the line {slope:.2}; by MSELoss {:.2}, by HuberLoss {:.2}", squared[0], huber[0]);

    let (xs, ys) = (x.to(DType::F64).to_vec::<f64>()?, y.to(DType::F64).to_vec::<f64>()?);
    let (low, high) = xs.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let line = |[w, b]: [f64; 2]| [w * low + b, w * high + b];
    Chart::new("robust_regression")
        .x_label("x")
        .y_label("y")
        .points("data", &xs, &ys)
        .line_xy("MSELoss", &[low, high], &line(squared))
        .line_xy("HuberLoss", &[low, high], &line(huber))
        .line_xy("the line behind the data", &[low, high], &line([slope, 0.0]))
        .save("robust_regression.svg")?;
    println!("both lines: robust_regression.svg");
    println!("baseline slope error (MSELoss): {:.4}", (squared[0] - slope).abs());
    println!("test slope error (HuberLoss): {:.4}", (huber[0] - slope).abs());
    Ok(())
}

/// Slope and intercept of the line that has the smallest loss.
fn fit(criterion: &dyn Criterion, x: &Tensor, y: &Tensor, epochs: usize, seed: u64) -> Result<[f64; 2]> {
    manual_seed(seed);
    let model = Linear::new(1, 1);
    let mut optimizer = Adam::new(model.parameters(), 0.5);
    for _ in 0..epochs {
        let loss = criterion.forward(&model.forward(x)?, y)?;
        optimizer.zero_grad();
        loss.backward()?;
        optimizer.step()?;
    }
    let [w, b] = [0, 1].map(|i| model.parameters()[i].tensor().item());
    Ok([w?, b?])
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (600, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => {}
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

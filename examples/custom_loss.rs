//! Losses of your own: one by its value and slopes, one in tensor operations, both checked and both trained with.
//!
//! | a loss of your own | MLP | MSELoss and two of its own | diabetes | Linex 0.265 (MSELoss 0.307) | 1 s |
//!
//! `cargo run --release --example custom_loss -- --epochs 60 --seed 0`

use baekmi::plot::Chart;
use baekmi::prelude::*;
// `tensor::Real` is named where it bounds a type, not imported: its methods have the names of the tensor's.
use baekmi::tensor::{self, gradcheck, gradgradcheck};

/// `eᵈ − d − 1` with `d = t − x`: who predicts too little pays more than who predicts too much. A formula of each element
/// is its value and its slopes; the vectorised loops, the graph and the reductions come from these lines.
#[derive(Clone, Copy)]
struct Linex;

impl Pointwise<2> for Linex {
    const NAME: &'static str = "Linex";
    #[inline(always)]
    fn value<R: tensor::Real>(self, [x, t]: [R; 2]) -> R {
        let d = t - x;
        d.clone().exp_m1() - d
    }
    #[inline(always)]
    fn slopes<R: tensor::Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let slope = (t - x).exp_m1();
        [-slope.clone(), slope]
    }
}

fn linex(x: &Tensor, t: &Tensor) -> Result<Tensor> {
    pointwise(Linex, [x, t], Reduction::Mean)
}

/// `1 − 2·cov(x, t) / (var x + var t + (mean x − mean t)²)`: one minus Lin's concordance (Biometrics 45, 1989). It looks
/// at a batch as a whole, so it is no formula of each element: written in tensor operations, it has its gradient.
fn concordance(x: &Tensor, t: &Tensor) -> Result<Tensor> {
    let (mean_x, mean_t) = (x.mean(), t.mean());
    let (x, t) = (x.sub(&mean_x)?, t.sub(&mean_t)?);
    let apart = x.square().mean().add(&t.square().mean())?.add(&mean_x.sub(&mean_t)?.square())?;
    Ok(1.0 - x.mul(&t)?.mean().mul(2.0)?.div(&apart)?)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epochs, seed) = options()?;

    // Slopes are easily written wrong. These compare them, and their slopes, with differences.
    let (x, t) = (tensor([0.3, -1.2, 2.0]).to(DType::F64), tensor([0.5, 0.1, -0.7]).to(DType::F64));
    for loss in [linex, concordance] {
        gradcheck(|x| loss(&x[0], &x[1]), &[x.clone(), t.clone()])?;
        gradgradcheck(|x| loss(&x[0], &x[1]), &[x.clone(), t.clone()])?;
    }
    println!("{}", linex(&x.clone().requires_grad(), &t)?);
    println!("gradients of both losses: right, and those of the gradients as well");

    // How far has diabetes gone after a year? Overlooking a bad course is worse than a check too many.
    let set = load_diabetes()?;
    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split((set.data.clone(), set.target.unsqueeze(1)?), 0.25)?;
    let (features, targets) = (StandardScaler::fit(&x_train)?, StandardScaler::fit(&y_train)?);
    let train = TensorDataset::new((features.transform(&x_train)?, targets.transform(&y_train)?))?;
    let (x_test, y_test) = (features.transform(&x_test)?, targets.transform(&y_test)?);

    println!("\ntrained with    Linex  concordance  predicted too little   (on the test part)");
    let mse: Loss = |x, t| MSELoss::new().forward(x, t);
    let losses = [("MSELoss", mse), ("Linex", linex), ("concordance", concordance)];
    let (mut costs, mut curves) = (Vec::new(), Vec::new());
    for (name, loss) in losses {
        let model = fit(loss, &train, epochs, seed)?;
        let guess = no_grad(|| model.forward(&x_test))?;
        let too_little = guess.lt(&y_test)?.to(DType::F32).mean().item()?;
        costs.push(linex(&guess, &y_test)?.item()?);
        let other = concordance(&guess, &y_test)?.item()?;
        println!("{name:12} {:>8.4}  {other:>11.4}  {too_little:>20.2}", costs[costs.len() - 1]);
        // All predictions from the smallest to the largest: how each loss shifts and spreads them.
        curves.push((name, guess.flatten(0, -1)?.sort(0, false)?.0.to(DType::F64).to_vec::<f64>()?));
    }

    let mut chart = Chart::new("custom_loss: predictions for the test part, in order")
        .x_label("rank")
        .y_label("predicted course, in standard deviations");
    for (name, values) in &curves {
        chart = chart.line(format!("trained with {name}"), values);
    }
    chart.save("custom_loss.svg")?;
    println!("\npredictions: custom_loss.svg");
    println!("baseline Linex: {:.4} (trained with MSELoss)", costs[0]);
    println!("test Linex: {:.4} (trained with itself)", costs[1]);
    Ok(())
}

type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;

fn fit(loss: Loss, train: &TensorDataset, epochs: usize, seed: u64) -> Result<Sequential> {
    manual_seed(seed);
    let model = sequential![Linear::new(10, 16), Tanh, Linear::new(16, 1)];
    let mut optimizer = AdamW::new(model.parameters(), 0.01).weight_decay(0.1);
    let loader = DataLoader::new(train).batch_size(32)?.shuffle(true);
    for _ in 0..epochs {
        for (x, y) in &loader {
            let loss = loss(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
        }
    }
    Ok(model)
}

fn options() -> Result<(usize, u64), Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let (mut epochs, mut seed) = (40, 0);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => epochs = arguments.value()?.parse()?,
            Long("seed") => seed = arguments.value()?.parse()?,
            Long("quick") => epochs = 20,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((epochs, seed))
}

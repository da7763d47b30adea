//! A variational autoencoder puts handwritten digits on a plane: 8×8 pixels become two numbers and pixels again, trained
//! by `VaeLoss` on noisy numbers, so that every place of the plane is a digit.
//!
//! `cargo run --release --example vae_digits -- --epochs 300 --latent 2 --beta 1 --seed 0`
//! Pictures: digits above their reconstructions, samples, the plane, and where the test digits lie in it.
//!
//! | image generation | VAE, two latent numbers | VaeLoss | digits | ELBO −23.98 (ten mean digits −24.23) | 5 s |

use baekmi::plot::Chart;
use baekmi::prelude::*;
use baekmi::vision::{make_grid, save_image};

/// An encoder into the means and the logarithms of the variances of a normal distribution for each picture, and a decoder
/// from a place to the logits of the pixels.
#[derive(Module)]
struct Vae {
    encoder: Sequential,
    mu: Linear,
    log_var: Linear,
    decoder: Sequential,
}

impl Vae {
    fn new(latent: usize) -> Self {
        Vae {
            encoder: sequential![
                Dropout::new().p(0.1),
                Linear::new(64, 256),
                SiLU,
                Linear::new(256, 128),
                SiLU
            ],
            mu: Linear::new(128, latent),
            log_var: Linear::new(128, latent),
            decoder: sequential![
                Linear::new(latent, 128),
                SiLU,
                Linear::new(128, 256),
                SiLU,
                Dropout::new().p(0.1),
                Linear::new(256, 64),
            ],
        }
    }

    fn encode(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let hidden = self.encoder.forward(x)?;
        Ok((self.mu.forward(&hidden)?, self.log_var.forward(&hidden)?))
    }

    /// The logits of the reconstruction, and the distribution of the place that it was made from.
    fn forward(&self, x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
        let (mu, log_var) = self.encode(x)?;
        // The noise comes from outside, so that a gradient flows through mean and variance: the reparametrisation.
        let place = mu.add(&log_var.mul(0.5)?.exp().mul(&mu.randn_like()?)?)?;
        Ok((self.decoder.forward(&place)?, mu, log_var))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Options { epochs, latent, beta, seed, draws } = options()?;
    let set = load_digits()?;
    // Grey from 0 to 1, as rows: (N, 64). `Reconstruction::Bce` reads it as the probability that a pixel is white.
    let images = set.data.div(16.0)?;
    manual_seed(seed);
    let ((x_train, y_train), (x_test, y_test)) =
        train_test_split_stratified((images, set.target.clone()), 0.3, &set.target)?;
    println!("digits: {} pictures to train with, {} to test", y_train.numel(), y_test.numel());

    let model = Vae::new(latent);
    println!("\n{model}\n");
    let criterion = VaeLoss::new(Reconstruction::Bce).beta(beta);
    let mut optimizer = Adam::new(model.parameters(), 0.002);
    let mut scheduler = CosineAnnealingLR::new(&optimizer, epochs);
    let train = TensorDataset::new(x_train.clone())?;
    let loader = DataLoader::new(&train).batch_size(64)?.shuffle(true);
    let (mut train_elbo, mut test_elbo, mut divergences) = (Vec::new(), Vec::new(), Vec::new());
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    for epoch in 1..=epochs {
        model.train();
        let mut total = 0.0;
        for x in &loader {
            let (recovered, mu, log_var) = model.forward(&x)?;
            let parts = criterion.forward(&recovered, &x, &mu, &log_var)?;
            optimizer.zero_grad();
            parts.loss.backward()?;
            optimizer.step()?;
            total += (parts.reconstruction.item()? + parts.divergence.item()?) * x.size(0)? as f64;
            bar.inc(1);
        }
        scheduler.step();
        model.eval();
        let (elbo, divergence) = no_grad(|| evidence(&model, &x_test, 4))?;
        train_elbo.push(-total / train.len() as f64);
        test_elbo.push(elbo);
        divergences.push(divergence);
        if epoch == 1 || epoch % (epochs / 10).max(1) == 0 {
            let line =
                format!("epoch {epoch:3}  ELBO {:.3}  on the test part {elbo:.3}", train_elbo[epoch - 1]);
            bar.suspend(|| println!("{line}, of which the places take {divergence:.3}"));
        }
    }
    bar.finish_and_clear();

    model.eval();
    no_grad(|| pictures(&model, latent, &x_test, &y_test))?;
    Chart::new("vae_digits")
        .x_label("epoch")
        .y_label("nats")
        .line("ELBO, training", &train_elbo)
        .line("ELBO, test", &test_elbo)
        .line("− divergence, test", &divergences.iter().map(|d| -d).collect::<Vec<_>>())
        .save("vae_digits.svg")?;
    println!("\nlearning curve: vae_digits.svg");

    // What is known without a latent place: each pixel is white as often as in the training part.
    let pixels = no_grad(|| likelihood(&x_test, &x_train.mean_dim(0, true)?)?.mean().item())?;
    // One of ten places: the mean picture of the digit that fits best, which takes ln 10 to say.
    let of = |digit: i64| -> Result<Tensor> {
        let mean =
            x_train.index_select(0, &y_train.eq(digit)?.nonzero().squeeze_dim(1)?)?.mean_dim(0, true)?;
        likelihood(&x_test, &mean)
    };
    let each = (0..10).map(of).collect::<Result<Vec<_>>>()?;
    let best = stack(&each.iter().collect::<Vec<_>>(), 1)?.max_dim(1, false)?.0;
    let digits = best.mean().item()? - 10f64.ln();
    let (elbo, _) = no_grad(|| evidence(&model, &x_test, draws))?;
    println!("baseline ELBO of ten mean digits: {digits:.3}");
    println!("baseline ELBO of independent pixels: {pixels:.3}");
    println!("test ELBO: {elbo:.3}");
    Ok(())
}

/// The evidence lower bound of pictures `(N, 64)` and the divergence in it, in nats, means over pictures and draws.
fn evidence(model: &Vae, x: &Tensor, draws: usize) -> Result<(f64, f64)> {
    let criterion = VaeLoss::new(Reconstruction::Bce);
    let (mut elbo, mut divergence) = (0.0, 0.0);
    for _ in 0..draws {
        let (recovered, mu, log_var) = model.forward(x)?;
        let parts = criterion.forward(&recovered, x, &mu, &log_var)?;
        elbo -= parts.loss.item()? / draws as f64;
        divergence += parts.divergence.item()? / draws as f64;
    }
    Ok((elbo, divergence))
}

/// The logarithm of the likelihood of each picture `(N, 64)`, where pixels are white with probabilities `(1, 64)`.
fn likelihood(x: &Tensor, p: &Tensor) -> Result<Tensor> {
    // A pixel that was never white may be so in a new picture.
    let p = p.clamp(1e-3, 1.0 - 1e-3)?.expand([x.size(0)? as i64, 64])?;
    BCELoss::new().reduction(Reduction::None).forward(&p, x)?.sum_dim(1, false).map(|loss| loss.neg())
}

fn pictures(model: &Vae, latent: usize, x_test: &Tensor, y_test: &Tensor) -> Result<()> {
    // Twelve digits in a row, below them what the decoder makes of their places.
    let shown = x_test.narrow(0, 0, 48)?;
    let (mu, log_var) = model.encode(&shown)?;
    let recovered = model.decoder.forward(&mu)?.sigmoid();
    let rows = |x: &Tensor| x.reshape([4, 12, 64]);
    let both = stack(&[&rows(&shown)?, &rows(&recovered)?], 1)?.reshape([96, 64])?;
    save(&both, 12, "vae_digits_reconstructions.png")?;
    println!("\nplaces of the first test digits, and how far they blur:");
    for i in 0..4 {
        let place = |x: &Tensor| -> Result<String> {
            Ok(x.select(0, i)?
                .to_vec::<f32>()?
                .iter()
                .map(|v| format!("{v:6.2}"))
                .collect::<Vec<_>>()
                .join(" "))
        };
        let digit = y_test.select(0, i)?.item()?;
        println!("{digit}: {} ± {}", place(&mu)?, place(&log_var.mul(0.5)?.exp())?);
    }
    save(&model.decoder.forward(&randn([100, latent])?)?.sigmoid(), 10, "vae_digits_samples.png")?;
    println!(
        "digits above their reconstructions: vae_digits_reconstructions.png, samples: vae_digits_samples.png"
    );
    if latent != 2 {
        return Ok(());
    }

    // The plane, in steps of equal probability: 20 × 20 places, at the middles of their parts of the normal distribution.
    let middles = linspace(0.025, 0.975, 20)?.mul(2.0)?.sub(1.0)?.erfinv().mul(2f64.sqrt())?;
    let across = middles.expand([20, 20])?;
    // Upwards, as in the chart.
    let up = middles.neg().reshape([20, 1])?.expand([20, 20])?;
    let plane = model.decoder.forward(&stack(&[&across, &up], 2)?.reshape([400, 2])?)?.sigmoid();
    save(&plane, 20, "vae_digits_plane.png")?;

    let mut chart = Chart::new("where the test digits lie").x_label("first number").y_label("second number");
    let places = model.encode(x_test)?.0;
    for digit in 0..10 {
        let of_digit = places.index_select(0, &y_test.eq(digit)?.nonzero().squeeze_dim(1)?)?;
        let axis = |i: isize| -> Result<Vec<f64>> { of_digit.select(1, i)?.to(DType::F64).to_vec() };
        chart = chart.points(digit.to_string(), &axis(0)?, &axis(1)?);
    }
    chart.save("vae_digits_places.svg")?;
    println!("the plane: vae_digits_plane.png, where the test digits lie in it: vae_digits_places.svg");
    Ok(())
}

/// Rows of 64 grey values as one picture, each pixel four wide.
fn save(rows: &Tensor, columns: usize, path: &str) -> Result<()> {
    let large = rows.reshape([-1, 1, 8, 8])?.interpolate(&Interpolate::scale_factor(4))?;
    save_image(&make_grid(&large, columns, 2)?, path)
}

struct Options {
    epochs: usize,
    /// Numbers for each digit.
    latent: usize,
    beta: f64,
    seed: u64,
    /// Places drawn for each test digit when the bound is measured.
    draws: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 300, latent: 2, beta: 1.0, seed: 0, draws: 100 };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("latent") => options.latent = arguments.value()?.parse()?,
            Long("beta") => options.beta = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => (options.epochs, options.draws) = (5, 2),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

//! Clothes out of random numbers: a generator and a critic in the manner of DCGAN play against each other over pictures of
//! 28×28 pixels, by one of the games of `GanLoss`; both are told the class. A classifier judges what comes out.
//!
//! `cargo run --release --example gan_fashion -- --loss hinge --epochs 24 --seed 0`
//! `--loss hinge` bounds the critic by `spectral_norm`, `wgan-gp` by `gradient_penalty`; `bce` and `lsgan` do not.
//! Pictures: samples, and how they came about epoch by epoch.
//!
//! | image generation | GAN, DCGAN | GanLoss | Fashion-MNIST, a part | samples over 0.9 sure 0.436 (baseline 0.031) | 63 s |

use baekmi::plot::Chart;
use baekmi::prelude::*;
use baekmi::vision::{make_grid, save_image};

/// How many numbers a picture is made of.
const LATENT: usize = 64;

/// From `(N, LATENT)` beside a class as ten numbers, [`seed_of`], to pictures `(N, 1, 28, 28)` from −1 to 1.
fn generator(channels: usize) -> Sequential {
    let c = channels;
    sequential![
        Linear::new(LATENT + 10, 2 * c * 7 * 7).bias(false),
        Unflatten::new(1, [2 * c, 7, 7]),
        BatchNorm2d::new(2 * c),
        ReLU,
        ConvTranspose2d::new(2 * c, c, 4).stride(2).padding(1).bias(false),
        BatchNorm2d::new(c),
        ReLU,
        ConvTranspose2d::new(c, 1, 4).stride(2).padding(1),
        Tanh,
    ]
}

/// From pictures beside ten maps of their class, [`labelled`], to one number each, `(N, 1)`. No batch norm: a penalty on the slope at each picture needs a critic that
/// sees each alone.
fn critic(channels: usize, spectral: bool) -> Result<Sequential> {
    let c = channels;
    let first = Conv2d::new(11, c, 4).stride(2).padding(1);
    let second = Conv2d::new(c, 2 * c, 4).stride(2).padding(1);
    let last = Linear::new(2 * c * 7 * 7, 1);
    let slope = || LeakyReLU::new().negative_slope(0.2);
    Ok(match spectral {
        true => sequential![
            spectral_norm(first)?,
            slope(),
            spectral_norm(second)?,
            slope(),
            Flatten::new(),
            spectral_norm(last)?
        ],
        false => sequential![first, slope(), second, slope(), Flatten::new(), last],
    })
}

/// Random numbers `(N, LATENT)` beside a one for the class of each, `(N, 10)`.
fn seed_of(classes: &Tensor) -> Result<Tensor> {
    cat(&[&randn([classes.numel(), LATENT])?, &classes.one_hot(10)?.to(DType::F32)], 1)
}

/// Pictures with ten more channels, of which that of the class is white.
fn labelled(pictures: &Tensor, classes: &Tensor) -> Result<Tensor> {
    let maps = classes.one_hot(10)?.to(DType::F32).reshape([-1, 10, 1, 1])?;
    cat(&[pictures, &maps.expand([pictures.size(0)?, 10, 28, 28])?], 1)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    let Options { game, epochs, channels, seed, .. } = options;
    let (train, test) = load_fashion_mnist()?;
    let names = train.target_names.clone();
    // Grey from −1 to 1: (N, 1, 28, 28).
    let picture = |set: &Tensor| set.div(127.5)?.sub(1.0)?.reshape([-1, 1, 28, 28]);
    let shown = options.pictures.min(train.data.size(0)?);
    let (x, y) = (picture(&train.data)?.narrow(0, 0, shown)?, train.target.narrow(0, 0, shown)?);
    let x_test = picture(&test.data)?.narrow(0, 0, shown.min(test.data.size(0)?))?;
    let y_test = test.target.narrow(0, 0, x_test.size(0)?)?;
    manual_seed(seed);
    println!("Fashion-MNIST: {shown} pictures to train with, {} to test", y_test.numel());
    let (classifier, accuracy) =
        classifier((x.clone(), y.clone()), (&x_test, &y_test), options.judge_epochs)?;

    let generator = generator(channels);
    let critic = critic(channels, game == GanLoss::Hinge)?;
    println!("\ngenerator: {generator}\n\ncritic: {critic}\n");
    // Without momentum the critic follows a generator that has moved. Source of the numbers: Radford et al. 2016 and
    // Gulrajani et al. 2017; a faster critic, Heusel et al. 2017.
    let penalised = game == GanLoss::Wasserstein;
    let (beta1, critic_steps) = if penalised { (0.0, 3) } else { (0.5, 1) };
    let adam = |model: &Sequential, lr: f64| Adam::new(model.parameters(), lr).betas(beta1, 0.99);
    let mut generator_optimizer = adam(&generator, 0.0004);
    // A critic whose slope is held below 1 in each layer learns slowly.
    let mut critic_optimizer = adam(&critic, if game == GanLoss::Hinge { 0.0016 } else { 0.0004 });
    let rows = epochs.min(10);
    let always = seed_of(&arange(0, 12, 1)?.remainder(10)?)?;
    let mut history = Vec::new();

    let dataset = TensorDataset::new((x.clone(), y))?;
    let loader = DataLoader::new(&dataset).batch_size(32)?.shuffle(true).drop_last(true);
    let (mut critic_losses, mut generator_losses) = (Vec::new(), Vec::new());
    let bar = indicatif::ProgressBar::new((epochs * loader.len()) as u64);
    for epoch in 1..=epochs {
        generator.train();
        let (mut critic_total, mut generator_total, mut turns) = (0.0, 0.0, 0);
        for (step, (real, y)) in loader.iter().enumerate() {
            // The critic learns to tell real from generated pictures …
            let fake = no_grad(|| generator.forward(&seed_of(&y)?))?;
            let mut loss = game
                .critic(&critic.forward(&labelled(&real, &y)?)?, &critic.forward(&labelled(&fake, &y)?)?)?;
            critic_total += loss.item()?;
            if penalised {
                loss = loss.add(
                    &gradient_penalty(|x| critic.forward(&labelled(x, &y)?), &real, &fake)?.mul(10.0)?,
                )?;
            }
            critic_optimizer.zero_grad();
            loss.backward()?;
            critic_optimizer.step()?;

            // … and the generator to be taken for real.
            if step % critic_steps == critic_steps - 1 {
                let fake = generator.forward(&seed_of(&y)?)?;
                let loss = game.generator(&critic.forward(&labelled(&fake, &y)?)?)?;
                generator_optimizer.zero_grad();
                loss.backward()?;
                generator_optimizer.step()?;
                generator_total += loss.item()?;
                turns += 1;
            }
            bar.inc(1);
        }
        critic_losses.push(critic_total / loader.len() as f64);
        generator_losses.push(generator_total / f64::from(turns.max(1)));
        generator.eval();
        if epoch % epochs.div_ceil(rows) == 0 || epoch == epochs {
            history.push(no_grad(|| generator.forward(&always))?);
        }
        let sure = no_grad(|| {
            judge(&classifier, &generator.forward(&seed_of(&arange(0, 250, 1)?.remainder(10)?)?)?)
        })?
        .share;
        let (critic, generator) = (critic_losses[epoch - 1], generator_losses[epoch - 1]);
        bar.suspend(|| {
            println!("epoch {epoch:2}  critic {critic:7.4}  generator {generator:7.4}  sure of {sure:.3}");
        });
    }
    bar.finish_and_clear();
    Chart::new("gan_fashion")
        .x_label("epoch")
        .y_label("loss")
        .line("critic", &critic_losses)
        .line("generator", &generator_losses)
        .save("gan_fashion.svg")?;

    let samples =
        no_grad(|| generator.forward(&seed_of(&arange(0, options.samples as i64, 1)?.remainder(10)?)?))?;
    save(&samples.narrow(0, 0, options.samples.min(100))?, 10, "gan_fashion_samples.png")?;
    save(&cat(&history.iter().collect::<Vec<_>>(), 0)?, 12, "gan_fashion_epochs.png")?;
    println!("\nlearning curve: gan_fashion.svg, samples: gan_fashion_samples.png,");
    println!(
        "the same random numbers after each of {} epochs, downwards: gan_fashion_epochs.png",
        history.len()
    );

    // A normal distribution with the mean and the covariance of the training part, for comparison: random sums of its
    // pictures.
    let mean = x.mean_dim(0, true)?;
    let centred = x.sub(&mean)?.flatten(1, -1)?;
    let mixed = randn([options.samples, shown])?.matmul(&centred)?.div((shown as f64).sqrt())?;
    let normal = mixed.reshape([-1, 1, 28, 28])?.add(&mean)?.clamp(-1.0, 1.0)?;
    save(&normal.narrow(0, 0, options.samples.min(100))?, 10, "gan_fashion_baseline.png")?;

    println!("\nthe classifier is right for {accuracy:.4} of the test pictures; what it says of");
    println!("{:20} over 0.9 sure  inception score  samples of each class that it is sure of", "");
    let mut shares = Vec::new();
    for (name, pictures) in
        [("test pictures", &x_test), ("normal distribution", &normal), ("generator", &samples)]
    {
        let verdict = no_grad(|| judge(&classifier, pictures))?;
        println!("{name:20} {:13.4} {:16.3}  {:?}", verdict.share, verdict.score, verdict.classes);
        shares.push(verdict.share);
        if name == "generator" {
            let missing: Vec<&str> =
                (0..10).filter(|&c| verdict.classes[c] == 0).map(|c| names[c].as_str()).collect();
            println!(
                "classes without a sample: {}",
                if missing.is_empty() { "none".into() } else { missing.join(", ") }
            );
        }
    }
    println!("baseline share of samples that the classifier is sure of: {:.4}", shares[1]);
    println!("test share of samples that the classifier is sure of: {:.4}", shares[2]);
    Ok(())
}

/// A network that sorts clothes, and the share of the test part for which it is right.
fn classifier(train: (Tensor, Tensor), test: (&Tensor, &Tensor), epochs: usize) -> Result<(Sequential, f64)> {
    let model = sequential![
        Conv2d::new(1, 16, 3).padding(1),
        BatchNorm2d::new(16),
        ReLU,
        MaxPool2d::new(2),
        Conv2d::new(16, 32, 3).padding(1),
        BatchNorm2d::new(32),
        ReLU,
        MaxPool2d::new(2),
        Flatten::new(),
        Dropout::new().p(0.3),
        Linear::new(32 * 7 * 7, 128),
        ReLU,
        Linear::new(128, 10),
    ];
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    let mut scheduler = CosineAnnealingLR::new(&optimizer, epochs);
    let loader = DataLoader::new(TensorDataset::new(train)?).batch_size(64)?.shuffle(true);
    for _ in 0..epochs {
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            loss.backward()?;
            optimizer.step()?;
        }
        scheduler.step();
    }
    model.eval();
    let right = no_grad(|| model.forward(test.0))?.argmax(1, false)?.eq(test.1)?;
    let accuracy = right.to(DType::F64).mean().item()?;
    Ok((model, accuracy))
}

struct Verdict {
    /// Of how many pictures the classifier is sure by more than 0.9.
    share: f64,
    /// How many of these are in each class.
    classes: Vec<i64>,
    /// exp of the mean divergence of what is said of a picture from what is said of all: 1 if all are alike, 10 at best.
    score: f64,
}

fn judge(classifier: &Sequential, pictures: &Tensor) -> Result<Verdict> {
    let log_p = classifier.forward(pictures)?.log_softmax(1)?;
    let p = log_p.exp();
    let (most, class) = p.max_dim(1, false)?;
    let sure = most.gt(0.9)?;
    let found = class.masked_select(&sure)?.to_vec::<i64>()?;
    let divergence = p.mul(&log_p.sub(&p.mean_dim(0, true)?.log())?)?.sum_dim(1, false)?;
    Ok(Verdict {
        share: sure.to(DType::F64).mean().item()?,
        classes: (0..10).map(|class| found.iter().filter(|&&c| c == class).count() as i64).collect(),
        score: divergence.mean().item()?.exp(),
    })
}

/// Pictures from −1 to 1 in a grid, each pixel two wide.
fn save(pictures: &Tensor, columns: usize, path: &str) -> Result<()> {
    let grey = pictures.add(1.0)?.mul(0.5)?;
    save_image(&make_grid(&grey.interpolate(&Interpolate::scale_factor(2))?, columns, 2)?, path)
}

struct Options {
    game: GanLoss,
    epochs: usize,
    channels: usize,
    /// With how many pictures of the training part.
    pictures: usize,
    samples: usize,
    judge_epochs: usize,
    seed: u64,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options {
        game: GanLoss::Hinge,
        epochs: 24,
        channels: 32,
        pictures: usize::MAX,
        samples: 1000,
        judge_epochs: 6,
        seed: 0,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("loss") => {
                options.game = match arguments.value()?.string()?.as_str() {
                    "hinge" => GanLoss::Hinge,
                    "wgan-gp" => GanLoss::Wasserstein,
                    "lsgan" => GanLoss::LeastSquares,
                    "bce" => GanLoss::Bce,
                    other => {
                        return Err(format!("--loss is wgan-gp, hinge, lsgan or bce, found {other}").into());
                    }
                }
            }
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("quick") => {
                let small = Options {
                    epochs: 1,
                    channels: 4,
                    pictures: 128,
                    samples: 16,
                    judge_epochs: 1,
                    ..options
                };
                options = small;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

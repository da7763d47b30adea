//! Several processes, on one machine or on many, train one classifier: the usual loop, with a world around it, a part of each
//! batch for each rank, and gradients that are averaged over the ranks. 5,000 pictures of Fashion-MNIST, `CrossEntropyLoss`.
//!
//! | image classification | MLP | CrossEntropyLoss | Fashion-MNIST, a part; on several ranks | accuracy 0.854 | 2 s |
//!
//! Needs a system MPI (the README says which packages), and starts as many ranks as `mpirun` is told to:
//! `cargo build --release --features mpi --example distributed_classifier`
//! `mpirun -n 2 target/release/examples/distributed_classifier --epochs 10 --seed 0`
//!
//! After each epoch rank 0 writes a checkpoint, `distributed_classifier.safetensors`; `--resume` goes on from there.

use baekmi::data::metrics::accuracy_score;
use baekmi::distributed::{DataParallel, DistributedSampler, World};
use baekmi::plot::Chart;
use baekmi::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = options()?;
    // From here on there are several of us. An error of one ends all.
    World::run(|world| train(world, &options))
}

fn train(world: &World, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (train, test) = load_fashion_mnist()?;
    let pictures = |set: &Tensor| set.div(255.0)?.reshape([-1, 784]);
    let shown = options.pictures.min(train.data.size(0)?);
    let (x, y) = (pictures(&train.data)?.narrow(0, 0, shown)?, train.target.narrow(0, 0, shown)?);
    let train = TensorDataset::new((x, y))?;

    manual_seed(options.seed);
    let model = sequential![Linear::new(784, 256), ReLU, Linear::new(256, 128), ReLU, Linear::new(128, 10)];
    let criterion = CrossEntropyLoss::new();
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    if world.is_first() {
        println!(
            "Fashion-MNIST: {shown} pictures, {} ranks\n\n{}\n",
            world.size(),
            summary(&model, [64, 784])?
        );
    }

    // Each rank loads its part of each batch of 64, and begins with rank 0's weights.
    let sampler = DistributedSampler::new(world).seed(options.seed);
    let loader = DataLoader::new(&train).batch_size(64 / world.size())?.sampler(sampler.clone())?;
    let parallel = DataParallel::new(world, &model)?;

    let checkpoint = "distributed_classifier.safetensors";
    let mut losses = Vec::new();
    if options.resume {
        let dict = world.load(checkpoint)?;
        model.load_state_dict(&dict.nested("model")?)?;
        optimizer.load_state_dict(&dict.nested("optimizer")?)?;
        losses = dict.get("losses").map_or(Ok(Vec::new()), Tensor::to_vec::<f64>)?;
    }

    // Only rank 0's bar is seen.
    let bar =
        if world.is_first() { indicatif::ProgressBar::new(0) } else { indicatif::ProgressBar::hidden() };
    bar.set_length(((options.epochs - losses.len().min(options.epochs)) * loader.len()) as u64);
    for epoch in losses.len()..options.epochs {
        sampler.set_epoch(epoch as u64);
        let (mut total, mut seen) = (0.0, 0.0);
        for (x, y) in &loader {
            let loss = criterion.forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            let step = parallel.backward(&loss, x.size(0)?)?; // of all ranks
            optimizer.step()?;
            total += step.loss * step.samples;
            seen += step.samples;
            bar.inc(1);
        }
        losses.push(total / seen);
        if world.is_first() {
            bar.suspend(|| println!("epoch {:2}  loss {:.4}", epoch + 1, total / seen));
        }

        let mut dict = StateDict::new();
        dict.nest("model", model.state_dict());
        dict.nest("optimizer", optimizer.state_dict());
        dict.insert("losses", Tensor::from_vec(losses.clone(), losses.len())?);
        world.save(&dict, checkpoint)?;
    }
    bar.finish_and_clear();

    // Each rank sorts its part of the test pictures; what they count is summed.
    let mine = arange(world.rank() as i64, test.target.numel() as i64, world.size() as i64)?;
    let (x, y) = (pictures(&test.data)?.index_select(0, &mine)?, test.target.index_select(0, &mine)?);
    let guess = no_grad(|| model.forward(&x)?.argmax(1, false))?;
    let pictures = y.numel() as f64;
    let [right, pictures] = world.sum([accuracy_score(&y, &guess)? * pictures, pictures])?;

    if world.is_first() {
        Chart::new("distributed_classifier")
            .x_label("epoch")
            .y_label("cross-entropy")
            .line("training", &losses)
            .save("distributed_classifier.svg")?;
        println!("learning curve: distributed_classifier.svg, weights: {checkpoint}");
        println!("baseline accuracy: 0.1000");
        println!("test accuracy: {:.4}", right / pictures);
    }
    Ok(())
}

struct Options {
    epochs: usize,
    seed: u64,
    resume: bool,
    /// With how many pictures of the training part.
    pictures: usize,
}

fn options() -> Result<Options, Box<dyn std::error::Error>> {
    use lexopt::prelude::*;
    let mut options = Options { epochs: 10, seed: 0, resume: false, pictures: usize::MAX };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("epochs") => options.epochs = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("resume") => options.resume = true,
            Long("quick") => (options.epochs, options.pictures) = (1, 500),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

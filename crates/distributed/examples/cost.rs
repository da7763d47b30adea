//! What it costs to be several: the time of a sum over the ranks, and of a training step. `docs/scaling.md` shows the results.
//!
//! `cargo build --release -p baekmi-distributed --features mpi --example cost`
//! `mpirun -n 2 target/release/examples/cost all-reduce`, beside `MPI_Allreduce`
//! `mpirun -n 2 target/release/examples/cost step --threads 1`, beside one rank: `target/release/examples/cost step --threads 2`
//! `mpirun -n 2 target/release/examples/cost step --hidden 2048 --buckets`, the same for buckets of several sizes

use distributed::{DataParallel, World};
use loss::{Criterion, CrossEntropyLoss};
use mpi::collective::SystemOperation;
use mpi::topology::SimpleCommunicator;
use mpi::traits::CommunicatorCollectives;
use nn::{Layer, Linear, Module, ReLU, sequential};
use optim::{Adam, Optimizer};
use std::time::Instant;
use tensor::{Result, Tensor, manual_seed, randint, randn, set_num_threads};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: usize| {
        let at = arguments.iter().position(|a| a == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    World::run(|world| {
        set_num_threads(number("--threads", 1));
        if arguments.first().is_some_and(|a| a == "all-reduce") {
            return all_reduce(world);
        }
        let (batch, hidden) = (number("--batch", 512), number("--hidden", 256));
        let sizes = [1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 28];
        let sizes = if arguments.iter().any(|a| a == "--buckets") { &sizes[..] } else { &[1 << 20] };
        sizes.iter().try_for_each(|&bytes| step(world, batch, hidden, number("--steps", 300), bytes))
    })
}

/// The least and the middle of some times, in microseconds.
fn times(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0] * 1e6, times[times.len() / 2] * 1e6)
}

fn all_reduce(world: &World) -> Result<()> {
    let mpi = SimpleCommunicator::world();
    if world.is_first() {
        println!("     bytes   sum in order: least, median µs (MB/s)     MPI_Allreduce: least, median µs");
    }
    for exponent in [2, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24] {
        let len = (1 << exponent) / 4;
        let tensor = Tensor::from_vec(vec![1.0f32; len], len)?;
        let (send, mut recv) = (vec![1.0f32; len], vec![0.0f32; len]);
        let repeats = (40_000_000 / (4 * len + 40_000)).clamp(10, 400);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..repeats {
            world.barrier()?;
            let began = Instant::now();
            world.all_reduce(&tensor)?;
            ours.push(began.elapsed().as_secs_f64());
            world.barrier()?;
            let began = Instant::now();
            mpi.all_reduce_into(&send[..], &mut recv[..], SystemOperation::sum());
            theirs.push(began.elapsed().as_secs_f64());
        }
        if world.is_first() {
            let ((least, median), theirs) = (times(ours), times(theirs));
            let speed = 4.0 * len as f64 / least;
            println!(
                "{:10} {least:14.1} {median:10.1} ({speed:8.1}) {:18.1} {:10.1}",
                4 * len,
                theirs.0,
                theirs.1
            );
        }
    }
    Ok(())
}

/// An MLP 784-h-h/2-10 with Adam: whole steps, and those of a rank that does not talk, turn by turn.
fn step(world: &World, batch: usize, hidden: usize, steps: usize, bytes: usize) -> Result<()> {
    manual_seed(0);
    let own = batch / world.size();
    let (x, y) = (randn([own, 784])?, randint(0, 10, [own])?);
    let model = sequential![
        Linear::new(784, hidden),
        ReLU,
        Linear::new(hidden, hidden / 2),
        ReLU,
        Linear::new(hidden / 2, 10)
    ];
    let parallel = DataParallel::new(world, &model)?.bucket_bytes(bytes)?;
    let mut optimizer = Adam::new(model.parameters(), 1e-4);
    let (mut talking, mut silent) = (Vec::new(), Vec::new());
    for i in 0..steps + 10 {
        for talks in [true, false] {
            world.barrier()?;
            let began = Instant::now();
            let loss = CrossEntropyLoss::new().forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            if talks {
                parallel.backward(&loss, own)?;
            } else {
                loss.backward()?;
            }
            optimizer.step()?;
            let took = began.elapsed().as_secs_f64();
            if i >= 10 {
                if talks { &mut talking } else { &mut silent }.push(took);
            }
        }
    }
    if world.is_first() {
        let (talking, silent) = (times(talking), times(silent));
        println!(
            "ranks {} threads {} batch {batch} parameters {} bucket {bytes}: step least {:.0} median {:.0} µs, without \
             messages least {:.0} median {:.0} µs",
            world.size(),
            tensor::get_num_threads(),
            model.num_parameters(),
            talking.0,
            talking.1,
            silent.0,
            silent.1
        );
    }
    Ok(())
}

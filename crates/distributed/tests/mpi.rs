//! Several ranks, started as a user starts them: by `mpirun`. This program is both: without `--work` it starts itself under
//! `mpirun` and looks at what is printed and how the job ends; with it, it is one of the ranks.
//!
//! `MPIRUN` names another launcher, such as `mpirun.mpich`, for a build against another MPI.

use data::{DataLoader, TensorDataset, load_digits};
use distributed::{DataParallel, DistributedSampler, SyncBatchNorm, World};
use loss::{Criterion, CrossEntropyLoss};
use nn::{Conv2d, Flatten, Layer, Linear, MaxPool2d, Module, ReLU, Sequential, sequential};
use optim::{Adam, Optimizer, clip_grad_norm_};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use tensor::{DType, Error, Result, StateDict, Tensor, manual_seed, set_num_threads};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|a| a == "--work") {
        let work: Vec<&str> = arguments[at + 1..].iter().map(String::as_str).collect();
        return match World::run(|world| rank(world, &work)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    let asked = arguments.iter().find(|a| !a.starts_with('-'));
    let tests: [(&str, fn()); 6] = [
        ("losses_do_not_depend_on_the_number_of_ranks", losses_do_not_depend_on_the_number_of_ranks),
        ("sums_have_the_bits_of_the_order_of_ranks", sums_have_the_bits_of_the_order_of_ranks),
        ("an_error_of_one_rank_ends_the_job", an_error_of_one_rank_ends_the_job),
        ("ranks_that_disagree_get_an_error", ranks_that_disagree_get_an_error),
        (
            "a_killed_rank_ends_the_job_and_the_run_goes_on_later",
            a_killed_rank_ends_the_job_and_the_run_goes_on_later,
        ),
        ("an_early_end_is_an_error", an_early_end_is_an_error),
    ];
    for (name, test) in tests {
        if asked.is_none_or(|asked| name.contains(asked.as_str())) {
            let began = Instant::now();
            test();
            println!("test {name} ... ok ({:.1} s)", began.elapsed().as_secs_f64());
        }
    }
    ExitCode::SUCCESS
}

// What a rank does.

fn rank(world: &World, work: &[&str]) -> Result<()> {
    set_num_threads(1);
    match *work {
        ["losses", model, bucket] => losses(world, model, bucket),
        ["sums"] => sums(world),
        ["train", folder, pause] => train(world, Path::new(folder), pause.parse().unwrap_or(0)),
        ["fail", "error"] if world.rank() == 1 => Err(Error::value("fail", "the disk is full")),
        ["fail", "panic"] if world.rank() == 1 => panic!("on purpose"),
        ["fail", _] => loop {
            world.barrier()?;
        },
        ["disagree"] => DataParallel::new(world, &Linear::new(4, 2 + world.rank())).map(drop),
        ["early"] => (0..3 - world.rank()).try_for_each(|_| world.sum([1.0]).map(drop)),
        _ => Err(Error::value("mpi", format!("unknown work {work:?}"))),
    }
}

/// Pictures of digits: 1,792 of them, so that 1, 2 and 4 ranks have the same batches.
fn digits(image: bool) -> Result<TensorDataset<(Tensor, Tensor)>> {
    let set = load_digits()?;
    let x = set.data.to(DType::F32).div(16.0)?.narrow(0, 0, 1792)?;
    let x = if image { x.reshape([-1, 1, 8, 8])? } else { x };
    TensorDataset::new((x, set.target.narrow(0, 0, 1792)?))
}

fn model(world: &World, name: &str) -> Sequential {
    manual_seed(world.rank() as u64); // rank 0's weights count
    if name == "cnn" {
        sequential![
            Conv2d::new(1, 8, 3).padding(1),
            SyncBatchNorm::new(world, 8),
            ReLU,
            MaxPool2d::new(2),
            Flatten::new(),
            Linear::new(8 * 4 * 4, 32),
            SyncBatchNorm::new(world, 32),
            ReLU,
            Linear::new(32, 10),
        ]
    } else {
        sequential![Linear::new(64, 64), ReLU, Linear::new(64, 32), ReLU, Linear::new(32, 10)]
    }
}

/// 200 steps, and the loss of each.
fn losses(world: &World, name: &str, bucket: &str) -> Result<()> {
    let sampler = DistributedSampler::new(world).seed(5);
    let loader =
        DataLoader::new(digits(name == "cnn")?).batch_size(64 / world.size())?.sampler(sampler.clone())?;
    let model = model(world, name);
    let mut parallel = DataParallel::new(world, &model)?;
    if let Ok(bytes) = bucket.parse() {
        parallel = parallel.bucket_bytes(bytes)?;
    }
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    let mut steps = 0;
    for epoch in 0.. {
        sampler.set_epoch(epoch);
        for (x, y) in &loader {
            if steps == 200 {
                return Ok(());
            }
            let loss = CrossEntropyLoss::new().forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            let step = parallel.backward(&loss, x.size(0)?)?;
            clip_grad_norm_(model.parameters(), 1.0)?;
            optimizer.step()?;
            if world.is_first() {
                println!("loss {:.9}", step.loss);
            }
            steps += 1;
        }
    }
    Ok(())
}

/// Sums of odd numbers, compared with those of one process by their bits.
fn sums(world: &World) -> Result<()> {
    for len in [1, 1000, 8191, 100_003] {
        let of_rank = |rank: usize| {
            let mut generator = tensor::random::Generator::new(rank as u64);
            let numbers = (0..len).map(|_| generator.below(1 << 40) as f64 / 3e5).collect::<Vec<f64>>();
            Tensor::from_vec(numbers, len)
        };
        for dtype in [DType::F32, DType::F64] {
            let mut expected = of_rank(0)?.to(dtype);
            for rank in 1..world.size() {
                expected = expected.add(&of_rank(rank)?.to(dtype))?;
            }
            let found = world.all_reduce(&of_rank(world.rank())?.to(dtype))?;
            if !found.equal(&expected) {
                return Err(Error::value("sums", format!("other bits for {len} numbers of {dtype}")));
            }
        }
        if !world.broadcast(&of_rank(world.rank())?)?.equal(&of_rank(0)?) {
            return Err(Error::value("sums", "not what rank 0 has"));
        }
    }
    Ok(())
}

/// Four epochs with a checkpoint after each; goes on from the one it finds.
fn train(world: &World, folder: &Path, pause: u64) -> Result<()> {
    let path = folder.join("checkpoint.safetensors");
    let sampler = DistributedSampler::new(world);
    let loader = DataLoader::new(digits(false)?).batch_size(128 / world.size())?.sampler(sampler.clone())?;
    let model = model(world, "mlp");
    let parallel = DataParallel::new(world, &model)?;
    let mut optimizer = Adam::new(model.parameters(), 0.001);
    let mut done = 0;
    // Each rank looks at the same disk here; in general only rank 0 may.
    if path.exists() {
        let dict = world.load(&path)?;
        model.load_state_dict(&dict.nested("model")?)?;
        optimizer.load_state_dict(&dict.nested("optimizer")?)?;
        done = dict.get("epoch").map_or(Ok(0.0), Tensor::item)? as u64;
    }
    for epoch in done..4 {
        sampler.set_epoch(epoch);
        for (i, (x, y)) in loader.iter().enumerate() {
            let loss = CrossEntropyLoss::new().forward(&model.forward(&x)?, &y)?;
            optimizer.zero_grad();
            let step = parallel.backward(&loss, x.size(0)?)?;
            optimizer.step()?;
            if world.is_first() {
                println!("epoch {epoch} step {i} loss {:e}", step.loss);
            }
            if world.rank() == 1 && (epoch, i) == (2, 5) {
                println!("process {}", std::process::id());
            }
            std::thread::sleep(Duration::from_millis(pause));
        }
        let mut dict = StateDict::new();
        dict.nest("model", model.state_dict());
        dict.nest("optimizer", optimizer.state_dict());
        dict.insert("epoch", tensor::tensor(epoch as i64 + 1));
        world.save(&dict, &path)?;
    }
    Ok(())
}

// What is expected of them.

struct Ended {
    success: bool,
    out: String,
    err: String,
    took: Duration,
}

/// Starts this program on so many ranks; with 0, without `mpirun`.
fn start(ranks: usize, work: &[&str]) -> Child {
    let own = std::env::current_exe().expect("this program");
    let mut command = if ranks == 0 {
        Command::new(own)
    } else {
        let launcher = std::env::var("MPIRUN").unwrap_or_else(|_| "mpirun".into());
        let version = Command::new(&launcher).arg("--version").output().expect("mpirun: install an MPI");
        let mut command = Command::new(launcher);
        if String::from_utf8_lossy(&version.stdout).contains("Open MPI") {
            // More ranks than cores, which had better not wait busily; and tests may run as root.
            command.args(["--oversubscribe", "--bind-to", "none"]).env("OMPI_MCA_mpi_yield_when_idle", "1");
            command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        }
        command.args(["-n", &ranks.to_string()]).arg(own);
        command
    };
    command.arg("--work").args(work);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mpirun")
}

/// Waits for its end, ten minutes at most (ranks that share a busy core wait long for each other), and shows each line of its output to `see`.
fn wait(mut job: Child, mut see: impl FnMut(&str)) -> Ended {
    let began = Instant::now();
    let mut errors = job.stderr.take().expect("piped");
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text).unwrap_or_default()
    });
    let id = job.id();
    let (finished, watch) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = watch.recv_timeout(Duration::from_secs(600)).is_err();
        if late {
            Command::new("kill").args(["-9", &id.to_string()]).status().ok();
        }
        late
    });
    let mut out = String::new();
    for line in BufReader::new(job.stdout.take().expect("piped")).lines().map_while(std::result::Result::ok) {
        see(&line);
        out += &line;
        out.push('\n');
    }
    let status = job.wait().expect("a status");
    finished.send(()).ok();
    assert!(!watch.join().expect("no panic"), "a hang: {out}");
    Ended { success: status.success(), out, err: errors.join().expect("no panic"), took: began.elapsed() }
}

fn run(ranks: usize, work: &[&str]) -> Ended {
    wait(start(ranks, work), |_| {})
}

fn expect(ranks: usize, work: &[&str]) -> String {
    let ended = run(ranks, work);
    assert!(ended.success, "{ranks} ranks, {work:?}:\n{}\n{}", ended.out, ended.err);
    ended.out
}

fn losses_do_not_depend_on_the_number_of_ranks() {
    for model in ["mlp", "cnn"] {
        let losses = |ranks: usize, bucket: &str| -> Vec<f64> {
            let out = expect(ranks, &["losses", model, bucket]);
            let found: Vec<f64> =
                out.lines().filter_map(|line| line.strip_prefix("loss ")?.parse().ok()).collect();
            assert_eq!(found.len(), 200, "{model}, {ranks} ranks: {out}");
            found
        };
        let alone = losses(0, "");
        assert!(alone[199] < 0.5 * alone[0], "it learns");
        for (ranks, bucket) in [(1, ""), (2, ""), (4, ""), (2, "1000")] {
            let found = losses(ranks, bucket);
            let furthest = alone.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            println!("  {model}: {ranks} ranks, buckets of {bucket:?}: {furthest:e} apart at most");
            assert!(furthest <= 1e-5, "{model}, {ranks} ranks: {furthest:e} apart");
        }
    }
}

fn sums_have_the_bits_of_the_order_of_ranks() {
    for ranks in [1, 2, 3, 4] {
        expect(ranks, &["sums"]);
    }
}

/// It ends soon, not well, and says why.
fn ends_badly(ended: &Ended, causes: &[&str]) {
    assert!(!ended.success && ended.took < Duration::from_secs(10), "after {:?}", ended.took);
    for cause in causes {
        assert!(
            ended.err.contains(cause) || ended.out.contains(cause),
            "no {cause}: {}{}",
            ended.out,
            ended.err
        );
    }
}

fn an_error_of_one_rank_ends_the_job() {
    ends_badly(&run(2, &["fail", "error"]), &["rank 1 of 2: fail: the disk is full"]);
    ends_badly(&run(2, &["fail", "panic"]), &["rank 1 of 2: panicked", "on purpose"]);
}

fn ranks_that_disagree_get_an_error() {
    let said = "rank 0: weight is float32 [2, 4]; rank 1: weight is float32 [3, 4]";
    ends_badly(&run(2, &["disagree"]), &[said]);
}

fn an_early_end_is_an_error() {
    ends_badly(&run(2, &["early"]), &["rank 0: sum of 1 numbers; rank 1: the end of World::run"]);
}

fn a_killed_rank_ends_the_job_and_the_run_goes_on_later() {
    let folder = |name: &str| -> PathBuf {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("ranks-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    };
    let losses = |out: &str| -> Vec<String> {
        out.lines().filter(|line| line.starts_with("epoch ")).map(str::to_string).collect()
    };
    let (whole, parts) = (folder("whole"), folder("parts"));
    let undisturbed = losses(&expect(2, &["train", &whole.to_string_lossy(), "0"]));
    assert_eq!(undisturbed.len(), 4 * 14);

    let work = ["train", &parts.to_string_lossy(), "50"];
    let (mut killed, mut process) = (None, String::new());
    let ended = wait(start(2, &work), |line| {
        if let Some(id) = line.strip_prefix("process ") {
            let kill = Command::new("kill").args(["-9", id]).status().expect("kill");
            assert!(kill.success());
            killed = Some(Instant::now());
            process = format!("pid {id} ");
        }
    });
    let took = killed.expect("rank 1 came to the third epoch").elapsed();
    assert!(took < Duration::from_secs(10), "ended {took:?} after");
    assert!(!ended.success);
    let said = format!("{}{}", ended.out, ended.err).to_lowercase();
    // OpenMPI names the rank, MPICH the process.
    assert!((said.contains("rank 1") || said.contains(&process)) && said.contains("signal 9"), "{said}");
    println!("  ended {:.1} s after the kill", took.as_secs_f64());

    let checkpoint = nn::load_safetensors(parts.join("checkpoint.safetensors")).expect("a whole file");
    assert_eq!(checkpoint.get("epoch").map(|e| e.item().expect("a number")), Some(2.0));
    let resumed = losses(&expect(2, &["train", &parts.to_string_lossy(), "0"]));
    assert_eq!(resumed, undisturbed[2 * 14..], "as if nothing had happened");
    for folder in [whole, parts] {
        std::fs::remove_dir_all(folder).expect("ours");
    }
}

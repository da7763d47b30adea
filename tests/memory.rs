//! Memory stays flat, measured by this process's own resident size: hence a test binary of its own, and one test.

use loss::{BCELoss, BCEWithLogitsLoss, Criterion, CrossEntropyLoss, HuberLoss, MSELoss, NLLLoss};
use tensor::{Parameter, Result, Tensor, checkpoint, empty_cache, no_grad, rand, randint, tensor};

/// A figure of this process's memory in KiB: `VmRSS`, what is resident, or `VmHWM`, the most that ever was.
fn memory(figure: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|l| l.starts_with(figure))?.split_whitespace().nth(1)?.parse().ok()
}

fn resident() -> Option<usize> {
    memory("VmRSS")
}

/// How often this process met a page that it had not touched before.
fn page_faults() -> Option<usize> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process, which may hold spaces, ends with a parenthesis; the figure is the 8th after it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}

/// Runs `step` often and holds the memory after a tenth of the steps against the memory after all of them.
fn stays_flat(what: &str, mut step: impl FnMut()) {
    (0..10_000).for_each(|_| step());
    let Some(before) = resident() else { return };
    (0..90_000).for_each(|_| step());
    let after = resident().unwrap();
    // A leak of twenty bytes a step would show as 1.8 MB.
    assert!(after < before + 1024, "{what}: {before} KiB grew to {after} KiB");
}

/// How much more memory is resident while the graph of eight blocks is alive, each of eight operations on 4 MiB.
fn held_by(block: impl Fn(&Tensor) -> Tensor) -> Option<usize> {
    let mut x = rand([1024, 1024]).unwrap().requires_grad();
    let before = resident()?;
    for _ in 0..8 {
        x = block(&x);
    }
    let during = resident()?;
    x.sum().backward().unwrap();
    Some(during.saturating_sub(before))
}

fn a_checkpoint_gives_up_what_it_can_compute_again() {
    let half = |x: &Tensor| x.sin().exp().sigmoid().cos();
    let block = move |x: &Tensor| half(&half(x));
    let sparing = held_by(|x| checkpoint(move |x| Ok(block(&x[0])), std::slice::from_ref(x)).unwrap());
    let all = held_by(block);
    if let (Some(sparing), Some(all)) = (sparing, all) {
        // Six values of 4 MiB for each block against one, and room for what the allocator holds back.
        assert!(all > 2 * sparing, "{all} KiB without, {sparing} KiB with checkpoints");
    }
}

type Step = Box<dyn Fn()>;

/// Forward and backward of each loss, on `rows` of 1024 random numbers.
fn steps(rows: i64) -> [(&'static str, Step); 8] {
    let (x, t) = (rand([rows, 1024]).unwrap(), rand([rows, 1024]).unwrap());
    let labels = randint(0, 1024, [rows]).unwrap();
    // The same numbers as pictures of 32 classes. A loss for each pixel is a sixteenth of the gradient.
    let picture = x.reshape([rows / 32, 32, 32, 32]).unwrap();
    let pixels = randint(0, 32, [rows / 32, 32, 32]).unwrap();
    let chances = picture.softmax(1).unwrap();
    let step =
        |x: &Tensor, criterion: &'static dyn Fn(&Tensor, &Tensor) -> Result<Tensor>, t: &Tensor| -> Step {
            let (x, t) = (x.clone(), t.clone());
            Box::new(move || criterion(&x.detach().requires_grad(), &t).unwrap().backward().unwrap())
        };
    [
        ("MSELoss", step(&x, &|x, t| MSELoss::new().forward(x, t), &t)),
        ("HuberLoss", step(&x, &|x, t| HuberLoss::new().forward(x, t), &t)),
        ("BCELoss", step(&x, &|x, t| BCELoss::new().forward(x, t), &t)),
        ("BCEWithLogitsLoss", step(&x, &|x, t| BCEWithLogitsLoss::new().forward(x, t), &t)),
        ("CrossEntropyLoss", step(&x, &|x, t| CrossEntropyLoss::new().forward(x, t), &labels)),
        (
            "CrossEntropyLoss of pictures",
            step(&picture, &|x, t| CrossEntropyLoss::new().forward(x, t), &pixels),
        ),
        (
            "CrossEntropyLoss of pictures, with probabilities",
            step(&picture, &|x, t| CrossEntropyLoss::new().forward(x, t), &chances),
        ),
        ("NLLLoss of pictures", step(&picture, &|x, t| NLLLoss::new().forward(x, t), &pixels)),
    ]
}

fn a_loss_holds_no_more_than_its_gradient() {
    // Above the size from which every allocator asks the system, so that what was freed is not resident.
    let gradient = 40 * 1024;
    for (loss, step) in steps(10 * 1024) {
        empty_cache();
        // Sets the high-water mark back; only Linux has it.
        let reset = std::fs::write("/proc/self/clear_refs", "5");
        let (Ok(()), Some(before)) = (reset, resident()) else { return };
        step();
        let peak = memory("VmHWM").unwrap() - before;
        assert!(peak > gradient / 2, "{loss}: {peak} KiB do not hold a gradient of {gradient} KiB");
        assert!(peak < gradient + gradient / 8, "{loss}: {peak} KiB for a gradient of {gradient} KiB");
    }
}

fn a_steady_loop_touches_no_new_page() {
    for (loss, step) in steps(256) {
        (0..3).for_each(|_| step());
        let Some(before) = page_faults() else { return };
        (0..20).for_each(|_| step());
        let more = page_faults().unwrap() - before;
        assert!(more < 20, "{loss}: {more} pages were touched first in twenty steps");
    }
}

#[test]
fn a_hundred_thousand_steps_of_each_kind_keep_memory_flat() {
    a_loss_holds_no_more_than_its_gradient();
    a_steady_loop_touches_no_new_page();
    a_checkpoint_gives_up_what_it_can_compute_again();
    let (w, x) = (Parameter::new(&tensor([[0.1, 0.2], [0.3, 0.4]])), tensor([[1.0, 2.0]]));
    let forward = || x.linear(&w.tensor(), None).unwrap().sigmoid().mean();

    stays_flat("forward passes that record", || drop(forward()));
    stays_flat("forward passes without recording", || drop(no_grad(forward)));
    stays_flat("training steps", || {
        w.zero_grad();
        forward().backward().unwrap();
        let grad = w.grad().unwrap();
        w.set(&(w.tensor().detach() - grad * 0.01)).unwrap();
    });
}

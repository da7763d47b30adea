//! Memory stays flat, measured by this process's own resident size: hence a test binary of its own, and one test.

use tensor::{Parameter, Tensor, checkpoint, no_grad, rand, tensor};

/// Resident memory of this process in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find(|l| l.starts_with("VmRSS"))?.split_whitespace().nth(1)?.parse().ok()
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

#[test]
fn a_hundred_thousand_steps_of_each_kind_keep_memory_flat() {
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

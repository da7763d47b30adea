//! Memory stays flat, measured by this process's own resident size: hence a test binary of its own, and one test.

use tensor::{Parameter, no_grad, tensor};

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

#[test]
fn a_hundred_thousand_steps_of_each_kind_keep_memory_flat() {
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

//! How often operations ask for memory: what is small is fast because it rarely does.
//!
//! A single number stands in its handle, up to sixteen bytes inside of their storage, and results of the same shape share its
//! layout; so a recorded scalar takes one allocation, its node. From 1 KiB up, a buffer comes from an earlier tensor. The
//! counts are exact. A change that needs fewer is welcome, and belongs into the table.

use allocation_counter::measure;
use loss::{BCELoss, BCEWithLogitsLoss, Criterion};
use nn::{Layer, Linear, Module, ReLU, Sigmoid, sequential};
use optim::{Optimizer, SGD};
use std::hint::black_box;
use tensor::{Tensor, manual_seed, ones, rand, set_num_threads};

/// Allocations of `f`, once everything that is kept for later exists.
fn allocations(mut f: impl FnMut()) -> u64 {
    (0..3).for_each(|_| f());
    measure(f).count_total
}

#[test]
fn each_operation_asks_for_no_more_memory_than_it_needs() {
    set_num_threads(1);
    manual_seed(0);
    let scalar = || ones([1]).unwrap().requires_grad();
    let (x, y) = (scalar(), scalar());
    let (a, b) = (rand([10, 10]).unwrap().requires_grad(), rand([10, 10]).unwrap().requires_grad());
    let (w, bias) = (rand([4, 10]).unwrap().requires_grad(), rand([4]).unwrap().requires_grad());
    let plain = rand([10, 10]).unwrap();
    let kept = |t: Tensor| drop(black_box(t));

    let model = sequential![Linear::new(10, 1), Sigmoid];
    let mut optimizer = SGD::new(model.parameters(), 0.1);
    let (input, target) = (rand([32, 10]).unwrap(), ones([32, 1]).unwrap());
    let criterion = BCELoss::new();
    let deep = sequential![Linear::new(10, 16), ReLU, Linear::new(16, 1)];
    let mut deep_optimizer = SGD::new(deep.parameters(), 0.1).momentum(0.9);
    let logits = BCEWithLogitsLoss::new();

    let counts = [
        ("x + y, scalars", allocations(|| kept(&x + &y)), 1),
        ("x * y, scalars", allocations(|| kept(&x * &y)), 1),
        ("x + 1", allocations(|| kept(&x + 1.0)), 1),
        ("a + b", allocations(|| kept(&a + &b)), 3),
        ("a + b, not recorded", allocations(|| kept(&plain + &plain)), 2),
        ("a.sigmoid()", allocations(|| kept(a.sigmoid())), 3),
        ("a.sum()", allocations(|| kept(a.sum())), 1),
        ("a.t()", allocations(|| kept(a.t().unwrap())), 2),
        ("a.matmul(b)", allocations(|| kept(a.matmul(&b).unwrap())), 4),
        ("a.linear(w, bias)", allocations(|| kept(a.linear(&w, Some(&bias)).unwrap())), 4),
        (
            "x + y, backward",
            allocations(|| {
                x.zero_grad();
                y.zero_grad();
                (&x + &y).backward().unwrap();
            }),
            1,
        ),
        (
            "a training step of Linear, Sigmoid, BCELoss",
            allocations(|| {
                optimizer.zero_grad();
                criterion.forward(&model.forward(&input).unwrap(), &target).unwrap().backward().unwrap();
                optimizer.step().unwrap();
            }),
            14,
        ),
        (
            "a training step with a hidden layer and momentum",
            allocations(|| {
                deep_optimizer.zero_grad();
                logits.forward(&deep.forward(&input).unwrap(), &target).unwrap().backward().unwrap();
                deep_optimizer.step().unwrap();
            }),
            20,
        ),
    ];
    let wrong: Vec<_> = counts.iter().filter(|(_, found, expected)| found != expected).collect();
    assert!(wrong.is_empty(), "(operation, allocations, expected): {wrong:#?}");
}

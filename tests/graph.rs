//! Graphs that are deep, graphs that are wide, and walks that cannot be.

use tensor::{Tensor, cat, grad, no_grad, tensor};

/// On a stack of 2 MiB, where a call per node would not survive.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(f).unwrap().join().unwrap();
}

#[test]
fn a_chain_of_a_million_adds() {
    on_a_small_stack(|| {
        let x = tensor([1.0]).requires_grad();
        let mut y = x.clone();
        for _ in 0..1_000_000 {
            y = y.add(&x).unwrap();
        }
        y.backward().unwrap();
        assert_eq!(x.grad().unwrap().item().unwrap(), 1_000_001.0);
        drop(y);
    });
}

#[test]
fn a_chain_of_a_million_that_is_only_dropped() {
    on_a_small_stack(|| {
        let mut y = tensor([1.0]).requires_grad();
        for _ in 0..1_000_000 {
            y *= 1.0;
        }
        drop(y);
    });
}

#[test]
fn a_hundred_thousand_leaves_in_one_sum() {
    // In linear time: anything quadratic would not end within minutes.
    let leaves: Vec<Tensor> = (0..100_000).map(|i| tensor([f64::from(i)]).requires_grad()).collect();
    cat(&leaves.iter().collect::<Vec<_>>(), 0).unwrap().sum().backward().unwrap();
    assert!(leaves.iter().all(|x| x.grad().unwrap().item().unwrap() == 1.0));

    // And as a tree of additions, one behind the other.
    let mut sum = tensor([0.0]);
    for leaf in &leaves {
        sum = sum.add(leaf).unwrap();
    }
    sum.backward().unwrap();
    assert!(leaves.iter().all(|x| x.grad().unwrap().item().unwrap() == 2.0));
}

#[test]
fn one_leaf_used_a_hundred_thousand_times() {
    let x = tensor([1.0, 2.0]).requires_grad();
    let mut sum = &x * 0.0;
    for _ in 0..100_000 {
        sum = sum.add(&x).unwrap();
    }
    sum.sum().backward().unwrap();
    assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [100_000.0; 2]);
}

#[test]
fn a_second_walk_needs_the_graph_retained() {
    let x = tensor([1.0, 2.0]).requires_grad();
    let y = (&x * &x).sum();
    y.backward_options().retain_graph().run().unwrap();
    y.backward().unwrap();
    assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [4.0, 8.0]);
    let error = y.backward().unwrap_err().to_string();
    assert!(error.contains("retain_graph"), "{error}");
    assert_eq!(
        x.grad().unwrap().to_vec::<f32>().unwrap(),
        [4.0, 8.0],
        "a failed walk must not change a gradient"
    );
}

#[test]
fn walks_that_cannot_start() {
    let x = tensor([1.0, 2.0]).requires_grad();
    assert!((&x * 2.0).backward().unwrap_err().to_string().contains("[2]"));
    assert!(tensor([1.0]).sum().backward().unwrap_err().to_string().contains("not part of a graph"));
    assert!(no_grad(|| (&x * 2.0).sum()).backward().is_err());
    assert!((&x * 2.0).backward_with(&tensor([1.0])).unwrap_err().to_string().contains("[1]"));
    assert!(grad(&x.sum(), &[&tensor([1.0])]).unwrap_err().to_string().contains("requires_grad"));
}

#[test]
fn an_unused_input_gets_zeros() {
    let (x, z) = (tensor([1.0]).requires_grad(), tensor([1.0, 2.0]).requires_grad());
    let grads = grad(&(&x * 3.0).sum(), &[&x, &z]).unwrap();
    assert_eq!(grads[0].item().unwrap(), 3.0);
    assert_eq!(grads[1].to_vec::<f32>().unwrap(), [0.0, 0.0]);
    assert!(x.grad().is_none(), "`grad` collects nothing in leaves");
}

#[test]
fn an_error_in_backward_names_the_forward_line() {
    struct Broken;
    impl tensor::Op for Broken {
        fn name(&self) -> &'static str {
            "Broken"
        }
        fn backward(&self, _: &tensor::Ctx<'_>, _: &Tensor) -> tensor::Result<tensor::Grads> {
            Err(tensor::Error::value("broken", "on purpose"))
        }
    }
    let x = tensor([1.0]).requires_grad();
    let y = x.detach().record(Broken, &[&x]);
    let error = y.backward().unwrap_err().to_string();
    assert!(error.contains("in the backward of Broken, recorded at tests/graph.rs"), "{error}");
}

//! Single operations: products, chains of elementwise functions, the cost of recording.

use crate::data::standard;
use crate::losses::both_ways;
use crate::measure::measure;
use crate::options::Options;
use std::hint::black_box;
use tensor::{DType, Result, Tensor};

/// Whether there is such a workload; it has been run then.
pub(crate) fn run(options: &Options, name: &str) -> Result<bool> {
    let Some(operation) = name.strip_prefix("W8") else { return Ok(false) };
    if operation == "add" {
        recorded_sum(options)?;
    } else if let Some([m, k, n]) = operation.strip_prefix("mm").and_then(sizes) {
        let x = Tensor::from_vec(standard(1, m * k), [m, k])?;
        let y = Tensor::from_vec(standard(2, k * n), [k, n])?;
        measure(options, 1.0, |read| {
            let product = x.matmul(&y)?;
            if read { product.to(DType::F64).sum().item() } else { Ok(0.0) }
        })?;
    } else if let Some([n]) = operation.strip_prefix("chain").and_then(sizes) {
        let leaf = |seed| Ok(Tensor::from_vec(standard(seed, n), n)?.requires_grad());
        let (x, y, z) = (leaf(1)?, leaf(2)?, leaf(3)?);
        both_ways(options, &[&x, &y, &z], || Ok((&x * &y + &z).tanh().sum()))?;
    } else if let Some([n]) = operation.strip_prefix("nodes").and_then(sizes) {
        let x = one().requires_grad();
        measure(options, 1.0, |_| {
            x.zero_grad();
            let mut y = x.clone();
            for _ in 0..n {
                y = &y + &x;
            }
            y.backward()?;
            x.grad().map_or(Ok(f64::NAN), |grad| grad.item())
        })?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn one() -> Tensor {
    Tensor::scalar(1.0, DType::F32)
}

fn recorded_sum(options: &Options) -> Result<()> {
    let (x, y) = (one().requires_grad(), (one() * 2.0).requires_grad());
    measure(options, 100.0, |read| {
        for _ in 0..100 {
            black_box(&x + &y);
        }
        if read { (&x + &y).item() } else { Ok(0.0) }
    })
}

/// `64x784x256` as three sizes.
pub(crate) fn sizes<const N: usize>(text: &str) -> Option<[usize; N]> {
    let sizes: Vec<usize> = text.split('x').map(|size| size.parse().ok()).collect::<Option<_>>()?;
    sizes.try_into().ok()
}

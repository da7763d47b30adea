//! A linear map along one dimension that takes few elements for each result: means of windows, interpolation.
//!
//! ```text
//! y[…, o, …] = Σ weight · x[…, index, …]   over the taps of o
//! ```
//! Its gradient is such a map again, with the taps of each element of x.

use super::division::RoundingMode;
use super::lanes::Lanes;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::Shape;
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::pool::Run;
use kernel::threads::share_out;
use std::sync::Arc;

/// Which elements, of `size`, each result takes, and how much of them.
pub(crate) struct Taps {
    size: usize,
    taps: Vec<Vec<(usize, f64)>>,
}

impl Taps {
    /// All elements of a run, each times the same.
    pub(crate) fn means(size: usize, runs: impl Iterator<Item = (Run, f64)>) -> Self {
        let taps = runs.map(|(run, weight)| (0..run.len).map(|i| (run.start + i * run.step, weight)).collect());
        Taps { size, taps: taps.collect() }
    }

    /// The index and the weight of each element that a result takes.
    pub(crate) fn new(size: usize, taps: Vec<Vec<(usize, f64)>>) -> Self {
        Taps { size, taps }
    }

    fn transposed(&self) -> Taps {
        let mut taps = vec![vec![]; self.size];
        for (out, list) in self.taps.iter().enumerate() {
            list.iter().for_each(|&(index, weight)| taps[index].push((out, weight)));
        }
        Taps { size: self.taps.len(), taps }
    }
}

/// Products that are worth another thread.
const WORK: usize = 50_000;

impl Tensor {
    /// Applies the map along dimension `dim`.
    #[track_caller]
    pub(crate) fn taps(&self, name: &'static str, dim: usize, taps: &Arc<Taps>) -> Tensor {
        let Lanes { size, inner, .. } = Lanes::of(self.shape(), dim);
        let mut shape: Shape = self.shape().into();
        shape[dim] = taps.taps.len();
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(shape.iter().product());
            if !out.is_empty() && size > 0 {
                let x = self.values::<T>();
                let block = shape[dim] * inner;
                let products = inner * taps.taps.iter().map(Vec::len).sum::<usize>();
                share_out(&mut out, block, block * WORK.div_ceil(products.max(1)), &|start, out| {
                    let x = x[start / block * size * inner..].chunks_exact(size * inner);
                    for (x, out) in x.zip(out.chunks_exact_mut(block)) {
                        if inner == 1 {
                            let sum = |taps: &Vec<(usize, f64)>| {
                                taps.iter().fold(0.0, |sum, &(index, weight)| sum + weight as T * x[index])
                            };
                            out.iter_mut().zip(&taps.taps).for_each(|(out, taps)| *out = sum(taps));
                            continue;
                        }
                        for (out, taps) in out.chunks_exact_mut(inner).zip(&taps.taps) {
                            for &(index, weight) in taps {
                                let weight = weight as T;
                                let row = &x[index * inner..][..inner];
                                out.iter_mut().zip(row).for_each(|(out, &x)| *out += weight * x);
                            }
                        }
                    }
                });
            }
            Tensor::new(out, dense(&shape))
        });
        out.record(AlongTaps { name, dim, taps: Arc::clone(taps) }, &[self])
    }
}

impl Tensor {
    /// Each element of `(N, C, …)` divided by `(k + alpha·m)^beta`, where m is the mean of the squares of `size` channels
    /// around it, those over the edge counting as zeros. Source: A. Krizhevsky, I. Sutskever, G. Hinton, NIPS 2012.
    ///
    /// # Errors
    /// If there are fewer than three dimensions, or `size` is zero.
    #[doc(alias = "torch.nn.functional.local_response_norm")]
    #[track_caller]
    pub fn local_response_norm(&self, size: usize, alpha: f64, beta: f64, k: f64) -> Result<Tensor> {
        const OP: &str = "local_response_norm";
        if self.dim() < 3 {
            return Err(Error::shape(OP, format!("expected (N, C, …), found shape {:?}", self.shape())));
        }
        if size == 0 {
            return Err(Error::value(OP, "size should be at least 1, found 0"));
        }
        if self.dtype() == DType::I64 {
            if self.numel() == 0 {
                return Ok(self.clone());
            }
            // PyTorch's mean of integers is one: whole squares, divided towards 0.
            let taps = self.around(size, 1.0);
            let sums = self.square().to(DType::F64).taps("AvgPool2D", 1, &Arc::new(taps)).to(DType::I64);
            let mean = sums.div_mode(i64::try_from(size).unwrap_or(i64::MAX), RoundingMode::Trunc)?;
            return self.div(&mean.mul(alpha)?.add(k)?.pow(beta)?);
        }
        if !self.dtype().is_float() {
            return Err(Error::not_float(OP, self.dtype()));
        }
        let taps = self.around(size, 1.0 / size as f64);
        let mean = self.square().taps("AvgPool2D", 1, &Arc::new(taps));
        self.div(&mean.mul(alpha)?.add(k)?.pow(beta)?)
    }

    /// Each channel and its neighbours, all with the same weight.
    fn around(&self, size: usize, weight: f64) -> Taps {
        let channels = self.shape()[1];
        let around = |c: usize| {
            let (start, end) = (c.saturating_sub(size / 2), (c + (size - 1) / 2 + 1).min(channels));
            (Run { start, len: end - start, step: 1 }, weight)
        };
        Taps::means(channels, (0..channels).map(around))
    }
}

struct AlongTaps {
    name: &'static str,
    dim: usize,
    taps: Arc<Taps>,
}

impl Op for AlongTaps {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.taps(self.name, self.dim, &Arc::new(self.taps.transposed()))))
    }
}

/// The case by which the map is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let taps = Arc::new(Taps { size: 3, taps: vec![vec![(0, 0.5), (2, -1.5)], vec![], vec![(2, 2.0)]] });
    let f = move |x: &[Tensor]| Ok(x[0].taps("Taps", 0, &taps).sin());
    let local = |x: &[Tensor]| x[0].reshape([1, 3, 2])?.local_response_norm(2, 0.3, 0.75, 1.0);
    let x = || vec![float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]])];
    vec![case("local_response_norm", local, x()), case("taps", f, x())]
}

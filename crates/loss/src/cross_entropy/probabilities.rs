//! Cross-entropy with class probabilities: every class of every row counts.

use super::{CrossEntropyLoss, OP, from_rows, reduce, rows};
use crate::Reduction;
use crate::class_indices::class_dim;
use crate::refuse::{index, no_probabilities};
use kernel::cross_entropy::{Probabilities as Kernel, Smoothing};
use tensor::{Ctx, Element, Error, Grads, Keep, Op, Result, Tensor, is_grad_enabled, with_float};

/// With smoothing ε, `q = (1 − ε)·t + ε/C`: `∂x = ∂l·(A·softmax(x) − w·q)`, `A = Σ w·q`; `∂t = −∂l·(1 − ε)·w·ln p`;
/// `∂w = −∂l·q·ln p`.
pub(super) struct Probabilities {
    smoothing: Smoothing,
    reduction: Reduction,
    denominator: f64,
}

/// How far from one a row of probabilities may sum: what rounding to a few digits does.
const SLACK: f64 = 1e-3;

impl Probabilities {
    #[track_caller]
    pub(super) fn forward(
        criterion: &CrossEntropyLoss,
        input: &Tensor,
        target: &Tensor,
        weight: Option<Tensor>,
    ) -> Result<Tensor> {
        if target.shape() != input.shape() {
            let (x, t) = (input.shape(), target.shape());
            return Err(Error::shape(
                OP,
                format!(
                    "class probabilities have the input's shape {x:?}, found {} of shape {t:?}; class indices must \
                     be int64: target.to(DType::I64)",
                    target.dtype()
                ),
            ));
        }
        let dtype = input.dtype().promote(target.dtype());
        let (x, t, w) = (input.to(dtype), target.to(dtype), weight.map(|w| w.to(dtype)));
        no_probabilities(OP, "target", &t)?;
        let classes = x.shape()[class_dim(&x)].max(1);
        let op = Probabilities {
            smoothing: Smoothing::new(criterion.label_smoothing, classes),
            reduction: criterion.reduction,
            denominator: (x.numel() / classes) as f64,
        };
        let mut losses = vec![0.0; x.numel() / classes];
        let not_one = with_float!(dtype, T => {
            op.with_kernel::<T, _>([&x, &t], w.as_ref(), |kernel, x| {
                kernel.losses(x, &mut losses);
                kernel.not_one(SLACK)
            })?
        });
        if let Some((row, sum)) = not_one {
            let place = &index(&rows(&t)?, row * classes)[..t.dim() - 1];
            return Err(Error::value(
                OP,
                format!("class probabilities must sum to one, but those at {place:?} sum to {sum}"),
            ));
        }
        let out = reduce(&losses, op.reduction, op.denominator, &x)?;
        match &w {
            None => Ok(out.record(op, &[&x, &t])),
            Some(w) => Ok(out.record(op, &[&x, &t, w])),
        }
    }

    /// Runs `job` over logits and targets, where they stand: as planes of classes, or as rows if those are at the back.
    fn with_kernel<T: Element, R>(
        &self,
        [x, t]: [&Tensor; 2],
        weight: Option<&Tensor>,
        job: impl FnOnce(Kernel<'_, T>, &[T]) -> R,
    ) -> Result<R> {
        let inner = if stands_in_rows(x)? { 1 } else { x.shape()[2..].iter().product() };
        let (x, t) = if inner == 1 { (rows(x)?, rows(t)?) } else { (x.detach(), t.detach()) };
        let targets = t.elements::<T>()?;
        let weights = weight.map(|w| w.elements::<T>()).transpose()?;
        let kernel = Kernel {
            targets: &targets,
            classes: x.shape()[if inner == 1 { x.dim() - 1 } else { 1 }],
            inner,
            weights: weights.as_deref(),
            smoothing: self.smoothing,
        };
        Ok(job(kernel, &x.elements::<T>()?))
    }
}

/// Whether the classes of a distribution are neighbours in memory.
fn stands_in_rows(x: &Tensor) -> Result<bool> {
    Ok(x.dim() <= 2 || !x.is_contiguous() && rows(x)?.is_contiguous())
}

impl Op for Probabilities {
    fn name(&self) -> &'static str {
        if self.reduction == Reduction::Mean { "DivBackward1" } else { "Neg" }
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let (x, t) = (ctx.input(0)?, ctx.input(1)?);
        let dim = class_dim(&x);
        let grad = match self.reduction {
            Reduction::None => grad.unsqueeze(dim as isize)?,
            Reduction::Sum => grad.clone(),
            Reduction::Mean => grad.div(self.denominator)?,
        };
        // A weight beside the classes of the input: `(C, 1, …)`.
        let beside = |w: &Tensor| w.reshape(std::iter::once(w.numel()).chain(vec![1; x.dim() - 1 - dim]).collect::<Vec<_>>());
        let weight = ctx.input(2).ok();
        let w = match &weight {
            Some(w) => beside(w)?,
            None => Tensor::scalar(1.0, x.dtype()),
        };
        ctx.grads(|k| match k {
            0 if !is_grad_enabled() => {
                with_float!(x.dtype(), T => {
                    let grads = grad.elements::<T>()?;
                    let (out, ()) = self.with_kernel([&x, &t], weight.as_ref(), |kernel, values| {
                        Tensor::write_like(&x, |out| kernel.gradient(values, &grads, out))
                    })?;
                    if stands_in_rows(&x)? { from_rows(&out, &x) } else { Ok(out) }
                })
            }
            0 => {
                let expected = self.smoothing.of(t.clone()).mul(&w)?;
                let sum = expected.sum_dim(dim, true)?;
                sum.mul(&x.softmax(dim as isize)?)?.sub(&expected)?.mul(&grad)
            }
            1 => x.log_softmax(dim as isize)?.mul(&w)?.mul(&grad)?.mul(-self.smoothing.keep)?.expand(x.shape()),
            _ => {
                let expected = self.smoothing.of(t.clone());
                let surprise = x.log_softmax(dim as isize)?.masked_fill(&expected.eq(0.0)?, 0.0)?;
                let each = expected.mul(&surprise)?.mul(&grad)?.neg();
                let others: Vec<usize> = (0..x.dim()).filter(|&d| d != dim).collect();
                if others.is_empty() { Ok(each) } else { each.sum_dim(others, false) }
            }
        })
    }
}

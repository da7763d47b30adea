//! Cross-entropy with class indices: only the label's logit and the row's normaliser matter.

use super::{CrossEntropyLoss, OP, reduce};
use crate::Reduction;
use crate::class_indices::{check_labels, class_dim, without_classes};
use crate::refuse::gradient_of_weight;
use kernel::cross_entropy::{Labels as Kernel, Smoothing};
use kernel::softmax::Normalizer;
use std::sync::{Mutex, PoisonError};
use tensor::{Ctx, Element, Grads, Keep, Op, Result, Tensor, is_grad_enabled, with_float};

/// With smoothing ε, `q = (1 − ε)·[c = y] + ε/C`: `∂x = ∂l·(A·softmax(x) − w·q)`, `A = Σ w·q`.
pub(super) struct Labels {
    /// The label of each distribution.
    labels: Tensor,
    ignored: i64,
    /// Nothing where the gradient is there already: it is seldom asked for another one.
    normalizers: Vec<Normalizer>,
    weight: Option<Tensor>,
    smoothing: Smoothing,
    reduction: Reduction,
    denominator: f64,
    name: &'static str,
    /// The gradient of the logits where that of the loss is 1, as with every loss that is a formula of each element.
    pulled: Mutex<Option<Tensor>>,
}

impl Labels {
    #[track_caller]
    pub(super) fn forward(
        criterion: &CrossEntropyLoss,
        input: &Tensor,
        target: &Tensor,
        weight: Option<Tensor>,
    ) -> Result<Tensor> {
        gradient_of_weight(OP, weight.as_ref())?;
        check_labels(OP, input, target, Some(criterion.ignore_index))?;
        let mut op = Labels {
            normalizers: Vec::new(),
            labels: target.detach().contiguous(),
            ignored: criterion.ignore_index,
            weight,
            smoothing: Smoothing::new(criterion.label_smoothing, input.shape()[class_dim(input)]),
            reduction: criterion.reduction,
            denominator: 0.0,
            name: match (criterion.label_smoothing == 0.0, input.dim() > 2) {
                (true, false) => "NllLoss",
                (true, true) => "NllLoss2D",
                (false, _) => "Add",
            },
            pulled: Mutex::new(None),
        };
        let mut losses = vec![0.0; target.numel()];
        let pull = is_grad_enabled() && input.needs_grad() && op.reduction != Reduction::None;
        with_float!(input.dtype(), T => {
            op.denominator = op.with_kernel::<T, _>(input, |kernel, _| kernel.denominator())?;
            if pull {
                let grad = if op.reduction == Reduction::Mean { 1.0 / op.denominator } else { 1.0 };
                let (pulled, ()) = op.with_kernel::<T, _>(input, |kernel, x| {
                    Tensor::write_like(input, |out| kernel.losses_and_gradient(x, grad, &mut losses, out))
                })?;
                op.pulled = Mutex::new(Some(pulled));
            } else {
                let mut normalizers = vec![Normalizer::default(); losses.len()];
                op.with_kernel::<T, _>(input, |kernel, x| kernel.losses(x, &mut losses, &mut normalizers))?;
                op.normalizers = normalizers;
            }
        });
        Ok(reduce(&losses, op.reduction, op.denominator, input)?.record(op, &[input]))
    }

    /// Runs `job` over the logits, in whichever order their distributions stand.
    fn with_kernel<T: Element, R>(
        &self,
        input: &Tensor,
        job: impl FnOnce(Kernel<'_, T>, &[T]) -> R,
    ) -> Result<R> {
        let labels = self.labels.elements::<i64>()?;
        let weights = self.weight.as_ref().map(|w| w.elements::<T>()).transpose()?;
        let kernel = Kernel {
            labels: &labels,
            ignored: self.ignored,
            classes: input.shape()[class_dim(input)],
            inner: input.shape()[(class_dim(input) + 1).min(input.dim())..].iter().product(),
            weights: weights.as_deref(),
            smoothing: self.smoothing,
        };
        Ok(job(kernel, &input.elements::<T>()?))
    }
}

impl Op for Labels {
    fn name(&self) -> &'static str {
        self.name
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let x = ctx.input(0)?;
        let dim = class_dim(&x) as isize;
        let fused = !is_grad_enabled();
        if fused
            && self.reduction != Reduction::None
            && grad.item()? == 1.0
            && let Some(pulled) = self.pulled.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            return Ok([Some(pulled)].into_iter().collect());
        }
        let (grad, scale) = match self.reduction {
            Reduction::None => (grad.unsqueeze(dim)?, 1.0),
            Reduction::Sum => (grad.clone(), 1.0),
            Reduction::Mean if fused => (grad.div(self.denominator)?, 1.0),
            // Into the constants: 1/0 must not meet the zeros of what does not count.
            Reduction::Mean => (grad.clone(), 1.0 / self.denominator),
        };
        ctx.grads(|_| {
            with_float!(x.dtype(), T => {
                if fused {
                    let grads = grad.elements::<T>()?;
                    return self.with_kernel(&x, |kernel, values| {
                        let found;
                        let normalizers = if self.normalizers.is_empty() {
                            let n = self.labels.numel();
                            let (mut losses, mut again) = (vec![0.0; n], vec![Normalizer::default(); n]);
                            kernel.losses(values, &mut losses, &mut again);
                            found = again;
                            &found
                        } else {
                            &self.normalizers
                        };
                        Tensor::write_like(&x, |out| kernel.gradient(values, normalizers, &grads, out)).0
                    });
                }
                let mut out = vec![T::default(); x.numel()];
                let mut sums = vec![T::default(); self.labels.numel()];
                self.with_kernel(&x, |kernel, _| kernel.expected(scale, &mut out, &mut sums))?;
                let sums = Tensor::from_vec(sums, without_classes(&x))?.unsqueeze(dim)?;
                sums.mul(&x.softmax(dim)?)?.sub(&Tensor::from_vec_like(out, &x)?)?.mul(&grad)
            })
        })
    }
}

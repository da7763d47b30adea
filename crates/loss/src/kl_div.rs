//! Kullback-Leibler divergence of a target distribution from a predicted one.

use crate::pointwise::{divided, pointwise};
use crate::{Criterion, Pointwise, Reduction};
use std::fmt;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

/// `t·(ln t − x)` for the logarithm `x` of a predicted probability: how much a distribution differs from another, for
/// distillation and variational models.
///
/// A target of 0 counts 0, also under a prediction of −∞, and equal log-targets count 0 at any size (PyTorch: NaN). [`BatchMean`] is the divergence as
/// mathematics has it; the plain mean also divides by the number of classes.
///
/// Shapes: input `(*)`, target alike or broadcast to it; output scalar, or `(*)` without a reduction.
///
/// ```
/// use loss::{BatchMean, Criterion, KLDivLoss};
/// use tensor::tensor;
/// let x = tensor([[0.25, 0.75]]).log();
/// let loss = KLDivLoss::new().reduction(BatchMean).forward(&x, &tensor([[0.5, 0.5]]))?;
/// assert_eq!(loss.to_string(), "tensor(0.1438)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.KLDivLoss")]
#[doc(alias = "kl_div")]
#[derive(Clone, Debug, Default)]
pub struct KLDivLoss {
    log_target: bool,
    reduction: KLReduction,
}

/// The sum of the losses divided by the size of the first dimension: PyTorch's `reduction="batchmean"`.
#[doc(alias = "batchmean")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMean;

/// A [`Reduction`], or [`BatchMean`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KLReduction {
    /// As for all criteria.
    Plain(Reduction),
    /// Only here.
    Batch,
}

impl Default for KLReduction {
    fn default() -> Self {
        KLReduction::Plain(Reduction::Mean)
    }
}

impl From<Reduction> for KLReduction {
    fn from(reduction: Reduction) -> Self {
        KLReduction::Plain(reduction)
    }
}

impl From<BatchMean> for KLReduction {
    fn from(_: BatchMean) -> Self {
        KLReduction::Batch
    }
}

impl KLDivLoss {
    /// With PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the target is given as logarithms too (default no).
    #[must_use]
    pub fn log_target(mut self, log_target: bool) -> Self {
        self.log_target = log_target;
        self
    }

    /// What becomes of the losses of the single elements: a [`Reduction`] (default: their mean) or [`BatchMean`].
    #[must_use]
    pub fn reduction(mut self, reduction: impl Into<KLReduction>) -> Self {
        self.reduction = reduction.into();
        self
    }
}

impl fmt::Display for KLDivLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KLDivLoss()")
    }
}

impl Criterion for KLDivLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let (x, t) = (input.shape(), target.shape());
        if tensor::layout::broadcast(x, t).as_deref() != Some(x) {
            return Err(Error::shape(
                "KLDivLoss",
                format!("target of shape {t:?} cannot be broadcast to the input's shape {x:?}"),
            ));
        }
        let f = Divergence { log_target: self.log_target };
        match self.reduction {
            KLReduction::Plain(reduction) => pointwise(f, [input, target], reduction),
            KLReduction::Batch => {
                // A scalar is a batch of one.
                let batch = x.first().copied().unwrap_or(1);
                divided(f, [input, target], batch as f64)
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Divergence {
    log_target: bool,
}

impl Pointwise<2> for Divergence {
    const NAME: &'static str = "Sub";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let (p, log) = if self.log_target { (t.clone().exp(), t) } else { (t.clone(), t.ln()) };
        let zero = p.constant(0.0);
        // Equal logarithms cost nothing, also where their exponential is infinite.
        let each = R::select(log.clone().equal(x.clone()), zero.clone(), p.clone() * (log - x));
        R::select(p.eq_scalar(0.0), zero, each)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        if self.log_target {
            let p = t.clone().exp();
            return [-p.clone(), p * (t - x + 1.0)];
        }
        [-t.clone(), t.ln() - x + 1.0]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[-0.3, -1.2], [-2.0, -0.7]]), float64([[0.2, 0.8], [0.4, 0.6]])];
    vec![
        case("KLDivLoss", |x| KLDivLoss::new().forward(&x[0], &x[1]), inputs()),
        case("KLDivLoss, sum", |x| KLDivLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("KLDivLoss, batchmean", |x| KLDivLoss::new().reduction(BatchMean).forward(&x[0], &x[1]), inputs()),
        case(
            "KLDivLoss, log_target, none",
            |x| KLDivLoss::new().log_target(true).reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "KLDivLoss, one target for all",
            |x| KLDivLoss::new().forward(&x[0], &x[1]),
            vec![float64([[-0.3, -1.2], [-2.0, -0.7]]), float64([0.2, 0.8])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn equal_logarithms_cost_nothing() {
        let x = tensor([1e19, 0.5]);
        let loss = KLDivLoss::new().log_target(true).reduction(Reduction::Sum).forward(&x, &x).unwrap();
        assert_eq!(loss.item().unwrap(), 0.0);
    }

    #[test]
    fn nothing_expected_costs_nothing() {
        let x = tensor([f64::NEG_INFINITY, 0.0]).requires_grad();
        let loss = KLDivLoss::new().reduction(Reduction::Sum).forward(&x, &tensor([0.0, 1.0])).unwrap();
        assert_eq!(loss.item().unwrap(), 0.0);
        loss.backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, -1.0]);
    }
}

//! Lovász loss: the IoU of masks as a convex function of the errors (Berman et al. 2018).

use crate::class_indices::class_dim;
use crate::criterion::criterion;
use crate::overlap::masks;
use crate::refuse::neither;
use crate::{Criterion, Reduction};
use kernel::Float;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Result, Tensor, tensor, with_float};

criterion! {
    /// The Lovász extension of `1 − IoU`: what [`DiceLoss`](crate::DiceLoss) approximates, for segmentation that is judged
    /// by its IoU. Usually after some epochs of cross-entropy.
    ///
    /// With float targets it is the Lovász hinge of the errors `1 − x·(2t − 1)`, with class indices the Lovász-Softmax of the
    /// errors `|[c = y] − p_c|`, of the classes that occur in an example.
    ///
    /// Shapes: logits `(N, *)` with float targets alike, 0 or 1: one mask for each example; or logits `(N, C, d1, …)` with
    /// int64 class indices `(N, d1, …)`. Output scalar, or `(N)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, LovaszLoss};
    /// use tensor::tensor;
    /// let loss = LovaszLoss::new().forward(&tensor([[0.5, -2.0, 0.25]]), &tensor([[1.0, 0.0, 0.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.8750)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "Lovász hinge")]
    #[doc(alias = "Lovász-Softmax")]
    LovaszLoss {}
}

impl Criterion for LovaszLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        const OP: &str = "LovaszLoss";
        let [p, t] = masks(OP, input, target)?;
        if !target.dtype().is_float() {
            // A class that does not occur has no share in the mean over the classes.
            let occurs = t.amax(-1, false)?;
            let each = extension(&t.sub(&p)?.abs(), &t)?.mul(&occurs)?;
            let counted = occurs.sum_dim(class_dim(input), false)?.clamp(1.0, None)?;
            return Ok(self.reduction.of(&each.sum_dim(class_dim(input), false)?.div(&counted)?));
        }
        neither(OP, target, [0.0, 1.0])?;
        let signs = t.mul(2.0)?.sub(1.0)?;
        let logits = input.reshape(t.shape())?;
        let errors = logits.mul(&signs)?.neg().add(1.0)?.clamp(0.0, None)?;
        Ok(self.reduction.of(&extension(&errors, &t)?))
    }
}

/// `Σ errors · ΔIoU` over the last dimension, in the order of the errors: what each adds to the Jaccard loss of those before
/// it. The order, and so the factors, are constants.
fn extension(errors: &Tensor, masks: &Tensor) -> Result<Tensor> {
    let pixels = errors.shape().last().copied().unwrap_or(1).max(1);
    let factors = with_float!(errors.dtype(), T => {
        let mut out = vec![T::default(); errors.numel()];
        let (e, t) = (errors.elements::<T>()?, masks.elements::<T>()?);
        for ((e, t), out) in e.chunks_exact(pixels).zip(t.chunks_exact(pixels)).zip(out.chunks_exact_mut(pixels)) {
            jaccard_steps(e, t, out);
        }
        Tensor::from_vec(out, errors.shape())?
    });
    errors.mul(&factors)?.sum_dim(-1, false)
}

fn jaccard_steps<T: Float>(errors: &[T], mask: &[T], out: &mut [T]) {
    let mut order: Vec<usize> = (0..errors.len()).collect();
    order.sort_by(|&i, &j| errors[j].to_f64().total_cmp(&errors[i].to_f64()));
    let total: f64 = mask.iter().map(|t| t.to_f64()).sum();
    let (mut hits, mut misses, mut last) = (total, 0.0, 0.0);
    for i in order {
        hits -= mask[i].to_f64();
        misses += 1.0 - mask[i].to_f64();
        let loss = 1.0 - hits / (total + misses);
        out[i] = T::from_f64(loss - last);
        last = loss;
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case(
            "LovaszLoss",
            |x| LovaszLoss::new().forward(&x[0], &tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])),
            vec![float64([[0.3, -1.2, 0.5], [0.0, 3.0, -2.0]])],
        ),
        case(
            "LovaszLoss of classes, sum",
            |x| LovaszLoss::new().reduction(Reduction::Sum).forward(&x[0], &tensor([[1, 0], [0, 0]])),
            vec![float64([[[0.4, -1.3], [2.0, 0.2]], [[0.1, 0.7], [-0.9, 1.4]]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the corners of the cube of errors the extension is the Jaccard loss itself.
    #[test]
    fn certain_predictions_have_their_jaccard_loss() {
        let x = tensor([[[-40.0, 40.0, 40.0, -40.0], [40.0, -40.0, -40.0, 40.0]]]);
        let y = tensor([[1, 1, 0, 0]]);
        // Predicted 1001 for 1100: one in common of three.
        let loss = LovaszLoss::new().forward(&x, &y).unwrap().item().unwrap();
        assert!((loss - 2.0 / 3.0).abs() < 1e-6, "{loss}");
    }

    #[test]
    fn right_by_the_margin_costs_nothing() {
        let loss = LovaszLoss::new().forward(&tensor([[2.0, -1.0]]), &tensor([[1.0, 0.0]])).unwrap();
        assert_eq!(loss.item().unwrap(), 0.0);
        assert!(LovaszLoss::new().forward(&tensor([[2.0]]), &tensor([[0.5]])).is_err());
    }
}

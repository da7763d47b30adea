//! Dice and Tversky losses: how much a predicted mask overlaps the true one.
//!
//! Both count true positives `TP = Σp·t`, false positives `FP = Σp·(1 − t)` and false negatives `FN = Σ(1 − p)·t` softly,
//! with probabilities, over each mask: a mask of few pixels counts as much as a large one, where a mean over pixels would
//! drown it.

use crate::class_indices::{class_dim, labels};
use crate::criterion::criterion;
use crate::refuse::{no_probabilities, unequal_shapes};
use crate::{Criterion, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Result, Tensor, tensor};

criterion! {
    /// `1 − (2·TP + s)/(2·TP + FP + FN + s)` for logits (Milletari et al. 2016): segmentation of small objects.
    ///
    /// Shapes: logits `(N, *)` with float targets alike, in \[0, 1\]: a sigmoid, and one mask for each example; or logits
    /// `(N, C, d1, …)` with int64 class indices `(N, d1, …)`: a softmax, and one mask for each class of each example.
    /// Output scalar, or `(N)` or `(N, C)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, DiceLoss};
    /// use tensor::tensor;
    /// let loss = DiceLoss::new().forward(&tensor([[4.0, 4.0, -4.0]]), &tensor([[1.0, 1.0, 0.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.0108)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "F1")]
    DiceLoss {
        /// Makes the loss of an empty mask against an empty mask 0 (default 1).
        smooth: f64 = 1.0,
    }
}

impl Criterion for DiceLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        // Halves of all counts, and of the constant.
        let loss = overlap("DiceLoss", input, target, [0.5, 0.5], self.smooth * 0.5)?;
        Ok(self.reduction.of(&loss))
    }
}

criterion! {
    /// `1 − (TP + s)/(TP + α·FP + β·FN + s)` for logits (Salehi et al. 2017): with `β > α` what is missed costs more than
    /// what is found in vain. With halves it is [`DiceLoss`], with ones the Jaccard loss, `1 − IoU`.
    ///
    /// Shapes: as [`DiceLoss`].
    ///
    /// ```
    /// use loss::{Criterion, TverskyLoss};
    /// use tensor::tensor;
    /// let criterion = TverskyLoss::new().alpha(0.3).beta(0.7);
    /// let loss = criterion.forward(&tensor([[4.0, -4.0, -4.0]]), &tensor([[1.0, 1.0, 0.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.2607)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    TverskyLoss {
        /// What a false positive costs (default ½).
        alpha: f64 = 0.5,
        /// What a false negative costs (default ½).
        beta: f64 = 0.5,
        /// Makes the loss of an empty mask against an empty mask 0 (default 1).
        smooth: f64 = 1.0,
    }
}

impl Criterion for TverskyLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if self.alpha < 0.0 || self.beta < 0.0 {
            return Err(Error::value(
                "TverskyLoss",
                format!("alpha and beta must not be negative, found {} and {}", self.alpha, self.beta),
            ));
        }
        let loss = overlap("TverskyLoss", input, target, [self.alpha, self.beta], self.smooth)?;
        Ok(self.reduction.of(&loss))
    }
}

/// Probabilities and targets as masks `(…, pixels)`.
#[track_caller]
pub(crate) fn masks(op: &'static str, input: &Tensor, target: &Tensor) -> Result<[Tensor; 2]> {
    if !input.dtype().is_float() {
        return Err(Error::not_float(op, input.dtype()));
    }
    let flat = |x: &Tensor, from: usize| {
        // A single number is a mask of one pixel.
        let x = if x.dim() == from { x.unsqueeze(-1)? } else { x.clone() };
        x.flatten(from as isize, -1)
    };
    if target.dtype().is_float() {
        unequal_shapes(op, ("input", input), ("target", target))?;
        no_probabilities(op, "target", target)?;
        if input.dim() == 0 {
            return Err(Error::shape(op, "a scalar is no mask; use (N, *)"));
        }
        return Ok([flat(&input.sigmoid(), 1)?, flat(&target.to(input.dtype()), 1)?]);
    }
    if input.dim() < 2 {
        return Err(Error::shape(op, format!("class indices need logits (N, C, d1, …), found shape {:?}", input.shape())));
    }
    let labels = labels(op, input, target, None)?;
    let classes = input.shape()[class_dim(input)];
    let labels: Vec<i64> = labels.into_iter().flatten().map(|y| y as i64).collect();
    let places = Tensor::from_vec(labels, target.shape())?.unsqueeze(1)?;
    let one_hot = Tensor::arange(0, classes as i64, 1, tensor::DType::I64)?;
    let one_hot = one_hot.reshape(std::iter::once(classes).chain(vec![1; input.dim() - 2]).collect::<Vec<_>>())?;
    Ok([flat(&input.softmax(1)?, 2)?, flat(&places.eq(&one_hot)?.to(input.dtype()), 2)?])
}

#[track_caller]
fn overlap(op: &'static str, input: &Tensor, target: &Tensor, costs: [f64; 2], smooth: f64) -> Result<Tensor> {
    let [p, t] = masks(op, input, target)?;
    let sum = |x: &Tensor| x.sum_dim(-1, false);
    let hits = sum(&p.mul(&t)?)?;
    // FP = Σp − TP, FN = Σt − TP.
    let wrong = sum(&p)?.sub(&hits)?.mul(costs[0])?.add(&sum(&t)?.sub(&hits)?.mul(costs[1])?)?;
    wrong.div(&hits.add(smooth)?.add(&wrong)?)
}

pub(crate) fn cases() -> Vec<Case> {
    let masks = || vec![float64([[0.3, -1.2, 0.5], [0.0, 3.0, -2.0]]), float64([[0.9, 0.75, 0.0625], [0.25, 0.125, 0.5]])];
    let image = || vec![float64([[[0.4, -1.3], [2.0, 0.2]], [[0.1, 0.7], [-0.9, 1.4]]])];
    vec![
        case("DiceLoss", |x| DiceLoss::new().forward(&x[0], &x[1]), masks()),
        case(
            "DiceLoss of classes, none",
            |x| DiceLoss::new().reduction(Reduction::None).forward(&x[0], &tensor([[1, 0], [0, 1]])),
            image(),
        ),
        case(
            "TverskyLoss, sum",
            |x| {
                let criterion = TverskyLoss::new().alpha(0.3).beta(0.7).smooth(0.0);
                criterion.reduction(Reduction::Sum).forward(&x[0], &x[1])
            },
            masks(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_masks() {
        let x = tensor([[40.0, 40.0, -40.0], [-40.0, -40.0, -40.0], [40.0, -40.0, -40.0]]);
        let t = tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        let loss = DiceLoss::new().reduction(Reduction::None).forward(&x, &t).unwrap();
        let found = loss.to_vec::<f32>().unwrap();
        assert!(found[..2].iter().all(|&l| l < 1e-6), "{found:?}");
        // 2·TP = 0, FP = FN = 1, s = 1
        assert!((found[2] - 2.0 / 3.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn halves_are_dice() {
        let (x, t) = (tensor([[0.4, -1.3, 2.0]]), tensor([[1.0, 0.0, 0.5]]));
        let dice = DiceLoss::new().smooth(0.0).forward(&x, &t).unwrap().item().unwrap();
        let tversky = TverskyLoss::new().smooth(0.0).forward(&x, &t).unwrap().item().unwrap();
        assert_eq!(dice, tversky);
    }
}

//! A distance learned as a distribution over whole numbers, whose mean it is.

use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, DType, Error, Result, Tensor, stack};

/// Distribution focal loss of each number `y` against logits over the whole numbers `0, 1, …, bins − 1`:
/// `−(⌊y⌋ + 1 − y)·ln p(⌊y⌋) − (y − ⌊y⌋)·ln p(⌊y⌋ + 1)`, cross-entropy against the two neighbours (Li et al. 2020,
/// Generalized Focal Loss, equation 6). At its least the distribution's mean is `y`.
///
/// Shapes: logits `(…, bins)`, target `(…)` from 0 to `bins − 1`; output `(…)`.
///
/// ```
/// use tensor::tensor;
/// use vision::distribution_focal_loss;
/// // 1.25 is 1 with probability ¾ and 2 with ¼.
/// let logits = tensor([[-90.0, 0.75f64.ln(), 0.25f64.ln(), -90.0]]);
/// let loss = distribution_focal_loss(&logits, &tensor([1.25]))?;
/// assert_eq!(loss.to_string(), "tensor([0.5623])"); // the entropy of (¾, ¼)
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If the shapes do not fit, there are less than two bins, or a target is out of range.
#[doc(alias = "DFL")]
#[track_caller]
pub fn distribution_focal_loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    const OP: &str = "distribution_focal_loss";
    let (l, t) = (logits.shape(), target.shape());
    let bins = match l.split_last() {
        Some((&bins, rest)) if rest == t && bins >= 2 => bins,
        _ => {
            let found = format!(
                "expected logits (…, bins) of two bins or more and a target (…), found {l:?} and {t:?}"
            );
            return Err(Error::shape(OP, found));
        }
    };
    let last = bins as f64 - 1.0;
    let numbers = target.detach().to(DType::F64).to_vec::<f64>()?;
    if let Some((i, y)) = numbers.iter().enumerate().find(|(_, y)| !(0.0..=last).contains(*y)) {
        return Err(Error::value(OP, format!("targets are from 0 to {last}, found {y} at element {i}")));
    }
    // The last whole number has itself as its upper neighbour's lower one.
    let lower = target.detach().floor().clamp(0.0, last - 1.0)?;
    let above = target.sub(&lower)?;
    let weights = stack(&[&above.rsub(1.0)?, &above], -1)?;
    let first = lower.to(DType::I64);
    let neighbours = stack(&[&first, &first.add(1)?], -1)?;
    let likely = logits.log_softmax(-1)?.gather(-1, &neighbours)?;
    // What has no weight costs nothing, even if it is impossible.
    likely.mul(&weights)?.where_(&weights.ne(0.0)?, 0.0)?.sum_dim(-1, false)?.mul(-1.0).at_caller()
}

pub(crate) fn cases() -> Vec<Case> {
    let logits = || float64([[0.5, -1.0, 0.25, 2.0], [0.0, 0.75, -0.5, 1.5]]);
    vec![case(
        "distribution_focal_loss",
        |x| distribution_focal_loss(&x[0], &x[1]),
        vec![logits(), float64([0.3, 2.6])],
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use loss::{Criterion, CrossEntropyLoss};
    use tensor::tensor;

    #[test]
    fn at_whole_numbers_it_is_cross_entropy() {
        let logits = tensor([[0.5, -1.0, 2.0], [0.0, 0.75, -0.5], [1.0, 0.5, 0.25]]);
        let found = distribution_focal_loss(&logits, &tensor([0.0, 1.0, 2.0])).unwrap().mean();
        let expected = CrossEntropyLoss::new().forward(&logits, &tensor([0, 1, 2])).unwrap();
        assert!(found.allclose(&expected, 1e-6, 0.0).unwrap());
    }

    #[test]
    fn what_is_impossible_costs_nothing_without_weight() {
        let logits = tensor([0.0, f64::NEG_INFINITY, 0.0]).requires_grad();
        let loss = distribution_focal_loss(&logits, &tensor(0.0)).unwrap();
        assert!((loss.item().unwrap() - 2f64.ln()).abs() < 1e-6);
        loss.backward().unwrap();
        assert_eq!(logits.grad().unwrap().to_vec::<f32>().unwrap(), [-0.5, 0.0, 0.5]);
    }

    #[test]
    fn refusals() {
        let logits = tensor([[0.5, -1.0, 2.0]]);
        for (target, why) in
            [(tensor([2.5]), "2.5"), (tensor([f64::NAN]), "NaN"), (tensor(1.0), "[1, 3] and []")]
        {
            let error = distribution_focal_loss(&logits, &target).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(distribution_focal_loss(&tensor([[1.0]]), &tensor([0.0])).is_err());
    }
}

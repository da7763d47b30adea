//! Several criteria at once, with weights, and what each contributed.

use crate::Criterion;
use std::fmt;
use tensor::{AtCaller, Error, Result, Tensor};

/// The weighted sum of criteria of the same input and target.
///
/// Shapes: those of its criteria; their losses must be alike.
///
/// ```
/// use loss::{BCEWithLogitsLoss, Criterion, DiceLoss, WeightedSum};
/// use tensor::tensor;
/// let criterion = WeightedSum::new().add("bce", 1.0, BCEWithLogitsLoss::new()).add("dice", 0.5, DiceLoss::new());
/// let (x, t) = (tensor([[2.0, -1.0]]), tensor([[1.0, 0.0]]));
/// let (loss, parts) = criterion.parts(&x, &t)?;
/// for part in &parts {
///     println!("{}: {:.4} · {}", part.name, part.weight, part.loss);
/// }
/// assert_eq!(loss.to_string(), criterion.forward(&x, &t)?.to_string());
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Default)]
pub struct WeightedSum {
    terms: Vec<(String, f64, Box<dyn Criterion>)>,
}

/// What one criterion of a [`WeightedSum`] said.
#[derive(Clone, Debug)]
pub struct LossPart<'a> {
    /// The name that it was added under.
    pub name: &'a str,
    /// Its weight in the sum.
    pub weight: f64,
    /// Its loss, before the weight: a part of the graph.
    pub loss: Tensor,
}

impl WeightedSum {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one criterion more.
    #[must_use]
    pub fn add(mut self, name: impl Into<String>, weight: f64, criterion: impl Criterion + 'static) -> Self {
        self.terms.push((name.into(), weight, Box::new(criterion)));
        self
    }

    /// The sum, and what it is made of.
    ///
    /// # Errors
    /// If there are no criteria, if their losses differ in shape, and those of the criteria.
    #[track_caller]
    pub fn parts(&self, input: &Tensor, target: &Tensor) -> Result<(Tensor, Vec<LossPart<'_>>)> {
        let mut parts = Vec::with_capacity(self.terms.len());
        let mut total: Option<Tensor> = None;
        for (name, weight, criterion) in &self.terms {
            let loss = criterion.forward(input, target)?;
            let term = loss.mul(*weight)?;
            total = Some(match total {
                None => term,
                Some(total) if total.shape() != term.shape() => {
                    return Err(Error::shape(
                        "WeightedSum",
                        format!(
                            "{name} has a loss of shape {:?}, those before it have shape {:?}: give them the same \
                             reduction",
                            term.shape(),
                            total.shape()
                        ),
                    ));
                }
                Some(total) => total.add(&term)?,
            });
            parts.push(LossPart { name, weight: *weight, loss });
        }
        let total = total.ok_or_else(|| Error::value("WeightedSum", "a sum of no criteria; use .add(…)")).at_caller()?;
        Ok((total, parts))
    }
}

impl Criterion for WeightedSum {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        self.parts(input, target).map(|(total, _)| total)
    }
}

impl fmt::Display for WeightedSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightedSum(")?;
        for (name, weight, criterion) in &self.terms {
            write!(f, "\n  ({name}): {weight} * {criterion}")?;
        }
        f.write_str(if self.terms.is_empty() { ")" } else { "\n)" })
    }
}

impl fmt::Debug for WeightedSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) fn cases() -> Vec<tensor::autograd::check::Case> {
    use crate::{HuberLoss, MSELoss};
    use tensor::autograd::check::{case, float64};
    vec![case(
        "WeightedSum",
        |x| {
            let sum = WeightedSum::new().add("squared", 0.5, MSELoss::new()).add("huber", 2.0, HuberLoss::new());
            sum.forward(&x[0], &x[1])
        },
        vec![float64([0.3, -1.2]), float64([1.0, -1.5])],
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{L1Loss, MSELoss, Reduction};
    use tensor::tensor;

    #[test]
    fn parts_are_named() {
        let sum = WeightedSum::new().add("squared", 0.5, MSELoss::new()).add("absolute", 2.0, L1Loss::new());
        let (total, parts) = sum.parts(&tensor([3.0]), &tensor([1.0])).unwrap();
        assert_eq!(total.item().unwrap(), 6.0);
        let found: Vec<_> = parts.iter().map(|p| (p.name, p.weight, p.loss.item().unwrap())).collect();
        assert_eq!(found, [("squared", 0.5, 4.0), ("absolute", 2.0, 2.0)]);
        assert_eq!(sum.to_string(), "WeightedSum(\n  (squared): 0.5 * MSELoss()\n  (absolute): 2 * L1Loss()\n)");
    }

    #[test]
    fn refusals() {
        let x = tensor([3.0, 1.0]);
        assert!(WeightedSum::new().forward(&x, &x).is_err());
        let none = L1Loss::new().reduction(Reduction::None);
        let mixed = WeightedSum::new().add("a", 1.0, MSELoss::new()).add("b", 1.0, none);
        assert!(mixed.forward(&x, &x).unwrap_err().to_string().contains("same reduction"));
    }
}

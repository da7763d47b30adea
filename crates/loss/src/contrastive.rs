//! Contrastive losses: of a batch of pairs, each recognises its partner among all.

use crate::criterion::criterion;
use crate::cross_entropy::CrossEntropyLoss;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{DType, Error, Result, Tensor, cat};

criterion! {
    /// Cross-entropy of the cosines `q·kᵀ/τ` with the diagonal as labels (van den Oord et al. 2018): query `i` finds key
    /// `i` among the keys of the batch. For embeddings of two kinds, such as texts and images.
    ///
    /// Shapes: queries and keys alike, `(N, D)`; output scalar, or `(N)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, InfoNCELoss};
    /// use tensor::tensor;
    /// let x = tensor([[1.0, 0.0], [0.0, 1.0]]);
    /// let loss = InfoNCELoss::new().temperature(0.5).forward(&x, &x)?;
    /// assert_eq!(loss.to_string(), "tensor(0.1269)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    InfoNCELoss {
        /// How sharp the cosines are compared, above 0 (default 0.1).
        temperature: f64 = 0.1,
    }
}

impl Criterion for InfoNCELoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        check("InfoNCELoss", input, target, self.temperature)?;
        let cosines = unit(input)?.matmul(&unit(target)?.t()?)?;
        let labels = Tensor::arange(0, input.shape()[0] as i64, 1, DType::I64)?;
        let criterion = CrossEntropyLoss::new().reduction(self.reduction);
        criterion.forward(&cosines.div(self.temperature)?, &labels)
    }
}

criterion! {
    /// The loss of SimCLR (Chen et al. 2020), NT-Xent: [`InfoNCELoss`] in which each of the `2N` vectors finds its partner
    /// among all others. For two augmented views of each example.
    ///
    /// Shapes: both views alike, `(N, D)`; output scalar, or `(2N)` without a reduction, first one view and then the other.
    ///
    /// ```
    /// use loss::{Criterion, NTXentLoss};
    /// use tensor::tensor;
    /// let x = tensor([[1.0, 0.0], [0.0, 1.0]]);
    /// let loss = NTXentLoss::new().forward(&x, &x)?;
    /// assert_eq!(loss.to_string(), "tensor(0.2395)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    NTXentLoss {
        /// How sharp the cosines are compared, above 0 (default ½).
        temperature: f64 = 0.5,
    }
}

impl Criterion for NTXentLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        check("NTXentLoss", input, target, self.temperature)?;
        let n = input.shape()[0] as i64;
        let all = unit(&cat(&[input, target], 0)?)?;
        let cosines = all.matmul(&all.t()?)?.div(self.temperature)?;
        // Nobody is compared with itself.
        let own = Tensor::eye(2 * n as usize, 2 * n as usize, DType::Bool)?;
        let labels: Vec<i64> = (0..2 * n).map(|i| (i + n) % (2 * n)).collect();
        let criterion = CrossEntropyLoss::new().reduction(self.reduction);
        criterion.forward(&cosines.masked_fill(&own, f64::NEG_INFINITY)?, &Tensor::from_vec(labels, 2 * n)?)
    }
}

#[track_caller]
fn check(op: &'static str, input: &Tensor, target: &Tensor, temperature: f64) -> Result<()> {
    if temperature <= 0.0 || temperature.is_nan() {
        return Err(Error::value(op, format!("temperature must be positive, found {temperature}")));
    }
    unequal_shapes(op, ("input", input), ("target", target))?;
    if input.dim() != 2 {
        return Err(Error::shape(op, format!("expected vectors (N, D), found shape {:?}", input.shape())));
    }
    Ok(())
}

/// Each row with length 1; a zero vector stays one.
fn unit(x: &Tensor) -> Result<Tensor> {
    x.normalize(2.0, -1, 1e-12)
}

pub(crate) fn cases() -> Vec<Case> {
    let views = || {
        vec![
            float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]),
            float64([[0.3, 1.3, 0.2], [-0.1, 0.6, -0.7]]),
        ]
    };
    vec![
        case("InfoNCELoss", |x| InfoNCELoss::new().forward(&x[0], &x[1]), views()),
        case("NTXentLoss", |x| NTXentLoss::new().forward(&x[0], &x[1]), views()),
        case(
            "NTXentLoss, none",
            |x| NTXentLoss::new().temperature(1.0).reduction(Reduction::None).forward(&x[0], &x[1]),
            views(),
        ),
    ]
}

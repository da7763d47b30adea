//! Soft margin loss: the logistic loss of labels 1 and −1.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// `ln(1 + e^(−y·x))` for labels `y` of 1 and −1: logistic regression in the sign convention of support vector
    /// machines. With labels of 0 and 1, take [`BCEWithLogitsLoss`](crate::BCEWithLogitsLoss).
    ///
    /// Exact for any `x`: PyTorch's float32 is infinite from −89 on, and its gradient NaN.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, SoftMarginLoss};
    /// use tensor::tensor;
    /// let loss = SoftMarginLoss::new().forward(&tensor([0.5, -0.5]), &tensor([1.0, 1.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.7241)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.SoftMarginLoss")]
    #[doc(alias = "soft_margin_loss")]
    SoftMarginLoss {}
}

impl Criterion for SoftMarginLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("SoftMarginLoss", ("input", input), ("target", target))?;
        pointwise(SoftMargin, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct SoftMargin;

impl Pointwise<2> for SoftMargin {
    const NAME: &'static str = "SoftMarginLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, y]: [R; 2]) -> R {
        -(x * y).log_sigmoid()
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, y]: [R; 2]) -> [R; 2] {
        let wrong = (-(x.clone() * y.clone())).sigmoid();
        [-(y * wrong.clone()), -(x * wrong)]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, -1.2, 4.0, -3.0]), float64([1.0, -1.0, 1.0, 1.0])];
    vec![
        case("SoftMarginLoss", |x| SoftMarginLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "SoftMarginLoss, sum",
            |x| SoftMarginLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "SoftMarginLoss, none",
            |x| SoftMarginLoss::new().reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn no_overflow_where_pytorch_has_one() {
        let x = tensor([-89.0, -1e4, -3e38, 1e4]).requires_grad();
        let loss =
            SoftMarginLoss::new().reduction(Reduction::None).forward(&x, &tensor([1.0; 4])).unwrap();
        assert_eq!(loss.to_vec::<f32>().unwrap(), [89.0, 1e4, 3e38, 0.0]);
        loss.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [-1.0, -1.0, -1.0, 0.0]);
    }
}

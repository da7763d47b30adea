//! Mean squared error: `(x − t)²`.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// Squared error `(x − t)²`, for regression with errors of a normal kind: prices, temperatures, coordinates.
    ///
    /// One outlier outweighs many small errors; where that hurts, take [`HuberLoss`](crate::HuberLoss).
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, MSELoss};
    /// use tensor::tensor;
    /// let loss = MSELoss::new().forward(&tensor([8.0]), &tensor([10.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(4.)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.MSELoss")]
    #[doc(alias = "mse_loss")]
    MSELoss {}
}

impl Criterion for MSELoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("MSELoss", ("input", input), ("target", target))?;
        pointwise(Squared, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Squared;

impl Pointwise<2> for Squared {
    const NAME: &'static str = "MseLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let d = x - t;
        d.clone() * d
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let slope = (x - t) * 2.0;
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [2.0, 0.7]]), float64([[1.0, -1.5], [0.5, 0.9]])];
    vec![
        case("MSELoss", |x| MSELoss::new().forward(&x[0], &x[1]), inputs()),
        case("MSELoss, sum", |x| MSELoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("MSELoss, none", |x| MSELoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
        case("MSELoss of views", |x| MSELoss::new().forward(&x[0].t()?, &x[1].t()?), inputs()),
    ]
}

//! Mean squared error: `(x − t)²`.

use crate::criterion::criterion;
use crate::pointwise::weighted;
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
    MSELoss {
        /// A weight for each element, of the input's shape; the mean is then the weighted mean.
        weight: Option<Tensor>,
    }
}

impl Criterion for MSELoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("MSELoss", ("input", input), ("target", target))?;
        match &self.weight {
            None => pointwise(Squared, [input, target], self.reduction),
            Some(w) => weighted("MSELoss", Squared, [input, target], w, self.reduction),
        }
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
    #[inline(always)]
    fn pulls<R: Real>(self, [x, t]: [R; 2], grad: R) -> [R; 2] {
        let pull = (x - t) * grad * 2.0;
        [pull.clone(), -pull]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [2.0, 0.7]]), float64([[1.0, -1.5], [0.5, 0.9]])];
    vec![
        case("MSELoss", |x| MSELoss::new().forward(&x[0], &x[1]), inputs()),
        case("MSELoss, sum", |x| MSELoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("MSELoss, none", |x| MSELoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
        case(
            "MSELoss, weight",
            |x| MSELoss::new().weight(&x[2]).forward(&x[0], &x[1]),
            inputs().into_iter().chain([float64([[0.5, 2.0], [1.0, 0.25]])]).collect(),
        ),
        case("MSELoss of views", |x| MSELoss::new().forward(&x[0].t()?, &x[1].t()?), inputs()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    /// As PyTorch's: the loss is infinite, its slope is not.
    #[test]
    fn a_share_of_a_slope_beyond_the_range() {
        let x = tensor([3e38, 0.0, 0.0, 0.0]).requires_grad();
        let loss = MSELoss::new().forward(&x, &tensor([0.0; 4])).unwrap();
        let again = tensor::grad_with(&[&loss], &[None], &[&x]).unwrap().remove(0);
        loss.backward().unwrap();
        for slope in [x.grad().unwrap(), again] {
            assert!((slope.to_vec::<f32>().unwrap()[0] / 1.5e38 - 1.0).abs() < 1e-6, "{slope}");
        }
    }
}

//! Log-cosh loss: a Huber loss without a kink in any derivative.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use std::f64::consts::LN_2;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// `ln cosh(x − t)`: `d²/2` near zero, `|d| − ln 2` far out, and smooth in all derivatives; for regression with
    /// outliers and second-order methods. Exact for any `d`.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, LogCoshLoss};
    /// use tensor::tensor;
    /// let loss = LogCoshLoss::new().forward(&tensor([2.5, 3.0]), &tensor([3.0, 4.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.2769)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    LogCoshLoss {}
}

impl Criterion for LogCoshLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("LogCoshLoss", ("input", input), ("target", target))?;
        pointwise(LogCosh, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct LogCosh;

impl Pointwise<2> for LogCosh {
    const NAME: &'static str = "LogCoshLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let d = (x - t).abs();
        // cosh d = 1 + 2·sinh²(d/2) keeps the digits of small errors, the other form overflows for none.
        let half = d.clone().min_scalar(2.0) * 0.5;
        let half = half.sinh();
        let near = (half.clone() * half * 2.0).ln_1p();
        let far = d.clone() + ((d.clone() * -2.0).exp().ln_1p() - LN_2);
        R::select(d.lt_scalar(1.0), near, far)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let slope = (x - t).tanh();
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, -1.2, 5.0, 0.7]), float64([1.0, -1.5, 0.5, 0.7])];
    vec![
        case("LogCoshLoss", |x| LogCoshLoss::new().forward(&x[0], &x[1]), inputs()),
        case("LogCoshLoss, sum", |x| LogCoshLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("LogCoshLoss, none", |x| LogCoshLoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{DType, tensor};

    #[test]
    fn digits_of_small_and_of_large_errors() {
        let x = tensor([1e-8, 1e-3, 0.999, 1.001, 800.0]).to(DType::F64);
        let criterion = LogCoshLoss::new().reduction(Reduction::None);
        let found = criterion.forward(&x, &x.zeros_like()).unwrap().to_vec::<f64>().unwrap();
        let x = x.to_vec::<f64>().unwrap();
        let expected =
            [x[0] * x[0] / 2.0, x[1] * x[1] / 2.0 - x[1].powi(4) / 12.0, x[2].cosh().ln(), x[3].cosh().ln(), x[4] - LN_2];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-12, "{found} {expected}");
        }
    }
}

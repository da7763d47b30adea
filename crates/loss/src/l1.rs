//! Mean absolute error: `|x − t|`.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::pointwise::weighted;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// Absolute error `|x − t|`, for regression towards the median: every error pulls with the same force, however
    /// large. At 0 the slope is 0.
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, L1Loss};
    /// use tensor::tensor;
    /// let loss = L1Loss::new().forward(&tensor([2.5, 3.0]), &tensor([3.0, 4.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.7500)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.L1Loss")]
    #[doc(alias = "l1_loss")]
    #[doc(alias = "MAE")]
    L1Loss {
        /// A weight for each element, of the input's shape; the mean is then the weighted mean.
        weight: Option<Tensor>,
    }
}

impl Criterion for L1Loss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("L1Loss", ("input", input), ("target", target))?;
        match &self.weight {
            None => pointwise(Absolute, [input, target], self.reduction),
            Some(w) => weighted("L1Loss", Absolute, [input, target], w, self.reduction),
        }
    }
}

#[derive(Clone, Copy)]
struct Absolute;

impl Pointwise<2> for Absolute {
    const NAME: &'static str = "Abs";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        (x - t).abs()
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let slope = (x - t).sign();
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.3, -1.2], [2.0, 0.7]]), float64([[1.0, -1.5], [0.5, 0.9]])];
    let weighed = || {
        let mut inputs = inputs();
        inputs.push(float64([[0.5, 2.0], [1.0, 0.25]]));
        inputs
    };
    vec![
        case("L1Loss", |x| L1Loss::new().forward(&x[0], &x[1]), inputs()),
        case("L1Loss, sum", |x| L1Loss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), inputs()),
        case("L1Loss, none", |x| L1Loss::new().reduction(Reduction::None).forward(&x[0], &x[1]), inputs()),
        case("L1Loss, weight", |x| L1Loss::new().weight(&x[2]).forward(&x[0], &x[1]), weighed()),
    ]
}

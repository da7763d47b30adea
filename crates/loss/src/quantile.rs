//! Quantile loss, the tilted absolute error.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Error, Real, Result, Tensor};

criterion! {
    /// With `d = t − x`: `max(q·d, (q − 1)·d)` (Koenker and Bassett 1978), also called pinball loss: it is smallest where
    /// `x` is the q-quantile of the targets, so that 0.1 and 0.9 make an interval of 80 %. With q = ½ it is half of
    /// [`L1Loss`](crate::L1Loss).
    ///
    /// Shapes: input and target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, QuantileLoss};
    /// use tensor::tensor;
    /// let loss = QuantileLoss::new().quantile(0.9).forward(&tensor([1.0, 3.0]), &tensor([2.0, 2.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.5000)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "pinball_loss")]
    QuantileLoss {
        /// Which quantile is predicted, from 0 to 1 (default ½).
        quantile: f64 = 0.5,
    }
}

impl Criterion for QuantileLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&self.quantile) {
            let found = self.quantile;
            return Err(Error::value("QuantileLoss", format!("quantile must be between 0 and 1, found {found}")));
        }
        unequal_shapes("QuantileLoss", ("input", input), ("target", target))?;
        pointwise(Pinball { quantile: self.quantile }, [input, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Pinball {
    quantile: f64,
}

impl Pointwise<2> for Pinball {
    const NAME: &'static str = "QuantileLoss";
    #[inline(always)]
    fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
        let d = t - x;
        (d.clone() * self.quantile).maximum(d * (self.quantile - 1.0))
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
        let d = t - x;
        let (over, under) = (d.constant(self.quantile), d.constant(self.quantile - 1.0));
        let beyond = R::select(d.clone().lt_scalar(0.0), under, d.constant(0.0));
        let slope = R::select(d.gt_scalar(0.0), over, beyond);
        [-slope.clone(), slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || vec![float64([0.3, -1.2, 2.0, 0.7]), float64([1.0, -1.5, 0.5, 0.9])];
    vec![
        case("QuantileLoss", |x| QuantileLoss::new().forward(&x[0], &x[1]), inputs()),
        case(
            "QuantileLoss, quantile, sum",
            |x| QuantileLoss::new().quantile(0.9).reduction(Reduction::Sum).forward(&x[0], &x[1]),
            inputs(),
        ),
        case(
            "QuantileLoss, none",
            |x| QuantileLoss::new().quantile(0.1).reduction(Reduction::None).forward(&x[0], &x[1]),
            inputs(),
        ),
    ]
}

//! Margin ranking loss: of two scores, the one that should be higher is, by a margin.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Real, Result, Tensor};

criterion! {
    /// `max(0, −y·(x₁ − x₂) + margin)`: with `y = 1` the first score should be the higher one, with `y = −1` the second;
    /// for ranking, as in search and recommendation.
    ///
    /// Shapes: both inputs and the target alike, `(*)`; output scalar, or `(*)` without a reduction.
    ///
    /// ```
    /// use loss::MarginRankingLoss;
    /// use tensor::tensor;
    /// let criterion = MarginRankingLoss::new().margin(0.5);
    /// let loss = criterion.forward(&tensor([1.0, 0.2]), &tensor([0.8, 0.9]), &tensor([1.0, -1.0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.1500)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.MarginRankingLoss")]
    #[doc(alias = "margin_ranking_loss")]
    MarginRankingLoss {
        /// By how much the scores should differ (default 0).
        margin: f64 = 0.0,
    }
}

impl MarginRankingLoss {
    /// The loss of the scores `input1` and `input2`, of which `target` says the order.
    ///
    /// # Errors
    /// If the shapes differ.
    #[track_caller]
    pub fn forward(&self, input1: &Tensor, input2: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes("MarginRankingLoss", ("input1", input1), ("input2", input2))?;
        unequal_shapes("MarginRankingLoss", ("input1", input1), ("target", target))?;
        pointwise(Ranking { margin: self.margin }, [input1, input2, target], self.reduction)
    }
}

#[derive(Clone, Copy)]
struct Ranking {
    margin: f64,
}

impl Pointwise<3> for Ranking {
    const NAME: &'static str = "ClampMin";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [a, b, y]: [R; 3]) -> R {
        (-y * (a - b) + self.margin).max_scalar(0.0)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [a, b, y]: [R; 3]) -> [R; 3] {
        let short = (-y.clone() * (a.clone() - b.clone()) + self.margin).gt_scalar(0.0);
        let zero = y.constant(0.0);
        let pull = R::select(short.clone(), y, zero.clone());
        [-pull.clone(), pull, R::select(short, b - a, zero)]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || {
        vec![
            float64([0.3, 0.7, 2.0, 1.5]),
            float64([0.9, -0.7, 0.25, 1.75]),
            float64([1.0, -1.0, 1.0, -1.0]),
        ]
    };
    vec![
        case("MarginRankingLoss", |x| MarginRankingLoss::new().forward(&x[0], &x[1], &x[2]), inputs()),
        case(
            "MarginRankingLoss, margin, sum",
            |x| {
                let criterion = MarginRankingLoss::new().margin(0.5).reduction(Reduction::Sum);
                criterion.forward(&x[0], &x[1], &x[2])
            },
            inputs(),
        ),
        case(
            "MarginRankingLoss, none",
            |x| MarginRankingLoss::new().reduction(Reduction::None).forward(&x[0], &x[1], &x[2]),
            inputs(),
        ),
    ]
}

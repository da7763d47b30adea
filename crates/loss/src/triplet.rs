//! Triplet losses: an anchor is nearer to what is like it than to what is not, by a margin.

use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Pointwise, Reduction, pointwise};
use std::fmt;
use std::sync::Arc;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Error, Result, Tensor};

criterion! {
    /// `max(0, ‖a − p‖ − ‖a − n‖ + margin)` for an anchor `a`, a positive `p` and a negative `n` (Balntas et al. 2016):
    /// for learning embeddings, as of faces.
    ///
    /// Where an anchor equals its positive, the distance is that of ε, and its gradient is finite; with ε = 0 it is 0.
    /// PyTorch's distances are infinite where a power of a difference is, here they are as long as they are; which triplet is
    /// just far enough is decided as there.
    ///
    /// Shapes: anchor, positive and negative alike, `(N, D)` or `(D)`; output scalar, or `(N)` or `()` without a
    /// reduction.
    ///
    /// ```
    /// use loss::TripletMarginLoss;
    /// use tensor::tensor;
    /// let criterion = TripletMarginLoss::new();
    /// let loss = criterion.forward(&tensor([[0.0, 0.0]]), &tensor([[3.0, 4.0]]), &tensor([[0.0, 2.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(4.0000)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.TripletMarginLoss")]
    #[doc(alias = "triplet_margin_loss")]
    TripletMarginLoss {
        /// By how much nearer the positive should be, above 0 (default 1).
        margin: f64 = 1.0,
        /// Which norm measures the distance (default 2).
        p: f64 = 2.0,
        /// Keeps distances from 0 (default 1e-6).
        eps: f64 = 1e-6,
        /// Whether the positive may stand in for the anchor where it is nearer to the negative (default no).
        swap: bool = false,
    }
}

impl TripletMarginLoss {
    /// The loss of an anchor against a positive and a negative example.
    ///
    /// # Errors
    /// If the shapes differ, or the margin is not positive.
    #[track_caller]
    pub fn forward(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Result<Tensor> {
        let hinge = Hinge { margin: self.margin };
        let between = |x: &Tensor, y: &Tensor| x.pairwise_distance(y, self.p, self.eps, false);
        triplet("TripletMarginLoss", hinge, between, self.swap, [anchor, positive, negative], self.reduction)
            .at_caller()
    }
}

/// How far two batches of vectors are apart: one number for each pair.
type Distance = dyn Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync;

/// [`TripletMarginLoss`] with any function as distance.
///
/// Shapes: as [`TripletMarginLoss`], of which the distance makes one number for each triplet.
///
/// ```
/// use loss::TripletMarginWithDistanceLoss;
/// use tensor::tensor;
/// let criterion = TripletMarginWithDistanceLoss::new()
///     .distance_function(|x, y| x.cosine_similarity(y, 1, 1e-8)?.neg().add(1.0))
///     .margin(0.5);
/// let loss = criterion.forward(&tensor([[1.0, 0.0]]), &tensor([[1.0, 1.0]]), &tensor([[1.0, 2.0]]))?;
/// assert_eq!(loss.to_string(), "tensor(0.2401)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.TripletMarginWithDistanceLoss")]
#[doc(alias = "triplet_margin_with_distance_loss")]
#[derive(Clone)]
pub struct TripletMarginWithDistanceLoss {
    distance: Arc<Distance>,
    margin: f64,
    swap: bool,
    reduction: Reduction,
}

impl Default for TripletMarginWithDistanceLoss {
    fn default() -> Self {
        TripletMarginWithDistanceLoss {
            distance: Arc::new(|x, y| x.pairwise_distance(y, 2.0, 1e-6, false)),
            margin: 1.0,
            swap: false,
            reduction: Reduction::Mean,
        }
    }
}

impl TripletMarginWithDistanceLoss {
    /// With PyTorch's defaults: the Euclidean distance.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far two batches of vectors are apart: any differentiable function to one number for each pair.
    #[must_use]
    pub fn distance_function(
        mut self,
        distance: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        self.distance = Arc::new(distance);
        self
    }

    /// By how much nearer the positive should be, above 0 (default 1).
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// Whether the positive may stand in for the anchor where it is nearer to the negative (default no).
    #[must_use]
    pub fn swap(mut self, swap: bool) -> Self {
        self.swap = swap;
        self
    }

    /// What becomes of the losses of the single triplets (default: their mean).
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of an anchor against a positive and a negative example.
    ///
    /// # Errors
    /// If the shapes differ, or the margin is not positive, and those of the distance.
    #[track_caller]
    pub fn forward(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Result<Tensor> {
        let hinge = Hinge { margin: self.margin };
        let (op, all) = ("TripletMarginWithDistanceLoss", [anchor, positive, negative]);
        triplet(op, hinge, &*self.distance, self.swap, all, self.reduction)
    }
}

impl fmt::Display for TripletMarginWithDistanceLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TripletMarginWithDistanceLoss()")
    }
}

impl fmt::Debug for TripletMarginWithDistanceLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TripletMarginWithDistanceLoss")
            .field("margin", &self.margin)
            .field("swap", &self.swap)
            .field("reduction", &self.reduction)
            .finish_non_exhaustive()
    }
}

#[track_caller]
fn triplet(
    op: &'static str,
    hinge: Hinge,
    distance: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    swap: bool,
    [anchor, positive, negative]: [&Tensor; 3],
    reduction: Reduction,
) -> Result<Tensor> {
    if hinge.margin <= 0.0 || hinge.margin.is_nan() {
        return Err(Error::value(op, format!("margin must be positive, found {}", hinge.margin)));
    }
    unequal_shapes(op, ("anchor", anchor), ("positive", positive))?;
    unequal_shapes(op, ("anchor", anchor), ("negative", negative))?;
    let near = distance(anchor, positive)?;
    let mut far = distance(anchor, negative)?;
    if swap {
        far = far.minimum(&distance(positive, negative)?)?;
    }
    pointwise(hinge, [&near, &far], reduction)
}

/// `max(0, margin + near − far)`, added up in this order, which is PyTorch's: rounding then puts a triplet on the same side
/// of the kink. An anchor that equals its positive, and is the margin away from its negative, is such a one.
#[derive(Clone, Copy)]
struct Hinge {
    margin: f64,
}

impl Hinge {
    #[inline(always)]
    fn missing<R: tensor::Real>(self, near: R, far: R) -> R {
        near + self.margin - far
    }
}

impl Pointwise<2> for Hinge {
    const NAME: &'static str = "ClampMin";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: tensor::Real>(self, [near, far]: [R; 2]) -> R {
        self.missing(near, far).max_scalar(0.0)
    }
    #[inline(always)]
    fn slopes<R: tensor::Real>(self, [near, far]: [R; 2]) -> [R; 2] {
        let short = self.missing(near.clone(), far).gt_scalar(0.0);
        let slope = R::select(short, near.constant(1.0), near.constant(0.0));
        [slope.clone(), -slope]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let inputs = || {
        vec![
            float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]),
            float64([[0.3, 1.3, 0.2], [-0.1, 0.6, -0.7]]),
            float64([[1.3, 0.3, -0.2], [0.2, -0.4, 0.5]]),
        ]
    };
    vec![
        case("TripletMarginLoss", |x| TripletMarginLoss::new().forward(&x[0], &x[1], &x[2]), inputs()),
        case(
            "TripletMarginLoss, swap, p, sum",
            |x| {
                let criterion = TripletMarginLoss::new().margin(2.0).p(3.0).swap(true);
                criterion.reduction(Reduction::Sum).forward(&x[0], &x[1], &x[2])
            },
            inputs(),
        ),
        case(
            "TripletMarginWithDistanceLoss, none",
            |x| {
                let criterion = TripletMarginWithDistanceLoss::new()
                    .distance_function(|x, y| x.sub(y)?.square().sum_dim(-1, false))
                    .margin(3.0);
                criterion.swap(true).reduction(Reduction::None).forward(&x[0], &x[1], &x[2])
            },
            inputs(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn an_anchor_that_equals_its_positive() {
        for eps in [1e-6, 0.0] {
            let a = tensor([[1.0, 2.0]]).requires_grad();
            let loss =
                TripletMarginLoss::new().eps(eps).forward(&a, &tensor([[1.0, 2.0]]), &tensor([[1.0, 2.5]])).unwrap();
            loss.backward().unwrap();
            let gradient = a.grad().unwrap().to_vec::<f32>().unwrap();
            assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
            assert!((loss.item().unwrap() - 0.5).abs() < 1e-5);
        }
    }

    /// As in PyTorch, whose printed loss and gradient these are.
    #[test]
    fn a_triplet_at_the_margin_is_far_enough() {
        let p = tensor([[0.0]]).requires_grad();
        let loss = TripletMarginLoss::new().forward(&tensor([[0.0]]), &p, &tensor([[-1.0]])).unwrap();
        loss.backward().unwrap();
        assert_eq!((loss.item().unwrap(), p.grad().unwrap().item().unwrap()), (0.0, 0.0));
    }

    #[test]
    fn refusals() {
        let x = tensor([[1.0, 2.0]]);
        assert!(TripletMarginLoss::new().margin(0.0).forward(&x, &x, &x).is_err());
        assert!(TripletMarginLoss::new().forward(&x, &x, &tensor([1.0, 2.0])).is_err());
    }
}

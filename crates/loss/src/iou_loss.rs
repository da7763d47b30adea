//! Losses of predicted boxes against true ones, pair by pair: one minus how much they overlap.

use crate::boxes::{Corners, importance};
use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Reduction};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Result, Tensor};

/// One loss: its documentation, and what it is of the corners, the intersection, the union and ε.
macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident $text:literal |$a:ident, $b:ident, $inter:ident, $union:ident, $eps:ident| $loss:expr;)*) => {$(
        criterion! {
            $(#[$doc])*
            ///
            /// Shapes: input and target alike, `(N, 4)` or `(4)`, as `(x1, y1, x2, y2)` with `x1 ≤ x2` and `y1 ≤ y2`;
            /// output scalar, or `(N)` or `()` without a reduction.
            $name {
                /// Keeps the denominators from 0 (default 1e-7).
                eps: f64 = 1e-7,
            }
        }

        impl Criterion for $name {
            #[track_caller]
            fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
                unequal_shapes($text, ("input", input), ("target", target))?;
                let ($a, $b, $eps) = (Corners::of($text, input)?, Corners::of($text, target)?, self.eps);
                let $inter = $a.intersection(&$b)?;
                let $union = $a.union(&$b, &$inter)?;
                let loss: Tensor = $loss;
                Ok(self.reduction.of(&loss))
            }
        }
    )*};
}

losses! {
    /// `1 − IoU`. Boxes that do not touch have no gradient; take one of the others, which do.
    ///
    /// ```
    /// use loss::{Criterion, IoULoss};
    /// use tensor::tensor;
    /// let loss = IoULoss::new().forward(&tensor([[0.0, 0.0, 2.0, 2.0]]), &tensor([[1.0, 1.0, 3.0, 2.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.8000)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    IoULoss "IoULoss" |a, b, inter, union, eps| iou(&inter, &union, eps)?.rsub(1.0)?;

    /// `1 − IoU` plus the share of the smallest box around both that is in neither (Rezatofighi et al. 2019).
    ///
    /// ```
    /// use loss::{Criterion, GIoULoss};
    /// use tensor::tensor;
    /// let loss = GIoULoss::new().forward(&tensor([[0.0, 0.0, 2.0, 2.0]]), &tensor([[1.0, 1.0, 3.0, 2.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.9667)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torchvision.ops.generalized_box_iou_loss")]
    GIoULoss "GIoULoss" |a, b, inter, union, eps| {
        let around = a.around(&b)?.area()?;
        around.sub(&union)?.div(&around.add(eps)?)?.sub(&iou(&inter, &union, eps)?)?.add(1.0)?
    };

    /// `1 − IoU` plus the distance of the centres, in squares of the diagonal of the smallest box around both (Zheng et
    /// al. 2020).
    ///
    /// ```
    /// use loss::{Criterion, DIoULoss};
    /// use tensor::tensor;
    /// let loss = DIoULoss::new().forward(&tensor([[0.0, 0.0, 2.0, 2.0]]), &tensor([[1.0, 1.0, 3.0, 2.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.8962)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torchvision.ops.distance_box_iou_loss")]
    DIoULoss "DIoULoss" |a, b, inter, union, eps| distance(&a, &b, &iou(&inter, &union, eps)?, eps)?;

    /// [`DIoULoss`] plus how much the proportions differ, weighed by a constant for the gradient (Zheng et al. 2020). As in
    /// torchvision, `eps` is that of the weight alone.
    ///
    /// ```
    /// use loss::{Criterion, CIoULoss};
    /// use tensor::tensor;
    /// let loss = CIoULoss::new().forward(&tensor([[0.0, 0.0, 2.0, 2.0]]), &tensor([[1.0, 1.0, 3.0, 2.0]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.8982)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torchvision.ops.complete_box_iou_loss")]
    CIoULoss "CIoULoss" |a, b, inter, union, eps| {
        let (proportions, iou) = (a.proportions(&b)?, iou(&inter, &union, 1e-7)?);
        distance(&a, &b, &iou, 1e-7)?.add(&importance(&proportions, &iou, eps)?.mul(&proportions)?)?
    };
}

fn iou(inter: &Tensor, union: &Tensor, eps: f64) -> Result<Tensor> {
    inter.div(&union.add(eps)?)
}

fn distance(a: &Corners, b: &Corners, iou: &Tensor, eps: f64) -> Result<Tensor> {
    a.between_centers(b)?.div(&a.around(b)?.diagonal()?.add(eps)?)?.sub(iou)?.add(1.0)
}

pub(crate) fn cases() -> Vec<Case> {
    let boxes = || {
        vec![
            float64([[0.0, 0.1, 2.0, 2.5], [1.0, 1.2, 4.0, 3.0]]),
            float64([[0.5, 0.25, 3.0, 2.25], [7.0, 7.5, 8.0, 9.0]]),
        ]
    };
    vec![
        case("IoULoss", |x| IoULoss::new().forward(&x[0], &x[1]), boxes()),
        case("GIoULoss", |x| GIoULoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]), boxes()),
        case("DIoULoss", |x| DIoULoss::new().reduction(Reduction::None).forward(&x[0], &x[1]), boxes()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn equal_boxes_lose_nothing() {
        let boxes = tensor([[0.0, 0.0, 2.0, 1.0], [1.0, 1.0, 5.0, 4.0]]);
        let criteria: [Box<dyn Criterion>; 4] =
            [Box::new(IoULoss::new()), Box::new(GIoULoss::new()), Box::new(DIoULoss::new()), Box::new(CIoULoss::new())];
        for criterion in criteria {
            let loss = criterion.forward(&boxes, &boxes).unwrap().item().unwrap();
            assert!(loss.abs() < 1e-6, "{criterion}: {loss}");
        }
    }
}

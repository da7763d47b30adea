//! Multi-class margin loss: the score of the label is above all others by a margin.

use crate::class_indices::{class_dim, classes, labels, weight_of, without_classes};
use crate::criterion::criterion;
use crate::refuse::gradient_of_weight;
use crate::{Criterion, Reduction};
use kernel::Float;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Ctx, DType, Error, Grads, Keep, Op, Result, Tensor, tensor, with_float};

criterion! {
    /// `1/C·Σ_{c≠y} w_y·max(0, margin − x_y + x_c)ᵖ` for scores `x` and the label `y`: the hinge loss of multi-class
    /// support vector machines.
    ///
    /// Shapes: input `(C)` or `(N, C)`; int64 targets `()` or `(N)`; one row may have a label of shape `()` or `(1)`.
    /// Output scalar, or like the targets without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, MultiMarginLoss};
    /// use tensor::tensor;
    /// let loss = MultiMarginLoss::new().forward(&tensor([[0.1, 0.2, 0.4, 0.8]]), &tensor([3]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.3250)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.MultiMarginLoss")]
    #[doc(alias = "multi_margin_loss")]
    MultiMarginLoss {
        /// 1 (default) or 2.
        p: i64 = 1,
        /// By how much the label's score should be above the others (default 1).
        margin: f64 = 1.0,
        /// A weight for each class, `(C)`.
        weight: Option<Tensor>,
    }
}

const OP: &str = "MultiMarginLoss";

impl Criterion for MultiMarginLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if self.p != 1 && self.p != 2 {
            return Err(Error::value(OP, format!("p must be 1 or 2, found {}", self.p)));
        }
        let (shape, labelled) = (input.shape(), target.shape().to_vec());
        // One row, in whichever of its forms: scores `()` or `(C)`, label `()` or `(1)`.
        if target.dim() <= 1 && target.numel() == 1 && (input.dim() <= 1 || shape[0] == 1 && labelled.is_empty()) {
            let row = input.reshape([1, input.numel()])?;
            if input.dim() != 2 || labelled.is_empty() {
                let loss = self.forward(&row, &target.reshape([1])?)?;
                return if self.reduction == Reduction::None { loss.reshape(labelled) } else { Ok(loss) };
            }
        }
        let classes = classes(OP, input)?;
        if input.dim() > 2 {
            let shape = input.shape();
            return Err(Error::shape(OP, format!("input must be (C) or (N, C), found shape {shape:?}")));
        }
        let weight = self.weight.as_ref().map(|w| weight_of(OP, w, classes, input)).transpose().at_caller()?;
        gradient_of_weight(OP, weight.as_ref())?;
        let weights = weight.map(|w| w.to(DType::F64).to_vec::<f64>()).transpose()?;
        let rows: Vec<Row> = labels(OP, input, target, None)?
            .into_iter()
            .flatten()
            .map(|y| Row { y, weight: weights.as_ref().map_or(1.0, |w| w[y]) / classes as f64 })
            .collect();
        let op = Margins { rows, squared: self.p == 2, margin: self.margin, reduction: self.reduction };
        let losses = with_float!(input.dtype(), T => op.losses(&input.elements::<T>()?, classes));
        let out = match self.reduction {
            Reduction::None => Tensor::from_vec(losses, without_classes(input))?.to(input.dtype()),
            Reduction::Sum => Tensor::scalar(kernel::reduce::sum(&losses), input.dtype()),
            Reduction::Mean => {
                Tensor::scalar(kernel::reduce::sum(&losses) / losses.len() as f64, input.dtype())
            }
        };
        Ok(out.record(op, &[input]))
    }
}

#[derive(Clone, Copy, Debug)]
struct Row {
    y: usize,
    /// The label's, over the number of classes.
    weight: f64,
}

struct Margins {
    rows: Vec<Row>,
    squared: bool,
    margin: f64,
    reduction: Reduction,
}

impl Margins {
    fn losses<T: Float>(&self, x: &[T], classes: usize) -> Vec<f64> {
        let loss = |(x, row): (&[T], &Row)| {
            let lack = |c: usize| {
                let z = x[c].to_f64() - x[row.y].to_f64() + self.margin;
                // Not `max`, which would drop a NaN, as PyTorch does.
                let z = if z < 0.0 { 0.0 } else { z };
                if self.squared { z * z } else { z }
            };
            row.weight * (0..classes).filter(|&c| c != row.y).map(lack).sum::<f64>()
        };
        x.chunks_exact(classes.max(1)).zip(&self.rows).map(loss).collect()
    }
}

impl Op for Margins {
    fn name(&self) -> &'static str {
        "MultiMarginLoss"
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    /// With `z = margin − x_y + x_c` where that is positive: `∂x_c = ∂l·w·p·zᵖ⁻¹`, `∂x_y` minus their sum.
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let x = ctx.input(0)?;
        let dim = class_dim(&x) as isize;
        let grad = match self.reduction {
            Reduction::None => grad.unsqueeze(dim)?,
            Reduction::Sum => grad.clone(),
            Reduction::Mean => grad.div(self.rows.len() as f64)?,
        };
        ctx.grads(|_| {
            let shape = without_classes(&x);
            let labels: Vec<i64> = self.rows.iter().map(|row| row.y as i64).collect();
            let labels = Tensor::from_vec(labels, shape.as_slice())?.unsqueeze(dim)?;
            let weights: Vec<f64> = self.rows.iter().map(|row| row.weight).collect();
            let weights = Tensor::from_vec(weights, shape.as_slice())?.to(x.dtype()).unsqueeze(dim)?;
            let lack = x.sub(&x.gather(dim, &labels)?)?.add(self.margin)?;
            let classes = Tensor::arange(0, x.shape()[dim as usize] as i64, 1, DType::I64)?;
            let counts = lack.detach().gt(0.0)?.logical_and(&classes.ne(&labels)?)?;
            let slope = if self.squared { &lack * 2.0 } else { lack.ones_like() };
            let each = slope.masked_fill(&counts.logical_not(), 0.0)?.mul(&weights)?.mul(&grad)?;
            each.scatter_add(dim, &labels, &each.sum_dim(dim, true)?.neg())
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.6]])];
    vec![
        case("MultiMarginLoss", |x| MultiMarginLoss::new().forward(&x[0], &tensor([2, 0])), x()),
        case(
            "MultiMarginLoss, squared, weight, sum",
            |x| {
                let criterion = MultiMarginLoss::new().p(2).margin(0.5).weight(&tensor([0.5, 2.0, 1.25]));
                criterion.reduction(Reduction::Sum).forward(&x[0], &tensor([0, 2]))
            },
            x(),
        ),
        case(
            "MultiMarginLoss, squared, none",
            |x| MultiMarginLoss::new().p(2).reduction(Reduction::None).forward(&x[0], &tensor([1, 2])),
            x(),
        ),
        case(
            "MultiMarginLoss of one",
            |x| MultiMarginLoss::new().forward(&x[0], &tensor(1)),
            vec![float64([0.4, -1.3, 2.0])],
        ),
    ]
}

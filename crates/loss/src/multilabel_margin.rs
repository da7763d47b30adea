//! Multi-label margin loss: the scores of all labels are above those of all other classes by one.

use crate::criterion::criterion;
use crate::refuse::{index, unequal_shapes};
use crate::{Criterion, Reduction};
use kernel::Float;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Ctx, DType, Error, Grads, Keep, Op, Result, Tensor, is_grad_enabled, tensor, with_float};

criterion! {
    /// `1/C·Σ_{j∈labels} Σ_{i∉labels} max(0, 1 − (x_j − x_i))` for scores `x`: multi-label classification with a hinge
    /// (Crammer and Singer). A row of targets lists the labels, up to the first −1.
    ///
    /// Shapes: input `(C)` or `(N, C)`, int64 targets alike. Output scalar, or `()` or `(N)` without a reduction.
    ///
    /// ```
    /// use loss::{Criterion, MultiLabelMarginLoss};
    /// use tensor::tensor;
    /// let x = tensor([[0.1, 0.2, 0.4, 0.8]]);
    /// let loss = MultiLabelMarginLoss::new().forward(&x, &tensor([[3, 0, -1, 1]]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.8500)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.MultiLabelMarginLoss")]
    #[doc(alias = "multilabel_margin_loss")]
    MultiLabelMarginLoss {}
}

const OP: &str = "MultiLabelMarginLoss";

impl Criterion for MultiLabelMarginLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes(OP, ("input", input), ("target", target))?;
        if !input.dtype().is_float() {
            return Err(Error::not_float(OP, input.dtype()));
        }
        if target.dtype().is_float() {
            return Err(Error::dtype(OP, format!("class indices must be int64, found {}", target.dtype())));
        }
        let (rows, classes) = match *input.shape() {
            [] => (1, 1),
            [classes] => (1, classes),
            [rows, classes] => (rows, classes),
            ref shape => {
                return Err(Error::shape(OP, format!("input must be (C) or (N, C), found shape {shape:?}")));
            }
        };
        let op = LabelMargins {
            labels: labels(target, rows, classes)?,
            classes,
            reduction: self.reduction,
        };
        let losses: Vec<f64> = with_float!(input.dtype(), T => {
            let x = input.elements::<T>()?;
            (0..rows).map(|i| op.pairs(&x, i).map(|(_, _, lack)| lack).sum::<f64>() / classes as f64).collect()
        });
        let out = match self.reduction {
            Reduction::None if input.dim() < 2 => Tensor::from_vec(losses, ())?.to(input.dtype()),
            Reduction::None => Tensor::from_vec(losses, rows)?.to(input.dtype()),
            Reduction::Sum => Tensor::scalar(kernel::reduce::sum(&losses), input.dtype()),
            Reduction::Mean => Tensor::scalar(kernel::reduce::sum(&losses) / rows as f64, input.dtype()),
        };
        Ok(out.record(op, &[input]))
    }
}

/// The labels of each row.
#[track_caller]
fn labels(target: &Tensor, rows: usize, classes: usize) -> Result<Vec<Vec<usize>>> {
    let target = target.to(DType::I64);
    let all = target.elements::<i64>()?;
    if let Some(at) = all.iter().position(|&y| y < -1 || y >= classes as i64) {
        let (found, place) = (all[at], index(&target, at));
        return Err(Error::index(
            OP,
            format!("class indices must be below {classes}, or -1 behind the last, found {found} at index {place:?}"),
        ));
    }
    let row = |i: usize| {
        all[i * classes..(i + 1) * classes].iter().map_while(|&y| usize::try_from(y).ok()).collect()
    };
    Ok((0..rows).map(row).collect())
}

/// Straight lines with kinks: `∂x_i = ∂l/C` and `∂x_j = −∂l/C` for each pair that lacks some of its margin.
struct LabelMargins {
    labels: Vec<Vec<usize>>,
    classes: usize,
    reduction: Reduction,
}

impl LabelMargins {
    /// The label, the other class, and what is missing, of each pair of row `i` that lacks something.
    fn pairs<T: Float>(&self, x: &[T], i: usize) -> impl Iterator<Item = (usize, usize, f64)> {
        let (labels, x) = (&self.labels[i], &x[i * self.classes..(i + 1) * self.classes]);
        let others: Vec<usize> = (0..self.classes).filter(|c| !labels.contains(c)).collect();
        let mut found = Vec::new();
        for &j in labels {
            for &c in &others {
                let lack = 1.0 - x[j].to_f64() + x[c].to_f64();
                if lack > 0.0 || lack.is_nan() {
                    found.push((j, c, lack));
                }
            }
        }
        found.into_iter()
    }

    /// The gradient of the input from that of each loss, or of all alike.
    fn gradient<T: Float>(&self, x: &[T], grads: &[T]) -> Vec<T> {
        let mut slopes = vec![0.0; x.len()];
        let rows = if self.reduction == Reduction::Mean { self.labels.len() } else { 1 };
        let scale = 1.0 / (self.classes * rows) as f64;
        for i in 0..self.labels.len() {
            let grad = if let [all] = grads { *all } else { grads[i] }.to_f64() * scale;
            for (j, c, _) in self.pairs(x, i) {
                slopes[i * self.classes + j] -= grad;
                slopes[i * self.classes + c] += grad;
            }
        }
        slopes.into_iter().map(T::from_f64).collect()
    }
}

impl Op for LabelMargins {
    fn name(&self) -> &'static str {
        "MultilabelMarginLoss"
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let x = ctx.input(0)?;
        ctx.grads(|_| {
            with_float!(x.dtype(), T => {
                let values = x.elements::<T>()?;
                if !is_grad_enabled() {
                    return Tensor::from_vec_like(self.gradient(&values, &grad.elements::<T>()?), &x);
                }
                let slope = Tensor::from_vec_like(self.gradient(&values, &[1.0 as T]), &x)?;
                slope.mul(&if grad.dim() == 1 { grad.unsqueeze(1)? } else { grad.clone() })
            })
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case(
            "MultiLabelMarginLoss",
            |x| MultiLabelMarginLoss::new().forward(&x[0], &tensor([[2, 0, -1], [1, -1, 0]])),
            x(),
        ),
        case(
            "MultiLabelMarginLoss, sum",
            |x| {
                let criterion = MultiLabelMarginLoss::new().reduction(Reduction::Sum);
                criterion.forward(&x[0], &tensor([[1, -1, -1], [-1, -1, -1]]))
            },
            x(),
        ),
        case(
            "MultiLabelMarginLoss, none",
            |x| {
                let criterion = MultiLabelMarginLoss::new().reduction(Reduction::None);
                criterion.forward(&x[0], &tensor([[1, -1, -1], [0, 2, -1]]))
            },
            x(),
        ),
        case(
            "MultiLabelMarginLoss of one",
            |x| MultiLabelMarginLoss::new().forward(&x[0], &tensor([1, -1, 0])),
            vec![float64([0.4, -1.3, 2.0])],
        ),
    ]
}

//! Negative log-likelihood of log-probabilities.

use crate::class_indices::{check_labels, class_dim, classes, weight_of, without_classes};
use crate::criterion::criterion;
use crate::refuse::gradient_of_weight;
use crate::{Criterion, Reduction};
use kernel::Float;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Ctx, Grads, Keep, Op, Result, Tensor, is_grad_enabled, tensor, with_float};

criterion! {
    /// `−w·x_y` for log-probabilities `x` and the label `y`: what [`CrossEntropyLoss`](crate::CrossEntropyLoss) does
    /// behind its log_softmax, for models that end in one.
    ///
    /// Shapes: input `(C)`, `(N, C)` or `(N, C, d1, …)`; int64 targets `()`, `(N)` or `(N, d1, …)`. Output scalar, or
    /// like the targets without a reduction. The mean divides by the weights of the labels that are not ignored; if all
    /// are, it is NaN.
    ///
    /// ```
    /// use loss::{Criterion, NLLLoss};
    /// use tensor::tensor;
    /// let x = tensor([[2.5, 0.3, -1.2]]).log_softmax(1)?;
    /// let loss = NLLLoss::new().forward(&x, &tensor([0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.1271)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.NLLLoss")]
    #[doc(alias = "nll_loss")]
    NLLLoss {
        /// A weight for each class, `(C)`.
        weight: Option<Tensor>,
        /// The label that counts nothing (default −100).
        ignore_index: i64 = -100,
    }
}

const OP: &str = "NLLLoss";

impl Criterion for NLLLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let classes = classes(OP, input)?;
        let weight = self.weight.as_ref().map(|w| weight_of(OP, w, classes, input)).transpose().at_caller()?;
        gradient_of_weight(OP, weight.as_ref())?;
        check_labels(OP, input, target, Some(self.ignore_index))?;
        let op = NegativeLogLikelihood {
            labels: target.detach().contiguous(),
            ignored: self.ignore_index,
            weights: weight.map(|w| w.to(tensor::DType::F64).to_vec::<f64>()).transpose()?,
            classes,
            inner: input.shape()[(class_dim(input) + 1).min(input.dim())..].iter().product(),
            scale: 1.0,
            each: self.reduction == Reduction::None,
            name: if input.dim() > 2 { "NllLoss2D" } else { "NllLoss" },
        };
        let (losses, total) = with_float!(input.dtype(), T => op.losses(&input.elements::<T>()?)?);
        let out = match self.reduction {
            Reduction::None => Tensor::from_vec(losses, without_classes(input))?.to(input.dtype()),
            Reduction::Sum => Tensor::scalar(kernel::reduce::sum(&losses), input.dtype()),
            Reduction::Mean => Tensor::scalar(kernel::reduce::sum(&losses) / total, input.dtype()),
        };
        let scale = if self.reduction == Reduction::Mean { 1.0 / total } else { 1.0 };
        Ok(out.record(NegativeLogLikelihood { scale, ..op }, &[input]))
    }
}

/// `∂x_y = −∂l·w`: a straight line, so that the gradient does not depend on the input.
struct NegativeLogLikelihood {
    labels: Tensor,
    ignored: i64,
    weights: Option<Vec<f64>>,
    classes: usize,
    /// From one class of a distribution to the next.
    inner: usize,
    scale: f64,
    /// Whether each distribution has a gradient of its own.
    each: bool,
    name: &'static str,
}

/// The element that a label names, and the weight of the label.
#[derive(Clone, Copy, Debug)]
struct Pick {
    /// Of which distribution.
    row: usize,
    at: usize,
    weight: f64,
}

impl NegativeLogLikelihood {
    /// What each label that counts picks.
    fn picks(&self, mut job: impl FnMut(Pick)) -> Result<()> {
        let inner = self.inner.max(1);
        for (row, &y) in self.labels.elements::<i64>()?.iter().enumerate().filter(|(_, y)| **y != self.ignored) {
            let y = y as usize;
            let at = (row / inner * self.classes + y) * inner + row % inner;
            job(Pick { row, at, weight: self.weights.as_ref().map_or(1.0, |w| w[y]) });
        }
        Ok(())
    }

    /// The loss of each distribution, and the sum of the weights.
    fn losses<T: Float>(&self, x: &[T]) -> Result<(Vec<f64>, f64)> {
        let (mut losses, mut total) = (vec![0.0; self.labels.numel()], 0.0);
        self.picks(|Pick { row, at, weight }| {
            total += weight;
            if weight != 0.0 {
                losses[row] = -weight * x[at].to_f64();
            }
        })?;
        Ok((losses, total))
    }

    /// Writes the gradient of the input from that of each loss, or of all alike.
    fn gradient<T: Float>(&self, grads: &[T], out: &mut [T]) -> Result<()> {
        out.fill(T::default());
        self.picks(|Pick { row, at, weight }| {
            let grad = if let [all] = grads { *all } else { grads[row] };
            out[at] = T::from_f64(-weight * self.scale * grad.to_f64());
        })
    }
}

impl Op for NegativeLogLikelihood {
    fn name(&self) -> &'static str {
        self.name
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let x = ctx.input(0)?;
        ctx.grads(|_| {
            with_float!(x.dtype(), T => {
                if !is_grad_enabled() {
                    let grads = grad.elements::<T>()?;
                    let (out, written) = Tensor::write_like(&x, |out| self.gradient(&grads, out));
                    return written.map(|()| out);
                }
                let (slope, written) = Tensor::write_like(&x, |out| self.gradient(&[1.0 as T], out));
                written?;
                let grad = if self.each { grad.unsqueeze(class_dim(&x) as isize)? } else { grad.clone() };
                slope.mul(&grad)
            })
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || vec![float64([[-0.4, -1.3, -2.0], [-0.1, -0.7, -0.9]])];
    vec![
        case("NLLLoss", |x| NLLLoss::new().forward(&x[0], &tensor([2, 0])), x()),
        case(
            "NLLLoss, weight, sum, an ignored label",
            |x| {
                let criterion = NLLLoss::new().weight(&tensor([0.5, 2.0, 1.25])).ignore_index(1);
                criterion.reduction(Reduction::Sum).forward(&x[0], &tensor([2, 1]))
            },
            x(),
        ),
        case(
            "NLLLoss of an image, none",
            |x| NLLLoss::new().reduction(Reduction::None).forward(&x[0], &tensor([[1, 0], [0, 1]])),
            vec![float64([[[-0.4, -1.3], [-2.0, -0.2]], [[-0.1, -0.7], [-0.9, -1.4]]])],
        ),
        case("NLLLoss of one", |x| NLLLoss::new().forward(&x[0], &tensor(1)), vec![float64([-0.4, -1.3])]),
    ]
}

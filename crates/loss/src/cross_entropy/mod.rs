//! Cross-entropy of logits: log_softmax and the negative log-likelihood in one, for class indices and for class
//! probabilities.

mod labels;
mod probabilities;

use crate::class_indices::{self, class_dim, classes, weight_of, without_classes};
use crate::criterion::criterion;
use crate::refuse::unequal_shapes;
use crate::{Criterion, Reduction};
use labels::Labels;
use probabilities::Probabilities;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, Error, Result, Tensor, tensor};

const OP: &str = "CrossEntropyLoss";

criterion! {
    /// `−Σ w·q·ln softmax(x)` over the classes, for logits `x`: the loss of multi-class classification. With class
    /// indices, `q` is 1 for the label and 0 elsewhere; with probabilities, it is the target itself.
    ///
    /// Exact for any logit; a single +∞ has probability 1, and a logit of −∞ under a target of 0 counts nothing
    /// (PyTorch: NaN for both).
    ///
    /// Shapes: input `(C)`, `(N, C)` or `(N, C, d1, …)`; int64 targets `()`, `(N)` or `(N, d1, …)`, or float targets
    /// of the input's shape, whose rows sum to one. Output scalar, or like the class indices without a reduction.
    /// The mean divides by the weights of the labels that are not ignored; if all are, it is NaN.
    ///
    /// ```
    /// use loss::{Criterion, CrossEntropyLoss};
    /// use tensor::tensor;
    /// let loss = CrossEntropyLoss::new().forward(&tensor([[2.5, 0.3, -1.2]]), &tensor([0]))?;
    /// assert_eq!(loss.to_string(), "tensor(0.1271)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.CrossEntropyLoss")]
    #[doc(alias = "cross_entropy")]
    CrossEntropyLoss {
        /// A weight for each class, `(C)`.
        weight: Option<Tensor>,
        /// The label that counts nothing (default −100). Only for class indices.
        ignore_index: i64 = -100,
        /// How much of the target is shared out among all classes, from 0 to 1 (default 0).
        label_smoothing: f64 = 0.0,
    }
}

impl Criterion for CrossEntropyLoss {
    #[track_caller]
    fn forward(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            let found = self.label_smoothing;
            return Err(Error::value(OP, format!("label_smoothing must be between 0 and 1, found {found}")));
        }
        let classes = classes(OP, input)?;
        let weight = self.weight.as_ref().map(|w| weight_of(OP, w, classes, input)).transpose().at_caller()?;
        if classes == 0 {
            return self.of_no_classes(input, target);
        }
        if target.dtype().is_float() {
            Probabilities::forward(self, input, target, weight)
        } else {
            Labels::forward(self, input, target, weight)
        }
    }
}

impl CrossEntropyLoss {
    /// Sums of nothing; of class indices, only ignored ones are possible.
    #[track_caller]
    fn of_no_classes(&self, input: &Tensor, target: &Tensor) -> Result<Tensor> {
        let losses = input.sum_dim(class_dim(input) as isize, false)?;
        let rows = if target.dtype().is_float() {
            unequal_shapes(OP, ("input", input), ("target", target))?;
            losses.numel()
        } else {
            class_indices::check_labels(OP, input, target, Some(self.ignore_index))?;
            0
        };
        match self.reduction {
            Reduction::None => Ok(losses),
            Reduction::Sum => Ok(losses.sum()),
            Reduction::Mean => losses.sum().div(rows as f64),
        }
    }

    /// The loss of the logits `input·Wᵀ + b` against `target`.
    ///
    /// Shapes: input `(in)` or `(N, in)`; `linear_weight` `(C, in)` or `(C, d1, …, in)`; `linear_bias` `(C)` or
    /// `(C, d1, …)`; the targets are those of logits of shape `(C)`, `(N, C)` or `(N, C, d1, …)`.
    ///
    /// # Errors
    /// Those of the product and of the criterion.
    #[doc(alias = "linear_cross_entropy")]
    #[track_caller]
    pub fn forward_linear(
        &self,
        input: &Tensor,
        linear_weight: &Tensor,
        linear_bias: Option<&Tensor>,
        target: &Tensor,
    ) -> Result<Tensor> {
        let &[ref outputs @ .., features] = linear_weight.shape() else {
            return Err(Error::shape(OP, "linear_weight must be (C, in) or (C, d1, …, in), found a scalar"));
        };
        if outputs.len() <= 1 {
            return self.forward(&input.linear(linear_weight, linear_bias)?, target);
        }
        let rows: usize = outputs.iter().product();
        let bias = linear_bias.map(|bias| bias.reshape([rows])).transpose().at_caller()?;
        let logits = input.linear(&linear_weight.reshape([rows, features])?, bias.as_ref())?;
        let batch = &input.shape()[..input.dim() - 1];
        self.forward(&logits.reshape([batch, outputs].concat())?, target)
    }
}

/// A view with the classes at the back, so that each distribution is a row.
fn rows(x: &Tensor) -> Result<Tensor> {
    let x = x.detach();
    if x.dim() <= 2 {
        return Ok(x);
    }
    x.permute(std::iter::once(0).chain(2..x.dim()).chain([1]).collect::<Vec<_>>())
}

/// The view of `values`, which stand in rows, in the shape of `like`.
fn from_rows(values: &Tensor, like: &Tensor) -> Result<Tensor> {
    if like.dim() <= 2 {
        return values.reshape(like.shape());
    }
    let mut shape = without_classes(like);
    shape.push(like.shape()[1]);
    let last = shape.len() - 1;
    values.reshape(shape)?.permute([0, last].into_iter().chain(1..last).collect::<Vec<_>>())
}

/// The reduced loss from that of each row.
fn reduce(losses: &[f64], reduction: Reduction, denominator: f64, like: &Tensor) -> Result<Tensor> {
    match reduction {
        Reduction::None => {
            Tensor::from_vec(losses.to_vec(), without_classes(like)).map(|x| x.to(like.dtype()))
        }
        Reduction::Sum => Ok(Tensor::scalar(kernel::reduce::sum(losses), like.dtype())),
        Reduction::Mean => Ok(Tensor::scalar(kernel::reduce::sum(losses) / denominator, like.dtype())),
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let image = || float64([[[0.4, -1.3], [2.0, 0.2]], [[0.1, 0.7], [-0.9, 1.4]]]);
    let t = || float64([[0.25, 0.5, 0.25], [0.01, 0.115, 0.875]]);
    let w = || float64([0.5, 2.0, 1.25]);
    vec![
        case("CrossEntropyLoss", |x| CrossEntropyLoss::new().forward(&x[0], &tensor([2, 0])), vec![x()]),
        case(
            "CrossEntropyLoss, sum, an ignored label",
            |x| {
                let criterion = CrossEntropyLoss::new().reduction(Reduction::Sum).ignore_index(1);
                criterion.forward(&x[0], &tensor([2, 1]))
            },
            vec![x()],
        ),
        case(
            "CrossEntropyLoss, none, weight and smoothing",
            |x| {
                let criterion = CrossEntropyLoss::new().weight(&tensor([0.5, 2.0, 1.25])).label_smoothing(0.25);
                criterion.reduction(Reduction::None).forward(&x[0], &tensor([2, 1]))
            },
            vec![x()],
        ),
        case(
            "CrossEntropyLoss of an image",
            |x| {
                let criterion = CrossEntropyLoss::new().label_smoothing(0.25);
                criterion.forward(&x[0], &tensor([[1, 0], [0, 1]]))
            },
            vec![image()],
        ),
        case("CrossEntropyLoss of one", |x| CrossEntropyLoss::new().forward(&x[0], &tensor(1)), vec![w()]),
        case(
            "CrossEntropyLoss of probabilities",
            |x| CrossEntropyLoss::new().forward(&x[0], &x[1]),
            vec![x(), t()],
        ),
        case(
            "CrossEntropyLoss of probabilities, weight and smoothing, none",
            |x| {
                let criterion = CrossEntropyLoss::new().weight(&x[2]).label_smoothing(0.25);
                criterion.reduction(Reduction::None).forward(&x[0], &x[1])
            },
            vec![x(), t(), w()],
        ),
        case(
            "CrossEntropyLoss of probabilities of an image, sum",
            |x| CrossEntropyLoss::new().reduction(Reduction::Sum).forward(&x[0], &x[1]),
            vec![image(), float64([[[0.25, 0.5], [0.75, 0.5]], [[0.9, 0.2], [0.1, 0.8]]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    const INF: f64 = f64::INFINITY;

    fn message(result: Result<Tensor>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn refusals_say_what_was_found() {
        let x = tensor([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]);
        let of = |t: &Tensor| message(CrossEntropyLoss::new().forward(&x, t));
        assert!(of(&tensor([0, 3])).contains("found 3 at index [1]"), "{}", of(&tensor([0, 3])));
        assert!(of(&tensor([0, -1])).contains("found -1 at index [1]"));
        assert!(of(&tensor([0.0, 1.0])).contains("int64"), "{}", of(&tensor([0.0, 1.0])));
        assert!(of(&tensor([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]])).contains("sum to 1.5"));
        assert!(of(&tensor([[0, 0, 1], [0, 1, 0]])).contains("one-hot"));
        assert!(of(&tensor([[0], [1]])).contains("squeeze"));
    }

    #[test]
    fn infinite_logits_are_limits() {
        let x = tensor([[INF, 0.0, 1.0], [-INF, 0.0, 0.0]]).requires_grad();
        let loss = CrossEntropyLoss::new().forward(&x, &tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])).unwrap();
        assert!((loss.item().unwrap() - LN_2 / 2.0).abs() < 1e-6);
        loss.backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0; 6]);
        let by_label = CrossEntropyLoss::new().forward(&x, &tensor([0, 1])).unwrap();
        assert!((by_label.item().unwrap() - LN_2 / 2.0).abs() < 1e-6);
    }

    /// Planes of classes, classes at the back, and neither: each is read where it stands, and says what a table of rows says.
    #[test]
    fn probabilities_of_pictures_in_any_layout() {
        tensor::manual_seed(4);
        let [x, t] = [0, 1].map(|_| tensor::randn([2, 3, 4, 5]).unwrap());
        let t = t.softmax(1).unwrap();
        let table = |x: &Tensor| x.permute([0, 2, 3, 1]).unwrap().reshape([40, 3]).unwrap();
        let through = |x: &Tensor, there: [i64; 4], back: [i64; 4]| {
            x.permute(there).unwrap().contiguous().permute(back).unwrap()
        };
        for reduction in [Reduction::None, Reduction::Sum, Reduction::Mean] {
            let criterion = CrossEntropyLoss::new().label_smoothing(0.1).weight(&tensor([0.5, 2.0, 0.0]));
            let criterion = criterion.reduction(reduction);
            let both = |x: &Tensor, t: &Tensor| {
                let x = x.detach().requires_grad();
                let loss = criterion.forward(&x, t).unwrap();
                loss.sum().backward().unwrap();
                (loss, x.grad().unwrap())
            };
            let (expected, slopes) = both(&table(&x), &table(&t));
            let last = |x: &Tensor| through(x, [0, 2, 3, 1], [0, 3, 1, 2]);
            let turned = |x: &Tensor| through(x, [3, 2, 1, 0], [3, 2, 1, 0]);
            let pairs = [(x.clone(), t.clone()), (last(&x), last(&t)), (last(&x), t.clone()), (x.clone(), turned(&t))];
            for (x, t) in pairs {
                let (loss, slope) = both(&x, &t);
                let loss = loss.reshape(expected.shape()).unwrap();
                assert!(loss.allclose(&expected, 1e-6, 1e-6).unwrap(), "{loss}");
                assert!(table(&slope).allclose(&slopes, 1e-6, 1e-7).unwrap(), "{slope}");
            }
        }
    }

    #[test]
    fn a_batch_of_which_nothing_counts() {
        let x = tensor([[0.0, 1.0]]);
        let loss = |r| CrossEntropyLoss::new().reduction(r).forward(&x, &tensor([-100])).unwrap().item().unwrap();
        assert!(loss(Reduction::Mean).is_nan());
        assert_eq!(loss(Reduction::Sum), 0.0);
    }
}

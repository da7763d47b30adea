//! Connectionist temporal classification: labels against a longer sequence that nobody has aligned with them.

use crate::Reduction;
use crate::criterion::criterion;
use crate::refuse::index;
use kernel::ctc::Alignment;
use tensor::autograd::check::{Case, case, float64};
use tensor::{AtCaller, 
    Ctx, DType, Element, Error, Grads, Keep, Op, Result, Tensor, cat, grad_with, is_grad_enabled, stack, tensor,
    with_float,
};

criterion! {
    /// `−ln` of the probability of all alignments of the labels with the sequence (Graves et al. 2006): speech and
    /// handwriting, where it is known what was written but not where.
    ///
    /// The gradient is the derivative, also in front of something else than a log_softmax (PyTorch's is valid only
    /// behind one). A labelling that is too long for its sequence has an infinite loss and no gradient.
    ///
    /// Shapes: log-probabilities `(T, N, C)` or `(T, C)`; int64 targets `(N, S)`, padded behind each labelling, or
    /// `(sum of the lengths)`, one labelling behind the other; output scalar, or `(N)` without a reduction. The mean
    /// first divides each loss by the length of its labelling.
    ///
    /// ```
    /// use loss::CTCLoss;
    /// use tensor::{DType, Tensor, tensor};
    /// let log_probs = Tensor::full([4, 1, 3], 0.0, DType::F32)?.log_softmax(-1)?;
    /// let loss = CTCLoss::new().forward(&log_probs, &tensor([[1, 2]]), [4], [2])?;
    /// assert_eq!(loss.to_string(), "tensor(0.8432)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.CTCLoss")]
    #[doc(alias = "ctc_loss")]
    CTCLoss {
        /// The class that stands for no label (default 0).
        blank: usize = 0,
        /// Whether an infinite loss counts nothing (default no).
        zero_infinity: bool = false,
    }
}

const OP: &str = "CTCLoss";

/// How long the sequences of a batch are: a list of numbers, or an int64 tensor.
#[derive(Clone, Debug)]
pub struct Lengths(Result<Vec<i64>, DType>);

impl From<&Tensor> for Lengths {
    fn from(lengths: &Tensor) -> Self {
        Lengths(lengths.to_vec::<i64>().map_err(|_| lengths.dtype()))
    }
}

macro_rules! lengths {
    ($($type:ty)*) => {$(
        impl From<$type> for Lengths {
            fn from(length: $type) -> Self {
                Lengths::from([length])
            }
        }
        impl<const N: usize> From<[$type; N]> for Lengths {
            fn from(lengths: [$type; N]) -> Self {
                Lengths::from(lengths.as_slice())
            }
        }
        impl From<&[$type]> for Lengths {
            fn from(lengths: &[$type]) -> Self {
                // A length beyond i64 fits into no tensor; saturating keeps it that way.
                Lengths(Ok(lengths.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX)).collect()))
            }
        }
        impl From<&Vec<$type>> for Lengths {
            fn from(lengths: &Vec<$type>) -> Self {
                Lengths::from(lengths.as_slice())
            }
        }
    )*};
}
lengths!(i32 i64 usize);

impl Lengths {
    /// `batch` numbers from 0 to `limit`.
    #[track_caller]
    fn check(self, name: &str, batch: usize, limit: usize) -> Result<Vec<usize>> {
        let lengths = self.0.map_err(|dtype| Error::dtype(OP, format!("{name} must be int64, found {dtype}"))).at_caller()?;
        if lengths.len() != batch {
            let found = lengths.len();
            return Err(Error::shape(OP, format!("{name} must have one number for each of {batch} sequences, found {found}")));
        }
        lengths
            .iter()
            .enumerate()
            .map(|(n, &length)| {
                usize::try_from(length).ok().filter(|&l| l <= limit).ok_or_else(|| {
                    Error::value(OP, format!("{name} must be between 0 and {limit}, found {length} at index [{n}]"))
                })
            })
            .collect::<Result<_>>().at_caller()
    }
}

impl CTCLoss {
    /// The loss of the sequences `log_probs`, of which `input_lengths` times count, against the labellings `targets`, of
    /// which `target_lengths` labels count.
    ///
    /// # Errors
    /// If shapes or lengths do not fit together, or if a label is out of range or the blank.
    #[track_caller]
    pub fn forward(
        &self,
        log_probs: &Tensor,
        targets: &Tensor,
        input_lengths: impl Into<Lengths>,
        target_lengths: impl Into<Lengths>,
    ) -> Result<Tensor> {
        let (times, batch, classes) = match *log_probs.shape() {
            [times, batch, classes] => (times, batch, classes),
            [times, classes] => (times, 1, classes),
            ref shape => {
                return Err(Error::shape(OP, format!("log_probs must be (T, N, C) or (T, C), found {shape:?}")));
            }
        };
        if !log_probs.dtype().is_float() {
            return Err(Error::not_float(OP, log_probs.dtype()));
        }
        if log_probs.numel() == 0 {
            let found = log_probs.shape();
            return Err(Error::shape(OP, format!("log_probs must not be empty, found shape {found:?}")));
        }
        if self.blank >= classes {
            return Err(Error::index(OP, format!("blank must be below {classes} classes, found {}", self.blank)));
        }
        let times = input_lengths.into().check("input_lengths", batch, times)?;
        let labels = self.labels(targets, target_lengths.into(), batch, classes)?;
        let mut op = Ctc {
            sequences: times.into_iter().zip(labels).map(|(times, labels)| Sequence { times, labels, scale: 1.0 }).collect(),
            blank: self.blank,
            reduction: self.reduction,
        };
        let mut losses = vec![0.0; batch];
        with_float!(log_probs.dtype(), T => {
            op.with_alignments::<T>(log_probs, |n, alignment| losses[n] = alignment.loss())?;
        });
        for (loss, sequence) in losses.iter_mut().zip(&mut op.sequences) {
            if self.reduction == Reduction::Mean {
                sequence.scale = 1.0 / (sequence.labels.len().max(1) * batch) as f64;
            }
            if *loss == f64::INFINITY {
                sequence.scale = 0.0;
                *loss = if self.zero_infinity { 0.0 } else { *loss };
            } else {
                *loss *= sequence.scale;
            }
        }
        let out = match self.reduction {
            // The mean of no sequence has no value.
            Reduction::Mean if batch == 0 => Tensor::scalar(f64::NAN, DType::F64),
            Reduction::Mean | Reduction::Sum => Tensor::scalar(losses.iter().sum::<f64>(), DType::F64),
            Reduction::None if log_probs.dim() == 2 => Tensor::from_vec(losses, ())?,
            Reduction::None => Tensor::from_vec(losses, batch)?,
        };
        Ok(out.to(log_probs.dtype()).record(op, &[log_probs]))
    }

    /// The labelling of each sequence.
    #[track_caller]
    fn labels(&self, targets: &Tensor, lengths: Lengths, batch: usize, classes: usize) -> Result<Vec<Vec<usize>>> {
        if targets.dtype().is_float() {
            return Err(Error::dtype(OP, format!("targets must be int64, found {}", targets.dtype())));
        }
        let (rows, longest) = match *targets.shape() {
            [rows, longest] => (Some(rows), longest),
            [all] => (None, all),
            ref shape => {
                return Err(Error::shape(OP, format!("targets must be (N, S) or one-dimensional, found {shape:?}")));
            }
        };
        if rows.is_some_and(|rows| rows != batch) {
            let shape = targets.shape();
            return Err(Error::shape(OP, format!("targets of shape {shape:?} are not for {batch} sequences")));
        }
        let lengths = lengths.check("target_lengths", batch, longest)?;
        let targets = targets.to(DType::I64);
        let all = targets.elements::<i64>()?;
        if rows.is_none() && batch > 1 && lengths.iter().sum::<usize>() != longest {
            let sum: usize = lengths.iter().sum();
            return Err(Error::shape(OP, format!("target_lengths sum to {sum}, but there are {longest} targets")));
        }
        let mut behind = 0;
        lengths
            .iter()
            .enumerate()
            .map(|(n, &length)| {
                let start = if rows.is_some() { n * longest } else { behind };
                behind += length;
                (start..start + length).map(|at| self.label(&targets, all[at], at, classes)).collect()
            })
            .collect()
    }

    #[track_caller]
    fn label(&self, targets: &Tensor, label: i64, at: usize, classes: usize) -> Result<usize> {
        usize::try_from(label).ok().filter(|&y| y < classes && y != self.blank).ok_or_else(|| {
            let (blank, place) = (self.blank, index(targets, at));
            Error::index(
                OP,
                format!("labels must be below {classes} and not the blank {blank}, found {label} at index {place:?}"),
            )
        }).at_caller()
    }
}

/// `∂(ln p_t(c)) = −∂l·P(path is in c at time t)`
struct Ctc {
    sequences: Vec<Sequence>,
    blank: usize,
    reduction: Reduction,
}

struct Sequence {
    times: usize,
    labels: Vec<usize>,
    /// What the reduction makes of this loss; 0 for an infinite one.
    scale: f64,
}

impl Ctc {
    /// Runs `job` over the number and the alignment of each sequence.
    fn with_alignments<T: Element + kernel::Float>(
        &self,
        log_probs: &Tensor,
        mut job: impl FnMut(usize, Alignment<'_, T>),
    ) -> Result<()> {
        let all = log_probs.elements::<T>()?;
        let classes = log_probs.shape().last().copied().unwrap_or(1);
        for (n, Sequence { times, labels, .. }) in self.sequences.iter().enumerate() {
            job(
                n,
                Alignment {
                    log_probs: all.get(n * classes..).unwrap_or(&[]),
                    step: classes * self.sequences.len(),
                    times: *times,
                    labels,
                    blank: self.blank,
                },
            );
        }
        Ok(())
    }

    /// The gradient of the loss of sequence `n`.
    fn grad_of(&self, grad: &Tensor, n: usize) -> Result<Tensor> {
        let grad = if grad.dim() == 1 { grad.select(0, n as isize)? } else { grad.clone() };
        Ok(&grad * self.sequences[n].scale)
    }

    /// The loss of sequence `n` by the same recursion in tensor operations, for gradients of higher order.
    fn composed(&self, log_probs: &Tensor, n: usize) -> Result<Tensor> {
        let Sequence { times, labels, .. } = &self.sequences[n];
        let x = if log_probs.dim() == 2 { log_probs.clone() } else { log_probs.select(1, n as isize)? };
        let class = |s: usize| if s.is_multiple_of(2) { self.blank } else { labels[s / 2] };
        let states = 2 * labels.len() + 1;
        let classes: Vec<i64> = (0..states).map(|s| class(s) as i64).collect();
        let emitted = x.narrow(0, 0, *times)?.index_select(1, &Tensor::from_vec(classes, states)?)?;
        let mask = |f: &dyn Fn(usize) -> bool| Tensor::from_vec((0..states).map(f).collect::<Vec<bool>>(), states);
        let (late, no_skip) = (
            mask(&|s| s >= 2)?,
            mask(&|s| s < 2 || s % 2 == 0 || class(s) == class(s - 2))?,
        );
        let nothing = Tensor::full([2], f64::NEG_INFINITY, x.dtype())?;
        let mut alpha = emitted.select(0, 0)?.masked_fill(&late, f64::NEG_INFINITY)?;
        for t in 1..*times {
            let shifted = |by: usize| cat(&[&nothing.narrow(0, 0, by)?, &alpha.narrow(0, 0, states - by)?], 0);
            let mut ways = vec![alpha.clone(), shifted(1)?];
            if states > 2 {
                ways.push(shifted(2)?.masked_fill(&no_skip, f64::NEG_INFINITY)?);
            }
            let ways = stack(&ways.iter().collect::<Vec<_>>(), 0)?.logsumexp(0, false)?;
            alpha = ways.add(&emitted.select(0, t as isize)?)?;
        }
        let last = states.min(2);
        Ok(-alpha.narrow(0, states - last, last)?.logsumexp(0, false)?)
    }
}

impl Op for Ctc {
    fn name(&self) -> &'static str {
        match self.reduction {
            Reduction::None => "CtcLoss",
            Reduction::Mean => "Mean",
            Reduction::Sum => "Sum",
        }
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let x = ctx.input(0)?;
        ctx.grads(|_| {
            if !is_grad_enabled() {
                let grads = (0..self.sequences.len())
                    .map(|n| self.grad_of(grad, n)?.item())
                    .collect::<Result<Vec<f64>>>()?;
                let classes = x.shape().last().copied().unwrap_or(1);
                return with_float!(x.dtype(), T => {
                    let mut out = vec![T::default(); x.numel()];
                    self.with_alignments::<T>(&x, |n, alignment| {
                        if let Some(out) = out.get_mut(n * classes..) {
                            alignment.gradient(grads[n], out);
                        }
                    })?;
                    Tensor::from_vec_like(out, &x)
                });
            }
            let counted = || (0..self.sequences.len()).filter(|&n| self.sequences[n].scale != 0.0 && self.sequences[n].times > 0);
            let losses = counted().map(|n| self.composed(&x, n)).collect::<Result<Vec<_>>>()?;
            let grads = counted().map(|n| self.grad_of(grad, n)).collect::<Result<Vec<_>>>()?;
            if losses.is_empty() {
                return Ok(x.zeros_like());
            }
            let (losses, grads): (Vec<&Tensor>, Vec<Option<&Tensor>>) =
                losses.iter().zip(grads.iter().map(Some)).unzip();
            let mut found = grad_with(&losses, &grads, &[&x])?;
            found.pop().ok_or_else(|| Error::graph(OP, "no gradient"))
        })
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let x = || {
        vec![float64([
            [[0.4, -1.3, 0.5], [0.1, 0.7, -0.9]],
            [[1.4, 0.3, -0.5], [0.2, -0.7, 0.9]],
            [[-0.4, 0.8, 0.25], [0.6, 0.1, -0.3]],
            [[0.0, 0.3, -0.75], [1.1, -0.2, 0.4]],
        ])]
    };
    vec![
        case(
            "CTCLoss",
            |x| CTCLoss::new().forward(&x[0].log_softmax(-1)?, &tensor([[1, 2], [2, 0]]), [4, 3], [2, 1]),
            x(),
        ),
        case(
            "CTCLoss, equal labels, sum, one behind the other",
            |x| {
                let criterion = CTCLoss::new().reduction(Reduction::Sum).blank(2);
                criterion.forward(&x[0], &tensor([1, 1, 0]), [4, 4], [2, 1])
            },
            x(),
        ),
        case(
            "CTCLoss, an impossible one, none",
            |x| {
                let criterion = CTCLoss::new().reduction(Reduction::None).zero_infinity(true);
                criterion.forward(&x[0], &tensor([[1, 1], [2, 1]]), [2, 4], [2, 2])
            },
            x(),
        ),
        case(
            "CTCLoss of one sequence",
            |x| CTCLoss::new().forward(&x[0], &tensor([1]), 3, 1),
            vec![float64([[0.4, -1.3], [0.1, 0.7], [0.2, -0.5]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals() {
        let x = tensor([[0.5, 0.5], [0.5, 0.5]]).log();
        let of = |t: &Tensor, times: usize, labels: usize| {
            CTCLoss::new().forward(&x, t, times, labels).unwrap_err().to_string()
        };
        assert!(of(&tensor([1]), 3, 1).contains("input_lengths must be between 0 and 2, found 3"));
        assert!(of(&tensor([2]), 2, 1).contains("found 2 at index [0]"));
        assert!(of(&tensor([0]), 2, 1).contains("not the blank 0"));
        assert!(of(&tensor([1.0]), 2, 1).contains("int64"));
    }
}

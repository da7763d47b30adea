//! Criteria of rows over the whole range of float32: what they say of float32 is what they say of float64, rounded.

use crate::Domain;
use crate::config::config;
use loss::*;
use proptest::prelude::*;
use tensor::{DType, Result, Tensor, tensor};

/// A criterion of some numbers, which come to one loss.
struct Subject {
    name: &'static str,
    /// From where each number is drawn.
    domains: &'static [Domain],
    loss: fn(&[Tensor]) -> Result<Tensor>,
    /// The size of what is added up in it, from the numbers and the loss: what the error is measured by.
    scale: fn(&[f64], f64) -> f64,
    /// The largest slope that rounding may be measured by, if the gradients are compared.
    slope: Option<f64>,
}

fn row(x: &[Tensor]) -> Result<Tensor> {
    tensor::stack(&x.iter().collect::<Vec<_>>(), 0)?.unsqueeze(0)
}

/// Without the kink of `|x|`.
fn positive(x: &Tensor) -> Result<Tensor> {
    x.mul(if x.item()? < 0.0 { -1.0 } else { 1.0 })
}

fn norm(d: impl Iterator<Item = f64>) -> f64 {
    d.map(|d| d * d).sum::<f64>().sqrt()
}

fn by_value(_: &[f64], loss: f64) -> f64 {
    loss.abs()
}

/// Of logits: the value, and, where it is small, what the rounding of a difference of logits is to its exponential. A difference
/// that leaves the range before it is weighed is infinite.
fn by_spread(x: &[f64], loss: f64) -> f64 {
    let spread = x.iter().fold(f64::MIN, |m, &x| m.max(x)) - x.iter().fold(f64::MAX, |m, &x| m.min(x));
    if spread >= f64::from(f32::MAX) { spread } else { loss.abs() + loss.abs().min(1.0) * spread.min(104.0) }
}

fn by_size(x: &[f64], loss: f64) -> f64 {
    x.iter().map(|x| x.abs()).sum::<f64>() + loss.abs() + 1.0
}

const ANY: &[Domain] = &[Domain::Any; 4];
const MODEST: &[Domain] = &[Domain::Modest; 4];

fn subjects() -> Vec<Subject> {
    use Domain::*;
    let of = |name, domains, loss, scale, slope| Subject { name, domains, loss, scale, slope };
    vec![
        of(
            "CrossEntropyLoss",
            ANY,
            |x| CrossEntropyLoss::new().forward(&row(x)?, &tensor([1])),
            by_spread,
            Some(1.0),
        ),
        of(
            "CrossEntropyLoss, smoothing",
            ANY,
            |x| CrossEntropyLoss::new().label_smoothing(0.25).forward(&row(x)?, &tensor([1])),
            by_spread,
            Some(1.0),
        ),
        of(
            "CrossEntropyLoss of an image",
            ANY,
            |x| CrossEntropyLoss::new().forward(&row(x)?.reshape([1, 2, 2])?, &tensor([[1, 0]])),
            by_spread,
            Some(1.0),
        ),
        of(
            "CrossEntropyLoss of probabilities",
            ANY,
            |x| CrossEntropyLoss::new().forward(&row(x)?, &tensor([[0.25, 0.0, 0.5, 0.25]]).to(x[0].dtype())),
            by_spread,
            Some(1.0),
        ),
        of(
            "CrossEntropyLoss of an image, probabilities",
            ANY,
            |x| {
                let target = tensor([[[0.25, 0.5], [0.75, 0.5]]]).to(x[0].dtype());
                CrossEntropyLoss::new().forward(&row(x)?.reshape([1, 2, 2])?, &target)
            },
            by_spread,
            Some(1.0),
        ),
        of("NLLLoss", ANY, |x| NLLLoss::new().forward(&row(x)?, &tensor([1])), by_value, Some(1.0)),
        // The rounding of p counts γ = 2 times in (1 − p)^γ, beside a p of 1.
        of(
            "FocalLoss",
            MODEST,
            |x| FocalLoss::new().forward(&row(x)?, &tensor([1])),
            |_, loss| 1.0 + 4.0 * loss.abs(),
            Some(4.0),
        ),
        of("MultiMarginLoss", ANY, |x| MultiMarginLoss::new().forward(&row(x)?, &tensor([1])), by_size, None),
        of(
            "MultiLabelMarginLoss",
            ANY,
            |x| MultiLabelMarginLoss::new().forward(&row(x)?, &tensor([[3, 1, -1, 0]])),
            by_size,
            None,
        ),
        of(
            "MultiLabelSoftMarginLoss",
            ANY,
            |x| {
                MultiLabelSoftMarginLoss::new()
                    .forward(&row(x)?, &tensor([[1.0, 0.0, 0.0, 1.0]]).to(x[0].dtype()))
            },
            by_value,
            Some(1.0),
        ),
        of(
            "MarginRankingLoss",
            &[Any, Any],
            |x| MarginRankingLoss::new().margin(0.5).forward(&x[0], &x[1], &x[0].ones_like()),
            by_size,
            None,
        ),
        of(
            "GaussianNLLLoss",
            &[Any, Any, Any],
            |x| GaussianNLLLoss::new().forward(&x[0], &x[1], &positive(&x[2])?),
            |x, _| {
                let v = x[2].abs().max(1e-6);
                v.ln().abs() + 2.0 * (x[0] - x[1]).powi(2) / v
            },
            None,
        ),
        of(
            "KLDivLoss, log_target",
            &[Any, Modest],
            |x| KLDivLoss::new().log_target(true).forward(&x[0], &x[1]),
            // The rounding of the target's logarithm, and of the exponential.
            |x, _| x[1].exp() * (1.0 + x[1].abs()) * (x[0].abs() + x[1].abs()).min(1e300),
            None,
        ),
        of(
            "PoissonNLLLoss of a rate",
            &[Any, Count],
            |x| PoissonNLLLoss::new().log_input(false).forward(&positive(&x[0])?, &x[1]),
            |x, _| x[0].abs() + x[1] * (1.0 + (x[0].abs() + 1e-8).ln().abs()),
            None,
        ),
        of(
            "CosineEmbeddingLoss",
            ANY,
            |x| {
                CosineEmbeddingLoss::new().forward(
                    &row(&x[..2])?,
                    &row(&x[2..])?,
                    &x[0].ones_like().reshape([1])?,
                )
            },
            |_, _| 2.0,
            None,
        ),
        of(
            "TripletMarginLoss",
            &[Any; 6],
            |x| TripletMarginLoss::new().forward(&row(&x[..2])?, &row(&x[2..4])?, &row(&x[4..])?),
            |x, _| norm((0..2).map(|i| x[i] - x[i + 2])) + norm((0..2).map(|i| x[i] - x[i + 4])) + 1.0,
            None,
        ),
        of(
            "CTCLoss",
            &[Modest; 6],
            |x| {
                let log_probs = row(x)?.reshape([2, 1, 3])?.log_softmax(-1)?;
                CTCLoss::new().forward(&log_probs, &tensor([[1]]), 2, 1)
            },
            by_size,
            None,
        ),
        of(
            "InfoNCELoss",
            ANY,
            |x| {
                InfoNCELoss::new()
                    .forward(&row(x)?.reshape([2, 2])?, &tensor([[1.0, 2.0], [-3.0, 1.0]]).to(x[0].dtype()))
            },
            |_, _| 40.0,
            None,
        ),
        of(
            "DiceLoss",
            MODEST,
            |x| DiceLoss::new().forward(&row(x)?, &tensor([[1.0, 0.0, 0.0, 1.0]]).to(x[0].dtype())),
            |_, _| 4.0,
            Some(1.0),
        ),
        of(
            "LovaszLoss",
            ANY,
            |x| LovaszLoss::new().forward(&row(x)?, &tensor([[1.0, 0.0, 0.0, 1.0]]).to(x[0].dtype())),
            by_size,
            None,
        ),
    ]
}

/// The loss and the slope of each number, in a type.
fn both(subject: &Subject, numbers: &[f32], dtype: DType) -> (f64, Vec<f64>) {
    let one = |&x: &f32| Tensor::from_vec(vec![x], ()).unwrap().to(dtype).requires_grad();
    let leaves: Vec<Tensor> = numbers.iter().map(one).collect();
    let loss = (subject.loss)(&leaves).unwrap().sum();
    loss.backward().unwrap();
    let slope = |x: &Tensor| x.grad().map_or(0.0, |g| g.item().unwrap());
    (loss.item().unwrap(), leaves.iter().map(slope).collect())
}

/// Within 4 units in the last place of what is added up, and of the smallest number beside zero.
#[test]
fn rows_of_float32_are_those_of_float64_rounded() {
    let largest = f64::from(f32::MAX) * (1.0 - 1e-6);
    let smallest = f64::from(f32::from_bits(1));
    for subject in subjects() {
        let drawn: Vec<_> = subject.domains.iter().map(|domain| domain.numbers(1)).collect();
        proptest!(config(), |(drawn in drawn)| {
            let numbers: Vec<f32> = drawn.into_iter().flatten().collect();
            let (single, slopes) = both(&subject, &numbers, DType::F32);
            let (double, exact) = both(&subject, &numbers, DType::F64);
            let wide: Vec<f64> = numbers.iter().map(|&x| f64::from(x)).collect();
            let scale = (subject.scale)(&wide, double).max(double.abs());
            let allowed = 4.0 * f64::from(f32::EPSILON) * scale + 4.0 * smallest;
            // What is added up may leave the range of float32 before the loss does, as in PyTorch.
            let overflow = single.is_infinite() && scale >= largest;
            prop_assert!(
                (single - double).abs() <= allowed || overflow,
                "{} of {numbers:?}: {single:e} in float32, {double:e} in float64",
                subject.name
            );
            prop_assert!(slopes.iter().zip(&exact).all(|(s, d)| s.is_finite() || d.abs() >= largest || scale >= largest), "{slopes:?}, {exact:?}");
            let Some(most) = subject.slope else { return Ok(()) };
            for (a, b) in slopes.iter().zip(&exact) {
                prop_assert!(
                    (a - b).abs() <= 8.0 * f64::from(f32::EPSILON) * most,
                    "{} of {numbers:?}: slopes {slopes:?} in float32, {exact:?} in float64",
                    subject.name
                );
            }
        });
    }
}

/// The length of the first vector is beyond float32.
#[test]
fn a_cosine_of_vectors_whose_length_leaves_the_range() {
    let cosine = |dtype| {
        let [x, y] = [[3.08e38, 1.7e38], [1.0, 1.0]].map(|x| tensor([x]).to(dtype).requires_grad());
        let loss = CosineEmbeddingLoss::new().forward(&x, &y, &tensor([1.0]).to(dtype)).unwrap();
        loss.backward().unwrap();
        (loss.item().unwrap(), y.grad().unwrap().to(DType::F64).to_vec::<f64>().unwrap())
    };
    let ((single, slopes), (double, exact)) = (cosine(DType::F32), cosine(DType::F64));
    assert!((single - double).abs() < 1e-6, "{single} {double}");
    assert!(slopes.iter().zip(&exact).all(|(s, e)| (s - e).abs() < 1e-6), "{slopes:?} {exact:?}");
}

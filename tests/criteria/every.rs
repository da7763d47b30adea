//! What holds for every criterion with every reduction: gradients of both orders, sums and means, signs, least values, the
//! two float types, and views.

use loss::*;
use tensor::autograd::{gradcheck, gradgradcheck};
use tensor::{DType, Result, Tensor, grad, manual_seed, rand, randn, tensor, zeros};

type Inputs = fn() -> Vec<Tensor>;
type Loss = fn(&[Tensor], Reduction) -> Result<Tensor>;

const REDUCTIONS: [Reduction; 3] = [Reduction::None, Reduction::Mean, Reduction::Sum];

/// A criterion, what it is fed with, and what is known about it.
struct Subject {
    name: &'static str,
    inputs: Inputs,
    loss: Loss,
    /// What the mean divides the sum by.
    count: f64,
    /// Whether it is never below 0.
    positive: bool,
    /// Inputs for which it is 0.
    least: Option<Inputs>,
    /// Whether it is the same with its first two inputs exchanged.
    symmetric: bool,
}

fn of(name: &'static str, count: f64, inputs: Inputs, loss: Loss) -> Subject {
    Subject { name, inputs, loss, count, positive: true, least: None, symmetric: false }
}

impl Subject {
    fn least(self, least: Inputs) -> Self {
        Subject { least: Some(least), ..self }
    }

    fn symmetric(self) -> Self {
        Subject { symmetric: true, ..self }
    }

    /// A likelihood of something continuous, or a divergence of one class alone, may be below 0.
    fn signed(self) -> Self {
        Subject { positive: false, ..self }
    }
}

fn normal(shape: &[usize]) -> Tensor {
    randn(shape.iter().map(|&n| n as i64).collect::<Vec<_>>()).unwrap().to(DType::F64)
}

/// Between a tenth and nine tenths.
fn inner(shape: &[usize]) -> Tensor {
    rand(shape.iter().map(|&n| n as i64).collect::<Vec<_>>()).unwrap().to(DType::F64) * 0.8 + 0.1
}

fn x() -> Vec<Tensor> {
    vec![normal(&[2, 3])]
}
fn pair() -> Vec<Tensor> {
    vec![normal(&[2, 3]), normal(&[2, 3])]
}
fn probabilities() -> Vec<Tensor> {
    vec![inner(&[2, 3]), inner(&[2, 3])]
}
fn triple() -> Vec<Tensor> {
    vec![normal(&[2, 3]), normal(&[2, 3]), normal(&[2, 3])]
}
fn image() -> Vec<Tensor> {
    vec![normal(&[2, 3, 2])]
}
/// Equal ones.
fn equals() -> Vec<Tensor> {
    let x = normal(&[2, 3]);
    vec![x.clone(), x]
}
fn boxes() -> Vec<Tensor> {
    let one = || {
        let (low, size) = (inner(&[3, 2]), inner(&[3, 2]));
        tensor::cat(&[&low, &(&low + size)], 1).unwrap()
    };
    vec![one(), one()]
}
fn equal_boxes() -> Vec<Tensor> {
    let one = boxes().remove(0);
    vec![one.clone(), one]
}
/// Logits by which the labels 2 and 0 are certain.
fn certain() -> Vec<Tensor> {
    vec![tensor([[-800.0, -900.0, 0.0], [900.0, -5.0, 7.0]]).to(DType::F64)]
}

fn double() -> Tensor {
    zeros(()).unwrap().to(DType::F64)
}
// Labels and weights in the type of the input.
fn signs(like: &Tensor) -> Tensor {
    tensor([1.0, -1.0]).to(like.dtype())
}
fn many_signs(like: &Tensor) -> Tensor {
    tensor([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]]).to(like.dtype())
}
fn marks(like: &Tensor) -> Tensor {
    tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).to(like.dtype())
}
fn weights(like: &Tensor) -> Tensor {
    tensor([0.5, 2.0, 1.25]).to(like.dtype())
}

fn subjects() -> Vec<Subject> {
    let labels: Loss = |x, r| CrossEntropyLoss::new().reduction(r).forward(&x[0], &tensor([2, 0]));
    let distances = |name, loss| of(name, 6.0, pair, loss).least(equals);
    vec![
        distances("MSELoss", |x, r| MSELoss::new().reduction(r).forward(&x[0], &x[1])).symmetric(),
        distances("L1Loss", |x, r| L1Loss::new().reduction(r).forward(&x[0], &x[1])).symmetric(),
        distances("HuberLoss", |x, r| HuberLoss::new().delta(0.7).reduction(r).forward(&x[0], &x[1]))
            .symmetric(),
        distances("SmoothL1Loss", |x, r| SmoothL1Loss::new().beta(0.7).reduction(r).forward(&x[0], &x[1]))
            .symmetric(),
        distances("LogCoshLoss", |x, r| LogCoshLoss::new().reduction(r).forward(&x[0], &x[1])).symmetric(),
        distances("QuantileLoss", |x, r| {
            QuantileLoss::new().quantile(0.8).reduction(r).forward(&x[0], &x[1])
        }),
        // The sum of the weights.
        Subject {
            count: 7.5,
            ..distances("MSELoss, weight", |x, r| {
                let w = weights(&x[0]).expand([2, 3])?;
                MSELoss::new().weight(&w).reduction(r).forward(&x[0], &x[1])
            })
        },
        of("BCEWithLogitsLoss", 6.0, x, |x, r| {
            BCEWithLogitsLoss::new().reduction(r).forward(&x[0], &marks(&x[0]))
        })
        .least(|| vec![(marks(&double()) * 2.0 - 1.0) * 900.0]),
        of("BCEWithLogitsLoss, weights", 6.0, x, |x, r| {
            let criterion = BCEWithLogitsLoss::new().weight(&weights(&x[0])).pos_weight(&weights(&x[0]));
            criterion.reduction(r).forward(&x[0], &marks(&x[0]))
        }),
        of("BCELoss", 6.0, probabilities, |x, r| BCELoss::new().reduction(r).forward(&x[0], &x[1])),
        of(
            "BCELoss of marks",
            6.0,
            || vec![inner(&[2, 3])],
            |x, r| BCELoss::new().reduction(r).forward(&x[0], &marks(&x[0])),
        )
        .least(|| vec![marks(&double())]),
        of("CrossEntropyLoss", 2.0, x, labels).least(certain),
        of("CrossEntropyLoss, weight, smoothing", 1.75, x, |x, r| {
            let criterion = CrossEntropyLoss::new().weight(&weights(&x[0])).label_smoothing(0.1);
            criterion.reduction(r).forward(&x[0], &tensor([2, 0]))
        }),
        of("CrossEntropyLoss of an image", 3.0, image, |x, r| {
            let labels = tensor([[2, 0], [-100, 1]]);
            CrossEntropyLoss::new().label_smoothing(0.1).reduction(r).forward(&x[0], &labels)
        }),
        of(
            "CrossEntropyLoss of one",
            1.0,
            || vec![normal(&[3])],
            |x, r| CrossEntropyLoss::new().reduction(r).forward(&x[0], &tensor(1)),
        ),
        of(
            "CrossEntropyLoss of probabilities",
            4.0,
            || vec![normal(&[2, 3, 2]), normal(&[2, 3, 2])],
            |x, r| {
                let criterion = CrossEntropyLoss::new().weight(&weights(&x[0])).label_smoothing(0.1);
                criterion.reduction(r).forward(&x[0], &x[1].softmax(1)?)
            },
        ),
        of("NLLLoss", 1.75, x, |x, r| {
            NLLLoss::new()
                .weight(&weights(&x[0]))
                .reduction(r)
                .forward(&x[0].log_softmax(1)?, &tensor([2, 0]))
        }),
        of("FocalLoss", 2.0, x, |x, r| FocalLoss::new().reduction(r).forward(&x[0], &tensor([2, 0])))
            .least(certain),
        of("SigmoidFocalLoss", 6.0, x, |x, r| {
            SigmoidFocalLoss::new().reduction(r).forward(&x[0], &marks(&x[0]))
        }),
        of("SoftMarginLoss", 6.0, x, |x, r| {
            SoftMarginLoss::new().reduction(r).forward(&x[0], &many_signs(&x[0]))
        })
        .least(|| vec![many_signs(&double()) * 900.0]),
        of("MultiLabelSoftMarginLoss", 2.0, x, |x, r| {
            MultiLabelSoftMarginLoss::new().weight(&weights(&x[0])).reduction(r).forward(&x[0], &marks(&x[0]))
        })
        .least(|| vec![(marks(&double()) * 2.0 - 1.0) * 900.0]),
        of("MultiMarginLoss", 2.0, x, |x, r| {
            MultiMarginLoss::new().reduction(r).forward(&x[0], &tensor([2, 0]))
        })
        .least(certain),
        of("MultiMarginLoss, squared, weight", 2.0, x, |x, r| {
            MultiMarginLoss::new().p(2).weight(&weights(&x[0])).reduction(r).forward(&x[0], &tensor([2, 0]))
        })
        .least(certain),
        of("MultiLabelMarginLoss", 2.0, x, |x, r| {
            MultiLabelMarginLoss::new().reduction(r).forward(&x[0], &tensor([[2, 0, -1], [1, -1, 0]]))
        })
        .least(|| vec![tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 1.0]]).to(DType::F64)]),
        of(
            "KLDivLoss",
            6.0,
            || vec![normal(&[2, 3]), inner(&[2, 3])],
            |x, r| KLDivLoss::new().reduction(r).forward(&x[0], &x[1]),
        )
        .signed()
        .least(|| {
            let t = inner(&[2, 3]);
            vec![t.log(), t]
        }),
        of("KLDivLoss, log_target", 6.0, pair, |x, r| {
            KLDivLoss::new().log_target(true).reduction(r).forward(&x[0], &x[1])
        })
        .signed()
        .least(equals),
        of(
            "PoissonNLLLoss",
            6.0,
            || vec![normal(&[2, 3]), inner(&[2, 3]) * 4.0],
            |x, r| PoissonNLLLoss::new().full(true).reduction(r).forward(&x[0], &x[1]),
        )
        .signed(),
        of(
            "PoissonNLLLoss of a rate",
            6.0,
            || vec![inner(&[2, 3]), inner(&[2, 3]) * 4.0],
            |x, r| PoissonNLLLoss::new().log_input(false).reduction(r).forward(&x[0], &x[1]),
        )
        .signed(),
        of(
            "GaussianNLLLoss",
            6.0,
            || vec![normal(&[2, 3]), normal(&[2, 3]), inner(&[2, 3])],
            |x, r| GaussianNLLLoss::new().full(true).reduction(r).forward(&x[0], &x[1], &x[2]),
        )
        .signed(),
        of("HingeEmbeddingLoss", 6.0, probabilities, |x, r| {
            HingeEmbeddingLoss::new().reduction(r).forward(&x[0], &many_signs(&x[0]))
        }),
        of(
            "MarginRankingLoss",
            2.0,
            || vec![normal(&[2]), normal(&[2])],
            |x, r| MarginRankingLoss::new().margin(0.5).reduction(r).forward(&x[0], &x[1], &signs(&x[0])),
        )
        .least(|| vec![signs(&double()), -signs(&double())]),
        of("CosineEmbeddingLoss", 2.0, pair, |x, r| {
            CosineEmbeddingLoss::new().margin(-0.9).reduction(r).forward(&x[0], &x[1], &signs(&x[0]))
        })
        .symmetric(),
        of("TripletMarginLoss", 2.0, triple, |x, r| {
            TripletMarginLoss::new().margin(9.0).swap(true).reduction(r).forward(&x[0], &x[1], &x[2])
        })
        .least(|| {
            let x = normal(&[2, 3]);
            vec![x.clone(), x.clone(), x + 90.0]
        }),
        of("TripletMarginLoss, p = 3", 2.0, triple, |x, r| {
            TripletMarginLoss::new().margin(9.0).p(3.0).reduction(r).forward(&x[0], &x[1], &x[2])
        }),
        of("TripletMarginWithDistanceLoss", 2.0, triple, |x, r| {
            let criterion = TripletMarginWithDistanceLoss::new()
                .distance_function(|x, y| Ok(x.cosine_similarity(y, 1, 1e-8)?.neg()))
                .margin(3.0);
            criterion.reduction(r).forward(&x[0], &x[1], &x[2])
        }),
        Subject {
            // The mean is of what each label costs, and this is one sequence of two labels.
            ..of(
                "CTCLoss",
                2.0,
                || vec![normal(&[5, 1, 4])],
                |x, r| CTCLoss::new().reduction(r).forward(&x[0].log_softmax(-1)?, &tensor([[1, 3]]), 5, 2),
            )
        },
        of("DiceLoss", 2.0, x, |x, r| DiceLoss::new().reduction(r).forward(&x[0], &marks(&x[0])))
            .least(|| vec![(marks(&double()) * 2.0 - 1.0) * 900.0]),
        of("TverskyLoss", 2.0, x, |x, r| TverskyLoss::new().reduction(r).forward(&x[0], &marks(&x[0])))
            .least(|| vec![(marks(&double()) * 2.0 - 1.0) * 900.0]),
        of("LovaszLoss", 2.0, x, |x, r| LovaszLoss::new().reduction(r).forward(&x[0], &marks(&x[0])))
            .least(|| vec![(marks(&double()) * 2.0 - 1.0) * 900.0]),
        of("IoULoss", 3.0, boxes, |x, r| IoULoss::new().eps(0.0).reduction(r).forward(&x[0], &x[1]))
            .symmetric()
            .least(equal_boxes),
        of("GIoULoss", 3.0, boxes, |x, r| GIoULoss::new().eps(0.0).reduction(r).forward(&x[0], &x[1]))
            .symmetric()
            .least(equal_boxes),
        of("DIoULoss", 3.0, boxes, |x, r| DIoULoss::new().eps(0.0).reduction(r).forward(&x[0], &x[1]))
            .symmetric()
            .least(equal_boxes),
        // Not CIoULoss: the weight of its last term counts as a constant, so that its gradient is no difference quotient.
        of("InfoNCELoss", 2.0, pair, |x, r| {
            InfoNCELoss::new().temperature(0.5).reduction(r).forward(&x[0], &x[1])
        }),
        of("NTXentLoss", 4.0, pair, |x, r| NTXentLoss::new().reduction(r).forward(&x[0], &x[1])).symmetric(),
    ]
}

fn value(loss: &Tensor) -> Vec<f64> {
    loss.to(DType::F64).to_vec::<f64>().unwrap()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + b.abs())
}

/// The loss, and the gradient of each input from that of the losses' sum.
fn both(subject: &Subject, inputs: &[Tensor], reduction: Reduction) -> (Tensor, Vec<Tensor>) {
    let leaves: Vec<Tensor> = inputs.iter().map(|x| x.detach().requires_grad()).collect();
    let loss = (subject.loss)(&leaves, reduction).unwrap();
    let slopes = grad(&loss.sum(), &leaves.iter().collect::<Vec<_>>()).unwrap();
    (loss, slopes)
}

#[test]
fn gradients_of_both_orders_with_every_reduction() {
    let mut failures = Vec::new();
    for subject in subjects() {
        for seed in 0..4 {
            manual_seed(seed);
            let inputs = (subject.inputs)();
            for reduction in REDUCTIONS {
                let f = |x: &[Tensor]| (subject.loss)(x, reduction);
                if let Err(why) = gradcheck(f, &inputs).and_then(|()| gradgradcheck(f, &inputs)) {
                    failures.push(format!("{}, {reduction:?}, seed {seed}: {why}", subject.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn sums_and_means_are_of_the_single_losses() {
    for subject in subjects() {
        for seed in 0..20 {
            manual_seed(seed);
            let inputs = (subject.inputs)();
            let of = |reduction| value(&(subject.loss)(&inputs, reduction).unwrap());
            let (each, sum, mean) = (of(Reduction::None), of(Reduction::Sum)[0], of(Reduction::Mean)[0]);
            assert!(close(sum, each.iter().sum(), 1e-14), "{}: {each:?} sum to {sum}", subject.name);
            assert!(
                close(mean, sum / subject.count, 1e-14),
                "{}: {sum} over {} is not {mean}",
                subject.name,
                subject.count
            );
            assert!(!subject.positive || each.iter().all(|&l| l >= -1e-15), "{}: {each:?}", subject.name);
        }
    }
}

#[test]
fn the_least_loss_is_zero_and_exchanged_inputs_cost_the_same() {
    for subject in subjects() {
        manual_seed(5);
        if let Some(least) = subject.least {
            let (loss, slopes) = both(&subject, &least(), Reduction::None);
            assert!(value(&loss).iter().all(|l| l.abs() < 1e-12), "{}: {loss}", subject.name);
            assert!(slopes.iter().flat_map(value).all(f64::is_finite), "{}: {slopes:?}", subject.name);
        }
        if subject.symmetric {
            let mut inputs = (subject.inputs)();
            let one = value(&(subject.loss)(&inputs, Reduction::Sum).unwrap());
            inputs.swap(0, 1);
            let other = value(&(subject.loss)(&inputs, Reduction::Sum).unwrap());
            assert!(close(one[0], other[0], 1e-14), "{}: {one:?}, {other:?}", subject.name);
        }
    }
}

#[test]
fn float32_says_what_float64_says() {
    for subject in subjects() {
        for seed in 0..20 {
            manual_seed(seed);
            let single: Vec<Tensor> = (subject.inputs)().iter().map(|x| x.to(DType::F32)).collect();
            let double: Vec<Tensor> = single.iter().map(|x| x.to(DType::F64)).collect();
            for reduction in REDUCTIONS {
                let (found, expected) =
                    (both(&subject, &single, reduction), both(&subject, &double, reduction));
                assert_eq!(found.0.dtype(), DType::F32, "{}", subject.name);
                let numbers = |(loss, slopes): &(Tensor, Vec<Tensor>)| {
                    std::iter::once(loss).chain(slopes).flat_map(value).collect::<Vec<_>>()
                };
                for (a, b) in numbers(&found).into_iter().zip(numbers(&expected)) {
                    assert!(close(a, b, 2e-5), "{}, {reduction:?}, seed {seed}: {a}, {b}", subject.name);
                }
            }
        }
    }
}

/// The same elements in another order, or between others.
fn views(x: &Tensor) -> [Tensor; 2] {
    let order: Vec<i64> = (0..x.dim() as i64).rev().collect();
    let turned = x.permute(order.clone()).unwrap().contiguous().permute(order).unwrap();
    let last = x.dim() as isize - 1;
    let more = tensor::cat(&[x, &x.full_like(7.0), x], last).unwrap();
    let size = x.shape()[last as usize];
    [turned, more.narrow(last, 2 * size, size).unwrap()]
}

#[test]
fn views_cost_what_copies_cost() {
    for subject in subjects() {
        manual_seed(7);
        let inputs = (subject.inputs)();
        let views: Vec<[Tensor; 2]> = inputs.iter().map(views).collect();
        for reduction in REDUCTIONS {
            let (loss, slopes) = both(&subject, &inputs, reduction);
            for k in 0..2 {
                let of_views: Vec<Tensor> = views.iter().map(|pair| pair[k].clone()).collect();
                let (again, of_views) = both(&subject, &of_views, reduction);
                let same = |a: &Tensor, b: &Tensor| {
                    a.shape() == b.shape() && value(a).iter().zip(value(b)).all(|(&a, b)| close(a, b, 1e-13))
                };
                assert!(same(&again, &loss), "{}, {reduction:?}: {again}, {loss}", subject.name);
                for (a, b) in of_views.iter().zip(&slopes) {
                    assert!(same(a, b), "{}, {reduction:?}: {a}, {b}", subject.name);
                }
            }
        }
    }
}

/// Ties, kinks and lengths of zero: everything stays finite, twice.
#[test]
fn equal_numbers_have_finite_gradients_of_both_orders() {
    for subject in subjects() {
        manual_seed(1);
        for constant in [0.0, 0.5] {
            let same: Vec<Tensor> = (subject.inputs)().iter().map(|x| x.full_like(constant)).collect();
            // No rate, no variance and no probability of 0 where it would cost ∞.
            if constant == 0.0
                && [
                    "BCELoss",
                    "KLDivLoss",
                    "GaussianNLLLoss",
                    "PoissonNLLLoss",
                    "IoULoss",
                    "GIoULoss",
                    "DIoULoss",
                ]
                .iter()
                .any(|name| subject.name.starts_with(name))
            {
                continue;
            }
            // Boxes without an area have no overlap to speak of.
            if subject.name.ends_with("IoULoss") {
                continue;
            }
            let leaves: Vec<Tensor> = same.iter().map(|x| x.detach().requires_grad()).collect();
            let wrt: Vec<&Tensor> = leaves.iter().collect();
            let loss = (subject.loss)(&leaves, Reduction::Sum).unwrap();
            let slopes = tensor::grad_with(&[&loss], &[None], &wrt).unwrap();
            let total = slopes.iter().fold(double(), |sum, g| sum + g.square().sum());
            let seconds = if total.needs_grad() { grad(&total, &wrt).unwrap() } else { Vec::new() };
            let numbers: Vec<f64> =
                [&loss].into_iter().chain(&slopes).chain(&seconds).flat_map(value).collect();
            assert!(numbers.iter().all(|n| n.is_finite()), "{}, {constant}: {numbers:?}", subject.name);
        }
    }
}

/// The direction counts, not the length; and boxes have no units.
#[test]
fn what_does_not_count() {
    manual_seed(2);
    let [x, y]: [Tensor; 2] = pair().try_into().unwrap();
    let criterion = CosineEmbeddingLoss::new().margin(-0.9);
    let of = |x: &Tensor| value(&criterion.forward(x, &y, &signs(x)).unwrap())[0];
    assert!(close(of(&(&x * 1e3)), of(&x), 1e-9));
    let [a, b]: [Tensor; 2] = boxes().try_into().unwrap();
    for criterion in [
        Box::new(IoULoss::new().eps(0.0)) as Box<dyn Criterion>,
        Box::new(GIoULoss::new().eps(0.0)),
        Box::new(DIoULoss::new().eps(0.0)),
        Box::new(CIoULoss::new().eps(0.0)),
    ] {
        let of = |scale: f64, shift: f64| {
            let moved = |x: &Tensor| x * scale + shift;
            value(&criterion.forward(&moved(&a), &moved(&b)).unwrap())[0]
        };
        let (moved, still) = (of(8.0, -3.0), of(1.0, 0.0));
        // CIoULoss keeps torchvision's constant of 1e-7 beside areas.
        assert!(close(moved, still, 1e-6), "{criterion}: {moved}, {still}");
    }
}

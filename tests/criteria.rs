//! What holds for criteria whatever the numbers: properties over random inputs, over the whole range of float32.

#[path = "properties/config.rs"]
mod config;
#[path = "criteria/every.rs"]
mod every;
#[path = "criteria/range.rs"]
mod range;

use config::config;
use loss::*;
use proptest::prelude::*;
use tensor::{DType, Tensor, tensor};

/// From what a number of a criterion is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Domain {
    /// Any float32, of any size.
    Any,
    /// From 0 to 1.
    Probability,
    /// The logarithm of one.
    LogProbability,
    /// 1 or −1.
    Sign,
    /// 0, 1, 2, ….
    Count,
    /// From −80 to 80, where an exponential is a float32.
    Modest,
}

impl Domain {
    fn numbers(self, n: usize) -> BoxedStrategy<Vec<f32>> {
        let one = match self {
            Domain::Any => {
                // Every exponent alike, so that tiny and huge numbers are as frequent as others.
                (any::<bool>(), -140i32..128, 1.0f32..2.0)
                    .prop_map(|(sign, e, m)| if sign { -m * 2f32.powi(e) } else { m * 2f32.powi(e) })
                    .boxed()
            }
            Domain::Probability => {
                prop_oneof![Just(0.0f32), Just(1.0f32), 0.0f32..=1.0, 0.0f32..1e-6].boxed()
            }
            Domain::LogProbability => (-100.0f32..=0.0).boxed(),
            Domain::Sign => any::<bool>().prop_map(|b| if b { 1.0 } else { -1.0 }).boxed(),
            Domain::Count => (0u8..30).prop_map(f32::from).boxed(),
            Domain::Modest => (-80.0f32..80.0).boxed(),
        };
        proptest::collection::vec(one, n).boxed()
    }
}

type Make = fn(Reduction) -> Box<dyn Criterion>;

/// A criterion of single elements, and what is known about it.
struct Subject {
    name: &'static str,
    make: Make,
    input: Domain,
    target: Domain,
    /// Whether it is never below 0.
    positive: bool,
    /// Whether it is 0 where the input is the target.
    zero_at_target: bool,
    /// Whether input and target can be exchanged.
    symmetric: bool,
    /// What the error of float32 is measured by: the value itself, or the sizes of what is added up in it.
    scale: fn(f64, f64, f64) -> f64,
}

fn by_value(value: f64, _: f64, _: f64) -> f64 {
    value.abs()
}

fn subjects() -> Vec<Subject> {
    use Domain::*;
    let distance = |name, make: Make| Subject {
        name,
        make,
        input: Any,
        target: Any,
        positive: true,
        zero_at_target: true,
        symmetric: true,
        scale: by_value,
    };
    let other = |name, make: Make, input, target, positive| Subject {
        name,
        make,
        input,
        target,
        positive,
        zero_at_target: false,
        symmetric: false,
        scale: by_value,
    };
    vec![
        distance("MSELoss", |r| Box::new(MSELoss::new().reduction(r))),
        distance("L1Loss", |r| Box::new(L1Loss::new().reduction(r))),
        distance("HuberLoss", |r| Box::new(HuberLoss::new().delta(0.75).reduction(r))),
        distance("SmoothL1Loss", |r| Box::new(SmoothL1Loss::new().beta(0.75).reduction(r))),
        distance("LogCoshLoss", |r| Box::new(LogCoshLoss::new().reduction(r))),
        Subject {
            symmetric: false,
            ..distance("QuantileLoss", |r| Box::new(QuantileLoss::new().quantile(0.75).reduction(r)))
        },
        other(
            "BCEWithLogitsLoss",
            |r| Box::new(BCEWithLogitsLoss::new().reduction(r)),
            Any,
            Probability,
            true,
        ),
        other("BCELoss", |r| Box::new(BCELoss::new().reduction(r)), Probability, Probability, true),
        other("SoftMarginLoss", |r| Box::new(SoftMarginLoss::new().reduction(r)), Any, Sign, true),
        Subject {
            // The rounding of q counts γ = 2 times in q^γ.
            scale: |loss, _, _| 2.0 * loss.abs(),
            ..other(
                "SigmoidFocalLoss",
                |r| Box::new(SigmoidFocalLoss::new().reduction(r)),
                Modest,
                Probability,
                true,
            )
        },
        other("HingeEmbeddingLoss", |r| Box::new(HingeEmbeddingLoss::new().reduction(r)), Any, Sign, false),
        Subject {
            scale: |_, x, t| x.exp() + (t * x).abs(),
            ..other("PoissonNLLLoss", |r| Box::new(PoissonNLLLoss::new().reduction(r)), Modest, Count, false)
        },
        Subject {
            scale: |_, x, t| if t == 0.0 { 0.0 } else { t * (t.ln().abs() + x.abs()) },
            ..other(
                "KLDivLoss",
                |r| Box::new(KLDivLoss::new().reduction(r)),
                LogProbability,
                Probability,
                false,
            )
        },
    ]
}

fn of(values: &[f32], dtype: DType) -> Tensor {
    Tensor::from_vec(values.to_vec(), values.len()).unwrap().to(dtype)
}

/// Runs a property over random inputs and targets of every subject.
fn for_all(check: impl Fn(&Subject, &[f32], &[f32]) -> Result<(), TestCaseError>) {
    for subject in subjects() {
        let pair = (subject.input.numbers(5), subject.target.numbers(5));
        proptest!(config(), |((x, t) in pair)| {
            check(&subject, &x, &t).map_err(|e| TestCaseError::fail(format!("{}: {e}", subject.name)))?;
        });
    }
}

#[test]
fn never_below_zero_and_zero_at_the_target() {
    for_all(|s, x, t| {
        let criterion = (s.make)(Reduction::None);
        if s.positive {
            let loss = criterion.forward(&of(x, DType::F32), &of(t, DType::F32)).unwrap();
            prop_assert!(loss.to_vec::<f32>().unwrap().iter().all(|&l| l >= 0.0), "{loss}");
        }
        if s.zero_at_target {
            let loss = criterion.forward(&of(t, DType::F32), &of(t, DType::F32)).unwrap();
            prop_assert!(loss.to_vec::<f32>().unwrap().iter().all(|&l| l == 0.0), "{loss}");
        }
        Ok(())
    });
}

#[test]
fn single_losses_sum_to_the_sum_and_average_to_the_mean() {
    for_all(|s, x, t| {
        let forward = |r| (s.make)(r).forward(&of(x, DType::F64), &of(t, DType::F64)).unwrap();
        let each = forward(Reduction::None).to_vec::<f64>().unwrap();
        let size: f64 = each.iter().map(|l| l.abs()).sum();
        let sum: f64 = each.iter().sum();
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-14 * size || a == b;
        prop_assert!(close(forward(Reduction::Sum).item().unwrap(), sum));
        prop_assert!(close(forward(Reduction::Mean).item().unwrap(), sum / each.len() as f64));
        Ok(())
    });
}

#[test]
fn distances_are_symmetric() {
    for_all(|s, x, t| {
        if s.symmetric {
            let forward = |x: &[f32], t: &[f32]| {
                let loss = (s.make)(Reduction::None).forward(&of(x, DType::F32), &of(t, DType::F32)).unwrap();
                loss.to_vec::<f32>().unwrap()
            };
            prop_assert_eq!(forward(x, t), forward(t, x));
        }
        Ok(())
    });
}

/// Within 4 units in the last place of what is added up, and of the smallest number beside zero.
#[test]
fn float32_is_float64_rounded() {
    for_all(|s, x, t| {
        let forward = |dtype| {
            let loss = (s.make)(Reduction::None).forward(&of(x, dtype), &of(t, dtype)).unwrap();
            loss.to(DType::F64).to_vec::<f64>().unwrap()
        };
        for (i, (single, double)) in forward(DType::F32).into_iter().zip(forward(DType::F64)).enumerate() {
            let (x, t) = (f64::from(x[i]), f64::from(t[i]));
            let scale = (s.scale)(double, x, t).max(double.abs());
            let allowed = 4.0 * f64::from(f32::EPSILON) * scale + 4.0 * f64::from(f32::from_bits(1));
            // A distance may leave the range of float32 before its loss does, as in PyTorch.
            let largest = if s.zero_at_target { scale.max((x - t).abs()) } else { scale };
            let overflow = single.is_infinite() && largest >= f64::from(f32::MAX) * (1.0 - 1e-6);
            prop_assert!(
                (single - double).abs() <= allowed || overflow,
                "of {x:e} against {t:e}: {single:e} in float32, {double:e} in float64"
            );
        }
        Ok(())
    });
}

/// Gradients are finite for finite numbers, and those of float32 are those of float64.
#[test]
fn gradients_do_not_overflow_before_the_loss_does() {
    for_all(|s, x, t| {
        let gradient = |dtype| {
            let x = of(x, dtype).requires_grad();
            (s.make)(Reduction::Sum).forward(&x, &of(t, dtype)).unwrap().backward().unwrap();
            x.grad().unwrap().to(DType::F64).to_vec::<f64>().unwrap()
        };
        for (i, (single, double)) in gradient(DType::F32).into_iter().zip(gradient(DType::F64)).enumerate() {
            // Two sides cancel where the prediction is right; the target is one of them where there is no distance.
            let side = if s.zero_at_target { 1.0 } else { f64::from(t[i]).abs().max(1.0) };
            let allowed =
                8.0 * f64::from(f32::EPSILON) * double.abs().max(side) + 4.0 * f64::from(f32::from_bits(1));
            let overflow = double.abs() >= f64::from(f32::MAX) * (1.0 - 1e-6);
            // PyTorch's constant in the denominator of BCELoss.
            let steep = double.abs() > 1e5 && (single / double - 1.0).abs() < 0.1;
            prop_assert!(
                (single - double).abs() <= allowed || overflow && single.is_infinite() || steep,
                "of {:e} against {:e}: {single:e} in float32, {double:e} in float64",
                x[i],
                t[i]
            );
        }
        Ok(())
    });
}

proptest! {
    #![proptest_config(config())]

    /// `softmax` does not see what is added to all logits.
    #[test]
    fn cross_entropy_does_not_see_a_shift(
        x in proptest::collection::vec(-50.0f64..50.0, 12),
        labels in proptest::collection::vec(0i64..4, 3),
        shift in -1e6f64..1e6,
    ) {
        let x = Tensor::from_vec(x, [3, 4]).unwrap();
        let y = Tensor::from_vec(labels, 3).unwrap();
        for epsilon in [0.0, 0.25] {
            let criterion = CrossEntropyLoss::new().label_smoothing(epsilon);
            let loss = criterion.forward(&x, &y).unwrap().item().unwrap();
            let shifted = criterion.forward(&(&x + shift), &y).unwrap().item().unwrap();
            prop_assert!((loss - shifted).abs() <= 1e-9 * (1.0 + loss), "{loss} {shifted}");
            prop_assert!(loss >= 0.0);
        }
    }

    /// Class indices are the probabilities that are 1 at the label.
    #[test]
    fn a_label_is_a_certain_distribution(
        x in Domain::Any.numbers(12),
        labels in proptest::collection::vec(0i64..4, 3),
        weights in proptest::collection::vec(0.1f32..2.0, 4),
    ) {
        let x = Tensor::from_vec(x, [3, 4]).unwrap();
        let y = Tensor::from_vec(labels.clone(), 3).unwrap();
        let mut certain = vec![0.0f32; 12];
        labels.iter().enumerate().for_each(|(i, &y)| certain[4 * i + y as usize] = 1.0);
        let certain = Tensor::from_vec(certain, [3, 4]).unwrap();
        let criterion = CrossEntropyLoss::new().weight(&of(&weights, DType::F32)).reduction(Reduction::None);
        let by_label = criterion.forward(&x, &y).unwrap().to_vec::<f32>().unwrap();
        let by_distribution = criterion.forward(&x, &certain).unwrap().to_vec::<f32>().unwrap();
        for ((a, b), &y) in by_label.iter().zip(&by_distribution).zip(&labels) {
            // With probabilities, the logarithm leaves the range of float32 before a weight below 1 brings it back.
            let too_far = b.is_infinite() && (a / weights[y as usize]).is_infinite();
            prop_assert!((a - b).abs() <= 1e-6 * (1.0 + a.abs()) || a == b || too_far, "{a} {b}");
        }
    }

    /// The rows' gradients of cross-entropy sum to nothing: what one class gains, the others lose.
    #[test]
    fn gradients_of_cross_entropy_sum_to_zero(
        x in Domain::Modest.numbers(12),
        labels in proptest::collection::vec(0i64..4, 3),
    ) {
        let x = Tensor::from_vec(x, [3, 4]).unwrap().requires_grad();
        CrossEntropyLoss::new().forward(&x, &Tensor::from_vec(labels, 3).unwrap()).unwrap().backward().unwrap();
        let sums = x.grad().unwrap().sum_dim(1, false).unwrap().to_vec::<f32>().unwrap();
        prop_assert!(sums.iter().all(|s| s.abs() < 1e-6), "{sums:?}");
    }

    /// In one go, and by the steps that it replaces.
    #[test]
    fn with_logits_is_a_sigmoid_before(x in proptest::collection::vec(-10.0f64..10.0, 6), t in Domain::Probability.numbers(6)) {
        let x = Tensor::from_vec(x, 6).unwrap();
        let t = of(&t, DType::F64);
        let one = BCEWithLogitsLoss::new().forward(&x, &t).unwrap().item().unwrap();
        let two = BCELoss::new().forward(&x.sigmoid(), &t).unwrap().item().unwrap();
        prop_assert!((one - two).abs() < 1e-9, "{one} {two}");
    }

    /// A mean over equal rows is any of them, and a triplet does not see a shift of all three.
    #[test]
    fn triplets_do_not_see_a_shift(x in proptest::collection::vec(-5.0f64..5.0, 9), shift in -5.0f64..5.0) {
        let row = |i: usize| Tensor::from_vec(x[3 * i..3 * i + 3].to_vec(), [1, 3]).unwrap();
        let criterion = TripletMarginLoss::new().swap(true);
        let loss = criterion.forward(&row(0), &row(1), &row(2)).unwrap().item().unwrap();
        let moved = criterion.forward(&(row(0) + shift), &(row(1) + shift), &(row(2) + shift)).unwrap().item().unwrap();
        prop_assert!((loss - moved).abs() < 1e-9 && loss >= 0.0);
    }

    /// From −1 for boxes far apart to 1 for equal ones.
    #[test]
    fn overlaps_are_bounded(x in proptest::collection::vec(0.0f64..10.0, 8)) {
        let corner = |i: usize| [x[i], x[i + 1], x[i] + x[i + 2] + 0.1, x[i + 1] + x[i + 3] + 0.1];
        let a = Tensor::from_vec(corner(0).to_vec(), [1, 4]).unwrap();
        let b = Tensor::from_vec(corner(4).to_vec(), [1, 4]).unwrap();
        let iou = box_iou(&a, &b).unwrap().item().unwrap();
        let giou = generalized_box_iou(&a, &b).unwrap().item().unwrap();
        prop_assert!((0.0..=1.0).contains(&iou) && giou <= iou + 1e-12 && giou >= -1.0);
        prop_assert_eq!(iou, box_iou(&b, &a).unwrap().item().unwrap());
    }
}

#[test]
fn the_same_in_any_layout() {
    let x = tensor([[0.3, -1.2, 0.5], [0.0, 3.0, -2.0]]).requires_grad();
    let t = tensor([[0.0, 1.0, 0.5], [1.0, 0.0, 0.25]]);
    for criterion in [
        Box::new(MSELoss::new()) as Box<dyn Criterion>,
        Box::new(BCEWithLogitsLoss::new().pos_weight(&tensor([2.0]))),
        Box::new(SmoothL1Loss::new()),
    ] {
        let dense = criterion.forward(&x, &t).unwrap();
        let turned = criterion.forward(&x.t().unwrap(), &t.t().unwrap()).unwrap();
        assert_eq!(dense.item().unwrap(), turned.item().unwrap(), "{criterion}");
    }
}

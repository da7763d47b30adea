//! How good scores are before they become classes: ROC, logarithmic loss, the best k.

use super::{classes, numbers};
use tensor::{DType, Error, Result, Tensor};

/// How many of the negatives (`fpr`) and of the positives (`tpr`) have a score of at least each threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    /// The false positive rate, from 0 to 1.
    pub fpr: Vec<f64>,
    /// The true positive rate, from 0 to 1.
    pub tpr: Vec<f64>,
    /// The thresholds, falling; the first is infinite.
    pub thresholds: Vec<f64>,
}

/// The ROC curve of scores (probabilities or logits) for the classes 0 and 1, one point for each score that occurs;
/// points on a straight line between others are left out.
///
/// # Errors
/// If truth and scores differ in shape, a class is neither 0 nor 1, or all rows are of one class.
///
/// ```
/// use data::metrics::roc_curve;
/// use tensor::tensor;
/// let curve = roc_curve(&tensor([0, 0, 1, 1]), &tensor([0.1, 0.4, 0.35, 0.8]))?;
/// assert_eq!(curve.fpr, [0.0, 0.0, 0.5, 0.5, 1.0]);
/// assert_eq!(curve.tpr, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.roc_curve")]
#[track_caller]
pub fn roc_curve(truth: &Tensor, score: &Tensor) -> Result<RocCurve> {
    const OP: &str = "roc_curve";
    super::same_shape(OP, truth, score)?;
    let truth = classes(OP, "the truth", truth)?;
    if let Some(class) = truth.iter().find(|class| !(0..=1).contains(*class)) {
        return Err(Error::value(OP, format!("the classes are 0 and 1, found {class}")));
    }
    let truth: Vec<bool> = truth.iter().map(|&class| class == 1).collect();
    curve(OP, &truth, &numbers(OP, "the score", score)?)
}

#[track_caller]
fn curve(op: &'static str, truth: &[bool], score: &[f64]) -> Result<RocCurve> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&a, &b| score[b].total_cmp(&score[a]));
    // (false positives, true positives, threshold): equal scores are one step.
    let mut points = vec![(0usize, 0usize, f64::INFINITY)];
    let (mut fp, mut tp) = (0, 0);
    for step in order.chunk_by(|&a, &b| score[a] == score[b]) {
        let positive = step.iter().filter(|&&i| truth[i]).count();
        tp += positive;
        fp += step.len() - positive;
        points.push((fp, tp, score[step[0]]));
    }
    if fp == 0 || tp == 0 {
        let only = if tp == 0 { "negatives" } else { "positives" };
        return Err(Error::value(op, format!("all {} rows are {only}; both are needed", truth.len())));
    }
    // What lies in the middle between its neighbours is no corner. The first step of all stays, as in scikit-learn.
    let step = |a: (usize, usize, f64), b: (usize, usize, f64)| (b.0 - a.0, b.1 - a.1);
    let end = |i: usize| i < 2 || i + 1 == points.len();
    let corner = |i: &usize| end(*i) || step(points[i - 1], points[*i]) != step(points[*i], points[i + 1]);
    let points: Vec<_> = (0..points.len()).filter(corner).map(|i| points[i]).collect();
    Ok(RocCurve {
        fpr: points.iter().map(|p| p.0 as f64 / fp as f64).collect(),
        tpr: points.iter().map(|p| p.1 as f64 / tp as f64).collect(),
        thresholds: points.iter().map(|p| p.2).collect(),
    })
}

/// The area under a curve through points whose `x` rises or falls, by trapezoids.
///
/// # Errors
/// If there are fewer than two points, the slices differ in length, or `x` turns back.
#[doc(alias = "sklearn.metrics.auc")]
#[track_caller]
pub fn auc(x: &[f64], y: &[f64]) -> Result<f64> {
    if x.len() < 2 || x.len() != y.len() {
        return Err(Error::shape(
            "auc",
            format!("expected two points or more, found {} x and {} y", x.len(), y.len()),
        ));
    }
    let area: f64 = x.windows(2).zip(y.windows(2)).map(|(x, y)| (x[1] - x[0]) * (y[1] + y[0]) / 2.0).sum();
    if x.is_sorted() {
        Ok(area)
    } else if x.is_sorted_by(|a, b| a >= b) {
        Ok(-area)
    } else {
        Err(Error::value("auc", "x neither rises nor falls"))
    }
}

/// The area under the ROC curve: the probability that a positive has a higher score than a negative, ties counting
/// half.
///
/// | truth | score | result |
/// |---|---|---|
/// | `(N)`, classes 0 and 1 | `(N)` | the area |
/// | `(N, L)`, 0 and 1 | `(N, L)` | the mean over the labels |
/// | `(N)`, classes 0 to C − 1 | `(N, C)`, C > 1 | the mean over the classes, each against the rest |
///
/// # Errors
/// If the shapes are none of these, or a class has no positives or no negatives.
///
/// ```
/// use data::metrics::roc_auc_score;
/// use tensor::tensor;
/// assert_eq!(roc_auc_score(&tensor([0, 0, 1, 1]), &tensor([0.1, 0.4, 0.35, 0.8]))?, 0.75);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.roc_auc_score")]
#[track_caller]
pub fn roc_auc_score(truth: &Tensor, score: &Tensor) -> Result<f64> {
    const OP: &str = "roc_auc_score";
    let (labels, scores) = (classes(OP, "the truth", truth)?, numbers(OP, "the score", score)?);
    let columns = match (truth.shape(), score.shape()) {
        (&[n] | &[n, 1], &[m, columns]) if n == m && columns > 1 => {
            check_classes(OP, &labels, columns)?;
            columns
        }
        _ => {
            super::same_shape(OP, truth, score)?;
            if let Some(label) = labels.iter().find(|label| !(0..=1).contains(*label)) {
                let hint = "several classes need scores of shape (N, C)";
                return Err(Error::value(OP, format!("the classes are 0 and 1, found {label}; {hint}")));
            }
            match *score.shape() {
                [_] => 1,
                [_, columns] => columns,
                _ => {
                    return Err(Error::shape(
                        OP,
                        format!("expected scores (N) or (N, C), found {:?}", score.shape()),
                    ));
                }
            }
        }
    };
    let mut sum = 0.0;
    for column in 0..columns {
        let score: Vec<f64> = scores.iter().skip(column).step_by(columns).copied().collect();
        let truth: Vec<bool> = if labels.len() == scores.len() {
            labels.iter().skip(column).step_by(columns).map(|&label| label == 1).collect()
        } else {
            labels.iter().map(|&label| label == column as i64).collect()
        };
        let curve = curve(OP, &truth, &score)?;
        sum += auc(&curve.fpr, &curve.tpr)?;
    }
    Ok(sum / columns as f64)
}

#[track_caller]
fn check_classes(op: &'static str, labels: &[i64], columns: usize) -> Result<()> {
    match labels.iter().position(|&label| label < 0 || label as u64 >= columns as u64) {
        Some(row) => Err(Error::index(
            op,
            format!("class {} of row {row} is not one of {columns} columns", labels[row]),
        )),
        None => Ok(()),
    }
}

/// The mean of −log of the probability that was given to the true class: `(N)` probabilities of class 1, or `(N, C)`
/// of each class. Probabilities are kept by the rounding error of their type away from 0 and 1.
///
/// # Errors
/// If the shapes do not fit, a class has no column, or a number is no probability.
///
/// ```
/// use data::metrics::log_loss;
/// use tensor::tensor;
/// let loss = log_loss(&tensor([1, 0, 0, 1]), &tensor([0.9, 0.1, 0.2, 0.65]))?;
/// assert!((loss - 0.21616).abs() < 1e-5);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.log_loss")]
#[track_caller]
pub fn log_loss(truth: &Tensor, probability: &Tensor) -> Result<f64> {
    const OP: &str = "log_loss";
    let (labels, columns) = rows(OP, truth, probability)?;
    check_classes(OP, &labels, columns.max(2))?;
    let p = numbers(OP, "the probability", probability)?;
    if let Some(bad) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(Error::value(
            OP,
            format!("a probability is in [0, 1], found {bad}; make probabilities of logits"),
        ));
    }
    let eps = if probability.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    let loss = |(row, &label): (&[f64], &i64)| {
        let p = match row {
            [p] if label == 0 => 1.0 - p,
            [p] => *p,
            _ => row[label as usize],
        };
        -p.clamp(eps, 1.0 - eps).ln()
    };
    Ok(p.chunks_exact(columns).zip(&labels).map(loss).sum::<f64>() / labels.len() as f64)
}

/// The part of rows whose true class is among the `k` highest scores `(N, C)`. Of equal scores the later class counts
/// as higher, as in scikit-learn.
///
/// # Errors
/// If the shapes do not fit, a class has no column, or `k` is 0.
///
/// ```
/// use data::metrics::top_k_accuracy_score;
/// use tensor::tensor;
/// let score = tensor([[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]]);
/// assert_eq!(top_k_accuracy_score(&tensor([0, 1, 2, 2]), &score, 2)?, 0.75);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.top_k_accuracy_score")]
#[track_caller]
pub fn top_k_accuracy_score(truth: &Tensor, score: &Tensor, k: usize) -> Result<f64> {
    const OP: &str = "top_k_accuracy_score";
    let (labels, columns) = rows(OP, truth, score)?;
    if columns == 1 || k == 0 {
        return Err(Error::value(
            OP,
            format!("expected scores (N, C) and k of at least 1, found {:?} and {k}", score.shape()),
        ));
    }
    check_classes(OP, &labels, columns)?;
    let scores = numbers(OP, "the score", score)?;
    let hits = scores.chunks_exact(columns).zip(&labels).filter(|(row, label)| {
        let label = **label as usize;
        let above = |(i, s): &(usize, &f64)| **s > row[label] || **s == row[label] && *i > label;
        row.iter().enumerate().filter(above).count() < k
    });
    Ok(hits.count() as f64 / labels.len() as f64)
}

/// The true class of each row, and how many scores a row has.
#[track_caller]
fn rows(op: &'static str, truth: &Tensor, score: &Tensor) -> Result<(Vec<i64>, usize)> {
    match (truth.shape(), score.shape()) {
        (&[n] | &[n, 1], &[m]) if n == m => Ok((classes(op, "the truth", truth)?, 1)),
        (&[n] | &[n, 1], &[m, columns]) if n == m && columns > 0 => {
            Ok((classes(op, "the truth", truth)?, columns))
        }
        (truth, score) => Err(Error::shape(
            op,
            format!("expected classes (N) and scores (N, C), found {truth:?} and {score:?}"),
        )),
    }
}

//! Right and wrong classes, counted: accuracy, precision, recall, F.
//!
//! With `tp` the true positives, `pred` the predicted and `true` the actual members of a class:
//! `precision = tp/pred`, `recall = tp/true`, `F_β = (1 + β²)·tp/(β²·true + pred)`; 0/0 is 0.

use super::Labels;
use tensor::{Error, Result, Tensor};

/// How the numbers of several classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The class 1 of the classes 0 and 1.
    Binary,
    /// Counts of all classes together.
    Micro,
    /// The mean over the classes.
    Macro,
    /// The mean over the classes, weighted by how many members each really has.
    Weighted,
    /// The mean over the rows; for matrices of labels.
    Samples,
}

/// Precision, recall, F and the number of true members of one class, or of an average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// Which class, or which column of a matrix of labels. `None` for an average.
    pub label: Option<i64>,
    /// How many of the predicted members are right.
    pub precision: f64,
    /// How many of the true members were found.
    pub recall: f64,
    /// The harmonic mean of both, weighted by β.
    pub fscore: f64,
    /// How many members there really are.
    pub support: usize,
}

/// The counts of one class.
#[derive(Clone, Copy, Default)]
struct Counts {
    hits: usize,
    predicted: usize,
    actual: usize,
}

impl Counts {
    fn scores(self, label: Option<i64>, beta: f64) -> ClassScores {
        let ratio = |x: f64, y: f64| if y == 0.0 { 0.0 } else { x / y };
        let (hits, predicted, actual) = (self.hits as f64, self.predicted as f64, self.actual as f64);
        // The limit of an infinite β is the recall.
        let fscore = if beta.is_infinite() {
            ratio(hits, actual)
        } else {
            ratio((1.0 + beta * beta) * hits, beta * beta * actual + predicted)
        };
        ClassScores {
            label,
            precision: ratio(hits, predicted),
            recall: ratio(hits, actual),
            fscore,
            support: self.actual,
        }
    }

    fn plus(self, other: Counts) -> Counts {
        Counts {
            hits: self.hits + other.hits,
            predicted: self.predicted + other.predicted,
            actual: self.actual + other.actual,
        }
    }
}

impl Labels {
    /// The counts of each of `names`.
    fn by_class(&self, names: &[i64]) -> Vec<Counts> {
        let mut counts = vec![Counts::default(); names.len()];
        for (i, (&truth, &guess)) in self.truth.iter().zip(&self.guess).enumerate() {
            match self.columns {
                Some(columns) => counts[i % columns] = counts[i % columns].plus(one(truth, guess)),
                None => {
                    if let Ok(at) = names.binary_search(&guess) {
                        counts[at].predicted += 1;
                        counts[at].hits += usize::from(truth == guess);
                    }
                    if let Ok(at) = names.binary_search(&truth) {
                        counts[at].actual += 1;
                    }
                }
            }
        }
        counts
    }

    pub(super) fn per_class(&self, beta: f64) -> Vec<ClassScores> {
        let names = self.names();
        let counts = self.by_class(&names);
        counts.into_iter().zip(names).map(|(counts, name)| counts.scores(Some(name), beta)).collect()
    }

    #[track_caller]
    pub(super) fn average(&self, op: &'static str, average: Average, beta: f64) -> Result<ClassScores> {
        let names = self.names();
        let counts = self.by_class(&names);
        let total = counts.iter().copied().fold(Counts::default(), Counts::plus);
        let mean = |rows: &[Counts], weight: &dyn Fn(&Counts) -> f64| {
            let mut mean =
                ClassScores { label: None, precision: 0.0, recall: 0.0, fscore: 0.0, support: total.actual };
            let all: f64 = rows.iter().map(weight).sum();
            for row in rows.iter().filter(|_| all > 0.0) {
                let (scores, weight) = (row.scores(None, beta), weight(row));
                mean.precision += scores.precision * weight;
                mean.recall += scores.recall * weight;
                mean.fscore += scores.fscore * weight;
            }
            let all = if all > 0.0 { all } else { 1.0 };
            ClassScores {
                precision: mean.precision / all,
                recall: mean.recall / all,
                fscore: mean.fscore / all,
                ..mean
            }
        };
        match (average, self.columns) {
            (Average::Micro, _) => Ok(total.scores(None, beta)),
            (Average::Macro, _) => Ok(mean(&counts, &|_| 1.0)),
            (Average::Weighted, _) => Ok(mean(&counts, &|c| c.actual as f64)),
            (Average::Samples, Some(columns)) => {
                let rows = self.truth.chunks_exact(columns).zip(self.guess.chunks_exact(columns));
                let rows: Vec<Counts> = rows
                    .map(|(truth, guess)| {
                        let row = truth.iter().zip(guess).map(|(&truth, &guess)| one(truth, guess));
                        row.fold(Counts::default(), Counts::plus)
                    })
                    .collect();
                Ok(mean(&rows, &|_| 1.0))
            }
            (Average::Samples, None) => Err(Error::value(
                op,
                "Average::Samples is for a matrix (N, L) of labels; choose Micro, Macro or Weighted for classes",
            )),
            (Average::Binary, None) if names.len() <= 2 && (names.len() < 2 || names.contains(&1)) => {
                let one = names.iter().zip(counts).find(|(name, _)| **name == 1).map(|(_, counts)| counts);
                Ok(one.unwrap_or_default().scores(None, beta))
            }
            (Average::Binary, columns) => Err(Error::value(
                op,
                match columns {
                    None => format!("Average::Binary is for the classes 0 and 1, found {names:?}; choose another average"),
                    Some(_) => "Average::Binary is for the classes 0 and 1, found a matrix of labels; choose another \
                                average"
                        .to_owned(),
                },
            )),
        }
    }
}

/// Whether a label is there, was predicted, both.
fn one(truth: i64, guess: i64) -> Counts {
    Counts { hits: (truth & guess) as usize, predicted: guess as usize, actual: truth as usize }
}

/// The part of rows that are right; of a matrix of labels, those right in every column.
///
/// # Errors
/// If the shapes differ, or there is no row.
///
/// ```
/// use data::metrics::accuracy_score;
/// use tensor::tensor;
/// assert_eq!(accuracy_score(&tensor([0, 1, 2, 3]), &tensor([0, 2, 1, 3]))?, 0.5);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.accuracy_score")]
#[track_caller]
pub fn accuracy_score(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    let labels = Labels::new("accuracy_score", truth, guess)?;
    let columns = labels.columns.unwrap_or(1);
    let rows = labels.truth.chunks_exact(columns).zip(labels.guess.chunks_exact(columns));
    let right = rows.filter(|(truth, guess)| truth == guess).count();
    Ok(right as f64 / (labels.truth.len() / columns) as f64)
}

/// How many of the predicted members of a class are right.
///
/// # Errors
/// If the shapes differ, there is no row, or the average does not suit the classes.
#[doc(alias = "sklearn.metrics.precision_score")]
#[track_caller]
pub fn precision_score(truth: &Tensor, guess: &Tensor, average: Average) -> Result<f64> {
    const OP: &str = "precision_score";
    Ok(Labels::new(OP, truth, guess)?.average(OP, average, 1.0)?.precision)
}

/// How many of the true members of a class were found.
///
/// # Errors
/// As [`precision_score`].
#[doc(alias = "sklearn.metrics.recall_score")]
#[track_caller]
pub fn recall_score(truth: &Tensor, guess: &Tensor, average: Average) -> Result<f64> {
    const OP: &str = "recall_score";
    Ok(Labels::new(OP, truth, guess)?.average(OP, average, 1.0)?.recall)
}

/// The harmonic mean of precision and recall.
///
/// # Errors
/// As [`precision_score`].
///
/// ```
/// use data::metrics::{Average, f1_score};
/// use tensor::tensor;
/// let (truth, guess) = (tensor([0, 1, 2, 0, 1, 2]), tensor([0, 2, 1, 0, 0, 1]));
/// assert!((f1_score(&truth, &guess, Average::Macro)? - 0.2667).abs() < 1e-4);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.f1_score")]
#[track_caller]
pub fn f1_score(truth: &Tensor, guess: &Tensor, average: Average) -> Result<f64> {
    const OP: &str = "f1_score";
    Ok(Labels::new(OP, truth, guess)?.average(OP, average, 1.0)?.fscore)
}

/// The mean of precision and recall in which recall counts `beta` times as much.
///
/// # Errors
/// As [`precision_score`], and if `beta` is negative.
#[doc(alias = "sklearn.metrics.fbeta_score")]
#[track_caller]
pub fn fbeta_score(truth: &Tensor, guess: &Tensor, beta: f64, average: Average) -> Result<f64> {
    const OP: &str = "fbeta_score";
    if beta.is_nan() || beta < 0.0 {
        return Err(Error::value(OP, format!("beta is at least 0, found {beta}")));
    }
    Ok(Labels::new(OP, truth, guess)?.average(OP, average, beta)?.fscore)
}

/// Precision, recall, F1 and support of each class that occurs, in ascending order.
///
/// # Errors
/// If the shapes differ, or there is no row.
#[doc(alias = "sklearn.metrics.precision_recall_fscore_support")]
#[track_caller]
pub fn precision_recall_fscore_support(truth: &Tensor, guess: &Tensor) -> Result<Vec<ClassScores>> {
    Ok(Labels::new("precision_recall_fscore_support", truth, guess)?.per_class(1.0))
}

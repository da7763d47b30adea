//! How good predictions are: scikit-learn's metrics, its names and its numbers, from tensors.
//!
//! Classes are int64, bool, or floating point numbers that are whole, shape `(N)` or `(N, 1)`. A matrix `(N, L)` of 0
//! and 1 says for each of `L` labels whether a row has it. As everywhere, nothing is broadcast, and what cannot be
//! computed is an error, not a NaN.
//!
//! ```
//! use data::metrics::{Average, accuracy_score, classification_report, f1_score};
//! use tensor::tensor;
//! let truth = tensor([0, 1, 2, 2, 2]);
//! let guess = tensor([0, 0, 2, 2, 1]);
//! assert_eq!(accuracy_score(&truth, &guess)?, 0.6);
//! assert!((f1_score(&truth, &guess, Average::Macro)? - 0.4889).abs() < 1e-4);
//! println!("{}", classification_report(&truth, &guess)?.target_names(&["class 0", "class 1", "class 2"])?);
//! # Ok::<(), tensor::Error>(())
//! ```

mod classification;
mod confusion;
mod ranking;
mod regression;
mod report;

pub use classification::{
    Average, ClassScores, accuracy_score, f1_score, fbeta_score, precision_recall_fscore_support,
    precision_score, recall_score,
};
pub use confusion::{ConfusionMatrix, confusion_matrix};
pub use ranking::{RocCurve, auc, log_loss, roc_auc_score, roc_curve, top_k_accuracy_score};
pub use regression::{
    explained_variance_score, max_error, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, median_absolute_error, r2_score, root_mean_squared_error,
};
pub use report::{ClassificationReport, classification_report};

use tensor::{DType, Error, Result, Tensor};

/// The numbers of a tensor as float64, none of them NaN.
#[track_caller]
fn numbers(op: &'static str, what: &str, x: &Tensor) -> Result<Vec<f64>> {
    let values = x.detach().to(DType::F64).to_vec::<f64>()?;
    match values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::value(op, format!("{what} holds {} at element {at}", values[at]))),
        None if values.is_empty() => Err(Error::shape(op, format!("{what} is empty, shape {:?}", x.shape()))),
        None => Ok(values),
    }
}

/// Classes as whole numbers.
#[track_caller]
fn classes(op: &'static str, what: &str, x: &Tensor) -> Result<Vec<i64>> {
    let values = numbers(op, what, x)?;
    match values.iter().find(|v| v.fract() != 0.0 || v.abs() > (1u64 << 53) as f64) {
        Some(v) => Err(Error::value(
            op,
            format!("{what} holds {v}, which is no class; make classes of scores, as by `argmax` or `> 0.5`"),
        )),
        None => Ok(values.into_iter().map(|v| v as i64).collect()),
    }
}

#[track_caller]
fn same_shape(op: &'static str, truth: &Tensor, guess: &Tensor) -> Result<()> {
    if truth.shape() == guess.shape() {
        return Ok(());
    }
    let hint = if truth.numel() == guess.numel() { "; reshape one of them" } else { "" };
    Err(Error::shape(
        op,
        format!(
            "the truth has shape {:?}, the prediction {:?}; they must be equal{hint}",
            truth.shape(),
            guess.shape()
        ),
    ))
}

/// New names for the classes that occur, as many as there are.
#[track_caller]
fn named(op: &'static str, old: &[String], new: &[impl AsRef<str>]) -> Result<Vec<String>> {
    if new.len() != old.len() {
        return Err(Error::value(
            op,
            format!("{} names for the {} classes that occur: {}", new.len(), old.len(), old.join(", ")),
        ));
    }
    Ok(new.iter().map(|name| name.as_ref().to_owned()).collect())
}

/// True and predicted classes side by side.
struct Labels {
    truth: Vec<i64>,
    guess: Vec<i64>,
    /// For a matrix of 0 and 1, how many columns it has.
    columns: Option<usize>,
}

impl Labels {
    #[track_caller]
    fn new(op: &'static str, truth: &Tensor, guess: &Tensor) -> Result<Labels> {
        same_shape(op, truth, guess)?;
        let columns = match *truth.shape() {
            [_] | [_, 1] => None,
            [_, columns] => Some(columns),
            _ => {
                return Err(Error::shape(
                    op,
                    format!(
                        "expected classes (N) or a matrix (N, L) of 0 and 1, found {:?}; flatten it",
                        truth.shape()
                    ),
                ));
            }
        };
        let labels = Labels {
            truth: classes(op, "the truth", truth)?,
            guess: classes(op, "the prediction", guess)?,
            columns,
        };
        let other = labels.truth.iter().chain(&labels.guess).find(|v| !(0..=1).contains(*v));
        match other.filter(|_| columns.is_some()) {
            Some(v) => Err(Error::value(
                op,
                format!("a matrix (N, L) says by 0 and 1 which labels a row has, found {v}"),
            )),
            None => Ok(labels),
        }
    }

    /// What each count is about: the classes that occur, in ascending order, or the columns.
    fn names(&self) -> Vec<i64> {
        match self.columns {
            Some(columns) => (0..columns as i64).collect(),
            None => {
                let mut names: Vec<i64> = self.truth.iter().chain(&self.guess).copied().collect();
                names.sort_unstable();
                names.dedup();
                names
            }
        }
    }
}

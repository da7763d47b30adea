//! How far predicted numbers are from the true ones.
//!
//! Several outputs `(N, D)` are measured one by one, and the results averaged.

use super::{numbers, same_shape};
use tensor::{Error, Result, Tensor};

/// True and predicted numbers, column by column.
#[track_caller]
fn columns(op: &'static str, truth: &Tensor, guess: &Tensor) -> Result<Vec<Vec<(f64, f64)>>> {
    same_shape(op, truth, guess)?;
    let columns = match *truth.shape() {
        [_] => 1,
        [_, columns] => columns,
        _ => {
            return Err(Error::shape(op, format!("expected (N) or (N, outputs), found {:?}", truth.shape())));
        }
    };
    let (truth, guess) = (numbers(op, "the truth", truth)?, numbers(op, "the prediction", guess)?);
    let pairs = |c| (c..truth.len()).step_by(columns).map(|i| (truth[i], guess[i])).collect();
    Ok((0..columns).map(pairs).collect())
}

/// The mean of what `f` finds in each column.
#[track_caller]
fn average(
    op: &'static str,
    truth: &Tensor,
    guess: &Tensor,
    f: impl Fn(&[(f64, f64)]) -> f64,
) -> Result<f64> {
    let columns = columns(op, truth, guess)?;
    Ok(mean(columns.iter().map(|column| f(column))))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    values.sum::<f64>() / n as f64
}

/// `mean |y − ŷ|`.
///
/// # Errors
/// If the shapes differ, there is no row, or a number is not finite.
///
/// ```
/// use data::metrics::mean_absolute_error;
/// use tensor::tensor;
/// assert_eq!(mean_absolute_error(&tensor([3.0, -0.5, 2.0, 7.0]), &tensor([2.5, 0.0, 2.0, 8.0]))?, 0.5);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.mean_absolute_error")]
#[doc(alias = "MAE")]
#[track_caller]
pub fn mean_absolute_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("mean_absolute_error", truth, guess, |pairs| mean(pairs.iter().map(|(y, g)| (y - g).abs())))
}

/// `mean (y − ŷ)²`.
///
/// # Errors
/// As [`mean_absolute_error`].
#[doc(alias = "sklearn.metrics.mean_squared_error")]
#[doc(alias = "MSE")]
#[track_caller]
pub fn mean_squared_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("mean_squared_error", truth, guess, squared)
}

/// `√mean (y − ŷ)²`.
///
/// # Errors
/// As [`mean_absolute_error`].
#[doc(alias = "sklearn.metrics.root_mean_squared_error")]
#[doc(alias = "RMSE")]
#[track_caller]
pub fn root_mean_squared_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("root_mean_squared_error", truth, guess, |pairs| squared(pairs).sqrt())
}

fn squared(pairs: &[(f64, f64)]) -> f64 {
    mean(pairs.iter().map(|(y, g)| (y - g) * (y - g)))
}

/// `median |y − ŷ|`: an outlier does not move it.
///
/// # Errors
/// As [`mean_absolute_error`].
#[doc(alias = "sklearn.metrics.median_absolute_error")]
#[track_caller]
pub fn median_absolute_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("median_absolute_error", truth, guess, |pairs| {
        let mut errors: Vec<f64> = pairs.iter().map(|(y, g)| (y - g).abs()).collect();
        errors.sort_by(f64::total_cmp);
        let n = errors.len();
        (errors[(n - 1) / 2] + errors[n / 2]) / 2.0
    })
}

/// `mean |y − ŷ|/max(|y|, ε)`, as a fraction.
///
/// # Errors
/// As [`mean_absolute_error`].
#[doc(alias = "sklearn.metrics.mean_absolute_percentage_error")]
#[doc(alias = "MAPE")]
#[track_caller]
pub fn mean_absolute_percentage_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("mean_absolute_percentage_error", truth, guess, |pairs| {
        mean(pairs.iter().map(|(y, g)| (y - g).abs() / y.abs().max(f64::EPSILON)))
    })
}

/// `max |y − ŷ|`.
///
/// # Errors
/// As [`mean_absolute_error`], and if there are several outputs.
#[doc(alias = "sklearn.metrics.max_error")]
#[track_caller]
pub fn max_error(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    const OP: &str = "max_error";
    match &columns(OP, truth, guess)?[..] {
        [pairs] => Ok(pairs.iter().map(|(y, g)| (y - g).abs()).fold(0.0, f64::max)),
        columns => Err(Error::shape(OP, format!("expected one output, found {}", columns.len()))),
    }
}

/// `1 − Σ(y − ŷ)²/Σ(y − ȳ)²`: 1 is perfect, 0 is no better than the mean. Where the truth is constant it is 1 for a
/// perfect prediction and 0 for any other.
///
/// # Errors
/// As [`mean_absolute_error`], and if there are fewer than two rows.
///
/// ```
/// use data::metrics::r2_score;
/// use tensor::tensor;
/// let r2 = r2_score(&tensor([3.0, -0.5, 2.0, 7.0]), &tensor([2.5, 0.0, 2.0, 8.0]))?;
/// assert!((r2 - 0.9486).abs() < 1e-4);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.metrics.r2_score")]
#[track_caller]
pub fn r2_score(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    const OP: &str = "r2_score";
    if truth.shape().first() == Some(&1) {
        return Err(Error::shape(OP, "one row has no variance that could be explained"));
    }
    average(OP, truth, guess, |pairs| explained(squared(pairs), variance(pairs.iter().map(|(y, _)| *y))))
}

/// `1 − Var(y − ŷ)/Var(y)`: as [`r2_score`], but a constant error does not count.
///
/// # Errors
/// As [`mean_absolute_error`].
#[doc(alias = "sklearn.metrics.explained_variance_score")]
#[track_caller]
pub fn explained_variance_score(truth: &Tensor, guess: &Tensor) -> Result<f64> {
    average("explained_variance_score", truth, guess, |pairs| {
        explained(variance(pairs.iter().map(|(y, g)| y - g)), variance(pairs.iter().map(|(y, _)| *y)))
    })
}

fn variance(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let average = mean(values.clone());
    mean(values.map(|v| (v - average) * (v - average)))
}

fn explained(error: f64, variance: f64) -> f64 {
    match (error == 0.0, variance == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - error / variance,
    }
}

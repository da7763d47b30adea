//! Which true box a prediction belongs to.

use tensor::{DType, Error, Result, Tensor};

/// Assigns to each prediction the true box that it overlaps most, if it does so enough.
///
/// ```
/// use tensor::tensor;
/// use vision::Matcher;
/// // Overlaps of two true boxes (rows) with four predictions.
/// let quality = tensor([[0.9, 0.4, 0.1, 0.0], [0.0, 0.5, 0.2, 0.6]]);
/// assert_eq!(Matcher::new(0.7, 0.3).matches(&quality)?.to_string(), "tensor([ 0, -2, -1, -2])");
/// let matcher = Matcher::new(0.7, 0.3).allow_low_quality_matches(true);
/// assert_eq!(matcher.matches(&quality)?.to_string(), "tensor([ 0, -2, -1,  1])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.models.detection._utils.Matcher")]
#[derive(Clone, Copy, Debug)]
pub struct Matcher {
    high_threshold: f64,
    low_threshold: f64,
    allow_low_quality_matches: bool,
}

impl Matcher {
    /// The prediction overlaps no true box by `low_threshold` or more.
    pub const BELOW_LOW_THRESHOLD: i64 = -1;
    /// The prediction overlaps one by `low_threshold`, and none by `high_threshold` or more: it should count nothing.
    pub const BETWEEN_THRESHOLDS: i64 = -2;

    /// From `high_threshold` on a prediction belongs to a box, below `low_threshold` to the background.
    pub fn new(high_threshold: f64, low_threshold: f64) -> Self {
        Matcher { high_threshold, low_threshold, allow_low_quality_matches: false }
    }

    /// Whether the predictions that overlap a true box most belong to theirs, however little that is (default false).
    #[must_use]
    pub fn allow_low_quality_matches(mut self, allow: bool) -> Self {
        self.allow_low_quality_matches = allow;
        self
    }

    /// From the overlaps `(M, N)` of M true boxes with N predictions, the index of the true box of each prediction, −1 for
    /// the background, −2 for what should count nothing: int64, `(N)`.
    ///
    /// # Errors
    /// If the thresholds are in the wrong order, the overlaps are not a floating point matrix, or there is no true box.
    #[track_caller]
    pub fn matches(&self, quality: &Tensor) -> Result<Tensor> {
        if self.low_threshold > self.high_threshold {
            let (low, high) = (self.low_threshold, self.high_threshold);
            return Err(Error::value(
                "Matcher",
                format!("the low threshold {low} is above the high one {high}"),
            ));
        }
        let shape = quality.shape();
        let &[boxes, predictions] = shape else {
            return Err(Error::shape("Matcher", format!("expected a matrix (M, N), found shape {shape:?}")));
        };
        if !quality.dtype().is_float() {
            return Err(Error::not_float("Matcher", quality.dtype()));
        }
        if boxes == 0 || predictions == 0 {
            return Err(Error::shape(
                "Matcher",
                format!("no true boxes or no predictions, found shape {shape:?}"),
            ));
        }
        let quality = quality.to(DType::F64);
        let quality = quality.elements::<f64>()?;
        let of = |m: usize, n: usize| quality[m * predictions + n];
        let best = |n: usize| (1..boxes).fold(0, |best, m| if of(m, n) > of(best, n) { m } else { best });
        let mut matches: Vec<i64> = (0..predictions)
            .map(|n| match of(best(n), n) {
                q if q < self.low_threshold => Self::BELOW_LOW_THRESHOLD,
                q if q < self.high_threshold => Self::BETWEEN_THRESHOLDS,
                _ => best(n) as i64,
            })
            .collect();
        if self.allow_low_quality_matches {
            for m in 0..boxes {
                let row = &quality[m * predictions..][..predictions];
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                // Ties included; and each goes to its own best box, which may be another one.
                (0..predictions).filter(|&n| row[n] == most).for_each(|n| matches[n] = best(n) as i64);
            }
        }
        Tensor::from_vec(matches, predictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn thresholds_belong_to_the_upper_side() {
        let matches = Matcher::new(0.5, 0.25).matches(&tensor([[0.5, 0.25, 0.125]])).unwrap();
        assert_eq!(matches.to_vec::<i64>().unwrap(), [0, -2, -1]);
    }

    #[test]
    fn nothing_to_match_is_an_error() {
        let error = |m: Matcher, q: &Tensor| m.matches(q).unwrap_err().to_string();
        assert!(error(Matcher::new(0.5, 0.5), &zeros([0, 3]).unwrap()).contains("[0, 3]"));
        assert!(error(Matcher::new(0.5, 0.6), &zeros([1, 3]).unwrap()).contains("0.6"));
        assert!(error(Matcher::new(0.5, 0.5), &tensor([0.5])).contains("[1]"));
    }
}

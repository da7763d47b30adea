//! Options within bounds, and the sentence about those that are not.

use std::ops::{Bound, RangeBounds};
use tensor::{Error, Result};

/// What is wrong with a value outside of its bounds; NaN always is.
pub(crate) fn outside(name: &str, value: f64, bounds: impl RangeBounds<f64>) -> Option<String> {
    if bounds.contains(&value) {
        return None;
    }
    let lower = match bounds.start_bound() {
        Bound::Included(x) => Some(format!("at least {x}")),
        Bound::Excluded(x) => Some(format!("above {x}")),
        Bound::Unbounded => None,
    };
    let upper = match bounds.end_bound() {
        Bound::Included(x) => Some(format!("at most {x}")),
        Bound::Excluded(x) => Some(format!("below {x}")),
        Bound::Unbounded => None,
    };
    let both: Vec<String> = lower.into_iter().chain(upper).collect();
    Some(format!("{name} is {value}; it must be {}", both.join(" and ")))
}

/// The same as an error of the operation `op`.
#[track_caller]
pub(crate) fn within(op: &'static str, name: &str, value: f64, bounds: impl RangeBounds<f64>) -> Result<()> {
    match outside(name, value, bounds) {
        None => Ok(()),
        Some(message) => Err(Error::value(op, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences() {
        assert_eq!(outside("lr", 0.0, 0.0..), None);
        assert_eq!(outside("lr", -1.0, 0.0..).unwrap(), "lr is -1; it must be at least 0");
        assert_eq!(outside("beta", 1.0, 0.0..1.0).unwrap(), "beta is 1; it must be at least 0 and below 1");
        let above = (Bound::Excluded(0.0), Bound::Included(1.0));
        assert_eq!(outside("f", f64::NAN, above).unwrap(), "f is NaN; it must be above 0 and at most 1");
    }
}

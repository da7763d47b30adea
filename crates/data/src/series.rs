//! A time series that comes with the crate.
//!
//! ```
//! use data::load_co2;
//! let co2 = load_co2()?;
//! assert_eq!((co2.data.shape(), co2.target.shape()), (&[2284, 1][..], &[2284][..]));
//! assert_eq!(co2.target.i(0)?.to_string(), "tensor(316.1000)");
//! # use tensor::Indexing;
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::bundled::Bunch;
use tensor::{Error, Result, Tensor};

/// Carbon dioxide in the air at Mauna Loa, Hawaii: 2,284 weekly means from March 1958 to December 2001, in parts per
/// million.
///
/// `data` is the time in years, `(2284, 1)`; `target` the measurements, NaN in 59 weeks in which there was none.
///
/// # Errors
/// None in practice: the file is part of the crate, and a test reads it.
#[doc(alias = "statsmodels.datasets.co2")]
#[track_caller]
pub fn load_co2() -> Result<Bunch> {
    let (mut years, mut values) = (Vec::new(), Vec::new());
    for line in include_str!("../bundled/co2.csv").lines().skip(1) {
        let Some((Ok(day), value)) = line.split_once(',').map(|(day, value)| (day.parse::<u32>(), value))
        else {
            return Err(Error::format("load_co2", format!("expected a day and a number, found `{line}`")));
        };
        let (year, month, day) = (day / 10_000, day / 100 % 100, day % 100);
        // The middle of months of equal length is near enough for an axis.
        years.push(year as f32 + (month as f32 - 1.0) / 12.0 + (day as f32 - 1.0) / 366.0);
        values.push(value.parse::<f32>().unwrap_or(f32::NAN));
    }
    Ok(Bunch {
        data: Tensor::from_vec(years, [values.len(), 1])?,
        target: tensor::tensor(values),
        feature_names: vec!["year".to_owned()],
        target_names: vec!["carbon dioxide (ppm)".to_owned()],
        description: "Weekly means of the carbon dioxide in the air at Mauna Loa, 1958 to 2001. C. D. Keeling and T. P. \
                      Whorf, Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO network, \
                      2004. Public domain, from statsmodels."
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_complete() -> Result<()> {
        let co2 = load_co2()?;
        let values = co2.target.to_vec::<f32>()?;
        assert_eq!(values.iter().filter(|value| value.is_nan()).count(), 59);
        assert!(values.iter().filter(|value| !value.is_nan()).all(|value| (310.0..375.0).contains(value)));
        let years = co2.data.to_vec::<f32>()?;
        assert!(
            years.is_sorted()
                && (years[0], years[2283].floor()) == (1958.0 + 2.0 / 12.0 + 28.0 / 366.0, 2001.0)
        );
        Ok(())
    }
}

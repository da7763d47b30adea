//! A linear relation under noise, and, if so wished, with outliers.

use super::{at_least, generate};
use tensor::random::Generator;
use tensor::{DType, Error, Result, Tensor};

/// A linear relation under noise: see [`make_regression`].
#[derive(Clone, Debug)]
pub struct MakeRegression {
    n_samples: usize,
    n_features: usize,
    n_informative: usize,
    n_targets: usize,
    bias: f64,
    noise: f64,
    outliers: f64,
    outlier_scale: f64,
    shuffle: bool,
}

/// What [`MakeRegression`] has drawn, all float32.
#[derive(Clone, Debug)]
pub struct Regression {
    /// Standard normal features, shape `(N, F)`.
    pub x: Tensor,
    /// `x·coef + bias + noise`, shape `(N)`, or `(N, T)` for several targets.
    pub y: Tensor,
    /// The weights behind it, shape `(F)` or `(F, T)`: evenly distributed in [0, 100), 0 for features that say nothing.
    pub coef: Tensor,
    /// Which rows are outliers, bool, shape `(N)`.
    pub outliers: Tensor,
}

/// `n_samples` rows of a random linear relation: 100 features by default, of which 10 say something.
///
/// ```
/// use data::make_regression;
/// tensor::manual_seed(0);
/// let line = make_regression(60).n_features(1).n_informative(1).noise(5.0).outliers(0.1).generate()?;
/// assert_eq!((line.x.shape(), line.y.shape()), (&[60, 1][..], &[60][..]));
/// assert_eq!(line.outliers.sum().item()?, 6.0);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.datasets.make_regression")]
pub fn make_regression(n_samples: usize) -> MakeRegression {
    MakeRegression {
        n_samples,
        n_features: 100,
        n_informative: 10,
        n_targets: 1,
        bias: 0.0,
        noise: 0.0,
        outliers: 0.0,
        outlier_scale: 10.0,
        shuffle: true,
    }
}

impl MakeRegression {
    /// How many features there are; 100 by default.
    pub fn n_features(mut self, n_features: usize) -> Self {
        self.n_features = n_features;
        self
    }

    /// How many of the features have a weight; 10 by default, at most all.
    pub fn n_informative(mut self, n_informative: usize) -> Self {
        self.n_informative = n_informative;
        self
    }

    /// How many numbers are to be predicted; 1 by default.
    pub fn n_targets(mut self, n_targets: usize) -> Self {
        self.n_targets = n_targets;
        self
    }

    /// What is added to every target; 0 by default.
    pub fn bias(mut self, bias: f64) -> Self {
        self.bias = bias;
        self
    }

    /// The standard deviation of normal noise on the targets; 0 by default.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Which part of the rows is pushed far off, as by a faulty instrument; none by default. (Not in scikit-learn.)
    pub fn outliers(mut self, fraction: f64) -> Self {
        self.outliers = fraction;
        self
    }

    /// How far outliers are pushed, in standard deviations of the target; 10 by default. Each goes up or down by that
    /// times 1 to 2.
    pub fn outlier_scale(mut self, outlier_scale: f64) -> Self {
        self.outlier_scale = outlier_scale;
        self
    }

    /// Whether rows and features come in random order; yes by default. Else the informative features are the first.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If there is no feature or no target, `noise` or `outlier_scale` is negative, or `outliers` not in [0, 1].
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<Regression> {
        const OP: &str = "make_regression";
        let Self { n_samples: n, n_features, n_targets, .. } = *self;
        at_least(OP, "n_features", 1.0, n_features as f64)?;
        at_least(OP, "n_targets", 1.0, n_targets as f64)?;
        at_least(OP, "noise", 0.0, self.noise)?;
        at_least(OP, "outlier_scale", 0.0, self.outlier_scale)?;
        if !(0.0..=1.0).contains(&self.outliers) {
            return Err(Error::value(OP, format!("outliers are a part in [0, 1], found {}", self.outliers)));
        }

        let mut x = generator.randn([n, n_features], DType::F64)?;
        let informative = self.n_informative.min(n_features);
        let weights = generator.uniform([informative, n_targets], 0.0, 100.0, DType::F64)?;
        let silent = Tensor::full([n_features - informative, n_targets], 0.0, DType::F64)?;
        let mut coef = tensor::cat(&[&weights, &silent], 0)?;
        let mut y = x.matmul(&coef)?.add(self.bias)?;
        if self.noise > 0.0 {
            y = y.add(&generator.normal([n, n_targets], 0.0, self.noise, DType::F64)?)?;
        }

        let far = (n as f64 * self.outliers).round() as usize;
        let mut outliers = vec![false; n];
        if far > 0 {
            let std = y.std_dim(0, 0.0, false)?.to_vec::<f64>()?;
            let mut values = y.to_vec::<f64>()?;
            for &row in &generator.permutation(n)[..far] {
                outliers[row] = true;
                for (value, std) in values[row * n_targets..][..n_targets].iter_mut().zip(&std) {
                    let sign = if generator.uniform_f64() < 0.5 { -1.0 } else { 1.0 };
                    *value += sign * std * self.outlier_scale * (1.0 + generator.uniform_f64());
                }
            }
            y = Tensor::from_vec(values, [n, n_targets])?;
        }
        let mut outliers = Tensor::from_vec(outliers, n)?;

        if self.shuffle {
            let (rows, columns) = (generator.randperm(n)?, generator.randperm(n_features)?);
            x = x.index_select(0, &rows)?.index_select(1, &columns)?;
            (y, outliers) = (y.index_select(0, &rows)?, outliers.index_select(0, &rows)?);
            coef = coef.index_select(0, &columns)?;
        }
        if n_targets == 1 {
            (y, coef) = (y.squeeze_dim(1)?, coef.squeeze_dim(1)?);
        }
        Ok(Regression { x: x.to(DType::F32), y: y.to(DType::F32), coef: coef.to(DType::F32), outliers })
    }
}

generate!(MakeRegression => Regression);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::manual_seed;

    #[test]
    fn without_noise_the_relation_is_exact() -> Result<()> {
        manual_seed(0);
        for shuffle in [false, true] {
            let made =
                make_regression(50).n_features(7).n_informative(3).bias(2.5).shuffle(shuffle).generate()?;
            assert!(made.y.allclose(&made.x.matmul(&made.coef)?.add(2.5)?, 1e-4, 1e-3)?);
            assert_eq!(made.coef.ne(0.0)?.sum().item()?, 3.0);
            assert!(made.coef.min()?.item()? >= 0.0 && made.coef.max()?.item()? < 100.0);
        }
        let several = make_regression(5).n_targets(2).generate()?;
        assert_eq!((several.y.shape(), several.coef.shape()), (&[5, 2][..], &[100, 2][..]));
        Ok(())
    }

    #[test]
    fn noise_and_outliers_are_as_large_as_asked() -> Result<()> {
        manual_seed(1);
        let made =
            make_regression(4000).n_features(2).n_informative(2).noise(3.0).outliers(0.25).generate()?;
        let off = made.y.sub(&made.x.matmul(&made.coef)?)?.abs();
        assert_eq!(made.outliers.sum().item()?, 1000.0);
        // Nothing but outliers lies more than 6 standard deviations of the noise away, and each of them does.
        assert!(off.gt(18.0)?.equal(&made.outliers));
        let calm = off.masked_fill(&made.outliers, 0.0)?;
        let std = (calm.mul(&calm)?.sum().item()? / 3000.0).sqrt();
        assert!((std - 3.0).abs() < 0.15, "{std}");
        Ok(())
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        assert!(make_regression(5).n_features(0).generate().is_err());
        assert!(make_regression(5).n_targets(0).generate().is_err());
        assert!(make_regression(5).noise(-1.0).generate().is_err());
        assert!(make_regression(5).outliers(1.5).generate().is_err());
        assert!(make_regression(5).outlier_scale(f64::NAN).generate().is_err());
    }
}

//! Features brought to mean 0 and standard deviation 1, with scikit-learn's numbers.

use tensor::{DType, Error, Result, Tensor};

/// Subtracts the mean and divides by the standard deviation of each feature, both measured on the training part.
///
/// `z = (x − mean)/scale`, `scale = √var`, `var = Σ(x − mean)²/n`. A constant feature has the scale 1. Missing values
/// (NaN) are left out of the statistics and stay missing.
///
/// ```
/// use data::StandardScaler;
/// use tensor::tensor;
/// let train = tensor([[0.0, 10.0], [0.0, 10.0], [1.0, 30.0], [1.0, 30.0]]);
/// let scaler = StandardScaler::fit(&train)?;
/// assert_eq!(scaler.transform(&tensor([[2.0, 40.0]]))?.to_string(), "tensor([[3., 2.]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.preprocessing.StandardScaler")]
#[doc(alias = "normalize")]
#[derive(Clone)]
pub struct StandardScaler {
    mean: Tensor,
    var: Tensor,
    scale: Tensor,
}

impl StandardScaler {
    /// Measures the features of `x`, shape `(N, …)`: one mean and one deviation for each place behind the first
    /// dimension. Statistics are float64 for either type of `x`.
    ///
    /// # Errors
    /// If `x` is not floating point, has no row, or holds an infinity.
    #[track_caller]
    pub fn fit(x: &Tensor) -> Result<Self> {
        const OP: &str = "StandardScaler";
        if !x.dtype().is_float() {
            return Err(Error::not_float(OP, x.dtype()));
        }
        let Some((1.., shape)) = x.shape().split_first() else {
            return Err(Error::shape(
                OP,
                format!("expected (N, …) with at least one row, found {:?}", x.shape()),
            ));
        };
        let values = x.detach().to(DType::F64).to_vec::<f64>()?;
        let features: usize = shape.iter().product();
        if let Some(at) = values.iter().position(|v| v.is_infinite()) {
            let (row, feature) = (at / features, at % features);
            return Err(Error::value(OP, format!("row {row} holds {} in feature {feature}", values[at])));
        }

        let sums = |f: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; features];
            for row in values.chunks_exact(features.max(1)) {
                for (i, (sum, &v)) in sums.iter_mut().zip(row).enumerate() {
                    *sum += if v.is_nan() { 0.0 } else { f(i, v) };
                }
            }
            sums
        };
        let count = sums(&|_, _| 1.0);
        let mean: Vec<f64> = sums(&|_, v| v).iter().zip(&count).map(|(s, n)| s / n).collect();
        // Two passes, the second corrected by the sum of deviations, which would be 0 without rounding.
        // Source: T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample variance", 1983.
        let slip = sums(&|i, v| v - mean[i]);
        let squares = sums(&|i, v| (v - mean[i]) * (v - mean[i]));
        let var: Vec<f64> =
            (0..features).map(|i| (squares[i] - slip[i] * slip[i] / count[i]) / count[i]).collect();
        let scale = (0..features).map(|i| {
            // A variance that rounding alone can explain is none.
            let error = count[i] * f64::EPSILON;
            let bound = error * var[i] + (error * mean[i]).powi(2);
            if var[i] <= bound { 1.0 } else { var[i].sqrt() }
        });
        let scale = Tensor::from_vec(scale.collect(), shape)?;
        Ok(StandardScaler { mean: Tensor::from_vec(mean, shape)?, var: Tensor::from_vec(var, shape)?, scale })
    }

    /// `(x − mean)/scale`, of the type of `x`.
    ///
    /// # Errors
    /// If `x` does not have the features that were measured.
    #[track_caller]
    pub fn transform(&self, x: &Tensor) -> Result<Tensor> {
        self.check(x)?;
        x.sub(&self.mean.to(x.dtype()))?.div(&self.scale.to(x.dtype()))
    }

    /// `z·scale + mean`: undoes [`transform`](Self::transform).
    ///
    /// # Errors
    /// If `z` does not have the features that were measured.
    #[track_caller]
    pub fn inverse_transform(&self, z: &Tensor) -> Result<Tensor> {
        self.check(z)?;
        z.mul(&self.scale.to(z.dtype()))?.add(&self.mean.to(z.dtype()))
    }

    /// The mean of each feature, float64.
    #[doc(alias = "mean_")]
    pub fn mean(&self) -> &Tensor {
        &self.mean
    }

    /// The variance of each feature, divided by the number of rows, float64.
    #[doc(alias = "var_")]
    pub fn var(&self) -> &Tensor {
        &self.var
    }

    /// What each feature is divided by, float64.
    #[doc(alias = "scale_")]
    pub fn scale(&self) -> &Tensor {
        &self.scale
    }

    #[track_caller]
    fn check(&self, x: &Tensor) -> Result<()> {
        const OP: &str = "StandardScaler";
        if !x.dtype().is_float() {
            return Err(Error::not_float(OP, x.dtype()));
        }
        if x.shape().get(1..) != Some(self.mean.shape()) {
            return Err(Error::shape(
                OP,
                format!("measured on features of shape {:?}, found {:?}", self.mean.shape(), x.shape()),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    fn float64(values: Vec<f64>, shape: [usize; 2]) -> Tensor {
        Tensor::from_vec(values, shape).unwrap()
    }

    /// Expected: scikit-learn 1.9, `StandardScaler().fit(X)` of
    /// `X = [[1e8 + 1, 1e-3, 7, nan], [1e8 + 2, 2e-3, 7, 1], [1e8 + 4, 4e-3, 7, 2], [1e8 + 8, 9e-3, 7, 6]]`.
    #[test]
    fn the_statistics_are_those_of_scikit_learn() -> Result<()> {
        let (big, nan) = (1e8, f64::NAN);
        #[rustfmt::skip]
        let x = float64(vec![
            big + 1.0, 1e-3, 7.0, nan,
            big + 2.0, 2e-3, 7.0, 1.0,
            big + 4.0, 4e-3, 7.0, 2.0,
            big + 8.0, 9e-3, 7.0, 6.0,
        ], [4, 4]);
        let scaler = StandardScaler::fit(&x)?;
        assert_eq!(scaler.mean().to_vec::<f64>()?, [100000003.75, 0.004, 7.0, 3.0]);
        assert_eq!(scaler.var().to_vec::<f64>()?, [7.1875, 9.499999999999997e-06, 0.0, 4.666666666666667]);
        assert_eq!(
            scaler.scale().to_vec::<f64>()?,
            [2.680951323690902, 0.003082207001484488, 1.0, 2.160246899469287]
        );
        assert_eq!(
            scaler.transform(&x)?.narrow(0, 1, 3)?.to_vec::<f64>()?,
            [
                -0.6527533657682196,
                -0.6488856845230503,
                0.0,
                -0.9258200997725514,
                0.09325048082403138,
                0.0,
                0.0,
                -0.4629100498862757,
                1.5852581740085334,
                1.6222142113076252,
                0.0,
                1.3887301496588271
            ]
        );
        Ok(())
    }

    #[test]
    fn what_was_transformed_comes_back() -> Result<()> {
        let x = tensor([[1.0, -2.0], [3.0, 5.0], [4.0, 0.5]]);
        let scaler = StandardScaler::fit(&x)?;
        let z = scaler.transform(&x)?;
        assert_eq!(z.dtype(), DType::F32);
        assert!(z.mean_dim(0, false)?.allclose(&tensor([0.0, 0.0]), 0.0, 1e-6)?);
        assert!(z.std_dim(0, 0.0, false)?.allclose(&tensor([1.0, 1.0]), 1e-6, 0.0)?);
        assert!(scaler.inverse_transform(&z)?.allclose(&x, 1e-6, 1e-6)?);
        let targets = tensor([1.0, 3.0]);
        assert_eq!(StandardScaler::fit(&targets)?.transform(&targets)?.to_vec::<f32>()?, [-1.0, 1.0]);
        Ok(())
    }

    #[test]
    fn what_has_no_scale_is_refused() -> Result<()> {
        assert!(StandardScaler::fit(&tensor([[1, 2]])).is_err());
        assert!(StandardScaler::fit(&tensor(1.0)).is_err());
        assert!(StandardScaler::fit(&tensor::zeros([0, 2])?).is_err());
        let error =
            StandardScaler::fit(&tensor([[0.0, 1.0], [0.0, f32::INFINITY]])).err().map(|e| e.to_string());
        assert!(error.is_some_and(|e| e.contains("row 1 holds inf in feature 1")));
        let scaler = StandardScaler::fit(&tensor([[0.0, 1.0], [0.0, 2.0]]))?;
        assert!(scaler.transform(&tensor([[0.0], [1.0]])).is_err());
        assert!(scaler.inverse_transform(&tensor([0, 1])).is_err());
        Ok(())
    }
}

//! Clouds of points around centres.

use super::{at_least, classes, generate};
use tensor::random::Generator;
use tensor::{DType, Error, Result, Tensor};

/// Clouds of points around centres: see [`make_blobs`].
#[derive(Clone, Debug)]
pub struct MakeBlobs {
    n_samples: usize,
    n_features: usize,
    centers: Centers,
    cluster_std: Vec<f64>,
    center_box: (f64, f64),
    shuffle: bool,
}

#[derive(Clone, Debug)]
enum Centers {
    Random(usize),
    Given(Tensor),
}

/// `n_samples` points in normally distributed clouds, three by default: `(x, y)`, the class says which cloud.
///
/// ```
/// use data::make_blobs;
/// use tensor::tensor;
/// let (x, y) = make_blobs(100).center_positions(&tensor([[0.0, 5.0], [5.0, 0.0]])).cluster_std(0.5).generate()?;
/// assert_eq!((x.shape(), y.sum().item()?), (&[100, 2][..], 50.0));
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "sklearn.datasets.make_blobs")]
pub fn make_blobs(n_samples: usize) -> MakeBlobs {
    MakeBlobs {
        n_samples,
        n_features: 2,
        centers: Centers::Random(3),
        cluster_std: vec![1.0],
        center_box: (-10.0, 10.0),
        shuffle: true,
    }
}

impl MakeBlobs {
    /// How many features a point has; 2 by default. Given positions of centres say it themselves.
    pub fn n_features(mut self, n_features: usize) -> Self {
        self.n_features = n_features;
        self
    }

    /// How many clouds there are; 3 by default.
    pub fn centers(mut self, centers: usize) -> Self {
        self.centers = Centers::Random(centers);
        self
    }

    /// Where the clouds are, shape `(clouds, features)`.
    #[doc(alias = "centers")]
    pub fn center_positions(mut self, centers: &Tensor) -> Self {
        self.centers = Centers::Given(centers.detach());
        self
    }

    /// The standard deviation of all clouds; 1 by default.
    pub fn cluster_std(mut self, cluster_std: f64) -> Self {
        self.cluster_std = vec![cluster_std];
        self
    }

    /// The standard deviation of each cloud.
    #[doc(alias = "cluster_std")]
    pub fn cluster_stds(mut self, cluster_stds: &[f64]) -> Self {
        self.cluster_std = cluster_stds.to_vec();
        self
    }

    /// Between which numbers the coordinates of random centres lie; −10 and 10 by default.
    pub fn center_box(mut self, low: f64, high: f64) -> Self {
        self.center_box = (low, high);
        self
    }

    /// Whether the rows come in random order; yes by default.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If there is no cloud, a deviation is negative, or there are neither one nor as many deviations as clouds.
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<(Tensor, Tensor)> {
        const OP: &str = "make_blobs";
        for &std in &self.cluster_std {
            at_least(OP, "cluster_std", 0.0, std)?;
        }
        let centers = match &self.centers {
            Centers::Given(centers) => centers.to(DType::F64),
            Centers::Random(n) => {
                let (low, high) = self.center_box;
                generator.uniform([*n, self.n_features], low, high, DType::F64)?
            }
        };
        let &[clouds @ 1..=usize::MAX, features @ 1..=usize::MAX] = centers.shape() else {
            return Err(Error::shape(
                OP,
                format!("centers have the shape (clouds, features), neither 0, found {:?}", centers.shape()),
            ));
        };
        if ![1, clouds].contains(&self.cluster_std.len()) {
            return Err(Error::shape(
                OP,
                format!("{} standard deviations for {clouds} clouds", self.cluster_std.len()),
            ));
        }
        let centers = centers.to_vec::<f64>()?;
        let (mut x, mut y) = (Vec::with_capacity(self.n_samples.saturating_mul(features)), Vec::new());
        for (cloud, center) in centers.chunks_exact(features).enumerate() {
            let std = self.cluster_std[cloud % self.cluster_std.len()];
            let members = self.n_samples / clouds + usize::from(cloud < self.n_samples % clouds);
            for _ in 0..members {
                x.extend(center.iter().map(|c| c + std * generator.normal_f64()));
                y.push(cloud as i64);
            }
        }
        classes(generator, self.shuffle, x, features, y)
    }
}

generate!(MakeBlobs => (Tensor, Tensor));

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, tensor};

    #[test]
    fn clouds_have_their_sizes_centers_and_deviations() -> Result<()> {
        manual_seed(0);
        let centers = tensor([[0.0, 5.0, 1.0], [50.0, 0.0, 2.0]]);
        let (x, y) = make_blobs(4001)
            .center_positions(&centers)
            .cluster_stds(&[0.5, 2.0])
            .shuffle(false)
            .generate()?;
        assert_eq!(y.sum().item()?, 2000.0);
        let (a, b) = (x.narrow(0, 0, 2001)?, x.narrow(0, 2001, 2000)?);
        assert!(a.mean_dim(0, false)?.allclose(&centers.select(0, 0)?, 0.0, 0.05)?);
        assert!(b.mean_dim(0, false)?.allclose(&centers.select(0, 1)?, 0.0, 0.2)?);
        assert!(a.std_dim(0, 1.0, false)?.allclose(&tensor([0.5; 3]), 0.05, 0.0)?);
        assert!(b.std_dim(0, 1.0, false)?.allclose(&tensor([2.0; 3]), 0.05, 0.0)?);
        Ok(())
    }

    #[test]
    fn random_centers_lie_in_the_box() -> Result<()> {
        manual_seed(0);
        let (x, y) =
            make_blobs(10).centers(7).n_features(4).center_box(3.0, 4.0).cluster_std(0.0).generate()?;
        assert_eq!((x.shape(), y.max()?.item()?), (&[10, 4][..], 6.0));
        assert!(x.min()?.item()? >= 3.0 && x.max()?.item()? <= 4.0);
        assert!(make_blobs(10).centers(0).generate().is_err());
        assert!(make_blobs(10).n_features(0).generate().is_err());
        assert!(make_blobs(10).cluster_stds(&[1.0, 1.0]).generate().is_err());
        assert!(make_blobs(10).cluster_std(-1.0).generate().is_err());
        assert!(make_blobs(10).center_box(4.0, 3.0).generate().is_err());
        Ok(())
    }
}

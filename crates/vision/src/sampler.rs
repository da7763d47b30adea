//! Which predictions of an image are learned from: most are background.

use tensor::{DType, Error, Result, Tensor, randperm};

/// Draws predictions so that a fixed share of them, if there are enough, are positive.
///
/// Draws by the default generator what torchvision draws.
#[doc(alias = "torchvision.models.detection._utils.BalancedPositiveNegativeSampler")]
#[derive(Clone, Copy, Debug)]
pub struct BalancedPositiveNegativeSampler {
    batch_size_per_image: usize,
    positive_fraction: f64,
}

impl BalancedPositiveNegativeSampler {
    /// `batch_size_per_image` predictions, of which `positive_fraction` are positive at most.
    pub fn new(batch_size_per_image: usize, positive_fraction: f64) -> Self {
        BalancedPositiveNegativeSampler { batch_size_per_image, positive_fraction }
    }

    /// The indices of the positive and of the negative predictions of one image, each in rising order: from labels `(N)`,
    /// int64 or float, of which 1 and more are positive, 0 is negative, and what is below counts nothing.
    ///
    /// ```
    /// use tensor::{manual_seed, tensor};
    /// use vision::BalancedPositiveNegativeSampler;
    /// manual_seed(0);
    /// let sampler = BalancedPositiveNegativeSampler::new(4, 0.25);
    /// let (positive, negative) = sampler.sample(&tensor([1, 0, 0, 2, -1, 0, 0]))?;
    /// assert_eq!((positive.numel(), negative.numel()), (1, 3));
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the labels are not a vector.
    #[track_caller]
    pub fn sample(&self, labels: &Tensor) -> Result<(Tensor, Tensor)> {
        let op = "BalancedPositiveNegativeSampler";
        if labels.dim() != 1 {
            return Err(Error::shape(op, format!("labels must be (N), found shape {:?}", labels.shape())));
        }
        let values = labels.to(DType::F64).to_vec::<f64>()?;
        let where_ = |wanted: &dyn Fn(f64) -> bool| -> Vec<usize> {
            values.iter().enumerate().filter(|(_, v)| wanted(**v)).map(|(i, _)| i).collect()
        };
        let (positive, negative) = (where_(&|v| v >= 1.0), where_(&|v| v == 0.0));
        let positives =
            ((self.batch_size_per_image as f64 * self.positive_fraction) as usize).min(positive.len());
        let negatives = (self.batch_size_per_image.saturating_sub(positives)).min(negative.len());
        Ok((drawn(&positive, positives)?, drawn(&negative, negatives)?))
    }
}

/// `count` of the indices, in rising order.
fn drawn(indices: &[usize], count: usize) -> Result<Tensor> {
    let order = randperm(indices.len())?.to_vec::<i64>()?;
    let mut drawn: Vec<i64> = order[..count].iter().map(|&i| indices[i as usize] as i64).collect();
    drawn.sort_unstable();
    Tensor::from_vec(drawn, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn too_few_positives_are_filled_up_with_negatives() {
        let labels = tensor([0, 0, 1, 0, -1, 0]);
        let (positive, negative) = BalancedPositiveNegativeSampler::new(4, 0.5).sample(&labels).unwrap();
        assert_eq!(positive.to_vec::<i64>().unwrap(), [2]);
        let negative = negative.to_vec::<i64>().unwrap();
        assert!(
            negative.len() == 3 && negative.iter().all(|i| [0, 1, 3, 5].contains(i)) && negative.is_sorted()
        );
        assert!(BalancedPositiveNegativeSampler::new(4, 0.5).sample(&tensor([[1]])).is_err());
    }
}

//! In which order a loader goes through a data set, with PyTorch's random numbers.
//!
//! A sampler draws from the generator that it is given or, if there is none, from this thread's default one.

use tensor::random::{Generator, with_default};
use tensor::{Error, Result, Tensor};

/// An order of elements, made anew for every epoch.
#[doc(alias = "torch.utils.data.Sampler")]
pub trait Sampler: Send + Sync {
    /// How many elements an epoch has, for a data set of `n` elements.
    fn len(&self, n: usize) -> usize;

    /// The elements of one epoch, each below `n`.
    fn indices(&self, n: usize, generator: Option<&mut Generator>) -> Vec<usize>;

    /// Whether this sampler suits a data set of `n` elements.
    ///
    /// # Errors
    /// If it does not.
    #[track_caller]
    fn check(&self, n: usize) -> Result<()> {
        let _ = n;
        Ok(())
    }
}

/// 63 random bits, as PyTorch draws a seed.
pub(crate) fn seed(generator: &mut Generator) -> u64 {
    generator.below(1 << 63)
}

/// Runs `draw` with the generator, or with a fresh one whose seed comes from the default generator.
fn with_seeded<T>(generator: Option<&mut Generator>, draw: impl FnOnce(&mut Generator) -> T) -> T {
    match generator {
        Some(generator) => draw(generator),
        None => draw(&mut Generator::new(with_default(seed))),
    }
}

/// One element after the other.
#[doc(alias = "torch.utils.data.SequentialSampler")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SequentialSampler;

impl Sampler for SequentialSampler {
    fn len(&self, n: usize) -> usize {
        n
    }
    fn indices(&self, n: usize, _: Option<&mut Generator>) -> Vec<usize> {
        (0..n).collect()
    }
}

/// All elements in random order, or random elements with replacement.
///
/// ```
/// use data::{RandomSampler, Sampler};
/// tensor::manual_seed(3);
/// assert_eq!(RandomSampler::new().num_samples(12).indices(5, None), [2, 1, 0, 4, 3, 3, 0, 1, 2, 4, 3, 4]);
/// ```
#[doc(alias = "torch.utils.data.RandomSampler")]
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomSampler {
    replacement: bool,
    num_samples: Option<usize>,
}

impl RandomSampler {
    /// All elements in random order.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an element may come again before all have come.
    pub fn replacement(mut self, replacement: bool) -> Self {
        self.replacement = replacement;
        self
    }

    /// How many elements an epoch has; by default as many as the data set.
    pub fn num_samples(mut self, num_samples: usize) -> Self {
        self.num_samples = Some(num_samples);
        self
    }
}

impl Sampler for RandomSampler {
    fn len(&self, n: usize) -> usize {
        if n == 0 { 0 } else { self.num_samples.unwrap_or(n) }
    }

    fn indices(&self, n: usize, generator: Option<&mut Generator>) -> Vec<usize> {
        let len = self.len(n);
        with_seeded(generator, |generator| {
            if self.replacement {
                return (0..len).map(|_| generator.below(n as u64) as usize).collect();
            }
            let mut indices = Vec::with_capacity(len);
            while len - indices.len() >= n.max(1) {
                indices.extend(generator.permutation(n));
            }
            // PyTorch draws this order also where nothing of it is used.
            let rest = len - indices.len();
            indices.extend_from_slice(&generator.permutation(n)[..rest]);
            indices
        })
    }
}

/// Chosen elements in random order.
#[doc(alias = "torch.utils.data.SubsetRandomSampler")]
#[derive(Clone, Debug)]
pub struct SubsetRandomSampler {
    indices: Vec<usize>,
}

impl SubsetRandomSampler {
    /// These elements.
    pub fn new(indices: Vec<usize>) -> Self {
        SubsetRandomSampler { indices }
    }
}

impl Sampler for SubsetRandomSampler {
    fn len(&self, _: usize) -> usize {
        self.indices.len()
    }

    fn indices(&self, _: usize, generator: Option<&mut Generator>) -> Vec<usize> {
        let draw = |generator: &mut Generator| generator.permutation(self.indices.len());
        let order = generator.map_or_else(|| with_default(draw), draw);
        order.into_iter().map(|i| self.indices[i]).collect()
    }

    #[track_caller]
    fn check(&self, n: usize) -> Result<()> {
        match self.indices.iter().find(|&&i| i >= n) {
            Some(&i) => Err(crate::dataset::out_of_range("SubsetRandomSampler", i, n)),
            None => Ok(()),
        }
    }
}

/// Elements drawn by weight: rare classes as often as common ones, say.
///
/// ```
/// use data::{Sampler, WeightedRandomSampler};
/// tensor::manual_seed(3);
/// let sampler = WeightedRandomSampler::new(&[0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 8, true)?;
/// assert_eq!(sampler.indices(6, None), [1, 3, 4, 1, 4, 4, 2, 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.utils.data.WeightedRandomSampler")]
#[derive(Clone)]
pub struct WeightedRandomSampler {
    weights: Tensor,
    num_samples: usize,
    replacement: bool,
}

impl WeightedRandomSampler {
    /// Draws `num_samples` elements an epoch; `weights`, one for each element, need not sum to one.
    ///
    /// # Errors
    /// If a weight is negative or not finite, if all are zero, or if there are fewer than `num_samples` weights above
    /// zero to draw from without replacement.
    #[track_caller]
    pub fn new(weights: &[f64], num_samples: usize, replacement: bool) -> Result<Self> {
        let positive = weights.iter().filter(|&&w| w > 0.0).count();
        if !replacement && num_samples > positive {
            return Err(Error::value(
                "WeightedRandomSampler",
                format!(
                    "cannot draw {num_samples} of {positive} elements with a weight above zero without replacement"
                ),
            ));
        }
        let weights = Tensor::from_vec(weights.to_vec(), weights.len())?;
        // A draw that is not counted finds whatever is wrong with the weights.
        Generator::new(0).multinomial(&weights, num_samples, replacement)?;
        Ok(WeightedRandomSampler { weights, num_samples, replacement })
    }
}

impl Sampler for WeightedRandomSampler {
    fn len(&self, _: usize) -> usize {
        self.num_samples
    }

    fn indices(&self, _: usize, generator: Option<&mut Generator>) -> Vec<usize> {
        let draw = |generator: &mut Generator| {
            let drawn = generator.multinomial(&self.weights, self.num_samples, self.replacement);
            // `new` has made the same draw.
            drawn.and_then(|drawn| drawn.to_vec::<i64>()).unwrap_or_default()
        };
        let drawn = generator.map_or_else(|| with_default(draw), draw);
        drawn.into_iter().map(|i| i as usize).collect()
    }

    #[track_caller]
    fn check(&self, n: usize) -> Result<()> {
        if self.weights.numel() != n {
            return Err(Error::shape(
                "WeightedRandomSampler",
                format!("{} weights for a data set of {n} elements", self.weights.numel()),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, rand};

    /// Expected: PyTorch 2.15, `list(RandomSampler(range(10), replacement=True, num_samples=40))` and so on after
    /// `torch.manual_seed(3)`.
    #[test]
    fn the_orders_are_those_of_pytorch() -> Result<()> {
        let drawn = |sampler: &dyn Sampler, n| {
            manual_seed(3);
            sampler.indices(n, None)
        };
        let random = RandomSampler::new().replacement(true).num_samples(40);
        let expected = [
            7, 8, 5, 1, 8, 6, 2, 2, 3, 9, 8, 6, 2, 5, 5, 4, 2, 5, 8, 4, 1, 8, 5, 1, 3, 1, 7, 4, 2, 1, 1, 5,
            3, 3, 7, 4, 3, 6, 0, 9,
        ];
        assert_eq!(drawn(&random, 10), expected);
        assert_eq!(drawn(&SubsetRandomSampler::new(vec![5, 6, 7, 8, 9]), 10), [6, 5, 8, 9, 7]);
        let weights = [0.1, 0.9, 0.4, 0.7, 3.0, 0.6];
        assert_eq!(drawn(&WeightedRandomSampler::new(&weights, 5, false)?, 6), [3, 0, 1, 4, 5]);
        assert_eq!(drawn(&SequentialSampler, 3), [0, 1, 2]);
        Ok(())
    }

    #[test]
    fn an_own_generator_is_drawn_from_directly() -> Result<()> {
        manual_seed(0);
        let mut own = Generator::new(7);
        assert_eq!(RandomSampler::new().indices(4, Some(&mut own)), Generator::new(7).permutation(4));
        assert_eq!(rand([1])?.to_string(), "tensor([0.4963])");
        Ok(())
    }

    #[test]
    fn weights_are_checked_when_they_are_given() {
        for (weights, n, replacement) in [
            (&[1.0, -1.0][..], 1, true),
            (&[0.0, 0.0], 1, true),
            (&[f64::NAN], 1, true),
            (&[1.0, 0.0], 2, false),
            (&[], 1, true),
        ] {
            assert!(WeightedRandomSampler::new(weights, n, replacement).is_err(), "{weights:?}");
        }
        assert!(WeightedRandomSampler::new(&[1.0], 1, true).unwrap().check(2).is_err());
        assert!(SubsetRandomSampler::new(vec![4]).check(4).is_err());
        assert_eq!(RandomSampler::new().num_samples(3).indices(0, None), [0usize; 0]);
    }
}

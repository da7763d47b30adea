//! Random parts of a data set: to train on, and to test on.

use crate::dataset::{Dataset, Subset};
use tensor::random::{Generator, with_default};
use tensor::{Error, Result};

/// The size of a part: a number of elements, or a fraction of all.
pub trait Length: Copy {
    /// The sizes of all parts of a data set of `n` elements.
    ///
    /// # Errors
    /// If they do not cover the data set exactly.
    #[track_caller]
    fn sizes<const N: usize>(lengths: [Self; N], n: usize) -> Result<[usize; N]>;
}

impl Length for usize {
    #[track_caller]
    fn sizes<const N: usize>(lengths: [usize; N], n: usize) -> Result<[usize; N]> {
        if lengths.iter().try_fold(0, |sum: usize, &len| sum.checked_add(len)) == Some(n) {
            return Ok(lengths);
        }
        Err(Error::value(
            "random_split",
            format!("lengths {lengths:?} do not sum to the {n} elements of the data set"),
        ))
    }
}

impl Length for f64 {
    /// Each part gets `⌊fraction·n⌋` elements; what is left goes one by one to the parts from the first on.
    #[track_caller]
    fn sizes<const N: usize>(fractions: [f64; N], n: usize) -> Result<[usize; N]> {
        let sum: f64 = fractions.iter().sum();
        // 0.7, 0.2 and 0.1 sum to a little less than 1, and 0.34, 0.33 and 0.33 to a little more.
        if (sum - 1.0).abs() > 1e-9 || !fractions.iter().all(|f| (0.0..=1.0).contains(f)) {
            return Err(Error::value(
                "random_split",
                format!("fractions lie in [0, 1] and sum to 1, found {fractions:?}"),
            ));
        }
        let mut left = n;
        let mut sizes = fractions.map(|f| {
            let size = left.min((n as f64 * f).floor() as usize);
            left -= size;
            size
        });
        for i in 0..left {
            sizes[i % N] += 1;
        }
        Ok(sizes)
    }
}

/// Splits a data set at random into parts of these lengths (`[455, 114]`) or fractions (`[0.8, 0.2]`).
///
/// # Errors
/// If lengths do not sum to the length of the data set, or fractions not to 1.
///
/// ```
/// use data::{Dataset, TensorDataset, random_split};
/// use tensor::{manual_seed, tensor};
/// let dataset = TensorDataset::new(tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))?;
/// manual_seed(42);
/// let [train, test] = random_split(&dataset, [0.7, 0.3])?;
/// assert_eq!(train.all().to_string(), "tensor([2, 6, 1, 8, 4, 5, 0])"); // as in PyTorch
/// assert_eq!(test.all().to_string(), "tensor([9, 3, 7])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.utils.data.random_split")]
#[track_caller]
pub fn random_split<D: Dataset + Clone, L: Length, const N: usize>(
    dataset: D,
    lengths: [L; N],
) -> Result<[Subset<D>; N]> {
    let sizes = L::sizes(lengths, dataset.len())?;
    let order = with_default(|generator| generator.permutation(dataset.len()));
    Ok(parts(dataset, sizes, &order))
}

/// [`random_split`] that draws from this generator.
///
/// # Errors
/// As [`random_split`].
#[track_caller]
pub fn random_split_with<D: Dataset + Clone, L: Length, const N: usize>(
    dataset: D,
    lengths: [L; N],
    generator: &mut Generator,
) -> Result<[Subset<D>; N]> {
    let sizes = L::sizes(lengths, dataset.len())?;
    let order = generator.permutation(dataset.len());
    Ok(parts(dataset, sizes, &order))
}

/// One part after the other from `order`.
fn parts<D: Dataset + Clone, const N: usize>(
    dataset: D,
    sizes: [usize; N],
    order: &[usize],
) -> [Subset<D>; N] {
    let mut first = 0;
    sizes.map(|size| {
        first += size;
        Subset::of(dataset.clone(), order[first - size..first].to_vec())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;
    use tensor::{arange, manual_seed};

    fn split<L: Length, const N: usize>(seed: u64, n: usize, lengths: [L; N]) -> Result<[Vec<usize>; N]> {
        manual_seed(seed);
        let dataset = TensorDataset::new(arange(0, n as i64, 1)?)?;
        Ok(random_split(dataset, lengths)?.map(|part| part.indices().to_vec()))
    }

    /// Expected: PyTorch 2.15, `random_split(range(n), lengths)` after `torch.manual_seed(seed)`.
    #[test]
    fn the_parts_are_those_of_pytorch() -> Result<()> {
        assert_eq!(split(42, 10, [7, 3])?, [vec![2, 6, 1, 8, 4, 5, 0], vec![9, 3, 7]]);
        assert_eq!(split(5, 10, [0.3, 0.3, 0.4])?, [vec![1, 4, 9], vec![6, 3, 5], vec![0, 2, 8, 7]]);
        assert_eq!(split(5, 11, [0.33, 0.33, 0.34])?, [vec![9, 5, 0, 8], vec![10, 2, 3, 6], vec![7, 1, 4]]);
        Ok(())
    }

    #[test]
    fn parts_that_do_not_cover_the_whole_are_refused() {
        assert!(split(0, 10, [7, 2]).is_err());
        assert!(split(0, 10, [usize::MAX, 11]).is_err());
        assert!(split(0, 10, [0.7, 0.2]).is_err());
        assert!(split(0, 10, [0.7, 0.4]).is_err());
        assert!(split(0, 10, [1.5, -0.5]).is_err());
        assert!(split(0, 10, [f64::NAN, 1.0]).is_err());
        let none: [usize; 0] = [];
        assert!(split(0, 10, none).is_err());
    }
}

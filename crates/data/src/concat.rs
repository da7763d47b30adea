//! Several data sets, one behind the other.

use crate::collate::{Collate, collate};
use crate::dataset::{Dataset, out_of_range};
use tensor::Result;

/// The elements of several data sets, one set behind the other.
///
/// ```
/// use data::{ConcatDataset, Dataset, TensorDataset};
/// use tensor::tensor;
/// let parts = [tensor([1, 2]), tensor([3])].map(TensorDataset::new).into_iter().collect::<Result<_, _>>()?;
/// let all = ConcatDataset::new(parts);
/// assert_eq!(all.batch(&[2, 0])?.to_string(), "tensor([3, 1])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.utils.data.ConcatDataset")]
#[derive(Clone, Debug)]
pub struct ConcatDataset<D> {
    datasets: Vec<D>,
    /// Where each set ends.
    ends: Vec<usize>,
}

impl<D: Dataset> ConcatDataset<D> {
    /// These data sets in this order.
    pub fn new(datasets: Vec<D>) -> Self {
        let lengths = datasets.iter().map(Dataset::len);
        let ends = lengths.scan(0, |end, len| {
            *end += len;
            Some(*end)
        });
        ConcatDataset { ends: ends.collect(), datasets }
    }

    /// The data sets.
    pub fn datasets(&self) -> &[D] {
        &self.datasets
    }
}

impl<D: Dataset> Dataset for ConcatDataset<D>
where
    D::Item: Collate,
{
    type Item = D::Item;
    type Batch = Result<<D::Item as Collate>::Batch>;

    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    #[track_caller]
    fn get(&self, index: usize) -> Result<D::Item> {
        let part = self.ends.partition_point(|&end| end <= index);
        match self.datasets.get(part) {
            Some(dataset) => dataset.get(index - (self.ends[part] - dataset.len())),
            None => Err(out_of_range("ConcatDataset", index, self.len())),
        }
    }

    #[track_caller]
    fn batch(&self, indices: &[usize]) -> Self::Batch {
        collate(self, indices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;
    use tensor::{Tensor, arange, tensor, zeros};

    #[test]
    fn elements_are_found_across_empty_parts() -> Result<()> {
        let part = |n: i64| TensorDataset::new((arange(0, n, 1)?, arange(0, n, 1)?.mul(10)?));
        let all = ConcatDataset::new(vec![part(2)?, part(0)?, part(3)?]);
        let (x, y) = all.all()?;
        assert_eq!(x.to_vec::<i64>()?, [0, 1, 0, 1, 2]);
        assert_eq!(y.to_vec::<i64>()?, [0, 10, 0, 10, 20]);
        assert!(all.get(5).is_err());
        let none: ConcatDataset<TensorDataset<Tensor>> = ConcatDataset::new(vec![]);
        assert_eq!((none.len(), none.get(0).is_err()), (0, true));
        Ok(())
    }

    #[test]
    fn elements_that_do_not_fit_together_are_an_error() -> Result<()> {
        let all =
            ConcatDataset::new(vec![TensorDataset::new(zeros([1, 2])?)?, TensorDataset::new(tensor([1.0]))?]);
        assert!(all.batch(&[0, 1]).is_err());
        Ok(())
    }
}

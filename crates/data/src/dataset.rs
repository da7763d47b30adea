//! What a data set is: elements by number, and a way to put several of them together into a batch.
//!
//! [`TensorDataset`](crate::TensorDataset) is one that lies in memory. An own one, whose elements are made or read one
//! by one, is a type with four lines of code:
//!
//! ```
//! use data::{DataLoader, Dataset, collate};
//! use tensor::{Result, Tensor};
//!
//! struct Squares;
//!
//! impl Dataset for Squares {
//!     type Item = (f32, f32);
//!     type Batch = Result<(Tensor, Tensor)>;
//!     fn len(&self) -> usize {
//!         5
//!     }
//!     fn get(&self, index: usize) -> Result<(f32, f32)> {
//!         Ok((index as f32, (index * index) as f32))
//!     }
//!     fn batch(&self, indices: &[usize]) -> Self::Batch {
//!         collate(self, indices)
//!     }
//! }
//!
//! for batch in &DataLoader::new(Squares).batch_size(5)? {
//!     let (x, y) = batch?;
//!     assert_eq!(x.to_string(), "tensor([0., 1., 2., 3., 4.])");
//!     assert_eq!(y.to_string(), "tensor([ 0.,  1.,  4.,  9., 16.])");
//! }
//! # Ok::<(), tensor::Error>(())
//! ```

use std::sync::Arc;
use tensor::{Error, Result};

/// Elements by number, and what a [`DataLoader`](crate::DataLoader) makes of several of them.
///
/// References, boxes and `Arc`s of data sets are data sets too.
#[doc(alias = "torch.utils.data.Dataset")]
pub trait Dataset {
    /// One element, say a pair of an image and its class.
    type Item;

    /// Several elements put together. Where that can fail, as it can when elements are read from a disk, this is a
    /// `Result`, and a loop over a loader sees it.
    type Batch;

    /// The number of elements.
    #[doc(alias = "__len__")]
    fn len(&self) -> usize;

    /// One element.
    ///
    /// # Errors
    /// If there is no such element, or it cannot be made.
    #[doc(alias = "__getitem__")]
    fn get(&self, index: usize) -> Result<Self::Item>;

    /// The elements of these numbers, put together: [`collate`](crate::collate)`(self, indices)`, or whatever suits.
    #[doc(alias = "collate_fn")]
    #[doc(alias = "__getitems__")]
    fn batch(&self, indices: &[usize]) -> Self::Batch;

    /// All elements as one batch.
    fn all(&self) -> Self::Batch {
        self.batch(&Vec::from_iter(0..self.len()))
    }

    /// Whether there is no element.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<D: Dataset + ?Sized> Dataset for $pointer {
            type Item = D::Item;
            type Batch = D::Batch;
            fn len(&self) -> usize {
                (**self).len()
            }
            #[track_caller]
            fn get(&self, index: usize) -> Result<D::Item> {
                (**self).get(index)
            }
            #[track_caller]
            fn batch(&self, indices: &[usize]) -> D::Batch {
                (**self).batch(indices)
            }
        }
    )*};
}
pointers!(&D, Box<D>, Arc<D>);

/// Some elements of a data set, in an order of their own.
///
/// ```
/// use data::{Dataset, Subset, TensorDataset};
/// use tensor::tensor;
/// let dataset = TensorDataset::new(tensor([10, 20, 30]))?;
/// let part = Subset::new(&dataset, vec![2, 0])?;
/// assert_eq!(part.all().to_string(), "tensor([30, 10])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.utils.data.Subset")]
#[derive(Clone, Debug)]
pub struct Subset<D> {
    dataset: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// The elements of `dataset` that `indices` names.
    ///
    /// # Errors
    /// If an index is not below the length of the data set.
    #[track_caller]
    pub fn new(dataset: D, indices: Vec<usize>) -> Result<Self> {
        if let Some(index) = indices.iter().find(|&&i| i >= dataset.len()) {
            return Err(out_of_range("Subset", *index, dataset.len()));
        }
        Ok(Subset::of(dataset, indices))
    }

    /// Indices that are known to be in range.
    pub(crate) fn of(dataset: D, indices: Vec<usize>) -> Self {
        Subset { dataset, indices }
    }

    /// The data set that this is a part of.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The numbers that the elements have in the whole data set.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    type Item = D::Item;
    type Batch = D::Batch;
    fn len(&self) -> usize {
        self.indices.len()
    }
    #[track_caller]
    fn get(&self, index: usize) -> Result<D::Item> {
        match self.indices.get(index) {
            Some(&i) => self.dataset.get(i),
            None => Err(out_of_range("Subset", index, self.len())),
        }
    }
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> D::Batch {
        let mut own = Vec::with_capacity(indices.len());
        for &i in indices {
            own.push(self.indices[i]);
        }
        self.dataset.batch(&own)
    }
    #[track_caller]
    fn all(&self) -> D::Batch {
        self.dataset.batch(&self.indices)
    }
}

#[cold]
#[track_caller]
pub(crate) fn out_of_range(op: &'static str, index: usize, len: usize) -> Error {
    Error::index(op, format!("there is no element {index} in a data set of {len}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;
    use tensor::tensor;

    #[test]
    fn a_subset_checks_its_indices_once_and_keeps_their_order() -> Result<()> {
        let dataset = Arc::new(TensorDataset::new((tensor([0, 10, 20]), tensor([0.0, 0.1, 0.2])))?);
        let error = Subset::new(dataset.clone(), vec![0, 3]).unwrap_err().to_string();
        assert!(error.starts_with("Subset: there is no element 3 in a data set of 3"), "{error}");
        let part = Subset::new(Subset::new(dataset, vec![2, 1, 2])?, vec![2, 1])?;
        let (x, y) = part.all();
        assert_eq!(x.to_vec::<i64>()?, [20, 10]);
        assert_eq!(y.to_vec::<f32>()?, [0.2, 0.1]);
        assert_eq!(part.get(1)?.0.item()?, 10.0);
        assert!(part.get(2).is_err());
        assert_eq!((part.len(), part.is_empty()), (2, false));
        Ok(())
    }
}

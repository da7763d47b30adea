//! A data set that lies in memory: tensors that are equally long.

use crate::dataset::{Dataset, out_of_range};
use tensor::{Error, Result, Tensor};

/// A tensor, or a tuple, an array or a vector of tensors.
pub trait Tensors: Clone {
    /// Calls `f` with each tensor in turn, until it fails.
    ///
    /// # Errors
    /// That of `f`.
    #[track_caller]
    fn each(&mut self, f: &mut dyn FnMut(&mut Tensor) -> Result<()>) -> Result<()>;
}

impl Tensors for Tensor {
    fn each(&mut self, f: &mut dyn FnMut(&mut Tensor) -> Result<()>) -> Result<()> {
        f(self)
    }
}

impl<T: Tensors> Tensors for Vec<T> {
    fn each(&mut self, f: &mut dyn FnMut(&mut Tensor) -> Result<()>) -> Result<()> {
        self.iter_mut().try_for_each(|t| t.each(f))
    }
}

impl<T: Tensors, const N: usize> Tensors for [T; N] {
    fn each(&mut self, f: &mut dyn FnMut(&mut Tensor) -> Result<()>) -> Result<()> {
        self.iter_mut().try_for_each(|t| t.each(f))
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*))*) => {$(
        impl<$($name: Tensors),*> Tensors for ($($name,)*) {
            fn each(&mut self, f: &mut dyn FnMut(&mut Tensor) -> Result<()>) -> Result<()> {
                $(self.$index.each(f)?;)*
                Ok(())
            }
        }
    )*};
}
tuples! {
    (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5)
}

/// Tensors whose rows belong together: row `i` of each is element `i`.
///
/// A batch has the form that the tensors were given in, so a loop over pairs reads
/// `for (x, y) in &loader`.
///
/// ```
/// use data::{DataLoader, TensorDataset};
/// use tensor::tensor;
/// let x = tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
/// let y = tensor([0, 1, 0]);
/// let dataset = TensorDataset::new((x, y))?;
/// for (x, y) in &DataLoader::new(&dataset).batch_size(2)? {
///     assert_eq!(x.size(0)?, y.size(0)?);
/// }
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.utils.data.TensorDataset")]
#[derive(Clone, Debug)]
pub struct TensorDataset<T = (Tensor, Tensor)> {
    tensors: T,
    len: usize,
}

impl<T: Tensors> TensorDataset<T> {
    /// The rows of a tensor, or of a tuple, an array or a vector of tensors.
    ///
    /// # Errors
    /// If there is no tensor, if one is a scalar, or if their first sizes differ.
    #[track_caller]
    pub fn new(tensors: T) -> Result<Self> {
        let len = rows("TensorDataset", &tensors)?;
        Ok(TensorDataset { tensors, len })
    }

    /// The tensors.
    pub fn tensors(&self) -> &T {
        &self.tensors
    }
}

/// Each tensor changed by `f`.
#[track_caller]
fn map<T: Tensors>(tensors: &T, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<T> {
    let mut changed = tensors.clone();
    changed.each(&mut |t| {
        *t = f(t)?;
        Ok(())
    })?;
    Ok(changed)
}

/// These rows of each tensor; neighbours are a view without a copy.
#[track_caller]
pub(crate) fn take_rows<T: Tensors>(tensors: &T, indices: &[usize]) -> Result<T> {
    let neighbours = indices.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if let (true, [first, ..]) = (neighbours, indices) {
        return map(tensors, |t| t.narrow(0, *first, indices.len()));
    }
    let index: Vec<i64> = indices.iter().map(|&i| i as i64).collect();
    let index = tensor::tensor(index);
    map(tensors, |t| t.index_select(0, &index))
}

/// The first size that all these tensors have.
#[track_caller]
pub(crate) fn rows<T: Tensors>(op: &'static str, tensors: &T) -> Result<usize> {
    let mut sizes = Vec::new();
    tensors.clone().each(&mut |t| {
        sizes.push(t.shape().first().copied());
        Ok(())
    })?;
    let Some(&first) = sizes.first() else {
        return Err(Error::value(op, "there is no tensor"));
    };
    for (i, &size) in sizes.iter().enumerate() {
        match (first, size) {
            (_, None) => {
                return Err(Error::shape(op, format!("tensor {i} is a scalar; it has no rows")));
            }
            (Some(first), Some(size)) if first != size => {
                return Err(Error::shape(
                    op,
                    format!(
                        "tensor 0 has {first} rows, but tensor {i} has {size}: first sizes must be equal"
                    ),
                ));
            }
            _ => {}
        }
    }
    Ok(first.unwrap_or(0))
}

impl<T: Tensors> Dataset for TensorDataset<T> {
    type Item = T;
    type Batch = T;

    fn len(&self) -> usize {
        self.len
    }

    #[track_caller]
    fn get(&self, index: usize) -> Result<T> {
        if index >= self.len {
            return Err(out_of_range("TensorDataset", index, self.len));
        }
        map(&self.tensors, |t| t.select(0, index as isize))
    }

    /// The rows of these numbers; neighbours are a view of the whole, without a copy.
    ///
    /// # Panics
    /// If a number is not below the length, as slices do.
    #[track_caller]
    fn batch(&self, indices: &[usize]) -> T {
        match take_rows(&self.tensors, indices) {
            Ok(rows) => rows,
            Err(error) => panic!("indexing a data set of {} elements: {error}", self.len),
        }
    }

    fn all(&self) -> T {
        self.tensors.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn unequal_lengths_are_named() {
        let refused = |error: Result<TensorDataset<Vec<Tensor>>>, text: &str| {
            let error = error.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.contains(text), "{error}");
        };
        let x = zeros([3, 2]).unwrap();
        refused(
            TensorDataset::new(vec![x.clone(), tensor([0, 1])]),
            "tensor 0 has 3 rows, but tensor 1 has 2",
        );
        refused(TensorDataset::new(vec![x, tensor(1.0)]), "tensor 1 is a scalar");
        refused(TensorDataset::new(vec![]), "there is no tensor");
    }

    #[test]
    fn a_batch_has_the_form_of_the_tensors() -> Result<()> {
        let x = tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
        let (one,) = TensorDataset::new((x.clone(),))?.batch(&[2, 0]);
        assert_eq!(one.to_vec::<f32>()?, [4.0, 5.0, 0.0, 1.0]);
        let [a, b] = TensorDataset::new([x.clone(), x.clone()])?.batch(&[1, 2]);
        assert_eq!(a.to_vec::<f32>()?, [2.0, 3.0, 4.0, 5.0]);
        assert!(a.equal(&b));
        let ((a, b), c) = TensorDataset::new(((x.clone(), x.clone()), tensor([7, 8, 9])))?.batch(&[]);
        assert_eq!((a.shape(), b.shape(), c.shape()), (&[0, 2][..], &[0, 2][..], &[0][..]));
        assert_eq!(TensorDataset::new(x)?.get(1)?.to_vec::<f32>()?, [2.0, 3.0]);
        Ok(())
    }

    #[test]
    #[should_panic(expected = "indexing a data set of 2 elements")]
    fn a_batch_of_rows_that_do_not_exist_is_a_wrong_index() {
        TensorDataset::new(tensor([1, 2])).unwrap().batch(&[0, 2]);
    }
}

//! How single elements become a batch: numbers become a vector, tensors are stacked, tuples and vectors are taken apart.

use crate::Dataset;
use tensor::{Error, Result, Tensor, stack};

/// What elements can be put together, and what they become.
///
/// | elements | batch |
/// |---|---|
/// | `Tensor`, all of the same shape | `Tensor` with a first dimension more |
/// | `f32`, `f64`, `bool`, integers | vector: float32, float64, bool, int64 |
/// | `String`, `&str` | `Vec` of them |
/// | `(A, B, …)` | `(batch of A, batch of B, …)` |
/// | `Vec<A>`, all equally long | `Vec<batch of A>` |
#[doc(alias = "default_collate")]
pub trait Collate: Sized {
    /// What several elements become.
    type Batch;

    /// Puts the elements together.
    ///
    /// # Errors
    /// If they do not fit together, or there is none.
    #[track_caller]
    fn collate(elements: Vec<Self>) -> Result<Self::Batch>;
}

/// The elements of these numbers, put together as [`Collate`] says: what [`Dataset::batch`] usually is.
///
/// # Errors
/// That of [`Dataset::get`], and if elements do not fit together.
#[track_caller]
pub fn collate<D>(dataset: &D, indices: &[usize]) -> Result<<D::Item as Collate>::Batch>
where
    D: Dataset + ?Sized,
    D::Item: Collate,
{
    let mut elements = Vec::with_capacity(indices.len());
    for &i in indices {
        elements.push(dataset.get(i)?);
    }
    Collate::collate(elements)
}

impl Collate for Tensor {
    type Batch = Tensor;
    #[track_caller]
    fn collate(elements: Vec<Tensor>) -> Result<Tensor> {
        stack(&Vec::from_iter(&elements), 0)
    }
}

macro_rules! numbers {
    ($($rust:ty => $element:ty),*) => {$(
        impl Collate for $rust {
            type Batch = Tensor;
            #[track_caller]
            fn collate(elements: Vec<$rust>) -> Result<Tensor> {
                let values: Vec<$element> = elements.into_iter().map(<$element>::from).collect();
                let len = values.len();
                Tensor::from_vec(values, len)
            }
        }
    )*};
}
numbers!(f32 => f32, f64 => f64, bool => bool, i64 => i64, i32 => i64, u8 => i64, u32 => i64);

impl Collate for usize {
    type Batch = Tensor;
    #[track_caller]
    fn collate(elements: Vec<usize>) -> Result<Tensor> {
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            let Ok(value) = i64::try_from(element) else {
                return Err(Error::value("collate", format!("{element} does not fit into int64")));
            };
            values.push(value);
        }
        Collate::collate(values)
    }
}

impl Collate for String {
    type Batch = Vec<String>;
    fn collate(elements: Vec<String>) -> Result<Vec<String>> {
        Ok(elements)
    }
}

impl<'a> Collate for &'a str {
    type Batch = Vec<&'a str>;
    fn collate(elements: Vec<&'a str>) -> Result<Vec<&'a str>> {
        Ok(elements)
    }
}

impl<C: Collate> Collate for Vec<C> {
    type Batch = Vec<C::Batch>;
    #[track_caller]
    fn collate(elements: Vec<Vec<C>>) -> Result<Self::Batch> {
        let len = elements.first().map_or(0, Vec::len);
        let mut columns: Vec<Vec<C>> = (0..len).map(|_| Vec::new()).collect();
        for element in elements {
            if element.len() != len {
                return Err(Error::shape(
                    "collate",
                    format!(
                        "vectors of {len} and {} parts are in one batch; they must be equally long",
                        element.len()
                    ),
                ));
            }
            for (column, part) in columns.iter_mut().zip(element) {
                column.push(part);
            }
        }
        let mut batch = Vec::with_capacity(len);
        for column in columns {
            batch.push(C::collate(column)?);
        }
        Ok(batch)
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt $column:ident),*))*) => {$(
        impl<$($name: Collate),*> Collate for ($($name,)*) {
            type Batch = ($($name::Batch,)*);
            #[track_caller]
            fn collate(elements: Vec<Self>) -> Result<Self::Batch> {
                $(let mut $column = Vec::with_capacity(elements.len());)*
                for element in elements {
                    $($column.push(element.$index);)*
                }
                Ok(($($name::collate($column)?,)*))
            }
        }
    )*};
}
tuples! {
    (A 0 a) (A 0 a, B 1 b) (A 0 a, B 1 b, C 2 c) (A 0 a, B 1 b, C 2 c, D 3 d)
    (A 0 a, B 1 b, C 2 c, D 3 d, E 4 e) (A 0 a, B 1 b, C 2 c, D 3 d, E 4 e, F 5 f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{DType, tensor};

    #[test]
    fn a_batch_follows_the_table() -> Result<()> {
        let (x, (y, name), z) = Collate::collate(vec![
            (tensor([1.0, 2.0]), (3usize, "a"), vec![true, false]),
            (tensor([3.0, 4.0]), (5usize, "b"), vec![false, false]),
        ])?;
        assert_eq!(x.shape(), [2, 2]);
        assert_eq!((y.dtype(), y.to_vec::<i64>()?), (DType::I64, vec![3, 5]));
        assert_eq!(name, ["a", "b"]);
        assert_eq!(z[0].to_vec::<bool>()?, [true, false]);
        assert_eq!(z.len(), 2);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        assert!(Collate::collate(vec![tensor([1.0]), tensor([1.0, 2.0])]).is_err());
        assert!(Collate::collate(vec![vec![1.0], vec![1.0, 2.0]]).is_err());
        assert!(Collate::collate(vec![usize::MAX]).is_err());
    }
}

//! One tensor to several: views of its parts along a dimension.
//!
//! ```
//! use tensor::arange;
//! let x = arange(0, 7, 1)?;
//! let sizes = |parts: Vec<tensor::Tensor>| parts.iter().map(|p| p.numel()).collect::<Vec<_>>();
//! assert_eq!(sizes(x.split(3, 0)?), [3, 3, 1]);
//! assert_eq!(sizes(x.split([2, 5], 0)?), [2, 5]);
//! assert_eq!(sizes(x.chunk(3, 0)?), [3, 3, 1]);
//! assert_eq!(sizes(x.tensor_split(3, 0)?), [3, 2, 2]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::Ints;
use crate::limit::room;
use crate::tensor::Tensor;

/// Bytes of a view, with its shape.
const PART: usize = 200;

impl Tensor {
    /// Parts of dimension `dim`: of this size each, the last one perhaps smaller; or, for a list, of these sizes.
    ///
    /// # Errors
    /// If there is no such dimension, a size is negative or zero, or the sizes of a list do not add up to the
    /// dimension's.
    #[doc(alias = "torch.split")]
    #[doc(alias = "split_with_sizes")]
    #[track_caller]
    pub fn split(&self, sizes: impl Into<Sections>, dim: isize) -> Result<Vec<Tensor>> {
        let (d, size) = self.parted("split", dim)?;
        let each = match sizes.into() {
            Sections::Number(each) => each,
            Sections::List(sizes) => return self.split_list(d, size, &sizes),
        };
        if each < 0 || each == 0 && size > 0 {
            return Err(Error::value("split", format!("the size of a part must be positive, found {each}")));
        }
        let each = each as usize;
        let count = if size == 0 { 1 } else { size.div_ceil(each) };
        Ok(self.cut("Split", d, (0..count).map(|i| each.min(size - i * each))))
    }

    #[track_caller]
    fn split_list(&self, d: usize, size: usize, sizes: &[i64]) -> Result<Vec<Tensor>> {
            let sum = sizes.iter().try_fold(0i64, |sum, &n| if n < 0 { None } else { sum.checked_add(n) });
    if sum != Some(size as i64) {
            return Err(Error::shape(
                "split",
                format!("sizes {sizes:?} do not add up to {size}, the size of dimension {d}"),
            ));
        }
        Ok(self.cut("SplitWithSizes", d, sizes.iter().map(|&n| n as usize)))
    }

    /// At most `chunks` parts of dimension `dim`, all of one size but perhaps the last.
    ///
    /// # Errors
    /// If there is no such dimension, or `chunks` is zero.
    #[doc(alias = "torch.chunk")]
    #[track_caller]
    pub fn chunk(&self, chunks: usize, dim: isize) -> Result<Vec<Tensor>> {
        let (d, size) = self.parted("chunk", dim)?;
        if chunks == 0 {
            return Err(Error::value("chunk", "the number of chunks must be positive, found 0"));
        }
        if size == 0 {
            room("chunk", chunks, PART)?;
            return Ok(self.cut("SplitWithSizes", d, std::iter::repeat_n(0, chunks)));
        }
        let each = size.div_ceil(chunks);
        Ok(self.cut("Split", d, (0..size.div_ceil(each)).map(|i| each.min(size - i * each))))
    }

    /// Exactly that many parts of dimension `dim`, whose sizes differ by one at most; or, for a list, the parts between
    /// these indices.
    ///
    /// # Errors
    /// If there is no such dimension, or the number of parts is not positive.
    #[doc(alias = "torch.tensor_split")]
    #[track_caller]
    pub fn tensor_split(&self, sections: impl Into<Sections>, dim: isize) -> Result<Vec<Tensor>> {
        let (d, size) = self.parted("tensor_split", dim)?;
        let sections = match sections.into() {
            Sections::List(indices) => indices,
            Sections::Number(count) => {
                let count = usize::try_from(count).unwrap_or(0);
                if count == 0 {
                    return Err(Error::value("tensor_split", "the number of parts must be positive"));
                }
                room("tensor_split", count, PART)?;
                let larger = size % count;
                return Ok(self.cut("Slice", d, (0..count).map(|i| size / count + usize::from(i < larger))));
            }
        };
        // As slices: negative indices count from the back, and a part that would end before it begins is empty.
        let place = |i: i64| {
            let i = if i < 0 { i + size as i64 } else { i };
            usize::try_from(i).unwrap_or(0).min(size)
        };
        let mut starts = vec![0];
        starts.extend(sections.iter().map(|&i| place(i)));
        let ends = starts[1..].iter().copied().chain([size]);
        let part = |(&start, end): (&usize, usize)| {
            self.sliced("Slice", d, start, end.saturating_sub(start), 1)
        };
        Ok(starts.iter().zip(ends).map(part).collect())
    }

    /// [`tensor_split`](Tensor::tensor_split) along the columns (of a vector: along it). A number must divide the size.
    ///
    /// # Errors
    /// If this is a scalar, or the number does not divide the size.
    #[doc(alias = "torch.hsplit")]
    #[track_caller]
    pub fn hsplit(&self, sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
        self.even_split("hsplit", sections, 1, if self.dim() == 1 { 0 } else { 1 })
    }

    /// [`tensor_split`](Tensor::tensor_split) along the rows. A number must divide the size.
    ///
    /// # Errors
    /// With fewer than two dimensions, or if the number does not divide the size.
    #[doc(alias = "torch.vsplit")]
    #[track_caller]
    pub fn vsplit(&self, sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
        self.even_split("vsplit", sections, 2, 0)
    }

    /// [`tensor_split`](Tensor::tensor_split) along the third dimension. A number must divide the size.
    ///
    /// # Errors
    /// With fewer than three dimensions, or if the number does not divide the size.
    #[doc(alias = "torch.dsplit")]
    #[track_caller]
    pub fn dsplit(&self, sections: impl Into<Sections>) -> Result<Vec<Tensor>> {
        self.even_split("dsplit", sections, 3, 2)
    }

    #[track_caller]
    fn even_split(
        &self,
        op: &'static str,
        sections: impl Into<Sections>,
        rank: usize,
        dim: isize,
    ) -> Result<Vec<Tensor>> {
        if self.dim() < rank {
            return Err(Error::shape(
                op,
                format!("expected at least {rank} dimensions, found shape {:?}", self.shape()),
            ));
        }
        let size = self.size(dim)? as i64;
        let sections = sections.into();
        if let Sections::Number(count) = sections
            && (count <= 0 || size % count != 0)
        {
            return Err(Error::value(
                op,
                format!("{count} parts do not divide dimension {dim} of size {size} evenly"),
            ));
        }
        self.tensor_split(sections, dim)
    }

    /// The slices of dimension `dim`, which disappears.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.unbind")]
    #[track_caller]
    pub fn unbind(&self, dim: isize) -> Result<Vec<Tensor>> {
        let (d, size) = self.parted("unbind", dim)?;
        Ok((0..size).map(|i| self.strided("Unbind", |layout| layout.select(d, i))).collect())
    }

    /// A dimension and its size; a scalar has none.
    #[track_caller]
    fn parted(&self, op: &'static str, dim: isize) -> Result<(usize, usize)> {
        let d = self.layout.dim(op, dim)?;
        match self.shape().get(d) {
            Some(&size) => Ok((d, size)),
            None => Err(Error::shape(op, "a scalar has no dimension along which to part it")),
        }
    }

    /// Slices one behind the other.
    #[track_caller]
    fn cut(&self, name: &'static str, dim: usize, sizes: impl Iterator<Item = usize>) -> Vec<Tensor> {
        let mut parts = Vec::new();
        let mut start = 0;
        for size in sizes {
            parts.push(self.sliced(name, dim, start, size, 1));
            start += size;
        }
        parts
    }
}

/// One number, or a list: PyTorch's functions that split mean different things by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sections {
    /// The size of each part, or the number of parts.
    Number(i64),
    /// The size of each part, or the indices between them.
    List(Vec<i64>),
}

macro_rules! sections {
    ($($int:ty)*) => {$(
        impl From<$int> for Sections {
            fn from(number: $int) -> Self {
                // Beyond i64 nothing can be split; saturating keeps it that way.
                Sections::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
        impl<const N: usize> From<[$int; N]> for Sections {
            fn from(list: [$int; N]) -> Self {
                Sections::List(list.ints().to_vec())
            }
        }
        impl From<&[$int]> for Sections {
            fn from(list: &[$int]) -> Self {
                Sections::List(list.ints().to_vec())
            }
        }
        impl From<Vec<$int>> for Sections {
            fn from(list: Vec<$int>) -> Self {
                Sections::List(list.ints().to_vec())
            }
        }
    )*};
}
sections!(i32 i64 isize usize);

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("split", |x| x[0].split(2, 1)?[0].sin().mul(&x[0].split(2, 1)?[1]), x()),
        case("chunk", |x| Ok(x[0].chunk(3, 1)?[2].sin()), x()),
        case("tensor_split", |x| Ok(x[0].tensor_split([1, 2], 1)?[1].sin()), x()),
        case("unbind", |x| x[0].unbind(0)?[0].sin().mul(&x[0].unbind(0)?[1]), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tensor, arange, tensor, zeros};

    fn sizes(parts: crate::Result<Vec<Tensor>>) -> Vec<usize> {
        parts.unwrap().iter().map(Tensor::numel).collect()
    }

    #[test]
    fn parts_of_every_kind() {
        let x = arange(0, 7, 1).unwrap();
        assert_eq!(sizes(x.split(7, 0)), [7]);
        assert_eq!(sizes(x.split([0, 7], -1)), [0, 7]);
        assert_eq!(sizes(x.chunk(5, 0)), [2, 2, 2, 1]);
        assert_eq!(sizes(x.tensor_split([2, -1, 3, 99], 0)), [2, 4, 0, 4, 0]);
        assert_eq!(sizes(x.tensor_split(9, 0)), [1, 1, 1, 1, 1, 1, 1, 0, 0]);
        assert_eq!(sizes(x.hsplit(7)), [1; 7]);
        assert_eq!(sizes(zeros([2, 6]).unwrap().hsplit(3)), [4; 3]);
        assert_eq!(sizes(zeros([0]).unwrap().split(3, 0)), [0]);
        assert_eq!(sizes(zeros([0]).unwrap().chunk(3, 0)), [0; 3]);
        assert_eq!(x.unbind(0).unwrap()[3].item().unwrap(), 3.0);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = arange(0, 7, 1).unwrap();
        for error in [
            x.split(0, 0).unwrap_err(),
            x.split(-1, 0).unwrap_err(),
            x.split([3, 3], 0).unwrap_err(),
            x.split([8, -1], 0).unwrap_err(),
            x.chunk(0, 0).unwrap_err(),
            x.tensor_split(0, 0).unwrap_err(),
            x.hsplit(2).unwrap_err(),
            x.vsplit(7).unwrap_err(),
            tensor(1).unbind(0).unwrap_err(),
            x.unbind(1).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

//! What can stand between the brackets of `x[...]`, for [`Tensor::i`] and its writing twins.
//!
//! ```
//! use tensor::{By, Index, NewAxis, tensor};
//! assert!(matches!(Index::from(-1), Index::At(-1)));
//! assert!(matches!(Index::from(1..), Index::Slice { start: Some(1), end: None, step: 1 }));
//! assert!(matches!((..4).by(2), Index::Slice { start: None, end: Some(4), step: 2 }));
//! assert!(matches!(Index::from(NewAxis), Index::NewAxis));
//! assert!(matches!(Index::from([0, 2]), Index::Tensor(_)));
//! ```

use crate::dtype::DType;
use crate::literal::{Fixed, Literal, tensor};
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};
use smallvec::SmallVec;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

/// One entry between the brackets. Written by hand only where the number of entries is not known; otherwise
/// [`Tensor::i`] makes it from a number, a range, a list or a tensor.
#[derive(Clone, Debug)]
pub enum Index {
    /// One index; the dimension disappears. Negative numbers count from the back.
    At(i64),
    /// A range `start..end` of which every `step`-th index is taken; negative ends count from the back, and what lies
    /// outside is cut off.
    Slice {
        /// The first index; from the beginning if `None`.
        start: Option<i64>,
        /// The index behind the last one; to the end if `None`.
        end: Option<i64>,
        /// At least 1.
        step: i64,
    },
    /// A new dimension of size 1.
    NewAxis,
    /// All dimensions that are not named, as they are. At most once.
    Ellipsis,
    /// Indices (int64), or a mask (bool) of as many dimensions as it has.
    Tensor(Tensor),
}

/// A new dimension of size 1: Python's `None` between brackets.
#[doc(alias = "None")]
#[derive(Clone, Copy, Debug)]
pub struct NewAxis;

/// As many whole dimensions as are left over: Python's `...`.
#[derive(Clone, Copy, Debug)]
pub struct Ellipsis;

impl From<NewAxis> for Index {
    fn from(_: NewAxis) -> Self {
        Index::NewAxis
    }
}

impl From<Ellipsis> for Index {
    fn from(_: Ellipsis) -> Self {
        Index::Ellipsis
    }
}

impl From<bool> for Index {
    fn from(value: bool) -> Self {
        Index::Tensor(tensor(value))
    }
}

impl From<Tensor> for Index {
    fn from(value: Tensor) -> Self {
        Index::Tensor(value)
    }
}

impl From<&Tensor> for Index {
    fn from(value: &Tensor) -> Self {
        Index::Tensor(value.clone())
    }
}

impl<L: Literal + Fixed, const N: usize> From<[L; N]> for Index {
    fn from(list: [L; N]) -> Self {
        let list = tensor(list);
        // An empty list has no numbers to tell their type by.
        Index::Tensor(if list.numel() == 0 { list.to(DType::I64) } else { list })
    }
}

impl From<&Index> for Index {
    fn from(index: &Index) -> Self {
        index.clone()
    }
}

/// A step for a range: `(1..).by(2)` is Python's `1::2`.
pub trait By {
    /// Every `step`-th index of this range.
    fn by(self, step: i64) -> Index;
}

macro_rules! ranges {
    ($($range:ty, |$r:pat_param| ($start:expr, $end:expr);)*) => {$(
        impl From<$range> for Index {
            fn from(range: $range) -> Self {
                range.by(1)
            }
        }
        impl By for $range {
            fn by(self, step: i64) -> Index {
                let $r = self;
                Index::Slice { start: $start, end: $end, step }
            }
        }
    )*};
}

macro_rules! integers {
    ($($int:ty)*) => {$(
        impl From<$int> for Index {
            fn from(index: $int) -> Self {
                Index::At(number(index))
            }
        }
        impl From<Vec<$int>> for Index {
            fn from(list: Vec<$int>) -> Self {
                let layout = dense(&[list.len()]);
                Index::Tensor(Tensor::new(list.into_iter().map(number).collect::<Buffer<i64>>(), layout))
            }
        }
        ranges! {
            Range<$int>, |r| (Some(number(r.start)), Some(number(r.end)));
            RangeFrom<$int>, |r| (Some(number(r.start)), None);
            RangeTo<$int>, |r| (None, Some(number(r.end)));
            RangeInclusive<$int>, |r| (Some(number(*r.start())), behind(number(*r.end())));
            RangeToInclusive<$int>, |r| (None, behind(number(r.end)));
        }
    )*};
}
integers!(i32 i64 isize usize);
ranges! { RangeFull, |_| (None, None); }

/// An index beyond i64 is beyond every tensor; saturating keeps it so.
fn number(index: impl TryInto<i64>) -> i64 {
    index.try_into().unwrap_or(i64::MAX)
}

/// The end behind an included index: behind −1 there is only the end.
fn behind(last: i64) -> Option<i64> {
    (last != -1).then(|| last.saturating_add(1))
}

/// What can stand between the brackets: one entry, a tuple of up to eight, or a list of [`Index`].
pub trait Indices {
    /// The entries.
    fn indices(self) -> SmallVec<[Index; 4]>;
}

impl<I: Into<Index>> Indices for I {
    fn indices(self) -> SmallVec<[Index; 4]> {
        SmallVec::from_iter([self.into()])
    }
}

impl Indices for &[Index] {
    fn indices(self) -> SmallVec<[Index; 4]> {
        self.iter().cloned().collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident $place:tt),*))*) => {$(
        impl<$($name: Into<Index>),*> Indices for ($($name,)*) {
            fn indices(self) -> SmallVec<[Index; 4]> {
                SmallVec::from_iter([$(self.$place.into(),)*] as [Index; _])
            }
        }
    )*};
}
tuples! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

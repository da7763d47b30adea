//! Shapes, strides and broadcasting: index arithmetic, without any data.
//!
//! ```
//! use tensor::layout::broadcast;
//! assert_eq!(broadcast(&[4, 1], &[3]).unwrap().as_slice(), [4, 3]);
//! assert!(broadcast(&[4, 2], &[3]).is_none());
//! ```

use crate::error::{Error, Result};
use crate::limit::room;
use smallvec::SmallVec;
use std::ops::Deref;
use std::sync::Arc;

/// The sizes of a tensor along its dimensions. Four dimensions need no allocation.
pub type Shape = SmallVec<[usize; 4]>;

/// Where the element at an index is: `offset + Σ index[d] · strides[d]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    strides: Shape,
    offset: usize,
    numel: usize,
    contiguous: bool,
}

/// A layout that tensors share. That of scalars is in no need of being counted, and most of what is small is a scalar.
#[derive(Clone, Debug)]
pub struct SharedLayout(Option<Arc<Layout>>);

/// The layout of a scalar.
static SCALAR: Layout =
    Layout { shape: Shape::new_const(), strides: Shape::new_const(), offset: 0, numel: 1, contiguous: true };

impl Deref for SharedLayout {
    type Target = Layout;
    #[inline]
    fn deref(&self) -> &Layout {
        match &self.0 {
            Some(layout) => layout,
            None => &SCALAR,
        }
    }
}

impl From<Layout> for SharedLayout {
    #[inline]
    fn from(layout: Layout) -> Self {
        SharedLayout((layout.rank() > 0 || layout.offset > 0).then(|| Arc::new(layout)))
    }
}

impl SharedLayout {
    /// Whether both are one layout in memory. Others may be equal.
    #[inline]
    pub(crate) fn is_same(&self, other: &SharedLayout) -> bool {
        match (&self.0, &other.0) {
            (Some(x), Some(y)) => Arc::ptr_eq(x, y),
            (None, None) => true,
            _ => false,
        }
    }
}

impl Layout {
    /// The layout of a scalar.
    #[inline]
    pub fn scalar() -> SharedLayout {
        SharedLayout(None)
    }

    /// Row-major without gaps. The elements must be within the [limit](crate::memory_limit), also if a size of zero, which
    /// counts as one, leaves none: `[0, 2⁶³, 4]` has no strides.
    #[track_caller]
    pub fn contiguous(op: &'static str, shape: &[usize]) -> Result<Layout> {
        let mut strides: Shape = SmallVec::from_elem(0, shape.len());
        let mut step = 1usize;
        for (stride, &size) in strides.iter_mut().zip(shape).rev() {
            *stride = step;
            step = match step.checked_mul(size.max(1)) {
                Some(step) if step <= isize::MAX as usize / 8 => step,
                _ => {
                    let what = format!("shape {shape:?} has more elements than the machine can address");
                    return Err(Error::size(op, what));
                }
            };
        }
        room(op, step, 1)?;
        Ok(Layout::from_parts(shape.into(), strides, 0))
    }

    /// Row-major without gaps, of a shape that some tensor has already, so that it cannot overflow.
    pub(crate) fn dense(shape: &[usize]) -> Layout {
        let mut strides = Shape::from_slice(shape);
        let mut step = 1;
        for stride in strides.iter_mut().rev() {
            let size = *stride;
            *stride = step;
            step *= size.max(1);
        }
        let (shape, numel) = (Shape::from_slice(shape), shape.iter().product());
        Layout { shape, strides, offset: 0, numel, contiguous: true }
    }

    /// The first element everywhere in a shape that some tensor has already.
    pub(crate) fn repeated(&self, shape: &[usize]) -> Layout {
        self.with(Shape::from_slice(shape), SmallVec::from_elem(0, shape.len()))
    }

    /// From shape and strides as they are.
    pub fn from_parts(shape: Shape, strides: Shape, offset: usize) -> Layout {
        let numel = shape.iter().product();
        let contiguous = numel == 0 || {
            let mut step = 1;
            shape.iter().zip(&strides).rev().all(|(&size, &stride)| {
                let fits = size == 1 || stride == step;
                step *= size;
                fits
            })
        };
        Layout { shape, strides, offset, numel, contiguous }
    }

    /// The sizes.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Elements from one index to the next, per dimension.
    #[inline]
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// Where the first element is.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// How many elements there are.
    #[inline]
    pub fn numel(&self) -> usize {
        self.numel
    }

    /// Whether the elements stand in row-major order without gaps.
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.contiguous
    }

    /// The number of dimensions.
    #[inline]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// A dimension counted from the front, or from the back if negative. A scalar accepts 0 and −1.
    #[track_caller]
    pub fn dim(&self, op: &'static str, dim: isize) -> Result<usize> {
        normalize_dim(op, dim, self.rank())
    }

    /// Several dimensions, each named once.
    #[track_caller]
    pub(crate) fn dims(&self, op: &'static str, dims: impl Ints) -> Result<Shape> {
        let mut list = Shape::new();
        for &dim in &dims.ints() {
            let d = self.dim(op, dim as isize)?;
            if list.contains(&d) {
                return Err(Error::dim(op, format!("dimension {d} appears twice in the list")));
            }
            list.push(d);
        }
        Ok(list)
    }

    /// The same elements under a new shape, if that needs no copy.
    pub fn reshape(&self, shape: &[usize]) -> Option<Layout> {
        let mut strides: Shape = SmallVec::from_elem(1, shape.len());
        if self.numel == 0 {
            // Any strides will do; the usual ones are the least surprise.
            return Layout::contiguous("reshape", shape).ok().map(|l| Layout { offset: self.offset, ..l });
        }
        // Walk both shapes from the back in groups of equal products; inside a group the old dimensions must be
        // evenly spaced.
        let mut old = self.shape.len();
        let mut new = shape.len();
        while old > 0 {
            let mut size = self.shape[old - 1];
            let stride = self.strides[old - 1];
            old -= 1;
            let mut span = size;
            while old > 0 && (self.shape[old - 1] == 1 || self.strides[old - 1] == span * stride) {
                old -= 1;
                size *= self.shape[old];
                span *= self.shape[old];
            }
            let mut step = stride;
            let mut filled = 1;
            while new > 0 && (filled < size || shape[new - 1] == 1) {
                new -= 1;
                strides[new] = step;
                step *= shape[new];
                filled *= shape[new];
            }
            if filled != size {
                return None;
            }
        }
        while new > 0 {
            new -= 1; // only ones are left
        }
        Some(Layout::from_parts(shape.into(), strides, self.offset))
    }

    /// The dimensions in another order.
    pub fn permute(&self, dims: &[usize]) -> Layout {
        let pick = |values: &[usize]| dims.iter().map(|&d| values[d]).collect();
        Layout::from_parts(pick(&self.shape), pick(&self.strides), self.offset)
    }

    /// `len` indices of dimension `dim`, from `start` on, every `step`-th.
    pub fn slice(&self, dim: usize, start: usize, len: usize, step: usize) -> Layout {
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        shape[dim] = len;
        // No step leads anywhere where there is only one index.
        strides[dim] = strides[dim].saturating_mul(step);
        let offset = if len == 0 { self.offset } else { self.offset + start * self.strides[dim] };
        Layout::from_parts(shape, strides, offset)
    }

    /// A new dimension of size 1 at `dim`.
    pub fn unsqueeze(&self, dim: usize) -> Layout {
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        strides.insert(dim, shape.get(dim).map_or(1, |size| size * strides[dim]));
        shape.insert(dim, 1);
        Layout::from_parts(shape, strides, self.offset)
    }

    /// Index `index` of dimension `dim`, which disappears.
    pub fn select(&self, dim: usize, index: usize) -> Layout {
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        shape.remove(dim);
        let offset = self.offset + index * strides.remove(dim);
        Layout::from_parts(shape, strides, offset)
    }

    /// The elements `(i, i + offset)` of two dimensions, which disappear, as a new last dimension.
    pub fn diagonal(&self, offset: isize, dim1: usize, dim2: usize) -> Layout {
        let (row, column) = (offset.min(0).unsigned_abs(), offset.max(0).unsigned_abs());
        let (rows, columns) = (self.shape[dim1], self.shape[dim2]);
        let len = rows.saturating_sub(row).min(columns.saturating_sub(column));
        let rest = |values: &[usize], last| {
            let kept = values.iter().enumerate().filter(|(d, _)| ![dim1, dim2].contains(d));
            kept.map(|(_, &value)| value).chain([last]).collect()
        };
        // Where there is none, its place may be beyond every address.
        let first = if len == 0 { 0 } else { row * self.strides[dim1] + column * self.strides[dim2] };
        Layout::from_parts(
            rest(&self.shape, len),
            rest(&self.strides, self.strides[dim1] + self.strides[dim2]),
            self.offset + first,
        )
    }

    /// Windows of `size` along dimension `dim`, `step` apart; a window's elements are a new last dimension.
    pub fn unfold(&self, dim: usize, size: usize, step: usize) -> Layout {
        let (mut shape, mut strides) = (self.shape.clone(), self.strides.clone());
        shape.push(size);
        strides.push(strides[dim]);
        shape[dim] = (shape[dim] - size) / step + 1;
        // No step leads anywhere where there is only one window.
        strides[dim] = strides[dim].saturating_mul(step);
        Layout::from_parts(shape, strides, self.offset)
    }

    /// Whether two indices may name the same element. Never false when they do.
    pub fn overlaps(&self) -> bool {
        let mut dims: SmallVec<[(usize, usize); 4]> =
            self.strides.iter().copied().zip(self.shape.iter().copied()).filter(|d| d.1 > 1).collect();
        dims.sort_unstable();
        // A tensor without elements may have any strides.
        let mut reach = 0usize;
        dims.iter().any(|&(stride, size)| {
            let overlap = stride <= reach;
            reach = reach.saturating_add((size - 1).saturating_mul(stride));
            overlap
        })
    }

    /// Repeats along dimensions of size 1 (and new ones in front) without a copy. `None` if the shapes do not fit.
    pub fn expand(&self, shape: &[usize]) -> Option<Layout> {
        let new = shape.len().checked_sub(self.rank())?;
        let mut strides: Shape = SmallVec::from_elem(0, shape.len());
        for (d, &size) in self.shape.iter().enumerate() {
            if size == shape[new + d] {
                strides[new + d] = self.strides[d];
            } else if size != 1 {
                return None;
            }
        }
        Some(Layout::from_parts(shape.into(), strides, self.offset))
    }

    /// The same, `by` elements further on.
    pub(crate) fn moved(&self, by: usize) -> Layout {
        Layout { offset: self.offset + by, ..self.clone() }
    }

    /// Takes `strides` and `shape` as they are, at the same offset.
    pub(crate) fn with(&self, shape: Shape, strides: Shape) -> Layout {
        Layout::from_parts(shape, strides, self.offset)
    }

    /// Calls `f(first, stride, len)` for every row of the last dimension, in row-major order. Neighbouring
    /// dimensions that lie evenly in memory count as one, so rows are as long as they can be.
    pub fn rows(&self, mut f: impl FnMut(usize, usize, usize)) {
        if self.numel == 0 {
            return;
        }
        let mut dims: SmallVec<[(usize, usize); 4]> = SmallVec::new();
        for (&size, &stride) in self.shape.iter().zip(&self.strides) {
            match dims.last_mut() {
                _ if size == 1 => {}
                Some((last, last_stride)) if *last_stride == size * stride => {
                    *last *= size;
                    *last_stride = stride;
                }
                _ => dims.push((size, stride)),
            }
        }
        let (len, stride) = dims.pop().unwrap_or((1, 1));
        let outer: Shape = dims.iter().map(|d| d.0).collect();
        let mut index: Shape = SmallVec::from_elem(0, outer.len());
        let mut first = self.offset;
        loop {
            f(first, stride, len);
            let mut d = outer.len();
            loop {
                if d == 0 {
                    return;
                }
                d -= 1;
                index[d] += 1;
                first += dims[d].1;
                if index[d] < outer[d] {
                    break;
                }
                first -= dims[d].1 * outer[d];
                index[d] = 0;
            }
        }
    }
}

/// A dimension counted from the front, or from the back if negative.
#[track_caller]
pub fn normalize_dim(op: &'static str, dim: isize, rank: usize) -> Result<usize> {
    let limit = rank.max(1) as isize;
    if dim < -limit || dim >= limit {
        return Err(Error::dim_out_of_range(op, dim, rank));
    }
    Ok(if dim < 0 { dim + limit } else { dim } as usize)
}

/// The common shape of two operands: aligned at the back, each size equal or 1. `None` if there is none.
pub fn broadcast(x: &[usize], y: &[usize]) -> Option<Shape> {
    let (long, short) = if x.len() >= y.len() { (x, y) } else { (y, x) };
    let mut shape: Shape = long.into();
    let new = long.len() - short.len();
    for (size, &other) in shape[new..].iter_mut().zip(short) {
        if *size == 1 {
            *size = other;
        } else if other != 1 && other != *size {
            return None;
        }
    }
    Some(shape)
}

/// One or several whole numbers: the sizes of a shape, or dimensions. Anything that reads naturally is accepted:
/// `3`, `[2, 3]`, `&shape`, `vec![2, 3]`, `()`.
pub trait Ints {
    /// The numbers.
    fn ints(&self) -> SmallVec<[i64; 4]>;
}

impl Ints for () {
    fn ints(&self) -> SmallVec<[i64; 4]> {
        SmallVec::new()
    }
}

impl<I: Ints + ?Sized> Ints for &I {
    fn ints(&self) -> SmallVec<[i64; 4]> {
        (**self).ints()
    }
}

macro_rules! ints {
    ($($type:ty)*) => {$(
        impl Ints for $type {
            fn ints(&self) -> SmallVec<[i64; 4]> {
                // A size beyond i64 cannot be allocated; saturating keeps it that way.
                SmallVec::from_elem(i64::try_from(*self).unwrap_or(i64::MAX), 1)
            }
        }
        impl<const N: usize> Ints for [$type; N] {
            fn ints(&self) -> SmallVec<[i64; 4]> {
                self.as_slice().ints()
            }
        }
        impl Ints for [$type] {
            fn ints(&self) -> SmallVec<[i64; 4]> {
                self.iter().map(|&x| i64::try_from(x).unwrap_or(i64::MAX)).collect()
            }
        }
        impl Ints for Vec<$type> {
            fn ints(&self) -> SmallVec<[i64; 4]> {
                self.as_slice().ints()
            }
        }
    )*};
}
ints!(i32 i64 isize usize);

impl Ints for Shape {
    fn ints(&self) -> SmallVec<[i64; 4]> {
        self.as_slice().ints()
    }
}

/// Sizes from whole numbers, none of them negative.
#[track_caller]
pub(crate) fn sizes(op: &'static str, shape: impl Ints) -> Result<Shape> {
    let ints = shape.ints();
    match ints.iter().map(|&n| usize::try_from(n).ok()).collect() {
        Some(sizes) => Ok(sizes),
        None => Err(Error::shape(op, format!("sizes cannot be negative, found {ints:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_matrix_cannot_be_flattened_without_a_copy() {
        let l = Layout::contiguous("test", &[2, 3]).unwrap().permute(&[1, 0]);
        assert_eq!(l.reshape(&[6]), None);
        assert_eq!(l.reshape(&[3, 1, 2]).unwrap().strides()[0], 1);
    }

    #[test]
    fn rows_merge_what_lies_evenly() {
        let l = Layout::contiguous("test", &[2, 3, 4]).unwrap();
        let mut seen = vec![];
        l.rows(|first, stride, len| seen.push((first, stride, len)));
        assert_eq!(seen, [(0, 1, 24)]);
        seen.clear();
        l.slice(2, 1, 2, 1).rows(|first, stride, len| seen.push((first, stride, len)));
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[1], (5, 1, 2));
    }

    #[test]
    fn sizes_that_overflow_are_refused() {
        assert!(Layout::contiguous("zeros", &[1 << 40, 1 << 40]).is_err());
        assert!(Layout::contiguous("zeros", &[0, 1 << 62, 4]).is_err());
    }
}

//! What the reductions share: which dimensions disappear ([`Plan`]), and where the elements that become one number
//! stand ([`Groups`]).
//!
//! Elements are visited in the order of memory, whatever dimensions disappear: no reduction of a dense tensor, or of a
//! transposed one, copies it first. Accumulators are added to in an order that depends on the shape alone.

use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::layout::{Ints, Shape};
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ops::Range;

/// Dimensions of what is reduced along some of them: PyTorch's limit.
const MOST: usize = 64;

/// Which dimensions disappear, and the shapes with and without them.
pub(crate) struct Plan {
    /// In ascending order.
    pub(crate) dims: Shape,
    /// With size 1 where a dimension was reduced.
    pub(crate) kept: Shape,
    /// What the result has.
    pub(crate) out: Shape,
}

impl Plan {
    /// No dimension at all means every one.
    #[track_caller]
    pub(crate) fn new(op: &'static str, x: &Tensor, dims: impl Ints, keepdim: bool) -> Result<Plan> {
        if x.dim() > MOST {
            return Err(Error::dim(op, format!("expected at most {MOST} dimensions, found {}", x.dim())));
        }
        let mut list: Shape = Shape::new();
        for d in dims.ints() {
            list.push(x.layout.dim(op, d as isize)?);
        }
        if list.is_empty() {
            list.extend(0..x.dim());
        }
        list.sort_unstable();
        if let Some(twice) = list.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::dim(op, format!("dimension {} appears twice in the list", twice[0])));
        }
        list.retain(|d| *d < x.dim());
        Ok(Plan::of(x, list, keepdim))
    }

    /// Every dimension.
    pub(crate) fn all(x: &Tensor) -> Plan {
        Plan::of(x, (0..x.dim()).collect(), false)
    }

    fn of(x: &Tensor, dims: Shape, keepdim: bool) -> Plan {
        let mut kept: Shape = x.shape().into();
        dims.iter().for_each(|&d| kept[d] = 1);
        let out = if keepdim {
            kept.clone()
        } else {
            (0..x.dim()).filter(|d| !dims.contains(d)).map(|d| x.shape()[d]).collect()
        };
        Plan { dims, kept, out }
    }

    /// How many elements become one.
    pub(crate) fn count(&self, x: &Tensor) -> usize {
        self.dims.iter().map(|&d| x.shape()[d]).product()
    }

    /// An error if nothing would become one: there is no largest of nothing.
    #[track_caller]
    pub(crate) fn something(&self, op: &'static str, x: &Tensor) -> Result<()> {
        if self.count(x) == 0 {
            return Err(Error::shape(op, format!("shape {:?} leaves nothing to choose from", x.shape())));
        }
        Ok(())
    }

    /// `x` as `(kept…, all that disappears)`: a view if it can be one.
    pub(crate) fn at_the_back(&self, x: &Tensor) -> Result<Tensor> {
        let rest = (0..x.dim()).filter(|d| !self.dims.contains(d));
        let order: Shape = rest.chain(self.dims.iter().copied()).collect();
        let mut shape: Shape = order.iter().map(|&d| x.shape()[d]).collect();
        shape.truncate(x.dim() - self.dims.len());
        shape.push(self.count(x));
        x.permute(&order)?.reshape(shape)
    }

    /// The reverse of [`at_the_back`](Plan::at_the_back), for a tensor of the shape that it gave.
    pub(crate) fn back_in_place(&self, y: &Tensor, shape: &[usize]) -> Result<Tensor> {
        let rest = (0..shape.len()).filter(|d| !self.dims.contains(d));
        let order: Shape = rest.chain(self.dims.iter().copied()).collect();
        let mut inverse: Shape = order.clone();
        order.iter().enumerate().for_each(|(i, &d)| inverse[d] = i);
        y.reshape(order.iter().map(|&d| shape[d]).collect::<Shape>())?.permute(&inverse)
    }
}

/// How a block of elements is to be reduced.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Side {
    /// It is a matrix `(rows, accumulators)`: each row meets all accumulators.
    Rows,
    /// It is a matrix `(accumulators, columns)`: each row goes into one accumulator.
    Columns,
}

/// The elements of a tensor in the order of memory, in blocks that meet a range of accumulators each.
pub(crate) struct Groups<'a, T: Element> {
    plan: &'a Plan,
    values: Cow<'a, [T]>,
    /// The dimensions as they lie in memory.
    order: Shape,
    /// The dimensions around a block: their size, and how far apart the accumulators are; 0 if they disappear.
    outer: SmallVec<[(usize, usize); 4]>,
    /// Elements of a block.
    block: usize,
    /// Accumulators of a block.
    width: usize,
    side: Side,
    len: usize,
}

impl<'a, T: Element> Groups<'a, T> {
    pub(crate) fn of(plan: &'a Plan, x: &'a Tensor) -> Self {
        let mut order: Shape = (0..x.dim()).collect();
        let values = if x.is_contiguous() {
            x.values()
        } else {
            let strides = x.layout.strides();
            order.sort_by_key(|&d| std::cmp::Reverse(strides[d]));
            if x.layout.permute(&order).is_contiguous() {
                let first = x.layout.offset();
                Cow::Borrowed(&x.raw()[first..first + x.numel()])
            } else {
                order.sort_unstable();
                x.values()
            }
        };
        // Neighbours of the same fate count as one.
        let mut merged: SmallVec<[(usize, bool); 4]> = SmallVec::new();
        for &d in &order {
            let (size, reduced) = (x.shape()[d], plan.dims.contains(&d));
            match merged.last_mut() {
                _ if size == 1 => {}
                Some(last) if last.1 == reduced => last.0 *= size,
                _ => merged.push((size, reduced)),
            }
        }
        let (last, reduced) = merged.pop().unwrap_or((1, true));
        let before = merged.pop().map_or(1, |group| group.0);
        let (side, width) = if reduced { (Side::Columns, before) } else { (Side::Rows, last) };
        let mut len = width;
        let mut outer: SmallVec<[(usize, usize); 4]> = merged
            .iter()
            .rev()
            .map(|&(size, reduced)| {
                let step = if reduced { 0 } else { len };
                len *= if reduced { 1 } else { size };
                (size, step)
            })
            .collect();
        outer.reverse();
        let len = plan.out.iter().product::<usize>();
        Groups { plan, values, order, outer, block: last * before, width, side, len }
    }

    /// How many numbers come out.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Shows every block, and which accumulators it meets, in an order that only the shape decides.
    pub(crate) fn each(&self, mut f: impl FnMut(Range<usize>, &[T], Side)) {
        if self.values.is_empty() {
            return;
        }
        for (i, block) in self.values.chunks_exact(self.block).enumerate() {
            let (mut rest, mut first) = (i, 0);
            for &(size, step) in self.outer.iter().rev() {
                first += rest % size * step;
                rest /= size;
            }
            f(first..first + self.width, block, self.side);
        }
    }

    /// The accumulators as the result of the reduction.
    pub(crate) fn tensor<U: Element>(&self, values: Buffer<U>) -> Tensor {
        let kept: Shape = self.order.iter().copied().filter(|d| !self.plan.dims.contains(d)).collect();
        if kept.is_sorted() {
            return Tensor::new(values, dense(&self.plan.out));
        }
        // They lie as their dimensions do in the memory of the input.
        let mut sorted = kept.clone();
        sorted.sort_unstable();
        let inverse: Shape = sorted.iter().filter_map(|d| kept.iter().position(|k| k == d)).collect();
        let sizes: Shape = kept.iter().map(|&d| self.plan.kept[d]).collect();
        let view = Tensor::new(values, dense(&sizes));
        let view = view.with_layout(view.layout.permute(&inverse));
        Tensor::new(Buffer::from(view.values::<U>().into_owned()), dense(&self.plan.out))
    }
}

/// Lets every element of a block meet its accumulator: a plain loop, for what has no kernel.
pub(crate) fn fold<A: Copy, T: Copy>(sums: &mut [A], block: &[T], side: Side, f: impl Fn(A, T) -> A + Copy) {
    match side {
        Side::Rows => {
            for row in block.chunks_exact(sums.len()) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = f(*sum, x));
            }
        }
        Side::Columns => {
            let rows = block.chunks_exact(block.len() / sums.len());
            sums.iter_mut()
                .zip(rows)
                .for_each(|(sum, row)| *sum = row.iter().fold(*sum, |sum, &x| f(sum, x)));
        }
    }
}

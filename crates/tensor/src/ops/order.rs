//! What sorts, extremes and medians share: a key that orders elements as PyTorch does, and the gradient of elements
//! that were chosen by index.

use super::lanes::Lanes;
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::SharedLayout;
use crate::storage::with_element;
use crate::tensor::Tensor;

/// A number that grows as the element does: −∞ < … < −0 = 0 < … < ∞ < NaN, and all NaN equal.
#[inline(always)]
pub(crate) fn key<T: Element>(x: T) -> u64 {
    const SIGN: u64 = 1 << 63;
    if T::DTYPE == DType::I64 {
        return x.to_i64() as u64 ^ SIGN;
    }
    // −0 + 0 is 0.
    let x = x.to_f64() + 0.0;
    let bits = x.to_bits();
    if x.is_nan() {
        u64::MAX
    } else if bits & SIGN == 0 {
        bits | SIGN
    } else {
        !bits
    }
}

/// A number that grows as the element is larger, or smaller; NaN is more extreme than any number.
#[inline(always)]
pub(crate) fn extremity<T: Element>(x: T, largest: bool) -> u64 {
    let key = key(x);
    if largest || x.to_f64().is_nan() { key } else { !key }
}

/// Elements of `dim` that an index has chosen: the gradient goes to them and to no other.
struct Chosen {
    name: &'static str,
    dim: isize,
    /// With `dim`, be it of size 1.
    index: Tensor,
    input: SharedLayout,
}

impl Op for Chosen {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let grad = grad.reshape(self.index.shape())?;
            Tensor::full(self.input.shape(), 0.0, grad.dtype())?.scatter_add(self.dim, &self.index, &grad)
        })
    }
}

impl Tensor {
    /// The elements that `index`, which is within range and of this shape elsewhere, names along `dim`; and the index.
    /// Without `keepdim`, `dim` has one of them and disappears.
    #[track_caller]
    pub(crate) fn chosen(
        &self,
        name: &'static str,
        dim: usize,
        index: &Tensor,
        keepdim: bool,
    ) -> Result<(Tensor, Tensor)> {
        let Lanes { size, inner, .. } = Lanes::of(self.shape(), dim);
        let block = Lanes::of(index.shape(), dim).size * inner;
        let short = if keepdim { index.clone() } else { index.squeeze_dim(dim)? };
        let values = with_element!(self.dtype(), T => {
            let (x, rows) = (self.values::<T>(), index.values::<i64>());
            let at = |(i, &row): (usize, &i64)| x[(i / block * size + row as usize) * inner + i % inner];
            Tensor::new(rows.iter().enumerate().map(at).collect(), short.dense_layout())
        });
        let op = Chosen { name, dim: dim as isize, index: index.detach(), input: self.layout.clone() };
        Ok((values.record(op, &[self]), short))
    }
}

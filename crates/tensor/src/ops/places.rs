//! Reading and writing at places: the three operations of which everything that takes an index is made.
//!
//! A place is the position of an element in a dense tensor, in row-major order. Whoever indexes (`gather`, `scatter`,
//! `i(..)`, masks, …) computes places and leaves the rest, gradients included, to these.
//!
//! | | value | gradient of `x` | gradient of `src` |
//! |---|---|---|---|
//! | read | `y[i] = x[places[i]]` | zeros, `+=` at places | |
//! | add | `y = x; y[places[i]] += src[i]` | `∂y` | read |
//! | write | `y = x; y[places[i]] = src[i]` | `∂y`, zero at places | read |

use super::strided::plus;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Layout, SharedLayout};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};
use std::sync::Arc;

/// Positions in a dense tensor.
pub(crate) type Places = Arc<[usize]>;

/// The places that a part of a dense tensor covers.
pub(crate) fn places_of(part: &Layout) -> Places {
    let mut places = Vec::with_capacity(part.numel());
    part.rows(|first, stride, len| places.extend((0..len).map(|i| first + i * stride)));
    places.into()
}

/// An integer index as a place in a dimension of `size`, negative ones counted from the back.
#[inline]
pub(crate) fn place(index: i64, size: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(size).ok()?)? } else { index };
    usize::try_from(index).ok().filter(|&i| i < size)
}

/// [`place`] for each of these indices of dimension `dim`.
#[track_caller]
pub(crate) fn places_in(op: &'static str, index: &Tensor, dim: usize, size: usize) -> Result<Places> {
    let mut places = Vec::with_capacity(index.numel());
    for &i in index.values::<i64>().iter() {
        match place(i, size) {
            Some(place) => places.push(place),
            None => return Err(out_of_range(op, i, dim, size)),
        }
    }
    Ok(places.into())
}

/// Refuses an index that is not int64.
#[track_caller]
pub(crate) fn check_index(op: &'static str, index: &Tensor) -> Result<()> {
    if index.dtype() != DType::I64 {
        return Err(Error::dtype(op, format!("the index must be int64, found {}", index.dtype())));
    }
    Ok(())
}

#[cold]
#[track_caller]
pub(crate) fn out_of_range(op: &'static str, index: i64, dim: usize, size: usize) -> Error {
    Error::index(op, format!("index {index} is out of range for dimension {dim} with size {size}"))
}

/// Refuses a source of another type than the target's.
#[track_caller]
pub(crate) fn same_type(op: &'static str, target: &Tensor, source: &Tensor) -> Result<()> {
    if source.dtype() == target.dtype() {
        return Ok(());
    }
    Err(Error::dtype(
        op,
        format!(
            "the source is {}, the target {}; convert with .to(DType::…)",
            source.dtype(),
            target.dtype()
        ),
    ))
}

impl Tensor {
    /// The elements at `places`, one for each element of `layout`.
    #[track_caller]
    pub(crate) fn read(&self, name: &'static str, places: &Places, layout: SharedLayout) -> Tensor {
        let out = with_element!(self.dtype(), T => {
            let x = self.values::<T>();
            Tensor::new(places.iter().map(|&p| x[p]).collect(), layout)
        });
        out.record(Read { name, places: Arc::clone(places), input: self.layout.clone() }, &[self])
    }

    /// Zeros in the shape of `whole`, to which these elements are added at `places`: the reverse of `read`.
    #[track_caller]
    fn unread(&self, name: &'static str, places: &Places, whole: &Layout) -> Result<Tensor> {
        let layout = Layout::contiguous(name, whole.shape())?;
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(layout.numel());
            for (&p, &v) in places.iter().zip(self.values::<T>().iter()) {
                out[p] = plus(out[p], v);
            }
            Tensor::new(out, layout.into())
        });
        let op = Unread { name, places: Arc::clone(places), input: self.layout.clone() };
        Ok(out.record(op, &[self]))
    }

    /// This tensor with the elements of `src`, of the same type and as many as there are places, added to it.
    #[track_caller]
    pub(crate) fn add_at(&self, name: &'static str, places: &Places, src: &Tensor) -> Result<Tensor> {
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            for (&p, &v) in places.iter().zip(src.values::<T>().iter()) {
                out[p] = plus(out[p], v);
            }
            Tensor::new(out, self.dense_layout())
        });
        let op = AddAt { name, places: Arc::clone(places), src: src.layout.clone() };
        Ok(out.record(op, &[self, src]))
    }

    /// This tensor with the elements of `src`, of the same type and as many as there are places, instead of its own.
    /// Where a place is named several times, the last one stays (and all get its gradient, as in PyTorch).
    #[track_caller]
    pub(crate) fn write_at(&self, name: &'static str, places: &Places, src: &Tensor) -> Result<Tensor> {
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            for (&p, &v) in places.iter().zip(src.values::<T>().iter()) {
                out[p] = v;
            }
            Tensor::new(out, self.dense_layout())
        });
        let op = WriteAt { name, places: Arc::clone(places), src: src.layout.clone() };
        Ok(out.record(op, &[self, src]))
    }
}

struct Read {
    name: &'static str,
    places: Places,
    input: SharedLayout,
}

impl Op for Read {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.unread(self.name, &self.places, &self.input))
    }
}

struct Unread {
    name: &'static str,
    places: Places,
    input: SharedLayout,
}

impl Op for Unread {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.read(self.name, &self.places, dense(self.input.shape()))))
    }
}

struct AddAt {
    name: &'static str,
    places: Places,
    src: SharedLayout,
}

impl Op for AddAt {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| match i {
            0 => Ok(grad.clone()),
            _ => Ok(grad.read(self.name, &self.places, dense(self.src.shape()))),
        })
    }
}

struct WriteAt {
    name: &'static str,
    places: Places,
    src: SharedLayout,
}

impl Op for WriteAt {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| match i {
            0 => {
                let zeros = Tensor::scalar(0.0, grad.dtype()).expand(self.places.len())?;
                grad.write_at(self.name, &self.places, &zeros)
            }
            _ => Ok(grad.read(self.name, &self.places, dense(self.src.shape()))),
        })
    }
}

/// The cases by which the operations above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    fn often() -> Places {
        Places::from([0, 4, 4, 1])
    }
    fn once() -> Places {
        Places::from([3, 5, 0, 1])
    }
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let src = || float64([[0.3, 0.5], [1.0, -0.7]]);
    vec![
        case("read", |x| Ok(x[0].read("Index", &often(), dense(&[2, 2])).sin()), vec![x()]),
        case("unread", |x| Ok(x[0].sin().unread("Index", &often(), &dense(&[2, 3]))?.sin()), vec![src()]),
        case("add_at", |x| Ok(x[0].add_at("Put", &often(), &x[1])?.sin()), vec![x(), src()]),
        case("write_at", |x| Ok(x[0].write_at("Put", &once(), &x[1])?.sin()), vec![x(), src()]),
        case(
            "write_at of transposed tensors",
            |x| Ok(x[0].t()?.write_at("Put", &once(), &x[1].t()?)?.sin()),
            vec![x(), src()],
        ),
    ]
}

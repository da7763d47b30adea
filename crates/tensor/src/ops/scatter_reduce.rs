//! Sums, products, means and extremes of what is scattered to one place.
//!
//! ```
//! use tensor::{Reduce, tensor, zeros};
//! let segment = tensor([0, 0, 1, 1, 1]);
//! let x = tensor([1.0, 3.0, 5.0, 2.0, 8.0]);
//! let means = zeros([2])?.scatter_reduce(0, &segment, &x, Reduce::Mean, false)?;
//! assert_eq!(means.to_string(), "tensor([2., 5.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::gather::{places_along, used_part};
use super::places::{Places, same_type};
use super::strided::plus;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_element};
use crate::tensor::{Tensor, dense};
use std::sync::Arc;

/// What becomes of several numbers that go to one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    /// Their sum.
    Sum,
    /// Their product.
    Prod,
    /// Their mean; of integers, rounded down.
    Mean,
    /// The largest; NaN wins. Ties share the gradient.
    Amax,
    /// The smallest; NaN wins. Ties share the gradient.
    Amin,
}

impl Tensor {
    /// Reduces the elements of `src` that go to one place of `self`, as [`scatter`](Tensor::scatter) would put them,
    /// together with what stands there, or, without `include_self`, instead of it. Places that nothing goes to stay.
    ///
    /// # Errors
    /// As [`scatter`](Tensor::scatter).
    #[doc(alias = "torch.scatter_reduce")]
    #[track_caller]
    pub fn scatter_reduce(
        &self,
        dim: isize,
        index: &Tensor,
        src: &Tensor,
        reduce: Reduce,
        include_self: bool,
    ) -> Result<Tensor> {
        let dim = self.layout.dim("scatter_reduce", dim)?;
        let places = places_along("scatter_reduce", self, dim, index)?;
        same_type("scatter_reduce", self, src)?;
        self.reduce_at("ScatterReduce", &places, &used_part("scatter_reduce", index, src)?, reduce, include_self)
    }

    /// Reduces slice `i` of `source` with the slice of `self` that `index[i]` names, or, without `include_self`,
    /// instead of it.
    ///
    /// # Errors
    /// As [`index_add`](Tensor::index_add).
    #[doc(alias = "torch.Tensor.index_reduce")]
    #[track_caller]
    pub fn index_reduce(
        &self,
        dim: isize,
        index: &Tensor,
        source: &Tensor,
        reduce: Reduce,
        include_self: bool,
    ) -> Result<Tensor> {
        let (d, _) = self.check_rows("index_reduce", dim, index, source)?;
        let mut ones: Shape = source.shape().iter().map(|_| 1).collect();
        if let Some(size) = ones.get_mut(d) {
            *size = index.numel();
        }
        let index = index.reshape(ones)?.expand(source.shape())?;
        let places = places_along("index_reduce", self, d, &index)?;
        self.reduce_at("IndexReduce", &places, source, reduce, include_self)
    }

    #[track_caller]
    fn reduce_at(
        &self,
        name: &'static str,
        places: &Places,
        src: &Tensor,
        reduce: Reduce,
        include_self: bool,
    ) -> Result<Tensor> {
        if reduce == Reduce::Sum && include_self {
            return self.add_at(name, places, src);
        }
        let out = with_element!(self.dtype(), T => {
            let mut out = Buffer::<T>::from(self.to_vec::<T>()?);
            fold_at(&mut out, places, &src.values::<T>(), reduce, include_self);
            Tensor::new(out, self.dense_layout())
        });
        let op = ReduceAt { name, reduce, include_self, places: Arc::clone(places) };
        Ok(out.record(op, &[self, src]))
    }

    /// How many numbers there are for each place of a tensor like this, as its own type; at least one.
    fn counts(&self, places: &Places, include_self: bool) -> Tensor {
        let mut counts = vec![f64::from(u8::from(include_self)); self.numel()];
        places.iter().for_each(|&p| counts[p] += 1.0);
        let counts = counts.iter().map(|n| n.max(1.0)).collect::<Vec<f64>>();
        Tensor::new(Buffer::from(counts), dense(self.shape())).to(self.dtype())
    }
}

/// The elements of `src`, in order, with what stands at their places.
fn fold_at<T: Element>(out: &mut [T], places: &[usize], src: &[T], reduce: Reduce, include_self: bool) {
    let mut seen = vec![include_self; out.len()];
    let mut counts = vec![i64::from(include_self); if reduce == Reduce::Mean { out.len() } else { 0 }];
    for (&p, &v) in places.iter().zip(src) {
        out[p] = if seen[p] { combine(reduce, out[p], v) } else { v };
        seen[p] = true;
        if reduce == Reduce::Mean {
            counts[p] += 1;
        }
    }
    for (x, &n) in out.iter_mut().zip(&counts).filter(|(_, n)| **n > 1) {
        *x = match T::DTYPE {
            DType::F32 | DType::F64 => T::from_f64(x.to_f64() / n as f64),
            _ => T::from_i64(x.to_i64().div_euclid(n)),
        };
    }
}

fn combine<T: Element>(reduce: Reduce, x: T, y: T) -> T {
    let integers = T::DTYPE == DType::I64;
    let wins = |larger: bool| {
        let y_larger = if integers { y.to_i64() > x.to_i64() } else { y.to_f64() > x.to_f64() };
        let equal = y == x;
        y.to_f64().is_nan() || !x.to_f64().is_nan() && !equal && y_larger == larger
    };
    match reduce {
        Reduce::Sum | Reduce::Mean => plus(x, y),
        Reduce::Prod if integers => T::from_i64(x.to_i64().wrapping_mul(y.to_i64())),
        Reduce::Prod => T::from_f64(x.to_f64() * y.to_f64()),
        Reduce::Amax => if wins(true) { y } else { x },
        Reduce::Amin => if wins(false) { y } else { x },
    }
}

/// The gradients are those of PyTorch's `scatter_reduce_backward`.
struct ReduceAt {
    name: &'static str,
    reduce: Reduce,
    include_self: bool,
    places: Places,
}

impl ReduceAt {
    /// What each number gets of the gradient that arrives at its place: `(self, src)`.
    fn shares(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let (x, src) = (ctx.input(0)?, ctx.input(1)?);
        let read = |t: &Tensor| t.read(self.name, &self.places, dense(src.shape()));
        match self.reduce {
            Reduce::Sum => Ok((grad.clone(), read(grad))),
            Reduce::Mean => {
                let share = grad.div(&x.counts(&self.places, self.include_self))?;
                Ok((share.clone(), read(&share)))
            }
            Reduce::Amax | Reduce::Amin => {
                let y = ctx.output()?.detach();
                let mine = x.detach().eq(&y)?.to(grad.dtype());
                let theirs = src.detach().eq(&read(&y))?.to(grad.dtype());
                let own = if self.include_self { mine.clone() } else { mine.zeros_like() };
                let winners = own.add_at(self.name, &self.places, &theirs)?.maximum(1.0)?;
                let share = grad.div(&winners)?;
                Ok((share.mul(&mine)?, read(&share).mul(&theirs)?))
            }
            Reduce::Prod => self.products(&x, &src, grad),
        }
    }

    /// The slope of a product is the product of all the others, also where one of them is zero.
    fn products(&self, x: &Tensor, src: &Tensor, grad: &Tensor) -> Result<(Tensor, Tensor)> {
        let read = |t: &Tensor| t.read(self.name, &self.places, dense(src.shape()));
        let ones = x.ones_like();
        let of_sources = ones.reduce_at(self.name, &self.places, src, Reduce::Prod, true)?;
        let own = grad.mul(&of_sources)?;
        // What stands there is a factor only if it is included, else the gradient passes it by.
        let factor = if self.include_self { x.clone() } else { ones };
        let zero = src.detach().eq(0.0)?;
        let grad = read(&grad.mul(&factor)?);
        if !zero.any_dim((), false)?.values::<bool>()[0] {
            return Ok((own, grad.mul(&read(&of_sources))?.div(src)?));
        }
        // Where a zero is among them, the others are multiplied one by one: a row of them for each element, filled up
        // with ones.
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by_key(|&i| self.places[i]);
        let is_zero = zero.values::<bool>();
        let groups: Vec<&[usize]> = order
            .chunk_by(|&i, &j| self.places[i] == self.places[j])
            .filter(|group| group.iter().any(|&i| is_zero[i]))
            .collect();
        let width = groups.iter().map(|group| group.len()).max().unwrap_or(1);
        let one = src.numel();
        let rows: Places = groups.iter().flat_map(|group| group.iter().copied()).collect();
        Layout::contiguous(self.name, &[rows.len(), width])?;
        let others: Places = groups
            .iter()
            .flat_map(|group| group.iter().map(move |i| (group, i)))
            .flat_map(|(group, i)| {
                let others = group.iter().filter(move |j| *j != i).copied();
                others.chain(std::iter::repeat(one)).take(width)
            })
            .collect();
        let sources = crate::cat(&[&src.ravel(), &Tensor::full(1, 1.0, src.dtype())?], 0)?;
        let products = sources.read(self.name, &others, dense(&[rows.len(), width])).prod_dim(-1, false)?;
        let quotients = read(&of_sources).div(&src.masked_fill(&zero, 1.0)?)?;
        Ok((own, grad.mul(&quotients.write_at(self.name, &rows, &products)?)?))
    }
}

impl Op for ReduceAt {
    fn name(&self) -> &'static str {
        self.name
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let (own, theirs) = self.shares(ctx, grad)?;
        ctx.grads(|i| match i {
            0 if self.include_self => Ok(own.clone()),
            0 => {
                let zeros = Tensor::scalar(0.0, grad.dtype()).expand(self.places.len())?;
                own.write_at(self.name, &self.places, &zeros)
            }
            _ => Ok(theirs.clone()),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    fn at(x: &[Tensor], reduce: Reduce, include_self: bool) -> Result<Tensor> {
        let index = tensor([[0, 0, 0, 2], [1, 0, 1, 1]]);
        Ok(x[0].scatter_reduce(1, &index, &x[1], reduce, include_self)?.sin())
    }
    let two = || {
        vec![
            float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]),
            float64([[0.3, 0.5, -0.8, 1.1], [1.0, -0.7, 0.6, -1.4]]),
        ]
    };
    let zeros = || {
        vec![
            float64([[0.4, -1.3, 2.0], [0.1, 0.0, -0.9]]),
            float64([[0.0, 0.5, -0.8, 0.0], [1.0, -0.7, 0.0, 0.0]]),
        ]
    };
    vec![
        case("scatter_reduce, sum", |x| at(x, Reduce::Sum, false), two()),
        case("scatter_reduce, mean", |x| at(x, Reduce::Mean, true), two()),
        case("scatter_reduce, mean without self", |x| at(x, Reduce::Mean, false), two()),
        case("scatter_reduce, prod", |x| at(x, Reduce::Prod, true), two()),
        case("scatter_reduce, prod without self", |x| at(x, Reduce::Prod, false), two()),
        case("scatter_reduce, prod with zeros", |x| at(x, Reduce::Prod, true), zeros()),
        case("scatter_reduce, amax", |x| at(x, Reduce::Amax, true), two()),
        case("scatter_reduce, amin without self", |x| at(x, Reduce::Amin, false), two()),
        case(
            "index_reduce",
            |x| Ok(x[0].index_reduce(1, &tensor([2, 0, 2, 0]), &x[1], Reduce::Prod, true)?.sin()),
            two(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Reduce, grad, tensor};

    #[test]
    fn integers_and_nan() {
        let index = tensor([0, 0, 1, 1, 1]);
        let x = tensor([7, 9]);
        let src = tensor([-3, 4, 5, 1, 1]);
        let reduce = |how, own| x.scatter_reduce(0, &index, &src, how, own).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(reduce(Reduce::Mean, false), [0, 2]);
        assert_eq!(reduce(Reduce::Mean, true), [2, 4]);
        assert_eq!(reduce(Reduce::Amax, true), [7, 9]);
        assert_eq!(reduce(Reduce::Amin, false), [-3, 1]);
        assert_eq!(reduce(Reduce::Prod, true), [-84, 45]);
        let y = tensor([0.0]).scatter_reduce(0, &tensor([0, 0]), &tensor([f64::NAN, 1.0]), Reduce::Amax, true);
        assert!(y.unwrap().item().unwrap().is_nan());
    }

    #[test]
    fn ties_share_and_what_is_not_included_gets_nothing() {
        let x = tensor([2.0, 5.0]).requires_grad();
        let src = tensor([2.0, 2.0]).requires_grad();
        let index = tensor([0, 0]);
        let y = x.scatter_reduce(0, &index, &src, Reduce::Amax, true).unwrap().sum();
        let grads = grad(&y, &[&x, &src]).unwrap();
        assert_eq!(grads[0].to_string(), "tensor([0.3333, 1.0000])");
        assert_eq!(grads[1].to_string(), "tensor([0.3333, 0.3333])");
        let y = x.scatter_reduce(0, &index, &src, Reduce::Amax, false).unwrap().sum();
        let grads = grad(&y, &[&x, &src]).unwrap();
        assert_eq!(grads[0].to_string(), "tensor([0., 1.])");
        assert_eq!(grads[1].to_string(), "tensor([0.5000, 0.5000])");
    }
}

//! Running results along one dimension: sums, products, extremes, `logsumexp`; and differences, their reverse.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([1.0, 2.0, 4.0]);
//! assert_eq!(x.cumsum(0)?.to_string(), "tensor([1., 3., 7.])");
//! assert_eq!(x.diff(1, 0)?.to_string(), "tensor([1., 2.])");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! The gradients of `cumprod` and `logcumsumexp` are linear recurrences `sᵢ = bᵢ + aᵢ·sᵢ₋₁`, whose gradient is such a
//! recurrence again, run the other way: linear time, no division, any order of derivative.

use super::join::cat;
use super::lanes::Lanes;
use super::order::extremity;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::Shape;
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::{Tensor, dense};

/// Walks along each lane of a dense tensor, forwards or `reverse`: `step` goes from one state to the next at the
/// element with the given place, and `value` is what is written there.
fn scan<A: Copy, U: Element>(
    lanes: Lanes,
    reverse: bool,
    start: A,
    step: impl Fn(A, usize) -> A,
    value: impl Fn(A) -> U,
) -> Buffer<U> {
    let Lanes { outer, size, inner } = lanes;
    let mut out = Buffer::zeros(outer * size * inner);
    if inner == 1 {
        // A single state, which stays in a register.
        for (o, out) in out.chunks_exact_mut(size.max(1)).enumerate() {
            let mut state = start;
            for d in 0..size {
                let d = if reverse { size - 1 - d } else { d };
                state = step(state, o * size + d);
                out[d] = value(state);
            }
        }
        return out;
    }
    let mut states = vec![start; inner];
    for first in (0..outer).map(|o| o * size * inner) {
        states.fill(start);
        for d in 0..size {
            let row = first + if reverse { size - 1 - d } else { d } * inner;
            for (i, (state, out)) in states.iter_mut().zip(&mut out[row..row + inner]).enumerate() {
                *state = step(*state, row + i);
                *out = value(*state);
            }
        }
    }
    out
}

struct Cumsum {
    dim: usize,
    reverse: bool,
}

impl Op for Cumsum {
    fn name(&self) -> &'static str {
        "Cumsum"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.running_sums(self.dim, !self.reverse)))
    }
}

/// `∂xᵢ = Σ_{k≥i} ∂yₖ · Π_{j≤k, j≠i} xⱼ`: the product of all before, times `sᵢ = ∂yᵢ + xᵢ₊₁·sᵢ₊₁`.
struct Cumprod {
    dim: usize,
    reverse: bool,
}

impl Op for Cumprod {
    fn name(&self) -> &'static str {
        "Cumprod"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let Cumprod { dim, reverse } = *self;
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let after = Recurrence { dim, reverse: !reverse, own: false }.run(&x, grad);
            x.products_before(dim as isize, reverse)?.mul(&after)
        })
    }
}

/// `∂xᵢ = Σ_{k≥i} ∂yₖ · e^(xᵢ − yₖ) = e^(xᵢ − yᵢ)·sᵢ` with `sᵢ = ∂yᵢ + e^(yᵢ − yᵢ₊₁)·sᵢ₊₁`: no exponent is positive.
struct LogCumsumExp {
    dim: usize,
}

impl Op for LogCumsumExp {
    fn name(&self) -> &'static str {
        "Logcumsumexp"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let dim = self.dim;
        ctx.grads(|_| {
            let (x, y) = (ctx.input(0)?, ctx.output()?);
            // Nothing but −∞ so far: the difference has no value, the share of each is 0.
            let finite = y.masked_fill(&y.eq(f64::NEG_INFINITY)?, 0.0)?;
            let decay = y.sub(&finite.before(dim, true, f64::INFINITY)?)?.exp();
            let after = Recurrence { dim, reverse: true, own: true }.run(&decay, grad);
            x.sub(&finite)?.exp().mul(&after)
        })
    }
}

/// `sᵢ = bᵢ + a·sₚ`, where `p` is the element before, in the direction of the walk, and the factor `a` is the element's
/// `own`, or else that of `p`.
#[derive(Clone, Copy)]
struct Recurrence {
    dim: usize,
    reverse: bool,
    own: bool,
}

impl Recurrence {
    #[track_caller]
    fn run(self, a: &Tensor, b: &Tensor) -> Tensor {
        let lanes = Lanes::of(b.shape(), self.dim);
        let out = with_float!(b.dtype(), T => {
            let (x, y) = (a.values::<T>(), b.values::<T>());
            // The state is the last sum, times its factor if that is where the factor belongs.
            let out = if self.own {
                scan(lanes, self.reverse, 0.0, |s, i| y[i].to_f64() + x[i].to_f64() * s, |s| s as T)
            } else {
                let step = |(_, carried): (f64, f64), i: usize| {
                    let s = y[i].to_f64() + carried;
                    (s, s * x[i].to_f64())
                };
                scan(lanes, self.reverse, (0.0, 0.0), step, |s| s.0 as T)
            };
            Tensor::new(out, dense(b.shape()))
        });
        out.record(self, &[a, b])
    }
}

impl Op for Recurrence {
    fn name(&self) -> &'static str {
        "Recurrence"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let Recurrence { dim, reverse, own } = *self;
        let after = Recurrence { dim, reverse: !reverse, own: !own }.run(&ctx.input(0)?, grad);
        ctx.grads(|i| match (i, own) {
            (0, true) => ctx.output()?.before(dim, reverse, 0.0)?.mul(&after),
            (0, false) => ctx.output()?.mul(&after.before(dim, !reverse, 0.0)?),
            _ => Ok(after.clone()),
        })
    }
}

impl Tensor {
    /// The sums of all elements up to each one along `dim`. Bools and integers give an int64.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.cumsum")]
    #[track_caller]
    pub fn cumsum(&self, dim: isize) -> Result<Tensor> {
        Ok(self.running_sums(self.layout.dim("cumsum", dim)?, false))
    }

    #[track_caller]
    fn running_sums(&self, dim: usize, reverse: bool) -> Tensor {
        let lanes = Lanes::of(self.shape(), dim);
        let layout = dense(self.shape());
        let out = if self.dtype().is_float() {
            with_float!(self.dtype(), T => {
                let x = self.values::<T>();
                Tensor::new(scan(lanes, reverse, 0.0, |s, i| s + x[i].to_f64(), |s| s as T), layout)
            })
        } else {
            let x = self.to(DType::I64);
            let x = x.values::<i64>();
            Tensor::new(scan(lanes, reverse, 0, |s: i64, i| s.wrapping_add(x[i]), |s| s), layout)
        };
        out.record(Cumsum { dim, reverse }, &[self])
    }

    /// The products of all elements up to each one along `dim`. Bools and integers give an int64.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.cumprod")]
    #[track_caller]
    pub fn cumprod(&self, dim: isize) -> Result<Tensor> {
        Ok(self.running_products(self.layout.dim("cumprod", dim)?, false))
    }

    #[track_caller]
    fn running_products(&self, dim: usize, reverse: bool) -> Tensor {
        let lanes = Lanes::of(self.shape(), dim);
        let layout = dense(self.shape());
        let out = if self.dtype().is_float() {
            with_float!(self.dtype(), T => {
                let x = self.values::<T>();
                Tensor::new(scan(lanes, reverse, 1.0, |p, i| p * x[i].to_f64(), |p| p as T), layout)
            })
        } else {
            let x = self.to(DType::I64);
            let x = x.values::<i64>();
            Tensor::new(scan(lanes, reverse, 1, |p: i64, i| p.wrapping_mul(x[i]), |p| p), layout)
        };
        out.record(Cumprod { dim, reverse }, &[self])
    }

    /// The products of all elements before each one, or with `reverse` behind it.
    pub(crate) fn products_before(&self, dim: isize, reverse: bool) -> Result<Tensor> {
        let dim = self.layout.dim("cumprod", dim)?;
        self.running_products(dim, reverse).before(dim, reverse, 1.0)
    }

    /// At each place along `dim` the element before, in the direction of the walk; at the first one, `first`.
    fn before(&self, dim: usize, reverse: bool, first: f64) -> Result<Tensor> {
        let Some(&size @ 1..) = self.shape().get(dim) else { return Ok(self.full_like(first)) };
        let mut edge: Shape = self.shape().into();
        edge[dim] = 1;
        let edge = Tensor::full(edge, first, self.dtype())?;
        let rest = self.narrow(dim as isize, usize::from(reverse), size - 1)?;
        cat(&if reverse { [&rest, &edge] } else { [&edge, &rest] }, dim as isize)
    }

    /// `ln Σ eˣ` of all elements up to each one along `dim`.
    ///
    /// # Errors
    /// If there is no such dimension, or the elements are not floating point.
    #[doc(alias = "torch.logcumsumexp")]
    #[track_caller]
    pub fn logcumsumexp(&self, dim: isize) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("logcumsumexp", self.dtype()));
        }
        let dim = self.layout.dim("logcumsumexp", dim)?;
        let lanes = Lanes::of(self.shape(), dim);
        let out = with_float!(self.dtype(), T => {
            let x = self.values::<T>();
            let step = |y: f64, i: usize| {
                let x = x[i].to_f64();
                let (low, high) = if x < y { (x, y) } else { (y, x) };
                // Of two infinities of one sign the difference has no value.
                if low == high && low.is_infinite() { low } else { high + (low - high).exp().ln_1p() }
            };
            Tensor::new(scan(lanes, false, f64::NEG_INFINITY, step, |y| y as T), dense(self.shape()))
        });
        Ok(out.record(LogCumsumExp { dim }, &[self]))
    }

    /// The largest elements up to each one along `dim`, and their indices: the last one among equals. From the first
    /// NaN on all is NaN.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.cummax")]
    #[track_caller]
    pub fn cummax(&self, dim: isize) -> Result<(Tensor, Tensor)> {
        self.running_extremes("cummax", "Cummax", dim, true)
    }

    /// The smallest elements up to each one along `dim`, as [`cummax`](Tensor::cummax).
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.cummin")]
    #[track_caller]
    pub fn cummin(&self, dim: isize) -> Result<(Tensor, Tensor)> {
        self.running_extremes("cummin", "Cummin", dim, false)
    }

    #[track_caller]
    fn running_extremes(
        &self,
        op: &'static str,
        name: &'static str,
        dim: isize,
        largest: bool,
    ) -> Result<(Tensor, Tensor)> {
        let d = self.layout.dim(op, dim)?;
        let lanes = Lanes::of(self.shape(), d);
        let indices = with_element!(self.dtype(), T => {
            let x = self.values::<T>();
            let step = |best: Option<(u64, usize)>, i: usize| {
                let key = extremity(x[i], largest);
                match best {
                    Some((found, _)) if key < found => best,
                    _ => Some((key, i)),
                }
            };
            let index = |best: Option<(u64, usize)>| best.map_or(0, |(_, i)| (i / lanes.inner % lanes.size) as i64);
            Tensor::new(scan(lanes, false, None, step, index), dense(self.shape()))
        });
        self.chosen(name, d, &indices, true)
    }

    /// The `n`-th differences of neighbours along `dim`: `xᵢ₊₁ − xᵢ`, `n` times. Of bools: whether they differ.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.diff")]
    #[track_caller]
    pub fn diff(&self, n: usize, dim: isize) -> Result<Tensor> {
        let d = self.layout.dim("diff", dim)?;
        let Some(&size) = self.shape().get(d) else {
            return Err(Error::shape("diff", "a scalar has no neighbours"));
        };
        let mut out = self.clone();
        for left in (size.saturating_sub(n)..size).rev() {
            let (after, before) = (out.narrow(dim, 1, left)?, out.narrow(dim, 0, left)?);
            out =
                if out.dtype() == DType::Bool { after.logical_xor(&before)? } else { after.sub(&before)? };
        }
        Ok(out)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    let zeros = || vec![float64([[0.4, 0.0, 2.0, -0.6], [0.0, 0.7, 0.0, -0.9]])];
    let two = || [x(), zeros()].concat().iter().flat_map(|x| x.narrow(1, 0, 3)).collect();
    vec![
        case("cumsum", |x| x[0].sin().cumsum(1), x()),
        case("cumsum down the rows", |x| x[0].sin().cumsum(0), x()),
        case("cumsum of a scalar", |x| x[0].sin().cumsum(0), vec![float64(0.3)]),
        case("cumprod", |x| x[0].cumprod(1), x()),
        case("cumprod down the rows", |x| x[0].cumprod(0), x()),
        case("cumprod with zeros", |x| x[0].cumprod(-1), zeros()),
        case("products behind", |x| x[0].products_before(1, true), zeros()),
        case("cumprod of a scalar", |x| x[0].cumprod(0), vec![float64(0.3)]),
        case("logcumsumexp", |x| x[0].logcumsumexp(1), x()),
        case("logcumsumexp down the rows", |x| x[0].logcumsumexp(0), x()),
        case("cummax", |x| Ok(x[0].sin().cummax(1)?.0), x()),
        case("cummin", |x| Ok(x[0].sin().cummin(0)?.0), x()),
        case("recurrence", |x| Ok(Recurrence { dim: 1, reverse: false, own: true }.run(&x[0], &x[1])), two()),
        case(
            "recurrence back",
            |x| Ok(Recurrence { dim: 0, reverse: true, own: false }.run(&x[0], &x[1])),
            two(),
        ),
        case("diff", |x| x[0].sin().diff(1, 1), x()),
        case("diff twice", |x| x[0].sin().diff(2, -1), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, tensor};

    #[test]
    fn running_sums_of_many_stay_exact() {
        let x = Tensor::full(1_000_000, 0.1, DType::F32).unwrap();
        let last = x.cumsum(0).unwrap().select(0, -1).unwrap().item().unwrap();
        assert!((last - 100_000.0).abs() < 0.01, "{last}");
    }

    #[test]
    fn the_last_among_equals_and_nan_for_good() {
        let x = tensor([1.0, 1.0, f64::NAN, 2.0]);
        let (values, indices) = x.cummax(0).unwrap();
        assert_eq!(indices.to_vec::<i64>().unwrap(), [0, 1, 2, 2]);
        assert!(values.to_vec::<f32>().unwrap()[3].is_nan());
        assert_eq!(x.cummin(0).unwrap().1.to_vec::<i64>().unwrap(), [0, 1, 2, 2]);
    }

    #[test]
    fn logcumsumexp_of_infinities() {
        let x = tensor([f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0, 1000.0]).requires_grad();
        let y = x.logcumsumexp(0).unwrap();
        let infinite = f32::NEG_INFINITY;
        assert_eq!(y.to_vec::<f32>().unwrap(), [infinite, infinite, 0.0, 1000.0]);
        y.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn differences_run_out() {
        let x = tensor([1, 4, 9]);
        assert_eq!(x.diff(0, 0).unwrap().shape(), [3]);
        assert_eq!(x.diff(2, 0).unwrap().to_vec::<i64>().unwrap(), [2]);
        assert_eq!(x.diff(5, 0).unwrap().shape(), [0]);
    }
}

//! Sums and means, over all dimensions or some, with NaN or without.
//!
//! Terms are added in `f64` along a fixed tree, and a sum is rounded once, at its end: its bits depend on nothing but
//! the numbers, and a mean does not overflow where the sum would.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
//! assert_eq!(x.sum().to_string(), "tensor(10.)");
//! assert_eq!(x.mean_dim(0, false)?.to_string(), "tensor([2., 3.])");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! PyTorch's `dtype=` is a conversion before the sum: `x.to(DType::F64).sum()`.

use super::reduce::{Groups, Plan, Side, fold};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape, SharedLayout};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::reduce::{Itself, add_columns, add_rows, sum_f64};
use kernel::{Float, Map2};
use smallvec::SmallVec;

/// The terms of a sum that passes NaN over.
#[derive(Clone, Copy)]
struct Present;
impl Map2 for Present {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, _: R) -> R {
        let zero = x.constant(0.0);
        R::select(x.clone().is_nan(), zero, x)
    }
}

/// The sums of `f(x, center)` over some dimensions, in `f64`.
pub(crate) fn totals<T: Float + Element, F: Map2>(
    f: F,
    groups: &Groups<'_, T>,
    centers: Option<&[f64]>,
) -> SmallVec<[f64; 16]> {
    let mut sums = SmallVec::from_elem(0.0, groups.len());
    groups.each(|range, block, side| {
        let centers = centers.map(|c| &c[range.clone()]);
        match side {
            Side::Rows => add_rows(f, block, centers, &mut sums[range]),
            Side::Columns => add_columns(f, block, centers, &mut sums[range]),
        }
    });
    sums
}

/// The sums of `f(x)` divided by `count`; of integers and bools, plain sums.
fn sums<F: Map2>(x: &Tensor, plan: &Plan, f: F, count: f64) -> Tensor {
    match x.dtype() {
        DType::Bool => whole::<bool>(x, plan),
        DType::I64 => whole::<i64>(x, plan),
        dtype => with_float!(dtype, T => {
            let groups = Groups::<T>::of(plan, x);
            groups.tensor(totals(f, &groups, None).iter().map(|sum| (sum / count) as T).collect())
        }),
    }
}

/// Sums of whole numbers, which wrap around.
fn whole<T: Element>(x: &Tensor, plan: &Plan) -> Tensor {
    let groups = Groups::<T>::of(plan, x);
    let mut sums = Buffer::<i64>::zeros(groups.len());
    groups.each(|range, block, side| {
        fold(&mut sums[range], block, side, |sum, x| sum.wrapping_add(x.to_i64()));
    });
    groups.tensor(sums)
}

/// A sum divided by `count`, which is 1 unless it is a mean.
struct Sum {
    name: &'static str,
    count: f64,
    input: SharedLayout,
    kept: Shape,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let grad = if self.count == 1.0 { grad.clone() } else { grad / self.count };
            match self.kept.iter().all(|&size| size == 1) && !is_grad_enabled() {
                // One number everywhere needs no view of a view.
                true => Ok(grad.with_layout(grad.layout.repeated(self.input.shape()))),
                false => grad.reshape(&self.kept)?.expand(self.input.shape()),
            }
        })
    }
}

/// A sum without NaN, to which NaN gets no gradient.
struct Nansum {
    kept: Shape,
}

impl Op for Nansum {
    fn name(&self) -> &'static str {
        "Nansum"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let absent = ctx.input(0)?.isnan();
            grad.reshape(&self.kept)?.expand(absent.shape())?.masked_fill(&absent, 0.0)
        })
    }
}

impl Tensor {
    /// The sum of all elements. Bools and integers give an int64.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1.0, 2.5]).sum().to_string(), "tensor(3.5000)");
    /// ```
    #[doc(alias = "torch.sum")]
    #[track_caller]
    #[must_use]
    pub fn sum(&self) -> Tensor {
        self.total("Sum", 1.0)
    }

    /// The sums over some dimensions (over all with `()`), which disappear or, with `keepdim`, stay with size 1.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[track_caller]
    pub fn sum_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("sum", self, dims, keepdim)?;
        let out = sums(self, &plan, Itself, 1.0);
        let input = self.layout.clone();
        Ok(out.record(Sum { name: "SumBackward1", count: 1.0, input, kept: plan.kept }, &[self]))
    }

    /// The mean of all elements; NaN if there are none. Integers are converted to float32, where PyTorch refuses.
    #[doc(alias = "torch.mean")]
    #[track_caller]
    #[must_use]
    pub fn mean(&self) -> Tensor {
        if !self.dtype().is_float() {
            return self.to(DType::F32).mean();
        }
        self.total("Mean", self.numel() as f64)
    }

    /// The means over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions, one is named twice, or the elements are not floating point.
    #[track_caller]
    pub fn mean_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("mean", self.dtype()));
        }
        let plan = Plan::new("mean", self, dims, keepdim)?;
        let count = plan.count(self) as f64;
        let out = sums(self, &plan, Itself, count);
        let input = self.layout.clone();
        Ok(out.record(Sum { name: "MeanBackward1", count, input, kept: plan.kept }, &[self]))
    }

    /// Without a plan: at the end of every loss stands a sum or a mean of all.
    #[track_caller]
    fn total(&self, name: &'static str, count: f64) -> Tensor {
        let out = match self.dtype() {
            DType::Bool | DType::I64 => sums(self, &Plan::all(self), Itself, count),
            dtype => with_float!(dtype, T => {
                let sum = sum_f64(&self.values::<T>());
                Tensor::one((sum / count) as T, Layout::scalar())
            }),
        };
        let kept = std::iter::repeat_n(1, self.dim()).collect();
        out.record(Sum { name, count, input: self.layout.clone(), kept }, &[self])
    }

    /// The sum of all elements but NaN.
    #[doc(alias = "torch.nansum")]
    #[track_caller]
    #[must_use]
    pub fn nansum(&self) -> Tensor {
        self.present(Plan::all(self))
    }

    /// The sums of all elements but NaN over some dimensions; 0 where there is nothing else.
    ///
    /// # Errors
    /// As [`sum_dim`](Tensor::sum_dim).
    #[track_caller]
    pub fn nansum_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        Ok(self.present(Plan::new("nansum", self, dims, keepdim)?))
    }

    #[track_caller]
    fn present(&self, plan: Plan) -> Tensor {
        sums(self, &plan, Present, 1.0).record(Nansum { kept: plan.kept }, &[self])
    }

    /// The means of all elements but NaN over some dimensions, over all with `()`; NaN where there is nothing else.
    ///
    /// # Errors
    /// As [`mean_dim`](Tensor::mean_dim).
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1.0, f64::NAN, 3.0]).nanmean((), false)?.to_string(), "tensor(2.)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nanmean")]
    #[track_caller]
    pub fn nanmean(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("nanmean", self.dtype()));
        }
        let plan = Plan::new("nanmean", self, dims, keepdim)?;
        let count = sums(&self.isnan().logical_not(), &plan, Itself, 1.0);
        self.present(plan).div(&count)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("sum", |x| Ok(x[0].sin().sum()), x()),
        case("sum over rows", |x| x[0].sin().sum_dim(0, false), x()),
        case("sum over columns, kept", |x| x[0].sin().sum_dim(-1, true), x()),
        case("sum over both", |x| x[0].sin().sum_dim([0, 1], true), x()),
        case("sum over rows of a view", |x| x[0].t()?.sin().sum_dim(0, false), x()),
        case("mean", |x| Ok(x[0].sin().mean()), x()),
        case("mean over rows", |x| x[0].sin().mean_dim(0, false), x()),
        case("nansum", |x| Ok(x[0].sin().nansum()), x()),
        case("nansum over columns", |x| x[0].sin().nansum_dim(1, true), x()),
        case("nanmean", |x| x[0].sin().nanmean(0, false), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, arange, tensor, zeros};

    /// Every layout against the plain definition.
    #[test]
    fn any_dimensions_of_any_view() {
        let x = arange(0, 2 * 3 * 4 * 5, 1).unwrap().reshape([2, 3, 4, 5]).unwrap();
        let views = [
            x.clone(),
            x.permute([2, 0, 3, 1]).unwrap(),
            x.slice(3, 1, 4, 2).unwrap(),
            x.narrow(1, 1, 1).unwrap().expand([2, 3, 4, 5]).unwrap(),
        ];
        for view in views {
            for subset in 1..16usize {
                let dims: Vec<usize> = (0..4).filter(|d| subset >> d & 1 == 1).collect();
                let mut one_by_one = view.contiguous();
                for &d in &dims {
                    let parts = (0..view.shape()[d]).map(|i| one_by_one.narrow(d as isize, i, 1).unwrap());
                    one_by_one = parts.reduce(|sum, part| &sum + &part).unwrap();
                }
                for dtype in [DType::I64, DType::F32, DType::F64] {
                    let found = view.to(dtype).sum_dim(&dims, true).unwrap();
                    assert!(found.equal(&one_by_one.to(dtype)), "{:?} over {dims:?}", view.layout());
                }
                let mean = view.to(DType::F64).mean_dim(&dims, false).unwrap();
                assert_eq!(mean.dim(), 4 - dims.len());
            }
        }
    }

    #[test]
    fn nothing_to_sum() {
        let x = zeros([0, 3]).unwrap();
        assert_eq!(x.sum_dim(0, false).unwrap().to_vec::<f32>().unwrap(), [0.0; 3]);
        assert_eq!(x.sum_dim(1, false).unwrap().shape(), [0]);
        assert!(x.mean().item().unwrap().is_nan());
    }

    #[test]
    fn a_mean_neither_drifts_nor_overflows() {
        let x = Tensor::full(16_000_000, 0.1, DType::F32).unwrap();
        assert!((x.mean().item().unwrap() - 0.1).abs() < 1e-8);
        let large = tensor([3e38, 3e38]);
        assert_eq!(large.mean().item().unwrap(), f64::from(3e38f32));
        assert_eq!(large.mean_dim(0, false).unwrap().item().unwrap(), f64::from(3e38f32));
    }

    #[test]
    fn nan_is_passed_over_and_gets_no_gradient() {
        let x = tensor([1.0, f64::NAN, 3.0]).requires_grad();
        x.nanmean((), false).unwrap().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.5, 0.0, 0.5]);
        assert!(tensor([f64::NAN]).nanmean((), false).unwrap().item().unwrap().is_nan());
        assert_eq!(tensor([f64::NAN]).nansum().item().unwrap(), 0.0);
    }
}

//! The largest and the smallest, and where they are. NaN is more extreme than any number.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0, 5.0], [3.0, 2.0]]);
//! assert_eq!(x.max()?.to_string(), "tensor(5.)");
//! let (values, indices) = x.max_dim(1, false)?;
//! assert_eq!(values.to_string(), "tensor([5., 3.])");
//! assert_eq!(indices.to_string(), "tensor([1, 0])");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! The gradient of a value that stands for all its equals (`max()`, `amax`, `median()`) is shared by them; where an
//! index comes along (`max_dim`), the chosen element gets it all.

use super::lanes::Lanes;
use super::order::extremity;
use super::reduce::{Groups, Plan, Side, fold};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op};
use crate::dtype::{DType, Element};
use crate::error::{AtCaller, Result};
use crate::layout::Ints;
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::{Tensor, dense};
use kernel::reduce::{extreme_columns, extreme_rows};

/// The extremes of groups; there is at least one element in each, or no group.
pub(crate) fn extremes(x: &Tensor, plan: &Plan, largest: bool) -> Tensor {
    match x.dtype() {
        DType::Bool => integers::<bool>(x, plan, largest),
        DType::I64 => integers::<i64>(x, plan, largest),
        dtype => with_float!(dtype, T => {
            let groups = Groups::<T>::of(plan, x);
            let start = if largest { T::NEG_INFINITY } else { T::INFINITY };
            let mut out = Buffer::full(groups.len(), start);
            groups.each(|range, block, side| match side {
                Side::Rows => extreme_rows(largest, block, &mut out[range]),
                Side::Columns => extreme_columns(largest, block, &mut out[range]),
            });
            groups.tensor(out)
        }),
    }
}

fn integers<T: Element + Ord>(x: &Tensor, plan: &Plan, largest: bool) -> Tensor {
    let groups = Groups::<T>::of(plan, x);
    let start = T::from_i64(if largest { i64::MIN } else { i64::MAX });
    // As a bool every number but 0 is `true`, the largest.
    let start = if T::DTYPE == DType::Bool { T::from_i64(i64::from(!largest)) } else { start };
    let mut out = Buffer::full(groups.len(), start);
    groups.each(|range, block, side| {
        if largest {
            fold(&mut out[range], block, side, T::max);
        } else {
            fold(&mut out[range], block, side, T::min);
        }
    });
    groups.tensor(out)
}

/// Where the first extreme of each lane is.
fn places<T: Element>(x: &Tensor, lanes: Lanes, largest: bool) -> Buffer<i64> {
    let x = x.values::<T>();
    let Lanes { outer, size, inner } = lanes;
    let mut out = Buffer::zeros(outer * inner);
    let mut best = vec![0; inner];
    for (o, places) in out.chunks_exact_mut(inner.max(1)).enumerate() {
        let block = &x[o * size * inner..][..size * inner];
        for (d, row) in block.chunks_exact(inner).enumerate() {
            for ((best, place), &x) in best.iter_mut().zip(places.iter_mut()).zip(row) {
                let found = extremity(x, largest);
                if d == 0 || found > *best {
                    (*best, *place) = (found, d as i64);
                }
            }
        }
    }
    out
}

/// The one value of a group, of which all equals share the gradient.
pub(crate) struct Extreme {
    pub(crate) name: &'static str,
    pub(crate) plan: Plan,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        self.name
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?.detach();
            let y = ctx.output()?.detach().reshape(&self.plan.kept)?;
            // If a NaN has won, the NaN share; amax and amin leave it at a gradient of NaN, as PyTorch does.
            let ties = match self.name {
                "Amax" | "Amin" | "Aminmax" => x.eq(&y)?,
                _ => x.eq(&y)?.logical_or(&x.isnan().logical_and(&y.isnan())?)?,
            };
            let ties = ties.to(grad.dtype());
            let share = ties.div(&ties.sum_dim(&self.plan.dims, true)?)?;
            grad.reshape(&self.plan.kept)?.mul(&share)
        })
    }
}

impl Tensor {
    /// The largest elements over some dimensions; NaN wins. Ties share the gradient.
    ///
    /// # Errors
    /// If there are no such dimensions, or nothing to choose from.
    #[doc(alias = "torch.amax")]
    #[track_caller]
    pub fn amax(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        self.extreme("amax", "Amax", dims, keepdim, true)
    }

    /// The smallest elements over some dimensions; NaN wins. Ties share the gradient.
    ///
    /// # Errors
    /// If there are no such dimensions, or nothing to choose from.
    #[doc(alias = "torch.amin")]
    #[track_caller]
    pub fn amin(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        self.extreme("amin", "Amin", dims, keepdim, false)
    }

    /// [`amin`](Tensor::amin) and [`amax`](Tensor::amax), over one dimension or over all.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[doc(alias = "torch.aminmax")]
    #[track_caller]
    pub fn aminmax(&self, dim: impl Into<Option<isize>>, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let dims: Vec<isize> = dim.into().into_iter().collect();
        let extreme = |largest| self.extreme("aminmax", "Aminmax", &dims, keepdim, largest);
        Ok((extreme(false).at_caller()?, extreme(true).at_caller()?))
    }

    /// The largest element.
    ///
    /// # Errors
    /// If there is none.
    #[doc(alias = "torch.max")]
    #[track_caller]
    pub fn max(&self) -> Result<Tensor> {
        self.extreme("max", "MaxBackward1", (), false, true)
    }

    /// The smallest element.
    ///
    /// # Errors
    /// If there is none.
    #[doc(alias = "torch.min")]
    #[track_caller]
    pub fn min(&self) -> Result<Tensor> {
        self.extreme("min", "MinBackward1", (), false, false)
    }

    #[track_caller]
    fn extreme(
        &self,
        op: &'static str,
        name: &'static str,
        dims: impl Ints,
        keepdim: bool,
        largest: bool,
    ) -> Result<Tensor> {
        let plan = Plan::new(op, self, dims, keepdim)?;
        plan.something(op, self)?;
        Ok(extremes(self, &plan, largest).record(Extreme { name, plan }, &[self]))
    }

    /// The index of the largest element, of the first one among equals; NaN wins. Without a dimension: in row-major
    /// order.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[doc(alias = "torch.argmax")]
    #[track_caller]
    pub fn argmax(&self, dim: impl Into<Option<isize>>, keepdim: bool) -> Result<Tensor> {
        self.arg("argmax", dim.into(), keepdim, true)
    }

    /// The index of the smallest element, as [`argmax`](Tensor::argmax).
    ///
    /// # Errors
    /// As `argmax`.
    #[doc(alias = "torch.argmin")]
    #[track_caller]
    pub fn argmin(&self, dim: impl Into<Option<isize>>, keepdim: bool) -> Result<Tensor> {
        self.arg("argmin", dim.into(), keepdim, false)
    }

    #[track_caller]
    fn arg(&self, op: &'static str, dim: Option<isize>, keepdim: bool, largest: bool) -> Result<Tensor> {
        let (plan, lanes) = match dim {
            Some(dim) => (Plan::new(op, self, dim, keepdim)?, Lanes::of(self.shape(), self.layout.dim(op, dim)?)),
            None => (Plan::new(op, self, (), keepdim)?, Lanes { outer: 1, size: self.numel(), inner: 1 }),
        };
        plan.something(op, self)?;
        let places = with_element!(self.dtype(), T => places::<T>(self, lanes, largest));
        Ok(Tensor::new(places, dense(&plan.out)))
    }

    /// The largest elements along one dimension and their indices. The gradient goes to the chosen element.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[track_caller]
    pub fn max_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let index = self.arg("max", Some(dim), true, true)?;
        self.chosen("Max", self.layout.dim("max", dim)?, &index, keepdim)
    }

    /// The smallest elements along one dimension and their indices. The gradient goes to the chosen element.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[track_caller]
    pub fn min_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let index = self.arg("min", Some(dim), true, false)?;
        self.chosen("Min", self.layout.dim("min", dim)?, &index, keepdim)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("amax", |x| x[0].sin().amax(1, false), x()),
        case("amin", |x| x[0].sin().amin(0, true), x()),
        case("aminmax", |x| x[0].sin().aminmax(1, false).and_then(|(a, b)| a.mul(&b)), x()),
        case("max", |x| x[0].sin().max(), x()),
        case("min", |x| x[0].sin().min(), x()),
        case("max along a dimension", |x| Ok(x[0].sin().max_dim(1, false)?.0), x()),
        case("min along a dimension", |x| Ok(x[0].sin().min_dim(0, true)?.0), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, arange, tensor, zeros};

    #[test]
    fn ties_share_and_nan_wins() {
        let x = tensor([2.0, 2.0, 1.0]).requires_grad();
        x.max().unwrap().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.5, 0.5, 0.0]);
        let x = tensor([1.0, f64::NAN, 3.0]);
        assert_eq!(x.argmax(None, false).unwrap().item().unwrap(), 1.0);
        assert_eq!(x.argmin(None, false).unwrap().item().unwrap(), 1.0);
    }

    #[test]
    fn nothing_to_choose() {
        let x = zeros([0, 3]).unwrap();
        assert!(x.amax(0, false).is_err());
        assert!(x.max_dim(0, false).is_err());
        assert_eq!(x.amax(1, false).unwrap().shape(), [0]);
        assert_eq!(x.max_dim(1, false).unwrap().1.shape(), [0]);
    }

    #[test]
    fn infinities_and_all_types() {
        let x = tensor([f64::NEG_INFINITY; 2]);
        assert_eq!(x.max().unwrap().item().unwrap(), f64::NEG_INFINITY);
        assert_eq!(tensor([i64::MIN, i64::MIN]).max().unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
        assert_eq!(tensor([(1i64 << 60) + 1, 1 << 60]).argmin(None, false).unwrap().item().unwrap(), 1.0);
        assert!(!tensor([true, false]).min().unwrap().to_vec::<bool>().unwrap()[0]);
        assert!(tensor([true, true]).min().unwrap().to_vec::<bool>().unwrap()[0]);
    }

    #[test]
    fn any_dimension_of_any_view() {
        let x = arange(0, 24, 1).unwrap().rsub(11).unwrap().square().reshape([2, 3, 4]).unwrap();
        for view in [x.clone(), x.permute([2, 0, 1]).unwrap(), x.slice(2, 0, 3, 2).unwrap()] {
            for dim in 0..3 {
                for dtype in [DType::I64, DType::F32] {
                    let view = view.to(dtype);
                    let (values, indices) = view.max_dim(dim, true).unwrap();
                    assert!(values.equal(&view.amax(dim, true).unwrap()));
                    assert!(values.equal(&view.gather(dim, &indices).unwrap()));
                }
            }
        }
    }
}

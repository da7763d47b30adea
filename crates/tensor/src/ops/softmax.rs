//! softmax, softmin, log_softmax and logsumexp, with the largest element taken out first, so that no exponential
//! overflows.
//!
//! PyTorch's `dtype=` is a conversion before: `x.to(DType::F64).softmax(0)`.

use super::lanes::Lanes;
use super::reduce::Plan;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::Ints;
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::softmax as kernels;

impl Tensor {
    /// `eˣ / Σ eˣ` along `dim`: positive, and one in sum. A −∞ gets 0.
    ///
    /// # Errors
    /// If there is no such dimension.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1000.0, 1000.0]).softmax(0)?.to_string(), "tensor([0.5000, 0.5000])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.softmax")]
    #[track_caller]
    pub fn softmax(&self, dim: isize) -> Result<Tensor> {
        let dim = self.layout.dim("softmax", dim)?;
        let x = self.to(self.dtype().to_float());
        let Lanes { size, inner, .. } = Lanes::of(x.shape(), dim);
        let out = with_float!(x.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(x.numel());
            kernels::softmax(&x.values::<T>(), size, inner, &mut out);
            Tensor::new(out, dense(x.shape()))
        });
        Ok(out.record(Softmax { dim }, &[&x]))
    }

    /// `e⁻ˣ / Σ e⁻ˣ` along `dim`: the [`softmax`](Tensor::softmax) of the negative.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.nn.functional.softmin")]
    #[track_caller]
    pub fn softmin(&self, dim: isize) -> Result<Tensor> {
        self.neg().softmax(dim)
    }

    /// `ln softmax(x)` along `dim`, exact where softmax itself would round to 0 or 1.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.log_softmax")]
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Result<Tensor> {
        let dim = self.layout.dim("log_softmax", dim)?;
        let x = self.to(self.dtype().to_float());
        let Lanes { size, inner, .. } = Lanes::of(x.shape(), dim);
        let out = with_float!(x.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(x.numel());
            kernels::log_softmax(&x.values::<T>(), size, inner, &mut out);
            Tensor::new(out, dense(x.shape()))
        });
        Ok(out.record(LogSoftmax { dim }, &[&x]))
    }

    /// `ln Σ eˣ` over some dimensions, over all with `()`. −∞ for nothing.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[doc(alias = "torch.logsumexp")]
    #[track_caller]
    pub fn logsumexp(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return self.to(DType::F32).logsumexp(dims, keepdim);
        }
        let plan = Plan::new("logsumexp", self, dims, keepdim)?;
        let moved = plan.at_the_back(&self.detach())?;
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(plan.out.iter().product());
            kernels::logsumexp(&moved.values::<T>(), plan.count(self), &mut out);
            Tensor::new(out, dense(&plan.out))
        });
        Ok(out.record(LogSumExp { plan }, &[self]))
    }
}

/// `∂x = y·(∂y − Σ ∂y·y)`
struct Softmax {
    dim: usize,
}

impl Op for Softmax {
    fn name(&self) -> &'static str {
        "Softmax"
    }
    fn keep(&self) -> Keep {
        Keep::Output
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let y = ctx.output()?;
        ctx.grads(|_| {
            if is_grad_enabled() {
                let sum = if y.dim() == 0 { grad.mul(&y)? } else { grad.mul(&y)?.sum_dim(self.dim, true)? };
                return y.mul(&grad.sub(&sum)?);
            }
            let Lanes { size, inner, .. } = Lanes::of(y.shape(), self.dim);
            Ok(with_float!(grad.dtype(), T => {
                let mut out = Buffer::<T>::unwritten(grad.numel());
                kernels::softmax_backward(&y.values::<T>(), &grad.values::<T>(), size, inner, &mut out);
                Tensor::new(out, y.dense_layout())
            }))
        })
    }
}

/// `∂x = ∂y − eʸ·Σ ∂y`
struct LogSoftmax {
    dim: usize,
}

impl Op for LogSoftmax {
    fn name(&self) -> &'static str {
        "LogSoftmax"
    }
    fn keep(&self) -> Keep {
        Keep::Output
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let y = ctx.output()?;
        ctx.grads(|_| {
            if is_grad_enabled() {
                return grad.sub(&y.exp().mul(&grad.sum_dim(self.dim, true)?)?);
            }
            let Lanes { size, inner, .. } = Lanes::of(y.shape(), self.dim);
            Ok(with_float!(grad.dtype(), T => {
                let mut out = Buffer::<T>::unwritten(grad.numel());
                kernels::log_softmax_backward(&y.values::<T>(), &grad.values::<T>(), size, inner, &mut out);
                Tensor::new(out, y.dense_layout())
            }))
        })
    }
}

/// `∂x = ∂y·e^(x − y)`
struct LogSumExp {
    plan: Plan,
}

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "Logsumexp"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let (x, y) = (ctx.input(0)?, ctx.output()?.reshape(&self.plan.kept)?);
            // Nothing but −∞: the difference has no value, the share of each is 0.
            let finite = y.masked_fill(&y.eq(f64::NEG_INFINITY)?, 0.0)?;
            grad.reshape(&self.plan.kept)?.mul(&x.sub(&finite)?.exp())
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("softmax", |x| x[0].softmax(-1), x()),
        case("softmax along the first dimension", |x| x[0].softmax(0), x()),
        case("softmax of a view", |x| x[0].t()?.softmax(0), x()),
        case("softmax of a scalar", |x| x[0].softmax(0), vec![float64(0.3)]),
        case("softmin", |x| x[0].softmin(1), x()),
        case("log_softmax", |x| x[0].log_softmax(-1), x()),
        case("log_softmax along the first dimension", |x| x[0].log_softmax(0), x()),
        case("log_softmax of a scalar", |x| x[0].log_softmax(0), vec![float64(0.3)]),
        case("logsumexp", |x| x[0].logsumexp(-1, false), x()),
        case("logsumexp of all", |x| x[0].logsumexp((), true), x()),
        case("logsumexp along the first dimension", |x| x[0].logsumexp(0, true), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, arange, tensor};

    #[test]
    fn infinities() {
        let x = tensor([f64::NEG_INFINITY, 0.0]);
        assert_eq!(x.softmax(0).unwrap().to_vec::<f32>().unwrap(), [0.0, 1.0]);
        assert_eq!(x.log_softmax(0).unwrap().to_vec::<f32>().unwrap(), [f32::NEG_INFINITY, 0.0]);
        let all = tensor([f64::NEG_INFINITY; 2]);
        assert_eq!(all.logsumexp((), false).unwrap().item().unwrap(), f64::NEG_INFINITY);
        assert!(all.softmax(0).unwrap().to_vec::<f32>().unwrap()[0].is_nan());
    }

    /// Along any dimension of any view, forward and backward, as along the last one of a copy.
    #[test]
    fn any_dimension() {
        let x = arange(0, 60, 1).unwrap().to(DType::F64).sin().reshape([3, 4, 5]).unwrap() * 30.0;
        for view in [x.clone(), x.permute([2, 0, 1]).unwrap()] {
            for dim in 0..3 {
                for log in [false, true] {
                    let f = |x: &crate::Tensor, dim| if log { x.log_softmax(dim) } else { x.softmax(dim) };
                    let (here, there) = (view.clone().requires_grad(), view.clone().requires_grad());
                    let y = f(&here, dim).unwrap();
                    let moved = there.transpose(dim, -1).unwrap().contiguous();
                    let z = f(&moved, -1).unwrap().transpose(dim, -1).unwrap();
                    assert!(y.allclose(&z, 1e-12, 1e-13).unwrap(), "{dim}");
                    for y in [y, z] {
                        y.backward_with(&y.detach().cos()).unwrap();
                    }
                    let (found, expected) = (here.grad().unwrap(), there.grad().unwrap());
                    assert!(found.allclose(&expected, 1e-12, 1e-15).unwrap(), "{dim}");
                }
            }
        }
    }
}

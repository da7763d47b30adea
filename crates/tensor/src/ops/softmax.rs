//! softmax, log_softmax and logsumexp, along one dimension, with the largest element taken out first, so that no
//! exponential overflows.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::{Ints, Shape};
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
        self.along_last("softmax", dim, |x| {
            let out = with_float!(x.dtype(), T => {
                let mut out = Buffer::<T>::zeros(x.numel());
                kernels::softmax(&x.values::<T>(), columns(x), &mut out);
                Tensor::new(out, x.dense_layout())
            });
            Ok(out.record(Softmax, &[x]))
        })
    }

    /// `ln softmax(x)` along `dim`, exact where softmax itself would round to 0 or 1.
    ///
    /// # Errors
    /// If there is no such dimension.
    #[doc(alias = "torch.log_softmax")]
    #[track_caller]
    pub fn log_softmax(&self, dim: isize) -> Result<Tensor> {
        self.along_last("log_softmax", dim, |x| {
            let out = with_float!(x.dtype(), T => {
                let mut out = Buffer::<T>::zeros(x.numel());
                kernels::log_softmax(&x.values::<T>(), columns(x), &mut out);
                Tensor::new(out, x.dense_layout())
            });
            Ok(out.record(LogSoftmax, &[x]))
        })
    }

    /// `ln Σ eˣ` over some dimensions. −∞ for nothing.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[doc(alias = "torch.logsumexp")]
    #[track_caller]
    pub fn logsumexp(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return self.to(DType::F32).logsumexp(dims, keepdim);
        }
        let mut dims = dims.ints().iter().map(|&d| self.layout.dim("logsumexp", d as isize)).collect::<Result<Shape>>()?;
        if dims.is_empty() {
            dims = (0..self.dim()).collect();
        }
        dims.retain(|d| *d < self.dim());
        let mut kept: Shape = self.shape().into();
        dims.iter().for_each(|&d| kept[d] = 1);
        let rest: Shape = (0..self.dim()).filter(|d| !dims.contains(d)).collect();
        let count: usize = dims.iter().map(|&d| self.shape()[d]).product();
        let order: Shape = rest.iter().chain(&dims).copied().collect();
        let moved = self.detach().with_layout(self.layout.permute(&order));
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(kept.iter().product());
            kernels::logsumexp(&moved.values::<T>(), count, &mut out);
            Tensor::new(out, dense(&kept))
        });
        let out = out.record(LogSumExp, &[self]);
        if keepdim { Ok(out) } else { out.reshape(rest.iter().map(|&d| self.shape()[d]).collect::<Shape>()) }
    }

    /// Runs `f` on this tensor with dimension `dim` at the back.
    #[track_caller]
    fn along_last(&self, op: &'static str, dim: isize, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let dim = self.layout.dim(op, dim)?;
        let x = self.to(self.dtype().to_float());
        if dim + 1 >= self.dim() {
            return f(&x);
        }
        f(&x.transpose(dim as isize, -1)?)?.transpose(dim as isize, -1)
    }
}

/// The size of the last dimension; a scalar is a row of one.
fn columns(x: &Tensor) -> usize {
    x.shape().last().copied().unwrap_or(1)
}

/// `∂x = y·(∂y − Σ ∂y·y)`
struct Softmax;

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
                return y.mul(&grad.sub(&grad.mul(&y)?.sum_dim(-1, true)?)?);
            }
            Ok(with_float!(grad.dtype(), T => {
                let mut out = Buffer::<T>::zeros(grad.numel());
                kernels::softmax_backward(&y.values::<T>(), &grad.values::<T>(), columns(&y), &mut out);
                Tensor::new(out, y.dense_layout())
            }))
        })
    }
}

/// `∂x = ∂y − eʸ·Σ ∂y`
struct LogSoftmax;

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
                return grad.sub(&y.exp().mul(&grad.sum_dim(-1, true)?)?);
            }
            Ok(with_float!(grad.dtype(), T => {
                let mut out = Buffer::<T>::zeros(grad.numel());
                kernels::log_softmax_backward(&y.values::<T>(), &grad.values::<T>(), columns(&y), &mut out);
                Tensor::new(out, y.dense_layout())
            }))
        })
    }
}

/// `∂x = ∂y·e^(x − y)`, where `y` has the reduced dimensions with size 1.
struct LogSumExp;

impl Op for LogSumExp {
    fn name(&self) -> &'static str {
        "Logsumexp"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let (x, y) = (ctx.input(0)?, ctx.output()?);
            // Nothing but −∞: the difference has no value, the share of each is 0.
            let finite = y.where_(&y.ne(f64::NEG_INFINITY)?, 0.0)?;
            grad.mul(&x.sub(&finite)?.exp())
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
        case("softmax of a scalar", |x| x[0].softmax(0), vec![float64(0.3)]),
        case("log_softmax", |x| x[0].log_softmax(-1), x()),
        case("log_softmax along the first dimension", |x| x[0].log_softmax(0), x()),
        case("logsumexp", |x| x[0].logsumexp(-1, false), x()),
        case("logsumexp of all", |x| x[0].logsumexp((), true), x()),
        case("logsumexp along the first dimension", |x| x[0].logsumexp(0, true), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn infinities() {
        let x = tensor([f64::NEG_INFINITY, 0.0]);
        assert_eq!(x.softmax(0).unwrap().to_vec::<f32>().unwrap(), [0.0, 1.0]);
        assert_eq!(x.log_softmax(0).unwrap().to_vec::<f32>().unwrap(), [f32::NEG_INFINITY, 0.0]);
        let all = tensor([f64::NEG_INFINITY; 2]);
        assert_eq!(all.logsumexp((), false).unwrap().item().unwrap(), f64::NEG_INFINITY);
        assert!(all.softmax(0).unwrap().to_vec::<f32>().unwrap()[0].is_nan());
    }
}

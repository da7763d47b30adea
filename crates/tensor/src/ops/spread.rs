//! How far numbers lie from their mean: variance, standard deviation, covariance.
//!
//! In two passes and in `f64`, so that nothing cancels, and the square of a large float32 does not overflow.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([1.0, 2.0, 3.0, 4.0]);
//! assert_eq!(x.var().to_string(), "tensor(1.6667)");
//! assert_eq!(x.std_dim(0, 0.0, false)?.to_string(), "tensor(1.1180)");
//! # Ok::<(), tensor::Error>(())
//! ```
//!
//! `correction` is PyTorch's: 1 for the usual estimate from a sample (`unbiased=True`), 0 for a whole population.

use super::reduce::{Groups, Plan};
use super::sum::totals;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::Ints;
use crate::storage::with_float;
use crate::tensor::Tensor;
use kernel::Map2;
use kernel::reduce::Itself;

/// `(x − mean)²`
#[derive(Clone, Copy)]
struct Square;
impl Map2 for Square {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, mean: R) -> R {
        let distance = x - mean;
        distance.clone() * distance
    }
}

/// `∂x = ∂y · 2 (x − mean) / degrees`
struct Var {
    plan: Plan,
    degrees: f64,
}

impl Op for Var {
    fn name(&self) -> &'static str {
        "Var"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let distance = x.sub(&x.mean_dim(&self.plan.dims, true)?)?;
            (grad.reshape(&self.plan.kept)? * (2.0 / self.degrees)).mul(&distance)
        })
    }
}

/// `∂x = ∂y · (x − mean) / (degrees · y)`, and 0 where `y` is.
struct Std {
    plan: Plan,
    degrees: f64,
}

impl Op for Std {
    fn name(&self) -> &'static str {
        "Std"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let distance = x.sub(&x.mean_dim(&self.plan.dims, true)?)?;
            let y = ctx.output()?.reshape(&self.plan.kept)?;
            let none = y.eq(0.0)?;
            let scale = (grad.reshape(&self.plan.kept)? / self.degrees).div(&y.masked_fill(&none, 1.0)?)?;
            scale.masked_fill(&none, 0.0)?.mul(&distance)
        })
    }
}

impl Tensor {
    /// The variance of all elements, with correction 1. Integers are converted to float32, where PyTorch refuses.
    #[doc(alias = "torch.var")]
    #[track_caller]
    #[must_use]
    pub fn var(&self) -> Tensor {
        self.to(self.dtype().to_float()).spread(Plan::all(self), 1.0, false)
    }

    /// The standard deviation of all elements, with correction 1. Integers are converted to float32, where PyTorch
    /// refuses.
    #[doc(alias = "torch.std")]
    #[track_caller]
    #[must_use]
    pub fn std(&self) -> Tensor {
        self.to(self.dtype().to_float()).spread(Plan::all(self), 1.0, true)
    }

    /// The variances over some dimensions (over all with `()`): squared distances from the mean, divided by
    /// `count − correction`.
    ///
    /// # Errors
    /// If there are no such dimensions, one is named twice, or the elements are not floating point.
    #[track_caller]
    pub fn var_dim(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<Tensor> {
        Ok(self.spread(self.spread_plan("var", dims, keepdim)?, correction, false))
    }

    /// The standard deviations over some dimensions: roots of [`var_dim`](Tensor::var_dim). Where it is 0, so is the
    /// gradient.
    ///
    /// # Errors
    /// As [`var_dim`](Tensor::var_dim).
    #[track_caller]
    pub fn std_dim(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<Tensor> {
        Ok(self.spread(self.spread_plan("std", dims, keepdim)?, correction, true))
    }

    /// [`var_dim`](Tensor::var_dim) and [`mean_dim`](Tensor::mean_dim).
    ///
    /// # Errors
    /// As [`var_dim`](Tensor::var_dim).
    #[doc(alias = "torch.var_mean")]
    #[track_caller]
    pub fn var_mean(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let dims = dims.ints();
        let plan = self.spread_plan("var_mean", dims.as_slice(), keepdim)?;
        Ok((self.spread(plan, correction, false), self.mean_dim(dims.as_slice(), keepdim)?))
    }

    /// [`std_dim`](Tensor::std_dim) and [`mean_dim`](Tensor::mean_dim).
    ///
    /// # Errors
    /// As [`var_dim`](Tensor::var_dim).
    #[doc(alias = "torch.std_mean")]
    #[track_caller]
    pub fn std_mean(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<(Tensor, Tensor)> {
        let dims = dims.ints();
        let plan = self.spread_plan("std_mean", dims.as_slice(), keepdim)?;
        Ok((self.spread(plan, correction, true), self.mean_dim(dims.as_slice(), keepdim)?))
    }

    #[track_caller]
    fn spread_plan(&self, op: &'static str, dims: impl Ints, keepdim: bool) -> Result<Plan> {
        if !self.dtype().is_float() {
            return Err(Error::not_float(op, self.dtype()));
        }
        Plan::new(op, self, dims, keepdim)
    }

    #[track_caller]
    fn spread(&self, plan: Plan, correction: f64, root: bool) -> Tensor {
        let count = plan.count(self) as f64;
        let degrees = (count - correction).max(0.0);
        let out = with_float!(self.dtype(), T => {
            let groups = Groups::<T>::of(&plan, self);
            let mut means = totals(Itself, &groups, None);
            means.iter_mut().for_each(|sum| *sum /= count);
            let squares = totals(Square, &groups, Some(&means));
            let value = |sum: f64| if root { (sum / degrees).sqrt() } else { sum / degrees };
            groups.tensor(squares.iter().map(|&sum| value(sum) as T).collect())
        });
        if root {
            out.record(Std { plan, degrees }, &[self])
        } else {
            out.record(Var { plan, degrees }, &[self])
        }
    }

    /// The covariances `(n, n)` of `n` variables, one a row, from observations, one a column; a vector is one variable.
    /// An observation counts as often as `fweights` say, which are int64, and as much as `aweights` say. Weights of
    /// float32 are summed in float64 beside elements of float64, where PyTorch sums them in float32.
    ///
    /// # Errors
    /// If there are more than two dimensions, the elements are bools, or the weights are not one for each observation.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]);
    /// assert_eq!(x.cov(1.0, None, None)?.to_string(), "tensor([[ 1., -1.],\n        [-1.,  1.]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.cov")]
    #[track_caller]
    pub fn cov(
        &self,
        correction: f64,
        fweights: Option<&Tensor>,
        aweights: Option<&Tensor>,
    ) -> Result<Tensor> {
        if self.dim() > 2 || self.dtype() == DType::Bool {
            return Err(Error::shape(
                "cov",
                format!("expected variables in rows, found {} of shape {:?}", self.dtype(), self.shape()),
            ));
        }
        let x = self.to(self.dtype().to_float());
        let x = if self.dim() < 2 { x.reshape([1, -1])? } else { x };
        let observations = x.size(1)?;
        for (name, weights) in [("fweights", fweights), ("aweights", aweights)] {
            let Some(weights) = weights else { continue };
            let (counts, fits) = (name == "fweights", weights.shape() == [observations]);
            if !fits || (weights.dtype() == DType::I64) != counts || weights.lt(0)?.any().item()? != 0.0 {
                return Err(Error::value(
                    "cov",
                    format!(
                        "{name} must be {observations} numbers of {}, none negative; found {} of shape {:?}",
                        if counts { "int64" } else { "float32 or float64" },
                        weights.dtype(),
                        weights.shape()
                    ),
                ));
            }
        }
        let weights = match (fweights, aweights) {
            (Some(f), Some(a)) => f.mul(a)?,
            (Some(w), None) | (None, Some(w)) => w.clone(),
            (None, None) => Tensor::full(observations, 1, x.dtype())?,
        };
        let weights = weights.to(x.dtype());
        let total = weights.sum();
        let distance = x.sub(&x.mul(&weights)?.sum_dim(1, true)?.div(&total)?)?;
        let lost = match aweights {
            Some(a) => weights.mul(a)?.sum().div(&total)? * correction,
            None => Tensor::scalar(correction, x.dtype()),
        };
        let degrees = total.sub(&lost)?.clamp(0.0, None)?;
        let out = distance.mul(&weights)?.matmul(&distance.t()?)?.div(&degrees)?;
        // Of one variable it is a number.
        if out.numel() == 1 { out.reshape(()) } else { Ok(out) }
    }

    /// The correlations `(n, n)` of `n` variables, one a row: covariances divided by both standard deviations.
    ///
    /// # Errors
    /// As [`cov`](Tensor::cov).
    #[doc(alias = "torch.corrcoef")]
    #[track_caller]
    pub fn corrcoef(&self) -> Result<Tensor> {
        let c = self.cov(1.0, None, None)?;
        if c.dim() == 0 {
            return c.div(&c);
        }
        let spread = (c.mul(&Tensor::eye(c.shape()[0], c.shape()[0], c.dtype())?)?).sum_dim(1, false)?.sqrt();
        c.div(&spread.unsqueeze(1)?)?.div(&spread)?.clamp(-1.0, 1.0)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("var", |x| x[0].var_dim(1, 1.0, false), x()),
        case("var of all", |x| Ok(x[0].var()), x()),
        case("std", |x| x[0].std_dim((), 0.0, true), x()),
        case("std of all", |x| Ok(x[0].std()), x()),
        case("var_mean", |x| x[0].var_mean(0, 1.0, true).and_then(|(v, m)| v.mul(&m)), x()),
        case("std_mean", |x| x[0].std_mean(1, 1.0, true).and_then(|(s, m)| s.mul(&m)), x()),
        case("cov", |x| x[0].cov(1.0, None, None), x()),
        case(
            "cov, weighted",
            |x| x[0].cov(1.0, None, Some(&x[1])),
            vec![x()[0].clone(), float64([0.5, 1.0, 2.0])],
        ),
        case(
            "corrcoef",
            |x| x[0].narrow(1, 0, 3)?.corrcoef(),
            vec![float64([[0.4, -1.3, 2.0], [0.1, 0.9, 0.3]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, arange, tensor};

    #[test]
    fn a_small_spread_far_from_zero_is_exact() {
        let x = tensor([1e8, 1e8 + 8.0, 1e8 + 16.0]);
        assert_eq!(x.var().item().unwrap(), 64.0);
        let large = tensor([1e30, -1e30]);
        assert!((large.std().item().unwrap() / 1.414_213_6e30 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn any_dimension_of_any_view() {
        let x = arange(0, 60, 1).unwrap().to(DType::F64).sin().reshape([3, 4, 5]).unwrap();
        for view in [x.clone(), x.permute([2, 0, 1]).unwrap(), x.slice(2, 0, 5, 2).unwrap()] {
            for dims in [vec![0], vec![1], vec![2], vec![0, 2], vec![0, 1, 2]] {
                let distance = view.sub(&view.mean_dim(&dims, true).unwrap()).unwrap();
                let expected = distance.square().mean_dim(&dims, false).unwrap();
                let found = view.var_dim(&dims, 0.0, false).unwrap();
                assert!(found.allclose(&expected, 1e-12, 0.0).unwrap(), "{dims:?}");
            }
        }
    }

    #[test]
    fn weights_repeat_observations() {
        let x = tensor([[0.0, 1.0, 5.0], [2.0, 1.0, 0.0]]);
        let repeated = tensor([[0.0, 1.0, 1.0, 5.0], [2.0, 1.0, 1.0, 0.0]]);
        let found = x.cov(1.0, Some(&tensor([1, 2, 1])), None).unwrap();
        assert!(found.allclose(&repeated.cov(1.0, None, None).unwrap(), 1e-6, 0.0).unwrap());
        assert!(x.cov(1.0, Some(&tensor([1.0, 2.0, 1.0])), None).is_err());
        assert!(x.cov(1.0, Some(&tensor([1, 2])), None).is_err());
    }
}

//! Lengths: p-norms of vectors, norms of matrices, and vectors scaled to length 1.
//!
//! `‖x‖ₚ = (Σ |xᵢ|ᵖ)^(1/p)`; ∞ is the largest `|xᵢ|`, −∞ the smallest, 0 counts what is not zero.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([3.0, -4.0]);
//! assert_eq!(x.norm().to_string(), "tensor(5.)");
//! assert_eq!(x.vector_norm(1.0, (), false)?.to_string(), "tensor(7.)");
//! assert_eq!(x.normalize(2.0, 0, 1e-12)?.to_string(), "tensor([ 0.6000, -0.8000])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::extreme::extremes;
use super::reduce::{Groups, Plan, fold};
use super::sum::totals;
use super::truth::nonzero;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op};
use crate::dtype::{DType, Element};
use crate::error::{AtCaller, Error, Result};
use crate::layout::{Ints, Shape};
use crate::storage::with_float;
use crate::tensor::Tensor;
use kernel::{Float, Map2};
use smallvec::SmallVec;

/// `(|x| / scale)ᵖ`
#[derive(Clone, Copy)]
struct Power(f64);
impl Map2 for Power {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, scale: R) -> R {
        (x.abs() / scale).pow_scalar(self.0)
    }
}

/// `|x|`
#[derive(Clone, Copy)]
struct Size;
impl Map2 for Size {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, _: R) -> R {
        x.abs()
    }
}

/// `x²`
#[derive(Clone, Copy)]
struct Square;
impl Map2 for Square {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, _: R) -> R {
        x.clone() * x
    }
}

/// `x^(1/p)`, to the last digit: `1/p` is rounded, which the logarithm of a small `x` multiplies. A step of Newton's method
/// repairs it, so that the norm of one number is that number.
fn root(x: f64, p: f64) -> f64 {
    let y = x.powf(1.0 / p);
    let power = y.powf(p);
    let better = y - y * ((power - x) / (p * power));
    if better.is_finite() && power.is_normal() { better } else { y }
}

/// The norms for a finite `p` other than 0, computed in `f64`.
fn norms<T: Float + Element>(x: &Tensor, plan: &Plan, p: f64) -> Tensor {
    let groups = Groups::<T>::of(plan, x);
    let scaled = |scales: &[f64]| {
        let mut norms = totals(Power(p), &groups, Some(scales));
        norms.iter_mut().zip(scales).for_each(|(sum, scale)| *sum = root(*sum, p) * scale);
        norms
    };
    let ones: SmallVec<[f64; 16]> = SmallVec::from_elem(1.0, groups.len());
    let mut norms = match p {
        1.0 => totals(Size, &groups, None),
        2.0 => {
            let mut norms = totals(Square, &groups, None);
            norms.iter_mut().for_each(|sum| *sum = sum.sqrt());
            norms
        }
        _ => scaled(&ones),
    };
    // Powers may leave the range of f64 where the norm does not; those of f32 only if p is large.
    let wide = p > 1.0 && (T::DTYPE == DType::F64 || p > 4.0);
    if wide && norms.iter().any(|norm| norm.powf(p) < 1e-280 || norm.powf(p) > 1e300) {
        let mut scales = SmallVec::<[f64; 16]>::from_elem(0.0, groups.len());
        groups.each(|range, block, side| {
            fold(&mut scales[range], block, side, |largest, x| Element::to_f64(x).abs().max(largest));
        });
        scales.iter_mut().filter(|s| **s == 0.0 || s.is_infinite()).for_each(|scale| *scale = 1.0);
        norms = scaled(&scales);
    }
    groups.tensor(norms.iter().map(|&norm| <T as Element>::from_f64(norm)).collect())
}

/// `∂x = ∂y · sgn(x)·(|x|/y)^(p−1)`, and 0 where `y` is; for ±∞ shared by the elements that are the norm.
struct Norm {
    p: f64,
    plan: Plan,
}

impl Op for Norm {
    fn name(&self) -> &'static str {
        "LinalgVectorNorm"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let Norm { p, plan } = self;
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let y = ctx.output()?.reshape(&plan.kept)?;
            pull(&x, &y, &grad.reshape(&plan.kept)?, *p, &plan.dims)
        })
    }
}

/// The gradient of `x` from that of its norms `y` over `dims`, which are there with size 1.
pub(crate) fn pull(x: &Tensor, y: &Tensor, grad: &Tensor, p: f64, dims: &Shape) -> Result<Tensor> {
    if p == 0.0 {
        return Ok(x.zeros_like());
    }
    if p == 1.0 {
        return x.sign().mul(grad);
    }
    if p.is_infinite() {
        let (size, y) = (x.detach().abs(), y.detach());
        let ties = size.eq(&y)?.logical_or(&size.isnan().logical_and(&y.isnan())?)?.to(x.dtype());
        let share = ties.div(&ties.sum_dim(dims, true)?)?;
        return x.sign().mul(&share)?.mul(grad);
    }
    let none = y.eq(0.0)?;
    let y = y.masked_fill(&none, 1.0)?;
    let grad = grad.masked_fill(&none, 0.0)?;
    if p == 2.0 {
        // In this order a vector of one number is ±1 exactly, its second derivative 0; and tiny norms do not overflow.
        return x.div(&y)?.mul(&grad);
    }
    // A power of 0 has no slope, or an infinite one; the gradient there is 0.
    let zero = x.eq(0.0)?;
    let ratio = x.abs().masked_fill(&zero, 1.0)?.div(&y)?;
    x.sign().mul(&ratio.pow(p - 1.0)?)?.mul(&grad)
}

impl Tensor {
    /// The length of the vector of all elements, `√Σx²`. Integers are converted to float32, where PyTorch refuses.
    #[doc(alias = "torch.norm")]
    #[track_caller]
    #[must_use]
    pub fn norm(&self) -> Tensor {
        let x = self.to(self.dtype().to_float());
        let plan = Plan::all(&x);
        x.norm_over(2.0, plan)
    }

    /// The p-norms over some dimensions, over all with `()`. `p` may be any number, ∞, −∞ and 0 included.
    ///
    /// # Errors
    /// If there are no such dimensions, one is named twice, the elements are not floating point, or there is nothing to
    /// choose an extreme from.
    #[doc(alias = "torch.linalg.vector_norm")]
    #[doc(alias = "torch.norm")]
    #[track_caller]
    pub fn vector_norm(&self, p: f64, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("vector_norm", self.dtype()));
        }
        let plan = Plan::new("vector_norm", self, dims, keepdim)?;
        if p < 0.0 || p.is_infinite() {
            plan.something("vector_norm", self)?;
        }
        Ok(self.norm_over(p, plan))
    }

    #[track_caller]
    fn norm_over(&self, p: f64, plan: Plan) -> Tensor {
        let x = self.detach();
        // A single number is as long as it is large, whatever the power, and its second derivative is 0, not rounding.
        let p = if p != 0.0 && plan.count(&x) == 1 { 1.0 } else { p };
        let out = if p == 0.0 {
            nonzero(&x, &plan).to(x.dtype())
        } else if p.is_infinite() {
            extremes(&x.abs(), &plan, p > 0.0)
        } else {
            with_float!(x.dtype(), T => norms::<T>(&x, &plan, p))
        };
        out.record(Norm { p, plan }, &[self])
    }

    /// Norms of the matrices in two dimensions, rows and columns: √Σx² (Frobenius) with `None`, the largest sum of `|x|`
    /// of a column with 1, of a row with ∞, the smallest with −1 and −∞; the largest and the smallest singular value with 2
    /// and −2.
    ///
    /// # Errors
    /// If there are no such dimensions, they are one, the elements are not floating point, `ord` is another number, or a
    /// matrix that has to be decomposed is not finite.
    #[doc(alias = "torch.linalg.matrix_norm")]
    #[track_caller]
    pub fn matrix_norm(
        &self,
        ord: impl Into<Option<f64>>,
        dims: [isize; 2],
        keepdim: bool,
    ) -> Result<Tensor> {
        let Some(ord) = ord.into() else { return self.vector_norm(2.0, dims, keepdim) };
        if ![1.0, 2.0, f64::INFINITY].contains(&ord.abs()) {
            return Err(Error::value(
                "matrix_norm",
                format!("expected ±1, ±2 or ±inf, or None for the Frobenius norm; found {ord}"),
            ));
        }
        if ord.abs() == 2.0 {
            return self.of_singular_values("matrix_norm", dims, keepdim, |s| {
                if ord > 0.0 { s.amax(-1, false) } else { s.amin(-1, false) }
            });
        }
        Plan::new("matrix_norm", self, dims, true)?;
        let [rows, columns] = dims.map(|d| self.layout.dim("matrix_norm", d));
        let (summed, chosen) = if ord.is_finite() { (rows?, columns?) } else { (columns?, rows?) };
        let sums = self.vector_norm(1.0, summed, true)?;
        let out = if ord > 0.0 { sums.amax(chosen, true)? } else { sums.amin(chosen, true)? };
        if keepdim { Ok(out) } else { out.squeeze_dim(dims) }
    }

    /// The sums of the singular values of the matrices in two dimensions: PyTorch's matrix norm `"nuc"`.
    ///
    /// # Errors
    /// If there are no such dimensions, they are one, or the elements are not floating point or not finite.
    ///
    /// ```
    /// use tensor::eye;
    /// assert_eq!(eye(3)?.nuclear_norm([0, 1], false)?.to_string(), "tensor(3.)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nuclear_norm")]
    #[track_caller]
    pub fn nuclear_norm(&self, dims: [isize; 2], keepdim: bool) -> Result<Tensor> {
        self.of_singular_values("nuclear_norm", dims, keepdim, |s| s.sum_dim(-1, false))
    }

    #[track_caller]
    fn of_singular_values(
        &self,
        op: &'static str,
        dims: [isize; 2],
        keepdim: bool,
        choose: impl Fn(&Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let (rows, columns) = self.two_dims(op, dims[0], dims[1])?;
        let last = self.movedim([rows as i64, columns as i64], [-2, -1])?;
        let out = choose(&last.svdvals()?).at_caller()?;
        if !keepdim {
            return Ok(out);
        }
        let (first, second) = (rows.min(columns), rows.max(columns));
        out.unsqueeze(first as isize)?.unsqueeze(second as isize)
    }

    /// This divided by its p-norm over `dims`, so that the norm is 1; by `eps`, where the norm is less.
    ///
    /// # Errors
    /// As [`vector_norm`](Tensor::vector_norm).
    #[doc(alias = "torch.nn.functional.normalize")]
    #[track_caller]
    pub fn normalize(&self, p: f64, dims: impl Ints, eps: f64) -> Result<Tensor> {
        self.div(&self.vector_norm(p, dims, true)?.clamp(eps, None)?)
    }

    /// This with every slice of `dim` whose p-norm exceeds `limit` scaled down to it.
    ///
    /// # Errors
    /// If there is no such dimension, the elements are not floating point, `p` is not positive or `limit` negative.
    #[doc(alias = "torch.renorm")]
    #[track_caller]
    pub fn renorm(&self, p: f64, dim: isize, limit: f64) -> Result<Tensor> {
        let d = self.layout.dim("renorm", dim)?;
        let sensible = p > 0.0 && limit >= 0.0;
        if self.dim() < 2 || !sensible {
            return Err(Error::value(
                "renorm",
                format!("shape {:?} has no slices that {p}-norms could limit to {limit}", self.shape()),
            ));
        }
        let others: Shape = (0..self.dim()).filter(|&other| other != d).collect();
        let norm = self.vector_norm(p, others, true)?;
        let exceeds = norm.gt(limit)?;
        // PyTorch's guard against a division by zero.
        self.mul(&norm.add(1e-7)?.reciprocal().mul(limit)?.where_(&exceeds, 1.0)?)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("norm", |x| Ok(x[0].norm()), x()),
        case("1-norm", |x| x[0].vector_norm(1.0, 1, false)?.mul(&x[0].norm()), x()),
        case("2-norm", |x| x[0].vector_norm(2.0, 0, true), x()),
        case("3-norm", |x| x[0].vector_norm(3.0, (), false), x()),
        case("1.5-norm", |x| x[0].vector_norm(1.5, 1, false), x()),
        case("0.5-norm", |x| x[0].vector_norm(0.5, 1, false), x()),
        case("-1-norm", |x| x[0].vector_norm(-1.0, 1, false), x()),
        case("maximum norm", |x| x[0].vector_norm(f64::INFINITY, 1, false)?.mul(&x[0].norm()), x()),
        case("minimum norm", |x| x[0].vector_norm(f64::NEG_INFINITY, 0, false)?.mul(&x[0].norm()), x()),
        case("spectral norm", |x| x[0].matrix_norm(2.0, [0, 1], true), x()),
        case("nuclear norm", |x| x[0].nuclear_norm([1, 0], false), x()),
        case("Frobenius norm", |x| x[0].matrix_norm(None, [0, 1], true), x()),
        case("renorm", |x| x[0].renorm(2.0, 0, 1.5), x()),
        case("normalize", |x| x[0].normalize(2.0, 1, 1e-12), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, tensor};

    #[test]
    fn squares_may_leave_the_range() {
        for (size, dtype) in
            [(1e200, DType::F64), (1e-200, DType::F64), (3e37, DType::F32), (1e-42, DType::F32)]
        {
            let x = (tensor([3.0, -4.0]).to(DType::F64) * size).to(dtype);
            for p in [2.0, 3.0, 6.0] {
                let expected = x.abs().max().unwrap().item().unwrap() * (0.75f64.powf(p) + 1.0).powf(1.0 / p);
                let found = x.vector_norm(p, (), false).unwrap().item().unwrap();
                assert!((found / expected - 1.0).abs() < 1e-3, "{size} {p}: {found}, {expected}");
            }
        }
        let nan = tensor([f64::NAN, 1.0]).to(DType::F64);
        assert!(nan.norm().item().unwrap().is_nan());
    }

    #[test]
    fn one_number_is_a_line() {
        for p in [0.5, 1.5, 2.0, 3.0, 4.0] {
            let x = (tensor([[-0.3], [1e-6]]).to(DType::F64)).requires_grad();
            let y = x.vector_norm(p, 1, false).unwrap();
            assert_eq!(y.to_vec::<f64>().unwrap(), x.abs().to_vec::<f64>().unwrap(), "{p}");
            let slope = crate::grad(&y.sum(), &[&x]).unwrap().remove(0);
            assert_eq!(slope.to_vec::<f64>().unwrap(), [-1.0, 1.0], "{p}");
        }
        // Where 1/‖x‖ leaves the range.
        let x = tensor([3e-40f32, 4e-40]).requires_grad();
        x.norm().backward().unwrap();
        let slopes = x.grad().unwrap().to_vec::<f32>().unwrap();
        assert!((slopes[0] - 0.6).abs() < 1e-4 && (slopes[1] - 0.8).abs() < 1e-4, "{slopes:?}");
    }

    #[test]
    fn at_zero_the_gradient_is_zero() {
        for p in [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, f64::INFINITY] {
            let x = tensor([0.0, 0.0]).requires_grad();
            x.vector_norm(p, (), false).unwrap().backward().unwrap();
            assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 0.0], "{p}");
        }
    }

    #[test]
    fn matrices() {
        let x = tensor([[1.0, -2.0], [3.0, 4.0]]);
        let norm = |ord| x.matrix_norm(ord, [0, 1], false).and_then(|n| n.item());
        assert_eq!(
            [1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY].map(|o| norm(o).unwrap()),
            [6.0, 4.0, 7.0, 3.0]
        );
        // s₁² + s₂² = 30, s₁·s₂ = 10
        let expected = [50f64.sqrt() + 10f64.sqrt(), 50f64.sqrt() - 10f64.sqrt()].map(|x| x / 2.0);
        assert!([norm(2.0), norm(-2.0)].map(|n| n.unwrap()).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
        let cube = x.unsqueeze(0).unwrap().expand([3, 2, 2]).unwrap();
        assert_eq!(cube.nuclear_norm([1, -1], true).unwrap().shape(), [3, 1, 1]);
        assert!(norm(3.0).is_err() && x.nuclear_norm([1, 1], false).is_err());
        assert!(x.matrix_norm(1.0, [0, 0], false).is_err());
    }

    #[test]
    fn of_nothing() {
        let none = Tensor::zeros_like(&crate::zeros([0, 2]).unwrap());
        assert_eq!(none.norm().item().unwrap(), 0.0);
        assert!(none.vector_norm(f64::INFINITY, (), false).is_err());
    }
}

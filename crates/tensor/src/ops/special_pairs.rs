//! Special functions of two numbers: angles and lengths, sums of exponentials, products with logarithms, ζ.
//!
//! ```
//! use tensor::tensor;
//! let (x, y) = (tensor([0.0, 2.0]), tensor([0.0, 3.0]));
//! assert_eq!(x.xlogy(&y)?.to_string(), "tensor([0.0000, 2.1972])");
//! assert_eq!(x.logaddexp(&y)?.to_string(), "tensor([0.6931, 3.3133])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, functions2};
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use kernel::formula;
use std::f64::consts::LN_2;

functions2! {
    /// The angle of the point `(other, self)`.
    #[doc(alias = "arctan2")]
    Atan2 atan2 "Atan2": |x, y| x.atan2(y),
        |x, y, g| g * y.clone() * over_square(x, y),
        |x, y, g| -(g * x.clone()) * over_square(x, y), rare true;
    /// `√(self² + other²)`, where the squares may overflow; slope 0 at the origin.
    Hypot hypot "Hypot": |x, y| x.hypot(y),
        |x, y, g| g * over_length(x.clone(), x, y),
        |x, y, g| g * over_length(y.clone(), x, y), rare true;
    /// `ln(eˣ + eʸ)` without overflow.
    #[doc(alias = "torch.logaddexp")]
    LogAddExp logaddexp "Logaddexp": |x, y| formula::log_add_exp(x, y),
        |x, y, g| g * formula::distance(x, y).sigmoid(),
        |x, y, g| g * formula::distance(y, x).sigmoid(), rare true;
    /// `log₂(2ˣ + 2ʸ)` without overflow.
    #[doc(alias = "torch.logaddexp2")]
    LogAddExp2 logaddexp2 "Logaddexp2": |x, y| formula::log_add_exp2(x, y),
        |x, y, g| g * (formula::distance(x, y) * LN_2).sigmoid(),
        |x, y, g| g * (formula::distance(y, x) * LN_2).sigmoid(), rare true;
    /// `x·ln y`; 0 where x is 0 and y is a number.
    #[doc(alias = "torch.special.xlogy")]
    Xlogy xlogy "Xlogy": |x, y| formula::xlogy(x, y),
        |x, y, g| g * kept(&x, y, 0.0).ln(),
        |x, y, g| g * (x.clone() / kept(&x, y, 0.0)), rare true;
    /// `x·ln(1 + y)`; 0 where x is 0 and y is a number.
    #[doc(alias = "torch.special.xlog1py")]
    Xlog1py xlog1py "SpecialXlog1Py": |x, y| formula::xlog1py(x, y),
        |x, y, g| g * (kept(&x, y, -1.0)).ln_1p(),
        |x, y, g| g * (x.clone() / (kept(&x, y, -1.0) + 1.0)), rare true;
}

/// `1/(x² + y²)`, and 0 at the origin, where the angle has no slope.
#[inline(always)]
fn over_square<R: kernel::Real>(x: R, y: R) -> R {
    let square = x.clone() * x + y.clone() * y;
    let origin = square.clone().eq_scalar(0.0);
    let safe = R::select(origin.clone(), square.constant(1.0), square.clone());
    R::select(origin, square.constant(0.0), square.constant(1.0) / safe)
}

/// `part/√(x² + y²)`, and 0 at the origin.
#[inline(always)]
fn over_length<R: kernel::Real>(part: R, x: R, y: R) -> R {
    let length = x.hypot(y);
    let origin = length.clone().eq_scalar(0.0);
    let safe = R::select(origin.clone(), length.constant(1.0), length);
    R::select(origin, part.zero(), part / safe)
}

/// y, but where x is 0 and y at or below the end of the logarithm's domain, the number whose logarithm is 0.
#[inline(always)]
fn kept<R: kernel::Real>(x: &R, y: R, end: f64) -> R {
    let beyond = y.clone().le(y.constant(end));
    let one = R::select(beyond, y.constant(end + 1.0), y.clone());
    R::select(x.clone().eq_scalar(0.0), one, y)
}

/// `ζ(x, q) = Σ (q + k)⁻ˣ`
#[derive(Clone, Copy)]
struct Zeta;

impl Function2 for Zeta {
    const NAME: &'static str = "SpecialZeta";
    const METHOD: &'static str = "zeta";
    const RARE: bool = true;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, q: R) -> R {
        x.zeta(q)
    }
    // `Tensor::zeta` has refused an x that needs a gradient.
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad.zero()
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, q: R, grad: R) -> R {
        -grad * x.clone() * (x + 1.0).zeta(q)
    }
}

impl Tensor {
    /// Hurwitz' zeta function `Σ (other + k)^−self` over k ≥ 0, with a gradient for `other` alone.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or `self` needs a gradient.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([2.0]).zeta(1.0)?.to_string(), "tensor([1.6449])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.special.zeta")]
    #[track_caller]
    pub fn zeta<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        if self.needs_grad() {
            return Err(Error::graph("zeta", "there is no derivative by the exponent; pass it detached"));
        }
        self.apply2(Zeta, other)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = broadcast_cases(&[
        ("atan2", |x| x[0].atan2(&x[1])),
        ("hypot", |x| x[0].hypot(&x[1])),
        ("logaddexp", |x| x[0].logaddexp(&x[1])),
        ("logaddexp2", |x| x[0].logaddexp2(&x[1])),
        ("xlogy", |x| x[0].xlogy(&x[1].abs())),
        ("xlog1py", |x| x[0].xlog1py(&x[1].abs())),
    ]);
    cases.push(case("zeta", |x| float64([2.5, 3.0]).zeta(&x[0]), vec![float64([1.3, 2.5])]));
    cases
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn products_with_zero_are_zero() {
        let (x, y) = (tensor([0.0, 0.0, 2.0]).requires_grad(), tensor([0.0, f64::NAN, 1.0]).requires_grad());
        let z = x.xlogy(&y).unwrap();
        let values = z.to_vec::<f32>().unwrap();
        assert!(values[0] == 0.0 && values[1].is_nan() && values[2] == 0.0);
        z.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap()[0], 0.0);
        assert_eq!(y.grad().unwrap().to_vec::<f32>().unwrap()[0], 0.0);
    }

    #[test]
    fn an_exponent_has_no_gradient() {
        assert!(tensor([2.0]).requires_grad().zeta(1.0).is_err());
    }
}

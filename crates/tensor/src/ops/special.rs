//! Special functions of one number: of the error function's, the gamma function's and Bessel's families.
//!
//! Most of them live in PyTorch's `torch.special`.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([0.5, 2.0]);
//! assert_eq!(x.lgamma().to_string(), "tensor([0.5724, 0.0000])");
//! assert_eq!(x.i0().to_string(), "tensor([1.0635, 2.2796])");
//! ```

use super::unary::{Function, cases_at, functions};
use crate::autograd::Keep;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use kernel::formula;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

functions! {
    /// Error function `2/√π ∫₀ˣ e^(−t²) dt`.
    Erf erf "Erf" keeps Inputs: |x| x.erf(), |x| (-(x.clone() * x)).exp() * FRAC_2_SQRT_PI;
    /// `1 − erf(x)`, exact in the tail.
    Erfc erfc "Erfc" keeps Inputs: |x| x.erfc(), |x| (-(x.clone() * x)).exp() * -FRAC_2_SQRT_PI;
    /// `e^(x²)·erfc(x)`, where one overflows and the other is 0.
    #[doc(alias = "torch.special.erfcx")]
    Erfcx erfcx "SpecialErfcx" keeps Inputs: |x| x.erfcx(), |x| x.clone() * x.erfcx() * 2.0 - FRAC_2_SQRT_PI, rare true;
    /// The inverse of the error function; NaN outside of [−1, 1].
    Erfinv erfinv "Erfinv" keeps Output: |x| x.erfinv(), |y| (y.clone() * y).exp() * (1.0 / FRAC_2_SQRT_PI), rare true;
    /// Φ, the cumulative normal distribution, exact in the tail.
    #[doc(alias = "torch.special.ndtr")]
    Ndtr ndtr "Mul" keeps Inputs: |x| x.normal_cdf(), |x| x.normal_pdf(), rare true;
    /// The inverse of [`ndtr`](Tensor::ndtr); NaN outside of [0, 1].
    #[doc(alias = "torch.special.ndtri")]
    Ndtri ndtri "SpecialNdtri" keeps Output: |x| x.ndtri(), |y| (y.clone() * y * 0.5).exp() * (2.0 * PI).sqrt(), rare true;
    /// `ln Φ(x)`, exact in the tail.
    #[doc(alias = "torch.special.log_ndtr")]
    LogNdtr log_ndtr "SpecialLogNdtr" keeps Inputs: |x| x.log_ndtr(),
        |x| x.constant((2.0 / PI).sqrt()) / (x * -FRAC_1_SQRT_2).erfcx(), rare true;
    /// `ln |Γ(x)|`
    #[doc(alias = "torch.special.gammaln")]
    Lgamma lgamma "Lgamma" keeps Inputs: |x| x.lgamma(), |x| x.digamma(), rare true;
    /// `ψ(x) = d/dx ln Γ(x)`
    #[doc(alias = "torch.special.psi")]
    Digamma digamma "Digamma" keeps Inputs: |x| x.digamma(), |x| x.polygamma(1), rare true;
    /// `sin(πx)/(πx)`; 1 at 0.
    #[doc(alias = "torch.special.sinc")]
    Sinc sinc "Sinc" keeps Inputs: |x| formula::sinc(x), |x| formula::sinc_slope(x), rare true;
    /// `ln(x/(1 − x))`, the inverse of [`sigmoid`](Tensor::sigmoid); NaN outside of [0, 1].
    #[doc(alias = "torch.special.logit")]
    Logit logit "Logit" keeps Inputs: |x| formula::logit(x), |x| logit_slope(x, 0.0, f64::NAN), rare true;
    /// `−x·ln x`; 0 at 0, −∞ below.
    #[doc(alias = "torch.special.entr")]
    Entr entr "SpecialEntr" keeps Inputs: |x| formula::entr(x), |x| -x.ln() - 1.0, rare true;
    /// The modified Bessel function of the first kind, order 0.
    #[doc(alias = "torch.special.i0")]
    I0 i0 "I0" keeps Inputs: |x| x.i0(), |x| x.i1(), rare true;
    /// `e^−|x|·i0(x)`
    #[doc(alias = "torch.special.i0e")]
    I0e i0e "SpecialI0E" keeps Inputs: |x| x.i0e(), |x| x.clone().i1e() - x.clone().sign() * x.i0e(), rare true;
    /// The modified Bessel function of the first kind, order 1.
    #[doc(alias = "torch.special.i1")]
    I1 i1 "SpecialI1" keeps Inputs: |x| x.i1(), |x| x.clone().i0() - over(x.clone().i1(), x), rare true;
    /// `e^−|x|·i1(x)`
    #[doc(alias = "torch.special.i1e")]
    I1e i1e "SpecialI1E" keeps Inputs: |x| x.i1e(),
        |x| x.clone().i0e() - x.clone().sign() * x.clone().i1e() - over(x.clone().i1e(), x), rare true;
}

/// `y/x`, and the limit ½ of both Bessel functions' at 0.
#[inline(always)]
fn over<R: kernel::Real>(y: R, x: R) -> R {
    let zero = x.clone().eq_scalar(0.0);
    let safe = R::select(zero.clone(), x.constant(1.0), x);
    R::select(zero, y.constant(0.5), y / safe)
}

/// The n-th derivative of ψ.
#[derive(Clone, Copy)]
struct Polygamma(i64);

impl Function for Polygamma {
    const NAME: &'static str = "Polygamma";
    const KEEPS: Keep = Keep::Inputs;
    const RARE: bool = true;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R) -> R {
        x.polygamma(self.0)
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        x.polygamma(self.0.saturating_add(1))
    }
}

/// `ln(x/(1 − x))` with x brought into [eps, 1 − eps] first; slope 0 beyond.
#[derive(Clone, Copy)]
struct LogitWithin(f64);

impl Function for LogitWithin {
    const NAME: &'static str = "Logit";
    const KEEPS: Keep = Keep::Inputs;
    const RARE: bool = true;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R) -> R {
        // With eps above ½ the lower bound wins, as in PyTorch.
        let low = x.clone().lt_scalar(self.0);
        let eps = x.constant(self.0);
        formula::logit(R::select(low, eps, x.min_scalar(1.0 - self.0)))
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        logit_slope(x, self.0, 0.0)
    }
}

/// `1/(x·(1 − x))` from eps to 1 − eps, and `beyond` elsewhere.
#[inline(always)]
fn logit_slope<R: kernel::Real>(x: R, eps: f64, beyond: f64) -> R {
    let slope = x.constant(1.0) / (x.clone() * (-x.clone() + 1.0));
    let slope = R::select(x.clone().lt_scalar(eps), x.constant(beyond), slope);
    R::select(x.clone().gt_scalar(1.0 - eps), x.constant(beyond), slope)
}

impl Tensor {
    /// The n-th derivative of [`digamma`](Tensor::digamma); for n = 0 digamma itself.
    ///
    /// # Errors
    /// If n is negative.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1.0, 0.5]).polygamma(1)?.to_string(), "tensor([1.6449, 4.9348])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.special.polygamma")]
    #[track_caller]
    pub fn polygamma(&self, n: i64) -> Result<Tensor> {
        if n < 0 {
            return Err(Error::value("polygamma", format!("the order must not be negative, found {n}")));
        }
        Ok(self.apply(Polygamma(n)))
    }

    /// [`logit`](Tensor::logit) of x brought into `[eps, 1 − eps]`; slope 0 beyond.
    #[doc(alias = "torch.special.logit")]
    #[track_caller]
    #[must_use]
    pub fn logit_eps(&self, eps: f64) -> Tensor {
        self.apply(LogitWithin(eps))
    }

    /// The multivariate `ln Γ_p(x) = p(p − 1)/4·ln π + Σ ln Γ(x − j/2)` over j from 0 to p − 1.
    ///
    /// # Errors
    /// If p, the order of a matrix, is not between 1 and 65,536.
    #[doc(alias = "torch.special.multigammaln")]
    #[track_caller]
    pub fn mvlgamma(&self, p: i64) -> Result<Tensor> {
        if !(1..=1 << 16).contains(&p) {
            return Err(Error::value("mvlgamma", format!("p must be between 1 and 65536, found {p}")));
        }
        let mut sum = self.lgamma();
        for j in 1..p {
            sum = sum.add(&self.sub(j as f64 / 2.0)?.lgamma())?;
        }
        sum.add((p * (p - 1)) as f64 / 4.0 * PI.ln())
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = cases_at([-2.1, -0.7, -0.1, 0.2, 0.9, 3.2], &[
        ("erf", Tensor::erf),
        ("erfc", Tensor::erfc),
        ("ndtr", Tensor::ndtr),
        ("log_ndtr", Tensor::log_ndtr),
        ("sinc", Tensor::sinc),
        ("i0", Tensor::i0),
        ("i0e", Tensor::i0e),
        ("i1", Tensor::i1),
        ("i1e", Tensor::i1e),
    ]);
    cases.extend(cases_at([-1.3, -0.4, 0.3, 1.7, 9.0], &[("lgamma", Tensor::lgamma), ("digamma", Tensor::digamma)]));
    cases.extend(cases_at([0.03, 0.3, 0.55, 0.9], &[
        ("erfinv", Tensor::erfinv),
        ("ndtri", Tensor::ndtri),
        ("logit", Tensor::logit),
        ("logit_eps", |x| x.logit_eps(0.05)),
        ("entr", Tensor::entr),
    ]));
    cases.extend([
        case("erfcx", |x| Ok(x[0].erfcx()), vec![float64([-0.7, -0.1, 0.2, 0.9, 3.2])]),
        case("polygamma 1", |x| x[0].polygamma(1), vec![float64([-1.3, -0.4, 0.3, 1.7, 9.0])]),
        case("polygamma 2", |x| x[0].polygamma(2), vec![float64([0.3, 1.7, 9.0])]),
        case("mvlgamma", |x| x[0].mvlgamma(3), vec![float64([1.3, 1.7, 9.0])]),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn ends_and_poles() {
        let list = |x: crate::Tensor| x.to_vec::<f32>().unwrap();
        let inf = f32::INFINITY;
        assert_eq!(list(tensor([-1.0, 1.0]).erfinv()), [-inf, inf]);
        assert_eq!(list(tensor([0.0, 1.0]).logit()), [-inf, inf]);
        assert_eq!(list(tensor([0.0, 1.0, -1.0]).entr()), [0.0, 0.0, -inf]);
        assert_eq!(list(tensor([0.0, 1.0, -3.0]).sinc()), [1.0, 0.0, -0.0]);
        assert!(tensor(1.5).logit().item().unwrap().is_nan());
        assert_eq!(list(tensor([1.5, 0.0]).logit_eps(0.5)), [0.0, 0.0]);
    }
}

//! Powers, whichever side is a number.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([1.0, 2.0, 3.0]);
//! assert_eq!(x.pow(2)?.to_string(), "tensor([1., 4., 9.])");
//! assert_eq!(x.rpow(2)?.to_string(), "tensor([2., 4., 8.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, result_type};
use super::unary::Function;
use crate::autograd::Keep;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::literal::Scalar;
use crate::tensor::Tensor;

/// `xʸ`
#[derive(Clone, Copy)]
pub(crate) struct Pow;
impl Function2 for Pow {
    const NAME: &'static str = "PowBackward1";
    const METHOD: &'static str = "pow";
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(integer_power);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x.pow(y)
    }
    /// `y·xʸ⁻¹`, and 0 for y = 0, also at x = 0.
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        let slope = y.clone() * x.pow(y.clone() - 1.0);
        R::select(y.clone().eq_scalar(0.0), grad.constant(0.0), grad * slope)
    }
    /// `xʸ·ln x`, and 0 for x = 0 and y ≥ 0.
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        let zero = x.clone().eq_scalar(0.0);
        let safe = R::select(zero.clone(), x.constant(1.0), x.clone());
        let pole = x.clone().detached().pow(y.clone().detached()) * f64::NEG_INFINITY;
        let at_zero = R::select(y.clone().lt_scalar(0.0), pole, x.constant(0.0));
        grad * R::select(zero, at_zero, x.pow(y) * safe.ln())
    }
}

/// Powers of whole numbers wrap; a negative power is 0, but for ±1.
fn integer_power(x: i64, y: i64) -> i64 {
    match (x, u64::try_from(y)) {
        (1, _) => 1,
        (-1, _) => 1 - 2 * (y & 1),
        (_, Err(_)) => 0,
        (x, Ok(mut y)) => {
            let (mut power, mut square) = (1i64, x);
            while y > 0 {
                if y & 1 == 1 {
                    power = power.wrapping_mul(square);
                }
                square = square.wrapping_mul(square);
                y >>= 1;
            }
            power
        }
    }
}

/// `xⁿ`
#[derive(Clone, Copy)]
struct PowNumber(f64);

impl Function for PowNumber {
    const NAME: &'static str = "Pow";
    const KEEPS: Keep = Keep::Inputs;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R) -> R {
        x.pow_scalar(self.0)
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        if self.0 == 0.0 { x.zero() } else { x.pow_scalar(self.0 - 1.0) * self.0 }
    }
}

impl Tensor {
    /// `self` to the power of `exponent`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or integers have a negative power.
    #[track_caller]
    pub fn pow<'a>(&self, exponent: impl Into<Operand<'a>>) -> Result<Tensor> {
        let exponent = exponent.into();
        if let Operand::Number(Scalar::Int(n)) = exponent
            && n < 0
            && self.dtype() == DType::I64
        {
            return Err(Error::value("pow", format!("integers to the negative power {n} are not integers")));
        }
        match self.plain(exponent) {
            Some(number) => Ok(self.apply(PowNumber(number))),
            None => self.apply2(Pow, exponent),
        }
    }

    /// `base` to the power of `self`.
    ///
    /// # Errors
    /// None: a number fits any tensor. The result is there for `?`, as with the siblings.
    #[doc(alias = "torch.pow")]
    #[track_caller]
    pub fn rpow(&self, base: impl Into<Scalar>) -> Result<Tensor> {
        let base = base.into();
        Tensor::scalar(base, result_type(self, base)).pow(self)
    }

    /// [`pow`](Tensor::pow) in float64, whatever the types.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[doc(alias = "torch.float_power")]
    #[track_caller]
    pub fn float_power<'a>(&self, exponent: impl Into<Operand<'a>>) -> Result<Tensor> {
        match exponent.into() {
            Operand::Tensor(exponent) => self.to(DType::F64).pow(&exponent.to(DType::F64)),
            Operand::Number(exponent) => self.to(DType::F64).pow(exponent.to_f64()),
        }
    }

    /// `self·2^other`
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[doc(alias = "torch.ldexp")]
    #[track_caller]
    pub fn ldexp<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        self.mul(&other.tensor(result_type(self, other).to_float()).exp2())
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = broadcast_cases(&[
        ("pow", |x| x[0].abs().pow(&x[1])),
        ("ldexp", |x| x[0].ldexp(&x[1])),
    ]);
    let x = || vec![float64([[0.4, -1.3], [2.0, 0.1]])];
    cases.extend([
        case("pow of a number", |x| x[0].pow(3.0), x()),
        case("pow 0", |x| x[0].pow(0), x()),
        case("a negative pow", |x| x[0].pow(-2), x()),
        case("rpow", |x| x[0].rpow(1.7), x()),
        case("float_power", |x| x[0].abs().float_power(1.5), x()),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use crate::{grad, tensor};

    #[test]
    fn the_gradient_of_x_to_the_zero_is_zero_at_zero() {
        let x = tensor([0.0, 2.0]).requires_grad();
        for y in [x.pow(&tensor([0.0, 0.0])).unwrap(), x.pow(0).unwrap()] {
            assert_eq!(grad(&y.sum(), &[&x]).unwrap()[0].to_vec::<f32>().unwrap(), [0.0, 0.0]);
        }
    }

    #[test]
    fn whole_powers_of_whole_numbers_are_whole() {
        assert_eq!(tensor([2, -3]).pow(3).unwrap().to_vec::<i64>().unwrap(), [8, -27]);
        assert_eq!(tensor([2, 10]).rpow(2).unwrap().to_vec::<i64>().unwrap(), [4, 1024]);
        assert!(tensor([2]).pow(-1).is_err());
        assert_eq!(tensor([3.0]).ldexp(&tensor([4])).unwrap().to_vec::<f32>().unwrap(), [48.0]);
    }
}

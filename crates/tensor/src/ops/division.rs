//! Quotients that are rounded, and what remains of them.
//!
//! ```
//! use tensor::{RoundingMode, tensor};
//! let x = tensor([7, -7]);
//! assert_eq!(x.floor_divide(2)?.to_string(), "tensor([ 3, -4])");
//! assert_eq!(x.div_mode(2, RoundingMode::Trunc)?.to_string(), "tensor([ 3, -3])");
//! assert_eq!(x.remainder(4)?.to_string(), "tensor([3, 1])"); // the sign of the divisor, as Python's %
//! assert_eq!(x.fmod(4)?.to_string(), "tensor([ 3, -3])"); // the sign of the dividend, as C's
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, functions2, result_type};
use super::broadcast::{pairs, zip_rows, common_shape};
use crate::autograd::Keep;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, dense};
use kernel::map::Arg;

functions2! {
    /// The remainder of the division, of the sign of `self`: `self − other·trunc(self/other)`, exact.
    Fmod fmod "FmodBackward1": |x, y| x.rem(y), |_, _, g| g, |x, y, g| -g * (x / y).trunc(),
        integers i64::wrapping_rem, divides true, rare true;
    /// The remainder of the division, of the sign of `other`: `self − other·floor(self/other)`.
    Remainder remainder "RemainderBackward1":
        |x, y| {
            let rest = x.rem(y.clone());
            let moved = rest.clone() + y.clone();
            let below = R::select(y.clone().gt_scalar(0.0), moved.clone(), rest.clone());
            let above = R::select(y.lt_scalar(0.0), moved, rest.clone());
            let above = R::select(rest.clone().gt_scalar(0.0), above, rest.clone());
            R::select(rest.lt_scalar(0.0), below, above)
        },
        |_, _, g| g, |x, y, g| -g * floor_quotient(x, y),
        integers |x, y| { let rest = x.wrapping_rem(y); if rest != 0 && (rest < 0) != (y < 0) { rest + y } else { rest } },
        divides true, rare true;
    /// The quotient rounded down; slope 0. Of integers an integer.
    FloorDivide floor_divide "DivBackward2" keeps Nothing: |x, y| floor_quotient(x, y),
        |_, _, g| g.zero(), |_, _, g| g.zero(),
        integers |x, y| {
            let quotient = x.wrapping_div(y);
            if x.wrapping_rem(y) != 0 && (x < 0) != (y < 0) { quotient - 1 } else { quotient }
        }, divides true, rare true;
}

/// `⌊x/y⌋`, and `x/y` for y = 0.
#[inline(always)]
fn floor_quotient<R: kernel::Real>(x: R, y: R) -> R {
    // Exact where the quotient itself would be rounded up to a whole number.
    let rest = x.clone().rem(y.clone());
    let quotient = (x.clone() - rest.clone()) / y.clone();
    let opposite = R::select(y.clone().lt_scalar(0.0), -rest.clone(), rest);
    let quotient = R::select(opposite.lt_scalar(0.0), quotient.clone() - 1.0, quotient);
    // What division leaves of a whole number may be beside it.
    let floor = quotient.clone().floor();
    let floor = R::select((quotient - floor.clone()).gt_scalar(0.5), floor.clone() + 1.0, floor);
    let plain = x / y.clone();
    let floor = R::select(floor.clone().eq_scalar(0.0), plain.zero().copysign(plain.clone()), floor);
    R::select(y.eq_scalar(0.0), plain, floor)
}

/// The quotient cut towards 0.
#[derive(Clone, Copy)]
struct TruncDivide;

impl Function2 for TruncDivide {
    const NAME: &'static str = "DivBackward2";
    const METHOD: &'static str = "div_mode";
    const KEEPS: Keep = Keep::Nothing;
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(i64::wrapping_div);
    const DIVIDES: bool = true;
    const RARE: bool = true;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        (x / y).trunc()
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad.zero()
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad.zero()
    }
}

/// How [`Tensor::div_mode`] rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundingMode {
    /// Down.
    Floor,
    /// Towards 0.
    Trunc,
}

impl Tensor {
    /// The quotient rounded to a whole number; slope 0. Of integers an integer.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or an integer is divided by 0.
    #[doc(alias = "torch.div")]
    #[track_caller]
    pub fn div_mode<'a>(&self, other: impl Into<Operand<'a>>, mode: RoundingMode) -> Result<Tensor> {
        match mode {
            RoundingMode::Floor => self.floor_divide(other),
            RoundingMode::Trunc => self.apply2(TruncDivide, other),
        }
    }

    /// The greatest common divisor of integers; that of 0 and 0 is 0.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or the numbers are not integers.
    #[track_caller]
    pub fn gcd<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.of_integers("gcd", other.into(), gcd)
    }

    /// The least common multiple of integers.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or the numbers are not integers.
    #[track_caller]
    pub fn lcm<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        self.of_integers("lcm", other.into(), |x, y| match gcd(x, y) {
            0 => 0,
            divisor => (x / divisor).wrapping_mul(y).wrapping_abs(),
        })
    }

    #[track_caller]
    fn of_integers(&self, op: &'static str, other: Operand<'_>, f: fn(i64, i64) -> i64) -> Result<Tensor> {
        let dtype = result_type(self, other);
        if dtype != DType::I64 {
            return Err(Error::dtype(op, format!("expected int64, found {dtype}")));
        }
        let (x, y) = self.alike(other);
        let layout = dense(&common_shape(op, &x, &y)?);
        Ok(zip_rows(&x, &y, layout, |x: Arg<'_, i64>, y, out| pairs(x, y, out, f)))
    }
}

/// Euclid's.
fn gcd(x: i64, y: i64) -> i64 {
    let (mut x, mut y) = (x, y);
    while y != 0 {
        (x, y) = (y, x.wrapping_rem(y));
    }
    x.wrapping_abs()
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = broadcast_cases(&[
        ("fmod", |x| x[0].fmod(&x[1])),
        ("remainder", |x| x[0].remainder(&x[1])),
        ("floor_divide", |x| x[0].floor_divide(&x[1])),
        ("div_mode", |x| x[0].div_mode(&x[1], RoundingMode::Trunc)),
    ]);
    cases.push(case("fmod of a number", |x| x[0].fmod(0.7), vec![float64([0.4, -1.3, 2.0])]));
    cases
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn a_quotient_that_division_rounds_up_is_rounded_down() {
        // 1.0/0.1 is 10.0 in floats, but 0.1 is a little more than a tenth.
        assert_eq!(tensor([1.0]).floor_divide(0.1).unwrap().to_vec::<f32>().unwrap(), [9.0]);
        assert_eq!(tensor([-1.0, 1.0]).floor_divide(0.0).unwrap().to_vec::<f32>().unwrap(), [
            f32::NEG_INFINITY,
            f32::INFINITY
        ]);
    }

    #[test]
    fn integers_cannot_be_divided_by_zero() {
        let (x, zero) = (tensor([1, 2]), tensor([1, 0]));
        for result in [x.floor_divide(&zero), x.remainder(&zero), x.fmod(&zero)] {
            assert!(result.unwrap_err().to_string().contains("by zero"));
        }
        assert!(tensor([0i64; 0]).fmod(&zero.narrow(0, 1, 1).unwrap()).is_ok());
        assert_eq!(tensor([i64::MIN]).floor_divide(-1).unwrap().to_vec::<i64>().unwrap(), [i64::MIN]);
    }

    #[test]
    fn divisors_and_multiples() {
        let (x, y) = (tensor([12, -6, 0, 7]), tensor([18, 4, 5, 0]));
        assert_eq!(x.gcd(&y).unwrap().to_vec::<i64>().unwrap(), [6, 2, 5, 7]);
        assert_eq!(x.lcm(&y).unwrap().to_vec::<i64>().unwrap(), [36, 12, 0, 0]);
        assert!(x.gcd(0.5).is_err());
    }
}

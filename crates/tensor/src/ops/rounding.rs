//! Roundings, signs, bounds and conversions of units: functions of one number that are straight lines in pieces.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([-2.567, 0.5, 3.25]);
//! assert_eq!(x.round().to_string(), "tensor([-3.,  0.,  3.])");
//! assert_eq!(x.round_decimals(1).to_string(), "tensor([-2.6000,  0.5000,  3.2000])");
//! assert_eq!(x.clamp(0.0, 1.0)?.to_string(), "tensor([0.0000, 0.5000, 1.0000])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, functions2};
use super::broadcast::{common_shape, pairs, zip_rows};
use super::extremes::{Maximum, Minimum};
use super::ternary::Function3;
use super::unary::{Function, cases_at, functions};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::literal::Scalar;
use crate::layout::SharedLayout;
use crate::storage::with_float;
use crate::tensor::{Tensor, dense};
use kernel::map::Arg;
use std::cmp::Ordering;
use std::f64::consts::PI;

functions! {
    /// The largest integer not above; slope 0.
    Floor floor "Floor" keeps Nothing: |x| x.floor(), |x| x.constant(0.0), integers |x| x;
    /// The smallest integer not below; slope 0.
    Ceil ceil "Ceil" keeps Nothing: |x| x.ceil(), |x| x.constant(0.0), integers |x| x;
    /// The nearest integer, ties to even; slope 0.
    Round round "Round" keeps Nothing: |x| x.round(), |x| x.constant(0.0), integers |x| x;
    /// The integer part; slope 0.
    #[doc(alias = "torch.fix")]
    Trunc trunc "Trunc" keeps Nothing: |x| x.trunc(), |x| x.constant(0.0), integers |x| x;
    /// What [`trunc`](Tensor::trunc) cuts off, with the sign of x.
    Frac frac "Frac" keeps Nothing: |x| x.clone() - x.trunc(), |x| x.constant(1.0);
    /// `|x|`; slope 0 at 0.
    #[doc(alias = "torch.absolute")]
    Abs abs "Abs" keeps Inputs: |x| x.abs(), |x| x.sign(), integers |x| x.wrapping_abs();
    /// −1, 0 or 1; 0 for NaN.
    #[doc(alias = "torch.sgn")]
    Sign sign "Sign" keeps Nothing: |x| x.sign(), |x| x.constant(0.0), integers |x| x.signum(), bools |x| x;
    /// From degrees to radians.
    Deg2rad deg2rad "Deg2Rad" keeps Nothing: |x| x * (PI / 180.0), |x| x.constant(PI / 180.0);
    /// From radians to degrees.
    Rad2deg rad2deg "Rad2Deg" keeps Nothing: |x| x * (180.0 / PI), |x| x.constant(180.0 / PI);
}

functions2! {
    /// `|self|` with the sign of `other`, which −0 and NaN have too. No gradient flows to the sign.
    Copysign copysign "Copysign": |x, y| x.copysign(y),
        |x, y, g| g * x.clone().sign() * x.constant(1.0).copysign(y),
        |_, _, g| g.zero(), rare true;
    /// 0 below 0, 1 above, and `other` at 0.
    Heaviside heaviside "Heaviside": |x, y| {
            let step = R::select(x.clone().gt_scalar(0.0), x.constant(1.0), x.constant(0.0));
            R::select(x.eq_scalar(0.0), y, step)
        },
        |_, _, g| g.zero(), |x, _, g| R::select(x.eq_scalar(0.0), g.clone(), g.zero()),
        integers |x, y| if x == 0 { y } else { i64::from(x > 0) }, bools |x, y| x || y, rare true;
}

/// Rounds to a multiple of 10^−decimals.
#[derive(Clone, Copy)]
struct RoundDecimals(i32);

impl Function for RoundDecimals {
    const NAME: &'static str = "RoundBackward1";
    const KEEPS: Keep = Keep::Nothing;
    const INTEGERS: Option<fn(i64) -> i64> = Some(|x| x);
    // A negative power would be rounded itself.
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R) -> R {
        let power = 10f64.powi(self.0.saturating_abs());
        if self.0 < 0 { (x / power).round() * power } else { (x * power).round() / power }
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        x.constant(0.0)
    }
}

/// NaN, ∞ and −∞ replaced by numbers.
#[derive(Clone, Copy)]
struct NanToNum {
    nan: f64,
    highest: f64,
    lowest: f64,
}

impl Function for NanToNum {
    const NAME: &'static str = "NanToNum";
    const KEEPS: Keep = Keep::Inputs;
    const INTEGERS: Option<fn(i64) -> i64> = Some(|x| x);
    const BOOLS: Option<fn(bool) -> bool> = Some(|x| x);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R) -> R {
        let y = R::select(x.clone().is_nan(), x.constant(self.nan), x.clone());
        let y = R::select(x.clone().eq_scalar(f64::INFINITY), x.constant(self.highest), y);
        R::select(x.clone().eq_scalar(f64::NEG_INFINITY), x.constant(self.lowest), y)
    }
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        // x − x is 0 for numbers alone.
        let finite = (x.clone() - x.clone()).eq_scalar(0.0);
        R::select(finite, x.constant(1.0), x.constant(0.0))
    }
}

/// `min(max(x, low), high)`; slope 0 at and beyond the bounds.
#[derive(Clone, Copy)]
pub(crate) struct Clamp<const HARDTANH: bool> {
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
}

impl<const HARDTANH: bool> Function for Clamp<HARDTANH> {
    const NAME: &'static str = if HARDTANH { "Hardtanh" } else { "ClampBackward1" };
    const KEEPS: Keep = Keep::Inputs;
    #[inline(always)]
    fn value<R: kernel::Real>(self, mut x: R) -> R {
        if let Some(low) = self.low {
            x = x.max_scalar(low);
        }
        if let Some(high) = self.high {
            x = x.min_scalar(high);
        }
        x
    }
    // NaN has slope 0 in `clamp`, and 1 in `hardtanh`.
    #[inline(always)]
    fn slope<R: kernel::Real>(self, x: R) -> R {
        let mut slope = x.constant(1.0);
        if let Some(low) = self.low {
            slope = R::select(x.clone().gt_scalar(low), slope, x.constant(0.0));
        }
        if let Some(high) = self.high {
            slope = R::select(x.clone().lt_scalar(high), slope, x.constant(0.0));
        }
        if HARDTANH { R::select(x.clone().is_nan(), x.constant(1.0), slope) } else { slope }
    }
}

/// The same between tensors. A tie with a bound shares the gradient.
#[derive(Clone, Copy)]
struct ClampTensor;

impl Function3 for ClampTensor {
    const NAME: &'static str = "Clamp";
    const METHOD: &'static str = "clamp";
    const INTEGERS: Option<fn(i64, i64, i64) -> i64> = Some(|x, low, high| x.max(low).min(high));
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, low: R, high: R) -> R {
        x.maximum(low).minimum(high)
    }
    fn pull<R: kernel::Real>(self, i: usize, x: R, low: R, high: R, grad: R) -> R {
        let raised = x.clone().maximum(low.clone());
        match i {
            0 => Maximum.pull_x(x, low, Minimum.pull_x(raised, high, grad)),
            1 => Maximum.pull_y(x, low, Minimum.pull_x(raised, high, grad)),
            _ => Minimum.pull_y(raised, high, grad),
        }
    }
}

/// The next number moves with the first one, unless it is the second one.
struct NextAfter {
    moves: Tensor,
    input: SharedLayout,
}

impl Op for NextAfter {
    fn name(&self) -> &'static str {
        "Nextafter"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.mul(&self.moves)?.sum_to_size(self.input.shape()))
    }
}

/// A bound of [`Tensor::clamp`]: a number, a tensor, or `None`.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    /// No bound.
    None,
    /// The same bound for all elements.
    Number(Scalar),
    /// A bound for each element, to be broadcast.
    Tensor(&'a Tensor),
}

impl<T: Into<Scalar>> From<T> for Bound<'_> {
    fn from(number: T) -> Self {
        Bound::Number(number.into())
    }
}

impl From<Option<f64>> for Bound<'_> {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Bound::None, Bound::from)
    }
}

impl<'a> From<&'a Tensor> for Bound<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Bound::Tensor(tensor)
    }
}

impl Tensor {
    /// `min(max(x, low), high)`, NaN stays. Slope 0 at and beyond bounds that are numbers; a tie with a tensor shares
    /// the gradient. `None` is no bound: `x.clamp(0.0, None)`. Integers stay integers between whole bounds.
    ///
    /// # Errors
    /// If there is no bound at all, or a bound cannot be broadcast.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([-2.0, 0.5, 3.0]);
    /// assert_eq!(x.clamp(0.0, 1.0)?.to_string(), "tensor([0.0000, 0.5000, 1.0000])");
    /// assert_eq!(x.clamp(&tensor([0.0, 1.0, 2.0]), None)?.to_string(), "tensor([0., 1., 3.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "clip")]
    #[doc(alias = "clamp_min")]
    #[doc(alias = "clamp_max")]
    #[track_caller]
    pub fn clamp<'a>(&self, low: impl Into<Bound<'a>>, high: impl Into<Bound<'a>>) -> Result<Tensor> {
        let (low, high) = match (low.into(), high.into()) {
            (Bound::None, Bound::None) => {
                return Err(Error::value("clamp", "neither a lower nor an upper bound was given"));
            }
            (Bound::Tensor(low), Bound::None) => return self.maximum(low),
            (Bound::None, Bound::Tensor(high)) => return self.minimum(high),
            (Bound::Tensor(low), Bound::Tensor(high)) => return self.apply3(ClampTensor, low, high),
            (Bound::Tensor(low), Bound::Number(high)) => return self.apply3(ClampTensor, low, high),
            (Bound::Number(low), Bound::Tensor(high)) => return self.apply3(ClampTensor, low, high),
            (Bound::Number(low), Bound::Number(high)) => (Some(low), Some(high)),
            (Bound::Number(low), Bound::None) => (Some(low), None),
            (Bound::None, Bound::Number(high)) => (None, Some(high)),
        };
        let whole = |bound: Option<Scalar>| bound.is_none_or(|b| b.dtype() <= DType::I64);
        if !self.dtype().is_float() && whole(low) && whole(high) {
            let (low, high) = (low.map_or(i64::MIN, Scalar::to), high.map_or(i64::MAX, Scalar::to));
            return Ok(self.to(DType::I64).map_elements(|x: i64| x.max(low).min(high)));
        }
        Ok(self.apply(Clamp::<false> { low: low.map(Scalar::to_f64), high: high.map(Scalar::to_f64) }))
    }

    /// The next number of the type in the direction of `other`; no gradient.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or the numbers are integers.
    ///
    /// ```
    /// use tensor::{DType, tensor};
    /// let x = tensor(1.0).to(DType::F64).nextafter(2.0)?;
    /// assert_eq!(x.item()?, 1.0 + f64::EPSILON);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nextafter")]
    #[track_caller]
    pub fn nextafter<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        let (x, y) = self.alike(other);
        if !x.dtype().is_float() {
            return Err(Error::not_float("nextafter", x.dtype()));
        }
        let layout = dense(&common_shape("nextafter", &x, &y)?);
        let moves = x.ne(&y)?;
        let out = with_float!(x.dtype(), T => zip_rows(&x, &y, layout, |x: Arg<'_, T>, y, out| {
            pairs(x, y, out, |x, y| match x.partial_cmp(&y) {
                None => T::NAN,
                Some(Ordering::Equal) => y,
                Some(Ordering::Less) => x.next_up(),
                Some(Ordering::Greater) => x.next_down(),
            });
        }));
        Ok(out.record(NextAfter { moves, input: self.layout.clone() }, &[&self.to(x.dtype())]))
    }

    /// The nearest multiple of `10^−decimals`, ties to even; slope 0. Integers stay as they are.
    #[doc(alias = "torch.round")]
    #[track_caller]
    #[must_use]
    pub fn round_decimals(&self, decimals: i32) -> Tensor {
        self.apply(RoundDecimals(decimals))
    }

    /// NaN, ∞ and −∞ replaced by numbers: for `None` by 0, and by the largest and the smallest number of the type.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([f64::NAN, f64::INFINITY, 1.0]);
    /// assert_eq!(x.nan_to_num(-1.0, 9.0, None).to_string(), "tensor([-1.,  9.,  1.])");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn nan_to_num(
        &self,
        nan: impl Into<Option<f64>>,
        posinf: impl Into<Option<f64>>,
        neginf: impl Into<Option<f64>>,
    ) -> Tensor {
        let largest = if self.dtype() == DType::F64 { f64::MAX } else { f32::MAX.into() };
        self.apply(NanToNum {
            nan: nan.into().unwrap_or(0.0),
            highest: posinf.into().unwrap_or(largest),
            lowest: neginf.into().unwrap_or(-largest),
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = cases_at([-2.1, -0.7, -0.1, 0.2, 0.9, 3.2], &[
        ("floor", Tensor::floor),
        ("ceil", Tensor::ceil),
        ("round", Tensor::round),
        ("round_decimals", |x| x.round_decimals(1)),
        ("trunc", Tensor::trunc),
        ("frac", Tensor::frac),
        ("abs", Tensor::abs),
        ("sign", Tensor::sign),
        ("deg2rad", Tensor::deg2rad),
        ("rad2deg", Tensor::rad2deg),
        ("nan_to_num", |x| x.nan_to_num(None, None, None)),
    ]);
    cases.extend(broadcast_cases(&[
        ("copysign", |x| x[0].copysign(&x[1])),
        ("heaviside", |x| x[0].heaviside(&x[1])),
        ("nextafter", |x| x[0].nextafter(&x[1])),
    ]));
    let x = || float64([[-2.1, -0.7, 0.1], [0.2, 0.9, 3.2]]);
    cases.extend([
        case("clamp", |x| x[0].clamp(-0.5, 0.5), vec![x()]),
        case("clamp between tensors", |x| x[0].clamp(&x[1], &x[2]), vec![x(), float64([-1.0, 0.3, 0.0]), float64(0.7)]),
        case("clamp above a tensor", |x| x[0].clamp(&x[1], None), vec![x(), float64([-1.0, 0.3, 0.0])]),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn nan_and_kinks() {
        assert!(tensor(f64::NAN).abs().item().unwrap().is_nan());
        assert!(tensor(f64::NAN).clamp(0.0, 1.0).unwrap().item().unwrap().is_nan());
        let x = tensor([-1.0, 0.0, 2.0]).requires_grad();
        x.abs().sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [-1.0, 0.0, 1.0]);
    }

    #[test]
    fn the_slope_that_is_a_constant_needs_no_values() {
        let x = tensor([90.5, -0.25]).requires_grad();
        (x.deg2rad() + x.frac()).sum().backward().unwrap();
        let slope = 1.0 + std::f32::consts::PI / 180.0;
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [slope; 2]);
    }

    #[test]
    fn whole_numbers_stay_whole() {
        assert_eq!(tensor([-2, 3]).abs().to_vec::<i64>().unwrap(), [2, 3]);
        assert_eq!(tensor([-2, 3]).clamp(0, None).unwrap().to_vec::<i64>().unwrap(), [0, 3]);
        assert_eq!(tensor([-2, 3]).clamp(&tensor([0, 5]), 4).unwrap().to_vec::<i64>().unwrap(), [0, 4]);
        assert_eq!(tensor([true, false]).sign().to_vec::<bool>().unwrap(), [true, false]);
    }
}

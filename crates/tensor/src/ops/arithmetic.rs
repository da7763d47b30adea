//! Sums, differences, products and quotients, of tensors and of a tensor and a plain number.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([3.0, 4.0]);
//! assert_eq!(x.mul(2.0)?.add(&x)?.to_string(), "tensor([ 9., 12.])");
//! assert_eq!(tensor([3, 4]).div(2)?.to_string(), "tensor([1.5000, 2.0000])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, result_type};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::literal::Scalar;
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::Map1;
use kernel::map::map;

/// `x + y`
#[derive(Clone, Copy)]
pub(crate) struct Add;
impl Function2 for Add {
    const NAME: &'static str = "Add";
    const SINGLE: bool = true;
    const PASSES_ON: bool = true;
    const METHOD: &'static str = "add";
    const KEEPS: Keep = Keep::Nothing;
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(i64::wrapping_add);
    const BOOLS: Option<fn(bool, bool) -> bool> = Some(|x, y| x | y);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x + y
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad
    }
}

/// `x − y`
#[derive(Clone, Copy)]
pub(crate) struct Sub;
impl Function2 for Sub {
    const NAME: &'static str = "Sub";
    const SINGLE: bool = true;
    const METHOD: &'static str = "sub";
    const KEEPS: Keep = Keep::Nothing;
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(i64::wrapping_sub);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x - y
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        -grad
    }
}

/// `x · y`
#[derive(Clone, Copy)]
pub(crate) struct Mul;
impl Function2 for Mul {
    const NAME: &'static str = "Mul";
    const SINGLE: bool = true;
    const METHOD: &'static str = "mul";
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(i64::wrapping_mul);
    const BOOLS: Option<fn(bool, bool) -> bool> = Some(|x, y| x & y);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x * y
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, y: R, grad: R) -> R {
        grad * y
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, _: R, grad: R) -> R {
        grad * x
    }
}

/// `x / y`, of integers too a float.
#[derive(Clone, Copy)]
pub(crate) struct Div;
impl Function2 for Div {
    const NAME: &'static str = "Div";
    const SINGLE: bool = true;
    const METHOD: &'static str = "div";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x / y
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, y: R, grad: R) -> R {
        grad / y
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        -grad * ((x / y.clone()) / y)
    }
}

/// A tensor and a plain number, of the tensor's own type.
#[derive(Clone, Copy)]
enum Numbered {
    Plus(f64),
    /// `number − x`
    From(f64),
    Times(f64),
    Over(f64),
}

/// One loop a kind: a match inside of the loop would keep it from vectorising.
macro_rules! numbered {
    ($($type:ident |$x:ident, $number:ident| $value:expr;)*) => {$(
        #[derive(Clone, Copy)]
        struct $type(f64);

        impl Map1 for $type {
            #[inline(always)]
            fn call<R: kernel::Real>(self, $x: R) -> R {
                let $number = self.0;
                $value
            }
        }
    )*};
}
numbered! {
    Plus |x, number| x + number;
    Minus |x, number| -x + number;
    Times |x, number| x * number;
    Over |x, number| x / number;
}

struct WithNumber(Numbered, &'static str);

impl Op for WithNumber {
    fn name(&self) -> &'static str {
        self.1
    }
    fn passes_on(&self) -> bool {
        matches!(self.0, Numbered::Plus(_))
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            Ok(match self.0 {
                Numbered::Plus(_) => grad.clone(),
                Numbered::From(_) => -grad,
                Numbered::Times(number) => grad * number,
                Numbered::Over(number) => grad / number,
            })
        })
    }
}

impl Tensor {
    #[track_caller]
    #[inline]
    fn with_number(&self, f: Numbered, name: &'static str) -> Tensor {
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::unwritten(self.numel());
            let x = self.values::<T>();
            match f {
                Numbered::Plus(n) => map(Plus(n), &x, &mut out),
                Numbered::From(n) => map(Minus(n), &x, &mut out),
                Numbered::Times(n) => map(Times(n), &x, &mut out),
                Numbered::Over(n) => map(Over(n), &x, &mut out),
            }
            Tensor::new(out, self.dense_layout())
        });
        out.record(WithNumber(f, name), &[self])
    }

    /// The number, if the operand is one and does not change this tensor's floating point type.
    #[inline]
    pub(super) fn plain(&self, other: Operand<'_>) -> Option<f64> {
        match other {
            Operand::Number(number) if self.dtype().is_float() => Some(number.to_f64()),
            _ => None,
        }
    }

    /// `self + other`
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    #[inline]
    pub fn add<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        match self.plain(other) {
            Some(number) => Ok(self.with_number(Numbered::Plus(number), "Add")),
            None => self.apply2(Add, other),
        }
    }

    /// `self − other`
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or both are bools.
    #[doc(alias = "subtract")]
    #[track_caller]
    pub fn sub<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        if result_type(self, other) == DType::Bool {
            return Err(Error::dtype("sub", "bools cannot be subtracted; use logical_xor"));
        }
        match self.plain(other) {
            Some(number) => Ok(self.with_number(Numbered::Plus(-number), "Sub")),
            None => self.apply2(Sub, other),
        }
    }

    /// `other − self`
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or both are bools.
    #[track_caller]
    pub fn rsub<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        match (self.plain(other), other) {
            (Some(number), _) => Ok(self.with_number(Numbered::From(number), "Rsub")),
            (None, Operand::Tensor(other)) => other.sub(self),
            (None, Operand::Number(number)) => {
                Tensor::scalar(number, result_type(self, number)).sub(self)
            }
        }
    }

    /// `self · other`
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[doc(alias = "multiply")]
    #[track_caller]
    #[inline]
    pub fn mul<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        match self.plain(other) {
            Some(number) => Ok(self.with_number(Numbered::Times(number), "Mul")),
            None => self.apply2(Mul, other),
        }
    }

    /// `self / other`; of integers too a float.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[doc(alias = "true_divide")]
    #[track_caller]
    pub fn div<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        match self.plain(other) {
            Some(number) => Ok(self.with_number(Numbered::Over(number), "Div")),
            None => self.apply2(Div, other),
        }
    }

    /// `−self`. Bools cannot be negated: they become integers.
    #[track_caller]
    #[must_use]
    pub fn neg(&self) -> Tensor {
        match self.dtype() {
            DType::Bool => self.to(DType::I64).neg(),
            DType::I64 => self.map_elements(i64::wrapping_neg),
            _ => self.with_number(Numbered::Times(-1.0), "Neg"),
        }
    }
}

/// `x + factor·y`
#[derive(Clone, Copy)]
struct AddScaled<const SUB: bool>(f64);

impl<const SUB: bool> Function2 for AddScaled<SUB> {
    const NAME: &'static str = if SUB { "Sub" } else { "Add" };
    const METHOD: &'static str = if SUB { "sub_alpha" } else { "add_alpha" };
    const KEEPS: Keep = Keep::Nothing;
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x + y * self.0
    }
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad
    }
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, _: R, _: R, grad: R) -> R {
        grad * self.0
    }
}

impl Tensor {
    /// `self + alpha·other` in one pass: PyTorch's `add(other, alpha=alpha)`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or alpha is a float where both are of integers.
    #[doc(alias = "torch.add")]
    #[track_caller]
    pub fn add_alpha<'a>(&self, other: impl Into<Operand<'a>>, alpha: impl Into<Scalar>) -> Result<Tensor> {
        let (other, alpha) = (other.into(), alpha.into());
        if self.scales("add_alpha", other, alpha)? {
            return self.apply2(AddScaled::<false>(alpha.to_f64()), other);
        }
        if result_type(self, other) == DType::Bool {
            return self.logical_or(&other.tensor(DType::Bool).mul(alpha)?);
        }
        self.add(&other.tensor(DType::I64).mul(alpha.to::<i64>())?)
    }

    /// `self − alpha·other` in one pass: PyTorch's `sub(other, alpha=alpha)`.
    ///
    /// # Errors
    /// As [`add_alpha`](Tensor::add_alpha).
    #[doc(alias = "torch.sub")]
    #[track_caller]
    pub fn sub_alpha<'a>(&self, other: impl Into<Operand<'a>>, alpha: impl Into<Scalar>) -> Result<Tensor> {
        let (other, alpha) = (other.into(), alpha.into());
        if self.scales("sub_alpha", other, alpha)? {
            return self.apply2(AddScaled::<true>(-alpha.to_f64()), other);
        }
        self.sub(&other.tensor(DType::I64).mul(alpha.to::<i64>())?)
    }

    /// Whether `alpha·other` is computed in floats.
    #[track_caller]
    fn scales(&self, op: &'static str, other: Operand<'_>, alpha: Scalar) -> Result<bool> {
        let dtype = result_type(self, other);
        if alpha.dtype() > dtype.min(DType::F32) {
            return Err(Error::dtype(op, format!("alpha is {}, but the tensors are of {dtype}", alpha.dtype())));
        }
        Ok(dtype.is_float())
    }

}

/// Adds a gradient to a sum of gradients: in place where nobody else holds the sum and nobody will differentiate it.
pub(crate) fn accumulate(sum: &mut Tensor, grad: Tensor) -> Result<()> {
    let plain = !is_grad_enabled() && sum.is_contiguous() && grad.is_contiguous() && sum.shape() == grad.shape();
    if plain && sum.dtype() == grad.dtype() {
        let (first, len) = (sum.layout.offset(), sum.numel());
        let done = with_float!(grad.dtype(), T => {
            match (sum.storage.sole::<T>(), grad.only::<T>()) {
                // Not worth the question what the processor can do.
                (Some([sum]), Some(grad)) => {
                    *sum += grad;
                    true
                }
                (Some(buffer), _) => {
                    let grad = grad.values::<T>();
                    let sum = &mut buffer[first..first + len];
                    kernel::vectorize!(sum.iter_mut().zip(grad.iter()).for_each(|(s, g)| *s += g));
                    true
                }
                (None, _) => false,
            }
        });
        if done {
            return Ok(());
        }
    }
    if sum.shape() != grad.shape() || sum.dtype() != grad.dtype() {
        return Err(Error::shape(
            "backward",
            format!(
                "two gradients for one tensor have shapes {:?} and {:?}, types {} and {}",
                sum.shape(),
                grad.shape(),
                sum.dtype(),
                grad.dtype()
            ),
        ));
    }
    *sum = sum.add(&grad)?;
    Ok(())
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = broadcast_cases(&[
        ("add", |x| x[0].add(&x[1])),
        ("sub", |x| x[0].sub(&x[1])),
        ("mul", |x| x[0].mul(&x[1])),
        ("div", |x| x[0].div(&x[1])),
        ("add_alpha", |x| x[0].add_alpha(&x[1], 0.5)),
        ("sub_alpha", |x| x[0].sub_alpha(&x[1], 0.5)),
    ]);
    let x = || vec![float64([[0.4, -1.3], [2.0, 0.1]])];
    cases.push(case("an input used twice", |x| x[0].mul(&x[0]), x()));
    cases.push(case("a transposed operand", |x| x[0].t()?.div(&x[0]), x()));
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{randn, tensor};

    /// A single number takes a way of its own.
    #[test]
    fn a_number_by_itself_has_the_bits_that_it_has_among_others() {
        crate::manual_seed(3);
        let mut numbers = randn([40]).unwrap().mul(1e3).unwrap().to_vec::<f32>().unwrap();
        numbers.extend([0.0, -0.0, 1e-40, 3e38, f32::INFINITY, f32::NEG_INFINITY]);
        let functions: [fn(&Tensor, &Tensor) -> Result<Tensor>; 4] =
            [|x, y| x.add(y), |x, y| x.sub(y), |x, y| x.mul(y), |x, y| x.div(y)];
        let bits = |values: &[f32]| values.iter().map(|x| if x.is_nan() { 0 } else { x.to_bits() }).collect::<Vec<_>>();
        for f in functions {
            for pair in numbers.windows(2) {
                let run = |among: usize| {
                    let leaf = |x: f32| Tensor::from_vec(vec![x; among], [among]).unwrap().requires_grad();
                    let (x, y) = (leaf(pair[0]), leaf(pair[1]));
                    let out = f(&x, &y).unwrap();
                    out.backward_with(&Tensor::from_vec(vec![0.7f32; among], [among]).unwrap()).unwrap();
                    [out, x.grad().unwrap(), y.grad().unwrap()]
                        .map(|t| bits(&t.to_vec::<f32>().unwrap()[..1]))
                };
                assert_eq!(run(1), run(17), "{pair:?}");
            }
        }
        assert_eq!((tensor(2.0) / tensor(0.0)).item().unwrap(), f64::INFINITY);
    }
}

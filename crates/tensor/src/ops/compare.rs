//! Comparisons and logic, whose results are bools, and the choice by a mask.

use super::binary::{Operand, result_type};
use super::broadcast::{common_shape, pairs, zip_rows};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::SharedLayout;
use crate::storage::with_element;
use crate::tensor::{Tensor, dense};
use kernel::map::Arg;
use std::cmp::Ordering;

macro_rules! comparisons {
    ($($(#[$doc:meta])* $method:ident $symbol:tt;)*) => {
        impl Tensor {
            $($(#[$doc])*
            ///
            /// # Errors
            /// If the shapes cannot be broadcast together.
            #[track_caller]
            pub fn $method<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
                let (x, y) = self.alike(other.into());
                let layout = dense(&common_shape(stringify!($method), &x, &y)?);
                Ok(with_element!(x.dtype(), T => {
                    zip_rows(&x, &y, layout, |x: Arg<'_, T>, y, out| pairs(x, y, out, |x, y| x $symbol y))
                }))
            })*
        }
    };
}

comparisons! {
    /// Where `self = other`.
    eq ==;
    /// Where `self ≠ other`.
    ne !=;
    /// Where `self < other`.
    lt <;
    /// Where `self ≤ other`.
    le <=;
    /// Where `self > other`.
    gt >;
    /// Where `self ≥ other`.
    ge >=;
}

impl Tensor {
    /// Both operands, outside of the graph, in the type in which they are compared.
    pub(crate) fn alike(&self, other: Operand<'_>) -> (Tensor, Tensor) {
        let dtype = result_type(self, other);
        (self.detach().to(dtype), other.tensor(dtype).detach())
    }

    #[track_caller]
    fn logical(&self, op: &'static str, other: &Tensor, f: fn(bool, bool) -> bool) -> Result<Tensor> {
        let (x, y) = (self.detach().to(DType::Bool), other.detach().to(DType::Bool));
        let layout = dense(&common_shape(op, &x, &y)?);
        Ok(zip_rows(&x, &y, layout, |x: Arg<'_, bool>, y, out| pairs(x, y, out, f)))
    }

    /// Where both are true (not zero).
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    pub fn logical_and(&self, other: &Tensor) -> Result<Tensor> {
        self.logical("logical_and", other, |x, y| x & y)
    }

    /// Where at least one is true (not zero).
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    pub fn logical_or(&self, other: &Tensor) -> Result<Tensor> {
        self.logical("logical_or", other, |x, y| x | y)
    }

    /// Where exactly one is true (not zero).
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    pub fn logical_xor(&self, other: &Tensor) -> Result<Tensor> {
        self.logical("logical_xor", other, |x, y| x ^ y)
    }

    /// Where zero or false.
    #[must_use]
    pub fn logical_not(&self) -> Tensor {
        self.detach().to(DType::Bool).map_elements(|x: bool| !x)
    }

    fn float_test(&self, f: impl Fn(f64) -> bool) -> Tensor {
        with_element!(self.dtype(), T => self.map_elements(|x: T| f(x.to_f64())))
    }

    /// Where not a number.
    #[must_use]
    pub fn isnan(&self) -> Tensor {
        self.float_test(f64::is_nan)
    }

    /// Where infinite, of either sign.
    #[must_use]
    pub fn isinf(&self) -> Tensor {
        self.float_test(f64::is_infinite)
    }

    /// Where neither infinite nor NaN.
    #[must_use]
    pub fn isfinite(&self) -> Tensor {
        self.float_test(f64::is_finite)
    }

    /// Where ∞.
    #[must_use]
    pub fn isposinf(&self) -> Tensor {
        self.float_test(|x| x == f64::INFINITY)
    }

    /// Where −∞.
    #[must_use]
    pub fn isneginf(&self) -> Tensor {
        self.float_test(|x| x == f64::NEG_INFINITY)
    }

    /// Where the sign bit is set: below 0, and at −0.
    #[must_use]
    pub fn signbit(&self) -> Tensor {
        self.float_test(f64::is_sign_negative)
    }

    /// `self` where the mask holds, else `other`; all three are broadcast. Only what is chosen gets a gradient.
    ///
    /// # Errors
    /// If the mask is not bool, or the shapes cannot be broadcast together.
    ///
    /// ```
    /// use tensor::tensor;
    /// let x = tensor([1.0, -2.0]);
    /// assert_eq!(x.where_(&x.gt(0.0)?, 0.0)?.to_string(), "tensor([1., 0.])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.where")]
    #[track_caller]
    pub fn where_<'a>(&self, mask: &Tensor, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype("where", format!("the mask must be bool, found {}", mask.dtype())));
        }
        let other = other.into();
        let dtype = result_type(self, other);
        let (yes, no) = (self.to(dtype), other.tensor(dtype));
        let shape = common_shape("where", &yes, &no)?;
        let span = Tensor::full((), false, DType::Bool)?.expand(&shape)?;
        let shape = common_shape("where", mask, &span)?;
        let out = with_element!(dtype, T => {
            let (m, a, b) = (mask.detach().expand(&shape)?, yes.detach().expand(&shape)?, no.detach().expand(&shape)?);
            let chosen = m.values::<bool>().iter().zip(a.values::<T>().iter()).zip(b.values::<T>().iter())
                .map(|((&m, &a), &b)| if m { a } else { b }).collect();
            Tensor::new(chosen, dense(&shape))
        });
        let op = Where { layouts: [yes.layout.clone(), no.layout.clone()], mask: mask.detach() };
        Ok(out.record(op, &[&yes, &no]))
    }

    /// `value` where the mask holds, `self` elsewhere. Both are broadcast to a common shape.
    ///
    /// # Errors
    /// If the mask is not bool, or the shapes cannot be broadcast together.
    #[track_caller]
    pub fn masked_fill<'a>(&self, mask: &Tensor, value: impl Into<Operand<'a>>) -> Result<Tensor> {
        if mask.dtype() != DType::Bool {
            return Err(Error::dtype("masked_fill", format!("the mask must be bool, found {}", mask.dtype())));
        }
        let value = match value.into() {
            Operand::Tensor(value) if value.dim() > 0 => {
                return Err(Error::shape(
                    "masked_fill",
                    format!("the value must be a number or a scalar tensor, found shape {:?}", value.shape()),
                ));
            }
            Operand::Tensor(value) => value.to(self.dtype()),
            Operand::Number(number) => Tensor::scalar(number, self.dtype()),
        };
        common_shape("masked_fill", self, mask)?;
        self.where_(&mask.logical_not(), &value)
    }

    /// Whether shapes, types and all elements are equal. NaN equals nothing.
    #[doc(alias = "torch.equal")]
    pub fn equal(&self, other: &Tensor) -> bool {
        self.shape() == other.shape()
            && self.dtype() == other.dtype()
            && with_element!(self.dtype(), T => self.values::<T>() == other.values::<T>())
    }

    /// Where `|self − other| ≤ atol + rtol·|other|`, and where both are the same infinity; NaN is close to nothing, or to
    /// NaN alone. PyTorch's defaults are 1e-5, 1e-8 and `false`.
    ///
    /// # Errors
    /// If the types differ, the shapes cannot be broadcast together, or a tolerance is negative.
    #[doc(alias = "torch.isclose")]
    #[track_caller]
    pub fn isclose(&self, other: &Tensor, rtol: f64, atol: f64, equal_nan: bool) -> Result<Tensor> {
        if self.dtype() != other.dtype() {
            return Err(Error::dtype("isclose", format!("types {} and {} differ", self.dtype(), other.dtype())));
        }
        if rtol < 0.0 || atol < 0.0 {
            return Err(Error::value("isclose", format!("tolerances {rtol} and {atol} must not be negative")));
        }
        let (x, y) = (self.detach(), other.detach());
        let layout = dense(&common_shape("isclose", &x, &y)?);
        Ok(with_element!(x.dtype(), T => zip_rows(&x, &y, layout, |x: Arg<'_, T>, y, out| {
            pairs(x, y, out, |x, y| {
                let (a, b) = (x.to_f64(), y.to_f64());
                x == y || equal_nan && a.is_nan() && b.is_nan() || b.is_finite() && (a - b).abs() <= atol + rtol * b.abs()
            });
        })))
    }

    /// Whether all elements are [close](Tensor::isclose). PyTorch's defaults are 1e-5 and 1e-8.
    ///
    /// # Errors
    /// As [`isclose`](Tensor::isclose).
    #[doc(alias = "torch.allclose")]
    #[track_caller]
    pub fn allclose(&self, other: &Tensor, rtol: f64, atol: f64) -> Result<bool> {
        Ok(self.isclose(other, rtol, atol, false)?.values::<bool>().iter().all(|&c| c))
    }

    /// Where the element is one of `test_elements`.
    #[doc(alias = "torch.isin")]
    #[must_use]
    pub fn isin(&self, test_elements: &Tensor) -> Tensor {
        let (x, set) = self.alike(Operand::Tensor(test_elements));
        with_element!(x.dtype(), T => {
            // NaN is in no set, and compares as equal to everything here.
            let order = |a: &T, b: &T| a.partial_cmp(b).unwrap_or(Ordering::Equal);
            let mut set: Vec<T> = set.values::<T>().iter().copied().filter(|x| !x.to_f64().is_nan()).collect();
            set.sort_by(order);
            x.map_elements(|x: T| !x.to_f64().is_nan() && set.binary_search_by(|y| order(y, &x)).is_ok())
        })
    }
}

struct Where {
    layouts: [SharedLayout; 2],
    mask: Tensor,
}

impl Op for Where {
    fn name(&self) -> &'static str {
        "Where"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| {
            let zero = Tensor::scalar(0.0, grad.dtype());
            let chosen = if i == 0 { grad.where_(&self.mask, &zero)? } else { zero.where_(&self.mask, grad)? };
            chosen.sum_to_size(self.layouts[i].shape())
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    vec![
        case(
            "where",
            |x| x[0].mul(&x[0])?.where_(&x[0].gt(0.0)?, &x[1]),
            vec![float64([[0.4, -1.3], [2.0, -0.1]]), float64([1.1, 0.7])],
        ),
        case(
            "where, mask larger than both",
            |x| x[0].where_(&Tensor::from_vec(vec![true, false, true, false], [2, 2])?, &x[1]),
            vec![float64([0.4, -1.3]), float64(1.1)],
        ),
        case(
            "masked_fill",
            |x| x[0].square().masked_fill(&x[0].lt(0.0)?, -1.0),
            vec![float64([[0.4, -1.3], [2.0, -0.1]])],
        ),
    ]
}

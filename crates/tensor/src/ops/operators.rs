//! `+ − · / %` and the unary `−` on tensors and numbers; `%` is Python's [`remainder`](Tensor::remainder). An operator cannot return an error: it panics with the message of
//! the method of the same name, at the user's line.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([1.0, 2.0]);
//! assert_eq!((2.0 * &x - 1.0).to_string(), "tensor([1., 3.])");
//! ```

use super::binary::result_type;
use crate::autograd::check::{Case, case, float64};
use crate::error::Result;
use crate::literal::Scalar;
use crate::tensor::Tensor;

/// The operators cannot return an error: they panic with its message, at the user's line.
#[track_caller]
pub(crate) fn or_panic(result: Result<Tensor>) -> Tensor {
    match result {
        Ok(tensor) => tensor,
        Err(error) => panic!("{error}"),
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $function:ident),*) => {$(
        impl std::ops::$trait<&Tensor> for &Tensor {
            type Output = Tensor;
            /// # Panics
            /// If the shapes cannot be broadcast together; the method of the same name returns an error instead.
            #[track_caller]
            #[inline]
            fn $method(self, other: &Tensor) -> Tensor {
                or_panic(Tensor::$function(self, other))
            }
        }
        operators!(@owned $trait $method Tensor, &Tensor);
        operators!(@owned $trait $method &Tensor, Tensor);
        operators!(@owned $trait $method Tensor, Tensor);
        operators!(@numbers $trait $method $function f64 i64);
    )*};
    (@owned $trait:ident $method:ident $left:ty, $right:ty) => {
        impl std::ops::$trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            #[inline]
            fn $method(self, other: $right) -> Tensor {
                std::ops::$trait::$method(std::borrow::Borrow::<Tensor>::borrow(&self), std::borrow::Borrow::<Tensor>::borrow(&other))
            }
        }
    };
    (@numbers $trait:ident $method:ident $function:ident $($number:ty)*) => {$(
        impl std::ops::$trait<$number> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            #[inline]
            fn $method(self, other: $number) -> Tensor {
                or_panic(Tensor::$function(self, other))
            }
        }
        impl std::ops::$trait<$number> for Tensor {
            type Output = Tensor;
            #[track_caller]
            #[inline]
            fn $method(self, other: $number) -> Tensor {
                or_panic(Tensor::$function(&self, other))
            }
        }
    )*};
}
operators!(Add add add, Sub sub sub, Mul mul mul, Div div div, Rem rem remainder);

/// `x += y` makes `x` the name of a new tensor; whoever holds the old one still has it.
macro_rules! assignments {
    ($($trait:ident $method:ident $function:ident: $($right:ty),*;)*) => {$($(
        impl std::ops::$trait<$right> for Tensor {
            #[track_caller]
            fn $method(&mut self, other: $right) {
                *self = or_panic(Tensor::$function(self, other));
            }
        }
    )*)*};
}
assignments! {
    AddAssign add_assign add: &Tensor, f64, i64;
    SubAssign sub_assign sub: &Tensor, f64, i64;
    MulAssign mul_assign mul: &Tensor, f64, i64;
    DivAssign div_assign div: &Tensor, f64, i64;
}

#[track_caller]
fn number_over(number: Scalar, x: &Tensor) -> Tensor {
    or_panic(Tensor::scalar(number, result_type(x, number).to_float()).div(x))
}

macro_rules! number_first {
    ($($number:ty)*) => {$(
        number_first!(@one $number, Tensor);
        number_first!(@one $number, &Tensor);
    )*};
    (@one $number:ty, $tensor:ty) => {
        impl std::ops::Add<$tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn add(self, other: $tensor) -> Tensor {
                or_panic(Tensor::add(&other, self))
            }
        }
        impl std::ops::Mul<$tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn mul(self, other: $tensor) -> Tensor {
                or_panic(Tensor::mul(&other, self))
            }
        }
        impl std::ops::Sub<$tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn sub(self, other: $tensor) -> Tensor {
                or_panic(Tensor::rsub(&other, self))
            }
        }
        impl std::ops::Div<$tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn div(self, other: $tensor) -> Tensor {
                number_over(self.into(), &other)
            }
        }
    };
}
number_first!(f64 i64);

impl std::ops::Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}

impl std::ops::Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}

/// The cases by which the operators are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3], [2.0, 0.1]])];
    vec![
        case("numbers", |x| Ok(((&x[0] + 1.0) * 3.0 - 2.0) / 4.0), x()),
        case("numbers first", |x| Ok(2.0 - 1.0 / (3.0 * &x[0])), x()),
        case("neg", |x| Ok(-&x[0]), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn an_assignment_leaves_other_holders_alone() {
        let mut x = tensor([1.0, 2.0]);
        let old = x.clone();
        x += &old;
        x -= 1.0;
        x *= 2;
        assert_eq!(x.to_vec::<f32>().unwrap(), [2.0, 6.0]);
        assert_eq!(old.to_vec::<f32>().unwrap(), [1.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "add: shapes [2] and [3] cannot be broadcast together")]
    fn an_operator_says_what_it_found() {
        let _ = tensor([1.0, 2.0]) + tensor([1.0, 2.0, 3.0]);
    }
}

//! Operations on the bits of integers and on bools: the methods, and the operators `& | ^ << >> !`.
//!
//! ```
//! use tensor::tensor;
//! let (x, y) = (tensor([6, -1]), tensor([3, 8]));
//! assert_eq!((&x & &y).to_string(), "tensor([2, 8])");
//! assert_eq!(x.bitwise_left_shift(1)?.to_string(), "tensor([12, -2])");
//! assert_eq!((!tensor([true, false])).to_string(), "tensor([False,  True])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Operand, result_type};
use super::broadcast::{common_shape, pairs, zip_rows};
use super::operators::or_panic;
use crate::autograd::check::Case;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::{Tensor, dense};
use kernel::map::Arg;

macro_rules! bitwise {
    ($($(#[$doc:meta])* $method:ident |$x:ident, $y:ident| $integers:expr $(, bools |$a:ident, $b:ident| $bools:expr)?;)*) => {
        impl Tensor {
            $($(#[$doc])*
            ///
            /// # Errors
            /// If the shapes cannot be broadcast together, or the numbers are floats.
            #[track_caller]
            pub fn $method<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
                let bools: Option<fn(bool, bool) -> bool> = None $(.or(Some(|$a, $b| $bools)))?;
                self.bits(stringify!($method), other.into(), |$x, $y| $integers, bools)
            })*
        }
    };
}

bitwise! {
    /// The bits that both have; of bools `and`.
    bitwise_and |x, y| x & y, bools |x, y| x & y;
    /// The bits that one of both has; of bools `or`.
    bitwise_or |x, y| x | y, bools |x, y| x | y;
    /// The bits that exactly one has; of bools `xor`.
    bitwise_xor |x, y| x ^ y, bools |x, y| x ^ y;
    /// `self·2^other`; bits that leave the word are lost, and all are where `other` is not in 0..64.
    bitwise_left_shift |x, y| if (0..64).contains(&y) { x << y } else { 0 };
    /// `self/2^other` rounded down; 0 or −1 where `other` is not in 0..64.
    bitwise_right_shift |x, y| x >> if (0..64).contains(&y) { y } else { 63 };
}

impl Tensor {
    #[track_caller]
    fn bits(
        &self,
        op: &'static str,
        other: Operand<'_>,
        integers: fn(i64, i64) -> i64,
        bools: Option<fn(bool, bool) -> bool>,
    ) -> Result<Tensor> {
        let (x, y) = match result_type(self, other) {
            dtype if dtype.is_float() => {
                return Err(Error::dtype(op, format!("expected integers or bools, found {dtype}")));
            }
            DType::Bool if bools.is_none() => {
                return Err(Error::dtype(op, "bools have no bits to shift; convert with .to(DType::I64)"));
            }
            _ => self.alike(other),
        };
        let layout = dense(&common_shape(op, &x, &y)?);
        Ok(match bools {
            Some(f) if x.dtype() == DType::Bool => {
                zip_rows(&x, &y, layout, |x: Arg<'_, bool>, y, out| pairs(x, y, out, f))
            }
            _ => zip_rows(&x, &y, layout, |x: Arg<'_, i64>, y, out| pairs(x, y, out, integers)),
        })
    }

    /// All bits the other way round; of bools `not`.
    ///
    /// # Errors
    /// If the numbers are floats.
    #[track_caller]
    pub fn bitwise_not(&self) -> Result<Tensor> {
        match self.dtype() {
            DType::Bool => Ok(self.map_elements(|x: bool| !x)),
            DType::I64 => Ok(self.map_elements(|x: i64| !x)),
            dtype => Err(Error::dtype("bitwise_not", format!("expected integers or bools, found {dtype}"))),
        }
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $function:ident;)*) => {$(
        operators!(@for $trait $method $function &Tensor: &Tensor, Tensor);
        operators!(@for $trait $method $function Tensor: &Tensor, Tensor);
        operators!(@numbers $trait $method $function i64 bool);
    )*};
    (@for $trait:ident $method:ident $function:ident $left:ty: $($right:ty),*) => {$(
        impl std::ops::$trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $right) -> Tensor {
                let other: &Tensor = std::borrow::Borrow::borrow(&other);
                or_panic(self.$function(other))
            }
        }
    )*};
    (@numbers $trait:ident $method:ident $function:ident $($number:ty)*) => {$(
        impl std::ops::$trait<$number> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $number) -> Tensor {
                or_panic(self.$function(other))
            }
        }
        impl std::ops::$trait<$number> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: $number) -> Tensor {
                or_panic(self.$function(other))
            }
        }
    )*};
}

operators! {
    BitAnd bitand bitwise_and;
    BitOr bitor bitwise_or;
    BitXor bitxor bitwise_xor;
    Shl shl bitwise_left_shift;
    Shr shr bitwise_right_shift;
}

impl std::ops::Not for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn not(self) -> Tensor {
        or_panic(self.bitwise_not())
    }
}

impl std::ops::Not for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn not(self) -> Tensor {
        or_panic(self.bitwise_not())
    }
}

/// Nothing here has a gradient.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn shifts_beyond_the_word() {
        let x = tensor([5, -5]);
        assert_eq!((&x << 64).to_vec::<i64>().unwrap(), [0, 0]);
        assert_eq!((&x >> 64).to_vec::<i64>().unwrap(), [0, -1]);
        assert_eq!((&x >> 1).to_vec::<i64>().unwrap(), [2, -3]);
        assert_eq!((&x << -1).to_vec::<i64>().unwrap(), [0, 0]);
    }

    #[test]
    fn masks_are_combined_by_operators() {
        let x = tensor([0.5, 1.5, 2.5]);
        let inside = x.gt(1.0).unwrap() & x.lt(2.0).unwrap();
        assert_eq!(inside.to_vec::<bool>().unwrap(), [false, true, false]);
        assert_eq!((!inside | true).to_vec::<bool>().unwrap(), [true; 3]);
    }

    #[test]
    fn floats_have_no_bits() {
        assert!(tensor([1.0]).bitwise_and(1).is_err());
        assert!(tensor([1.0]).bitwise_not().is_err());
        assert!(tensor([true]).bitwise_left_shift(true).is_err());
    }
}

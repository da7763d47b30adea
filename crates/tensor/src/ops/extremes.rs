//! The larger and the smaller of each pair.
//!
//! ```
//! use tensor::tensor;
//! let (x, y) = (tensor([1.0, f64::NAN]), tensor([2.0, 3.0]));
//! assert_eq!(x.maximum(&y)?.to_string(), "tensor([2., nan])");
//! assert_eq!(x.fmax(&y)?.to_string(), "tensor([2., 3.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Function2, Operand, broadcast_cases, functions2};
use crate::autograd::check::Case;
use crate::error::Result;
use crate::tensor::Tensor;

functions2! {
    /// The larger of each pair; a NaN on either side stays. Ties share the gradient.
    Maximum maximum "Maximum": |x, y| x.maximum(y),
        |x, y, g| g.clone() * share(x.clone().lt(y.clone()), x.equal(y), g),
        |x, y, g| g.clone() * share(y.clone().lt(x.clone()), x.equal(y), g),
        integers i64::max, bools |x, y| x | y;
    /// The smaller of each pair; a NaN on either side stays. Ties share the gradient.
    Minimum minimum "Minimum": |x, y| x.minimum(y),
        |x, y, g| g.clone() * share(y.clone().lt(x.clone()), x.equal(y), g),
        |x, y, g| g.clone() * share(x.clone().lt(y.clone()), x.equal(y), g),
        integers i64::min, bools |x, y| x & y;
    /// The larger of each pair, a NaN only where both are. Ties share the gradient.
    Fmax fmax "Fmax": |x, y| sound(x.clone(), y.clone(), x.maximum(y)),
        |x, y, g| g.clone() * sound_share(x.clone().lt(y.clone()), x, y, g),
        |x, y, g| g.clone() * sound_share(y.clone().lt(x.clone()), y, x, g),
        integers i64::max, bools |x, y| x | y, rare true;
    /// The smaller of each pair, a NaN only where both are. Ties share the gradient.
    Fmin fmin "Fmin": |x, y| sound(x.clone(), y.clone(), x.minimum(y)),
        |x, y, g| g.clone() * sound_share(y.clone().lt(x.clone()), x, y, g),
        |x, y, g| g.clone() * sound_share(x.clone().lt(y.clone()), y, x, g),
        integers i64::min, bools |x, y| x & y, rare true;
}

/// 0 where the other side was chosen, ½ at a tie, else 1 (where one side is NaN, both are).
#[inline(always)]
fn share<R: kernel::Real>(lost: R::Mask, tie: R::Mask, like: R) -> R {
    R::select(lost, like.constant(0.0), R::select(tie, like.constant(0.5), like.constant(1.0)))
}

/// The one of x and y that is a number, or `chosen` if both are.
#[inline(always)]
fn sound<R: kernel::Real>(x: R, y: R, chosen: R) -> R {
    R::select(x.clone().is_nan(), y.clone(), R::select(y.is_nan(), x, chosen))
}

/// [`share`], but 0 where `mine` alone is NaN, and 1 where `other` is.
#[inline(always)]
fn sound_share<R: kernel::Real>(lost: R::Mask, mine: R, other: R, like: R) -> R {
    let shared = share(lost, mine.clone().equal(other.clone()), like.clone());
    let mine = R::select(mine.is_nan(), like.constant(0.0), shared);
    R::select(other.is_nan(), like.constant(1.0), mine)
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    broadcast_cases(&[
        ("maximum", |x| x[0].maximum(&x[1])),
        ("minimum", |x| x[0].minimum(&x[1])),
        ("fmax", |x| x[0].fmax(&x[1])),
        ("fmin", |x| x[0].fmin(&x[1])),
    ])
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn ties_share_and_a_number_beats_nan() {
        let (x, y) = (tensor([1.0, f64::NAN, 2.0]).requires_grad(), tensor([1.0, 5.0, f64::NAN]).requires_grad());
        let z = x.fmax(&y).unwrap();
        assert_eq!(z.to_vec::<f32>().unwrap(), [1.0, 5.0, 2.0]);
        z.sum().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.5, 0.0, 1.0]);
        assert_eq!(y.grad().unwrap().to_vec::<f32>().unwrap(), [0.5, 1.0, 0.0]);
    }
}

//! Whether any or all elements are true, that is not zero; and how many.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[0, 1], [2, 3]]);
//! assert_eq!(x.all_dim(1, false)?.to_string(), "tensor([False,  True])");
//! assert_eq!(x.count_nonzero(())?.to_string(), "tensor(3)");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::reduce::{Groups, Plan, fold};
use crate::autograd::check::Case;
use crate::dtype::Element;
use crate::error::Result;
use crate::layout::Ints;
use crate::storage::{Buffer, with_element};
use crate::tensor::Tensor;

/// Folds over "is not zero"; NaN is not.
fn folded<A: Element>(x: &Tensor, plan: &Plan, start: A, f: impl Fn(A, bool) -> A + Copy) -> Tensor {
    with_element!(x.dtype(), T => {
        let groups = Groups::<T>::of(plan, x);
        let mut out = Buffer::full(groups.len(), start);
        groups.each(|range, block, side| fold(&mut out[range], block, side, |a, x| f(a, x != T::default())));
        groups.tensor(out)
    })
}

/// How many elements are not zero.
pub(crate) fn nonzero(x: &Tensor, plan: &Plan) -> Tensor {
    folded(x, plan, 0, |count: i64, x| count + i64::from(x))
}

impl Tensor {
    /// Whether any element is true (not zero).
    #[doc(alias = "torch.any")]
    #[must_use]
    pub fn any(&self) -> Tensor {
        folded(self, &Plan::all(self), false, |any, x| any | x)
    }

    /// Whether any element is true (not zero) over some dimensions, over all with `()`.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[track_caller]
    pub fn any_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        Ok(folded(self, &Plan::new("any", self, dims, keepdim)?, false, |any, x| any | x))
    }

    /// Whether all elements are true (not zero).
    #[doc(alias = "torch.all")]
    #[must_use]
    pub fn all(&self) -> Tensor {
        folded(self, &Plan::all(self), true, |all, x| all & x)
    }

    /// Whether all elements are true (not zero) over some dimensions, over all with `()`.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[track_caller]
    pub fn all_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        Ok(folded(self, &Plan::new("all", self, dims, keepdim)?, true, |all, x| all & x))
    }

    /// How many elements are not zero, over some dimensions or over all with `()`: int64.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[doc(alias = "torch.count_nonzero")]
    #[track_caller]
    pub fn count_nonzero(&self, dims: impl Ints) -> Result<Tensor> {
        Ok(nonzero(self, &Plan::new("count_nonzero", self, dims, false)?))
    }
}

/// Nothing here has a gradient.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    vec![]
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn nan_is_not_zero_and_nothing_is_all_true() {
        let x = tensor([0.0, -0.0, f64::NAN]);
        assert_eq!(x.count_nonzero(()).unwrap().item().unwrap(), 1.0);
        assert_eq!((x.any().item().unwrap(), x.all().item().unwrap()), (1.0, 0.0));
        let none = zeros([0, 2]).unwrap();
        assert_eq!((none.any().item().unwrap(), none.all().item().unwrap()), (0.0, 1.0));
        assert_eq!(none.all_dim(0, false).unwrap().to_vec::<bool>().unwrap(), [true, true]);
    }
}

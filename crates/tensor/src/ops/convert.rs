//! From one element type to another.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::storage::with_element;
use crate::tensor::Tensor;

struct To(DType);

impl Op for To {
    fn name(&self) -> &'static str {
        "ToCopy"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| Ok(grad.to(self.0)))
    }
}

impl Tensor {
    /// The same numbers as another type: floats are cut towards zero for int64, and everything but zero is `true`.
    /// Nothing is copied if the type is right already.
    ///
    /// ```
    /// use tensor::{DType, tensor};
    /// assert_eq!(tensor([1.7, -1.7]).to(DType::I64).to_string(), "tensor([ 1, -1])");
    /// ```
    #[doc(alias = "torch.Tensor.to")]
    #[track_caller]
    #[must_use]
    pub fn to(&self, dtype: DType) -> Tensor {
        if self.dtype() == dtype {
            return self.clone();
        }
        let out = with_element!(self.dtype(), T => with_element!(dtype, U => {
            // int64 to int64 never gets here; from int64 the way through float64 would round.
            let convert = |x: T| -> U {
                if T::DTYPE == DType::I64 { U::from_i64(x.to_i64()) } else { U::from_f64(x.to_f64()) }
            };
            Tensor::new(self.values::<T>().iter().map(|&x| convert(x)).collect(), self.dense_layout())
        }));
        out.record(To(self.dtype()), &[self])
    }
}

/// The cases by which the conversion is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    // A difference quotient does not survive the rounding to float32, so that part is multiplied by zero.
    vec![case("to", |x| x[0].add(&(x[0].to(DType::F32).to(DType::F64) * 0.0)), vec![float64([0.5, -2.0])])]
}

#[cfg(test)]
mod tests {
    use crate::{DType, tensor};

    #[test]
    fn a_gradient_comes_back_in_the_type_of_the_input() {
        let x = tensor([1.0, 2.0]).requires_grad();
        (x.to(DType::F64) * 3.0).sum().backward().unwrap();
        let grad = x.grad().unwrap();
        assert_eq!(grad.dtype(), DType::F32);
        assert_eq!(grad.to_vec::<f32>().unwrap(), [3.0, 3.0]);
    }
}

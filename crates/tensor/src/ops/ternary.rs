//! Functions of three numbers, with broadcasting: `lerp`, `addcmul`, `addcdiv`.
//!
//! ```
//! use tensor::tensor;
//! let (a, b) = (tensor([0.0, 10.0]), tensor([10.0, 20.0]));
//! assert_eq!(a.lerp(&b, 0.25)?.to_string(), "tensor([ 2.5000, 12.5000])");
//! assert_eq!(a.addcmul(&b, &b, 0.5)?.to_string(), "tensor([ 50., 210.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::{Operand, result_type_of};
use super::broadcast::{common_shape};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::SharedLayout;
use crate::literal::Scalar;
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::Map3;
use kernel::map::{Arg, zip3};
use std::borrow::Cow;

/// A function of three numbers. `#[inline(always)]` on the value lets the loop around it vectorise.
pub(crate) trait Function3: Copy + Send + Sync + 'static {
    /// As in `grad_fn=<NameBackward0>`.
    const NAME: &'static str;
    /// For messages: the method's name.
    const METHOD: &'static str;
    /// The value on whole numbers. Without it they are converted to float32.
    const INTEGERS: Option<fn(i64, i64, i64) -> i64> = None;

    /// The value at `(x, y, z)`.
    fn value<R: kernel::Real>(self, x: R, y: R, z: R) -> R;
    /// The gradient of variable `i` from the gradient of the result.
    fn pull<R: kernel::Real>(self, i: usize, x: R, y: R, z: R, grad: R) -> R;
}

#[derive(Clone, Copy)]
struct Value<F>(F);
impl<F: Function3> Map3 for Value<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, y: R, z: R) -> R {
        self.0.value(x, y, z)
    }
}

struct Ternary<F> {
    f: F,
    layouts: [SharedLayout; 3],
}

impl Tensor {
    /// Applies a [`Function3`] to triples of elements, after broadcasting and PyTorch's type promotion.
    #[track_caller]
    pub(crate) fn apply3<'a, F: Function3>(
        &self,
        f: F,
        y: impl Into<Operand<'a>>,
        z: impl Into<Operand<'a>>,
    ) -> Result<Tensor> {
        let (y, z) = (y.into(), z.into());
        let dtype = result_type_of(&[self.into(), y, z]);
        let dtype = if F::INTEGERS.is_some() { dtype.max(DType::I64) } else { dtype.to_float() };
        let inputs = [self.to(dtype), y.tensor(dtype), z.tensor(dtype)];
        let [x, y, z] = &inputs;
        let pair = common_shape(F::METHOD, x, y)?;
        let span = Tensor::scalar(0, dtype).expand(&pair)?;
        let shape = common_shape(F::METHOD, &span, z)?;
        let layout = dense(&shape);
        let wide = |t: &Tensor| if t.numel() == 1 { Ok(t.detach()) } else { t.detach().expand(&shape) };
        let [x, y, z] = [wide(x)?, wide(y)?, wide(z)?];
        let out = match F::INTEGERS {
            Some(f) if dtype == DType::I64 => {
                let [x, y, z] = [x.expand(&shape)?, y.expand(&shape)?, z.expand(&shape)?];
                let (x, y, z) = (x.values(), y.values(), z.values());
                let out = x.iter().zip(y.iter()).zip(z.iter()).map(|((&x, &y), &z)| f(x, y, z)).collect();
                Tensor::new(out, layout)
            }
            _ => with_float!(dtype, T => {
                let mut out = Buffer::<T>::unwritten(layout.numel());
                let values: [Cow<'_, [T]>; 3] = [x.values(), y.values(), z.values()];
                let [x, y, z] = values.each_ref().map(|v| Arg::of(v));
                zip3(Value(f), x, y, z, &mut out);
                Tensor::new(out, layout)
            }),
        };
        let layouts = inputs.each_ref().map(|t| t.layout.clone());
        Ok(out.record(Ternary { f, layouts }, &inputs.each_ref()))
    }
}

impl<F: Function3> Op for Ternary<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let [x, y, z] = [ctx.input(0)?, ctx.input(1)?, ctx.input(2)?];
        ctx.grads(|i| {
            let pulled = self.f.pull(i, x.clone(), y.clone(), z.clone(), grad.clone());
            pulled.expand(grad.shape())?.sum_to_size(self.layouts[i].shape())
        })
    }
}

/// `x + w·(y − x)`, from whichever end is nearer, so that both ends are exact.
#[derive(Clone, Copy)]
struct Lerp<const TENSOR: bool>;

impl<const TENSOR: bool> Function3 for Lerp<TENSOR> {
    const NAME: &'static str = if TENSOR { "LerpBackward1" } else { "Lerp" };
    const METHOD: &'static str = "lerp";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R, w: R) -> R {
        let distance = y.clone() - x.clone();
        let near = w.clone().abs().lt_scalar(0.5);
        R::select(near, x + w.clone() * distance.clone(), y - distance * (-w + 1.0))
    }
    fn pull<R: kernel::Real>(self, i: usize, x: R, y: R, w: R, grad: R) -> R {
        match i {
            0 => grad * (-w + 1.0),
            1 => grad * w,
            _ => grad * (y - x),
        }
    }
}

/// `x + factor·y·z`
#[derive(Clone, Copy)]
struct Addcmul(f64);

impl Function3 for Addcmul {
    const NAME: &'static str = "Addcmul";
    const METHOD: &'static str = "addcmul";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R, z: R) -> R {
        x + y * self.0 * z
    }
    fn pull<R: kernel::Real>(self, i: usize, _: R, y: R, z: R, grad: R) -> R {
        match i {
            0 => grad,
            1 => grad * (z * self.0),
            _ => grad * (y * self.0),
        }
    }
}

/// `x + factor·y/z`
#[derive(Clone, Copy)]
struct Addcdiv(f64);

impl Function3 for Addcdiv {
    const NAME: &'static str = "Addcdiv";
    const METHOD: &'static str = "addcdiv";
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R, z: R) -> R {
        x + y * self.0 / z
    }
    fn pull<R: kernel::Real>(self, i: usize, _: R, y: R, z: R, grad: R) -> R {
        match i {
            0 => grad,
            1 => grad * self.0 / z,
            _ => -grad * self.0 * (y / (z.clone() * z)),
        }
    }
}

impl Tensor {
    /// `self + weight·(end − self)`: from `self` at weight 0 to `end` at weight 1.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    pub fn lerp<'a>(&self, end: &Tensor, weight: impl Into<Operand<'a>>) -> Result<Tensor> {
        match weight.into() {
            Operand::Tensor(weight) => self.apply3(Lerp::<true>, end, weight),
            weight => self.apply3(Lerp::<false>, end, weight),
        }
    }

    /// `self + value·tensor1·tensor2`. PyTorch's default value is 1.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    pub fn addcmul(&self, tensor1: &Tensor, tensor2: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
        let value = value.into();
        if !result_type_of(&[self.into(), tensor1.into(), tensor2.into()]).is_float() {
            return self.add(&tensor1.mul(value)?.mul(tensor2)?);
        }
        self.apply3(Addcmul(value.to_f64()), tensor1, tensor2)
    }

    /// `self + value·tensor1/tensor2`. PyTorch's default value is 1.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or all tensors are of integers.
    #[track_caller]
    pub fn addcdiv(&self, tensor1: &Tensor, tensor2: &Tensor, value: impl Into<Scalar>) -> Result<Tensor> {
        let dtype = result_type_of(&[self.into(), tensor1.into(), tensor2.into()]);
        if !dtype.is_float() {
            return Err(Error::not_float("addcdiv", dtype));
        }
        self.apply3(Addcdiv(value.into().to_f64()), tensor1, tensor2)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let inputs = || vec![float64([[0.4], [-1.3]]), float64([1.1, 0.7, -0.6]), float64([[0.3, 0.6, 1.2], [0.9, -0.2, 2.0]])];
    vec![
        case("lerp", |x| x[0].lerp(&x[1], &x[2]), inputs()),
        case("lerp by a number", |x| x[0].lerp(&x[1], 0.3), inputs()[..2].to_vec()),
        case("addcmul", |x| x[0].addcmul(&x[1], &x[2], 0.5), inputs()),
        case("addcdiv", |x| x[0].addcdiv(&x[1], &x[2], -0.5), inputs()),
        case("addcmul of one shape", |x| x[0].addcmul(&x[0], &x[0], 2.0), vec![float64([0.4, -1.3])]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, tensor};

    #[test]
    fn both_ends_of_lerp_are_exact() {
        let (a, b) = (tensor([0.1, 1e8]), tensor([0.7, -3.3]));
        assert!(a.lerp(&b, 0.0).unwrap().equal(&a));
        assert!(a.lerp(&b, 1.0).unwrap().equal(&b));
    }

    #[test]
    fn integers_stay_integers_where_they_can() {
        let x = tensor([1, 2]);
        assert_eq!(x.addcmul(&x, &x, 3).unwrap().to_vec::<i64>().unwrap(), [4, 14]);
        assert!(x.addcdiv(&x, &x, 1).is_err());
        assert_eq!(x.addcmul(&tensor([0.5, 0.5]), &x, 1).unwrap().dtype(), DType::F32);
    }
}

//! Functions of two numbers, with broadcasting and type promotion.
//!
//! Each is *a name, a value and two pulls*: the gradients of both operands from the gradient of the result.
//!
//! ```
//! use tensor::tensor;
//! let x = tensor([[1.0], [2.0]]);
//! let y = tensor([10.0, 20.0]);
//! assert_eq!((&x + &y).to_string(), "tensor([[11., 21.],\n        [12., 22.]])");
//! assert_eq!((&x * 2.0).to_string(), "tensor([[2.],\n        [4.]])");
//! assert!(x.add(&tensor([1.0, 2.0, 3.0])).is_ok());
//! assert!(y.add(&tensor([1.0, 2.0, 3.0])).is_err()); // where the operator would panic
//! ```

use super::broadcast::{common_shape, pairs, zip_rows};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::SharedLayout;
use crate::literal::Scalar;
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};
use kernel::map::{Arg, zip, zip_each, zip3, zip3_each};
use kernel::{Float, Lane, Map2, Map3};

/// A function of two numbers. `#[inline(always)]` on the formulas lets the loops around them vectorise.
pub trait Function2: Copy + Send + Sync + 'static {
    /// As in `grad_fn=<NameBackward0>`.
    const NAME: &'static str;
    /// For messages: the method's name.
    const METHOD: &'static str;
    /// [`Keep::Inputs`], or [`Keep::Nothing`] if the pulls use the gradient alone.
    const KEEPS: Keep = Keep::Inputs;
    /// The value on whole numbers. Without it they are converted to float32.
    const INTEGERS: Option<fn(i64, i64) -> i64> = None;
    /// The value on bools. Without it they are treated as integers.
    const BOOLS: Option<fn(bool, bool) -> bool> = None;
    /// Whether the value on whole numbers divides by the second one, which is an error where that is 0.
    const DIVIDES: bool = false;
    /// As [`Function::RARE`](super::unary::Function::RARE).
    const RARE: bool = false;
    /// Whether the value is a single operation of the processor, and the pulls are a few: the same bits without a vector loop.
    const SINGLE: bool = false;
    /// Whether both pulls are the gradient itself.
    const PASSES_ON: bool = false;

    /// The value at `(x, y)`.
    fn value<R: kernel::Real>(self, x: R, y: R) -> R;
    /// The gradient of `x` from the gradient of the result.
    fn pull_x<R: kernel::Real>(self, x: R, y: R, grad: R) -> R;
    /// The gradient of `y` from the gradient of the result.
    fn pull_y<R: kernel::Real>(self, x: R, y: R, grad: R) -> R;
}

/// What can stand on the right-hand side: a tensor, or a plain number, which does not change the tensor's type unless
/// it is of a higher kind.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// A tensor, to be broadcast.
    Tensor(&'a Tensor),
    /// A number.
    Number(Scalar),
}

impl Operand<'_> {
    /// As a tensor of a certain type.
    #[track_caller]
    pub(crate) fn tensor(self, dtype: DType) -> Tensor {
        match self {
            Operand::Tensor(tensor) => tensor.to(dtype),
            Operand::Number(number) => Tensor::scalar(number, dtype),
        }
    }
}

impl<'a> From<&'a Tensor> for Operand<'a> {
    #[inline]
    fn from(tensor: &'a Tensor) -> Self {
        Operand::Tensor(tensor)
    }
}

impl<T: Into<Scalar>> From<T> for Operand<'_> {
    #[inline]
    fn from(number: T) -> Self {
        Operand::Number(number.into())
    }
}

/// The type of a result, by PyTorch's rule: the highest kind (bool, integer, float) decides; within a kind, tensors with
/// dimensions outrank scalars, and scalars outrank plain numbers.
#[doc(alias = "torch.result_type")]
pub fn result_type<'a>(x: &Tensor, y: impl Into<Operand<'a>>) -> DType {
    result_type_of(&[x.into(), y.into()])
}

/// [`result_type`] of any number of operands.
pub(crate) fn result_type_of(operands: &[Operand<'_>]) -> DType {
    let mut ranks: [Option<DType>; 3] = [None; 3];
    for operand in operands {
        let (rank, dtype) = match operand {
            Operand::Tensor(x) => (usize::from(x.dim() == 0), x.dtype()),
            Operand::Number(number) => (2, number.dtype()),
        };
        ranks[rank] = Some(ranks[rank].map_or(dtype, |other| other.promote(dtype)));
    }
    // A lower rank counts only where it is of a higher kind.
    let above = |higher: DType, lower: DType| if kind(lower) > kind(higher) { lower } else { higher };
    ranks.into_iter().flatten().reduce(above).unwrap_or(DType::F32)
}

/// Bool, integer or float.
fn kind(dtype: DType) -> DType {
    dtype.min(DType::F32)
}

#[derive(Clone, Copy)]
struct Value<F>(F);
impl<F: Function2> Map2 for Value<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, y: R) -> R {
        self.0.value(x, y)
    }
}

/// The pull of `x` (`Y` false) or of `y`.
#[derive(Clone, Copy)]
struct Pull<F, const Y: bool>(F);
impl<F: Function2, const Y: bool> Map3 for Pull<F, Y> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        if Y { self.0.pull_y(x, y, grad) } else { self.0.pull_x(x, y, grad) }
    }
}

/// The function as the graph remembers it. The layouts of the operands are held only if they were broadcast.
pub(crate) struct Binary<F> {
    f: F,
    broadcast: Option<Box<[SharedLayout; 2]>>,
}

impl<F: Function2> Binary<F> {
    /// Whether there is anything to compute of the gradients.
    const LOOPS: bool = !matches!(F::KEEPS, Keep::Nothing);
}

impl Tensor {
    /// Applies a [`Function2`] to pairs of elements, after broadcasting and PyTorch's type promotion.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together.
    #[track_caller]
    #[inline]
    pub fn apply2<'a, F: Function2>(&self, f: F, other: impl Into<Operand<'a>>) -> Result<Tensor> {
        let other = other.into();
        // The usual case, ahead of the rules and conversions that have nothing to do in it.
        if let Operand::Tensor(y) = other
            && self.dtype() == y.dtype()
            && y.dtype().is_float()
        {
            return binary(f, self, y);
        }
        let dtype = result_type(self, other);
        let compute = match dtype {
            DType::Bool if F::BOOLS.is_some() => DType::Bool,
            DType::Bool | DType::I64 if F::INTEGERS.is_some() => DType::I64,
            dtype => dtype.to_float(),
        };
        match other {
            Operand::Tensor(y) if self.dtype() == compute && y.dtype() == compute => binary(f, self, y),
            _ => binary(f, &self.to(compute), &other.tensor(compute)),
        }
    }
}

/// Both operands have the type that is computed in.
#[track_caller]
fn binary<F: Function2>(f: F, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    if F::SINGLE
        && let (Some(a), Some(b)) = (x.only::<f32>(), y.only::<f32>())
        && x.dim() == y.dim()
    {
        let out = Tensor::one(f.value(Lane::<f32, false>(a), Lane(b)).0, x.dense_layout());
        return Ok(out.record(Binary { f, broadcast: None }, &[x, y]));
    }
    let same = x.layout.is_same(&y.layout) || x.shape() == y.shape();
    let layout = if same {
        x.dense_layout()
    } else {
        dense(&common_shape(F::METHOD, x, y)?)
    };
    let out = match (x.dtype(), F::INTEGERS, F::BOOLS) {
        (DType::Bool, _, Some(f)) => {
            return Ok(zip_rows(x, y, layout, |x: Arg<'_, bool>, y, out| pairs(x, y, out, f)));
        }
        (DType::I64, Some(f), _) => {
            if F::DIVIDES && layout.numel() > 0 && y.values::<i64>().contains(&0) {
                return Err(Error::value(F::METHOD, "division of an integer by zero"));
            }
            return Ok(zip_rows(x, y, layout, |x: Arg<'_, i64>, y, out| pairs(x, y, out, f)));
        }
        (DType::F64, ..) => zip_rows(x, y, layout, move |x, y, out| values::<f64, F>(f, x, y, out)),
        _ => zip_rows(x, y, layout, move |x, y, out| values::<f32, F>(f, x, y, out)),
    };
    let broadcast = (!same && out.dtype().is_float())
        .then(|| Box::new([x.layout.clone(), y.layout.clone()]));
    Ok(out.record(Binary { f, broadcast }, &[x, y]))
}

/// The loop of the values.
fn values<T: Float, F: Function2>(f: F, x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [T]) {
    if F::RARE {
        zip_each(&move |x, y| f.value(Lane::<f64, false>(x), Lane(y)).0, x, y, out);
    } else {
        zip(Value(f), x, y, out);
    }
}

/// The loop of the gradients of operand `i`.
fn pulls<T: Float, F: Function2>(f: F, i: usize, [x, y, grad]: [Arg<'_, T>; 3], out: &mut [T]) {
    if F::RARE {
        let pull = move |x: f64, y: f64, grad: f64| {
            let (x, y, grad) = (Lane::<f64, false>(x), Lane(y), Lane(grad));
            if i == 0 { f.pull_x(x, y, grad).0 } else { f.pull_y(x, y, grad).0 }
        };
        zip3_each(&pull, [x, y, grad], out);
    } else if i == 0 {
        zip3(Pull::<F, false>(f), x, y, grad, out);
    } else {
        zip3(Pull::<F, true>(f), x, y, grad, out);
    }
}

type Loop3<T> = dyn Fn([Arg<'_, T>; 3], &mut [T]);

/// One of two loops over a gradient, by its type, in which an operand may also be a single number.
fn zip3_floats(
    operands: [&Tensor; 2],
    grad: &Tensor,
    single: &Loop3<f32>,
    double: &Loop3<f64>,
) -> Tensor {
    let [x, y] = operands;
    // Most often one of the three has it already.
    let dense = [grad, x, y].into_iter().find(|t| t.is_contiguous() && t.shape() == grad.shape());
    let layout = dense.unwrap_or(grad).dense_layout();
    if grad.dtype() == DType::F64 {
        let mut out = Buffer::unwritten(grad.numel());
        double([x.operand().arg(), y.operand().arg(), grad.operand().arg()], &mut out);
        return Tensor::new(out, layout);
    }
    let mut out = Buffer::unwritten(grad.numel());
    single([x.operand().arg(), y.operand().arg(), grad.operand().arg()], &mut out);
    Tensor::new(out, layout)
}

impl<F: Function2> Op for Binary<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn keep(&self) -> Keep {
        F::KEEPS
    }

    fn passes_on(&self) -> bool {
        F::PASSES_ON && self.broadcast.is_none()
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let f = self.f;
        let own = |i: usize, pulled: Tensor| match &self.broadcast {
            Some(layouts) => pulled.sum_to_size(layouts[i].shape()),
            None => Ok(pulled),
        };
        if Binary::<F>::LOOPS && !is_grad_enabled() {
            let operands = [ctx.input_value(0)?, ctx.input_value(1)?];
            if F::SINGLE
                && self.broadcast.is_none()
                && let [Some(x), Some(y), Some(g)] =
                    [operands[0].only::<f32>(), operands[1].only::<f32>(), grad.only::<f32>()]
            {
                let (x, y, g) = (Lane::<f32, false>(x), Lane(y), Lane(g));
                return ctx.grads(|i| {
                    let pulled = if i == 0 { f.pull_x(x, y, g) } else { f.pull_y(x, y, g) };
                    Ok(Tensor::one(pulled.0, grad.dense_layout()))
                });
            }
            let fits = |t: &Tensor| t.is_contiguous() && (t.shape() == grad.shape() || t.numel() == 1);
            if operands.into_iter().all(fits) {
                return ctx.grads(|i| {
                    own(
                        i,
                        zip3_floats(
                            operands,
                            grad,
                            &move |args, out| pulls(f, i, args, out),
                            &move |args, out| pulls(f, i, args, out),
                        ),
                    )
                });
            }
        }
        // A function that keeps nothing pulls from the gradient alone.
        let nothing = || Tensor::scalar(0.0, grad.dtype());
        let (x, y) = match F::KEEPS {
            Keep::Nothing => (nothing(), nothing()),
            _ => (ctx.input(0)?, ctx.input(1)?),
        };
        ctx.grads(|i| {
            let (x, y, grad) = (x.clone(), y.clone(), grad.clone());
            own(i, if i == 0 { f.pull_x(x, y, grad) } else { f.pull_y(x, y, grad) })
        })
    }
}

/// One entry: documentation, type and method, PyTorch's name, what is kept, value and both pulls.
macro_rules! functions {
    ($($(#[$doc:meta])* $type:ident $method:ident $name:literal $(keeps $keep:ident)?:
        |$x:ident, $y:ident| $value:expr,
        |$px:pat_param, $py:pat_param, $pg:pat_param| $pull_x:expr,
        |$qx:pat_param, $qy:pat_param, $qg:pat_param| $pull_y:expr
        $(, integers $integers:expr)? $(, bools $bools:expr)? $(, divides $divides:literal)?
        $(, rare $rare:literal)?;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $type;

        impl Function2 for $type {
            const NAME: &'static str = $name;
            const METHOD: &'static str = stringify!($method);
            $(const KEEPS: Keep = Keep::$keep;)?
            $(const INTEGERS: Option<fn(i64, i64) -> i64> = Some($integers);)?
            $(const BOOLS: Option<fn(bool, bool) -> bool> = Some($bools);)?
            $(const DIVIDES: bool = $divides;)?
            $(const RARE: bool = $rare;)?
            #[inline(always)]
            fn value<R: kernel::Real>(self, $x: R, $y: R) -> R {
                $value
            }
            #[inline(always)]
            fn pull_x<R: kernel::Real>(self, $px: R, $py: R, $pg: R) -> R {
                $pull_x
            }
            #[inline(always)]
            fn pull_y<R: kernel::Real>(self, $qx: R, $qy: R, $qg: R) -> R {
                $pull_y
            }
        }

        impl Tensor {
            $(#[$doc])*
            ///
            /// # Errors
            /// If the shapes cannot be broadcast together.
            #[track_caller]
            pub fn $method<'a>(&self, other: impl Into<Operand<'a>>) -> Result<Tensor> {
                self.apply2($type, other)
            }
        }
    )*};
}

pub(crate) use functions as functions2;

type OfTensors = fn(&[Tensor]) -> Result<Tensor>;

/// Cases of functions of two numbers: the same shape, broadcast on either side, on both, and a scalar.
pub(crate) fn broadcast_cases(functions: &[(&'static str, OfTensors)]) -> Vec<Case> {
    let inputs = || {
        [
            vec![float64([0.4, -1.3, 2.0]), float64([1.1, 0.7, -0.6])],
            vec![float64([[0.4, -1.3, 2.0], [0.3, 1.2, -0.2]]), float64([1.1, 0.7, -0.6])],
            vec![float64([[0.4], [1.3]]), float64([[1.1, 0.7, -0.6]])],
            vec![float64(0.65), float64([[1.1, 0.7], [-0.6, 2.0]])],
        ]
    };
    functions.iter().flat_map(|&(name, f)| inputs().map(|inputs| case(name, f, inputs))).collect()
}

/// The functions themselves are in other files.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use crate::{DType, tensor};

    #[test]
    fn types_are_promoted_as_in_pytorch() {
        assert_eq!((tensor([1, 2]) + 0.5).dtype(), DType::F32);
        assert_eq!((tensor([1, 2]) + 1).dtype(), DType::I64);
        assert_eq!((tensor([1, 2]) / 2).to_string(), "tensor([0.5000, 1.0000])");
        let wide = tensor(2.0).to(DType::F64);
        assert_eq!((tensor([1.0]) * wide).dtype(), DType::F32);
    }
}

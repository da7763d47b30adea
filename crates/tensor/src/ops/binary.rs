//! Functions of two numbers, with broadcasting: `+ − · /`, powers, maxima; and the operators on tensors.
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

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, broadcast};
use crate::literal::Scalar;
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use kernel::map::{Arg, map, zip, zip3};
use kernel::{Map1, Map2, Map3};
use std::sync::Arc;

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
pub fn result_type<'a>(x: &Tensor, y: impl Into<Operand<'a>>) -> DType {
    let kind = |dtype: DType| dtype.min(DType::F32);
    match y.into() {
        Operand::Tensor(y) => {
            let (a, b) = (x.dtype(), y.dtype());
            match (x.dim() == 0, y.dim() == 0) {
                (false, true) if kind(a) >= kind(b) => a,
                (true, false) if kind(b) >= kind(a) => b,
                _ => a.promote(b),
            }
        }
        Operand::Number(number) if kind(number.dtype()) > kind(x.dtype()) => number.dtype(),
        Operand::Number(_) => x.dtype(),
    }
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
    broadcast: Option<Box<[Arc<Layout>; 2]>>,
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
        let dtype = result_type(self, other);
        let compute = match dtype {
            DType::Bool if F::BOOLS.is_some() => DType::Bool,
            DType::Bool | DType::I64 if F::INTEGERS.is_some() => DType::I64,
            dtype => dtype.to_float(),
        };
        let number;
        let y = match other {
            Operand::Tensor(y) => y,
            Operand::Number(value) => {
                number = Tensor::scalar(value, compute);
                &number
            }
        };
        if self.dtype() == compute && y.dtype() == compute {
            binary(f, self, y)
        } else {
            binary(f, &self.to(compute), &y.to(compute))
        }
    }
}

/// Both operands have the type that is computed in.
#[track_caller]
fn binary<F: Function2>(f: F, x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let layout = if x.layout.shape() == y.layout.shape() {
        x.dense_layout()
    } else {
        dense(&common_shape(F::METHOD, x, y)?)
    };
    let out = match (x.dtype(), F::INTEGERS, F::BOOLS) {
        (DType::Bool, _, Some(f)) => {
            return Ok(zip_rows(x, y, layout, |x: Arg<'_, bool>, y, out| pairs(x, y, out, f)));
        }
        (DType::I64, Some(f), _) => return Ok(zip_rows(x, y, layout, |x: Arg<'_, i64>, y, out| pairs(x, y, out, f))),
        (dtype, ..) => {
            with_float!(dtype, T => zip_rows(x, y, layout, |x: Arg<'_, T>, y, out: &mut [T]| zip(Value(f), x, y, out)))
        }
    };
    let same = x.shape() == y.shape();
    let broadcast = (!same && out.dtype().is_float())
        .then(|| Box::new([Arc::clone(&x.layout), Arc::clone(&y.layout)]));
    Ok(out.record(Binary { f, broadcast }, &[x, y]))
}

#[track_caller]
pub(crate) fn common_shape(op: &'static str, x: &Tensor, y: &Tensor) -> Result<Shape> {
    let shape = broadcast(x.shape(), y.shape()).ok_or_else(|| {
        Error::shape(op, format!("shapes {:?} and {:?} cannot be broadcast together", x.shape(), y.shape()))
    })?;
    if shape.len() > 1 && (x.numel() < shape.iter().product() || y.numel() < shape.iter().product()) {
        Layout::contiguous(op, &shape)?; // two small operands can span a product that no machine holds
    }
    Ok(shape)
}

/// Runs `row` over two operands expanded to `layout`, in rows along which each operand is dense or constant.
pub(crate) fn zip_rows<T: Element, U: Element>(
    x: &Tensor,
    y: &Tensor,
    layout: Arc<Layout>,
    mut row: impl FnMut(Arg<'_, T>, Arg<'_, T>, &mut [U]),
) -> Tensor {
    let numel = layout.numel();
    let mut out = Buffer::<U>::zeros(numel);
    let whole = |t: &Tensor| t.numel() == numel && t.is_contiguous();
    if numel == 0 {
    } else if whole(x) && whole(y) {
        row(Arg::Slice(&x.values()), Arg::Slice(&y.values()), &mut out);
    } else if y.numel() == 1 && whole(x) {
        row(Arg::Slice(&x.values()), Arg::Scalar(y.values()[0]), &mut out);
    } else if x.numel() == 1 && whole(y) {
        row(Arg::Scalar(x.values()[0]), Arg::Slice(&y.values()), &mut out);
    } else {
        let last = layout.shape().last().copied().unwrap_or(1);
        let (x, y) = (x.rowwise(layout.shape()), y.rowwise(layout.shape()));
        for ((out, i), j) in out.chunks_mut(last).zip(x.row_starts()).zip(y.row_starts()) {
            row(x.row(i, last), y.row(j, last), out);
        }
    }
    Tensor::new(out, layout)
}

/// A plain loop over pairs, for what is no formula over [`Real`].
pub(crate) fn pairs<T: Copy, U>(x: Arg<'_, T>, y: Arg<'_, T>, out: &mut [U], f: impl Fn(T, T) -> U) {
    kernel::map::zip_with(x, y, out, f);
}

impl Tensor {
    /// Expanded to `shape`, and copied if the last dimension is then neither dense nor constant.
    fn rowwise(&self, shape: &[usize]) -> Tensor {
        let expanded = match self.layout.expand(shape) {
            Some(layout) => self.detach().with_layout(layout),
            None => self.detach(),
        };
        match expanded.layout.strides().last() {
            Some(0 | 1) | None => expanded,
            Some(_) if shape.last() == Some(&1) => expanded,
            Some(_) => expanded.contiguous(),
        }
    }

    /// Where the rows of the last dimension begin in the buffer.
    fn row_starts(&self) -> Vec<usize> {
        let outer = self.dim().max(1) - 1;
        let mut starts = Vec::new();
        let layout =
            self.layout.with(self.shape()[..outer].into(), self.layout.strides()[..outer].into());
        layout.rows(|first, stride, len| starts.extend((0..len).map(|i| first + i * stride)));
        starts
    }

    /// One row of the last dimension, dense or constant.
    fn row<T: Element>(&self, first: usize, len: usize) -> Arg<'_, T> {
        let all = self.raw::<T>();
        match self.layout.strides().last() {
            Some(0) => Arg::Scalar(all[first]),
            _ => Arg::Slice(&all[first..first + len]),
        }
    }

    /// Sums over what broadcasting repeated, so that the result has `shape` again.
    ///
    /// # Errors
    /// If `shape` cannot be broadcast to this shape.
    #[track_caller]
    pub fn sum_to_size(&self, shape: impl crate::layout::Ints) -> Result<Tensor> {
        let shape = crate::layout::sizes("sum_to_size", shape)?;
        if self.shape() == shape.as_slice() {
            return Ok(self.clone());
        }
        let new = self.dim().checked_sub(shape.len());
        if self.layout.rank() < shape.len()
            || broadcast(&shape, self.shape()).as_deref() != Some(self.shape())
        {
            return Err(Error::shape(
                "sum_to_size",
                format!("shape {:?} is not {shape:?} broadcast", self.shape()),
            ));
        }
        let new = new.unwrap_or(0);
        let dims: Vec<usize> =
            (0..self.dim()).filter(|&d| d < new || (shape[d - new] == 1 && self.shape()[d] != 1)).collect();
        self.sum_dim(dims, true)?.reshape(shape)
    }
}

impl<F: Function2> Op for Binary<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn keep(&self) -> Keep {
        F::KEEPS
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        // A function that keeps nothing pulls from the gradient alone.
        let (x, y) = match F::KEEPS {
            Keep::Nothing => (grad.clone(), grad.clone()),
            _ => (ctx.input(0)?, ctx.input(1)?),
        };
        let fused = F::KEEPS != Keep::Nothing
            && self.broadcast.is_none()
            && !is_grad_enabled()
            && [&x, &y, grad].iter().all(|t| t.is_contiguous());
        ctx.grads(|i| {
            if fused {
                return Ok(with_float!(grad.dtype(), T => {
                    let mut out = Buffer::<T>::zeros(grad.numel());
                    let (x, y, g) = (x.values::<T>(), y.values::<T>(), grad.values::<T>());
                    let (x, y, g) = (Arg::Slice(&x), Arg::Slice(&y), Arg::Slice(&g));
                    if i == 0 {
                        zip3(Pull::<F, false>(self.f), x, y, g, &mut out);
                    } else {
                        zip3(Pull::<F, true>(self.f), x, y, g, &mut out);
                    }
                    Tensor::new(out, grad.dense_layout())
                }));
            }
            let pulled = if i == 0 {
                self.f.pull_x(x.clone(), y.clone(), grad.clone())
            } else {
                self.f.pull_y(x.clone(), y.clone(), grad.clone())
            };
            match &self.broadcast {
                Some(layouts) => pulled.sum_to_size(layouts[i].shape()),
                None => Ok(pulled),
            }
        })
    }
}

/// One entry: documentation, type and method, PyTorch's name, what is kept, value and both pulls.
macro_rules! functions {
    ($($(#[$doc:meta])* $type:ident $method:ident $name:literal $(keeps $keep:ident)?:
        |$x:ident, $y:ident| $value:expr,
        |$px:ident, $py:ident, $pg:ident| $pull_x:expr,
        |$qx:ident, $qy:ident, $qg:ident| $pull_y:expr
        $(, integers $integers:expr)? $(, bools $bools:expr)?;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $type;

        impl Function2 for $type {
            const NAME: &'static str = $name;
            const METHOD: &'static str = stringify!($method);
            $(const KEEPS: Keep = Keep::$keep;)?
            $(const INTEGERS: Option<fn(i64, i64) -> i64> = Some($integers);)?
            $(const BOOLS: Option<fn(bool, bool) -> bool> = Some($bools);)?
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

functions! {
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
    /// The angle of the point `(other, self)`.
    Atan2 atan2 "Atan2": |x, y| x.atan2(y),
        |x, y, g| g * y.clone() * over_square(x, y),
        |x, y, g| -(g * x.clone()) * over_square(x, y);
}

/// 0 where the other side was chosen, ½ at a tie, else 1 (where one side is NaN, both are).
#[inline(always)]
fn share<R: kernel::Real>(lost: R::Mask, tie: R::Mask, like: R) -> R {
    R::select(lost, like.constant(0.0), R::select(tie, like.constant(0.5), like.constant(1.0)))
}

/// `1/(x² + y²)`, and 0 at the origin, where the angle has no slope.
#[inline(always)]
fn over_square<R: kernel::Real>(x: R, y: R) -> R {
    let square = x.clone() * x + y.clone() * y;
    let origin = square.clone().eq_scalar(0.0);
    let safe = R::select(origin.clone(), square.constant(1.0), square.clone());
    R::select(origin, square.constant(0.0), square.constant(1.0) / safe)
}

/// `x + y`
#[derive(Clone, Copy)]
pub(crate) struct Add;
impl Function2 for Add {
    const NAME: &'static str = "Add";
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

/// `xʸ`
#[derive(Clone, Copy)]
pub(crate) struct Pow;
impl Function2 for Pow {
    const NAME: &'static str = "Pow";
    const METHOD: &'static str = "pow";
    const INTEGERS: Option<fn(i64, i64) -> i64> = Some(integer_power);
    #[inline(always)]
    fn value<R: kernel::Real>(self, x: R, y: R) -> R {
        x.pow(y)
    }
    /// `y·xʸ⁻¹`, and 0 for y = 0, also at x = 0.
    #[inline(always)]
    fn pull_x<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        let slope = y.clone() * x.pow(y.clone() - 1.0);
        R::select(y.clone().eq_scalar(0.0), grad.constant(0.0), grad * slope)
    }
    /// `xʸ·ln x`, and 0 for x = 0 and y ≥ 0.
    #[inline(always)]
    fn pull_y<R: kernel::Real>(self, x: R, y: R, grad: R) -> R {
        let zero = x.clone().eq_scalar(0.0);
        let safe = R::select(zero.clone(), x.constant(1.0), x.clone());
        let at_zero = R::select(y.clone().lt_scalar(0.0), x.constant(f64::NEG_INFINITY), x.constant(0.0));
        grad * R::select(zero, at_zero, x.pow(y) * safe.ln())
    }
}

/// Powers of whole numbers wrap; a negative power is 0, but for ±1.
fn integer_power(x: i64, y: i64) -> i64 {
    match (x, u64::try_from(y)) {
        (1, _) => 1,
        (-1, _) => 1 - 2 * (y & 1),
        (_, Err(_)) => 0,
        (x, Ok(mut y)) => {
            let (mut power, mut square) = (1i64, x);
            while y > 0 {
                if y & 1 == 1 {
                    power = power.wrapping_mul(square);
                }
                square = square.wrapping_mul(square);
                y >>= 1;
            }
            power
        }
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
    Power(f64),
}

impl Map1 for Numbered {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R) -> R {
        match self {
            Numbered::Plus(number) => x + number,
            Numbered::From(number) => -x + number,
            Numbered::Times(number) => x * number,
            Numbered::Over(number) => x / number,
            Numbered::Power(number) => x.pow_scalar(number),
        }
    }
}

struct WithNumber(Numbered, &'static str);

impl Op for WithNumber {
    fn name(&self) -> &'static str {
        self.1
    }
    fn keep(&self) -> Keep {
        if matches!(self.0, Numbered::Power(_)) { Keep::Inputs } else { Keep::Nothing }
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            Ok(match self.0 {
                Numbered::Plus(_) => grad.clone(),
                Numbered::From(_) => -grad,
                Numbered::Times(number) => grad * number,
                Numbered::Over(number) => grad / number,
                Numbered::Power(0.0) => grad.zeros_like(),
                Numbered::Power(number) => grad * (ctx.input(0)?.with_number(Numbered::Power(number - 1.0), "Pow") * number),
            })
        })
    }
}

impl Tensor {
    #[track_caller]
    #[inline]
    fn with_number(&self, f: Numbered, name: &'static str) -> Tensor {
        let out = with_float!(self.dtype(), T => {
            let mut out = Buffer::<T>::zeros(self.numel());
            // One loop a kind: a match inside of it would keep it from vectorising.
            let x = self.values::<T>();
            match f {
                Numbered::Plus(n) => zip(Value(Add), Arg::Slice(&x), Arg::Scalar(n as T), &mut out),
                Numbered::From(n) => zip(Value(Sub), Arg::Scalar(n as T), Arg::Slice(&x), &mut out),
                Numbered::Times(n) => zip(Value(Mul), Arg::Slice(&x), Arg::Scalar(n as T), &mut out),
                Numbered::Over(n) => zip(Value(Div), Arg::Slice(&x), Arg::Scalar(n as T), &mut out),
                Numbered::Power(_) => map(f, &x, &mut out),
            }
            Tensor::new(out, self.dense_layout())
        });
        out.record(WithNumber(f, name), &[self])
    }

    /// The number, if the operand is one and does not change this tensor's floating point type.
    #[inline]
    fn plain(&self, other: Operand<'_>) -> Option<f64> {
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

    /// `self` to the power of `exponent`.
    ///
    /// # Errors
    /// If the shapes cannot be broadcast together, or integers have a negative power.
    #[track_caller]
    pub fn pow<'a>(&self, exponent: impl Into<Operand<'a>>) -> Result<Tensor> {
        let exponent = exponent.into();
        if let Operand::Number(Scalar::Int(n)) = exponent
            && n < 0
            && self.dtype() == DType::I64
        {
            return Err(Error::value("pow", format!("integers to the negative power {n} are not integers")));
        }
        match self.plain(exponent) {
            Some(number) => Ok(self.with_number(Numbered::Power(number), "Pow")),
            None => self.apply2(Pow, exponent),
        }
    }

    /// `−self`. Bools cannot be negated: they become integers.
    #[track_caller]
    #[must_use]
    pub fn neg(&self) -> Tensor {
        match self.dtype() {
            DType::Bool => self.to(DType::I64).neg(),
            DType::I64 => {
                Tensor::new(self.values::<i64>().iter().map(|x| x.wrapping_neg()).collect(), self.dense_layout())
            }
            _ => self.with_number(Numbered::Times(-1.0), "Neg"),
        }
    }
}

/// Adds a gradient to a sum of gradients: in place where nobody else holds the sum and nobody will differentiate it.
pub(crate) fn accumulate(sum: &mut Tensor, grad: Tensor) -> Result<()> {
    let plain = !is_grad_enabled() && sum.is_contiguous() && grad.is_contiguous() && sum.shape() == grad.shape();
    if plain && sum.dtype() == grad.dtype() {
        let (first, len) = (sum.layout.offset(), sum.numel());
        let done = with_float!(grad.dtype(), T => {
            match Arc::get_mut(&mut sum.storage).and_then(T::buffer_mut) {
                Some(buffer) => {
                    let grad = grad.values::<T>();
                    let sum = &mut buffer[first..first + len];
                    kernel::map::vectorize(move || sum.iter_mut().zip(grad.iter()).for_each(|(s, g)| *s += g));
                    true
                }
                None => false,
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

/// The operators cannot return an error: they panic with its message, at the user's line.
#[track_caller]
fn or_panic(result: Result<Tensor>) -> Tensor {
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
operators!(Add add add, Sub sub sub, Mul mul mul, Div div div);

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

impl Tensor {
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
}

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

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let shapes = || {
        [
            vec![float64([0.4, -1.3, 2.0]), float64([1.1, 0.7, -0.6])],
            vec![float64([[0.4, -1.3, 2.0], [0.3, 1.2, -0.2]]), float64([1.1, 0.7, -0.6])],
            vec![float64([[0.4], [1.3]]), float64([[1.1, 0.7, -0.6]])],
            vec![float64(0.65), float64([[1.1, 0.7], [-0.6, 2.0]])],
        ]
    };
    type F = fn(&[Tensor]) -> Result<Tensor>;
    let mut cases = Vec::new();
    let functions: [(&'static str, F); 8] = [
        ("add", |x| x[0].add(&x[1])),
        ("sub", |x| x[0].sub(&x[1])),
        ("mul", |x| x[0].mul(&x[1])),
        ("div", |x| x[0].div(&x[1])),
        ("maximum", |x| x[0].maximum(&x[1])),
        ("minimum", |x| x[0].minimum(&x[1])),
        ("atan2", |x| x[0].atan2(&x[1])),
        ("pow", |x| x[0].abs().pow(&x[1])),
    ];
    for (name, f) in functions {
        cases.extend(shapes().map(|inputs| case(name, f, inputs)));
    }
    let x = || vec![float64([[0.4, -1.3], [2.0, 0.1]])];
    cases.push(case("numbers", |x| Ok(((&x[0] + 1.0) * 3.0 - 2.0) / 4.0), x()));
    cases.push(case("numbers first", |x| Ok(2.0 - 1.0 / (3.0 * &x[0])), x()));
    cases.push(case("neg", |x| Ok(-&x[0]), x()));
    cases.push(case("pow of a number", |x| x[0].pow(3.0), x()));
    cases.push(case("pow 0", |x| x[0].pow(0), x()));
    cases.push(case("an input used twice", |x| x[0].mul(&x[0]), x()));
    cases.push(case("a transposed operand", |x| x[0].t()?.div(&x[0]), x()));
    cases
}

#[cfg(test)]
mod tests {
    use crate::{DType, grad, tensor};

    #[test]
    fn types_are_promoted_as_in_pytorch() {
        assert_eq!((tensor([1, 2]) + 0.5).dtype(), DType::F32);
        assert_eq!((tensor([1, 2]) + 1).dtype(), DType::I64);
        assert_eq!((tensor([1, 2]) / 2).to_string(), "tensor([0.5000, 1.0000])");
        let wide = tensor(2.0).to(DType::F64);
        assert_eq!((tensor([1.0]) * wide).dtype(), DType::F32);
    }

    #[test]
    #[should_panic(expected = "add: shapes [2] and [3] cannot be broadcast together")]
    fn an_operator_says_what_it_found() {
        let _ = tensor([1.0, 2.0]) + tensor([1.0, 2.0, 3.0]);
    }

    #[test]
    fn the_gradient_of_x_to_the_zero_is_zero_at_zero() {
        let x = tensor([0.0, 2.0]).requires_grad();
        let y = x.pow(&tensor([0.0, 0.0])).unwrap().sum();
        assert_eq!(grad(&y, &[&x]).unwrap()[0].to_vec::<f32>().unwrap(), [0.0, 0.0]);
    }
}

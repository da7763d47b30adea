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

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape, broadcast};
use crate::literal::Scalar;
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};
use kernel::map::{Arg, zip, zip_each, zip3, zip3_each};
use kernel::{Float, Lane, Map2, Map3};
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
    /// Whether the value on whole numbers divides by the second one, which is an error where that is 0.
    const DIVIDES: bool = false;
    /// As [`Function::RARE`](super::unary::Function::RARE).
    const RARE: bool = false;

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
    broadcast: Option<Box<[Arc<Layout>; 2]>>,
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
    let layout = if x.layout.shape() == y.layout.shape() {
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
    let same = x.shape() == y.shape();
    let broadcast = (!same && out.dtype().is_float())
        .then(|| Box::new([Arc::clone(&x.layout), Arc::clone(&y.layout)]));
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
    if grad.dtype() == DType::F64 {
        let mut out = Buffer::zeros(grad.numel());
        double([Arg::of(&x.values()), Arg::of(&y.values()), Arg::Slice(&grad.values())], &mut out);
        return Tensor::new(out, grad.dense_layout());
    }
    let mut out = Buffer::zeros(grad.numel());
    single([Arg::of(&x.values()), Arg::of(&y.values()), Arg::Slice(&grad.values())], &mut out);
    Tensor::new(out, grad.dense_layout())
}

#[track_caller]
pub(crate) fn common_shape(op: &'static str, x: &Tensor, y: &Tensor) -> Result<Shape> {
    let Some(shape) = broadcast(x.shape(), y.shape()) else {
        return Err(Error::shape(
            op,
            format!("shapes {:?} and {:?} cannot be broadcast together", x.shape(), y.shape()),
        ));
    };
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
    rows(x, y, layout, &mut row)
}

type Row<'a, T, U> = dyn FnMut(Arg<'_, T>, Arg<'_, T>, &mut [U]) + 'a;

/// [`zip_rows`] compiled once for all loops.
fn rows<T: Element, U: Element>(
    x: &Tensor,
    y: &Tensor,
    layout: Arc<Layout>,
    row: &mut Row<'_, T, U>,
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
        let fits = |t: &Tensor| t.is_contiguous() && (t.shape() == grad.shape() || t.numel() == 1);
        let fused = !is_grad_enabled() && grad.is_contiguous() && fits(&x) && fits(&y);
        let f = self.f;
        ctx.grads(|i| {
            let pulled = if Binary::<F>::LOOPS && fused {
                zip3_floats(
                    [&x, &y],
                    grad,
                    &move |args, out| pulls(f, i, args, out),
                    &move |args, out| pulls(f, i, args, out),
                )
            } else if i == 0 {
                f.pull_x(x.clone(), y.clone(), grad.clone())
            } else {
                f.pull_y(x.clone(), y.clone(), grad.clone())
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
    /// The angle of the point `(other, self)`.
    #[doc(alias = "arctan2")]
    Atan2 atan2 "Atan2": |x, y| x.atan2(y),
        |x, y, g| g * y.clone() * over_square(x, y),
        |x, y, g| -(g * x.clone()) * over_square(x, y), rare true;
    /// `√(self² + other²)`, where the squares may overflow; slope 0 at the origin.
    Hypot hypot "Hypot": |x, y| x.hypot(y),
        |x, y, g| g * over_length(x.clone(), x, y),
        |x, y, g| g * over_length(y.clone(), x, y), rare true;
    /// `|self|` with the sign of `other`, which −0 and NaN have too. No gradient flows to the sign.
    Copysign copysign "Copysign": |x, y| x.copysign(y),
        |x, y, g| g * x.clone().sign() * x.constant(1.0).copysign(y),
        |_, _, g| g.zero(), rare true;
    /// 0 below 0, 1 above, and `other` at 0.
    Heaviside heaviside "Heaviside": |x, y| {
            let step = R::select(x.clone().gt_scalar(0.0), x.constant(1.0), x.constant(0.0));
            R::select(x.eq_scalar(0.0), y, step)
        },
        |_, _, g| g.zero(), |x, _, g| R::select(x.eq_scalar(0.0), g.clone(), g.zero()),
        integers |x, y| if x == 0 { y } else { i64::from(x > 0) }, rare true;
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

/// `part/√(x² + y²)`, and 0 at the origin.
#[inline(always)]
fn over_length<R: kernel::Real>(part: R, x: R, y: R) -> R {
    let length = x.hypot(y);
    let origin = length.clone().eq_scalar(0.0);
    let safe = R::select(origin.clone(), length.constant(1.0), length);
    R::select(origin, part.zero(), part / safe)
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

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    broadcast_cases(&[
        ("maximum", |x| x[0].maximum(&x[1])),
        ("minimum", |x| x[0].minimum(&x[1])),
        ("fmax", |x| x[0].fmax(&x[1])),
        ("fmin", |x| x[0].fmin(&x[1])),
        ("atan2", |x| x[0].atan2(&x[1])),
        ("hypot", |x| x[0].hypot(&x[1])),
        ("copysign", |x| x[0].copysign(&x[1])),
        ("heaviside", |x| x[0].heaviside(&x[1])),
    ])
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

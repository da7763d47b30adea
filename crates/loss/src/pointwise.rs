//! Losses that are a formula of each element: *a name, a value and its slopes*, written once.
//!
//! From one text come the fused pass forward with its reduction, the fused pass backward, and, where somebody
//! differentiates through the gradient, a graph. A criterion of your own:
//!
//! ```
//! use loss::{Pointwise, Reduction, pointwise};
//! use tensor::{Real, tensor};
//!
//! /// ln cosh(x − t)
//! #[derive(Clone, Copy)]
//! struct LogCosh;
//! impl Pointwise<2> for LogCosh {
//!     const NAME: &'static str = "LogCosh";
//!     #[inline(always)]
//!     fn value<R: Real>(self, [x, t]: [R; 2]) -> R {
//!         (x - t).cosh().ln()
//!     }
//!     #[inline(always)]
//!     fn slopes<R: Real>(self, [x, t]: [R; 2]) -> [R; 2] {
//!         let slope = (x - t).tanh();
//!         [slope.clone(), -slope]
//!     }
//! }
//!
//! let x = tensor([0.5, 2.0]).requires_grad();
//! let loss = pointwise(LogCosh, [&x, &tensor([0.0, 0.0])], Reduction::Mean)?;
//! assert_eq!(loss.to_string(), "tensor(0.7226, grad_fn=<LogCoshBackward0>)");
//! loss.backward()?;
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::Reduction;
use crate::refuse::unequal_shapes;
use kernel::Float;
use kernel::pointwise::{Formula, Spread, map, pull, sum, sum_and_pull};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use tensor::layout::{Shape, broadcast};
use tensor::{
    AtCaller, Ctx, DType, Element, Error, Grads, Keep, Op, Real, Result, Tensor, is_grad_enabled, with_float,
};

/// A loss of `N` numbers: input, target, and whatever else belongs to an element, such as its weight.
/// `#[inline(always)]` on both formulas lets the loops around them vectorise.
pub trait Pointwise<const N: usize>: Copy + Send + Sync + 'static {
    /// As in `grad_fn=<NameBackward0>`.
    const NAME: &'static str;
    /// Whether PyTorch has a node of its own for this loss. Where it has none, it prints the name of the reduction, and
    /// [`NAME`](Self::NAME) only without one.
    const OWN_NODE: bool = true;

    /// The loss at `x`.
    fn value<R: Real>(self, x: [R; N]) -> R;

    /// The derivative of the loss with respect to each of its numbers.
    fn slopes<R: Real>(self, x: [R; N]) -> [R; N];

    /// The derivatives times `grad`, the gradient of the loss: to be written where a derivative alone may leave the range of
    /// the type, and a share of it, as in a mean, does not.
    #[inline(always)]
    fn pulls<R: Real>(self, x: [R; N], grad: R) -> [R; N] {
        self.slopes(x).map(|slope| grad.clone() * slope)
    }
}

/// A loss times a weight, which comes as one number more.
#[derive(Clone, Copy, Debug)]
pub struct Weighted<F>(pub F);

macro_rules! weighted {
    ($n:literal, $more:literal, $($x:ident $i:literal),*) => {
        impl<F: Pointwise<$n>> Pointwise<$more> for Weighted<F> {
            const NAME: &'static str = F::NAME;
            const OWN_NODE: bool = F::OWN_NODE;
            #[inline(always)]
            fn value<R: Real>(self, [$($x,)* weight]: [R; $more]) -> R {
                self.0.value([$($x),*]) * weight
            }
            #[inline(always)]
            fn slopes<R: Real>(self, [$($x,)* weight]: [R; $more]) -> [R; $more] {
                let slopes = self.0.slopes([$($x.clone()),*]);
                [$(slopes[$i].clone() * weight.clone(),)* self.0.value([$($x),*])]
            }
            #[inline(always)]
            fn pulls<R: Real>(self, [$($x,)* weight]: [R; $more], grad: R) -> [R; $more] {
                let pulls = self.0.pulls([$($x.clone()),*], grad.clone() * weight);
                [$(pulls[$i].clone(),)* grad * self.0.value([$($x),*])]
            }
        }
    };
}
weighted!(1, 2, x 0);
weighted!(2, 3, x 0, t 1);
weighted!(3, 4, x 0, t 1, p 2);

/// The formula as the kernels know it.
#[derive(Clone, Copy)]
struct Text<F>(F);
impl<F: Pointwise<N>, const N: usize> Formula<N> for Text<F> {
    #[inline(always)]
    fn value<R: Real>(self, x: [R; N]) -> R {
        self.0.value(x)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, x: [R; N]) -> [R; N] {
        self.0.slopes(x)
    }
    #[inline(always)]
    fn pulls<R: Real>(self, x: [R; N], grad: R) -> [R; N] {
        self.0.pulls(x, grad)
    }
}

/// The loss `f` of each element of `args`, reduced: one node of the graph.
///
/// Operands of several shapes are broadcast, so that one weight can serve a column: a criterion compares the shapes
/// of its input and its target before. Integers are converted to floats, the smaller float to the larger.
///
/// # Errors
/// If the shapes cannot be broadcast together.
#[track_caller]
pub fn pointwise<F: Pointwise<N>, const N: usize>(
    f: F,
    args: [&Tensor; N],
    reduction: Reduction,
) -> Result<Tensor> {
    loss(f, args, |n| match reduction {
        Reduction::None => Reduced::Not,
        Reduction::Sum => Reduced::Sum,
        Reduction::Mean => Reduced::Mean { count: n as f64 },
    })
}

/// The sum over all elements, divided by `count`: a mean over something else than the elements.
#[track_caller]
pub(crate) fn divided<F: Pointwise<N>, const N: usize>(
    f: F,
    args: [&Tensor; N],
    count: f64,
) -> Result<Tensor> {
    loss(f, args, |_| Reduced::Mean { count })
}

/// With a weight for each element, of the same shape; the mean divides by the sum of the weights.
#[track_caller]
pub(crate) fn weighted<F: Pointwise<2>>(
    op: &'static str,
    f: F,
    [input, target]: [&Tensor; 2],
    weight: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    unequal_shapes(op, ("input", input), ("weight", weight))?;
    let args = [input, target, weight];
    match reduction {
        Reduction::Mean => pointwise(Weighted(f), args, Reduction::Sum)?.div(&weight.sum()),
        reduction => pointwise(Weighted(f), args, reduction),
    }
}

/// What has become of the losses of the single elements.
#[derive(Clone, Copy)]
enum Reduced {
    Not,
    Sum,
    Mean { count: f64 },
}

impl Reduced {
    /// What their sum was divided by.
    fn count(self) -> f64 {
        if let Reduced::Mean { count } = self { count } else { 1.0 }
    }
}

#[track_caller]
fn loss<F: Pointwise<N>, const N: usize>(
    f: F,
    args: [&Tensor; N],
    reduced: impl FnOnce(usize) -> Reduced,
) -> Result<Tensor> {
    let dtype = common_type(&args);
    let converted;
    let args = if args.iter().all(|x| x.dtype() == dtype) {
        args
    } else {
        converted = args.map(|x| x.to(dtype));
        converted.each_ref()
    };
    let shape = common_shape(F::NAME, &args)?;
    let n: usize = shape.iter().product();
    let reduced = reduced(n);
    let mut pulled = None;
    let loss = with_float!(dtype, T => {
        spread::<T, _, N>(&args, &shape, |spreads| {
            if matches!(reduced, Reduced::Not) {
                return Ok(Tensor::write(shape.as_slice(), |out| map(Text(f), spreads, out))?.0);
            }
            let sum = if is_grad_enabled() && args[0].needs_grad() && args[0].numel() == n {
                let grad = <T as Float>::from_f64(1.0 / reduced.count());
                let (pull, sum) =
                    Tensor::write_like(args[0], |out| sum_and_pull(Text(f), grad, spreads, out));
                pulled = Some(pull);
                sum
            } else {
                sum(Text(f), n, spreads)
            };
            Ok(Tensor::scalar(sum / reduced.count(), dtype))
        })?
    })?;
    Ok(loss.record(Loss { f, reduced, pulled: Mutex::new(pulled) }, &args))
}

/// The loss as the graph remembers it: `∂xₖ = ∂y · ∂f/∂xₖ`.
struct Loss<F, const N: usize> {
    f: F,
    reduced: Reduced,
    /// The gradient of the first number where that of the loss is 1: it costs next to nothing while the numbers are at
    /// hand, and nearly every backward pass begins so.
    pulled: Mutex<Option<Tensor>>,
}

impl<F, const N: usize> Loss<F, N> {
    /// The gradient that was computed with the value, which is given away once.
    fn pulled(&self, grad: &Tensor) -> Option<Tensor> {
        let one = !matches!(self.reduced, Reduced::Not) && grad.item().is_ok_and(|grad| grad == 1.0);
        if one { self.pulled.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None }
    }
}

impl<F: Pointwise<N>, const N: usize> Op for Loss<F, N> {
    fn name(&self) -> &'static str {
        match self.reduced {
            Reduced::Sum if !F::OWN_NODE => "Sum",
            Reduced::Mean { .. } if !F::OWN_NODE => "Mean",
            _ => F::NAME,
        }
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let fused = !is_grad_enabled();
        let mut pulled = if fused { self.pulled(grad) } else { None };
        if pulled.is_some() && (1..N).all(|k| !ctx.wants(k)) {
            return ctx.grads(|_| {
                pulled.take().ok_or_else(|| Error::graph(F::NAME, "a gradient was wanted twice"))
            });
        }
        let inputs = (0..N).map(|i| ctx.input(i)).collect::<Result<SmallVec<[Tensor; 4]>>>()?;
        let args: [&Tensor; N] = std::array::from_fn(|i| &inputs[i]);
        let shape = common_shape(F::NAME, &args)?;
        let n: usize = shape.iter().product();
        let grad = match self.reduced {
            Reduced::Mean { count } => grad.div(count)?,
            _ => grad.clone(),
        };
        if !fused {
            let pulls = self.f.pulls(args.map(Tensor::clone), grad);
            // A slope may be a constant, and the gradient of a scalar is one: only together with the shape are they
            // a number for each element.
            return ctx.grads(|k| pulls[k].expand(shape.as_slice())?.sum_to_size(args[k].shape()));
        }
        with_float!(grad.dtype(), T => {
            spread::<T, _, N>(&args, &shape, |spreads| {
                let grads = grad.elements::<T>()?;
                ctx.grads(|k| {
                    if let (0, Some(pulled)) = (k, pulled.take()) {
                        return Ok(pulled);
                    }
                    let pull = |out: &mut [T]| pull(Text(self.f), k, Spread::whole(&grads), spreads, out);
                    if args[k].numel() == n {
                        return Ok(Tensor::write_like(args[k], pull).0);
                    }
                    Tensor::write(shape.as_slice(), pull)?.0.sum_to_size(args[k].shape())
                })
            })?
        })
    }
}

/// The float type that holds all operands, by PyTorch's rule.
fn common_type<const N: usize>(args: &[&Tensor; N]) -> DType {
    let Some(first) = args.first() else { return DType::F32 };
    if first.dtype().is_float() && args.iter().all(|x| x.dtype() == first.dtype()) {
        return first.dtype();
    }
    // Tensors with dimensions outrank scalars.
    let of = |scalars: bool| args.iter().filter(|x| (x.dim() == 0) == scalars).map(|x| x.dtype()).max();
    let dtype = match (of(false), of(true)) {
        (Some(tensors), Some(scalars)) if tensors.is_float() || !scalars.is_float() => tensors,
        (Some(tensors), Some(scalars)) => tensors.promote(scalars),
        (tensors, scalars) => tensors.or(scalars).unwrap_or(DType::F32),
    };
    dtype.to_float()
}

/// The shape that all operands are spread over.
#[track_caller]
fn common_shape<const N: usize>(op: &'static str, args: &[&Tensor; N]) -> Result<Shape> {
    let mut shape = Shape::from_slice(args.first().map_or(&[], |x| x.shape()));
    for x in args {
        if x.shape() != shape.as_slice() {
            shape = broadcast(&shape, x.shape())
                .ok_or_else(|| {
                    let shapes: Vec<&[usize]> = args.iter().map(|x| x.shape()).collect();
                    Error::shape(op, format!("shapes {shapes:?} cannot be broadcast together"))
                })
                .at_caller()?;
        }
    }
    Ok(shape)
}

/// Runs `job` over the elements of `args`, each spread over `shape`.
fn spread<T: Element + Float, R, const N: usize>(
    args: &[&Tensor; N],
    shape: &[usize],
    job: impl FnOnce([Spread<'_, T>; N]) -> R,
) -> Result<R> {
    let mut seen: [(Cow<'_, [T]>, usize); N] = std::array::from_fn(|_| (Cow::Borrowed(&[][..]), 1));
    for (seen, x) in seen.iter_mut().zip(args) {
        *seen = match stretch(x.shape(), shape) {
            Some(stretch) => (x.elements::<T>()?, stretch),
            None => (Cow::Owned(x.detach().expand(shape)?.to_vec::<T>()?), 1),
        };
    }
    Ok(job(std::array::from_fn(|i| Spread::stretched(&seen[i].0, seen[i].1))))
}

/// How often in a row each element of a tensor of shape `x` meets an element of `shape`, if the order of its elements
/// allows to say it that way: `(C, 1)` against `(N, C, d)` is `d` times each, and then again from the first.
fn stretch(x: &[usize], shape: &[usize]) -> Option<usize> {
    if x == shape {
        return Some(1);
    }
    let new = shape.len() - x.len();
    let own = |d: usize| d >= new && x[d - new] != 1;
    let Some(last) = (0..shape.len()).rev().find(|&d| own(d)) else { return Some(1) };
    let first = (0..=last).rev().find(|&d| !own(d) && shape[d] != 1).map_or(0, |d| d + 1);
    let together = (0..first).all(|d| !own(d));
    together.then(|| shape[last + 1..].iter().product::<usize>().max(1))
}

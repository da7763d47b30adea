//! Functions of one number: *a name, a value and a slope*, each written once over [`Real`](kernel::Real).
//!
//! The table below is the whole definition of `exp`, `sigmoid`, … From one entry come the vectorised forward loop, the
//! fused backward loop, and the graph of the gradient, when somebody differentiates it. A function of your own is the
//! same three things:
//!
//! ```
//! use tensor::{Function, Keep, Real, tensor};
//!
//! #[derive(Clone, Copy)]
//! struct Gaussian;
//! impl Function for Gaussian {
//!     const NAME: &'static str = "Gaussian";
//!     const KEEPS: Keep = Keep::Inputs;
//!     fn value<R: kernel::Real>(self, x: R) -> R {
//!         (-(x.clone() * x)).exp()
//!     }
//!     fn slope<R: kernel::Real>(self, x: R) -> R {
//!         x.clone() * -2.0 * self.value(x)
//!     }
//! }
//! let x = tensor([0.5]).requires_grad();
//! x.apply(Gaussian).sum().backward()?;
//! assert_eq!(x.grad().unwrap().to_string(), "tensor([-0.7788])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::storage::Buffer;
use crate::tensor::Tensor;
use kernel::map::{Arg, map, map_each, zip, zip_each};
use kernel::{Float, Lane, Map1, Map2};
use std::f64::consts::{LN_2, LN_10};

/// A function of one number. `#[inline(always)]` on both formulas lets the loops around them vectorise.
pub trait Function: Copy + Send + Sync + 'static {
    /// As in `grad_fn=<NameBackward0>`.
    const NAME: &'static str;
    /// What the slope is computed from: [`Keep::Inputs`], [`Keep::Output`], or [`Keep::Nothing`] where it is a constant.
    const KEEPS: Keep;
    /// The value on whole numbers, where it is a whole number too. Else they are converted to float32.
    const INTEGERS: Option<fn(i64) -> i64> = None;
    /// The value on bools. Without it they are treated as integers.
    const BOOLS: Option<fn(bool) -> bool> = None;
    /// Whether it is asked for too rarely to be worth vector code for every machine. It is then computed one element
    /// after the other, in double precision, and costs the library a twentieth of the code.
    const RARE: bool = false;

    /// The value at `x`.
    fn value<R: kernel::Real>(self, x: R) -> R;

    /// The derivative, from the value that is kept.
    fn slope<R: kernel::Real>(self, kept: R) -> R;
}

/// The function as the graph remembers it.
pub(crate) struct Unary<F>(pub(crate) F);

#[derive(Clone, Copy)]
struct Value<F>(F);
impl<F: Function> Map1 for Value<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, x: R) -> R {
        self.0.value(x)
    }
}

#[derive(Clone, Copy)]
struct Pull<F>(F);
impl<F: Function> Map2 for Pull<F> {
    #[inline(always)]
    fn call<R: kernel::Real>(self, kept: R, grad: R) -> R {
        grad * self.0.slope(kept)
    }
}

impl Tensor {
    /// Applies a [`Function`] to every element. Integers and bools are converted to float32 first, unless the function
    /// says how to treat integers.
    #[track_caller]
    #[must_use]
    pub fn apply<F: Function>(&self, f: F) -> Tensor {
        match (self.dtype(), F::INTEGERS, F::BOOLS) {
            (DType::Bool, _, Some(f)) => return self.map_elements(f),
            (DType::Bool, Some(f), None) => return self.to(DType::I64).map_elements(f),
            (DType::I64, Some(f), _) => return self.map_elements(f),
            (DType::I64 | DType::Bool, ..) => return self.to(DType::F32).apply(f),
            _ => {}
        }
        let out = self.map_floats(&move |x, out| values(f, x, out), &move |x, out| values(f, x, out));
        out.record(Unary(f), &[self])
    }

    /// One of two loops over all elements, by their type.
    fn map_floats(
        &self,
        single: &dyn Fn(&[f32], &mut [f32]),
        double: &dyn Fn(&[f64], &mut [f64]),
    ) -> Tensor {
        if self.dtype() == DType::F64 {
            let mut out = Buffer::unwritten(self.numel());
            double(&self.values(), &mut out);
            return Tensor::new(out, self.dense_layout());
        }
        let mut out = Buffer::unwritten(self.numel());
        single(&self.values(), &mut out);
        Tensor::new(out, self.dense_layout())
    }

    /// A plain loop over elements of the type that this tensor has, outside of the graph.
    pub(crate) fn map_elements<T: Element, U: Element>(&self, f: impl Fn(T) -> U) -> Tensor {
        Tensor::new(self.values::<T>().iter().map(|&x| f(x)).collect(), self.dense_layout())
    }
}

impl<F: Function> Op for Unary<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn keep(&self) -> Keep {
        F::KEEPS
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            if F::KEEPS == Keep::Nothing {
                let slope = self.0.slope(Lane::<f64, false>(0.0)).0;
                return if slope == 0.0 { Ok(grad.zeros_like()) } else { grad.mul(slope) };
            }
            let of_output = F::KEEPS == Keep::Output;
            if is_grad_enabled() {
                let kept = if of_output { ctx.output() } else { ctx.input(0) };
                return grad.mul(&self.0.slope(kept?));
            }
            let f = self.0;
            let kept = if of_output { ctx.output_value() } else { ctx.input_value(0) };
            Ok(kept?.zip_floats(
                grad,
                &move |kept, grad, out| pulls(f, kept, grad, out),
                &move |kept, grad, out| pulls(f, kept, grad, out),
            ))
        })
    }
}

/// The loop of the values.
fn values<T: Float, F: Function>(f: F, x: &[T], out: &mut [T]) {
    if F::RARE {
        map_each(&move |x| f.value(Lane::<f64, false>(x)).0, x, out);
    } else {
        map(Value(f), x, out);
    }
}

/// The loop of the gradients.
fn pulls<T: Float, F: Function>(f: F, kept: Arg<'_, T>, grad: Arg<'_, T>, out: &mut [T]) {
    if F::RARE {
        zip_each(&move |kept, grad| grad * f.slope(Lane::<f64, false>(kept)).0, kept, grad, out);
    } else {
        zip(Pull(f), kept, grad, out);
    }
}

type Loop2<T> = dyn Fn(Arg<'_, T>, Arg<'_, T>, &mut [T]);

impl Tensor {
    /// One of two loops over the elements of two tensors of one shape, by their type.
    fn zip_floats(
        &self,
        other: &Tensor,
        single: &Loop2<f32>,
        double: &Loop2<f64>,
    ) -> Tensor {
        if self.dtype() == DType::F64 {
            let mut out = Buffer::unwritten(self.numel());
            double(self.operand().arg(), other.operand().arg(), &mut out);
            return Tensor::new(out, self.dense_layout());
        }
        let mut out = Buffer::unwritten(self.numel());
        single(self.operand().arg(), other.operand().arg(), &mut out);
        Tensor::new(out, self.dense_layout())
    }
}

/// One entry: documentation, type and method, the name that PyTorch prints, what the slope needs, value and slope.
macro_rules! functions {
    ($($(#[$doc:meta])* $type:ident $method:ident $name:literal keeps $keep:ident:
        |$x:ident| $value:expr, |$kept:ident| $slope:expr
        $(, integers |$int:ident| $integer:expr)? $(, bools |$bool:ident| $of_bool:expr)? $(, rare $rare:literal)?;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $type;

        impl Function for $type {
            const NAME: &'static str = $name;
            const KEEPS: Keep = Keep::$keep;
            $(const INTEGERS: Option<fn(i64) -> i64> = Some(|$int| $integer);)?
            $(const BOOLS: Option<fn(bool) -> bool> = Some(|$bool| $of_bool);)?
            $(const RARE: bool = $rare;)?
            #[inline(always)]
            fn value<R: kernel::Real>(self, $x: R) -> R {
                $value
            }
            #[inline(always)]
            fn slope<R: kernel::Real>(self, $kept: R) -> R {
                $slope
            }
        }

        impl Tensor {
            $(#[$doc])*
            #[track_caller]
            #[must_use]
            pub fn $method(&self) -> Tensor {
                self.apply($type)
            }
        }
    )*};
}

pub(crate) use functions;

functions! {
    /// `eˣ`
    Exp exp "Exp" keeps Output: |x| x.exp(), |y| y;
    /// `2ˣ`, exact for whole numbers.
    #[doc(alias = "torch.special.exp2")]
    Exp2 exp2 "Exp2" keeps Output: |x| x.exp2(), |y| y * LN_2;
    /// `eˣ − 1`, exact near 0.
    #[doc(alias = "torch.special.expm1")]
    ExpM1 expm1 "Expm1" keeps Output: |x| x.exp_m1(), |y| y + 1.0;
    /// Natural logarithm.
    #[doc(alias = "ln")]
    Log log "Log" keeps Inputs: |x| x.ln(), |x| x.constant(1.0) / x;
    /// Logarithm to the base 2, exact for powers of two.
    Log2 log2 "Log2" keeps Inputs: |x| x.log2(), |x| x.constant(1.0 / LN_2) / x;
    /// Logarithm to the base 10.
    Log10 log10 "Log10" keeps Inputs: |x| x.log10(), |x| x.constant(1.0 / LN_10) / x;
    /// `ln(1 + x)`, exact near 0.
    #[doc(alias = "ln_1p")]
    Log1p log1p "Log1P" keeps Inputs: |x| x.ln_1p(), |x| x.constant(1.0) / (x + 1.0);
    /// `√x`; its slope at 0 is infinite.
    Sqrt sqrt "Sqrt" keeps Output: |x| x.sqrt(), |y| y.constant(0.5) / y;
    /// `1/√x`
    Rsqrt rsqrt "Rsqrt" keeps Output: |x| x.constant(1.0) / x.sqrt(), |y| y.clone() * y.clone() * y * -0.5;
    /// `1/x`
    Reciprocal reciprocal "Reciprocal" keeps Output: |x| x.constant(1.0) / x, |y| -(y.clone() * y);
    /// `x²`
    Square square "Pow" keeps Inputs: |x| x.clone() * x, |x| x * 2.0, integers |x| x.wrapping_mul(x);
    /// `1/(1 + e⁻ˣ)`
    #[doc(alias = "torch.special.expit")]
    Sigmoid sigmoid "Sigmoid" keeps Output: |x| x.sigmoid(), |y| y.clone() * (-y + 1.0);
    /// Hyperbolic tangent.
    Tanh tanh "Tanh" keeps Output: |x| x.tanh(), |y| -(y.clone() * y) + 1.0;
    /// Sine.
    Sin sin "Sin" keeps Inputs: |x| x.sin(), |x| x.cos();
    /// Cosine.
    Cos cos "Cos" keeps Inputs: |x| x.cos(), |x| -x.sin();
    /// Tangent.
    Tan tan "Tan" keeps Output: |x| x.tan(), |y| y.clone() * y + 1.0, rare true;
    /// Inverse sine.
    #[doc(alias = "arcsin")]
    Asin asin "Asin" keeps Inputs: |x| x.asin(), |x| x.constant(1.0) / (-(x.clone() * x) + 1.0).sqrt(), rare true;
    /// Inverse cosine.
    #[doc(alias = "arccos")]
    Acos acos "Acos" keeps Inputs: |x| x.acos(), |x| x.constant(-1.0) / (-(x.clone() * x) + 1.0).sqrt(), rare true;
    /// Inverse tangent.
    #[doc(alias = "arctan")]
    Atan atan "Atan" keeps Inputs: |x| x.atan(), |x| x.constant(1.0) / (x.clone() * x + 1.0), rare true;
    /// Hyperbolic sine.
    Sinh sinh "Sinh" keeps Inputs: |x| x.sinh(), |x| x.cosh();
    /// Hyperbolic cosine.
    Cosh cosh "Cosh" keeps Inputs: |x| x.cosh(), |x| x.sinh();
    /// Inverse hyperbolic sine.
    #[doc(alias = "arcsinh")]
    Asinh asinh "Asinh" keeps Inputs: |x| x.asinh(), |x| x.constant(1.0) / (x.clone() * x + 1.0).sqrt(), rare true;
    /// Inverse hyperbolic cosine.
    #[doc(alias = "arccosh")]
    Acosh acosh "Acosh" keeps Inputs: |x| x.acosh(), |x| x.constant(1.0) / (x.clone() * x - 1.0).sqrt(), rare true;
    /// Inverse hyperbolic tangent.
    #[doc(alias = "arctanh")]
    Atanh atanh "Atanh" keeps Inputs: |x| x.atanh(), |x| x.constant(1.0) / (-(x.clone() * x) + 1.0), rare true;
}

type OfTensor = fn(&Tensor) -> Tensor;

/// Cases of functions of one number, each at the same points.
pub(crate) fn cases_at<const N: usize>(points: [f64; N], functions: &[(&'static str, OfTensor)]) -> Vec<Case> {
    functions.iter().map(|&(name, f)| case(name, move |x| Ok(f(&x[0])), vec![float64(points)])).collect()
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let mut cases = cases_at([-2.1, -0.7, -0.1, 0.2, 0.9, 3.2], &[
        ("exp", Tensor::exp),
        ("exp2", Tensor::exp2),
        ("expm1", Tensor::expm1),
        ("reciprocal", Tensor::reciprocal),
        ("square", Tensor::square),
        ("sigmoid", Tensor::sigmoid),
        ("tanh", Tensor::tanh),
        ("sin", Tensor::sin),
        ("cos", Tensor::cos),
        ("tan", Tensor::tan),
        ("atan", Tensor::atan),
        ("sinh", Tensor::sinh),
        ("cosh", Tensor::cosh),
        ("asinh", Tensor::asinh),
    ]);
    cases.extend(cases_at([0.05, 0.3, 1.0, 2.5, 40.0], &[
        ("log", Tensor::log),
        ("log2", Tensor::log2),
        ("log10", Tensor::log10),
        ("log1p", Tensor::log1p),
        ("sqrt", Tensor::sqrt),
        ("rsqrt", Tensor::rsqrt),
    ]));
    cases.extend(cases_at([-0.8, -0.1, 0.0, 0.6], &[
        ("asin", Tensor::asin),
        ("acos", Tensor::acos),
        ("atanh", Tensor::atanh),
    ]));
    cases.extend([
        case("acosh", |x| Ok(x[0].acosh()), vec![float64([1.2, 2.0, 7.0])]),
        case("sigmoid of large numbers", |x| Ok(x[0].sigmoid()), vec![float64([-700.0, -40.0, 36.0, 700.0])]),
        case("of a transposed matrix", |x| Ok(x[0].t()?.tanh()), vec![float64([[0.1, -0.4, 2.0], [1.0, 0.3, 0.7]])]),
        case("of one number, twice", |x| Ok(x[0].sigmoid().exp()), vec![float64(0.3)]),
        case("of nothing", |x| Ok(x[0].exp()), vec![float64([0.0; 0])]),
    ]);
    cases
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn whole_numbers_stay_whole_where_that_makes_sense() {
        assert_eq!(tensor([-2, 3]).square().to_vec::<i64>().unwrap(), [4, 9]);
        assert_eq!(tensor([true, false]).square().to_vec::<i64>().unwrap(), [1, 0]);
        assert_eq!(tensor([0]).exp().to_vec::<f32>().unwrap(), [1.0]);
    }
}

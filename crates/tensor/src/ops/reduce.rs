//! Many numbers to fewer: sums, means, extremes, over all dimensions or some.
//!
//! Sums run in a fixed tree, so their bits do not depend on anything but the numbers.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape};
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::{Tensor, dense};
use std::sync::Arc;

/// Which dimensions disappear, and the shapes with and without them.
struct Plan {
    dims: Shape,
    /// With size 1 where a dimension was reduced.
    kept: Shape,
    /// What the result has.
    out: Shape,
}

impl Plan {
    /// No dimension at all means every one.
    #[track_caller]
    fn new(op: &'static str, x: &Tensor, dims: impl Ints, keepdim: bool) -> Result<Plan> {
        let mut list = dims.ints().iter().map(|&d| x.layout.dim(op, d as isize)).collect::<Result<Shape>>()?;
        if list.is_empty() {
            list.extend(0..x.dim());
        }
        list.sort_unstable();
        if let Some(twice) = list.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::dim(op, format!("dimension {} appears twice in the list", twice[0])));
        }
        list.retain(|d| *d < x.dim());
        let mut kept: Shape = x.shape().into();
        list.iter().for_each(|&d| kept[d] = 1);
        let out = if keepdim {
            kept.clone()
        } else {
            (0..x.dim()).filter(|d| !list.contains(d)).map(|d| x.shape()[d]).collect()
        };
        Ok(Plan { dims: list, kept, out })
    }

    /// How many elements become one.
    fn count(&self, x: &Tensor) -> usize {
        self.dims.iter().map(|&d| x.shape()[d]).product()
    }

    /// `x` with the reduced dimensions at the back.
    fn gathered(&self, x: &Tensor) -> Tensor {
        let rest = (0..x.dim()).filter(|d| !self.dims.contains(d));
        let order: Shape = rest.chain(self.dims.iter().copied()).collect();
        x.detach().with_layout(x.layout.permute(&order))
    }

    /// The values of groups of elements, one after the other.
    fn each<T: Element, U: Element>(&self, x: &Tensor, f: impl Fn(&[T]) -> U) -> Tensor {
        let count = self.count(x);
        let gathered = self.gathered(x);
        let values = gathered.values::<T>();
        let groups = self.out.iter().product();
        let out = (0..groups).map(|i| f(&values[i * count..(i + 1) * count])).collect();
        Tensor::new(out, dense(&self.out))
    }

    fn sum(&self, x: &Tensor) -> Tensor {
        match x.dtype() {
            DType::Bool => self.each(x, |v: &[bool]| v.iter().filter(|&&b| b).count() as i64),
            DType::I64 => self.each(x, |v: &[i64]| v.iter().fold(0, |s: i64, x| s.wrapping_add(*x))),
            dtype => with_float!(dtype, T => {
                // Leading dimensions of a dense tensor are summed row by row, where they stand.
                let leading = self.dims.iter().copied().eq(0..self.dims.len()) && self.dims.len() < x.dim();
                if leading && x.is_contiguous() && x.numel() > 0 {
                    let mut out = Buffer::<T>::zeros(self.out.iter().product());
                    kernel::reduce::sum_rows(&x.values::<T>(), &mut out);
                    Tensor::new(out, dense(&self.out))
                } else {
                    self.each(x, |v: &[T]| kernel::reduce::sum(v))
                }
            }),
        }
    }
}

/// A sum, or a mean, which is a sum times `scale`.
struct Sum {
    name: &'static str,
    scale: f64,
    input: Arc<Layout>,
    kept: Shape,
}

impl Op for Sum {
    fn name(&self) -> &'static str {
        self.name
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let grad = grad.reshape(&self.kept)?;
            let grad = if self.scale == 1.0 { grad } else { grad * self.scale };
            grad.expand(self.input.shape())
        })
    }
}

impl Tensor {
    /// The sum of all elements. Bools and integers give an int64.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([1.0, 2.5]).sum().to_string(), "tensor(3.5000)");
    /// ```
    #[doc(alias = "torch.sum")]
    #[track_caller]
    #[must_use]
    pub fn sum(&self) -> Tensor {
        let out = match self.dtype() {
            DType::Bool | DType::I64 => {
                let all = Plan { dims: (0..self.dim()).collect(), kept: Shape::new(), out: Shape::new() };
                all.sum(self)
            }
            dtype => with_float!(dtype, T => {
                let sum = kernel::reduce::sum(&self.values::<T>());
                Tensor::new(Buffer::<T>::scalar(sum), Layout::scalar())
            }),
        };
        let kept = std::iter::repeat_n(1, self.dim()).collect();
        out.record(Sum { name: "Sum", scale: 1.0, input: Arc::clone(&self.layout), kept }, &[self])
    }

    /// The sums over some dimensions (over all with `()`), which disappear or, with `keepdim`, stay with size 1.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[track_caller]
    pub fn sum_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("sum", self, dims, keepdim)?;
        let input = Arc::clone(&self.layout);
        Ok(plan.sum(self).record(Sum { name: "Sum", scale: 1.0, input, kept: plan.kept }, &[self]))
    }

    /// The mean of all elements; NaN if there are none. Integers are converted to float32, where PyTorch refuses.
    #[doc(alias = "torch.mean")]
    #[track_caller]
    #[must_use]
    pub fn mean(&self) -> Tensor {
        if !self.dtype().is_float() {
            return self.to(DType::F32).mean();
        }
        let scale = 1.0 / self.numel() as f64;
        let out = with_float!(self.dtype(), T => {
            let sum = kernel::reduce::sum(&self.values::<T>());
            Tensor::new(Buffer::<T>::scalar(sum / self.numel() as T), Layout::scalar())
        });
        let kept = std::iter::repeat_n(1, self.dim()).collect();
        out.record(Sum { name: "Mean", scale, input: Arc::clone(&self.layout), kept }, &[self])
    }

    /// The means over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions, one is named twice, or the elements are not floating point.
    #[track_caller]
    pub fn mean_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float("mean", self.dtype()));
        }
        let plan = Plan::new("mean", self, dims, keepdim)?;
        let count = plan.count(self) as f64;
        let (input, kept) = (Arc::clone(&self.layout), plan.kept.clone());
        let out = plan.sum(self) / count;
        Ok(out.record(Sum { name: "Mean", scale: 1.0 / count, input, kept }, &[self]))
    }

    /// The variances over some dimensions: squared distances from the mean, divided by `count − correction`.
    ///
    /// # Errors
    /// As [`mean_dim`](Tensor::mean_dim).
    #[doc(alias = "torch.var")]
    #[track_caller]
    pub fn var_dim(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<Tensor> {
        self.spread("var", dims, correction, keepdim)
    }

    /// The standard deviations over some dimensions: roots of [`var_dim`](Tensor::var_dim). Where it is 0, so is the
    /// gradient.
    ///
    /// # Errors
    /// As [`mean_dim`](Tensor::mean_dim).
    #[doc(alias = "torch.std")]
    #[track_caller]
    pub fn std_dim(&self, dims: impl Ints, correction: f64, keepdim: bool) -> Result<Tensor> {
        self.spread("std", dims, correction, keepdim)
    }

    #[track_caller]
    fn spread(&self, op: &'static str, dims: impl Ints, correction: f64, keepdim: bool) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float(op, self.dtype()));
        }
        let plan = Plan::new(op, self, dims, keepdim)?;
        let root = op == "std";
        let degrees = (plan.count(self) as f64 - correction).max(0.0);
        // In f64, in two passes: the square of a large f32 does not overflow, and nothing cancels.
        let variance = |values: &mut dyn Iterator<Item = f64>, mean: f64| {
            let variance = values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / degrees;
            if root { variance.sqrt() } else { variance }
        };
        let out = with_float!(self.dtype(), T => plan.each(self, |v: &[T]| {
            let mean = v.iter().map(|x| x.to_f64()).sum::<f64>() / v.len() as f64;
            variance(&mut v.iter().map(|x| x.to_f64()), mean) as T
        }));
        let Plan { dims, kept, .. } = plan;
        Ok(if root {
            out.record(Std { dims, kept, degrees }, &[self])
        } else {
            out.record(Var { dims, kept, degrees }, &[self])
        })
    }

    /// The products over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[doc(alias = "torch.prod")]
    #[track_caller]
    pub fn prod_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("prod", self, dims, keepdim)?;
        let out = match self.dtype() {
            DType::Bool => plan.each(self, |v: &[bool]| i64::from(v.iter().all(|&b| b))),
            DType::I64 => plan.each(self, |v: &[i64]| v.iter().fold(1, |p: i64, x| p.wrapping_mul(*x))),
            dtype => with_float!(dtype, T => plan.each(self, |v: &[T]| v.iter().product::<T>())),
        };
        Ok(out.record(Prod { dims: plan.dims, kept: plan.kept }, &[self]))
    }

    /// The largest elements over some dimensions; NaN wins. Ties share the gradient.
    ///
    /// # Errors
    /// If there are no such dimensions, or nothing to choose from.
    #[track_caller]
    pub fn amax(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        self.extreme("amax", dims, keepdim, true)
    }

    /// The smallest elements over some dimensions; NaN wins. Ties share the gradient.
    ///
    /// # Errors
    /// If there are no such dimensions, or nothing to choose from.
    #[track_caller]
    pub fn amin(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        self.extreme("amin", dims, keepdim, false)
    }

    /// The largest element.
    ///
    /// # Errors
    /// If there is none.
    #[track_caller]
    pub fn max(&self) -> Result<Tensor> {
        self.extreme("max", (), false, true)
    }

    /// The smallest element.
    ///
    /// # Errors
    /// If there is none.
    #[track_caller]
    pub fn min(&self) -> Result<Tensor> {
        self.extreme("min", (), false, false)
    }

    #[track_caller]
    fn extreme(&self, op: &'static str, dims: impl Ints, keepdim: bool, largest: bool) -> Result<Tensor> {
        let plan = Plan::new(op, self, dims, keepdim)?;
        something(op, self, &plan)?;
        let out = with_element!(self.dtype(), T => plan.each(self, |v: &[T]| v[best(v, largest)]));
        let name = match op {
            "amax" => "Amax",
            "amin" => "Amin",
            "max" => "Max",
            _ => "Min",
        };
        Ok(out.record(Extreme { name, dims: plan.dims, kept: plan.kept }, &[self]))
    }

    /// The index of the largest element, of the first one among equals; NaN wins. Without a dimension: in row-major
    /// order.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[track_caller]
    pub fn argmax(&self, dim: impl Into<Option<isize>>, keepdim: bool) -> Result<Tensor> {
        self.arg("argmax", dim.into(), keepdim, true)
    }

    /// The index of the smallest element, as [`argmax`](Tensor::argmax).
    ///
    /// # Errors
    /// As `argmax`.
    #[track_caller]
    pub fn argmin(&self, dim: impl Into<Option<isize>>, keepdim: bool) -> Result<Tensor> {
        self.arg("argmin", dim.into(), keepdim, false)
    }

    #[track_caller]
    fn arg(&self, op: &'static str, dim: Option<isize>, keepdim: bool, largest: bool) -> Result<Tensor> {
        let plan = match dim {
            Some(dim) => Plan::new(op, self, dim, keepdim)?,
            None => Plan::new(op, self, (), keepdim)?,
        };
        something(op, self, &plan)?;
        Ok(with_element!(self.dtype(), T => plan.each(self, |v: &[T]| best(v, largest) as i64)))
    }

    /// The largest elements along one dimension and their indices. The gradient goes to the chosen element.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[doc(alias = "torch.max")]
    #[track_caller]
    pub fn max_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.chosen("max", dim, keepdim, true)
    }

    /// The smallest elements along one dimension and their indices. The gradient goes to the chosen element.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[doc(alias = "torch.min")]
    #[track_caller]
    pub fn min_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.chosen("min", dim, keepdim, false)
    }

    #[track_caller]
    fn chosen(&self, op: &'static str, dim: isize, keepdim: bool, largest: bool) -> Result<(Tensor, Tensor)> {
        let indices = self.arg(op, Some(dim), true, largest)?;
        if self.dim() == 0 {
            return Ok((self.clone(), indices));
        }
        let values = self.gather(dim, &indices)?;
        if keepdim {
            return Ok((values, indices));
        }
        let d = self.layout.dim(op, dim)? as isize;
        Ok((values.squeeze_dim(d)?, indices.squeeze_dim(d)?))
    }

    /// Whether any element is true (not zero) over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[track_caller]
    pub fn any_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("any", self, dims, keepdim)?;
        Ok(plan.each(&self.detach().to(DType::Bool), |v: &[bool]| v.contains(&true)))
    }

    /// Whether all elements are true (not zero) over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions.
    #[track_caller]
    pub fn all_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("all", self, dims, keepdim)?;
        Ok(plan.each(&self.detach().to(DType::Bool), |v: &[bool]| !v.contains(&false)))
    }
}

/// There is no largest of nothing.
#[track_caller]
fn something(op: &'static str, x: &Tensor, plan: &Plan) -> Result<()> {
    if plan.count(x) == 0 {
        return Err(Error::shape(op, format!("shape {:?} leaves nothing to choose from", x.shape())));
    }
    Ok(())
}

/// The place of the first extreme; a NaN is more extreme than any number.
fn best<T: Element>(values: &[T], largest: bool) -> usize {
    let exact = |x: T| (x.to_f64(), x.to_i64());
    let mut place = 0;
    let mut champion = exact(values[0]);
    for (i, &value) in values.iter().enumerate().skip(1) {
        if champion.0.is_nan() {
            break;
        }
        let value = exact(value);
        // Beyond 2⁵³ integers are equal as float64; the second part decides.
        let wins = if T::DTYPE == DType::I64 {
            if largest { value.1 > champion.1 } else { value.1 < champion.1 }
        } else {
            value.0.is_nan() || if largest { value.0 > champion.0 } else { value.0 < champion.0 }
        };
        if wins {
            (place, champion) = (i, value);
        }
    }
    place
}

/// `∂x = ∂y · 2 (x − mean) / degrees`
struct Var {
    dims: Shape,
    kept: Shape,
    degrees: f64,
}

impl Op for Var {
    fn name(&self) -> &'static str {
        "Var"
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let distance = x.sub(&x.mean_dim(&self.dims, true)?)?;
            (grad.reshape(&self.kept)? * (2.0 / self.degrees)).mul(&distance)
        })
    }
}

/// `∂x = ∂y · (x − mean) / (degrees · y)`
struct Std {
    dims: Shape,
    kept: Shape,
    degrees: f64,
}

impl Op for Std {
    fn name(&self) -> &'static str {
        "Std"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let distance = x.sub(&x.mean_dim(&self.dims, true)?)?;
            let y = ctx.output()?.reshape(&self.kept)?;
            let none = y.eq(0.0)?;
            let scale = (grad.reshape(&self.kept)? / self.degrees).div(&y.masked_fill(&none, 1.0)?)?;
            scale.masked_fill(&none, 0.0)?.mul(&distance)
        })
    }
}

struct Extreme {
    name: &'static str,
    dims: Shape,
    kept: Shape,
}

impl Op for Extreme {
    fn name(&self) -> &'static str {
        self.name
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let y = ctx.output()?.detach().reshape(&self.kept)?;
            let ties = x.detach().eq(&y)?;
            // If a NaN has won, the NaNs share.
            let ties = if matches!(self.name, "Max" | "Min") { ties.logical_or(&x.isnan().logical_and(&y.isnan())?)? } else { ties };
            let ties = ties.to(grad.dtype());
            let share = ties.div(&ties.sum_dim(&self.dims, true)?)?;
            grad.reshape(&self.kept)?.mul(&share)
        })
    }
}

struct Prod {
    dims: Shape,
    kept: Shape,
}

impl Op for Prod {
    fn name(&self) -> &'static str {
        "Prod"
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let grad = grad.reshape(&self.kept)?;
            if !x.detach().eq(0.0)?.any_dim((), false)?.values::<bool>()[0] {
                return grad.mul(&ctx.output()?.reshape(&self.kept)?)?.div(&x);
            }
            // With a zero among them, each element's slope is the product of all the others: a square of copies whose
            // diagonal is one.
            let rank = x.dim() - self.dims.len();
            let order: Vec<usize> =
                (0..x.dim()).filter(|d| !self.dims.contains(d)).chain(self.dims.iter().copied()).collect();
            let moved = x.permute(&order)?;
            let flat = moved.flatten(rank as isize, -1)?;
            let n = flat.size(-1)?;
            let others = Tensor::eye(n, n, DType::Bool)?.logical_not();
            let square: Shape = flat.shape().iter().copied().chain([n]).collect();
            let product = flat.unsqueeze(-2)?.expand(&square)?.where_(&others, 1.0)?.prod_dim(-1, false)?;
            let mut back: Vec<usize> = vec![0; order.len()];
            order.iter().enumerate().for_each(|(i, &d)| back[d] = i);
            product.reshape(moved.shape())?.permute(&back)?.mul(&grad)
        })
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    let zero = || vec![float64([[0.4, 0.0, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("sum", |x| Ok(x[0].sin().sum()), x()),
        case("sum over rows", |x| x[0].sin().sum_dim(0, false), x()),
        case("sum over columns, kept", |x| x[0].sin().sum_dim(-1, true), x()),
        case("sum over both", |x| x[0].sin().sum_dim([0, 1], true), x()),
        case("mean", |x| Ok(x[0].sin().mean()), x()),
        case("mean over rows", |x| x[0].sin().mean_dim(0, false), x()),
        case("var", |x| x[0].var_dim(1, 1.0, false), x()),
        case("std", |x| x[0].std_dim((), 0.0, true), x()),
        case("prod", |x| x[0].prod_dim((), false), x()),
        case("prod over rows", |x| x[0].prod_dim(0, true), x()),
        case("prod with a zero", |x| x[0].prod_dim((), false), zero()),
        case("prod over columns with a zero", |x| x[0].prod_dim(1, false), zero()),
        case("amax", |x| x[0].sin().amax(1, false), x()),
        case("amin", |x| x[0].sin().amin(0, true), x()),
        case("max", |x| x[0].sin().max(), x()),
        case("min", |x| x[0].sin().min(), x()),
        case("max along a dimension", |x| Ok(x[0].sin().max_dim(1, false)?.0), x()),
        case("min along a dimension", |x| Ok(x[0].sin().min_dim(0, true)?.0), x()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, Tensor, tensor, zeros};

    #[test]
    fn ties_share_and_nan_wins() {
        let x = tensor([2.0, 2.0, 1.0]).requires_grad();
        x.max().unwrap().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.5, 0.5, 0.0]);
        assert_eq!(tensor([1.0, f64::NAN, 3.0]).argmax(None, false).unwrap().item().unwrap(), 1.0);
    }

    #[test]
    fn nothing_to_sum_and_nothing_to_choose() {
        let x = zeros([0, 3]).unwrap();
        assert_eq!(x.sum_dim(0, false).unwrap().to_vec::<f32>().unwrap(), [0.0; 3]);
        assert!(x.mean().item().unwrap().is_nan());
        assert!(x.amax(0, false).is_err());
        assert_eq!(x.amax(1, false).unwrap().shape(), [0]);
    }

    #[test]
    fn a_long_mean_is_exact() {
        let x = Tensor::full(16_000_000, 0.1, DType::F32).unwrap();
        assert!((x.mean().item().unwrap() - 0.1).abs() < 1e-8);
    }
}

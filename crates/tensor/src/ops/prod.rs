//! Products, over all dimensions or some.

use super::reduce::{Groups, Plan, fold};
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op};
use crate::dtype::{DType, Element};
use crate::error::Result;
use crate::layout::Ints;
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use smallvec::SmallVec;

fn products(x: &Tensor, plan: &Plan) -> Tensor {
    match x.dtype() {
        DType::Bool => whole::<bool>(x, plan),
        DType::I64 => whole::<i64>(x, plan),
        // In f64: a product of f32 overflows only if the result does.
        dtype => with_float!(dtype, T => {
            let groups = Groups::<T>::of(plan, x);
            let mut products: SmallVec<[f64; 16]> = SmallVec::from_elem(1.0, groups.len());
            groups.each(|range, block, side| fold(&mut products[range], block, side, |p, x| p * x.to_f64()));
            groups.tensor(products.iter().map(|&p| p as T).collect())
        }),
    }
}

/// Products of whole numbers, which wrap around.
fn whole<T: Element>(x: &Tensor, plan: &Plan) -> Tensor {
    let groups = Groups::<T>::of(plan, x);
    let mut products = Buffer::<i64>::full(groups.len(), 1);
    groups.each(|range, block, side| {
        fold(&mut products[range], block, side, |p, x| p.wrapping_mul(x.to_i64()));
    });
    groups.tensor(products)
}

/// `∂x = ∂y · y / x`, and where that divides by zero, the product of all the others.
struct Prod {
    name: &'static str,
    plan: Plan,
}

impl Op for Prod {
    fn name(&self) -> &'static str {
        self.name
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let y = ctx.output()?.reshape(&self.plan.kept)?;
            let grad = grad.reshape(&self.plan.kept)?;
            let divisible = y.detach().isfinite().logical_and(&y.ne(0.0)?)?;
            if divisible.all_dim((), false)?.values::<bool>()[0] {
                return grad.mul(&y)?.div(&x);
            }
            let flat = self.plan.at_the_back(&x)?;
            let others = flat.products_before(-1, false)?.mul(&flat.products_before(-1, true)?)?;
            self.plan.back_in_place(&others, x.shape())?.mul(&grad)
        })
    }
}

impl Tensor {
    /// The product of all elements. Bools and integers give an int64 (in PyTorch not those of `dtype=torch.bool`).
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([2.0, 3.0, 4.0]).prod().to_string(), "tensor(24.)");
    /// ```
    #[doc(alias = "torch.prod")]
    #[track_caller]
    #[must_use]
    pub fn prod(&self) -> Tensor {
        let plan = Plan::all(self);
        products(self, &plan).record(Prod { name: "Prod", plan }, &[self])
    }

    /// The products over some dimensions.
    ///
    /// # Errors
    /// If there are no such dimensions, or one is named twice.
    #[track_caller]
    pub fn prod_dim(&self, dims: impl Ints, keepdim: bool) -> Result<Tensor> {
        let plan = Plan::new("prod", self, dims, keepdim)?;
        Ok(products(self, &plan).record(Prod { name: "ProdBackward1", plan }, &[self]))
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    let zeros = || vec![float64([[0.4, 0.0, 2.0], [0.1, 0.7, -0.9]])];
    let cube = || vec![float64([[[0.4, 0.0], [2.0, -0.3]], [[0.1, 0.7], [0.0, -0.9]]])];
    vec![
        case("prod", |x| Ok(x[0].prod()), x()),
        case("prod over rows", |x| x[0].prod_dim(0, true), x()),
        case("prod with a zero", |x| Ok(x[0].prod()), zeros()),
        case("prod over columns with a zero", |x| x[0].prod_dim(1, false), zeros()),
        case("prod over outer dimensions with zeros", |x| x[0].prod_dim([0, 2], false), cube()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::tensor;

    #[test]
    fn what_lies_between_may_leave_the_range_of_f32() {
        let x = tensor([1e30, 1e30, 1e-30, 1e-30]).requires_grad();
        let y = x.prod();
        assert!((y.item().unwrap() - 1.0).abs() < 1e-5);
        y.backward().unwrap();
        assert!((x.grad().unwrap().to_vec::<f32>().unwrap()[0] - 1e-30).abs() < 1e-35);
    }

    #[test]
    fn one_of_many_zeros() {
        let x = tensor([2.0, 0.0, 3.0]).requires_grad();
        x.prod().backward().unwrap();
        assert_eq!(x.grad().unwrap().to_vec::<f32>().unwrap(), [0.0, 6.0, 0.0]);
    }
}

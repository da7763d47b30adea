//! Derivatives of functions: Jacobians, Hessians, and their products with a vector.
//!
//! A function takes the inputs as a slice and returns one tensor. A result is a part of the graph of those inputs that
//! need a gradient themselves; from plain numbers come plain numbers.
//!
//! ```
//! use tensor::{hessian, jacobian, tensor};
//!
//! let x = tensor([1.0, 2.0]);
//! let j = jacobian(|x| Ok(x[0].square()), &[x.clone()])?;
//! assert_eq!(j[0].to_string(), "tensor([[2., 0.],\n        [0., 4.]])");
//!
//! // A Newton step for f = Σ x⁴: x − H⁻¹ g = 2x/3, and H = 12x² on the diagonal.
//! let h = hessian(|x| Ok(x[0].square().square().sum()), &[x])?;
//! assert_eq!(h[0][0].to_string(), "tensor([[12.,  0.],\n        [ 0., 48.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::mode::enable_grad;
use super::walk::{grad_with, gradients};
use crate::error::{Error, Result};
use crate::ops::join::stack;
use crate::tensor::Tensor;

/// The inputs as variables, and whether the result is to be a part of their graph.
struct Variables {
    inputs: Vec<Tensor>,
    in_graph: bool,
}

impl Variables {
    #[track_caller]
    fn of(op: &'static str, inputs: &[Tensor]) -> Result<Self> {
        if let Some(x) = inputs.iter().find(|x| !x.dtype().is_float()) {
            return Err(Error::not_float(op, x.dtype()));
        }
        // A node of its own each, so that one tensor given twice is two variables.
        let variable = |x: &Tensor| if x.needs_grad() { x * 1.0 } else { x.clone().requires_grad() };
        Ok(Variables {
            inputs: inputs.iter().map(variable).collect(),
            in_graph: inputs.iter().any(Tensor::needs_grad),
        })
    }

    fn all(&self) -> Vec<&Tensor> {
        self.inputs.iter().collect()
    }

    /// What leaves this module.
    fn result(&self, x: Tensor) -> Tensor {
        if self.in_graph { x } else { x.detach() }
    }

    fn results(&self, all: Vec<Tensor>) -> Vec<Tensor> {
        all.into_iter().map(|x| self.result(x)).collect()
    }

    fn zeros(&self) -> Vec<Tensor> {
        self.inputs.iter().map(|x| x.detach().zeros_like()).collect()
    }

    /// `∂y_k/∂x` for each element `k` of `y`, stacked: `(y…, x…)` for each input.
    #[track_caller]
    fn rows(&self, y: &Tensor, create_graph: bool) -> Result<Vec<Tensor>> {
        let mut rows: Vec<Vec<Tensor>> = vec![Vec::with_capacity(y.numel()); self.inputs.len()];
        for k in 0..y.numel() {
            let gradient = if y.needs_grad() {
                let unit = unit_like(y, k)?;
                gradients(&[y], &[Some(&unit)], &self.all(), create_graph)?
            } else {
                self.zeros()
            };
            rows.iter_mut().zip(gradient).for_each(|(rows, row)| rows.push(row));
        }
        rows.into_iter()
            .zip(&self.inputs)
            .map(|(rows, x)| {
                let shape: Vec<usize> = y.shape().iter().chain(x.shape()).copied().collect();
                if rows.is_empty() {
                    return Tensor::full(shape, 0.0, x.dtype());
                }
                stack(&rows.iter().collect::<Vec<_>>(), 0)?.reshape(shape)
            })
            .collect()
    }
}

/// Zeros in the shape of `y` with a one at element `k`.
fn unit_like(y: &Tensor, k: usize) -> Result<Tensor> {
    let mut unit = vec![0.0; y.numel()];
    unit[k] = 1.0;
    Ok(Tensor::from_vec(unit, y.shape())?.to(y.dtype()))
}

/// The function's value at variables; its error if it is no function of floating point numbers.
#[track_caller]
fn value(
    op: &'static str,
    f: &dyn Fn(&[Tensor]) -> Result<Tensor>,
    variables: &Variables,
    scalar: bool,
) -> Result<Tensor> {
    let y = f(&variables.inputs)?;
    if !y.dtype().is_float() {
        return Err(Error::not_float(op, y.dtype()));
    }
    if scalar && y.numel() != 1 {
        return Err(Error::shape(
            op,
            format!("the function must return a scalar, found shape {:?}", y.shape()),
        ));
    }
    Ok(y)
}

/// Refuses vectors that do not fit.
#[track_caller]
fn fits(op: &'static str, what: &[&Tensor], vectors: &[&Tensor]) -> Result<()> {
    if what.len() != vectors.len() {
        return Err(Error::value(op, format!("{} vectors for {} tensors", vectors.len(), what.len())));
    }
    for (x, v) in what.iter().zip(vectors) {
        if x.shape() != v.shape() || x.dtype() != v.dtype() {
            return Err(Error::shape(
                op,
                format!(
                    "a vector of {} of shape {:?} for a tensor of {} of shape {:?}",
                    v.dtype(),
                    v.shape(),
                    x.dtype(),
                    x.shape()
                ),
            ));
        }
    }
    Ok(())
}

/// All partial derivatives of `f`: for each input a tensor of shape `(y…, x…)`.
///
/// # Errors
/// Those of `f`, and numbers that are no floats.
#[doc(alias = "torch.autograd.functional.jacobian")]
#[track_caller]
pub fn jacobian(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    enable_grad(|| {
        let variables = Variables::of("jacobian", inputs)?;
        let y = value("jacobian", &f, &variables, false)?;
        variables.rows(&y, variables.in_graph).map(|all| variables.results(all))
    })
}

/// All second derivatives of a function with one number as its result: element `(i, j)` is a tensor of shape
/// `(x_i…, x_j…)`.
///
/// # Errors
/// Those of `f`; a result of more than one number; numbers that are no floats.
#[doc(alias = "torch.autograd.functional.hessian")]
#[track_caller]
pub fn hessian(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<Vec<Vec<Tensor>>> {
    enable_grad(|| {
        let variables = Variables::of("hessian", inputs)?;
        let y = value("hessian", &f, &variables, true)?;
        let slopes = if y.needs_grad() {
            grad_with(&[&y], &[Some(&y.detach().ones_like())], &variables.all())?
        } else {
            variables.zeros()
        };
        let rows = slopes.iter().map(|slope| variables.rows(slope, variables.in_graph));
        rows.map(|row| Ok(variables.results(row?))).collect()
    })
}

/// The value of `f`, and `vᵀ J`: the gradient that comes back when `v` comes in. `v` may be left out where the value is
/// one number.
///
/// ```
/// use tensor::{tensor, vjp};
/// let (y, product) = vjp(|x| Ok(x[0].exp()), &[tensor([0.0, 1.0])], Some(&tensor([2.0, 0.0])))?;
/// assert_eq!(y.to_string(), "tensor([1.0000, 2.7183])");
/// assert_eq!(product[0].to_string(), "tensor([2., 0.])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// Those of `f`, and a `v` of another shape or type than the value.
#[doc(alias = "torch.autograd.functional.vjp")]
#[track_caller]
pub fn vjp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    v: Option<&Tensor>,
) -> Result<(Tensor, Vec<Tensor>)> {
    enable_grad(|| {
        let variables = Variables::of("vjp", inputs)?;
        let y = value("vjp", &f, &variables, v.is_none())?;
        let ones = y.detach().ones_like();
        let v = v.unwrap_or(&ones);
        fits("vjp", &[&y], &[v])?;
        let product = if y.needs_grad() {
            gradients(&[&y], &[Some(v)], &variables.all(), variables.in_graph)?
        } else {
            variables.zeros()
        };
        let product = variables.results(product);
        Ok((variables.result(y), product))
    })
}

/// The value of `f`, and `J v`: how it changes along `v`, which has a tensor for each input.
///
/// Two walks back make a walk forward: `vᵀ J` is linear in `v`, and its derivative with respect to `v`, times a vector,
/// is `J` times that vector.
///
/// ```
/// use tensor::{jvp, tensor};
/// let (_, along) = jvp(|x| Ok(x[0].square()), &[tensor([1.0, 3.0])], &[tensor([1.0, 0.5])])?;
/// assert_eq!(along.to_string(), "tensor([2., 3.])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// Those of `f`, and vectors of other shapes or types than the inputs.
#[doc(alias = "torch.autograd.functional.jvp")]
#[track_caller]
pub fn jvp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    v: &[Tensor],
) -> Result<(Tensor, Tensor)> {
    enable_grad(|| {
        let variables = Variables::of("jvp", inputs)?;
        fits("jvp", &variables.all(), &v.iter().collect::<Vec<_>>())?;
        let y = value("jvp", &f, &variables, false)?;
        let zeros = y.detach().zeros_like();
        if !y.needs_grad() {
            return Ok((variables.result(y), zeros));
        }
        let cotangent = zeros.clone().requires_grad();
        let back = grad_with(&[&y], &[Some(&cotangent)], &variables.all())?;
        let along = products(&back, v, &[&cotangent], variables.in_graph)?.pop().unwrap_or(zeros);
        let along = variables.result(along);
        Ok((variables.result(y), along))
    })
}

/// The value of a function with one number as its result, and its Hessian times `v`, which has a tensor for each input.
/// Costs about two walks back, and never holds the Hessian.
///
/// ```
/// use tensor::{hvp, tensor};
/// let f = |x: &[tensor::Tensor]| Ok(x[0].square().square().sum());
/// let (_, product) = hvp(f, &[tensor([1.0, 2.0])], &[tensor([1.0, 1.0])])?;
/// assert_eq!(product[0].to_string(), "tensor([12., 48.])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// Those of `f`; a result of more than one number; vectors of other shapes or types than the inputs.
#[doc(alias = "torch.autograd.functional.hvp")]
#[doc(alias = "torch.autograd.functional.vhp")]
#[track_caller]
pub fn hvp(
    f: impl Fn(&[Tensor]) -> Result<Tensor>,
    inputs: &[Tensor],
    v: &[Tensor],
) -> Result<(Tensor, Vec<Tensor>)> {
    enable_grad(|| {
        let variables = Variables::of("hvp", inputs)?;
        fits("hvp", &variables.all(), &v.iter().collect::<Vec<_>>())?;
        let y = value("hvp", &f, &variables, true)?;
        let slopes = if y.needs_grad() {
            grad_with(&[&y], &[Some(&y.detach().ones_like())], &variables.all())?
        } else {
            variables.zeros()
        };
        let product = products(&slopes, v, &variables.all(), variables.in_graph)?;
        let product = variables.results(product);
        Ok((variables.result(y), product))
    })
}

/// `Σ vᵀ ∂y/∂x` for each `x`; zeros where a `y` depends on none.
fn products(ys: &[Tensor], vs: &[Tensor], xs: &[&Tensor], create_graph: bool) -> Result<Vec<Tensor>> {
    let (mut roots, mut seeds) = (Vec::new(), Vec::new());
    for (y, v) in ys.iter().zip(vs).filter(|(y, _)| y.needs_grad()) {
        roots.push(y);
        seeds.push(Some(v));
    }
    if roots.is_empty() {
        return Ok(xs.iter().map(|x| x.detach().zeros_like()).collect());
    }
    gradients(&roots, &seeds, xs, create_graph)
}

#[cfg(test)]
mod tests;

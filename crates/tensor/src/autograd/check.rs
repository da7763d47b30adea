//! Gradients against finite differences, of first and second order: for your operations as for ours.
//!
//! ```
//! use tensor::{DType, gradcheck, gradgradcheck, tensor};
//! let x = tensor([0.3, -1.2]).to(DType::F64);
//! gradcheck(|x| Ok(x[0].tanh()), &[x.clone()])?;
//! gradgradcheck(|x| Ok(x[0].tanh()), &[x])?;
//! # Ok::<(), tensor::Error>(())
//! ```

use super::mode::{enable_grad, no_grad};
use super::walk::grad_with;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::literal::{Literal, tensor};
use crate::tensor::Tensor;

/// Half the width of a central difference; its error is of the order of the square.
const STEP: f64 = 1e-6;
/// What a difference of float64 values that far apart can tell.
const ATOL: f64 = 1e-7;
const RTOL: f64 = 1e-5;

/// Compares the gradient of `f` at `inputs` with central differences, in both forms that an operation may have: the
/// one that can be differentiated again, and the fused one of a plain `backward`.
///
/// # Errors
/// If the inputs are not float64 (float32 has too few digits for a difference), if `f` fails, or if a gradient is
/// wrong: the message says of which input, at which index, and both numbers.
#[doc(alias = "torch.autograd.gradcheck")]
#[track_caller]
pub fn gradcheck(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<()> {
    check("gradcheck", &f, inputs)
}

/// Compares the gradient of the gradient of `f` with central differences of its gradient.
///
/// # Errors
/// As [`gradcheck`].
#[doc(alias = "torch.autograd.gradgradcheck")]
#[track_caller]
pub fn gradgradcheck(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<()> {
    // ⟨w, ∂⟨v, f⟩/∂x⟩ is a function like any other.
    let projected = |x: &[Tensor]| {
        enable_grad(|| {
            let leaves: Vec<Tensor> = x
                .iter()
                .map(|x| if x.needs_grad() { x.clone() } else { x.clone().requires_grad() })
                .collect();
            let y = f(&leaves)?;
            if !y.needs_grad() {
                return Ok(y.zeros_like());
            }
            let v = direction(&y, 7)?;
            let grads = grad_with(&[&y], &[Some(&v)], &leaves.iter().collect::<Vec<_>>())?;
            let mut sum = Tensor::scalar(0.0, y.dtype());
            for (i, g) in grads.iter().enumerate() {
                sum = sum.add(&g.mul(&direction(g, 11 + i)?)?.sum())?;
            }
            Ok(sum)
        })
    };
    check("gradgradcheck", &projected, inputs)
}

fn check(name: &'static str, f: &dyn Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<()> {
    if let Some(x) = inputs.iter().find(|x| x.dtype() != DType::F64) {
        return Err(Error::dtype(name, format!("inputs must be float64, found {}", x.dtype())));
    }
    let leaves: Vec<Tensor> = inputs.iter().map(|x| x.detach().requires_grad()).collect();
    let y = f(&leaves)?;
    let v = direction(&y, 3)?;
    let value = |x: &[Tensor]| no_grad(|| f(x)?.detach().mul(&v)?.sum().item());

    let analytic: [Vec<Tensor>; 2] = if y.needs_grad() {
        let graph = grad_with(&[&y], &[Some(&v)], &leaves.iter().collect::<Vec<_>>())?;
        y.backward_with(&v)?;
        [graph, leaves.iter().map(|x| x.grad().unwrap_or_else(|| x.zeros_like())).collect()]
    } else {
        let zeros: Vec<Tensor> = leaves.iter().map(Tensor::zeros_like).collect();
        [zeros.clone(), zeros]
    };
    for (i, x) in inputs.iter().enumerate() {
        let values = x.to_vec::<f64>()?;
        for j in 0..values.len() {
            let at = |shift: f64| -> Result<f64> {
                let mut moved = values.clone();
                moved[j] += shift;
                let mut all: Vec<Tensor> = inputs.iter().map(Tensor::detach).collect();
                all[i] = Tensor::from_vec(moved, x.shape())?;
                value(&all)
            };
            let numeric = (at(STEP)? - at(-STEP)?) / (2.0 * STEP);
            for (path, grads) in ["differentiable", "fused"].iter().zip(&analytic) {
                let found = grads[i].to_vec::<f64>()?[j];
                let fits = (found - numeric).abs() <= ATOL + RTOL * numeric.abs().max(found.abs());
                if !fits {
                    return Err(Error::value(
                        name,
                        format!(
                            "the {path} gradient of input {i} at element {j} (value {}) is {found}, but the \
                             difference quotient is {numeric}",
                            values[j]
                        ),
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Fixed numbers between −1 and 1 in the shape of `like`: a projection that no symmetry of an operation cancels.
fn direction(like: &Tensor, salt: usize) -> Result<Tensor> {
    let values =
        (0..like.numel()).map(|i| ((i * 37 + salt * 101) as f64 * 0.618_033_988_749_895).fract() * 1.6 - 0.7);
    Tensor::from_vec(values.collect(), like.shape())
}

#[doc(hidden)]
pub type OfTensors = dyn Fn(&[Tensor]) -> Result<Tensor>;

/// One way to call an operation, with inputs at which it is smooth.
#[doc(hidden)]
pub struct Case {
    /// What is called.
    pub name: &'static str,
    /// How.
    pub f: Box<OfTensors>,
    /// With what: float64.
    pub inputs: Vec<Tensor>,
}

#[doc(hidden)]
pub fn case(
    name: &'static str,
    f: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
    inputs: Vec<Tensor>,
) -> Case {
    Case { name, f: Box::new(f), inputs }
}

/// A float64 literal for a case.
#[doc(hidden)]
pub fn float64<L: Literal>(literal: L) -> Tensor {
    // Through f32: what matters is only that a case always has the same numbers.
    tensor(literal).to(DType::F64)
}

impl Case {
    /// First and second order; and once more with every input used twice, so that gradients must be added.
    #[doc(hidden)]
    pub fn check(&self) -> Result<()> {
        let f = &*self.f;
        gradcheck(f, &self.inputs)?;
        gradgradcheck(f, &self.inputs)?;
        let twice = move |x: &[Tensor]| f(x)?.mul(&f(&x.iter().map(|x| x * 1.0).collect::<Vec<_>>())?);
        gradcheck(twice, &self.inputs)
    }

    /// The operations in the graph of this case, by the paths of their structs.
    #[doc(hidden)]
    pub fn operations(&self) -> Result<Vec<&'static str>> {
        let leaves: Vec<Tensor> = self.inputs.iter().map(|x| x.clone().requires_grad()).collect();
        let y = (self.f)(&leaves)?;
        let mut stack: Vec<_> = y.node().cloned().into_iter().collect();
        let mut names: Vec<&'static str> = Vec::new();
        while let Some(node) = stack.pop() {
            names.push(node.type_name());
            stack.extend(node.inputs().flatten().cloned());
        }
        Ok(names)
    }
}

//! Gradients made smaller before a step: all of them by one factor, or each number by itself.

use crate::bounds::within;
use kernel::reduce::dot;
use tensor::{DType, Error, Parameter, Result, Tensor};

/// Scales all gradients by one factor, so that the norm of all of them together is at most `max_norm`. Returns the norm
/// that they had, as a scalar of their type. Call it between `backward` and `step`.
///
/// ```text
/// g ← g · min(1, max_norm / (‖g‖₂ + 1e-6))
/// ```
///
/// ```
/// use optim::clip_grad_norm_;
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([3.0, 4.0]));
/// w.tensor().square().sum().backward()?;
/// assert_eq!(clip_grad_norm_([w.clone()], 1.0)?.to_string(), "tensor(10.)");
/// assert_eq!(w.grad().unwrap().to_string(), "tensor([0.6000, 0.8000])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If no parameter has a gradient, or `max_norm` is negative or NaN. A norm that is not finite is none: the gradients become NaN or 0, as in PyTorch;
/// [`ClipGradNorm::error_if_nonfinite`] refuses it.
#[doc(alias = "torch.nn.utils.clip_grad_norm_")]
#[track_caller]
pub fn clip_grad_norm_(parameters: impl IntoIterator<Item = Parameter>, max_norm: f64) -> Result<Tensor> {
    ClipGradNorm::new(max_norm).apply(parameters)
}

/// [`clip_grad_norm_`] with options.
///
/// ```
/// use optim::ClipGradNorm;
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([3.0, -4.0]));
/// w.tensor().square().sum().backward()?;
/// ClipGradNorm::new(4.0).norm_type(f64::INFINITY).error_if_nonfinite(true).apply([w.clone()])?;
/// assert_eq!(w.grad().unwrap().to_string(), "tensor([ 3.0000, -4.0000])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClipGradNorm {
    max_norm: f64,
    norm_type: f64,
    error_if_nonfinite: bool,
}

impl ClipGradNorm {
    /// By the Euclidean norm.
    pub fn new(max_norm: f64) -> Self {
        ClipGradNorm { max_norm, norm_type: 2.0, error_if_nonfinite: false }
    }

    /// The order of the norm, infinity for the largest number; 2.
    #[must_use]
    pub fn norm_type(self, norm_type: f64) -> Self {
        ClipGradNorm { norm_type, ..self }
    }

    /// Refuses a norm that is NaN or infinite, and leaves the gradients alone then.
    #[must_use]
    pub fn error_if_nonfinite(self, refuse: bool) -> Self {
        ClipGradNorm { error_if_nonfinite: refuse, ..self }
    }

    /// Scales the gradients, and returns the norm that they had.
    ///
    /// # Errors
    /// If no parameter has a gradient, or the norm is refused.
    #[track_caller]
    pub fn apply(self, parameters: impl IntoIterator<Item = Parameter>) -> Result<Tensor> {
        within("clip_grad_norm_", "max_norm", self.max_norm, 0.0..)?;
        let with_grad = with_grad("clip_grad_norm_", parameters)?;
        let mut norms = Vec::new();
        let mut dtype = DType::F32;
        for parameter in &with_grad {
            dtype = parameter.dtype().promote(if norms.is_empty() { DType::Bool } else { dtype });
            norms.push(self.norm_of(parameter)?);
        }
        let total = norm(&norms, self.norm_type);
        if self.error_if_nonfinite && !total.is_finite() {
            return Err(Error::value(
                "clip_grad_norm_",
                format!(
                    "the norm of order {} of the gradients is {total}: they cannot be clipped. Look for NaN or an \
                     overflow in the loss, or let them pass with error_if_nonfinite(false)",
                    self.norm_type
                ),
            ));
        }
        let factor = self.max_norm / (total + 1e-6);
        // NaN stays NaN.
        let factor = if factor > 1.0 { 1.0 } else { factor };
        for parameter in &with_grad {
            match parameter.dtype() {
                DType::F64 => parameter.update_grad::<f64>(|g| g.iter_mut().for_each(|g| *g *= factor))?,
                _ => parameter.update_grad::<f32>(|g| g.iter_mut().for_each(|g| *g *= factor as f32))?,
            };
        }
        Ok(Tensor::scalar(total, dtype))
    }

    #[track_caller]
    fn norm_of(self, parameter: &Parameter) -> Result<f64> {
        let mut found = 0.0;
        let p = self.norm_type;
        match parameter.dtype() {
            DType::F64 => parameter.update_grad::<f64>(|g| found = norm(g, p))?,
            _ => parameter.update_grad::<f32>(|g| {
                let squares = f64::from(dot(g, g));
                // Of squares that overflow, or vanish, double precision knows more.
                found = if p == 2.0 && squares.is_normal() && squares > 1e-30 {
                    squares.sqrt()
                } else {
                    norm(&g.iter().map(|&x| f64::from(x)).collect::<Vec<_>>(), p)
                };
            })?,
        };
        Ok(found)
    }
}

/// `(Σ |x|^p)^(1/p)`; the largest number for infinity, how many are not 0 for 0.
fn norm(x: &[f64], p: f64) -> f64 {
    let x = x.iter().map(|x| x.abs());
    // `f64::max` would lose NaN.
    let pick =
        |better: fn(f64, f64) -> bool| move |a: f64, b: f64| if a.is_nan() || better(a, b) { a } else { b };
    if p == f64::INFINITY {
        x.fold(0.0, pick(|a, b| a > b))
    } else if p == f64::NEG_INFINITY {
        x.fold(f64::INFINITY, pick(|a, b| a < b))
    } else if p == 0.0 {
        x.filter(|&x| x != 0.0).count() as f64
    } else if p == 1.0 {
        x.fold(0.0, |sum, x| sum + x)
    } else if p == 2.0 {
        x.fold(0.0, |sum, x| sum + x * x).sqrt()
    } else {
        x.fold(0.0, |sum, x| sum + x.powf(p)).powf(1.0 / p)
    }
}

/// Clamps each number of each gradient to `−clip_value … clip_value`. NaN stays NaN.
///
/// ```
/// use optim::clip_grad_value_;
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([3.0, -0.2]));
/// w.tensor().square().sum().backward()?;
/// clip_grad_value_([w.clone()], 1.0)?;
/// assert_eq!(w.grad().unwrap().to_string(), "tensor([ 1.0000, -0.4000])");
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If no parameter has a gradient, or `clip_value` is negative or NaN.
#[doc(alias = "torch.nn.utils.clip_grad_value_")]
#[track_caller]
pub fn clip_grad_value_(parameters: impl IntoIterator<Item = Parameter>, clip_value: f64) -> Result<()> {
    within("clip_grad_value_", "clip_value", clip_value, 0.0..)?;
    for parameter in with_grad("clip_grad_value_", parameters)? {
        match parameter.dtype() {
            DType::F64 => parameter
                .update_grad::<f64>(|g| g.iter_mut().for_each(|g| *g = g.clamp(-clip_value, clip_value)))?,
            _ => {
                let bound = clip_value as f32;
                parameter.update_grad::<f32>(|g| g.iter_mut().for_each(|g| *g = g.clamp(-bound, bound)))?
            }
        };
    }
    Ok(())
}

/// The parameters that have a gradient.
#[track_caller]
fn with_grad(op: &'static str, parameters: impl IntoIterator<Item = Parameter>) -> Result<Vec<Parameter>> {
    let all: Vec<Parameter> = parameters.into_iter().collect();
    let some: Vec<Parameter> = all.iter().filter(|p| p.has_grad()).cloned().collect();
    if some.is_empty() && !all.is_empty() {
        return Err(Error::graph(
            op,
            format!("none of the {} parameters has a gradient: call loss.backward()? before", all.len()),
        ));
    }
    Ok(some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    fn with(grad: &Tensor) -> Parameter {
        let p = Parameter::new(&grad.zeros_like());
        p.set_grad(Some(grad)).unwrap();
        p
    }

    #[test]
    fn a_snapshot_of_the_gradient_stays_as_it_was() {
        let p = with(&tensor([30.0, 40.0]));
        let before = p.grad().unwrap();
        clip_grad_norm_([p.clone()], 1.0).unwrap();
        assert_eq!(before.to_vec::<f32>().unwrap(), [30.0, 40.0]);
        assert_eq!(p.grad().unwrap().to_string(), "tensor([0.6000, 0.8000])");
    }

    #[test]
    fn squares_that_overflow_are_clipped_all_the_same() {
        let p = with(&tensor([3e30, 4e30]));
        clip_grad_norm_([p.clone()], 1.0).unwrap();
        assert_eq!(p.grad().unwrap().to_string(), "tensor([0.6000, 0.8000])");
        let tiny = with(&tensor([3e-30, 4e-30]));
        assert_eq!(clip_grad_norm_([tiny], 1.0).unwrap().item().unwrap() as f32, 5e-30);
    }

    #[test]
    fn what_cannot_be_clipped_is_an_error() {
        let p = Parameter::new(&tensor([1.0]));
        assert!(clip_grad_norm_([p.clone()], 1.0).unwrap_err().to_string().contains("has a gradient"));
        assert!(clip_grad_value_([p.clone()], 1.0).is_err());
        assert!(clip_grad_value_([with(&tensor([1.0]))], f64::NAN).is_err());
        assert!(clip_grad_norm_([with(&tensor([1.0]))], -1.0).is_err());
        assert_eq!(clip_grad_norm_([], 1.0).unwrap().to_string(), "tensor(0.)");

        let p = with(&tensor([f32::NAN, 1.0]));
        assert!(ClipGradNorm::new(1.0).error_if_nonfinite(true).apply([p.clone()]).is_err());
        assert_eq!(p.grad().unwrap().to_vec::<f32>().unwrap()[1], 1.0);
    }

    #[test]
    fn norms_of_any_order() {
        let x = [3.0, -4.0, 0.0];
        assert_eq!(norm(&x, 1.0), 7.0);
        assert_eq!(norm(&x, 2.0), 5.0);
        assert_eq!(norm(&x, 0.0), 2.0);
        assert_eq!(norm(&x, f64::INFINITY), 4.0);
        assert_eq!(norm(&x, f64::NEG_INFINITY), 0.0);
        assert!((norm(&x, 3.0) - 91f64.cbrt()).abs() < 1e-12);
        assert!(norm(&[1.0, f64::NAN, 2.0], f64::INFINITY).is_nan());
    }
}

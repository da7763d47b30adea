//! Layer normalisation: the last dimensions to mean 0 and variance 1; or, left where they are, to a mean square of 1.
//!
//! `y = (x − μ)/√(σ² + ε)·w + b`. Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450. Without a mean,
//! `y = x/√(mean(x²) + ε)·w`. Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
//!
//! ```
//! use tensor::tensor;
//! let y = tensor([[1.0, 3.0], [0.0, 8.0]]).layer_norm([2], None, None, 0.0)?;
//! assert_eq!(y.to_string(), "tensor([[-1.,  1.],\n        [-1.,  1.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::DType;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op, is_grad_enabled};
use crate::error::{Error, Result};
use crate::layout::{Ints, sizes};
use crate::storage::{Buffer, with_float};
use crate::tensor::Tensor;
use kernel::layer_norm as kernels;

impl Tensor {
    /// Normalises the last dimensions, whose sizes are `normalized_shape`, then multiplies by `weight` and adds `bias`,
    /// both of that shape.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    #[doc(alias = "torch.nn.functional.layer_norm")]
    #[track_caller]
    pub fn layer_norm(
        &self,
        normalized_shape: impl Ints,
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Tensor> {
        self.normalized_rows("layer_norm", true, &normalized_shape.ints(), weight, bias, eps)
    }

    /// Divides the last dimensions, whose sizes are `normalized_shape`, by the root of their mean square, then multiplies
    /// by `weight` of that shape. Without an `eps` it is the smallest step from 1 of the type.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    #[doc(alias = "torch.nn.functional.rms_norm")]
    #[track_caller]
    pub fn rms_norm(
        &self,
        normalized_shape: impl Ints,
        weight: Option<&Tensor>,
        eps: Option<f64>,
    ) -> Result<Tensor> {
        let step = if self.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        self.normalized_rows("rms_norm", false, &normalized_shape.ints(), weight, None, eps.unwrap_or(step))
    }

    #[track_caller]
    fn normalized_rows(
        &self,
        op: &'static str,
        centered: bool,
        normalized_shape: &[i64],
        weight: Option<&Tensor>,
        bias: Option<&Tensor>,
        eps: f64,
    ) -> Result<Tensor> {
        let shape = sizes(op, normalized_shape)?;
        let dtype = self.dtype();
        if !dtype.is_float() {
            return Err(Error::not_float(op, dtype));
        }
        if shape.is_empty() || !self.shape().ends_with(&shape) {
            return Err(Error::shape(
                op,
                format!("the input's shape should end with {shape:?}, found {:?}", self.shape()),
            ));
        }
        for part in [weight, bias].into_iter().flatten() {
            if part.shape() != shape.as_slice() {
                return Err(Error::shape(
                    op,
                    format!("weight and bias should have shape {shape:?}, found {:?}", part.shape()),
                ));
            }
            if part.dtype() != dtype {
                return Err(Error::dtype(op, format!("the input is {dtype}, a weight {}", part.dtype())));
            }
        }
        let size: usize = shape.iter().product();
        let rows: usize = self.shape()[..self.dim() - shape.len()].iter().product();
        let mut moments = vec![[0.0; 2]; rows];
        let out = with_float!(dtype, T => {
            let x = self.values::<T>();
            if centered {
                kernels::moments(&x, eps, &mut moments);
            } else {
                kernels::squares(&x, eps, &mut moments);
            }
            let [weight, bias] = [weight, bias].map(|t| t.map(Tensor::values::<T>));
            let mut y = Buffer::<T>::unwritten(x.len());
            kernels::layer_norm(&x, &moments, weight.as_deref(), bias.as_deref(), &mut y);
            Tensor::new(y, self.dense_layout())
        });
        let op = LayerNorm { centered, size, eps, moments, weight: weight.is_some() };
        Ok(match (weight, bias) {
            (Some(weight), Some(bias)) => out.record(op, &[self, weight, bias]),
            (Some(part), None) | (None, Some(part)) => out.record(op, &[self, part]),
            (None, None) => out.record(op, &[self]),
        })
    }
}

/// `∂x = ρ·(g − mean(g) − x̂·mean(g·x̂))` with `g = ∂y·w`; `∂w = Σ ∂y·x̂`, `∂b = Σ ∂y`. Where the mean stays, `mean(g)` falls
/// away.
struct LayerNorm {
    /// Whether the mean is taken away.
    centered: bool,
    size: usize,
    eps: f64,
    /// μ and ρ of each row.
    moments: Vec<[f64; 2]>,
    /// Whether input 1 is the weight, and not the bias.
    weight: bool,
}

impl LayerNorm {
    fn differentiable(&self, ctx: &Ctx<'_>, grad: &Tensor, i: usize) -> Result<Tensor> {
        let x = ctx.input(0)?;
        let flat = |t: &Tensor| t.reshape([self.moments.len(), self.size]);
        let grad = flat(grad)?;
        if i > 1 || i == 1 && !self.weight {
            return grad.sum_dim(0, false)?.reshape(ctx.input(i)?.shape());
        }
        let rows = flat(&x)?;
        let mean = |t: &Tensor| t.mean_dim(1, true);
        let centered = if self.centered { rows.sub(&mean(&rows)?)? } else { rows };
        let scale = mean(&centered.square())?.add(self.eps)?.rsqrt();
        let unit = centered.mul(&scale)?;
        if i == 1 {
            return grad.mul(&unit)?.sum_dim(0, false)?.reshape(ctx.input(1)?.shape());
        }
        let g = if self.weight { grad.mul(&ctx.input(1)?.reshape([self.size])?)? } else { grad };
        let slope = mean(&g.mul(&unit)?)?;
        let moved = if self.centered { g.sub(&mean(&g)?)? } else { g };
        moved.sub(&unit.mul(&slope)?)?.mul(&scale)?.reshape(x.shape())
    }
}

impl Op for LayerNorm {
    fn name(&self) -> &'static str {
        if self.centered { "NativeLayerNorm" } else { "FusedRmsNorm" }
    }
    fn keep(&self) -> Keep {
        Keep::Inputs
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|i| {
            if is_grad_enabled() {
                return self.differentiable(ctx, grad, i);
            }
            let (x, like) = (ctx.input(0)?, ctx.input(i)?);
            with_float!(grad.dtype(), T => {
                let (values, grad) = (x.values::<T>(), grad.values::<T>());
                let mut out = Buffer::<T>::unwritten(like.numel());
                if i == 0 {
                    let weight = if self.weight { Some(ctx.input(1)?) } else { None };
                    let weight = weight.as_ref().map(Tensor::values::<T>);
                    kernels::input_gradient(&values, &self.moments, self.centered, weight.as_deref(), &grad, &mut out);
                } else {
                    let x = (i == 1 && self.weight).then_some((&*values, &*self.moments));
                    kernels::column_gradient(x, &grad, &mut out);
                }
                Ok(Tensor::new(out, like.dense_layout()))
            })
        })
    }
}

/// The cases by which layer normalisation is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]);
    let w = || float64([0.5, -0.2, 1.1]);
    vec![
        case("layer_norm", |x| x[0].layer_norm([3], None, None, 1e-5), vec![x()]),
        case(
            "layer_norm with weight and bias",
            |x| x[0].layer_norm([3], Some(&x[1]), Some(&x[2]), 1e-5),
            vec![x(), w(), w().sin()],
        ),
        case(
            "layer_norm with a weight",
            |x| x[0].layer_norm([2, 3], Some(&x[1]), None, 0.1),
            vec![x(), x().cos()],
        ),
        case("rms_norm", |x| x[0].rms_norm([3], Some(&x[1]), Some(0.1)), vec![x(), w()]),
        case("rms_norm without a weight", |x| x[0].rms_norm([2, 3], None, None), vec![x()]),
        case("layer_norm with a bias", |x| x[0].layer_norm([3], None, Some(&x[1]), 0.1), vec![x(), w()]),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{ones, zeros};

    #[test]
    fn misfits_are_named_and_nothing_stays_nothing() {
        let x = ones([2, 3]).unwrap();
        let error = x.layer_norm([2], None, None, 1e-5).unwrap_err().to_string();
        assert!(error.contains("[2]") && error.contains("[2, 3]"), "{error}");
        assert!(x.layer_norm([3], Some(&ones([2]).unwrap()), None, 1e-5).is_err());
        assert_eq!(zeros([0, 3]).unwrap().layer_norm([3], None, None, 1e-5).unwrap().shape(), [0, 3]);
        assert_eq!(zeros([3, 0]).unwrap().layer_norm([0], None, None, 1e-5).unwrap().shape(), [3, 0]);
    }
}

//! Cosine embedding loss: vectors of similar pairs turned together, of dissimilar pairs apart.

use crate::criterion::criterion;
use crate::refuse::{gradient_of_labels, neither, unequal_shapes};
use crate::{Pointwise, Reduction, pointwise};
use tensor::autograd::check::{Case, case, float64};
use tensor::{Ctx, Error, Grads, Keep, Op, Real, Result, Tensor, cat, tensor};

criterion! {
    /// `1 − cos(x₁, x₂)` for a pair that belongs together (`y = 1`), `max(0, cos(x₁, x₂) − margin)` for one that does
    /// not (`y = −1`): for learning embeddings of which only the direction counts.
    ///
    /// The lengths are `√(Σx² + 10⁻¹²)`, so that a zero vector has a cosine of 0, with a gradient; however large the
    /// elements, nothing overflows (PyTorch's squares do).
    ///
    /// Shapes: both inputs `(N, D)` or `(D)`, target `(N)` or `()`; output scalar, or like the target without a
    /// reduction.
    ///
    /// ```
    /// use loss::CosineEmbeddingLoss;
    /// use tensor::tensor;
    /// let loss = CosineEmbeddingLoss::new().forward(&tensor([1.0, 0.0]), &tensor([1.0, 1.0]), &tensor(1.0))?;
    /// assert_eq!(loss.to_string(), "tensor(0.2929)");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    #[doc(alias = "torch.nn.CosineEmbeddingLoss")]
    #[doc(alias = "cosine_embedding_loss")]
    CosineEmbeddingLoss {
        /// From which cosine down a dissimilar pair counts nothing, from −1 to 1 (default 0).
        margin: f64 = 0.0,
    }
}

const OP: &str = "CosineEmbeddingLoss";

/// PyTorch's constant, which is a float32.
const EPSILON: f64 = 1e-12f32 as f64;

impl CosineEmbeddingLoss {
    /// The loss of the vectors `input1` and `input2`, of which `target` says whether they belong together.
    ///
    /// # Errors
    /// If the shapes do not fit, or a label is neither 1 nor −1.
    #[track_caller]
    pub fn forward(&self, input1: &Tensor, input2: &Tensor, target: &Tensor) -> Result<Tensor> {
        unequal_shapes(OP, ("input1", input1), ("input2", input2))?;
        let (x, t) = (input1.shape(), target.shape());
        if !matches!(x.len(), 1 | 2) || *t != x[..x.len() - 1] {
            return Err(Error::shape(
                OP,
                format!("inputs of shape (N, D) or (D) take a target of shape (N) or (), found shapes {x:?} and {t:?}"),
            ));
        }
        gradient_of_labels(OP, target)?;
        neither(OP, target, [1.0, -1.0])?;
        let cosine = unit(input1)?.mul(&unit(input2)?)?.sum_dim(-1, false)?;
        pointwise(Angle { margin: self.margin }, [&cosine, target], self.reduction)
    }
}

/// `x / √(Σx² + ε)`
fn unit(x: &Tensor) -> Result<Tensor> {
    let x = &x.to(x.dtype().to_float());
    let length = x.vector_norm(2.0, -1, true)?;
    let beyond = length.detach().isinf();
    if beyond.any().item()? != 0.0 {
        // Finite numbers may have a length beyond their range. A part of them has not, and the same direction.
        let part = Tensor::full(length.shape(), PART, x.dtype())?.where_(&beyond, &length.ones_like())?;
        let x = x.mul(&part)?;
        return unit_of_length(&x, &x.vector_norm(2.0, -1, true)?);
    }
    unit_of_length(x, &length)
}

fn unit_of_length(x: &Tensor, length: &Tensor) -> Result<Tensor> {
    let short = Tensor::lt(&length.detach(), SHORT)?;
    if short.all().item()? != 0.0 {
        return short_unit(x);
    }
    if short.any().item()? == 0.0 {
        return long_unit(x, length);
    }
    let other = x.masked_fill(&short, 1.0)?;
    let long = long_unit(&other, &other.vector_norm(2.0, -1, true)?)?;
    short_unit(x)?.where_(&short, &long)
}

/// What is taken of a vector whose length is beyond the range: a power of two, so that nothing is rounded.
const PART: f64 = 1.0 / (1u64 << 32) as f64;

/// Below this length of a vector the constant is no longer small beside it.
const SHORT: f64 = 1.0 / 1024.0;

/// Of a long vector: its direction times `(1 + ε/Σx²)^(−½)`. What a direction has no share in, such as the slope along a
/// vector of one number, then cancels exactly, and what ε leaves of it keeps its digits. For this the factor is older than the
/// direction: its small part of the gradient is added last.
fn long_unit(x: &Tensor, length: &Tensor) -> Result<Tensor> {
    let factor = length.reciprocal().mul(EPSILON.sqrt())?.square().add(1.0)?.rsqrt();
    direction(x, length)?.mul(&factor)
}

/// `u = x/‖x‖` for rows of a length above 0.
fn direction(x: &Tensor, length: &Tensor) -> Result<Tensor> {
    Ok(x.detach().div(&length.detach())?.record(Direction, &[x]))
}

/// `∂x = (∂u − u·Σ ∂u·u)/‖x‖`
struct Direction;

impl Op for Direction {
    fn name(&self) -> &'static str {
        "Div"
    }

    fn keep(&self) -> Keep {
        Keep::Inputs
    }

    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| {
            let x = ctx.input(0)?;
            let length = x.vector_norm(2.0, -1, true)?;
            let u = direction(&x, &length)?;
            let along = u.mul(&grad.mul(&u)?.sum_dim(-1, true)?)?;
            grad.sub(&along)?.div(&length)
        })
    }
}

/// Of a short vector. The ε is one more element, so that the norm, which does not overflow, is of both.
fn short_unit(x: &Tensor) -> Result<Tensor> {
    let mut shape = x.shape().to_vec();
    if let Some(last) = shape.last_mut() {
        *last = 1;
    }
    let more = Tensor::full(shape, EPSILON.sqrt(), x.dtype())?;
    x.div(&cat(&[x, &more], -1)?.vector_norm(2.0, -1, true)?)
}

#[derive(Clone, Copy)]
struct Angle {
    margin: f64,
}

impl Pointwise<2> for Angle {
    const NAME: &'static str = "Add";
    const OWN_NODE: bool = false;
    #[inline(always)]
    fn value<R: Real>(self, [cosine, y]: [R; 2]) -> R {
        let apart = (cosine.clone() - self.margin).max_scalar(0.0);
        R::select(y.gt_scalar(0.0), -cosine + 1.0, apart)
    }
    #[inline(always)]
    fn slopes<R: Real>(self, [cosine, y]: [R; 2]) -> [R; 2] {
        let (one, zero) = (cosine.constant(1.0), cosine.constant(0.0));
        let apart = R::select(cosine.gt_scalar(self.margin), one.clone(), zero.clone());
        [R::select(y.gt_scalar(0.0), -one, apart), zero]
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let pair = || {
        vec![
            float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]),
            float64([[0.3, 1.3, 0.2], [-0.1, 0.6, -0.7]]),
        ]
    };
    vec![
        case(
            "CosineEmbeddingLoss",
            |x| CosineEmbeddingLoss::new().forward(&x[0], &x[1], &tensor([1.0, -1.0])),
            pair(),
        ),
        case(
            "CosineEmbeddingLoss, margin, none",
            |x| {
                let criterion = CosineEmbeddingLoss::new().margin(0.25).reduction(Reduction::None);
                criterion.forward(&x[0], &x[1], &tensor([-1.0, -1.0]))
            },
            pair(),
        ),
        case(
            "CosineEmbeddingLoss of one pair, sum",
            |x| {
                let criterion = CosineEmbeddingLoss::new().reduction(Reduction::Sum);
                criterion.forward(&x[0].select(0, 0)?, &x[1].select(0, 0)?, &tensor(1.0))
            },
            pair(),
        ),
        case(
            "CosineEmbeddingLoss of a zero vector",
            |x| {
                // In units of the smallest length, where the loss bends.
                let x = x[0].mul(1e-6)?;
                CosineEmbeddingLoss::new().forward(&x, &tensor([[1.0, 2.0]]).to(x.dtype()), &tensor([1.0]))
            },
            vec![float64([[0.0, 0.0]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::DType;

    /// Along a vector of one number nothing turns but what ε leaves: 10⁻¹²·x⁻³ for the vector that it is compared with 1.
    #[test]
    fn what_the_constant_leaves_has_all_digits() {
        for dtype in [DType::F32, DType::F64] {
            let x = tensor([0.3]).to(dtype).requires_grad();
            let y = tensor([1.0]).to(dtype);
            let loss = CosineEmbeddingLoss::new().forward(&x, &y, &tensor(1.0).to(dtype)).unwrap();
            let slope = tensor::grad_with(&[&loss], &[None], &[&x]).unwrap().remove(0);
            let x0 = x.item().unwrap();
            assert!((slope.item().unwrap() / (-EPSILON / x0.powi(3)) - 1.0).abs() < 1e-6, "{slope}");
            let second = tensor::grad(&slope.sum(), &[&x]).unwrap().remove(0);
            assert!((second.item().unwrap() / (3.0 * EPSILON / x0.powi(4)) - 1.0).abs() < 1e-6, "{second}");
        }
    }

    #[test]
    fn a_zero_vector_has_a_gradient_and_large_ones_do_not_overflow() {
        let x = tensor([[0.0, 0.0], [1e30, 0.0], [1e-30, 0.0]]).requires_grad();
        let y = tensor([[1.0, 1.0], [1e30, 1e30], [3.0, 4.0]]);
        let criterion = CosineEmbeddingLoss::new().reduction(Reduction::None);
        let loss = criterion.forward(&x, &y, &tensor([1.0; 3])).unwrap();
        let found = loss.to_vec::<f32>().unwrap();
        assert_eq!(found[0], 1.0);
        assert!((found[1] - 0.292_893_2).abs() < 1e-6 && (found[2] - 1.0).abs() < 1e-6, "{found:?}");
        loss.sum().backward().unwrap();
        let gradient = x.grad().unwrap().to_vec::<f32>().unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()) && gradient[0] < -1e5, "{gradient:?}");
    }
}

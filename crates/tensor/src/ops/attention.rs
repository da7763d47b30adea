//! Scaled dot-product attention: `softmax(Q·Kᵀ·scale + mask)·V`.

use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// What attention may look at, and how strongly.
#[derive(Clone, Copy, Debug, Default)]
pub struct Attention<'a> {
    /// Bools, `false` where nothing may be seen; or numbers that are added to the scores. Broadcast to `(…, l, s)`.
    pub mask: Option<&'a Tensor>,
    /// Whether query `i` sees keys 0 to `i` only.
    pub causal: bool,
    /// What scores are multiplied by; without it 1/√e.
    pub scale: Option<f64>,
}

impl Tensor {
    /// For each query of this `(…, l, e)` the mean of `value` `(…, s, v)`, weighted by how well `key` `(…, s, e)`
    /// agrees with it: `(…, l, v)`. A query that sees nothing gets zeros.
    ///
    /// # Errors
    /// If sizes or types do not fit, or there is a mask and `causal` besides.
    #[doc(alias = "torch.nn.functional.scaled_dot_product_attention")]
    #[track_caller]
    pub fn scaled_dot_product_attention(
        &self,
        key: &Tensor,
        value: &Tensor,
        attention: Attention<'_>,
    ) -> Result<Tensor> {
        const OP: &str = "scaled_dot_product_attention";
        let Attention { mask, causal, scale } = attention;
        if mask.is_some() && causal {
            return Err(Error::value(OP, "a mask and `causal` exclude each other; put both into the mask"));
        }
        if self.dim() < 2 || key.dim() < 2 || value.dim() < 2 {
            return Err(Error::shape(
                OP,
                format!(
                    "expected (…, l, e), (…, s, e) and (…, s, v), found shapes {:?}, {:?} and {:?}",
                    self.shape(),
                    key.shape(),
                    value.shape()
                ),
            ));
        }
        let (rows, columns) = (self.size(-2)?, key.size(-2)?);
        let scale = scale.unwrap_or_else(|| 1.0 / (self.shape()[self.dim() - 1] as f64).sqrt());
        // Before the product, half on either side: its terms stay small.
        let scores = (self * scale.abs().sqrt()).matmul(&(key * scale.abs().sqrt()).mt()?)?;
        let scores = if scale < 0.0 { -scores } else { scores };
        let causes = |i: usize| move |j: usize| j <= i;
        let triangle = Tensor::from_vec(
            (0..rows).flat_map(|i| (0..columns).map(causes(i))).collect::<Vec<bool>>(),
            [rows, columns],
        )?;
        let mask = if causal { Some(&triangle) } else { mask };
        let scores = match mask {
            None => scores,
            Some(mask) if mask.dtype() == DType::Bool => {
                scores.masked_fill(&mask.logical_not(), f64::NEG_INFINITY)?
            }
            Some(mask) => scores.add(mask)?,
        };
        if columns == 0 {
            return scores.matmul(value);
        }
        // Where all scores are −∞, softmax has no value, and the weights are 0.
        let blind = scores.detach().amax(-1, true)?.eq(f64::NEG_INFINITY)?;
        let weights = scores.masked_fill(&blind, 0.0)?.softmax(-1)?.masked_fill(&blind, 0.0)?;
        weights.matmul(value)
    }
}

/// The cases by which attention is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let q = || float64([[0.4, -1.3], [2.0, 0.1]]);
    let kv = || float64([[0.4, -1.3], [2.0, 0.1], [0.7, -0.9]]);
    let all = || vec![q(), kv(), kv().sin()];
    vec![
        case("attention", |x| x[0].scaled_dot_product_attention(&x[1], &x[2], Attention::default()), all()),
        case(
            "attention, causal",
            |x| {
                let causal = Attention { causal: true, scale: Some(0.3), ..Attention::default() };
                x[0].scaled_dot_product_attention(&x[1], &x[2], causal)
            },
            all(),
        ),
        case(
            "attention with a mask",
            |x| {
                let masked = Attention { mask: Some(&x[3]), ..Attention::default() };
                x[0].scaled_dot_product_attention(&x[1], &x[2], masked)
            },
            vec![q(), kv(), kv().sin(), float64([0.3, -0.2, 0.5])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::Attention;
    use crate::{ones, tensor, zeros};

    #[test]
    fn a_query_that_sees_nothing_gets_zeros_and_no_gradient() {
        let (q, k) = (ones([2, 3]).unwrap().requires_grad(), ones([2, 3]).unwrap());
        let mask = tensor([[true, true], [false, false]]);
        let masked = Attention { mask: Some(&mask), ..Attention::default() };
        let y = q.scaled_dot_product_attention(&k, &k, masked).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        y.sum().backward().unwrap();
        assert_eq!(q.grad().unwrap().to_vec::<f32>().unwrap(), [0.0; 6]);
    }

    #[test]
    fn nothing_to_see_and_too_many_rules() {
        let (q, none) = (ones([2, 3]).unwrap(), zeros([0, 3]).unwrap());
        let y = q.scaled_dot_product_attention(&none, &none, Attention::default()).unwrap();
        assert_eq!(y.to_vec::<f32>().unwrap(), [0.0; 6]);
        let both = Attention { mask: Some(&q), causal: true, ..Attention::default() };
        assert!(q.scaled_dot_product_attention(&q, &q, both).is_err());
    }
}

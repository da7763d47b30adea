//! How alike two tensors are, row by row.
//!
//! ```
//! use nn::{CosineSimilarity, PairwiseDistance};
//! use tensor::tensor;
//! let (a, b) = (tensor([[3.0, 4.0]]), tensor([[4.0, 3.0]]));
//! assert_eq!(CosineSimilarity::new().forward(&a, &b)?.to_string(), "tensor([0.9600])");
//! assert_eq!(PairwiseDistance::new().eps(0.0).forward(&a, &b)?.to_string(), "tensor([1.4142])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{no_parts, printed};
use crate::summary::seen;
use tensor::{Result, Tensor};

/// `x₁·x₂/max(‖x₁‖·‖x₂‖, eps)` along a dimension.
#[doc(alias = "torch.nn.CosineSimilarity")]
#[derive(Clone, Copy)]
pub struct CosineSimilarity {
    dim: isize,
    eps: f64,
}

impl CosineSimilarity {
    /// With `dim = 1` and `eps = 1e-8`.
    pub fn new() -> Self {
        CosineSimilarity { dim: 1, eps: 1e-8 }
    }

    /// The dimension of the vectors that are compared.
    #[must_use]
    pub fn dim(self, dim: isize) -> Self {
        CosineSimilarity { dim, ..self }
    }

    /// The smallest length that counts.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        CosineSimilarity { eps, ..self }
    }

    /// The similarity of each pair of vectors.
    ///
    /// # Errors
    /// If shapes cannot be broadcast together, or there is no such dimension.
    #[track_caller]
    pub fn forward(&self, x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
        seen(self, x1.cosine_similarity(x2, self.dim, self.eps))
    }
}

impl Default for CosineSimilarity {
    fn default() -> Self {
        Self::new()
    }
}

/// `‖x₁ − x₂ + eps‖` of the p-norm, along the last dimension.
#[doc(alias = "torch.nn.PairwiseDistance")]
#[derive(Clone, Copy)]
pub struct PairwiseDistance {
    p: f64,
    eps: f64,
    keepdim: bool,
}

impl PairwiseDistance {
    /// With `p = 2` and `eps = 1e-6`.
    pub fn new() -> Self {
        PairwiseDistance { p: 2.0, eps: 1e-6, keepdim: false }
    }

    /// Which norm.
    #[must_use]
    pub fn p(self, p: f64) -> Self {
        PairwiseDistance { p, ..self }
    }

    /// What is added to each difference.
    #[must_use]
    pub fn eps(self, eps: f64) -> Self {
        PairwiseDistance { eps, ..self }
    }

    /// Whether the last dimension stays, with size 1.
    #[must_use]
    pub fn keepdim(self, keepdim: bool) -> Self {
        PairwiseDistance { keepdim, ..self }
    }

    /// The distance of each pair of vectors.
    ///
    /// # Errors
    /// If shapes cannot be broadcast together.
    #[track_caller]
    pub fn forward(&self, x1: &Tensor, x2: &Tensor) -> Result<Tensor> {
        seen(self, x1.pairwise_distance(x2, self.p, self.eps, self.keepdim))
    }
}

impl Default for PairwiseDistance {
    fn default() -> Self {
        Self::new()
    }
}

no_parts!(CosineSimilarity PairwiseDistance);
printed!(CosineSimilarity PairwiseDistance);

//! Local response normalisation.

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Result, Tensor};

/// Each element of `(N, C, …)` divided by `(k + alpha·m)^beta`, where m is the mean of the squares of `size` channels.
/// Source: A. Krizhevsky, I. Sutskever, G. Hinton, NIPS 2012.
///
/// ```
/// use nn::LocalResponseNorm;
/// assert_eq!(
///     LocalResponseNorm::new(5).to_string(),
///     "LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=1.0)"
/// );
/// ```
#[doc(alias = "torch.nn.LocalResponseNorm")]
#[derive(Clone, Copy)]
pub struct LocalResponseNorm {
    size: usize,
    alpha: f64,
    beta: f64,
    k: f64,
}

impl LocalResponseNorm {
    /// With `alpha = 1e-4`, `beta = 0.75` and `k = 1`.
    pub fn new(size: usize) -> Self {
        LocalResponseNorm { size, alpha: 1e-4, beta: 0.75, k: 1.0 }
    }

    /// The factor of the mean.
    #[must_use]
    pub fn alpha(self, alpha: f64) -> Self {
        LocalResponseNorm { alpha, ..self }
    }

    /// The exponent.
    #[must_use]
    pub fn beta(self, beta: f64) -> Self {
        LocalResponseNorm { beta, ..self }
    }

    /// What is added to the mean.
    #[must_use]
    pub fn k(self, k: f64) -> Self {
        LocalResponseNorm { k, ..self }
    }
}

impl Module for LocalResponseNorm {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn extra_repr(&self) -> String {
        let [alpha, beta, k] = [self.alpha, self.beta, self.k].map(python::float);
        format!("{}, alpha={alpha}, beta={beta}, k={k}", self.size)
    }
}

impl Layer for LocalResponseNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, input.local_response_norm(self.size, self.alpha, self.beta, self.k))
    }
}

printed!(LocalResponseNorm);

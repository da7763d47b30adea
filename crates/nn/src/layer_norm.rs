//! Layer normalisation, with or without a mean.

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Parameter, Result, Tensor, ones, zeros};

/// The last dimensions, of sizes `normalized_shape`, to mean 0 and variance 1, then times `weight` plus `bias`.
/// Source: J. L. Ba, J. R. Kiros, G. E. Hinton, arXiv:1607.06450.
///
/// ```
/// use nn::{Layer, LayerNorm};
/// use tensor::rand;
/// let layer = LayerNorm::new([16]);
/// assert_eq!(layer.to_string(), "LayerNorm((16,), eps=1e-05, elementwise_affine=True, bias=True)");
/// assert_eq!(layer.forward(&rand([2, 5, 16])?)?.shape(), [2, 5, 16]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.LayerNorm")]
pub struct LayerNorm {
    /// Of shape `normalized_shape`, ones to begin with.
    pub weight: Option<Parameter>,
    /// Of shape `normalized_shape`, zeros to begin with.
    pub bias: Option<Parameter>,
    normalized_shape: Vec<usize>,
    eps: f64,
}

impl LayerNorm {
    /// With `eps = 1e-5`, a weight and a bias.
    #[track_caller]
    pub fn new(normalized_shape: impl IntoIterator<Item = usize>) -> Self {
        let normalized_shape: Vec<usize> = normalized_shape.into_iter().collect();
        let layer = LayerNorm { weight: None, bias: None, normalized_shape, eps: 1e-5 };
        layer.elementwise_affine(true)
    }

    /// What is added to the variance.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias.
    #[track_caller]
    #[must_use]
    pub fn elementwise_affine(mut self, affine: bool) -> Self {
        let shape = self.normalized_shape.as_slice();
        self.weight = affine.then(|| ones(shape).ok()).flatten().map(|t| Parameter::new(&t));
        self.bias(affine)
    }

    /// Whether there is a bias beside the weight.
    #[track_caller]
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        let bias = bias && self.weight.is_some();
        let shape = self.normalized_shape.as_slice();
        self.bias = bias.then(|| zeros(shape).ok()).flatten().map(|t| Parameter::new(&t));
        self
    }
}

impl Module for LayerNorm {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }
    fn extra_repr(&self) -> String {
        format!(
            "{}, eps={}, elementwise_affine={}, bias={}",
            python::tuple(&self.normalized_shape),
            python::float(self.eps),
            python::flag(self.weight.is_some()),
            python::flag(self.bias.is_some())
        )
    }
}

impl Layer for LayerNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let [weight, bias] = [&self.weight, &self.bias].map(|p| p.as_ref().map(Parameter::tensor));
        let shape = self.normalized_shape.as_slice();
        seen(self, input.layer_norm(shape, weight.as_ref(), bias.as_ref(), self.eps))
    }
}

/// The last dimensions, of sizes `normalized_shape`, divided by the root of their mean square, then times `weight`.
/// Source: B. Zhang, R. Sennrich, arXiv:1910.07467.
///
/// ```
/// use nn::{Layer, RMSNorm};
/// use tensor::tensor;
/// let layer = RMSNorm::new([2]);
/// assert_eq!(layer.to_string(), "RMSNorm((2,), eps=None, elementwise_affine=True)");
/// assert_eq!(layer.forward(&tensor([[1.0, 7.0]]))?.detach().to_string(), "tensor([[0.2000, 1.4000]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.RMSNorm")]
pub struct RMSNorm {
    /// Of shape `normalized_shape`, ones to begin with.
    pub weight: Option<Parameter>,
    normalized_shape: Vec<usize>,
    eps: Option<f64>,
}

impl RMSNorm {
    /// With a weight, and the smallest step from 1 of the input's type as `eps`.
    #[track_caller]
    pub fn new(normalized_shape: impl IntoIterator<Item = usize>) -> Self {
        let layer =
            RMSNorm { weight: None, normalized_shape: normalized_shape.into_iter().collect(), eps: None };
        layer.elementwise_affine(true)
    }

    /// What is added to the mean square.
    #[must_use]
    pub fn eps(mut self, eps: impl Into<Option<f64>>) -> Self {
        self.eps = eps.into();
        self
    }

    /// Whether there is a weight.
    #[track_caller]
    #[must_use]
    pub fn elementwise_affine(mut self, affine: bool) -> Self {
        let shape = self.normalized_shape.as_slice();
        self.weight = affine.then(|| ones(shape).ok()).flatten().map(|t| Parameter::new(&t));
        self
    }
}

impl Module for RMSNorm {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
    }
    fn extra_repr(&self) -> String {
        format!(
            "{}, eps={}, elementwise_affine={}",
            python::tuple(&self.normalized_shape),
            self.eps.map_or("None".into(), python::float),
            python::flag(self.weight.is_some())
        )
    }
}

impl Layer for RMSNorm {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let weight = self.weight.as_ref().map(Parameter::tensor);
        seen(self, input.rms_norm(self.normalized_shape.as_slice(), weight.as_ref(), self.eps))
    }
}

printed!(LayerNorm RMSNorm);

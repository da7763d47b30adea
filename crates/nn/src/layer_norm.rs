//! Layer normalisation.

use crate::module::{Layer, Module, printed};
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
        let shape = match self.normalized_shape.as_slice() {
            [one] => format!("({one},)"),
            many => format!("({})", many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
        };
        let python = |flag: bool| if flag { "True" } else { "False" };
        format!(
            "{shape}, eps={}, elementwise_affine={}, bias={}",
            tensor::display::format_float(self.eps),
            python(self.weight.is_some()),
            python(self.bias.is_some())
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

printed!(LayerNorm);

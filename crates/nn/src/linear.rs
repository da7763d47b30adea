//! The affine map `y = x·Wᵀ + b`.

use crate::init;
use crate::module::{Layer, Module, printed};
use crate::summary::seen;
use tensor::random::Draft;
use tensor::{Error, Parameter, Result, Tensor};

/// `y = x·Wᵀ + b` along the last dimension: `(…, in_features)` → `(…, out_features)`.
///
/// Weight `(out_features, in_features)` and bias `(out_features)` begin evenly distributed in ±1/√in_features, with the
/// numbers that PyTorch draws.
///
/// ```
/// use nn::{Layer, Linear};
/// use tensor::{manual_seed, rand};
/// manual_seed(0);
/// let layer = Linear::new(10, 1);
/// assert_eq!(layer.to_string(), "Linear(in_features=10, out_features=1, bias=True)");
/// assert_eq!(layer.forward(&rand([32, 10])?)?.shape(), [32, 1]);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.Linear")]
pub struct Linear {
    /// `(out_features, in_features)`
    pub weight: Parameter,
    /// `(out_features)`
    pub bias: Option<Parameter>,
    in_features: usize,
    out_features: usize,
    draft: Draft,
}

impl Linear {
    /// With a bias.
    #[track_caller]
    pub fn new(in_features: usize, out_features: usize) -> Self {
        let ((weight, bias), draft) = Draft::new(|| draw(in_features, out_features, true));
        Linear { weight, bias, in_features, out_features, draft }
    }

    /// With or without a bias. Set right after `new`, as here, it draws what PyTorch draws:
    /// `Linear::new(10, 1).bias(false)`.
    #[track_caller]
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        let draw = || draw(self.in_features, self.out_features, bias);
        ((self.weight, self.bias), self.draft) = self.draft.again(draw);
        self
    }
}

#[track_caller]
fn draw(in_features: usize, out_features: usize, bias: bool) -> (Parameter, Option<Parameter>) {
    let weight = init::kaiming_parameter(&[out_features, in_features]);
    (weight, bias.then(|| init::fan_in_parameter(&[out_features], in_features)))
}

impl Module for Linear {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }
    fn extra_repr(&self) -> String {
        let bias = crate::python::flag(self.bias.is_some());
        format!("in_features={}, out_features={}, bias={bias}", self.in_features, self.out_features)
    }
}

impl Layer for Linear {
    #[track_caller]
    #[inline]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, self.by(&self.weight.tensor(), input))
    }
}

impl Linear {
    /// The output with this weight.
    #[track_caller]
    #[inline]
    pub(crate) fn by(&self, weight: &Tensor, input: &Tensor) -> Result<Tensor> {
        if input.shape().last() != Some(&self.in_features) {
            return Err(self.misfit(input));
        }
        let bias = self.bias.as_ref().map(Parameter::tensor);
        input.linear(weight, bias.as_ref())
    }

    #[cold]
    #[track_caller]
    fn misfit(&self, input: &Tensor) -> Error {
        Error::shape(
            "Linear",
            format!(
                "input of shape {:?} for {self}: its last dimension should be in_features, {}",
                input.shape(),
                self.in_features
            ),
        )
    }
}

printed!(Linear);

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, rand, tensor, zeros};

    #[test]
    fn without_a_bias_none_is_drawn() {
        manual_seed(1);
        let layer = Linear::new(4, 3).bias(false);
        assert_eq!(layer.parameters().len(), 1);
        let next = rand([1]).unwrap();
        manual_seed(1);
        let with = Linear::new(4, 3);
        assert!(with.weight.tensor().equal(&layer.weight.tensor()));
        manual_seed(1);
        rand([12]).unwrap();
        assert!(next.equal(&rand([1]).unwrap()));
    }

    #[test]
    fn a_wrong_input_is_named() {
        let error = Linear::new(10, 1).forward(&zeros([2, 9]).unwrap()).unwrap_err().to_string();
        assert!(error.contains("[2, 9]") && error.contains("in_features=10"), "{error}");
    }

    #[test]
    fn without_outputs_the_gradient_is_zero() {
        let layer = Linear::new(2, 0);
        let x = tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).requires_grad();
        let y = layer.forward(&x).unwrap();
        assert_eq!(y.shape(), [3, 0]);
        y.sum().backward().unwrap();
        assert!(x.grad().unwrap().equal(&zeros([3, 2]).unwrap()));
        assert_eq!(layer.weight.tensor().grad().unwrap().shape(), [0, 2]);
    }

    #[test]
    fn sizes_beyond_the_machine_are_an_error_at_first_use() {
        let layer = Linear::new(4, 1 << 60);
        let input = zeros([4]).unwrap();
        assert!(layer.forward(&input).unwrap_err().to_string().contains("linear"));
    }
}

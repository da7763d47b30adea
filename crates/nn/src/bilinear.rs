//! The bilinear map `y_k = x₁ᵀ·A_k·x₂ + b_k`.

use crate::init;
use crate::module::{Module, printed};
use tensor::random::Draft;
use tensor::{Error, Parameter, Result, Tensor};

/// `y_k = x₁ᵀ·A_k·x₂ + b_k`: `(…, in1_features)` and `(…, in2_features)` → `(…, out_features)`.
///
/// Weight `(out_features, in1_features, in2_features)` and bias begin evenly distributed in ±1/√in1_features.
#[doc(alias = "torch.nn.Bilinear")]
pub struct Bilinear {
    /// `(out_features, in1_features, in2_features)`
    pub weight: Parameter,
    /// `(out_features)`
    pub bias: Option<Parameter>,
    sizes: [usize; 3],
    draft: Draft,
}

impl Bilinear {
    /// With a bias.
    #[track_caller]
    pub fn new(in1_features: usize, in2_features: usize, out_features: usize) -> Self {
        let sizes = [out_features, in1_features, in2_features];
        let ((weight, bias), draft) = Draft::new(|| draw(sizes, true));
        Bilinear { weight, bias, sizes, draft }
    }

    /// With or without a bias.
    #[track_caller]
    #[must_use]
    pub fn bias(mut self, bias: bool) -> Self {
        ((self.weight, self.bias), self.draft) = self.draft.again(|| draw(self.sizes, bias));
        self
    }

    /// The output for a pair of inputs.
    ///
    /// # Errors
    /// If the last dimensions are not `in1_features` and `in2_features`, or the others differ.
    #[track_caller]
    pub fn forward(&self, input1: &Tensor, input2: &Tensor) -> Result<Tensor> {
        let [_, in1, in2] = self.sizes;
        let (Some((&a, rest1)), Some((&b, rest2))) =
            (input1.shape().split_last(), input2.shape().split_last())
        else {
            return Err(Error::shape("Bilinear", "inputs have at least one dimension, found a scalar"));
        };
        if (a, b) != (in1, in2) || rest1 != rest2 {
            return Err(Error::shape(
                "Bilinear",
                format!("inputs of shapes {:?} and {:?} for {self}", input1.shape(), input2.shape()),
            ));
        }
        let bias = self.bias.as_ref().map(Parameter::tensor);
        input1.bilinear(input2, &self.weight.tensor(), bias.as_ref())
    }
}

#[track_caller]
fn draw(sizes: [usize; 3], bias: bool) -> (Parameter, Option<Parameter>) {
    let weight = init::fan_in_parameter(&sizes, sizes[1]);
    (weight, bias.then(|| init::fan_in_parameter(&sizes[..1], sizes[1])))
}

impl Module for Bilinear {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("weight", &self.weight);
        visit("bias", &self.bias);
    }
    fn extra_repr(&self) -> String {
        let [out, in1, in2] = self.sizes;
        let bias = crate::python::flag(self.bias.is_some());
        format!("in1_features={in1}, in2_features={in2}, out_features={out}, bias={bias}")
    }
}

printed!(Bilinear);

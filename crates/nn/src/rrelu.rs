//! A rectifier whose slope below zero is drawn anew for each element.

use crate::module::{Layer, Module, TrainMode, printed};
use crate::python;
use crate::summary::seen;
use tensor::random::with_default;
use tensor::{DType, Error, Result, Tensor};

/// `x` above 0, `a·x` below: in training with a random `a` between `lower` and `upper` for each element, in evaluation
/// with their middle. The slopes are PyTorch's for the same seed. Source: B. Xu et al., arXiv:1505.00853.
///
/// ```
/// use nn::{Layer, Module, RReLU};
/// use tensor::tensor;
/// let layer = RReLU::new().lower(0.1).upper(0.3);
/// layer.eval();
/// assert_eq!(layer.forward(&tensor([-1.0, 2.0]))?.to_string(), "tensor([-0.2000,  2.0000])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.RReLU")]
pub struct RReLU {
    lower: f64,
    upper: f64,
    mode: TrainMode,
}

impl RReLU {
    /// With slopes between 1/8 and 1/3.
    pub fn new() -> Self {
        RReLU { lower: 1.0 / 8.0, upper: 1.0 / 3.0, mode: TrainMode::new() }
    }

    /// The least slope.
    #[must_use]
    pub fn lower(mut self, lower: f64) -> Self {
        self.lower = lower;
        self
    }

    /// The greatest slope.
    #[must_use]
    pub fn upper(mut self, upper: f64) -> Self {
        self.upper = upper;
        self
    }

    #[track_caller]
    fn apply(&self, input: &Tensor) -> Result<Tensor> {
        if !(self.lower <= self.upper && (self.upper - self.lower).is_finite()) {
            let message = format!("lower {} should not be above upper {}", self.lower, self.upper);
            return Err(Error::value("RReLU", message));
        }
        if !input.dtype().is_float() {
            return Err(Error::not_float("RReLU", input.dtype()));
        }
        if !self.mode.is_training() {
            return input.rrelu(self.lower, self.upper);
        }
        // A number is drawn for each element that is not positive, in their order.
        let values = input.detach().to(DType::F64);
        let values = values.elements::<f64>()?;
        let slopes = with_default(|generator| {
            let slope = |&x: &f64| match x <= 0.0 {
                true => generator.uniform_f64() * (self.upper - self.lower) + self.lower,
                false => 1.0,
            };
            values.iter().map(slope).collect::<Vec<f64>>()
        });
        input.mul(&Tensor::from_vec(slopes, input.shape())?.to(input.dtype()))
    }
}

impl Default for RReLU {
    fn default() -> Self {
        Self::new()
    }
}

impl Module for RReLU {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("mode", &self.mode);
    }
    fn extra_repr(&self) -> String {
        format!("lower={}, upper={}", python::float(self.lower), python::float(self.upper))
    }
}

impl Layer for RReLU {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        seen(self, self.apply(input))
    }
}

printed!(RReLU);

#[cfg(test)]
mod tests {
    use super::RReLU;
    use crate::Layer;
    use tensor::{manual_seed, tensor};

    #[test]
    fn the_same_seed_gives_the_slopes_of_pytorch() {
        manual_seed(0);
        let y = RReLU::new().forward(&tensor([-1.0, 2.0, -3.0, 0.0, -0.5])).unwrap();
        assert_eq!(y.to_string(), "tensor([-0.3271,  2.0000, -0.8174,  0.0000, -0.1584])");
        assert!(RReLU::new().lower(0.5).forward(&y).is_err());
    }
}

//! A moving average of weights: smoother than the weights themselves, and what one keeps of generative models.

use crate::bounds::within;
use tensor::{Error, Parameter, Result, StateDict, Tensor, no_grad};

/// `a ← d·a + (1 − d)·w` for each parameter, after each step of the optimizer.
///
/// ```
/// use optim::ExponentialMovingAverage;
/// use tensor::{Parameter, tensor};
/// let w = Parameter::new(&tensor([1.0]));
/// let mut average = ExponentialMovingAverage::new([w.clone()], 0.75)?;
/// w.set(&tensor([5.0]))?;
/// average.update()?;
/// // The weights are the averages while the function runs.
/// let (during, after) = (average.apply(|| Ok(w.tensor().item()?))?, w.tensor().item()?);
/// assert_eq!((during, after), (2.0, 5.0));
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.swa_utils.AveragedModel")]
#[doc(alias = "get_ema_multi_avg_fn")]
#[derive(Debug)]
pub struct ExponentialMovingAverage {
    parameters: Vec<Parameter>,
    averages: Vec<Tensor>,
    decay: f64,
    num_updates: i64,
}

impl ExponentialMovingAverage {
    /// Of these parameters, from their values now; `decay` is near 1: 0.999.
    ///
    /// # Errors
    /// If the decay is not between 0 and 1.
    #[track_caller]
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, decay: f64) -> Result<Self> {
        within("ExponentialMovingAverage", "decay", decay, 0.0..=1.0)?;
        let parameters: Vec<Parameter> = parameters.into_iter().collect();
        let averages = parameters.iter().map(|p| p.tensor().detach()).collect();
        Ok(ExponentialMovingAverage { parameters, averages, decay, num_updates: 0 })
    }

    /// Moves the averages towards the weights.
    ///
    /// # Errors
    /// If a parameter has changed its type or shape.
    #[track_caller]
    pub fn update(&mut self) -> Result<()> {
        self.num_updates += 1;
        let weights: Vec<Tensor> = self.parameters.iter().map(|p| p.tensor().detach()).collect();
        let moved = self.averages.iter().zip(&weights).map(|(a, w)| no_grad(|| w.lerp(a, self.decay)));
        self.averages = moved.collect::<Result<_>>()?;
        Ok(())
    }

    /// The averages, in the order of the parameters.
    pub fn averages(&self) -> &[Tensor] {
        &self.averages
    }

    /// What `f` gives while the weights are the averages. Afterwards they are what they were.
    ///
    /// # Errors
    /// That of `f`.
    #[track_caller]
    pub fn apply<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let weights: Vec<Tensor> = self.parameters.iter().map(|p| p.tensor().detach()).collect();
        let result = self.put(&self.averages).and_then(|()| f());
        self.put(&weights)?;
        result
    }

    fn put(&self, values: &[Tensor]) -> Result<()> {
        self.parameters.iter().zip(values).try_for_each(|(p, value)| p.set(value))
    }

    /// The averages by the numbers of the parameters.
    pub fn state_dict(&self) -> StateDict {
        let numbered = self.averages.iter().enumerate().map(|(i, a)| (i.to_string(), a.clone()));
        let mut dict: StateDict = numbered.collect();
        dict.insert("num_updates", Tensor::scalar(self.num_updates, tensor::DType::I64));
        dict
    }

    /// Goes on from such a dictionary.
    ///
    /// # Errors
    /// If an average is missing or has another shape or type than its parameter; then nothing has changed.
    #[track_caller]
    pub fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        let op = "ExponentialMovingAverage";
        let mut averages = Vec::with_capacity(self.averages.len());
        for (i, old) in self.averages.iter().enumerate() {
            match dict.get(&i.to_string()) {
                Some(new) if new.shape() == old.shape() && new.dtype() == old.dtype() => {
                    averages.push(new.detach());
                }
                found => {
                    let found = found
                        .map_or("nothing".to_owned(), |new| format!("{} {:?}", new.dtype(), new.shape()));
                    let (dtype, shape) = (old.dtype(), old.shape());
                    return Err(Error::state(
                        op,
                        format!("expected {dtype} {shape:?} under \"{i}\", found {found}"),
                    ));
                }
            }
        }
        let Some(count) = dict.get("num_updates") else {
            return Err(Error::state(op, "num_updates is missing"));
        };
        self.num_updates = count.item()? as i64;
        self.averages = averages;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn an_average_goes_on_from_its_state() {
        let w = Parameter::new(&tensor([0.0, 8.0]));
        let mut first = ExponentialMovingAverage::new([w.clone()], 0.5).unwrap();
        w.set(&tensor([4.0, 0.0])).unwrap();
        first.update().unwrap();
        let mut second = ExponentialMovingAverage::new([w.clone()], 0.5).unwrap();
        second.load_state_dict(&first.state_dict()).unwrap();
        second.update().unwrap();
        assert_eq!(second.averages()[0].to_vec::<f32>().unwrap(), [3.0, 2.0]);
        assert!(second.load_state_dict(&StateDict::new()).unwrap_err().to_string().contains("found nothing"));
        assert!(ExponentialMovingAverage::new([w], 1.5).unwrap_err().to_string().contains("1.5"));
    }

    #[test]
    fn the_weights_come_back_after_an_error() {
        let w = Parameter::new(&tensor([1.0]));
        let average = ExponentialMovingAverage::new([w.clone()], 0.9).unwrap();
        w.set(&tensor([2.0])).unwrap();
        assert!(average.apply(|| w.tensor().matmul(&tensor([1.0, 2.0]))).is_err());
        assert_eq!(w.tensor().item().unwrap(), 2.0);
    }
}

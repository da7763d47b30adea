//! Layers one behind the other.

use crate::module::{Layer, Module, printed};
use crate::summary::seen;
use tensor::{AtCaller, Result, Tensor};

/// Layers one behind the other: the output of each is the input of the next. [`sequential!`](crate::sequential) makes it.
///
/// ```
/// use nn::{Layer, Linear, Sigmoid, sequential};
/// let model = sequential![Linear::new(10, 1), Sigmoid];
/// assert_eq!(
///     model.to_string(),
///     "Sequential(\n  (0): Linear(in_features=10, out_features=1, bias=True)\n  (1): Sigmoid()\n)"
/// );
/// ```
#[doc(alias = "torch.nn.Sequential")]
#[derive(Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// Without any layer yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more layer, named by its number.
    #[doc(alias = "append")]
    pub fn push(&mut self, layer: impl Layer + 'static) {
        self.push_named(self.layers.len().to_string(), layer);
    }

    /// One more layer with a name of its own, as of PyTorch's `Sequential(OrderedDict([...]))`.
    #[doc(alias = "add_module")]
    pub fn push_named(&mut self, name: impl Into<String>, layer: impl Layer + 'static) {
        self.layers.push((name.into(), Box::new(layer)));
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layers in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Layer> {
        self.layers.iter().map(|(_, layer)| &**layer)
    }

    /// Layer `i`.
    pub fn get(&self, i: usize) -> Option<&dyn Layer> {
        self.layers.get(i).map(|(_, layer)| &**layer)
    }
}

impl Module for Sequential {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        for (name, layer) in &self.layers {
            visit(name, layer);
        }
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let Some(((_, first), rest)) = self.layers.split_first() else {
            return seen(self, Ok(input.clone()));
        };
        let mut x = first.forward(input).at_caller()?;
        for (_, layer) in rest {
            x = layer.forward(&x).at_caller()?;
        }
        seen(self, Ok(x))
    }
}

printed!(Sequential);

/// A [`Sequential`] of these layers: `sequential![Linear::new(10, 1), Sigmoid]`; with names:
/// `sequential!["hidden" => Linear::new(10, 4), "output" => Linear::new(4, 1)]`.
#[macro_export]
macro_rules! sequential {
    ($($name:literal => $layer:expr),+ $(,)?) => {{
        let mut layers = $crate::Sequential::new();
        $(layers.push_named($name, $layer);)+
        layers
    }};
    ($($layer:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut layers = $crate::Sequential::new();
        $(layers.push($layer);)*
        layers
    }};
}

#[cfg(test)]
mod tests {
    use crate::{Linear, Module, ReLU};

    #[test]
    fn names_are_numbers_or_given() {
        let names = |m: &dyn Module| m.named_parameters().into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        let model = sequential![Linear::new(2, 2), ReLU, Linear::new(2, 1).bias(false)];
        assert_eq!(names(&model), ["0.weight", "0.bias", "2.weight"]);
        let model =
            sequential!["hidden" => Linear::new(2, 2), "inner" => sequential![ReLU, Linear::new(2, 1)]];
        assert_eq!(names(&model), ["hidden.weight", "hidden.bias", "inner.1.weight", "inner.1.bias"]);
    }
}

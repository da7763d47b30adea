//! Named tensors in order: what a model, an optimizer or a file holds.

use crate::error::{Error, Result};
use crate::tensor::Tensor;
use std::fmt;

/// Tensors by name, in the order in which they were put in.
///
/// ```
/// use tensor::{StateDict, tensor};
/// let mut dict = StateDict::new();
/// dict.insert("0.weight", tensor([[0.5]]));
/// assert_eq!(dict.names().collect::<Vec<_>>(), ["0.weight"]);
/// assert_eq!(dict.get("0.weight").unwrap().shape(), [1, 1]);
/// ```
#[doc(alias = "OrderedDict")]
#[derive(Clone, Default)]
pub struct StateDict(Vec<(String, Tensor)>);

impl StateDict {
    /// An empty dictionary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a tensor in, and returns the one that had this name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        let name = name.into();
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => Some(std::mem::replace(old, tensor)),
            None => {
                self.0.push((name, tensor));
                None
            }
        }
    }

    /// The tensor of this name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    /// Takes a tensor out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.remove(at).1)
    }

    /// Puts a whole dictionary in under a name, joined by a dot: a checkpoint is a dictionary of dictionaries.
    ///
    /// ```
    /// use tensor::{StateDict, tensor};
    /// let model: StateDict = [("0.weight", tensor([[0.5]]))].into_iter().collect();
    /// let mut checkpoint = StateDict::new();
    /// checkpoint.nest("model", model);
    /// checkpoint.insert("epoch", tensor(3));
    /// assert_eq!(checkpoint.names().collect::<Vec<_>>(), ["model.0.weight", "epoch"]);
    /// assert_eq!(checkpoint.nested("model")?.names().collect::<Vec<_>>(), ["0.weight"]);
    /// # Ok::<(), tensor::Error>(())
    /// ```
    pub fn nest(&mut self, name: &str, dict: StateDict) {
        // What has this name already goes: of two dictionaries with one name, the later one stays.
        let prefix = format!("{name}.");
        self.0.retain(|(n, _)| !n.starts_with(&prefix));
        self.0.extend(dict.0.into_iter().map(|(n, t)| (format!("{prefix}{n}"), t)));
    }

    /// The dictionary that was put in by [`nest`](StateDict::nest).
    ///
    /// # Errors
    /// If there is none of this name; the error says which there are.
    #[track_caller]
    pub fn nested(&self, name: &str) -> Result<StateDict> {
        let inside = |(n, t): &(String, Tensor)| {
            let rest = n.strip_prefix(name)?.strip_prefix('.')?;
            Some((rest.to_owned(), t.clone()))
        };
        let dict = StateDict(self.0.iter().filter_map(inside).collect());
        if dict.is_empty() {
            let mut outer: Vec<&str> = self.names().map(|n| n.split('.').next().unwrap_or(n)).collect();
            outer.dedup();
            return Err(Error::state("nested", format!("no {name}.…; there are {}", outer.join(", "))));
        }
        Ok(dict)
    }

    /// The names, in order.
    #[doc(alias = "keys")]
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(n, _)| n.as_str())
    }

    /// Names and tensors, in order.
    #[doc(alias = "items")]
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(n, t)| (n.as_str(), t))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>> FromIterator<(N, Tensor)> for StateDict {
    /// Of two tensors with one name, the later one stays.
    fn from_iter<I: IntoIterator<Item = (N, Tensor)>>(entries: I) -> Self {
        let mut dict = StateDict::new();
        let mut places = std::collections::HashMap::new();
        for (name, tensor) in entries {
            let name = name.into();
            match places.get(&name) {
                Some(&at) => dict.0[at] = (name, tensor),
                None => {
                    places.insert(name.clone(), dict.0.len());
                    dict.0.push((name, tensor));
                }
            }
        }
        dict
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A line for each tensor: its name, shape and type.
impl fmt::Debug for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.0.iter().map(|(n, t)| (n, format_args!("{:?} {}", t.shape(), t.dtype()).to_string())),
            )
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor;

    #[test]
    fn a_dictionary_in_a_dictionary() {
        let one = |name: &str, value: i64| -> StateDict { [(name, tensor(value))].into_iter().collect() };
        let mut dict = one("models", 1);
        dict.nest("model", one("old", 2));
        dict.nest("model", one("0.weight", 3));
        assert_eq!(dict.names().collect::<Vec<_>>(), ["models", "model.0.weight"]);
        assert_eq!(dict.nested("model").unwrap().get("0.weight").unwrap().item().unwrap(), 3.0);
        assert_eq!(dict.nested("model.0").unwrap().names().collect::<Vec<_>>(), ["weight"]);
        let error = dict.nested("optimizer").unwrap_err().to_string();
        assert!(error.contains("no optimizer.…; there are models, model"), "{error}");
    }
}

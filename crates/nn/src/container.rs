//! Modules by name, and parameters by number or name, for models that choose among them.
//!
//! A `Vec` of modules is PyTorch's `ModuleList`.
//!
//! ```
//! use nn::{Layer, Linear, ModuleDict, ReLU, Tanh};
//! use tensor::ones;
//! let mut heads: ModuleDict = ModuleDict::new();
//! heads.insert("relu", Box::new(ReLU));
//! heads.insert("linear", Box::new(Linear::new(2, 1)));
//! assert_eq!(heads["linear"].forward(&ones([4, 2])?)?.shape(), [4, 1]);
//! assert_eq!(heads.keys().collect::<Vec<_>>(), ["relu", "linear"]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use std::fmt;
use std::ops::{Deref, Index};
use tensor::Parameter;

/// Modules by name, in the order in which they came; of any layers, or of one type.
#[doc(alias = "torch.nn.ModuleDict")]
pub struct ModuleDict<M = Box<dyn Layer>> {
    modules: Vec<(String, M)>,
}

impl<M> ModuleDict<M> {
    /// Without any module yet.
    pub fn new() -> Self {
        ModuleDict { modules: vec![] }
    }

    /// Puts a module under a name; one that was there before comes out.
    pub fn insert(&mut self, name: impl Into<String>, module: M) -> Option<M> {
        insert(&mut self.modules, name.into(), module)
    }

    /// The module of this name.
    pub fn get(&self, name: &str) -> Option<&M> {
        get(&self.modules, name)
    }

    /// Takes a module out.
    #[doc(alias = "pop")]
    pub fn remove(&mut self, name: &str) -> Option<M> {
        let at = self.modules.iter().position(|(n, _)| n == name)?;
        Some(self.modules.remove(at).1)
    }

    /// The names.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|(name, _)| name.as_str())
    }

    /// The modules.
    pub fn values(&self) -> impl Iterator<Item = &M> {
        self.modules.iter().map(|(_, module)| module)
    }

    /// Names and modules.
    #[doc(alias = "items")]
    pub fn iter(&self) -> impl Iterator<Item = (&str, &M)> {
        self.modules.iter().map(|(name, module)| (name.as_str(), module))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }
}

fn insert<T>(list: &mut Vec<(String, T)>, name: String, value: T) -> Option<T> {
    match list.iter_mut().find(|(n, _)| *n == name) {
        Some((_, old)) => Some(std::mem::replace(old, value)),
        None => {
            list.push((name, value));
            None
        }
    }
}

fn get<'a, T>(list: &'a [(String, T)], name: &str) -> Option<&'a T> {
    list.iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

impl<M> Default for ModuleDict<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Into<String>, M> FromIterator<(S, M)> for ModuleDict<M> {
    fn from_iter<I: IntoIterator<Item = (S, M)>>(modules: I) -> Self {
        let mut dict = Self::new();
        modules.into_iter().for_each(|(name, module)| drop(dict.insert(name, module)));
        dict
    }
}

/// Panics without a module of this name, as a map does.
impl<M> Index<&str> for ModuleDict<M> {
    type Output = M;
    #[track_caller]
    fn index(&self, name: &str) -> &M {
        match self.get(name) {
            Some(module) => module,
            None => panic!(
                "ModuleDict: no module is called {name:?}; there are {:?}",
                self.keys().collect::<Vec<_>>()
            ),
        }
    }
}

impl<M: Module> Module for ModuleDict<M> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.modules.iter().for_each(|(name, module)| visit(name, module));
    }
}

impl<M: Module> fmt::Display for ModuleDict<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl<M: Module> fmt::Debug for ModuleDict<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// `  (name): Parameter containing: [kind of size 2x3]`, a line for each.
fn listed<'a>(
    parameters: impl Iterator<Item = (String, &'a Parameter)>,
    kind: impl Fn(&Parameter) -> String,
) -> String {
    let lines = parameters.map(|(name, p)| {
        let size = p.shape().iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        format!("  ({name}): Parameter containing: [{} of size {size}]", kind(p))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Parameters that are named by their numbers.
///
/// ```
/// use nn::{Module, ParameterList};
/// use tensor::{Parameter, ones};
/// let list: ParameterList = (1..=2).map(|n| Ok(Parameter::new(&ones(n)?))).collect::<tensor::Result<_>>()?;
/// assert_eq!(list.named_parameters()[1].0, "1");
/// assert_eq!(list[1].numel(), 2);
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.nn.ParameterList")]
#[derive(Default)]
pub struct ParameterList {
    parameters: Vec<Parameter>,
}

impl ParameterList {
    /// Without any parameter yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more parameter.
    #[doc(alias = "append")]
    pub fn push(&mut self, parameter: Parameter) {
        self.parameters.push(parameter);
    }
}

impl Deref for ParameterList {
    type Target = [Parameter];
    fn deref(&self) -> &[Parameter] {
        &self.parameters
    }
}

impl FromIterator<Parameter> for ParameterList {
    fn from_iter<I: IntoIterator<Item = Parameter>>(parameters: I) -> Self {
        ParameterList { parameters: parameters.into_iter().collect() }
    }
}

impl Module for ParameterList {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.parameters.iter().enumerate().for_each(|(i, p)| visit(&i.to_string(), p));
    }
    fn extra_repr(&self) -> String {
        let numbered = self.parameters.iter().enumerate().map(|(i, p)| (i.to_string(), p));
        listed(numbered, |p| p.dtype().to_string())
    }
}

/// Parameters by name, in the order in which they came.
#[doc(alias = "torch.nn.ParameterDict")]
#[derive(Default)]
pub struct ParameterDict {
    parameters: Vec<(String, Parameter)>,
}

impl ParameterDict {
    /// Without any parameter yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a parameter under a name; one that was there before comes out.
    pub fn insert(&mut self, name: impl Into<String>, parameter: Parameter) -> Option<Parameter> {
        insert(&mut self.parameters, name.into(), parameter)
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        get(&self.parameters, name)
    }

    /// Names and parameters.
    #[doc(alias = "items")]
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.parameters.iter().map(|(name, p)| (name.as_str(), p))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }
}

/// Panics without a parameter of this name, as a map does.
impl Index<&str> for ParameterDict {
    type Output = Parameter;
    #[track_caller]
    fn index(&self, name: &str) -> &Parameter {
        match self.get(name) {
            Some(parameter) => parameter,
            None => panic!(
                "ParameterDict: no parameter is called {name:?}; there are {:?}",
                self.iter().map(|(name, _)| name).collect::<Vec<_>>()
            ),
        }
    }
}

impl Module for ParameterDict {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.parameters.iter().for_each(|(name, p)| visit(name, p));
    }
    fn extra_repr(&self) -> String {
        let kind = |p: &Parameter| match p.dtype() {
            tensor::DType::F64 => "torch.DoubleTensor".to_string(),
            _ => "torch.FloatTensor".to_string(),
        };
        listed(self.parameters.iter().map(|(name, p)| (name.clone(), p)), kind)
    }
}

printed!(ParameterList ParameterDict);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, ReLU};
    use tensor::ones;

    #[test]
    fn names_are_those_of_the_entries() {
        let mut dict: ModuleDict<Linear> =
            [("a", Linear::new(1, 2)), ("b", Linear::new(2, 1))].into_iter().collect();
        assert!(dict.insert("a", Linear::new(3, 1)).is_some());
        let names: Vec<String> = dict.named_parameters().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.weight", "a.bias", "b.weight", "b.bias"]);
        assert_eq!(dict["a"].weight.shape().as_slice(), [1, 3]);
        assert!(dict.remove("c").is_none() && dict.remove("a").is_some());
        assert_eq!(dict.len(), 1);
        let mut any: ModuleDict = ModuleDict::new();
        any.insert("f", Box::new(ReLU));
        assert_eq!(any.to_string(), "ModuleDict(\n  (f): ReLU()\n)");
    }

    #[test]
    fn parameters_print_as_in_pytorch() {
        let p = || Parameter::new(&ones([2, 3]).unwrap());
        let list: ParameterList = [p(), p()].into_iter().collect();
        let line = |name, kind| format!("\n    ({name}): Parameter containing: [{kind} of size 2x3]");
        assert_eq!(
            list.to_string(),
            format!("ParameterList({}{}\n)", line("0", "float32"), line("1", "float32"))
        );
        let mut dict = ParameterDict::new();
        dict.insert("x", p());
        dict.insert("y", p());
        let kind = "torch.FloatTensor";
        assert_eq!(dict.to_string(), format!("ParameterDict({}{}\n)", line("x", kind), line("y", kind)));
    }
}

//! What a model is: a tree of named parts.
//!
//! A [`Module`] says which parts it has. Everything else follows from walking the tree: parameters by name, the state
//! dictionary, training and evaluation mode, the printed form.
//!
//! ```
//! use nn::{Layer, Linear, Module, Part};
//! use tensor::{Result, Tensor, rand};
//!
//! struct Net {
//!     hidden: Linear,
//!     output: Linear,
//! }
//!
//! impl Module for Net {
//!     fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
//!         visit("hidden", &self.hidden);
//!         visit("output", &self.output);
//!     }
//! }
//!
//! impl Layer for Net {
//!     fn forward(&self, x: &Tensor) -> Result<Tensor> {
//!         self.output.forward(&self.hidden.forward(x)?.relu())
//!     }
//! }
//!
//! let net = Net { hidden: Linear::new(10, 16), output: Linear::new(16, 1) };
//! assert_eq!(net.forward(&rand([4, 10])?)?.shape(), [4, 1]);
//! assert_eq!(net.num_parameters(), 10 * 16 + 16 + 16 + 1);
//! assert_eq!(net.named_parameters()[0].0, "hidden.weight");
//! # Ok::<(), tensor::Error>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use tensor::{DType, Error, Parameter, Result, StateDict, Tensor};

/// A part of a model.
#[derive(Clone, Copy)]
pub enum Part<'a> {
    /// Something that has parts of its own.
    Module,
    /// A tensor that is trained.
    Parameter(&'a Parameter),
    /// A tensor that belongs to the state but is not trained.
    Buffer(&'a Buffer),
    /// The switch between training and evaluation.
    TrainMode(&'a TrainMode),
    /// A part that this model was made without.
    Nothing,
}

/// A model, a layer, or a part of one. Only [`visit`](Module::visit) has to be written.
#[doc(alias = "torch.nn.Module")]
pub trait Module: Send + Sync {
    /// Hands over each part with the name of its field, in the order in which PyTorch's constructor makes them.
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module));

    /// What this part is. Types that are not a module of their own but a leaf of the tree answer differently.
    fn part(&self) -> Part<'_> {
        Part::Module
    }

    /// The class name that is printed.
    fn name(&self) -> Cow<'static, str> {
        let path = std::any::type_name::<Self>();
        let path = path.split('<').next().unwrap_or(path);
        path.rsplit("::").next().unwrap_or(path).into()
    }

    /// What stands in the brackets of the printed form, before the children.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// Where this module is, by which a summary finds it again. One without fields has no place of its own.
    #[doc(hidden)]
    fn place(&self) -> Option<usize> {
        (size_of_val(self) > 0).then(|| std::ptr::from_ref(self).cast::<()>().addr())
    }

    /// The printed form, as PyTorch has it.
    #[doc(alias = "__repr__")]
    fn repr(&self) -> String {
        let mut children = Vec::new();
        self.visit(&mut |name, part| {
            if let Part::Module = part.part() {
                children.push((name.to_string(), part.repr()));
            }
        });
        let extra = self.extra_repr();
        let mut lines: Vec<String> = extra.lines().map(str::to_string).collect();
        let one_line = lines.len() == 1 && children.is_empty();
        lines.extend(
            children.into_iter().map(|(name, repr)| format!("({name}): {}", repr.replace('\n', "\n  "))),
        );
        match lines.as_slice() {
            [] => format!("{}()", self.name()),
            [line] if one_line => format!("{}({line})", self.name()),
            lines => format!("{}(\n  {}\n)", self.name(), lines.join("\n  ")),
        }
    }

    /// The parameters with their names, such as `0.weight`; one that is used twice only once.
    fn named_parameters(&self) -> Vec<(String, Parameter)> {
        let mut found: Vec<(String, Parameter)> = Vec::new();
        walk(self, "", &mut |name, part| {
            if let Part::Parameter(p) = part
                && !found.iter().any(|(_, other)| other.is_same(p))
            {
                found.push((name.to_string(), p.clone()));
            }
        });
        found
    }

    /// The parameters: what an optimizer gets. They are handles; the model and the optimizer see the same values.
    fn parameters(&self) -> Vec<Parameter> {
        self.named_parameters().into_iter().map(|(_, p)| p).collect()
    }

    /// How many numbers are trained.
    fn num_parameters(&self) -> usize {
        self.parameters().iter().map(Parameter::numel).sum()
    }

    /// The buffers with their names.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        let mut found = Vec::new();
        walk(self, "", &mut |name, part| {
            if let Part::Buffer(b) = part {
                found.push((name.to_string(), b.clone()));
            }
        });
        found
    }

    /// The values of all parameters and buffers by name: a snapshot that later training does not change.
    fn state_dict(&self) -> StateDict {
        places(self).into_iter().map(|(name, place)| (name, place.tensor().detach())).collect()
    }

    /// Takes the values from a dictionary that has exactly the names of this model: all of them, or none.
    ///
    /// Floating point values are converted to the type of the parameter.
    ///
    /// # Errors
    /// If names are missing or unexpected, or shapes or types differ: all problems in one message.
    #[track_caller]
    fn load_state_dict(&self, dict: &StateDict) -> Result<()> {
        crate::state::load(&self.name(), &places(self), dict, true)
    }

    /// [`load_state_dict`](Module::load_state_dict) that leaves out what is on one side only.
    ///
    /// # Errors
    /// If shapes or types differ.
    #[doc(alias = "strict")]
    #[track_caller]
    fn load_state_dict_partially(&self, dict: &StateDict) -> Result<()> {
        crate::state::load(&self.name(), &places(self), dict, false)
    }

    /// Switches to training: dropout drops.
    fn train(&self) {
        self.set_training(true);
    }

    /// Switches to evaluation: dropout does nothing.
    fn eval(&self) {
        self.set_training(false);
    }

    /// Switches between training and evaluation.
    fn set_training(&self, on: bool) {
        walk(self, "", &mut |_, part| {
            if let Part::TrainMode(mode) = part {
                mode.set(on);
            }
        });
    }

    /// Freezes all parameters, or unfreezes them.
    #[doc(alias = "requires_grad_")]
    fn set_requires_grad(&self, on: bool) {
        self.parameters().iter().for_each(|p| p.set_requires_grad(on));
    }

    /// Forgets the gradients of all parameters.
    fn zero_grad(&self) {
        self.parameters().iter().for_each(Parameter::zero_grad);
    }

    /// Converts all parameters, and all floating point buffers, to another type.
    ///
    /// # Errors
    /// If the type is not floating point.
    #[doc(alias = "double")]
    #[track_caller]
    fn to(&self, dtype: DType) -> Result<()> {
        if !dtype.is_float() {
            return Err(Error::not_float("Module::to", dtype));
        }
        for (_, place) in places(self) {
            if place.dtype().is_float() && place.dtype() != dtype {
                place.to(dtype);
            }
        }
        Ok(())
    }
}

/// A module that maps one tensor to one tensor.
pub trait Layer: Module {
    /// The output for this input.
    ///
    /// # Errors
    /// If the input does not fit: the message names the layer, what was found and what would fit.
    fn forward(&self, input: &Tensor) -> Result<Tensor>;
}

/// Calls `found` for each leaf of the tree, with its full name.
fn walk(module: &(impl Module + ?Sized), prefix: &str, found: &mut dyn FnMut(&str, Part<'_>)) {
    module.visit(&mut |name, part| {
        let name = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        match part.part() {
            Part::Module => walk(part, &name, found),
            leaf => found(&name, leaf),
        }
    });
}

/// The parameters and buffers by name.
fn places(module: &(impl Module + ?Sized)) -> Vec<(String, Parameter)> {
    let mut found = Vec::new();
    walk(module, "", &mut |name, part| match part {
        Part::Parameter(p) => found.push((name.to_string(), p.clone())),
        Part::Buffer(b) => found.push((name.to_string(), b.0.clone())),
        _ => {}
    });
    found
}

/// A leaf: no parts of its own.
impl Module for Parameter {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn part(&self) -> Part<'_> {
        Part::Parameter(self)
    }
}

/// A tensor that belongs to the state of a model but is not trained, such as a running mean. Clones are the same place.
#[doc(alias = "register_buffer")]
#[derive(Clone)]
pub struct Buffer(Parameter);

impl Buffer {
    /// A place with a first value.
    #[track_caller]
    pub fn new(value: &Tensor) -> Self {
        let place = Parameter::new(value);
        place.set_requires_grad(false);
        Buffer(place)
    }

    /// Today's value.
    pub fn tensor(&self) -> Tensor {
        self.0.tensor()
    }

    /// Puts a new value here.
    ///
    /// # Errors
    /// If shape or type differ.
    #[track_caller]
    pub fn set(&self, value: &Tensor) -> Result<()> {
        self.0.set(value)
    }
}

impl Module for Buffer {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn part(&self) -> Part<'_> {
        Part::Buffer(self)
    }
}

/// The switch between training and evaluation, for layers that behave differently. It begins with training.
pub struct TrainMode(AtomicBool);

impl TrainMode {
    /// Training.
    pub fn new() -> Self {
        TrainMode(AtomicBool::new(true))
    }

    /// Whether the layer is being trained.
    pub fn is_training(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

impl Default for TrainMode {
    fn default() -> Self {
        TrainMode::new()
    }
}

impl Module for TrainMode {
    fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
    fn part(&self) -> Part<'_> {
        Part::TrainMode(self)
    }
}

/// Transparent: the module inside, or nothing.
impl<M: Module> Module for Option<M> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        if let Some(module) = self {
            module.visit(visit);
        }
    }
    fn part(&self) -> Part<'_> {
        self.as_ref().map_or(Part::Nothing, Module::part)
    }
    fn name(&self) -> Cow<'static, str> {
        self.as_ref().map_or("None".into(), Module::name)
    }
    fn extra_repr(&self) -> String {
        self.as_ref().map_or(String::new(), Module::extra_repr)
    }
    fn repr(&self) -> String {
        self.as_ref().map_or("None".into(), Module::repr)
    }
    fn place(&self) -> Option<usize> {
        self.as_ref().and_then(Module::place)
    }
}

/// Transparent: the module inside.
impl<M: Module + ?Sized> Module for Box<M> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        (**self).visit(visit);
    }
    fn part(&self) -> Part<'_> {
        (**self).part()
    }
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }
    fn extra_repr(&self) -> String {
        (**self).extra_repr()
    }
    fn repr(&self) -> String {
        (**self).repr()
    }
    fn place(&self) -> Option<usize> {
        (**self).place()
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        (**self).forward(input)
    }
}

/// PyTorch's `ModuleList`: the members are named by their numbers.
impl<M: Module> Module for Vec<M> {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        for (i, module) in self.iter().enumerate() {
            visit(&i.to_string(), module);
        }
    }
    fn name(&self) -> Cow<'static, str> {
        "ModuleList".into()
    }
    /// Neighbours that print alike share a line: `(0-1): 2 x Linear(…)`.
    fn repr(&self) -> String {
        let mut groups: Vec<(usize, usize, String)> = Vec::new();
        for (i, module) in self.iter().enumerate() {
            let repr = module.repr();
            match groups.last_mut() {
                Some((_, last, same)) if *same == repr => *last = i,
                _ => groups.push((i, i, repr)),
            }
        }
        if groups.is_empty() {
            return "ModuleList()".into();
        }
        let lines = groups.iter().map(|(first, last, repr)| {
            let repr = repr.replace('\n', "\n  ");
            match last - first + 1 {
                1 => format!("\n  ({first}): {repr}"),
                n => format!("\n  ({first}-{last}): {n} x {repr}"),
            }
        });
        format!("ModuleList({}\n)", lines.collect::<String>())
    }
}

impl fmt::Display for dyn Module + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

impl fmt::Display for dyn Layer + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr())
    }
}

/// `println!("{layer}")` prints what PyTorch prints.
macro_rules! printed {
    ($($layer:ident)*) => {$(
        impl std::fmt::Display for $layer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::Module::repr(self))
            }
        }
        impl std::fmt::Debug for $layer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&$crate::Module::repr(self))
            }
        }
    )*};
}

/// A layer without parameters.
macro_rules! no_parts {
    ($($layer:ident)*) => {$(
        impl $crate::Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn $crate::Module)) {}
        }
    )*};
}

pub(crate) use {no_parts, printed};

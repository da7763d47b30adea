//! What an optimizer or a schedule remembers, as named tensors: to be saved beside the model, and put back all or not at
//! all.
//!
//! The names are PyTorch's, joined by dots: `state.0.exp_avg`, `param_groups.0.lr`. A number is a float64 scalar.
//!
//! ```
//! use optim::{Adam, Optimizer};
//! use tensor::{Parameter, tensor};
//!
//! let w = Parameter::new(&tensor([1.0]));
//! let mut optimizer = Adam::new([w.clone()], 0.1);
//! w.tensor().sum().backward()?;
//! optimizer.step()?;
//! let dict = optimizer.state_dict();
//! assert_eq!(dict.get("state.0.step").unwrap().item()?, 1.0);
//! assert_eq!(dict.get("param_groups.0.lr").unwrap().item()?, 0.1);
//!
//! let mut later = Adam::new([w], 0.5);
//! later.load_state_dict(&dict)?;
//! assert_eq!(later.param_groups()[0].lr(), 0.1);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::group::{Group, Setting};
use std::collections::{HashMap, HashSet};
use tensor::{DType, Error, Result, StateDict, Tensor};

/// A number as it stands in a dictionary.
pub(crate) fn scalar(value: f64) -> Tensor {
    Tensor::scalar(value, DType::F64)
}

/// Numbers as they stand in a dictionary, in a shape that fits them.
pub(crate) fn array<T: tensor::Element>(values: &[T], shape: &[usize]) -> Option<Tensor> {
    Tensor::from_vec(values.to_vec(), shape).ok()
}

/// Reads a dictionary and notes all that is wrong with it.
pub(crate) struct Reader<'a> {
    op: &'static str,
    entries: HashMap<&'a str, &'a Tensor>,
    read: HashSet<&'a str>,
    missing: Vec<String>,
    problems: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(op: &'static str, dict: &'a StateDict) -> Self {
        let entries = dict.iter().collect();
        Reader { op, entries, read: HashSet::new(), missing: Vec::new(), problems: Vec::new() }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// The tensor of this name, if it is there and has the right shape.
    pub(crate) fn optional(&mut self, name: &str, shape: &[usize]) -> Option<&'a Tensor> {
        let (&name, &found) = self.entries.get_key_value(name)?;
        self.read.insert(name);
        if found.shape() == shape {
            return Some(found);
        }
        self.problems.push(format!(
            "size mismatch for {name}: the dictionary has shape {:?}, the optimizer {shape:?}.",
            found.shape()
        ));
        None
    }

    /// The same, in double precision.
    pub(crate) fn numbers(&mut self, name: &str, shape: &[usize]) -> Option<Vec<f64>> {
        self.optional(name, shape)?.detach().to(DType::F64).to_vec().ok()
    }

    /// Numbers that must be there.
    pub(crate) fn required(&mut self, name: &str, shape: &[usize]) -> Vec<f64> {
        if !self.has(name) {
            self.missing.push(format!("\"{name}\""));
        }
        self.numbers(name, shape).unwrap_or_default()
    }

    /// A number that must be there.
    pub(crate) fn number(&mut self, name: &str) -> f64 {
        self.required(name, &[]).first().copied().unwrap_or(f64::NAN)
    }

    /// The shape of what has this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.entries.get(name).map(|t| t.shape())
    }

    /// All problems in one error.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Result<()> {
        let mut unexpected: Vec<String> =
            self.entries.keys().filter(|n| !self.read.contains(*n)).map(|n| format!("\"{n}\"")).collect();
        unexpected.sort();
        for (what, names) in [("Missing", &self.missing), ("Unexpected", &unexpected)] {
            if !names.is_empty() {
                self.problems.push(format!("{what} key(s) in state_dict: {}.", names.join(", ")));
            }
        }
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(Error::state(self.op, format!("nothing was taken:\n\t{}", self.problems.join("\n\t"))))
    }
}

/// The options of the groups, and which parameters are in them.
pub(crate) fn write_groups(dict: &mut StateDict, groups: &[Group]) {
    let mut next = 0;
    for (i, group) in groups.iter().enumerate() {
        for (name, value) in group.settings() {
            dict.insert(format!("param_groups.{i}.{name}"), scalar(value));
        }
        if let Some(lr) = group.initial_lr() {
            dict.insert(format!("param_groups.{i}.initial_lr"), scalar(lr));
        }
        let members: Vec<i64> = (next..next + group.parameters().len() as i64).collect();
        next += members.len() as i64;
        if let Some(members) = array(&members, &[members.len()]) {
            dict.insert(format!("param_groups.{i}.params"), members);
        }
    }
}

/// What a dictionary says about the options of one group.
pub(crate) struct GroupOptions {
    settings: Vec<(&'static str, f64)>,
    initial_lr: Option<f64>,
}

impl GroupOptions {
    pub(crate) fn read(reader: &mut Reader<'_>, i: usize, group: &Group) -> Self {
        let settings = group.settings().into_iter();
        let settings =
            settings.map(|(name, _)| (name, reader.number(&format!("param_groups.{i}.{name}")))).collect();
        let initial_lr = reader.numbers(&format!("param_groups.{i}.initial_lr"), &[]).map(|x| x[0]);
        reader.required(&format!("param_groups.{i}.params"), &[group.parameters().len()]);
        GroupOptions { settings, initial_lr }
    }

    pub(crate) fn put(self, group: &Group) {
        for (name, value) in self.settings {
            group.find(name, |setting| setting.set(value));
        }
        group.set_initial_lr(self.initial_lr);
    }
}

/// Shows each number that is remembered, by its name.
pub(crate) type Progress<'a> = dyn FnMut(&mut dyn FnMut(&str, &mut dyn Setting)) + 'a;

/// The dictionary of what only remembers numbers.
pub(crate) fn of_progress(progress: &mut Progress<'_>) -> StateDict {
    let mut dict = StateDict::new();
    progress(&mut |name, setting| {
        dict.insert(name, scalar(setting.get()));
    });
    dict
}

/// Puts the numbers of such a dictionary back.
#[track_caller]
pub(crate) fn load_progress(dict: &StateDict, progress: &mut Progress<'_>) -> Result<()> {
    let mut reader = Reader::new("load_state_dict", dict);
    let mut found = Vec::new();
    progress(&mut |name, _| found.push(reader.number(name)));
    reader.finish()?;
    let mut found = found.into_iter();
    progress(&mut |_, setting| {
        if let Some(value) = found.next() {
            setting.set(value);
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::*;
    use tensor::{DType, Parameter, StateDict, Tensor, tensor};

    fn parameters() -> [Parameter; 2] {
        [Parameter::new(&tensor([[1.0, -2.0, 0.5], [0.3, 2.0, -1.0]])), Parameter::new(&tensor([0.5, 1.5]))]
    }

    fn train(optimizer: &mut dyn Optimizer, p: &[Parameter; 2], steps: usize) {
        for _ in 0..steps {
            let mut loss = || p[0].tensor().square().sum().add(&p[1].tensor().exp().sum());
            optimizer.step_with(&mut loss).unwrap();
        }
    }

    /// Five steps at once give the same numbers as three, a dictionary, and two more.
    fn goes_on(make: impl Fn(&[Parameter; 2]) -> Box<dyn Optimizer>) {
        let whole = parameters();
        train(make(&whole).as_mut(), &whole, 5);

        let parts = parameters();
        let mut first = make(&parts);
        train(first.as_mut(), &parts, 3);
        let mut second = make(&parts);
        second.load_state_dict(&first.state_dict()).unwrap();
        train(second.as_mut(), &parts, 2);
        for (a, b) in whole.iter().zip(&parts) {
            assert_eq!(a.tensor().to_vec::<f32>().unwrap(), b.tensor().to_vec::<f32>().unwrap());
        }
    }

    #[test]
    fn every_optimizer_goes_on_where_it_was() {
        goes_on(|p| Box::new(SGD::new(p.to_vec(), 0.1).momentum(0.9)));
        goes_on(|p| Box::new(Adam::new(p.to_vec(), 0.1).amsgrad(true)));
        goes_on(|p| Box::new(AdamW::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(RMSprop::new(p.to_vec(), 0.1).centered(true)));
        goes_on(|p| Box::new(Adagrad::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(Adadelta::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(Adamax::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(NAdam::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(RAdam::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(ASGD::new(p.to_vec(), 0.1).t0(1.0)));
        goes_on(|p| Box::new(Rprop::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(Adafactor::new(p.to_vec(), 0.1)));
        goes_on(|p| Box::new(LBFGS::new(p.to_vec(), 0.1).max_iter(2)));
        goes_on(|p| {
            Box::new(SGD::new([p[0].clone()], 0.1).param_group([p[1].clone()], |g| g.momentum = 0.5))
        });
    }

    #[test]
    fn the_names_are_those_of_pytorch() {
        let p = parameters();
        let mut optimizer = Adafactor::new(p.to_vec(), 0.1);
        train(&mut optimizer, &p, 1);
        let dict = optimizer.state_dict();
        let states: Vec<&str> = dict.names().filter(|n| n.starts_with("state")).collect();
        assert_eq!(
            states,
            ["state.0.step", "state.0.row_var", "state.0.col_var", "state.1.step", "state.1.variance"]
        );
        assert_eq!(dict.get("state.0.row_var").unwrap().shape(), [2, 1]);
        assert_eq!(dict.get("state.0.col_var").unwrap().shape(), [1, 3]);
        assert_eq!(dict.get("param_groups.0.params").unwrap().to_vec::<i64>().unwrap(), [0, 1]);
        assert!(dict.get("param_groups.0.eps.0").unwrap().item().unwrap().is_nan(), "None");
    }

    #[test]
    fn all_problems_come_in_one_error_and_nothing_is_taken() {
        let p = parameters();
        let mut optimizer = Adam::new(p.to_vec(), 0.1);
        train(&mut optimizer, &p, 1);
        let mut dict: StateDict =
            optimizer.state_dict().into_iter().filter(|(name, _)| name != "param_groups.0.eps").collect();
        dict.insert("param_groups.0.lr", Tensor::scalar(0.7, DType::F64));
        dict.insert("state.0.exp_avg", tensor([1.0, 2.0]));
        dict.insert("state.2.exp_avg", tensor([1.0]));
        let message = optimizer.load_state_dict(&dict).unwrap_err().to_string();
        for part in [
            "size mismatch for state.0.exp_avg: the dictionary has shape [2], the optimizer [2, 3]",
            "Missing key(s) in state_dict: \"param_groups.0.eps\"",
            "Unexpected key(s) in state_dict: \"state.2.exp_avg\"",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(optimizer.param_groups()[0].lr(), 0.1);
    }

    #[test]
    fn a_fresh_dictionary_makes_an_optimizer_fresh() {
        let p = parameters();
        let fresh = Adam::new(p.to_vec(), 0.1).state_dict();
        let mut optimizer = Adam::new(p.to_vec(), 0.2);
        train(&mut optimizer, &p, 2);
        optimizer.load_state_dict(&fresh).unwrap();
        assert!(optimizer.state_dict().get("state.0.step").is_none());
        assert_eq!(optimizer.param_groups()[0].lr(), 0.1);
    }

    #[test]
    fn a_schedule_goes_on_where_it_was() {
        let optimizer = || SGD::new(parameters(), 1.0);
        let schedule = |o: &SGD| {
            SequentialLR::new(o, LinearLR::new(o).total_iters(2)).then(2, CosineAnnealingLR::new(o, 5))
        };
        let whole = optimizer();
        let mut straight = schedule(&whole);
        (0..4).for_each(|_| straight.step());

        let (mut first, mut second) = (optimizer(), optimizer());
        let mut scheduler = schedule(&first);
        (0..3).for_each(|_| scheduler.step());
        let mut later = schedule(&second);
        second.load_state_dict(&first.state_dict()).unwrap();
        later.load_state_dict(&scheduler.state_dict()).unwrap();
        later.step();
        assert_eq!(later.last_lr(), straight.last_lr());
        assert!(later.load_state_dict(&StateDict::new()).unwrap_err().to_string().contains("last_epoch"));
        let _ = &mut first;

        let mut plateau = ReduceLROnPlateau::new(&whole).patience(0);
        plateau.step(1.0);
        let dict = plateau.state_dict();
        let mut other = ReduceLROnPlateau::new(&whole).patience(0);
        other.load_state_dict(&dict).unwrap();
        let before = whole.param_groups()[0].lr();
        other.step(2.0);
        assert_eq!(whole.param_groups()[0].lr(), before * 0.1);
    }
}

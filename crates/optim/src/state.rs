//! What an optimizer remembers about one parameter.

use crate::rule::{Number, Rule};
use crate::state_dict::{Reader, array, scalar};
use kernel::{Formula, update};
use tensor::{DType, Parameter, Shape, StateDict};

/// What an optimizer remembers about one parameter.
#[derive(Clone, Debug)]
pub struct State<T> {
    /// The parameter's sizes.
    pub shape: Shape,
    /// One number per element and slot, in row-major order; empty until it is first used.
    pub arrays: Vec<Vec<T>>,
    /// Numbers about the whole parameter, such as the count of its steps. All begin with 0.
    pub numbers: [f64; 4],
}

impl<T: Number> State<T> {
    fn new(shape: Shape) -> Self {
        State { shape, arrays: Vec::new(), numbers: [0.0; 4] }
    }

    /// Counts a step. The count is the first of the numbers.
    #[inline]
    pub fn count(&mut self) -> f64 {
        self.numbers[0] += 1.0;
        self.numbers[0]
    }

    /// Whether slot `i` has not been used yet.
    #[inline]
    pub fn is_new(&self, i: usize) -> bool {
        self.arrays.get(i).is_none_or(Vec::is_empty)
    }

    /// Fills a slot that has not been used yet.
    pub fn fill(&mut self, i: usize, len: usize, value: f64) {
        if self.arrays.len() <= i {
            self.arrays.resize(i + 1, Vec::new());
        }
        if self.arrays[i].is_empty() {
            self.arrays[i].resize(len, T::narrow(value));
        }
    }

    /// Runs a formula over all elements in one vectorised pass; what it remembers is in `slots`, which begin with
    /// zeros.
    ///
    /// # Panics
    /// If a slot is named twice, or lengths differ.
    #[inline]
    pub fn each<const K: usize>(
        &mut self,
        slots: [usize; K],
        values: &mut [T],
        grad: &[T],
        formula: impl Formula<K>,
    ) {
        for slot in slots {
            if self.is_new(slot) {
                self.fill(slot, values.len(), 0.0);
            }
        }
        match self.arrays.get_disjoint_mut(slots) {
            Ok(arrays) => update(formula, values, grad, arrays.map(Vec::as_mut_slice)),
            Err(_) => panic!("State::each: slots {slots:?} name one twice"),
        }
    }
}

/// The state of a parameter of either type.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum AnyState {
    F32(State<f32>),
    F64(State<f64>),
}

impl<T: Number> State<T> {
    fn write<R: Rule>(&self, i: usize, dict: &mut StateDict) {
        if self.arrays.iter().all(Vec::is_empty) && self.numbers[0] == 0.0 {
            return;
        }
        for (name, &value) in R::NUMBERS.iter().zip(&self.numbers) {
            dict.insert(format!("state.{i}.{name}"), scalar(value));
        }
        for (slot, (name, values)) in R::ARRAYS.iter().zip(&self.arrays).enumerate() {
            if let Some(array) = array(values, &R::array_shape(slot, &self.shape))
                && !values.is_empty()
            {
                dict.insert(format!("state.{i}.{name}"), array);
            }
        }
    }

    fn read<R: Rule>(i: usize, shape: Shape, reader: &mut Reader<'_>) -> Self {
        let mut state = State::new(shape);
        let name = |name: &str| format!("state.{i}.{name}");
        for (slot, array) in R::ARRAYS.iter().enumerate() {
            let shape = R::array_shape(slot, &state.shape);
            if let Some(values) = reader.numbers(&name(array), &shape) {
                state.arrays.resize(slot + 1, Vec::new());
                state.arrays[slot] = values.into_iter().map(T::narrow).collect();
            }
        }
        let known = |reader: &Reader<'_>| R::ARRAYS.iter().chain(R::NUMBERS).any(|n| reader.has(&name(n)));
        if known(reader) {
            for (number, value) in R::NUMBERS.iter().zip(&mut state.numbers) {
                *value = reader.number(&name(number));
            }
        }
        state
    }
}

impl AnyState {
    pub(crate) fn write<R: Rule>(&self, i: usize, dict: &mut StateDict) {
        match self {
            AnyState::F32(state) => state.write::<R>(i, dict),
            AnyState::F64(state) => state.write::<R>(i, dict),
        }
    }

    pub(crate) fn read<R: Rule>(i: usize, parameter: &Parameter, reader: &mut Reader<'_>) -> Self {
        match parameter.dtype() {
            DType::F64 => AnyState::F64(State::read::<R>(i, parameter.shape(), reader)),
            _ => AnyState::F32(State::read::<R>(i, parameter.shape(), reader)),
        }
    }

    pub(crate) fn new(parameter: &Parameter) -> Self {
        match parameter.dtype() {
            DType::F64 => AnyState::F64(State::new(parameter.shape())),
            _ => AnyState::F32(State::new(parameter.shape())),
        }
    }

    pub(crate) fn dtype(&self) -> DType {
        match self {
            AnyState::F32(_) => DType::F32,
            AnyState::F64(_) => DType::F64,
        }
    }

    pub(crate) fn to(&self, dtype: DType) -> Self {
        fn cast<A: Number, B: Number>(state: &State<A>) -> State<B> {
            let cast = |x: &A| B::narrow(x.wide());
            State {
                shape: state.shape.clone(),
                arrays: state.arrays.iter().map(|a| a.iter().map(cast).collect()).collect(),
                numbers: state.numbers,
            }
        }
        match (self, dtype) {
            (AnyState::F32(state), DType::F64) => AnyState::F64(cast(state)),
            (AnyState::F64(state), DType::F32) => AnyState::F32(cast(state)),
            (state, _) => state.clone(),
        }
    }
}

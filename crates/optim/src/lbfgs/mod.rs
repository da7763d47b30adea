//! L-BFGS: Newton's method with a Hessian guessed from the last steps, for small problems and whole data sets.

mod line_search;
mod memory;

use crate::bounds::within;
use crate::group::{Group, Options, Setting, Shared, lock};
use crate::optimizer::{Optimizer, evaluate, no_gradient, twice};
use crate::state_dict::{GroupOptions, Reader, array, scalar, write_groups};
use kernel::reduce::dot;
use line_search::{Point, strong_wolfe};
use memory::{Memory, Pair};
use std::sync::{Arc, Mutex};
use tensor::{DType, Error, Parameter, Result, StateDict, Tensor};

/// L-BFGS, Nocedal, <https://doi.org/10.1090/S0025-5718-1980-0572855-7>. It evaluates the loss several times in a step,
/// so the loss is given as a function. All parameters are one group; the memory is `history_size` times twice theirs.
///
/// ```text
/// d = −H g, H from the last pairs s = Δθ, y = Δg by the two-loop recursion
/// θ ← θ + t · d       t = lr, or from the line search
/// ```
///
/// ```
/// use optim::{LBFGS, LineSearch};
/// use tensor::{DType, Parameter, tensor};
/// let w = Parameter::new(&tensor([-1.2, 1.0]).to(DType::F64));
/// let mut optimizer = LBFGS::new([w.clone()], 1.0).line_search_fn(LineSearch::StrongWolfe);
/// for _ in 0..5 {
///     optimizer.step(|| {
///         let x = w.tensor();
///         let (a, b) = (x.select(0, 0)?, x.select(0, 1)?);
///         Ok((b - a.square()).square() * 100.0 + (a - 1.0).square())
///     })?;
/// }
/// assert_eq!(w.tensor().to_string(), "tensor([1.0000, 1.0000], dtype=float64, requires_grad=True)");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torch.optim.LBFGS")]
pub struct LBFGS {
    group: [Group; 1],
    shared: Arc<Mutex<Shared<LBFGSOptions>>>,
    memory: Memory,
    mistake: Option<String>,
}

/// How the length of a step is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineSearch {
    /// Until the strong Wolfe conditions hold.
    StrongWolfe,
}

/// The options of [`LBFGS`].
#[derive(Clone, Copy, Debug)]
struct LBFGSOptions {
    lr: f64,
    max_iter: usize,
    max_eval: Option<f64>,
    tolerance_grad: f64,
    tolerance_change: f64,
    history_size: usize,
    strong_wolfe: bool,
}

impl Options for LBFGSOptions {
    fn visit(&mut self, visit: &mut dyn FnMut(&'static str, &mut dyn Setting)) {
        visit("lr", &mut self.lr);
        visit("max_iter", &mut self.max_iter);
        visit("max_eval", &mut self.max_eval);
        visit("tolerance_grad", &mut self.tolerance_grad);
        visit("tolerance_change", &mut self.tolerance_change);
        visit("history_size", &mut self.history_size);
        visit("strong_wolfe", &mut self.strong_wolfe);
    }
}

impl LBFGS {
    /// With at most 20 iterations in a step and without line search. PyTorch's default for `lr` is 1.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>, lr: f64) -> Self {
        let options = LBFGSOptions {
            lr,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            strong_wolfe: false,
        };
        let parameters: Arc<[Parameter]> = parameters.into_iter().collect();
        let shared = Shared::new(options);
        let mistake = twice(&[], &parameters);
        LBFGS {
            group: [Group { shared: shared.clone(), parameters }],
            shared,
            memory: Memory::default(),
            mistake,
        }
    }

    fn with(self, change: impl FnOnce(&mut LBFGSOptions)) -> Self {
        change(&mut lock(&self.shared).options);
        self
    }

    /// Iterations in a step at most; 20.
    #[must_use]
    pub fn max_iter(self, iterations: usize) -> Self {
        self.with(|o| o.max_iter = iterations)
    }

    /// After how many evaluations of the loss a step ends; 1.25 times `max_iter`.
    #[must_use]
    pub fn max_eval(self, evaluations: usize) -> Self {
        self.with(|o| o.max_eval = Some(evaluations as f64))
    }

    /// A step ends where no number of the gradient is larger; 1e-7.
    #[must_use]
    pub fn tolerance_grad(self, tolerance: f64) -> Self {
        self.with(|o| o.tolerance_grad = tolerance)
    }

    /// A step ends where loss or parameters change by less; 1e-9.
    #[must_use]
    pub fn tolerance_change(self, tolerance: f64) -> Self {
        self.with(|o| o.tolerance_change = tolerance)
    }

    /// How many of the last steps are remembered; 100.
    #[must_use]
    pub fn history_size(self, steps: usize) -> Self {
        self.with(|o| o.history_size = steps)
    }

    /// How the length of a step is found; by `lr` alone, unless this is set.
    #[must_use]
    pub fn line_search_fn(self, search: impl Into<Option<LineSearch>>) -> Self {
        let strong_wolfe = search.into().is_some();
        self.with(|o| o.strong_wolfe = strong_wolfe)
    }

    /// Goes downhill. `closure` computes the loss; gradients are forgotten before and computed after it here, unless it
    /// calls `backward` itself. Returns the first loss.
    ///
    /// # Errors
    /// Those of the closure; a loss from which no gradient comes; an option that makes no sense.
    #[track_caller]
    pub fn step(&mut self, mut closure: impl FnMut() -> Result<Tensor>) -> Result<Tensor> {
        self.step_with(&mut closure)
    }

    /// The loss as a tensor and as a number, and its gradient.
    #[track_caller]
    fn evaluate(&self, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<(Tensor, f64, Vec<f64>)> {
        let loss = evaluate(&self.group, closure)?;
        let mut grad = Vec::with_capacity(self.group[0].parameters.iter().map(Parameter::numel).sum());
        let mut any = false;
        for parameter in self.group[0].parameters() {
            match parameter.grad() {
                Some(found) => {
                    any = true;
                    grad.extend(found.detach().to(DType::F64).to_vec::<f64>()?);
                }
                None => grad.extend(std::iter::repeat_n(0.0, parameter.numel())),
            }
        }
        if !any {
            return Err(no_gradient("LBFGS", &self.group));
        }
        let number = loss.item()?;
        Ok((loss, number, grad))
    }

    /// `θ ← θ + t · d`
    #[track_caller]
    fn go(&self, t: f64, direction: &[f64]) -> Result<()> {
        let mut rest = direction;
        for parameter in self.group[0].parameters() {
            let (d, after) = rest.split_at(parameter.numel());
            rest = after;
            match parameter.dtype() {
                DType::F64 => {
                    parameter.update::<f64>(|x| x.iter_mut().zip(d).for_each(|(x, d)| *x += t * d))?;
                }
                _ => parameter.update::<f32>(|x| {
                    x.iter_mut().zip(d).for_each(|(x, d)| *x += (t * d) as f32);
                })?,
            }
        }
        Ok(())
    }
}

fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |max: f64, x| if max.is_nan() || max > x.abs() { max } else { x.abs() })
}

impl Optimizer for LBFGS {
    fn param_groups(&self) -> &[Group] {
        &self.group
    }

    /// An error: see [`LBFGS::step`].
    #[track_caller]
    fn step(&mut self) -> Result<()> {
        Err(Error::value("LBFGS", "it evaluates the loss several times: use step_with(&mut || loss)"))
    }

    #[track_caller]
    fn step_with(&mut self, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        if let Some(mistake) = &self.mistake {
            return Err(Error::value("LBFGS", mistake.clone()));
        }
        let o = {
            let shared = lock(&self.shared);
            shared.check()?;
            shared.options
        };
        within("LBFGS", "lr", o.lr, 0.0..)?;
        within("LBFGS", "history_size", o.history_size as f64, 1.0..)?;
        let found = self.descend(o, closure);
        if found.is_err() {
            // What was learnt up to the failure belongs to no step.
            self.memory = Memory::default();
        }
        found
    }

    fn state_dict(&self) -> StateDict {
        let mut dict = StateDict::new();
        let memory = &self.memory;
        let n = memory.grad.len();
        let mut put = |name: &str, tensor: Option<Tensor>| {
            if let Some(tensor) = tensor {
                dict.insert(format!("state.0.{name}"), tensor);
            }
        };
        if memory.iterations > 0 {
            put("func_evals", Some(scalar(memory.evaluations as f64)));
            put("n_iter", Some(scalar(memory.iterations as f64)));
            put("d", array(&memory.direction, &[n]));
            put("t", Some(scalar(memory.t)));
            let rows = |pick: fn(&Pair) -> &Vec<f64>| memory.pairs.iter().flat_map(pick).copied().collect();
            let (steps, changes): (Vec<f64>, Vec<f64>) = (rows(|p| &p.step), rows(|p| &p.change));
            put("old_dirs", array(&changes, &[memory.pairs.len(), n]));
            put("old_stps", array(&steps, &[memory.pairs.len(), n]));
            put("H_diag", Some(scalar(memory.scale)));
            put("prev_flat_grad", array(&memory.grad, &[n]));
        }
        write_groups(&mut dict, &self.group);
        dict
    }

    #[track_caller]
    fn load_state_dict(&mut self, dict: &StateDict) -> Result<()> {
        let mut reader = Reader::new("LBFGS", dict);
        let options = GroupOptions::read(&mut reader, 0, &self.group[0]);
        let mut memory = Memory::default();
        if reader.has("state.0.n_iter") {
            let n: usize = self.group[0].parameters.iter().map(Parameter::numel).sum();
            memory.iterations = reader.number("state.0.n_iter") as usize;
            memory.evaluations = reader.number("state.0.func_evals") as usize;
            memory.t = reader.number("state.0.t");
            memory.scale = reader.number("state.0.H_diag");
            memory.direction = reader.required("state.0.d", &[n]);
            memory.grad = reader.required("state.0.prev_flat_grad", &[n]);
            let pairs =
                reader.shape("state.0.old_dirs").and_then(|shape| shape.first().copied()).unwrap_or(0);
            let changes = reader.required("state.0.old_dirs", &[pairs, n]);
            let steps = reader.required("state.0.old_stps", &[pairs, n]);
            let both = steps.chunks(n.max(1)).zip(changes.chunks(n.max(1)));
            memory.pairs = both.map(|(s, y)| Pair::new(s.to_vec(), y.to_vec())).collect();
        }
        reader.finish()?;
        options.put(&self.group[0]);
        self.memory = memory;
        Ok(())
    }
}

impl LBFGS {
    #[track_caller]
    fn descend(&mut self, o: LBFGSOptions, closure: &mut dyn FnMut() -> Result<Tensor>) -> Result<Tensor> {
        let max_eval = o.max_eval.unwrap_or((o.max_iter * 5 / 4) as f64);

        let (first, mut loss, mut grad) = self.evaluate(closure)?;
        let mut calls = 1;
        if largest(&grad) <= o.tolerance_grad {
            return Ok(first);
        }
        for iteration in 1..=o.max_iter {
            self.memory.iterations += 1;
            self.memory.turn(&grad, o.history_size);
            self.memory.grad.clone_from(&grad);
            let before = loss;
            let direction = self.memory.direction.clone();

            let mut t = o.lr;
            if self.memory.iterations == 1 {
                t *= (1.0 / grad.iter().map(|g| g.abs()).sum::<f64>()).min(1.0);
            }
            let slope = dot(&grad, &direction);
            if slope > -o.tolerance_change {
                self.memory.t = t;
                break;
            }
            let last = iteration == o.max_iter;
            if o.strong_wolfe {
                let here: Vec<Tensor> =
                    self.group[0].parameters().iter().map(|p| p.tensor().detach()).collect();
                let back = || {
                    let places = self.group[0].parameters().iter().zip(&here);
                    places.into_iter().try_for_each(|(p, x)| p.set(x))
                };
                let start = Point::new(0.0, loss, grad, &direction);
                let trial = |t: f64| {
                    self.go(t, &direction)?;
                    let found = self.evaluate(closure);
                    back()?;
                    let (_, loss, grad) = found?;
                    Ok(Point::new(t, loss, grad, &direction))
                };
                let (point, trials) = strong_wolfe(trial, start, &direction, t, o.tolerance_change)?;
                (t, loss, grad) = (point.t, point.loss, point.grad);
                calls += trials;
                self.go(t, &direction)?;
            } else {
                self.go(t, &direction)?;
                // After the last one nobody needs the loss.
                if !last {
                    (_, loss, grad) = self.evaluate(closure)?;
                    calls += 1;
                }
            }
            self.memory.t = t;
            if last
                || calls as f64 >= max_eval
                || largest(&grad) <= o.tolerance_grad
                || largest(&direction) * t.abs() <= o.tolerance_change
                || (loss - before).abs() < o.tolerance_change
            {
                break;
            }
        }
        self.memory.evaluations += calls;
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn a_closure_may_walk_back_itself() {
        let run = |walks: bool| {
            let w = Parameter::new(&tensor([3.0, -2.0]));
            let mut optimizer = LBFGS::new([w.clone()], 0.1);
            let mut loss = || {
                let loss = w.tensor().square().sum();
                if walks {
                    loss.backward()?;
                }
                Ok(loss)
            };
            for _ in 0..3 {
                optimizer.step(&mut loss).unwrap();
            }
            w.tensor().to_vec::<f32>().unwrap()
        };
        assert_eq!(run(true), run(false));
    }

    #[test]
    fn what_cannot_go_downhill_is_an_error() {
        let w = Parameter::new(&tensor([3.0]));
        let loss = || Ok(w.tensor().square().sum());
        let mut optimizer = LBFGS::new([w.clone()], 1.0);
        assert!(Optimizer::step(&mut optimizer).unwrap_err().to_string().contains("step_with"));
        let stranger = Parameter::new(&tensor([1.0]));
        let error = LBFGS::new([stranger], 1.0).step(loss).unwrap_err().to_string();
        assert!(error.contains("none of the 1 parameters has a gradient"), "{error}");
        assert!(LBFGS::new([w.clone()], -1.0).step(loss).is_err());
        assert!(LBFGS::new([], 1.0).step(loss).is_err());
        assert!(LBFGS::new([w.clone(), w.clone()], 1.0).step(loss).is_err());
    }

    #[test]
    fn a_failed_trial_puts_the_parameters_back() {
        let w = Parameter::new(&tensor([3.0]));
        let mut optimizer = LBFGS::new([w.clone()], 1.0).line_search_fn(LineSearch::StrongWolfe);
        let mut calls = 0;
        let result = optimizer.step(|| {
            calls += 1;
            if calls == 2 { Err(Error::value("test", "on purpose")) } else { Ok(w.tensor().square().sum()) }
        });
        assert!(result.is_err());
        assert_eq!(w.tensor().to_vec::<f32>().unwrap(), [3.0]);
    }
}

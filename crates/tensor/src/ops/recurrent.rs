//! A recurrent layer, RNN, LSTM or GRU, over a whole sequence as one operation.
//!
//! The formulas stand in [`kernel::recurrent`]. The gradient that can be differentiated again comes from the same layer
//! written in tensor operations, step by step.

use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Op, grad_with, is_grad_enabled};
use crate::error::{Error, Result};
use crate::storage::{Buffer, with_float};
use crate::tensor::{Tensor, dense};
use crate::cat;
use kernel::Float;
use kernel::gemm::{Matrix, gemm};
use kernel::recurrent::{self as kernels, Shape};
use kernel::reduce::{Itself, add_rows};
use std::sync::Arc;

pub use kernel::recurrent::Cell;

/// The weights of one layer in one direction, as PyTorch lays them out.
#[derive(Clone, Copy, Debug)]
pub struct Recurrent<'a> {
    /// What a step computes.
    pub cell: Cell,
    /// From the last step to the first.
    pub reverse: bool,
    /// `(gates·hidden, input)`
    pub weight_ih: &'a Tensor,
    /// `(gates·hidden, output)`
    pub weight_hh: &'a Tensor,
    /// Both `(gates·hidden)`.
    pub bias: Option<[&'a Tensor; 2]>,
    /// `(output, hidden)`: an LSTM's projection.
    pub projection: Option<&'a Tensor>,
}

/// What comes out of [`Tensor::recurrent`].
#[derive(Clone)]
pub struct Recurred {
    /// `(rows, output)`
    pub output: Tensor,
    /// `(batch, output)`: the state after the last step.
    pub state: Tensor,
    /// `(batch, hidden)`: an LSTM's cells after the last step.
    pub cells: Option<Tensor>,
}

impl Tensor {
    /// Runs a recurrent layer over the rows `(rows, input)` of a sequence, whose step `t` has the next `steps[t]` rows,
    /// never more than the step before. `state` `(batch, output)` and, for an LSTM, `cells` `(batch, hidden)` are what it
    /// begins with.
    ///
    /// # Errors
    /// If sizes or types do not fit.
    #[doc(alias = "torch.lstm")]
    #[track_caller]
    pub fn recurrent(
        &self,
        steps: &[usize],
        state: &Tensor,
        cells: Option<&Tensor>,
        layer: Recurrent<'_>,
    ) -> Result<Recurred> {
        let sizes = check(self, steps, state, cells, &layer)?;
        let (rows, batch) = (sizes.rows, sizes.batch);
        let (hidden, output) = (sizes.hidden, sizes.output);
        let mut inputs = vec![self, state];
        inputs.extend(cells);
        inputs.extend([layer.weight_ih, layer.weight_hh]);
        inputs.extend(layer.bias.into_iter().flatten());
        inputs.extend(layer.projection);
        let op = Sequence {
            cell: layer.cell,
            reverse: layer.reverse,
            biased: layer.bias.is_some(),
            projected: layer.projection.is_some(),
            steps: steps.into(),
            sizes,
            activations: Vec::new(),
        };
        let (all, activations) = with_float!(self.dtype(), T => op.forward::<T>(&inputs));
        let all = all.record(Sequence { activations, ..op }, &inputs);
        let cut = |first: usize, rows: usize, width: usize| {
            all.narrow(0, first, rows * width)?.reshape([rows, width])
        };
        let states = rows * output;
        Ok(Recurred {
            output: cut(0, rows, output)?,
            state: cut(states, batch, output)?,
            cells: cells.map(|_| cut(states + batch * output, batch, hidden)).transpose()?,
        })
    }
}

#[derive(Clone, Copy)]
struct Sizes {
    rows: usize,
    batch: usize,
    input: usize,
    hidden: usize,
    output: usize,
}

#[track_caller]
fn check(
    x: &Tensor,
    steps: &[usize],
    state: &Tensor,
    cells: Option<&Tensor>,
    layer: &Recurrent<'_>,
) -> Result<Sizes> {
    const OP: &str = "recurrent";
    let &[rows, input] = x.shape() else {
        return Err(Error::shape(OP, format!("expected rows (rows, input), found shape {:?}", x.shape())));
    };
    let gates = layer.cell.gates();
    let width = layer.weight_ih.shape().first().copied().unwrap_or(0);
    let hidden = width / gates;
    let output = layer.weight_hh.shape().last().copied().unwrap_or(0);
    let batch = steps.first().copied().unwrap_or(0);
    if steps.iter().sum::<usize>() != rows || steps.is_sorted_by(|a, b| a >= b) && batch == 0 || !steps.is_sorted_by(|a, b| a >= b)
    {
        return Err(Error::shape(
            OP,
            format!("steps of {steps:?} rows, never more than before and at least one, do not make {rows} rows"),
        ));
    }
    if cells.is_some() != (layer.cell == Cell::Lstm) || layer.projection.is_some() && cells.is_none() {
        return Err(Error::value(OP, "an LSTM has cells, and may have a projection; other cells have neither"));
    }
    let mut expected: Vec<(&str, &Tensor, Vec<usize>)> = vec![
        ("weight_ih", layer.weight_ih, vec![gates * hidden, input]),
        ("weight_hh", layer.weight_hh, vec![gates * hidden, output]),
        ("the state", state, vec![batch, output]),
    ];
    expected.extend(cells.map(|cells| ("the cells", cells, vec![batch, hidden])));
    expected.extend(layer.bias.into_iter().flatten().map(|bias| ("a bias", bias, vec![gates * hidden])));
    match layer.projection {
        Some(projection) => expected.push(("the projection", projection, vec![output, hidden])),
        None if output != hidden => {
            return Err(Error::shape(OP, format!("the output's width is {output}, that of a gate {hidden}")));
        }
        None => {}
    }
    for (name, tensor, shape) in expected {
        if tensor.shape() != shape {
            return Err(Error::shape(OP, format!("{name} should be {shape:?}, found {:?}", tensor.shape())));
        }
        if tensor.dtype() != x.dtype() {
            return Err(Error::dtype(OP, format!("the input is {}, {name} {}", x.dtype(), tensor.dtype())));
        }
    }
    if !x.dtype().is_float() {
        return Err(Error::not_float(OP, x.dtype()));
    }
    Ok(Sizes { rows, batch, input, hidden, output })
}

/// The operation in the graph. Its result is flat: the outputs, the last state, the last cells.
struct Sequence {
    cell: Cell,
    reverse: bool,
    biased: bool,
    projected: bool,
    steps: Arc<[usize]>,
    sizes: Sizes,
    /// The gates' activations and what else the kernel keeps, `(rows, …)`.
    activations: Vec<Tensor>,
}

fn flat<T: crate::Element>(values: Buffer<T>) -> Tensor {
    let shape = [values.len()];
    Tensor::new(values, dense(&shape))
}

fn copied<T: crate::Element>(values: &[T]) -> Buffer<T> {
    let mut copy = Buffer::unwritten(values.len());
    copy.copy_from_slice(values);
    copy
}

impl Sequence {
    fn shape(&self) -> Shape<'_> {
        let Sizes { hidden, output, .. } = self.sizes;
        Shape { cell: self.cell, steps: &self.steps, reverse: self.reverse, hidden, output }
    }

    fn lstm(&self) -> bool {
        self.cell == Cell::Lstm
    }

    /// The place of `weight_ih` among the inputs; `weight_hh`, the biases and the projection follow.
    fn weights(&self) -> usize {
        2 + usize::from(self.lstm())
    }

    fn forward<T: Float + crate::Element>(&self, inputs: &[&Tensor]) -> (Tensor, Vec<Tensor>) {
        let Sizes { rows, batch, input, hidden, output } = self.sizes;
        let (shape, width) = (self.shape(), self.shape().width());
        let values: Vec<_> = inputs.iter().map(|t| t.values::<T>()).collect();
        let weights = &values[self.weights()..];
        let mut gates = Buffer::<T>::unwritten(rows * width);
        if self.biased {
            let mut bias = weights[2].to_vec();
            if self.cell != Cell::Gru {
                bias.iter_mut().zip(&*weights[3]).for_each(|(b, &other)| *b += other);
            }
            gates.chunks_exact_mut(width.max(1)).for_each(|row| row.copy_from_slice(&bias));
        }
        let x = Matrix::dense(&values[0], input);
        gemm([rows, input, width], x, Matrix::dense(&weights[0], input).transposed(), &mut gates, self.biased);
        let keeps = self.lstm() || self.cell == Cell::Gru;
        let mut kept = Buffer::<T>::unwritten(if keeps { rows * hidden } else { 0 });
        let cells = if self.lstm() { batch * hidden } else { 0 };
        let mut all = Buffer::<T>::unwritten(rows * output + batch * output + cells);
        let (outputs, last) = all.split_at_mut(rows * output);
        let (state, last_cells) = last.split_at_mut(batch * output);
        state.copy_from_slice(&values[1]);
        if self.lstm() {
            last_cells.copy_from_slice(&values[2]);
        }
        kernels::forward(
            shape,
            kernels::Forward {
                weight: &weights[1],
                bias: (self.biased && self.cell == Cell::Gru).then(|| &*weights[3]),
                projection: self.projected.then(|| &*weights[weights.len() - 1]),
                gates: &mut gates,
                kept: &mut kept,
                outputs,
                state,
                cells: last_cells,
            },
        );
        let layout = dense(&[all.len()]);
        (Tensor::new(all, layout), vec![flat(gates), flat(kept)])
    }

    /// All gradients at once.
    fn fused<T: Float + crate::Element>(
        &self,
        ctx: &Ctx<'_>,
        inputs: &[Tensor],
        grad: &Tensor,
    ) -> Result<Grads> {
        let Sizes { rows, batch, input, hidden, output } = self.sizes;
        let (shape, width) = (self.shape(), self.shape().width());
        let values: Vec<_> = inputs.iter().map(|t| t.values::<T>()).collect();
        let weights = &values[self.weights()..];
        let [gates, kept] = [0, 1].map(|i| self.activations[i].values::<T>());
        let result = ctx.output()?;
        let outputs = &result.values::<T>()[..rows * output];
        let before = |values: &[T], initial: &[T]| {
            let mut before = Buffer::<T>::unwritten(values.len());
            shape.before(values, initial, &mut before);
            before
        };
        let states = before(outputs, &values[1]);
        let cells = if self.lstm() { before(&kept, &values[2]) } else { Buffer::zeros(0) };
        let grad = grad.values::<T>();
        let (grad_outputs, last) = grad.split_at(rows * output);
        let (grad_state, grad_cells) = last.split_at(batch * output);
        let [mut totals, mut grad_state, mut grad_cells] =
            [grad_outputs, grad_state, grad_cells].map(copied);
        let mut grad_gates = Buffer::<T>::unwritten(rows * width);
        let gru = self.cell == Cell::Gru;
        let mut grad_recurrent = Buffer::<T>::unwritten(if gru { rows * width } else { 0 });
        let projection = self.projected.then(|| &*weights[weights.len() - 1]);
        kernels::backward(
            shape,
            kernels::Backward {
                weight: &weights[1],
                projection,
                gates: &gates,
                kept: &kept,
                before: if gru { &states } else { &cells },
                grad: &mut totals,
                grad_state: &mut grad_state,
                grad_cells: &mut grad_cells,
                grad_gates: &mut grad_gates,
                grad_recurrent: &mut grad_recurrent,
            },
        );
        let through = if gru { &grad_recurrent } else { &grad_gates };
        let product = |[m, k, n]: [usize; 3], a: Matrix<'_, T>, b: Matrix<'_, T>| {
            let mut out = Buffer::<T>::unwritten(m * n);
            gemm([m, k, n], a, b, &mut out, false);
            out
        };
        let columns = |values: &[T]| {
            let mut sums = vec![0.0; width];
            add_rows(Itself, values, None, &mut sums);
            sums.into_iter().map(<T as Float>::from_f64).collect::<Buffer<T>>()
        };
        let first = self.weights();
        let of_gates = Matrix::dense(&grad_gates, width);
        ctx.grads(|i| {
            let values = match i {
                0 => product([rows, width, input], of_gates, Matrix::dense(&weights[0], input)),
                1 => std::mem::replace(&mut grad_state, Buffer::zeros(0)),
                2 if self.lstm() => std::mem::replace(&mut grad_cells, Buffer::zeros(0)),
                _ => match i - first {
                    0 => product([width, rows, input], of_gates.transposed(), Matrix::dense(&values[0], input)),
                    1 => {
                        let through = Matrix::dense(through, width);
                        product([width, rows, output], through.transposed(), Matrix::dense(&states, output))
                    }
                    2 if self.biased => columns(&grad_gates),
                    3 if self.biased => columns(through),
                    _ => {
                        // What the projection was applied to: o·tanh(c).
                        let gates = self.activations[0].reshape([rows, width])?.narrow(1, 3 * hidden, hidden)?;
                        let inner = gates.mul(&self.activations[1].reshape([rows, hidden])?.tanh())?;
                        let inner = inner.values::<T>();
                        let totals = Matrix::dense(&totals, output);
                        product([output, rows, hidden], totals.transposed(), Matrix::dense(&inner, hidden))
                    }
                },
            };
            flat(values).reshape(inputs[i].shape())
        })
    }

    /// The layer in tensor operations, step by step.
    fn unrolled(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let weights = &inputs[self.weights()..];
        let bias = |i: usize| self.biased.then(|| &weights[i]);
        let hidden = self.sizes.hidden;
        let from_input = inputs[0].linear(&weights[0], bias(2))?;
        let mut firsts = vec![0];
        self.steps.iter().for_each(|n| firsts.push(firsts[firsts.len() - 1] + n));
        let mut state = inputs[1].clone();
        let mut cells = if self.lstm() { Some(inputs[2].clone()) } else { None };
        let mut outputs = vec![None; self.steps.len()];
        let count = self.steps.len();
        for t in (0..count).map(|t| if self.reverse { count - 1 - t } else { t }) {
            let (rows, rest) = (self.steps[t], self.sizes.batch - self.steps[t]);
            let old = state.narrow(0, 0, rows)?;
            let a = from_input.narrow(0, firsts[t], rows)?;
            let b = old.linear(&weights[1], bias(3))?;
            let gate = |x: &Tensor, i: usize| x.narrow(1, i * hidden, hidden);
            let with_rest = |new: &Tensor, whole: &Tensor| {
                if rest == 0 { Ok(new.clone()) } else { cat(&[new, &whole.narrow(0, rows, rest)?], 0) }
            };
            let new = match self.cell {
                Cell::Tanh => a.add(&b)?.tanh(),
                Cell::Relu => a.add(&b)?.relu(),
                Cell::Gru => {
                    let r = gate(&a, 0)?.add(&gate(&b, 0)?)?.sigmoid();
                    let z = gate(&a, 1)?.add(&gate(&b, 1)?)?.sigmoid();
                    let n = gate(&a, 2)?.add(&r.mul(&gate(&b, 2)?)?)?.tanh();
                    n.add(&z.mul(&old.sub(&n)?)?)?
                }
                Cell::Lstm => {
                    let sum = a.add(&b)?;
                    let c = cells.as_ref().map_or_else(|| old.narrow(0, 0, rows), |c| c.narrow(0, 0, rows))?;
                    let (i, f) = (gate(&sum, 0)?.sigmoid(), gate(&sum, 1)?.sigmoid());
                    let c = f.mul(&c)?.add(&i.mul(&gate(&sum, 2)?.tanh())?)?;
                    let h = gate(&sum, 3)?.sigmoid().mul(&c.tanh())?;
                    cells = cells.map(|whole| with_rest(&c, &whole)).transpose()?;
                    if self.projected { h.linear(&weights[weights.len() - 1], None)? } else { h }
                }
            };
            state = with_rest(&new, &state)?;
            outputs[t] = Some(new);
        }
        let parts = outputs.into_iter().flatten().chain([state]).chain(cells).map(|t| t.ravel());
        let parts: Vec<Tensor> = parts.collect();
        cat(&parts.iter().collect::<Vec<_>>(), 0)
    }
}

impl Op for Sequence {
    fn name(&self) -> &'static str {
        match self.cell {
            Cell::Tanh => "RnnTanh",
            Cell::Relu => "RnnRelu",
            Cell::Lstm => "Lstm",
            Cell::Gru => "Gru",
        }
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let count = self.weights() + 2 + 2 * usize::from(self.biased) + usize::from(self.projected);
        let inputs = (0..count).map(|i| ctx.input(i)).collect::<Result<Vec<_>>>()?;
        if !is_grad_enabled() {
            return with_float!(grad.dtype(), T => self.fused::<T>(ctx, &inputs, grad));
        }
        through(ctx, &inputs, grad, |inputs| self.unrolled(inputs))
    }
}

/// The gradients of `f` at the inputs, as parts of the graph: `f` is computed once more, in operations that can be
/// differentiated as often as one likes.
pub(crate) fn through(
    ctx: &Ctx<'_>,
    inputs: &[Tensor],
    grad: &Tensor,
    f: impl FnOnce(&[Tensor]) -> Result<Tensor>,
) -> Result<Grads> {
    // Nodes of their own: an input may have been computed from another one.
    let fresh: Vec<Tensor> = inputs.iter().map(|x| x.mul(1.0)).collect::<Result<_>>()?;
    let wanted: Vec<usize> = (0..inputs.len()).filter(|&i| ctx.wants(i)).collect();
    let targets: Vec<&Tensor> = wanted.iter().map(|&i| &fresh[i]).collect();
    let mut found = grad_with(&[&f(&fresh)?], &[Some(grad)], &targets)?.into_iter();
    ctx.grads(|_| found.next().ok_or_else(|| Error::graph("backward", "a gradient is missing")))
}

/// The cases by which recurrent layers are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let wave = |rows: usize, columns: usize, phase: f64| {
        let values: Vec<f64> = (0..rows * columns).map(|i| (i as f64 * 1.7 + phase).sin()).collect();
        Tensor::from_vec(values, [rows, columns]).unwrap_or_else(|_| float64(0.0))
    };
    let mut cases = Vec::new();
    let kinds = [
        ("RNN", Cell::Tanh, false),
        ("RNN with relu, backwards", Cell::Relu, true),
        ("LSTM", Cell::Lstm, false),
        ("LSTM, backwards", Cell::Lstm, true),
        ("GRU", Cell::Gru, false),
        ("GRU, backwards", Cell::Gru, true),
    ];
    for (name, cell, reverse) in kinds {
        // Two members of the batch, of which one has a step more than the other.
        let width = 2 * cell.gates();
        let bias = |phase| wave(1, width, phase).ravel();
        let mut inputs =
            vec![wave(3, 3, 0.1), wave(2, 2, 0.2), wave(width, 3, 0.3), wave(width, 2, 0.4), bias(0.5), bias(0.6)];
        if cell == Cell::Lstm {
            inputs.push(wave(2, 2, 0.7));
        }
        cases.push(case(name, move |x| joined(x, cell, reverse, None), inputs));
    }
    let inputs = vec![
        wave(4, 3, 0.1), wave(2, 1, 0.2), wave(8, 3, 0.3), wave(8, 1, 0.4), wave(1, 8, 0.5).ravel(),
        wave(1, 8, 0.6).ravel(), wave(2, 2, 0.7), wave(1, 2, 0.8),
    ];
    cases.push(case("LSTM with a projection", |x| joined(x, Cell::Lstm, false, Some(&x[7])), inputs));
    cases
}

/// All that comes out, in one.
fn joined(x: &[Tensor], cell: Cell, reverse: bool, projection: Option<&Tensor>) -> Result<Tensor> {
    let bias = Some([&x[4], &x[5]]);
    let layer =
        Recurrent { cell, reverse, weight_ih: &x[2], weight_hh: &x[3], bias, projection };
    let steps: &[usize] = if x[0].shape()[0] == 4 { &[2, 2] } else { &[2, 1] };
    let found = x[0].recurrent(steps, &x[1], x.get(6), layer)?;
    let parts: Vec<Tensor> =
        [found.output, found.state].into_iter().chain(found.cells).map(|t| t.ravel().sin()).collect();
    cat(&parts.iter().collect::<Vec<_>>(), 0)
}

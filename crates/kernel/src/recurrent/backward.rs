//! Back through the steps.

use super::cells;
use super::{Rows, Shape, Weight, Whole};
use crate::gemm::Matrix;
use crate::real::Float;
use crate::threads::{Pieces, share};
use pulp::Arch;

/// What the way back reads and writes, laid out as in [`Forward`](super::Forward).
pub struct Backward<'a, T> {
    /// `(gates·hidden, output)`
    pub weight: &'a [T],
    /// `(output, hidden)`, of an LSTM.
    pub projection: Option<&'a [T]>,
    /// The activations.
    pub gates: &'a [T],
    /// What the forward pass kept.
    pub kept: &'a [T],
    /// `(rows, hidden)`: the cells of an LSTM, the state of a GRU before each step. Else empty.
    pub before: &'a [T],
    /// `∂` of the outputs; on return with what came through later steps.
    pub grad: &'a mut [T],
    /// `∂` of the last state, on return of the first.
    pub grad_state: &'a mut [T],
    /// `∂` of an LSTM's last cells, on return of the first.
    pub grad_cells: &'a mut [T],
    /// `∂` of what the input contributed to the gates.
    pub grad_gates: &'a mut [T],
    /// `∂` of what the state contributed to the gates of a GRU. Else empty.
    pub grad_recurrent: &'a mut [T],
}

/// Runs back through the steps.
///
/// # Panics
/// If a slice has another size than the shape says.
pub fn backward<T: Float>(shape: Shape<'_>, all: Backward<'_, T>) {
    let (batch, hidden, output) = (shape.batch(), shape.hidden, shape.output);
    if batch * hidden * output == 0 {
        all.grad_gates.fill(T::default());
        all.grad_recurrent.fill(T::default());
        return;
    }
    let part = shape.part();
    let recurrent_width = all.grad_recurrent.len() / shape.rows();
    let grad = Whole::new(all.grad, &shape, output, part);
    let grad_gates = Whole::new(all.grad_gates, &shape, shape.width(), part);
    let grad_recurrent = Whole::new(all.grad_recurrent, &shape, recurrent_width, part);
    let grad_state = Pieces::new(all.grad_state, part * output);
    let grad_cells = Pieces::new(all.grad_cells, part * hidden);
    let firsts = super::firsts(shape.steps);
    let plain = |data, k, n| shape.weight([k, n], Matrix::dense(data, n));
    let weight = plain(all.weight, shape.width(), output);
    let projection = all.projection.map(|projection| plain(projection, output, hidden));
    let (gates, kept, before) = (all.gates, all.kept, all.before);
    share(batch.div_ceil(part), &|i| {
        let grad_cells = if grad_cells.is_empty() { &mut [] } else { grad_cells.take(i) };
        let part = Part {
            grad: grad.take(i),
            grad_gates: grad_gates.take(i),
            grad_recurrent: if recurrent_width > 0 { Some(grad_recurrent.take(i)) } else { None },
            grad_state: grad_state.take(i),
            grad_cells,
            first: i * part,
        };
        part.run(shape, &firsts, &weight, projection.as_ref(), [gates, kept, before]);
    });
}

/// What one thread does.
struct Part<'a, T> {
    grad: Rows<'a, T>,
    grad_gates: Rows<'a, T>,
    grad_recurrent: Option<Rows<'a, T>>,
    grad_state: &'a mut [T],
    grad_cells: &'a mut [T],
    /// The first member of the batch.
    first: usize,
}

impl<T: Float> Part<'_, T> {
    fn run(
        mut self,
        shape: Shape<'_>,
        firsts: &[usize],
        weight: &Weight<'_, T>,
        projection: Option<&Weight<'_, T>>,
        [gates, kept, before]: [&[T]; 3],
    ) {
        let (hidden, output, width) = (shape.hidden, shape.output, shape.width());
        let members = self.grad_state.len() / output;
        let mut inner = vec![T::default(); if projection.is_some() { members * hidden } else { 0 }];
        for t in shape.order().rev() {
            let total = self.grad.step(t);
            let rows = total.len() / output;
            let state = &mut self.grad_state[..rows * output];
            total.iter_mut().zip(&*state).for_each(|(g, &s)| *g += s);
            let first = firsts[t] + self.first;
            let of_step = |values: &'_ [T], width: usize| {
                if values.is_empty() { 0..0 } else { first * width..(first + rows) * width }
            };
            let grad_cells =
                if self.grad_cells.is_empty() { &mut [] } else { &mut self.grad_cells[..rows * hidden] };
            state.copy_from_slice(total);
            let through_projection = projection.map(|projection| {
                let inner = &mut inner[..rows * hidden];
                projection.product(total, inner, false);
                inner
            });
            let mut grad_recurrent = self.grad_recurrent.as_mut().map(|r| r.step(t));
            let grad_gates = self.grad_gates.step(t);
            Arch::new().dispatch(cells::Backward {
                cell: shape.cell,
                hidden,
                gates: &gates[of_step(gates, width)],
                kept: &kept[of_step(kept, hidden)],
                before: &before[of_step(before, hidden)],
                grad: through_projection.unwrap_or(&mut *state),
                grad_cells,
                grad_gates: &mut *grad_gates,
                grad_recurrent: grad_recurrent.as_deref_mut().unwrap_or_default(),
            });
            // A GRU's state has a way around the gates.
            let around = grad_recurrent.is_some();
            let through = grad_recurrent.as_deref().unwrap_or(grad_gates);
            weight.product(through, state, around);
        }
    }
}

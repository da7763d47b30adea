//! Forward through the steps.

use super::cells;
use super::{Cell, Rows, Shape, Weight, Whole};
use crate::gemm::Matrix;
use crate::real::Float;
use crate::threads::{Pieces, share};
use pulp::Arch;

/// What a sequence reads and writes. Matrices are row-major; a row belongs to a member of the batch at a step, and that
/// of a state to a member of the batch.
pub struct Forward<'a, T> {
    /// `(gates·hidden, output)`
    pub weight: &'a [T],
    /// GRU: `(gates·hidden)`, added to what the state contributes; the others have it in their gates.
    pub bias: Option<&'a [T]>,
    /// `(output, hidden)`, of an LSTM.
    pub projection: Option<&'a [T]>,
    /// What the input contributes to the gates, `(rows, gates·hidden)`; on return the activations.
    pub gates: &'a mut [T],
    /// `(rows, hidden)`: an LSTM's cells; what the state contributes to a GRU's new value. Else empty.
    pub kept: &'a mut [T],
    /// `(rows, output)`
    pub outputs: &'a mut [T],
    /// `(batch, output)`: the first state, on return the last.
    pub state: &'a mut [T],
    /// `(batch, hidden)` of an LSTM: likewise. Else empty.
    pub cells: &'a mut [T],
}

/// Runs through the steps.
///
/// # Panics
/// If a slice has another size than the shape says.
pub fn forward<T: Float>(shape: Shape<'_>, all: Forward<'_, T>) {
    let (batch, hidden, output) = (shape.batch(), shape.hidden, shape.output);
    if batch * hidden * output == 0 {
        all.kept.fill(T::default());
        return;
    }
    let part = shape.part();
    let gates = Whole::new(all.gates, &shape, shape.width(), part);
    let kept_width = all.kept.len() / shape.rows();
    let kept = Whole::new(all.kept, &shape, kept_width, part);
    let outputs = Whole::new(all.outputs, &shape, output, part);
    let state = Pieces::new(all.state, part * output);
    let cells = Pieces::new(all.cells, part * hidden);
    let transposed = |data, k, n| shape.weight([k, n], Matrix { data, row_stride: 1, column_stride: k });
    let weight = transposed(all.weight, output, shape.width());
    let projection = all.projection.map(|projection| transposed(projection, hidden, output));
    let bias = all.bias;
    share(batch.div_ceil(part), &|i| {
        let cells = if cells.is_empty() { &mut [] } else { cells.take(i) };
        let part = Part {
            gates: gates.take(i),
            kept: if kept_width > 0 { Some(kept.take(i)) } else { None },
            outputs: outputs.take(i),
            state: state.take(i),
            cells,
        };
        part.run(shape, &weight, bias, projection.as_ref());
    });
}

/// What one thread does.
struct Part<'a, T> {
    gates: Rows<'a, T>,
    kept: Option<Rows<'a, T>>,
    outputs: Rows<'a, T>,
    state: &'a mut [T],
    cells: &'a mut [T],
}

impl<T: Float> Part<'_, T> {
    fn run(
        mut self,
        shape: Shape<'_>,
        weight: &Weight<'_, T>,
        bias: Option<&[T]>,
        projection: Option<&Weight<'_, T>>,
    ) {
        let (hidden, output, width) = (shape.hidden, shape.output, shape.width());
        let members = self.state.len() / output;
        let gru = shape.cell == Cell::Gru;
        let mut recurrent = vec![T::default(); if gru { members * width } else { 0 }];
        let mut inner = vec![T::default(); if projection.is_some() { members * hidden } else { 0 }];
        for t in shape.order() {
            let gates = self.gates.step(t);
            let rows = gates.len() / width;
            let state = &mut self.state[..rows * output];
            let recurrent = &mut recurrent[..if gru { rows * width } else { 0 }];
            if gru {
                if let Some(bias) = bias {
                    recurrent.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(bias));
                }
                weight.product(state, recurrent, bias.is_some());
            } else {
                weight.product(state, gates, true);
            }
            let cells = if self.cells.is_empty() { &mut [] } else { &mut self.cells[..rows * hidden] };
            let kept = self.kept.as_mut().map_or(&mut [][..], |kept| kept.step(t));
            let mut step = |state: &mut [T]| {
                Arch::new().dispatch(cells::Forward {
                    cell: shape.cell,
                    hidden,
                    gates,
                    recurrent,
                    kept,
                    cells,
                    state,
                });
            };
            match projection {
                None => step(state),
                Some(projection) => {
                    let inner = &mut inner[..rows * hidden];
                    step(inner);
                    projection.product(inner, state, false);
                }
            }
            self.outputs.step(t).copy_from_slice(&self.state[..rows * output]);
        }
    }
}

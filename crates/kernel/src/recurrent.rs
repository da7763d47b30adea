//! Recurrent layers over a whole sequence: RNN, LSTM and GRU, forward and backward.
//!
//! The numbers of all steps stand in one matrix, a row for each member of the batch that a step has; what the input
//! contributes to the gates is there before the first step begins. A step is one product with the recurrent weights and
//! one pass over the gates. Where all steps are as wide, the batch is split over the threads once, for the whole sequence.
//!
//! ```text
//! RNN   h' = tanh(a) or relu(a)                                    a = x·Wᵀ + h·Uᵀ + b
//! LSTM  i, f, o = σ(a), g = tanh(a);  c' = f·c + i·g;  h' = o·tanh(c')    (times a projection, if there is one)
//! GRU   r, z = σ(a);  n = tanh(aₓ + r·aₕ);  h' = (1 − z)·n + z·h
//! ```
//!
//! Sources: S. Hochreiter, J. Schmidhuber, Neural Computation 9, 1997; K. Cho et al., arXiv:1406.1078.

mod backward;
mod cells;
mod forward;

pub use backward::{Backward, backward};
pub use forward::{Forward, forward};

use crate::gemm::{Matrix, Packed, gemm};
use crate::real::Float;
use crate::threads::{Block, Blocks, Pieces, num_threads};

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// `tanh`
    Tanh,
    /// `max(0, ·)`
    Relu,
    /// Input, forget, cell and output gate.
    Lstm,
    /// Reset and update gate, and the new value.
    Gru,
}

impl Cell {
    /// How many blocks of `hidden` rows the weights have.
    pub fn gates(self) -> usize {
        match self {
            Cell::Tanh | Cell::Relu => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }
}

/// The shape of a sequence and of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// What a step computes.
    pub cell: Cell,
    /// How many members of the batch each step has; never more than the step before.
    pub steps: &'a [usize],
    /// Whether the last step comes first.
    pub reverse: bool,
    /// The width of a gate.
    pub hidden: usize,
    /// The width of the output: that of a gate, if there is no projection.
    pub output: usize,
}

impl Shape<'_> {
    /// The width of all gates of a row.
    pub fn width(&self) -> usize {
        self.cell.gates() * self.hidden
    }

    /// All rows of the sequence.
    pub fn rows(&self) -> usize {
        self.steps.iter().sum()
    }

    /// Members of the batch.
    pub fn batch(&self) -> usize {
        self.steps.first().copied().unwrap_or(0)
    }

    /// Into how many parts the batch is split. A part has rows enough for the products to take the same way, so that
    /// the bits do not depend on it.
    fn part(&self) -> usize {
        let (batch, threads) = (self.batch(), num_threads().min(64));
        let even = self.steps.last() == Some(&batch);
        let work = self.rows() * self.width() * self.output;
        if threads > 1 && even && work > 1_000_000 && batch >= 4 * threads && self.width() >= 32 {
            batch.div_ceil(threads)
        } else {
            batch.max(1)
        }
    }

    /// The steps in the order in which they are computed.
    fn order(&self) -> impl DoubleEndedIterator<Item = usize> {
        let (last, reverse) = (self.steps.len().wrapping_sub(1), self.reverse);
        (0..self.steps.len()).map(move |t| if reverse { last - t } else { t })
    }

    /// For each row of `values` (as wide as `initial`'s) the values before its step: `initial` where it is the first.
    /// Writes all of `before`, which is as long as `values`.
    pub fn before<T: Float>(&self, values: &[T], initial: &[T], before: &mut [T]) {
        let width = initial.len().checked_div(self.batch()).unwrap_or(0);
        let mut state = initial.to_vec();
        let firsts = firsts(self.steps);
        for t in self.order() {
            let part = firsts[t] * width..(firsts[t] + self.steps[t]) * width;
            let state = &mut state[..part.len()];
            before[part.clone()].copy_from_slice(state);
            state.copy_from_slice(&values[part]);
        }
    }

    /// A weight of a step, `(k, n)`, packed for all steps where that pays: where it meets many rows, but not one at a
    /// time, which reads it as it stands. It does not depend on the threads.
    fn weight<'a, T: Float>(&self, shape: [usize; 2], matrix: Matrix<'a, T>) -> Weight<'a, T> {
        if self.batch() > 1 && self.steps.len() > 1 {
            Weight::Packed(Packed::new(shape, matrix))
        } else {
            Weight::Plain(shape, matrix)
        }
    }
}

/// The right side of the product of a step.
enum Weight<'a, T: Float> {
    Plain([usize; 2], Matrix<'a, T>),
    Packed(Packed<T>),
}

impl<T: Float> Weight<'_, T> {
    /// `c = a·weight`, or added to c.
    fn product(&self, a: &[T], c: &mut [T], accumulate: bool) {
        match self {
            Weight::Packed(packed) => packed.product(a, c, accumulate),
            &Weight::Plain([k, n], weight) => {
                let a = Matrix::dense(a, k);
                gemm([c.len() / n.max(1), k, n], a, weight, c, accumulate);
            }
        }
    }
}

/// The row at which each step begins.
fn firsts(steps: &[usize]) -> Vec<usize> {
    steps.iter().scan(0, |sum, &n| Some(std::mem::replace(sum, *sum + n))).collect()
}

/// The rows of each step: of all the batch, or of one thread's part of it.
enum Rows<'a, T> {
    All(&'a mut [T], Vec<usize>, &'a [usize], usize),
    Part(Block<'a, T>),
}

impl<T> Rows<'_, T> {
    fn step(&mut self, t: usize) -> &mut [T] {
        match self {
            Rows::All(values, firsts, steps, width) => {
                &mut values[firsts[t] * *width..(firsts[t] + steps[t]) * *width]
            }
            Rows::Part(block) => block.row(t),
        }
    }
}

/// A matrix of the sequence, to be split over threads or not.
enum Whole<'a, T> {
    All(Pieces<'a, T>, &'a [usize], usize),
    Parts(Blocks<'a, T>),
}

impl<'a, T> Whole<'a, T> {
    fn new(values: &'a mut [T], shape: &Shape<'a>, width: usize, part: usize) -> Self {
        assert_eq!(values.len(), shape.rows() * width, "recurrent: a matrix of another size");
        let batch = shape.batch();
        if part >= batch || width == 0 {
            let all = values.len();
            return Whole::All(Pieces::new(values, all), shape.steps, width);
        }
        let steps = shape.steps.len();
        Whole::Parts(Blocks::new(values, [steps, batch * width], [steps, part * width]))
    }

    fn take(&self, i: usize) -> Rows<'a, T> {
        match self {
            Whole::All(all, steps, width) => Rows::All(all.take(i), firsts(steps), steps, *width),
            Whole::Parts(blocks) => Rows::Part(blocks.take(i).1),
        }
    }
}

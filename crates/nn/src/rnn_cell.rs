//! One step of a recurrent layer: `RNNCell`, `LSTMCell` and `GRUCell`.
//!
//! ```
//! use nn::LSTMCell;
//! use tensor::rand;
//! let cell = LSTMCell::new(3, 4);
//! let (h, c) = cell.forward(&rand([2, 3])?)?;
//! let (h, c) = cell.forward_from(&rand([2, 3])?, (&h, &c))?;
//! assert_eq!((h.shape(), c.shape()), (&[2, 4][..], &[2, 4][..]));
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Module, printed};
use crate::recurrent::Weights;
use tensor::random::Draft;
use tensor::{Cell, Error, Recurred, Result, Tensor};

/// What an [`RNN`](crate::RNN) applies to the sum of what input and state contribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonlinear {
    /// `tanh`
    Tanh,
    /// `max(0, ·)`
    Relu,
}

impl Nonlinear {
    pub(crate) fn cell(self) -> Cell {
        match self {
            Nonlinear::Tanh => Cell::Tanh,
            Nonlinear::Relu => Cell::Relu,
        }
    }
}

/// A step of an [`RNN`](crate::RNN).
#[doc(alias = "torch.nn.RNNCell")]
pub struct RNNCell(Step);

/// A step of an [`LSTM`](crate::LSTM).
#[doc(alias = "torch.nn.LSTMCell")]
pub struct LSTMCell(Step);

/// A step of a [`GRU`](crate::GRU).
#[doc(alias = "torch.nn.GRUCell")]
pub struct GRUCell(Step);

struct Step {
    class: &'static str,
    cell: Cell,
    sizes: [usize; 2],
    bias: bool,
    weights: Weights,
    draft: Draft,
}

#[track_caller]
fn draw(cell: Cell, [input, hidden]: [usize; 2], bias: bool) -> Weights {
    Weights::draw(String::new(), cell, [input, hidden, hidden], bias, false)
}

impl Step {
    #[track_caller]
    fn new(class: &'static str, cell: Cell, sizes: [usize; 2]) -> Self {
        let (weights, draft) = Draft::new(|| draw(cell, sizes, true));
        Step { class, cell, sizes, bias: true, weights, draft }
    }

    #[track_caller]
    fn bias(mut self, bias: bool) -> Self {
        self.bias = bias;
        (self.weights, self.draft) = self.draft.again(|| draw(self.cell, self.sizes, bias));
        self
    }

    #[track_caller]
    fn forward(&self, input: &Tensor, states: [Option<&Tensor>; 2]) -> Result<Recurred> {
        let [input_size, hidden_size] = self.sizes;
        let single = input.dim() == 1;
        let fits = |t: &Tensor, width: usize| t.dim() == input.dim() && t.shape().last() == Some(&width);
        let states_fit = states.into_iter().flatten().all(|s| fits(s, hidden_size));
        if !(1..=2).contains(&input.dim()) || !fits(input, input_size) || hidden_size == 0 || !states_fit {
            return Err(Error::shape(
                self.class,
                format!(
                    "expected an input ({input_size}) or (batch, {input_size}) and states ({hidden_size}) or (batch, \
                     {hidden_size}), found {:?} and {:?}",
                    input.shape(),
                    states.into_iter().flatten().map(Tensor::shape).collect::<Vec<_>>()
                ),
            ));
        }
        let batch = |t: &Tensor| if single { t.unsqueeze(0) } else { Ok(t.clone()) };
        let [state, cells] = [states[0].map(batch).transpose()?, states[1].map(batch).transpose()?];
        let rows = batch(input)?;
        let steps = [rows.shape()[0]];
        let found = self.weights.run(self.cell, false, &rows, &steps, [state.as_ref(), cells.as_ref()])?;
        if !single {
            return Ok(found);
        }
        let cells = found.cells.map(|c| c.squeeze_dim(0)).transpose()?;
        Ok(Recurred { output: found.output.squeeze_dim(0)?, state: found.state.squeeze_dim(0)?, cells })
    }

    fn extra_repr(&self) -> String {
        let nonlinearity = if self.cell == Cell::Relu { ", nonlinearity=relu" } else { "" };
        let bias = if self.bias { "" } else { ", bias=False" };
        format!("{}, {}{bias}{nonlinearity}", self.sizes[0], self.sizes[1])
    }
}

macro_rules! cells {
    ($($layer:ident $cell:ident $state:ty, $given:ty, $split:expr, $join:expr;)*) => {$(
        impl $layer {
            /// With biases.
            #[track_caller]
            pub fn new(input_size: usize, hidden_size: usize) -> Self {
                $layer(Step::new(stringify!($layer), Cell::$cell, [input_size, hidden_size]))
            }

            /// Whether there are biases.
            #[track_caller]
            #[must_use]
            pub fn bias(self, bias: bool) -> Self {
                $layer(self.0.bias(bias))
            }

            /// The state after a first step with this input, `(batch, input_size)` or `(input_size)`.
            ///
            /// # Errors
            /// If the input does not fit.
            #[track_caller]
            pub fn forward(&self, input: &Tensor) -> Result<$state> {
                $join(self.0.forward(input, [None, None])?)
            }

            /// The state after a step from this state.
            ///
            /// # Errors
            /// If input or state do not fit.
            #[doc(alias = "hx")]
            #[track_caller]
            pub fn forward_from(&self, input: &Tensor, state: $given) -> Result<$state> {
                $join(self.0.forward(input, $split(state))?)
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                self.0.weights.visit(visit);
            }
            fn extra_repr(&self) -> String {
                self.0.extra_repr()
            }
        }
    )*
    printed!($($layer)*);
    };
}

cells! {
    RNNCell Tanh Tensor, &Tensor, |state| [Some(state), None], |found: Recurred| Ok(found.state);
    GRUCell Gru Tensor, &Tensor, |state| [Some(state), None], |found: Recurred| Ok(found.state);
    LSTMCell Lstm (Tensor, Tensor), (&Tensor, &Tensor),
        |(state, cells): (_, _)| [Some(state), Some(cells)],
        |found: Recurred| {
            let cells = found.cells.ok_or_else(|| Error::graph("LSTMCell", "the cells are missing"))?;
            Ok((found.state, cells))
        };
}

impl RNNCell {
    /// `tanh`, or `relu`.
    #[must_use]
    pub fn nonlinearity(mut self, nonlinearity: Nonlinear) -> Self {
        self.0.cell = nonlinearity.cell();
        self
    }
}

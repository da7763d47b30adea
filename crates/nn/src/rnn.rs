//! Recurrent layers: `RNN`, `LSTM` and `GRU`.
//!
//! ```
//! use nn::LSTM;
//! use tensor::rand;
//! let layer = LSTM::new(3, 4).batch_first(true);
//! assert_eq!(layer.to_string(), "LSTM(3, 4, batch_first=True)");
//! let (output, (h, c)) = layer.forward(&rand([2, 5, 3])?)?;
//! assert_eq!((output.shape(), h.shape(), c.shape()), (&[2, 5, 4][..], &[1, 2, 4][..], &[1, 2, 4][..]));
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Module, printed};
use crate::packed::PackedSequence;
use crate::recurrent::{Passed, Stack};
use crate::rnn_cell::Nonlinear;
use tensor::{Cell, Error, Result, Tensor};

/// Layers of `h' = tanh(W·x + b + U·h + b')`. Weights `(hidden_size, …)` and biases begin evenly in ±1/√hidden_size.
#[doc(alias = "torch.nn.RNN")]
pub struct RNN(Stack);

/// Layers with gates that forget and remember. Source: S. Hochreiter, J. Schmidhuber, Neural Computation 9, 1997.
#[doc(alias = "torch.nn.LSTM")]
pub struct LSTM(Stack);

/// Layers with two gates. Source: K. Cho et al., arXiv:1406.1078, in PyTorch's form.
#[doc(alias = "torch.nn.GRU")]
pub struct GRU(Stack);

macro_rules! layers {
    ($($layer:ident $cell:ident $state:ty, $given:ty, $split:expr, $join:expr;)*) => {$(
        impl $layer {
            /// One layer, in one direction, for sequences `(steps, batch, input_size)`.
            #[track_caller]
            pub fn new(input_size: usize, hidden_size: usize) -> Self {
                $layer(Stack::new(stringify!($layer), Cell::$cell, input_size, hidden_size))
            }

            /// How many layers stand one above the other.
            #[track_caller]
            #[must_use]
            pub fn num_layers(mut self, num_layers: usize) -> Self {
                self.0.num_layers = num_layers;
                $layer(self.0.drawn())
            }

            /// Whether there are biases.
            #[track_caller]
            #[must_use]
            pub fn bias(mut self, bias: bool) -> Self {
                self.0.bias = bias;
                $layer(self.0.drawn())
            }

            /// Whether inputs and outputs are `(batch, steps, …)`.
            #[must_use]
            pub fn batch_first(mut self, batch_first: bool) -> Self {
                self.0.batch_first = batch_first;
                self
            }

            /// In training, the probability of a zero between layers.
            #[must_use]
            pub fn dropout(mut self, dropout: f64) -> Self {
                self.0.dropout = dropout;
                self
            }

            /// Whether each layer also runs from the last step to the first.
            #[track_caller]
            #[must_use]
            pub fn bidirectional(mut self, bidirectional: bool) -> Self {
                self.0.bidirectional = bidirectional;
                $layer(self.0.drawn())
            }

            /// The outputs of the last layer at all steps, and the last state of all layers.
            ///
            /// # Errors
            /// If the input does not fit.
            #[track_caller]
            pub fn forward(&self, input: &Tensor) -> Result<(Tensor, $state)> {
                let (output, state, cells) = self.checked()?.forward(input, [None, None])?;
                Ok((output, $join(state, cells)?))
            }

            /// [`forward`](Self::forward) from this state, `(layers and directions, batch, …)`.
            ///
            /// # Errors
            /// If input or state do not fit.
            #[doc(alias = "hx")]
            #[track_caller]
            pub fn forward_from(&self, input: &Tensor, state: $given) -> Result<(Tensor, $state)> {
                let (output, state, cells) = self.checked()?.forward(input, $split(state))?;
                Ok((output, $join(state, cells)?))
            }

            /// [`forward`](Self::forward) for sequences of several lengths.
            ///
            /// # Errors
            /// If the input does not fit.
            #[track_caller]
            pub fn forward_packed(
                &self,
                input: &PackedSequence,
                state: Option<$given>,
            ) -> Result<(PackedSequence, $state)> {
                let states = state.map_or([None, None], $split);
                let [first, second] = [input.sort(states[0])?, input.sort(states[1])?];
                let (rows, state, cells): Passed = self.checked()?.rows(
                    &input.data,
                    &input.batch_sizes,
                    [first.as_ref(), second.as_ref()],
                )?;
                let cells = cells.map(|cells| input.unsort(&cells)).transpose()?;
                Ok((input.with_data(rows), $join(input.unsort(&state)?, cells)?))
            }

            /// An error for options that no layer can have.
            #[track_caller]
            fn checked(&self) -> Result<&Stack> {
                let Stack { hidden_size, num_layers, proj_size, dropout, .. } = self.0;
                let fits = hidden_size > 0
                    && num_layers > 0
                    && (proj_size == 0 || proj_size < hidden_size)
                    && (0.0..=1.0).contains(&dropout);
                if fits {
                    return Ok(&self.0);
                }
                Err(Error::value(
                    stringify!($layer),
                    format!(
                        "expected hidden_size and num_layers of at least 1, proj_size below hidden_size and dropout \
                         between 0 and 1, found {self}"
                    ),
                ))
            }
        }

        impl Module for $layer {
            fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
                self.0.visit(visit);
            }
            fn extra_repr(&self) -> String {
                self.0.extra_repr()
            }
        }
    )*
    printed!($($layer)*);
    };
}

fn one(state: &Tensor) -> [Option<&Tensor>; 2] {
    [Some(state), None]
}

fn both<'a>((state, cells): (&'a Tensor, &'a Tensor)) -> [Option<&'a Tensor>; 2] {
    [Some(state), Some(cells)]
}

layers! {
    RNN Tanh Tensor, &Tensor, one, |state, _| Ok::<Tensor, Error>(state);
    GRU Gru Tensor, &Tensor, one, |state, _| Ok::<Tensor, Error>(state);
    LSTM Lstm (Tensor, Tensor), (&Tensor, &Tensor), both, |state, cells: Option<Tensor>| {
        cells.map(|cells| (state, cells)).ok_or_else(|| Error::graph("LSTM", "the cells are missing"))
    };
}

impl RNN {
    /// `tanh`, or `relu`.
    #[must_use]
    pub fn nonlinearity(mut self, nonlinearity: Nonlinear) -> Self {
        self.0.cell = nonlinearity.cell();
        self
    }
}

impl LSTM {
    /// The width of the outputs, if they are projected to less than `hidden_size`; 0 if they are not.
    /// Source: H. Sak, A. Senior, F. Beaufays, arXiv:1402.1128.
    #[track_caller]
    #[must_use]
    pub fn proj_size(mut self, proj_size: usize) -> Self {
        self.0.proj_size = proj_size;
        LSTM(self.0.drawn())
    }
}

//! What RNN, LSTM and GRU have in common: weights for each layer and direction, and the way through them.

use crate::dropout::drop_out;
use crate::init::uniform_parameter;
use crate::module::{Module, TrainMode};
use tensor::random::Draft;
use tensor::{Cell, Error, Parameter, Recurrent, Result, Tensor, cat, stack, zeros};

/// The weights of one layer in one direction, `suffix` being what their names end with.
pub(crate) struct Weights {
    suffix: String,
    weight_ih: Parameter,
    weight_hh: Parameter,
    bias: Option<[Parameter; 2]>,
    projection: Option<Parameter>,
}

impl Weights {
    #[track_caller]
    pub(crate) fn draw(suffix: String, cell: Cell, sizes: [usize; 3], bias: bool, projected: bool) -> Self {
        let [input, hidden, output] = sizes;
        let bound = if hidden > 0 { 1.0 / (hidden as f64).sqrt() } else { 0.0 };
        let width = cell.gates() * hidden;
        Weights {
            suffix,
            weight_ih: uniform_parameter(&[width, input], bound),
            weight_hh: uniform_parameter(&[width, output], bound),
            bias: bias.then(|| [(); 2].map(|()| uniform_parameter(&[width], bound))),
            projection: projected.then(|| uniform_parameter(&[output, hidden], bound)),
        }
    }

    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        let mut named = |name: &str, p: &dyn Module| visit(&format!("{name}{}", self.suffix), p);
        named("weight_ih", &self.weight_ih);
        named("weight_hh", &self.weight_hh);
        if let Some([ih, hh]) = &self.bias {
            named("bias_ih", ih);
            named("bias_hh", hh);
        }
        if let Some(projection) = &self.projection {
            named("weight_hr", projection);
        }
    }

    /// The way of rows through this layer.
    #[track_caller]
    pub(crate) fn run(
        &self,
        cell: Cell,
        reverse: bool,
        rows: &Tensor,
        steps: &[usize],
        [state, cells]: [Option<&Tensor>; 2],
    ) -> Result<tensor::Recurred> {
        let [ih, hh] = [&self.weight_ih, &self.weight_hh].map(Parameter::tensor);
        let bias = self.bias.as_ref().map(|b| [b[0].tensor(), b[1].tensor()]);
        let projection = self.projection.as_ref().map(Parameter::tensor);
        let layer = Recurrent {
            cell,
            reverse,
            weight_ih: &ih,
            weight_hh: &hh,
            bias: bias.as_ref().map(|[a, b]| [a, b]),
            projection: projection.as_ref(),
        };
        let nothing =
            |width: usize| Ok(zeros([steps.first().copied().unwrap_or(0), width])?.to(rows.dtype()));
        let [output, hidden] = [hh.shape()[1], hh.shape()[0] / cell.gates()];
        let state = state.map_or_else(|| nothing(output), |t| Ok(t.clone()))?;
        let cells = match (cell, cells) {
            (Cell::Lstm, None) => Some(nothing(hidden)?),
            (_, cells) => cells.cloned(),
        };
        rows.recurrent(steps, &state, cells.as_ref(), layer)
    }
}

/// Layers one above the other, each in one direction or in both.
pub(crate) struct Stack {
    pub(crate) class: &'static str,
    pub(crate) cell: Cell,
    pub(crate) input_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) proj_size: usize,
    pub(crate) num_layers: usize,
    pub(crate) bias: bool,
    pub(crate) batch_first: bool,
    pub(crate) dropout: f64,
    pub(crate) bidirectional: bool,
    weights: Vec<Weights>,
    draft: Option<Draft>,
    mode: TrainMode,
}

/// The outputs `(rows, …)`, and the states of all layers and directions.
pub(crate) type Passed = (Tensor, Tensor, Option<Tensor>);

impl Stack {
    #[track_caller]
    pub(crate) fn new(class: &'static str, cell: Cell, input_size: usize, hidden_size: usize) -> Self {
        Stack {
            class,
            cell,
            input_size,
            hidden_size,
            proj_size: 0,
            num_layers: 1,
            bias: true,
            batch_first: false,
            dropout: 0.0,
            bidirectional: false,
            weights: Vec::new(),
            draft: None,
            mode: TrainMode::new(),
        }
        .drawn()
    }

    /// With weights for the options as they are now.
    #[track_caller]
    pub(crate) fn drawn(mut self) -> Self {
        let (weights, draft) = match self.draft {
            None => Draft::new(|| self.draw()),
            Some(draft) => draft.again(|| self.draw()),
        };
        (self.weights, self.draft) = (weights, Some(draft));
        self
    }

    #[track_caller]
    fn draw(&self) -> Vec<Weights> {
        let mut weights = Vec::new();
        for layer in 0..self.num_layers {
            for direction in 0..self.directions() {
                let input = if layer == 0 { self.input_size } else { self.output() * self.directions() };
                let suffix = format!("_l{layer}{}", if direction == 1 { "_reverse" } else { "" });
                let sizes = [input, self.hidden_size, self.output()];
                weights.push(Weights::draw(suffix, self.cell, sizes, self.bias, self.proj_size > 0));
            }
        }
        weights
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// The width of a state.
    fn output(&self) -> usize {
        if self.proj_size > 0 { self.proj_size } else { self.hidden_size }
    }

    pub(crate) fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        self.weights.iter().for_each(|w| w.visit(visit));
        visit("mode", &self.mode);
    }

    pub(crate) fn extra_repr(&self) -> String {
        let mut text = format!("{}, {}", self.input_size, self.hidden_size);
        let mut option = |given: bool, option: String| {
            if given {
                text.push_str(", ");
                text.push_str(&option);
            }
        };
        option(self.proj_size != 0, format!("proj_size={}", self.proj_size));
        option(self.num_layers != 1, format!("num_layers={}", self.num_layers));
        option(!self.bias, "bias=False".into());
        option(self.batch_first, "batch_first=True".into());
        option(self.dropout != 0.0, format!("dropout={:?}", self.dropout));
        option(self.bidirectional, "bidirectional=True".into());
        text
    }

    /// A padded sequence: `(steps, batch, input_size)`, the batch first if so wanted, or one member without it.
    #[track_caller]
    pub(crate) fn forward(&self, input: &Tensor, states: [Option<&Tensor>; 2]) -> Result<Passed> {
        let single = input.dim() == 2;
        if !single && input.dim() != 3 {
            return Err(Error::shape(
                self.class,
                format!("expected an input of 2 or 3 dimensions, found shape {:?}", input.shape()),
            ));
        }
        let timed = match (single, self.batch_first) {
            (true, _) => input.unsqueeze(1)?,
            (false, true) => input.transpose(0, 1)?,
            (false, false) => input.clone(),
        };
        let [steps, batch, width] = [timed.shape()[0], timed.shape()[1], timed.shape()[2]];
        self.check_width(width)?;
        if steps == 0 {
            return Err(Error::shape(self.class, "expected a sequence of at least one step, found none"));
        }
        if let Some(state) = states.into_iter().flatten().find(|s| s.dim() != input.dim()) {
            return Err(Error::shape(
                self.class,
                format!(
                    "for an input {:?} a state of as many dimensions, found {:?}",
                    input.shape(),
                    state.shape()
                ),
            ));
        }
        let of_batch =
            |t: Option<&Tensor>| t.map(|t| if single { t.unsqueeze(1) } else { Ok(t.clone()) }).transpose();
        let [state, cells] = [of_batch(states[0])?, of_batch(states[1])?];
        let rows = timed.reshape([steps * batch, width])?;
        let (rows, state, cells) = self.rows(&rows, &vec![batch; steps], [state.as_ref(), cells.as_ref()])?;
        let width = self.output() * self.directions();
        let output = rows.reshape([steps, batch, width])?;
        let without = |t: Tensor| if single { t.squeeze_dim(1) } else { Ok(t) };
        let output = if !single && self.batch_first { output.transpose(0, 1)? } else { without(output)? };
        Ok((output, without(state)?, cells.map(without).transpose()?))
    }

    #[track_caller]
    fn check_width(&self, width: usize) -> Result<()> {
        if width == self.input_size {
            return Ok(());
        }
        Err(Error::shape(
            self.class,
            format!("the input's last dimension should be input_size, {}, found {width}", self.input_size),
        ))
    }

    /// The rows of a sequence, a step behind the other.
    #[track_caller]
    pub(crate) fn rows(
        &self,
        rows: &Tensor,
        steps: &[usize],
        states: [Option<&Tensor>; 2],
    ) -> Result<Passed> {
        self.check_width(rows.shape().last().copied().unwrap_or(0))?;
        let batch = steps.first().copied().unwrap_or(0);
        for (state, width) in states.into_iter().zip([self.output(), self.hidden_size]) {
            let expected = [self.weights.len(), batch, width];
            if let Some(state) = state
                && state.shape() != expected
            {
                return Err(Error::shape(
                    self.class,
                    format!(
                        "a state should be {expected:?} (layers and directions, batch, size), found {:?}",
                        state.shape()
                    ),
                ));
            }
        }
        let mut rows = rows.clone();
        let (mut last, mut last_cells) = (Vec::new(), Vec::new());
        for (layer, weights) in self.weights.chunks(self.directions()).enumerate() {
            let mut outputs = Vec::new();
            for (direction, weights) in weights.iter().enumerate() {
                let place = (layer * self.directions() + direction) as isize;
                let first = |t: Option<&Tensor>| t.map(|t| t.select(0, place)).transpose();
                let [state, cells] = [first(states[0])?, first(states[1])?];
                let found =
                    weights.run(self.cell, direction == 1, &rows, steps, [state.as_ref(), cells.as_ref()])?;
                outputs.push(found.output);
                last.push(found.state);
                last_cells.extend(found.cells);
            }
            rows = match outputs.as_slice() {
                [one] => one.clone(),
                both => cat(&both.iter().collect::<Vec<_>>(), -1)?,
            };
            if self.mode.is_training() && layer + 1 < self.num_layers {
                rows = drop_out(&rows, rows.shape().to_vec(), self.dropout)?;
            }
        }
        let together = |states: &[Tensor]| match states {
            [one] => one.unsqueeze(0),
            many => stack(&many.iter().collect::<Vec<_>>(), 0),
        };
        let cells = if last_cells.is_empty() { None } else { Some(together(&last_cells)?) };
        Ok((rows, together(&last)?, cells))
    }
}

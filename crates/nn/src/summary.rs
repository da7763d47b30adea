//! A model as a table: what comes out of each layer, how much is trained, how much is computed.

use crate::module::{Layer, Module, Part};
use std::cell::RefCell;
use std::fmt::{self, Write};
use tensor::{Parameter, Result, Shape, Tensor, no_grad};

thread_local! {
    /// What the layers of this thread have produced since a summary began; `None` while nobody asks.
    static SEEN: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
}

struct Seen {
    /// Where the layer is. Layers without fields have no place of their own; their class and order tell them apart.
    place: Option<usize>,
    class: String,
    output: Shape,
}

/// Every layer hands its output through here, so that a summary knows its shape.
#[inline]
pub(crate) fn seen<L: Module>(layer: &L, output: Result<Tensor>) -> Result<Tensor> {
    SEEN.with_borrow_mut(|seen| {
        if let (Some(seen), Ok(output)) = (seen, &output) {
            seen.push(Seen {
                place: layer.place(),
                class: layer.name().into_owned(),
                output: output.shape().into(),
            });
        }
    });
    output
}

/// A row of a [`Summary`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The layer's name in the model, such as `features.0`; empty for the model itself.
    pub name: String,
    /// Its class, such as `Linear`.
    pub class: String,
    /// The shape of its output; `None` if the forward pass did not use it.
    pub output: Option<Shape>,
    /// How many numbers it has to be trained, those of its children included.
    pub parameters: usize,
    /// How many multiplications and additions its forward pass takes; 0 for layers without a weight.
    pub mult_adds: usize,
    depth: usize,
}

/// The table that [`summary`] makes.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The layers in order, each before its children.
    pub rows: Vec<Row>,
    /// How many numbers are trained.
    pub parameters: usize,
    /// How many are frozen.
    pub frozen: usize,
    input: Vec<i64>,
}

/// Runs the model once on zeros of this shape, in evaluation mode, and tells what each layer does.
///
/// ```
/// use nn::{Linear, ReLU, sequential, summary};
/// let model = sequential![Linear::new(30, 16), ReLU, Linear::new(16, 1)];
/// println!("{}", summary(&model, [32, 30])?);
/// assert_eq!(summary(&model, [32, 30])?.parameters, 30 * 16 + 16 + 16 + 1);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// Those of the forward pass.
#[doc(alias = "torchinfo")]
#[track_caller]
pub fn summary(model: &dyn Layer, input: impl tensor::Ints) -> Result<Summary> {
    let parameters = model.parameters();
    let dtype = parameters.first().map_or(tensor::DType::F32, Parameter::dtype);
    let mut modes = Vec::new();
    remember_modes(model, &mut modes);
    model.eval();
    let outer = SEEN.replace(Some(vec![]));
    let output = Tensor::full(&input, 0.0, dtype).and_then(|x| no_grad(|| model.forward(&x)));
    let seen = SEEN.replace(outer).unwrap_or_default();
    restore_modes(model, &mut modes.into_iter());
    let output = output?;

    let mut table = Table { rows: vec![], seen };
    table.add(model, "", 0);
    if let Some(first) = table.rows.first_mut() {
        first.output = Some(output.shape().into());
    }
    let count =
        |trained: bool| parameters.iter().filter(|p| p.needs_grad() == trained).map(Parameter::numel).sum();
    Ok(Summary {
        rows: table.rows,
        parameters: count(true),
        frozen: count(false),
        input: input.ints().to_vec(),
    })
}

fn remember_modes(module: &dyn Module, modes: &mut Vec<bool>) {
    module.visit(&mut |_, part| match part.part() {
        Part::TrainMode(mode) => modes.push(mode.is_training()),
        Part::Module => remember_modes(part, modes),
        _ => {}
    });
}

fn restore_modes(module: &dyn Module, modes: &mut dyn Iterator<Item = bool>) {
    module.visit(&mut |_, part| match part.part() {
        Part::TrainMode(mode) => mode.set(modes.next().unwrap_or(true)),
        Part::Module => restore_modes(part, modes),
        _ => {}
    });
}

struct Table {
    rows: Vec<Row>,
    seen: Vec<Seen>,
}

impl Table {
    fn add(&mut self, module: &dyn Module, name: &str, depth: usize) {
        let class = module.name().into_owned();
        let place = module.place();
        let mine = |s: &Seen| s.class == class && s.place == place;
        let output = self.seen.iter().position(mine).map(|at| self.seen.remove(at).output);

        let mut weight = None;
        module.visit(&mut |name, part| {
            if let (Part::Parameter(p), "weight") = (part.part(), name) {
                weight = Some(p.shape());
            }
        });
        // Each number of a weight (out, …) meets each output position once.
        let mult_adds = match (&weight, &output) {
            (Some(weight), Some(output)) if !weight.is_empty() && class != "Embedding" => {
                let positions = output.iter().product::<usize>() / weight[0].max(1);
                positions * weight.iter().product::<usize>()
            }
            _ => 0,
        };
        let row = self.rows.len();
        let parameters = module.num_parameters();
        self.rows.push(Row { name: name.to_string(), class, output, parameters, mult_adds, depth });
        module.visit(&mut |child, part| {
            if let Part::Module = part.part() {
                let child = if name.is_empty() { child.to_string() } else { format!("{name}.{child}") };
                self.add(part, &child, depth + 1);
            }
        });
        let children: usize =
            self.rows[row + 1..].iter().filter(|r| r.depth == depth + 1).map(|r| r.mult_adds).sum();
        self.rows[row].mult_adds += children;
    }
}

/// A number with commas: `1,234,567`.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![[
            "Layer (class)".to_string(),
            "Output shape".to_string(),
            "Parameters".to_string(),
            "Mult-adds".to_string(),
        ]];
        for row in &self.rows {
            let mut title = "  ".repeat(row.depth);
            match row.name.rsplit('.').next() {
                Some(name) if !name.is_empty() => write!(title, "{name} ({})", row.class)?,
                _ => title.push_str(&row.class),
            }
            let or_dash = |n: usize| if n == 0 { "–".to_string() } else { grouped(n) };
            let output = row.output.as_ref().map_or("–".to_string(), |shape| format!("{shape:?}"));
            lines.push([title, output, or_dash(row.parameters), or_dash(row.mult_adds)]);
        }
        let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max().unwrap_or(0);
        let widths = [width(0), width(1), width(2), width(3)];
        let rule = "─".repeat(widths.iter().sum::<usize>() + 6);
        for (i, [title, output, parameters, mult_adds]) in lines.iter().enumerate() {
            let [a, b, c, d] = widths;
            writeln!(f, "{title:a$}  {output:b$}  {parameters:>c$}  {mult_adds:>d$}")?;
            if i == 0 {
                writeln!(f, "{rule}")?;
            }
        }
        let total = self.rows.first().map_or(0, |r| r.mult_adds);
        writeln!(f, "{rule}")?;
        write!(
            f,
            "input {:?}: {} parameters trained, {} frozen, {} mult-adds",
            self.input,
            grouped(self.parameters),
            grouped(self.frozen),
            grouped(total)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dropout, Linear, ReLU, sequential};

    #[test]
    fn a_table() {
        let model = sequential![
            Linear::new(30, 1000),
            ReLU,
            sequential![Dropout::new(), Linear::new(1000, 2).bias(false), ReLU],
        ];
        model.train();
        let table = summary(&model, [32, 30]).unwrap();
        assert_eq!(
            table.to_string(),
            "\
Layer (class)     Output shape  Parameters  Mult-adds
─────────────────────────────────────────────────────
Sequential        [32, 2]           33,000  1,024,000
  0 (Linear)      [32, 1000]        31,000    960,000
  1 (ReLU)        [32, 1000]             –          –
  2 (Sequential)  [32, 2]            2,000     64,000
    0 (Dropout)   [32, 1000]             –          –
    1 (Linear)    [32, 2]            2,000     64,000
    2 (ReLU)      [32, 2]                –          –
─────────────────────────────────────────────────────
input [32, 30]: 33,000 parameters trained, 0 frozen, 1,024,000 mult-adds"
        );
        // The mode is as it was: half of a thousand ones are dropped.
        let dropped = model.get(2).unwrap().forward(&tensor::ones([1, 1000]).unwrap());
        assert!(dropped.is_ok());
        assert!(summary(&model, [32, 31]).is_err());
    }
}

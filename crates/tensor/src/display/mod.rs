//! Tensors as PyTorch prints them, character by character.
//!
//! Everything here works on plain row-major values and a shape, and knows nothing of tensors: whoever has
//! values can print them. The layout (one notation and one width for all elements, lines of 80 characters, a
//! summary beyond 1000 elements) is that of PyTorch's `_tensor_str.py`; [`PrintOptions`] changes it as
//! `torch.set_printoptions` does. The one intended difference: a dtype is written without the prefix `torch.`.
//!
//! ```
//! use tensor::display::{Values, format_nested, format_tensor};
//!
//! let x = Values::F32(&[2.5, 0.3, -1.2]);
//! assert_eq!(format_tensor(x, &[1, 3], &[]), "tensor([[ 2.5000,  0.3000, -1.2000]])");
//! let grad_fn = "grad_fn=<MulBackward0>".to_owned();
//! assert_eq!(format_tensor(Values::F32(&[4.0]), &[], &[grad_fn]), "tensor(4., grad_fn=<MulBackward0>)");
//! assert_eq!(format_nested(Values::I64(&[1, 2, 3, 4]), &[2, 2]), "[[1, 2], [3, 4]]");
//! ```

mod notation;
mod number;
mod options;
mod tensor;

pub use number::format_float;
pub use options::{PrintOptions, printoptions, set_printoptions, with_printoptions};

#[cfg(test)]
mod tests;

use notation::Notation;
use std::ops::Range;

/// The elements of a tensor, contiguous and row-major.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// float32
    F32(&'a [f32]),
    /// float64
    F64(&'a [f64]),
    /// int64
    I64(&'a [i64]),
    /// bool
    Bool(&'a [bool]),
}

impl Values<'_> {
    fn is_float(self) -> bool {
        matches!(self, Values::F32(_) | Values::F64(_))
    }

    /// Element `i`, if the elements are floats.
    fn float(self, i: usize) -> Option<f64> {
        match self {
            Values::F32(x) => Some(f64::from(x[i])),
            Values::F64(x) => Some(x[i]),
            Values::I64(_) | Values::Bool(_) => None,
        }
    }

    /// Element `i` as Python's `repr` writes it.
    fn plain(self, i: usize) -> String {
        match self {
            Values::F32(x) => format_float(f64::from(x[i])),
            Values::F64(x) => format_float(x[i]),
            Values::I64(x) => x[i].to_string(),
            Values::Bool(x) => if x[i] { "True" } else { "False" }.to_owned(),
        }
    }

    /// The dtype, unless the printed elements alone tell it.
    fn dtype_to_print(self, empty: bool) -> Option<&'static str> {
        match self {
            Values::F32(_) => None,
            Values::F64(_) => Some("float64"),
            Values::I64(_) => empty.then_some("int64"),
            Values::Bool(_) => empty.then_some("bool"),
        }
    }
}

const PREFIX: &str = "tensor(";

/// `str(x)`: the tensor as PyTorch prints it, under this thread's [`printoptions`].
///
/// `suffixes` are extras that are formatted already, in order: `requires_grad=True`, `grad_fn=<…>`. The size of
/// an empty tensor and the dtype come before them by themselves.
///
/// # Panics
/// If there are fewer values than the shape asks for.
#[doc(alias = "torch.Tensor.__repr__")]
pub fn format_tensor(values: Values<'_>, shape: &[usize], suffixes: &[String]) -> String {
    let options = printoptions();
    let empty = shape.contains(&0);
    let mut text = PREFIX.to_owned();
    if empty {
        text.push_str("[]");
    } else {
        Page::new(values, shape, &options).write(&mut text);
    }
    // PyTorch counts two characters more than the last line has.
    let mut column = text.len() - text.rfind('\n').map_or(0, |at| at + 1) + 2;
    let mut append = |suffix: &str, hidden: usize| {
        let length = suffix.chars().count() + hidden;
        if column + length + 2 > options.linewidth {
            text.push_str(",\n");
            text.push_str(&" ".repeat(PREFIX.len()));
            column = PREFIX.len() + length;
        } else {
            text.push_str(", ");
            column += length + 2;
        }
        text.push_str(suffix);
    };
    if (empty && shape.len() != 1) || (!empty && options.edgeitems == 0) {
        append(&format!("size={}", format_size(shape)), 0);
    }
    if let Some(dtype) = values.dtype_to_print(empty) {
        // The prefix that we leave out still counts, so that lines break where PyTorch's do.
        append(&format!("dtype={dtype}"), "torch.".len());
    }
    for suffix in suffixes {
        append(suffix, 0);
    }
    text.push(')');
    text
}

/// `str(x.item())`: the first value as Python writes a number: `0.2231435477733612`, `1e-07`, `3`, `True`.
/// A float32 is widened to a double first, as in Python.
///
/// # Panics
/// If there is no value.
#[doc(alias = "torch.Tensor.item")]
pub fn format_scalar(values: Values<'_>) -> String {
    values.plain(0)
}

/// `str(x.tolist())`: nested Python lists.
///
/// # Panics
/// If there are fewer values than the shape asks for.
#[doc(alias = "torch.Tensor.tolist")]
pub fn format_nested(values: Values<'_>, shape: &[usize]) -> String {
    fn write(values: Values<'_>, shape: &[usize], first: usize, text: &mut String) {
        let [len, inner @ ..] = shape else {
            text.push_str(&values.plain(first));
            return;
        };
        let stride: usize = inner.iter().product();
        text.push('[');
        for i in 0..*len {
            if i > 0 {
                text.push_str(", ");
            }
            write(values, inner, first + i * stride, text);
        }
        text.push(']');
    }
    let mut text = String::new();
    write(values, shape, 0, &mut text);
    text
}

/// A shape as Python writes a tuple: `(0, 3)`, `(5,)`, `()`.
fn format_size(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Which elements of a tensor are printed.
#[derive(Clone, Copy)]
struct Cut {
    /// Elements before and behind the dots, if this is a summary.
    edge: Option<usize>,
}

impl Cut {
    fn new(shape: &[usize], options: &PrintOptions) -> Self {
        let summarize = shape.iter().product::<usize>() > options.threshold;
        Cut { edge: summarize.then_some(options.edgeitems) }
    }

    /// The part of a dimension that is printed, and the part behind the dots if there are dots.
    fn parts(self, len: usize) -> (Range<usize>, Option<Range<usize>>) {
        match self.edge {
            Some(edge) if len > edge.saturating_mul(2) => (0..edge, Some(len - edge..len)),
            _ => (0..len, None),
        }
    }

    /// Lists the places of the elements that are printed.
    fn collect(self, shape: &[usize], first: usize, shown: &mut Vec<usize>) {
        let [len, inner @ ..] = shape else {
            shown.push(first);
            return;
        };
        let stride: usize = inner.iter().product();
        let (head, tail) = self.parts(*len);
        for i in head.chain(tail.unwrap_or(0..0)) {
            self.collect(inner, first + i * stride, shown);
        }
    }
}

/// One tensor on its way to paper. The recursions are as deep as the tensor has dimensions.
struct Page<'a> {
    values: Values<'a>,
    shape: &'a [usize],
    options: &'a PrintOptions,
    cut: Cut,
    notation: Notation,
}

impl<'a> Page<'a> {
    fn new(values: Values<'a>, shape: &'a [usize], options: &'a PrintOptions) -> Self {
        let cut = Cut::new(shape, options);
        let mut shown = Vec::new();
        cut.collect(shape, 0, &mut shown);
        Page { values, shape, options, cut, notation: Notation::of(values, &shown, options) }
    }

    fn write(&self, text: &mut String) {
        self.write_at(self.shape, 0, PREFIX.len(), text);
    }

    fn write_at(&self, shape: &[usize], first: usize, indent: usize, text: &mut String) {
        match shape {
            [] => text.push_str(&self.notation.element(self.values, first)),
            [len] => self.write_vector(*len, first, indent, text),
            [len, inner @ ..] => {
                let stride: usize = inner.iter().product();
                let (head, tail) = self.cut.parts(*len);
                let separator = format!(",{}{}", "\n".repeat(inner.len()), " ".repeat(indent + 1));
                let mut next = "";
                text.push('[');
                for i in head {
                    text.push_str(std::mem::replace(&mut next, &separator));
                    self.write_at(inner, first + i * stride, indent + 1, text);
                }
                if let Some(tail) = tail {
                    text.push_str(std::mem::replace(&mut next, &separator));
                    text.push_str("...");
                    for i in tail {
                        text.push_str(&separator);
                        self.write_at(inner, first + i * stride, indent + 1, text);
                    }
                }
                text.push(']');
            }
        }
    }

    fn write_vector(&self, len: usize, first: usize, indent: usize, text: &mut String) {
        let element = |i: usize| self.notation.element(self.values, first + i);
        let (head, tail) = self.cut.parts(len);
        let mut items: Vec<String> = head.map(element).collect();
        if let Some(tail) = tail {
            // PyTorch's dots have a blank before them, unless they stand alone.
            items.push(if self.options.edgeitems == 0 { "..." } else { " ..." }.to_owned());
            items.extend(tail.map(element));
        }
        let per_line = (self.options.linewidth.saturating_sub(indent) / (self.notation.width() + 2)).max(1);
        let lines: Vec<String> = items.chunks(per_line).map(|line| line.join(", ")).collect();
        text.push('[');
        text.push_str(&lines.join(&format!(",\n{}", " ".repeat(indent + 1))));
        text.push(']');
    }
}

//! What a [`Tensor`] adds to the printed values: how it is part of a graph.

use super::number::{fixed, scientific};
use super::{Values, format_nested, format_tensor};
use crate::dtype::{DType, Element};
use crate::storage::with_element;
use crate::tensor::Tensor;
use std::fmt;

impl Tensor {
    /// Runs `f` over the values in row-major order.
    fn with_values<R>(&self, f: impl FnOnce(Values<'_>) -> R) -> R {
        match self.dtype() {
            DType::F32 => f(Values::F32(&self.values())),
            DType::F64 => f(Values::F64(&self.values())),
            DType::I64 => f(Values::I64(&self.values())),
            DType::Bool => f(Values::Bool(&self.values())),
        }
    }

    /// The values as Python prints `x.tolist()`: nested lists of plain numbers.
    ///
    /// ```
    /// use tensor::tensor;
    /// assert_eq!(tensor([[1.0, 0.5]]).tolist(), "[[1.0, 0.5]]");
    /// ```
    #[must_use]
    pub fn tolist(&self) -> String {
        self.with_values(|values| format_nested(values, self.shape()))
    }

    /// The number of a scalar.
    fn number(&self) -> Option<f64> {
        (self.dim() == 0).then(|| with_element!(self.dtype(), T => self.values::<T>()[0].to_f64()))
    }

    /// The whole text.
    fn page(&self) -> String {
        self.with_values(|values| format_tensor(values, self.shape(), &self.suffixes()))
    }

    /// `requires_grad=True` for a leaf, `grad_fn=<…>` for a result, nothing for a constant.
    fn suffixes(&self) -> Vec<String> {
        match self.node() {
            None => vec![],
            Some(node) if node.is_leaf() => vec!["requires_grad=True".into()],
            // An operation may bring PyTorch's whole name where it is an unusual one.
            Some(node) if node.name().contains("Backward") || node.name() == "CopySlices" => {
                vec![format!("grad_fn=<{}>", node.name())]
            }
            Some(node) => vec![format!("grad_fn=<{}Backward0>", node.name())],
        }
    }
}

/// As PyTorch prints it. A precision prints a scalar as Python formats its number: `{loss:.4}` is `f"{loss:.4f}"`, with
/// sign, width and fill.
///
/// ```
/// use tensor::tensor;
/// let loss = tensor(0.51083);
/// assert_eq!(format!("loss {loss:.2}, {loss:>+8.3}, {loss:.1e}"), "loss 0.51,   +0.511, 5.1e-01");
/// ```
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (f.precision(), self.number()) {
            (Some(precision), Some(number)) => pad(f, &fixed(number, precision)),
            // Without a number there are no digits to choose: `f.pad` would cut the text off.
            (Some(_), None) => f.write_str(&self.page()),
            (None, _) => f.pad(&self.page()),
        }
    }
}

/// A scalar in scientific notation as Python writes it: `{loss:.2e}` is `f"{loss:.2e}"`; other tensors as always.
impl fmt::LowerExp for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            // Six digits are Python's default.
            Some(number) => pad(f, &scientific(number, f.precision().unwrap_or(6))),
            None => f.write_str(&self.page()),
        }
    }
}

/// A number with the sign, the width and the fill that the format asks for.
fn pad(f: &mut fmt::Formatter<'_>, number: &str) -> fmt::Result {
    match number.strip_prefix('-') {
        Some(digits) => f.pad_integral(false, "", digits),
        None => f.pad_integral(true, "", number),
    }
}

/// As `Display`, so that a failed assertion shows the numbers.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.page())
    }
}

#[cfg(test)]
mod tests {
    use crate::{tensor, zeros};

    #[test]
    fn numbers_as_python_formats_them() {
        let x = tensor(-3.14259);
        assert_eq!(format!("{x:.2}|{x:8.2}|{x:<8.2}|{x:08.2}|{x:.0}"), "-3.14|   -3.14|-3.14   |-0003.14|-3");
        assert_eq!(format!("{x:e}|{x:.2e}|{:+.1e}", tensor(1e-7)), "-3.142590e+00|-3.14e+00|+1.0e-07");
        assert_eq!(
            format!("{:.2} {:.2} {:.1}", tensor(f64::NAN), tensor(f64::NEG_INFINITY), tensor(3)),
            "nan -inf 3.0"
        );
    }

    #[test]
    fn more_than_one_number_is_never_cut_off() {
        let x = zeros(2).unwrap();
        assert_eq!(
            format!("{x:.1}|{x:e}|{x:>18}|{x:?}"),
            "tensor([0., 0.])|tensor([0., 0.])|  tensor([0., 0.])|tensor([0., 0.])"
        );
    }
}

//! What a [`Tensor`] adds to the printed values: how it is part of a graph.

use super::{Values, format_nested, format_tensor};
use crate::storage::Storage;
use crate::tensor::Tensor;
use std::fmt;

impl Tensor {
    /// Runs `f` over the values in row-major order.
    fn with_values<R>(&self, f: impl FnOnce(Values<'_>) -> R) -> R {
        match &*self.storage {
            Storage::F32(_) => f(Values::F32(&self.values())),
            Storage::F64(_) => f(Values::F64(&self.values())),
            Storage::I64(_) => f(Values::I64(&self.values())),
            Storage::Bool(_) => f(Values::Bool(&self.values())),
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

    /// `requires_grad=True` for a leaf, `grad_fn=<…>` for a result, nothing for a constant.
    fn suffixes(&self) -> Vec<String> {
        match self.node() {
            None => vec![],
            Some(node) if node.is_leaf() => vec!["requires_grad=True".into()],
            // An operation may bring PyTorch's whole name where it is an unusual one.
            Some(node) if node.name().contains("Backward") => vec![format!("grad_fn=<{}>", node.name())],
            Some(node) => vec![format!("grad_fn=<{}Backward0>", node.name())],
        }
    }
}

/// As PyTorch prints it. A precision prints one number as Python formats it: `{loss:.4}` is `f"{loss:.4f}"`.
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.precision().is_some()
            && self.dim() == 0
            && let Ok(number) = self.item()
        {
            return fmt::Display::fmt(&number, f);
        }
        f.write_str(&self.with_values(|values| format_tensor(values, self.shape(), &self.suffixes())))
    }
}

/// The same, so that a failed assertion shows the numbers.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_values(|values| format_tensor(values, self.shape(), &self.suffixes())))
    }
}

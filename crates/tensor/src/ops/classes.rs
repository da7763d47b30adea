//! Class numbers to vectors: one-hot rows, and rows of a table of embeddings.
//!
//! ```
//! use tensor::tensor;
//! let labels = tensor([0, 2]);
//! assert_eq!(labels.one_hot(3)?.to_string(), "tensor([[1, 0, 0],\n        [0, 0, 1]])");
//! let table = tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]);
//! assert_eq!(labels.embedding(&table, None)?.to_string(), "tensor([[0.1000, 0.2000],\n        [0.5000, 0.6000]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::places::{check_index, place};
use super::rows::Rows;
use crate::autograd::check::{Case, case, float64};
use crate::autograd::{Ctx, Grads, Keep, Op};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::Buffer;
use crate::tensor::Tensor;

impl Tensor {
    /// A row for each class number, all zero but for a one at that number: `(…)` to `(…, classes)`, int64. Without a
    /// number of classes, there are as many as the largest asks for.
    ///
    /// # Errors
    /// If the elements are not int64, or not between 0 and `classes` − 1.
    #[doc(alias = "torch.nn.functional.one_hot")]
    #[track_caller]
    pub fn one_hot(&self, classes: impl Into<Option<usize>>) -> Result<Tensor> {
        check_index("one_hot", self)?;
        let labels = self.values::<i64>();
        let classes = match (classes.into(), labels.iter().max()) {
            (Some(classes), _) => classes,
            (None, Some(&largest)) => usize::try_from(largest).map_or(0, |n| n + 1),
            (None, None) => {
                return Err(Error::value("one_hot", "the number of classes cannot be told from no labels"));
            }
        };
        if let Some(label) = labels.iter().find(|&&l| usize::try_from(l).map_or(true, |l| l >= classes)) {
            return Err(Error::index("one_hot", format!("label {label} is not one of {classes} classes")));
        }
        let shape: Shape = self.shape().iter().copied().chain([classes]).collect();
        let layout = Layout::contiguous("one_hot", &shape)?;
        Buffer::<i64>::check("one_hot", layout.numel())?;
        let mut out = Buffer::<i64>::zeros(layout.numel());
        for (i, &label) in labels.iter().enumerate() {
            out[i * classes + label as usize] = 1;
        }
        Ok(Tensor::new(out, layout.into()))
    }

    /// The rows of `weight` `(rows, width)` with these numbers: `(…)` to `(…, width)`. The row `padding_idx` gets no
    /// gradient; a negative number counts from the back.
    ///
    /// # Errors
    /// If the elements are not int64 or not row numbers, `weight` is no matrix, or `padding_idx` is no row.
    #[doc(alias = "torch.nn.functional.embedding")]
    #[track_caller]
    pub fn embedding(&self, weight: &Tensor, padding_idx: impl Into<Option<i64>>) -> Result<Tensor> {
        check_index("embedding", self)?;
        let &[rows, width] = weight.shape() else {
            return Err(Error::shape(
                "embedding",
                format!("expected a matrix of weights, found shape {:?}", weight.shape()),
            ));
        };
        let mut numbers = Vec::with_capacity(self.numel());
        for &row in self.values::<i64>().iter() {
            match usize::try_from(row) {
                Ok(row) if row < rows => numbers.push(row),
                _ => {
                    return Err(Error::index("embedding", format!("number {row} is not one of {rows} rows")));
                }
            }
        }
        let shape: Shape = self.shape().iter().copied().chain([width]).collect();
        let Some(padding) = padding_idx.into() else {
            return weight.select_rows("Embedding", 0, numbers.into())?.reshape(shape);
        };
        let Some(padding) = place(padding, rows) else {
            return Err(Error::index("embedding", format!("padding_idx {padding} is not one of {rows} rows")));
        };
        // The padding's values once more, but from outside of the graph.
        let padded: Rows = (0..numbers.len()).filter(|&i| numbers[i] == padding).collect();
        let constants = weight.detach().select_rows("Embedding", 0, padded.iter().map(|_| padding).collect())?;
        let out = weight.select_rows("Embedding", 0, numbers.into())?;
        out.write_at("Embedding", &out.places_of_rows(0, &padded), &constants)?.reshape(shape)
    }

    /// This tensor, whose gradient will be divided by `by`, which has a number for each element or broadcasts to that.
    ///
    /// # Errors
    /// If `by` does not broadcast to the shape of this tensor.
    #[track_caller]
    pub fn divide_grad(&self, by: &Tensor) -> Result<Tensor> {
        let by = by.detach().to(self.dtype()).expand_as(self)?;
        Ok(self.detach().record(DivideGrad { by }, &[self]))
    }
}

/// A change of the gradient, not of the value.
struct DivideGrad {
    by: Tensor,
}

impl Op for DivideGrad {
    fn name(&self) -> &'static str {
        "DivideGrad"
    }
    fn keep(&self) -> Keep {
        Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        ctx.grads(|_| grad.div(&self.by))
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use crate::tensor;
    let table = || vec![float64([[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]])];
    vec![
        case("embedding", |x| Ok(tensor([[1, 0], [1, 1]]).embedding(&x[0], None)?.sin()), table()),
        // Only a division by 1 leaves the gradient what a difference quotient says.
        case("divide_grad", |x| Ok(x[0].divide_grad(&tensor([[1.0]]))?.sin()), table()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{DType, grad, tensor, zeros};

    #[test]
    fn the_padding_row_gets_no_gradient() {
        let table = tensor([[1.0], [2.0], [3.0]]).requires_grad();
        let y = tensor([0, 2, 2]).embedding(&table, -1).unwrap();
        assert_eq!(y.detach().to_string(), "tensor([[1.],\n        [3.],\n        [3.]])");
        assert_eq!(grad(&y.sum(), &[&table]).unwrap()[0].to_vec::<f32>().unwrap(), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn what_is_no_class_is_named() {
        let table = zeros([3, 2]).unwrap();
        for error in [
            tensor([3]).one_hot(3).unwrap_err(),
            tensor([-1]).one_hot(None).unwrap_err(),
            tensor([1.0]).one_hot(3).unwrap_err(),
            zeros(0).unwrap().to(DType::I64).one_hot(None).unwrap_err(),
            tensor([3]).embedding(&table, None).unwrap_err(),
            tensor([-1]).embedding(&table, None).unwrap_err(),
            tensor([1.0]).embedding(&table, None).unwrap_err(),
            tensor([1]).embedding(&table, 3).unwrap_err(),
            tensor([1]).embedding(&tensor([1.0]), None).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
        assert_eq!(tensor(1).one_hot(None).unwrap().to_string(), "tensor([0, 1])");
        assert_eq!(zeros([0, 2]).unwrap().to(DType::I64).one_hot(4).unwrap().shape(), [0, 2, 4]);
    }
}

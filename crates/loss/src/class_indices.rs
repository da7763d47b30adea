//! Labels as class indices: where the dimension of the classes is, and which labels are refused.

use crate::refuse::index;
use tensor::{AtCaller, DType, Error, Result, Tensor};

/// The dimension of the classes: `(C)`, `(N, C)`, `(N, C, d1, …)`.
pub(crate) fn class_dim(x: &Tensor) -> usize {
    usize::from(x.dim() > 1)
}

/// The number of classes.
#[track_caller]
pub(crate) fn classes(op: &'static str, x: &Tensor) -> Result<usize> {
    if !x.dtype().is_float() {
        return Err(Error::not_float(op, x.dtype()));
    }
    x.shape()
        .get(class_dim(x))
        .copied()
        .ok_or_else(|| {
            Error::shape(op, "a scalar has no dimension of classes; use (C), (N, C) or (N, C, d1, …)")
        })
        .at_caller()
}

/// The shape of one number per distribution.
pub(crate) fn without_classes(x: &Tensor) -> Vec<usize> {
    let mut shape = x.shape().to_vec();
    shape.remove(class_dim(x));
    shape
}

/// A weight for each class, in the type of the input.
#[track_caller]
pub(crate) fn weight_of(op: &'static str, weight: &Tensor, classes: usize, input: &Tensor) -> Result<Tensor> {
    if weight.shape() != [classes] {
        let found = weight.shape();
        return Err(Error::shape(
            op,
            format!("weight must have one number for each of {classes} classes, found shape {found:?}"),
        ));
    }
    Ok(weight.to(input.dtype()))
}

/// Whether there is a label for each distribution of `input`, and each is a class or the one that is ignored.
#[track_caller]
pub(crate) fn check_labels(
    op: &'static str,
    input: &Tensor,
    target: &Tensor,
    ignore: Option<i64>,
) -> Result<()> {
    if target.dtype() != DType::I64 {
        return Err(Error::dtype(
            op,
            format!("class indices must be int64, found {}: target.to(DType::I64)", target.dtype()),
        ));
    }
    let expected = without_classes(input);
    if target.shape() != expected {
        let (x, t) = (input.shape(), target.shape());
        let hint = if t == x {
            "; are these one-hot? target.argmax(1, false) gives indices"
        } else if t.len() == expected.len() + 1 && t.last() == Some(&1) && t[..expected.len()] == *expected {
            "; did you mean target.squeeze_dim(-1)?"
        } else {
            ""
        };
        return Err(Error::shape(
            op,
            format!(
                "input of shape {x:?} takes class indices of shape {expected:?}, found shape {t:?}{hint}"
            ),
        ));
    }
    let classes = input.shape()[class_dim(input)];
    let stray = |&y: &i64| ignore != Some(y) && !usize::try_from(y).is_ok_and(|y| y < classes);
    let labels = target.elements::<i64>()?;
    let Some(at) = labels.iter().position(stray) else { return Ok(()) };
    let (y, place) = (labels[at], index(target, at));
    let ignored = ignore.map_or(String::new(), |i| format!(" (or {i}, which is ignored)"));
    Err(Error::index(
        op,
        format!("class indices must be below {classes}{ignored}, found {y} at index {place:?}"),
    ))
}

/// The label of each distribution of `input`, in row-major order; `None` for the one that is ignored.
///
/// # Errors
/// As [`check_labels`].
#[track_caller]
pub(crate) fn labels(
    op: &'static str,
    input: &Tensor,
    target: &Tensor,
    ignore: Option<i64>,
) -> Result<Vec<Option<usize>>> {
    check_labels(op, input, target, ignore)?;
    let label = |&y: &i64| (ignore != Some(y)).then_some(y as usize);
    Ok(target.elements::<i64>()?.iter().map(label).collect())
}

//! What criteria refuse, and how they say so: shapes that would broadcast, numbers outside of the range.

use kernel::{Float, reduce};
use tensor::{DType, Error, Result, Tensor, with_float};

/// Shapes must be equal: a loss that broadcasts `(N, 1)` against `(N)` compares every prediction with every target, and
/// trains on nonsense.
#[track_caller]
#[inline]
pub(crate) fn unequal_shapes(
    op: &'static str,
    (x_name, x): (&str, &Tensor),
    (t_name, t): (&str, &Tensor),
) -> Result<()> {
    if x.shape() == t.shape() { Ok(()) } else { Err(unequal(op, (x_name, x), (t_name, t))) }
}

#[cold]
#[track_caller]
fn unequal(op: &'static str, (x_name, x): (&str, &Tensor), (t_name, t): (&str, &Tensor)) -> Error {
    let (xs, ts) = (x.shape(), t.shape());
    let cause = if xs.len() == ts.len() + 1 && xs.ends_with(&[1]) && xs[..ts.len()] == *ts {
        format!(
            " and losses do not broadcast; did you mean {x_name}.squeeze_dim(-1) or {t_name}.unsqueeze(-1)?"
        )
    } else if ts.len() == xs.len() + 1 && ts.ends_with(&[1]) && ts[..xs.len()] == *xs {
        format!(
            " and losses do not broadcast; did you mean {t_name}.squeeze_dim(-1) or {x_name}.unsqueeze(-1)?"
        )
    } else if x.numel() == t.numel() {
        format!(" but the same number of elements; reshape the {t_name} if their order is the same")
    } else {
        " and losses do not broadcast".to_string()
    };
    Error::shape(op, format!("{x_name} of shape {xs:?} and {t_name} of shape {ts:?} differ{cause}"))
}

/// Labels that are neither 1 nor −1, with the index of the first.
#[track_caller]
pub(crate) fn no_signs(op: &'static str, target: &Tensor) -> Result<()> {
    let bad = |y: f64| y != 1.0 && y != -1.0;
    let values = target.to(DType::F64).to_vec::<f64>()?;
    match values.iter().position(|&y| bad(y)) {
        None => Ok(()),
        Some(at) => Err(Error::value(
            op,
            format!(
                "all elements of target must be 1 or -1, found {} at index {:?}",
                values[at],
                index(target, at)
            ),
        )),
    }
}

/// Labels that would want a gradient.
#[track_caller]
pub(crate) fn gradient_of_labels(op: &'static str, target: &Tensor) -> Result<()> {
    if target.needs_grad() {
        return Err(Error::graph(op, "the target is a label and has no gradient; give target.detach()"));
    }
    Ok(())
}

/// Weights of classes that would want a gradient where there is none.
#[track_caller]
pub(crate) fn gradient_of_weight(op: &'static str, weight: Option<&Tensor>) -> Result<()> {
    if weight.is_some_and(Tensor::needs_grad) {
        return Err(Error::graph(op, "with class indices the weight has no gradient; give weight.detach()"));
    }
    Ok(())
}

/// Numbers below 0, with the index of the first.
#[track_caller]
pub(crate) fn negative(op: &'static str, name: &str, x: &Tensor) -> Result<()> {
    let values = x.to(DType::F64).to_vec::<f64>()?;
    match values.iter().position(|&v| v < 0.0) {
        None => Ok(()),
        Some(at) => Err(Error::value(
            op,
            format!(
                "all elements of {name} must not be negative, found {} at index {:?}",
                values[at],
                index(x, at)
            ),
        )),
    }
}

/// Numbers that are no probabilities, with the index of the first.
#[track_caller]
pub(crate) fn no_probabilities(op: &'static str, name: &str, x: &Tensor) -> Result<()> {
    outside(op, name, x, 0.0, 1.0, "between 0 and 1")
}

#[track_caller]
fn outside(op: &'static str, name: &str, x: &Tensor, low: f64, high: f64, what: &str) -> Result<()> {
    let x = x.to(x.dtype().to_float());
    match with_float!(x.dtype(), T => first_outside(&x.elements::<T>()?, low, high)) {
        None => Ok(()),
        Some((at, found)) => Err(Error::value(
            op,
            format!("all elements of {name} must be {what}, found {found} at index {:?}", index(&x, at)),
        )),
    }
}

/// The place and the value of the first element that is not in `low..=high`.
fn first_outside<T: Float>(values: &[T], low: f64, high: f64) -> Option<(usize, f64)> {
    let bad = |x: T| !(low..=high).contains(&x.to_f64());
    // Two passes at the speed of memory. A NaN is the result of both; of nothing there are ∞ and −∞.
    if values.is_empty() || !bad(reduce::min(values)) && !bad(reduce::max(values)) {
        return None;
    }
    values.iter().position(|&x| bad(x)).map(|at| (at, values[at].to_f64()))
}

/// The index of element `at` of a row-major tensor.
pub(crate) fn index(x: &Tensor, mut at: usize) -> Vec<usize> {
    let mut index: Vec<usize> = x
        .shape()
        .iter()
        .rev()
        .map(|&size| {
            let i = at % size.max(1);
            at /= size.max(1);
            i
        })
        .collect();
    index.reverse();
    index
}

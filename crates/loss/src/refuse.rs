//! What criteria refuse, and how they say so: shapes that would broadcast, numbers outside of the range.

use kernel::{Float, reduce};
use tensor::{AtCaller, DType, Error, Result, Tensor, with_float};

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

/// Labels that are none of two, with the index of the first.
#[track_caller]
pub(crate) fn neither(op: &'static str, target: &Tensor, [one, other]: [f64; 2]) -> Result<()> {
    first(op, "target", target, &format!("{one} or {other}"), |y| y != one && y != other)
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
    first(op, name, x, "at least 0", |v| v < 0.0)
}

/// Refuses the first element that is bad.
#[track_caller]
fn first(op: &'static str, name: &str, x: &Tensor, what: &str, bad: impl Fn(f64) -> bool) -> Result<()> {
    let values = x.to(DType::F64);
    let values = values.elements::<f64>()?;
    values
        .iter()
        .position(|&v| bad(v))
        .map_or(Ok(()), |at| Err(refused(op, name, x, what, at, values[at])))
        .at_caller()
}

#[cold]
#[track_caller]
fn refused(op: &'static str, name: &str, x: &Tensor, what: &str, at: usize, found: f64) -> Error {
    let place = index(x, at);
    Error::value(op, format!("all elements of {name} must be {what}, found {found} at index {place:?}"))
}

/// Numbers that are no probabilities, with the index of the first. If all are, the smallest and the largest come back.
#[track_caller]
pub(crate) fn no_probabilities(op: &'static str, name: &str, x: &Tensor) -> Result<[f64; 2]> {
    outside(op, name, x, 0.0, 1.0, "between 0 and 1")
}

#[track_caller]
fn outside(op: &'static str, name: &str, x: &Tensor, low: f64, high: f64, what: &str) -> Result<[f64; 2]> {
    if !x.dtype().is_float() {
        return outside(op, name, &x.to(DType::F32), low, high, what);
    }
    let found = with_float!(x.dtype(), T => bounds(&x.elements::<T>()?, low, high));
    found.map_err(|(at, found)| refused(op, name, x, what, at, found)).at_caller()
}

/// The smallest and the largest number, or the place and the value of the first that is not in `low..=high`.
fn bounds<T: Float>(values: &[T], low: f64, high: f64) -> std::result::Result<[f64; 2], (usize, f64)> {
    // A NaN is both the smallest and the largest; of nothing there are ∞ and −∞.
    let found = reduce::extremes(values).map(T::to_f64);
    let bad = |x: f64| !(low..=high).contains(&x);
    if values.is_empty() || !found.into_iter().any(bad) {
        return Ok(found);
    }
    let at = values.iter().position(|&x| bad(x.to_f64())).unwrap_or(0);
    Err((at, values[at].to_f64()))
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

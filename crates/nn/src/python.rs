//! How Python writes what a layer was given, for the printed form.

use tensor::Scalar;

/// `True` or `False`.
pub(crate) fn flag(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// `True`, `2` or `2.0`.
pub(crate) fn scalar(value: Scalar) -> String {
    match value {
        Scalar::Bool(b) => flag(b).into(),
        Scalar::Int(n) => n.to_string(),
        Scalar::Float(x) => float(x),
    }
}

/// `2`, or `(2, 1)` where there is more than one.
pub(crate) fn numbers<T: ToString>(numbers: &[T]) -> String {
    match numbers {
        [one] => one.to_string(),
        many => tuple(many),
    }
}

/// `(2,)` or `(2, 1)`.
pub(crate) fn tuple<T: ToString>(numbers: &[T]) -> String {
    let listed = numbers.iter().map(T::to_string).collect::<Vec<_>>().join(", ");
    if numbers.len() == 1 { format!("({listed},)") } else { format!("({listed})") }
}

pub(crate) use tensor::display::format_float as float;

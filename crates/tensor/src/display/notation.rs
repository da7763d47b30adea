//! Which notation the elements of a tensor share, and how wide they are: PyTorch's `_Formatter`.
//!
//! Floats are printed as whole numbers (`4.`) if all of them are, in scientific notation if the largest is over
//! 1000 times the smallest (or over 1e8, or the smallest under 1e-4), else with a fixed number of digits. Zeros,
//! NaN and infinities have no say in the choice, and none in the width.

use super::Values;
use super::number::{fixed, scientific};
use super::options::PrintOptions;

/// The shared notation of all elements of one tensor.
pub(super) struct Notation {
    kind: Kind,
    precision: usize,
    width: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Integers and bools, as they are.
    Plain,
    /// Floats that are all whole: `4.`
    Whole,
    /// `2.5000`
    Fixed,
    /// `2.5000e+00`
    Scientific,
}

impl Notation {
    /// The notation for the elements of `values` at the places `shown`.
    pub(super) fn of(values: Values<'_>, shown: &[usize], options: &PrintOptions) -> Self {
        let floats = shown.iter().map_while(|&i| values.float(i)).filter(|x| x.is_finite() && *x != 0.0);
        let mut notation = Notation { kind: Kind::Plain, precision: options.precision, width: 1 };
        if !values.is_float() {
            notation.width = widest(shown.iter().map(|&i| values.plain(i)));
            return notation;
        }
        notation.kind = Kind::Whole;
        let (mut min, mut max, mut whole) = (f64::INFINITY, 0.0f64, true);
        for x in floats.clone() {
            min = min.min(x.abs());
            max = max.max(x.abs());
            whole &= x == x.ceil();
        }
        if max == 0.0 {
            return notation; // Nothing but zeros, NaN and infinities.
        }
        // The thresholds are those of PyTorch's `_tensor_str.py`.
        if options.sci_mode.unwrap_or(max / min > 1000.0 || max > 1e8 || min < 1e-4) {
            notation.kind = Kind::Scientific;
        } else if !whole {
            notation.kind = Kind::Fixed;
        }
        notation.width = widest(floats.map(|x| notation.number(x)));
        notation
    }

    /// The number of characters to which elements are padded.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Element `i` of `values`, padded on the left.
    pub(super) fn element(&self, values: Values<'_>, i: usize) -> String {
        let text = values.float(i).map_or_else(|| values.plain(i), |x| self.number(x));
        format!("{text:>width$}", width = self.width.min(usize::from(u16::MAX)))
    }

    fn number(&self, x: f64) -> String {
        match self.kind {
            Kind::Scientific => scientific(x, self.precision),
            Kind::Fixed => fixed(x, self.precision),
            Kind::Whole | Kind::Plain if x.is_finite() => fixed(x, 0) + ".",
            Kind::Whole | Kind::Plain => fixed(x, 0),
        }
    }
}

fn widest(texts: impl Iterator<Item = String>) -> usize {
    texts.map(|text| text.len()).max().unwrap_or(0).max(1)
}

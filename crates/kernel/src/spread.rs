//! Operands that are spread over the elements of a loop: one number for all, one per column, per row or per channel.
//!
//! A loop over a formula is compiled for slices of equal length only. Whatever is not such a slice is written out in
//! strips that stay in the nearest cache, so that a formula costs one loop per instruction set and not one for each way
//! in which its operands may lie.
//!
//! ```
//! use kernel::pointwise::Spread;
//! let per_row = Spread::stretched(&[1.0f32, 2.0], 3); // 1 1 1 2 2 2
//! # let _ = per_row;
//! ```

use crate::real::Float;
use std::mem::MaybeUninit;

/// Elements that are written out at a time.
pub(crate) const STRIP: usize = 256;

/// Room for a strip.
pub(crate) type Room<T> = [MaybeUninit<T>; STRIP];

/// Empty room.
#[inline(always)]
pub(crate) const fn room<T>() -> Room<T> {
    [const { MaybeUninit::uninit() }; STRIP]
}

/// An operand that is spread over the elements of a loop: element `i` meets `values[(i / stretch) % values.len()]`.
///
/// One number for all, one per column, per row or per channel are all of this kind.
#[derive(Clone, Copy, Debug)]
pub struct Spread<'a, T> {
    values: &'a [T],
    stretch: usize,
}

impl<'a, T: Float> Spread<'a, T> {
    /// One number per element.
    #[inline]
    pub fn whole(values: &'a [T]) -> Self {
        Spread { values, stretch: 1 }
    }

    /// The same number for all.
    #[inline]
    pub fn scalar(value: &'a T) -> Self {
        Spread { values: std::slice::from_ref(value), stretch: 1 }
    }

    /// Each number for `stretch` elements in a row, and then again from the first.
    ///
    /// # Panics
    /// If `stretch` is 0.
    #[inline]
    pub fn stretched(values: &'a [T], stretch: usize) -> Self {
        assert!(stretch > 0, "a stretch of no element");
        Spread { values, stretch }
    }

    /// The values, if each of `n` elements has its own.
    #[inline]
    pub(crate) fn as_slice(self, n: usize) -> Option<&'a [T]> {
        (self.stretch == 1 && self.values.len() == n).then_some(self.values)
    }

    /// What the elements `start..start + len` of `n` meet: a part of the values themselves, or written to `room`.
    #[inline]
    pub(crate) fn part<'s>(self, start: usize, len: usize, n: usize, room: &'s mut Room<T>) -> &'s [T]
    where
        'a: 's,
    {
        match self.as_slice(n) {
            Some(values) => &values[start..start + len],
            None => self.write(start, &mut room[..len]),
        }
    }

    fn write(self, start: usize, strip: &mut [MaybeUninit<T>]) -> &[T] {
        let Spread { values, stretch } = self;
        if let [value] = values {
            for place in &mut *strip {
                place.write(*value);
            }
        } else {
            // Run by run: two divisions for each element would take longer than most formulas.
            let mut at = (start / stretch).checked_rem(values.len()).unwrap_or(0);
            let (mut run, mut rest) = (stretch - start % stretch, &mut *strip);
            while !rest.is_empty() {
                let (places, behind) = rest.split_at_mut(run.min(rest.len()));
                for place in places {
                    place.write(values[at]);
                }
                at = if at + 1 == values.len() { 0 } else { at + 1 };
                (run, rest) = (stretch, behind);
            }
        }
        // SAFETY: both loops above have written every place of `strip`.
        unsafe { &*(std::ptr::from_ref::<[MaybeUninit<T>]>(strip) as *const [T]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also run under valgrind, which knows a place that nobody has written.
    #[test]
    fn a_strip_is_written_from_front_to_back() {
        let values = [1.0f64, 2.0, 3.0];
        let spreads: [(_, &dyn Fn(usize) -> f64); 3] = [
            (Spread::whole(&values), &|i| values[i % 3]),
            (Spread::scalar(&values[1]), &|_| values[1]),
            (Spread::stretched(&values, 4), &|i| values[i / 4 % 3]),
        ];
        for (spread, element) in spreads {
            for (start, len) in [(0, STRIP), (5, 7), (0, 0), (301, 1)] {
                let mut room = room();
                let expected: Vec<f64> = (start..start + len).map(element).collect();
                assert_eq!(spread.part(start, len, 1000, &mut room), expected);
            }
        }
    }
}

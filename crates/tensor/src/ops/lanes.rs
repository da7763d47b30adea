//! One dimension of a dense tensor and what lies around it: where scans and sorts run, and where slices lie.

use crate::dtype::Element;

/// Element `(o, d, i)` is at `(o·size + d)·inner + i`; a lane is all `d` of one `(o, i)`.
#[derive(Clone, Copy)]
pub(crate) struct Lanes {
    pub(crate) outer: usize,
    pub(crate) size: usize,
    pub(crate) inner: usize,
}

impl Lanes {
    /// A scalar counts as a vector of one element.
    pub(crate) fn of(shape: &[usize], dim: usize) -> Lanes {
        Lanes {
            outer: shape.iter().take(dim).product(),
            size: shape.get(dim).copied().unwrap_or(1),
            inner: shape.iter().skip(dim + 1).product(),
        }
    }

    /// Where the slices of `dim` with these numbers begin, block after block.
    pub(crate) fn starts<'a>(&'a self, rows: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        (0..self.outer).flat_map(move |o| rows.iter().map(move |row| (o * self.size + row) * self.inner))
    }

    /// Shows each lane as a slice, copied where its elements are not neighbours; its elements of a result of
    /// `size` per lane begin at `start` and are `inner` apart.
    pub(crate) fn each<T: Element>(&self, values: &[T], size: usize, mut f: impl FnMut(&[T], usize)) {
        let mut lane = Vec::with_capacity(if self.inner == 1 { 0 } else { self.size });
        for o in 0..self.outer {
            let block = &values[o * self.size * self.inner..][..self.size * self.inner];
            for i in 0..self.inner {
                if self.inner == 1 {
                    f(block, o * size);
                } else {
                    lane.clear();
                    lane.extend(block.iter().skip(i).step_by(self.inner));
                    f(&lane, o * size * self.inner + i);
                }
            }
        }
    }
}

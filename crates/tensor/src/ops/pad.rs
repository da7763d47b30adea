//! Elements added around a tensor, or cut off: a number, a reflection, the edge, or the other end.
//!
//! ```
//! use tensor::{Pad, tensor};
//! let x = tensor([[1.0, 2.0, 3.0]]);
//! assert_eq!(x.pad([1, 2], Pad::Constant(0.0))?.to_string(), "tensor([[0., 1., 2., 3., 0., 0.]])");
//! assert_eq!(x.pad([2, 1], Pad::Reflect)?.to_string(), "tensor([[3., 2., 1., 2., 3., 2.]])");
//! assert_eq!(x.pad([2, 1], Pad::Replicate)?.to_string(), "tensor([[1., 1., 1., 2., 3., 3.]])");
//! assert_eq!(x.pad([2, 1], Pad::Circular)?.to_string(), "tensor([[2., 3., 1., 2., 3., 1.]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape};
use crate::storage::Buffer;
use crate::tensor::Tensor;
use std::ops::Range;

/// What stands around a padded tensor.
#[doc(alias = "padding_mode")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pad {
    /// This number.
    Constant(f64),
    /// The inside, mirrored at the edge, which is not repeated.
    Reflect,
    /// The element at the edge.
    Replicate,
    /// The other end, as if the tensor went on.
    Circular,
}

impl Tensor {
    /// Adds as many elements in front of and behind the last dimension, the last but one, …: `[left, right]`, or
    /// `[left, right, top, bottom]`, and so on. Negative numbers cut off.
    ///
    /// # Errors
    /// If there is not a pair of numbers for each of at most as many dimensions, or a dimension would get a negative
    /// size. For a mode other than constant, the one, two or three last dimensions of an input with at most two more
    /// can be padded; reflection asks for a padding smaller than the dimension, and circular one not larger.
    #[doc(alias = "torch.nn.functional.pad")]
    #[track_caller]
    pub fn pad(&self, pad: impl Ints, mode: Pad) -> Result<Tensor> {
        let pad = pad.ints();
        let rank = pad.len() / 2;
        if pad.len() % 2 == 1 || rank > self.dim() {
            return Err(Error::value(
                "pad",
                format!(
                    "expected a pair of numbers for each of at most {} dimensions, found {:?}",
                    self.dim(),
                    &*pad
                ),
            ));
        }
        // The last dimension comes first in the list.
        let sides = |d: usize| {
            let i = 2 * (self.dim() - 1 - d);
            (pad.get(i).copied().unwrap_or(0), pad.get(i + 1).copied().unwrap_or(0))
        };
        let mut padded = Shape::new();
        for (d, &size) in self.shape().iter().enumerate() {
            let (before, behind) = sides(d);
            let sum = before.checked_add(behind).and_then(|n| n.checked_add(size as i64));
            let Some(size) = sum.and_then(|n| usize::try_from(n).ok()) else {
                return Err(Error::shape(
                    "pad",
                    format!("dimension {d} of size {size} would get a negative size by {before} and {behind}"),
                ));
            };
            padded.push(size);
        }
        let layout = Layout::contiguous("pad", &padded)?;
        if let Pad::Constant(value) = mode {
            return self.pad_constant(layout, sides, value);
        }
        self.check_pad(&pad, &padded, mode)?;
        Buffer::<f64>::check("pad", layout.numel())?;
        let name = mode.name(rank);
        let mut out = self.clone();
        for d in self.dim() - rank..self.dim() {
            let (before, behind) = sides(d);
            if (before, behind) != (0, 0) {
                let size = self.shape()[d] as i64;
                let inside = before.saturating_neg().max(0)..size + behind.min(0);
                // A place beyond all numbers is the edge as well.
                let rows = (0..padded[d] as i64)
                    .map(|i| mode.source(i.saturating_sub(before), size, &inside) as usize)
                    .collect();
                out = out.select_rows(name, d, rows)?;
            }
        }
        Ok(out)
    }

    #[track_caller]
    fn pad_constant(
        &self,
        padded: Layout,
        sides: impl Fn(usize) -> (i64, i64),
        value: f64,
    ) -> Result<Tensor> {
        // First what is cut off, then what is left put into the middle.
        let mut inside = self.clone();
        let mut part = padded.clone();
        for d in 0..self.dim() {
            let (before, behind) = sides(d);
            let cut = |n: i64| n.min(0).unsigned_abs() as usize;
            let (first, size) = (cut(before), self.shape()[d]);
            let len = size.saturating_sub(first.saturating_add(cut(behind)));
            if len < size {
                inside = inside.sliced("Slice", d, first.min(size), len, 1);
            }
            part = part.slice(d, before.max(0) as usize, len, 1);
        }
        inside.unstrided("ConstantPadNd", padded.shape(), &part, value)
    }

    /// What PyTorch asks of a padding whose elements come from the inside.
    #[track_caller]
    fn check_pad(&self, pad: &[i64], padded: &[usize], mode: Pad) -> Result<()> {
        let rank = pad.len() / 2;
        let batch = self.dim() - rank;
        if !(1..=3).contains(&rank) || !(1..=2).contains(&batch) {
            return Err(Error::shape(
                "pad",
                format!(
                    "{mode:?} pads the last one, two or three dimensions of an input with one or two more, found {} \
                     pairs of numbers for shape {:?}",
                    rank,
                    self.shape()
                ),
            ));
        }
        for (i, pair) in pad.chunks(2).enumerate() {
            let d = self.dim() - 1 - i;
            let size = self.shape()[d] as i64;
            let limit = match mode {
                Pad::Reflect => size - 1,
                Pad::Circular => size,
                _ => i64::MAX,
            };
            // Replication needs only an edge, which may be what is cut off.
            let inside = if matches!(mode, Pad::Replicate) { size } else { size + pair[0].min(0) + pair[1].min(0) };
            let nothing_left = padded[d] == 0 || inside <= 0;
            if pair.iter().any(|&n| n > limit) || nothing_left {
                return Err(Error::value(
                    "pad",
                    format!("{mode:?} cannot pad dimension {d} of size {size} by {} and {}", pair[0], pair[1]),
                ));
            }
        }
        Ok(())
    }
}

impl Pad {
    /// Where element `i`, counted from the unpadded beginning, comes from. PyTorch reflects and replicates what is cut
    /// off on the other side (`inside` is what is left), but does not go round by it.
    fn source(self, i: i64, size: i64, inside: &Range<i64>) -> i64 {
        match self {
            Pad::Reflect if i < 0 => -i,
            Pad::Reflect if i >= size => 2 * (size - 1) - i,
            Pad::Replicate => i.clamp(0, size - 1),
            Pad::Circular => inside.start + (i - inside.start).rem_euclid(inside.end - inside.start),
            _ => i,
        }
    }

    /// As PyTorch names the operation.
    fn name(self, rank: usize) -> &'static str {
        match (self, rank) {
            (Pad::Reflect, 1) => "ReflectionPad1D",
            (Pad::Reflect, 2) => "ReflectionPad2D",
            (Pad::Reflect, _) => "ReflectionPad3D",
            (Pad::Replicate, 1) => "ReplicationPad1D",
            (Pad::Replicate, 2) => "ReplicationPad2D",
            (Pad::Replicate, _) => "ReplicationPad3D",
            _ => "CopySlices",
        }
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]])];
    vec![
        case("pad", |x| Ok(x[0].pad([1, 2, 0, 1], Pad::Constant(0.5))?.sin()), x()),
        case("pad that cuts off", |x| Ok(x[0].pad([-1, 2, 1, -1], Pad::Constant(0.0))?.sin()), x()),
        case("pad by reflection", |x| Ok(x[0].pad([2, 1], Pad::Reflect)?.sin()), x()),
        case("pad by the edge", |x| Ok(x[0].pad([1, 2, 2, -1], Pad::Replicate)?.sin()), x()),
        case("pad by the other end", |x| Ok(x[0].pad([-1, 2, 2, 1], Pad::Circular)?.sin()), x()),
    ]
}

#[cfg(test)]
mod tests {
    use super::Pad;
    use crate::{arange, tensor, zeros};

    #[test]
    fn around_and_off() {
        let x = arange(0, 6, 1).unwrap().reshape([1, 2, 3]).unwrap();
        let list = |pad: [i64; 4], mode| x.pad(pad, mode).unwrap().to_vec::<i64>().unwrap();
        assert_eq!(list([1, 0, 0, 1], Pad::Constant(7.0)), [7, 0, 1, 2, 7, 3, 4, 5, 7, 7, 7, 7]);
        assert_eq!(list([-1, -1, 0, 0], Pad::Constant(0.0)), [1, 4]);
        assert_eq!(list([-4, 5, 0, -1], Pad::Constant(9.0)), [9; 4]);
        assert_eq!(list([-1, 1, 1, 0], Pad::Replicate), [1, 2, 2, 1, 2, 2, 4, 5, 5]);
        assert_eq!(list([1, 0, 0, -1], Pad::Circular), [2, 0, 1, 2]);
        assert_eq!(list([1, -1, 0, -1], Pad::Circular), [1, 0, 1]);
        assert_eq!(tensor(1.0).pad((), Pad::Constant(0.0)).unwrap().to_string(), "tensor(1.)");
        assert_eq!(zeros([0, 2]).unwrap().pad([0, 0, 1, 0], Pad::Constant(1.0)).unwrap().shape(), [1, 2]);
    }

    #[test]
    fn all_cut_off_but_the_edge() {
        let x = tensor([[1.0, 2.0]]);
        for before in [i64::MIN, -i64::MAX] {
            let y = x.pad([before, i64::MAX], Pad::Replicate);
            assert_eq!(y.unwrap().to_vec::<f32>().unwrap(), if before == i64::MIN { vec![2.0] } else { vec![2.0; 2] });
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([1, 2, 3]).unwrap();
        for error in [
            x.pad(1, Pad::Constant(0.0)).unwrap_err(),
            x.pad([0; 8], Pad::Constant(0.0)).unwrap_err(),
            x.pad([-2, -2], Pad::Constant(0.0)).unwrap_err(),
            x.pad([i64::MAX, 1], Pad::Constant(0.0)).unwrap_err(),
            x.pad([3, 0], Pad::Reflect).unwrap_err(),
            x.pad([4, 0], Pad::Circular).unwrap_err(),
            x.pad([-3, 0], Pad::Replicate).unwrap_err(),
            tensor([1.0, 2.0]).pad([1, 1], Pad::Reflect).unwrap_err(),
            zeros([2, 0]).unwrap().pad([1, 1], Pad::Replicate).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

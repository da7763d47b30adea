//! The middle and other quantiles, and the commonest element.
//!
//! ```
//! use tensor::tensor;
//! use tensor::Interpolation::Linear;
//! let x = tensor([1.0, 2.0, 4.0, 10.0]);
//! assert_eq!(x.median()?.to_string(), "tensor(2.)"); // of two in the middle, the lower one
//! assert_eq!(x.quantile(0.5, None, false, Linear)?.to_string(), "tensor(3.)");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::binary::Operand;
use super::extreme::Extreme;
use super::lanes::Lanes;
use super::order::key;
use super::reduce::Plan;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::{DType, Element};
use crate::error::{Error, Result};
use crate::layout::{Layout, Shape};
use crate::storage::{Buffer, with_element, with_float};
use crate::tensor::{Tensor, dense};

/// The value of a quantile that falls between two elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// On the line between them.
    #[default]
    Linear,
    /// The lower one.
    Lower,
    /// The higher one.
    Higher,
    /// Half-way.
    Midpoint,
    /// The nearer one; from half-way, the one whose place is even.
    Nearest,
}

/// The place of the middle of a lane, of the two the lower one. Unless they are `ignored`, the first NaN is it.
fn middle<T: Element>(lane: &[T], ignored: bool, keys: &mut Vec<(u64, usize)>) -> usize {
    keys.clear();
    keys.extend(lane.iter().enumerate().map(|(i, &x)| (key(x), i)));
    let (mut numbers, mut first) = (0, None);
    for (i, x) in lane.iter().enumerate() {
        match x.to_f64().is_nan() {
            false => numbers += 1,
            true => first = first.or(Some(i)),
        }
    }
    match first {
        Some(first) if !ignored || numbers == 0 => first,
        _ => keys.select_nth_unstable((numbers - 1) / 2).1.1,
    }
}

/// The place of the last of the commonest elements of a lane, of the smallest among equally common ones; of NaN, the
/// first.
fn commonest<T: Element>(lane: &[T], keys: &mut Vec<(u64, usize)>) -> usize {
    keys.clear();
    keys.extend(lane.iter().enumerate().map(|(i, &x)| (key(x), i)));
    keys.sort_unstable();
    let (mut place, mut most) = (0, 0);
    for run in keys.chunk_by(|a, b| a.0 == b.0) {
        if run.len() > most {
            most = run.len();
            place = if run[0].0 == u64::MAX { run[0].1 } else { run[most - 1].1 };
        }
    }
    place
}

/// What is looked for in a lane.
#[derive(Clone, Copy)]
enum Find {
    Middle { ignored: bool },
    Commonest,
}

impl Find {
    fn place<T: Element>(self, lane: &[T], keys: &mut Vec<(u64, usize)>) -> usize {
        match self {
            Find::Middle { ignored } => middle(lane, ignored, keys),
            Find::Commonest => commonest(lane, keys),
        }
    }
}

impl Tensor {
    #[track_caller]
    fn found(
        &self,
        op: &'static str,
        name: &'static str,
        find: Find,
        dim: isize,
        keepdim: bool,
    ) -> Result<(Tensor, Tensor)> {
        let plan = Plan::new(op, self, dim, true)?;
        plan.something(op, self)?;
        let dim = self.layout.dim(op, dim)?;
        let lanes = Lanes::of(self.shape(), dim);
        let mut places = Buffer::<i64>::zeros(lanes.outer * lanes.inner);
        let mut keys = Vec::new();
        with_element!(self.dtype(), T => {
            lanes.each(&self.values::<T>(), 1, |lane, at| places[at] = find.place(lane, &mut keys) as i64);
        });
        self.chosen(name, dim, &Tensor::new(places, dense(&plan.out)), keepdim)
    }

    #[track_caller]
    fn middle(&self, op: &'static str, name: &'static str, ignored: bool) -> Result<Tensor> {
        let plan = Plan::all(self);
        let nothing = self.numel() == 0 && self.dtype().is_float();
        let out = if nothing {
            Tensor::scalar(f64::NAN, self.dtype())
        } else {
            plan.something(op, self)?;
            with_element!(self.dtype(), T => {
                let x = self.values::<T>();
                let place = middle(&x, ignored, &mut Vec::new());
                Tensor::one(x[place], Layout::scalar())
            })
        };
        Ok(out.record(Extreme { name, plan }, &[self]))
    }

    /// The element in the middle, of two the lower one; NaN if there is one, or nothing at all. Ties share the
    /// gradient.
    ///
    /// # Errors
    /// If there is nothing to choose from, and the elements are not floating point.
    #[doc(alias = "torch.median")]
    #[track_caller]
    pub fn median(&self) -> Result<Tensor> {
        self.middle("median", "Median", false)
    }

    /// The elements in the middle of each lane along `dim`, and their indices.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[track_caller]
    pub fn median_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.found("median", "MedianBackward1", Find::Middle { ignored: false }, dim, keepdim)
    }

    /// The [`median`](Tensor::median) of all elements but NaN.
    ///
    /// # Errors
    /// If there is nothing to choose from, and the elements are not floating point.
    #[doc(alias = "torch.nanmedian")]
    #[track_caller]
    pub fn nanmedian(&self) -> Result<Tensor> {
        self.middle("nanmedian", "Nanmedian", true)
    }

    /// [`median_dim`](Tensor::median_dim) of all elements but NaN.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[track_caller]
    pub fn nanmedian_dim(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.found("nanmedian", "NanmedianBackward1", Find::Middle { ignored: true }, dim, keepdim)
    }

    /// The commonest element of each lane along `dim`, the smallest among equally common ones, and the index of its
    /// last occurrence.
    ///
    /// # Errors
    /// If there is no such dimension, or nothing to choose from.
    #[doc(alias = "torch.mode")]
    #[track_caller]
    pub fn mode(&self, dim: isize, keepdim: bool) -> Result<(Tensor, Tensor)> {
        self.found("mode", "Mode", Find::Commonest, dim, keepdim)
    }

    /// The `q`-quantiles along `dim`, or of all elements: where a share `q` of the way through the sorted elements is.
    /// A vector of several `q` adds a dimension in front. NaN if an element is.
    ///
    /// # Errors
    /// If there is no such dimension, nothing to choose from, the elements are not floating point, or `q` is neither a
    /// number nor a vector, or not between 0 and 1.
    #[doc(alias = "torch.quantile")]
    #[track_caller]
    pub fn quantile<'a>(
        &self,
        q: impl Into<Operand<'a>>,
        dim: impl Into<Option<isize>>,
        keepdim: bool,
        interpolation: Interpolation,
    ) -> Result<Tensor> {
        self.quantiles("quantile", q.into(), dim.into(), keepdim, interpolation)
    }

    /// [`quantile`](Tensor::quantile) of all elements but NaN; NaN where there is nothing else.
    ///
    /// # Errors
    /// As `quantile`.
    #[doc(alias = "torch.nanquantile")]
    #[track_caller]
    pub fn nanquantile<'a>(
        &self,
        q: impl Into<Operand<'a>>,
        dim: impl Into<Option<isize>>,
        keepdim: bool,
        interpolation: Interpolation,
    ) -> Result<Tensor> {
        self.quantiles("nanquantile", q.into(), dim.into(), keepdim, interpolation)
    }

    #[track_caller]
    fn quantiles(
        &self,
        op: &'static str,
        q: Operand<'_>,
        dim: Option<isize>,
        keepdim: bool,
        interpolation: Interpolation,
    ) -> Result<Tensor> {
        if !self.dtype().is_float() {
            return Err(Error::not_float(op, self.dtype()));
        }
        let plan = match dim {
            Some(dim) => Plan::new(op, self, dim, keepdim)?,
            None => Plan::new(op, self, (), keepdim)?,
        };
        plan.something(op, self)?;
        let asked = match q {
            Operand::Tensor(q) => q.to(self.dtype()),
            Operand::Number(q) => Tensor::scalar(q, self.dtype()),
        };
        let q = asked.detach();
        let shares = q.to(DType::F64).to_vec::<f64>()?;
        if q.dim() > 1 || shares.iter().any(|q| !(0.0..=1.0).contains(q)) {
            return Err(Error::value(
                op,
                format!("q must be a number or a vector of numbers between 0 and 1, found {q}"),
            ));
        }
        let (sorted, _) = plan.at_the_back(self)?.sort(-1, false)?;
        // In the type of the elements, as PyTorch does it: a tenth of 10 is 1 in float32 too.
        let (below, above, weights, scale) = with_float!(self.dtype(), T => {
            let (x, shares) = (sorted.values::<T>(), q.values::<T>());
            let (mut below, mut above, mut weights, mut scale) = (vec![], vec![], vec![], vec![]);
            for lane in x.chunks_exact(plan.count(self)) {
                let numbers = lane.iter().take_while(|x| !x.is_nan()).count();
                for share in shares.iter() {
                    let (place, by_share) = match numbers {
                        // NaN stands at the end.
                        n if n < lane.len() && (op == "quantile" || n == 0) => (lane.len() as T - 1.0, 0.0),
                        n => (share * (n as T - 1.0), n as T - 1.0),
                    };
                    scale.push(by_share);
                    let place = match interpolation {
                        Interpolation::Linear => place,
                        Interpolation::Lower => place.floor(),
                        Interpolation::Higher => place.ceil(),
                        Interpolation::Midpoint => (place.floor() + place.ceil()) / 2.0,
                        Interpolation::Nearest => place.round_ties_even(),
                    };
                    below.push(place.floor() as i64);
                    above.push(place.ceil() as i64);
                    weights.push(place - place.floor());
                }
            }
            let shape: Shape = sorted.shape()[..sorted.dim() - 1].iter().copied().chain([q.numel()]).collect();
            let floats = [weights, scale].map(|values| Tensor::from_vec(values, &shape));
            let [weights, scale] = floats;
            (Tensor::from_vec(below, &shape)?, Tensor::from_vec(above, &shape)?, weights?, scale?)
        });
        // Between two elements the quantile moves with its share.
        let moving = asked.needs_grad() && interpolation == Interpolation::Linear;
        let weights = if moving { asked.sub(&q)?.mul(&scale)?.add(&weights)? } else { weights };
        let low = sorted.gather(-1, &below)?;
        let out = if below.equal(&above) {
            low
        } else {
            sorted.gather(-1, &above)?.sub(&low)?.mul(&weights)?.add(&low)?
        };
        // (kept…, q) to (q, kept…).
        let last = out.dim() - 1;
        let order: Shape = std::iter::once(last).chain(0..last).collect();
        let mut shape: Shape = q.shape().into();
        shape.extend_from_slice(&plan.out);
        out.permute(&order)?.reshape(shape)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    use Interpolation::*;
    let x = || vec![float64([[0.4, -1.3, 2.0, 0.3], [0.1, 0.7, -0.9, 1.0]])];
    vec![
        case("median", |x| x[0].sin().median(), x()),
        case("median along a dimension", |x| Ok(x[0].sin().median_dim(1, false)?.0), x()),
        case("nanmedian", |x| x[0].sin().nanmedian(), x()),
        case("nanmedian along a dimension", |x| Ok(x[0].sin().nanmedian_dim(0, true)?.0), x()),
        case("mode", |x| Ok(x[0].sin().mode(1, false)?.0), x()),
        case("quantile", |x| x[0].sin().quantile(0.3, 1, false, Linear), x()),
        case("quantiles", |x| x[0].sin().quantile(&float64([0.1, 0.8]), None, true, Midpoint), x()),
        case("quantile of a share", |x| x[0].quantile(&x[1], 1, false, Linear), {
            x().into_iter().chain([float64([0.1, 0.8])]).collect()
        }),
        case("nanquantile", |x| x[0].sin().nanquantile(0.7, 0, false, Lower), x()),
    ]
}

#[cfg(test)]
mod tests {
    use super::Interpolation::{Higher, Linear, Lower, Midpoint, Nearest};
    use crate::{Tensor, tensor};

    fn number(x: crate::Result<Tensor>) -> f64 {
        x.unwrap().item().unwrap()
    }

    #[test]
    fn nan_wins_or_is_ignored() {
        let x = tensor([4.0, f64::NAN, 1.0, 2.0]);
        assert!(number(x.median()).is_nan() && number(x.quantile(0.5, None, false, Linear)).is_nan());
        assert_eq!(x.median_dim(0, false).unwrap().1.item().unwrap(), 1.0);
        assert_eq!(number(x.nanmedian()), 2.0);
        assert_eq!(number(x.nanquantile(1.0, None, false, Linear)), 4.0);
        assert!(number(tensor([f64::NAN]).nanquantile(0.5, 0, false, Linear)).is_nan());
        assert!(number(crate::zeros(0).unwrap().median()).is_nan());
    }

    #[test]
    fn between_two_elements() {
        let x = tensor([0.0, 10.0, 20.0, 30.0]);
        let at = |interpolation| number(x.quantile(0.5, 0, false, interpolation));
        assert_eq!([Linear, Lower, Higher, Midpoint, Nearest].map(at), [15.0, 10.0, 20.0, 15.0, 20.0]);
        let several = x.quantile(&tensor([0.0, 1.0]), 0, true, Linear).unwrap();
        assert_eq!(several.shape(), [2, 1]);
        assert_eq!(several.to_vec::<f32>().unwrap(), [0.0, 30.0]);
        assert!(x.quantile(1.5, 0, false, Linear).is_err());
        assert!(tensor([1, 2]).quantile(0.5, 0, false, Linear).is_err());
    }

    #[test]
    fn the_commonest() {
        let (values, indices) = tensor([[3, 1, 3, 1], [2, 5, 5, 5]]).mode(1, false).unwrap();
        assert_eq!(values.to_vec::<i64>().unwrap(), [1, 5]);
        assert_eq!(indices.to_vec::<i64>().unwrap(), [3, 3]);
    }
}

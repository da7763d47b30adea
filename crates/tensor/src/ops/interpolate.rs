//! Images, lines and spaces made larger or smaller.
//!
//! ```
//! use tensor::{Interpolate, Upsampling, tensor};
//! let x = tensor([[[1.0, 3.0]]]); // (N, C, L)
//! let twice = Interpolate::scale_factor(2);
//! assert_eq!(x.interpolate(&twice)?.to_string(), "tensor([[[1., 1., 3., 3.]]])");
//! let twice = twice.mode(Upsampling::Linear);
//! assert_eq!(x.interpolate(&twice)?.to_string(), "tensor([[[1.0000, 1.5000, 2.5000, 3.0000]]])");
//! # Ok::<(), tensor::Error>(())
//! ```
//! Every mode is separable: along each dimension, an output is a sum of few inputs times weights (see `taps`). Where an
//! output stands among the inputs, and the weights, are those of ATen's `UpSample.h`.

use super::taps::Taps;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape};
use crate::storage::Buffer;
use crate::tensor::Tensor;
use smallvec::SmallVec;
use std::str::FromStr;
use std::sync::Arc;

/// What stands between the given elements.
#[doc(alias = "mode")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Upsampling {
    /// The element before, as OpenCV has it.
    #[default]
    Nearest,
    /// The nearest element, as Pillow has it.
    NearestExact,
    /// A line between two elements of `(N, C, L)`.
    Linear,
    /// The same along both dimensions of `(N, C, H, W)`.
    Bilinear,
    /// The same along the three dimensions of `(N, C, D, H, W)`.
    Trilinear,
    /// A cubic curve through four elements, along both dimensions of `(N, C, H, W)`.
    Bicubic,
    /// The mean of what an output covers.
    Area,
    /// A windowed sinc of six elements, along both dimensions of `(N, C, H, W)`; with `antialias` only.
    Lanczos,
}

impl Upsampling {
    /// The name by which PyTorch knows it: `nearest-exact`.
    pub fn name(self) -> &'static str {
        match self {
            Upsampling::Nearest => "nearest",
            Upsampling::NearestExact => "nearest-exact",
            Upsampling::Linear => "linear",
            Upsampling::Bilinear => "bilinear",
            Upsampling::Trilinear => "trilinear",
            Upsampling::Bicubic => "bicubic",
            Upsampling::Area => "area",
            Upsampling::Lanczos => "lanczos",
        }
    }

    /// What the node in the graph is called, with this many dimensions.
    fn node(self, rank: usize) -> &'static str {
        use Upsampling::*;
        match (self, rank) {
            (Nearest, 1) => "UpsampleNearest1D",
            (Nearest, 2) => "UpsampleNearest2D",
            (Nearest, _) => "UpsampleNearest3D",
            (NearestExact, 1) => "UpsampleNearestExact1D",
            (NearestExact, 2) => "UpsampleNearestExact2D",
            (NearestExact, _) => "UpsampleNearestExact3D",
            (Linear, _) => "UpsampleLinear1D",
            (Bilinear, _) => "UpsampleBilinear2D",
            (Trilinear, _) => "UpsampleTrilinear3D",
            (Bicubic, _) => "UpsampleBicubic2D",
            (Area, _) => "AdaptiveAvgPool2D",
            (Lanczos, _) => "UpsampleLanczos2D",
        }
    }

    /// How many dimensions it goes along; `None` if that does not matter.
    fn rank(self) -> Option<usize> {
        match self {
            Upsampling::Nearest | Upsampling::NearestExact | Upsampling::Area => None,
            Upsampling::Linear => Some(1),
            Upsampling::Bilinear | Upsampling::Bicubic | Upsampling::Lanczos => Some(2),
            Upsampling::Trilinear => Some(3),
        }
    }
}

impl FromStr for Upsampling {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        use Upsampling::*;
        let all = [Nearest, NearestExact, Linear, Bilinear, Trilinear, Bicubic, Area, Lanczos];
        all.into_iter().find(|mode| mode.name() == name).ok_or_else(|| {
            let known = all.map(Upsampling::name).join(", ");
            Error::value("interpolate", format!("no mode is called {name:?}; there are {known}"))
        })
    }
}

/// One number, or one for each dimension: `2`, `1.5`, `[2.0, 3.0]`.
pub trait Factors {
    /// The numbers.
    fn factors(&self) -> SmallVec<[f64; 3]>;
}

macro_rules! factors {
    ($($type:ty: |$x:ident| $factors:expr;)*) => {$(
        impl Factors for $type {
            fn factors(&self) -> SmallVec<[f64; 3]> {
                let $x = self;
                $factors
            }
        }
    )*};
}

factors! {
    i32: |x| SmallVec::from_elem(f64::from(*x), 1);
    f64: |x| SmallVec::from_elem(*x, 1);
    [f64]: |x| x.into();
    Vec<f64>: |x| x.as_slice().into();
}

impl<const N: usize> Factors for [f64; N] {
    fn factors(&self) -> SmallVec<[f64; 3]> {
        self.as_slice().into()
    }
}

impl<F: Factors + ?Sized> Factors for &F {
    fn factors(&self) -> SmallVec<[f64; 3]> {
        (**self).factors()
    }
}

/// How large, and by which rule. Made by [`size`](Interpolate::size) or [`scale_factor`](Interpolate::scale_factor).
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolate {
    target: Target,
    mode: Upsampling,
    align_corners: Option<bool>,
    recompute_scale_factor: bool,
    antialias: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Target {
    Size(SmallVec<[i64; 4]>),
    Scale(SmallVec<[f64; 3]>),
}

impl Interpolate {
    /// An output of this size: one number for all dimensions behind `(N, C)`, or one for each.
    pub fn size(size: impl Ints) -> Self {
        Self::to(Target::Size(size.ints()))
    }

    /// An output so many times as large, rounded down.
    pub fn scale_factor(scale_factor: impl Factors) -> Self {
        Self::to(Target::Scale(scale_factor.factors()))
    }

    fn to(target: Target) -> Self {
        Interpolate {
            target,
            mode: Upsampling::Nearest,
            align_corners: None,
            recompute_scale_factor: false,
            antialias: false,
        }
    }

    /// What stands between the given elements.
    #[must_use]
    pub fn mode(self, mode: Upsampling) -> Self {
        Interpolate { mode, ..self }
    }

    /// Whether the middles of the corner elements lie on each other, and not the corners of the whole.
    #[must_use]
    pub fn align_corners(self, align_corners: impl Into<Option<bool>>) -> Self {
        Interpolate { align_corners: align_corners.into(), ..self }
    }

    /// Whether the scale is what the rounded size makes of it, and not the one that was given.
    #[must_use]
    pub fn recompute_scale_factor(self, recompute_scale_factor: bool) -> Self {
        Interpolate { recompute_scale_factor, ..self }
    }

    /// Whether an output that covers more than one element takes all of them: for bilinear, bicubic and Lanczos.
    #[must_use]
    pub fn antialias(self, antialias: bool) -> Self {
        Interpolate { antialias, ..self }
    }

    #[track_caller]
    fn check(&self, x: &Tensor) -> Result<()> {
        const OP: &str = "interpolate";
        let (mode, rank) = (self.mode, x.dim().saturating_sub(2));
        if !x.dtype().is_float() {
            return Err(Error::not_float(OP, x.dtype()));
        }
        if !(1..=3).contains(&rank) || mode.rank().is_some_and(|r| r != rank) || x.shape()[1..].contains(&0) {
            let expected = match mode.rank() {
                None => "(N, C, L), (N, C, H, W) or (N, C, D, H, W)",
                Some(1) => "(N, C, L)",
                Some(2) => "(N, C, H, W)",
                Some(_) => "(N, C, D, H, W)",
            };
            let message = format!("mode {} expects {expected} that is not empty, found shape {:?}", mode.name(), x.shape());
            return Err(Error::shape(OP, message));
        }
        let given = match &self.target {
            Target::Size(size) => size.len(),
            Target::Scale(scale) => scale.len(),
        };
        let target = &self.target;
        if given != 1 && given != rank {
            return Err(Error::shape(OP, format!("{target:?} has {given} numbers for an input of shape {:?}", x.shape())));
        }
        if matches!(target, Target::Size(_)) && self.recompute_scale_factor {
            return Err(Error::value(OP, "a scale cannot be recomputed where a size was given"));
        }
        if mode.rank().is_none() && self.align_corners.is_some() {
            return Err(Error::value(OP, format!("align_corners has no meaning in mode {}", mode.name())));
        }
        if mode == Upsampling::Lanczos && (!self.antialias || self.align_corners == Some(true)) {
            return Err(Error::value(OP, "mode lanczos is with antialias and without align_corners only"));
        }
        if self.antialias && mode.rank() != Some(2) {
            return Err(Error::value(OP, format!("antialias has no meaning in mode {}", mode.name())));
        }
        Ok(())
    }

    /// The output's size along spatial dimension `d`, and the scale by which it was asked for.
    #[track_caller]
    fn along(&self, d: usize, size: usize) -> Result<(usize, Option<f64>)> {
        let out = match &self.target {
            Target::Size(sizes) => sizes[d.min(sizes.len() - 1)] as f64,
            Target::Scale(scales) => size as f64 * scales[d.min(scales.len() - 1)],
        };
        if out.is_nan() || out < 1.0 {
            let message = format!("an output has at least one element, found {:?} of a dimension of {size}", self.target);
            return Err(Error::value("interpolate", message));
        }
        let scale = match &self.target {
            Target::Scale(scales) if !self.recompute_scale_factor => Some(scales[d.min(scales.len() - 1)]),
            _ => None,
        };
        Ok((out as usize, scale))
    }

    /// Which of `size` elements each of `out` results takes.
    fn taps(&self, size: usize, out: usize, scale: Option<f64>) -> Taps {
        let last = size - 1;
        let step = scale.map_or(size as f64 / out as f64, f64::recip);
        if let Upsampling::Nearest | Upsampling::NearestExact = self.mode {
            // PyTorch's indices are those of single precision.
            let step = scale.map_or(size as f32 / out as f32, |s| s.recip() as f32);
            let index = |i: usize| match self.mode {
                _ if out == size => i,
                Upsampling::Nearest if out == 2 * size => i / 2,
                Upsampling::Nearest => (i as f32 * step).floor() as usize,
                // The product is rounded to single precision, so that a half which is one in exact numbers is one here.
                _ => (((i as f64 + 0.5) * f64::from(step)) as f32).floor() as usize,
            };
            return Taps::new(size, (0..out).map(|i| vec![(index(i).min(last), 1.0)]).collect());
        }
        let aligned = self.align_corners == Some(true);
        let step = match (aligned, out) {
            (false, _) => step,
            (true, 1) => 0.0,
            (true, _) => last as f64 / (out - 1) as f64,
        };
        if self.antialias {
            let filter = self.filter();
            return Taps::new(size, (0..out).map(|i| filter.over(step * (i as f64 + 0.5), step, size)).collect());
        }
        let cubic = self.mode == Upsampling::Bicubic;
        let taps = |i: usize| {
            let at = if aligned { step * i as f64 } else { step * (i as f64 + 0.5) - 0.5 };
            let at = if cubic { at } else { at.max(0.0) };
            let first = at.floor().min(last as f64);
            let part = (at - first).clamp(0.0, 1.0);
            if !cubic {
                let first = first as usize;
                if out == size {
                    return vec![(i, 1.0)];
                }
                return vec![(first, 1.0 - part), ((first + 1).min(last), part)];
            }
            let weights = [1.0 + part, part, 1.0 - part, 2.0 - part].map(|x| cubic_convolution(x, -0.75));
            let index = |k: usize| (first as i64 + k as i64 - 1).clamp(0, last as i64) as usize;
            weights.iter().enumerate().map(|(k, &weight)| (index(k), weight)).collect()
        };
        Taps::new(size, (0..out).map(taps).collect())
    }

    fn filter(&self) -> Filter {
        match self.mode {
            Upsampling::Bicubic => Filter { reach: 2.0, weight: |x| cubic_convolution(x, -0.5) },
            Upsampling::Lanczos => Filter { reach: 3.0, weight: |x| if x < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 } },
            _ => Filter { reach: 1.0, weight: |x| (1.0 - x).max(0.0) },
        }
    }
}

/// A weight by the distance, 0 from `reach` on.
struct Filter {
    reach: f64,
    weight: fn(f64) -> f64,
}

impl Filter {
    /// The elements around `center`, as if each output covered `step` of them; together they weigh one.
    fn over(&self, center: f64, step: f64, size: usize) -> Vec<(usize, f64)> {
        let stretch = step.max(1.0);
        let support = self.reach * stretch;
        let first = (center - support + 0.5).max(0.0) as usize;
        let end = ((center + support + 0.5).max(0.0) as usize).min(size);
        let weight = |i: usize| (self.weight)(((i as f64 - center + 0.5) / stretch).abs());
        let total: f64 = (first..end).map(weight).sum();
        let total = if total == 0.0 { 1.0 } else { total };
        (first..end).map(|i| (i, weight(i) / total)).collect()
    }
}

/// R. Keys' piecewise cubic, with slope `a` at distance one. Source: IEEE Trans. ASSP 29, 1981.
fn cubic_convolution(x: f64, a: f64) -> f64 {
    if x <= 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { x.sin() / x }
}

impl Tensor {
    /// `(N, C, L)`, `(N, C, H, W)` or `(N, C, D, H, W)` with the dimensions behind the channels larger or smaller.
    ///
    /// # Errors
    /// If the mode does not go with the shape or an option, or the size is not positive.
    #[doc(alias = "torch.nn.functional.interpolate")]
    #[doc(alias = "upsample")]
    #[track_caller]
    pub fn interpolate(&self, how: &Interpolate) -> Result<Tensor> {
        how.check(self)?;
        let rank = self.dim() - 2;
        let mut larger: Shape = self.shape().into();
        let mut sizes = SmallVec::<[_; 3]>::new();
        for d in 0..rank {
            let (out, scale) = how.along(d, self.shape()[d + 2])?;
            larger[d + 2] = larger[d + 2].max(out);
            sizes.push((out, scale));
        }
        // The largest of what stands between the dimensions.
        Buffer::<f64>::check("interpolate", Layout::contiguous("interpolate", &larger)?.numel())?;
        if how.mode == Upsampling::Area {
            let sizes: SmallVec<[usize; 3]> = sizes.iter().map(|s| s.0).collect();
            return match rank {
                1 => self.adaptive_avg_pool1d(&*sizes),
                2 => self.adaptive_avg_pool2d(&*sizes),
                _ => self.adaptive_avg_pool3d(&*sizes),
            };
        }
        let mut y = self.clone();
        for (d, (out, scale)) in sizes.into_iter().enumerate() {
            let taps = how.taps(self.shape()[d + 2], out, scale);
            y = y.taps(how.mode.node(rank), d + 2, &Arc::new(taps));
        }
        Ok(y)
    }
}

/// The cases by which interpolation is checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let x = || vec![float64([[[[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]]]])];
    let how = |how: Interpolate| move |x: &[Tensor]| Ok(x[0].interpolate(&how)?.sin());
    let line = |how: Interpolate| move |x: &[Tensor]| Ok(x[0].flatten(2, -1)?.interpolate(&how)?.sin());
    let space = |how: Interpolate| move |x: &[Tensor]| Ok(x[0].unsqueeze(2)?.interpolate(&how)?.sin());
    let (size, scale) = (Interpolate::size([3, 4]), Interpolate::scale_factor([1.5, 2.0]));
    use Upsampling::*;
    vec![
        case("interpolate", how(scale.clone()), x()),
        case("interpolate nearest-exact", how(size.clone().mode(NearestExact)), x()),
        case("interpolate bilinear", how(scale.clone().mode(Bilinear)), x()),
        case("interpolate bicubic", how(size.clone().mode(Bicubic).align_corners(true)), x()),
        case("interpolate lanczos", how(Interpolate::size([2, 2]).mode(Lanczos).antialias(true)), x()),
        case("interpolate a line", line(Interpolate::size(9)), x()),
        case("interpolate a line exactly", line(Interpolate::size(9).mode(NearestExact)), x()),
        case("interpolate linear", line(Interpolate::size(9).mode(Linear)), x()),
        case("interpolate a space", space(Interpolate::scale_factor(2)), x()),
        case("interpolate a space exactly", space(Interpolate::scale_factor(2).mode(NearestExact)), x()),
        case("interpolate trilinear", space(Interpolate::scale_factor(2).mode(Trilinear)), x()),
    ]
}

#[cfg(test)]
mod tests {
    use super::{Interpolate, Upsampling};
    use crate::{ones, zeros};

    #[test]
    fn what_does_not_fit_is_named() {
        let x = ones([1, 2, 3, 4]).unwrap();
        let twice = || Interpolate::scale_factor(2);
        for how in [
            twice().mode(Upsampling::Linear),
            twice().align_corners(true),
            twice().antialias(true),
            twice().mode(Upsampling::Lanczos),
            Interpolate::size(3).recompute_scale_factor(true),
            Interpolate::size([1, 2, 3]),
            Interpolate::size(0),
            Interpolate::size(i64::MAX),
            Interpolate::scale_factor(f64::NAN),
            Interpolate::scale_factor(0.1),
        ] {
            let error = x.interpolate(&how).unwrap_err().to_string();
            assert!(error.contains("interpolate"), "{error}");
        }
        assert!(zeros([0, 2, 3]).unwrap().interpolate(&twice()).is_ok());
        assert!("cubic".parse::<Upsampling>().is_err());
    }
}

//! Reading an image at any places: `affine_grid` says where, `grid_sample` reads. Together they are the sampler of a spatial
//! transformer ([Jaderberg et al., 2015](https://arxiv.org/abs/1506.02025)).
//!
//! A place is `(x, y)`, or `(x, y, z)`: −1 and 1 are the outer edges of the first and the last element along a dimension, or
//! their centres with `align_corners`. The computation is a chain of other operations, so it can be differentiated as
//! often as they can, by the image and by the grid.
//!
//! ```
//! use tensor::{GridSample, Tensor, arange, tensor};
//! let image = arange(0.0, 4.0, 1.0)?.reshape([1, 1, 2, 2])?;
//! // The mirror of it.
//! let grid = tensor([[[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]).affine_grid([1, 1, 2, 2], false)?;
//! let mirrored = image.grid_sample(&grid, &GridSample::new())?;
//! assert_eq!(mirrored.flatten(0, -1)?.to_string(), "tensor([1., 0., 3., 2.])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::interpolate::Upsampling;
use crate::autograd::check::{Case, case, float64};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{Ints, Shape, sizes};
use crate::tensor::Tensor;

/// What stands outside of the image, for [`Tensor::grid_sample`].
#[doc(alias = "padding_mode")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GridPadding {
    /// Zeros.
    #[default]
    Zeros,
    /// The nearest element at the edge.
    Border,
    /// The image in a mirror at its edge, or at the centres of the last elements with `align_corners`.
    Reflection,
}

/// How [`Tensor::grid_sample`] reads between elements and beyond them.
#[derive(Clone, Debug)]
pub struct GridSample {
    mode: Upsampling,
    padding_mode: GridPadding,
    align_corners: bool,
}

impl Default for GridSample {
    fn default() -> Self {
        GridSample { mode: Upsampling::Bilinear, padding_mode: GridPadding::Zeros, align_corners: false }
    }
}

impl GridSample {
    /// On lines between the elements, with zeros outside.
    pub fn new() -> Self {
        GridSample::default()
    }

    /// `Bilinear`, `Nearest` or `Bicubic`, which are also the names in three dimensions.
    #[must_use]
    pub fn mode(mut self, mode: Upsampling) -> Self {
        self.mode = mode;
        self
    }

    /// What stands outside.
    #[must_use]
    pub fn padding_mode(mut self, padding_mode: GridPadding) -> Self {
        self.padding_mode = padding_mode;
        self
    }

    /// Whether −1 and 1 are the centres of the first and the last element instead of their outer edges.
    #[must_use]
    pub fn align_corners(mut self, align_corners: bool) -> Self {
        self.align_corners = align_corners;
        self
    }

    /// Where a place of the grid lies along a dimension, counted in elements.
    fn unnormalized(&self, place: &Tensor, size: usize) -> Result<Tensor> {
        let size = size as f64;
        if self.align_corners {
            place.add(1.0)?.mul((size - 1.0) / 2.0)
        } else {
            place.add(1.0)?.mul(size)?.sub(1.0)?.div(2.0)
        }
    }

    /// Brings places from outside to where their element is found. What was moved to an edge has no slope.
    fn inside(&self, at: &Tensor, size: usize) -> Result<Tensor> {
        match self.padding_mode {
            GridPadding::Zeros => Ok(at.clone()),
            GridPadding::Border => clipped(at, size),
            GridPadding::Reflection => clipped(&self.reflected(at, size)?, size),
        }
    }

    fn reflected(&self, at: &Tensor, size: usize) -> Result<Tensor> {
        let (low, span) = if self.align_corners { (0.0, size as f64 - 1.0) } else { (-0.5, size as f64) };
        if span == 0.0 {
            return Ok(at.zeros_like());
        }
        let from_edge = at.sub(low)?;
        let from_edge = (-&from_edge).where_(&from_edge.lt(0.0)?, &from_edge)?;
        let turns = from_edge.detach().div(span)?.floor();
        let extra = from_edge.fmod(span)?;
        let back = turns.remainder(2.0)?.eq(1.0)?;
        extra.rsub(span)?.where_(&back, &extra)?.add(low)
    }

    /// The elements along a dimension from which the value at each place is made: their indices, whether they exist,
    /// and their weights.
    fn taps(&self, place: &Tensor, size: usize) -> Result<Vec<Tap>> {
        let at = self.unnormalized(place, size)?;
        match self.mode {
            Upsampling::Nearest => Ok(vec![Tap::new(&self.inside(&at, size)?.detach().round(), size, None)?]),
            Upsampling::Bicubic => {
                let low = at.detach().floor();
                let t = at.sub(&low)?;
                (0..4)
                    .map(|k| {
                        let neighbour = self.inside(&low.add(f64::from(k) - 1.0)?, size)?;
                        Tap::new(&neighbour, size, Some(cubic(&t, k)?))
                    })
                    .collect()
            }
            _ => {
                let at = self.inside(&at, size)?;
                let low = at.detach().floor();
                let t = at.sub(&low)?;
                Ok(vec![
                    Tap::new(&low, size, Some(t.rsub(1.0)?))?,
                    Tap::new(&low.add(1.0)?, size, Some(t))?,
                ])
            }
        }
    }
}

/// `at` between the first and the last element.
fn clipped(at: &Tensor, size: usize) -> Result<Tensor> {
    let last = size as f64 - 1.0;
    let moves = at.gt(0.0)?.logical_and(&at.lt(last)?)?.logical_not();
    at.detach().clamp(0.0, last)?.where_(&moves, at)
}

/// Keys' cubic convolution with a = −¾, as OpenCV and PyTorch have it: the weight of neighbour `k`, which is at −1, 0, 1, 2
/// from the element before.
fn cubic(t: &Tensor, k: u8) -> Result<Tensor> {
    const A: f64 = -0.75;
    let near = |x: &Tensor| x.mul(A + 2.0)?.sub(A + 3.0)?.mul(&x.square())?.add(1.0);
    let far = |x: &Tensor| x.mul(A)?.sub(5.0 * A)?.mul(x)?.add(8.0 * A)?.mul(x)?.sub(4.0 * A);
    match k {
        0 => far(&t.add(1.0)?),
        1 => near(t),
        2 => near(&t.rsub(1.0)?),
        _ => far(&t.rsub(2.0)?),
    }
}

/// An element along a dimension for each place.
struct Tap {
    index: Tensor,
    exists: Tensor,
    weight: Option<Tensor>,
}

impl Tap {
    fn new(at: &Tensor, size: usize, weight: Option<Tensor>) -> Result<Tap> {
        let at = at.detach();
        let last = size as f64 - 1.0;
        let exists = at.ge(0.0)?.logical_and(&at.le(last)?)?;
        let index = at.where_(&exists, 0.0)?.to(DType::I64);
        Ok(Tap { index, exists, weight })
    }

    /// The element that is this one along its dimension and `other` along the ones before.
    fn and(&self, other: &Tap, size: usize) -> Result<Tap> {
        let weight = match (&self.weight, &other.weight) {
            (Some(a), Some(b)) => Some(a.mul(b)?),
            _ => None,
        };
        let index = other.index.mul(size as i64)?.add(&self.index)?;
        Ok(Tap { index, exists: self.exists.logical_and(&other.exists)?, weight })
    }
}

impl Tensor {
    /// The values of images `(N, C, H, W)` or `(N, C, D, H, W)` at the places of a grid `(N, H', W', 2)` or
    /// `(N, D', H', W', 3)`: `(N, C, H', W')` or `(N, C, D', H', W')`. A place that is no number reads zeros. To the nearest
    /// element there is no gradient for the grid.
    ///
    /// # Errors
    /// If shapes or types do not fit, the images have no elements, or the mode does not exist for these dimensions.
    #[doc(alias = "torch.nn.functional.grid_sample")]
    #[track_caller]
    pub fn grid_sample(&self, grid: &Tensor, how: &GridSample) -> Result<Tensor> {
        let rank = self.dim().saturating_sub(2);
        let fits = (2..=3).contains(&rank)
            && grid.dim() == rank + 2
            && grid.shape()[rank + 1] == rank
            && grid.shape()[0] == self.shape()[0];
        if !fits {
            return Err(Error::shape(
                "grid_sample",
                format!(
                    "expected (N, C, H, W) and (N, H', W', 2), or (N, C, D, H, W) and (N, D', H', W', 3), found {:?} and {:?}",
                    self.shape(),
                    grid.shape()
                ),
            ));
        }
        if !self.dtype().is_float() || self.dtype() != grid.dtype() {
            let message = format!("expected two of one float type, found {} and {}", self.dtype(), grid.dtype());
            return Err(Error::dtype("grid_sample", message));
        }
        let known = match how.mode {
            Upsampling::Bilinear | Upsampling::Nearest | Upsampling::Bicubic => true,
            Upsampling::Trilinear => rank == 3,
            _ => false,
        };
        if !known {
            let message = format!("there is no mode {} for {rank} dimensions", how.mode.name());
            return Err(Error::value("grid_sample", message));
        }
        let (batch, channels, sizes) = (self.shape()[0], self.shape()[1], &self.shape()[2..]);
        let elements: usize = sizes.iter().product();
        if elements == 0 {
            let message = format!("there is nothing to read in images of size {sizes:?}");
            return Err(Error::shape("grid_sample", message));
        }
        let outputs = &grid.shape()[1..=rank];
        let places: usize = outputs.iter().product();
        let grid = grid.reshape([batch, places, rank])?;
        // All elements that take part in one place: along each dimension one of its taps.
        let mut taps: Vec<Tap> = Vec::new();
        for (d, &size) in sizes.iter().enumerate() {
            let along = how.taps(&grid.select(-1, (rank - 1 - d) as isize)?, size)?;
            taps = if d == 0 {
                along
            } else {
                let pairs = taps.iter().flat_map(|before| along.iter().map(move |tap| (before, tap)));
                pairs.map(|(before, tap)| tap.and(before, size)).collect::<Result<_>>()?
            };
        }
        let image = self.reshape([batch, channels, elements])?;
        let mut out: Option<Tensor> = None;
        for tap in taps {
            let index = tap.index.unsqueeze(1)?.expand([batch, channels, places])?;
            let value = image.gather(-1, &index)?;
            let exists = tap.exists.unsqueeze(1)?;
            // What does not exist is 0, whatever its weight.
            let part = match tap.weight {
                Some(weight) => value.mul(&weight.where_(&tap.exists, 0.0)?.unsqueeze(1)?)?,
                None => value.where_(&exists, 0.0)?,
            };
            out = Some(match out {
                Some(out) => out.add(&part)?,
                None => part,
            });
        }
        let shape: Shape = [batch, channels].into_iter().chain(outputs.iter().copied()).collect();
        out.map_or_else(|| image.narrow(-1, 0, 0), Ok)?.reshape(shape)
    }

    /// The places that affine maps `(N, 2, 3)` or `(N, 3, 4)` send the elements of an image of size `(N, C, H, W)` or
    /// `(N, C, D, H, W)` to: a grid `(N, H, W, 2)` or `(N, D, H, W, 3)` for [`grid_sample`](Tensor::grid_sample).
    ///
    /// # Errors
    /// If shapes do not fit, a size is 0, or the maps are not floating point.
    #[doc(alias = "torch.nn.functional.affine_grid")]
    #[track_caller]
    pub fn affine_grid(&self, size: impl Ints, align_corners: bool) -> Result<Tensor> {
        let size = sizes("affine_grid", size)?;
        let rank = size.len().saturating_sub(2);
        if !(2..=3).contains(&rank) || self.shape() != [size[0], rank, rank + 1] || size.contains(&0) {
            return Err(Error::shape(
                "affine_grid",
                format!(
                    "expected maps (N, 2, 3) for a size (N, C, H, W), or (N, 3, 4) for (N, C, D, H, W), all above 0; found \
                     {:?} for {size:?}",
                    self.shape()
                ),
            ));
        }
        if !self.dtype().is_float() {
            return Err(Error::not_float("affine_grid", self.dtype()));
        }
        let spatial = &size[2..];
        // The last column of a map, and for each coordinate, of which x belongs to the last dimension, its column.
        let column = |j: usize| self.narrow(-1, j, 1)?.squeeze_dim(-1)?.reshape(places(size[0], rank, rank));
        let mut grid = column(rank)?;
        for (d, &n) in spatial.iter().enumerate() {
            let line = if n == 1 {
                Tensor::zeros(1, self.dtype())?
            } else {
                let line = Tensor::linspace(-1.0, 1.0, n, self.dtype())?;
                if align_corners { line } else { line.mul((n - 1) as f64 / n as f64)? }
            };
            let mut shape: Shape = Shape::from_elem(1, rank + 2);
            shape[1 + d] = n;
            grid = grid.add(&column(rank - 1 - d)?.mul(&line.reshape(shape)?)?)?;
        }
        Ok(grid)
    }
}

/// The shape of one place for each image.
fn places(batch: usize, rank: usize, coordinates: usize) -> Shape {
    let mut shape = Shape::from_elem(1, rank + 2);
    shape[0] = batch;
    shape[rank + 1] = coordinates;
    shape
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let image = || float64([[[[0.4, -1.3, 2.0], [0.1, 0.7, -0.9]], [[1.0, 0.2, -0.3], [0.8, -0.6, 0.5]]]]);
    // Inside, over an edge, far outside.
    let grid = || float64([[[[-0.37, 0.21], [0.93, -0.64]], [[1.43, 0.32], [-2.71, 1.38]]]]);
    let of = |name, how: GridSample| {
        case(name, move |x| x[0].grid_sample(&x[1], &how), vec![image(), grid()])
    };
    vec![
        of("grid_sample", GridSample::new()),
        of("grid_sample up to the border", GridSample::new().padding_mode(GridPadding::Border)),
        of(
            "grid_sample in mirrors",
            GridSample::new().padding_mode(GridPadding::Reflection).align_corners(true),
        ),
        of("grid_sample on cubic curves", GridSample::new().mode(Upsampling::Bicubic)),
        case(
            "grid_sample of the nearest",
            move |x| x[0].grid_sample(&grid(), &GridSample::new().mode(Upsampling::Nearest)),
            vec![image()],
        ),
        case(
            "grid_sample of a volume",
            |x| x[0].grid_sample(&x[1], &GridSample::new()),
            vec![
                float64([[[[[0.4, -1.3], [2.0, 0.1]], [[0.7, -0.9], [1.0, 0.2]]]]]),
                float64([[[[[0.13, -0.41, 0.72], [-0.56, 0.87, -1.24]]]]]),
            ],
        ),
        case(
            "affine_grid",
            |x| x[0].affine_grid([1, 1, 2, 3], false),
            vec![float64([[[0.9, -0.2, 0.1], [0.3, 1.1, -0.4]]])],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::{GridPadding, GridSample, Upsampling};
    use crate::{DType, Tensor, arange, ones, tensor, zeros};

    fn image() -> Tensor {
        arange(0.0, 12.0, 1.0).unwrap().reshape([1, 2, 2, 3]).unwrap()
    }

    #[test]
    fn the_identity_reads_each_element_where_it_is() {
        let map = tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]);
        for align in [true, false] {
            let grid = map.affine_grid([1, 2, 2, 3], align).unwrap();
            for mode in [Upsampling::Bilinear, Upsampling::Nearest, Upsampling::Bicubic] {
                for padding in [GridPadding::Zeros, GridPadding::Border, GridPadding::Reflection] {
                    let how = GridSample::new().mode(mode).padding_mode(padding).align_corners(align);
                    let found = image().grid_sample(&grid, &how).unwrap();
                    assert!(found.allclose(&image(), 1e-5, 1e-5).unwrap(), "{how:?}: {found}");
                }
            }
        }
    }

    #[test]
    fn no_place_reads_zeros() {
        let grid = tensor([[[[f32::NAN, 0.0], [f32::INFINITY, 0.0], [1e30, -1e30]]]]).requires_grad();
        for mode in [Upsampling::Bilinear, Upsampling::Nearest, Upsampling::Bicubic] {
            let found = image().grid_sample(&grid, &GridSample::new().mode(mode)).unwrap();
            assert_eq!(found.to_vec::<f32>().unwrap(), [0.0; 6]);
        }
        let none = image().grid_sample(&zeros([1, 0, 4, 2]).unwrap(), &GridSample::new()).unwrap();
        assert_eq!(none.shape(), [1, 2, 0, 4]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (how, grid) = (GridSample::new(), zeros([1, 2, 2, 2]).unwrap());
        let error = image().grid_sample(&zeros([1, 2, 2, 3]).unwrap(), &how).unwrap_err().to_string();
        assert!(error.contains("grid_sample") && error.contains("[1, 2, 2, 3]"), "{error}");
        assert!(image().grid_sample(&zeros([2, 2, 2, 2]).unwrap(), &how).is_err());
        assert!(image().grid_sample(&grid.to(DType::F64), &how).is_err());
        assert!(image().to(DType::I64).grid_sample(&grid.to(DType::I64), &how).is_err());
        assert!(image().grid_sample(&grid, &how.clone().mode(Upsampling::Area)).is_err());
        assert!(zeros([1, 2, 0, 3]).unwrap().grid_sample(&grid, &how).is_err());
        let volume = (ones([1, 1, 2, 2, 2]).unwrap(), zeros([1, 1, 1, 1, 3]).unwrap());
        assert!(volume.0.grid_sample(&volume.1, &how.clone().mode(Upsampling::Bicubic)).is_ok());
        assert!(image().grid_sample(&grid, &how.mode(Upsampling::Trilinear)).is_err());
        let map = ones([1, 2, 3]).unwrap();
        assert!(map.affine_grid([1, 1, 0, 2], false).is_err() && map.affine_grid([2, 1, 2, 2], false).is_err());
        assert!(map.affine_grid([1, 2], false).is_err() && map.to(DType::I64).affine_grid([1, 1, 2, 2], true).is_err());
    }
}

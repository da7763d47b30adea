//! Regions of a feature map at one size, by bilinear interpolation (He et al. 2017, Mask R-CNN).
//!
//! Each value of the result is a weighted sum of values of the map: `y = A·x` with a sparse matrix `A` that depends on the
//! boxes alone. So the gradient is `Aᵀ·∂y`, and that of the gradient `A` again.

use kernel::threads::share_out;
use std::sync::Arc;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Ctx, DType, Element, Error, Grads, Op, Result, Tensor, with_float};

/// Cuts regions out of feature maps and brings them to one size: each value is the mean of samples between the pixels.
///
/// ```
/// use tensor::{DType, arange, tensor};
/// use vision::RoIAlign;
/// let map = arange(0, 16, 1)?.to(DType::F32).reshape([1, 1, 4, 4])?;
/// let boxes = tensor([[0.0, 0.0, 0.0, 2.0, 2.0]]); // image 0, corners (0, 0) and (2, 2)
/// let regions = RoIAlign::new([1, 1]).forward(&map, &boxes)?;
/// assert_eq!(regions.to_string(), "tensor([[[[5.]]]])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.ops.RoIAlign")]
#[doc(alias = "roi_align")]
#[derive(Clone, Copy, Debug)]
pub struct RoIAlign {
    output_size: [usize; 2],
    spatial_scale: f64,
    sampling_ratio: usize,
    aligned: bool,
}

impl RoIAlign {
    /// To `[rows, columns]`.
    pub fn new(output_size: [usize; 2]) -> Self {
        RoIAlign { output_size, spatial_scale: 1.0, sampling_ratio: 0, aligned: false }
    }

    /// The size of the map as a share of that of the image which the boxes refer to (default 1).
    #[must_use]
    pub fn spatial_scale(mut self, scale: f64) -> Self {
        self.spatial_scale = scale;
        self
    }

    /// The number of samples of a value in each direction; with 0 (the default) one for each pixel.
    #[must_use]
    pub fn sampling_ratio(mut self, ratio: usize) -> Self {
        self.sampling_ratio = ratio;
        self
    }

    /// Whether pixels lie at their centres, half a pixel from the corner (default false, where regions are at least one
    /// pixel large; true is more exact).
    #[must_use]
    pub fn aligned(mut self, aligned: bool) -> Self {
        self.aligned = aligned;
        self
    }

    /// The regions of maps `(N, C, H, W)` in boxes `(K, 5)`, each as `(index of the image, x1, y1, x2, y2)`:
    /// `(K, C, rows, columns)`. There is no gradient of the boxes, as in torchvision.
    ///
    /// # Errors
    /// If the shapes are others, the types are not one floating point type, or a box names no image.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, boxes: &Tensor) -> Result<Tensor> {
        let regions = Regions::new("RoIAlign", input, boxes)?;
        let mut samples = Vec::new();
        for (region, &(image, corners)) in regions.all.iter().enumerate() {
            self.sample(region, image, corners, &regions, &mut samples);
        }
        let [rows, columns] = self.output_size;
        let small = [regions.all.len(), regions.channels, rows, columns];
        let large = [regions.images, regions.channels, regions.height, regions.width];
        Interpolation { samples: samples.into(), small, large, forward: true }.apply(input)
    }

    /// The samples of one region.
    fn sample(
        &self,
        region: usize,
        image: usize,
        corners: [f64; 4],
        map: &Regions,
        samples: &mut Vec<Sample>,
    ) {
        let [rows, columns] = self.output_size;
        let offset = if self.aligned { 0.5 } else { 0.0 };
        let [x1, y1, x2, y2] = corners.map(|c| c * self.spatial_scale - offset);
        let least = if self.aligned { f64::NEG_INFINITY } else { 1.0 };
        let cell = |from: f64, to: f64, cells: usize| {
            let size = (to - from).max(least) / cells as f64;
            let count = if self.sampling_ratio > 0 { self.sampling_ratio as f64 } else { size.ceil() };
            // No more than four samples a pixel of the map could tell apart; a box of 1e9 pixels must not hold memory.
            (
                size,
                count.clamp(0.0, 4.0 * (map.height + map.width) as f64 + self.sampling_ratio as f64) as usize,
            )
        };
        let ((h, down), (w, right)) = (cell(y1, y2, rows), cell(x1, x2, columns));
        let share = 1.0 / (down * right).max(1) as f64;
        for place in 0..rows * columns {
            for sample in 0..down * right {
                let at = |start: f64, cell: usize, size: f64, i: usize, count: usize| {
                    start + cell as f64 * size + (i as f64 + 0.5) * size / count as f64
                };
                let y = at(y1, place / columns, h, sample / right, down);
                let x = at(x1, place % columns, w, sample % right, right);
                let (Some(y), Some(x)) = (between(y, map.height), between(x, map.width)) else { continue };
                for (row, of_row) in y {
                    for (column, of_column) in x {
                        let weight = of_row * of_column * share;
                        if weight != 0.0 {
                            let pixel = row * map.width + column;
                            samples.push(Sample { region, image, place, pixel, weight });
                        }
                    }
                }
            }
        }
    }
}

/// The two pixels around a place, with their shares; none beyond a pixel outside of the map.
fn between(at: f64, size: usize) -> Option<[(usize, f64); 2]> {
    if at.is_nan() || at < -1.0 || at > size as f64 {
        return None;
    }
    let at = at.max(0.0);
    let low = at as usize;
    if low + 1 >= size {
        return Some([(size - 1, 1.0), (size - 1, 0.0)]);
    }
    Some([(low, 1.0 - (at - low as f64)), (low + 1, at - low as f64)])
}

/// Boxes on maps, checked.
pub(crate) struct Regions {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    /// The image and the corners of each box.
    pub(crate) all: Vec<(usize, [f64; 4])>,
}

impl Regions {
    #[track_caller]
    pub(crate) fn new(op: &'static str, input: &Tensor, boxes: &Tensor) -> Result<Regions> {
        let (&[images, channels, height, width], &[_, 5]) = (input.shape(), boxes.shape()) else {
            let (x, b) = (input.shape(), boxes.shape());
            return Err(Error::shape(
                op,
                format!("expected maps (N, C, H, W) and boxes (K, 5), found {x:?} and {b:?}"),
            ));
        };
        if !input.dtype().is_float() || boxes.dtype() != input.dtype() {
            let (x, b) = (input.dtype(), boxes.dtype());
            return Err(Error::dtype(
                op,
                format!("maps and boxes must be one floating point type, found {x} and {b}"),
            ));
        }
        if height == 0 || width == 0 {
            return Err(Error::shape(op, format!("maps must have pixels, found shape {:?}", input.shape())));
        }
        let numbers = boxes.detach().to(DType::F64).to_vec::<f64>()?;
        let mut all = Vec::with_capacity(numbers.len() / 5);
        for (k, row) in numbers.as_chunks::<5>().0.iter().enumerate() {
            let &[image, x1, y1, x2, y2] = row;
            if image.fract() != 0.0 || !(0.0..images as f64).contains(&image) {
                return Err(Error::index(op, format!("box {k} is of image {image}, and there are {images}")));
            }
            all.push((image as usize, [x1, y1, x2, y2]));
        }
        Ok(Regions { images, channels, height, width, all })
    }
}

/// One entry of the matrix: how much of a pixel of an image goes into a place of a region.
#[derive(Clone, Copy)]
struct Sample {
    region: usize,
    image: usize,
    place: usize,
    pixel: usize,
    weight: f64,
}

/// `A·x`, or `Aᵀ·x`, for each channel.
struct Interpolation {
    samples: Arc<[Sample]>,
    /// `(K, C, rows, columns)`
    small: [usize; 4],
    /// `(N, C, H, W)`
    large: [usize; 4],
    /// From the map to the regions, and not back.
    forward: bool,
}

impl Interpolation {
    #[track_caller]
    fn apply(self, x: &Tensor) -> Result<Tensor> {
        let (from, to) = if self.forward { (self.large, self.small) } else { (self.small, self.large) };
        let ([_, channels, h, w], read) = (to, from[2] * from[3]);
        // The samples of each region, or of each image.
        let mut of: Vec<Vec<Sample>> = vec![Vec::new(); to[0]];
        for sample in &*self.samples {
            of[if self.forward { sample.region } else { sample.image }].push(*sample);
        }
        let out = with_float!(x.dtype(), T => {
            let values = x.elements::<T>()?;
            let mut out = vec![T::default(); to.iter().product()];
            let plane = (h * w).max(1);
            share_out(&mut out, plane, 4 * plane.max(4096), &|start, out| {
                for (i, out) in out.chunks_mut(plane).enumerate() {
                    let (first, channel) = ((start / plane + i) / channels, (start / plane + i) % channels);
                    for s in &of[first] {
                        let (first, to, at) = if self.forward { (s.image, s.place, s.pixel) } else { (s.region, s.pixel, s.place) };
                        out[to] += <T as Element>::from_f64(s.weight) * values[(first * channels + channel) * read + at];
                    }
                }
            });
            Tensor::from_vec(out, to)?
        });
        Ok(out.record(self, &[x]))
    }
}

impl Op for Interpolation {
    fn name(&self) -> &'static str {
        "RoiAlign"
    }
    fn keep(&self) -> tensor::Keep {
        tensor::Keep::Nothing
    }
    fn backward(&self, ctx: &Ctx<'_>, grad: &Tensor) -> Result<Grads> {
        let Interpolation { samples, small, large, forward } = self;
        let back = || Interpolation {
            samples: Arc::clone(samples),
            small: *small,
            large: *large,
            forward: !forward,
        };
        ctx.grads(|_| back().apply(grad))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let map = || {
        let numbers = (0..36).map(|i| f64::from(i * 7 % 19) / 5.0 - 1.5).collect();
        vec![Tensor::from_vec(numbers, [2, 2, 3, 3]).unwrap_or_else(|_| float64([0.0]))]
    };
    let boxes = || float64([[0.0, 0.3, 0.2, 2.4, 2.9], [1.0, -1.5, 0.5, 1.0, 1.25]]);
    vec![
        case("RoIAlign", move |x| RoIAlign::new([2, 2]).forward(&x[0], &boxes()), map()),
        case(
            "RoIAlign, aligned",
            move |x| {
                RoIAlign::new([2, 1])
                    .spatial_scale(0.5)
                    .sampling_ratio(2)
                    .aligned(true)
                    .forward(&x[0], &boxes())
            },
            map(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{tensor, zeros};

    #[test]
    fn a_box_far_larger_than_the_map_is_finite_work() {
        let map = tensor([[[[1.0, 2.0], [3.0, 4.0]]]]);
        let huge = tensor([[0.0, -1e9, -1e9, 1e9, 1e9]]);
        assert_eq!(RoIAlign::new([1, 1]).forward(&map, &huge).unwrap().shape(), [1, 1, 1, 1]);
    }

    #[test]
    fn misfits_are_named() {
        let map = zeros([1, 2, 3, 3]).unwrap();
        let error = |b: &Tensor| RoIAlign::new([2, 2]).forward(&map, b).unwrap_err().to_string();
        assert!(error(&tensor([[1.0, 0.0, 0.0, 1.0, 1.0]])).contains("box 0 is of image 1, and there are 1"));
        assert!(error(&zeros([2, 4]).unwrap()).contains("[2, 4]"));
        let none = RoIAlign::new([2, 2]).forward(&map, &zeros([0, 5]).unwrap()).unwrap();
        assert_eq!(none.shape(), [0, 2, 2, 2]);
    }
}

//! Regions of a feature map at one size, by the largest value of each cell (Girshick 2015, Fast R-CNN).

use crate::roi_align::Regions;
use tensor::autograd::check::{Case, case, float64};
use tensor::{Result, Tensor, with_float};

/// Cuts regions out of feature maps and brings them to one size: each value is the largest of a cell of whole pixels.
#[doc(alias = "torchvision.ops.RoIPool")]
#[doc(alias = "roi_pool")]
#[derive(Clone, Copy, Debug)]
pub struct RoIPool {
    output_size: [usize; 2],
    spatial_scale: f64,
}

impl RoIPool {
    /// To `[rows, columns]`.
    pub fn new(output_size: [usize; 2]) -> Self {
        RoIPool { output_size, spatial_scale: 1.0 }
    }

    /// The size of the map as a share of that of the image which the boxes refer to (default 1).
    #[must_use]
    pub fn spatial_scale(mut self, scale: f64) -> Self {
        self.spatial_scale = scale;
        self
    }

    /// The regions of maps `(N, C, H, W)` in boxes `(K, 5)`, each as `(index of the image, x1, y1, x2, y2)`:
    /// `(K, C, rows, columns)`, and 0 where a cell has no pixel.
    ///
    /// ```
    /// use tensor::tensor;
    /// use vision::RoIPool;
    /// let map = tensor([[[[1.0, 5.0, 2.0], [4.0, 3.0, 9.0], [0.0, 8.0, 7.0]]]]);
    /// let regions = RoIPool::new([1, 2]).forward(&map, &tensor([[0.0, 0.0, 0.0, 2.0, 1.0]]))?;
    /// assert_eq!(regions.to_string(), "tensor([[[[5., 9.]]]])");
    /// # Ok::<(), tensor::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the shapes are others, the types are not one floating point type, or a box names no image.
    #[track_caller]
    pub fn forward(&self, input: &Tensor, boxes: &Tensor) -> Result<Tensor> {
        let map = Regions::new("RoIPool", input, boxes)?;
        let [rows, columns] = self.output_size;
        let shape = [map.all.len(), map.channels, rows, columns];
        let (mut largest, mut empty) = (Vec::new(), Vec::new());
        with_float!(input.dtype(), T => {
            let values = input.elements::<T>()?;
            for &(image, corners) in &map.all {
                // Half away from zero, as C rounds.
                let [x1, y1, x2, y2] = corners.map(|c| (c * self.spatial_scale).round());
                for channel in 0..map.channels {
                    let plane = (image * map.channels + channel) * map.height * map.width;
                    for place in 0..rows * columns {
                        let (top, bottom) = cell(y1, y2, place / columns, rows, map.height);
                        let (left, right) = cell(x1, x2, place % columns, columns, map.width);
                        let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| plane + y * map.width + x));
                        // The first of the largest; a NaN is larger than all.
                        let at = pixels.reduce(|best, i| {
                            if values[i] > values[best] || values[i].is_nan() && !values[best].is_nan() { i } else { best }
                        });
                        largest.push(at.unwrap_or(0) as i64);
                        empty.push(at.is_none());
                    }
                }
            }
        });
        input.take(&Tensor::from_vec(largest, shape)?)?.masked_fill(&Tensor::from_vec(empty, shape)?, 0.0)
    }
}

/// The pixels of one of `cells` cells from `from` to `to`, within the map.
fn cell(from: f64, to: f64, i: usize, cells: usize, size: usize) -> (usize, usize) {
    let step = (to - from + 1.0).max(1.0) / cells as f64;
    let within = |x: f64| (x + from).clamp(0.0, size as f64) as usize;
    (within((i as f64 * step).floor()), within(((i + 1) as f64 * step).ceil()))
}

pub(crate) fn cases() -> Vec<Case> {
    let map = || {
        let numbers = (0..36).map(|i| f64::from(i * 7 % 37) / 5.0 - 1.5).collect();
        vec![Tensor::from_vec(numbers, [2, 2, 3, 3]).unwrap_or_else(|_| float64([0.0]))]
    };
    let boxes =
        || float64([[0.0, 0.3, 0.2, 2.4, 2.9], [1.0, -1.5, 0.5, 1.0, 1.25], [0.0, 7.0, 7.0, 9.0, 9.0]]);
    vec![case("RoIPool", move |x| RoIPool::new([2, 2]).forward(&x[0], &boxes()), map())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::tensor;

    #[test]
    fn outside_of_the_map_is_nothing() {
        let map = tensor([[[[1.0, 2.0], [3.0, 4.0]]]]);
        let regions = RoIPool::new([1, 1]).forward(&map, &tensor([[0.0, 5.0, 5.0, 9.0, 9.0]])).unwrap();
        assert_eq!(regions.item().unwrap(), 0.0);
        let nan = RoIPool::new([1, 1]).forward(&map, &tensor([[0.0, f32::NAN, 0.0, 1.0, 1.0]])).unwrap();
        assert_eq!(nan.shape(), [1, 1, 1, 1]);
    }
}

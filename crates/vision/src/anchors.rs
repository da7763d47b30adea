//! Anchors: boxes of several sizes and proportions around each cell of a feature map, which a detector corrects.

use tensor::{DType, Error, Result, Tensor};

/// The anchors of feature maps, one set of sizes and proportions for each map.
///
/// ```
/// use vision::AnchorGenerator;
/// let anchors = AnchorGenerator::new(&[&[32.0]], &[&[0.5, 1.0, 2.0]])?;
/// assert_eq!(anchors.num_anchors_per_location(), [3]);
/// let boxes = anchors.grid([64, 64], &[[2, 2]])?;
/// assert_eq!(boxes[0].shape(), [12, 4]);
/// assert_eq!(boxes[0].i(1)?.to_string(), "tensor([-16., -16.,  16.,  16.])");
/// # Ok::<(), tensor::Error>(())
/// ```
#[doc(alias = "torchvision.models.detection.anchor_utils.AnchorGenerator")]
#[derive(Clone, Debug)]
pub struct AnchorGenerator {
    /// Around the origin, for each map.
    cells: Vec<Vec<[f32; 4]>>,
}

impl AnchorGenerator {
    /// For each feature map its `sizes`, square roots of areas in pixels, and its `aspect_ratios`, heights over widths.
    /// Coordinates are rounded to whole pixels, as torchvision's are.
    ///
    /// # Errors
    /// If there are not as many sets of ratios as of sizes.
    #[track_caller]
    pub fn new(sizes: &[&[f64]], aspect_ratios: &[&[f64]]) -> Result<Self> {
        if sizes.len() != aspect_ratios.len() {
            let (s, a) = (sizes.len(), aspect_ratios.len());
            return Err(Error::value(
                "AnchorGenerator",
                format!("{s} sets of sizes, but {a} of aspect ratios"),
            ));
        }
        let cell = |(sizes, ratios): (&&[f64], &&[f64])| {
            // Ratios outside, sizes inside; in float32, so that a half is rounded as in torchvision.
            let all =
                ratios.iter().flat_map(|&ratio| sizes.iter().map(move |&size| (ratio as f32, size as f32)));
            all.map(|(ratio, size)| {
                let tall = ratio.sqrt();
                let (w, h) = (1.0 / tall * size, tall * size);
                [-w, -h, w, h].map(|x| (x / 2.0).round_ties_even())
            })
            .collect()
        };
        Ok(AnchorGenerator { cells: sizes.iter().zip(aspect_ratios).map(cell).collect() })
    }

    /// How many anchors each cell of each map has.
    pub fn num_anchors_per_location(&self) -> Vec<usize> {
        self.cells.iter().map(Vec::len).collect()
    }

    /// The anchors of maps of the sizes `[rows, columns]` over an image of `[height, width]`, for each map float32
    /// `(rows·columns·anchors, 4)` as `(x1, y1, x2, y2)`: row by row, cell by cell.
    ///
    /// # Errors
    /// If there are not as many maps as sets of sizes, or a map is empty.
    #[track_caller]
    pub fn grid(&self, image: [usize; 2], maps: &[[usize; 2]]) -> Result<Vec<Tensor>> {
        if maps.len() != self.cells.len() || maps.iter().flatten().any(|&size| size == 0) {
            let sets = self.cells.len();
            return Err(Error::value(
                "AnchorGenerator",
                format!("{sets} sets of anchors do not fit maps {maps:?}"),
            ));
        }
        let mut grids = Vec::with_capacity(maps.len());
        for (cell, &[rows, columns]) in self.cells.iter().zip(maps) {
            let (down, right) = (image[0] / rows, image[1] / columns);
            let mut boxes = Vec::with_capacity(rows * columns * cell.len() * 4);
            for place in 0..rows * columns {
                let (x, y) = ((place % columns * right) as f32, (place / columns * down) as f32);
                boxes.extend(cell.iter().flat_map(|b| [x + b[0], y + b[1], x + b[2], y + b[3]]));
            }
            grids.push(Tensor::from_vec(boxes, [rows * columns * cell.len(), 4])?.to(DType::F32));
        }
        Ok(grids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From torchvision: `AnchorGenerator(((32, 64),), ((0.5, 1.0, 2.0),))`.
    #[test]
    fn the_cell_is_torchvisions() {
        let cell = &AnchorGenerator::new(&[&[32.0, 64.0]], &[&[0.5, 1.0, 2.0]]).unwrap().cells[0];
        let expected = [
            [-23.0, -11.0, 23.0, 11.0],
            [-45.0, -23.0, 45.0, 23.0],
            [-16.0, -16.0, 16.0, 16.0],
            [-32.0, -32.0, 32.0, 32.0],
            [-11.0, -23.0, 11.0, 23.0],
            [-23.0, -45.0, 23.0, 45.0],
        ];
        assert_eq!(cell, &expected);
    }

    #[test]
    fn rows_run_down_and_columns_right() {
        let boxes = AnchorGenerator::new(&[&[2.0]], &[&[1.0]]).unwrap().grid([20, 30], &[[2, 3]]).unwrap();
        let boxes = boxes[0].to_vec::<f32>().unwrap();
        assert_eq!(boxes[4..8], [9.0, -1.0, 11.0, 1.0]);
        assert_eq!(boxes[12..16], [-1.0, 9.0, 1.0, 11.0]);
        assert!(AnchorGenerator::new(&[&[2.0]], &[&[1.0]]).unwrap().grid([20, 30], &[]).is_err());
    }
}

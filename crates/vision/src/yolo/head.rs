//! The layers that turn features into predictions.

use super::YoloPredictions;
use nn::{BatchNorm2d, Conv2d, Layer, Module, Sequential, SiLU, init, sequential};
use tensor::{AtCaller, Error, Result, Tensor, cat};

/// How likely each class is before anything was learned: with so many points that show nothing, a half would drown the
/// rest (Lin et al. 2017, RetinaNet).
const PRIOR: f64 = 0.01;

/// What an anchor-free YOLO has at its end: for each map of features one branch for boxes and one for classes, both two
/// 3 × 3 convolutions with batch norm and SiLU, and a 1 × 1 convolution.
///
/// ```
/// use nn::Module;
/// use tensor::rand;
/// use vision::YoloHead;
/// // Two maps, of 16 channels 8 pixels apart and of 32 channels 16 pixels apart; 10 classes, distributions over 8 numbers.
/// let head = YoloHead::new(&[16, 32], &[8, 16], 10, 8)?;
/// let predictions = head.forward(&[rand([2, 16, 8, 8])?, rand([2, 32, 4, 4])?])?;
/// assert_eq!(predictions.boxes()?.shape(), [2, 80, 4]);
/// let found = predictions.detections(0.25, 0.5)?; // of two images
/// assert_eq!(found.len(), 2);
/// # Ok::<(), tensor::Error>(())
/// ```
pub struct YoloHead {
    boxes: Vec<Sequential>,
    classes: Vec<Sequential>,
    strides: Vec<usize>,
    bins: usize,
}

impl YoloHead {
    /// For maps with so many channels and pixels from point to point, finest first by custom. With `bins` of 2 or more the
    /// distances are learned as distributions over `0..bins` strides: no side of a box can be further away than `bins − 1`
    /// strides of the coarsest map. With one bin they have no bound.
    ///
    /// # Errors
    /// If there are not as many strides as maps, or a number is 0.
    #[track_caller]
    pub fn new(channels: &[usize], strides: &[usize], classes: usize, bins: usize) -> Result<Self> {
        let zero = channels.contains(&0) || strides.contains(&0) || classes == 0 || bins == 0;
        if channels.is_empty() || channels.len() != strides.len() || zero {
            let found = format!(
                "expected channels and strides of each map, classes and bins, found {channels:?}, {strides:?}, \
                 {classes} and {bins}"
            );
            return Err(Error::value("YoloHead", found));
        }
        let (mut of_boxes, mut of_classes) = (Vec::new(), Vec::new());
        for &c in channels {
            of_boxes.push(branch(c, 4 * bins, 0.0)?);
            of_classes.push(branch(c, classes, (PRIOR / (1.0 - PRIOR)).ln())?);
        }
        Ok(YoloHead { boxes: of_boxes, classes: of_classes, strides: strides.to_vec(), bins })
    }

    /// What the maps `(N, C, H, W)` say.
    ///
    /// # Errors
    /// If the maps are not those that the head was made for.
    #[track_caller]
    pub fn forward(&self, maps: &[Tensor]) -> Result<YoloPredictions> {
        if maps.len() != self.strides.len() {
            let (found, expected) = (maps.len(), self.strides.len());
            return Err(Error::value("YoloHead", format!("expected {expected} maps, found {found}")));
        }
        let mut said = Vec::with_capacity(maps.len());
        for ((map, boxes), classes) in maps.iter().zip(&self.boxes).zip(&self.classes) {
            said.push(cat(&[&boxes.forward(map)?, &classes.forward(map)?], 1)?);
        }
        YoloPredictions::from_maps(&said, &self.strides, self.bins).at_caller()
    }
}

impl Module for YoloHead {
    fn visit(&self, visit: &mut dyn FnMut(&str, &dyn Module)) {
        visit("boxes", &self.boxes);
        visit("classes", &self.classes);
    }
}

impl std::fmt::Display for YoloHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repr())
    }
}

/// From `c` channels to `out`, whose bias begins with this number.
#[track_caller]
fn branch(c: usize, out: usize, bias: f64) -> Result<Sequential> {
    let last = Conv2d::new(c, out, 1);
    if let Some(parameter) = &last.bias {
        init::constant_(parameter, bias)?;
    }
    let conv = || Conv2d::new(c, c, 3).padding(1).bias(false);
    Ok(sequential![conv(), BatchNorm2d::new(c), SiLU, conv(), BatchNorm2d::new(c), SiLU, last])
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{manual_seed, rand};

    #[test]
    fn nothing_is_likely_at_first() -> Result<()> {
        manual_seed(0);
        let head = YoloHead::new(&[8], &[4], 3, 5)?;
        let predictions = head.forward(&[rand([2, 8, 6, 6])?])?;
        let likely = predictions.logits().sigmoid().mean().item()?;
        assert!((0.005..0.02).contains(&likely), "{likely}");
        assert_eq!(predictions.sides().shape(), [2, 36, 4, 5]);
        assert!(predictions.detections(0.25, 0.5)?.iter().all(|found| found.scores.numel() == 0));
        assert!(head.named_parameters().iter().any(|(name, _)| name == "classes.0.6.bias"));
        Ok(())
    }

    #[test]
    fn misfits_are_named() -> Result<()> {
        assert!(
            YoloHead::new(&[8, 8], &[4], 3, 5).err().is_some_and(|e| e.to_string().contains("[8, 8], [4]"))
        );
        assert!(YoloHead::new(&[8], &[4], 0, 5).is_err());
        let head = YoloHead::new(&[8], &[4], 3, 5)?;
        assert!(head.forward(&[]).err().is_some_and(|e| e.to_string().contains("expected 1 maps, found 0")));
        Ok(())
    }
}

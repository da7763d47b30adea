//! Handwritten digits pasted on a canvas, for detectors: where the boxes are is known to the pixel.

use super::{at_least, generate};
use crate::load_digits;
use std::ops::{Range, RangeInclusive};
use tensor::random::Generator;
use tensor::{AtCaller, DType, Error, Interpolate, Result, Tensor, Upsampling};

/// What is fainter is paper: enlarged linearly, a digit fades out beyond what one would call its edge.
const INK: f32 = 0.2;

/// After so many places that overlap too much, a scene is begun anew; after so many scenes, they do not fit.
const TRIES: usize = 50;

const OP: &str = "make_digit_scenes";

/// Canvases and what is on each.
#[derive(Clone, Debug)]
pub struct DigitScenes {
    /// `(N, 1, S, S)`, float32, from 0 (paper) to 1 (ink).
    pub images: Tensor,
    /// For each image `(n, 4)` as `(x1, y1, x2, y2)` in pixels, float32: the digit's ink is in the rows `y1..y2` and the
    /// columns `x1..x2`, and touches all four sides.
    pub boxes: Vec<Tensor>,
    /// For each image `(n)`, int64: which digit each box holds.
    pub labels: Vec<Tensor>,
}

/// Digits on a canvas: see [`make_digit_scenes`].
#[derive(Clone, Debug)]
pub struct MakeDigitScenes {
    n_samples: usize,
    size: usize,
    digits: RangeInclusive<usize>,
    scales: Vec<f64>,
    max_overlap: f64,
    noise: f64,
    digits_from: Range<usize>,
}

/// `n_samples` canvases with handwritten digits of several sizes at random places, and where which digit is: by default one
/// to four of the digits of [`load_digits`], 1.5 to 3 times as large, on 64 × 64 pixels.
///
/// ```
/// use data::make_digit_scenes;
/// tensor::manual_seed(0);
/// // Digits that were trained with are not tested with.
/// let train = make_digit_scenes(20).digits_from(0..1300).generate()?;
/// let test = make_digit_scenes(10).digits_from(1300..1797).generate()?;
/// assert_eq!(train.images.shape(), [20, 1, 64, 64]);
/// let (boxes, labels) = (&test.boxes[0], &test.labels[0]);
/// assert_eq!(boxes.shape(), [labels.numel(), 4]);
/// # Ok::<(), tensor::Error>(())
/// ```
pub fn make_digit_scenes(n_samples: usize) -> MakeDigitScenes {
    MakeDigitScenes {
        n_samples,
        size: 64,
        digits: 1..=4,
        scales: vec![1.5, 2.0, 2.5, 3.0],
        max_overlap: 0.2,
        noise: 0.05,
        digits_from: 0..1797,
    }
}

/// One digit, enlarged and cut to its ink.
struct Digit {
    rows: usize,
    columns: usize,
    ink: Vec<f32>,
    label: i64,
}

impl MakeDigitScenes {
    /// The side of the canvas in pixels; 64 by default.
    pub fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// How many digits a scene has, each number being as frequent; one to four by default.
    pub fn digits(mut self, digits: RangeInclusive<usize>) -> Self {
        self.digits = digits;
        self
    }

    /// How many times as large as its 8 × 8 pixels a digit is, each as frequent; 1.5, 2, 2.5 and 3 by default.
    pub fn scales(mut self, scales: &[f64]) -> Self {
        self.scales = scales.to_vec();
        self
    }

    /// Which share of the smaller of two boxes the other may cover, from 0 to 1; 0.2 by default. Where digits overlap, the
    /// darker ink is seen.
    pub fn max_overlap(mut self, max_overlap: f64) -> Self {
        self.max_overlap = max_overlap;
        self
    }

    /// The standard deviation of normal noise that is added to each pixel, which then stays from 0 to 1; 0.05 by default.
    pub fn noise(mut self, noise: f64) -> Self {
        self.noise = noise;
        self
    }

    /// Which of the 1,797 digits of [`load_digits`] are used; all by default. Ranges apart give scenes without a common digit.
    pub fn digits_from(mut self, digits_from: Range<usize>) -> Self {
        self.digits_from = digits_from;
        self
    }

    /// Draws the data set from this generator.
    ///
    /// # Errors
    /// If an option makes no sense, or so many digits of these sizes find no place.
    #[track_caller]
    pub fn generate_with(&self, generator: &mut Generator) -> Result<DigitScenes> {
        let all = load_digits()?;
        self.check(all.target.numel())?;
        let (pixels, labels) = (all.data.div(16.0)?, all.target.to_vec::<i64>()?);
        // Made first, so that sizes that no machine can hold are refused before anything is drawn.
        let (n, size) = (self.n_samples, self.size);
        let mut images = Tensor::full([n, 1, size, size], 0.0, DType::F32)?.to_vec::<f32>()?;
        let (mut boxes, mut drawn) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for image in images.chunks_exact_mut(size * size) {
            let (least, most) = (*self.digits.start(), *self.digits.end());
            let count = least + generator.below((most - least + 1) as u64) as usize;
            let scene = self.scene(generator, count, &pixels, &labels)?;
            for (digit, [x1, y1, ..]) in &scene {
                for (row, ink) in digit.ink.chunks_exact(digit.columns).enumerate() {
                    let canvas = &mut image[(y1 + row) * size + x1..][..digit.columns];
                    canvas.iter_mut().zip(ink).for_each(|(canvas, ink)| *canvas = canvas.max(*ink));
                }
            }
            let corners = scene.iter().flat_map(|(_, corners)| corners.map(|c| c as f32)).collect();
            boxes.push(Tensor::from_vec(corners, [count, 4])?);
            drawn.push(Tensor::from_vec(scene.iter().map(|(digit, _)| digit.label).collect(), count)?);
        }
        let mut images = Tensor::from_vec(images, [n, 1, size, size])?;
        if self.noise > 0.0 {
            let noise = generator.normal([n, 1, size, size], 0.0, self.noise, DType::F32)?;
            images = images.add(&noise)?.clamp(0.0, 1.0)?;
        }
        Ok(DigitScenes { images, boxes, labels: drawn })
    }

    #[track_caller]
    fn check(&self, known: usize) -> Result<()> {
        let Range { start, end } = self.digits_from;
        if start >= end || end > known {
            let found =
                format!("digits_from is a part of 0..{known} that is not empty, found {start}..{end}");
            return Err(Error::value(OP, found));
        }
        if self.digits.is_empty() {
            return Err(Error::value(OP, format!("digits is an empty range, {:?}", self.digits)));
        }
        if self.scales.is_empty() {
            return Err(Error::value(OP, "there are no scales"));
        }
        for &scale in &self.scales {
            at_least(OP, "a scale", 0.5, scale)?;
            if side(scale) > self.size {
                let (side, size) = (side(scale), self.size);
                return Err(Error::value(
                    OP,
                    format!("at scale {scale} a digit has {side} pixels, the canvas {size}"),
                ));
            }
        }
        if !(0.0..=1.0).contains(&self.max_overlap) {
            return Err(Error::value(OP, format!("max_overlap is from 0 to 1, found {}", self.max_overlap)));
        }
        at_least(OP, "noise", 0.0, self.noise)
    }

    /// So many digits with their boxes.
    #[track_caller]
    fn scene(
        &self,
        generator: &mut Generator,
        count: usize,
        pixels: &Tensor,
        labels: &[i64],
    ) -> Result<Vec<(Digit, [usize; 4])>> {
        'scenes: for _ in 0..TRIES {
            let mut scene: Vec<(Digit, [usize; 4])> = Vec::with_capacity(count);
            while scene.len() < count {
                let of = self.digits_from.start + generator.below(self.digits_from.len() as u64) as usize;
                let scale = self.scales[generator.below(self.scales.len() as u64) as usize];
                let digit = Digit::enlarged(&pixels.narrow(0, of, 1)?, side(scale), labels[of])?;
                let place = (0..TRIES).find_map(|_| {
                    let mut free = |side: usize| generator.below((self.size - side + 1) as u64) as usize;
                    let (x, y) = (free(digit.columns), free(digit.rows));
                    let corners = [x, y, x + digit.columns, y + digit.rows];
                    let apart =
                        |(_, other): &(Digit, [usize; 4])| covered(&corners, other) <= self.max_overlap;
                    scene.iter().all(apart).then_some(corners)
                });
                let Some(corners) = place else { continue 'scenes };
                scene.push((digit, corners));
            }
            return Ok(scene);
        }
        let (scales, size, share) = (&self.scales, self.size, self.max_overlap);
        let message = format!(
            "found no place for {count} digits of scales {scales:?} on {size} × {size} pixels with max_overlap {share}; \
             take fewer or smaller ones"
        );
        Err(Error::value(OP, message))
    }
}

generate!(MakeDigitScenes => DigitScenes);

/// The side of a digit in pixels, with its margins.
fn side(scale: f64) -> usize {
    (8.0 * scale).round() as usize
}

/// Which share of the smaller box the other covers.
fn covered(a: &[usize; 4], b: &[usize; 4]) -> f64 {
    let common = |i: usize| a[i + 2].min(b[i + 2]).saturating_sub(a[i].max(b[i]));
    let area = |c: &[usize; 4]| (c[2] - c[0]) * (c[3] - c[1]);
    (common(0) * common(1)) as f64 / area(a).min(area(b)) as f64
}

impl Digit {
    /// From pixels `(1, 64)`, to a square of this side, and then without the empty rows and columns at the margins.
    #[track_caller]
    fn enlarged(pixels: &Tensor, side: usize, label: i64) -> Result<Digit> {
        let how = Interpolate::size(side).mode(Upsampling::Bilinear);
        let square = pixels.reshape([1, 1, 8, 8])?.interpolate(&how).at_caller()?.to_vec::<f32>()?;
        let inked = |at: usize| square[at] >= INK;
        let within = |used: &dyn Fn(usize) -> bool| {
            let first = (0..side).find(|&i| used(i))?;
            Some(first..(0..side).rfind(|&i| used(i))? + 1)
        };
        let rows = within(&|row| (0..side).any(|column| inked(row * side + column)));
        let columns = within(&|column| (0..side).any(|row| inked(row * side + column)));
        let (Some(rows), Some(columns)) = (rows, columns) else {
            return Err(Error::value(OP, format!("a digit of {side} pixels has no ink; take larger scales")));
        };
        let cut = |at: usize| if inked(at) { square[at] } else { 0.0 };
        let ink =
            rows.clone().flat_map(|row| columns.clone().map(move |column| row * side + column)).map(cut);
        Ok(Digit { rows: rows.len(), columns: columns.len(), ink: ink.collect(), label })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::manual_seed;

    /// An image in rows of pixels, with its boxes.
    type Drawn = (Vec<Vec<f32>>, Vec<[usize; 4]>);

    fn drawn(scenes: &DigitScenes) -> Vec<Drawn> {
        let side = scenes.images.shape()[3];
        let pixels = scenes.images.to_vec::<f32>().unwrap();
        let images =
            pixels.chunks(side * side).map(|image| image.chunks(side).map(<[f32]>::to_vec).collect());
        let boxes = scenes.boxes.iter().map(|boxes| {
            let numbers = boxes.to_vec::<f32>().unwrap();
            numbers.as_chunks::<4>().0.iter().map(|corners| corners.map(|c| c as usize)).collect()
        });
        images.zip(boxes).collect()
    }

    #[test]
    fn boxes_hold_all_ink_and_each_of_their_sides_touches_some() -> Result<()> {
        manual_seed(3);
        let scenes = make_digit_scenes(60).noise(0.0).generate()?;
        for (image, boxes) in drawn(&scenes) {
            for (y, row) in image.iter().enumerate() {
                for (x, &pixel) in row.iter().enumerate() {
                    let inside = boxes.iter().any(|b| (b[0]..b[2]).contains(&x) && (b[1]..b[3]).contains(&y));
                    assert!(pixel == 0.0 || inside && (INK..=1.0).contains(&pixel), "{x} {y} {pixel}");
                }
            }
            for [x1, y1, x2, y2] in boxes {
                let inked = |xs: Range<usize>, ys: Range<usize>| {
                    ys.into_iter().any(|y| image[y][xs.clone()].iter().any(|&pixel| pixel > 0.0))
                };
                assert!(inked(x1..x1 + 1, y1..y2) && inked(x2 - 1..x2, y1..y2));
                assert!(inked(x1..x2, y1..y1 + 1) && inked(x1..x2, y2 - 1..y2));
            }
        }
        Ok(())
    }

    #[test]
    fn one_digit_is_the_enlarged_original() -> Result<()> {
        manual_seed(0);
        let scenes =
            make_digit_scenes(1).digits(1..=1).scales(&[1.0]).noise(0.0).digits_from(5..6).generate()?;
        let all = load_digits()?;
        let original: Vec<f32> = all.data.select(0, 5)?.div(16.0)?.to_vec()?;
        assert_eq!(scenes.labels[0].to_vec::<i64>()?, all.target.narrow(0, 5, 1)?.to_vec::<i64>()?);
        let mut expected: Vec<f32> = original.into_iter().filter(|&ink| ink >= INK).collect();
        let mut found: Vec<f32> =
            scenes.images.to_vec()?.into_iter().filter(|&ink: &f32| ink > 0.0).collect();
        expected.sort_by(f32::total_cmp);
        found.sort_by(f32::total_cmp);
        assert_eq!(found, expected);
        Ok(())
    }

    #[test]
    fn options_bound_what_is_drawn() -> Result<()> {
        manual_seed(1);
        let (most, share) = (5, 0.1);
        let make = make_digit_scenes(80).size(48).digits(0..=most).scales(&[1.0, 2.0]).max_overlap(share);
        let scenes = make.generate()?;
        assert_eq!(scenes.images.shape(), [80, 1, 48, 48]);
        assert!(scenes.images.min()?.item()? == 0.0 && scenes.images.max()?.item()? == 1.0);
        let mut counts = vec![0; most + 1];
        for ((_, boxes), labels) in drawn(&scenes).into_iter().zip(&scenes.labels) {
            assert_eq!(labels.shape(), [boxes.len()]);
            assert!(labels.to_vec::<i64>()?.iter().all(|label| (0..10).contains(label)));
            counts[boxes.len()] += 1;
            for (i, a) in boxes.iter().enumerate() {
                assert!(a[0] < a[2] && a[2] <= 48 && a[1] < a[3] && a[3] <= 48 && a[3] - a[1] <= 16);
                assert!(boxes[..i].iter().all(|b| covered(a, b) <= share));
            }
        }
        assert!(counts.iter().all(|&count| count > 3), "{counts:?}");
        Ok(())
    }

    #[test]
    fn the_seed_decides() -> Result<()> {
        let draw = |seed| -> Result<(Vec<f32>, Vec<f32>, String)> {
            manual_seed(seed);
            let scenes = make_digit_scenes(5).generate()?;
            Ok((scenes.images.to_vec()?, scenes.boxes[4].to_vec()?, scenes.labels[4].to_string()))
        };
        assert_eq!(draw(7)?, draw(7)?);
        assert_ne!(draw(7)?.0, draw(8)?.0);
        Ok(())
    }

    #[test]
    fn refusals() -> Result<()> {
        manual_seed(0);
        let make = || make_digit_scenes(2);
        assert_eq!(make_digit_scenes(0).generate()?.images.shape(), [0, 1, 64, 64]);
        for (bad, why) in [
            (make().digits_from(10..10), "10..10"),
            (make().digits_from(0..1798), "0..1797"),
            (make().digits(RangeInclusive::new(3, 2)), "3..=2"),
            (make().scales(&[]), "no scales"),
            (make().scales(&[0.1]), "at least 0.5"),
            (make().scales(&[f64::NAN]), "NaN"),
            (make().scales(&[9.0]), "72 pixels"),
            (make().max_overlap(1.5), "1.5"),
            (make().noise(-1.0), "noise"),
            (make().digits(60..=60), "60 digits"),
        ] {
            let error = bad.generate().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("scenes.rs"), "{error}");
        }
        assert!(make_digit_scenes(usize::MAX).generate().is_err());
        Ok(())
    }
}

//! Pictures: a batch as one, with boxes drawn in, and as a PNG file.

use crate::font;
use tensor::{DType, Error, Pad, Result, Tensor};

/// A batch of pictures `(N, C, H, W)` as one picture `(C, H', W')`, row by row, `nrow` in each row, with `padding` pixels of
/// black around each.
///
/// ```
/// use tensor::ones;
/// use vision::make_grid;
/// assert_eq!(make_grid(&ones([5, 1, 8, 8])?, 3, 2)?.shape(), [1, 22, 32]);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If the shape is another, there is no picture, or `nrow` is 0.
#[doc(alias = "torchvision.utils.make_grid")]
#[track_caller]
pub fn make_grid(pictures: &Tensor, nrow: usize, padding: usize) -> Result<Tensor> {
    let &[n, c, h, w] = pictures.shape() else {
        return Err(Error::shape(
            "make_grid",
            format!("expected (N, C, H, W), found shape {:?}", pictures.shape()),
        ));
    };
    if n == 0 || nrow == 0 {
        return Err(Error::value("make_grid", format!("{n} pictures in rows of {nrow} make no picture")));
    }
    let columns = nrow.min(n);
    let rows = n.div_ceil(columns);
    // Frames left and above of each, and one to close the picture.
    let one = pictures.detach().pad([padding as isize, 0, padding as isize, 0], Pad::Constant(0.0))?;
    let missing = rows * columns - n;
    let all = one.pad([0, 0, 0, 0, 0, 0, 0, missing as isize], Pad::Constant(0.0))?;
    let tall = all.reshape([rows, columns, c, h + padding, w + padding])?.permute([2, 0, 3, 1, 4])?;
    let tall = tall.reshape([c, rows * (h + padding), columns * (w + padding)])?;
    tall.pad([0, padding as isize, 0, padding as isize], Pad::Constant(0.0))
}

/// A picture `(C, H, W)` with values in \[0, 1\], grey or of three colours, with the frames of boxes `(N, 4)` drawn into it
/// in one colour: `(3, H, W)`. The frame is the outermost pixels of the box.
///
/// # Errors
/// If the shapes are others.
#[doc(alias = "torchvision.utils.draw_bounding_boxes")]
#[track_caller]
pub fn draw_bounding_boxes(picture: &Tensor, boxes: &Tensor, colour: [f32; 3]) -> Result<Tensor> {
    let (&[1 | 3, h, w], &[_, 4]) = (picture.shape(), boxes.shape()) else {
        let (p, b) = (picture.shape(), boxes.shape());
        let found = format!("expected a picture (1 or 3, H, W) and boxes (N, 4), found {p:?} and {b:?}");
        return Err(Error::shape("draw_bounding_boxes", found));
    };
    let mut pixels = picture.detach().to(DType::F32).expand([3, h, w])?.to_vec::<f32>()?;
    let boxes = boxes.detach().to(DType::F64).to_vec::<f64>()?;
    for corners in boxes.as_chunks::<4>().0 {
        if corners.iter().any(|c| c.is_nan()) || h == 0 || w == 0 {
            continue;
        }
        let within = |at: f64, size: usize| at.round().clamp(0.0, size as f64 - 1.0) as usize;
        let (left, top) = (within(corners[0], w), within(corners[1], h));
        // A box ends where its last pixel does.
        let (right, bottom) = (within(corners[2] - 1.0, w).max(left), within(corners[3] - 1.0, h).max(top));
        for y in top..=bottom {
            for x in left..=right {
                if [top, bottom].contains(&y) || [left, right].contains(&x) {
                    (0..3).for_each(|channel| pixels[(channel * h + y) * w + x] = colour[channel]);
                }
            }
        }
    }
    Tensor::from_vec(pixels, [3, h, w])
}

/// [`draw_bounding_boxes`] with a word for each box: what it is, how sure one is. Letters of 5 × 7 pixels stand on a plate
/// of the frame's colour, above the box or, where there is no room, in its upper left corner; what is no printable ASCII
/// is a question mark. Pictures of few pixels are better enlarged before.
///
/// ```
/// use tensor::{tensor, zeros};
/// use vision::draw_labeled_boxes;
/// let boxes = tensor([[4.0, 12.0, 40.0, 40.0]]);
/// let picture = draw_labeled_boxes(&zeros([1, 48, 48])?, &boxes, &["7: 0.98"], [1.0, 0.8, 0.0])?;
/// assert_eq!(picture.shape(), [3, 48, 48]);
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// As [`draw_bounding_boxes`], and if there is not one label for each box.
#[doc(alias = "torchvision.utils.draw_bounding_boxes")]
#[doc(alias = "labels")]
#[track_caller]
pub fn draw_labeled_boxes(
    picture: &Tensor,
    boxes: &Tensor,
    labels: &[impl AsRef<str>],
    colour: [f32; 3],
) -> Result<Tensor> {
    let framed = draw_bounding_boxes(picture, boxes, colour)?;
    if labels.len() != boxes.shape()[0] {
        let found = format!("{} labels for {} boxes", labels.len(), boxes.shape()[0]);
        return Err(Error::value("draw_labeled_boxes", found));
    }
    let &[_, h, w] = framed.shape() else { return Ok(framed) };
    let mut pixels = framed.to_vec::<f32>()?;
    let boxes = boxes.detach().to(DType::F64).to_vec::<f64>()?;
    // Rec. 709: dark letters on a light plate.
    let light = 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2] > 0.5;
    let ink = if light { [0.0; 3] } else { [1.0; 3] };
    let plate = font::HEIGHT + 2;
    for (corners, label) in boxes.as_chunks::<4>().0.iter().zip(labels) {
        if corners.iter().any(|c| c.is_nan()) {
            continue;
        }
        let at = |c: f64, size: usize| c.round().clamp(0.0, size as f64) as usize;
        let (left, top) = (at(corners[0], w), at(corners[1], h));
        let top = if top >= plate { top - plate } else { top };
        let label = label.as_ref();
        let width = label.chars().count() * font::ADVANCE + 1;
        // A plate that would leave the picture to the right stands further left.
        let left = left.min(w.saturating_sub(width));
        let mut put = |x: usize, y: usize, colour: [f32; 3]| {
            if x < w && y < h {
                (0..3).for_each(|channel| pixels[(channel * h + y) * w + x] = colour[channel]);
            }
        };
        (0..width * plate).for_each(|i| put(left + i % width, top + i / width, colour));
        font::pixels(label).for_each(|(x, y)| put(left + x + 1, top + y + 1, ink));
    }
    Tensor::from_vec(pixels, [3, h, w])
}

/// Writes a picture `(1, H, W)`, grey, or `(3, H, W)`, with values from 0, black, to 1 as a PNG file.
///
/// # Errors
/// If the shape is another, or the file cannot be written.
#[cfg(feature = "png")]
#[doc(alias = "torchvision.utils.save_image")]
#[track_caller]
pub fn save_image(picture: &Tensor, path: impl AsRef<std::path::Path>) -> Result<()> {
    use tensor::AtCaller;
    let &[channels @ (1 | 3), h, w] = picture.shape() else {
        let found = picture.shape();
        return Err(Error::shape(
            "save_image",
            format!("expected (1, H, W) or (3, H, W), found shape {found:?}"),
        ));
    };
    let pixels = picture.detach().to(DType::F32).permute([1, 2, 0])?.to_vec::<f32>()?;
    let bytes: Vec<u8> = pixels.iter().map(|x| (x * 255.0).round() as u8).collect();
    let path = path.as_ref();
    let written = std::fs::File::create(path).and_then(|file| {
        let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), w as u32, h as u32);
        encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish().map_err(std::io::Error::from)
    });
    written.map_err(|error| Error::io("save_image", path, error)).at_caller()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::{ones, tensor, zeros};

    #[test]
    fn pictures_stand_row_by_row() {
        let batch = tensor([[[[1.0]]], [[[2.0]]], [[[3.0]]]]);
        let grid = make_grid(&batch, 2, 1).unwrap();
        let expected = tensor([[
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 2.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 3.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
        ]]);
        assert_eq!(grid.to_string(), expected.to_string());
        assert!(make_grid(&zeros([0, 1, 2, 2]).unwrap(), 2, 1).is_err() && make_grid(&batch, 0, 1).is_err());
    }

    #[test]
    fn a_frame_is_the_outermost_pixels() {
        let picture = zeros([1, 4, 5]).unwrap();
        let boxes = tensor([[1.0, 0.0, 4.0, 3.0], [-9.0, 3.0, 99.0, 9.0]]);
        let drawn = draw_bounding_boxes(&picture, &boxes, [1.0, 0.5, 0.0]).unwrap();
        let red = tensor([
            [0.0, 1.0, 1.0, 1.0, 0.0],
            [0.0, 1.0, 0.0, 1.0, 0.0],
            [0.0, 1.0, 1.0, 1.0, 0.0],
            [1.0, 1.0, 1.0, 1.0, 1.0],
        ]);
        assert!(drawn.select(0, 0).unwrap().equal(&red));
        assert!(drawn.select(0, 1).unwrap().equal(&red.mul(0.5).unwrap()));
        assert!(draw_bounding_boxes(&ones([2, 3]).unwrap(), &boxes, [1.0; 3]).is_err());
    }

    #[test]
    fn a_label_stands_on_a_plate_above_its_box() {
        let picture = zeros([1, 12, 9]).unwrap();
        let drawn =
            draw_labeled_boxes(&picture, &tensor([[1.0, 9.0, 8.0, 12.0]]), &["1"], [0.0, 0.0, 1.0]).unwrap();
        let of = |channel| drawn.select(0, channel).unwrap().to_vec::<f32>().unwrap();
        let (red, blue) = (of(0), of(2));
        let rows = |pixels: &[f32]| -> Vec<String> {
            pixels
                .chunks(9)
                .map(|row| row.iter().map(|&x| if x > 0.0 { '#' } else { '.' }).collect())
                .collect()
        };
        // White letters on blue: blue is the plate and the frame, red the letter alone.
        assert_eq!(&rows(&red)[..3], [".........", "....#....", "...##...."]);
        assert_eq!(&rows(&blue)[7..], [".#######.", ".#######.", ".#######.", ".#.....#.", ".#######."]);
        assert_eq!(rows(&red).concat().matches('#').count(), 10);
    }

    #[test]
    fn labels_stay_inside_of_the_picture() {
        let picture = zeros([3, 12, 20]).unwrap();
        let boxes = tensor([[15.0, 0.0, 30.0, 12.0], [f64::NAN, 0.0, 1.0, 1.0]]);
        let drawn = draw_labeled_boxes(&picture, &boxes, &["88", "?"], [1.0, 1.0, 0.0]).unwrap();
        // Seven of its thirteen columns from the right margin, dark on yellow from the first row on.
        let red = drawn.select(0, 0).unwrap();
        assert!(
            red.narrow(1, 7, 13).unwrap().narrow(0, 0, 1).unwrap().eq(1.0).unwrap().all().item().unwrap()
                == 1.0
        );
        assert!(red.narrow(1, 0, 7).unwrap().eq(0.0).unwrap().all().item().unwrap() == 1.0);
        let error = draw_labeled_boxes(&picture, &boxes, &["8"], [1.0; 3]).unwrap_err().to_string();
        assert!(error.contains("1 labels for 2 boxes"), "{error}");
    }

    #[cfg(feature = "png")]
    #[test]
    fn a_file_holds_the_pixels() {
        let path = std::env::temp_dir().join("baekmi-vision-save-image.png");
        save_image(&tensor([[[0.0, 0.5], [1.0, 7.0]]]), &path).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&path).unwrap()))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, [0, 128, 255, 255]);
        std::fs::remove_file(&path).unwrap();
        let line = line!() + 1;
        let error = save_image(&ones([1, 2, 2]).unwrap(), "no/such/folder.png").unwrap_err().to_string();
        assert!(
            error.contains("no/such/folder.png") && error.contains(&format!("image.rs:{line}:")),
            "{error}"
        );
        assert!(save_image(&ones([2, 2]).unwrap(), &path).is_err());
    }
}

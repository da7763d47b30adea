//! Sliding windows: `Tensor::unfold`, which only looks at them, and the columns of a convolution, `unfold2d` and `fold`.
//!
//! ```
//! use tensor::{Window, arange};
//! let x = arange(0, 5, 1)?;
//! assert_eq!(x.unfold(0, 3, 2)?.to_string(), "tensor([[0, 1, 2],\n        [2, 3, 4]])");
//!
//! let image = arange(0, 9, 1)?.reshape([1, 1, 3, 3])?;
//! let columns = image.unfold2d(Window::new(2))?; // a column for each of four places
//! assert_eq!(columns.select(2, 3)?.to_string(), "tensor([[4, 5, 7, 8]])");
//! # Ok::<(), tensor::Error>(())
//! ```

use super::pad::Pad;
use crate::autograd::check::{Case, case, float64};
use crate::error::{Error, Result};
use crate::layout::{Ints, Layout, Shape};
use crate::tensor::{Tensor, dense};

/// A window that slides over the height and the width of an image. Each option is one number for both, or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    kernel_size: [i64; 2],
    dilation: [i64; 2],
    padding: [i64; 2],
    stride: [i64; 2],
}

/// One number for height and width, or two. More are kept wrong, to be refused later.
fn pair(numbers: impl Ints) -> [i64; 2] {
    match *numbers.ints() {
        [both] => [both, both],
        [height, width] => [height, width],
        _ => [i64::MIN; 2],
    }
}

impl Window {
    /// A window of this size: no gaps, no padding, one step at a time.
    pub fn new(kernel_size: impl Ints) -> Self {
        Window { kernel_size: pair(kernel_size), dilation: [1, 1], padding: [0, 0], stride: [1, 1] }
    }

    /// The distance between neighbours inside of the window.
    #[must_use]
    pub fn dilation(self, dilation: impl Ints) -> Self {
        Window { dilation: pair(dilation), ..self }
    }

    /// Zeros on both sides of the image.
    #[must_use]
    pub fn padding(self, padding: impl Ints) -> Self {
        Window { padding: pair(padding), ..self }
    }

    /// The distance between neighbouring windows.
    #[must_use]
    pub fn stride(self, stride: impl Ints) -> Self {
        Window { stride: pair(stride), ..self }
    }

    /// How many places a window has in an image of this size, along height and width.
    #[track_caller]
    fn places(&self, op: &'static str, image: &[usize]) -> Result<[usize; 2]> {
        let positive = [self.kernel_size, self.dilation, self.stride].concat().iter().all(|&n| n > 0);
        if !positive || self.padding.iter().any(|&n| n < 0) {
            return Err(Error::value(
                op,
                format!("sizes, dilations and strides must be positive, paddings not negative, found {self:?}"),
            ));
        }
        let mut places = [0; 2];
        for (d, place) in places.iter_mut().enumerate() {
            let span = self.dilation[d].saturating_mul(self.kernel_size[d] - 1);
            let room = (image[d] as i64).saturating_add(self.padding[d].saturating_mul(2)).saturating_sub(span);
            if room < 1 {
                return Err(Error::shape(
                    op,
                    format!("no window of {self:?} fits into an image of size {:?}", &image[..2]),
                ));
            }
            *place = ((room - 1) / self.stride[d] + 1) as usize;
        }
        Ok(places)
    }

    /// The image with its padding.
    fn padded(&self, image: &[usize]) -> [usize; 2] {
        std::array::from_fn(|d| image[d] + 2 * self.padding[d] as usize)
    }

    /// All windows of a padded image `(N, C, H, W)`, as `(N, C, kernel height, kernel width, places…)`.
    fn part(&self, image: &Layout, places: [usize; 2]) -> Layout {
        let (shape, strides) = (image.shape(), image.strides());
        let (height, width) = (strides[2], strides[3]);
        // A step that leads out of the image is never made.
        let by = |numbers: [i64; 2]| {
            [height.saturating_mul(numbers[0] as usize), width.saturating_mul(numbers[1] as usize)]
        };
        let mut sizes: Shape = shape[..2].into();
        sizes.extend(self.kernel_size.map(|n| n as usize));
        sizes.extend(places);
        let mut steps: Shape = strides[..2].into();
        steps.extend(by(self.dilation));
        steps.extend(by(self.stride));
        Layout::from_parts(sizes, steps, image.offset())
    }
}

impl Tensor {
    /// Windows of `size` along dimension `dim`, `step` apart, as a view: the dimension becomes the number of windows,
    /// and a new last one of `size` holds their elements.
    ///
    /// # Errors
    /// If there is no such dimension, `size` is larger than it, or `step` is zero.
    #[doc(alias = "torch.Tensor.unfold")]
    #[track_caller]
    pub fn unfold(&self, dim: isize, size: usize, step: usize) -> Result<Tensor> {
        let d = self.layout.dim("unfold", dim)?;
        let available = self.shape().get(d).copied().unwrap_or(1);
        if size > available || step == 0 {
            return Err(Error::value(
                "unfold",
                format!("windows of size {size}, {step} apart, do not fit dimension {d} of size {available}"),
            ));
        }
        if self.dim() == 0 {
            return self.reshape(1)?.narrow(0, 0, size);
        }
        Ok(self.strided("Unfold", |layout| layout.unfold(d, size, step)))
    }

    /// The windows of images `(N, C, H, W)` as columns `(N, C·kernel, places)`: a convolution is the product of its
    /// weights with them. A single image `(C, H, W)` gives `(C·kernel, places)`.
    ///
    /// # Errors
    /// If this is no image, or no window fits.
    #[doc(alias = "torch.nn.functional.unfold")]
    #[doc(alias = "im2col")]
    #[track_caller]
    pub fn unfold2d(&self, window: Window) -> Result<Tensor> {
        let rank = self.dim();
        if !(3..=4).contains(&rank) || self.shape()[rank - 3..].contains(&0) {
            return Err(Error::shape(
                "unfold2d",
                format!("expected (N, C, H, W) or (C, H, W), found shape {:?}", self.shape()),
            ));
        }
        if rank == 3 {
            return self.unsqueeze(0)?.unfold2d(window)?.squeeze_dim(0);
        }
        let places = window.places("unfold2d", &self.shape()[2..])?;
        let [height, width] = window.padding;
        let padded = match window.padding {
            [0, 0] => self.clone(),
            _ => self.pad([width, width, height, height], Pad::Constant(0.0))?,
        };
        let windows = padded.strided("Im2Col", |layout| window.part(layout, places));
        let shape = windows.shape();
        windows.reshape([shape[0], shape[1..4].iter().product(), shape[4] * shape[5]])
    }

    /// The reverse of [`unfold2d`](Tensor::unfold2d): columns `(N, C·kernel, places)`, added up where windows overlap,
    /// make images `(N, C, H, W)` of this height and width.
    ///
    /// # Errors
    /// If the number of rows or of places does not fit the window.
    #[doc(alias = "torch.nn.functional.fold")]
    #[doc(alias = "col2im")]
    #[track_caller]
    pub fn fold(&self, output_size: impl Ints, window: Window) -> Result<Tensor> {
        let [height, width] = pair(output_size);
        let (Ok(height), Ok(width), 2 | 3) = (usize::try_from(height), usize::try_from(width), self.dim()) else {
            return Err(Error::shape(
                "fold",
                format!(
                    "expected columns (N, C·kernel, places) and an output size of two numbers, found shape {:?}",
                    self.shape()
                ),
            ));
        };
        if self.dim() == 2 {
            return self.unsqueeze(0)?.fold([height, width], window)?.squeeze_dim(0);
        }
        let places = window.places("fold", &[height, width])?;
        let count = places[0].saturating_mul(places[1]);
        let kernel = window.kernel_size.iter().fold(1, |product: usize, &n| product.saturating_mul(n as usize));
        let (n, rows, columns) = (self.shape()[0], self.shape()[1], self.shape()[2]);
        if rows % kernel != 0 || rows == 0 || columns != count {
            return Err(Error::shape(
                "fold",
                format!(
                    "shape {:?} does not fit: expected (N, a multiple of {kernel}, {}), since {window:?} has {places:?} \
                     places in an image of {height} by {width}",
                    self.shape(),
                    count
                ),
            ));
        }
        let channels = rows / kernel;
        let [tall, wide] = window.padded(&[height, width]);
        let whole = [n, channels, tall, wide];
        Layout::contiguous("fold", &whole)?;
        let part = window.part(&dense(&whole), places);
        let windows = self.reshape(part.shape())?;
        let padded = windows.unstrided("Col2Im", &whole, &part, 0.0)?;
        padded.narrow(2, window.padding[0] as usize, height)?.narrow(3, window.padding[1] as usize, width)
    }
}

/// The cases by which the functions above are checked.
#[doc(hidden)]
pub fn cases() -> Vec<Case> {
    let image = || {
        let row = [0.4, -1.3, 2.0, 0.1];
        vec![float64([[[row, [0.7, -0.9, 0.3, 1.2], [-0.2, 0.6, 0.8, -1.1]]]])]
    };
    let columns = || vec![float64([[0.4, -1.3, 2.0, 0.1], [0.7, -0.9, 0.3, 1.2], [0.5, 0.2, -0.6, 0.9], [1.0; 4]])];
    vec![
        case("unfold", |x| Ok(x[0].unfold(3, 3, 1)?.sin()), image()),
        case("unfold2d", |x| Ok(x[0].unfold2d(Window::new([2, 3]).padding(1).stride([1, 2]))?.sin()), image()),
        case("unfold2d with gaps", |x| Ok(x[0].unfold2d(Window::new(2).dilation([2, 1]))?.sin()), image()),
        case("fold", |x| Ok(x[0].fold(3, Window::new(2))?.sin()), columns()),
        case("fold with a padding", |x| Ok(x[0].fold(2, Window::new(2).padding(1).stride(2))?.sin()), columns()),
    ]
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::{arange, ones, tensor, zeros};

    #[test]
    fn windows_share_memory() {
        let x = arange(0, 6, 1).unwrap();
        let y = x.unfold(0, 2, 1).unwrap();
        assert!(std::ptr::eq(x.raw::<i64>(), y.raw::<i64>()));
        assert_eq!(y.shape(), [5, 2]);
        assert_eq!(x.unfold(0, 0, 1).unwrap().shape(), [7, 0]);
        assert_eq!(tensor(3).unfold(0, 1, 1).unwrap().shape(), [1]);
    }

    #[test]
    fn folding_counts_the_windows_over_each_element() {
        let x = ones([1, 1, 3, 3]).unwrap();
        let window = Window::new(2);
        let counts = x.unfold2d(window).unwrap().fold(3, window).unwrap();
        assert_eq!(counts.to_vec::<f32>().unwrap(), [1., 2., 1., 2., 4., 2., 1., 2., 1.]);
        assert_eq!(zeros([2, 5, 4]).unwrap().unfold2d(Window::new([2, 3]).stride(2)).unwrap().shape(), [12, 2]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let x = zeros([1, 1, 3, 3]).unwrap();
        for error in [
            x.unfold(3, 4, 1).unwrap_err(),
            x.unfold(3, 1, 0).unwrap_err(),
            x.unfold2d(Window::new(4)).unwrap_err(),
            x.unfold2d(Window::new(0)).unwrap_err(),
            x.unfold2d(Window::new([1, 2, 3])).unwrap_err(),
            x.unfold2d(Window::new(1).stride(0)).unwrap_err(),
            x.select(0, 0).unwrap().select(0, 0).unwrap().unfold2d(Window::new(1)).unwrap_err(),
            zeros([1, 4, 3]).unwrap().fold(3, Window::new(2)).unwrap_err(),
            zeros([1, 5, 4]).unwrap().fold(3, Window::new(2)).unwrap_err(),
            zeros([1, 4, 4]).unwrap().fold([3, 3, 3], Window::new(2)).unwrap_err(),
        ] {
            assert!(error.to_string().contains(':'), "{error}");
        }
    }
}

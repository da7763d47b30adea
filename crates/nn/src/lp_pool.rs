//! The norm of windows, and the way back from their largest elements.
//!
//! ```
//! use nn::{LPPool2d, Layer, MaxPool2d, MaxUnpool2d};
//! use tensor::rand;
//! let x = rand([1, 3, 4, 4])?;
//! assert_eq!(LPPool2d::new(2.0, 2).forward(&x)?.shape(), [1, 3, 2, 2]);
//! let (largest, places) = MaxPool2d::new(2).forward_with_indices(&x)?;
//! assert_eq!(MaxUnpool2d::new(2).forward(&largest, &places, None)?.shape(), x.shape());
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Error, Ints, Result, Scalar, Tensor};

macro_rules! norms {
    ($($layer:ident $shape:literal $function:ident;)*) => {$(
        #[doc = concat!("`(Σ xᵖ)^(1/p)`, with `p = norm_type`, of each window of `", $shape, "`, or of a single one without N.")]
        #[derive(Clone)]
        pub struct $layer {
            norm_type: Scalar,
            kernel_size: Vec<i64>,
            stride: Option<Vec<i64>>,
            ceil_mode: bool,
        }

        impl $layer {
            /// Windows of this size side by side; one number for all dimensions, or one for each.
            pub fn new(norm_type: impl Into<Scalar>, kernel_size: impl Ints) -> Self {
                $layer {
                    norm_type: norm_type.into(),
                    kernel_size: kernel_size.ints().to_vec(),
                    stride: None,
                    ceil_mode: false,
                }
            }

            /// The distance between neighbouring windows; without it, their size.
            #[must_use]
            pub fn stride(mut self, stride: impl Ints) -> Self {
                self.stride = Some(stride.ints().to_vec());
                self
            }

            /// Whether a last window may reach over the edge, so that no element is left out.
            #[must_use]
            pub fn ceil_mode(mut self, ceil_mode: bool) -> Self {
                self.ceil_mode = ceil_mode;
                self
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                format!(
                    "norm_type={}, kernel_size={}, stride={}, ceil_mode={}",
                    python::scalar(self.norm_type),
                    python::numbers(&self.kernel_size),
                    self.stride.as_ref().map_or("None".into(), |n| python::numbers(n)),
                    python::flag(self.ceil_mode)
                )
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                let (p, stride) = (self.norm_type.to_f64(), self.stride.as_deref());
                seen(self, input.$function(p, &self.kernel_size, stride, self.ceil_mode))
            }
        }

        printed!($layer);
    )*};
}

norms! {
    LPPool1d "(N, C, L)" lp_pool1d;
    LPPool2d "(N, C, H, W)" lp_pool2d;
    LPPool3d "(N, C, D, H, W)" lp_pool3d;
}

/// One number for all dimensions, or one for each.
fn each(numbers: impl Ints, rank: usize) -> Vec<i64> {
    let numbers = numbers.ints();
    if let [one] = *numbers { vec![one; rank] } else { numbers.to_vec() }
}

/// The size of what windows were taken of, or a given one less than a step away.
#[track_caller]
fn size_before(
    layer: &'static str,
    input: &Tensor,
    [kernel, stride, padding]: [&[i64]; 3],
    given: Option<&[i64]>,
) -> Result<Vec<i64>> {
    let rank = stride.len();
    if [kernel.len(), stride.len(), padding.len()] != [rank; 3] || input.dim() < rank {
        let message = format!(
            "expected {rank} sizes and dimensions, found {kernel:?}, {stride:?}, {padding:?}, {:?}",
            input.shape()
        );
        return Err(Error::shape(layer, message));
    }
    if kernel.iter().chain(stride).any(|&n| n < 1) {
        let message = format!("windows and strides must be at least 1, found {kernel:?} and {stride:?}");
        return Err(Error::value(layer, message));
    }
    let sizes = &input.shape()[input.dim() - rank..];
    let usual: Vec<i64> = (0..rank)
        .map(|d| {
            let steps = (sizes[d] as i64 - 1).saturating_mul(stride[d]);
            steps.saturating_add(kernel[d]).saturating_sub(padding[d].saturating_mul(2))
        })
        .collect();
    let Some(given) = given else { return Ok(usual) };
    let behind = if given.len() == rank + 2 { &given[2..] } else { given };
    let near = |d: usize| behind[d].abs_diff(usual[d]) < stride[d] as u64;
    if behind.len() != rank || !(0..rank).all(near) {
        let message = format!("an output of size {given:?} is not within a stride of {usual:?}");
        return Err(Error::value(layer, message));
    }
    Ok(behind.to_vec())
}

macro_rules! unpools {
    ($($layer:ident $function:ident $rank:literal, $pool:ident, $shape:literal;)*) => {$(
        #[doc = concat!("`", $shape, "` of zeros with each element at the place where [`", stringify!($pool), "`](crate::", stringify!($pool), ") found it.")]
        #[derive(Clone)]
        pub struct $layer {
            kernel_size: Vec<i64>,
            stride: Vec<i64>,
            padding: Vec<i64>,
        }

        impl $layer {
            /// For windows of this size side by side; one number for all dimensions, or one for each.
            pub fn new(kernel_size: impl Ints) -> Self {
                let kernel_size = each(kernel_size, $rank);
                $layer { stride: kernel_size.clone(), kernel_size, padding: vec![0; $rank] }
            }

            /// The distance between neighbouring windows; without it, their size.
            #[must_use]
            pub fn stride(mut self, stride: impl Ints) -> Self {
                self.stride = each(stride, $rank);
                self
            }

            /// By how much windows reached over the edges.
            #[must_use]
            pub fn padding(mut self, padding: impl Ints) -> Self {
                self.padding = each(padding, $rank);
                self
            }

            /// The elements at the places `indices`, in zeros of a size that the windows fit, or of `output_size`.
            ///
            /// # Errors
            /// If shapes differ, a place is outside, or the size does not fit the windows.
            #[track_caller]
            pub fn forward(&self, input: &Tensor, indices: &Tensor, output_size: Option<&[i64]>) -> Result<Tensor> {
                let windows = [&*self.kernel_size, &*self.stride, &*self.padding];
                let size = size_before(stringify!($layer), input, windows, output_size)?;
                seen(self, input.$function(indices, size))
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                let [kernel, stride, padding] =
                    [&self.kernel_size, &self.stride, &self.padding].map(|n| python::tuple(n));
                format!("kernel_size={kernel}, stride={stride}, padding={padding}")
            }
        }

        printed!($layer);
    )*};
}

unpools! {
    MaxUnpool1d max_unpool1d 1, MaxPool1d, "(N, C, L)";
    MaxUnpool2d max_unpool2d 2, MaxPool2d, "(N, C, H, W)";
    MaxUnpool3d max_unpool3d 3, MaxPool3d, "(N, C, D, H, W)";
}

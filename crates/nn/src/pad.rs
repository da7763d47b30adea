//! Layers that put elements around the last dimensions: a number, a reflection, the edge, or the other end.
//!
//! ```
//! use nn::{Layer, ReflectionPad1d, ZeroPad2d};
//! use tensor::{ones, tensor};
//! let y = ReflectionPad1d::new([2, 0]).forward(&tensor([[1.0, 2.0, 3.0]]))?;
//! assert_eq!(y.to_string(), "tensor([[3., 2., 1., 2., 3.]])");
//! assert_eq!(ZeroPad2d::new(1).forward(&ones([1, 3, 4, 4])?)?.shape(), [1, 3, 6, 6]);
//! # Ok::<(), tensor::Error>(())
//! ```

use crate::module::{Layer, Module, printed};
use crate::python;
use crate::summary::seen;
use tensor::{Error, Ints, Pad, Result, Scalar, Tensor};

/// One number for all sides, or one for each.
fn sides(padding: impl Ints, rank: usize) -> Vec<i64> {
    let padding = padding.ints();
    if let [one] = *padding { vec![one; 2 * rank] } else { padding.to_vec() }
}

#[track_caller]
fn pad(layer: &'static str, rank: usize, input: &Tensor, padding: &[i64], mode: Pad) -> Result<Tensor> {
    if padding.len() != 2 * rank {
        let message = format!("expected one number or {}, found padding {padding:?}", 2 * rank);
        return Err(Error::value(layer, message));
    }
    // A constant goes around any shape; what comes from the inside around one sample or a batch of them.
    if !matches!(mode, Pad::Constant(_)) && !(rank + 1..=rank + 2).contains(&input.dim()) {
        let message =
            format!("expected {} or {} dimensions, found shape {:?}", rank + 1, rank + 2, input.shape());
        return Err(Error::shape(layer, message));
    }
    input.pad(padding, mode)
}

macro_rules! pads {
    ($($layer:ident $rank:literal $mode:expr, $what:literal;)*) => {$(
        #[doc = concat!($what, " around the last ", stringify!($rank), " dimension(s); negative numbers cut off.")]
        #[derive(Clone)]
        pub struct $layer {
            padding: Vec<i64>,
        }

        impl $layer {
            /// One number for all sides, or one for each: `left, right`, then `top, bottom`, then `front, back`.
            pub fn new(padding: impl Ints) -> Self {
                $layer { padding: sides(padding, $rank) }
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                python::tuple(&self.padding)
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                seen(self, pad(stringify!($layer), $rank, input, &self.padding, $mode))
            }
        }

        printed!($layer);
    )*};
}

pads! {
    ZeroPad1d 1 Pad::Constant(0.0), "Zeros";
    ZeroPad2d 2 Pad::Constant(0.0), "Zeros";
    ZeroPad3d 3 Pad::Constant(0.0), "Zeros";
    ReflectionPad1d 1 Pad::Reflect, "A reflection of the inside";
    ReflectionPad2d 2 Pad::Reflect, "A reflection of the inside";
    ReflectionPad3d 3 Pad::Reflect, "A reflection of the inside";
    ReplicationPad1d 1 Pad::Replicate, "The edge";
    ReplicationPad2d 2 Pad::Replicate, "The edge";
    ReplicationPad3d 3 Pad::Replicate, "The edge";
    CircularPad1d 1 Pad::Circular, "The other end";
    CircularPad2d 2 Pad::Circular, "The other end";
    CircularPad3d 3 Pad::Circular, "The other end";
}

macro_rules! constants {
    ($($layer:ident $rank:literal;)*) => {$(
        #[doc = concat!("A number around the last ", stringify!($rank), " dimension(s); negative paddings cut off.")]
        #[derive(Clone)]
        pub struct $layer {
            padding: Vec<i64>,
            value: Scalar,
        }

        impl $layer {
            /// One number for all sides, or one for each: `left, right`, then `top, bottom`, then `front, back`; and what
            /// stands there.
            pub fn new(padding: impl Ints, value: impl Into<Scalar>) -> Self {
                $layer { padding: sides(padding, $rank), value: value.into() }
            }
        }

        impl Module for $layer {
            fn visit(&self, _: &mut dyn FnMut(&str, &dyn Module)) {}
            fn extra_repr(&self) -> String {
                format!("padding={}, value={}", python::tuple(&self.padding), python::scalar(self.value))
            }
        }

        impl Layer for $layer {
            #[track_caller]
            fn forward(&self, input: &Tensor) -> Result<Tensor> {
                let mode = Pad::Constant(self.value.to_f64());
                seen(self, pad(stringify!($layer), $rank, input, &self.padding, mode))
            }
        }

        printed!($layer);
    )*};
}

constants! {
    ConstantPad1d 1;
    ConstantPad2d 2;
    ConstantPad3d 3;
}

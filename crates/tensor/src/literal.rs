//! Tensors written as Rust writes arrays, with Python's rule for the type: `1.0` is float32, `1` is int64.

use crate::dtype::{DType, Element};
use crate::storage::Buffer;
use crate::tensor::{Tensor, dense};

/// A tensor from numbers, arrays of numbers, arrays of arrays …
///
/// ```
/// use tensor::{DType, tensor};
/// assert_eq!(tensor([[2.5, 0.3], [-1.2, 0.0]]).shape(), [2, 2]);
/// assert_eq!(tensor([0]).dtype(), DType::I64);
/// assert_eq!(tensor(true).to_string(), "tensor(True)");
/// ```
#[doc(alias = "torch.tensor")]
pub fn tensor<L: Literal>(literal: L) -> Tensor {
    let mut values = Vec::new();
    let mut shape = Vec::new();
    literal.add_shape(&mut shape);
    literal.add_values(&mut values);
    Tensor::new(Buffer::from(values), dense(&shape))
}

/// What [`tensor`] accepts: `f64`, `f32`, `i64`, `i32`, `bool`, and arrays, slices and vectors of them.
pub trait Literal {
    /// The element type that the literal becomes.
    type Number: Element;
    #[doc(hidden)]
    fn add_shape(&self, shape: &mut Vec<usize>);
    #[doc(hidden)]
    fn add_values(&self, values: &mut Vec<Self::Number>);
}

macro_rules! numbers {
    ($($rust:ty => $number:ty),*) => {$(
        impl Literal for $rust {
            type Number = $number;
            fn add_shape(&self, _: &mut Vec<usize>) {}
            fn add_values(&self, values: &mut Vec<$number>) {
                values.push(*self as $number);
            }
        }
        // A vector or a slice is flat: rows of a nested one could differ in length.
        impl Literal for Vec<$rust> {
            type Number = $number;
            fn add_shape(&self, shape: &mut Vec<usize>) {
                shape.push(self.len());
            }
            fn add_values(&self, values: &mut Vec<$number>) {
                values.extend(self.iter().map(|&x| x as $number));
            }
        }
        impl Literal for [$rust] {
            type Number = $number;
            fn add_shape(&self, shape: &mut Vec<usize>) {
                shape.push(self.len());
            }
            fn add_values(&self, values: &mut Vec<$number>) {
                values.extend(self.iter().map(|&x| x as $number));
            }
        }
    )*};
}
numbers!(f64 => f32, f32 => f32, i64 => i64, i32 => i64, bool => bool);

impl<L: Literal + Fixed, const N: usize> Literal for [L; N] {
    type Number = L::Number;
    fn add_shape(&self, shape: &mut Vec<usize>) {
        shape.push(N);
        match self.first() {
            Some(first) => first.add_shape(shape),
            None => L::empty(shape),
        }
    }
    fn add_values(&self, values: &mut Vec<L::Number>) {
        for part in self {
            part.add_values(values);
        }
    }
}

impl<L: Literal + ?Sized> Literal for &L {
    type Number = L::Number;
    fn add_shape(&self, shape: &mut Vec<usize>) {
        (**self).add_shape(shape);
    }
    fn add_values(&self, values: &mut Vec<L::Number>) {
        (**self).add_values(values);
    }
}

/// What can stand in an array: its shape is known from its type, even if there is none of it.
#[doc(hidden)]
pub trait Fixed {
    fn empty(shape: &mut Vec<usize>);
}

macro_rules! flat {
    ($($rust:ty)*) => {$(
        impl Fixed for $rust {
            fn empty(_: &mut Vec<usize>) {}
        }
    )*};
}
flat!(f64 f32 i64 i32 bool);

impl<L: Fixed, const N: usize> Fixed for [L; N] {
    fn empty(shape: &mut Vec<usize>) {
        shape.push(N);
        L::empty(shape);
    }
}

/// A plain number beside a tensor. It never changes the tensor's type, unless it is of a higher kind (a float beside
/// integers).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point.
    Float(f64),
}

impl Scalar {
    /// bool, int64 or float32: what a tensor of this number would be.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::Int(_) => DType::I64,
            Scalar::Float(_) => DType::F32,
        }
    }

    /// As a float64.
    #[inline]
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(x) => f64::from(u8::from(x)),
            Scalar::Int(x) => x as f64,
            Scalar::Float(x) => x,
        }
    }

    /// As an element of a tensor.
    #[inline]
    pub fn to<T: Element>(self) -> T {
        match self {
            Scalar::Float(x) => T::from_f64(x),
            Scalar::Int(x) => T::from_i64(x),
            Scalar::Bool(x) => T::from_i64(i64::from(x)),
        }
    }
}

macro_rules! scalar {
    ($($rust:ty => $variant:ident),*) => {$(
        impl From<$rust> for Scalar {
            #[inline]
            fn from(value: $rust) -> Self {
                Scalar::$variant(value.into())
            }
        }
    )*};
}
scalar!(f64 => Float, f32 => Float, i64 => Int, i32 => Int, bool => Bool);

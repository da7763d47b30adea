//! The four element types, and PyTorch's rule for mixing them.
//!
//! ```
//! use tensor::DType;
//! assert_eq!(DType::F32.to_string(), "float32");
//! assert_eq!(DType::Bool.promote(DType::I64), DType::I64);
//! ```

use crate::shelf::{Nearby, Shelf};
use crate::storage::{Buffer, Number, Numbers};
use std::fmt;
use std::sync::Mutex;
use std::thread::LocalKey;

/// What the elements of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DType {
    /// `bool`, one byte.
    #[doc(alias = "torch.bool")]
    Bool,
    /// `i64`, for class indices and counts; arithmetic wraps.
    #[doc(alias = "torch.int64")]
    I64,
    /// `f32`, the default for literals with a decimal point.
    #[doc(alias = "torch.float32")]
    F32,
    /// `f64`.
    #[doc(alias = "torch.float64")]
    F64,
}

impl DType {
    /// Whether gradients can flow through tensors of this type.
    pub fn is_float(self) -> bool {
        self >= DType::F32
    }

    /// The type that holds the values of both: bool → int64 → float32 → float64.
    pub fn promote(self, other: DType) -> DType {
        self.max(other)
    }

    /// The type in which a function such as `exp` computes: integers and bools become float32.
    pub fn to_float(self) -> DType {
        self.max(DType::F32)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DType::Bool => "bool",
            DType::I64 => "int64",
            DType::F32 => "float32",
            DType::F64 => "float64",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for bool {}
    impl Sealed for i64 {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A Rust type that can be the element of a tensor: `f32`, `f64`, `i64` or `bool`.
pub trait Element: Copy + Default + PartialEq + Send + Sync + fmt::Debug + sealed::Sealed + 'static {
    /// The type's name at run time.
    const DTYPE: DType;
    /// How many elements a tensor holds without an allocation of their own.
    #[doc(hidden)]
    type Inline: smallvec::Array<Item = Self> + Send + Sync;
    #[doc(hidden)]
    fn buffer(numbers: &Numbers) -> Option<&Buffer<Self>>;
    #[doc(hidden)]
    fn buffer_mut(numbers: &mut Numbers) -> Option<&mut Buffer<Self>>;
    #[doc(hidden)]
    fn store(buffer: Buffer<Self>) -> Numbers;
    #[doc(hidden)]
    fn number(number: &Number) -> Option<&Self>;
    #[doc(hidden)]
    fn number_mut(number: &mut Number) -> Option<&mut Self>;
    #[doc(hidden)]
    fn store_one(self) -> Number;
    #[doc(hidden)]
    fn shelf() -> &'static Mutex<Shelf<Self>>;
    #[doc(hidden)]
    fn nearby() -> &'static LocalKey<Nearby<Self>>;
    /// The number as it would be after a conversion to float64.
    fn to_f64(self) -> f64;
    /// From a float64: rounded to f32, cut towards zero for i64, `≠ 0` for bool.
    fn from_f64(value: f64) -> Self;
    /// The number as it would be after a conversion to int64: cut towards zero.
    fn to_i64(self) -> i64;
    /// From an int64.
    fn from_i64(value: i64) -> Self;
}

macro_rules! element {
    ($type:ty, $variant:ident, $inline:literal, $to:expr, $from:expr, $to_int:expr, $from_int:expr) => {
        impl Element for $type {
            const DTYPE: DType = DType::$variant;
            type Inline = [$type; $inline];
            fn buffer(numbers: &Numbers) -> Option<&Buffer<Self>> {
                if let Numbers::$variant(buffer) = numbers { Some(buffer) } else { None }
            }
            fn buffer_mut(numbers: &mut Numbers) -> Option<&mut Buffer<Self>> {
                if let Numbers::$variant(buffer) = numbers { Some(buffer) } else { None }
            }
            fn store(buffer: Buffer<Self>) -> Numbers {
                Numbers::$variant(buffer)
            }
            fn number(number: &Number) -> Option<&Self> {
                if let Number::$variant([number, ..]) = number { Some(number) } else { None }
            }
            fn number_mut(number: &mut Number) -> Option<&mut Self> {
                if let Number::$variant([number, ..]) = number { Some(number) } else { None }
            }
            fn store_one(self) -> Number {
                let mut full = [Self::default(); 8 / size_of::<Self>()];
                full[0] = self;
                Number::$variant(full)
            }
            fn shelf() -> &'static Mutex<Shelf<Self>> {
                static SHELF: Mutex<Shelf<$type>> = Mutex::new(Shelf::new());
                &SHELF
            }
            fn nearby() -> &'static LocalKey<Nearby<Self>> {
                thread_local! {
                    static NEARBY: Nearby<$type> = const { Nearby::new(Vec::new()) };
                }
                &NEARBY
            }
            fn to_f64(self) -> f64 {
                $to(self)
            }
            fn from_f64(value: f64) -> Self {
                $from(value)
            }
            fn to_i64(self) -> i64 {
                $to_int(self)
            }
            fn from_i64(value: i64) -> Self {
                $from_int(value)
            }
        }
    };
}

// Sixteen bytes each: what fits into a vector's own header.
element!(f32, F32, 4, f64::from, |x| x as f32, |x| x as i64, |x| x as f32);
element!(f64, F64, 2, |x| x, |x| x, |x| x as i64, |x| x as f64);
element!(i64, I64, 2, |x| x as f64, |x| x as i64, |x| x, |x| x);
element!(bool, Bool, 16, |x| f64::from(u8::from(x)), |x| x != 0.0, i64::from, |x| x != 0);

//! NumPy's `.npy` files, read and written without NumPy.
//!
//! A file is `\x93NUMPY`, a version, the length of the header, the header, and the bare numbers. The header is a Python
//! dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
//! Source: NumPy Enhancement Proposal 1.
//!
//! | NumPy | tensor |
//! |---|---|
//! | `float32`, `float16` | float32 |
//! | `float64` | float64 |
//! | `int8` to `int64`, `uint8` to `uint64` | int64 |
//! | `bool` | bool |

use crate::file;
use std::path::Path;
use tensor::{DType, Element, Error, Result, Tensor};

const OP: &str = "npy";
const MAGIC: &[u8] = b"\x93NUMPY";

/// Reads a file that `np.save` has written.
///
/// # Errors
/// If the file cannot be read, is damaged, or holds another type than numbers.
#[doc(alias = "np.load")]
#[track_caller]
pub fn load_npy(path: impl AsRef<Path>) -> Result<Tensor> {
    from_npy(&file::read(OP, path.as_ref())?)
}

/// Writes a file that `np.load` reads.
///
/// # Errors
/// If the file cannot be written.
#[doc(alias = "np.save")]
#[track_caller]
pub fn save_npy(path: impl AsRef<Path>, tensor: &Tensor) -> Result<()> {
    file::write(OP, path.as_ref(), &to_npy(tensor)?)
}

/// The bytes of an `.npy` file.
///
/// # Errors
/// None in practice.
///
/// ```
/// use data::{from_npy, to_npy};
/// use tensor::tensor;
/// let x = tensor([[1.0, 2.0], [3.0, 4.0]]);
/// assert!(from_npy(&to_npy(&x)?)?.equal(&x));
/// # Ok::<(), tensor::Error>(())
/// ```
#[track_caller]
pub fn to_npy(tensor: &Tensor) -> Result<Vec<u8>> {
    let descr = match tensor.dtype() {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::I64 => "<i8",
        DType::Bool => "|b1",
    };
    let shape: String = tensor.shape().iter().map(|size| format!("{size}, ")).collect();
    // As Python writes it: `()`, `(3,)`, `(3, 4)`.
    let shape = if tensor.dim() == 1 { shape.trim_end() } else { shape.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // The numbers begin at a multiple of 64.
    let begin = MAGIC.len() + 4;
    let end = (begin + header.len() + 1).next_multiple_of(64);
    header.extend(std::iter::repeat_n(' ', end - begin - header.len() - 1));
    header.push('\n');
    let Ok(len) = u16::try_from(header.len()) else {
        return Err(Error::size(
            OP,
            format!("a tensor of {} dimensions does not fit into the header", tensor.dim()),
        ));
    };
    let mut bytes = [MAGIC, &[1, 0], &len.to_le_bytes(), header.as_bytes()].concat();
    match tensor.dtype() {
        DType::F32 => bytes.extend(tensor.to_vec::<f32>()?.into_iter().flat_map(f32::to_le_bytes)),
        DType::F64 => bytes.extend(tensor.to_vec::<f64>()?.into_iter().flat_map(f64::to_le_bytes)),
        DType::I64 => bytes.extend(tensor.to_vec::<i64>()?.into_iter().flat_map(i64::to_le_bytes)),
        DType::Bool => bytes.extend(tensor.to_vec::<bool>()?.into_iter().map(u8::from)),
    }
    Ok(bytes)
}

/// A tensor from the bytes of an `.npy` file.
///
/// # Errors
/// As [`load_npy`].
#[track_caller]
pub fn from_npy(bytes: &[u8]) -> Result<Tensor> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(Error::format(OP, "the file does not begin with \\x93NUMPY"));
    };
    let (len, rest) = match *rest {
        [1, _, a, b, ref rest @ ..] => (u16::from_le_bytes([a, b]).into(), rest),
        [2 | 3, _, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]), rest),
        [1..=3, ..] | [] => return Err(truncated(bytes.len())),
        [version, ..] => {
            return Err(Error::format(OP, format!("version {version} of the format is unknown")));
        }
    };
    let Some((header, data)) = rest.split_at_checked(len as usize) else {
        return Err(truncated(bytes.len()));
    };
    let header = match Header::parse(header) {
        Ok(header) => header,
        Err(message) => {
            let found = String::from_utf8_lossy(header.get(..200).unwrap_or(header));
            return Err(Error::format(OP, format!("{message} in the header `{}`", found.trim_end())));
        }
    };
    header.tensor(data)
}

#[cold]
#[track_caller]
fn truncated(len: usize) -> Error {
    Error::format(OP, format!("the file ends within its header, after {len} bytes"))
}

struct Header {
    descr: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`
    fn parse(header: &[u8]) -> Result<Header, String> {
        let text = std::str::from_utf8(header).map_err(|_| "bytes that are no text".to_owned())?;
        let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let mut rest = inner.ok_or("expected a dictionary")?.trim_start();
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = string(rest).ok_or("expected a key")?;
            let after = after.trim_start().strip_prefix(':').ok_or("expected `:` behind a key")?.trim_start();
            let after = match key {
                "descr" if descr.is_none() => {
                    let (value, after) = string(after).ok_or("the type is no plain one")?;
                    descr = Some(value.to_owned());
                    after
                }
                "fortran_order" if fortran_order.is_none() => {
                    let (value, after) = match after.strip_prefix("True") {
                        Some(after) => (true, after),
                        None => (false, after.strip_prefix("False").ok_or("expected True or False")?),
                    };
                    fortran_order = Some(value);
                    after
                }
                "shape" if shape.is_none() => {
                    let (value, after) = tuple(after)?;
                    shape = Some(value);
                    after
                }
                _ => return Err(format!("unexpected key `{key}`")),
            };
            rest = match after.trim_start() {
                "" => "",
                after => after.strip_prefix(',').ok_or("expected `,` between entries")?.trim_start(),
            };
        }
        match (descr, fortran_order, shape) {
            (Some(descr), Some(fortran_order), Some(shape)) => Ok(Header { descr, fortran_order, shape }),
            _ => Err("expected the keys descr, fortran_order and shape".to_owned()),
        }
    }

    #[track_caller]
    fn tensor(&self, data: &[u8]) -> Result<Tensor> {
        let (order, kind) = self.descr.split_at_checked(1).unwrap_or_default();
        let big = match order {
            "<" | "|" => false,
            ">" => true,
            "=" => cfg!(target_endian = "big"),
            _ => return Err(self.unknown()),
        };
        match kind {
            "f2" => self.numbers(data, big, |b: [u8; 2]| half(u16::from_le_bytes(b))),
            "f4" => self.numbers(data, big, f32::from_le_bytes),
            "f8" => self.numbers(data, big, f64::from_le_bytes),
            "i1" => self.numbers(data, big, |b: [u8; 1]| i64::from(i8::from_le_bytes(b))),
            "i2" => self.numbers(data, big, |b: [u8; 2]| i64::from(i16::from_le_bytes(b))),
            "i4" => self.numbers(data, big, |b: [u8; 4]| i64::from(i32::from_le_bytes(b))),
            "i8" => self.numbers(data, big, i64::from_le_bytes),
            "u1" => self.numbers(data, big, |b: [u8; 1]| i64::from(b[0])),
            "u2" => self.numbers(data, big, |b: [u8; 2]| i64::from(u16::from_le_bytes(b))),
            "u4" => self.numbers(data, big, |b: [u8; 4]| i64::from(u32::from_le_bytes(b))),
            "u8" => {
                if let Some(large) =
                    data.as_chunks::<8>().0.iter().find(|b| b[if big { 0 } else { 7 }] > 0x7F)
                {
                    let value = if big { u64::from_be_bytes(*large) } else { u64::from_le_bytes(*large) };
                    return Err(Error::value(OP, format!("{value} does not fit into int64")));
                }
                self.numbers(data, big, i64::from_le_bytes)
            }
            "b1" => match data.iter().find(|byte| **byte > 1) {
                Some(byte) => Err(Error::format(OP, format!("the byte {byte} is no bool"))),
                None => self.numbers(data, big, |b: [u8; 1]| b[0] == 1),
            },
            _ => Err(self.unknown()),
        }
    }

    #[track_caller]
    fn unknown(&self) -> Error {
        Error::dtype(OP, format!("elements of type '{}' have no tensor; save numbers or bools", self.descr))
    }

    #[track_caller]
    fn numbers<T: Element, const N: usize>(
        &self,
        data: &[u8],
        big: bool,
        number: impl Fn([u8; N]) -> T,
    ) -> Result<Tensor> {
        let bytes = self.shape.iter().try_fold(N, |bytes, &size| bytes.checked_mul(size));
        if bytes != Some(data.len()) {
            let needed = bytes.map_or("more than any machine has".to_owned(), |bytes| bytes.to_string());
            let Header { shape, descr, .. } = self;
            return Err(Error::format(
                OP,
                format!("shape {shape:?} of '{descr}' needs {needed} bytes, found {}", data.len()),
            ));
        }
        let values: Vec<T> = data
            .as_chunks::<N>()
            .0
            .iter()
            .map(|&(mut bytes)| {
                if big {
                    bytes.reverse();
                }
                number(bytes)
            })
            .collect();
        if !self.fortran_order {
            return Tensor::from_vec(values, &self.shape);
        }
        // Column by column is row by row of the transpose.
        let reversed: Vec<usize> = self.shape.iter().rev().copied().collect();
        let dims: Vec<usize> = (0..self.shape.len()).rev().collect();
        Ok(Tensor::from_vec(values, reversed)?.permute(dims)?.contiguous())
    }
}

/// A text in quotes without escapes, and what stands behind it.
fn string(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (value, rest) = text[1..].split_once(quote)?;
    (!value.contains('\\')).then_some((value, rest))
}

/// `()`, `(3,)`, `(3, 4)`, and Python 2's `(3L, 4L)`.
fn tuple(text: &str) -> Result<(Vec<usize>, &str), String> {
    let inner = text.strip_prefix('(').and_then(|text| text.split_once(')'));
    let (inner, rest) = inner.ok_or("expected a tuple of sizes")?;
    let inner = inner.trim().trim_end_matches(',');
    if inner.is_empty() {
        return Ok((Vec::new(), rest));
    }
    let mut sizes = Vec::new();
    for size in inner.split(',') {
        let digits = size.trim().trim_end_matches('L');
        let plain = digits.bytes().all(|b| b.is_ascii_digit());
        sizes.push(digits.parse().ok().filter(|_| plain).ok_or_else(|| format!("`{size}` is no size"))?);
    }
    Ok((sizes, rest))
}

/// A number of 16 bits: sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

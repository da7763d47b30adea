//! State dictionaries in files that Python reads and writes: the safetensors format.
//!
//! ```
//! use nn::{Linear, Module, load_safetensors, save_safetensors};
//!
//! let path = std::env::temp_dir().join("baekmi-doc.safetensors");
//! let model = Linear::new(10, 1);
//! save_safetensors(&model.state_dict(), &path)?;
//! model.load_state_dict(&load_safetensors(&path)?)?;
//! # std::fs::remove_file(&path).ok();
//! # Ok::<(), tensor::Error>(())
//! ```

use ::safetensors::Dtype;
use ::safetensors::tensor::{SafeTensors, TensorView, View, serialize};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use tensor::{AtCaller, DType, Error, Result, StateDict, Tensor};

/// A tensor as the format stores it: row-major, little-endian.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn stored(tensor: &Tensor) -> Result<Stored> {
    let (dtype, bytes) = match tensor.dtype() {
        DType::F32 => (Dtype::F32, tensor.to_vec::<f32>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        DType::F64 => (Dtype::F64, tensor.to_vec::<f64>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        DType::I64 => (Dtype::I64, tensor.to_vec::<i64>()?.iter().flat_map(|x| x.to_le_bytes()).collect()),
        DType::Bool => (Dtype::BOOL, tensor.to_vec::<bool>()?.into_iter().map(u8::from).collect()),
    };
    Ok(Stored { dtype, shape: tensor.shape().into(), bytes })
}

/// The bytes of a safetensors file that holds these tensors.
///
/// # Errors
/// If the format refuses, which a dictionary of ours gives no reason for.
#[track_caller]
pub fn to_safetensors(dict: &StateDict) -> Result<Vec<u8>> {
    let tensors = dict.iter().map(|(name, t)| Ok((name, stored(t)?))).collect::<Result<Vec<_>>>()?;
    // What Python's libraries look for before they read a file as PyTorch's.
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    serialize(tensors, Some(metadata))
        .map_err(|e| Error::format("save_safetensors", e.to_string()))
        .at_caller()
}

/// The tensors in the bytes of a safetensors file. Smaller numbers become the type of ours that holds them: float16 and
/// bfloat16 become float32; int8 to int32 and uint8 to uint32 become int64.
///
/// # Errors
/// If the bytes are truncated or not what their header claims, or a type has no place in ours.
#[track_caller]
pub fn from_safetensors(bytes: &[u8]) -> Result<StateDict> {
    let wrong = |e: &dyn std::fmt::Display| {
        Error::format("load_safetensors", format!("{} bytes are not a safetensors file: {e}", bytes.len()))
    };
    let file = SafeTensors::deserialize(bytes).map_err(|e| wrong(&e)).at_caller()?;
    let mut tensors = file.tensors();
    // The header's order is lost on reading; names sort as they are counted: layer 2 before layer 10.
    tensors.sort_by(|(a, _), (b, _)| natural(a).cmp(&natural(b)));
    tensors
        .into_iter()
        .map(|(name, view)| Ok((read(&name, &view)?, name)))
        .map(|r| r.map(|(t, n)| (n, t)))
        .collect::<Result<_>>()
        .at_caller()
}

/// A name cut into words and numbers.
fn natural(name: &str) -> Vec<(u64, &str)> {
    name.split('.').map(|part| part.parse().map_or((u64::MAX, part), |n| (n, ""))).collect()
}

fn read(name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let (bytes, shape) = (view.data(), view.shape());
    macro_rules! numbers {
        ($number:ty, |$x:ident| $convert:expr) => {
            bytes
                .chunks_exact(size_of::<$number>())
                .map(|chunk| {
                    let mut raw = [0; size_of::<$number>()];
                    raw.copy_from_slice(chunk);
                    let $x = <$number>::from_le_bytes(raw);
                    $convert
                })
                .collect::<Vec<_>>()
        };
    }
    match view.dtype() {
        Dtype::F32 => Tensor::from_vec(numbers!(f32, |x| x), shape),
        Dtype::F64 => Tensor::from_vec(numbers!(f64, |x| x), shape),
        Dtype::F16 => Tensor::from_vec(numbers!(u16, |x| half(x)), shape),
        Dtype::BF16 => Tensor::from_vec(numbers!(u16, |x| f32::from_bits(u32::from(x) << 16)), shape),
        Dtype::I64 => Tensor::from_vec(numbers!(i64, |x| x), shape),
        Dtype::I32 => Tensor::from_vec(numbers!(i32, |x| i64::from(x)), shape),
        Dtype::I16 => Tensor::from_vec(numbers!(i16, |x| i64::from(x)), shape),
        Dtype::I8 => Tensor::from_vec(numbers!(i8, |x| i64::from(x)), shape),
        Dtype::U32 => Tensor::from_vec(numbers!(u32, |x| i64::from(x)), shape),
        Dtype::U16 => Tensor::from_vec(numbers!(u16, |x| i64::from(x)), shape),
        Dtype::U8 => Tensor::from_vec(numbers!(u8, |x| i64::from(x)), shape),
        Dtype::BOOL => Tensor::from_vec(numbers!(u8, |x| x != 0), shape),
        other => Err(Error::dtype(
            "load_safetensors",
            format!(
                "{name} is of type {other:?}; readable are F64, F32, F16, BF16, integers up to I64, and BOOL"
            ),
        )),
    }
}

/// IEEE 754 half precision: 1 sign bit, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 31, f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1024.0 + fraction) * 2f32.powi(i32::from(e) - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// The bytes are on the disk when this returns: a rename must not get there before them.
fn write(path: &OsStr, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a dictionary to a file. The file appears whole or not at all, and replaces an older one only when it is whole.
///
/// A checkpoint is a dictionary of dictionaries, by [`StateDict::nest`]: all that a training run needs to go on as if
/// it had never stopped.
///
/// ```
/// use nn::{Linear, Module, load_safetensors, save_safetensors};
/// use tensor::{StateDict, get_rng_state, set_rng_state, tensor};
///
/// let path = std::env::temp_dir().join("baekmi-checkpoint.safetensors");
/// let model = Linear::new(10, 1);
/// let mut checkpoint = StateDict::new();
/// checkpoint.nest("model", model.state_dict());
/// // And so "optimizer" and "scheduler", by their `state_dict()`.
/// checkpoint.insert("generator", get_rng_state());
/// checkpoint.insert("epoch", tensor(5));
/// save_safetensors(&checkpoint, &path)?;
///
/// let checkpoint = load_safetensors(&path)?;
/// model.load_state_dict(&checkpoint.nested("model")?)?;
/// set_rng_state(checkpoint.get("generator").unwrap())?;
/// assert_eq!(checkpoint.get("epoch").unwrap().item()?, 5.0);
/// # std::fs::remove_file(&path).ok();
/// # Ok::<(), tensor::Error>(())
/// ```
///
/// # Errors
/// If the file cannot be written.
#[track_caller]
pub fn save_safetensors(dict: &StateDict, path: impl AsRef<Path>) -> Result<()> {
    let path = path.as_ref();
    let bytes = to_safetensors(dict)?;
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.unfinished", std::process::id()));
    let result = write(&unfinished, &bytes).and_then(|()| std::fs::rename(&unfinished, path));
    if result.is_err() {
        std::fs::remove_file(&unfinished).ok();
    }
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(Error::io("save_safetensors", path, error)),
    }
}

/// Reads a dictionary from a file.
///
/// # Errors
/// If the file cannot be read, and those of [`from_safetensors`].
#[track_caller]
pub fn load_safetensors(path: impl AsRef<Path>) -> Result<StateDict> {
    let path = path.as_ref();
    match std::fs::read(path) {
        Ok(bytes) => from_safetensors(&bytes),
        Err(error) => Err(Error::io("load_safetensors", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Linear, Module, ReLU, sequential};
    use tensor::random::Generator;
    use tensor::tensor;

    #[test]
    fn every_type_comes_back() {
        let dict: StateDict = [
            ("f32", tensor([[1.5, f64::NAN], [f64::INFINITY, -0.0]])),
            ("f64", tensor([0.1]).to(DType::F64)),
            ("i64", tensor(i64::MIN)),
            ("bool", tensor([true, false])),
            ("empty", tensor([0.0; 0])),
        ]
        .into_iter()
        .collect();
        let back = from_safetensors(&to_safetensors(&dict).unwrap()).unwrap();
        assert_eq!(back.len(), dict.len());
        for (name, t) in dict.iter() {
            let found = back.get(name).unwrap();
            assert_eq!(
                (found.to_string(), found.shape(), found.dtype()),
                (t.to_string(), t.shape(), t.dtype())
            );
        }
    }

    #[test]
    fn half_precision() {
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x7C00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value);
        }
    }

    #[test]
    fn a_file_that_is_garbage_is_an_error() {
        let model = sequential![Linear::new(3, 4), ReLU, Linear::new(4, 2)];
        let bytes = to_safetensors(&model.state_dict()).unwrap();
        let mut generator = Generator::new(7);
        for _ in 0..10_000 {
            let mut broken = bytes.clone();
            match generator.below(3) {
                0 => broken.truncate(generator.below(bytes.len() as u64) as usize),
                1 => {
                    for _ in 0..=generator.below(8) {
                        let at = generator.below(bytes.len() as u64) as usize;
                        broken[at] = generator.below(256) as u8;
                    }
                }
                // The header, where the shapes and offsets are.
                _ => {
                    let at = generator.below(300) as usize;
                    broken[at] = b'0' + generator.below(10) as u8;
                }
            }
            // A changed number in the data is still a file; whatever it is, it does not panic.
            if let Ok(dict) = from_safetensors(&broken) {
                let _ = model.load_state_dict(&dict);
            }
        }
        let huge = br#"{"x":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,4]}}"#;
        let mut file = (huge.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(huge);
        file.extend([0; 4]);
        let error = from_safetensors(&file).unwrap_err().to_string();
        assert!(error.contains("not a safetensors file"), "{error}");
    }

    #[test]
    fn all_problems_are_in_one_message_and_nothing_changes() {
        let model = sequential![Linear::new(3, 4), ReLU, Linear::new(4, 2)];
        let before = model.state_dict();
        let mut dict = before.clone();
        dict.insert("0.weight", tensor([[1.0]]));
        dict.insert("0.bias", tensor([1, 2, 3, 4]));
        dict.remove("2.bias");
        dict.insert("3.bias", tensor([1.0]));
        let error = model.load_state_dict(&dict).unwrap_err().to_string();
        for part in [
            "Missing key(s) in state_dict: \"2.bias\"",
            "Unexpected key(s) in state_dict: \"3.bias\"",
            "size mismatch for 0.weight",
            "type mismatch for 0.bias",
        ] {
            assert!(error.contains(part), "{error}");
        }
        assert!(model.state_dict().iter().zip(before.iter()).all(|(a, b)| a.1.equal(b.1)));
        dict.insert("0.weight", before.get("0.weight").unwrap() * 2.0);
        dict.insert("0.bias", before.get("0.bias").unwrap().clone());
        model.load_state_dict_partially(&dict).unwrap();
        assert!(model.state_dict().get("0.weight").unwrap().equal(&(before.get("0.weight").unwrap() * 2.0)));
    }
}

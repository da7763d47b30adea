//! A case as it stands in the file, and tensors from it.

use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use tensor::{DType, Scalar, Tensor};

pub struct Case<'a> {
    pub json: &'a Value,
    pub id: &'a str,
    pub op: &'a str,
    pub kind: &'a str,
}

impl<'a> Case<'a> {
    pub fn new(json: &'a Value) -> Self {
        let text = |key: &str| json[key].as_str().unwrap_or("");
        Case { json, id: text("id"), op: text("op"), kind: text("kind") }
    }

    pub fn has_tag(&self, tag: &str) -> bool {
        self.json["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == tag))
    }

    /// The list under a key, empty if there is none.
    pub fn list(&self, key: &str) -> &'a [Value] {
        self.json[key].as_array().map_or(&[], Vec::as_slice)
    }
}

/// A number, or one of the strings for what JSON cannot say.
pub fn number(value: &Value) -> f64 {
    match value {
        Value::String(s) if s == "inf" => f64::INFINITY,
        Value::String(s) if s == "-inf" => f64::NEG_INFINITY,
        Value::String(_) => f64::NAN,
        Value::Bool(b) => f64::from(u8::from(*b)),
        other => other.as_f64().unwrap_or(f64::NAN),
    }
}

pub fn dtype(name: &str) -> Option<DType> {
    Some(match name {
        "f64" | "float64" => DType::F64,
        "f32" | "float32" => DType::F32,
        "i64" | "int64" => DType::I64,
        "bool" => DType::Bool,
        _ => return None,
    })
}

/// A constant from a case; `None` for an element type that the project does not have.
pub fn tensor(json: &Value) -> Option<Tensor> {
    let dtype = dtype(json["dtype"].as_str()?)?;
    let shape: Vec<i64> = json["shape"].as_array()?.iter().filter_map(Value::as_i64).collect();
    let data = json["data"].as_array()?;
    let made = match dtype {
        DType::F64 => Tensor::from_vec(data.iter().map(number).collect::<Vec<f64>>(), shape),
        DType::F32 => Tensor::from_vec(data.iter().map(|x| number(x) as f32).collect::<Vec<f32>>(), shape),
        DType::I64 => Tensor::from_vec(data.iter().filter_map(Value::as_i64).collect::<Vec<i64>>(), shape),
        DType::Bool => Tensor::from_vec(data.iter().map(|x| number(x) != 0.0).collect::<Vec<bool>>(), shape),
    };
    Some(made.expect("a well-formed tensor"))
}

/// Named tensors and options, which remember what they were asked for: an option that nobody reads means that the case
/// asks for something that is not built.
pub struct Args<'a> {
    pub tensors: Vec<(String, Tensor)>,
    options: &'a Value,
    /// Options of the call, where the others are those of a constructor.
    more: &'a Value,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Args<'a> {
    pub fn new(tensors: Vec<(String, Tensor)>, options: &'a Value) -> Self {
        Args { tensors, options, more: &Value::Null, read: RefCell::default() }
    }

    pub fn and(self, more: &'a Value) -> Self {
        Args { more, ..self }
    }

    pub fn unread(&self) -> Vec<&'a String> {
        // Where and how PyTorch stores a tensor is no question here.
        const STORAGE: [&str; 7] =
            ["device", "inplace", "layout", "memory_format", "non_blocking", "pin_memory", "requires_grad"];
        let read = self.read.borrow();
        let unread = |k: &&String| !read.contains(*k) && !STORAGE.contains(&k.as_str());
        let both = [self.options, self.more].into_iter().filter_map(Value::as_object);
        both.flat_map(|o| o.keys()).filter(unread).collect()
    }

    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }

    /// A tensor that the operation cannot do without.
    pub fn t(&self, name: &str) -> &Tensor {
        self.find(name).unwrap_or_else(|| panic!("no input {name}"))
    }

    /// The members of a list argument.
    pub fn members(&self, name: &str) -> Vec<&Tensor> {
        let prefix = format!("{name}.");
        self.tensors.iter().filter(|(n, _)| n.starts_with(&prefix)).map(|(_, t)| t).collect()
    }

    /// An option, if it is there and not null.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.read.borrow_mut().insert(name.to_string());
        self.options.get(name).or_else(|| self.more.get(name)).filter(|v| !v.is_null())
    }

    /// Whether an option is there and null.
    pub fn is_null(&self, name: &str) -> bool {
        self.get(name);
        self.options.get(name).is_some_and(Value::is_null)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    pub fn size(&self, name: &str) -> Option<usize> {
        self.int(name).and_then(|n| usize::try_from(n).ok())
    }

    pub fn dim(&self, name: &str) -> Option<isize> {
        self.int(name).map(|i| i as isize)
    }

    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name).map(number)
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// One whole number or a list of them, in which null is −1: the size of an output that stays.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        match self.get(name)? {
            Value::Array(list) => {
                list.iter().map(|n| if n.is_null() { Some(-1) } else { n.as_i64() }).collect()
            }
            one => Some(vec![one.as_i64()?]),
        }
    }

    /// Sizes, of which a null keeps one: −1.
    pub fn sizes(&self, name: &str) -> Option<Vec<i64>> {
        let refused = |n: i64| if n < 0 { i64::MIN } else { n };
        match self.get(name)? {
            Value::Array(list) => {
                list.iter().map(|n| if n.is_null() { Some(-1) } else { n.as_i64().map(refused) }).collect()
            }
            one => Some(vec![refused(one.as_i64()?)]),
        }
    }

    /// A number whose type matters for promotion: `2` is an integer, `2.0` a float.
    pub fn scalar(&self, name: &str) -> Option<Scalar> {
        Some(match self.get(name)? {
            Value::Bool(b) => Scalar::Bool(*b),
            v if v.is_i64() => Scalar::Int(v.as_i64()?),
            v => Scalar::Float(number(v)),
        })
    }

    pub fn dtype(&self, name: &str) -> Option<Option<DType>> {
        self.text(name).map(dtype)
    }
}

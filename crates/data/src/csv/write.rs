//! Tensors as comma-separated values.

use crate::file;
use std::fmt::Write as _;
use std::path::Path;
use tensor::{DType, Error, Result, Tensor};

const OP: &str = "to_csv";

/// A table with these column names: `(N, F)`, or `(N)` for one column. Numbers are written in their shortest form that
/// reads back as the same number; NaN becomes an empty field.
///
/// # Errors
/// If there are more or fewer names than columns, or a number is infinite.
///
/// ```
/// use data::to_csv;
/// use tensor::tensor;
/// assert_eq!(to_csv(&["x", "log(x), base 2"], &tensor([[0.5, -1.0], [8.0, 3.0]]))?, "\
/// x,\"log(x), base 2\"
/// 0.5,-1
/// 8,3
/// ");
/// # Ok::<(), tensor::Error>(())
/// ```
#[track_caller]
pub fn to_csv(names: &[impl AsRef<str>], table: &Tensor) -> Result<String> {
    let columns = match *table.shape() {
        [_] => 1,
        [_, columns] => columns,
        _ => return Err(Error::shape(OP, format!("expected (N, F) or (N), found {:?}", table.shape()))),
    };
    if names.len() != columns || columns == 0 {
        return Err(Error::shape(OP, format!("{} names for {columns} columns", names.len())));
    }
    let mut text = String::new();
    for (i, name) in names.iter().enumerate() {
        let name = name.as_ref();
        text.push_str(if i > 0 { "," } else { "" });
        if name.is_empty() || name.contains([',', '"', '\n', '\r']) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\"{}\"", name.replace('"', "\"\""));
        } else {
            text.push_str(name);
        }
    }
    let fields = match table.dtype() {
        DType::I64 => table.to_vec::<i64>()?.iter().map(i64::to_string).collect(),
        DType::Bool => table.to_vec::<bool>()?.iter().map(bool::to_string).collect(),
        DType::F32 => numbers(table.to_vec::<f32>()?)?,
        DType::F64 => numbers(table.to_vec::<f64>()?)?,
    };
    let fields: Vec<String> = fields;
    for row in fields.chunks_exact(columns) {
        text.push('\n');
        // A line without anything would be passed over by whoever reads it.
        let blank = row.len() == 1 && row[0].is_empty();
        text.push_str(&if blank { "\"\"".to_owned() } else { row.join(",") });
    }
    text.push('\n');
    Ok(text)
}

#[track_caller]
fn numbers<T: Copy + Into<f64> + std::fmt::Debug>(values: Vec<T>) -> Result<Vec<String>> {
    let mut fields = Vec::with_capacity(values.len());
    for value in values {
        let wide: f64 = value.into();
        fields.push(match () {
            () if wide.is_nan() => String::new(),
            () if wide.is_infinite() => {
                return Err(Error::value(OP, format!("{wide} is no value of a table")));
            }
            // Without `.0`.
            () if wide.fract() == 0.0 && wide.abs() < 1e15 => format!("{wide}"),
            () => format!("{value:?}"),
        });
    }
    Ok(fields)
}

/// Writes [`to_csv`] to a file.
///
/// # Errors
/// As [`to_csv`], and if the file cannot be written.
#[track_caller]
pub fn write_csv(path: impl AsRef<Path>, names: &[impl AsRef<str>], table: &Tensor) -> Result<()> {
    file::write(OP, path.as_ref(), to_csv(names, table)?.as_bytes())
}

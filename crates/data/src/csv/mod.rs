//! A user's own table as tensors.
//!
//! Nothing is guessed silently: a text among numbers, a missing value, a line with a field too many is an error that
//! names its line, its column and what was found, until an option says what to do with it.
//!
//! ```
//! use data::{Csv, Missing, Text};
//! let table = "\
//! species,island,mass
//! Adelie,Dream,3750
//! Gentoo,Biscoe,5000
//! Adelie,Biscoe,NA
//! ";
//! let penguins = Csv::new().target("species").text(Text::OneHot).missing(Missing::Mean).parse(table)?;
//! assert_eq!(penguins.feature_names, ["island_Biscoe", "island_Dream", "mass"]);
//! assert_eq!(penguins.data.select(0, 2)?.to_string(), "tensor([1.0000e+00, 0.0000e+00, 4.3750e+03])");
//! assert_eq!(penguins.target_names, ["Adelie", "Gentoo"]);
//! assert_eq!(penguins.target.to_string(), "tensor([0, 1, 0])");
//!
//! let error = Csv::new().parse(table).unwrap_err().to_string();
//! assert!(error.starts_with("csv: line 2, column `species`: expected a number, found `Adelie`"), "{error}");
//! # Ok::<(), tensor::Error>(())
//! ```

mod columns;
mod records;
mod tensors;
mod write;

pub use write::{to_csv, write_csv};

use crate::bundled::Bunch;
use columns::Reader;
use records::{Cells, Format};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use tensor::{Error, Result};

const OP: &str = "csv";

/// What becomes of columns of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// An error.
    Refuse,
    /// One column of 0 and 1 for each text that occurs; a missing one has 0 everywhere.
    OneHot,
    /// The number of the text among all that occur, in alphabetical order.
    Classes,
}

/// What becomes of missing values among the features. One in a target is always an error, unless its row goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing {
    /// An error.
    Refuse,
    /// The row is left out.
    DropRow,
    /// The mean of the column. (It is measured on all rows: to keep a test part unseen, split first and fill then.)
    Mean,
    /// This number.
    Value(f64),
    /// NaN, for whoever fills it in later.
    Nan,
}

/// How to read a table of comma-separated values.
///
/// The first line names the columns. All columns but the target become features, float32; the target becomes float32
/// numbers or, if it holds texts, int64 classes.
#[doc(alias = "read_csv")]
#[derive(Clone, Debug)]
pub struct Csv {
    delimiter: u8,
    decimal: u8,
    comment: Option<u8>,
    header: bool,
    targets: Vec<String>,
    target_is_class: bool,
    columns: Option<Vec<String>>,
    dropped: Vec<String>,
    text: Text,
    categorical: Vec<String>,
    categories: Vec<(String, Vec<String>)>,
    max_categories: usize,
    missing: Missing,
    missing_values: Vec<String>,
    max_bytes: u64,
    max_line: u64,
}

impl Default for Csv {
    fn default() -> Self {
        // What pandas takes for missing, and the question mark of the UCI repository.
        let missing = [
            "", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null",
            "None",
        ];
        Csv {
            delimiter: b',',
            decimal: b'.',
            comment: None,
            header: true,
            targets: Vec::new(),
            target_is_class: false,
            columns: None,
            dropped: Vec::new(),
            text: Text::Refuse,
            categorical: Vec::new(),
            categories: Vec::new(),
            max_categories: 1000,
            missing: Missing::Refuse,
            missing_values: missing.map(str::to_owned).to_vec(),
            max_bytes: 256 << 20,
            max_line: 1 << 20,
        }
    }
}

fn owned(names: &[impl AsRef<str>]) -> Vec<String> {
    names.iter().map(|name| name.as_ref().to_owned()).collect()
}

/// Options.
impl Csv {
    /// Commas, a header, no target.
    pub fn new() -> Self {
        Self::default()
    }

    /// What separates fields: `b','` by default, often `b';'` or `b'\t'`.
    #[doc(alias = "sep")]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// What stands before the fraction of a number: `b'.'` by default, `b','` in much of Europe.
    pub fn decimal(mut self, decimal: u8) -> Self {
        self.decimal = decimal;
        self
    }

    /// Lines that begin with this byte are passed over.
    pub fn comment(mut self, comment: u8) -> Self {
        self.comment = Some(comment);
        self
    }

    /// Whether the first line names the columns; if not, they are named `0`, `1`, … Yes by default.
    pub fn header(mut self, header: bool) -> Self {
        self.header = header;
        self
    }

    /// The column that is to be predicted: float32 `(N)`, or int64 classes if it holds texts.
    pub fn target(self, name: impl AsRef<str>) -> Self {
        self.targets(&[name])
    }

    /// Several columns that are to be predicted, all numbers: float32 `(N, T)`.
    pub fn targets(mut self, names: &[impl AsRef<str>]) -> Self {
        (self.targets, self.target_is_class) = (owned(names), false);
        self
    }

    /// The column whose class is to be predicted, also if the classes are written as numbers: int64 `(N)`, counted from
    /// 0 in ascending order.
    pub fn target_class(mut self, name: impl AsRef<str>) -> Self {
        (self.targets, self.target_is_class) = (owned(&[name]), true);
        self
    }

    /// Only these columns are features, in this order.
    #[doc(alias = "usecols")]
    pub fn columns(mut self, names: &[impl AsRef<str>]) -> Self {
        self.columns = Some(owned(names));
        self
    }

    /// These columns are no features: identifiers, say.
    pub fn drop(mut self, names: &[impl AsRef<str>]) -> Self {
        self.dropped = owned(names);
        self
    }

    /// What becomes of columns of texts; an error by default.
    pub fn text(mut self, text: Text) -> Self {
        self.text = text;
        self
    }

    /// These columns are categories, even if they are written as numbers, as post codes are.
    pub fn categorical(mut self, names: &[impl AsRef<str>]) -> Self {
        self.categorical = owned(names);
        self
    }

    /// The categories of a column, in this order; any other text in it is an error. A second file needs it to be read
    /// as the first one was.
    pub fn categories(mut self, name: impl AsRef<str>, categories: &[impl AsRef<str>]) -> Self {
        self.categories.push((name.as_ref().to_owned(), owned(categories)));
        self
    }

    /// How many different texts a column may have; 1000 by default.
    pub fn max_categories(mut self, max_categories: usize) -> Self {
        self.max_categories = max_categories;
        self
    }

    /// What becomes of missing values; an error by default.
    #[doc(alias = "fillna")]
    #[doc(alias = "dropna")]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// What stands for a missing value: by default nothing, `?`, `NA`, `NaN`, `null`, `None` and the like.
    #[doc(alias = "na_values")]
    pub fn missing_values(mut self, values: &[impl AsRef<str>]) -> Self {
        self.missing_values = owned(values);
        self
    }

    /// How many bytes the file may have; 256 MiB by default, at most 4 GiB. A tensor made of it may have four times as
    /// many.
    pub fn max_bytes(mut self, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes.min(u32::MAX.into());
        self
    }

    /// How many bytes a record may have; 1 MiB by default.
    pub fn max_line(mut self, max_line: u64) -> Self {
        self.max_line = max_line.min(u32::MAX.into());
        self
    }
}

/// Reading.
impl Csv {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be opened, is no such table, is too large, or holds what the options do not allow.
    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Bunch> {
        let path = path.as_ref();
        match File::open(path) {
            Ok(opened) => self.read_from(BufReader::new(opened)),
            Err(error) => Err(tensor::Error::io(OP, path, error)),
        }
    }

    /// Reads a table that is in memory.
    ///
    /// # Errors
    /// As [`read`](Csv::read).
    #[track_caller]
    pub fn parse(&self, text: impl AsRef<[u8]>) -> Result<Bunch> {
        self.read_from(text.as_ref())
    }

    /// Reads from any source.
    ///
    /// # Errors
    /// As [`read`](Csv::read).
    #[track_caller]
    pub fn read_from(&self, source: impl BufRead) -> Result<Bunch> {
        let Csv { delimiter, decimal, comment, max_bytes, max_line, .. } = *self;
        let fit = |byte: u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n+-".contains(&byte);
        if !fit(delimiter) || !b".,".contains(&decimal) || delimiter == decimal {
            let (delimiter, decimal) = (delimiter.escape_ascii(), decimal.escape_ascii());
            return Err(Error::value(
                OP,
                format!(
                    "numbers with `{decimal}` cannot be separated by `{delimiter}`; choose another delimiter"
                ),
            ));
        }
        let cells = Cells::read(source, Format { delimiter, comment, max_bytes, max_line })?;
        let names: Vec<String> = if self.header && cells.rows() > 0 {
            (0..cells.columns).map(|column| cells.get(0, column).trim().to_owned()).collect()
        } else {
            (0..cells.columns).map(|column| column.to_string()).collect()
        };
        let first = usize::from(self.header);
        if cells.rows() <= first {
            return Err(Error::format(OP, "there is no row of values"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(Error::format(
                OP,
                format!("line {}: two columns are named `{twice}`", cells.line(0)),
            ));
        }
        self.tensors(&Reader { csv: self, cells: &cells, names: &names, first })
    }
}

#[cfg(test)]
mod tests;

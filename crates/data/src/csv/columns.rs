//! Cells to numbers and categories.

use super::records::Cells;
use super::{Csv, OP, Text};
use std::collections::BTreeMap;
use tensor::{Error, Result};

/// What a column holds.
pub(super) enum Column {
    /// NaN where a value is missing.
    Numbers(Vec<f64>),
    /// The category of each row, by its place in `names`.
    Categories { codes: Vec<Option<usize>>, names: Vec<String> },
}

impl Column {
    pub(super) fn is_missing(&self, row: usize) -> bool {
        match self {
            Column::Numbers(values) => values[row].is_nan(),
            Column::Categories { codes, .. } => codes[row].is_none(),
        }
    }
}

/// A file, and how to read it.
pub(super) struct Reader<'a> {
    pub(super) csv: &'a Csv,
    pub(super) cells: &'a Cells,
    pub(super) names: &'a [String],
    /// The first row that is not the header.
    pub(super) first: usize,
}

impl Reader<'_> {
    #[track_caller]
    pub(super) fn error(&self, row: usize, column: usize, message: &str) -> Error {
        let (line, name) = (self.cells.line(row + self.first), &self.names[column]);
        Error::format(OP, format!("line {line}, column `{name}`: {message}"))
    }

    pub(super) fn rows(&self) -> usize {
        self.cells.rows() - self.first
    }

    /// The text of a cell, without white space around it. `None` if it stands for a missing value.
    pub(super) fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let text = self.cells.get(row + self.first, column).trim();
        let missing = self.csv.missing_values.iter().any(|value| value == text);
        (!missing).then_some(text)
    }

    /// The numbers or categories of a column.
    #[track_caller]
    pub(super) fn column(&self, column: usize, target: bool) -> Result<Column> {
        let name = &self.names[column];
        if let Some((_, names)) = self.csv.categories.iter().find(|(n, _)| n == name) {
            return self.known_categories(column, names);
        }
        let wanted = self.csv.categorical.contains(name) || target && self.csv.target_is_class;
        if wanted {
            return self.categories(column);
        }
        let mut numbers = Vec::with_capacity(self.rows());
        let mut first_number = None;
        for row in 0..self.rows() {
            let Some(text) = self.cell(row, column) else {
                numbers.push(f64::NAN);
                continue;
            };
            match self.number(text) {
                Some(number) if number.abs() > f64::from(f32::MAX) => {
                    return Err(self.error(row, column, &format!("`{text}` is beyond the range of float32")));
                }
                Some(number) => {
                    first_number.get_or_insert(row);
                    numbers.push(number);
                }
                None => {
                    if let Some(number_row) = first_number.or_else(|| self.first_number_after(row, column)) {
                        let line = self.cells.line(number_row + self.first);
                        return Err(self.error(
                            row,
                            column,
                            &format!(
                                "expected a number as in line {line}, found `{text}`; if these are categories, name the \
                                 column in `categorical`, if it stands for nothing, in `missing_values`"
                            ),
                        ));
                    }
                    if !target && self.csv.text == Text::Refuse {
                        return Err(self.error(
                            row,
                            column,
                            &format!("expected a number, found `{text}`; choose how `text` is read, or `drop` the column"),
                        ));
                    }
                    return self.categories(column);
                }
            }
        }
        Ok(Column::Numbers(numbers))
    }

    fn first_number_after(&self, row: usize, column: usize) -> Option<usize> {
        (row + 1..self.rows()).find(|&r| self.cell(r, column).is_some_and(|text| self.number(text).is_some()))
    }

    /// A number, or `true` or `false`.
    fn number(&self, text: &str) -> Option<f64> {
        match text {
            "true" | "True" | "TRUE" => return Some(1.0),
            "false" | "False" | "FALSE" => return Some(0.0),
            _ => {}
        }
        // `parse` knows words such as `inf`, which no table should hold.
        if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b',' | b'e' | b'E')) {
            return None;
        }
        if self.csv.decimal == b'.' {
            return text.parse().ok();
        }
        if text.contains('.') {
            return None;
        }
        text.replace(char::from(self.csv.decimal), ".").parse().ok()
    }

    /// Whatever texts occur, sorted.
    #[track_caller]
    fn categories(&self, column: usize) -> Result<Column> {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for row in 0..self.rows() {
            if let Some(text) = self.cell(row, column) {
                found.insert(text, 0);
                if found.len() > self.csv.max_categories {
                    return Err(self.error(
                        row,
                        column,
                        &format!(
                            "more than {} different texts; is it an identifier? Then `drop` the column, else raise \
                             `max_categories`",
                            self.csv.max_categories
                        ),
                    ));
                }
            }
        }
        // Numbers among categories are sorted as numbers: 2 comes before 10.
        let mut names: Vec<&str> = found.keys().copied().collect();
        let numbers: Option<Vec<f64>> = names.iter().map(|name| self.number(name)).collect();
        if let Some(numbers) = numbers {
            let mut order: Vec<usize> = (0..names.len()).collect();
            order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
            names = order.into_iter().map(|i| names[i]).collect();
        }
        for (code, &name) in names.iter().enumerate() {
            found.insert(name, code);
        }
        let codes =
            (0..self.rows()).map(|row| self.cell(row, column).and_then(|text| found.get(text).copied()));
        Ok(Column::Categories {
            codes: codes.collect(),
            names: names.into_iter().map(str::to_owned).collect(),
        })
    }

    /// The texts of a given list.
    #[track_caller]
    fn known_categories(&self, column: usize, names: &[String]) -> Result<Column> {
        let known: BTreeMap<&str, usize> =
            names.iter().enumerate().map(|(code, name)| (name.as_str(), code)).collect();
        let mut codes = Vec::with_capacity(self.rows());
        for row in 0..self.rows() {
            let text = self.cell(row, column);
            codes.push(text.and_then(|text| known.get(text).copied()));
            if let (Some(text), Some(None)) = (text, codes.last()) {
                let names = names.join("`, `");
                return Err(self.error(
                    row,
                    column,
                    &format!("`{text}` is none of its categories: `{names}`"),
                ));
            }
        }
        Ok(Column::Categories { codes, names: names.to_vec() })
    }
}

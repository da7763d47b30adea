//! Columns to tensors: which are features and targets, which rows stay, and what fills the gaps.

use super::columns::{Column, Reader};
use super::{Csv, Missing, OP, Text};
use crate::bundled::Bunch;
use tensor::{Error, Result, Tensor};

impl Csv {
    /// The numbers of the columns with these names.
    #[track_caller]
    fn find(&self, reader: &Reader<'_>, wanted: &[String]) -> Result<Vec<usize>> {
        let mut found = Vec::with_capacity(wanted.len());
        for name in wanted {
            let Some(column) = reader.names.iter().position(|n| n == name) else {
                let hint = if reader.names.len() == 1 && self.delimiter == b',' {
                    "; is there another delimiter than `,`?"
                } else {
                    ""
                };
                let names = reader.names.join("`, `");
                return Err(Error::value(OP, format!("there is no column `{name}` among `{names}`{hint}")));
            };
            found.push(column);
        }
        Ok(found)
    }

    #[track_caller]
    pub(super) fn tensors(&self, reader: &Reader<'_>) -> Result<Bunch> {
        let targets = self.find(reader, &self.targets)?;
        let dropped = self.find(reader, &self.dropped)?;
        self.find(reader, &self.categorical)?;
        let features = match &self.columns {
            Some(names) => self.find(reader, names)?,
            None => {
                (0..reader.names.len()).filter(|c| !targets.contains(c) && !dropped.contains(c)).collect()
            }
        };
        for (name, _) in &self.categories {
            self.find(reader, std::slice::from_ref(name))?;
        }

        let mut target_columns = Vec::with_capacity(targets.len());
        for &column in &targets {
            target_columns.push((column, reader.column(column, true)?));
        }
        let mut feature_columns = Vec::with_capacity(features.len());
        for &column in &features {
            feature_columns.push((column, reader.column(column, false)?));
        }

        let rows = self.kept(reader, &feature_columns, &target_columns)?;
        let (feature_names, data) = self.features(reader, &feature_columns, &rows)?;
        let (target_names, target) = self.target_tensor(reader, target_columns, &rows)?;
        Ok(Bunch { data, target, feature_names, target_names, description: String::new() })
    }

    /// The rows that are not left out because something is missing.
    #[track_caller]
    fn kept(
        &self,
        reader: &Reader<'_>,
        features: &[(usize, Column)],
        targets: &[(usize, Column)],
    ) -> Result<Vec<usize>> {
        let mut kept = Vec::with_capacity(reader.rows());
        for row in 0..reader.rows() {
            let missing =
                |columns: &[(usize, Column)]| columns.iter().find(|c| c.1.is_missing(row)).map(|c| c.0);
            match (self.missing, missing(targets), missing(features)) {
                (Missing::DropRow, Some(_), _) | (Missing::DropRow, _, Some(_)) => {}
                (_, Some(column), _) | (Missing::Refuse, _, Some(column)) => {
                    let text = reader.cells.get(row + reader.first, column);
                    let hint = "choose what to do about `missing` values";
                    return Err(reader.error(
                        row,
                        column,
                        &format!("the value is missing, found `{text}`; {hint}"),
                    ));
                }
                _ => kept.push(row),
            }
        }
        if kept.is_empty() {
            return Err(Error::format(OP, "each row has a missing value, so that none is left"));
        }
        Ok(kept)
    }

    /// An error if a tensor of so many numbers would be larger than a file may be.
    #[track_caller]
    fn check_size(&self, rows: usize, columns: usize) -> Result<()> {
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(4);
        if bytes > self.max_bytes.saturating_mul(4) {
            return Err(Error::size(
                OP,
                format!(
                    "{rows} rows of {columns} features need {bytes} bytes; raise `max_bytes` if that is right"
                ),
            ));
        }
        Ok(())
    }

    #[track_caller]
    fn features(
        &self,
        reader: &Reader<'_>,
        columns: &[(usize, Column)],
        rows: &[usize],
    ) -> Result<(Vec<String>, Tensor)> {
        let mut names = Vec::new();
        for (column, values) in columns {
            let name = &reader.names[*column];
            match values {
                Column::Categories { names: categories, .. } if self.text != Text::Classes => {
                    names.extend(categories.iter().map(|category| format!("{name}_{category}")));
                }
                _ => names.push(name.clone()),
            }
        }
        let width = names.len();
        self.check_size(rows.len(), width)?;
        let mut data = vec![0.0f32; rows.len() * width];
        let mut first = 0;
        for (column, values) in columns {
            let places = data.chunks_exact_mut(width.max(1)).map(|row| &mut row[first..]);
            match values {
                Column::Numbers(values) => {
                    let filling = self.filling(reader, *column, values, rows)?;
                    for (place, &row) in places.zip(rows) {
                        place[0] = if values[row].is_nan() { filling } else { values[row] } as f32;
                    }
                    first += 1;
                }
                Column::Categories { codes, .. } if self.text == Text::Classes => {
                    for (place, &row) in places.zip(rows) {
                        let Some(code) = codes[row] else {
                            let hint = "a class cannot be filled in; use Missing::DropRow or Text::OneHot";
                            return Err(reader.error(row, *column, &format!("the value is missing; {hint}")));
                        };
                        place[0] = code as f32;
                    }
                    first += 1;
                }
                Column::Categories { codes, names } => {
                    for (place, &row) in places.zip(rows) {
                        if let Some(code) = codes[row] {
                            place[code] = 1.0;
                        }
                    }
                    first += names.len();
                }
            }
        }
        Ok((names, Tensor::from_vec(data, [rows.len(), width])?))
    }

    /// What stands in for missing numbers of a column.
    #[track_caller]
    fn filling(&self, reader: &Reader<'_>, column: usize, values: &[f64], rows: &[usize]) -> Result<f64> {
        match self.missing {
            Missing::Value(value) => Ok(value),
            Missing::Mean if values.iter().any(|v| v.is_nan()) => {
                let there: Vec<f64> = rows.iter().map(|&row| values[row]).filter(|v| !v.is_nan()).collect();
                if there.is_empty() {
                    return Err(reader.error(
                        rows[0],
                        column,
                        "there is no value in the column to take a mean of",
                    ));
                }
                Ok(there.iter().sum::<f64>() / there.len() as f64)
            }
            _ => Ok(f64::NAN),
        }
    }

    #[track_caller]
    fn target_tensor(
        &self,
        reader: &Reader<'_>,
        mut columns: Vec<(usize, Column)>,
        rows: &[usize],
    ) -> Result<(Vec<String>, Tensor)> {
        if let [(_, Column::Categories { codes, names })] = &mut columns[..] {
            let codes: Vec<i64> = rows.iter().filter_map(|&row| codes[row]).map(|code| code as i64).collect();
            return Ok((std::mem::take(names), Tensor::from_vec(codes, rows.len())?));
        }
        self.check_size(rows.len(), columns.len())?;
        let mut values = Vec::with_capacity(rows.len() * columns.len());
        for &row in rows {
            for (column, numbers) in &columns {
                let Column::Numbers(numbers) = numbers else {
                    return Err(reader.error(
                        row,
                        *column,
                        "several targets have to be numbers, found a text",
                    ));
                };
                values.push(numbers[row] as f32);
            }
        }
        let names = columns.iter().map(|(column, _)| reader.names[*column].clone()).collect();
        let target = Tensor::from_vec(values, [rows.len(), columns.len()])?;
        Ok((names, if columns.len() == 1 { target.squeeze_dim(1)? } else { target }))
    }
}

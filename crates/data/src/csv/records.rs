//! Bytes to records: RFC 4180 with any delimiter, quotes, line breaks within quotes, and limits.
//!
//! Written here and not taken from the `csv` crate, because that reads a quote that is never closed, and text behind a
//! closed one, without a word; a table cut in the middle would go unnoticed.

use super::OP;
use std::io::{BufRead, Read};
use tensor::{Error, ErrorKind, Result};

/// How a file is written, and how large it may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) delimiter: u8,
    pub(super) comment: Option<u8>,
    pub(super) max_bytes: u64,
    pub(super) max_line: u64,
}

/// The cells of a file, row by row.
pub(super) struct Cells {
    pub(super) columns: usize,
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
    /// In which line of the file each row begins, from 1.
    lines: Vec<u32>,
}

impl Cells {
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn line(&self, row: usize) -> u32 {
        self.lines[row]
    }

    pub(super) fn get(&self, row: usize, column: usize) -> &str {
        let i = row * self.columns + column;
        let first = if i == 0 { 0 } else { self.ends[i - 1] };
        &self.text[first as usize..self.ends[i] as usize]
    }

    /// All records; they have equally many fields.
    #[track_caller]
    pub(super) fn read(source: impl BufRead, format: Format) -> Result<Cells> {
        let mut records = Records { source, format, line: 0, bytes: 0, buffer: Vec::new() };
        let mut cells = Cells { columns: 0, text: String::new(), ends: Vec::new(), lines: Vec::new() };
        let mut record = Record::default();
        while records.next(&mut record)? {
            if cells.lines.is_empty() {
                cells.columns = record.ends.len();
            } else if record.ends.len() != cells.columns {
                return Err(records.error(
                    record.line,
                    format!(
                        "expected {} fields as in line {}, found {}",
                        cells.columns,
                        cells.lines[0],
                        record.ends.len()
                    ),
                ));
            }
            let mut first = 0;
            for (column, &end) in record.ends.iter().enumerate() {
                let Ok(field) = std::str::from_utf8(&record.bytes[first..end]) else {
                    return Err(records.error(record.line, format!("field {} is not UTF-8 text", column + 1)));
                };
                cells.text.push_str(field);
                // The limit on the file keeps this in range.
                cells.ends.push(cells.text.len() as u32);
                first = end;
            }
            cells.lines.push(record.line);
        }
        Ok(cells)
    }
}

/// The fields of one record, one behind the other.
#[derive(Default)]
struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    line: u32,
}

struct Records<R> {
    source: R,
    format: Format,
    line: u32,
    bytes: u64,
    buffer: Vec<u8>,
}

/// Where in a field the reader stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the field, or the first half of an escaped quote.
    Quote,
}

impl<R: BufRead> Records<R> {
    #[track_caller]
    fn error(&self, line: u32, message: String) -> Error {
        Error::format(OP, format!("line {line}: {message}"))
    }

    /// The next line into the buffer, with its end. Whether there was one.
    #[track_caller]
    fn read_line(&mut self, used: usize) -> Result<bool> {
        self.buffer.clear();
        let limit = self.format.max_line - used as u64;
        let read = (&mut self.source).take(limit + 1).read_until(b'\n', &mut self.buffer);
        let read = match read {
            Ok(read) => read as u64,
            Err(error) => return Err(Error::new(ErrorKind::Io(OP, error))),
        };
        self.line = self.line.saturating_add(1);
        self.bytes += read;
        if read > limit {
            return Err(self.error(
                self.line,
                format!(
                    "a record of more than {} bytes; a quote may be left open, or raise `max_line`",
                    self.format.max_line
                ),
            ));
        }
        if self.bytes > self.format.max_bytes {
            return Err(self.error(
                self.line,
                format!(
                    "more than {} bytes in the file; raise `max_bytes` if that is right",
                    self.format.max_bytes
                ),
            ));
        }
        if self.line == 1 {
            match *self.buffer {
                [0xEF, 0xBB, 0xBF, ..] => drop(self.buffer.drain(..3)),
                [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => {
                    return Err(self.error(1, "the file is UTF-16; save it as UTF-8".to_owned()));
                }
                _ => {}
            }
        }
        Ok(read > 0)
    }

    /// The next record; lines without anything and comments are passed over.
    #[track_caller]
    fn next(&mut self, record: &mut Record) -> Result<bool> {
        record.bytes.clear();
        record.ends.clear();
        loop {
            if !self.read_line(0)? {
                return Ok(false);
            }
            let blank = matches!(*self.buffer, [] | [b'\n'] | [b'\r', b'\n']);
            let comment =
                self.format.comment.is_some() && self.buffer.first().copied() == self.format.comment;
            if !blank && !comment {
                break;
            }
        }
        record.line = self.line;
        let mut state = State::Start;
        loop {
            let line = std::mem::take(&mut self.buffer);
            // Within quotes the end of the line belongs to the text.
            let content =
                line.strip_suffix(b"\n").map_or(&line[..], |line| line.strip_suffix(b"\r").unwrap_or(line));
            for &byte in content {
                state = match (state, byte) {
                    (State::Start, b'"') => State::Quoted,
                    (State::Quoted, b'"') => State::Quote,
                    (State::Quoted, _) => {
                        record.bytes.push(byte);
                        State::Quoted
                    }
                    (State::Quote, b'"') => {
                        record.bytes.push(b'"');
                        State::Quoted
                    }
                    (_, _) if byte == self.format.delimiter => {
                        record.ends.push(record.bytes.len());
                        State::Start
                    }
                    (State::Quote, b' ' | b'\t') => State::Quote,
                    (State::Quote, _) => {
                        let field = record.ends.len() + 1;
                        return Err(self.error(
                            self.line,
                            format!("field {field} goes on behind its closing quote; a quote in a text is written twice"),
                        ));
                    }
                    (State::Start | State::Plain, _) => {
                        record.bytes.push(byte);
                        State::Plain
                    }
                };
            }
            if state != State::Quoted {
                self.buffer = line;
                record.ends.push(record.bytes.len());
                return Ok(true);
            }
            record.bytes.extend_from_slice(&line[content.len()..]);
            self.buffer = line;
            if !self.read_line(record.bytes.len().min(self.format.max_line as usize))? {
                return Err(self.error(
                    record.line,
                    format!("the quote of field {} is never closed", record.ends.len() + 1),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format { delimiter: b',', comment: None, max_bytes: 1000, max_line: 40 };

    fn read(text: &[u8], format: Format) -> Result<Vec<Vec<String>>> {
        let cells = Cells::read(text, format)?;
        Ok((0..cells.rows())
            .map(|row| (0..cells.columns).map(|column| cells.get(row, column).to_owned()).collect())
            .collect())
    }

    #[test]
    fn quotes_line_ends_and_a_byte_order_mark_are_understood() -> Result<()> {
        let text = b"\xEF\xBB\xBF\"a, \"\"b\"\"\",c\r\n\r\n1,\"two\nlines\"\n,\"\" \n";
        let expected = [["a, \"b\"", "c"], ["1", "two\nlines"], ["", ""]];
        assert_eq!(read(text, FORMAT)?, expected);
        let tabs = Format { delimiter: b'\t', comment: Some(b'#'), ..FORMAT };
        assert_eq!(read(b"# about\n1,5\t2\n3\t4", tabs)?, [["1,5", "2"], ["3", "4"]]);
        assert_eq!(read(b"", FORMAT)?, Vec::<Vec<String>>::new());
        Ok(())
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() -> Result<()> {
        let cells = Cells::read(&b"a\n\n\"b\nb\"\nc"[..], FORMAT)?;
        assert_eq!(cells.lines, [1, 3, 5]);
        Ok(())
    }

    #[test]
    fn what_is_broken_is_named_with_its_line() {
        let mut long = b"a,b\n".to_vec();
        long.extend([b'x'; 50]);
        let many = b"a,b\n".repeat(300);
        let open: Vec<u8> = [&b"a,b\n1,\""[..], &b"xxx\n".repeat(20)].concat();
        for (text, expected) in [
            (&b"a,b\n1,2,3\n"[..], "line 2: expected 2 fields as in line 1, found 3"),
            (b"a,b\n1,\"2\n3,4\n", "line 2: the quote of field 2 is never closed"),
            (b"a,b\n\"1\"2,3\n", "line 2: field 1 goes on behind its closing quote"),
            (b"a,b\n1,\xFF\n", "line 2: field 2 is not UTF-8"),
            (b"\xFF\xFEa\0,\0", "line 1: the file is UTF-16"),
            (&long, "line 2: a record of more than 40 bytes"),
            (&open, "a record of more than 40 bytes"),
            (&many, "line 251: more than 1000 bytes in the file"),
        ] {
            let error = read(text, FORMAT).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

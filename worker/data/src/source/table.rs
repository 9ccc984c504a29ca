//! CSV files with a header, read with the line of every row. The first line is line 1.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    path::{Path, PathBuf},
};

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use crate::{DataError, error::HINT_OWN};

const MAX_ROWS: usize = 10_000_000;

/// Whether the first line ends in CR LF. Leaves the file at its beginning.
fn ends_in_cr_lf(mut file: &File) -> std::io::Result<bool> {
    let mut line = Vec::new();
    BufReader::new(file.take(1 << 16)).read_until(b'\n', &mut line)?;
    file.rewind()?;
    Ok(line.ends_with(b"\r\n"))
}

/// A CSV file, open at its first row.
pub(super) struct Table {
    path: PathBuf,
    /// Where lines end in CR LF, the reader counts a line only after its LF, which it has not met at a row's start.
    behind: u64,
    reader: Reader<File>,
    header: StringRecord,
}

impl Table {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// Missing, unreadable, not UTF-8.
    pub(super) fn open(path: PathBuf) -> Result<Self, DataError> {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => return Err(DataError::reading(path, "", &error)),
        };
        let behind = match ends_in_cr_lf(&file) {
            Ok(behind) => u64::from(behind),
            Err(error) => return Err(DataError::reading(path, "", &error)),
        };
        let mut reader = ReaderBuilder::new().from_reader(file);
        match reader.headers().cloned() {
            Ok(header) => Ok(Self { path, behind, reader, header }),
            Err(error) => Err(explained(&path, error)),
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a column that may be absent.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.header.iter().position(|column| column == name)
    }

    /// The place of a column that must be there.
    ///
    /// # Errors
    /// A message that names the columns there are.
    pub(super) fn column(&self, name: &str) -> Result<usize, DataError> {
        self.find(name).ok_or_else(|| {
            let found = self.header.iter().map(|column| format!("`{column}`")).collect::<Vec<_>>().join(", ");
            DataError::malformed(&self.path, format!("a column `{name}`"), format!("the columns {found}"))
        })
    }

    /// All rows with their lines.
    ///
    /// # Errors
    /// Unreadable, not UTF-8, a row of another length than the header, no row, too many.
    pub(super) fn rows(&mut self) -> Result<Vec<(u64, StringRecord)>, DataError> {
        let mut rows = Vec::new();
        for record in self.reader.records() {
            let record = record.map_err(|error| explained(&self.path, error))?;
            rows.push((record.position().map_or(0, csv::Position::line) + self.behind, record));
            if rows.len() > MAX_ROWS {
                return Err(DataError::malformed(&self.path, format!("at most {MAX_ROWS} rows"), "more"));
            }
        }
        if rows.is_empty() {
            return Err(DataError::malformed(&self.path, "at least one row below the header", "none"));
        }
        Ok(rows)
    }

    /// What is wrong with one line.
    pub(super) fn wrong(&self, line: u64, expected: impl Into<String>, found: &str) -> DataError {
        DataError::malformed(&self.path, expected, format!("{found} in line {line}"))
    }
}

fn explained(path: &Path, error: csv::Error) -> DataError {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => DataError::malformed(
            path,
            format!("{expected_len} fields as in the header"),
            format!("{len} in line {line}"),
        ),
        ErrorKind::Utf8 { .. } => DataError::malformed(path, "UTF-8 text", format!("other bytes in line {line}")),
        _ => match error.into_kind() {
            ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::NotFound => {
                DataError::Missing { path: path.to_owned(), note: String::new(), hint: HINT_OWN }
            }
            ErrorKind::Io(error) => DataError::Unreadable { path: path.to_owned(), reason: error.to_string() },
            _ => DataError::malformed(path, "a CSV file", "something else"),
        },
    }
}

/// `True`/`False` as pandas writes them, or `1`/`0`.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text {
        "True" | "true" | "TRUE" | "1" => Some(true),
        "False" | "false" | "FALSE" | "0" => Some(false),
        _ => None,
    }
}

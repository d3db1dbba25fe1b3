//! Tables: CSV and TSV. The first row names the fields, each other row is a record.
//!
//! Cells are strings. As metadata, a cell becomes a number or a boolean if it is exactly what JSON writes for one:
//! filters then compare years as numbers, while `007` keeps its zeros ([`cell_value`]). Empty cells are left out. Both
//! kinds of table have the quotes of CSV (RFC 4180), so a cell may contain line breaks. [`rows`] finds where rows begin
//! and end.

mod rows;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::content::InputContent;
use super::reader::Reader;
use crate::bounded::MOST_VALUES;
use crate::record::RecordSink;
use crate::{BadRecord, CorpusError, Record};
use rows::{CsvRow, CsvRows};
use semsearch_files::Place;

/// Reads each row but the first as a record.
pub(super) struct TableReader {
    /// The byte between two cells.
    delimiter: u8,
}

impl TableReader {
    pub(super) const COMMAS: Self = Self { delimiter: b',' };
    pub(super) const TABS: Self = Self { delimiter: b'\t' };
}

impl Reader for TableReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let name = content.name();
        let mut rows = CsvRows::new(content.text(), self.delimiter, &name);
        let columns = match rows.next().map(|row| columns(&row?)) {
            None => return ControlFlow::Continue(()),
            Some(Err(error)) => return sink(Err(error)),
            Some(Ok(columns)) => Arc::from(columns),
        };
        while let Some(row) = rows.next() {
            sink(row.and_then(|row| record(&columns, row)))?;
        }
        ControlFlow::Continue(())
    }
}

/// The names of the columns, all different.
fn columns(row: &CsvRow<'_>) -> Result<Vec<String>, CorpusError> {
    let expected = "a table with a name for each column";
    let bad = |found: String| CorpusError::Format { place: row.place.clone(), expected, found };
    if row.cells.len() > MOST_VALUES {
        return Err(bad(format!("{} columns, the maximum is {MOST_VALUES}", row.cells.len())));
    }
    let mut columns: Vec<String> = Vec::with_capacity(row.cells.len());
    let mut known = HashMap::new();
    for (number, cell) in (1_usize..).zip(row.cells) {
        let name = text(cell, number, &row.place)?.trim();
        if name.is_empty() {
            return Err(bad(format!("column {number} has no name")));
        }
        if let Some(first) = known.insert(name, number) {
            return Err(bad(format!("columns {first} and {number} are both called {name:?}")));
        }
        columns.push(name.into());
    }
    Ok(columns)
}

fn record(columns: &Arc<[String]>, CsvRow { cells, place }: CsvRow<'_>) -> Result<Record, CorpusError> {
    if cells.len() != columns.len() {
        return Err(CorpusError::record(&place, BadRecord::Cells { found: cells.len(), expected: columns.len() }));
    }
    let mut fields = Map::new();
    for (number, (name, cell)) in (1..).zip(columns.iter().zip(cells)) {
        let cell = text(cell, number, &place)?;
        if !cell.is_empty() {
            fields.insert(name.clone(), cell.into());
        }
    }
    Ok(Record { columns: Some(Arc::clone(columns)), ..Record::of_data(fields, place) })
}

/// Cell `number` (from 1) of the row at `place`.
fn text<'a>(cell: &'a [u8], number: usize, place: &Place) -> Result<&'a str, CorpusError> {
    let bad = |error: std::str::Utf8Error| BadRecord::CellUtf8 { cell: number, byte: error.valid_up_to() + 1 };
    std::str::from_utf8(cell).map_err(|error| CorpusError::record(place, bad(error)))
}

/// The value of a cell as metadata.
pub(crate) fn cell_value(cell: &str) -> Value {
    let plain = serde_json::from_str(cell).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
    // Exactly the same characters, or a code that looks like a number would lose its zeros.
    plain.filter(|value| value.to_string().as_str() == cell).unwrap_or_else(|| cell.into())
}

#[cfg(test)]
mod tests;

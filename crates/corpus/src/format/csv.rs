//! Tables: CSV and TSV. The first row names the fields, each other row is a record.
//!
//! Cells are strings. As metadata, the cells of a column become numbers or booleans if all of them are such ([`Columns`]).
//! Empty cells are left out. A table without any comma in its first line may have semicolons or tabs between the cells. All
//! kinds of table have the quotes of CSV (RFC 4180), so a cell may contain line breaks. [`rows`] finds where rows begin
//! and end.

mod rows;

use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use csv::ByteRecord;
use serde_json::Map;

use super::content::InputContent;
use super::reader::Reader;
use crate::bounded::MOST_VALUES;
use crate::peek::peek;
use crate::record::RecordSink;
use crate::{BadRecord, Columns, CorpusError, Record};
use rows::{CsvRow, CsvRows};
use semsearch_files::Place;

/// How many bytes are looked at to find what stands between the cells.
const START: usize = 64 * 1024;

/// The most bytes of a stream's rows that are kept to learn the types of their columns.
const KEPT: usize = 16 << 20;

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
        let (name, again) = (content.name(), content.again());
        let (start, input) = peek(content.text(), START);
        let delimiter = self.delimiter_of(&start);
        let mut rows = CsvRows::new(input, delimiter, &name);
        let mut columns = match rows.next().map(|row| columns(&row?)) {
            None => return ControlFlow::Continue(()),
            Some(Err(error)) => return sink(Err(error)),
            Some(Ok(names)) => Columns::named(names),
        };
        // The type of a column is known at the end of the table. A file is read twice; the start of a stream is kept.
        let mut kept = Vec::new();
        match again {
            Some(input) => learn_all(&mut columns, CsvRows::new(input, delimiter, &name)),
            None => keep(&mut columns, &mut rows, &mut kept),
        }
        let columns = Arc::new(columns);
        for (cells, place) in kept {
            sink(record(&columns, CsvRow { cells: &cells, place }))?;
        }
        while let Some(row) = rows.next() {
            sink(row.and_then(|row| record(&columns, row)))?;
        }
        ControlFlow::Continue(())
    }
}

impl TableReader {
    /// The byte between the cells of a table that starts with these bytes: its own, unless the first line has none of them
    /// and has semicolons or tabs.
    fn delimiter_of(&self, start: &[u8]) -> u8 {
        let count = |delimiter: u8| {
            let mut quoted = false;
            let line = start.iter().take_while(|&&byte| {
                quoted ^= byte == b'"';
                quoted || byte != b'\n'
            });
            let mut quoted = false;
            let outside = line.filter(|&&byte| {
                quoted ^= byte == b'"';
                !quoted && byte == delimiter
            });
            outside.count()
        };
        let own = count(self.delimiter);
        let others = [b';', b'\t', b','].map(|delimiter| (count(delimiter), delimiter));
        let most = others.into_iter().max_by_key(|&(found, _)| found).filter(|&(found, _)| own == 0 && found > 0);
        most.map_or(self.delimiter, |(_, delimiter)| delimiter)
    }
}

/// Learns the types of the columns from all rows but the first. Bad rows are left out: they are told when their turn comes.
fn learn_all(columns: &mut Columns, mut rows: CsvRows<impl Read>) {
    let mut first = true;
    while let Some(row) = rows.next() {
        match row {
            Ok(row) if !std::mem::take(&mut first) && row.cells.len() == columns.names().len() => {
                columns.learn(row.cells);
            }
            Err(CorpusError::Input { .. }) => return,
            _ => {}
        }
    }
}

/// The same from the rows of a stream, as many as may be kept. A row that is bad ends it: the reader goes on there.
fn keep(columns: &mut Columns, rows: &mut CsvRows<impl Read>, kept: &mut Vec<(ByteRecord, Place)>) {
    let mut bytes = 0;
    while bytes < KEPT
        && let Some(Ok(row)) = rows.next()
    {
        bytes += row.cells.as_slice().len() + 64;
        if row.cells.len() == columns.names().len() {
            columns.learn(row.cells);
        }
        kept.push((row.cells.clone(), row.place));
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

fn record(columns: &Arc<Columns>, CsvRow { cells, place }: CsvRow<'_>) -> Result<Record, CorpusError> {
    if cells.len() != columns.names().len() {
        return Err(CorpusError::record(
            &place,
            BadRecord::Cells { found: cells.len(), expected: columns.names().len() },
        ));
    }
    let mut fields = Map::new();
    for (number, (name, cell)) in (1..).zip(columns.names().zip(cells)) {
        let cell = text(cell, number, &place)?;
        if !cell.is_empty() {
            fields.insert(name.into(), cell.into());
        }
    }
    Ok(Record { columns: Some(Arc::clone(columns)), ..Record::of_data(fields, place) })
}

/// Cell `number` (from 1) of the row at `place`.
fn text<'a>(cell: &'a [u8], number: usize, place: &Place) -> Result<&'a str, CorpusError> {
    let bad = |error: std::str::Utf8Error| BadRecord::CellUtf8 { cell: number, byte: error.valid_up_to() + 1 };
    std::str::from_utf8(cell).map_err(|error| CorpusError::record(place, bad(error)))
}

#[cfg(test)]
mod tests;

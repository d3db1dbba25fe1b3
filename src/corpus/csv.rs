//! Tables: CSV and TSV. The first row names the fields, each other row is a record.
//!
//! Cells are strings. What becomes metadata is a number or a boolean where it is exactly what JSON writes for one, so that
//! filters compare years as numbers while `007` keeps its zeros ([`value`]); empty cells are left out. Both kinds have CSV's
//! quotes (RFC 4180), so that a cell may hold line breaks.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;
use std::sync::Arc;

use csv::{ByteRecord, ReaderBuilder, Terminator};
use serde_json::{Map, Value};

use super::{BYTE_ORDER_MARK, Record, Sink};
use crate::error::{BadRecord, Error, Place, Result};

/// Pushes every row's record; `delimiter` stands between cells.
pub(super) fn read(mut input: impl BufRead, delimiter: u8, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    // The csv crate would take the mark for a part of the first name.
    match input.fill_buf() {
        Ok(start) if start.starts_with(BYTE_ORDER_MARK) => input.consume(BYTE_ORDER_MARK.len()),
        Ok(_) => {}
        Err(source) => return sink(Err(Error::Input { place: Place::whole(name), source })),
    }
    // Lines end with \n; the \r before it is taken off here, for the crate would count such lines one short.
    let mut table = ReaderBuilder::new()
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .has_headers(false)
        .flexible(true)
        .from_reader(input);
    let mut row = ByteRecord::new();
    let columns = match next(&mut table, &mut row, name) {
        None => return ControlFlow::Continue(()),
        Some(Err(error)) => return sink(Err(error)),
        Some(Ok(place)) => match columns(&row, &place) {
            Ok(columns) => columns,
            Err(error) => return sink(Err(error)),
        },
    };
    let returns = row.iter().next_back().is_some_and(|cell| cell.ends_with(b"\r"));
    while let Some(read) = next(&mut table, &mut row, name) {
        let failed = read.is_err();
        if returns && row.as_slice() == b"\r" {
            continue;
        }
        sink(read.and_then(|place| record(&columns, &row, returns, place)))?;
        if failed {
            break;
        }
    }
    ControlFlow::Continue(())
}

/// Reads the next row, and says where it begins.
fn next(table: &mut csv::Reader<impl Read>, row: &mut ByteRecord, name: &Arc<str>) -> Option<Result<Place>> {
    match table.read_byte_record(row) {
        Ok(false) => None,
        Ok(true) => Some(Ok(Place::line(name, row.position().map_or(1, csv::Position::line)))),
        Err(error) => {
            let place = Place::line(name, table.position().line());
            let source = match error.into_kind() {
                csv::ErrorKind::Io(source) => source,
                other => std::io::Error::other(format!("{other:?}")),
            };
            Some(Err(Error::Input { place, source }))
        }
    }
}

/// The names of the columns, each its own.
fn columns(row: &ByteRecord, place: &Place) -> Result<Vec<String>> {
    let bad =
        |found: String| Error::Format { place: place.clone(), expected: "a table with a name for each column", found };
    let mut columns: Vec<String> = Vec::with_capacity(row.len());
    for (number, cell) in (1..).zip(row) {
        let name = text(cell, place)?.trim();
        if name.is_empty() {
            return Err(bad(format!("column {number} has none")));
        }
        if let Some(first) = columns.iter().position(|known| known == name) {
            return Err(bad(format!("columns {} and {number} are both called {name:?}", first + 1)));
        }
        columns.push(name.into());
    }
    Ok(columns)
}

/// A row as a record; `returns` says that lines end with a carriage return.
fn record(columns: &[String], row: &ByteRecord, returns: bool, place: Place) -> Result<Record> {
    if row.len() != columns.len() {
        let problem = BadRecord::Cells { found: row.len(), expected: columns.len() };
        return Err(Error::record(&place, problem));
    }
    let mut fields = Map::new();
    for (number, (name, cell)) in (1..).zip(columns.iter().zip(row)) {
        let at_end = returns && number == columns.len();
        let cell = text(if at_end { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell }, &place)?;
        if !cell.is_empty() {
            fields.insert(name.clone(), cell.into());
        }
    }
    Ok(Record { fields, place, titled: true, markup: None, cells: true })
}

fn text<'a>(cell: &'a [u8], place: &Place) -> Result<&'a str> {
    std::str::from_utf8(cell).map_err(|error| Error::record(place, BadRecord::utf8(error)))
}

/// What a cell stands for as metadata.
pub(super) fn value(cell: &str) -> Value {
    let plain = serde_json::from_str(cell).ok().filter(|value: &Value| value.is_number() || value.is_boolean());
    // To the character, or a code that looks like a number would lose its zeros.
    plain.filter(|value| value.to_string().as_str() == cell).unwrap_or_else(|| cell.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::corpus::Fields;

    fn read_all(input: &[u8], delimiter: u8) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        let _ = read(input, delimiter, &"in".into(), &mut |found| {
            all.push(found.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn rows_are_records_and_what_is_exactly_a_number_is_one_as_metadata() {
        let input = b"\xef\xbb\xbfid,text,year,code,ok,note\r\n007,\"Bees,\r\nthey \"\"dance\"\"\",1990,1.50,true,\r\n\r\n8,b,,,,end\r\n";
        let mut records = read_all(input, b',');
        let last = records.pop().unwrap().unwrap();
        assert_eq!((last.place.line, &last.fields["note"]), (Some(5), &json!("end")));
        let record = records.remove(0).unwrap();
        assert_eq!(record.place.line, Some(2));
        let document = Fields::default().document(record).unwrap();
        assert_eq!((document.id.as_str(), document.text.as_str()), ("007", "Bees,\r\nthey \"dance\""));
        assert_eq!(Value::from(document.metadata), json!({"year": 1990, "code": "1.50", "ok": true}));
    }

    #[test]
    fn a_bad_row_is_named_by_its_line_and_the_next_one_read() {
        let all = read_all(b"text\tn\n\"two\nlines\"\t1\nshort\n\xff\t2\nlast\t3\n", b'\t');
        assert_eq!(all[0].as_ref().unwrap().fields["text"], "two\nlines");
        assert_eq!(all[1].as_ref().unwrap_err(), "in:4: the row's cells are 1, the first row has 2");
        assert_eq!(all[2].as_ref().unwrap_err(), "in:5: invalid UTF-8 at byte 1 of the line");
        assert_eq!(all[3].as_ref().unwrap().place.line, Some(6));
    }

    #[test]
    fn columns_need_names_of_their_own() {
        let said = |input: &[u8]| read_all(input, b',').remove(0).unwrap_err();
        let not = "in:1: not a table with a name for each column";
        assert_eq!(said(b"a, a\n1,2\n"), format!("{not}: columns 1 and 2 are both called \"a\""));
        assert_eq!(said(b"a,\n1,2\n"), format!("{not}: column 2 has none"));
        assert!(read_all(b"", b',').is_empty());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in prop::collection::vec(("\\PC{1,9}", "[\\PC\r\n\",]{0,9}"), 0..9), tab: bool) {
            let delimiter = if tab { b'\t' } else { b',' };
            let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
            table.write_record(["a", "b"]).unwrap();
            rows.iter().for_each(|(a, b)| table.write_record([a, b]).unwrap());
            let read = read_all(&table.into_inner().unwrap(), delimiter);
            let cell = |record: &Record, name: &str| record.fields.get(name).map_or("", |cell| cell.as_str().unwrap()).to_owned();
            let found: Vec<_> = read.iter().map(|record| record.as_ref().unwrap()).map(|record| (cell(record, "a"), cell(record, "b"))).collect();
            prop_assert_eq!(found, rows);
        }
    }
}

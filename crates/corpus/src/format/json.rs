//! JSON: an array of objects. Each object is a record.

mod elements;

use std::ops::ControlFlow;

use serde_json::Value;

use super::content::InputContent;
use super::reader::Reader;
use crate::record::{RecordSink, json_type};
use crate::{BadRecord, CorpusError, Record};
pub(super) use elements::Elements;

/// Whether a file that starts with these bytes is an array.
pub(super) fn starts(start: &[u8]) -> bool {
    start.trim_ascii_start().first() == Some(&b'[')
}

/// Reads each element of the array as a record.
pub(super) struct JsonArrayReader;

impl Reader for JsonArrayReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let name = content.name();
        let elements = Elements { name: &name, key: None, expected: "a JSON array of records" };
        elements.read(content.bytes(), sink, |value: Value, place, sink| {
            sink(match value {
                Value::Object(fields) => Ok(Record::of_data(fields, place)),
                other => Err(CorpusError::record(&place, BadRecord::NotAnObject { found: json_type(&other) })),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::reader::tests::read_bytes;
    use super::*;
    use crate::{Input, ReadOptions};

    fn read_all(input: &str) -> Vec<Result<Record, String>> {
        read_bytes(&JsonArrayReader, input.as_bytes())
    }

    #[test]
    fn elements_carry_the_line_they_begin_on() {
        let all = read_all("[{\"text\":\n\"a\"},\n\n  {\"text\":\"b\"}\n]");
        let lines: Vec<_> = all.iter().map(|found| found.as_ref().unwrap().place.line).collect();
        assert_eq!(lines, [Some(1), Some(4)]);
    }

    #[test]
    fn what_stands_before_a_syntax_error_is_read_and_the_error_comes_last() {
        let all = read_all("[{\"text\":\"a\"},\n{\"text\" \"b\"}]");
        assert!(all[0].is_ok());
        assert_eq!(all[1].as_ref().unwrap_err(), "in:2: invalid JSON: expected `:` (column 9)");
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn an_object_is_not_an_array_of_records() {
        let all = read_all("{\"text\":\"a\"}");
        assert_eq!(
            all[0].as_ref().unwrap_err(),
            "in:1: not a JSON array of records: invalid type: map, expected an array"
        );
    }

    #[test]
    fn a_sink_that_breaks_is_not_called_again() {
        let (mut calls, input) = (0, Input::File("in".into()));
        let options = ReadOptions::default();
        let content = InputContent::new(&input, &options, Box::new(Cursor::new("[{\"a\":1},{\"a\":2}]")), None);
        let flow = JsonArrayReader.read(content, &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!((calls, flow), (1, ControlFlow::Break(())));
    }
}

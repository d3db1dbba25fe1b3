//! JSON: an array of objects, each of which is a record; or a single object.

mod elements;

use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use super::content::InputContent;
use super::reader::Reader;
use crate::bounded::{self, LARGEST, MOST_VALUES};
use crate::peek::peek;
use crate::record::{RecordSink, json_type};
use crate::{BadRecord, CorpusError, Record};
pub(super) use elements::Elements;
use semsearch_files::Place;

/// How many bytes are looked at to tell an object from an array: white space may stand before it.
const START: usize = 4096;

/// Whether a file that starts with these bytes is an array.
pub(super) fn starts(start: &[u8]) -> bool {
    start.trim_ascii_start().first() == Some(&b'[')
}

/// Reads each element of the array as a record.
pub(super) struct JsonArrayReader;

impl Reader for JsonArrayReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let name = content.name();
        let (start, input) = peek(content.text(), START);
        if start.trim_ascii_start().first() == Some(&b'{') {
            return sink(object(input, &name));
        }
        let elements = Elements { name: &name, key: None, expected: "a JSON array of records" };
        elements.read(input, sink, |value: Value, place, sink| {
            sink(match value {
                Value::Object(fields) => Ok(Record::of_data(fields, place)),
                other => Err(CorpusError::record(&place, BadRecord::NotAnObject { found: json_type(&other) })),
            })
        })
    }
}

/// The whole input as one object.
fn object(input: impl BufRead, name: &Arc<str>) -> Result<Record, CorpusError> {
    let place = Place::line(name, 1);
    let bad = |problem| CorpusError::record(&place, problem);
    let all = bounded::all(input).map_err(|source| CorpusError::Input { place: Place::whole(name), source })?;
    let bytes = all.ok_or_else(|| bad(BadRecord::TooLarge { max: LARGEST }))?;
    if bounded::has_too_many_values(&bytes) {
        return Err(bad(BadRecord::Values { max: MOST_VALUES }));
    }
    let fields = serde_json::from_slice(&bytes).map_err(|error| {
        CorpusError::record(&Place::line(name, error.line().max(1) as u64), BadRecord::json(&error))
    })?;
    Ok(Record::of_data(fields, place))
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
    fn an_object_is_one_record_and_a_number_is_no_array() {
        let all = read_all("\n{\n  \"text\": \"a\",\n  \"n\": [1]\n}\n");
        assert_eq!((all.len(), all[0].as_ref().unwrap().fields["text"].as_str()), (1, Some("a")));
        assert_eq!(read_all("{\n\"text\"\n}")[0].as_ref().unwrap_err(), "in:3: invalid JSON: expected `:` (column 1)");
        let none = "in:1: not a JSON array of records: invalid type: integer `7`, expected an array";
        assert_eq!(read_all("7")[0].as_ref().unwrap_err(), none);
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

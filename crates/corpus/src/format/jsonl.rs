//! JSON Lines: one object per line. Blank lines are ignored. After a bad line, reading goes on with the next one.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::content::InputContent;
use super::reader::Reader;
use crate::bounded::{self, Bounded, LARGEST, MOST_VALUES};
use crate::record::{RecordSink, json_type};
use crate::{BadRecord, CorpusError, Record};
use semsearch_files::Place;

/// Most lines are shorter than this many bytes. The memory of a longer line is given back after it.
const SHORT: usize = 1 << 20;

/// Whether a file that starts with these bytes has an object in its first line. If not all of that line is known, it may be
/// one.
pub(super) fn starts(start: &[u8]) -> bool {
    let mut lines = start.trim_ascii_start().splitn(2, |&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let is_cut = lines.next().is_none() && start.len() >= SHOWN;
    is_cut || serde_json::from_slice::<Map<String, Value>>(first).is_ok()
}

/// The start of a file has at least so many bytes if the file is longer.
const SHOWN: usize = 4096;

/// Reads each line as a record.
pub(super) struct JsonLinesReader;

impl Reader for JsonLinesReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let (name, mut input) = (content.name(), content.text());
        let mut line = Vec::new();
        for number in 1.. {
            let place = Place::line(&name, number);
            match bounded::line(&mut input, &mut line) {
                Ok(Bounded::End) => break,
                Ok(Bounded::Whole) if line.trim_ascii().is_empty() => {}
                Ok(Bounded::Whole) => {
                    let record = parse(&line, &place);
                    line.clear();
                    line.shrink_to(SHORT);
                    sink(record)?;
                }
                Ok(Bounded::TooLong) => {
                    sink(Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST })))?;
                }
                Err(source) => return sink(Err(CorpusError::Input { place, source })),
            }
        }
        ControlFlow::Continue(())
    }
}

fn parse(bytes: &[u8], place: &Place) -> Result<Record, CorpusError> {
    let bad = |problem| CorpusError::record(place, problem);
    let text = std::str::from_utf8(bytes).map_err(|error| bad(BadRecord::utf8(error)))?;
    if bounded::has_too_many_values(bytes) {
        return Err(bad(BadRecord::Values { max: MOST_VALUES }));
    }
    match serde_json::from_str(text.trim_ascii_end()) {
        Ok(Value::Object(fields)) => Ok(Record::of_data(fields, place.clone())),
        Ok(other) => Err(bad(BadRecord::NotAnObject { found: json_type(&other) })),
        Err(error) => Err(bad(BadRecord::json(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_bytes;
    use super::*;

    #[test]
    fn lines_are_numbered_past_blank_ones_a_mark_and_carriage_returns() {
        let all = read_bytes(&JsonLinesReader, b"\xef\xbb\xbf{\"text\":\"a\"}\r\n\n  \n{\"text\":\"b\"}");
        let lines: Vec<_> = all.iter().map(|found| found.as_ref().unwrap().place.line).collect();
        assert_eq!(lines, [Some(1), Some(4)]);
    }

    #[test]
    fn a_bad_line_is_reported_and_the_next_one_read() {
        let all = read_bytes(&JsonLinesReader, b"{\"text\":\n[1]\n{\"text\":\"\xff\"}\n{\"text\":\"ok\"}\n");
        assert_eq!(all[0].as_ref().unwrap_err(), "in:1: invalid JSON: EOF while parsing a value (column 8)");
        assert_eq!(all[1].as_ref().unwrap_err(), "in:2: a record is a JSON object, this is an array");
        assert_eq!(all[2].as_ref().unwrap_err(), "in:3: invalid UTF-8 at byte 10 of the line");
        assert!(all[3].is_ok());
    }
}

//! JSON Lines: one object a line. Blank lines are passed over; a bad line does not stop the ones after it.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::Value;

use super::bounded::{self, Bounded, LARGEST, MOST_VALUES};
use super::{BYTE_ORDER_MARK, Record, Sink, kind};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Bytes of most lines.
const SHORT: usize = 1 << 20;

/// Pushes every line's record.
pub(super) fn read(mut input: impl BufRead, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let mut line = Vec::new();
    for number in 1.. {
        let place = Place::line(name, number);
        match bounded::line(&mut input, &mut line) {
            Ok(Bounded::End) => break,
            Ok(Bounded::Whole) => {}
            Ok(Bounded::TooLong) => {
                sink(Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST })))?;
                continue;
            }
            Err(source) => return sink(Err(CorpusError::Input { place, source })),
        }
        let mut bytes = line.as_slice();
        if number == 1 {
            bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let record = parse(bytes, &place);
        // Memory that one long line took is not kept for the others.
        line.clear();
        line.shrink_to(SHORT);
        sink(record)?;
    }
    ControlFlow::Continue(())
}

fn parse(bytes: &[u8], place: &Place) -> Result<Record, CorpusError> {
    let bad = |problem| CorpusError::record(place, problem);
    let text = std::str::from_utf8(bytes).map_err(|error| bad(BadRecord::utf8(error)))?;
    if bounded::has_too_many_values(bytes) {
        return Err(bad(BadRecord::Values { max: MOST_VALUES }));
    }
    match serde_json::from_str(text.trim_ascii_end()) {
        Ok(Value::Object(fields)) => {
            Ok(Record { fields, place: place.clone(), titled: true, markup: None, columns: None })
        }
        Ok(other) => Err(bad(BadRecord::NotAnObject { found: kind(&other) })),
        Err(error) => Err(bad(BadRecord::json(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(input: &[u8]) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        let _ = read(input, &"in".into(), &mut |found| {
            all.push(found.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn lines_are_numbered_past_blank_ones_a_mark_and_carriage_returns() {
        let all = read_all(b"\xef\xbb\xbf{\"text\":\"a\"}\r\n\n  \n{\"text\":\"b\"}");
        let lines: Vec<_> = all.iter().map(|found| found.as_ref().unwrap().place.line).collect();
        assert_eq!(lines, [Some(1), Some(4)]);
    }

    #[test]
    fn a_bad_line_is_reported_and_the_next_one_read() {
        let all = read_all(b"{\"text\":\n[1]\n{\"text\":\"\xff\"}\n{\"text\":\"ok\"}\n");
        assert_eq!(all[0].as_ref().unwrap_err(), "in:1: invalid JSON: EOF while parsing a value (column 8)");
        assert_eq!(all[1].as_ref().unwrap_err(), "in:2: a record is a JSON object, this is an array");
        assert_eq!(all[2].as_ref().unwrap_err(), "in:3: invalid UTF-8 at byte 10 of the line");
        assert!(all[3].is_ok());
    }
}

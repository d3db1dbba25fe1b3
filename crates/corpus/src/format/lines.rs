//! Plain lines. Each line is a text, also an empty one, so that result n belongs to line n.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::content::InputContent;
use super::reader::Reader;
use crate::bounded::{self, Bounded, LARGEST};
use crate::record::RecordSink;
use crate::{BadRecord, CorpusError, Record};
use semsearch_files::Place;

/// Most lines are shorter than this many bytes. The memory of a longer line is given back after it.
const SHORT: usize = 1 << 20;

/// Reads each line as a record with a `text`.
pub(super) struct LinesReader;

impl Reader for LinesReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let (name, mut input) = (content.name(), content.text());
        let mut line = Vec::new();
        for number in 1.. {
            let place = Place::line(&name, number);
            match bounded::line(&mut input, &mut line) {
                Ok(Bounded::End) => break,
                Ok(Bounded::Whole) => {
                    let record = record(&line, place);
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

    fn may_be_empty(&self) -> bool {
        true
    }
}

fn record(line: &[u8], place: Place) -> Result<Record, CorpusError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) {
        Ok(text) => {
            let fields = Map::from_iter([("text".to_owned(), Value::from(text))]);
            Ok(Record { titled: false, ..Record::of_data(fields, place) })
        }
        Err(error) => Err(CorpusError::record(&place, BadRecord::utf8(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_bytes;
    use super::*;

    #[test]
    fn every_line_is_a_text_whatever_ends_it() {
        let all = read_bytes(&LinesReader, b"\xef\xbb\xbfa\r\n\n{\"b\"}\n\xff\nlast");
        let text = |record: Record| record.fields["text"].as_str().unwrap().to_owned();
        let texts: Vec<_> = all.into_iter().map(|found| found.map(text)).collect();
        let bad = Err("in:4: invalid UTF-8 at byte 1 of the line".to_owned());
        assert_eq!(texts, [Ok("a".into()), Ok("".into()), Ok("{\"b\"}".into()), bad, Ok("last".into())]);
    }
}

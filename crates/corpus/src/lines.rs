//! Plain lines: each is a text, an empty one too, so that the n-th result is that of the n-th line.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::bounded::{self, Bounded, LARGEST};
use super::peek::without;
use super::{BYTE_ORDER_MARK, Record, Sink};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Bytes of most lines; memory that a longer one took is not kept for the others.
const SHORT: usize = 1 << 20;

/// Pushes every line as a record with a `text`.
pub(super) fn read(input: impl BufRead, name: &Arc<str>, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let mut input = without(BYTE_ORDER_MARK, input);
    let mut line = Vec::new();
    for number in 1.. {
        let place = Place::line(name, number);
        match bounded::line(&mut input, &mut line) {
            Ok(Bounded::End) => break,
            Ok(Bounded::Whole) => {
                let record = record(&line, place);
                line.clear();
                line.shrink_to(SHORT);
                sink(record)?;
            }
            Ok(Bounded::TooLong) => sink(Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST })))?,
            Err(source) => return sink(Err(CorpusError::Input { place, source })),
        }
    }
    ControlFlow::Continue(())
}

fn record(line: &[u8], place: Place) -> Result<Record, CorpusError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)) {
        Ok(text) => {
            let fields = Map::from_iter([("text".to_owned(), Value::from(text))]);
            Ok(Record { fields, place, titled: false, markup: None, columns: None })
        }
        Err(error) => Err(CorpusError::record(&place, BadRecord::utf8(error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_text_whatever_ends_it() {
        let mut texts = Vec::new();
        let _ = read(&b"\xef\xbb\xbfa\r\n\n{\"b\"}\n\xff\nlast"[..], &"in".into(), &mut |found| {
            let text = |record: Record| record.fields["text"].as_str().unwrap().to_owned();
            texts.push(found.map(text).map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        let bad = Err("in:4: invalid UTF-8 at byte 1 of the line".to_owned());
        assert_eq!(texts, [Ok("a".into()), Ok("".into()), Ok("{\"b\"}".into()), bad, Ok("last".into())]);
    }
}

//! Plain text: a file is one record, and its path is the id.
//!
//! Text from standard input has no path. Its id is computed from its content, so that a second text does not replace
//! the first one.

use std::ops::ControlFlow;

use serde_json::Map;

use super::content::InputContent;
use super::reader::Reader;
use crate::record::RecordSink;
use crate::{BadRecord, CorpusError, Markup, Record};
use semsearch_files::Place;

/// Reads an input as one plain text.
pub(super) struct TextReader;

impl Reader for TextReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        read_text(content, sink, |_| (Markup::Plain, None))
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Plain)
    }
}

/// Pushes an input as one text. `describe` says how a text is written, and its title if it has one.
pub(super) fn read_text(
    content: InputContent<'_>,
    sink: &mut RecordSink<'_>,
    describe: impl FnOnce(&str) -> (Markup, Option<String>),
) -> ControlFlow<()> {
    let (place, path) = (Place::whole(&content.name()), content.path());
    let bytes = match content.whole() {
        Ok(bytes) => bytes,
        Err(error) => return sink(Err(error)),
    };
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return sink(Err(not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), &place))),
    };
    if text.trim().is_empty() {
        return sink(Err(CorpusError::record(&place, BadRecord::Blank)));
    }
    let (markup, title) = describe(&text);
    let fields = [("_id", path.clone()), ("title", title), ("text", Some(text)), ("path", path)];
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
    let fields = Map::from_iter(present);
    sink(Ok(Record { fields, place, titled: true, markup: Some(markup), columns: None }))
}

/// The error of a text in which no character begins at byte `at`.
fn not_utf8(content: &[u8], at: usize, place: &Place) -> CorpusError {
    let before = &content[..at];
    let newlines = before.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    CorpusError::record(&Place::line(&place.input, newlines + 1), BadRecord::Utf8 { byte: at - line_start + 1 })
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_all;
    use super::*;
    use crate::Input;

    fn read(content: &[u8], input: Input) -> Vec<Result<Record, String>> {
        read_all(&TextReader, content, &input)
    }

    fn file(path: &str) -> Input {
        Input::File(path.into())
    }

    fn json(found: &[Result<Record, String>]) -> String {
        serde_json::to_string(&found[0].as_ref().unwrap().fields).unwrap()
    }

    #[test]
    fn a_file_is_one_record_named_by_its_path() {
        let found = read(b"\xef\xbb\xbfone\r\n\r\ntwo\n", file("./docs/a.txt"));
        assert_eq!(json(&found), r#"{"_id":"docs/a.txt","text":"one\r\n\r\ntwo\n","path":"docs/a.txt"}"#);
        assert_eq!((found.len(), found[0].as_ref().unwrap().markup), (1, Some(Markup::Plain)));
    }

    #[test]
    fn standard_input_has_no_path_and_no_id_of_its_own() {
        assert_eq!(json(&read(b"hello", Input::Stdin)), r#"{"text":"hello"}"#);
    }

    #[test]
    fn a_blank_file_is_no_record() {
        for blank in [&b""[..], b"\xef\xbb\xbf", b" \r\n\t\n"] {
            let found = read(blank, file("a.txt"));
            assert_eq!(found[0].as_ref().unwrap_err(), "a.txt: its text is blank");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_with_their_line() {
        let message = |content| read(content, file("a.txt")).remove(0).unwrap_err();
        assert_eq!(message(b"one\ntwo \xff\n"), "a.txt:2: invalid UTF-8 at byte 5 of the line");
        assert_eq!(message(b"\xef\xbb\xbf\xff"), "a.txt:1: invalid UTF-8 at byte 1 of the line");
    }
}

//! Plain text: a file is one record, and its path is the id.
//!
//! Text from standard input has no path. Its id is computed from its content, so that a second text does not replace
//! the first one.

use std::ops::ControlFlow;

use serde_json::Map;

use super::content::InputContent;
use super::extracted::Extracted;
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
    let text = match content.whole_text() {
        Ok(text) => text,
        Err(error) => return sink(Err(error)),
    };
    let (markup, title) = describe(&text);
    sink(text_record(Extracted { title, text, ..Extracted::default() }, markup, path, place))
}

/// The record of a file that is one text. `path` is its id.
pub(super) fn text_record(
    text: Extracted,
    markup: Markup,
    path: Option<String>,
    place: Place,
) -> Result<Record, CorpusError> {
    let Extracted { title, text, layout, metadata } = text;
    if text.trim().is_empty() {
        return Err(CorpusError::record(&place, BadRecord::Blank));
    }
    let fields = [("_id", path.clone()), ("title", title), ("text", Some(text)), ("path", path)];
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
    let mut fields = Map::from_iter(present);
    for (name, value) in metadata {
        fields.entry(name).or_insert(value);
    }
    Ok(Record { markup: Some(markup), layout, ..Record::of_data(fields, place) })
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

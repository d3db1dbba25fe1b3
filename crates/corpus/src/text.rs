//! Text and Markdown: a file is one record, whose id is its path and whose title a Markdown file's first heading.
//!
//! What comes from standard input has no path; its id is made of its content, so that one text does not take the place of
//! another. Front matter is text like the rest.
//!
//! Markdown of more than a few megabytes is taken as plain text: its parser takes fifty times the bytes of a text that is all
//! headings.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Component, Path};

use serde_json::Map;

use super::bounded::{self, LARGEST};
use super::{BYTE_ORDER_MARK, Input, Markup, Outline, Record, Sink};
use crate::{BadRecord, CorpusError};
use semsearch_files::Place;

/// Bytes of the longest text that is parsed as Markdown.
const LONGEST_MARKDOWN: usize = 4 << 20;

/// Pushes the text as a record.
pub(super) fn read(bytes: impl Read, input: &Input, markup: Markup, sink: &mut Sink<'_>) -> ControlFlow<()> {
    let place = Place::whole(&input.name());
    let content = match bounded::all(bytes) {
        Ok(Some(content)) => content,
        Ok(None) => return sink(Err(CorpusError::record(&place, BadRecord::TooLarge { max: LARGEST }))),
        Err(source) => return sink(Err(CorpusError::Input { place, source })),
    };
    let path = input.path().map(|path| match input {
        Input::Copy { name, .. } => name.to_string(),
        _ => plain_path(path),
    });
    let mut content = content;
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    let markup = if content.len() > LONGEST_MARKDOWN { Markup::Plain } else { markup };
    match String::from_utf8(content) {
        Ok(text) if text.trim().is_empty() => sink(Err(CorpusError::record(&place, BadRecord::Blank))),
        Ok(text) => sink(Ok(record(text, path, markup, place))),
        Err(error) => sink(Err(not_utf8(error.as_bytes(), error.utf8_error().valid_up_to(), &place))),
    }
}

fn record(text: String, path: Option<String>, markup: Markup, place: Place) -> Record {
    let title = match markup {
        Markup::Plain => None,
        Markup::Markdown => Outline::of(&text).title().map(String::from),
    };
    let fields = [("_id", path.clone()), ("title", title), ("text", Some(text)), ("path", path)];
    let present = fields.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into())));
    Record { fields: Map::from_iter(present), place, titled: true, markup: Some(markup), columns: None }
}

/// The error of a text whose byte `at` begins no character.
fn not_utf8(content: &[u8], at: usize, place: &Place) -> CorpusError {
    let before = &content[..at];
    let newlines = before.iter().filter(|&&byte| byte == b'\n').count() as u64;
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
    CorpusError::record(&Place::line(&place.input, newlines + 1), BadRecord::Utf8 { byte: at - line_start + 1 })
}

/// A path as the user named it, less what says nothing: `./docs//a.md` is `docs/a.md`, on every system.
pub(super) fn plain_path(path: &Path) -> String {
    let mut plain = String::new();
    for component in path.components().filter(|component| !matches!(component, Component::CurDir)) {
        match component {
            Component::RootDir => plain.push('/'),
            named => {
                if !plain.is_empty() && !plain.ends_with('/') {
                    plain.push('/');
                }
                plain.push_str(&named.as_os_str().to_string_lossy());
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(content: &[u8], input: Input, markup: Markup) -> Vec<Result<Record, String>> {
        let mut all = Vec::new();
        let _ = read(content, &input, markup, &mut |found| {
            all.push(found.map_err(|error| error.to_string()));
            ControlFlow::Continue(())
        });
        all
    }

    fn file(path: &str) -> Input {
        Input::File(path.into())
    }

    fn json(found: &[Result<Record, String>]) -> String {
        serde_json::to_string(&found[0].as_ref().unwrap().fields).unwrap()
    }

    #[test]
    fn a_file_is_one_record_named_by_its_path() {
        let found = read_all(b"\xef\xbb\xbfone\r\n\r\ntwo\n", file("./docs/a.txt"), Markup::Plain);
        assert_eq!(json(&found), r#"{"_id":"docs/a.txt","text":"one\r\n\r\ntwo\n","path":"docs/a.txt"}"#);
        assert_eq!((found.len(), found[0].as_ref().unwrap().markup), (1, Some(Markup::Plain)));
    }

    #[test]
    fn markdown_has_its_first_heading_as_title_and_keeps_its_front_matter() {
        let found = read_all(b"---\na: b\n---\n## Two\n\n# The *One*\n", file("a.md"), Markup::Markdown);
        let record = found[0].as_ref().unwrap();
        assert_eq!(record.fields["title"], "The One");
        assert_eq!(record.fields["text"], "---\na: b\n---\n## Two\n\n# The *One*\n");
    }

    #[test]
    fn markdown_of_many_megabytes_is_plain_text() {
        let heading = "# a\n";
        for (count, expected) in [(LONGEST_MARKDOWN / 4, Markup::Markdown), (LONGEST_MARKDOWN / 4 + 1, Markup::Plain)] {
            let found = read_all(heading.repeat(count).as_bytes(), file("a.md"), Markup::Markdown);
            assert_eq!(found[0].as_ref().unwrap().markup, Some(expected));
        }
    }

    #[test]
    fn standard_input_has_no_path_and_no_id_of_its_own() {
        assert_eq!(json(&read_all(b"hello", Input::Stdin, Markup::Plain)), r#"{"text":"hello"}"#);
    }

    #[test]
    fn a_blank_file_is_no_record() {
        for blank in [&b""[..], b"\xef\xbb\xbf", b" \r\n\t\n"] {
            let found = read_all(blank, file("a.txt"), Markup::Plain);
            assert_eq!(found[0].as_ref().unwrap_err(), "a.txt: its text is blank");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_with_their_line() {
        let message = |content| read_all(content, file("a.txt"), Markup::Plain).remove(0).unwrap_err();
        assert_eq!(message(b"one\ntwo \xff\n"), "a.txt:2: invalid UTF-8 at byte 5 of the line");
        assert_eq!(message(b"\xef\xbb\xbf\xff"), "a.txt:1: invalid UTF-8 at byte 1 of the line");
    }

    #[test]
    fn paths_lose_what_says_nothing() {
        let plain = |path: &str| plain_path(path.as_ref());
        assert_eq!(plain("./a/./b//c.md"), "a/b/c.md");
        assert_eq!(plain("../a.md"), "../a.md");
        assert_eq!(plain("/x/a.md"), "/x/a.md");
    }
}

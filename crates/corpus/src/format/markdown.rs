//! Markdown: a file is one record, with the first heading of level 1 as its title. Front matter is text like the rest.
//!
//! Markdown of more than a few megabytes is read as plain text: for a text of nothing but headings, the parser takes
//! fifty times the memory of the text.

use std::ops::ControlFlow;

use super::content::InputContent;
use super::reader::Reader;
use super::text::read_text;
use crate::record::RecordSink;
use crate::{Markup, Outline};

/// The longest text, in bytes, that is parsed as Markdown.
const LONGEST: usize = 4 << 20;

/// Reads an input as one Markdown text.
pub(super) struct MarkdownReader;

impl Reader for MarkdownReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        read_text(content, sink, |text| match text.len() <= LONGEST {
            true => (Markup::Markdown, Outline::of(text).title().map(String::from)),
            false => (Markup::Plain, None),
        })
    }

    fn markup(&self) -> Option<Markup> {
        Some(Markup::Markdown)
    }
}

#[cfg(test)]
mod tests {
    use super::super::reader::tests::read_bytes;
    use super::*;

    #[test]
    fn markdown_has_its_first_heading_as_title_and_keeps_its_front_matter() {
        let found = read_bytes(&MarkdownReader, b"---\na: b\n---\n## Two\n\n# The *One*\n");
        let record = found[0].as_ref().unwrap();
        assert_eq!(record.fields["title"], "The One");
        assert_eq!(record.fields["text"], "---\na: b\n---\n## Two\n\n# The *One*\n");
    }

    #[test]
    fn markdown_of_many_megabytes_is_plain_text() {
        let heading = "# a\n";
        for (count, expected) in [(LONGEST / 4, Markup::Markdown), (LONGEST / 4 + 1, Markup::Plain)] {
            let found = read_bytes(&MarkdownReader, heading.repeat(count).as_bytes());
            assert_eq!(found[0].as_ref().unwrap().markup, Some(expected));
        }
    }
}

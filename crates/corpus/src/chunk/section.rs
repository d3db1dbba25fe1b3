//! Divides long texts into sections. Each section is then cut into chunks by itself.
//!
//! For every chunk, a splitter looks at all borders in the rest of the text. In one long text that work grows with the
//! square of the length; in sections of limited length it grows in proportion.

use std::ops::Range;

use pulldown_cmark::{Event, Tag};

use crate::Markup;
use crate::outline::events;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// In bytes.
    pub(super) range: Range<usize>,
    /// How the section is written. A part of one Markdown block is plain: it lacks the start of its list or code block.
    pub(super) markup: Markup,
}

/// Divides `text` into sections of at most `size` bytes, which must hold a character. Markdown is divided between
/// blocks, but never after a heading. A part without such a border is divided as plain text. A part of a code is code
/// without known syntax, because it may lack the start of what it stands in.
pub(super) fn sections(text: &str, markup: Markup, size: usize) -> Vec<Section> {
    let mut sections = Vec::new();
    if markup != Markup::Markdown || text.len() <= size {
        push(text, 0..text.len(), markup, size, &mut sections);
        return sections;
    }
    let mut pending = 0..0;
    for border in borders(text).into_iter().chain([text.len()]) {
        if border - pending.start > size {
            push(text, pending.clone(), markup, size, &mut sections);
            pending.start = pending.end;
        }
        pending.end = border;
    }
    push(text, pending, markup, size, &mut sections);
    sections
}

/// Adds a part of the text as one section, or as several if it is too long.
fn push(text: &str, Range { mut start, end }: Range<usize>, markup: Markup, size: usize, sections: &mut Vec<Section>) {
    let markup = match markup {
        _ if end - start <= size => markup,
        Markup::Code(_) => Markup::Code(None),
        Markup::Plain | Markup::Markdown => Markup::Plain,
    };
    while start < end {
        let length = cut(&text[start..end], size);
        sections.push(Section { range: start..start + length, markup });
        start += length;
    }
}

/// The starts of the blocks of a Markdown text, except for blocks inside another one and blocks after a heading.
fn borders(text: &str) -> Vec<usize> {
    let (mut borders, mut after_heading) = (Vec::new(), false);
    for (event, range, depth) in events(text) {
        let Event::Start(tag) = event else { continue };
        if depth == 0 {
            if !after_heading {
                borders.push(range.start);
            }
            after_heading = matches!(tag, Tag::Heading { .. });
        }
    }
    borders
}

/// The length of the first section of `text`: all of it if it has at most `size` bytes. Otherwise it ends after the
/// last empty line, line or word in the second half of those bytes. All white space that follows belongs to it, so that
/// no section is blank.
fn cut(text: &str, size: usize) -> usize {
    let Some(end) = (0..=size).rev().find(|&at| text.is_char_boundary(at)).filter(|&end| end < text.len()) else {
        return text.len();
    };
    let half = (end / 2..end).find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let later = &text[half..end];
    let empty_line = || ["\n\n", "\n\r\n"].iter().filter_map(|lines| later.rfind(lines)).max();
    let border = empty_line().or_else(|| later.rfind('\n')).or_else(|| later.rfind(char::is_whitespace));
    let end = border.map_or(end, |border| half + border);
    let rest = &text[end..];
    text.len() - rest.trim_start().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sections_are_the_text_and_short_but_for_blanks(
            text in "([a-zü語🙂]{1,9}|\r?\n|\n\n| |# [A-Z]\n|```\n|- |> ){0,80}",
            size in 4_usize..50,
            markdown: bool,
        ) {
            let markup = if markdown { Markup::Markdown } else { Markup::Plain };
            let found = sections(&text, markup, size);
            let joined: String = found.iter().map(|section| &text[section.range.clone()]).collect();
            prop_assert_eq!(&joined, &text);
            for section in &found {
                prop_assert!(text[section.range.clone()].trim_end().len() <= size);
            }
        }
    }

    fn parts(text: &str, markup: Markup, size: usize) -> Vec<&str> {
        sections(text, markup, size).into_iter().map(|section| &text[section.range]).collect()
    }

    #[test]
    fn plain_text_is_parted_at_empty_lines_then_at_lines_then_at_words() {
        assert_eq!(parts("aa\nbb\n\ncc\ndd", Markup::Plain, 10), ["aa\nbb\n\n", "cc\ndd"]);
        assert_eq!(parts("aa\r\nbb\r\n\r\ncc\r\ndd", Markup::Plain, 14), ["aa\r\nbb\r\n\r\n", "cc\r\ndd"]);
        assert_eq!(parts("aaaa b\ncc dd", Markup::Plain, 10), ["aaaa b\n", "cc dd"]);
        assert_eq!(parts("aaaa bb cc", Markup::Plain, 9), ["aaaa bb ", "cc"]);
        assert_eq!(parts("üüü", Markup::Plain, 5), ["üü", "ü"]);
    }

    #[test]
    fn markdown_is_parted_between_blocks_but_not_in_code_nor_after_a_heading() {
        let text = "one\n\n```\n# code\n\nmore\n```\n\n# Head\n\ntwo\n";
        assert_eq!(parts(text, Markup::Markdown, 32), ["one\n\n```\n# code\n\nmore\n```\n\n", "# Head\n\ntwo\n"]);
    }

    #[test]
    fn a_block_that_is_too_long_is_plain_text() {
        let text = format!("# Head\n\n- {}\n\nend\n", "item ".repeat(20));
        let found = sections(&text, Markup::Markdown, 60);
        assert_eq!(found.first().unwrap().markup, Markup::Plain);
        assert_eq!(found.last().unwrap().markup, Markup::Markdown);
    }
}

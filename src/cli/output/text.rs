//! Hits for a person: rank, score, id and title on a line, and a snippet below.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use semsearch::search::{Hit, Query};

use super::super::terminal;
use super::HitWriter;
use super::snippet::{Words, one_line, shorten};

const QUERY: Style = Style::new().bold().underline();
const SCORE: Style = AnsiColor::Cyan.on_default();
const ID: Style = Style::new().dimmed();
const TITLE: Style = Style::new().bold();

/// Columns left of a hit's text.
const INDENT: usize = 4;

/// How hits are laid out.
pub(super) struct Layout {
    /// Whole passages instead of snippets.
    full: bool,
    /// Each query above its hits.
    with_query: bool,
    width: usize,
}

impl Layout {
    pub(super) fn new(full: bool, with_query: bool) -> Self {
        Self { full, with_query, width: terminal::width() }
    }
}

pub(super) struct Text<W> {
    out: W,
    layout: Layout,
    begun: bool,
}

impl<W: Write> Text<W> {
    pub(super) fn new(out: W, layout: Layout) -> Self {
        Self { out, layout, begun: false }
    }

    fn hit(&mut self, words: &Words, hit: &Hit, score_width: usize) -> io::Result<()> {
        let (rank, score, document) = (hit.rank, format!("{:.4}", hit.score), &hit.document);
        write!(self.out, "{rank:>2}  {SCORE}{score:>score_width$}{SCORE:#}  {ID}{}{ID:#}", one_line(&document.id))?;
        if let Some(title) = &document.title {
            let room = self.layout.width.saturating_sub(INDENT + score_width + document.id.len() + 4);
            write!(self.out, "  {TITLE}{}{TITLE:#}", shorten(title, room.max(20)))?;
        }
        writeln!(self.out)?;
        if self.layout.full {
            for line in document.text.lines() {
                writeln!(self.out, "{:INDENT$}{}", "", words.mark(&one_line(line)))?;
            }
            return Ok(());
        }
        let room = self.layout.width.saturating_sub(INDENT).max(20);
        writeln!(self.out, "{:INDENT$}{}", "", words.snippet(&document.text, room))
    }
}

impl<W: Write> HitWriter for Text<W> {
    fn write(&mut self, query: &Query, hits: &[Hit]) -> io::Result<()> {
        if self.layout.with_query {
            if self.begun {
                writeln!(self.out)?;
            }
            writeln!(self.out, "{QUERY}{}{QUERY:#}", one_line(&query.text))?;
        }
        self.begun = true;
        let words = Words::of(&query.text);
        let score_width = hits.iter().map(|hit| format!("{:.4}", hit.score).len()).max().unwrap_or(0);
        hits.iter().try_for_each(|hit| self.hit(&words, hit, score_width))
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn shown(full: bool, with_query: bool) -> String {
        let mut bytes = Vec::new();
        sample::written(|out| Text::new(out, Layout { full, with_query, width: 40 }), &mut bytes);
        anstream::adapter::strip_str(&String::from_utf8(bytes).unwrap()).to_string()
    }

    #[test]
    fn scores_align_and_nothing_reaches_the_terminal_but_text() {
        insta::assert_snapshot!(shown(false, false), @r"
         1   0.6989  a b  The show
            They sang. Twice.
         2  -0.2500  c
            Nobody sang [31mhere.
        ");
    }

    #[test]
    fn several_queries_stand_above_their_hits_and_full_keeps_lines() {
        insta::assert_snapshot!(shown(true, true), @r"
        Who sang?
         1   0.6989  a b  The show
            They sang.
            Twice.
         2  -0.2500  c
            Nobody sang [31mhere.

        And?
        ");
    }
}

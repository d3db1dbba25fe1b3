//! The text of a page as it is written: words, the breaks between them, and from which line each comes.

use super::region::Region;

/// The most headings that a page has. Further ones are text like any other.
const MOST_HEADINGS: usize = 1 << 20;

/// What stands between two words. A greater one replaces a smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Break {
    #[default]
    None,
    Space,
    Line,
    /// An empty line.
    Paragraph,
    /// An empty line beside a heading, which not even a cell of a table does without.
    Heading,
}

/// A part of the text that is in one region of the page. Between it and the next one there is only a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) region: Region,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A heading, from byte `start` of the text to `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrittenHeading {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) level: u8,
}

/// Words with the place that they have in the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    pub(super) region: Region,
    /// The lines of the page with the first and the last word.
    pub(super) lines: (u32, u32),
}

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) text: String,
    /// Bytes of the text, each with the line of the page that it comes from, both ascending.
    pub(super) lines: Vec<(u32, u32)>,
    pub(super) headings: Vec<WrittenHeading>,
    pub(super) runs: Vec<Run>,
    pending: Break,
    /// White space before the next word of a preformatted text.
    spaces: String,
    /// The next word is the first one of a list item.
    item_begins: bool,
    /// How many cells of the row began since the last word.
    cells_begun: usize,
    /// The next word is the first one of a cell.
    cell_begins: bool,
    /// Where the row of a table began.
    row: usize,
    /// The level of the heading that is being written, and its start once it has a word.
    heading: Option<(u8, Option<u32>)>,
}

impl Flow {
    /// Has a break stand before the next word.
    pub(super) fn separate(&mut self, by: Break) {
        if by >= Break::Line {
            self.spaces.clear();
        }
        if by < Break::Line || !self.cell_begins {
            self.pending = self.pending.max(by);
        }
    }

    /// Ends the line; a second time, it leaves a line empty.
    pub(super) fn end_line(&mut self) {
        self.separate(if self.pending < Break::Line { Break::Line } else { Break::Paragraph });
    }

    pub(super) fn begin_item(&mut self) {
        self.item_begins = true;
    }

    pub(super) fn end_item(&mut self) {
        self.item_begins = false;
    }

    /// Begins a row of a table, or ends it: no cell is open.
    pub(super) fn begin_row(&mut self) {
        (self.cells_begun, self.cell_begins, self.row) = (0, false, self.text.len());
    }

    pub(super) fn begin_cell(&mut self, is_first: bool) {
        self.end_cell();
        self.cells_begun += usize::from(!is_first && self.pending != Break::Heading);
        self.cell_begins = self.pending != Break::Heading;
    }

    /// Ends a cell: what comes next stands in the same line.
    pub(super) fn end_cell(&mut self) {
        self.cell_begins = false;
        if self.text.len() > self.row && self.pending != Break::Heading {
            self.pending = Break::None;
        }
    }

    pub(super) fn begin_heading(&mut self, level: u8) {
        self.end_heading();
        self.separate_heading();
        self.item_begins = false;
        self.heading = Some((level, None));
    }

    pub(super) fn end_heading(&mut self) {
        if let Some((level, start)) = self.heading.take() {
            let end = self.len();
            let heading = start.map(|start| WrittenHeading { start, end, level });
            self.headings.extend(heading.filter(|_| self.headings.len() < MOST_HEADINGS));
            self.separate_heading();
        }
    }

    /// Separates a heading from what is beside it, even in a row of a table.
    fn separate_heading(&mut self) {
        self.begin_row();
        self.separate(Break::Heading);
    }

    pub(super) fn is_in_heading(&self) -> bool {
        self.heading.is_some()
    }

    /// Whether a heading is being written that has a word already.
    pub(super) fn heading_has_words(&self) -> bool {
        self.heading.is_some_and(|(_, start)| start.is_some())
    }

    /// Writes words. White space between them becomes one space, as in a browser.
    pub(super) fn words(&mut self, words: Words<'_>) {
        let (mut line, last) = words.lines;
        let mut rest = words.text;
        while !rest.is_empty() {
            let word = rest.trim_start_matches(is_space);
            let spaces = &rest[..rest.len() - word.len()];
            if !spaces.is_empty() {
                self.separate(Break::Space);
                line = last.min(line.saturating_add(newlines(spaces)));
            }
            let end = word.find(is_space).unwrap_or(word.len());
            match &word[..end] {
                blank if blank.trim_matches(is_blank).is_empty() && !blank.is_empty() => self.separate(Break::Space),
                "" => {}
                word => {
                    self.begin_word(words.region, line);
                    self.text.push_str(word);
                }
            }
            rest = &word[end..];
        }
    }

    /// Writes a text with its white space, except for what stands before and after all of it.
    pub(super) fn preformatted(&mut self, words: Words<'_>) {
        let (mut line, last) = words.lines;
        for part in words.text.split_inclusive('\n') {
            let code = part.trim_start_matches(is_space);
            self.spaces.push_str(&part[..part.len() - code.len()]);
            let trimmed = code.trim_end_matches(is_space);
            if !trimmed.is_empty() {
                self.begin_code(words.region, line);
                self.text.push_str(trimmed);
                self.spaces.push_str(&code[trimmed.len()..]);
            }
            line = last.min(line.saturating_add(u32::from(part.ends_with('\n'))));
        }
    }

    /// Prepares for a word of a preformatted text: writes the white space before it.
    fn begin_code(&mut self, region: Region, line: u32) {
        let spaces = std::mem::take(&mut self.spaces);
        let (before, indent) = spaces.split_at(spaces.rfind('\n').map_or(0, |newline| newline + 1));
        let begins = self.pending >= Break::Line || self.item_begins || self.cell_begins || self.cells_begun > 0;
        let joins = self.runs.last().is_some_and(|run| run.region.is_like(region)) && !begins;
        if joins {
            self.text.push_str(before);
        }
        self.begin_word(region, line);
        self.text.push_str(indent);
        self.spaces = spaces;
        self.spaces.clear();
    }

    /// Prepares for a word: writes the break before it, and what begins a list item or a cell.
    fn begin_word(&mut self, region: Region, line: u32) {
        let begins_run = self.runs.last().is_none_or(|run| !run.region.is_like(region));
        if begins_run {
            self.end_heading_with_words();
            self.cell_begins = false;
            self.separate(Break::Paragraph);
            let end = self.len();
            self.runs.last_mut().into_iter().for_each(|run| run.end = end);
        }
        self.write_break();
        let start = self.len();
        if begins_run {
            self.runs.push(Run { region, start, end: start });
        }
        if begins_run || self.lines.last().is_none_or(|&(_, last)| last < line) {
            let ascending = self.lines.last().map_or(line, |&(_, last)| last.max(line));
            self.lines.push((start, ascending));
        }
        self.write_cells();
        if std::mem::take(&mut self.item_begins) {
            self.text.push_str("- ");
        }
        let start = self.len();
        self.heading.iter_mut().for_each(|(_, begin)| *begin = begin.or(Some(start)));
    }

    /// Ends a heading that was not closed.
    pub(super) fn end_heading_with_words(&mut self) {
        if self.heading_has_words() {
            self.end_heading();
        }
    }

    fn write_break(&mut self) {
        match std::mem::take(&mut self.pending) {
            _ if self.text.is_empty() => {}
            Break::None => {}
            Break::Space => self.text.push(' '),
            Break::Line => self.text.push('\n'),
            Break::Paragraph | Break::Heading => self.text.push_str("\n\n"),
        }
    }

    /// Writes what separates the cells that began since the last word.
    fn write_cells(&mut self) {
        self.cell_begins = false;
        for _ in 0..std::mem::take(&mut self.cells_begun) {
            if !self.text.ends_with([' ', '\n']) && !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str("| ");
        }
    }

    /// Ends the text.
    pub(super) fn finish(&mut self) {
        self.end_heading();
        let end = self.len();
        self.runs.last_mut().into_iter().for_each(|run| run.end = end);
    }

    /// The length of the text. A page is at most as long as this counts.
    fn len(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }
}

/// White space that browsers collapse.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\n' | '\t' | '\r' | '\x0c')
}

/// Characters that show nothing.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200b}' | '\u{feff}')
}

fn newlines(text: &str) -> u32 {
    text.bytes().fold(0, |count, byte| count.saturating_add(u32::from(byte == b'\n')))
}

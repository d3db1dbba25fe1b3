//! Puts the paragraphs and rows of a document together, and notes where its headings are.

use super::super::extracted::Extracted;
use super::styles::{Kind, Properties, Styles};

/// What a block of text is: blocks of one kind may stand on lines one after the other, without an empty line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Text,
    Items,
    /// The rows of a table, with its number.
    Table(usize),
}

/// A block that waits for its place.
struct Block {
    group: Group,
    text: String,
    heading: Option<u8>,
}

/// The text of a document as it grows.
pub(super) struct Blocks<'a> {
    styles: &'a Styles,
    extracted: Extracted,
    /// The first paragraph with the style of a title.
    title: Option<String>,
    last: Option<Group>,
    /// What stands in text boxes, until the paragraph to which they belong has ended.
    waiting: Vec<Block>,
    /// How many tables are open.
    depth: usize,
    /// How many tables have begun.
    tables: usize,
    /// The cells of the row that is open.
    cells: Vec<String>,
    /// The cell that is open.
    cell: String,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(styles: &'a Styles) -> Self {
        let mut extracted = Extracted::default();
        extracted.outline();
        Self {
            styles,
            extracted,
            title: None,
            last: None,
            waiting: vec![],
            depth: 0,
            tables: 0,
            cells: vec![],
            cell: String::new(),
        }
    }

    /// The whole text, with the title that the text itself says.
    pub(super) fn finish(mut self) -> Extracted {
        let heading = || self.extracted.layout.outline.as_ref().and_then(|outline| outline.title().map(String::from));
        self.extracted.title = self.title.take().or_else(heading);
        self.extracted
    }

    /// Adds a paragraph that stands inside `outer` others.
    pub(super) fn paragraph(&mut self, text: &str, properties: &Properties, outer: usize) {
        let text = text.trim();
        if self.depth > 0 {
            append(&mut self.cell, text);
        } else if !text.is_empty() {
            let block = self.block(text, self.styles.kind(properties));
            self.waiting.push(block);
        }
        if outer == 0 {
            // The paragraph itself comes before its text boxes.
            let own = usize::from(self.depth == 0 && !text.is_empty());
            self.waiting.rotate_right(own);
            self.release();
        }
    }

    fn block(&mut self, text: &str, kind: Kind) -> Block {
        let plain = |text: &str| Block { group: Group::Text, text: text.into(), heading: None };
        match kind {
            Kind::Text => plain(text),
            Kind::Title => {
                self.title.get_or_insert_with(|| one_line(text));
                plain(text)
            }
            Kind::Heading(level) => Block { heading: Some(level), ..plain(&one_line(text)) },
            Kind::Item => Block { group: Group::Items, text: format!("- {text}"), heading: None },
        }
    }

    pub(super) fn start_table(&mut self) {
        self.depth += 1;
        self.tables += 1;
    }

    /// Ends a table that stands inside `outer` paragraphs. The text of a table inside another one is part of the cell
    /// in which it stands.
    pub(super) fn end_table(&mut self, outer: usize) {
        self.depth = self.depth.saturating_sub(1);
        if outer == 0 {
            self.release();
        }
    }

    pub(super) fn end_cell(&mut self) {
        if self.depth == 1 {
            self.cells.push(std::mem::take(&mut self.cell));
        }
    }

    pub(super) fn end_row(&mut self) {
        if self.depth != 1 {
            return;
        }
        let cells = std::mem::take(&mut self.cells);
        if cells.iter().any(|cell| !cell.is_empty()) {
            let text = cells.join(" | ").trim_end().to_owned();
            self.waiting.push(Block { group: Group::Table(self.tables), text, heading: None });
        }
    }

    /// Writes the blocks that waited.
    fn release(&mut self) {
        for block in std::mem::take(&mut self.waiting) {
            self.write(&block);
        }
    }

    fn write(&mut self, block: &Block) {
        let text = &mut self.extracted.text;
        match self.last.replace(block.group) {
            None => {}
            Some(last) if last == block.group && last != Group::Text => text.push('\n'),
            Some(_) => text.push_str("\n\n"),
        }
        let at = text.len();
        text.push_str(&block.text);
        if let Some(level) = block.heading {
            self.extracted.outline().add(at, level, &block.text);
        }
    }
}

/// Adds a paragraph to a cell. A cell has one line.
fn append(cell: &mut String, text: &str) {
    for word in text.split_whitespace() {
        if !cell.is_empty() {
            cell.push(' ');
        }
        cell.push_str(word);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

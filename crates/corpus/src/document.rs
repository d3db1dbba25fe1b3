//! A document: what is made of a record, and what is indexed.

use serde_json::{Map, Value};

use super::{Layout, Markup, Outline, bounded};
use semsearch_files::Place;

/// A text with its id, title and metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The id, unique in an index.
    pub id: String,
    /// Whether the id is a field of the record; if not, it was computed from the record's content.
    pub own_id: bool,
    /// The title, if the record has one.
    pub title: Option<String>,
    /// The text, as it is in the record.
    pub text: String,
    /// All other fields of the record, in their order.
    pub metadata: Map<String, Value>,
    /// Where the record is.
    pub place: Place,
    /// How the text is written, if it is a file of text; `None` for a record of a data format.
    pub markup: Option<Markup>,
    /// Where the headings, lines and pages of the text are, if it is a file of text.
    pub layout: Layout,
    /// Whether the record is a row of a table: some strings of its metadata may be written numbers.
    pub is_row: bool,
}

impl Document {
    /// Whether the text is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The headings of the text, or the items of code.
    pub fn outline(&self) -> Outline {
        let found = || Outline::of_markup(&self.text, self.markup.unwrap_or_default());
        self.layout.outline.clone().unwrap_or_else(found)
    }

    /// The line of the file at which the text begins, from 1, if it is a file of text that has lines.
    pub fn first_line(&self) -> Option<u64> {
        self.markup?;
        self.layout.lines(&self.text).line(self.text.len() - self.text.trim_start().len())
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        self.text.len() + bounded::weight(&self.metadata)
    }
}

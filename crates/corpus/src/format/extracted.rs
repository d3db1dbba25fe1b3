//! A text that was taken out of a file of another kind, such as HTML, PDF or DOCX.

use serde_json::{Map, Value};

use crate::Layout;

/// The text of a file, and what its reader knows of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Extracted {
    /// The title, if the file has one.
    pub(super) title: Option<String>,
    /// The text: paragraphs with an empty line between them. Each heading is a line of its own.
    pub(super) text: String,
    /// Where its headings, lines and pages are. `outline` is always set.
    pub(super) layout: Layout,
    /// What else the file says of itself, such as its author.
    pub(super) metadata: Map<String, Value>,
}

impl Extracted {
    /// The headings found so far.
    #[cfg(any(feature = "docx", feature = "pdf"))]
    pub(super) fn outline(&mut self) -> &mut crate::Outline {
        self.layout.outline.get_or_insert_default()
    }
}

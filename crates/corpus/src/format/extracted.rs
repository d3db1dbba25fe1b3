//! A text that was taken out of a file of another kind, such as HTML, PDF or DOCX.

use std::ops::ControlFlow;

use serde_json::{Map, Value};

use super::content::InputContent;
use super::text::text_record;
use crate::record::RecordSink;
use crate::{CorpusError, Layout, Markup, Outline};
use semsearch_files::Place;

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
    pub(super) fn outline(&mut self) -> &mut Outline {
        self.layout.outline.get_or_insert_default()
    }
}

/// Pushes an input as the one text that `extract` takes out of its bytes. `expected` says what the input should be, for
/// messages.
pub(super) fn read_extracted(
    content: InputContent<'_>,
    sink: &mut RecordSink<'_>,
    expected: &'static str,
    extract: impl FnOnce(&[u8]) -> Result<Extracted, String>,
) -> ControlFlow<()> {
    let (place, path) = (Place::whole(&content.name()), content.path());
    let bytes = match content.whole() {
        Ok(bytes) => bytes,
        Err(error) => return sink(Err(error)),
    };
    let extracted = extract(&bytes).map_err(|found| CorpusError::Format { place: place.clone(), expected, found });
    sink(extracted.and_then(|text| text_record(text, Markup::Plain, path, place)))
}

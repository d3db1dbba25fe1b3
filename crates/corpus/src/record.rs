//! One record of an input, and the function that takes it.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Columns, CorpusError, Layout, Markup};
use semsearch_files::Place;

/// One JSON object of an input, as it was read. A text file is an object too: with its text, path and title.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The fields of the object, in the order of the input.
    pub fields: Map<String, Value>,
    /// Where the record begins.
    pub place: Place,
    /// Whether a `title` field is the title of this record. In SQuAD a title names an article of many passages, so it
    /// is metadata there.
    pub titled: bool,
    /// How the text is written, if the record is a file of text; `None` for an object of a data format.
    pub markup: Option<Markup>,
    /// The columns, if the record is a row of a table. The fields of a row are strings; empty cells are left out.
    pub columns: Option<Arc<Columns>>,
    /// Where the headings, lines and pages of the text are, if the record is a file of text.
    pub layout: Layout,
}

impl Record {
    /// A record of a data format.
    pub(crate) fn of_data(fields: Map<String, Value>, place: Place) -> Self {
        Self { fields, place, titled: true, markup: None, columns: None, layout: Layout::default() }
    }

    /// Whether there is a field at this dotted path, or a column of this name, also if its cell is empty.
    pub fn has_field(&self, path: &str) -> bool {
        let is_column = self.columns.as_ref().is_some_and(|columns| columns.contains(path));
        is_column || has(&self.fields, path)
    }
}

/// Whether there is a value at a dotted path, which may also be the name of one field.
fn has(fields: &Map<String, Value>, path: &str) -> bool {
    let within =
        |(head, rest): (&str, &str)| fields.get(head).and_then(Value::as_object).is_some_and(|inner| has(inner, rest));
    fields.contains_key(path) || path.split_once('.').is_some_and(within)
}

/// Takes what a reader found: a record, or the error of a record. `Break` ends the reading.
///
/// After a bad record, a reader goes on if it can and if the sink continues. A reader that cannot go on (the file is
/// unreadable, a JSON array is broken) passes the error and returns.
pub(crate) type RecordSink<'a> = dyn FnMut(Result<Record, CorpusError>) -> ControlFlow<()> + 'a;

/// The JSON type of a value, for messages.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

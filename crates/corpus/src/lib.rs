//! Records in: files and streams turned into [`Document`]s, and long texts into [`Chunk`]s.
//!
//! [`expand()`] says which files a directory stands for. A reader knows a format and pushes [`Record`]s; [`Fields`] picks
//! id, title and text out of a record and makes it a [`Document`]. Readers stream: their memory does not grow with the
//! input, but for a text file, which is one record. [`chunks()`] cuts what is too long. What a text means to a model is left
//! to an embedder, what is kept of a document to an index.

mod bad_record;
mod bounded;
mod chunk;
mod compression;
mod counter;
mod csv;
mod document;
mod error;
mod expand;
mod file_list;
mod input;
mod json;
mod jsonl;
mod lines;
mod outline;
#[cfg(feature = "parquet")]
mod parquet;
mod peek;
mod read_ahead;
mod rows;
mod section;
mod squad;
mod text;

use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::{Map, Value};

pub use bad_record::BadRecord;
pub use chunk::{Chunk, Chunking, Markup, chunks};
pub use document::{Document, Fields};
pub use error::CorpusError;
pub use expand::{Expanded, Skipped, Unused, expand, file_of};
pub use file_list::files_from;
pub use input::{Format, Input, READER, count, records};
pub use outline::{Heading, Outline};
pub use read_ahead::Records;

use semsearch_files::Place;

/// What some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One JSON object of an input, as it stands there; or a text file, as an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The object's fields, in the order of the input.
    pub fields: Map<String, Value>,
    /// Where the record begins.
    pub place: Place,
    /// Whether a `title` field is the record's own title. SQuAD's titles name articles of many passages, so there it
    /// is metadata.
    pub titled: bool,
    /// How the text is written, if the record is a file of text; `None` for an object of a data format.
    pub markup: Option<Markup>,
    /// The names of all columns, if the record is a row of a table. Its fields are strings, some of which stand for
    /// numbers; empty cells are left out.
    pub columns: Option<Arc<[String]>>,
}

/// Takes what a reader found: a record, or what is wrong with one. `Break` ends the reading.
///
/// A reader that can go on after a bad record does, if the sink continues; one that cannot (an unreadable file, a
/// broken JSON array) hands over the error and returns.
type Sink<'a> = dyn FnMut(Result<Record, CorpusError>) -> ControlFlow<()> + 'a;

/// The JSON type of a value, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

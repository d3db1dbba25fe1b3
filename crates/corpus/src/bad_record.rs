//! What can be wrong with one record.

use semsearch_files::Place;

/// What is wrong with one record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadRecord {
    /// The bytes are not JSON.
    #[error("invalid JSON: {reason} (column {column})")]
    Json {
        /// What the parser expected.
        reason: String,
        /// 1-based byte column.
        column: usize,
    },
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8 at byte {byte} of the line")]
    Utf8 {
        /// 1-based position of the first bad byte.
        byte: usize,
    },
    /// The bytes are not in the encoding that the byte order mark or the options say.
    #[error("invalid {encoding}")]
    Encoding {
        /// The encoding's name.
        encoding: &'static str,
    },
    /// The record has too many bytes.
    #[error("the record is longer than {} MiB", .max >> 20)]
    TooLarge {
        /// The maximum number of bytes.
        max: usize,
    },
    /// The record has too many values.
    #[error("the record has more than {max} values")]
    Values {
        /// The maximum number of values.
        max: usize,
    },
    /// The metadata of the record would take too much room in an index.
    #[error("its metadata are too large: an index would need more than {} MiB to filter by them", .max >> 20)]
    Metadata {
        /// The maximum number of bytes.
        max: usize,
    },
    /// The text is nothing but white space.
    #[error("its text is blank")]
    Blank,
    /// The JSON value is not an object.
    #[error("a record is a JSON object, this is {found}")]
    NotAnObject {
        /// The JSON type found.
        found: &'static str,
    },
    /// The row of a table has too few or too many cells.
    #[error("the number of cells is {found}, the first row has {expected}")]
    Cells {
        /// The number of cells.
        found: usize,
        /// The number of names in the first row.
        expected: usize,
    },
    /// A cell of a table is not UTF-8.
    #[error("invalid UTF-8 at byte {byte} of cell {cell}")]
    CellUtf8 {
        /// The 1-based number of the cell in its row.
        cell: usize,
        /// 1-based position of the first bad byte in the cell, without its quotes.
        byte: usize,
    },
    /// A quote in a table is never closed, so the row never ends.
    #[error("a quote is opened and never closed")]
    OpenQuote,
    /// The record has none of the fields that may hold the text.
    #[error("no text: none of the fields {} is present", .looked_for.join(", "))]
    NoText {
        /// The field names tried, in order.
        looked_for: Vec<String>,
    },
    /// A field has a type that cannot be used.
    #[error("field `{field}` is {found}, expected {expected}")]
    Type {
        /// Dotted path of the field.
        field: String,
        /// The JSON type found.
        found: &'static str,
        /// The JSON type expected.
        expected: &'static str,
    },
    /// The id has no characters.
    #[error("field `{field}` is an empty id")]
    EmptyId {
        /// Dotted path of the field.
        field: String,
    },
    /// The id is too long to be looked up.
    #[error("field `{field}` is an id of {bytes} bytes, the maximum is {max}")]
    LongId {
        /// Dotted path of the field.
        field: String,
        /// Its length.
        bytes: usize,
        /// The maximum length.
        max: usize,
    },
    /// Two records of one input have the same id.
    #[error("id {id:?} is already used at {first}")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it occurs first.
        first: Place,
    },
    /// The text is longer than the maximum length, and such texts were to be errors.
    #[error("the text has {tokens} tokens, the maximum is {max}")]
    TooLong {
        /// The number of tokens of the whole text, with special tokens.
        tokens: usize,
        /// The maximum length.
        max: usize,
    },
    /// A query has no text.
    #[error("the query is empty")]
    EmptyQuery,
}

impl BadRecord {
    /// Makes the error of a line that is not JSON. The line number of `error` is left out: the record's place has the
    /// line.
    pub fn json(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Self::Json { reason, column: error.column() }
    }

    /// Makes the error of a line that is not UTF-8.
    pub fn utf8(error: std::str::Utf8Error) -> Self {
        Self::Utf8 { byte: error.valid_up_to() + 1 }
    }
}

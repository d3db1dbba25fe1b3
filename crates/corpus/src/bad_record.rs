//! What is wrong with one record.

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
    /// A record of more bytes than are read.
    #[error("more than {} MiB long: that is no record", .max >> 20)]
    TooLarge {
        /// The most bytes.
        max: usize,
    },
    /// A record of more values than are read.
    #[error("more than {max} values: that is no record")]
    Values {
        /// The most values.
        max: usize,
    },
    /// A record whose metadata would take too much in an index.
    #[error("its metadata take more than {} MiB to be filtered by", .max >> 20)]
    Metadata {
        /// The most bytes.
        max: usize,
    },
    /// A text of white space alone.
    #[error("its text is blank")]
    Blank,
    /// A JSON value that is not an object.
    #[error("a record is a JSON object, this is {found}")]
    NotAnObject {
        /// The JSON type found.
        found: &'static str,
    },
    /// A row of a table with too few or too many cells.
    #[error("the row's cells are {found}, the first row has {expected}")]
    Cells {
        /// How many there are.
        found: usize,
        /// How many names the first row has.
        expected: usize,
    },
    /// A cell of a table that is not UTF-8.
    #[error("invalid UTF-8 at byte {byte} of cell {cell}")]
    CellUtf8 {
        /// 1-based number of the cell in its row.
        cell: usize,
        /// 1-based position of the first bad byte in the cell, without its quotes.
        byte: usize,
    },
    /// A row of a table that takes in all that follows.
    #[error("a quote is opened and never closed")]
    OpenQuote,
    /// None of the fields looked for is there.
    #[error("no text: none of the fields {} is present", .looked_for.join(", "))]
    NoText {
        /// The field names tried, in order.
        looked_for: Vec<String>,
    },
    /// A field has a type that cannot serve.
    #[error("field `{field}` is {found}, expected {expected}")]
    Type {
        /// Dotted path of the field.
        field: String,
        /// The JSON type found.
        found: &'static str,
        /// The JSON type expected.
        expected: &'static str,
    },
    /// An id with no characters.
    #[error("field `{field}` is an empty id")]
    EmptyId {
        /// Dotted path of the field.
        field: String,
    },
    /// An id that is too long to be looked up.
    #[error("field `{field}` is an id of {bytes} bytes, at most {max} are possible")]
    LongId {
        /// Dotted path of the field.
        field: String,
        /// Its length.
        bytes: usize,
        /// The longest that is possible.
        max: usize,
    },
    /// Two records of one input share an id.
    #[error("id {id:?} stands already at {first}")]
    DuplicateId {
        /// The id.
        id: String,
        /// Where it was seen first.
        first: Place,
    },
    /// `--long error` met a text over the maximum length.
    #[error("the text has {tokens} tokens, the maximum is {max}")]
    TooLong {
        /// Tokens of the whole text, specials included.
        tokens: usize,
        /// The maximum length in force.
        max: usize,
    },
    /// A query with no text.
    #[error("the query is empty")]
    EmptyQuery,
}

impl BadRecord {
    /// A line that is not JSON. serde_json counts lines within what it was given; the record's place says it better.
    pub fn json(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or(&message).to_owned();
        Self::Json { reason, column: error.column() }
    }

    /// A line that is not UTF-8.
    pub fn utf8(error: std::str::Utf8Error) -> Self {
        Self::Utf8 { byte: error.valid_up_to() + 1 }
    }
}

//! What is wrong with one line of judgements or of a run.

use semsearch_files::Place;

/// What is wrong with one line of judgements or of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadLine {
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8 at byte {byte} of the line")]
    Utf8 {
        /// 1-based position of the first bad byte.
        byte: usize,
    },
    /// The line is too long.
    #[error("the line is longer than {} MiB", .max >> 20)]
    TooLarge {
        /// The maximum number of bytes.
        max: usize,
    },
    /// The line has too few or too many columns.
    #[error("the number of columns is {found}, expected {expected}")]
    Columns {
        /// The number of columns in the line.
        found: usize,
        /// The number that is needed, and what the columns are.
        expected: &'static str,
    },
    /// The id of a query or of a document has no characters.
    #[error("field `{field}` is an empty id")]
    EmptyId {
        /// The name of the column.
        field: &'static str,
    },
    /// The grade of a judgement is not a whole number.
    #[error("the grade {word:?} is not a whole number")]
    Grade {
        /// The word in the column of grades.
        word: String,
    },
    /// The score of a hit is not a number. NaN has no place in a ranking.
    #[error("the score {word:?} is not a number")]
    Score {
        /// The word in the column of scores.
        word: String,
    },
    /// A document occurs twice for one query.
    #[error("document {document:?} is already listed for this query at {first}")]
    DuplicatePair {
        /// The document's id.
        document: String,
        /// Where it occurs first.
        first: Place,
    },
}

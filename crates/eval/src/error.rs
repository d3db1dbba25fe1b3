//! Every way in which an evaluation can fail.

use std::io;
use std::sync::Arc;

use semsearch_files::Place;

use super::BadLine;

/// Judgements or a run cannot be read, or cannot be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// Reading a file failed before its end.
    #[error("{place}: cannot read")]
    Input {
        /// The file, and the line at which reading failed.
        place: Place,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file contains no judgement, or no hit.
    #[error("{input}: no records in it")]
    NoRecords {
        /// The file's name.
        input: Arc<str>,
    },
    /// One line is bad.
    #[error("{place}: {problem}")]
    Line {
        /// Where the line is.
        place: Place,
        /// What is wrong with it.
        problem: BadLine,
    },
    /// The name of a metric is not known, or its cut-off is missing or wrong.
    #[error("unknown metric {word:?}: known are {known}")]
    UnknownMetric {
        /// The name that was asked for.
        word: String,
        /// All names that are known.
        known: &'static str,
    },
    /// A score is NaN, so it has no place in a ranking.
    #[error("query {query:?}: the score of document {document:?} is not a number")]
    NotRanked {
        /// The query's id.
        query: String,
        /// The document's id.
        document: String,
    },
}

//! Every way in which reading records can fail.

use std::io;
use std::path::Path;
use std::sync::Arc;

use semsearch_files::{Cause, FileError, Place};

use super::BadRecord;

/// Records cannot be read, or one of them is bad.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A file or directory could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Reading an input failed before its end.
    #[error("{place}: cannot read")]
    Input {
        /// The input, and the line at which reading failed.
        place: Place,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An input contains no record.
    #[error("{input}: no records in it")]
    NoRecords {
        /// The input's name.
        input: Arc<str>,
    },
    /// A directory, or a list of files, contains no file that can be read.
    #[error("{input}: nothing to read in it")]
    NoFiles {
        /// The directory or the list.
        input: Arc<str>,
    },
    /// A pattern for file names cannot be understood.
    #[error("cannot understand the glob {glob:?}")]
    Glob {
        /// The pattern.
        glob: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The overlap of chunks is not smaller than a chunk.
    #[error("chunks of {tokens} tokens cannot overlap by {overlap}")]
    Chunking {
        /// The maximum number of tokens in a chunk.
        tokens: usize,
        /// The overlap that was asked for.
        overlap: usize,
    },
    /// The content of an input is not in the format that was named or guessed.
    #[error("{place}: not {expected}: {found}")]
    Format {
        /// The input.
        place: Place,
        /// The expected format.
        expected: &'static str,
        /// What the input contains instead.
        found: String,
    },
    /// One record is bad.
    #[error("{place}: {problem}")]
    Record {
        /// Where the record is.
        place: Place,
        /// What is wrong with it.
        problem: BadRecord,
    },
    /// The name of a format is not known.
    #[error("unknown format {name:?}: known are {known}")]
    UnknownFormat {
        /// The name.
        name: String,
        /// All names that are known.
        known: String,
    },
    /// The library was built without a feature that the input needs.
    #[error("{what} needs a build with the feature `{feature}`")]
    NotBuiltIn {
        /// What was attempted.
        what: String,
        /// The Cargo feature.
        feature: &'static str,
    },
}

impl CorpusError {
    /// Makes the error for a bad record at `place`.
    pub fn record(place: &Place, problem: BadRecord) -> Self {
        Self::Record { place: place.clone(), problem }
    }

    /// Makes the error for a file at `path` that could not be read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::read(path)(source).into()
    }
}

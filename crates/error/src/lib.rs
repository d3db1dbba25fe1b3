//! Every way the library can fail, as one type.
//!
//! A variant says what and where; its `#[source]` says why. Nothing here prints: the command line joins the chain into one
//! line, and says what to type next.

mod record;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use record::BadRecord;
pub use semsearch_encoder::EncoderError;
pub use semsearch_files::{Cause, FileError, Panicked, Place, guarded, is_guarded};
pub use semsearch_hub::HubError;
pub use semsearch_models::ModelsError;

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with a filter expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at character {character}, found {found}")]
pub struct BadFilter {
    /// What could stand there.
    pub expected: String,
    /// What stands there, shortened.
    pub found: String,
    /// Where: 0-based offset in bytes, at the end of the expression at most.
    pub byte: usize,
    /// The same place, as the 1-based number of a character.
    pub character: usize,
}

/// A failure of the library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// An input stopped giving bytes.
    #[error("{place}: cannot read")]
    Input {
        /// The input, and the line reached.
        place: Place,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// An input without a single record.
    #[error("{input}: no records in it")]
    NoRecords {
        /// The input's name.
        input: Arc<str>,
    },
    /// A directory or a list of files that stands for no file.
    #[error("{input}: nothing to read in it")]
    NoFiles {
        /// The directory or list.
        input: Arc<str>,
    },
    /// A pattern for file names that is none.
    #[error("glob {glob:?}")]
    Glob {
        /// The pattern.
        glob: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// Chunks that would repeat all of the one before.
    #[error("chunks of {tokens} tokens cannot overlap by {overlap}")]
    Chunking {
        /// The most tokens of a chunk.
        tokens: usize,
        /// The overlap asked for.
        overlap: usize,
    },
    /// An input whose format is not the one named or guessed.
    #[error("{place}: not {expected}: {found}")]
    Format {
        /// The input.
        place: Place,
        /// The format expected.
        expected: &'static str,
        /// What is there instead.
        found: String,
    },
    /// One record is bad.
    #[error("{place}: {problem}")]
    Record {
        /// Where it stands.
        place: Place,
        /// What is wrong with it.
        problem: BadRecord,
    },
    /// The query is empty.
    #[error("the query is empty")]
    EmptyQuery,
    /// A metric that is not known, or not in this form.
    #[error("no metric {word:?}: known are {known}")]
    UnknownMetric {
        /// What was asked for.
        word: String,
        /// All that are known.
        known: &'static str,
    },
    /// A score that is not a number, and so has no place in a ranking.
    #[error("query {query:?}: the score of document {document:?} is not a number")]
    NotRanked {
        /// The query's id.
        query: String,
        /// The document's id.
        document: String,
    },
    /// A filter expression that cannot be understood.
    #[error("cannot understand the filter")]
    Filter(#[from] BadFilter),

    /// A model cannot be loaded or run.
    #[error(transparent)]
    Encoder(EncoderError),
    /// A file of the Hub cannot be had.
    #[error(transparent)]
    Hub(HubError),
    /// A model cannot be found, downloaded or imported.
    #[error(transparent)]
    Models(ModelsError),
    /// This index, this build or this processor does not support a setting.
    #[error("{0}")]
    Unsupported(String),
    /// This build lacks a feature.
    #[error("{what} needs a build with the feature `{feature}`")]
    NotBuiltIn {
        /// What was to be done.
        what: String,
        /// The Cargo feature.
        feature: &'static str,
    },

    /// There is no index.
    #[error("{}: no index here", .dir.display())]
    NoIndex {
        /// The directory looked at.
        dir: PathBuf,
    },
    /// The directory is in use for something else.
    #[error("{}: not an index, and not empty", .dir.display())]
    NotAnIndex {
        /// The directory.
        dir: PathBuf,
    },
    /// A file in an index's directory that semsearch did not write.
    #[error("{}: not a file of semsearch's", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The index's directory was moved, removed or replaced while it was written, or another writer took it over.
    #[error("{}: moved, removed or changed by somebody else while it was written: nothing of the last part was committed", .dir.display())]
    Displaced {
        /// Where the directory was.
        dir: PathBuf,
    },
    /// A commit that readers see, of which the system could not say that it is on the disk.
    #[error("{}: committed, but the commit may be lost if the power fails now", .dir.display())]
    Unsynced {
        /// The directory.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The index was written by a newer release.
    #[error("{}: index format {found}, this release reads {supported}", .dir.display())]
    NewerFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
        /// The one understood.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is no longer read.
    #[error("{}: index format {found}, this release reads {supported}", .dir.display())]
    OlderFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
        /// The one understood.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is read, but no longer written.
    #[error("{}: index format {found} can be searched, but not added to", .dir.display())]
    ReadOnlyFormat {
        /// The directory.
        dir: PathBuf,
        /// Its format version.
        found: u32,
    },
    /// The index was written by an older release, which kept neither words nor metadata to be searched.
    #[error("{}: an older release built it, without what lexical search and filters need", .dir.display())]
    NoWords {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of the index is missing or has other bytes than were committed.
    #[error("{}: damaged index: {what}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// The index was built with other settings.
    #[error("{}: built with {setting} {recorded}, asked for {asked}", .dir.display())]
    Mismatch {
        /// The directory.
        dir: PathBuf,
        /// The setting, as its option is called.
        setting: &'static str,
        /// What the index recorded.
        recorded: String,
        /// What was asked for.
        asked: String,
    },
    /// Another process writes the index.
    #[error("{}: another process is writing this index{}", .dir.display(), .holder)]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// ` (process 123)` where that is known, else empty.
        holder: String,
    },
    /// A factory's index cannot be trained.
    #[error("{}: cannot train {factory} on {vectors} vectors", .dir.display())]
    Training {
        /// The index's directory.
        dir: PathBuf,
        /// FAISS's factory string.
        factory: String,
        /// How many vectors there were.
        vectors: usize,
        /// FAISS's words.
        #[source]
        source: Cause,
    },
    /// A file of given vectors is not what was announced, or does not go with the records or the model.
    #[error("{}: {what}", .path.display())]
    GivenVectors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to type next.
        hint: &'static str,
    },
    /// tantivy or FAISS failed.
    #[error("{}: {what}", .path.display())]
    Index {
        /// The file or directory worked on.
        path: PathBuf,
        /// What was being done.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Error {
    /// The file at `path` is not as it was committed.
    pub fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into(), source: None }
    }

    /// A bad record at `place`.
    pub fn record(place: &Place, problem: BadRecord) -> Self {
        Self::Record { place: place.clone(), problem }
    }

    /// `path` could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::read(path)(source).into()
    }

    /// `path` could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::write(path)(source).into()
    }
}

/// A file is reported as a file, whichever crate read it.
impl From<EncoderError> for Error {
    fn from(error: EncoderError) -> Self {
        match error {
            EncoderError::File(error) => Self::File(error),
            error => Self::Encoder(error),
        }
    }
}

impl From<HubError> for Error {
    fn from(error: HubError) -> Self {
        match error {
            HubError::File(error) => Self::File(error),
            error => Self::Hub(error),
        }
    }
}

impl From<ModelsError> for Error {
    fn from(error: ModelsError) -> Self {
        match error {
            ModelsError::File(error) => Self::File(error),
            ModelsError::Encoder(error) => error.into(),
            ModelsError::Hub(error) => error.into(),
            error => Self::Models(error),
        }
    }
}

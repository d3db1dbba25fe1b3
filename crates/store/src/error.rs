//! Every way in which an index can fail.

use std::io;
use std::path::{Path, PathBuf};

use semsearch_files::{Cause, FileError, Place};

/// Why a server did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerFailure {
    /// It cannot be reached, or the connection broke.
    Unreachable,
    /// It does not accept the user, the password or the database.
    Login,
    /// It accepts only encrypted connections, or none that is as asked for.
    Encryption,
    /// The user may not do this.
    Privileges,
    /// Its disk is full.
    Full,
    /// An extension is missing there, or too old.
    Extension,
    /// It did not answer in time.
    Slow,
    /// It does not accept changes, since it is a replica.
    ReadOnly,
    /// The commit that is read was removed there meanwhile.
    Outdated,
    /// Something else.
    Other,
}

/// An index cannot be read or written. A variant says what failed and where; its `#[source]` says why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no index.
    #[error("{}: no index here", .dir.display())]
    NoIndex {
        /// The directory that was looked at.
        dir: PathBuf,
    },
    /// The directory is used for something else.
    #[error("{}: not an index, and not empty", .dir.display())]
    NotAnIndex {
        /// The directory.
        dir: PathBuf,
    },
    /// A file in an index's directory that semsearch did not write.
    #[error("{}: not a file of semsearch", .path.display())]
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
    /// Readers see the commit, but the system could not confirm that it is on the disk.
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
        /// The format version of the index.
        found: u32,
        /// The newest format version that this release reads.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is no longer read.
    #[error("{}: index format {found}, this release reads {supported}", .dir.display())]
    OlderFormat {
        /// The directory.
        dir: PathBuf,
        /// The format version of the index.
        found: u32,
        /// The newest format version that this release reads.
        supported: u32,
    },
    /// The index was written by an older release, in a format that is still read, but no longer written.
    #[error("{}: index format {found} can be searched, but not added to", .dir.display())]
    ReadOnlyFormat {
        /// The directory.
        dir: PathBuf,
        /// The format version of the index.
        found: u32,
    },
    /// The index was written by an older release, which stored neither words nor metadata for searching.
    #[error("{}: an older release built it, without what lexical search and filters need", .dir.display())]
    NoWords {
        /// The directory.
        dir: PathBuf,
    },
    /// A file of the index is missing, or its bytes are not those that were committed.
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
        /// The setting, by the name of its option.
        setting: &'static str,
        /// What the index recorded.
        recorded: String,
        /// What was asked for.
        asked: String,
    },
    /// Another process is writing the index.
    #[error("{}: another process is writing this index{}", .dir.display(), .holder)]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// ` (process 123)` if the process is known, otherwise empty.
        holder: String,
    },
    /// An index of the factory cannot be trained.
    #[error("{}: cannot train {factory} on {vectors} vectors", .dir.display())]
    Training {
        /// The index's directory.
        dir: PathBuf,
        /// FAISS's factory string.
        factory: String,
        /// How many vectors there were.
        vectors: usize,
        /// FAISS's message.
        #[source]
        source: Cause,
    },
    /// A vector is so long that FAISS cannot compare it with others in an index of the factory.
    #[error("{}: a vector of length {length:.1e} is too long for {factory}, which takes less than {longest:.1e}", .dir.display())]
    TooLong {
        /// The index's directory.
        dir: PathBuf,
        /// FAISS's factory string.
        factory: String,
        /// The vector's length.
        length: f64,
        /// The length from which on vectors are too long.
        longest: f64,
    },
    /// Two records of one input share an id.
    #[error("{place}: id {id:?} is already used at {first}")]
    RepeatedId {
        /// The place of the second record.
        place: Place,
        /// The id.
        id: String,
        /// The place of the first record.
        first: Place,
    },
    /// Two indexes that are to become one have a document of the same id.
    #[error("{}: document {id:?} is in {} too", .second.display(), .first.display())]
    SharedId {
        /// The id.
        id: String,
        /// The index that is merged first.
        first: PathBuf,
        /// The other index.
        second: PathBuf,
    },
    /// A server that keeps the index failed, or refused.
    #[error("{}: {what}", .place.display())]
    Server {
        /// The address of the server.
        place: PathBuf,
        /// What was being done, and with which server.
        what: String,
        /// The kind of failure.
        failure: ServerFailure,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// A setting that the index, the build or the machine does not support.
    #[error("{0}")]
    Unsupported(String),
    /// A library that keeps a part of the index failed.
    #[error("{}: {what}", .path.display())]
    Library {
        /// The file or directory on which the library worked.
        path: PathBuf,
        /// What was being done.
        what: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl StoreError {
    /// The file at `path` is not as it was committed.
    pub fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.into(), source: None }
    }

    /// `path` could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| match source.kind() {
            // A file of an index has a known length.
            io::ErrorKind::UnexpectedEof => Self::damaged(path, "it is cut off"),
            _ => FileError::read(path)(source).into(),
        }
    }

    /// `path` could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::write(path)(source).into()
    }
}

//! The error of a file that cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};

/// A cause from a library. Its own type of error stays out of this project's types.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A file or directory could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It could not be read.
    #[error("{}: cannot read", .path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It could not be written.
    #[error("{}: cannot write", .path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    /// Makes the error for a file at `path` that could not be read.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// Makes the error for a file at `path` that could not be written.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Write { path: path.to_owned(), source }
    }
}

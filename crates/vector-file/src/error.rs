//! Every way in which a file of vectors can fail.

use std::io;
use std::path::{Path, PathBuf};

use semsearch_files::FileError;

/// A file of vectors cannot be read or written, or its content is not what is needed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorFileError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file contains no matrix of 32-bit floats, or is shorter than its header says.
    #[error("{}: {what}", .path.display())]
    NoMatrix {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A component of a vector is infinite or NaN.
    #[error("{}: row {row} (from 0) has {value} at component {component}", .path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// The component, from 0.
        component: usize,
        /// Its value.
        value: f32,
    },
    /// The length of a vector is not 1, although normalized vectors were asked for.
    #[error("{}: row {row} (from 0) has length {length:.4}, not 1", .path.display())]
    NotNormalized {
        /// The file.
        path: PathBuf,
        /// The row, from 0.
        row: u64,
        /// Its length.
        length: f64,
    },
}

impl VectorFileError {
    /// Makes the error for a file at `path` that could not be read.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::read(path)(source).into()
    }

    /// Makes the error for a file at `path` that could not be written.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| FileError::write(path)(source).into()
    }
}

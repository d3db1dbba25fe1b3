//! Every way in which the Hub's repositories and their cache can fail.

use std::path::PathBuf;

use semsearch_files::{Cause, FileError};

/// A file of the Hub cannot be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A file of the cache could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The Hub did not send a file.
    #[error("{kind} {id}: cannot download {file} from {endpoint}")]
    Download {
        /// A model or a data set.
        kind: &'static str,
        /// The repository's id.
        id: String,
        /// The file.
        file: String,
        /// The Hub's address.
        endpoint: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The Hub has no such repository, revision or file.
    #[error("{kind} {id}: no {file} on {endpoint}")]
    NotOnHub {
        /// A model or a data set.
        kind: &'static str,
        /// The repository's id.
        id: String,
        /// The file.
        file: String,
        /// The Hub's address.
        endpoint: String,
        /// The Hub's answer.
        #[source]
        source: Cause,
    },
    /// The address of a data set is wrong, or more than one of its files may be meant.
    #[error("{address}: {what}")]
    DataSet {
        /// The data set's address.
        address: String,
        /// What is wrong.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// A file's content differs from what its digest promises.
    #[error("{}: its SHA-256 is {found}, expected {expected}", .path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The expected digest, hexadecimal.
        expected: String,
        /// The digest of the file.
        found: String,
    },
    /// This build cannot download.
    #[error("{what} needs a build with the feature `{feature}`")]
    NotBuiltIn {
        /// What was attempted.
        what: String,
        /// The Cargo feature.
        feature: &'static str,
    },
}

//! Every way in which finding a model can fail.

use semsearch_encoder::EncoderError;
use semsearch_files::FileError;
use semsearch_hub::HubError;

/// A model cannot be found, downloaded or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the model is missing or damaged.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The Hub has no such model, did not send it, or sent something else.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The model is not on this machine, and the network may not be used.
    #[error("model {id} is not on this machine: no {missing}")]
    ModelOffline {
        /// The model's id.
        id: String,
        /// The first missing file, and the places where it was looked for.
        missing: String,
    },
    /// The name is that of a file.
    #[error("{0}: a file, expected a directory with the files of a model")]
    NotADirectory(String),
    /// The name is neither a directory nor a possible name on the Hub.
    #[error("{0}: no such directory")]
    NoDirectory(String),
    /// The name of a model is not a possible name on the Hub.
    #[error("{0:?} is not a Hub id: expected OWNER/NAME")]
    NotAnId(String),
    /// The revision is not a possible revision on the Hub.
    #[error("{0:?} is not a valid revision of a model")]
    NotARevision(String),
}

//! Every way in which a model can fail: its files, its texts, or the device that computes.

use std::path::PathBuf;

use semsearch_files::{Cause, FileError};

/// A model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model lacks a file.
    #[error("{}: the model has no {file}", .dir.display())]
    ModelFile {
        /// The model's directory.
        dir: PathBuf,
        /// The missing file.
        file: &'static str,
    },
    /// A file of the model is damaged, or its content is not supported.
    #[error("{}: {what}", .path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// This model or this build does not support a setting.
    #[error("{0}")]
    Unsupported(String),
    /// A GPU cannot be used.
    #[error("{device} cannot be used: {what}")]
    Device {
        /// The device.
        device: String,
        /// What is wrong with it.
        what: String,
        /// Whether the machine simply has no GPU, or no driver for one.
        missing: bool,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// A batch does not fit into a GPU's memory.
    #[error("{device} has no memory for a batch of {tokens} tokens")]
    DeviceMemory {
        /// The device.
        device: String,
        /// The tokens of the batch.
        tokens: usize,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The arithmetic failed, or its result is not finite.
    #[error("the encoder failed on {device}")]
    Arithmetic {
        /// Where it ran.
        device: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

//! The JSON files of a model, read with a limit.

use std::io::ErrorKind;
use std::path::Path;

use semsearch_files::{FileError, open_regular, read_bounded};
use serde::de::DeserializeOwned;

use crate::error::EncoderError;

/// The largest JSON file that is read, in bytes. The usual files have a few thousand bytes.
pub(crate) const MAX_JSON: u64 = 1 << 20;

/// Reads the bytes of a file; `None` if there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, EncoderError> {
    match open_regular(path).and_then(|file| read_bounded(file, MAX_JSON)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::read(path)(error).into()),
    }
}

/// Parses the bytes of the file at `path`.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T, EncoderError> {
    serde_json::from_slice(bytes).map_err(|source| EncoderError::Model {
        path: path.into(),
        what: "damaged, or not a file of a model".into(),
        source: Some(source.into()),
    })
}

/// Reads and parses a file; `None` if there is none.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EncoderError> {
    read(path)?.map(|bytes| parse(path, &bytes)).transpose()
}
/// Reads and parses a file that must be there.
pub(crate) fn load_required<T: DeserializeOwned>(path: &Path) -> Result<T, EncoderError> {
    let missing = || FileError::Read { path: path.into(), source: ErrorKind::NotFound.into() };
    Ok(load(path)?.ok_or_else(missing)?)
}

//! The library's errors among the causes of a failure.

use semsearch::corpus::CorpusError;
use semsearch::engine::EngineError;
use semsearch::error::FileError;
use semsearch::index::StoreError;

/// The error of an index, wherever it is wrapped.
pub(super) fn of_store(error: &anyhow::Error) -> Option<&StoreError> {
    match error.downcast_ref() {
        Some(EngineError::Store(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// The error of a file, wherever it is wrapped.
pub(super) fn of_file(error: &anyhow::Error) -> Option<&FileError> {
    if let Some(StoreError::File(error)) = of_store(error) {
        return Some(error);
    }
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(EngineError::File(error)), _) => Some(error),
        (_, Some(CorpusError::File(error))) => Some(error),
        _ => error.downcast_ref(),
    }
}

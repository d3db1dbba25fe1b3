//! The library's errors among the causes of a failure.

use semsearch::engine::EngineError;
use semsearch::error::Error;
use semsearch::index::StoreError;

/// The error of an index, wherever it is wrapped.
pub(super) fn of_store(error: &anyhow::Error) -> Option<&StoreError> {
    match error.downcast_ref() {
        Some(EngineError::Store(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

/// The error of the library, wherever it is wrapped.
pub(super) fn of_library(error: &anyhow::Error) -> Option<&Error> {
    match error.downcast_ref() {
        Some(EngineError::Library(error)) => Some(error),
        _ => error.downcast_ref(),
    }
}

//! FAISS's failures as errors of the index.

use std::path::Path;

use semsearch_store::StoreError;

pub(super) fn failed(path: &Path, what: &str) -> impl FnOnce(faiss::error::Error) -> StoreError {
    let (path, what) = (path.to_owned(), what.to_owned());
    move |source| index_error(&path, &what, source.to_string())
}

/// The error of a file that FAISS cannot read although it was found valid just before. Either there is no memory for
/// it, or the file has changed.
pub(super) fn unreadable(path: &Path) -> impl FnOnce(faiss::error::Error) -> StoreError {
    move |error| {
        let message = error.to_string();
        match message.contains("bad_alloc") {
            true => index_error(path, "cannot open", message),
            false => StoreError::damaged(path, format!("FAISS cannot read it: {}", reason(&message))),
        }
    }
}

pub(super) fn index_error(path: &Path, what: &str, words: String) -> StoreError {
    StoreError::Library { path: path.into(), what: what.into(), source: reason(&words).into() }
}

/// FAISS's message without the C++ function and source line at its beginning.
pub(super) fn reason(message: &str) -> &str {
    let tail = message.rsplit_once("Error: ").map_or(message, |(_, tail)| tail);
    let tail = tail.split_once("failed: ").map_or(tail, |(_, tail)| tail);
    // `Error in FUNCTION at FILE:LINE: …`
    let words =
        tail.rsplit_once(".cpp:").and_then(|(_, after)| after.split_once(": ")).map_or(tail, |(_, words)| words);
    words.trim()
}

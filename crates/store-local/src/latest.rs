//! Reads the newest commit of a directory, even while a writer replaces it.

use std::io;
use std::path::Path;

use semsearch_files::Dir;

use super::manifest::Manifest;
use semsearch_store::StoreError;

/// Opens an index's directory for reading; `None` if there is none.
fn opened(dir: &Path) -> Result<Option<Dir>, StoreError> {
    match Dir::open(dir) {
        Ok(root) => Ok(Some(root)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(StoreError::read(dir)(error)),
    }
}

/// Reads the newest commit of the index at `dir`. If this fails or `is_good` refuses the result, and there is a newer
/// commit by then, it is read again: a writer may remove files that its new commit does not need at any moment, and a
/// reader may see this as any error.
pub(super) fn with_latest<T>(
    dir: &Path,
    read: impl Fn(&Dir, &[u8]) -> Result<T, StoreError>,
    is_good: impl Fn(&T) -> bool,
) -> Result<T, StoreError> {
    let none = || StoreError::NoIndex { dir: dir.into() };
    loop {
        let root = opened(dir)?.ok_or_else(none)?;
        let before = Manifest::bytes(&root)?.ok_or_else(none)?;
        let changed = || -> Result<bool, StoreError> {
            let now = opened(dir)?.ok_or_else(none)?;
            Ok(Manifest::bytes(&now)?.as_ref() != Some(&before))
        };
        let outcome = read(&root, &before);
        if outcome.as_ref().is_ok_and(&is_good) || !changed()? {
            return outcome;
        }
    }
}

/// The manifest of the latest commit of the index at `dir`; `None` if there is no index.
///
/// # Errors
/// The index is damaged or of another format, or the directory holds something else.
pub fn recorded(dir: &Path) -> Result<Option<Manifest>, StoreError> {
    match opened(dir)? {
        Some(root) => Manifest::read(&root),
        None => Ok(None),
    }
}

//! Whether the files of an open commit are still as they were when they were checked.
//!
//! Most files are checked once, when a commit is opened, and are read through maps afterwards. If somebody writes to such
//! a file later, even for a millisecond, what is read from it means nothing. So the time of each file's last change is
//! noted before the check, and compared when an answer is complete.

use semsearch_files::{Dir, FileState};
use semsearch_store::StoreError;

use super::held::part;
use super::manifest::Manifest;
use super::{CATALOG, VECTORS};

/// The files of a commit, each as it was.
pub(super) struct Unchanged {
    vectors: Dir,
    catalog: Dir,
    files: Vec<WatchedFile>,
}

struct WatchedFile {
    is_of_catalog: bool,
    name: String,
    state: FileState,
}

impl Unchanged {
    /// Notes how the files are now. A file that is missing is not noted: whoever opens it says so.
    ///
    /// # Errors
    /// The directories cannot be opened, or a file's state cannot be read.
    pub(super) fn new(root: &Dir, manifest: &Manifest) -> Result<Self, StoreError> {
        let (vectors, catalog) = (part(root, VECTORS)?, part(root, CATALOG)?);
        let named = manifest.vector_files().map(|file| (false, file));
        let mut files = Vec::new();
        for (is_of_catalog, file) in named.chain(manifest.documents.files.iter().map(|file| (true, file))) {
            let dir = if is_of_catalog { &catalog } else { &vectors };
            let state = dir.state_of(&file.name).map_err(StoreError::read(&dir.path_of(&file.name)))?;
            files.extend(state.map(|state| WatchedFile { is_of_catalog, name: file.name.clone(), state }));
        }
        Ok(Self { vectors, catalog, files })
    }

    /// Checks that nobody has written to a file since. A file that was removed or replaced is no fault, because what was
    /// opened stays as it was.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: a file was changed.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        for WatchedFile { is_of_catalog, name, state } in &self.files {
            let dir = if *is_of_catalog { &self.catalog } else { &self.vectors };
            let now = dir.state_of(name).map_err(StoreError::read(&dir.path_of(name)))?;
            if now.is_some_and(|now| now.identity == state.identity && now != *state) {
                return Err(StoreError::damaged(&dir.path_of(name), "it changed while it was read"));
            }
        }
        Ok(())
    }
}

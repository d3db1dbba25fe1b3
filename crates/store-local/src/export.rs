//! Exports what an index holds as one FAISS file.

use std::fs::File;
use std::path::Path;

use super::held::part;
use super::snapshot::LocalSnapshot;
use super::{VECTORS, vectors};
use semsearch_store::{Snapshot, StoreError};

/// Writes the living vectors of `index` as one FAISS index of its factory. FAISS's ids are the positions in the order
/// of [`LocalSnapshot::vectors`]. The FAISS index is built in memory. `file` is open and empty, and messages name it
/// `path`.
///
/// # Errors
/// FAISS fails, or the file cannot be written.
pub fn export_faiss(index: &LocalSnapshot, file: &File, path: &Path) -> Result<(), StoreError> {
    let vectors = part(index.root(), VECTORS)?;
    let trained = index.manifest().trained.as_ref().map(|trained| (&vectors, trained));
    let mut whole = vectors::Whole::begin(&index.manifest().config, trained, path)?;
    index.vectors(&mut |_, row| whole.push(row))?;
    whole.write(file)
}

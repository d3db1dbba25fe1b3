//! Passages of a commit with everything that the index keeps of them, for another index.

use super::CATALOG;
use super::catalog::Portion;
use super::snapshot::LocalSnapshot;
use semsearch_store::{CopiedPassage, Snapshot, StoreError};

impl LocalSnapshot {
    /// See [`semsearch_store::Snapshot::copy`]. The inverted index is turned round in portions.
    pub(super) fn copy_in_portions(
        &self,
        portion: Portion,
        each: &mut dyn FnMut(CopiedPassage) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut copies = self.catalog().copies(portion)?;
        let missing = |what: &str, key: u64| {
            StoreError::damaged(&self.root().path_of(CATALOG), format!("the {what} of passage {key} is missing"))
        };
        self.vectors(&mut |key, row| {
            if copies.prepare()? {
                self.check_unchanged()?;
            }
            let copied = copies.take()?.ok_or_else(|| missing("document", key))?;
            if copied.key != key {
                let what = if copied.key < key { "vector" } else { "document" };
                return Err(missing(what, copied.key.min(key)));
            }
            each(CopiedPassage { vector: row.to_vec(), ..copied })
        })?;
        if let Some(key) = copies.next_key() {
            return Err(missing("vector", key));
        }
        self.check_unchanged()
    }
}

#[cfg(test)]
mod tests;

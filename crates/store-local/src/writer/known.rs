//! What is known of a document before it is put again: from this run, or from the last commit.

use std::collections::HashSet;
use std::sync::Arc;

use semsearch_store::{Change, Compared, StoreError, Version, content_digest};

use super::{LocalWriter, Seen};
use crate::catalog::Known;

impl LocalWriter {
    /// A document of the last commit, if this run has neither removed nor replaced it.
    fn known(&mut self, id: &str) -> Result<Option<Known>, StoreError> {
        let Some(catalog) = self.catalog()? else { return Ok(None) };
        let known = catalog.known(id)?;
        Ok(known.filter(|known| !known.keys.iter().any(|key| self.gone.contains(key))))
    }

    /// Notes that this run has a document, and compares it with what is there. `place` is where it is in an input of this
    /// run; `origin` is the input that it came from, at some time.
    pub(super) fn meet(
        &mut self,
        id: &str,
        version: Version,
        place: Option<(u32, u64)>,
        origin: &Arc<str>,
    ) -> Result<Compared, StoreError> {
        let digest = content_digest(id.as_bytes());
        let of_this_run = self.seen.get(&digest).map(|seen| seen.version);
        let known = match of_this_run {
            Some(version) => Some(version),
            None => self.known_here(id, origin)?,
        };
        let keys = self.seen.remove(&digest).and_then(|seen| seen.keys);
        self.seen.insert(digest, Seen { place, version, keys });
        let change = match known {
            Some(there) if there == version => Change::Unchanged,
            Some(_) => Change::Updated,
            None => Change::Added,
        };
        let replaces = of_this_run.is_some() && change == Change::Updated;
        Ok(Compared { replaces, change, version })
    }

    /// The version of a document that the last commit has. A record whose file was renamed has another version, so that it
    /// is put again with its new place.
    fn known_here(&mut self, id: &str, origin: &Arc<str>) -> Result<Option<Version>, StoreError> {
        let Some(known) = self.known(id)? else { return Ok(None) };
        let Some(&first) = known.keys.iter().min() else { return Ok(Some(known.version)) };
        let is_here = match self.of_origin.get(origin) {
            Some(keys) => keys.contains(&first),
            None => {
                let Some(catalog) = self.catalog()? else { return Ok(Some(known.version)) };
                let keys: HashSet<u64> = catalog.keys_of_origin(origin)?.into_iter().collect();
                let found = keys.contains(&first);
                self.of_origin.insert(Arc::clone(origin), keys);
                found
            }
        };
        let moved = match self.catalog()?.filter(|_| !is_here) {
            Some(catalog) => catalog.is_gone(first)?,
            None => false,
        };
        // No document has this version.
        Ok(Some(if moved { Version(0) } else { known.version }))
    }

    /// Removes the document `id`. Returns whether there was one.
    pub(super) fn replace(&mut self, id: &str) -> Result<bool, StoreError> {
        let of_this_run = self.seen.get_mut(&content_digest(id.as_bytes())).and_then(|seen| seen.keys.take());
        let old = match of_this_run {
            Some(keys) => keys,
            None => self.known(id)?.map(|known| known.keys).unwrap_or_default(),
        };
        self.documents()?.remove(id);
        let there = !old.is_empty();
        self.gone.extend(old);
        Ok(there)
    }
}

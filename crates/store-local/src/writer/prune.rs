//! The documents of the last commit that the inputs of a run do not have any more.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use semsearch_store::{StoreError, content_digest};

use super::LocalWriter;

impl LocalWriter {
    /// The files that are one of `places` or below one, that the index has documents of, and that are `gone`.
    pub(super) fn gone_origins(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
    ) -> Result<HashSet<String>, StoreError> {
        let mut origins = HashSet::new();
        let Some(catalog) = self.catalog()? else { return Ok(origins) };
        for place in places {
            for path in catalog.origins(place)? {
                let origin = path.to_string_lossy().into_owned();
                if gone(&path) && !catalog.keys_of_origin(&origin)?.is_empty() {
                    origins.insert(origin);
                }
            }
        }
        Ok(origins)
    }

    /// Removes the documents that came from the inputs of this run or from a file that is gone, and that did not occur
    /// in this run, unless it is `spared`. Returns how many there were.
    pub(super) fn remove_absent(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<usize, StoreError> {
        let mut origins: HashSet<String> = self.inputs.origins().collect();
        origins.extend(self.gone_origins(places, gone)?);
        origins.retain(|origin| !spared(Path::new(origin)));
        let Some(catalog) = self.catalog()? else { return Ok(0) };
        let mut candidates = Vec::new();
        for origin in &origins {
            candidates.extend(catalog.of_origin(origin)?);
        }
        candidates
            .retain(|(id, key)| !self.seen.contains_key(&content_digest(id.as_bytes())) && !self.gone.contains(key));
        let ids: HashSet<&str> = candidates.iter().map(|(id, _)| id.as_str()).collect();
        for id in &ids {
            self.documents()?.remove(id);
        }
        let removed = ids.len();
        self.next.documents -= removed as u64;
        self.changed |= removed > 0;
        self.gone.extend(candidates.into_iter().map(|(_, key)| key));
        Ok(removed)
    }
}

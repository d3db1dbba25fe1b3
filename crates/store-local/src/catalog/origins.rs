//! The inputs that documents came from.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use semsearch_store::StoreError;
use tantivy::{DocAddress, Term};

use super::{Catalog, damaged, guard};
use crate::source;

impl Catalog {
    /// The keys of the passages that came from `origin`.
    pub(in super::super) fn keys_of_origin(&self, origin: &str) -> Result<Vec<u64>, StoreError> {
        guard(&self.dir, || {
            let found = self.addresses_of_origin(origin)?;
            let key = |address: &DocAddress| self.columns(*address).key(address.doc_id);
            Ok(found.iter().filter_map(key).collect())
        })
    }

    /// The ids and keys of the passages that came from `origin`.
    pub(in super::super) fn of_origin(&self, origin: &str) -> Result<Vec<(String, u64)>, StoreError> {
        guard(&self.dir, || self.find_origin(origin))
    }

    fn find_origin(&self, origin: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let mut found = Vec::new();
        for address in self.addresses_of_origin(origin)? {
            let Some(key) = self.columns(address).key(address.doc_id) else { continue };
            found.push((self.one(key)?.id, key));
        }
        Ok(found)
    }

    /// Where the passages are that came from `origin`. Older indexes hold it as an absolute path.
    fn addresses_of_origin(&self, origin: &str) -> Result<Vec<DocAddress>, StoreError> {
        let recorded = source::recorded_origin(origin, &self.holder);
        let older = Some(origin).filter(|origin| *origin != recorded);
        let mut found = Vec::new();
        for recorded in std::iter::once(recorded.as_str()).chain(older) {
            let term = Term::from_field_text(self.fields.origin, recorded);
            found.extend(self.find_all(&term).map_err(damaged(&self.dir))?);
        }
        Ok(found)
    }

    /// The files that documents came from and that are `place` or below it. `place` is an absolute path. Files whose
    /// documents are all removed may be among them.
    pub(in super::super) fn origins(&self, place: &Path) -> Result<BTreeSet<PathBuf>, StoreError> {
        // Older indexes hold absolute paths.
        let absolute = place.to_string_lossy().into_owned();
        let recorded = match self.holder.starts_with(place) {
            true => source::BELOW.to_owned(),
            false => source::recorded_origin(&absolute, &self.holder),
        };
        let mut found = BTreeSet::new();
        let mut read = || -> tantivy::Result<()> {
            for segment in self.searcher.segment_readers() {
                let index = segment.inverted_index(self.fields.origin)?;
                for prefix in [&recorded, &absolute] {
                    let mut terms = index.terms().range().ge(prefix).into_stream()?;
                    while terms.advance() && terms.key().starts_with(prefix.as_bytes()) {
                        let origin = source::origin(&String::from_utf8_lossy(terms.key()), &self.holder);
                        found.extend(Some(PathBuf::from(origin)).filter(|origin| origin.starts_with(place)));
                    }
                }
            }
            Ok(())
        };
        guard(&self.dir, || read().map_err(damaged(&self.dir)))?;
        Ok(found)
    }
}

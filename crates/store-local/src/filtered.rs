//! Remembers what filters let pass, for the next search with the same filter.

use std::sync::{Arc, Mutex, PoisonError};

use semsearch_filter::Filter;

use super::keys::Keys;
use semsearch_store::StoreError;

/// How many filters are remembered. A set of keys takes a bit for each key of the index.
const KEPT: usize = 16;

/// The keys that filters let pass in one commit.
#[derive(Default)]
pub(super) struct Filtered(Mutex<Vec<(Filter, Arc<Keys>)>>);

impl Filtered {
    /// The keys that `filter` lets pass. If they are not remembered, `find` computes them.
    pub(super) fn keys(
        &self,
        filter: &Filter,
        find: impl FnOnce() -> Result<Keys, StoreError>,
    ) -> Result<Arc<Keys>, StoreError> {
        let known = |kept: &Vec<(Filter, Arc<Keys>)>| {
            kept.iter().find(|(of, _)| of == filter).map(|(_, keys)| Arc::clone(keys))
        };
        if let Some(keys) = known(&self.kept()) {
            return Ok(keys);
        }
        // The lock is not held meanwhile, so nobody waits, and two threads may compute the same keys.
        let found = Arc::new(find()?);
        let mut kept = self.kept();
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((filter.clone(), Arc::clone(&found)));
        Ok(found)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<(Filter, Arc<Keys>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

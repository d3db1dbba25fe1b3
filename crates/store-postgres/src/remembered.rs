//! Passages that were fetched a moment ago: a search asks for their scores and documents next. A generation does not change,
//! so what is remembered stays right.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many passages are remembered, at most.
const KEPT: usize = 8192;

/// What is remembered of a passage.
#[derive(Clone, Default)]
pub(crate) struct Fetched {
    /// The key of the first passage of its document.
    pub(crate) document: Option<u64>,
    pub(crate) vector: Option<Arc<Vec<f32>>>,
}

/// Passages that were fetched.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<HashMap<u64, Fetched>>);

impl Remembered {
    /// Remembers the document of a passage, and its vector if that was fetched too.
    pub(crate) fn add(&self, key: u64, document: u64, vector: Option<Arc<Vec<f32>>>) {
        let mut kept = self.kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        let fetched = kept.entry(key).or_default();
        fetched.document = Some(document);
        fetched.vector = vector.or(fetched.vector.take());
    }

    /// What is remembered of these passages, in their order.
    pub(crate) fn of(&self, keys: &[u64]) -> Vec<Fetched> {
        let kept = self.kept();
        keys.iter().map(|key| kept.get(key).cloned().unwrap_or_default()).collect()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<u64, Fetched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! How many threads FAISS may use.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::search::processors;

/// The number of threads; 0 for as many as there are processors.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// How many threads FAISS may use in this process.
pub fn set_threads(threads: usize) {
    THREADS.store(threads.max(1), Ordering::Relaxed);
}

pub(super) fn allowed_threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        0 => processors(),
        threads => threads,
    }
}

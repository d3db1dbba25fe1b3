//! Settings that all commands share.

use std::path::PathBuf;

use semsearch::index;
use semsearch::model::Locations;

use super::terminal::Terminal;

/// Settings that all commands share.
#[derive(Clone)]
pub(super) struct Settings {
    /// The index's directory, or the address of a database that holds it. It may not exist.
    pub(super) index: PathBuf,
    /// Whether the index was named by an option or the environment.
    pub(super) index_named: bool,
    /// Where models are found.
    pub(super) places: Locations,
    /// For notes, warnings and progress.
    pub(super) terminal: Terminal,
    /// How many threads compute; as many as there are cores, if `None`.
    pub(super) threads: Option<usize>,
}

impl Settings {
    /// The same settings for another index.
    pub(super) fn with_index(&self, index: PathBuf) -> Self {
        Self { index, ..self.clone() }
    }

    /// Sets the size of the thread pools. Call it before they start.
    pub(super) fn limit_threads(&self) {
        if let Some(threads) = self.threads {
            // Sets the pools of the encoder and of FAISS before they start. Without a number, they have one thread for
            // each core, and start when several threads have work. A process that runs two commands keeps the pool of
            // the first.
            let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
            index::set_threads(threads);
        }
    }
}

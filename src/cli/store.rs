//! Which store holds the index. This is the only place that chooses one.
//!
//! Commands read and write an index through the traits of a store. Only `info`, `export` and `verify`, which describe the
//! files of a directory, know the directory itself.

use std::sync::Arc;

use semsearch::index::{Effort, LocalStore, Store};
use semsearch::kernels::Isa;

use super::settings::Settings;

/// How the store computes.
#[derive(Clone, Copy, Default)]
pub(super) struct Computing {
    /// How thoroughly an index that is not exact is searched.
    pub(super) effort: Effort,
    /// The instruction set; `None` means the best one.
    pub(super) isa: Option<Isa>,
}

/// The store of the index.
pub(super) fn open(settings: &Settings, computing: Computing) -> Arc<dyn Store> {
    let store = LocalStore::new(&settings.index).with_effort(computing.effort);
    Arc::new(match computing.isa {
        Some(isa) => store.with_isa(isa),
        None => store,
    })
}

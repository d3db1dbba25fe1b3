//! Which store holds the index. This is the only place that chooses one.
//!
//! An index is named by a directory or by the address of a database. Commands read and write it through the traits of a
//! store. Only `info` and `export`, which describe or copy the files of a directory, and merging know the directory itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch::index::{Effort, IndexConfig, LocalStore, Store, holder};
use semsearch::kernels::Isa;

use super::settings::Settings;

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
pub(super) use postgres::{check_address, is_address, open_postgres, shard_servers};

/// How the store computes.
#[derive(Clone, Copy, Default)]
pub(super) struct Computing {
    /// How thoroughly an index that is not exact is searched.
    pub(super) effort: Effort,
    /// The instruction set; `None` means the best one.
    pub(super) isa: Option<Isa>,
    /// Whether answers may be without the shards that cannot be asked.
    pub(super) partial: bool,
}

/// The store of the index.
pub(super) fn open(settings: &Settings, computing: Computing) -> anyhow::Result<Arc<dyn Store>> {
    if is_address(&settings.index) {
        #[cfg(feature = "postgres")]
        return Ok(Arc::new(open_postgres(settings, computing)?));
    }
    let store = LocalStore::new(&settings.index).with_effort(computing.effort);
    Ok(Arc::new(match computing.isa {
        Some(isa) => store.with_isa(isa),
        None => store,
    }))
}

/// What the index recorded of how it was made; `None` if there is no index.
pub(super) fn recorded(settings: &Settings) -> anyhow::Result<Option<IndexConfig>> {
    Ok(open(settings, Computing::default())?.recorded()?)
}

/// The directory to which the ids of files are relative: the one that holds the index. A database is in none, so ids of
/// files are absolute paths there.
pub(super) fn root(index: &Path) -> PathBuf {
    if is_address(index) { index.to_owned() } else { holder(index) }
}

/// Without this feature, no index is in a database.
#[cfg(not(feature = "postgres"))]
pub(super) fn is_address(index: &Path) -> bool {
    index.to_str().is_some_and(|text| text.starts_with("postgresql://") || text.starts_with("postgres://"))
}

#[cfg(not(feature = "postgres"))]
pub(super) fn check_address(index: &Path) -> anyhow::Result<()> {
    anyhow::bail!("{}: this program is built without the feature `postgres`", index.display())
}

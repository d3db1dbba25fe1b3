//! How thoroughly FAISS searches a segment.
//!
//! FAISS takes this as a parameter of one search for some kinds of index and not for others, but it can set it on an index of any
//! kind. So it is set once, when a segment is opened: whoever searches by another effort opens the segment again.

use faiss::index::IndexImpl;
use faiss::index::autotune::ParameterSpace;
use faiss::index::id_map::IdMap;
use semsearch_store::{Effort, IndexConfig, StoreError};

/// More inverted lists than an index has: all of them.
pub(super) const ALL_LISTS: usize = i32::MAX as usize;

/// Sets how thoroughly an index is searched, before anybody searches it.
///
/// # Errors
/// [`StoreError::Unsupported`]: the factory's kind of index has no such parameter.
pub(super) fn set_effort(index: &IdMap<IndexImpl>, effort: Effort, config: &IndexConfig) -> Result<(), StoreError> {
    let parameters =
        [("nprobe", "--nprobe", "IVF", effort.nprobe), ("efSearch", "--ef-search", "HNSW", effort.ef_search)];
    for (name, option, kind, value) in parameters {
        let Some(value) = value else { continue };
        let set = ParameterSpace::new().and_then(|space| space.set_index_parameter(index, name, value as f64));
        match set {
            // Without lists all is searched as it is.
            Err(_) if value == ALL_LISTS => {}
            Err(_) => {
                let factory = &config.factory;
                let what = format!("{option} is for {kind} factories, this index is {factory}");
                return Err(StoreError::Unsupported(what));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

//! How thoroughly FAISS searches a segment.
//!
//! For some kinds of index, FAISS takes the effort as a parameter of one search; on an index of any kind, it can set
//! the effort. So the effort is set once, when a segment is opened. A search with another effort opens the segment
//! again.

use faiss::index::IndexImpl;
use faiss::index::autotune::ParameterSpace;
use faiss::index::id_map::IdMap;
use semsearch_store::{Effort, IndexConfig, StoreError};

/// More inverted lists than any index has, so all of them are searched.
pub(super) const ALL_LISTS: usize = i32::MAX as usize;

/// Sets how thoroughly an index is searched, before anybody searches it.
///
/// # Errors
/// [`StoreError::Unsupported`]: the factory's kind of index has no such parameter.
pub(super) fn set_effort(index: &IdMap<IndexImpl>, effort: Effort, config: &IndexConfig) -> Result<(), StoreError> {
    let parameters = [("nprobe", "nprobe", "IVF", effort.nprobe), ("efSearch", "ef-search", "HNSW", effort.ef_search)];
    for (name, option, kind, value) in parameters {
        let Some(value) = value else { continue };
        let set = ParameterSpace::new().and_then(|space| space.set_index_parameter(index, name, value as f64));
        match set {
            // An index without lists is searched as a whole.
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

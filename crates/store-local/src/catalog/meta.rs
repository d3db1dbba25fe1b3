//! Checks the `meta.json` of tantivy that a manifest carries, before tantivy uses it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use tantivy::IndexSettings;

use crate::manifest::Documents;
use semsearch_store::StoreError;

/// The part of `meta.json` that says which files there are.
#[derive(Deserialize)]
struct Meta {
    index_settings: Value,
    segments: Vec<MetaSegment>,
    opstamp: u64,
    /// Extensions that are needed to read the index: none.
    #[serde(default)]
    persisted_custom_extensions: Vec<Value>,
}

#[derive(Deserialize)]
struct MetaSegment {
    max_doc: u32,
    deletes: Option<Deletes>,
}

#[derive(Deserialize)]
struct Deletes {
    num_deleted_docs: u32,
    opstamp: u64,
}

/// tantivy's operation numbers must be smaller than this, because it counts on from them.
const MAX_OPSTAMP: u64 = 1 << 60;

/// Checks the documents' `meta` against what this release writes, and against the files that it describes.
pub(super) fn check(dir: &Path, documents: &Documents) -> Result<(), StoreError> {
    let damaged = |what: &str| Err(StoreError::damaged(dir, format!("the manifest describes it wrongly: {what}")));
    let Ok(meta) = Meta::deserialize(&documents.meta) else { return damaged("its segments") };
    if serde_json::to_value(IndexSettings::default()).ok() != Some(meta.index_settings) {
        return damaged("its settings");
    }
    let stamps = meta.segments.iter().filter_map(|segment| segment.deletes.as_ref()).map(|deletes| deletes.opstamp);
    if !meta.persisted_custom_extensions.is_empty() || stamps.chain([meta.opstamp]).any(|stamp| stamp > MAX_OPSTAMP) {
        return damaged("the number of its commit");
    }
    // Each document has a digest of sixteen bytes, so there are fewer documents than bytes.
    let bytes = documents.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add);
    let held: u64 = meta.segments.iter().map(|segment| u64::from(segment.max_doc)).sum();
    let deleted = |segment: &MetaSegment| segment.deletes.as_ref().map_or(0, |deletes| deletes.num_deleted_docs);
    if held > bytes || meta.segments.iter().any(|segment| deleted(segment) > segment.max_doc) {
        return damaged("the number of its documents");
    }
    Ok(())
}

//! Checks that the keys of a segment's vectors are those that the manifest names.

use std::path::Path;

use faiss::index::Idx;

use crate::segment::Segment;
use semsearch_store::StoreError;

/// Checks that keys ascend from the segment's first to its last. A vector is found by its key by binary search, and
/// each key belongs to one segment only.
pub(super) fn check(keys: &[Idx], path: &Path, segment: &Segment) -> Result<(), StoreError> {
    let damaged = |what: &str| Err(StoreError::damaged(path, format!("its keys {what}")));
    // FAISS's ids are signed, and -1 means none. The comparison has no branch, so many keys are compared at once.
    let of = |key: &Idx| key.to_native();
    if !keys.iter().zip(keys.iter().skip(1)).fold(true, |ascend, (a, b)| ascend & (of(a) < of(b))) {
        return damaged("do not ascend");
    }
    let ends = keys.first().zip(keys.last()).map(|(first, last)| (of(first), of(last)));
    let said = i64::try_from(segment.first_key).ok().zip(i64::try_from(segment.last_key).ok());
    if ends.is_some() && ends != said { damaged("are not those that the manifest says") } else { Ok(()) }
}

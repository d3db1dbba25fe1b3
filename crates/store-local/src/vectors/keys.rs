//! The keys of a segment's vectors: whether they are those that the manifest says.

use std::path::Path;

use faiss::index::Idx;

use crate::segment::Segment;
use semsearch_store::StoreError;

/// Checks that keys ascend from the segment's first to its last. A vector is found by its key by bisection, and a key that is
/// the segment's cannot be another's.
pub(super) fn check(keys: &[Idx], path: &Path, segment: &Segment) -> Result<(), StoreError> {
    let damaged = |what: &str| Err(StoreError::damaged(path, format!("its keys {what}")));
    // FAISS's ids are signed, -1 being none. Without a branch, so that many are compared at once.
    let of = |key: &Idx| key.to_native();
    if !keys.iter().zip(keys.iter().skip(1)).fold(true, |ascend, (a, b)| ascend & (of(a) < of(b))) {
        return damaged("do not ascend");
    }
    let ends = keys.first().zip(keys.last()).map(|(first, last)| (of(first), of(last)));
    let said = i64::try_from(segment.first_key).ok().zip(i64::try_from(segment.last_key).ok());
    if ends.is_some() && ends != said { damaged("are not those that the manifest says") } else { Ok(()) }
}

//! What a check of a whole index found.

use super::StoreError;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// The parts that were read: files, or partitions of a database.
    pub parts: usize,
    /// The bytes of these parts.
    pub bytes: u64,
    /// Documents read.
    pub documents: u64,
    /// The number of vectors whose documents are there.
    pub vectors: u64,
    /// Everything that is wrong; empty if the index is intact.
    pub faults: Vec<StoreError>,
}

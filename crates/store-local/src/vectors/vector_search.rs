//! A search over the segments of a commit, and what belongs to it.

use semsearch_encoder::encoder::Vectors;
use semsearch_kernels::Isa;
use semsearch_store::Metric;

use super::VectorSegment;
use crate::keys::Keys;

/// A search that compares fewer pairs of vectors is done by one thread: to start others would take as long.
pub(crate) const PAIRS_ALONE: usize = 50_000;

/// A search over segments.
#[derive(Clone, Copy)]
pub(crate) struct VectorSearch<'a> {
    pub(crate) segments: &'a [VectorSegment],
    pub(crate) queries: &'a Vectors,
    /// The most hits of a query.
    pub(crate) k: usize,
    /// The only keys that may be found, if not all may.
    pub(crate) allowed: Option<&'a Keys>,
    pub(crate) metric: Metric,
    pub(crate) isa: Isa,
}

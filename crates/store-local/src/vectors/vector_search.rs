//! A search over the segments of a commit, and its parameters.

use semsearch_encoder::encoder::Vectors;
use semsearch_kernels::Isa;
use semsearch_store::Metric;

use super::VectorSegment;
use crate::keys::Keys;

/// One thread does a search that compares fewer pairs of vectors: to start others would take as long.
pub(crate) const PAIRS_ALONE: usize = 50_000;

/// A search over segments.
#[derive(Clone, Copy)]
pub(crate) struct VectorSearch<'a> {
    pub(crate) segments: &'a [VectorSegment],
    pub(crate) queries: &'a Vectors,
    /// The most hits for each query.
    pub(crate) k: usize,
    /// The keys that may be found; `None` if all may.
    pub(crate) allowed: Option<&'a Keys>,
    pub(crate) metric: Metric,
    pub(crate) isa: Isa,
}

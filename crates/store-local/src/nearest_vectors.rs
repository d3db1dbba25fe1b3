//! Finds the nearest vectors over all segments of a commit.

use rayon::prelude::*;

use super::vectors::{self, NearestLists, PAIRS_ALONE, SegmentSearch, VectorSearch, VectorSegment};
use semsearch_store::{Scored, StoreError};

/// By how much, as a part of it, FAISS's score of a vector may differ from that of an equal vector elsewhere.
const ROUNDING: f32 = 1e-6;

/// One thread checks the vectors if there are fewer than this.
const KEYS_ALONE: usize = 512;

/// The least number of queries that are compared with a segment together: matrices of fewer queries are slow.
const QUERIES_TOGETHER: usize = 64;

/// A part of a search: some queries in one segment.
#[derive(Clone, Copy)]
struct SegmentPart {
    segment: usize,
    first: usize,
    count: usize,
}

impl VectorSearch<'_> {
    /// The nearest passages of each query, nearest first; of equal scores, the passage that was indexed first comes
    /// first. The vectors behind the scores have been checked against the commit.
    ///
    /// # Errors
    /// FAISS fails, a file cannot be read, or one of these vectors is damaged.
    pub(super) fn run(&self) -> Result<Vec<Vec<Scored>>, StoreError> {
        let found = self.unchecked()?;
        let mut keys: Vec<u64> = found.iter().flatten().map(|near| near.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let check = |segment: &VectorSegment| segment.check_vectors(&keys);
        if keys.len() < KEYS_ALONE {
            self.segments.iter().try_for_each(check)?;
        } else {
            self.segments.par_iter().try_for_each(check)?;
        }
        Ok(found)
    }

    fn unchecked(&self) -> Result<Vec<Vec<Scored>>, StoreError> {
        let &Self { segments, queries, k, .. } = self;
        if let Some(found) = vectors::screened(self)? {
            return Ok(found);
        }
        if vectors::is_better(self) {
            return vectors::scan(self);
        }
        // FAISS keeps any of the vectors whose scores are equal but for rounding, so one more than is wanted tells whether
        // it had a choice.
        let mut found = Self { k: k.saturating_add(1), ..*self }.by_faiss()?;
        let had_choice = |found: &[Scored]| {
            let ends = k.checked_sub(1).and_then(|last| Some((found.get(last)?.score, found.get(k)?.score)));
            ends.is_some_and(|(last, next)| (last - next).abs() <= last.abs() * ROUNDING)
        };
        let open: Vec<usize> = (0..found.len()).filter(|&query| had_choice(&found[query])).collect();
        if !open.is_empty() && segments.iter().all(VectorSegment::is_flat) {
            let queries = &queries.gather(&open);
            let scanned = vectors::scan(&VectorSearch { queries, ..*self })?;
            open.into_iter().zip(scanned).for_each(|(query, scanned)| found[query] = scanned);
        }
        found.iter_mut().for_each(|found| found.truncate(k));
        Ok(found)
    }

    /// The nearest passages of each query as FAISS finds them in each segment.
    fn by_faiss(&self) -> Result<Vec<Vec<Scored>>, StoreError> {
        let &Self { segments, queries, k, allowed, metric, .. } = self;
        let parts = self.parts();
        let together = parts.first().map_or(1, |part| part.count);
        let lists = if allowed.is_none() { NearestLists::of(segments, queries, together)? } else { None };
        let run = |part: &SegmentPart| -> Result<(usize, Vec<Vec<Scored>>), StoreError> {
            let &SegmentPart { segment, first, count } = part;
            let queries = queries.rows(first, first + count);
            let lists = lists.as_ref().map(|lists| lists.some(first, count));
            let search = SegmentSearch { queries, count, k, allowed, metric, lists };
            Ok((first, segments[segment].search(&search)?))
        };
        let vectors: usize = segments.iter().map(VectorSegment::live_len).sum();
        let found: Vec<_> = if vectors * queries.len() < PAIRS_ALONE {
            parts.iter().map(run).collect::<Result<_, StoreError>>()?
        } else {
            parts.par_iter().map(run).collect::<Result<_, StoreError>>()?
        };
        Ok(self.merged(found))
    }

    /// The nearest of all parts. Each part comes with the number of its first query.
    fn merged(&self, parts: Vec<(usize, Vec<Vec<Scored>>)>) -> Vec<Vec<Scored>> {
        let mut merged = vec![Vec::new(); self.queries.len()];
        for (first, found) in parts {
            for (all, found) in merged[first..].iter_mut().zip(found) {
                all.extend(found);
            }
        }
        for found in &mut merged {
            found.sort_by(|a, b| self.metric.order(a.score, b.score).then(a.key.cmp(&b.key)));
            found.truncate(self.k);
        }
        merged
    }

    /// The search divided into parts of similar size: by segments and, where there are few, by queries.
    fn parts(&self) -> Vec<SegmentPart> {
        let queries = self.queries.len();
        let wanted = 2 * rayon::current_num_threads();
        let parts = wanted.div_ceil(self.segments.len().max(1)).min(queries.div_ceil(QUERIES_TOGETHER)).max(1);
        let together = queries.div_ceil(parts).max(1);
        let of_segment = |segment| {
            let starts = (0..queries).step_by(together);
            starts.map(move |first| SegmentPart { segment, first, count: together.min(queries - first) })
        };
        (0..self.segments.len()).flat_map(of_segment).collect()
    }
}

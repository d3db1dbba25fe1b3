//! Exact search for many queries over flat segments, at the speed of products of bytes.
//!
//! FAISS multiplies matrices of floats, at nearly the processor's full speed. Here a block of rows is rounded to bytes.
//! Products of bytes are four times as fast, and they show which pairs could be among a query's nearest
//! ([`semsearch_kernels`], `screen`). Those pairs, a few in a thousand, are compared in floats. Every row that could
//! belong to the answer is compared, so the answer is that of a plain scan.

use std::ops::Range;

use rayon::prelude::*;

use super::{PAIRS_ALONE, VectorSearch, VectorSegment};
use crate::keys::Keys;
use crate::nearest::Nearest;
use semsearch_encoder::encoder::Vectors;
use semsearch_kernels::{Candidate, F32_ERROR, Isa, MAX_DIM, ScreenQueries, ScreenRows};
use semsearch_store::{Metric, Scored, StoreError};

/// Rows that are rounded together: with their floats and the queries' bytes they stay in the second-level cache.
const BLOCK: usize = 192;

/// Rows of the first blocks. At that time the floors are low, and most pairs would pass.
const FIRST_BLOCK: usize = 24;

/// Queries whose bytes stay in the second-level cache.
const QUERIES: usize = 1024;

/// The least number of queries for which rows are rounded. For one query FAISS reads the vectors at the memory's speed,
/// and rounding would take longer.
const MANY_QUERIES: usize = 2;

/// The least number of rows for each wanted neighbour. Until a query has found all its neighbours, every row could be
/// among them.
const ROWS_PER_NEIGHBOUR: usize = 100;

/// Whether this scan is faster than FAISS for these queries, or the only one that can be restricted to some keys.
pub(crate) fn is_better(search: &VectorSearch<'_>) -> bool {
    let &VectorSearch { segments, queries, k, allowed, isa, .. } = search;
    let rows: usize = segments.iter().map(VectorSegment::len).sum();
    let many = queries.len() >= MANY_QUERIES
        && rows * queries.len() >= PAIRS_ALONE
        && k.saturating_mul(ROWS_PER_NEIGHBOUR) <= rows
        && screens(isa, queries);
    k > 0 && (many || allowed.is_some()) && segments.iter().all(VectorSegment::is_flat)
}

/// The nearest vectors of each query over all segments, nearest first; of equal scores, the smallest key comes first.
///
/// # Errors
/// The index does not give vectors back.
pub(crate) fn scan(search: &VectorSearch<'_>) -> Result<Vec<Vec<Scored>>, StoreError> {
    let queries = search.queries;
    let mut all = Vec::with_capacity(queries.len());
    for first in (0..queries.len()).step_by(QUERIES) {
        let some = Vectors::new(queries.rows(first, queries.len().min(first + QUERIES)).to_vec(), queries.dim());
        all.extend(Scan::new(search, &some).run(search.segments)?);
    }
    Ok(all)
}

/// Whether rounding to bytes helps. It does not for one query: to round a row takes as long as to compare it.
fn screens(isa: Isa, queries: &Vectors) -> bool {
    isa.screens() && queries.dim() <= MAX_DIM && queries.len() >= MANY_QUERIES
}

/// Some queries that are compared with all rows.
struct Scan<'a> {
    isa: Isa,
    metric: Metric,
    k: usize,
    queries: &'a Vectors,
    /// The queries rounded to bytes, if that helps.
    rounded: Option<ScreenQueries>,
    /// |q|², for distances.
    squares: Vec<f64>,
    allowed: Option<&'a Keys>,
}

impl<'a> Scan<'a> {
    fn new(search: &VectorSearch<'a>, queries: &'a Vectors) -> Self {
        let &VectorSearch { k, allowed, metric, isa, .. } = search;
        let squares = |query: &[f32]| query.iter().map(|&value| f64::from(value).powi(2)).sum();
        let rounded = screens(isa, queries).then(|| ScreenQueries::new(queries.as_slice(), queries.dim()));
        Self { isa, metric, k, queries, rounded, squares: queries.iter().map(squares).collect(), allowed }
    }

    /// Divides the rows of all segments into ranges; each thread takes one range.
    fn run(&self, segments: &[VectorSegment]) -> Result<Vec<Vec<Scored>>, StoreError> {
        let rows: usize = segments.iter().map(VectorSegment::len).sum();
        let mut parts = if self.allowed.map_or(rows, Keys::len) * self.queries.len() < PAIRS_ALONE {
            vec![self.part(segments, 0..rows)?]
        } else {
            let share = rows.div_ceil(rayon::current_num_threads()).next_multiple_of(BLOCK);
            let starts: Vec<usize> = (0..rows).step_by(share).collect();
            let parts = starts.par_iter().map(|&start| self.part(segments, start..rows.min(start + share)));
            parts.collect::<Result<_, StoreError>>()?
        }
        .into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            all.iter_mut().zip(part).for_each(|(nearest, other)| nearest.merge(other));
        }
        Ok(all.into_iter().map(Nearest::into_sorted).collect())
    }

    /// The nearest rows of this range, for each query.
    fn part(&self, segments: &[VectorSegment], range: Range<usize>) -> Result<Vec<Nearest>, StoreError> {
        let mut nearest = vec![Nearest::new(self.k, self.metric); self.queries.len()];
        let mut block = Block::default();
        let (mut start, mut seen) = (0, 0);
        for segment in segments {
            let end = start + segment.len();
            let (from, to) = (range.start.clamp(start, end) - start, range.end.clamp(start, end) - start);
            let mut eligible = (from..to).filter_map(|at| Some((at, segment.eligible(at, self.allowed)?)));
            loop {
                block.take(&mut eligible, (seen / 4).clamp(FIRST_BLOCK, BLOCK));
                if block.keys.is_empty() {
                    break;
                }
                block.floats.resize(block.keys.len() * self.queries.dim(), 0.0);
                segment.read_at(&block.positions, &mut block.floats)?;
                self.compare(&mut block, &mut nearest);
                seen += block.keys.len();
            }
            start = end;
        }
        Ok(nearest)
    }

    /// Compares the rows of `block` with the queries.
    fn compare(&self, block: &mut Block, nearest: &mut [Nearest]) {
        let dim = self.queries.dim();
        self.choose(block, nearest);
        for candidate in &block.candidates {
            let (row, query) = (candidate.row as usize, candidate.query as usize);
            let (vector, wanted) = (&block.floats[row * dim..][..dim], self.queries.row(query));
            let score = self.metric.score(self.isa, vector, wanted);
            nearest[query].offer(Scored { key: block.keys[row], score });
        }
    }

    /// Chooses the pairs of rows and queries that are compared in floats.
    fn choose(&self, block: &mut Block, nearest: &[Nearest]) {
        let Block { keys, floats, rounded, floors, candidates, .. } = block;
        candidates.clear();
        let Some(queries) = &self.rounded else {
            let pairs = (0..keys.len() as u32).flat_map(|row| (0..nearest.len() as u32).map(move |query| (row, query)));
            return candidates.extend(pairs.map(|(row, query)| Candidate { row, query }));
        };
        self.isa.round_rows(floats, self.queries.dim(), rounded);
        let squares = rounded.squares();
        floors.clear();
        floors.extend(nearest.iter().zip(&self.squares).map(|(nearest, &query)| self.floor(nearest, query, squares)));
        self.isa.screen(rounded, queries, floors, candidates);
    }

    /// The inner product that a row needs to be among a query's nearest. `query` is |q|², and `rows` are the least and
    /// the greatest |x|² of the block.
    fn floor(&self, nearest: &Nearest, query: f64, rows: [f64; 2]) -> f64 {
        let Some(furthest) = nearest.furthest().map(f64::from) else { return f64::NEG_INFINITY };
        match self.metric {
            Metric::Ip => furthest,
            // |x − q|² = |x|² + |q|² − 2x·q, less the rounding error of f32 on either side.
            Metric::L2 => {
                let error = 2.0 * (rows[1] + query) * F32_ERROR * self.queries.dim() as f64;
                (rows[0] + query - furthest) / 2.0 - error
            }
        }
    }
}

/// Some rows, and memory for intermediate results.
#[derive(Default)]
struct Block {
    positions: Vec<usize>,
    keys: Vec<u64>,
    floats: Vec<f32>,
    rounded: ScreenRows,
    floors: Vec<f64>,
    candidates: Vec<Candidate>,
}

impl Block {
    /// Takes the next `count` rows, each given by its position and key.
    fn take(&mut self, rows: &mut impl Iterator<Item = (usize, u64)>, count: usize) {
        self.positions.clear();
        self.keys.clear();
        for (position, key) in rows.take(count) {
            self.positions.push(position);
            self.keys.push(key);
        }
    }
}

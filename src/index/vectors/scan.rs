//! Many queries over flat segments: exact, at the speed of products of bytes.
//!
//! FAISS multiplies matrices of floats, and comes near what the processor can. Here a block of rows is rounded to bytes,
//! which are multiplied four times as fast, and tells which pairs could be among a query's nearest
//! ([`crate::kernels`], `screen`); those, a few in a thousand, are compared in floats. Since every row that could belong
//! to the answer is, the answer is that of a plain scan.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use rayon::prelude::*;

use super::{Neighbour, VectorSegment};
use crate::encoder::Vectors;
use crate::error::Result;
use crate::index::manifest::Metric;
use crate::index::{PAIRS_ALONE, nearer};
use crate::kernels::{Candidate, F32_ERROR, Isa, MAX_DIM, ScreenQueries, ScreenRows};

/// Rows that are rounded together: with their floats and the queries' bytes they stay in the second-level cache.
const BLOCK: usize = 192;

/// Rows of the first blocks: their floors are low, and most of their pairs would pass.
const FIRST_BLOCK: usize = 24;

/// Queries whose bytes stay in the second-level cache.
const QUERIES: usize = 1024;

/// For one query FAISS reads the vectors at the memory's speed, and rounding them would take longer.
const MANY_QUERIES: usize = 2;

/// Rows for each neighbour that is wanted, at least: before a query has found so many, every row could be among them.
const ROWS_PER_NEIGHBOUR: usize = 100;

/// The `k` nearest of each query over all segments, nearest first, of equals the smallest key; `None` where FAISS's own
/// search is the better one.
pub(in crate::index) fn nearest(
    segments: &[VectorSegment],
    queries: &Vectors,
    k: usize,
    metric: Metric,
) -> Result<Option<Vec<Vec<Neighbour>>>> {
    let isa = Isa::best();
    let rows: usize = segments.iter().map(VectorSegment::len).sum();
    let worthwhile = queries.len() >= MANY_QUERIES
        && rows * queries.len() >= PAIRS_ALONE
        && k.saturating_mul(ROWS_PER_NEIGHBOUR) <= rows;
    let possible = isa.screens() && queries.dim() <= MAX_DIM && segments.iter().all(VectorSegment::is_flat);
    if k == 0 || !(worthwhile && possible) {
        return Ok(None);
    }
    scan(isa, segments, queries, k, metric).map(Some)
}

/// The same, whether or not it is worthwhile.
pub(super) fn scan(
    isa: Isa,
    segments: &[VectorSegment],
    queries: &Vectors,
    k: usize,
    metric: Metric,
) -> Result<Vec<Vec<Neighbour>>> {
    let mut all = Vec::with_capacity(queries.len());
    for first in (0..queries.len()).step_by(QUERIES) {
        let some = queries.rows(first, queries.len().min(first + QUERIES));
        all.extend(Scan::new(isa, metric, some, queries.dim(), k).run(segments)?);
    }
    Ok(all)
}

/// Some queries on their way through all rows.
struct Scan<'a> {
    isa: Isa,
    metric: Metric,
    dim: usize,
    k: usize,
    queries: &'a [f32],
    rounded: ScreenQueries,
    /// |q|², for distances.
    squares: Vec<f64>,
}

impl<'a> Scan<'a> {
    fn new(isa: Isa, metric: Metric, queries: &'a [f32], dim: usize, k: usize) -> Self {
        let squares = |query: &[f32]| query.iter().map(|&value| f64::from(value).powi(2)).sum();
        let rounded = ScreenQueries::new(queries, dim);
        Self { isa, metric, dim, k, queries, rounded, squares: queries.chunks_exact(dim).map(squares).collect() }
    }

    /// Each thread takes a range of the rows, from the first segment's first to the last one's last.
    fn run(&self, segments: &[VectorSegment]) -> Result<Vec<Vec<Neighbour>>> {
        let rows: usize = segments.iter().map(VectorSegment::len).sum();
        let share = rows.div_ceil(rayon::current_num_threads()).next_multiple_of(BLOCK);
        let starts: Vec<usize> = (0..rows).step_by(share).collect();
        let parts = starts.par_iter().map(|&start| self.part(segments, start..rows.min(start + share)));
        let mut parts = parts.collect::<Result<Vec<_>>>()?.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for (top, other) in parts.flat_map(|part| part.into_iter().enumerate()) {
            other.heap.into_iter().for_each(|found| all[top].offer(found, self.k));
        }
        let sorted = |top: Top| top.heap.into_sorted_vec().into_iter().map(|found| found.neighbour).collect();
        Ok(all.into_iter().map(sorted).collect())
    }

    /// The nearest of the rows in this range, for each query.
    fn part(&self, segments: &[VectorSegment], range: Range<usize>) -> Result<Vec<Top>> {
        let mut tops = vec![Top::default(); self.rounded.len()];
        let mut block = Block { floats: vec![0.0; BLOCK * self.dim], ..Block::default() };
        let (mut start, mut seen) = (0, 0);
        for segment in segments {
            let end = start + segment.len();
            let (mut first, to) = (range.start.max(start), range.end.min(end));
            while first < to {
                let count = (seen / 4).clamp(FIRST_BLOCK, BLOCK).min(to - first);
                block.floats.resize(count * self.dim, 0.0);
                segment.read(first - start, &mut block.floats)?;
                self.compare(segment, first - start, &mut block, &mut tops);
                first += count;
                seen += count;
            }
            start = end;
        }
        Ok(tops)
    }

    /// Has the rows of `block`, which begin at `position` of their segment, compete.
    fn compare(&self, segment: &VectorSegment, position: usize, block: &mut Block, tops: &mut [Top]) {
        self.isa.round_rows(&block.floats, self.dim, &mut block.rounded);
        let squares = block.rounded.squares();
        let floors = tops.iter().zip(&self.squares).map(|(top, &query)| self.floor(top, query, squares));
        block.floors.clear();
        block.floors.extend(floors);
        block.candidates.clear();
        self.isa.screen(&block.rounded, &self.rounded, &block.floors, &mut block.candidates);
        for candidate in &block.candidates {
            let (row, query) = (candidate.row as usize, candidate.query as usize);
            let Some(key) = segment.living(position + row) else { continue };
            let (row, vector) =
                (&block.floats[row * self.dim..][..self.dim], &self.queries[query * self.dim..][..self.dim]);
            let score = match self.metric {
                Metric::Ip => self.isa.inner_product(row, vector),
                Metric::L2 => self.isa.squared_distance(row, vector),
            };
            if score.is_nan() {
                // In a damaged vector of a large index. FAISS finds no such either.
                continue;
            }
            tops[query].offer(Ranked { neighbour: Neighbour { key, score }, metric: self.metric }, self.k);
        }
    }

    /// The inner product that a row needs for its place among a query's nearest; `query` is |q|², `rows` the least and the
    /// greatest |x|².
    fn floor(&self, top: &Top, query: f64, rows: [f64; 2]) -> f64 {
        let Some(furthest) = top.furthest(self.k).map(f64::from) else { return f64::NEG_INFINITY };
        match self.metric {
            Metric::Ip => furthest,
            // |x − q|² = |x|² + |q|² − 2x·q, and what f32 makes of either side.
            Metric::L2 => {
                let error = 2.0 * (rows[1] + query) * F32_ERROR * self.dim as f64;
                (rows[0] + query - furthest) / 2.0 - error
            }
        }
    }
}

/// Memory for some rows.
#[derive(Default)]
struct Block {
    floats: Vec<f32>,
    rounded: ScreenRows,
    floors: Vec<f64>,
    candidates: Vec<Candidate>,
}

/// A query's nearest so far.
#[derive(Clone, Default)]
struct Top {
    /// The furthest on top.
    heap: BinaryHeap<Ranked>,
}

impl Top {
    /// The score of the furthest, if there are all that are wanted.
    fn furthest(&self, k: usize) -> Option<f32> {
        self.heap.peek().filter(|_| self.heap.len() == k).map(|furthest| furthest.neighbour.score)
    }

    fn offer(&mut self, found: Ranked, k: usize) {
        if self.heap.len() < k {
            self.heap.push(found);
        } else if let Some(mut furthest) = self.heap.peek_mut()
            && found < *furthest
        {
            *furthest = found;
        }
    }
}

/// A neighbour among others: the nearest is the least, of equals the one of the smallest key.
#[derive(Clone, Copy)]
struct Ranked {
    neighbour: Neighbour,
    metric: Metric,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.neighbour, other.neighbour);
        nearer(self.metric, a.score, b.score).then(a.key.cmp(&b.key))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

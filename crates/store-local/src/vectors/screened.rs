//! Exact search for one query over flat segments, by bytes first.
//!
//! Halves of bytes give every vector an upper and a lower bound of its nearness ([`semsearch_kernels`], `halves`). The k-th
//! largest lower bound is a floor: at least k vectors reach it. Whatever has an upper bound below it is not among the
//! nearest. What is left is bounded more closely by whole bytes, and what is left then, a few in ten thousand, is compared
//! in floats. So the answer is that of a plain scan, equal scores included.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rayon::prelude::*;
use semsearch_kernels::{Bounds, HalvesQuery, HalvesRow, prefetch};
use semsearch_store::{Metric, Scored, StoreError};

use super::halves::Halves;
use super::{PAIRS_ALONE, VectorSearch, VectorSegment};
use crate::nearest::Nearest;

/// Vectors whose bounds are computed together.
const BLOCK: usize = 512;

/// Up to this many queries are searched for one after the other. For more, [`super::scan()`] reads the vectors once.
const FEW_QUERIES: usize = 4;

/// The least number of vectors for each wanted neighbour, as for [`super::scan()`].
const PER_NEIGHBOUR: usize = 100;

/// If only some keys may be found, the least part of all. Where fewer may, only their floats are read.
const ALLOWED_OF: usize = 8;

/// The nearest vectors of each query, or `None` if another search is faster or the only one.
pub(crate) fn screened(search: &VectorSearch<'_>) -> Result<Option<Vec<Vec<Scored>>>, StoreError> {
    let &VectorSearch { segments, queries, k, allowed, isa, .. } = search;
    let rows: usize = segments.iter().map(VectorSegment::len).sum();
    let is_faster = isa.screens()
        && (1..=FEW_QUERIES).contains(&queries.len())
        && segments.iter().any(|segment| segment.halves().is_some())
        && segments.iter().all(VectorSegment::is_flat)
        && k > 0
        && k.saturating_mul(PER_NEIGHBOUR) <= rows
        && allowed.is_none_or(|allowed| allowed.len() >= rows / ALLOWED_OF);
    if !is_faster {
        return Ok(None);
    }
    let screens: Option<Vec<Screen>> = queries.iter().map(|query| Screen::new(search, query)).collect();
    let Some(screens) = screens else { return Ok(None) };
    let found = screens.iter().map(|screen| screen.run(rows)).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(found))
}

/// A query that is compared with all vectors.
struct Screen<'a> {
    search: &'a VectorSearch<'a>,
    query: &'a [f32],
    rounded: HalvesQuery,
    /// |q|², for distances.
    square: f64,
    floor: Floor,
}

/// A vector that may be among the nearest.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its nearness is at most this. It may be NaN, which is below nothing.
    upper: f32,
    segment: u32,
    position: usize,
    key: u64,
}

impl Candidate {
    fn is_below(&self, floor: f32) -> bool {
        self.upper < floor
    }
}

impl<'a> Screen<'a> {
    fn new(search: &'a VectorSearch<'a>, query: &'a [f32]) -> Option<Self> {
        let rounded = HalvesQuery::new(query, search.metric == Metric::L2)?;
        let square = query.iter().map(|&value| f64::from(value).powi(2)).sum();
        Some(Self { search, query, rounded, square, floor: Floor::default() })
    }

    /// Divides the vectors of all segments into ranges; each thread takes one. Few vectors are not divided, because starting
    /// threads takes longer than comparing them.
    fn run(&self, rows: usize) -> Result<Vec<Scored>, StoreError> {
        let mut candidates = if rows < PAIRS_ALONE {
            self.part(0..rows)
        } else {
            let share = rows.div_ceil(rayon::current_num_threads()).next_multiple_of(BLOCK);
            let starts: Vec<usize> = (0..rows).step_by(share).collect();
            let parts = starts.par_iter().map(|&start| self.part(start..rows.min(start + share)));
            parts.collect::<Vec<_>>().concat()
        };
        let floor = self.floor.get();
        candidates.retain(|candidate| !candidate.is_below(floor));
        self.compared(candidates)
    }

    /// The candidates of this range.
    fn part(&self, range: Range<usize>) -> Vec<Candidate> {
        let mut kept = Kept::new(self);
        let mut start = 0;
        for (number, segment) in self.search.segments.iter().enumerate() {
            let end = start + segment.len();
            let (from, to) = (range.start.clamp(start, end) - start, range.end.clamp(start, end) - start);
            match segment.halves() {
                Some(halves) => kept.look(number, segment, halves, from..to),
                None => (from..to).for_each(|at| _ = kept.keep(number, segment, at, f32::INFINITY)),
            }
            start = end;
        }
        kept.candidates
    }

    /// Compares candidates in floats.
    fn compared(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Scored>, StoreError> {
        let &VectorSearch { segments, k, metric, isa, .. } = self.search;
        // After the likeliest ones, most of the others need not be read.
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper));
        let mut nearest = Nearest::new(k, metric);
        let mut row = vec![0.0; self.query.len()];
        for candidate in candidates {
            if nearest.furthest().is_some_and(|score| f64::from(candidate.upper) < self.nearness(score)) {
                continue;
            }
            segments[candidate.segment as usize].read(candidate.position, &mut row)?;
            nearest.offer(Scored { key: candidate.key, score: metric.score(isa, &row, self.query) });
        }
        Ok(nearest.into_sorted())
    }

    /// The nearness that a score stands for, as `Bounds` has it.
    fn nearness(&self, score: f32) -> f64 {
        match self.search.metric {
            Metric::Ip => score.into(),
            Metric::L2 => self.square - f64::from(score),
        }
    }
}

/// The candidates of one thread.
struct Kept<'a> {
    screen: &'a Screen<'a>,
    /// The `k` largest lower bounds, the least on top.
    lowest: BinaryHeap<Least>,
    floor: f32,
    candidates: Vec<Candidate>,
    /// How many candidates are kept before those are dropped that the floor has risen above.
    tidied_at: usize,
}

impl<'a> Kept<'a> {
    fn new(screen: &'a Screen<'a>) -> Self {
        Self { screen, lowest: BinaryHeap::new(), floor: f32::NEG_INFINITY, candidates: Vec::new(), tidied_at: 4096 }
    }

    /// Looks at vectors of a segment by their bytes.
    fn look(&mut self, number: usize, segment: &VectorSegment, halves: &Halves, range: Range<usize>) {
        let Screen { search, rounded, .. } = self.screen;
        let (mut sums, mut left) = ([0; BLOCK], Vec::with_capacity(BLOCK));
        for first in range.clone().step_by(BLOCK) {
            let count = BLOCK.min(range.end - first);
            let sums = &mut sums[..count];
            search.isa.half_sums(halves.high(first, count), rounded, sums);
            let rows = halves.rows(first, count);
            self.floor = self.floor.max(self.screen.floor.get());
            let open = |(at, (row, &high)): (usize, (&HalvesRow, &i32))| {
                let excluded = rounded.bounds_by_half(row, high).upper() < self.floor;
                (!excluded).then(|| {
                    // Lower halves are anywhere in memory, so all of them are asked for before the first one is used.
                    prefetch(halves.low(first + at));
                    at
                })
            };
            left.clear();
            left.extend(rows.iter().zip(&*sums).enumerate().filter_map(open));
            for &at in &left {
                let mut low = [0];
                search.isa.half_sums(halves.low(first + at), rounded, &mut low);
                let bounds = rounded.bounds_by_bytes(&rows[at], sums[at], low[0]);
                if bounds.upper() < self.floor {
                    continue;
                }
                if self.keep(number, segment, first + at, bounds.upper()) {
                    self.raise(bounds);
                }
            }
        }
    }

    /// Keeps a candidate, unless its document is gone or its key is not allowed. Returns whether it is kept.
    fn keep(&mut self, number: usize, segment: &VectorSegment, position: usize, upper: f32) -> bool {
        let Some(key) = segment.eligible(position, self.screen.search.allowed) else { return false };
        if self.candidates.len() >= self.tidied_at {
            self.candidates.retain(|candidate| !candidate.is_below(self.floor));
            self.tidied_at = 4096.max(2 * self.candidates.len());
        }
        self.candidates.push(Candidate { upper, segment: number as u32, position, key });
        true
    }

    /// Raises the floor if `k` vectors reach a higher one.
    fn raise(&mut self, bounds: Bounds) {
        let lower = bounds.lower();
        if lower.is_nan() {
            return;
        }
        if self.lowest.len() < self.screen.search.k {
            self.lowest.push(Least(lower));
        } else if let Some(mut least) = self.lowest.peek_mut()
            && lower > least.0
        {
            least.0 = lower;
        }
        if self.lowest.len() == self.screen.search.k
            && let Some(least) = self.lowest.peek().filter(|least| least.0 > self.floor)
        {
            self.floor = least.0;
            self.screen.floor.raise(self.floor);
        }
    }
}

/// A number, of which a heap has the least on top.
#[derive(PartialEq)]
struct Least(f32);

impl Eq for Least {}

impl Ord for Least {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Least {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The floor that all threads know of. It only rises.
struct Floor(AtomicU32);

impl Default for Floor {
    fn default() -> Self {
        Self(AtomicU32::new(ordered(f32::NEG_INFINITY)))
    }
}

impl Floor {
    fn get(&self) -> f32 {
        unordered(self.0.load(Relaxed))
    }

    fn raise(&self, floor: f32) {
        self.0.fetch_max(ordered(floor), Relaxed);
    }
}

/// A whole number that has the same order as the float.
fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

fn unordered(value: u32) -> f32 {
    f32::from_bits(if value >> 31 == 1 { value & !(1 << 31) } else { !value })
}

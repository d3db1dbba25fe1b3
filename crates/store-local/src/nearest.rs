//! Keeps the best of many neighbours.

use semsearch_store::{Metric, Scored};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The nearest neighbours of a query that were found so far.
#[derive(Clone)]
pub(super) struct Nearest {
    k: usize,
    metric: Metric,
    /// A heap with the furthest neighbour on top.
    heap: BinaryHeap<Ranked>,
}

impl Nearest {
    /// An empty collection that keeps at most `k` neighbours.
    pub(super) fn new(k: usize, metric: Metric) -> Self {
        Self { k, metric, heap: BinaryHeap::new() }
    }

    /// The score of the furthest neighbour, once there are `k`.
    pub(super) fn furthest(&self) -> Option<f32> {
        self.heap.peek().filter(|_| self.heap.len() == self.k).map(|furthest| furthest.neighbour.score)
    }

    /// Adds `neighbour` if it is among the nearest. A score that is NaN is never near.
    pub(super) fn offer(&mut self, neighbour: Scored) {
        if neighbour.score.is_nan() {
            return;
        }
        let found = Ranked { neighbour, metric: self.metric };
        if self.heap.len() < self.k {
            self.heap.push(found);
        } else if let Some(mut furthest) = self.heap.peek_mut()
            && found < *furthest
        {
            *furthest = found;
        }
    }

    /// Adds the neighbours of another collection.
    pub(super) fn merge(&mut self, other: Self) {
        other.heap.into_iter().for_each(|found| self.offer(found.neighbour));
    }

    /// All neighbours, nearest first; of equal scores, the smallest key comes first.
    pub(super) fn into_sorted(self) -> Vec<Scored> {
        self.heap.into_sorted_vec().into_iter().map(|found| found.neighbour).collect()
    }
}

/// A neighbour in the order of the heap: the nearest is the least; of equal scores, the one with the smallest key is.
#[derive(Clone, Copy)]
struct Ranked {
    neighbour: Scored,
    metric: Metric,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.neighbour, other.neighbour);
        self.metric.order(a.score, b.score).then(a.key.cmp(&b.key))
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

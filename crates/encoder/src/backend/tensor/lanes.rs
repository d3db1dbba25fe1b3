//! Batches side by side on one device.
//!
//! A lane is a network that serves one batch at a time. Lanes are given out in the order in which they were asked for,
//! so a call with many batches makes no other call wait longer than for one batch.

use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::network::TensorNetwork;

/// The lanes of a device.
pub(super) struct Lanes {
    networks: Vec<Arc<TensorNetwork>>,
    queue: Mutex<LaneQueue>,
    changed: Condvar,
}

/// Which lanes are free, and who is next. Batches are numbered in the order in which they asked for a lane.
struct LaneQueue {
    free: Vec<usize>,
    asked: u64,
    served: u64,
}

/// A lane in use. It is free again when this is dropped.
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    number: usize,
}

impl Lanes {
    /// A lane for each network.
    pub(super) fn new(networks: Vec<Arc<TensorNetwork>>) -> Self {
        let queue = LaneQueue { free: (0..networks.len()).rev().collect(), asked: 0, served: 0 };
        Self { networks, queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// The networks, one for each lane.
    pub(super) fn networks(&self) -> &[Arc<TensorNetwork>] {
        &self.networks
    }

    /// Takes a lane. Callers that wait get a lane in the order in which they asked.
    pub(super) fn take(&self) -> Lane<'_> {
        let mut queue = self.queue();
        let mine = queue.asked;
        queue.asked += 1;
        loop {
            if queue.served == mine
                && let Some(number) = queue.free.pop()
            {
                queue.served += 1;
                self.changed.notify_all();
                return Lane { lanes: self, number };
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The queue changes in single steps, so it is consistent even after a panic.
    fn queue(&self) -> MutexGuard<'_, LaneQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Lane<'_> {
    type Target = TensorNetwork;

    fn deref(&self) -> &TensorNetwork {
        &self.lanes.networks[self.number]
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.lanes.queue().free.push(self.number);
        self.lanes.changed.notify_all();
    }
}

//! The queue of records between the thread that reads them and the thread that uses them. It holds many short records,
//! or one of many megabytes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bounded::weight;
use super::{CorpusError, Record};

/// The most records in the queue: enough that the encoder never waits for a file, and few enough to need little memory.
const RECORDS: usize = 1024;

/// The most bytes of memory that the records in the queue take together. A single record may take more.
const BYTES: usize = 16 << 20;

/// How often a waiting reader of the queue looks whether it should stop.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What both ends of the queue share.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<(Result<Record, CorpusError>, usize)>,
    bytes: usize,
    /// Whether the other end is gone.
    closed: bool,
}

impl State {
    /// Whether there is room for a record of this weight.
    fn has_room(&self, weight: usize) -> bool {
        self.records.is_empty() || (self.records.len() < RECORDS && self.bytes + weight <= BYTES)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready`, or until the other end is gone.
    fn wait(&self, mut ready: impl FnMut(&State) -> bool) -> MutexGuard<'_, State> {
        let waiting = self.changed.wait_while(self.lock(), |state| !state.closed && !ready(state));
        waiting.unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, for at most [`BETWEEN_LOOKS`].
    fn wait_a_while(&self, ready: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let open = |state: &mut State| !state.closed && !ready(state);
        let waited = self.changed.wait_timeout_while(self.lock(), BETWEEN_LOOKS, open);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// The end of the thread that reads.
pub(crate) struct Sender(Arc<Queue>);

/// The records of some inputs. A thread reads them ahead.
pub struct RecordStream {
    queue: Arc<Queue>,
    stop: Option<Arc<AtomicBool>>,
}

impl RecordStream {
    /// Ends the records soon after `stop` is set, also while the next record is waited for.
    pub fn until(mut self, stop: &Arc<AtomicBool>) -> Self {
        self.stop = Some(Arc::clone(stop));
        self
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// The other end is gone.
pub(crate) struct Closed;

/// Makes a queue, and returns its two ends.
pub(crate) fn channel() -> (Sender, RecordStream) {
    let queue = Arc::new(Queue::default());
    (Sender(Arc::clone(&queue)), RecordStream { queue, stop: None })
}

impl Sender {
    /// Adds a record when there is room for it. After a record that takes all the room, it waits until that one is
    /// taken, so that no second one is read in the meantime.
    pub(crate) fn send(&self, record: Result<Record, CorpusError>) -> Result<(), Closed> {
        let weight = record.as_ref().map_or(0, |record| weight(&record.fields));
        let mut state = self.0.wait(|state| state.has_room(weight));
        if state.closed {
            return Err(Closed);
        }
        state.bytes += weight;
        state.records.push_back((record, weight));
        drop(state);
        self.0.changed.notify_all();
        let closed = weight > BYTES && self.0.wait(|state| state.records.is_empty()).closed;
        if closed { Err(Closed) } else { Ok(()) }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Iterator for RecordStream {
    type Item = Result<Record, CorpusError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = loop {
            if self.is_stopped() {
                return None;
            }
            let state = match self.stop {
                Some(_) => self.queue.wait_a_while(|state| !state.records.is_empty()),
                None => self.queue.wait(|state| !state.records.is_empty()),
            };
            if state.closed || !state.records.is_empty() {
                break state;
            }
        };
        let (record, weight) = state.records.pop_front()?;
        state.bytes -= weight;
        drop(state);
        self.queue.changed.notify_all();
        Some(record)
    }
}

impl Drop for RecordStream {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use serde_json::{Map, Value};

    use super::*;
    use semsearch_files::Place;

    fn record(bytes: usize) -> Record {
        let fields = Map::from_iter([("text".to_owned(), Value::from("a".repeat(bytes)))]);
        Record::of_data(fields, Place::whole(&"in".into()))
    }

    /// Sends records of these sizes; the numbers of those that were sent come from the receiver.
    fn sending(sizes: &'static [usize]) -> (RecordStream, mpsc::Receiver<usize>) {
        let ((sender, records), (sent, sends)) = (channel(), mpsc::channel());
        thread::spawn(move || {
            for (number, &size) in sizes.iter().enumerate() {
                if sender.send(Ok(record(size))).is_err() {
                    return;
                }
                sent.send(number).unwrap();
            }
        });
        (records, sends)
    }

    #[test]
    fn all_records_come_in_their_order() {
        let (records, _sends) = sending(&[1, BYTES + 1, 2, 3, BYTES, BYTES + 2, 4]);
        let length = |record: Result<Record, CorpusError>| record.unwrap().fields["text"].as_str().unwrap().len();
        assert_eq!(records.map(length).collect::<Vec<_>>(), [1, BYTES + 1, 2, 3, BYTES, BYTES + 2, 4]);
    }

    #[test]
    fn a_large_record_is_alone_and_taken_before_the_next_is_read() {
        let (mut records, sends) = sending(&[1, BYTES + 1, BYTES + 1]);
        assert_eq!(sends.recv(), Ok(0));
        assert!(sends.recv_timeout(Duration::from_millis(50)).is_err(), "no room beside the first");
        records.next();
        assert!(sends.recv_timeout(Duration::from_millis(50)).is_err(), "it is sent, but not yet taken");
        records.next();
        assert_eq!(sends.recv(), Ok(1));
    }

    #[test]
    fn a_sender_that_waits_ends_with_its_receiver() {
        let (records, sends) = sending(&[BYTES + 1, 1]);
        assert!(sends.recv_timeout(Duration::from_millis(50)).is_err());
        drop(records);
        assert!(sends.recv().is_err());
    }
}

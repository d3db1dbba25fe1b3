//! Which texts are encoded next: a queue without threads and without a clock.
//!
//! Requests of searches go first. Among requests of one priority, each gives one quantum of its tokens at a time and
//! then goes to the end of the line, so that a request of a thousand texts does not delay one of a single text. A batch
//! never mixes priorities: a search would wait for the rest of the batch.

use std::collections::VecDeque;
use std::ops::Range;

/// Who waits for the vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A person or a program that searches.
    Search,
    /// A program that wants the vectors themselves.
    Bulk,
}

/// Some texts of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) ticket: u64,
    pub(super) texts: Range<usize>,
}

/// The texts of a request whose tokens are not counted yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uncounted {
    pub(super) texts: usize,
    pub(super) bytes: usize,
}

impl Uncounted {
    /// An estimate of their tokens.
    pub(super) fn tokens(self) -> usize {
        const BYTES_PER_TOKEN: usize = 4;
        self.bytes / BYTES_PER_TOKEN
    }
}

/// A request of which some texts are not encoded yet.
struct Waiting {
    ticket: u64,
    /// The tokens of each text that is counted.
    lengths: Vec<usize>,
    /// The first text that is not encoded yet.
    next: usize,
    /// The tokens of all texts that are counted and not encoded yet.
    left: usize,
    uncounted: Uncounted,
}

impl Waiting {
    /// The tokens of all texts that are not encoded yet; of those that are not counted, an estimate.
    fn tokens(&self) -> usize {
        self.left + self.uncounted.tokens()
    }
}

/// The requests that wait.
pub(super) struct Queue {
    /// The most tokens of a batch. A text with more is a batch of its own.
    quantum: usize,
    /// A batch may have so many texts, even if they have up to two quanta of tokens: a core encodes one text at a time,
    /// and none should be idle.
    cores: usize,
    searches: VecDeque<Waiting>,
    bulk: VecDeque<Waiting>,
}

impl Queue {
    pub(super) fn new(quantum: usize, cores: usize) -> Self {
        Self { quantum, cores, searches: VecDeque::new(), bulk: VecDeque::new() }
    }

    /// Adds a request, with the tokens of its first texts.
    pub(super) fn push(&mut self, ticket: u64, priority: Priority, lengths: Vec<usize>, uncounted: Uncounted) {
        self.line(priority).push_back(Waiting { ticket, lengths: Vec::new(), next: 0, left: 0, uncounted });
        self.count(ticket, lengths, uncounted);
    }

    /// Adds the tokens of a request's next texts. `uncounted` is what is left after them.
    pub(super) fn count(&mut self, ticket: u64, lengths: Vec<usize>, uncounted: Uncounted) {
        let mut all = self.searches.iter_mut().chain(&mut self.bulk);
        let Some(waiting) = all.find(|waiting| waiting.ticket == ticket) else { return };
        // A text without tokens takes time too.
        let lengths = lengths.into_iter().map(|length| length.max(1));
        let before = waiting.lengths.len();
        waiting.lengths.extend(lengths);
        waiting.left += waiting.lengths[before..].iter().sum::<usize>();
        waiting.uncounted = uncounted;
    }

    /// The request whose next texts must be counted before a batch is taken, and how many of its texts are counted.
    pub(super) fn to_count(&self) -> Option<(u64, usize)> {
        let first = self.searches.front().or(self.bulk.front())?;
        (first.uncounted.texts > 0 && first.left < self.quantum).then_some((first.ticket, first.lengths.len()))
    }

    /// Takes a request away, wherever it stands.
    pub(super) fn remove(&mut self, ticket: u64) {
        [&mut self.searches, &mut self.bulk].into_iter().for_each(|line| line.retain(|one| one.ticket != ticket));
    }

    /// The next batch; empty if nobody waits.
    pub(super) fn take(&mut self) -> Vec<Part> {
        let priority = if self.searches.is_empty() { Priority::Bulk } else { Priority::Search };
        let (quantum, cores) = (self.quantum, self.cores);
        let (mut texts, mut tokens, mut parts) = (0, 0, Vec::new());
        let line = self.line(priority);
        while let Some(first) = line.front_mut() {
            let start = first.next;
            while let Some(&length) = first.lengths.get(first.next) {
                let room = if texts < cores { 2 * quantum } else { quantum };
                if texts > 0 && tokens + length > room {
                    break;
                }
                texts += 1;
                tokens += length;
                first.left -= length;
                first.next += 1;
            }
            if first.next == start {
                break;
            }
            parts.push(Part { ticket: first.ticket, texts: start..first.next });
            if first.next < first.lengths.len() || first.uncounted.texts > 0 {
                line.rotate_left(1);
                break;
            }
            line.pop_front();
        }
        parts
    }

    /// How many tokens are encoded before a new request with this many tokens has all of its vectors, without its own.
    pub(super) fn ahead(&self, priority: Priority, tokens: usize) -> usize {
        // Each request gives at most as many quanta as the new one before the new one is done.
        let turns = tokens.div_ceil(self.quantum).max(1) * self.quantum;
        let in_turns = |line: &VecDeque<Waiting>| line.iter().map(|one| one.tokens().min(turns)).sum::<usize>();
        match priority {
            Priority::Search => in_turns(&self.searches),
            Priority::Bulk => self.tokens(Priority::Search) + in_turns(&self.bulk),
        }
    }

    /// The tokens of all requests of this priority that wait.
    pub(super) fn tokens(&self, priority: Priority) -> usize {
        let line = if priority == Priority::Search { &self.searches } else { &self.bulk };
        line.iter().map(Waiting::tokens).sum()
    }

    fn line(&mut self, priority: Priority) -> &mut VecDeque<Waiting> {
        match priority {
            Priority::Search => &mut self.searches,
            Priority::Bulk => &mut self.bulk,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const NONE: Uncounted = Uncounted { texts: 0, bytes: 0 };

    fn rest(lengths: &[usize], counted: usize) -> Uncounted {
        Uncounted { texts: lengths.len() - counted, bytes: 4 * lengths[counted..].iter().sum::<usize>() }
    }

    fn part(ticket: u64, texts: Range<usize>) -> Part {
        Part { ticket, texts }
    }

    #[test]
    fn searches_come_first_and_are_never_mixed_with_others() {
        let mut queue = Queue::new(100, 1);
        queue.push(1, Priority::Bulk, vec![10; 3], NONE);
        queue.push(2, Priority::Search, vec![8], NONE);
        queue.push(3, Priority::Search, vec![9], NONE);
        assert_eq!(queue.take(), [part(2, 0..1), part(3, 0..1)]);
        assert_eq!(queue.take(), [part(1, 0..3)]);
        assert_eq!(queue.take(), []);
    }

    #[test]
    fn a_thousand_texts_do_not_delay_one() {
        let mut queue = Queue::new(100, 1);
        queue.push(1, Priority::Bulk, vec![50; 1000], NONE);
        assert_eq!(queue.take(), [part(1, 0..2)]);
        queue.push(2, Priority::Bulk, vec![50], NONE);
        assert_eq!(queue.take(), [part(1, 2..4)]);
        assert_eq!(queue.take(), [part(2, 0..1), part(1, 4..5)]);
        assert_eq!(queue.take(), [part(1, 5..7)]);
    }

    #[test]
    fn a_text_longer_than_a_quantum_is_a_batch() {
        let mut queue = Queue::new(100, 1);
        queue.push(1, Priority::Bulk, vec![512, 3, 512], NONE);
        let batches: Vec<Vec<Part>> = (0..4).map(|_| queue.take()).collect();
        assert_eq!(batches, [vec![part(1, 0..1)], vec![part(1, 1..2)], vec![part(1, 2..3)], vec![]]);
    }

    #[test]
    fn a_batch_has_a_text_for_each_core() {
        let mut queue = Queue::new(200, 4);
        queue.push(1, Priority::Bulk, vec![99; 9], NONE);
        assert_eq!([queue.take(), queue.take(), queue.take()], [[part(1, 0..4)], [part(1, 4..8)], [part(1, 8..9)]]);
        queue.push(2, Priority::Bulk, vec![150; 4], NONE);
        assert_eq!([queue.take(), queue.take()], [[part(2, 0..2)], [part(2, 2..4)]]);
    }

    #[test]
    fn what_is_ahead_counts_turns_and_not_all_that_waits() {
        let mut queue = Queue::new(100, 1);
        queue.push(1, Priority::Bulk, vec![50; 1000], NONE);
        assert_eq!((queue.ahead(Priority::Bulk, 10), queue.ahead(Priority::Search, 10)), (100, 0));
        assert_eq!(queue.ahead(Priority::Bulk, 50_000), 50_000);
        queue.push(2, Priority::Search, vec![20], NONE);
        assert_eq!((queue.ahead(Priority::Bulk, 10), queue.ahead(Priority::Search, 10)), (120, 20));
        queue.remove(1);
        queue.remove(2);
        assert!(queue.take().is_empty());
    }

    /// Requests that come at a moment of virtual time, in tokens that were encoded before.
    fn arrivals() -> impl Strategy<Value = Vec<(usize, bool, Vec<usize>)>> {
        prop::collection::vec((0..3000usize, any::<bool>(), prop::collection::vec(0..300usize, 1..20)), 1..20)
    }

    proptest! {
        #[test]
        fn every_text_is_encoded_once_and_no_wait_is_longer_than_was_estimated(mut arrivals in arrivals()) {
            const QUANTUM: usize = 192;
            arrivals.sort_by_key(|arrival| arrival.0);
            let mut queue = Queue::new(QUANTUM, 1);
            let (mut now, mut coming) = (0, arrivals.iter().enumerate().peekable());
            let mut done: HashMap<u64, Vec<usize>> = HashMap::new();
            loop {
                while let Some((number, (_, is_search, lengths))) = coming.next_if(|(_, (at, ..))| *at <= now) {
                    let priority = if *is_search { Priority::Search } else { Priority::Bulk };
                    // Some requests are counted as they come, and others when it is their turn.
                    let counted = if number % 2 == 0 { lengths.len() } else { 0 };
                    queue.push(number as u64, priority, lengths[..counted].to_vec(), rest(lengths, counted));
                }
                while let Some((ticket, counted)) = queue.to_count() {
                    let lengths = &arrivals[ticket as usize].2;
                    let next = lengths.len().min(counted + 3);
                    queue.count(ticket, lengths[counted..next].to_vec(), rest(lengths, next));
                }
                let batch = queue.take();
                if batch.is_empty() {
                    let Some((_, (at, ..))) = coming.peek() else { break };
                    now = *at;
                    continue;
                }
                let of = |part: &Part| &arrivals[part.ticket as usize];
                let lengths: Vec<usize> = batch.iter().flat_map(|part| of(part).2[part.texts.clone()].to_vec()).collect();
                let tokens: usize = lengths.iter().map(|length| *length.max(&1)).sum();
                prop_assert!(tokens <= QUANTUM || lengths.len() == 1, "{lengths:?}");
                prop_assert!(batch.iter().all(|part| of(part).1 == of(&batch[0]).1), "one priority");
                batch.iter().for_each(|part| done.entry(part.ticket).or_default().extend(part.texts.clone()));
                now += tokens;
            }
            for (number, (_, _, lengths)) in arrivals.iter().enumerate() {
                prop_assert_eq!(&done[&(number as u64)], &(0..lengths.len()).collect::<Vec<_>>());
            }
            prop_assert!(queue.take().is_empty());
        }
    }
}

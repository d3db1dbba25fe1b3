//! The scheduler: many requests, one encoder.
//!
//! The encoder computes no padding, so a larger batch gains nothing once all cores are busy. So nobody waits for a
//! batch to fill: whenever the encoder is idle, it takes what is queued, up to a quantum of tokens. A text's vector has
//! the same bits whatever else is in its batch; the encoder promises that.

mod queue;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use semsearch_encoder::embedder::Embedder;
use semsearch_encoder::encoder::Vectors;
use semsearch_encoder::model::{RaggedIds, Tokenized};
use semsearch_files::guarded;
use tokio::sync::oneshot;

pub(crate) use self::queue::Priority;
use self::queue::{Part, Queue, Uncounted};

/// Texts of fewer bytes are tokenized where they arrive, in a millisecond.
const FEW_BYTES: usize = 4 << 10;

/// Tokens in, vectors out. Calls may come from several threads.
pub(crate) trait BatchEncoder: Send + Sync + 'static {
    /// Components of a vector.
    fn dim(&self) -> usize;

    /// The tokens of texts.
    fn tokenize(&self, texts: &[String]) -> Result<Tokenized, String>;

    /// A row for each text.
    fn encode(&self, ids: RaggedIds) -> Result<Vectors, String>;
}

impl BatchEncoder for Embedder {
    fn dim(&self) -> usize {
        Embedder::dim(self)
    }

    fn tokenize(&self, texts: &[String]) -> Result<Tokenized, String> {
        self.tokenizer().tokenize(texts).map_err(|error| with_causes(&error))
    }

    fn encode(&self, ids: RaggedIds) -> Result<Vectors, String> {
        let dropped = vec![0; ids.len()];
        let embedded = self.embed_tokenized(Tokenized { ids, dropped }).map_err(|error| with_causes(&error))?;
        Ok(embedded.vectors)
    }
}

/// Why a request has no vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// More work is ahead than anybody should wait for. After this time it is worth trying again.
    Busy(Duration),
    /// The encoder failed on these texts.
    Failed(String),
    /// The server ends.
    Closed,
}

/// How the scheduler works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most tokens of a batch.
    pub(crate) quantum: usize,
    /// How many texts are encoded at the same time.
    pub(crate) cores: usize,
    /// How many batches are encoded at once.
    pub(crate) in_flight: usize,
    /// A request with more work ahead is refused.
    pub(crate) max_wait: Duration,
}

/// Encodes the texts of requests in turns.
#[derive(Clone)]
pub(crate) struct Scheduler {
    shared: Arc<Shared>,
}

struct Shared {
    encoder: Arc<dyn BatchEncoder>,
    limits: Limits,
    state: Mutex<State>,
    wake: Condvar,
}

struct State {
    queue: Queue,
    jobs: HashMap<u64, Job>,
    next_ticket: u64,
    /// The tokens of the batches that are encoded now.
    running: usize,
    /// Tokens a second, as measured; 0 before the first batch.
    rate: f64,
    closed: bool,
    encoded: Encoded,
}

/// What was encoded since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Encoded {
    pub(crate) batches: u64,
    pub(crate) texts: u64,
    pub(crate) tokens: u64,
}

/// What waits now.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) searches: usize,
    pub(crate) bulk: usize,
    pub(crate) rate: f64,
    pub(crate) encoded: Encoded,
}

/// Texts' vectors.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EmbeddedTexts {
    /// A row for each text.
    pub(crate) vectors: Vectors,
    /// The tokens that were encoded, of all texts together.
    pub(crate) tokens: usize,
    /// For each text, how many tokens were cut at the maximum length.
    pub(crate) dropped: Vec<usize>,
}

/// A request that is not answered yet.
struct Job {
    texts: Arc<Vec<String>>,
    /// The tokens of its first texts. The others are tokenized when it is their turn: so no request of many texts takes
    /// the cores from others.
    tokenized: Tokenized,
    vectors: Vectors,
    left: usize,
    done: oneshot::Sender<Result<EmbeddedTexts, Refusal>>,
}

impl Job {
    fn uncounted(&self) -> Uncounted {
        let rest = &self.texts[self.tokenized.ids.len()..];
        Uncounted { texts: rest.len(), bytes: rest.iter().map(String::len).sum() }
    }
}

/// A place in the queue, which is given up when it is dropped: a client that went away is not computed for.
struct Ticket<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if state.jobs.remove(&self.number).is_some() {
            state.queue.remove(self.number);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scheduler {
    /// Starts the threads that encode.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(encoder: Arc<dyn BatchEncoder>, limits: Limits) -> std::io::Result<Self> {
        let state = State {
            queue: Queue::new(limits.quantum, limits.cores),
            jobs: HashMap::new(),
            next_ticket: 0,
            running: 0,
            rate: 0.0,
            closed: false,
            encoded: Encoded::default(),
        };
        let shared = Arc::new(Shared { encoder, limits, state: Mutex::new(state), wake: Condvar::new() });
        for number in 0..limits.in_flight.max(1) {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name(format!("encoder-{number}")).spawn(move || encode_all(&shared))?;
        }
        Ok(Self { shared })
    }

    /// The vectors of these texts. Dropping the future gives up the place in the queue.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) async fn embed(&self, priority: Priority, texts: Vec<String>) -> Result<EmbeddedTexts, Refusal> {
        let shared = &*self.shared;
        let vectors = Vectors::zeros(texts.len(), shared.encoder.dim());
        if texts.is_empty() {
            return Ok(EmbeddedTexts { vectors, tokens: 0, dropped: Vec::new() });
        }
        let is_little = texts.iter().map(String::len).sum::<usize>() <= FEW_BYTES;
        let tokenized =
            if is_little { tokenized(shared, &texts).map_err(Refusal::Failed)? } else { Tokenized::default() };
        let (done, answer) = oneshot::channel();
        let left = texts.len();
        let job = Job { texts: Arc::new(texts), tokenized, vectors, left, done };
        let _ticket = {
            let mut state = shared.lock();
            if state.closed {
                return Err(Refusal::Closed);
            }
            let (lengths, uncounted) = (lengths(&job.tokenized.ids), job.uncounted());
            let tokens = lengths.iter().sum::<usize>() + uncounted.tokens();
            if let Some(wait) = state.too_long(priority, tokens, shared.limits.max_wait) {
                return Err(Refusal::Busy(wait));
            }
            let number = state.next_ticket;
            state.next_ticket += 1;
            state.queue.push(number, priority, lengths, uncounted);
            state.jobs.insert(number, job);
            shared.wake.notify_one();
            Ticket { shared, number }
        };
        answer.await.unwrap_or(Err(Refusal::Closed))
    }

    /// The most tokens of a batch.
    pub(crate) fn quantum(&self) -> usize {
        self.shared.limits.quantum
    }

    /// What waits and what was done.
    pub(crate) fn load(&self) -> Load {
        let state = self.shared.lock();
        Load {
            searches: state.queue.tokens(Priority::Search),
            bulk: state.queue.tokens(Priority::Bulk),
            rate: state.rate,
            encoded: state.encoded,
        }
    }

    /// Ends the threads. Requests that wait are refused.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.jobs.clear();
        self.shared.wake.notify_all();
    }
}

impl State {
    /// The time after which it is worth trying again, if more than `most` would be ahead.
    fn too_long(&self, priority: Priority, tokens: usize, most: Duration) -> Option<Duration> {
        if self.rate <= 0.0 {
            return None;
        }
        let ahead = self.running + self.queue.ahead(priority, tokens);
        let wait = Duration::from_secs_f64(ahead as f64 / self.rate);
        (wait > most).then(|| wait.saturating_sub(most).max(Duration::from_secs(1)))
    }

    /// The texts of a batch, one after the other.
    fn gather(&self, parts: &[Part]) -> RaggedIds {
        let mut ids = RaggedIds::default();
        for part in parts {
            if let Some(job) = self.jobs.get(&part.ticket) {
                part.texts.clone().for_each(|text| ids.push_text(job.tokenized.ids.text(text)));
            }
        }
        ids
    }

    /// Gives each request its vectors. A request that is complete is answered.
    fn hand_out(&mut self, parts: &[Part], vectors: &Vectors) {
        let mut row = 0;
        for Part { ticket, texts } in parts {
            let rows = vectors.rows(row, row + texts.len());
            row += texts.len();
            // The client may have gone meanwhile.
            let Some(job) = self.jobs.get_mut(ticket) else { continue };
            job.vectors.rows_mut(texts.start, texts.end).copy_from_slice(rows);
            job.left -= texts.len();
            if job.left == 0
                && let Some(job) = self.jobs.remove(ticket)
            {
                let Tokenized { ids, dropped } = job.tokenized;
                let _ = job.done.send(Ok(EmbeddedTexts { vectors: job.vectors, tokens: ids.tokens(), dropped }));
            }
        }
    }

    /// Adds the tokens of a request's next texts.
    fn learn(&mut self, ticket: u64, counted: usize, next: Result<Tokenized, String>) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return self.queue.remove(ticket) };
        match next {
            // With several threads, another may have been here meanwhile.
            Ok(next) if job.tokenized.ids.len() == counted => {
                let lengths = lengths(&next.ids);
                job.tokenized.append(next);
                self.queue.count(ticket, lengths, job.uncounted());
            }
            Ok(_) => {}
            Err(why) => self.fail(ticket, why),
        }
    }

    fn fail(&mut self, ticket: u64, why: String) {
        self.queue.remove(ticket);
        if let Some(job) = self.jobs.remove(&ticket) {
            let _ = job.done.send(Err(Refusal::Failed(why)));
        }
    }

    fn count(&mut self, ids: (usize, usize), took: Duration) {
        let (texts, tokens) = ids;
        self.encoded.batches += 1;
        self.encoded.texts += texts as u64;
        self.encoded.tokens += tokens as u64;
        let rate = tokens as f64 / took.as_secs_f64().max(1e-9);
        self.rate = if self.rate > 0.0 { 0.9 * self.rate + 0.1 * rate } else { rate };
    }
}

/// Encodes batch after batch until the scheduler is closed.
fn encode_all(shared: &Shared) {
    let mut state = shared.lock();
    loop {
        if state.closed {
            return;
        }
        if let Some((ticket, counted)) = state.queue.to_count() {
            let texts = state.jobs.get(&ticket).map(|job| Arc::clone(&job.texts)).unwrap_or_default();
            drop(state);
            let next = tokenized(shared, slice(&texts, counted, shared.limits.quantum));
            state = shared.lock();
            state.learn(ticket, counted, next);
            continue;
        }
        let parts = state.queue.take();
        if parts.is_empty() {
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let ids = state.gather(&parts);
        let (texts, tokens) = (ids.len(), ids.tokens());
        state.running += tokens;
        drop(state);
        let begun = Instant::now();
        let outcome = encode(shared, ids);
        let took = begun.elapsed();
        // One text that cannot be encoded costs only its own request.
        let alone = outcome.is_err() && parts.len() > 1;
        let outcomes = if alone { each_alone(shared, &parts) } else { Vec::new() };
        state = shared.lock();
        state.running -= tokens;
        state.count((texts, tokens), took);
        match outcome {
            Ok(vectors) => state.hand_out(&parts, &vectors),
            Err(why) if !alone => parts.iter().for_each(|part| state.fail(part.ticket, why.clone())),
            Err(_) => {
                for (part, outcome) in parts.iter().zip(outcomes) {
                    match outcome {
                        Ok(vectors) => state.hand_out(std::slice::from_ref(part), &vectors),
                        Err(why) => state.fail(part.ticket, why),
                    }
                }
            }
        }
    }
}

fn lengths(ids: &RaggedIds) -> Vec<usize> {
    ids.iter().map(<[u32]>::len).collect()
}

/// The texts from `first` on that are tokenized together: enough for a batch, in a millisecond or two.
fn slice(texts: &[String], first: usize, quantum: usize) -> &[String] {
    let rest = texts.get(first..).unwrap_or_default();
    let (most, mut bytes) = (quantum * 8, 0);
    let fit = rest.iter().take_while(|text| {
        bytes += text.len();
        bytes <= most
    });
    let fit = fit.count().max(1).min(rest.len());
    &rest[..fit]
}

/// The tokens of texts. A defect of the tokenizer is an error of these texts.
fn tokenized(shared: &Shared, texts: &[String]) -> Result<Tokenized, String> {
    guarded(|| shared.encoder.tokenize(texts)).unwrap_or_else(|panicked| Err(panicked.to_string()))
}

fn each_alone(shared: &Shared, parts: &[Part]) -> Vec<Result<Vectors, String>> {
    let alone = |part: &Part| {
        let ids = shared.lock().gather(std::slice::from_ref(part));
        encode(shared, ids)
    };
    parts.iter().map(alone).collect()
}

/// Encodes a batch. A defect of the encoder is an error of this batch, and the thread goes on.
fn encode(shared: &Shared, ids: RaggedIds) -> Result<Vectors, String> {
    let rows = ids.len();
    let vectors = guarded(|| shared.encoder.encode(ids)).unwrap_or_else(|panicked| Err(panicked.to_string()))?;
    match vectors.len() == rows {
        true => Ok(vectors),
        false => Err(format!("{} vectors for {rows} texts", vectors.len())),
    }
}

/// An error with all of its causes, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        message += &format!(": {source}");
        cause = source.source();
    }
    message
}

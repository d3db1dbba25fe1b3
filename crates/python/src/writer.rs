//! A writer of an index: records in, one commit out, or none.
//!
//! A thread of its own compares, embeds and writes, so that Python makes the next records meanwhile.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use semsearch_corpus::{CorpusError, Document, FieldNames, Layout, Record};
use semsearch_encoder::embedder::{Embedder, Progress};
use semsearch_engine::{EngineError, IndexCounts, IndexProgress, Indexer, IndexerOptions, Stop};
use semsearch_files::Place;
use semsearch_store::{ChunkPolicy, IndexConfig, IndexSettings, Prompts, StoreWriter, WriteOptions, Written};

use super::errors::{Raised, bad_value};
use super::json::fields;
use super::model::{NativeModel, parsed};
use super::process;
use super::store::store_at;

/// Documents that wait to be embedded, at most.
const WAITING: usize = 1024;

/// How long a call waits before it looks for signals.
const TICK: Duration = Duration::from_millis(5);

/// What a writer did.
type Outcome = Result<(IndexCounts, Written), EngineError>;

/// The writer of an index.
#[pyclass(frozen, module = "semsearch._semsearch")]
pub(crate) struct NativeWriter {
    names: FieldNames,
    input: Arc<str>,
    records: AtomicUsize,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

/// What the thread and its caller share.
#[derive(Default)]
struct Shared {
    /// Whether what was added is committed when the channel ends.
    commits: AtomicBool,
    stop: Stop,
    texts: AtomicUsize,
    tokens: AtomicUsize,
}

struct Running {
    documents: SyncSender<Document>,
    thread: JoinHandle<Outcome>,
}

#[pymethods]
impl NativeWriter {
    /// Takes the index at `path` for writing. `how` is `create`, `replace` or `update`; an update keeps the settings that the
    /// index recorded.
    #[new]
    #[pyo3(signature = (path, model, how, wait, factory, metric, language, prompts, chunks, fields))]
    #[allow(clippy::too_many_arguments, reason = "they have names in Python")]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        model: &Bound<'_, NativeModel>,
        how: &str,
        wait: f64,
        factory: &str,
        metric: &str,
        language: &str,
        prompts: (Option<String>, Option<String>),
        chunks: (Option<bool>, Option<usize>, Option<usize>),
        fields: (Option<String>, Option<String>, Option<String>),
    ) -> PyResult<Self> {
        process::enter(None)?;
        let model = model.get().loaded.clone();
        let own = &model.embedder.config().prompts;
        let settings = IndexSettings {
            factory: factory.into(),
            metric: parsed("metric", metric)?,
            language: Some(parsed("language", language)?),
            prompts: Prompts {
                query: prompts.0.unwrap_or_else(|| own.query.clone()),
                document: prompts.1.unwrap_or_else(|| own.document.clone()),
            },
            chunks: ChunkPolicy { chunked: chunks.0, tokens: chunks.1, overlap: chunks.2 },
            ..IndexSettings::default()
        };
        let options =
            WriteOptions { rebuild: how == "replace", wait: seconds(wait)?, at_once: true, commit_every: None };
        let (id, text, title) = fields;
        let names = FieldNames { id, text: text.into_iter().collect(), title };
        let shared = Arc::new(Shared::default());
        let (documents, waiting) = sync_channel(WAITING);
        let thread = py.detach(|| -> Result<_, Raised> {
            let store = store_at(&path)?;
            let there = if how == "replace" { None } else { store.recorded()? };
            let settings = match (how, &there) {
                ("create", Some(_)) => {
                    let message = format!("{}: there is an index here already", store.place().display());
                    let hint = "`replace=True` builds it anew, `semsearch.Index.update(path)` adds to it";
                    return Err(Raised::new("StoreError", message, Some(hint)));
                }
                ("update", None) => {
                    return Err(semsearch_store::StoreError::NoIndex { dir: store.place().into() }.into());
                }
                (_, Some(there)) => there.settings(),
                (_, None) => settings,
            };
            let mut config = IndexConfig::new(model.identity.clone(), &model.embedder, settings);
            if let Some(there) = &there {
                // New vectors may be made in another precision; they are compared all the same.
                config.precision = there.precision;
            }
            let writer = store.writer(config.clone(), options)?;
            let shared = Arc::clone(&shared);
            let run = move || write(&model.embedder, &config, writer, waiting, &shared);
            let started = thread::Builder::new().name("semsearch-writer".into()).spawn(run);
            started.map_err(|error| Raised::new("Error", format!("no thread for the writer: {error}"), None))
        })?;
        Ok(Self {
            names,
            input: "<python>".into(),
            records: AtomicUsize::new(0),
            shared,
            running: Mutex::new(Some(Running { documents, thread })),
        })
    }

    /// Adds records, which are dicts.
    fn add(&self, py: Python<'_>, records: &Bound<'_, PyList>) -> PyResult<()> {
        let documents = records.iter().map(|record| self.document(&record)).collect::<PyResult<Vec<_>>>()?;
        for document in documents {
            self.send(py, document)?;
        }
        Ok(())
    }

    /// The texts and tokens that are embedded so far.
    fn done(&self) -> (usize, usize) {
        (self.shared.texts.load(Ordering::Relaxed), self.shared.tokens.load(Ordering::Relaxed))
    }

    /// Commits what was added, and returns what was done, as a dict. The writer is then closed.
    fn commit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.shared.commits.store(true, Ordering::Release);
        let Some(running) = self.take() else { return Err(closed()) };
        let (counts, written) = self.end(py, running)?;
        let dict = PyDict::new(py);
        for (name, count) in [
            ("documents", written.documents as usize),
            ("passages", written.passages as usize),
            ("added", counts.added),
            ("updated", counts.updated),
            ("unchanged", counts.unchanged),
            ("tokens", counts.tokens),
            ("truncated", counts.truncation.texts),
        ] {
            dict.set_item(name, count)?;
        }
        Ok(dict)
    }

    /// Drops what was added. The index stays as it was.
    fn abandon(&self, py: Python<'_>) {
        self.stop();
        if let Some(running) = self.take() {
            drop(running.documents);
            py.detach(|| drop(running.thread.join()));
        }
    }
}

impl Drop for NativeWriter {
    /// What was not committed is dropped.
    fn drop(&mut self) {
        self.stop();
    }
}

impl NativeWriter {
    fn stop(&self) {
        self.shared.stop.reading.store(true, Ordering::Relaxed);
        self.shared.stop.embedding.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn document(&self, record: &Bound<'_, PyAny>) -> PyResult<Document> {
        let number = self.records.fetch_add(1, Ordering::Relaxed) + 1;
        let record = Record {
            fields: fields(record)?,
            place: Place::line(&self.input, number as u64),
            titled: true,
            markup: None,
            columns: None,
            layout: Layout::default(),
        };
        Ok(self.names.document(record).map_err(Raised::from)?)
    }

    /// Gives a document to the thread. If the thread has ended, its error is raised.
    fn send(&self, py: Python<'_>, mut document: Document) -> PyResult<()> {
        loop {
            let sent = match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(running) => running.documents.try_send(document),
                None => return Err(closed()),
            };
            match sent {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(again)) => document = again,
                Err(TrySendError::Disconnected(_)) => {
                    let Some(running) = self.take() else { return Err(closed()) };
                    return self.end(py, running).and(Err(closed()));
                }
            }
            py.check_signals()?;
            py.detach(|| thread::sleep(TICK));
        }
    }

    /// Waits for the thread. A signal ends the waiting, and nothing is committed then.
    fn end(&self, py: Python<'_>, running: Running) -> PyResult<(IndexCounts, Written)> {
        let Running { documents, thread } = running;
        drop(documents);
        while !thread.is_finished() {
            if let Err(signal) = py.check_signals() {
                self.shared.commits.store(false, Ordering::Release);
                self.stop();
                py.detach(|| drop(thread.join()));
                return Err(signal);
            }
            py.detach(|| thread::sleep(TICK));
        }
        let outcome = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok(outcome.map_err(Raised::from)?)
    }
}

/// A writer was used after its end.
fn closed() -> PyErr {
    bad_value("this writer has ended")
}

/// A time that was given in seconds.
pub(crate) fn seconds(wait: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(wait).map_err(|_| bad_value("wait: a number of seconds"))
}

/// Takes documents until there are no more, and commits them if that was asked for.
fn write(
    embedder: &Embedder,
    config: &IndexConfig,
    writer: Box<dyn StoreWriter>,
    documents: Receiver<Document>,
    shared: &Shared,
) -> Outcome {
    let options = IndexerOptions { may_be_empty: true, stop: shared.stop.clone(), ..IndexerOptions::default() };
    let mut indexer = Indexer::new(embedder, config, writer, options);
    indexer.run(documents.into_iter().map(Ok), &mut Counting(shared))?;
    if !shared.commits.load(Ordering::Acquire) || shared.stop.embedding.load(Ordering::Relaxed) {
        return Ok((IndexCounts::default(), indexer.abandon()));
    }
    indexer.end_of_records()?;
    indexer.commit()
}

/// Counts what is embedded. A record that cannot be used ends the run.
struct Counting<'a>(&'a Shared);

impl Progress for Counting<'_> {
    fn done(&mut self, texts: usize, tokens: usize) {
        self.0.texts.fetch_add(texts, Ordering::Relaxed);
        self.0.tokens.fetch_add(tokens, Ordering::Relaxed);
    }
}

impl IndexProgress for Counting<'_> {
    type Failure = EngineError;

    fn skip(&mut self, error: CorpusError) -> Result<(), EngineError> {
        Err(error.into())
    }
}

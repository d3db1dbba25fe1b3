//! What is served: a model and one or more indexes, for every route and every tool.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use semsearch_encoder::embedder::Embedder;
use semsearch_engine::Searcher;
use semsearch_store::ModelIdentity;
use tokio::sync::SetOnce;

use super::error::ApiError;
use super::guard::Guard;
use super::lane::Lane;
use super::metrics::Metrics;
use super::options::{QUANTUM, ServerOptions};
use super::page::Offered;
use super::scheduler::{Limits, Scheduler};

/// An index under its name.
pub struct NamedIndex {
    /// The name in requests.
    pub name: String,
    /// The index with its model.
    pub searcher: Searcher,
}

/// A model and the indexes that were built with it.
pub struct Loaded {
    /// The model.
    pub embedder: Arc<Embedder>,
    /// The identity of the model.
    pub identity: ModelIdentity,
    /// The indexes, the usual one first.
    pub indexes: Vec<NamedIndex>,
}

/// A model and indexes that are ready.
pub(crate) struct Ready {
    pub(crate) loaded: Loaded,
    pub(crate) scheduler: Scheduler,
}

/// A server's state, shared by everything that answers.
pub(crate) struct App {
    pub(crate) options: ServerOptions,
    pub(crate) guard: Guard,
    pub(crate) metrics: Metrics,
    pub(crate) lane: Lane,
    pub(crate) started: Instant,
    /// The fields that the page offers to narrow down by.
    pub(crate) offered: Arc<Offered>,
    ready: SetOnce<Ready>,
    draining: AtomicBool,
}

impl App {
    pub(crate) fn new(options: ServerOptions) -> Self {
        Self {
            guard: Guard::new(&options),
            metrics: Metrics::new(),
            lane: Lane::new(options.threads.max(1), options.max_wait),
            started: Instant::now(),
            offered: Arc::default(),
            ready: SetOnce::new(),
            draining: AtomicBool::new(false),
            options,
        }
    }

    /// Begins to serve what was loaded.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn serve(&self, loaded: Loaded) -> std::io::Result<()> {
        let embedder = Arc::clone(&loaded.embedder);
        let at_once = embedder.in_flight();
        let cores = self.options.threads.max(1);
        let quantum = if at_once > 1 { embedder.batch_tokens() } else { QUANTUM * cores };
        let limits = Limits { quantum, cores, in_flight: at_once, max_wait: self.options.max_wait };
        loaded.indexes.iter().for_each(|index| self.metrics.serves(&index.name));
        let scheduler = Scheduler::start(embedder, limits)?;
        let _ = self.ready.set(Ready { loaded, scheduler });
        Ok(())
    }

    /// What is served.
    ///
    /// # Errors
    /// The model is still being loaded.
    pub(crate) fn ready(&self) -> Result<&Ready, ApiError> {
        self.ready.get().ok_or_else(|| ApiError::unavailable("the server is starting: the model is being loaded"))
    }

    /// Waits until the model is loaded.
    pub(crate) async fn loaded(&self) {
        self.ready.wait().await;
    }

    /// The server ends once it has answered what was asked before.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Ready {
    /// The index of this name; without a name the first.
    ///
    /// # Errors
    /// There is no such index.
    pub(crate) fn index(&self, name: Option<&str>) -> Result<&NamedIndex, ApiError> {
        let indexes = &self.loaded.indexes;
        let found = match name {
            Some(name) => indexes.iter().find(|index| index.name == name),
            None => indexes.first(),
        };
        found.ok_or_else(|| {
            let known: Vec<&str> = indexes.iter().map(|index| index.name.as_str()).collect();
            let message = format!("no index {:?}: there is {}", name.unwrap_or_default(), known.join(", "));
            ApiError::not_found(message).param("index").code("index_not_found")
        })
    }
}

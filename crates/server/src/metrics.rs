//! What Prometheus can ask for.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::app::App;

/// Which route a request took and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Line {
    priority: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Index {
    index: String,
}

type Float = Gauge<f64, AtomicU64>;

/// Counts of everything that happened.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    pub(crate) connections: Gauge,
    queued: Family<Line, Gauge>,
    rate: Float,
    texts: Counter,
    tokens: Counter,
    batches: Counter,
    documents: Family<Index, Gauge>,
    reloads: Family<Index, Counter>,
    failed_reloads: Family<Index, Counter>,
}

/// From half a millisecond to 16 seconds.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("semsearch"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            connections: Gauge::default(),
            queued: Family::default(),
            rate: Float::default(),
            texts: Counter::default(),
            tokens: Counter::default(),
            batches: Counter::default(),
            documents: Family::default(),
            reloads: Family::default(),
            failed_reloads: Family::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("requests", "Requests that were answered", self.requests.clone());
        registry.register("request_seconds", "Time from a request to its answer", self.seconds.clone());
        registry.register("connections", "Connections that are open", self.connections.clone());
        registry.register("queued_tokens", "Tokens that wait for the encoder", self.queued.clone());
        registry.register("encoder_tokens_per_second", "Speed of the encoder, as measured lately", self.rate.clone());
        registry.register("encoded_texts", "Texts that were encoded", self.texts.clone());
        registry.register("encoded_tokens", "Tokens that were encoded", self.tokens.clone());
        registry.register("encoded_batches", "Batches that were encoded", self.batches.clone());
        registry.register("documents", "Documents of the commit that is served", self.documents.clone());
        registry.register("reloads", "Commits that were taken", self.reloads.clone());
        registry.register("reload_failures", "Commits that could not be opened", self.failed_reloads.clone());
        self
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, route: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Answered { route, status }).inc();
        self.seconds.get_or_create(&Route { route }).observe(took.as_secs_f64());
    }

    /// Begins to count for an index, at 0: so the first event is seen as a change.
    pub(crate) fn serves(&self, index: &str) {
        for counts in [&self.reloads, &self.failed_reloads] {
            let _ = counts.get_or_create(&Index { index: index.into() });
        }
    }

    /// Notes that the newest commit of an index was taken, or could not be.
    pub(crate) fn reloaded(&self, index: &str, succeeded: bool) {
        let counts = if succeeded { &self.reloads } else { &self.failed_reloads };
        counts.get_or_create(&Index { index: index.into() }).inc();
    }

    /// Everything in OpenMetrics' text format.
    pub(crate) fn text(&self, app: &App) -> Result<String, std::fmt::Error> {
        if let Ok(ready) = app.ready() {
            let load = ready.scheduler.load();
            let queued = |priority| self.queued.get_or_create(&Line { priority }).clone();
            queued("search").set(load.searches as i64);
            queued("bulk").set(load.bulk as i64);
            self.rate.set(load.rate);
            let catch_up = |counter: &Counter, now: u64| counter.inc_by(now.saturating_sub(counter.get()));
            catch_up(&self.texts, load.encoded.texts);
            catch_up(&self.tokens, load.encoded.tokens);
            catch_up(&self.batches, load.encoded.batches);
            for index in &ready.loaded.indexes {
                let documents = index.searcher.snapshot().facts().documents;
                self.documents.get_or_create(&Index { index: index.name.clone() }).set(documents as i64);
            }
        }
        let mut written = String::new();
        text::encode(&mut written, &self.registry)?;
        Ok(written)
    }
}

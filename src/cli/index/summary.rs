//! The summary of a build.

use std::io::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use semsearch::encoder::Precision;
use semsearch::index::{IndexConfig, Metric, Written};
use serde::Serialize;

use crate::cli::output;
use crate::cli::terminal::Terminal;
use semsearch::engine::IndexCounts;

/// Reports what was rewritten; if it was little, only with `-v`.
pub(super) fn announce(written: Written, terminal: &Terminal) {
    const MUCH: u64 = 16 << 20;
    if written.compacted == 0 {
        return;
    }
    let bytes = HumanBytes(written.compacted_bytes);
    let said = format!("compacted: {} files of vectors rewritten, {bytes}", written.compacted);
    if written.compacted_bytes >= MUCH { terminal.note(&said) } else { terminal.detail(&said) }
}

/// The summary as JSON. Names and order of the fields are part of the contract.
#[derive(Serialize)]
struct SummaryObject<'a> {
    index: &'a str,
    documents: u64,
    passages: u64,
    added: usize,
    updated: usize,
    unchanged: usize,
    removed: usize,
    skipped: usize,
    truncated: usize,
    tokens: usize,
    tokens_dropped: usize,
    seconds: f64,
    tokens_per_second: f64,
    model: &'a str,
    precision: Precision,
    device: &'a str,
    dim: usize,
    factory: &'a str,
    metric: Metric,
}

/// What a build did.
pub(super) struct Summary<'a> {
    /// The directory of the index.
    pub(super) dir: String,
    pub(super) config: &'a IndexConfig,
    pub(super) counts: IndexCounts,
    /// Files and records that were skipped.
    pub(super) skipped: usize,
    pub(super) written: Written,
    /// The arithmetic of this run.
    pub(super) precision: Precision,
    pub(super) device: &'a str,
    pub(super) seconds: Duration,
}

impl Summary<'_> {
    /// Writes the summary: as JSON on standard output, or for people on standard error.
    pub(super) fn tell(&self, json: bool, terminal: &Terminal) -> anyhow::Result<()> {
        if json {
            return self.as_json();
        }
        self.as_text(terminal);
        Ok(())
    }

    fn tokens_per_second(&self) -> f64 {
        if self.counts.tokens == 0 { 0.0 } else { self.counts.tokens as f64 / self.seconds.as_secs_f64() }
    }

    /// JSON on standard output.
    fn as_json(&self) -> anyhow::Result<()> {
        let (config, counts, written) = (self.config, self.counts, self.written);
        let summary = SummaryObject {
            index: &self.dir,
            documents: written.documents,
            passages: written.passages,
            added: counts.added,
            updated: counts.updated,
            unchanged: counts.unchanged,
            removed: counts.removed,
            skipped: self.skipped,
            truncated: counts.truncation.texts,
            tokens: counts.tokens,
            tokens_dropped: counts.truncation.tokens,
            seconds: self.seconds.as_secs_f64(),
            tokens_per_second: self.tokens_per_second(),
            model: &config.model.id,
            precision: self.precision,
            device: self.device,
            dim: config.dim,
            factory: &config.factory,
            metric: config.metric,
        };
        let mut out = output::json();
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
        Ok(out.flush()?)
    }

    /// Text on standard error.
    fn as_text(&self, terminal: &Terminal) {
        let (config, counts) = (self.config, self.counts);
        let number = |count: usize| HumanCount(count as u64);
        let others = [(counts.updated, "updated"), (counts.unchanged, "unchanged"), (counts.removed, "removed")];
        let others =
            others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {} {what}", number(*count)));
        let speed = match counts.tokens {
            0 => String::new(),
            _ => format!(", {} tokens/s", HumanCount(self.tokens_per_second() as u64)),
        };
        let told: String = std::iter::once(format!("{} added", number(counts.added))).chain(others).collect();
        terminal.note(&format!("{}: {told} in {:.1} s{speed}", self.dir, self.seconds.as_secs_f64()));
        if counts.replaced > 0 {
            let count = number(counts.replaced);
            let named = if terminal.is_verbose() { "" } else { " (-v names them)" };
            let last = "the index has the last record of each";
            terminal.warn(&format!("ids that occur in several inputs with other content: {count}; {last}{named}"));
        }
        terminal.warn_of_cuts(counts.truncation, config.max_length);
    }
}

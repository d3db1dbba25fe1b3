//! `semsearch index`: records in, a commit out.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use indicatif::HumanCount;
use semsearch::corpus::{self, Document, Input};
use semsearch::embedder::Embedder;
use semsearch::encoder::Precision;
use semsearch::error::{BadRecord, Error};
use semsearch::index::{self, Change, IndexWriter, Metric, Recipe, Store};
use semsearch::model::{Pooling, Tokenized};
use serde::Serialize;

use super::args::{self, Long, OnError, Records};
use super::report::Advice;
use super::settings::Settings;
use super::terminal::EncodingBar;
use super::{Outcome, output};

/// Documents embedded together: many, so that texts of like length meet; not so many that their vectors weigh.
pub(super) const WINDOW: usize = 512;

pub(super) fn run(args: &args::Index, settings: &Settings) -> anyhow::Result<Outcome> {
    let started = Instant::now();
    let inputs = inputs(&args.inputs, "index")?;
    let format = args.records.format.into();
    let records = corpus::records(&inputs, format)?;

    let recorded = if args.rebuild { None } else { index::recorded(&settings.index)?.map(|manifest| manifest.recipe) };
    let (model, embedder) = settings.embedder(&args.encoding, recorded.as_ref())?;
    if embedder.pooling() == Pooling::None {
        return Err(
            Error::Unsupported("an index needs one vector a text: `--pooling none` is for `embed`".into()).into()
        );
    }
    let recipe = Recipe::new(model, &embedder, store(args, recorded.as_ref()));
    let writer = IndexWriter::open(&settings.index, recipe.clone(), args.rebuild)?;

    super::interrupt::exit_on_signal(&settings.terminal);
    let total = settings.terminal.shows_progress().then(|| corpus::count(&inputs, format));
    let mut build = Build {
        options: &args.records,
        with_title: recipe.with_title,
        embedder: &embedder,
        writer,
        bar: settings.terminal.encoding(total),
        counts: Counts::default(),
    };
    let documents = records.map(|record| args.records.fields().document(record?));
    let read = documents.take(args.records.limit.unwrap_or(usize::MAX));
    build.all(read)?;
    let counts = build.commit()?;
    let device = embedder.describe();
    report(&Report { recipe: &recipe, counts, device: &device, started }, settings, args.json)?;
    Ok(Outcome::Done)
}

/// The inputs named; standard input if none is and something is piped in.
pub(super) fn inputs(named: &[PathBuf], command: &str) -> anyhow::Result<Vec<Input>> {
    if named.is_empty() && std::io::stdin().is_terminal() {
        let (message, hint) = ("no input".into(), format!("`semsearch {command} FILE`, or - for standard input"));
        return Err(Advice { message, hint }.into());
    }
    if named.is_empty() {
        return Ok(vec![Input::Stdin]);
    }
    Ok(named.iter().cloned().map(Input::from).collect())
}

/// The settings of the index itself: as asked for, or as they were, or the usual ones.
fn store(args: &args::Index, recorded: Option<&Recipe>) -> Store {
    Store {
        factory: args
            .factory
            .clone()
            .or(recorded.map(|recipe| recipe.factory.clone()))
            .unwrap_or_else(|| "Flat".into()),
        metric: args.metric.or(recorded.map(|recipe| recipe.metric)).unwrap_or_default(),
        with_title: !args.records.no_title && recorded.is_none_or(|recipe| recipe.with_title),
    }
}

/// What happened to the records.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    added: usize,
    updated: usize,
    unchanged: usize,
    skipped: usize,
    truncated: usize,
    tokens: usize,
    dropped: usize,
}

/// A build under way.
struct Build<'a> {
    options: &'a Records,
    with_title: bool,
    embedder: &'a Embedder,
    writer: IndexWriter,
    bar: EncodingBar,
    counts: Counts,
}

impl Build<'_> {
    /// Puts every document that the index does not hold as it is.
    fn all(&mut self, documents: impl Iterator<Item = Result<Document, Error>>) -> anyhow::Result<()> {
        let mut window = Vec::with_capacity(WINDOW);
        for document in documents {
            match document.and_then(|document| Ok((self.writer.compare(&document)?, document))) {
                Ok((Change::Unchanged, _)) => {
                    self.counts.unchanged += 1;
                    self.bar.skip(1);
                }
                Ok(changed) => window.push(changed),
                Err(error) => self.skip(error)?,
            }
            if window.len() == WINDOW {
                self.put(&mut window)?;
            }
        }
        self.put(&mut window)
    }

    /// A bad record ends the build or is counted, as asked; any other error ends it.
    fn skip(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Record { .. } if self.options.on_error == OnError::Skip => {
                self.counts.skipped += 1;
                self.bar.skip(1);
                Ok(())
            }
            fatal => Err(fatal),
        }
    }

    /// Embeds the window's documents and puts them.
    fn put(&mut self, window: &mut Vec<(Change, Document)>) -> anyhow::Result<()> {
        let mut tokenized = self.tokenize(window)?;
        if self.options.long == Long::Error && tokenized.dropped.iter().any(|&dropped| dropped > 0) {
            self.refuse_long(window, &tokenized.dropped)?;
            tokenized = self.tokenize(window)?;
        }
        self.counts.tokens += tokenized.ids.tokens();
        self.counts.truncated += tokenized.dropped.iter().filter(|&&dropped| dropped > 0).count();
        self.counts.dropped += tokenized.dropped.iter().sum::<usize>();
        let embedded = self.embedder.embed_tokenized(tokenized, &mut self.bar)?;
        for ((change, document), vector) in window.drain(..).zip(embedded.vectors.iter()) {
            self.writer.put(&document, change, vector)?;
            self.counts.added += usize::from(change == Change::Added);
            self.counts.updated += usize::from(matches!(change, Change::Updated { .. }));
        }
        Ok(())
    }

    fn tokenize(&self, window: &[(Change, Document)]) -> Result<Tokenized, Error> {
        let texts: Vec<_> = window.iter().map(|(_, document)| document.to_embed(self.with_title)).collect();
        self.embedder.tokenizer().tokenize(&texts)
    }

    /// Takes the texts that are longer than the maximum out of the window, as bad records.
    fn refuse_long(&mut self, window: &mut Vec<(Change, Document)>, dropped: &[usize]) -> Result<(), Error> {
        let max = self.embedder.tokenizer().max_length();
        let (all, mut dropped) = (std::mem::take(window), dropped.iter());
        for (change, document) in all {
            match dropped.next() {
                Some(&over) if over > 0 => {
                    self.skip(Error::Record {
                        place: document.place,
                        problem: BadRecord::TooLong { tokens: max + over, max },
                    })?;
                }
                _ => window.push((change, document)),
            }
        }
        Ok(())
    }

    fn commit(self) -> anyhow::Result<Counts> {
        self.bar.finish();
        self.writer.commit()?;
        Ok(self.counts)
    }
}

/// The outcome as scripts see it; names and order are part of the contract.
#[derive(Serialize)]
struct Summary<'a> {
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

/// Tells what was done: to a person on standard error, to a script on standard output.
fn report(build: &Report<'_>, settings: &Settings, json: bool) -> anyhow::Result<()> {
    let Report { recipe, counts, .. } = build;
    let seconds = build.started.elapsed().as_secs_f64();
    let rate = if counts.tokens == 0 { 0.0 } else { counts.tokens as f64 / seconds };
    let dir = settings.index.display().to_string();
    if json {
        let manifest = index::recorded(&settings.index)?;
        let passages = manifest.map_or(0, |manifest| manifest.vectors());
        let mut out = output::raw();
        serde_json::to_writer(
            &mut out,
            &Summary {
                index: &dir,
                documents: passages,
                passages,
                added: counts.added,
                updated: counts.updated,
                unchanged: counts.unchanged,
                removed: 0,
                skipped: counts.skipped,
                truncated: counts.truncated,
                tokens: counts.tokens,
                tokens_dropped: counts.dropped,
                seconds,
                tokens_per_second: rate,
                model: &recipe.model.id,
                precision: recipe.precision,
                device: build.device,
                dim: recipe.dim,
                factory: &recipe.factory,
                metric: recipe.metric,
            },
        )
        .map_err(std::io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        return Ok(());
    }
    let number = |count: usize| HumanCount(count as u64);
    let mut told = vec![format!("{} added", number(counts.added))];
    let others = [(counts.updated, "updated"), (counts.unchanged, "unchanged"), (counts.skipped, "skipped")];
    told.extend(
        others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{} {what}", number(*count))),
    );
    let speed = if counts.tokens == 0 { String::new() } else { format!(", {} tokens/s", HumanCount(rate as u64)) };
    settings.terminal.note(&format!("{dir}: {} in {seconds:.1} s{speed}", told.join(", ")));
    if counts.truncated > 0 {
        settings.terminal.warn(&format!(
            "{} texts are longer than {} tokens and were cut there, {} tokens dropped (--long error refuses such texts)",
            number(counts.truncated),
            recipe.max_length,
            number(counts.dropped)
        ));
    }
    if counts.skipped > 0 {
        settings.terminal.warn(&format!("{} bad records were skipped", number(counts.skipped)));
    }
    Ok(())
}

/// What there is to tell of a build.
struct Report<'a> {
    recipe: &'a Recipe,
    counts: Counts,
    device: &'a str,
    started: Instant,
}

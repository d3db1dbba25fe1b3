//! `semsearch index`: records in, a commit out.

use std::io::Write;
use std::time::Instant;

use indicatif::HumanCount;
use semsearch::corpus::{self, Document};
use semsearch::embedder::{Embedded, Embedder, Progress};
use semsearch::encoder::Precision;
use semsearch::error::Error;
use semsearch::index::{self, Change, IndexWriter, Metric, Recipe, Store};
use semsearch::model::Pooling;
use serde::Serialize;

use super::args::{self, Long, Records};
use super::records::{Skipped, WINDOW, inputs, split_long};
use super::settings::Settings;
use super::terminal::{Cuts, EncodingBar, Terminal};
use super::{Outcome, output};

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
    let mut recipe = Recipe::new(model, &embedder, store(args, recorded.as_ref()));
    if let Some(built) = recorded.as_ref().map(|recorded| recorded.precision).filter(|&built| built != recipe.precision)
    {
        let (index, new) = (settings.index.display(), recipe.precision);
        settings.terminal.warn(&format!("{index} was built in {built}: what is new is embedded in {new} beside it"));
        recipe.precision = built;
    }
    let writer = IndexWriter::open(&settings.index, recipe.clone(), args.rebuild)?;
    let index = settings.index.display();
    settings.terminal.detail(&format!("index {index}: {} by {}", recipe.factory, recipe.metric));

    super::interrupt::exit_on_signal(&settings.terminal);
    let total = settings.terminal.shows_progress().then(|| corpus::count(&inputs, format));
    let mut build = Build {
        options: &args.records,
        with_title: recipe.with_title,
        embedder: &embedder,
        writer,
        bar: settings.terminal.encoding("passages", total),
        counts: Counts::default(),
        skipped: Skipped::new(args.records.on_error, &settings.terminal),
    };
    let documents = records.map(|record| args.records.fields().document(record?));
    let read = documents.take(args.records.limit.unwrap_or(usize::MAX));
    build.all(read)?;
    let counts = build.commit()?;

    let report = Report {
        dir: settings.index.display().to_string(),
        recipe: &recipe,
        counts,
        precision: embedder.precision(),
        device: &embedder.describe(),
        seconds: started.elapsed().as_secs_f64(),
    };
    if args.json {
        report.as_json(index::recorded(&settings.index)?.map_or(0, |manifest| manifest.vectors()))?;
    } else {
        report.as_text(&settings.terminal);
    }
    Ok(Outcome::Done)
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
    tokens: usize,
    cuts: Cuts,
}

/// A build under way.
struct Build<'a> {
    options: &'a Records,
    with_title: bool,
    embedder: &'a Embedder,
    writer: IndexWriter,
    bar: EncodingBar,
    counts: Counts,
    skipped: Skipped<'a>,
}

impl Build<'_> {
    /// Puts every document that the index does not hold as it is.
    fn all(&mut self, documents: impl Iterator<Item = Result<Document, Error>>) -> anyhow::Result<()> {
        let mut window = Vec::with_capacity(WINDOW);
        for document in documents {
            match document.and_then(|document| Ok((self.writer.compare(&document)?, document))) {
                Ok((Change::Unchanged, _)) => {
                    self.counts.unchanged += 1;
                    self.bar.done(1, 0);
                }
                Ok(changed) => window.push(changed),
                Err(error) => self.skip(error)?,
            }
            if window.len() == WINDOW {
                self.put(std::mem::take(&mut window))?;
            }
        }
        self.put(window)
    }

    fn skip(&mut self, error: Error) -> anyhow::Result<()> {
        self.bar.done(1, 0);
        self.skipped.note(error)
    }

    /// Embeds the window's documents and puts them.
    fn put(&mut self, mut window: Vec<(Change, Document)>) -> anyhow::Result<()> {
        let with_title = self.with_title;
        if self.options.long == Long::Error {
            let (fitting, long) = split_long(
                window,
                self.embedder.tokenizer(),
                |(_, document)| document.to_embed(with_title),
                |(_, document)| &document.place,
            )?;
            long.into_iter().try_for_each(|error| self.skip(error))?;
            window = fitting;
        }
        let texts: Vec<_> = window.iter().map(|(_, document)| document.to_embed(with_title)).collect();
        let Embedded { vectors, tokenized } = self.embedder.embed_reporting(&texts, &mut self.bar)?;
        self.counts.tokens += tokenized.ids.tokens();
        self.counts.cuts.add(&tokenized.dropped);
        for ((change, document), vector) in window.iter().zip(vectors.iter()) {
            self.writer.put(document, *change, vector)?;
            self.counts.added += usize::from(*change == Change::Added);
            self.counts.updated += usize::from(matches!(change, Change::Updated { .. }));
        }
        Ok(())
    }

    fn commit(self) -> anyhow::Result<Counts> {
        self.bar.finish();
        self.writer.commit()?;
        self.skipped.report();
        Ok(Counts { skipped: self.skipped.count, ..self.counts })
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

/// What there is to tell of a build.
struct Report<'a> {
    dir: String,
    recipe: &'a Recipe,
    counts: Counts,
    precision: Precision,
    device: &'a str,
    seconds: f64,
}

impl Report<'_> {
    fn tokens_per_second(&self) -> f64 {
        if self.counts.tokens == 0 { 0.0 } else { self.counts.tokens as f64 / self.seconds }
    }

    /// On standard output, for a script.
    fn as_json(&self, passages: u64) -> anyhow::Result<()> {
        let (recipe, counts) = (self.recipe, self.counts);
        let summary = Summary {
            index: &self.dir,
            documents: passages,
            passages,
            added: counts.added,
            updated: counts.updated,
            unchanged: counts.unchanged,
            removed: 0,
            skipped: counts.skipped,
            truncated: counts.cuts.texts,
            tokens: counts.tokens,
            tokens_dropped: counts.cuts.tokens,
            seconds: self.seconds,
            tokens_per_second: self.tokens_per_second(),
            model: &recipe.model.id,
            precision: self.precision,
            device: self.device,
            dim: recipe.dim,
            factory: &recipe.factory,
            metric: recipe.metric,
        };
        let mut out = output::raw();
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
        Ok(out.flush()?)
    }

    /// On standard error, for a person.
    fn as_text(&self, terminal: &Terminal) {
        let (recipe, counts) = (self.recipe, self.counts);
        let number = |count: usize| HumanCount(count as u64);
        let others = [(counts.updated, "updated"), (counts.unchanged, "unchanged")];
        let others =
            others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {} {what}", number(*count)));
        let speed = match counts.tokens {
            0 => String::new(),
            _ => format!(", {} tokens/s", HumanCount(self.tokens_per_second() as u64)),
        };
        let told: String = std::iter::once(format!("{} added", number(counts.added))).chain(others).collect();
        terminal.note(&format!("{}: {told} in {:.1} s{speed}", self.dir, self.seconds));
        terminal.warn_of_cuts(counts.cuts, recipe.max_length);
    }
}

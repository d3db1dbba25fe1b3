//! `semsearch index`: records in, a commit out.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use indicatif::{HumanBytes, HumanCount};
use semsearch::corpus::{self, Document};
use semsearch::embedder::{Embedded, Embedder, Progress};
use semsearch::encoder::Precision;
use semsearch::error::Error;
use semsearch::index::{self, Change, IndexWriter, Metric, Recipe, Store, WriteOptions, Written};
use semsearch::model::Pooling;
use semsearch::vector_file::VectorReader;
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
    let given = args.vectors.as_deref().map(|path| Given::open(path, &recipe, args.records.limit)).transpose()?;
    let options = WriteOptions {
        rebuild: args.rebuild,
        wait: args.wait,
        // Whether a file of vectors has as many as there are records shows at the end.
        at_once: given.is_some(),
        commit_every: args.commit_every,
    };
    let writer = IndexWriter::open(&settings.index, recipe.clone(), options)?;
    let index = settings.index.display();
    settings.terminal.detail(&format!("index {index}: {} by {}", recipe.factory, recipe.metric));

    super::interrupt::exit_on_signal(&settings.terminal);
    let total = settings.terminal.shows_progress().then(|| corpus::count(&inputs, format));
    let mut build = Build {
        options: &args.records,
        with_title: recipe.with_title,
        embedder: &embedder,
        writer,
        given,
        window: args.commit_every.unwrap_or(WINDOW).min(WINDOW),
        bar: settings.terminal.encoding("passages", total),
        counts: Counts::default(),
        skipped: Skipped::new(args.records.on_error, &settings.terminal),
    };
    let documents = records.map(|record| args.records.fields().document(record?));
    let read = documents.take(args.records.limit.unwrap_or(usize::MAX));
    build.all(read)?;
    let (counts, written) = build.finish(args.prune)?;
    announce(written, &settings.terminal);

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

/// Says what was rewritten, aloud if it was much.
fn announce(written: Written, terminal: &Terminal) {
    const MUCH: u64 = 16 << 20;
    if written.compacted == 0 {
        return;
    }
    let bytes = HumanBytes(written.compacted_bytes);
    let said = format!("compacted: {} files of vectors rewritten, {bytes}", written.compacted);
    if written.compacted_bytes >= MUCH { terminal.note(&said) } else { terminal.detail(&said) }
}

/// Vectors computed elsewhere, a row a record.
struct Given {
    reader: VectorReader,
    normalized: bool,
    /// Whether only some of the records were asked for.
    limited: bool,
}

impl Given {
    fn open(path: &Path, recipe: &Recipe, limit: Option<usize>) -> Result<Self, Error> {
        let reader = VectorReader::open(path)?;
        if reader.dim() != recipe.dim {
            let what = format!(
                "its rows have {} components, the model {} makes {}",
                reader.dim(),
                recipe.model.id,
                recipe.dim
            );
            let hint = "name the model that made them with `--model`: queries are embedded by it";
            return Err(Error::GivenVectors { path: path.into(), what, hint });
        }
        Ok(Self { reader, normalized: recipe.normalized, limited: limit.is_some() })
    }

    /// The next record's.
    fn next(&mut self) -> Result<Vec<f32>, Error> {
        match self.reader.row(self.normalized)? {
            Some(row) => Ok(row),
            None => Err(self.count(format!("{} rows, but there are more records", self.reader.rows()))),
        }
    }

    /// That no row is left.
    fn end(mut self) -> Result<(), Error> {
        if self.limited || self.reader.row(false)?.is_none() {
            return Ok(());
        }
        Err(self.count(format!("{} rows, but there are fewer records", self.reader.rows())))
    }

    fn count(&self, what: String) -> Error {
        let hint = "row i is the vector of record i; nothing was committed";
        Error::GivenVectors { path: self.reader.path().into(), what, hint }
    }
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
    removed: usize,
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
    given: Option<Given>,
    /// Documents embedded together.
    window: usize,
    bar: EncodingBar,
    counts: Counts,
    skipped: Skipped<'a>,
}

/// A document to be put.
struct New {
    change: Change,
    document: Document,
    /// Its vector, if it was given.
    given: Option<Vec<f32>>,
}

impl Build<'_> {
    /// Puts every document that the index does not hold as it is.
    fn all(&mut self, documents: impl Iterator<Item = Result<Document, Error>>) -> anyhow::Result<()> {
        let mut window = Vec::with_capacity(self.window);
        for document in documents {
            let given = self.given.as_mut().map(Given::next).transpose()?;
            match document.and_then(|document| Ok((self.writer.compare(&document, given.as_deref())?, document))) {
                Ok((Change::Unchanged, _)) => {
                    self.counts.unchanged += 1;
                    self.bar.done(1, 0);
                }
                Ok((change, document)) => window.push(New { change, document, given }),
                Err(error) => self.skip(error)?,
            }
            if window.len() == self.window {
                self.put(std::mem::take(&mut window))?;
                self.writer.checkpoint()?;
            }
        }
        self.put(window)
    }

    fn skip(&mut self, error: Error) -> anyhow::Result<()> {
        self.bar.done(1, 0);
        self.skipped.note(error)
    }

    /// Embeds the window's documents and puts them.
    fn put(&mut self, mut window: Vec<New>) -> anyhow::Result<()> {
        let with_title = self.with_title;
        if self.options.long == Long::Error && self.given.is_none() {
            let (fitting, long) = split_long(
                window,
                self.embedder.tokenizer(),
                |new| new.document.to_embed(with_title),
                |new| &new.document.place,
            )?;
            long.into_iter().try_for_each(|error| self.skip(error))?;
            window = fitting;
        }
        let (given, to_embed): (Vec<New>, Vec<New>) = window.into_iter().partition(|new| new.given.is_some());
        for New { change, document, given } in &given {
            let vector = given.as_deref().unwrap_or_default();
            self.writer.put(document, *change, None, vector)?;
            self.count(*change);
        }
        self.bar.done(given.len(), 0);

        // A text that the index has a vector of, or that stands twice in the window, is embedded no second time.
        let texts: Vec<Cow<str>> = to_embed.iter().map(|new| new.document.to_embed(with_title)).collect();
        let (mut unique, mut rows) = (Vec::new(), HashMap::new());
        let mut known = HashMap::new();
        for text in &texts {
            if rows.contains_key(text) || known.contains_key(text) {
                continue;
            }
            match self.writer.vector_of(text)? {
                Some(vector) => {
                    known.insert(text, vector);
                }
                None => {
                    rows.insert(text, unique.len());
                    unique.push(text);
                }
            }
        }
        let Embedded { vectors, tokenized } = self.embedder.embed_reporting(&unique, &mut self.bar)?;
        self.bar.done(texts.len() - unique.len(), 0);
        self.counts.tokens += tokenized.ids.tokens();
        self.counts.cuts.add(&tokenized.dropped);
        for (new, text) in to_embed.iter().zip(&texts) {
            let vector = match rows.get(text) {
                Some(&row) => vectors.row(row),
                None => known[text].as_slice(),
            };
            self.writer.put(&new.document, new.change, Some(text), vector)?;
            self.count(new.change);
        }
        Ok(())
    }

    fn count(&mut self, change: Change) {
        self.counts.added += usize::from(matches!(change, Change::Added { .. }));
        self.counts.updated += usize::from(matches!(change, Change::Updated { .. }));
    }

    /// Removes what left the inputs, if that is wanted, and commits.
    fn finish(mut self, prune: bool) -> anyhow::Result<(Counts, Written)> {
        self.bar.finish();
        if let Some(given) = self.given.take() {
            given.end()?;
        }
        if prune && self.skipped.count > 0 {
            // A record that cannot be read may be that of a document which is there.
            self.skipped.terminal.warn("nothing pruned: some records were skipped");
        } else if prune {
            self.counts.removed = self.writer.prune()?;
        }
        let written = self.writer.commit()?;
        self.skipped.report();
        Ok((Counts { skipped: self.skipped.count, ..self.counts }, written))
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
            removed: counts.removed,
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
        let others = [(counts.updated, "updated"), (counts.unchanged, "unchanged"), (counts.removed, "removed")];
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

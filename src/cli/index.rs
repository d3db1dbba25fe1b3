//! `semsearch index`: records in, a commit out.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::{HumanBytes, HumanCount};
use semsearch::corpus::{self, Document, Expanded, Input};
use semsearch::embedder::{Embedded, Embedder, Progress};
use semsearch::encoder::Precision;
use semsearch::error::{BadRecord, Error};
use semsearch::index::{
    self, Change, Compared, Cut, Cutting, IndexWriter, Language, Metric, Passage, Prompts, Recipe, Store, WriteOptions,
    Written,
};
use semsearch::model::{ModelConfig, Pooling};
use semsearch::passage::{Cutter, Piece};
use semsearch::vector_file::VectorReader;
use serde::Serialize;

use super::args::{self, Long, Records};
use super::interrupt::{Interrupt, Stopped};
use super::records::{Filled, Window, cut, cutting, document_prompt, inputs, split_long};
use super::settings::Settings;
use super::skipped::Skipped;
use super::terminal::{Cuts, EncodingBar, Terminal};
use super::{Outcome, output};

pub(super) fn run(args: &args::Index, settings: &Settings) -> anyhow::Result<Outcome> {
    update(args, settings)?;
    Ok(Outcome::Done)
}

/// Brings an index up to date, and tells of it.
pub(super) fn update(args: &args::Index, settings: &Settings) -> anyhow::Result<()> {
    let started = Instant::now();
    let expanded = inputs(&args.inputs, &args.records, "index", settings, args.prune)?;
    let Expanded { inputs, directories, .. } = &expanded;
    let format = args.records.format.into();
    let records = corpus::records(inputs, format)?;

    let recorded = if args.rebuild { None } else { index::recorded(&settings.index)?.map(|manifest| manifest.recipe) };
    let (model, embedder) = settings.embedder(&args.encoding, recorded.as_ref(), args.records.truncate_dim)?;
    if embedder.pooling() == Pooling::None {
        return Err(
            Error::Unsupported("an index needs one vector a text: `--pooling none` is for `embed`".into()).into()
        );
    }
    let store = store(args, recorded.as_ref(), embedder.config(), &settings.config);
    let mut recipe = Recipe::new(model, &embedder, store);
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
    // Before this a signal ends the process as usual: a lock that is waited for, for one.
    let writer = IndexWriter::open(&settings.index, recipe.clone(), options)?;
    let interrupt = Interrupt::expect(&settings.terminal);
    let records = records.until(interrupt.reading());
    let index = settings.index.display();
    settings.terminal.detail(&format!("index {index}: {} by {}", recipe.factory, recipe.metric));

    let total = settings.terminal.shows_progress().then(|| corpus::count(inputs, format, args.records.limit));
    let cutter =
        Cutter { tokenizer: embedder.tokenizer(), with_title: recipe.with_title, prompt: &recipe.prompts.document };
    let window = Window::of(&embedder);
    let skipped = Skipped::new(args.records.on_error, &settings.terminal, &expanded).naming_all(given.is_some());
    let mut build = Build {
        options: &args.records,
        cutting: recipe.cutting,
        cutter,
        embedder: &embedder,
        writer,
        given,
        window: Window { records: args.commit_every.unwrap_or(window.records).min(window.records), ..window },
        bar: settings.terminal.encoding("passages", total),
        counts: Counts::default(),
        skipped,
        prune: args.prune,
        interrupt: &interrupt,
        // A part of either is no index that was asked for.
        keeps_parts: !args.rebuild && args.vectors.is_none(),
    };
    let documents = records.map(|record| args.records.fields().document(record?));
    let read = documents.take(args.records.limit.unwrap_or(usize::MAX));
    build.all(read)?;
    let (counts, written) = build.finish(args.prune.then_some(directories))?;
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
        report.as_json(written)?;
    } else {
        report.as_text(&settings.terminal);
    }
    if interrupt.is_set() {
        let kept = match written.commits {
            0 => "nothing was committed, the index is as it was",
            _ => "what is counted here was committed; run the same command again to go on",
        };
        settings.terminal.note(&format!("interrupted: {kept}"));
        return Err(Stopped(interrupt.status()).into());
    }
    Ok(())
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
fn store(args: &args::Index, recorded: Option<&Recipe>, model: &ModelConfig, config: &args::Recorded) -> Store {
    let prompts = recorded.map(|recipe| &recipe.prompts);
    let query = args.query_prompt.clone().or(prompts.map(|prompts| prompts.query.clone()));
    Store {
        factory: args
            .factory
            .clone()
            .or(recorded.map(|recipe| recipe.factory.clone()))
            .or_else(|| config.factory.clone())
            .unwrap_or_else(|| "Flat".into()),
        metric: args.metric.or(recorded.map(|recipe| recipe.metric)).or(config.metric).unwrap_or_default(),
        with_title: !args.records.no_title && recorded.is_none_or(|recipe| recipe.with_title),
        prompts: Prompts {
            query: query.unwrap_or_else(|| model.prompts.query.clone()),
            document: document_prompt(&args.records, prompts, model),
        },
        language: args
            .language
            .or(recorded.and_then(|recipe| recipe.language))
            .or(config.language)
            .or(Some(Language::default())),
        cutting: cutting(&args.records, recorded.map(|recipe| recipe.cutting)),
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
    cutting: Cutting,
    cutter: Cutter<'a>,
    embedder: &'a Embedder,
    writer: IndexWriter,
    given: Option<Given>,
    /// Documents embedded together.
    window: Window,
    bar: EncodingBar,
    counts: Counts,
    skipped: Skipped<'a>,
    /// Whether what left an input leaves the index: all of it, perhaps.
    prune: bool,
    interrupt: &'a Interrupt,
    /// Whether a build that is stopped commits what it has.
    keeps_parts: bool,
}

/// A document to be put.
struct New {
    compared: Compared,
    document: Document,
    cut: Option<Cut>,
    /// Its vector, if it was given.
    given: Option<Vec<f32>>,
}

impl Build<'_> {
    /// Puts every document that the index does not hold as it is.
    fn all(&mut self, documents: impl Iterator<Item = Result<Document, Error>>) -> anyhow::Result<()> {
        let (mut window, mut filled) = (Vec::new(), Filled::default());
        for document in documents {
            // A blank file is no record, and `embed` makes no vector of it.
            let is_record = !matches!(document, Err(Error::Record { problem: BadRecord::Blank, .. }));
            let given = self.given.as_mut().filter(|_| is_record).map(Given::next).transpose()?;
            match document.and_then(|document| self.new_or_changed(document, given)) {
                Ok(Some(new)) => {
                    filled.add(&new.document);
                    window.push(new);
                }
                Ok(None) => {
                    self.counts.unchanged += 1;
                    self.bar.done(1, 0);
                }
                // Of a stream, the program before it failed more likely than not.
                Err(Error::NoRecords { input }) if self.prune && *input != *Input::Stdin.name() => {
                    self.skipped.empty(&input);
                    self.writer.note_empty(&input);
                }
                Err(error) => self.skip(error)?,
            }
            if self.interrupt.is_set() {
                break;
            }
            if self.window.is_full(filled) {
                filled = Filled::default();
                self.put(std::mem::take(&mut window))?;
                self.writer.checkpoint()?;
            }
        }
        self.put(window)
    }

    /// What is to be put of a document, if it is not there as it is.
    fn new_or_changed(&mut self, document: Document, given: Option<Vec<f32>>) -> Result<Option<New>, Error> {
        if document.is_blank() {
            return Err(Error::Record { place: document.place, problem: BadRecord::Blank });
        }
        self.skipped.met(&document.place.input);
        // A given vector is that of a whole record.
        let cut =
            if given.is_some() { None } else { cut(&document, self.cutting, self.embedder.tokenizer().max_length()) };
        let compared = self.writer.compare(&document, cut, given.as_deref())?;
        Ok((compared.change != Change::Unchanged).then_some(New { compared, document, cut, given }))
    }

    fn skip(&mut self, error: Error) -> anyhow::Result<()> {
        self.bar.done(1, 0);
        self.skipped.note(error)
    }

    /// Embeds the window's documents and puts them.
    fn put(&mut self, mut window: Vec<New>) -> anyhow::Result<()> {
        if self.options.long == Some(Long::Error) && self.given.is_none() {
            let (fitting, long) = self.split_long(window)?;
            long.into_iter().try_for_each(|error| self.skip(error))?;
            window = fitting;
        }
        let (given, to_embed): (Vec<New>, Vec<New>) = window.into_iter().partition(|new| new.given.is_some());
        for New { compared, document, given, .. } in &given {
            let vector = given.as_deref().unwrap_or_default();
            let passage =
                Passage { text: &document.text, chunk: None, metadata: &document.metadata, embedded: None, vector };
            self.writer.put(document, *compared, &[passage])?;
            self.count(*compared);
        }
        self.bar.done(given.len(), 0);
        self.embed_and_put(&to_embed)
    }

    fn split_long(&self, window: Vec<New>) -> Result<(Vec<New>, Vec<Error>), Error> {
        let whole = |new: &New| -> Result<usize, Error> {
            let pieces = self.cutter.pieces(&new.document, None)?;
            Ok(self.embedder.tokenizer().count(&[&pieces[0].to_embed])?[0])
        };
        split_long(window, self.embedder.tokenizer().max_length(), whole, |new| &new.document.place)
    }

    fn embed_and_put(&mut self, window: &[New]) -> anyhow::Result<()> {
        let pieces: Vec<Vec<Piece>> =
            window.iter().map(|new| self.cutter.pieces(&new.document, new.cut)).collect::<Result<_, _>>()?;
        // A text that the index has a vector of, or that stands twice in the window, is embedded no second time.
        let (mut unique, mut rows, mut known) = (Vec::new(), HashMap::new(), HashMap::new());
        for text in pieces.iter().flatten().map(|piece| piece.to_embed.as_ref()) {
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
        let (embedded, done) = self.embedder.embed_until(&unique, &mut self.bar, self.interrupt.embedding())?;
        let Embedded { vectors, tokenized } = embedded;
        // What is told are documents.
        self.bar.done(window.len().saturating_sub(unique.len()), 0);
        for text in (0..unique.len()).filter(|&text| done[text]) {
            self.counts.tokens += tokenized.ids.get(text).len();
            self.counts.cuts.add(&tokenized.dropped[text..=text]);
        }
        // A document of which a piece is missing is not put: the work was stopped.
        let is_done = |piece: &Piece| rows.get(piece.to_embed.as_ref()).is_none_or(|&row| done[row]);
        for (new, pieces) in window.iter().zip(&pieces).filter(|(_, pieces)| pieces.iter().all(is_done)) {
            let vector = |piece: &Piece| match rows.get(piece.to_embed.as_ref()) {
                Some(&row) => vectors.row(row),
                None => known[piece.to_embed.as_ref()].as_slice(),
            };
            let passages: Vec<Passage> = pieces.iter().map(|piece| piece.with(vector(piece))).collect();
            self.writer.put(&new.document, new.compared, &passages)?;
            self.count(new.compared);
        }
        Ok(())
    }

    fn count(&mut self, compared: Compared) {
        self.counts.added += usize::from(compared.change == Change::Added);
        self.counts.updated += usize::from(compared.change == Change::Updated);
    }

    /// Removes what left the inputs and these directories, if that is wanted, and commits.
    fn finish(mut self, prune: Option<&Vec<PathBuf>>) -> anyhow::Result<(Counts, Written)> {
        self.bar.finish();
        if self.interrupt.is_set() {
            self.skipped.report();
            let counts = Counts { skipped: self.skipped.count(), ..self.counts };
            if !self.keeps_parts {
                return Ok((Counts::default(), self.writer.abandon()));
            }
            return Ok((counts, self.writer.commit_untidied()?));
        }
        if let Some(given) = self.given.take() {
            given.end()?;
        }
        match prune {
            // A record that cannot be read may be that of a document which is there.
            Some(_) if self.skipped.hides_documents() => {
                self.skipped.warn_of_pruning();
            }
            Some(directories) => {
                // Of a directory of which only some files were chosen, the others are no concern of this run.
                let some = !self.options.glob.is_empty();
                let skipped = &self.skipped;
                let gone = |path: &Path| (!some || !path.exists()) && !skipped.is_unread(path);
                self.counts.removed = self.writer.prune(directories, gone)?;
            }
            None => {}
        }
        let written = self.writer.commit()?;
        self.skipped.report();
        Ok((Counts { skipped: self.skipped.count(), ..self.counts }, written))
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
    fn as_json(&self, written: Written) -> anyhow::Result<()> {
        let (recipe, counts) = (self.recipe, self.counts);
        let summary = Summary {
            index: &self.dir,
            documents: written.documents,
            passages: written.passages,
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
        let mut out = output::json();
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

//! `semsearch index`: records in, a commit out.

mod summary;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use semsearch::corpus::{self, Document, Input};
use semsearch::embedder::{Embedded, Embedder, Progress};
use semsearch::error::{BadRecord, Error};
use semsearch::index::{self, Change, Compared, Cut, Cutting, IndexWriter, Passage, Recipe, WriteOptions, Written};
use semsearch::model::Pooling;
use semsearch::passage::{Cutter, Piece};
use semsearch::vector_file::VectorReader;

use super::interrupt::{Interrupt, Stopped};
use super::model_loader;
use super::options::index::IndexOptions;
use super::options::passage::LongTexts;
use super::outcome::Outcome;
use super::records::{Filled, Window, cut, inputs, split_long};
use super::settings::Settings;
use super::skipped::SkipReport;
use super::terminal::{EncodingBar, Terminal};
use summary::{BuildCounts, Summary, announce};

pub(super) fn run(options: &IndexOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    update(options, settings)?;
    Ok(Outcome::Done)
}

/// Brings an index up to date, and tells of it.
pub(super) fn update(options: &IndexOptions, settings: &Settings) -> anyhow::Result<()> {
    let started = Instant::now();
    let terminal = &settings.terminal;
    let expanded = inputs(&options.input, settings)?;
    let format = options.input.format;
    let records = corpus::records(&expanded.inputs, format)?;
    let (recipe, embedder) = recipe(options, settings)?;
    let given = options.vectors.as_deref().map(|path| Given::open(path, &recipe, options.input.limit)).transpose()?;
    let write_options = WriteOptions {
        rebuild: options.rebuild,
        wait: options.wait,
        // Whether a file of vectors has as many as there are records shows at the end.
        at_once: given.is_some(),
        commit_every: options.commit_every,
    };
    // Before this a signal ends the process as usual: a lock that is waited for, for one.
    let writer = IndexWriter::open(&settings.index, recipe.clone(), write_options)?;
    let interrupt = Interrupt::expect(terminal);
    let records = records.until(interrupt.reading());
    terminal.detail(&format!("index {}: {} by {}", settings.index.display(), recipe.factory, recipe.metric));

    let total = terminal.shows_progress().then(|| corpus::count(&expanded.inputs, format, options.input.limit));
    let cutter =
        Cutter { tokenizer: embedder.tokenizer(), with_title: recipe.with_title, prompt: &recipe.prompts.document };
    let window = Window::of(&embedder);
    let skipped = SkipReport::new(options.input.on_error, terminal, &expanded).naming_all(given.is_some());
    let mut build = Build {
        options,
        cutting: recipe.cutting,
        cutter,
        embedder: &embedder,
        writer,
        given,
        window: Window { records: options.commit_every.unwrap_or(window.records).min(window.records), ..window },
        bar: terminal.encoding("passages", total),
        counts: BuildCounts::default(),
        skipped,
        interrupt: &interrupt,
    };
    let documents = records.map(|record| options.input.fields.document(record?));
    build.all(documents.take(options.input.limit.unwrap_or(usize::MAX)))?;
    let (counts, written) = build.finish(&expanded.directories)?;
    announce(written, terminal);
    let device = embedder.describe();
    let (precision, dir) = (embedder.precision(), settings.index.display().to_string());
    let summary =
        Summary { dir, recipe: &recipe, counts, written, precision, device: &device, seconds: started.elapsed() };
    summary.tell(options.json, terminal)?;
    ended(&interrupt, written, terminal)
}

/// The recipe of the index, and the loaded model.
fn recipe(options: &IndexOptions, settings: &Settings) -> anyhow::Result<(Recipe, Embedder)> {
    let manifest = if options.rebuild { None } else { index::recorded(&settings.index)? };
    let recorded = manifest.map(|manifest| manifest.recipe);
    let (model, embedder) = model_loader::load(settings, &options.encoding, recorded.as_ref())?;
    if embedder.pooling() == Pooling::None {
        let message = "an index needs one vector a text: `--pooling none` is for `embed`";
        return Err(Error::Unsupported(message.into()).into());
    }
    let store = options.store(recorded.as_ref(), embedder.config());
    let mut recipe = Recipe::new(model, &embedder, store);
    if let Some(built) = recorded.map(|recorded| recorded.precision).filter(|&built| built != recipe.precision) {
        let (index, new) = (settings.index.display(), recipe.precision);
        settings.terminal.warn(&format!("{index} was built in {built}: what is new is embedded in {new} beside it"));
        recipe.precision = built;
    }
    Ok((recipe, embedder))
}

/// Ends a build. If a signal stopped it, the status says so.
fn ended(interrupt: &Interrupt, written: Written, terminal: &Terminal) -> anyhow::Result<()> {
    if !interrupt.is_set() {
        return Ok(());
    }
    let kept = match written.commits {
        0 => "nothing was committed, the index is as it was",
        _ => "what is counted here was committed; run the same command again to go on",
    };
    terminal.note(&format!("interrupted: {kept}"));
    Err(Stopped(interrupt.status()).into())
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

/// A build under way.
struct Build<'a> {
    options: &'a IndexOptions,
    cutting: Cutting,
    cutter: Cutter<'a>,
    embedder: &'a Embedder,
    writer: IndexWriter,
    given: Option<Given>,
    /// Documents embedded together.
    window: Window,
    bar: EncodingBar,
    counts: BuildCounts,
    skipped: SkipReport<'a>,
    interrupt: &'a Interrupt,
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
                Err(Error::NoRecords { input }) if self.options.prune && *input != *Input::Stdin.name() => {
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
        if self.options.passages.long == Some(LongTexts::Error) && self.given.is_none() {
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

    /// Whether a build that is stopped commits what it has. A part of a new index, or of given vectors, is no index that was
    /// asked for.
    fn keeps_parts(&self) -> bool {
        !self.options.rebuild && self.options.vectors.is_none()
    }

    /// Removes what left the inputs and these directories, if that is wanted, and commits.
    fn finish(mut self, directories: &[PathBuf]) -> anyhow::Result<(BuildCounts, Written)> {
        self.bar.finish();
        if self.interrupt.is_set() {
            self.skipped.report();
            let counts = BuildCounts { skipped: self.skipped.count(), ..self.counts };
            if !self.keeps_parts() {
                return Ok((BuildCounts::default(), self.writer.abandon()));
            }
            return Ok((counts, self.writer.commit_untidied()?));
        }
        if let Some(given) = self.given.take() {
            given.end()?;
        }
        // A record that cannot be read may be that of a document which is there.
        if self.options.prune && self.skipped.hides_documents() {
            self.skipped.warn_of_pruning();
        } else if self.options.prune {
            // Of a directory of which only some files were chosen, the others are no concern of this run.
            let some = !self.options.input.globs.is_empty();
            let skipped = &self.skipped;
            let gone = |path: &Path| (!some || !path.exists()) && !skipped.is_unread(path);
            self.counts.removed = self.writer.prune(directories, gone)?;
        }
        let written = self.writer.commit()?;
        self.skipped.report();
        Ok((BuildCounts { skipped: self.skipped.count(), ..self.counts }, written))
    }
}

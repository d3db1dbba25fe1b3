//! `semsearch index`: records in, a commit out.

mod merge;
mod summary;
mod watch;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use semsearch::corpus::{self, Document, Expanded, Input, ReadOptions, RecordStream};
use semsearch::embedder::{Embedder, Progress};
use semsearch::engine::{
    EMBEDDING, EngineError, GivenVectors, IndexCounts, IndexProgress, Indexer, IndexerOptions, Stop,
};
use semsearch::error::CorpusError;
use semsearch::index::{FileIds, IndexConfig, StoreWriter, WriteOptions, Written};
use semsearch::model::Pooling;

use super::advice::Advice;
use super::interrupt::{Interrupt, Stopped};
use super::model_loader;
use super::named_fields::NamedFields;
use super::options::index::IndexOptions;
use super::options::passage::LongTexts;
use super::outcome::Outcome;
use super::records::inputs;
use super::settings::Settings;
use super::skipped::SkipReport;
use super::store::{self, Computing};
use super::terminal::{EncodingBar, Terminal};
use summary::{Summary, announce};

pub(super) fn run(options: &IndexOptions, settings: &Settings) -> anyhow::Result<Outcome> {
    if options.watch && options.input.named.contains(&Input::Stdin) {
        let hint = "name files or directories".into();
        return Err(Advice { message: "--watch cannot watch standard input".into(), hint }.into());
    }
    if options.merge {
        return merge::run(options, settings);
    }
    let session = update(options, settings)?;
    if options.watch {
        let afterwards = options.again();
        watch::stay(&afterwards, settings, &session)?;
    }
    Ok(Outcome::Done)
}

/// What several passes over the inputs have in common.
pub(super) struct Session {
    config: IndexConfig,
    embedder: Embedder,
    interrupt: Interrupt,
}

/// Updates the index and reports what was done.
pub(super) fn update(options: &IndexOptions, settings: &Settings) -> anyhow::Result<Session> {
    let started = Instant::now();
    let recorded = if options.rebuild { None } else { store::recorded(settings)? };
    // What cannot be read is told before the model is loaded.
    let inputs = OpenInputs::open(options, settings, recorded.as_ref())?;
    let (config, embedder) = index_config(options, recorded, settings)?;
    let writer = Build::begin(options, settings, &config)?;
    // Before this, a signal ends the process in the usual way, for example while it waits for a lock.
    model_loader::keep_prepared(&embedder, &settings.terminal);
    let session = Session { config, embedder, interrupt: Interrupt::expect(&settings.terminal) };
    writer.run(inputs, &session, started)?;
    Ok(session)
}

/// Updates the index once more. `gone` are inputs that were named and are not there any more.
fn pass(options: &IndexOptions, gone: Vec<PathBuf>, settings: &Settings, session: &Session) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut inputs = OpenInputs::open(options, settings, Some(&session.config))?;
    inputs.expanded.directories.extend(gone);
    let build = Build::begin(options, settings, &session.config)?;
    Build { tells_nothing_changed: false, ..build }.run(inputs, session, started)
}

/// The inputs, listed and opened.
struct OpenInputs {
    expanded: Expanded,
    reading: ReadOptions,
    records: RecordStream,
}

impl OpenInputs {
    fn open(options: &IndexOptions, settings: &Settings, recorded: Option<&IndexConfig>) -> anyhow::Result<Self> {
        let expanded = inputs(&options.input, settings)?;
        let reading = options.input.reading(root(recorded, &settings.index));
        let records = corpus::records(&expanded.inputs, reading.clone())?;
        Ok(Self { expanded, reading, records })
    }
}

/// One pass over the inputs. It holds the index from its beginning to its end.
struct Build<'a> {
    options: &'a IndexOptions,
    settings: &'a Settings,
    given: Option<GivenVectors>,
    writer: Box<dyn StoreWriter>,
    /// Whether it is told that nothing changed.
    tells_nothing_changed: bool,
}

impl<'a> Build<'a> {
    fn begin(options: &'a IndexOptions, settings: &'a Settings, config: &IndexConfig) -> anyhow::Result<Self> {
        let given = options.vectors.as_deref().map(|path| GivenVectors::open(path, config, options.input.limit));
        let given = given.transpose()?;
        let write_options = WriteOptions {
            rebuild: options.rebuild,
            wait: options.wait,
            // Whether a file of vectors has as many as there are records shows at the end.
            at_once: given.is_some(),
            commit_every: options.commit_every,
        };
        let writer = store::open(settings, Computing::default())?.writer(config.clone(), write_options)?;
        Ok(Self { options, settings, given, writer, tells_nothing_changed: true })
    }

    fn run(self, inputs: OpenInputs, session: &Session, started: Instant) -> anyhow::Result<()> {
        let Self { options, settings, given, writer, tells_nothing_changed } = self;
        let OpenInputs { expanded, reading, records } = inputs;
        let Session { config, embedder, interrupt } = session;
        let terminal = &settings.terminal;
        let records = records.until(interrupt.reading());
        terminal.detail(&format!("index {}: {} by {}", settings.index.display(), config.factory, config.metric));
        let total = terminal.shows_progress().then(|| corpus::count(&expanded.inputs, reading, options.input.limit));
        let mut indexer = Indexer::new(embedder, config, writer, indexer_options(options, interrupt));
        let is_given = given.is_some();
        // The vector of a record is no metadata.
        let left_out = given.as_ref().filter(|given| given.are_in_records()).map(|_| EMBEDDING);
        if let Some(given) = given {
            indexer = indexer.with_vectors(given);
        }
        let skipped = SkipReport::new(options.input.on_error, terminal, &expanded).naming_all(is_given);
        let mut progress = BuildProgress { bar: terminal.encoding("passages", total), skipped, terminal };
        let mut named = NamedFields::new(&options.input.fields);
        let documents = records.map(|record| {
            let mut record = record?;
            if let Some(field) = left_out {
                record.fields.shift_remove(field);
            }
            named.see(&record);
            options.input.fields.document(record)
        });
        indexer.run(documents.take(options.input.limit.unwrap_or(usize::MAX)), &mut progress)?;
        let BuildProgress { bar, mut skipped, .. } = progress;
        bar.finish();
        let (counts, written) = match interrupt.is_set() {
            true => stopped(options, indexer)?,
            false => finished(options, indexer, &expanded.directories, &mut skipped)?,
        };
        if written.commits == 0 && !tells_nothing_changed {
            return ended(interrupt, written, terminal);
        }
        skipped.report(interrupt.is_set());
        if !interrupt.is_set() {
            named.report(terminal);
        }
        announce(written, terminal);
        let summary = Summary {
            dir: settings.index.display().to_string(),
            config,
            counts,
            skipped: skipped.count(),
            written,
            precision: embedder.precision(),
            device: &embedder.describe(),
            seconds: started.elapsed(),
        };
        summary.tell(options.json, terminal)?;
        ended(interrupt, written, terminal)
    }
}

/// The directory to which the ids of files are relative: the one that holds the index. An index of an older release has ids
/// of paths as they were named.
fn root(recorded: Option<&IndexConfig>, index: &Path) -> Option<PathBuf> {
    let from_root = recorded.is_none_or(|config| config.file_ids == FileIds::FromRoot);
    from_root.then(|| store::root(index))
}

/// The configuration of the index, and the loaded model.
fn index_config(
    options: &IndexOptions,
    recorded: Option<IndexConfig>,
    settings: &Settings,
) -> anyhow::Result<(IndexConfig, Embedder)> {
    let (model, embedder) = model_loader::load(settings, &options.encoding, recorded.as_ref())?;
    if embedder.pooling() == Pooling::None {
        let message = "an index needs one vector for each text: `--pooling none` is only for `embed`";
        return Err(EngineError::Unsupported(message.into()).into());
    }
    let own = options.settings(recorded.as_ref(), embedder.config());
    let mut config = IndexConfig::new(model, &embedder, own);
    if let Some(built) = recorded.map(|recorded| recorded.precision).filter(|&built| built != config.precision) {
        let (index, new) = (settings.index.display(), config.precision);
        settings.terminal.warn(&format!("{index} was built in {built}: what is new is embedded in {new} beside it"));
        config.precision = built;
    }
    Ok((config, embedder))
}

fn indexer_options(options: &IndexOptions, interrupt: &Interrupt) -> IndexerOptions {
    IndexerOptions {
        refuse_long: options.passages.long == Some(LongTexts::Error),
        may_be_empty: options.prune,
        commit_every: options.commit_every,
        stop: Stop { reading: Arc::clone(interrupt.reading()), embedding: Arc::clone(interrupt.embedding()) },
    }
}

/// Ends a build. If a signal stopped it, the status says so.
fn ended(interrupt: &Interrupt, written: Written, terminal: &Terminal) -> anyhow::Result<()> {
    if !interrupt.is_set() {
        return Ok(());
    }
    let kept = match written.commits {
        0 if written.awaits_commit => {
            "what is counted here is in the open generation; run the same command again to go on"
        }
        0 => "nothing was committed, the index is as it was",
        _ => "what is counted here was committed; run the same command again to go on",
    };
    terminal.note(&format!("interrupted: {kept}"));
    Err(Stopped(interrupt.status()).into())
}

/// Reports the progress of a build, and counts what was skipped.
struct BuildProgress<'a> {
    bar: EncodingBar,
    skipped: SkipReport<'a>,
    terminal: &'a Terminal,
}

impl Progress for BuildProgress<'_> {
    fn done(&mut self, texts: usize, tokens: usize) {
        self.bar.done(texts, tokens);
    }

    fn smaller_batches(&mut self, tokens: usize) {
        self.bar.smaller_batches(tokens);
    }
}

impl IndexProgress for BuildProgress<'_> {
    type Failure = anyhow::Error;

    fn met(&mut self, input: &Arc<str>) {
        self.skipped.met(input);
    }

    fn skip(&mut self, error: CorpusError) -> anyhow::Result<()> {
        self.skipped.note(error)
    }

    fn replaces(&mut self, document: &Document) {
        let (place, id) = (&document.place, &document.id);
        self.terminal.detail(&format!("{place}: replaces document {id:?} of another input"));
    }

    fn empty(&mut self, input: &Arc<str>) {
        self.skipped.empty(input);
    }
}

/// Ends a build that a signal stopped. A part of a new index, or of given vectors, is no index that was asked for.
fn stopped(options: &IndexOptions, indexer: Indexer<'_>) -> Result<(IndexCounts, Written), EngineError> {
    if options.rebuild || options.vectors.is_some() {
        return Ok((IndexCounts::default(), indexer.abandon()));
    }
    indexer.commit_untidied()
}

/// Removes documents that are no longer in the inputs, if `--prune` is given, and commits.
fn finished(
    options: &IndexOptions,
    mut indexer: Indexer<'_>,
    directories: &[PathBuf],
    skipped: &mut SkipReport<'_>,
) -> Result<(IndexCounts, Written), EngineError> {
    indexer.end_of_records()?;
    skipped.leave();
    // If only some files of a directory were chosen, documents from its other files must stay. A hidden file is never
    // found in a directory, so its documents came when it was named.
    let some = !options.input.globs.is_empty();
    let gone = |path: &Path| {
        let was_found = !some && !is_hidden(path, directories);
        (was_found || matches!(path.try_exists(), Ok(false))) && !skipped.is_unread(path)
    };
    if options.prune {
        // A record that cannot be read may belong to a document of the index. Which one is not known.
        indexer.prune(directories, &gone, &|input| skipped.is_unread(input))?;
    } else {
        let gone = indexer.gone(directories, &gone)?;
        skipped.note_gone(gone);
    }
    let stale = indexer.gone(&skipped.unread(), &|_| true)?;
    skipped.note_stale(stale, options.prune);
    indexer.commit()
}

/// Whether a file, or a directory between it and the one of `directories` that holds it, is hidden.
fn is_hidden(file: &Path, directories: &[PathBuf]) -> bool {
    let below = directories.iter().filter_map(|directory| file.strip_prefix(directory).ok());
    let is_hidden = |path: &Path| path.iter().any(|part| part.as_encoded_bytes().starts_with(b"."));
    below.min_by_key(|path| path.as_os_str().len()).is_some_and(is_hidden)
}

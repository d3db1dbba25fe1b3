//! Opens the index that is searched, with the model that it was built with.

use std::panic;
use std::sync::Arc;
use std::thread;

use semsearch::embedder::Embedded;
use semsearch::engine::{EngineError, LoadedModel, Mode, Query, Searcher, prompted};
use semsearch::filter::Filter;
use semsearch::index::{Facts, IndexConfig, Snapshot, Store, StoreError};
use semsearch::model::Pooling;

use super::model_loader;
use super::options::encoding::EncodingOptions;
use super::options::ranking::RankingOptions;
use super::settings::Settings;
use super::similar::meant;
use super::store::{self, Computing};
use super::terminal::Terminal;

/// Opens the index and loads the model that it was built with. Asking for another model is an error. A lexical search
/// loads no model, unless it needs one for something else. `known` are queries that will be asked: they are embedded while the
/// index is opened.
pub(super) fn open(
    ranking: &RankingOptions,
    encoding: &EncodingOptions,
    known: &[Query],
    settings: &Settings,
) -> anyhow::Result<Searcher> {
    let store = store::open(
        settings,
        Computing { effort: ranking.request.effort, isa: encoding.isa, partial: ranking.partial },
    )?;
    settings.limit_threads();
    let searcher = if ranking.mode() == Mode::Lexical && !ranking.needs_model {
        let snapshot = store.snapshot()?;
        Searcher::by_words(store, snapshot)
    } else {
        let known = if ranking.mode() == Mode::Lexical { &[] } else { known };
        let (snapshot, model, ahead) = commit_and_model(&store, encoding, known, settings)?;
        let searcher = Searcher::new(store, snapshot, model)?;
        match ahead {
            Some((texts, embedded)) => searcher.with_embedded(texts, embedded),
            None => searcher,
        }
    };
    let snapshot = searcher.snapshot();
    let searcher = match &ranking.reranker {
        Some(name) => {
            let reranker = model_loader::load_reranker(settings, encoding, name, &snapshot.facts().config)?;
            searcher.with_reranker(Arc::new(reranker))
        }
        None => searcher,
    };
    settings.terminal.detail(&described(snapshot.facts(), ranking, settings));
    if let Some(filter) = &ranking.request.filter {
        check_filter(&*snapshot, filter, &settings.terminal)?;
    }
    Ok(searcher)
}

/// Texts with what the model made of them.
type Ahead = Option<(Vec<String>, Embedded)>;

/// Opens the newest commit and loads its model. The files of a directory are checked while the model is loaded and the known
/// queries are embedded, which takes about as long. A database is asked once.
fn commit_and_model(
    store: &Arc<dyn Store>,
    encoding: &EncodingOptions,
    known: &[Query],
    settings: &Settings,
) -> anyhow::Result<(Arc<dyn Snapshot>, LoadedModel, Ahead)> {
    // If this fails, opening the snapshot fails too, and its error says more.
    let recorded = if store::is_address(&settings.index) { None } else { store.recorded().ok().flatten() };
    let mut ahead = None;
    let (snapshot, loaded) = match &recorded {
        Some(config) => {
            let store = Arc::clone(store);
            let opening = thread::spawn(move || store.snapshot());
            let loaded = model(encoding, settings, config);
            ahead = loaded.as_ref().ok().and_then(|model| embedded(model, config, known));
            // If both failed, the error of the index comes first.
            (opening.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?, Some(loaded))
        }
        None => (store.snapshot()?, None),
    };
    let config = &snapshot.facts().config;
    match loaded.filter(|_| recorded.as_ref() == Some(config)) {
        Some(loaded) => Ok((snapshot, loaded?, ahead)),
        None => {
            let model = model(encoding, settings, config)?;
            Ok((snapshot, model, None))
        }
    }
}

/// Embeds queries before the index is open. If this fails, the search embeds them again, and its error is told.
fn embedded(model: &LoadedModel, config: &IndexConfig, known: &[Query]) -> Ahead {
    if known.is_empty() {
        return None;
    }
    let texts = prompted(config, known).ok()?;
    let embedded = model.embedder.embed(&texts).ok()?;
    Some((texts, embedded))
}

/// The model of the index.
fn model(encoding: &EncodingOptions, settings: &Settings, config: &IndexConfig) -> anyhow::Result<LoadedModel> {
    if encoding.pooling.asked == Some(Pooling::None) {
        let message = "a query needs one vector: `--pooling none` is for `embed`";
        return Err(EngineError::Unsupported(message.into()).into());
    }
    let (identity, embedder) = model_loader::load(settings, encoding, Some(config))?;
    Ok(LoadedModel { embedder: Arc::new(embedder), identity })
}

fn described(facts: &Facts, ranking: &RankingOptions, settings: &Settings) -> String {
    let (config, documents) = (&facts.config, facts.documents);
    let words = config.language.map_or_else(|| "no words".into(), |language| format!("words: {language}"));
    let (index, factory, metric) = (settings.index.display(), &config.factory, config.metric);
    format!("index {index}: {documents} documents, {factory} by {metric}, {words}; {} search", ranking.mode())
}

/// Tells which parts of the index had no say in an answer (`--partial`).
pub(super) fn tell_missing(searcher: &Searcher, terminal: &Terminal) {
    for missing in searcher.snapshot().left_out() {
        terminal.warn(&format!("this answer is not complete: {missing}"));
    }
}

/// Warns if the filter is likely to be a mistake.
pub(super) fn check_filter(snapshot: &dyn Snapshot, filter: &Filter, terminal: &Terminal) -> Result<(), StoreError> {
    let passing = snapshot.count(filter)?;
    terminal.detail(&format!("filter {filter}: {passing} passages"));
    if snapshot.facts().documents == 0 {
        return Ok(());
    }
    let unknown = unknown_fields(filter, snapshot)?;
    unknown.iter().for_each(|message| terminal.warn(message));
    if passing == 0 && unknown.is_empty() {
        terminal.warn(&format!("no document passes the filter {filter} (`semsearch get ID -f json` shows fields)"));
    }
    Ok(())
}

/// A warning for each field of the filter that no document has. Most likely it is misspelled.
fn unknown_fields(filter: &Filter, snapshot: &dyn Snapshot) -> Result<Vec<String>, StoreError> {
    /// How many known fields are listed, at most.
    const NAMED: usize = 20;
    /// How many known fields are compared with the unknown one, at most.
    const MOST: usize = 10_000;
    let unknown = snapshot.unknown_fields(filter)?;
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let all = snapshot.fields(MOST)?;
    let mut known: Vec<String> = all.iter().take(NAMED + 1).cloned().collect();
    let more = known.len() > NAMED;
    known.truncate(NAMED);
    known.sort();
    let known = match known.is_empty() {
        true => "documents have no fields besides id, title and text".to_owned(),
        false => format!("fields are {}{}", known.join(", "), if more { " and others" } else { "" }),
    };
    let told = |field: &&str| {
        let meant = meant(field, &all);
        format!("no document has the field `{field}` of the filter{meant}: {known}")
    };
    Ok(unknown.iter().map(told).collect())
}

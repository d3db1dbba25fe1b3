//! Opens the index that is searched, with the model that it was built with.

use semsearch::error::Error;
use semsearch::filter::Filter;
use semsearch::index::{Index, Recipe};
use semsearch::model::Pooling;
use semsearch::search::{Mode, Searcher};

use super::model_loader;
use super::options::encoding::EncodingOptions;
use super::options::ranking::RankingOptions;
use super::settings::Settings;
use super::terminal::Terminal;

/// Opens the index and loads the model that it was built with. To ask for another model is an error. A lexical search loads
/// no model, unless it needs one for something else.
pub(super) fn open(
    ranking: &RankingOptions,
    encoding: &EncodingOptions,
    settings: &Settings,
) -> anyhow::Result<Searcher> {
    let mut index = Index::open(&settings.index)?;
    index.set_effort(ranking.effort)?;
    if let Some(isa) = encoding.isa {
        index.set_isa(isa);
    }
    let mut searcher = if ranking.mode() == Mode::Lexical && !ranking.needs_model {
        settings.limit_threads();
        Searcher::by_words(index)
    } else {
        with_model(encoding, settings, index)?
    };
    settings.terminal.detail(&described(&searcher, ranking, settings));
    if let Some(filter) = &ranking.filter {
        restrict(&mut searcher, filter, &settings.terminal)?;
    }
    Ok(searcher)
}

fn with_model(encoding: &EncodingOptions, settings: &Settings, index: Index) -> anyhow::Result<Searcher> {
    let recorded = &index.manifest().recipe;
    if encoding.pooling.asked == Some(Pooling::None) {
        return Err(Error::Unsupported("a query needs one vector: `--pooling none` is for `embed`".into()).into());
    }
    let (model, embedder) = model_loader::load(settings, encoding, Some(recorded))?;
    let recipe = Recipe::new(model, &embedder, recorded.store());
    Ok(Searcher::new(index, embedder, &recipe)?)
}

fn described(searcher: &Searcher, ranking: &RankingOptions, settings: &Settings) -> String {
    let recipe = &searcher.index().manifest().recipe;
    let words = recipe.language.map_or_else(|| "no words".into(), |language| format!("words: {language}"));
    format!(
        "index {}: {} documents, {} by {}, {words}; {} search",
        settings.index.display(),
        searcher.index().documents(),
        recipe.factory,
        recipe.metric,
        ranking.mode()
    )
}

/// Restricts the search to documents that pass the filter, and warns if the filter is likely to be a mistake.
fn restrict(searcher: &mut Searcher, filter: &Filter, terminal: &Terminal) -> Result<(), Error> {
    let passing = searcher.restrict(filter)?;
    terminal.detail(&format!("filter {filter}: {passing} passages"));
    let unknown = unknown_fields(filter, searcher.index())?;
    unknown.iter().for_each(|message| terminal.warn(message));
    if passing == 0 && unknown.is_empty() && searcher.index().documents() > 0 {
        terminal.warn(&format!("no document passes the filter {filter} (`semsearch export` shows their fields)"));
    }
    Ok(())
}

/// A warning for each field of the filter that no document has. Most likely it is misspelled.
fn unknown_fields(filter: &Filter, index: &Index) -> Result<Vec<String>, Error> {
    /// How many known fields are listed, at most.
    const NAMED: usize = 20;
    let unknown = index.unknown_fields(filter)?;
    if unknown.is_empty() || index.documents() == 0 {
        return Ok(Vec::new());
    }
    let mut known = index.fields(NAMED + 1)?;
    let more = known.len() > NAMED;
    known.truncate(NAMED);
    known.sort();
    let known = match known.is_empty() {
        true => "documents have no fields beside id, title and text".to_owned(),
        false => format!("fields are {}{}", known.join(", "), if more { " and others" } else { "" }),
    };
    Ok(unknown.iter().map(|field| format!("no document has the field `{field}` of the filter: {known}")).collect())
}

//! `semsearch query`: questions in, hits out.

use std::collections::HashMap;
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use semsearch::corpus::Input;
use semsearch::error::{BadFilter, BadRecord, Error, Place};
use semsearch::filter::{self, Filter};
use semsearch::index::{Effort, Index, Recipe};
use semsearch::model::Pooling;
use semsearch::search::{Mode, Query, Searcher, Wanted};
use serde_json::Value;

use super::args::{Highlight, HitFormat};
use super::hint::hint;
use super::prompt::Prompt;
use super::report::Shown;
use super::settings::Settings;
use super::terminal::Cuts;
use super::visible::visible;
use super::{Outcome, args, output};

/// Bytes of a line of queries.
const LONGEST: usize = 8 << 20;

/// Queries answered together at most, when they come faster than they are answered.
const BATCH: usize = 4096;

pub(super) fn run(args: &args::Query, settings: &Settings) -> anyhow::Result<Outcome> {
    let queries = Queries::open(args, settings)?;
    let sentences = args.format == HitFormat::Text && args.highlight == Some(Highlight::Sentence);
    let searcher = open(&args.ranking, &args.encoding, settings, sentences)?;
    let wanted = Wanted { top_k: args.top_k, min_score: args.min_score, chunks: args.chunks, ..wanted(&args.ranking) };
    let metric = searcher.metric(wanted.mode);
    let language = searcher.index().manifest().recipe.language.unwrap_or_default();
    let asked = matches!(queries, Queries::Asked(_));
    let look = output::Look { several: queries.several(), parts: settings.terminal.is_verbose(), language };
    let mut out = output::hits(args, metric, look);
    let mut bar = settings.terminal.encoding_beside_output("queries");
    let (mut found, mut cuts) = (false, Cuts::default());
    for batch in queries {
        let batch = batch?;
        let mut answers = searcher.search(&batch, wanted, &mut bar)?;
        cuts.add(&answers.dropped);
        for (query, hits) in batch.iter().zip(&mut answers.hits) {
            found |= !hits.is_empty();
            if hits.is_empty() && asked {
                settings.terminal.note("nothing found");
            }
            if sentences {
                searcher.find_sentences(query, hits)?;
            }
            out.write(query, hits)?;
        }
        out.flush()?;
    }
    bar.finish();
    out.finish()?;
    settings.terminal.warn_of_cuts(cuts, searcher.index().manifest().recipe.max_length);
    // The process ends here, and takes its memory with it: to free a vocabulary word by word would take longer than the
    // search did.
    std::mem::forget(searcher);
    Ok(if found { Outcome::Done } else { Outcome::Nothing })
}

/// What is wanted by these options.
pub(super) fn wanted(ranking: &args::Ranking) -> Wanted {
    Wanted { mode: ranking.mode, fusion: ranking.fusion, alpha: ranking.alpha, ..Wanted::default() }
}

/// The index, with the model it was built with, or the one asked for if that is the same. Without one where words alone
/// are searched, unless the model is wanted `anyway`.
pub(super) fn open(
    ranking: &args::Ranking,
    encoding: &args::Encoding,
    settings: &Settings,
    anyway: bool,
) -> anyhow::Result<Searcher> {
    // An expression that cannot be read is known before an index is opened.
    let filter = ranking.filter.as_deref().map(filter).transpose()?;
    let mut index = Index::open(&settings.index)?;
    index.set_effort(Effort { nprobe: ranking.nprobe, ef_search: ranking.ef_search })?;
    if let Some(isa) = encoding.isa {
        index.set_isa(isa);
    }
    let mut searcher = if ranking.mode == Mode::Lexical && !anyway {
        settings.limit_threads();
        Searcher::by_words(index)
    } else {
        with_model(encoding, settings, index)?
    };
    let recipe = &searcher.index().manifest().recipe;
    let words = recipe.language.map_or_else(|| "no words".into(), |language| format!("words: {language}"));
    settings.terminal.detail(&format!(
        "index {}: {} documents, {} by {}, {words}; {} search",
        settings.index.display(),
        searcher.index().documents(),
        recipe.factory,
        recipe.metric,
        ranking.mode
    ));
    if let Some(filter) = filter {
        let passing = searcher.restrict(&filter)?;
        settings.terminal.detail(&format!("filter {filter}: {passing} passages"));
        let unknown = unknown_fields(&filter, searcher.index())?;
        unknown.iter().for_each(|message| settings.terminal.warn(message));
        if passing == 0 && unknown.is_empty() && searcher.index().documents() > 0 {
            settings
                .terminal
                .warn(&format!("no document passes the filter {filter} (`semsearch export` shows their fields)"));
        }
    }
    Ok(searcher)
}

/// A warning for each field of the filter that no document has: most likely its name is another.
fn unknown_fields(filter: &Filter, index: &Index) -> Result<Vec<String>, Error> {
    /// Fields that are named, at most.
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

/// Reads a filter's expression; what is wrong with it is shown where it stands.
fn filter(expression: &str) -> anyhow::Result<Filter> {
    expression.parse().map_err(|bad: BadFilter| {
        let message = format!("cannot understand the filter: {bad}");
        let hint = hint(&Error::from(bad.clone())).unwrap_or_default();
        // The mark stands below the place as it is shown.
        let before = visible(expression.get(..bad.byte).unwrap_or(expression)).len();
        Shown { message, shown: filter::caret(&visible(expression), before), hint }.into()
    })
}

fn with_model(encoding: &args::Encoding, settings: &Settings, index: Index) -> anyhow::Result<Searcher> {
    let recorded = &index.manifest().recipe;
    if encoding.pooling.map(Pooling::from) == Some(Pooling::None) {
        return Err(Error::Unsupported("a query needs one vector: `--pooling none` is for `embed`".into()).into());
    }
    let (model, embedder) = settings.embedder(encoding, Some(recorded), None)?;
    let recipe = Recipe::new(model, &embedder, recorded.store());
    Ok(Searcher::new(index, embedder, &recipe)?)
}

/// Queries in batches: those given, or those of a file or stream as they come.
enum Queries {
    Given(Option<Vec<Query>>, usize),
    Read(Receiver<Result<Query, Error>>),
    Asked(Box<Prompt>),
}

impl Queries {
    fn open(args: &args::Query, settings: &Settings) -> anyhow::Result<Self> {
        let from_stdin = args.texts.is_empty() || args.texts == ["-"];
        if let Some(path) = args.queries.as_deref().filter(|path| *path != Path::new("-")) {
            let input = Input::from(path.to_owned());
            return Ok(Self::read(input.bytes()?, input.name()));
        }
        if args.queries.is_none() && !from_stdin {
            return Self::given(&args.texts);
        }
        if args.queries.is_none() && args.texts.is_empty() && std::io::stdin().is_terminal() {
            return Ok(Self::Asked(Box::new(Prompt::open(&settings.terminal)?)));
        }
        Ok(Self::read(Input::Stdin.bytes()?, Input::Stdin.name()))
    }

    fn given(texts: &[String]) -> anyhow::Result<Self> {
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(Error::EmptyQuery.into());
        }
        let numbered =
            (1..).zip(texts).map(|(number, text): (usize, _)| Query { id: number.to_string(), text: text.clone() });
        Ok(Self::Given(Some(numbered.collect()), texts.len()))
    }

    /// Reads on a thread of its own, so that a query is answered when it comes and many are answered together.
    fn read(input: impl BufRead + Send + 'static, name: Arc<str>) -> Self {
        let (sender, receiver) = sync_channel(BATCH);
        thread::spawn(move || {
            for query in lines(input, &name) {
                let failed = query.is_err();
                if sender.send(query).is_err() || failed {
                    return;
                }
            }
        });
        Self::Read(receiver)
    }

    /// Whether there may be more than one.
    fn several(&self) -> bool {
        match self {
            Self::Given(_, count) => *count > 1,
            Self::Read(_) => true,
            // Each stands above its hits as it was typed.
            Self::Asked(_) => false,
        }
    }
}

impl Iterator for Queries {
    type Item = anyhow::Result<Vec<Query>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Given(queries, _) => queries.take().map(Ok),
            Self::Read(queries) => {
                // Waits for one, and takes what has come with it.
                let first = queries.recv().ok()?;
                let all = std::iter::once(first).chain(queries.try_iter().take(BATCH - 1));
                Some(all.collect::<Result<_, _>>().map_err(Into::into))
            }
            Self::Asked(prompt) => prompt.ask().transpose().map(|query| Ok(vec![query?])),
        }
    }
}

/// The queries of a file: JSON Lines if its first one is an object, else one a line. Blank lines are passed over.
pub(super) fn lines(mut input: impl BufRead, name: &Arc<str>) -> impl Iterator<Item = Result<Query, Error>> {
    let (mut bytes, mut number, mut json) = (Vec::new(), 0, None);
    let mut seen: HashMap<String, Place> = HashMap::new();
    std::iter::from_fn(move || {
        loop {
            number += 1;
            let place = Place::line(name, number);
            bytes.clear();
            match input.by_ref().take(LONGEST as u64 + 1).read_until(b'\n', &mut bytes) {
                Ok(0) => return None,
                Ok(read) if read > LONGEST => {
                    return Some(Err(Error::Record { place, problem: BadRecord::TooLarge { max: LONGEST } }));
                }
                Ok(_) => {}
                Err(source) => return Some(Err(Error::Input { place, source })),
            }
            let text = match std::str::from_utf8(&bytes) {
                Ok(text) => text.trim_start_matches('\u{feff}').trim(),
                Err(error) => return Some(Err(Error::Record { place, problem: BadRecord::utf8(error) })),
            };
            if text.is_empty() {
                continue;
            }
            let json = *json.get_or_insert(text.starts_with('{'));
            let query =
                if json { object(text, number) } else { Ok(Query { id: number.to_string(), text: text.into() }) };
            // Two of one id would be one query to whoever reads the hits.
            let query = query.and_then(|query| match seen.get(&query.id).filter(|_| json) {
                Some(first) => Err(BadRecord::DuplicateId { id: query.id, first: first.clone() }),
                None => Ok(query),
            });
            if let Ok(query) = &query
                && json
            {
                seen.insert(query.id.clone(), place.clone());
            }
            return Some(query.map_err(|problem| Error::Record { place, problem }));
        }
    })
}

/// A query of a JSON Lines file.
fn object(line: &str, number: u64) -> Result<Query, BadRecord> {
    let value: Value = serde_json::from_str(line).map_err(|error| BadRecord::json(&error))?;
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(name));
    let text = match field(&["text", "query", "question"]) {
        Some(Value::String(text)) if text.trim().is_empty() => return Err(BadRecord::EmptyQuery),
        Some(Value::String(text)) => text.clone(),
        _ => return Err(BadRecord::NoText { looked_for: ["text", "query", "question"].map(String::from).to_vec() }),
    };
    let id = match field(&["_id", "id"]) {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => number.to_string(),
    };
    Ok(Query { id, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Vec<String> {
        let shown = |query: Result<Query, Error>| match query {
            Ok(query) => format!("{}={}", query.id, query.text),
            Err(error) => error.to_string(),
        };
        lines(input.as_bytes(), &"in".into()).map(shown).collect()
    }

    #[test]
    fn plain_lines_are_numbered_by_their_line() {
        assert_eq!(read("who?\n\n  why?  \r\n"), ["1=who?", "3=why?"]);
    }

    #[test]
    fn objects_bring_their_id_or_are_numbered() {
        let input = "{\"_id\": \"a\", \"text\": \"who?\"}\n{\"text\": \"why?\"}\n{\"text\": \" \"}\n{\"x\": 1}\n{\"_id\": \"a\", \"text\": \"x\"}\n{";
        assert_eq!(
            read(input),
            [
                "a=who?",
                "2=why?",
                "in:3: the query is empty",
                "in:4: no text: none of the fields text, query, question is present",
                "in:5: id \"a\" stands already at in:1",
                "in:6: invalid JSON: EOF while parsing an object (column 1)"
            ]
        );
    }
}

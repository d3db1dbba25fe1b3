//! Searches: what a request says, and what is answered. The routes, the page and the tools for agents share them.

use std::time::Instant;

use schemars::JsonSchema;
use semsearch_engine::{Hit, Mode, PinnedSearcher, Query, QueryWords, SearchRequest, Searcher};
use semsearch_filter::Filter;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::app::App;
use super::error::ApiError;
use super::scheduler::Priority;

/// The most hits that a client can page through.
const DEEPEST: usize = 1000;

/// The most hits of all queries of one request, those that are left out included.
const MOST_HITS: usize = 10_000;

/// The most queries of one request.
const MOST_QUERIES: usize = 100;

/// The most fields of which values are counted, and the most values of each.
const MOST_FACETS: usize = 20;

/// How a query and a passage are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum SearchMode {
    // By meaning: with vectors. Comments here would make the schema a union, which some clients of agents cannot read.
    #[default]
    Dense,
    // By words: with BM25.
    Lexical,
    // By both.
    Hybrid,
}

impl From<SearchMode> for Mode {
    fn from(mode: SearchMode) -> Self {
        match mode {
            SearchMode::Dense => Self::Dense,
            SearchMode::Lexical => Self::Lexical,
            SearchMode::Hybrid => Self::Hybrid,
        }
    }
}

/// A search.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SearchBody {
    /// What is searched for. Either this or `queries` is needed.
    pub(crate) query: Option<String>,
    /// Several searches in one request.
    pub(crate) queries: Option<Vec<String>>,
    /// The name of the index; without it the first.
    pub(crate) index: Option<String>,
    /// How many hits each query has.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) k: usize,
    /// How many of the best hits are left out, for the next page. `k` and `offset` are at most 1,000 together.
    #[schemars(range(max = 999))]
    pub(crate) offset: usize,
    /// How a query and a passage are compared.
    pub(crate) mode: SearchMode,
    /// The weight of the vectors in hybrid mode, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) alpha: Option<f32>,
    /// How both sides are fused in hybrid mode: `absolute`, `minmax` or `rrf`.
    pub(crate) fusion: Option<String>,
    /// Only documents whose metadata match, as in `year >= 2000 and lang = en`.
    pub(crate) filter: Option<String>,
    /// The worst score of a hit.
    pub(crate) min_score: Option<f32>,
    /// Chunks are hits, and not documents by their best chunk.
    pub(crate) chunks: bool,
    /// Each hit has the scores of both sides.
    pub(crate) explain: bool,
    /// Each hit has the place of the sentence that answers best.
    pub(crate) sentences: bool,
    /// Fields of which values are counted.
    pub(crate) facets: Vec<String>,
}

impl Default for SearchBody {
    fn default() -> Self {
        Self {
            query: None,
            queries: None,
            index: None,
            k: 10,
            offset: 0,
            mode: SearchMode::default(),
            alpha: None,
            fusion: None,
            filter: None,
            min_score: None,
            chunks: false,
            explain: false,
            sentences: false,
            facets: Vec::new(),
        }
    }
}

/// The answer to a search.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct SearchAnswer {
    /// The commit that was searched.
    pub(crate) commit: String,
    /// Milliseconds from the request to the answer.
    pub(crate) took_ms: f64,
    /// How many documents the filter lets pass; without a filter all.
    pub(crate) matching: u64,
    /// The hits, query by query.
    pub(crate) hits: Vec<HitObject>,
    /// For each field that was asked for, its values in the documents that the filter lets pass, those of most
    /// documents first.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) facets: Map<String, Value>,
    /// Whether a query has more hits after these.
    pub(crate) more: bool,
}

/// A hit, as the command line's `jsonl` has it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct HitObject {
    pub(crate) query_id: String,
    pub(crate) query: String,
    /// From 1 for the best.
    pub(crate) rank: usize,
    /// The document's id.
    pub(crate) id: String,
    pub(crate) score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    pub(crate) text: String,
    pub(crate) metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chunk: Option<Chunk>,
    /// The places of the query's words in `text`.
    pub(crate) highlights: Vec<CharRange>,
    /// The place in `text` of the sentence that answers best, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sentence: Option<CharRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scores: Option<SideScores>,
}

/// The file that a hit comes from.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Place {
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: u64,
}

/// The place of a chunk in its document, in characters.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Chunk {
    /// From 0.
    pub(crate) index: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A part of a text, in characters from 0. `end` is the first that is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct CharRange {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The scores of both sides; null for a side that was not searched.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct SideScores {
    pub(crate) dense: Option<f32>,
    pub(crate) lexical: Option<f32>,
}

impl App {
    /// Answers a search.
    ///
    /// # Errors
    /// The request is wrong, the server is busy or not ready, or the index is damaged.
    pub(crate) async fn search(&self, asked: SearchBody) -> Result<SearchAnswer, ApiError> {
        let begun = Instant::now();
        let ready = self.ready()?;
        let index = ready.index(asked.index.as_deref())?;
        let request = asked.request()?;
        let pinned = index.searcher.pinned();
        let texts = pinned.to_embed(&request)?;
        // What cannot be answered is refused before it is embedded.
        pinned.check(&request)?;
        let vectors = ready.scheduler.embed(Priority::Search, texts).await?.vectors;
        let searcher = index.searcher.clone();
        let mut answer = self
            .lane
            .run(move || {
                let hits = pinned.hits(&request, &vectors)?;
                answer(&searcher, &pinned, &request, &asked, hits)
            })
            .await?;
        answer.took_ms = begun.elapsed().as_micros() as f64 / 1000.0;
        Ok(answer)
    }
}

impl SearchBody {
    /// The engine's request: one hit more than was asked for, to know whether there are more.
    fn request(&self) -> Result<SearchRequest, ApiError> {
        let texts = match (&self.query, &self.queries) {
            (Some(query), None) => vec![query.clone()],
            (None, Some(queries)) => queries.clone(),
            (None, None) => return Err(ApiError::invalid("`query` is missing").param("query")),
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("either `query` or `queries`, not both").param("queries"));
            }
        };
        if texts.is_empty() || texts.len() > MOST_QUERIES {
            let message = format!("{} queries: from 1 to {MOST_QUERIES} are answered together", texts.len());
            return Err(ApiError::invalid(message).param("queries"));
        }
        if texts.iter().any(|text| text.trim().is_empty()) {
            return Err(ApiError::invalid("the query is empty").param("query"));
        }
        if self.k == 0 {
            return Err(ApiError::invalid("k is 0: at least one hit can be asked for").param("k"));
        }
        if self.k.saturating_add(self.offset) > DEEPEST {
            let message = format!("k {} and offset {}: at most {DEEPEST} together", self.k, self.offset);
            return Err(ApiError::invalid(message).param("k"));
        }
        if texts.len() * (self.k + self.offset) > MOST_HITS {
            let message = format!("{} queries of {} hits: at most {MOST_HITS} hits at once", texts.len(), self.k);
            return Err(ApiError::invalid(message).param("queries"));
        }
        if self.alpha.is_some_and(|alpha| !(0.0..=1.0).contains(&alpha)) {
            return Err(ApiError::invalid("alpha is a number from 0 to 1").param("alpha"));
        }
        if self.facets.len() > MOST_FACETS {
            return Err(ApiError::invalid(format!("at most {MOST_FACETS} facets")).param("facets"));
        }
        let queries = texts.into_iter().enumerate();
        let fusion = self.fusion.as_deref().map(str::parse).transpose();
        Ok(SearchRequest {
            queries: queries.map(|(number, text)| Query { id: (number + 1).to_string(), text }).collect(),
            mode: self.mode.into(),
            k: self.k + 1,
            offset: self.offset,
            filter: self.filter.as_deref().filter(|filter| !filter.trim().is_empty()).map(parsed).transpose()?,
            min_score: self.min_score,
            fusion: fusion.map_err(|error| ApiError::invalid(error).param("fusion"))?,
            alpha: self.alpha,
            chunks: self.chunks,
            ..SearchRequest::default()
        })
    }
}

fn parsed(filter: &str) -> Result<Filter, ApiError> {
    let wrong = |error: semsearch_filter::BadFilter| ApiError::invalid(format!("filter: {error}")).param("filter");
    filter.parse().map_err(|error| wrong(error).hint("as in `year >= 2000 and lang = en`"))
}

/// The answer to a request with these hits.
fn answer(
    searcher: &Searcher,
    pinned: &PinnedSearcher,
    request: &SearchRequest,
    asked: &SearchBody,
    hits: Vec<Vec<Hit>>,
) -> Result<SearchAnswer, ApiError> {
    let snapshot = pinned.snapshot();
    let (mut objects, mut more) = (Vec::new(), false);
    for (query, mut hits) in request.queries.iter().zip(hits) {
        more |= hits.len() > asked.k;
        hits.truncate(asked.k);
        if asked.sentences {
            searcher.find_sentences(query, &mut hits)?;
        }
        let words = QueryWords::of(&query.text, |text| snapshot.split(text));
        objects.extend(hits.iter().map(|hit| object(query, hit, &words, asked.explain)));
    }
    let filter = request.filter.as_ref();
    let facts = snapshot.facts();
    let mut facets = Map::new();
    for field in &asked.facets {
        let values = snapshot.values(field, filter, MOST_FACETS)?.into_iter();
        let values = values.map(|value| serde_json::json!({"value": value.value, "count": value.documents}));
        facets.insert(field.clone(), values.collect());
    }
    let matching = filter.map_or(Ok(facts.documents), |filter| snapshot.count_documents(filter))?;
    Ok(SearchAnswer { commit: facts.commit.clone(), took_ms: 0.0, matching, hits: objects, facets, more })
}

fn object(query: &Query, hit: &Hit, words: &QueryWords<'_>, explain: bool) -> HitObject {
    let document = &hit.document;
    HitObject {
        query_id: query.id.clone(),
        query: query.text.clone(),
        rank: hit.rank,
        id: document.id.clone(),
        score: hit.score,
        title: document.title.clone(),
        highlights: char_ranges(&document.text, &words.places(&document.text)),
        sentence: hit.sentence.as_ref().map(|place| Chars::of(&document.text).range(place)),
        text: document.text.clone(),
        metadata: document.metadata.clone(),
        source: document
            .source
            .as_ref()
            .map(|source| Place { path: source.path.clone(), line: source.line.unwrap_or(1) }),
        chunk: document.chunk.map(|chunk| Chunk { index: chunk.index, start: chunk.start, end: chunk.end }),
        scores: explain.then_some(SideScores { dense: hit.scores.dense, lexical: hit.scores.lexical }),
    }
}

/// Places in bytes, which ascend, as places in characters.
pub(crate) fn char_ranges(text: &str, places: &[std::ops::Range<usize>]) -> Vec<CharRange> {
    let mut chars = Chars::of(text);
    places.iter().map(|place| chars.range(place)).collect()
}

/// Counts the characters of a text up to places that ascend.
struct Chars<'a> {
    text: &'a str,
    bytes: usize,
    chars: usize,
}

impl<'a> Chars<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, bytes: 0, chars: 0 }
    }

    fn at(&mut self, byte: usize) -> usize {
        self.chars += self.text[self.bytes..byte].chars().count();
        self.bytes = byte;
        self.chars
    }

    fn range(&mut self, bytes: &std::ops::Range<usize>) -> CharRange {
        CharRange { start: self.at(bytes.start), end: self.at(bytes.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let mut chars = Chars::of("é𝄞 café");
        assert_eq!(chars.range(&(0..6)), CharRange { start: 0, end: 2 });
        assert_eq!(chars.range(&(7..12)), CharRange { start: 3, end: 7 });
    }

    #[test]
    fn a_request_beyond_a_limit_is_refused_with_the_field() {
        let refused = |body: Value| {
            let body: SearchBody = serde_json::from_value(body).unwrap();
            body.request().unwrap_err().field().unwrap().to_owned()
        };
        assert_eq!(refused(serde_json::json!({})), "query");
        assert_eq!(refused(serde_json::json!({"query": " "})), "query");
        assert_eq!(refused(serde_json::json!({"query": "a", "k": 1000, "offset": 1})), "k");
        assert_eq!(refused(serde_json::json!({"query": "a", "k": 0})), "k");
        assert_eq!(refused(serde_json::json!({"query": "a", "queries": ["b"]})), "queries");
        assert_eq!(refused(serde_json::json!({"queries": vec!["a"; 11], "k": 1000})), "queries");
        assert_eq!(refused(serde_json::json!({"query": "a", "filter": "year >="})), "filter");
        assert_eq!(refused(serde_json::json!({"query": "a", "alpha": 2})), "alpha");
        assert_eq!(refused(serde_json::json!({"query": "a", "fusion": "x"})), "fusion");
    }
}

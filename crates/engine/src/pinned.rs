//! A searcher over one commit, for a caller that embeds queries itself, such as a server that embeds those of many
//! requests together.

use std::sync::Arc;

use semsearch_encoder::encoder::Vectors;
use semsearch_store::{IndexConfig, Snapshot};

use super::ranking::Ranking;
use super::{EngineError, Hit, Mode, Query, SearchRequest};

/// A commit of an index. It answers with vectors that the caller brings.
#[derive(Clone)]
pub struct PinnedSearcher {
    snapshot: Arc<dyn Snapshot>,
}

impl PinnedSearcher {
    pub(super) fn new(snapshot: Arc<dyn Snapshot>) -> Self {
        Self { snapshot }
    }

    /// The commit that is searched.
    pub fn snapshot(&self) -> &Arc<dyn Snapshot> {
        &self.snapshot
    }

    /// The texts to embed for a request: its queries, each with the index's prompt before it. A lexical search needs
    /// none.
    ///
    /// # Errors
    /// [`EngineError::EmptyQuery`]: a query has no words.
    pub fn to_embed(&self, request: &SearchRequest) -> Result<Vec<String>, EngineError> {
        let prompted = prompted(&self.snapshot.facts().config, &request.queries)?;
        Ok(if request.mode == Mode::Lexical { Vec::new() } else { prompted })
    }

    /// Checks that this commit can answer the request.
    ///
    /// # Errors
    /// The request needs what the index does not have.
    pub fn check(&self, request: &SearchRequest) -> Result<(), EngineError> {
        Ranking::new(&*self.snapshot, request).map(|_| ())
    }

    /// The hits of each query. `vectors` has a row for each text of [`PinnedSearcher::to_embed`].
    ///
    /// # Errors
    /// A query has no words, the rows are too few or of another length, the request asks for reranking, or the index is
    /// damaged.
    pub fn hits(&self, request: &SearchRequest, vectors: &Vectors) -> Result<Vec<Vec<Hit>>, EngineError> {
        let texts = texts(&request.queries)?;
        let ranking = Ranking::new(&*self.snapshot, request)?;
        if request.mode == Mode::Lexical {
            return ranking.hits(&texts, None);
        }
        let dim = self.snapshot.facts().config.dim;
        if (vectors.len(), vectors.dim()) != (texts.len(), dim) {
            let (rows, components, queries) = (vectors.len(), vectors.dim(), texts.len());
            return Err(EngineError::Unsupported(format!(
                "{rows} vectors of {components} components for {queries} queries over an index of {dim}"
            )));
        }
        ranking.hits(&texts, Some(vectors))
    }
}

/// The texts of queries as an index of this config has them embedded: each with the prompt before it.
///
/// # Errors
/// [`EngineError::EmptyQuery`]: a query has no words.
pub fn prompted(config: &IndexConfig, queries: &[Query]) -> Result<Vec<String>, EngineError> {
    let prompt = &config.prompts.query;
    Ok(texts(queries)?.iter().map(|text| format!("{prompt}{text}")).collect())
}

/// The texts of queries. No text may be empty.
pub(super) fn texts(queries: &[Query]) -> Result<Vec<&str>, EngineError> {
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    if texts.iter().any(|text| text.trim().is_empty()) { Err(EngineError::EmptyQuery) } else { Ok(texts) }
}

//! The types of a request and of its answer.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use semsearch_filter::Filter;
use semsearch_store::{Effort, StoredPassage};

use super::Fusion;

/// A query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The query's own id, or its 1-based number.
    pub id: String,
    /// The query's text.
    pub text: String,
}

/// How a query and a passage are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By meaning: with vectors.
    #[default]
    Dense,
    /// By words: with BM25.
    Lexical,
    /// By both.
    Hybrid,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Lexical, Self::Hybrid];
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|mode| mode.to_string() == word);
        known.ok_or_else(|| format!("no mode {word:?}: expected dense, lexical or hybrid"))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dense => "dense",
            Self::Lexical => "lexical",
            Self::Hybrid => "hybrid",
        })
    }
}

/// A search: everything that it depends on, except the index and the model. No request affects another.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchRequest {
    /// The queries, which are answered together.
    pub queries: Vec<Query>,
    /// How a query and a passage are compared.
    pub mode: Mode,
    /// The most hits of a query.
    pub k: usize,
    /// How many of the best hits are left out, for the next page.
    pub offset: usize,
    /// The filter that a passage's metadata must pass. It is applied before the best passages are chosen.
    pub filter: Option<Filter>,
    /// The worst score of a hit: the smallest score, or the largest distance.
    pub min_score: Option<f32>,
    /// How the dense and the lexical side are fused. If it is `None`, by [`Fusion::Absolute`] where vectors have length 1,
    /// else by [`Fusion::MinMax`].
    pub fusion: Option<Fusion>,
    /// The weight of the dense side in the fusion, from 0 to 1; if it is `None`, the fusion's own.
    pub alpha: Option<f32>,
    /// How thoroughly an index that is not exact is searched.
    pub effort: Effort,
    /// Whether chunks are hits. Otherwise a document is one hit, ranked by its best chunk.
    pub chunks: bool,
    /// Whether of passages with the same text only the best one is a hit.
    pub unique: bool,
    /// How many of the best hits the searcher's cross-encoder orders once more; `None` if it orders none. No query has more
    /// hits than that.
    pub rerank: Option<usize>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            queries: Vec::new(),
            mode: Mode::default(),
            k: 10,
            offset: 0,
            filter: None,
            min_score: None,
            fusion: None,
            alpha: None,
            effort: Effort::default(),
            chunks: false,
            unique: false,
            rerank: None,
        }
    }
}

/// The answers to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchResults {
    /// The hits of each query, best first, in the order of the queries.
    pub hits: Vec<Vec<Hit>>,
    /// For each query, how many tokens were cut at the maximum length.
    pub dropped: Vec<usize>,
    /// How many pairs of a query and a passage were cut, because the cross-encoder cannot read more.
    pub cut_pairs: usize,
    /// The commit that was searched ([`semsearch_store::Facts::commit`]).
    pub commit: String,
}

/// A passage that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The rank, from 1 for the best hit.
    pub rank: usize,
    /// The score by which the hit is ranked: the inner product (a cosine, if vectors are normalized), the squared
    /// distance, BM25, the fused score, or the score of a cross-encoder.
    pub score: f32,
    /// The scores of both sides.
    pub scores: Scores,
    /// The passage. Other hits may share it.
    pub document: Arc<StoredPassage>,
    /// The sentence that is nearest to the query, as a byte range of the passage's text, if it was looked for.
    pub sentence: Option<Range<usize>>,
    /// How many passages with the same text are left out behind this one, if [`SearchRequest::unique`] is set. Only
    /// candidates of the search are counted.
    pub copies: usize,
}

/// The scores of a passage on both sides, if they were asked for and can be computed, and what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Inner product or squared distance.
    pub dense: Option<f32>,
    /// BM25.
    pub lexical: Option<f32>,
    /// The score by which the hit was ranked before it was reranked; `None` if it was not.
    pub before_rerank: Option<f32>,
}

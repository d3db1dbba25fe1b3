//! Queries in, hits out.
//!
//! [`Searcher`] searches an index by meaning, by words, or both, and brings the documents that the keys name. Queries are
//! embedded by the index's own recipe. How hits are shown is left to the command line.

mod fusion;
pub mod passage;
mod searcher;
mod sentence;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

pub use fusion::Fusion;
pub use searcher::Searcher;

use semsearch_store_local::Stored;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The query's own id, or its 1-based number.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// What a query is compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By meaning: vectors.
    #[default]
    Dense,
    /// By words: BM25.
    Lexical,
    /// By both.
    Hybrid,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Dense, Self::Lexical, Self::Hybrid]
            .into_iter()
            .find(|mode| mode.to_string() == word)
            .ok_or_else(|| format!("no mode {word:?}: expected dense, lexical or hybrid"))
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

/// A passage that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// 1 for the best.
    pub rank: usize,
    /// What it is ranked by: inner product (a cosine, where vectors are normalized), squared distance, BM25, or the fused
    /// score.
    pub score: f32,
    /// What either side says of it.
    pub scores: Scores,
    /// The passage, which other hits may share.
    pub document: Arc<Stored>,
    /// The sentence that is nearest to the query, in bytes of the passage's text, where it was looked for.
    pub sentence: Option<Range<usize>>,
}

/// What either side says of a passage, where it was asked and could tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Inner product or squared distance.
    pub dense: Option<f32>,
    /// BM25.
    pub lexical: Option<f32>,
}

/// What a search gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The hits of each query, best first, in the order of the queries.
    pub hits: Vec<Vec<Hit>>,
    /// For each query, how many tokens were cut at the maximum length.
    pub dropped: Vec<usize>,
}

/// Which hits are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wanted {
    /// So many of the best.
    pub top_k: usize,
    /// None worse than this: a smaller score, or a larger distance.
    pub min_score: Option<f32>,
    /// What queries are compared by.
    pub mode: Mode,
    /// How both sides are fused.
    pub fusion: Fusion,
    /// The weight of the dense side in it, from 0 to 1.
    pub alpha: f32,
    /// Passages as they are; otherwise a document comes once, by its best passage.
    pub chunks: bool,
}

impl Default for Wanted {
    fn default() -> Self {
        let (mode, fusion) = (Mode::default(), Fusion::default());
        Self { top_k: 10, min_score: None, mode, fusion, alpha: 0.5, chunks: false }
    }
}

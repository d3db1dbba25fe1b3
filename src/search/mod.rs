//! Queries in, hits out.
//!
//! [`Searcher`] embeds queries by the index's own recipe, searches its vectors, and brings the documents that the keys
//! name. How hits are shown is left to the command line.

use crate::embedder::{Embedder, Progress};
use crate::encoder::Vectors;
use crate::error::{Error, Result};
use crate::index::{Index, Metric, Recipe, Stored};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The query's own id, or its 1-based number.
    pub id: String,
    /// Its text.
    pub text: String,
}

/// A document that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// 1 for the best.
    pub rank: usize,
    /// Inner product (a cosine, where vectors are normalized), or squared distance.
    pub score: f32,
    /// The document.
    pub document: Stored,
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
    /// None worse than this: a smaller inner product, or a larger distance.
    pub min_score: Option<f32>,
}

/// An index and the model that speaks its language.
pub struct Searcher {
    index: Index,
    embedder: Embedder,
}

impl Searcher {
    /// Puts an index and an embedder together; `recipe` is what the embedder makes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the index was built by another recipe.
    pub fn new(index: Index, embedder: Embedder, recipe: &Recipe) -> Result<Self> {
        index.manifest().recipe.check(recipe, index.dir())?;
        Ok(Self { index, embedder })
    }

    /// The index searched.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// How the index compares vectors.
    pub fn metric(&self) -> Metric {
        self.index.manifest().recipe.metric
    }

    /// Answers queries, all together.
    ///
    /// # Errors
    /// A query is empty, encoding fails, or the index is damaged.
    pub fn search(&mut self, queries: &[Query], wanted: Wanted, progress: &mut dyn Progress) -> Result<Found> {
        if queries.iter().any(|query| query.text.trim().is_empty()) {
            return Err(Error::EmptyQuery);
        }
        let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
        let embedded = self.embedder.embed_reporting(&texts, progress)?;
        Ok(Found { hits: self.nearest(&embedded.vectors, wanted)?, dropped: embedded.tokenized.dropped })
    }

    /// The hits of each row of `queries`.
    fn nearest(&mut self, queries: &Vectors, wanted: Wanted) -> Result<Vec<Vec<Hit>>> {
        let mut found = self.index.search(queries, wanted.top_k)?;
        if let Some(bound) = wanted.min_score {
            let metric = self.metric();
            let good = |score: f32| match metric {
                Metric::Ip => score >= bound,
                Metric::L2 => score <= bound,
            };
            found.iter_mut().for_each(|neighbours| neighbours.retain(|neighbour| good(neighbour.score)));
        }
        let documents = self.index.documents_of(found.iter().flatten().map(|neighbour| neighbour.key))?;
        let hits = found.iter().map(|neighbours| {
            let ranked = (1..).zip(neighbours);
            ranked.map(|(rank, near)| Hit { rank, score: near.score, document: documents[&near.key].clone() }).collect()
        });
        Ok(hits.collect())
    }
}

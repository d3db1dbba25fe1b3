//! Queries through an index: candidates by meaning and by words, fused, each document once, read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::fusion::Candidate;
use super::{Found, Hit, Mode, Query, Scores, Wanted};
use semsearch_encoder::embedder::{Embedded, Embedder, Progress};
use semsearch_encoder::encoder::Vectors;
use semsearch_error::{Error, Result};
use semsearch_filter::Filter;
use semsearch_store_local::{Index, Keys, LexicalQuery, Metric, Neighbour, Recipe, Stored};

/// Candidates of each side for each hit that is wanted of both, and at the least.
const DEPTH: usize = 10;
const LEAST_DEPTH: usize = 100;

/// So many queries are looked up by several threads; for fewer it is not worth starting them.
const MANY_QUERIES: usize = 16;

/// A passage with its scores, before it is read.
#[derive(Clone, Copy)]
struct Ranked {
    key: u64,
    score: f32,
    scores: Scores,
}

impl Ranked {
    fn new(near: &Neighbour, dense: Option<f32>, lexical: Option<f32>) -> Self {
        Self { key: near.key, score: near.score, scores: Scores { dense, lexical } }
    }
}

/// The texts of queries, none of which is empty.
fn texts(queries: &[Query]) -> Result<Vec<&str>> {
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    if texts.iter().any(|text| text.trim().is_empty()) { Err(Error::EmptyQuery) } else { Ok(texts) }
}

/// How many passages are looked for.
fn depth(mode: Mode, top_k: usize) -> usize {
    if mode == Mode::Hybrid { LEAST_DEPTH.max(DEPTH.saturating_mul(top_k)) } else { top_k }
}

/// What `one` makes of each of so many queries, on several threads where it is worth starting them.
fn each<T: Send>(count: usize, one: impl Fn(usize) -> Result<T> + Send + Sync) -> Result<Vec<T>> {
    if count < MANY_QUERIES { (0..count).map(one).collect() } else { (0..count).into_par_iter().map(one).collect() }
}

/// An index and the model that speaks its language.
pub struct Searcher {
    index: Index,
    pub(super) embedder: Option<Embedder>,
    /// The keys that a filter lets pass.
    allowed: Option<Keys>,
}

impl Searcher {
    /// Puts an index and an embedder together; `recipe` is what the embedder makes.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if the index was built by another recipe.
    pub fn new(index: Index, embedder: Embedder, recipe: &Recipe) -> Result<Self> {
        index.manifest().recipe.check(recipe, index.dir())?;
        Ok(Self { index, embedder: Some(embedder), allowed: None })
    }

    /// Searches an index by words alone, which needs no model.
    pub fn by_words(index: Index) -> Self {
        Self { index, embedder: None, allowed: None }
    }

    /// From now on finds only what passes `filter`; says how many passages that are.
    ///
    /// # Errors
    /// The index is damaged, or of a format that cannot be filtered.
    pub fn restrict(&mut self, filter: &Filter) -> Result<usize> {
        Ok(self.allowed.insert(self.index.matching(filter)?).len())
    }

    /// The index searched.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// How scores compare in this mode: distances are better when they are smaller.
    pub fn metric(&self, mode: Mode) -> Metric {
        if mode == Mode::Dense { self.index.manifest().recipe.metric } else { Metric::Ip }
    }

    /// Answers queries, all together.
    ///
    /// # Errors
    /// A query is empty, encoding fails, a mode with vectors is wanted of a searcher by words, or the index is damaged.
    pub fn search(&self, queries: &[Query], wanted: Wanted, progress: &mut dyn Progress) -> Result<Found> {
        let texts = texts(queries)?;
        if wanted.mode == Mode::Lexical {
            let found = self.ranked(&texts, None, wanted)?;
            progress.done(texts.len(), 0);
            return Ok(Found { hits: self.hits(&found)?, dropped: vec![0; texts.len()] });
        }
        let embedded = self.embed(&texts, progress)?;
        let found = self.ranked(&texts, Some(&embedded.vectors), wanted)?;
        Ok(Found { hits: self.hits(&found)?, dropped: embedded.tokenized.dropped })
    }

    /// Answers queries by both sides for each weight of the dense one: the hits by weight, then by query.
    ///
    /// # Errors
    /// As [`Searcher::search`].
    pub fn sweep(
        &self,
        queries: &[Query],
        wanted: Wanted,
        alphas: &[f32],
        progress: &mut dyn Progress,
    ) -> Result<Vec<Vec<Vec<Hit>>>> {
        let texts = texts(queries)?;
        let vectors = self.embed(&texts, progress)?.vectors;
        let candidates = self.unions(&texts, &vectors, depth(Mode::Hybrid, wanted.top_k))?;
        let of_alpha = |&alpha: &f32| -> Result<Vec<Vec<Hit>>> {
            let ranked = |candidates: &Vec<Candidate>| -> Result<Vec<Ranked>> {
                let mut best = self.by_document(self.fused(candidates, Wanted { alpha, ..wanted }), wanted)?;
                best.truncate(wanted.top_k);
                Ok(best)
            };
            self.hits(&candidates.iter().map(ranked).collect::<Result<Vec<_>>>()?)
        };
        alphas.iter().map(of_alpha).collect()
    }

    fn embed(&self, texts: &[&str], progress: &mut dyn Progress) -> Result<Embedded> {
        let Some(embedder) = &self.embedder else {
            return Err(Error::Unsupported("a search by meaning needs the index's model".into()));
        };
        let prompt = &self.index.manifest().recipe.prompts.query;
        let prompted: Vec<String> = texts.iter().map(|text| format!("{prompt}{text}")).collect();
        embedder.embed_reporting(&prompted, progress)
    }

    /// The best passages for each query, or each document's best.
    fn ranked(&self, texts: &[&str], vectors: Option<&Vectors>, wanted: Wanted) -> Result<Vec<Vec<Ranked>>> {
        let mut depth = depth(wanted.mode, wanted.top_k);
        let mut all = vec![Vec::new(); texts.len()];
        let mut open: Vec<usize> = (0..texts.len()).collect();
        // Several passages of one document may stand before another's: then more are looked for.
        while !open.is_empty() {
            let texts: Vec<&str> = open.iter().map(|&query| texts[query]).collect();
            let vectors = vectors.map(|vectors| vectors.gather(&open));
            let mut short = Vec::new();
            for (query, found) in open.into_iter().zip(self.passages(&texts, vectors.as_ref(), depth, wanted)?) {
                let exhausted = found.len() < depth || depth as u64 >= self.index.manifest().vectors();
                let mut best = self.by_document(found, wanted)?;
                if best.len() < wanted.top_k && !exhausted {
                    short.push(query);
                }
                best.truncate(wanted.top_k);
                all[query] = best;
            }
            (open, depth) = (short, depth.saturating_mul(4));
        }
        if let Some(bound) = wanted.min_score {
            let good = |score: f32| match self.metric(wanted.mode) {
                Metric::Ip => score >= bound,
                Metric::L2 => score <= bound,
            };
            all.iter_mut().for_each(|found| found.retain(|ranked| good(ranked.score)));
        }
        Ok(all)
    }

    /// Passages for each query, best first; of each side `depth`.
    fn passages(
        &self,
        texts: &[&str],
        vectors: Option<&Vectors>,
        depth: usize,
        wanted: Wanted,
    ) -> Result<Vec<Vec<Ranked>>> {
        let Some(vectors) = vectors else {
            return each(texts.len(), |query| {
                let found = self.index.lexical(texts[query])?.best(depth, self.allowed.as_ref())?;
                Ok(found.iter().map(|near| Ranked::new(near, None, Some(near.score))).collect())
            });
        };
        if wanted.mode == Mode::Hybrid {
            let unions = self.unions(texts, vectors, depth)?;
            return Ok(unions.iter().map(|candidates| self.fused(candidates, wanted)).collect());
        }
        let found = self.index.search(vectors, depth, self.allowed.as_ref())?;
        Ok(found
            .iter()
            .map(|found| found.iter().map(|near| Ranked::new(near, Some(near.score), None)).collect())
            .collect())
    }

    /// What either side finds for each query, `depth` of each.
    fn unions(&self, texts: &[&str], vectors: &Vectors, depth: usize) -> Result<Vec<Vec<Candidate>>> {
        let allowed = self.allowed.as_ref();
        let dense = self.index.search(vectors, depth, allowed)?;
        each(texts.len(), |query| {
            let lexical = self.index.lexical(texts[query])?;
            let best = lexical.best(depth, allowed)?;
            self.union(&dense[query], &best, vectors.row(query), &lexical)
        })
    }

    /// What either side found, each with its score on the other: the true one, where that can be told.
    fn union(
        &self,
        dense: &[Neighbour],
        best: &[Neighbour],
        vector: &[f32],
        lexical: &LexicalQuery<'_>,
    ) -> Result<Vec<Candidate>> {
        let ranked = |found: &[Neighbour]| -> HashMap<u64, (usize, f32)> {
            (1..).zip(found).map(|(rank, near)| (near.key, (rank, near.score))).collect()
        };
        let (of_dense, of_lexical) = (ranked(dense), ranked(best));
        let only = |found: &[Neighbour], other: &HashMap<u64, (usize, f32)>| -> Vec<u64> {
            found.iter().map(|near| near.key).filter(|key| !other.contains_key(key)).collect()
        };
        let (only_dense, only_lexical) = (only(dense, &of_lexical), only(best, &of_dense));
        let near = self.index.scores(vector, &only_lexical)?;
        let near: HashMap<u64, f32> = only_lexical.iter().copied().zip(near).collect();
        let words: HashMap<u64, f32> = only_dense.iter().copied().zip(lexical.scores(&only_dense)?).collect();
        let sign = if self.index.manifest().recipe.metric == Metric::L2 { -1.0 } else { 1.0 };
        let candidate = |key: u64| {
            let (dense, lexical) = (of_dense.get(&key).copied(), of_lexical.get(&key).copied());
            Candidate {
                key,
                nearness: sign * dense.map_or_else(|| near[&key], |(_, score)| score),
                lexical: lexical.map_or_else(|| words[&key], |(_, score)| score),
                ranks: [dense, lexical].map(|found| found.map(|(rank, _)| rank)),
            }
        };
        Ok(dense.iter().map(|near| near.key).chain(only_lexical).map(candidate).collect())
    }

    /// The candidates by their fused scores, best first; of equals the one indexed first.
    fn fused(&self, candidates: &[Candidate], wanted: Wanted) -> Vec<Ranked> {
        let distance = self.index.manifest().recipe.metric == Metric::L2;
        let scores = wanted.fusion.scores(candidates, wanted.alpha);
        let ranked = candidates.iter().zip(scores).map(|(candidate, score)| {
            let dense = if distance { -candidate.nearness } else { candidate.nearness };
            let dense = Some(dense).filter(|dense| !dense.is_nan());
            Ranked { key: candidate.key, score, scores: Scores { dense, lexical: Some(candidate.lexical) } }
        });
        let mut ranked: Vec<Ranked> = ranked.collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        ranked
    }

    /// Of each document the best passage, unless passages are wanted as they are.
    fn by_document(&self, found: Vec<Ranked>, wanted: Wanted) -> Result<Vec<Ranked>> {
        if wanted.chunks || !self.index.has_chunks() {
            return Ok(found);
        }
        let (mut met, mut first) = (HashSet::new(), Vec::new());
        for ranked in found {
            if met.insert(self.index.document_of(ranked.key)?) {
                first.push(ranked);
            }
        }
        Ok(first)
    }

    /// The passages that were found, read.
    fn hits(&self, found: &[Vec<Ranked>]) -> Result<Vec<Vec<Hit>>> {
        let documents = self.index.documents_of(found.iter().flatten().map(|ranked| ranked.key))?;
        let documents: HashMap<u64, Arc<Stored>> =
            documents.into_iter().map(|(key, document)| (key, Arc::new(document))).collect();
        let hits = found.iter().map(|found| {
            let hit = |(rank, ranked): (usize, &Ranked)| {
                let &Ranked { key, score, scores } = ranked;
                Hit { rank, score, scores, document: Arc::clone(&documents[&key]), sentence: None }
            };
            (1..).zip(found).map(hit).collect()
        });
        Ok(hits.collect())
    }
}

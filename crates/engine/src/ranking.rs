//! Answers a request over one commit: finds candidates on both sides, fuses them, chooses each document's best passage,
//! and reads the passages.

mod hybrid;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use semsearch_encoder::encoder::Vectors;
use semsearch_store::{Among, Metric, Scored, Snapshot, StoredPassage};

use super::{EngineError, Fusion, Hit, Mode, Scores, SearchRequest};

/// The least number of candidates where not all candidates can be hits.
const LEAST_DEPTH: usize = 100;

/// From this many queries on, several threads look them up. For fewer queries it does not pay to start threads.
const MANY_QUERIES: usize = 16;

/// A passage with its scores, before it is read.
#[derive(Clone, Copy)]
struct RankedPassage {
    key: u64,
    score: f32,
    scores: Scores,
    /// How many passages with the same text stand behind it.
    copies: usize,
}

impl RankedPassage {
    fn dense(found: &Scored) -> Self {
        let scores = Scores { dense: Some(found.score), lexical: None, before_rerank: None };
        Self { key: found.key, score: found.score, scores, copies: 0 }
    }

    fn lexical(found: &Scored) -> Self {
        let scores = Scores { dense: None, lexical: Some(found.score), before_rerank: None };
        Self { key: found.key, score: found.score, scores, copies: 0 }
    }
}

/// Calls `one` for each of this many queries, on several threads if that pays.
fn each<T: Send>(
    count: usize,
    one: impl Fn(usize) -> Result<T, EngineError> + Send + Sync,
) -> Result<Vec<T>, EngineError> {
    if count < MANY_QUERIES { (0..count).map(one).collect() } else { (0..count).into_par_iter().map(one).collect() }
}

/// The keys of passages, in their order.
fn keys_of(found: &[Scored]) -> Vec<u64> {
    found.iter().map(|found| found.key).collect()
}

/// Passages with the scores that they have by themselves, best first. A search may round in another way for many queries
/// than for one, among some passages than among all, and for many hits than for few. An index that gives no vectors back
/// has only the scores of its search.
fn rescored(found: &[Scored], scores: Vec<f32>, metric: Metric) -> Vec<Scored> {
    let score =
        |(found, score): (&Scored, f32)| Scored { score: if score.is_nan() { found.score } else { score }, ..*found };
    let mut rescored: Vec<Scored> = found.iter().zip(scores).map(score).collect();
    rescored.sort_by(|a, b| metric.order(a.score, b.score).then(a.key.cmp(&b.key)));
    rescored
}

/// A request that is answered over one commit.
pub(super) struct Ranking<'a> {
    snapshot: &'a dyn Snapshot,
    request: &'a SearchRequest,
    /// The index's own metric, which the dense side uses.
    metric: Metric,
    /// The number of hits that are searched, including those of earlier pages.
    k: usize,
    /// The passages that are no hits.
    left_out: HashSet<u64>,
    /// How both sides are fused, and the weight of the dense side.
    fusion: Fusion,
    alpha: f32,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(snapshot: &'a dyn Snapshot, request: &'a SearchRequest) -> Result<Self, EngineError> {
        let config = &snapshot.facts().config;
        // Only the cosine has the same range for every model.
        let fusion = request.fusion.unwrap_or(if config.normalized { Fusion::Absolute } else { Fusion::MinMax });
        if fusion == Fusion::Absolute && !config.normalized && request.mode == Mode::Hybrid {
            let message = "the fusion `absolute` needs vectors of length 1, and this index has others: use `minmax`";
            return Err(EngineError::Unsupported(message.into()));
        }
        Ok(Self {
            snapshot,
            request,
            metric: config.metric,
            k: request.k.saturating_add(request.offset),
            left_out: HashSet::new(),
            fusion,
            alpha: request.alpha.unwrap_or(fusion.alpha()),
        })
    }

    /// The same without the passages under `keys`.
    pub(super) fn without(self, keys: Vec<u64>) -> Self {
        Self { left_out: keys.into_iter().collect(), ..self }
    }

    /// The hits for each query.
    pub(super) fn hits(&self, texts: &[&str], vectors: Option<&Vectors>) -> Result<Vec<Vec<Hit>>, EngineError> {
        let ranked = self.ranked(texts, vectors)?;
        self.read(&ranked)
    }

    /// The hits by both sides for each weight of the dense side, then for each query.
    pub(super) fn sweep(
        &self,
        texts: &[&str],
        vectors: &Vectors,
        alphas: &[f32],
    ) -> Result<Vec<Vec<Vec<Hit>>>, EngineError> {
        self.by_both(texts, vectors, alphas)?.iter().map(|ranked| self.read(ranked)).collect()
    }

    /// The number of candidates at first.
    fn depth(&self) -> usize {
        let wanted = self.k.saturating_add(self.left_out.len());
        // Copies are left out, and counted.
        if self.request.unique { LEAST_DEPTH.max(wanted) } else { wanted }
    }

    fn among(&self, depth: usize) -> Among<'a> {
        Among { k: depth, filter: self.request.filter.as_ref(), effort: self.request.effort }
    }

    /// The best passages for each query. If documents are hits, only the best passage of each document.
    fn ranked(&self, texts: &[&str], vectors: Option<&Vectors>) -> Result<Vec<Vec<RankedPassage>>, EngineError> {
        let mut all = match vectors.filter(|_| self.request.mode == Mode::Hybrid) {
            Some(vectors) => self.by_both(texts, vectors, &[self.alpha])?.remove(0),
            None => self.by_one_side(texts, vectors)?,
        };
        let metric = if self.request.mode == Mode::Dense { self.metric } else { Metric::Ip };
        if let Some(bound) = self.request.min_score {
            all.iter_mut().for_each(|found| found.retain(|ranked| metric.reaches(ranked.score, bound)));
        }
        Ok(all)
    }

    /// The best passages for each query by vectors, or by words if there are no vectors.
    fn by_one_side(&self, texts: &[&str], vectors: Option<&Vectors>) -> Result<Vec<Vec<RankedPassage>>, EngineError> {
        let mut depth = self.depth();
        let mut all = vec![Vec::new(); texts.len()];
        let mut open: Vec<usize> = (0..texts.len()).collect();
        // Several passages of one document may rank before those of others. If documents are then missing, more
        // candidates are searched.
        while !open.is_empty() {
            let texts: Vec<&str> = open.iter().map(|&query| texts[query]).collect();
            let vectors = vectors.map(|vectors| vectors.gather(&open));
            let mut short = Vec::new();
            for (query, found) in open.into_iter().zip(self.candidates(&texts, vectors.as_ref(), depth)?) {
                let exhausted = found.len() < depth || depth as u64 >= self.snapshot.facts().passages;
                let best = self.by_document(found)?;
                if best.len() < self.k && !exhausted {
                    short.push(query);
                }
                all[query] = best;
            }
            (open, depth) = (short, depth.saturating_mul(4));
        }
        Ok(all)
    }

    /// The `depth` best passages for each query, best first.
    fn candidates(
        &self,
        texts: &[&str],
        vectors: Option<&Vectors>,
        depth: usize,
    ) -> Result<Vec<Vec<RankedPassage>>, EngineError> {
        let Some(vectors) = vectors else {
            return each(texts.len(), |query| {
                let words = self.snapshot.words(texts[query])?;
                Ok(words.best(&self.among(depth))?.iter().map(RankedPassage::lexical).collect())
            });
        };
        let found = self.snapshot.nearest(vectors, &self.among(depth))?;
        each(texts.len(), |query| {
            let scores = self.snapshot.scores(vectors.row(query), &keys_of(&found[query]))?;
            Ok(rescored(&found[query], scores, self.metric).iter().map(RankedPassage::dense).collect())
        })
    }

    /// The best passages, as many as are wanted. Of each document only the best passage is kept, unless chunks are
    /// hits.
    fn by_document(&self, found: Vec<RankedPassage>) -> Result<Vec<RankedPassage>, EngineError> {
        let mut best = found;
        best.retain(|ranked| !self.left_out.contains(&ranked.key));
        let facts = self.snapshot.facts();
        if !self.request.chunks && facts.passages > facts.documents {
            let keys: Vec<u64> = best.iter().map(|ranked| ranked.key).collect();
            let documents = self.snapshot.documents(&keys)?;
            let mut met = HashSet::new();
            let mut documents = documents.into_iter();
            best.retain(|_| documents.next().is_some_and(|document| met.insert(document)));
        }
        if self.request.unique {
            best = self.unique(best)?;
        }
        best.truncate(self.k);
        Ok(best)
    }

    /// Of passages with the same text only the best one, with the number of the others.
    fn unique(&self, ranked: Vec<RankedPassage>) -> Result<Vec<RankedPassage>, EngineError> {
        let keys: Vec<u64> = ranked.iter().map(|ranked| ranked.key).collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut unique: Vec<RankedPassage> = Vec::new();
        for (ranked, passage) in ranked.into_iter().zip(self.snapshot.passages(&keys)?) {
            match places.entry(passage.text) {
                Entry::Occupied(place) => unique[*place.get()].copies += 1,
                Entry::Vacant(place) => {
                    place.insert(unique.len());
                    unique.push(ranked);
                }
            }
        }
        Ok(unique)
    }

    /// Reads the passages of the wanted page.
    fn read(&self, ranked: &[Vec<RankedPassage>]) -> Result<Vec<Vec<Hit>>, EngineError> {
        let offset = self.request.offset;
        let pages: Vec<&[RankedPassage]> =
            ranked.iter().map(|ranked| ranked.get(offset..).unwrap_or_default()).collect();
        let mut keys: Vec<u64> = pages.iter().copied().flatten().map(|ranked| ranked.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let passages = self.snapshot.passages(&keys)?.into_iter().map(Arc::new);
        let passages: HashMap<u64, Arc<StoredPassage>> = keys.into_iter().zip(passages).collect();
        let hits = pages.into_iter().map(|page| {
            let hit = |(rank, ranked): (usize, &RankedPassage)| {
                let &RankedPassage { key, score, scores, copies } = ranked;
                Hit { rank, score, scores, document: Arc::clone(&passages[&key]), sentence: None, copies }
            };
            (offset + 1..).zip(page).map(hit).collect()
        });
        Ok(hits.collect())
    }
}

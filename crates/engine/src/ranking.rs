//! Answers a request over one commit: finds candidates on both sides, fuses them, chooses each document's best passage,
//! and reads the passages.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use semsearch_encoder::encoder::Vectors;
use semsearch_store::{Among, Metric, Scored, Snapshot, StoredPassage, WordQuery};

use super::fusion::FusionCandidate;
use super::{EngineError, Hit, Mode, Scores, SearchRequest};

/// In hybrid mode, the number of candidates on each side for each wanted hit, and the least number of candidates.
const DEPTH: usize = 10;
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
        let scores = Scores { dense: Some(found.score), lexical: None };
        Self { key: found.key, score: found.score, scores, copies: 0 }
    }

    fn lexical(found: &Scored) -> Self {
        let scores = Scores { dense: None, lexical: Some(found.score) };
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
}

impl<'a> Ranking<'a> {
    pub(super) fn new(snapshot: &'a dyn Snapshot, request: &'a SearchRequest) -> Self {
        let metric = snapshot.facts().config.metric;
        let k = request.k.saturating_add(request.offset);
        Self { snapshot, request, metric, k, left_out: HashSet::new() }
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

    /// The hits for each weight of the dense side, then for each query.
    pub(super) fn sweep(
        &self,
        texts: &[&str],
        vectors: &Vectors,
        alphas: &[f32],
    ) -> Result<Vec<Vec<Vec<Hit>>>, EngineError> {
        let candidates = self.unions(texts, vectors, self.depth(Mode::Hybrid))?;
        let of_alpha = |&alpha: &f32| {
            let ranked = |candidates: &Vec<FusionCandidate>| self.by_document(self.fused(candidates, alpha));
            let ranked: Vec<Vec<RankedPassage>> = candidates.iter().map(ranked).collect::<Result<_, EngineError>>()?;
            self.read(&ranked)
        };
        alphas.iter().map(of_alpha).collect()
    }

    /// The number of candidates at first.
    fn depth(&self, mode: Mode) -> usize {
        let wanted = self.k.saturating_add(self.left_out.len());
        match mode {
            Mode::Hybrid => LEAST_DEPTH.max(DEPTH.saturating_mul(wanted)),
            // Copies are left out, and counted.
            _ if self.request.unique => LEAST_DEPTH.max(wanted),
            _ => wanted,
        }
    }

    fn among(&self, depth: usize) -> Among<'a> {
        Among { k: depth, filter: self.request.filter.as_ref(), effort: self.request.effort }
    }

    /// The best passages for each query. If documents are hits, only the best passage of each document.
    fn ranked(&self, texts: &[&str], vectors: Option<&Vectors>) -> Result<Vec<Vec<RankedPassage>>, EngineError> {
        let mut depth = self.depth(self.request.mode);
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
        let metric = if self.request.mode == Mode::Dense { self.metric } else { Metric::Ip };
        if let Some(bound) = self.request.min_score {
            all.iter_mut().for_each(|found| found.retain(|ranked| metric.reaches(ranked.score, bound)));
        }
        Ok(all)
    }

    /// Ranked passages for each query, best first, from `depth` candidates on each side.
    fn candidates(
        &self,
        texts: &[&str],
        vectors: Option<&Vectors>,
        depth: usize,
    ) -> Result<Vec<Vec<RankedPassage>>, EngineError> {
        let Some(vectors) = vectors else {
            return each(texts.len(), |query| {
                let found = self.snapshot.words(texts[query])?.best(&self.among(depth))?;
                Ok(found.iter().map(RankedPassage::lexical).collect())
            });
        };
        if self.request.mode == Mode::Hybrid {
            let unions = self.unions(texts, vectors, depth)?;
            return Ok(unions.iter().map(|candidates| self.fused(candidates, self.request.alpha)).collect());
        }
        let found = self.snapshot.nearest(vectors, &self.among(depth))?;
        Ok(found.iter().map(|found| found.iter().map(RankedPassage::dense).collect()).collect())
    }

    /// The candidates that either side finds for each query, `depth` on each side.
    fn unions(
        &self,
        texts: &[&str],
        vectors: &Vectors,
        depth: usize,
    ) -> Result<Vec<Vec<FusionCandidate>>, EngineError> {
        let dense = self.snapshot.nearest(vectors, &self.among(depth))?;
        each(texts.len(), |query| {
            let words = self.snapshot.words(texts[query])?;
            let lexical = words.best(&self.among(depth))?;
            self.union([&dense[query], &lexical], vectors.row(query), &*words)
        })
    }

    /// The candidates that either side found. Each has its score on the other side too, if that can be computed.
    fn union(
        &self,
        [dense, lexical]: [&[Scored]; 2],
        vector: &[f32],
        words: &dyn WordQuery,
    ) -> Result<Vec<FusionCandidate>, EngineError> {
        let ranks = |found: &[Scored]| -> HashMap<u64, (usize, f32)> {
            (1..).zip(found).map(|(rank, found)| (found.key, (rank, found.score))).collect()
        };
        let (of_dense, of_lexical) = (ranks(dense), ranks(lexical));
        let only = |found: &[Scored], other: &HashMap<u64, (usize, f32)>| -> Vec<u64> {
            found.iter().map(|found| found.key).filter(|key| !other.contains_key(key)).collect()
        };
        let (only_dense, only_lexical) = (only(dense, &of_lexical), only(lexical, &of_dense));
        let scores =
            |keys: &[u64], scores: Vec<f32>| -> HashMap<u64, f32> { keys.iter().copied().zip(scores).collect() };
        let near = scores(&only_lexical, self.snapshot.scores(vector, &only_lexical)?);
        let said = scores(&only_dense, words.scores(&only_dense)?);
        let candidate = |key: u64| {
            let (dense, lexical) = (of_dense.get(&key).copied(), of_lexical.get(&key).copied());
            FusionCandidate {
                key,
                nearness: self.metric.nearness(dense.map_or_else(|| near[&key], |(_, score)| score)),
                lexical: lexical.map_or_else(|| said[&key], |(_, score)| score),
                ranks: [dense, lexical].map(|found| found.map(|(rank, _)| rank)),
            }
        };
        Ok(dense.iter().map(|found| found.key).chain(only_lexical).map(candidate).collect())
    }

    /// The candidates ordered by their fused scores, best first. Of equal scores, the passage that was indexed first
    /// comes first.
    fn fused(&self, candidates: &[FusionCandidate], alpha: f32) -> Vec<RankedPassage> {
        let scores = self.request.fusion.scores(candidates, alpha);
        let ranked = candidates.iter().zip(scores).map(|(candidate, score)| {
            let dense = Some(self.metric.nearness(candidate.nearness)).filter(|dense| !dense.is_nan());
            let scores = Scores { dense, lexical: Some(candidate.lexical) };
            RankedPassage { key: candidate.key, score, scores, copies: 0 }
        });
        let mut ranked: Vec<RankedPassage> = ranked.collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        ranked
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

//! The best passages by vectors and words together.
//!
//! Candidates come from both sides, `depth` of each. With absolute scores, these are enough as soon as no other passage
//! can have a better fused score than the last hit: it is not nearer than the last candidate by vectors, and its words
//! are not better than those of the last candidate by words (the threshold algorithm of Fagin et al. 2001, *Optimal
//! Aggregation Algorithms for Middleware*). Otherwise more candidates are looked at. So the first hits do not depend on
//! how many hits are wanted. The other fusions look at a fixed number of candidates.

use std::collections::HashMap;

use semsearch_encoder::encoder::Vectors;
use semsearch_store::{Scored, WordQuery};

use super::{LEAST_DEPTH, RankedPassage, Ranking, each};
use crate::fusion::{Fusion, FusionCandidate, absolute};
use crate::{EngineError, Scores};

/// How many candidates of each side are fused by their ranks, or by scores that are scaled to those of the candidates.
const FIXED_DEPTH: usize = 1000;

/// The candidates of a query.
struct Candidates {
    found: Vec<FusionCandidate>,
    /// The BM25 that no passage exceeds.
    most: f32,
    /// The best nearness and the best BM25 that a passage which was not found may have; `None` if all were found.
    unseen: Option<[f32; 2]>,
}

impl Ranking<'_> {
    /// The best passages for each weight of the dense side, then for each query.
    pub(super) fn by_both(
        &self,
        texts: &[&str],
        vectors: &Vectors,
        alphas: &[f32],
    ) -> Result<Vec<Vec<Vec<RankedPassage>>>, EngineError> {
        let wanted = self.k.saturating_add(self.left_out.len());
        let mut depth =
            if self.fusion == Fusion::Absolute { LEAST_DEPTH.max(wanted.saturating_mul(2)) } else { FIXED_DEPTH };
        let mut all = vec![vec![Vec::new(); texts.len()]; alphas.len()];
        let mut open: Vec<usize> = (0..texts.len()).collect();
        while !open.is_empty() {
            let texts: Vec<&str> = open.iter().map(|&query| texts[query]).collect();
            let candidates = self.unions(&texts, &vectors.gather(&open), depth)?;
            let mut short = Vec::new();
            for (query, candidates) in open.into_iter().zip(&candidates) {
                let mut is_complete = true;
                for (all, &alpha) in all.iter_mut().zip(alphas) {
                    all[query] = self.by_document(self.fused(candidates, alpha))?;
                    is_complete &= self.is_complete(&all[query], candidates, alpha);
                }
                // Without all cosines no bound is known.
                let is_known = candidates.found.iter().all(|candidate| !candidate.cosine.is_nan());
                if !is_complete && (is_known || depth < FIXED_DEPTH) {
                    short.push(query);
                }
            }
            (open, depth) = (short, depth.saturating_mul(4));
        }
        Ok(all)
    }

    /// Whether no other passage can be among the best.
    fn is_complete(&self, best: &[RankedPassage], candidates: &Candidates, alpha: f32) -> bool {
        let Some([nearness, lexical]) = candidates.unseen.filter(|_| self.fusion == Fusion::Absolute) else {
            return true;
        };
        let cosine = self.metric.cosine(self.metric.nearness(nearness));
        let score = absolute(cosine, lexical, alpha, candidates.most);
        let is_worse = |last: &RankedPassage| last.score > score || (last.score == score && self.near(last) > nearness);
        let is_full = best.len() >= self.k && best.last().is_none_or(is_worse);
        is_full || self.request.min_score.is_some_and(|bound| bound > score)
    }

    /// The nearness of a passage; the least of all if it is not known.
    fn near(&self, ranked: &RankedPassage) -> f32 {
        ranked.scores.dense.map_or(f32::NEG_INFINITY, |score| self.metric.nearness(score))
    }

    /// The candidates that either side finds for each query, `depth` on each side.
    fn unions(&self, texts: &[&str], vectors: &Vectors, depth: usize) -> Result<Vec<Candidates>, EngineError> {
        let dense = self.snapshot.nearest(vectors, &self.among(depth))?;
        each(texts.len(), |query| {
            let words = self.snapshot.words(texts[query])?;
            let lexical = words.best(&self.among(depth))?;
            let dense = &dense[query];
            let found = self.union([dense, &lexical], vectors.row(query), &*words)?;
            let last = |side: &[Scored]| side.get(depth - 1).map(|last| last.score);
            // Every passage has a vector, but not every passage has a word of the query.
            let unseen = last(dense).map(|score| [self.metric.nearness(score), last(&lexical).unwrap_or(0.0)]);
            Ok(Candidates { found, most: words.most(), unseen })
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
        let only_lexical = lexical.iter().map(|found| found.key).filter(|key| !of_dense.contains_key(key));
        let keys: Vec<u64> = dense.iter().map(|found| found.key).chain(only_lexical).collect();
        // The scores that passages have by themselves: see `rescored`. Those of the lexical side are known.
        let near = self.snapshot.scores(vector, &keys)?;
        let unsaid: Vec<u64> = keys.iter().copied().filter(|key| !of_lexical.contains_key(key)).collect();
        let said: HashMap<u64, f32> = unsaid.iter().copied().zip(words.scores(&unsaid)?).collect();
        let candidate = |(key, near): (u64, f32)| {
            let ranks = [&of_dense, &of_lexical].map(|side| side.get(&key).copied());
            let score = if near.is_nan() { ranks[0].map_or(near, |(_, score)| score) } else { near };
            FusionCandidate {
                key,
                nearness: self.metric.nearness(score),
                cosine: self.metric.cosine(score),
                lexical: ranks[1].map(|(_, score)| score).or(said.get(&key).copied()).unwrap_or_default(),
                ranks: ranks.map(|found| found.map(|(rank, _)| rank)),
            }
        };
        Ok(keys.into_iter().zip(near).map(candidate).collect())
    }

    /// The candidates ordered by their fused scores, best first. Of equal scores, the nearer passage comes first, then
    /// the one that was indexed first.
    fn fused(&self, candidates: &Candidates, alpha: f32) -> Vec<RankedPassage> {
        let scores = self.fusion.scores(&candidates.found, alpha, candidates.most);
        let ranked = candidates.found.iter().zip(scores).map(|(candidate, score)| {
            let dense = Some(self.metric.nearness(candidate.nearness)).filter(|dense| !dense.is_nan());
            let scores = Scores { dense, lexical: Some(candidate.lexical), before_rerank: None };
            RankedPassage { key: candidate.key, score, scores, copies: 0 }
        });
        let mut ranked: Vec<RankedPassage> = ranked.collect();
        ranked.sort_by(|a, b| {
            let by_nearness = self.near(b).total_cmp(&self.near(a));
            b.score.total_cmp(&a.score).then(by_nearness).then(a.key.cmp(&b.key))
        });
        ranked
    }
}

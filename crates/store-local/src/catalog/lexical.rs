//! Search by words: BM25 over title and text (Robertson and Zaragoza 2009, with tantivy's k₁ = 1.2 and b = 0.75).
//!
//! Every word of a query counts and none is an operator; a word that occurs twice in the query counts twice. Word
//! frequencies are those of all passages of the index; a replaced passage counts until its segment is rewritten.

use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, EnableScoring, Occur, Query, TermQuery, Weight};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, TERMINATED, Term};

use super::{Catalog, damaged, guard};
use crate::keys::Keys;
use crate::nearest::Nearest;
use semsearch_store::{Metric, Scored, StoreError};
use semsearch_words::{most_of, words_of};

/// By how much, as a part of it, a sum of a query's scores may differ from the same sum in another order.
const ROUNDING: f32 = 1e-5;

/// A query's words, with their weights in this index.
pub(crate) struct LexicalQuery<'a> {
    catalog: &'a Catalog,
    /// The words, in the order of the query.
    terms: Vec<TermQuery>,
    weight: Box<dyn Weight>,
    most: f32,
}

impl Catalog {
    /// A query by the words of `text`.
    ///
    /// # Errors
    /// The index is of a format without words, or damaged.
    pub(crate) fn lexical(&self, text: &str) -> Result<LexicalQuery<'_>, StoreError> {
        let (Some(latest), Some(analysis)) = (self.fields.latest, self.analysis) else {
            return Err(StoreError::NoWords { dir: self.dir.parent().unwrap_or(&self.dir).into() });
        };
        let term =
            |stem: &String| TermQuery::new(Term::from_field_text(latest.words, stem), IndexRecordOption::WithFreqs);
        let stems: Vec<String> = words_of(analysis, text).into_iter().map(|word| word.stem).collect();
        let most = guard(&self.dir, || self.most(latest.words, &stems).map_err(damaged(&self.dir)))?;
        let terms: Vec<TermQuery> = stems.iter().map(term).collect();
        let words = terms.iter().map(|term| (Occur::Should, Box::new(term.clone()) as Box<dyn Query>)).collect();
        let query = BooleanQuery::new(words);
        let scoring = EnableScoring::enabled_from_searcher(&self.searcher);
        let weight = guard(&self.dir, || query.weight(scoring).map_err(damaged(&self.dir)))?;
        Ok(LexicalQuery { catalog: self, terms, weight, most })
    }

    /// The BM25 that no passage exceeds: each word adds less than its inverse document frequency times k₁ + 1.
    fn most(&self, field: Field, stems: &[String]) -> tantivy::Result<f32> {
        let passages = Bm25StatisticsProvider::total_num_docs(&self.searcher)?;
        let mut most = 0.0;
        for stem in stems {
            most += most_of(passages, self.searcher.doc_freq(&Term::from_field_text(field, stem))?);
        }
        Ok(most)
    }
}

impl LexicalQuery<'_> {
    /// The BM25 that no passage exceeds.
    pub(crate) fn most(&self) -> f32 {
        self.most
    }

    /// The `k` best passages that have a word of the query, best first; of equal scores, the passage that was indexed
    /// first comes first. If `allowed` keys are given, only these passages can be found.
    ///
    /// # Errors
    /// The index is damaged.
    pub(crate) fn best(&self, k: usize, allowed: Option<&Keys>) -> Result<Vec<Scored>, StoreError> {
        guard(&self.catalog.dir, || self.find_best(k, allowed))
    }

    fn find_best(&self, k: usize, allowed: Option<&Keys>) -> Result<Vec<Scored>, StoreError> {
        // One more than is wanted tells whether rounding decides which passages are found.
        let mut nearest = Nearest::new(k.saturating_add(1), Metric::Ip);
        self.each(allowed, |scored| {
            nearest.offer(scored);
            // tantivy passes on only scores above this threshold. An equal score must pass too, because its key may be
            // smaller.
            nearest.furthest().map_or(f32::MIN, f32::next_down)
        })?;
        let mut found = nearest.into_sorted();
        let Some(last) = k.checked_sub(1) else { return Ok(Vec::new()) };
        let floor = |score: f32| score - score.abs() * ROUNDING;
        if found.len() > k && found[k].score >= floor(found[last].score) {
            let floor = floor(found[last].score);
            found.clear();
            self.each(allowed, |scored| {
                found.extend((scored.score >= floor).then_some(scored));
                floor.next_down()
            })?;
        }
        let keys: Vec<u64> = found.iter().map(|scored| scored.key).collect();
        for (scored, score) in found.iter_mut().zip(self.find_scores(&keys)?) {
            scored.score = score;
        }
        found.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
        found.truncate(k);
        Ok(found)
    }

    /// Calls `take` with every passage that has a word of the query, as long as its score is above the threshold that `take`
    /// returns. tantivy adds a score up in an order that depends on what it skips, so the last digits vary.
    fn each(&self, allowed: Option<&Keys>, mut take: impl FnMut(Scored) -> f32) -> Result<(), StoreError> {
        let mut threshold = f32::MIN;
        for (segment, columns) in self.catalog.segments() {
            let alive = segment.alive_bitset();
            let mut offer = |document, score| {
                let key = columns.key(document).filter(|&key| allowed.is_none_or(|allowed| allowed.contains(key)));
                if let Some(key) = key.filter(|_| alive.is_none_or(|alive| alive.is_alive(document))) {
                    threshold = take(Scored { key, score });
                }
                threshold
            };
            self.weight.for_each_pruning(f32::MIN, segment, &mut offer).map_err(damaged(&self.catalog.dir))?;
        }
        Ok(())
    }

    /// The scores of the passages with these `keys`; 0 for a passage that has no word of the query.
    ///
    /// # Errors
    /// The index is damaged.
    pub(crate) fn scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        guard(&self.catalog.dir, || self.find_scores(keys))
    }

    fn find_scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError> {
        let mut scores = vec![0.0; keys.len()];
        let mut places = Vec::with_capacity(keys.len());
        for (position, &key) in keys.iter().enumerate() {
            places.extend(self.catalog.address(key)?.map(|address| (address, position)));
        }
        places.sort_unstable();
        // Each score is the sum over the query's words in their order. tantivy adds them in an order that depends on what it
        // skips, so its last digits depend on how many passages are wanted.
        for term in &self.terms {
            let weight = term.weight(EnableScoring::enabled_from_searcher(&self.catalog.searcher));
            let weight = weight.map_err(damaged(&self.catalog.dir))?;
            for of_segment in places.chunk_by(|(a, _), (b, _)| a.segment_ord == b.segment_ord) {
                let segment = &self.catalog.searcher.segment_readers()[of_segment[0].0.segment_ord as usize];
                let mut scorer = weight.scorer(segment, 1.0).map_err(damaged(&self.catalog.dir))?;
                for &(address, position) in of_segment {
                    if scorer.doc() < address.doc_id {
                        scorer.seek(address.doc_id);
                    }
                    if scorer.doc() == address.doc_id && scorer.doc() != TERMINATED {
                        scores[position] += scorer.score();
                    }
                }
            }
        }
        Ok(scores)
    }
}

//! Runs: the documents that a system found for each query, with the scores that rank them.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::io::BufRead;
use std::sync::Arc;

use super::ids::decoded;
use super::table::{self, PairLine, PairTable, columns};
use super::{BadLine, EvalError};

/// The scores of documents for queries. A higher score is better, and no score is NaN. Scores have 32 bits, as in
/// trec_eval, so two scores may be equal that differ in a file with more digits.
#[derive(Clone, Debug, Default)]
pub struct Run {
    scores: PairTable<f32>,
}

impl Run {
    /// A run without queries. [`Run::insert`] adds them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads TREC's six columns: query, `Q0`, document, rank, score, name of the run. Only the score decides the
    /// ranking; the column of ranks is ignored. Percent-encoded white space in ids is decoded.
    ///
    /// # Errors
    /// A line cannot be read, a document comes twice for a query, or there are no lines.
    pub fn read(input: impl BufRead, name: &Arc<str>) -> Result<Self, EvalError> {
        Ok(Self { scores: table::read(input, name, |line| row(line).map(Some))? })
    }

    /// Adds the documents that were found for a query. A query for which nothing was found has an empty ranking. If a
    /// document comes more than once, its best score is kept.
    ///
    /// # Errors
    /// [`EvalError::NotRanked`] if a score is NaN.
    pub fn insert(&mut self, query: &str, found: impl IntoIterator<Item = (String, f32)>) -> Result<(), EvalError> {
        let scores = self.scores.entry(query.to_owned()).or_default();
        for (document, score) in found {
            if score.is_nan() {
                return Err(EvalError::NotRanked { query: query.to_owned(), document });
            }
            match scores.entry(document) {
                Entry::Vacant(vacant) => _ = vacant.insert(score),
                Entry::Occupied(mut best) => _ = best.insert(best.get().max(score)),
            }
        }
        Ok(())
    }

    /// The ids of the queries, in the order in which they were added.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.scores.keys().map(String::as_str)
    }

    /// The ranking of a query, in trec_eval's order: the highest score first; among equal scores, the last id in byte
    /// order first. `None` if the query is not in the run.
    pub fn ranking(&self, query: &str) -> Option<Vec<(&str, f32)>> {
        let scores = self.scores.get(query)?;
        let mut ranking: Vec<_> = scores.iter().map(|(document, &score)| (document.as_str(), score)).collect();
        ranking.sort_unstable_by(|a, b| better_first(*a, *b));
        Some(ranking)
    }
}

/// trec_eval's order. No score is NaN, and 0 equals -0.
fn better_first((one, score): (&str, f32), (other, other_score): (&str, f32)) -> Ordering {
    other_score.partial_cmp(&score).unwrap_or(Ordering::Equal).then_with(|| other.cmp(one))
}

fn row(line: &str) -> Result<PairLine<'_, f32>, BadLine> {
    let [query, _, document, _, score, _] =
        columns(line.split_ascii_whitespace(), "6 (query Q0 document rank score name)")?;
    // Parsed as 64 bits first, because trec_eval rounds twice too.
    match score.parse::<f64>() {
        Ok(value) if !value.is_nan() => {
            Ok(PairLine { query: decoded(query), document: decoded(document), value: value as f32 })
        }
        _ => Err(BadLine::Score { word: score.into() }),
    }
}

#[cfg(test)]
mod tests;

//! Runs: what a system found for each query, with a score that ranks it.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::io::BufRead;
use std::sync::Arc;

use super::table::{self, Row, Table, columns, decoded};
use crate::{BadLine, EvalError};

/// The scores of documents for queries; higher is better, and none is NaN. Scores have 32 bits, as in trec_eval, which
/// therefore sees ties where a file has more digits.
#[derive(Clone, Debug, Default)]
pub struct Run {
    scores: Table<f32>,
}

impl Run {
    /// A run without queries, to be filled by [`Run::insert`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads TREC's six columns: query, `Q0`, document, rank, score, name of the run. Only the score ranks.
    /// Percent-encoded white space in ids is decoded.
    ///
    /// # Errors
    /// A line that cannot be read, or a document that the query has already, with its line; no lines at all.
    pub fn read(input: impl BufRead, name: &Arc<str>) -> Result<Self, EvalError> {
        Ok(Self { scores: table::read(input, name, |line| row(line).map(Some))? })
    }

    /// Adds what was found for a query; nothing, for one that was asked in vain, counts as a ranking without documents.
    /// Of a document that comes more than once the best score stays.
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

    /// The ids of the queries, in the order they came.
    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.scores.keys().map(String::as_str)
    }

    /// What was found for a query, as trec_eval ranks it: the highest score first, of equal scores the last id in byte
    /// order. `None` if the query is not in the run.
    pub fn ranking(&self, query: &str) -> Option<Vec<(&str, f32)>> {
        let scores = self.scores.get(query)?;
        let mut ranking: Vec<_> = scores.iter().map(|(document, &score)| (document.as_str(), score)).collect();
        ranking.sort_unstable_by(|a, b| better_first(*a, *b));
        Some(ranking)
    }
}

/// trec_eval's order. No score is NaN; 0 and -0 are equal.
fn better_first((one, score): (&str, f32), (other, other_score): (&str, f32)) -> Ordering {
    other_score.partial_cmp(&score).unwrap_or(Ordering::Equal).then_with(|| other.cmp(one))
}

fn row(line: &str) -> Result<Row<'_, f32>, BadLine> {
    let [query, _, document, _, score, _] =
        columns(line.split_ascii_whitespace(), "6 (query Q0 document rank score name)")?;
    // By way of 64 bits, since trec_eval rounds twice too.
    match score.parse::<f64>() {
        Ok(value) if !value.is_nan() => {
            Ok(Row { query: decoded(query), document: decoded(document), value: value as f32 })
        }
        _ => Err(BadLine::Score { word: score.into() }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &str) -> Result<Run, String> {
        Run::read(input.as_bytes(), &"in".into()).map_err(|error| error.to_string())
    }

    fn documents<'a>(run: &'a Run, query: &str) -> Vec<&'a str> {
        run.ranking(query).unwrap().into_iter().map(|(document, _)| document).collect()
    }

    #[test]
    fn scores_rank_and_the_column_of_ranks_does_not() {
        let run = read("q Q0 a 1 0.5 me\nq Q0 b 2 1e3 me\nq Q0 c 3 -inf me\n").unwrap();
        assert_eq!(run.ranking("q").unwrap(), [("b", 1000.0), ("a", 0.5), ("c", f32::NEG_INFINITY)]);
        assert!(run.ranking("p").is_none());
    }

    #[test]
    fn equal_scores_rank_by_id_downwards_in_byte_order() {
        let run = read("q Q0 a 1 0 me\nq Q0 é 2 -0.0 me\nq Q0 B 3 0 me\nq Q0 b 4 1e-50 me\n").unwrap();
        assert_eq!(documents(&run, "q"), ["é", "b", "a", "B"]);
    }

    #[test]
    fn scores_that_32_bits_cannot_tell_apart_are_equal() {
        let run = read("q Q0 a 1 0.70000001 me\nq Q0 b 2 0.70000000 me\n").unwrap();
        assert_eq!(documents(&run, "q"), ["b", "a"]);
    }

    #[test]
    fn encoded_white_space_in_ids_is_decoded() {
        let run = read("q%201 Q0 a%C2%A0%25b 1 1 my%20run\n").unwrap();
        assert_eq!(documents(&run, "q 1"), ["a\u{a0}%25b"]);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let message = |input| read(input).unwrap_err();
        assert_eq!(message("q Q0 a 1 1 me\nq Q0 b 2 NaN me\n"), "in:2: the score \"NaN\" is not a number");
        assert_eq!(message("q Q0 a 1 0,5 me\n"), "in:1: the score \"0,5\" is not a number");
        assert_eq!(
            message("q 0 a 1\n"),
            "in:1: the number of columns is 4, expected 6 (query Q0 document rank score name)"
        );
        assert_eq!(
            message("q Q0 a 1 1 me\np Q0 a 1 1 me\nq Q0 a 2 0 me\n"),
            "in:3: document \"a\" stands already for this query at in:1"
        );
        assert_eq!(message(""), "in: no records in it");
    }

    #[test]
    fn hits_make_a_run_in_which_a_document_has_its_best_score() {
        let mut run = Run::new();
        run.insert("q", [("a".into(), 0.1), ("b".into(), 0.2), ("a".into(), 0.3)]).unwrap();
        run.insert("in vain", []).unwrap();
        assert_eq!(run.ranking("q").unwrap(), [("a", 0.3), ("b", 0.2)]);
        assert_eq!(run.ranking("in vain").unwrap(), []);
        assert_eq!(run.queries().collect::<Vec<_>>(), ["q", "in vain"]);
        let message = run.insert("q", [("c".into(), f32::NAN)]).unwrap_err().to_string();
        assert_eq!(message, "query \"q\": the score of document \"c\" is not a number");
    }

    fn score() -> impl Strategy<Value = f32> {
        prop::num::f32::ANY.prop_filter("a score is a number", |score| !score.is_nan())
    }

    proptest! {
        #[test]
        fn a_run_that_was_written_ranks_as_the_one_in_memory(
            scores in prop::collection::btree_map("[a-f]{1,2}", score(), 1..20)
        ) {
            let mut run = Run::new();
            run.insert("q", scores.clone()).unwrap();
            let line = |(document, score): (&String, &f32)| format!("q Q0 {document} 0 {score} me\n");
            let file: String = scores.iter().map(line).collect();
            let written = read(&file).unwrap();
            prop_assert_eq!(written.ranking("q"), run.ranking("q"));
        }
    }
}

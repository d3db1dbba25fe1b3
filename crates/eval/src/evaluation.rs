//! A run against judgements: every metric for every query, and their means.

use std::collections::HashSet;

use super::measure::Judged;
use super::metrics::Metric;
use super::{Qrels, Run};

/// What the metrics say of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The metrics, in the order asked for.
    pub metrics: Vec<Metric>,
    /// The queries that stand both in the run and in the judgements, in the judgements' order: id, and a value for each
    /// metric.
    pub queries: Vec<(String, Vec<f64>)>,
    /// How many judged queries the run lacks. They are no part of the means.
    pub missing: usize,
    /// How many of the run's queries have no judgement. They are no part of the means either.
    pub unjudged: usize,
}

impl Evaluation {
    /// The mean over the queries; `None` without queries, or if the metric is none of this evaluation's.
    pub fn mean(&self, metric: Metric) -> Option<f64> {
        let sum: f64 = self.values(metric)?.map(|(_, value)| value).sum();
        (!self.queries.is_empty()).then(|| sum / self.queries.len() as f64)
    }

    /// The same over the queries alone that `other` has too, so that means can be compared.
    pub fn in_common_with(&self, other: &Self) -> Self {
        let there: HashSet<&str> = other.queries.iter().map(|(query, _)| query.as_str()).collect();
        let common = self.queries.iter().filter(|(query, _)| there.contains(query.as_str()));
        Self { queries: common.cloned().collect(), ..self.clone() }
    }

    /// Each query's id and value; `None` if the metric is none of this evaluation's.
    pub fn values(&self, metric: Metric) -> Option<impl Iterator<Item = (&str, f64)>> {
        let column = self.metrics.iter().position(|&known| known == metric)?;
        Some(self.queries.iter().filter_map(move |(query, values)| Some((query.as_str(), *values.get(column)?))))
    }
}

/// Judges a run. As pytrec_eval does, it takes the queries that stand both in the run and in the judgements; how many
/// do not is counted.
pub fn evaluate(run: &Run, qrels: &Qrels, metrics: &[Metric]) -> Evaluation {
    let mut evaluation = Evaluation {
        metrics: metrics.to_vec(),
        queries: Vec::new(),
        missing: 0,
        unjudged: run.queries().filter(|query| qrels.grades(query).is_none()).count(),
    };
    for (query, grades) in qrels.iter() {
        match run.ranking(query) {
            Some(ranking) => {
                let judged = Judged::new(ranking.into_iter().map(|(document, _)| document), grades);
                let values = metrics.iter().map(|metric| metric.of(&judged)).collect();
                evaluation.queries.push((query.to_owned(), values));
            }
            None => evaluation.missing += 1,
        }
    }
    evaluation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(word: &str) -> Metric {
        word.parse().unwrap()
    }

    fn evaluation(run: &[(&str, &str)]) -> Evaluation {
        let qrels = "a 0 d1 1\nb 0 d1 1\nc 0 d1 1\n";
        let mut found = Run::new();
        run.iter().for_each(|(query, document)| found.insert(query, [(document.to_string(), 1.0)]).unwrap());
        let qrels = Qrels::read(qrels.as_bytes(), &"qrels".into()).unwrap();
        evaluate(&found, &qrels, &[metric("mrr"), metric("p@2")])
    }

    #[test]
    fn means_are_over_the_queries_that_both_have_and_the_others_are_counted() {
        let evaluation = evaluation(&[("c", "d1"), ("x", "d1"), ("a", "d2"), ("y", "d1"), ("z", "d1")]);
        assert_eq!(evaluation.queries, [("a".into(), vec![0.0, 0.0]), ("c".into(), vec![1.0, 0.5])]);
        assert_eq!((evaluation.missing, evaluation.unjudged), (1, 3));
        assert_eq!(evaluation.mean(metric("p@2")), Some(0.25));
        assert_eq!(evaluation.mean(metric("p@3")), None);
    }

    #[test]
    fn without_a_common_query_there_is_no_mean() {
        let evaluation = evaluation(&[("x", "d1")]);
        assert_eq!((evaluation.mean(metric("mrr")), evaluation.missing, evaluation.unjudged), (None, 3, 1));
    }

    #[test]
    fn a_query_asked_in_vain_counts_as_zero() {
        let mut run = Run::new();
        run.insert("a", []).unwrap();
        let qrels = Qrels::read("a 0 d1 1\n".as_bytes(), &"qrels".into()).unwrap();
        assert_eq!(evaluate(&run, &qrels, &[metric("mrr")]).mean(metric("mrr")), Some(0.0));
    }
}

//! Compares a run with judgements: every metric for every query, and the means.

use std::collections::HashSet;

use super::measure::Judged;
use super::ranking_metric::RankingMetric;
use super::{Qrels, Run};

/// The values of the metrics for a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The metrics, in the order asked for.
    pub metrics: Vec<RankingMetric>,
    /// The queries that are both in the run and in the judgements, in the order of the judgements: the id, and a value
    /// for each metric.
    pub queries: Vec<(String, Vec<f64>)>,
    /// The number of judged queries that are not in the run. They do not count in the means.
    pub missing: usize,
    /// The number of queries in the run that have no judgement. They do not count in the means either.
    pub unjudged: usize,
}

impl Evaluation {
    /// The mean over the queries; `None` if there are no queries, or if the evaluation does not have the metric.
    pub fn mean(&self, metric: RankingMetric) -> Option<f64> {
        let sum: f64 = self.values(metric)?.map(|(_, value)| value).sum();
        (!self.queries.is_empty()).then(|| sum / self.queries.len() as f64)
    }

    /// The same evaluation with only the queries that `other` has too, so that means can be compared.
    pub fn in_common_with(&self, other: &Self) -> Self {
        let there: HashSet<&str> = other.queries.iter().map(|(query, _)| query.as_str()).collect();
        let common = self.queries.iter().filter(|(query, _)| there.contains(query.as_str()));
        Self { queries: common.cloned().collect(), ..self.clone() }
    }

    /// The id and the value of each query; `None` if the evaluation does not have the metric.
    pub fn values(&self, metric: RankingMetric) -> Option<impl Iterator<Item = (&str, f64)>> {
        let column = self.metrics.iter().position(|&known| known == metric)?;
        Some(self.queries.iter().filter_map(move |(query, values)| Some((query.as_str(), *values.get(column)?))))
    }
}

/// Evaluates a run. Like pytrec_eval, it uses the queries that are both in the run and in the judgements, and counts
/// the others.
pub fn evaluate(run: &Run, qrels: &Qrels, metrics: &[RankingMetric]) -> Evaluation {
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

    fn metric(word: &str) -> RankingMetric {
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

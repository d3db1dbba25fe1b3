//! Compares metrics with pytrec_eval and scipy. `tests/data/eval/make.py` made the expected values, judgements and
//! runs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use semsearch::eval::{Evaluation, Qrels, RankingMetric, Run, compare, evaluate};
use serde_json::{Map, Value};

const TOLERANCE: f64 = 1e-9;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/eval").join(name)
}

fn expected() -> Value {
    serde_json::from_str(&std::fs::read_to_string(data("expected.json")).unwrap()).unwrap()
}

fn evaluation(run: &str, metrics: &Map<String, Value>) -> Evaluation {
    let metrics: Vec<RankingMetric> = metrics.keys().map(|word| word.parse().unwrap()).collect();
    let open = |name: &str| BufReader::new(File::open(data(name)).unwrap());
    let run = Run::read(open(run), &run.into()).unwrap();
    evaluate(&run, &Qrels::read(open("qrels.tsv"), &"qrels.tsv".into()).unwrap(), &metrics)
}

/// Checks that each metric has its expected value.
fn assert_close(what: &str, found: impl Fn(RankingMetric) -> f64, expected: &Value) {
    for (word, expected) in expected.as_object().unwrap() {
        let (found, expected) = (found(word.parse().unwrap()), expected.as_f64().unwrap());
        assert!((found - expected).abs() < TOLERANCE, "{what}, {word}: {found}, expected {expected}");
    }
}

#[test]
fn every_query_has_the_values_of_pytrec_eval_and_so_have_the_means() {
    let expected = expected();
    let evaluation = evaluation("run.trec", expected["mean"].as_object().unwrap());
    let queries = expected["queries"].as_object().unwrap();
    assert_eq!(evaluation.queries.len(), queries.len());
    for (query, values) in &evaluation.queries {
        let values: BTreeMap<String, f64> =
            evaluation.metrics.iter().map(RankingMetric::to_string).zip(values.iter().copied()).collect();
        assert_close(query, |metric| values[&metric.to_string()], &queries[query]);
    }
    assert_close("mean", |metric| evaluation.mean(metric).unwrap(), &expected["mean"]);
}

#[test]
fn queries_that_only_the_run_or_only_the_judgements_have_are_counted() {
    let expected = expected();
    let evaluation = evaluation("run.trec", expected["mean"].as_object().unwrap());
    assert_eq!(evaluation.missing, expected["missing"]);
    assert_eq!(evaluation.unjudged, expected["unjudged"]);
}

#[test]
fn p_values_are_those_of_scipy() {
    let expected = expected();
    let metrics = expected["p_value"].as_object().unwrap();
    let (first, second) = (evaluation("run.trec", metrics), evaluation("other.trec", metrics));
    assert_close("p", |metric| compare(&first, &second, metric).unwrap().p_value.unwrap(), &expected["p_value"]);
}

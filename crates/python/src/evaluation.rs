//! How good a ranking is.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use semsearch_engine::EngineError;
use semsearch_eval::{EvalError, Qrels, RankingMetric, Run};
use semsearch_files::{FileError, open_regular};

use super::errors::{Raised, bad_value};
use super::model::parsed;

/// A run or judgements: a file, or a value for each pair of query and document.
#[derive(FromPyObject)]
pub(crate) enum Table<V> {
    Pairs(HashMap<String, HashMap<String, V>>),
    File(PathBuf),
}

/// The values of a metric: its name, the mean, and the value of each query.
type Measured = (String, f64, Vec<(String, f64)>);

/// The values of each of `metrics`, over the queries that are both in the run and in the judgements.
#[pyfunction]
pub(crate) fn evaluate(
    py: Python<'_>,
    run: Table<f32>,
    qrels: Table<i64>,
    metrics: Vec<String>,
) -> PyResult<Vec<Measured>> {
    let metrics: Vec<RankingMetric> = metrics.iter().map(|word| parsed("metric", word)).collect::<PyResult<_>>()?;
    let evaluation = py.detach(|| -> Result<_, Raised> {
        let (run, qrels) = (run_of(run)?, qrels_of(qrels)?);
        Ok(semsearch_eval::evaluate(&run, &qrels, &metrics))
    })?;
    if evaluation.queries.is_empty() {
        return Err(bad_value("no query is both in the run and in the judgements"));
    }
    let measured = metrics.iter().filter_map(|&metric| {
        let values = evaluation.values(metric)?.map(|(query, value)| (query.to_owned(), value)).collect();
        Some((metric.to_string(), evaluation.mean(metric)?, values))
    });
    Ok(measured.collect())
}

fn run_of(table: Table<f32>) -> Result<Run, Raised> {
    match table {
        Table::File(path) => read(path, Run::read),
        Table::Pairs(pairs) => {
            let mut run = Run::new();
            for (query, found) in pairs {
                run.insert(&query, found).map_err(raised)?;
            }
            Ok(run)
        }
    }
}

fn qrels_of(table: Table<i64>) -> Result<Qrels, Raised> {
    match table {
        Table::File(path) => read(path, Qrels::read),
        // Sums of floats depend on the order.
        Table::Pairs(pairs) => {
            let mut pairs: Vec<_> = pairs.into_iter().collect();
            pairs.sort_by(|one, other| one.0.cmp(&other.0));
            Ok(Qrels::of(pairs))
        }
    }
}

fn read<T>(path: PathBuf, parse: impl Fn(BufReader<File>, &Arc<str>) -> Result<T, EvalError>) -> Result<T, Raised> {
    let name = path.to_string_lossy().into();
    let file = open_regular(&path).map_err(|error| Raised::from(EngineError::File(FileError::read(&path)(error))))?;
    parse(BufReader::new(file), &name).map_err(raised)
}

fn raised(error: EvalError) -> Raised {
    Raised::new("RecordError", error.to_string(), None)
}

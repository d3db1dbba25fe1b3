//! Evaluations as JSON: one object.

use std::io::{self, Write};

use semsearch::eval::{Comparison, Evaluation, RankingMetric, compare};
use serde_json::{Map, Value, json};

use super::writer::{EvaluationFormat, EvaluationOutput, Measured, Sweep};
use crate::cli::output::stdout;

pub(super) const FORMAT: EvaluationFormat = EvaluationFormat {
    name: "json",
    help: "One object",
    writer: EvaluationOutput {
        measured: |measured| write(&measured_object(measured)),
        sweep: |sweep| write(&sweep_object(sweep)),
    },
};

fn write(object: &Value) -> io::Result<()> {
    let mut out = stdout::json();
    writeln!(out, "{object}")?;
    out.flush()
}

fn means(found: &Evaluation) -> Map<String, Value> {
    let mean = |metric: &RankingMetric| (metric.to_string(), json!(found.mean(*metric)));
    found.metrics.iter().map(mean).collect()
}

fn measured_object(Measured { found, per_query, other }: &Measured<'_>) -> Value {
    let mut all = json!({ "queries": found.queries.len(), "metrics": means(found) });
    if *per_query {
        let of_query = |(query, values): &(String, Vec<f64>)| {
            let values = found.metrics.iter().zip(values).map(|(metric, value)| (metric.to_string(), json!(value)));
            (query.clone(), Value::Object(values.collect()))
        };
        all["per_query"] = Value::Object(found.queries.iter().map(of_query).collect());
    }
    if let Some(other) = other {
        let compared = found.metrics.iter().filter_map(|metric| compared(found, &other.found, *metric));
        all["compared"] = Value::Object(compared.collect());
    }
    all
}

/// How a metric differs from the other run's.
fn compared(found: &Evaluation, other: &Evaluation, metric: RankingMetric) -> Option<(String, Value)> {
    let Comparison { queries, mean_difference, p_value, better, worse, equal } = compare(other, found, metric)?;
    let told = json!({ "mean": other.mean(metric), "difference": mean_difference, "p": p_value,
        "queries": queries, "better": better, "worse": worse, "equal": equal });
    Some((metric.to_string(), told))
}

fn sweep_object(Sweep { alphas, found, .. }: &Sweep<'_>) -> Value {
    let point = |(alpha, evaluation): (&f32, &Evaluation)| json!({ "alpha": alpha, "metrics": means(evaluation) });
    let queries = found.first().map_or(0, |evaluation| evaluation.queries.len());
    let points: Vec<Value> = alphas.iter().zip(*found).map(point).collect();
    json!({ "queries": queries, "sweep": points })
}

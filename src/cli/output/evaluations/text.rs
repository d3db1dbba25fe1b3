//! Evaluations for people: tables.

use std::io::{self, Write};

use semsearch::eval::{Comparison, Evaluation, RankingMetric, compare};

use super::writer::{EvaluationFormat, EvaluationOutput, Measured, Sweep};
use crate::cli::output::line::one_line;
use crate::cli::output::stdout;

pub(super) const FORMAT: EvaluationFormat = EvaluationFormat {
    name: "text",
    help: "For people, a table",
    writer: EvaluationOutput {
        measured: |measured| write(&measured_tables(measured)),
        sweep: |sweep| write(&table(&sweep_rows(sweep))),
    },
};

fn write(text: &str) -> io::Result<()> {
    let mut out = stdout::raw();
    write!(out, "{text}")?;
    out.flush()
}

fn measured_tables(measured: &Measured<'_>) -> String {
    let Measured { found, per_query, other } = measured;
    let mut rows = Vec::new();
    match other {
        None => rows.extend(found.metrics.iter().map(|metric| vec![metric.to_string(), shown(found.mean(*metric))])),
        Some(other) => {
            let name = one_line(&other.name);
            let titles = ["", "this", name.as_str(), "difference", "p", "better", "worse", "equal"];
            rows.push(titles.map(String::from).to_vec());
            rows.extend(found.metrics.iter().filter_map(|metric| compared(found, &other.found, *metric)));
        }
    }
    rows.push(vec!["queries".into(), found.queries.len().to_string()]);
    let means = table(&rows);
    if *per_query { format!("{means}\n{}", table(&query_rows(found))) } else { means }
}

/// A row for each query, below the metrics' names.
fn query_rows(found: &Evaluation) -> Vec<Vec<String>> {
    let titles = std::iter::once("query".to_owned()).chain(found.metrics.iter().map(ToString::to_string));
    let rows = found.queries.iter().map(|(query, values)| {
        std::iter::once(one_line(query)).chain(values.iter().map(|&value| shown(Some(value)))).collect()
    });
    std::iter::once(titles.collect()).chain(rows).collect()
}

/// A row for each weight, below the metrics' names.
fn sweep_rows(Sweep { metrics, alphas, found }: &Sweep<'_>) -> Vec<Vec<String>> {
    let titles = std::iter::once("alpha".to_owned()).chain(metrics.iter().map(ToString::to_string));
    let rows = alphas.iter().zip(*found).map(|(alpha, evaluation)| {
        let values = metrics.iter().map(|&metric| shown(evaluation.mean(metric)));
        std::iter::once(format!("{alpha:.2}")).chain(values).collect()
    });
    std::iter::once(titles.collect()).chain(rows).collect()
}

/// A row of the comparison: this run, the other run, and how they differ.
fn compared(found: &Evaluation, other: &Evaluation, metric: RankingMetric) -> Option<Vec<String>> {
    let Comparison { mean_difference, p_value, better, worse, equal, .. } = compare(other, found, metric)?;
    let p = p_value.map_or("-".into(), |p| if p < 0.0001 { "<.0001".into() } else { format!("{p:.4}") });
    Some(vec![
        metric.to_string(),
        shown(found.mean(metric)),
        shown(other.mean(metric)),
        format!("{mean_difference:+.4}"),
        p,
        better.to_string(),
        worse.to_string(),
        equal.to_string(),
    ])
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.4}"))
}

/// Rows with aligned columns: the first column to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let first = row.first().map(|cell| format!("{cell:<width$}", width = widths[0]));
        let others = row.iter().zip(&widths).skip(1).map(|(cell, &width)| format!("  {cell:>width$}"));
        first.into_iter().chain(others).collect::<String>() + "\n"
    };
    rows.iter().map(line).collect()
}

//! What an evaluation looks like: tables, JSON, a plot.

use std::io::Write;

use semsearch::eval::{Comparison, Evaluation, Metric, Qrels, compare, evaluate};
use semsearch::plot::{Curve, Plot};
use serde_json::{Map, Value, json};

use super::super::args::{self, EvalFormat};
use super::super::output;
use super::super::records::write_file;
use super::super::settings::Settings;
use super::Outcome;

/// Shows an evaluation, and how it differs from another run if one is named.
pub(super) fn evaluation(
    args: &args::Eval,
    settings: &Settings,
    found: &Evaluation,
    qrels: &Qrels,
) -> anyhow::Result<Outcome> {
    warn(settings, found);
    let Some(path) = &args.compare else { return show(args, found, None) };
    let (name, other) =
        (output::one_line(&path.to_string_lossy()), evaluate(&super::run_file(path)?, qrels, &args.metrics));
    let common = found.in_common_with(&other);
    let apart = found.queries.len() + other.queries.len() - 2 * common.queries.len();
    if apart > 0 {
        settings.terminal.warn(&format!("queries that only one of the runs has, left out of the comparison: {apart}"));
    }
    let other = other.in_common_with(&common);
    show(args, &common, Some((name, other)))
}

fn show(args: &args::Eval, found: &Evaluation, other: Option<(String, Evaluation)>) -> anyhow::Result<Outcome> {
    let mut out = data(args.format);
    match args.format {
        EvalFormat::Json => writeln!(out, "{}", as_json(args, found, other.as_ref().map(|(_, other)| other)))?,
        EvalFormat::Text => write!(out, "{}", as_text(args, found, other.as_ref()))?,
    }
    out.flush()?;
    Ok(if found.queries.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

/// Standard output for the format.
fn data(format: EvalFormat) -> output::Data {
    match format {
        EvalFormat::Json => output::json(),
        EvalFormat::Text => output::raw(),
    }
}

fn warn(settings: &Settings, found: &Evaluation) {
    if found.missing > 0 {
        settings.terminal.warn(&format!("judged queries that the run lacks, left out of the means: {}", found.missing));
    }
    if found.unjudged > 0 {
        settings.terminal.detail(&format!("queries without judgements, left out: {}", found.unjudged));
    }
}

fn means(found: &Evaluation) -> Map<String, Value> {
    let mean = |metric: &Metric| (metric.to_string(), json!(found.mean(*metric)));
    found.metrics.iter().map(mean).collect()
}

fn as_json(args: &args::Eval, found: &Evaluation, other: Option<&Evaluation>) -> Value {
    let mut all = json!({ "queries": found.queries.len(), "metrics": means(found) });
    if args.per_query {
        let of_query = |(query, values): &(String, Vec<f64>)| {
            let values = found.metrics.iter().zip(values).map(|(metric, value)| (metric.to_string(), json!(value)));
            (query.clone(), Value::Object(values.collect()))
        };
        all["per_query"] = Value::Object(found.queries.iter().map(of_query).collect());
    }
    if let Some(other) = other {
        let comparison = |metric: &Metric| {
            let Comparison { queries, mean_difference, p_value, better, worse, equal } =
                compare(other, found, *metric)?;
            let told = json!({ "mean": other.mean(*metric), "difference": mean_difference, "p": p_value,
                "queries": queries, "better": better, "worse": worse, "equal": equal });
            Some((metric.to_string(), told))
        };
        all["compared"] = Value::Object(found.metrics.iter().filter_map(comparison).collect());
    }
    all
}

fn as_text(args: &args::Eval, found: &Evaluation, other: Option<&(String, Evaluation)>) -> String {
    let mut rows = Vec::new();
    match other {
        None => rows.extend(found.metrics.iter().map(|metric| vec![metric.to_string(), shown(found.mean(*metric))])),
        Some((name, other)) => {
            let titles = ["", "this", name.as_str(), "difference", "p", "better", "worse", "equal"];
            rows.push(titles.map(String::from).to_vec());
            rows.extend(found.metrics.iter().filter_map(|metric| compared(found, other, *metric)));
        }
    }
    rows.push(vec!["queries".into(), found.queries.len().to_string()]);
    let mut text = table(&rows);
    if args.per_query {
        let titles = std::iter::once("query".to_owned()).chain(found.metrics.iter().map(ToString::to_string));
        let mut rows = vec![titles.collect::<Vec<_>>()];
        rows.extend(found.queries.iter().map(|(query, values)| {
            std::iter::once(output::one_line(query)).chain(values.iter().map(|&value| shown(Some(value)))).collect()
        }));
        text.push('\n');
        text.push_str(&table(&rows));
    }
    text
}

/// A line of the table: this run, the other, and what is between them.
fn compared(found: &Evaluation, other: &Evaluation, metric: Metric) -> Option<Vec<String>> {
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

/// Rows with their columns aligned: words to the left, what follows to the right.
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

/// Shows the metrics of each weight, and draws them if that is wanted.
pub(super) fn sweep(
    args: &args::Eval,
    settings: &Settings,
    alphas: &[f32],
    found: &[Evaluation],
) -> anyhow::Result<Outcome> {
    let mut out = data(args.format);
    match args.format {
        EvalFormat::Json => {
            let point =
                |(alpha, evaluation): (&f32, &Evaluation)| json!({ "alpha": alpha, "metrics": means(evaluation) });
            let queries = found.first().map_or(0, |evaluation| evaluation.queries.len());
            let points: Vec<Value> = alphas.iter().zip(found).map(point).collect();
            writeln!(out, "{}", json!({ "queries": queries, "sweep": points }))?;
        }
        EvalFormat::Text => {
            let mut rows = vec![vec!["alpha".to_owned()]];
            rows[0].extend(args.metrics.iter().map(ToString::to_string));
            for (alpha, evaluation) in alphas.iter().zip(found) {
                let values = args.metrics.iter().map(|&metric| shown(evaluation.mean(metric)));
                rows.push(std::iter::once(format!("{alpha:.2}")).chain(values).collect());
            }
            write!(out, "{}", table(&rows))?;
        }
    }
    out.flush()?;
    if let Some(path) = &args.svg {
        let svg = plot(args, alphas, found).svg();
        write_file(path, svg.as_bytes())?;
        settings.terminal.note(&format!("{}: {} curves", path.display(), args.metrics.len()));
    }
    Ok(Outcome::Done)
}

fn plot(args: &args::Eval, alphas: &[f32], found: &[Evaluation]) -> Plot {
    let curve = |metric: &Metric| {
        let point = |(alpha, evaluation): (&f32, &Evaluation)| Some((f64::from(*alpha), evaluation.mean(*metric)?));
        Curve { label: metric.to_string(), points: alphas.iter().zip(found).filter_map(point).collect() }
    };
    Plot {
        title: "Hybrid search".into(),
        x_label: "alpha: 0 is words alone, 1 is meaning alone".into(),
        y_label: "mean over the queries".into(),
        curves: args.metrics.iter().map(curve).collect(),
    }
}

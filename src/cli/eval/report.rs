//! Reports an evaluation: in its format on standard output, with warnings on standard error, and as a picture.

use std::path::Path;

use semsearch::eval::{Evaluation, Qrels, RankingMetric, evaluate};
use semsearch::plot::{Curve, Plot};

use super::files::run_file;
use crate::cli::options::eval::EvalOptions;
use crate::cli::outcome::Outcome;
use crate::cli::output::{Measured, OtherRun, Sweep};
use crate::cli::records::write_file;
use crate::cli::terminal::Terminal;

/// Shows an evaluation, and how it differs from another run if one is named.
pub(super) fn evaluation(
    options: &EvalOptions,
    terminal: &Terminal,
    found: &Evaluation,
    qrels: &Qrels,
) -> anyhow::Result<Outcome> {
    warn(terminal, found);
    let per_query = options.per_query;
    let Some(path) = &options.compare else {
        return show(options, &Measured { found, per_query, other: None });
    };
    let other = evaluate(&run_file(path)?, qrels, &options.metrics);
    let common = found.in_common_with(&other);
    let apart = found.queries.len() + other.queries.len() - 2 * common.queries.len();
    if apart > 0 {
        terminal.warn(&format!("queries that only one of the runs has, left out of the comparison: {apart}"));
    }
    let name = path.to_string_lossy().into_owned();
    let other = OtherRun { name, found: other.in_common_with(&common) };
    show(options, &Measured { found: &common, per_query, other: Some(other) })
}

fn show(options: &EvalOptions, measured: &Measured<'_>) -> anyhow::Result<Outcome> {
    (options.format.writer.measured)(measured)?;
    Ok(if measured.found.queries.is_empty() { Outcome::Nothing } else { Outcome::Done })
}

fn warn(terminal: &Terminal, found: &Evaluation) {
    if found.missing > 0 {
        terminal.warn(&format!("judged queries that the run lacks, left out of the means: {}", found.missing));
    }
    if found.unjudged > 0 {
        terminal.detail(&format!("queries without judgements, left out: {}", found.unjudged));
    }
}

/// Shows the metrics of each weight, and draws them if that is wanted.
pub(super) fn sweep(
    options: &EvalOptions,
    terminal: &Terminal,
    alphas: &[f32],
    found: &[Evaluation],
) -> anyhow::Result<Outcome> {
    let sweep = Sweep { metrics: &options.metrics, alphas, found };
    (options.format.writer.sweep)(&sweep)?;
    if let Some(path) = &options.svg {
        draw(&sweep, path)?;
        terminal.note(&format!("{}: {} curves", path.display(), sweep.metrics.len()));
    }
    Ok(Outcome::Done)
}

fn draw(Sweep { metrics, alphas, found }: &Sweep<'_>, path: &Path) -> anyhow::Result<()> {
    let curve = |metric: &RankingMetric| {
        let point = |(alpha, evaluation): (&f32, &Evaluation)| Some((f64::from(*alpha), evaluation.mean(*metric)?));
        Curve { label: metric.to_string(), points: alphas.iter().zip(*found).filter_map(point).collect() }
    };
    let plot = Plot {
        title: "Hybrid search".into(),
        x_label: "alpha: 0 is words alone, 1 is meaning alone".into(),
        y_label: "mean over the queries".into(),
        curves: metrics.iter().map(curve).collect(),
    };
    Ok(write_file(path, plot.svg().as_bytes())?)
}

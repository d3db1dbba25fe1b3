//! What writes evaluations.

use std::io;

use semsearch::eval::{Evaluation, RankingMetric};

use crate::cli::output::format::OutputFormat;

/// An evaluation as it is shown.
pub(crate) struct Measured<'a> {
    pub(crate) found: &'a Evaluation,
    /// Whether each query's values are shown, too.
    pub(crate) per_query: bool,
    /// A run that it is compared with.
    pub(crate) other: Option<OtherRun>,
}

/// A run that another is compared with.
pub(crate) struct OtherRun {
    pub(crate) name: String,
    /// Over the same queries.
    pub(crate) found: Evaluation,
}

/// Evaluations of one search with several weights of the dense side.
pub(crate) struct Sweep<'a> {
    pub(crate) metrics: &'a [RankingMetric],
    pub(crate) alphas: &'a [f32],
    /// One for each weight.
    pub(crate) found: &'a [Evaluation],
}

/// A format of evaluations.
pub(crate) type EvaluationFormat = OutputFormat<EvaluationOutput>;

/// How such a format is written to standard output.
#[derive(Clone, Debug)]
pub(crate) struct EvaluationOutput {
    pub(crate) measured: fn(&Measured<'_>) -> io::Result<()>,
    pub(crate) sweep: fn(&Sweep<'_>) -> io::Result<()>,
}

//! How good rankings are: judgements and runs in, metrics out.
//!
//! [`Qrels`] say which documents answer which query, and a [`Run`] says which ones were found. [`evaluate`] compares
//! the two by [`RankingMetric`]s, whose values are those of trec_eval. [`compare`] says whether one run is better than
//! another by more than chance. [`plot`] draws how a metric changes with a setting. This crate neither searches nor
//! prints.

mod bad_line;
mod error;
mod evaluation;
mod ids;
mod measure;
pub mod plot;
mod qrels;
mod ranking_metric;
mod run;
mod significance;
mod table;

pub use bad_line::BadLine;
pub use error::EvalError;
pub use evaluation::{Evaluation, evaluate};
pub use qrels::Qrels;
pub use ranking_metric::RankingMetric;
pub use run::Run;
pub use significance::{Comparison, compare};

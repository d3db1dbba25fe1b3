//! How good rankings are: judgements and runs in, metrics out.
//!
//! [`Qrels`] say which documents answer which query, a [`Run`] says which ones were found. [`evaluate`] compares the two
//! by [`Metric`]s that give what trec_eval gives; [`compare`] says whether one run is better than another by more than
//! chance, and [`plot`] shows how a metric changes with a setting. Searching is left to `search`, and what to do with
//! the numbers to the command line.

mod bad_line;
mod error;
mod evaluation;
mod measure;
mod metrics;
pub mod plot;
mod qrels;
mod run;
mod significance;
mod table;

pub use bad_line::BadLine;
pub use error::EvalError;
pub use evaluation::{Evaluation, evaluate};
pub use metrics::Metric;
pub use qrels::Qrels;
pub use run::Run;
pub use significance::{Comparison, compare};

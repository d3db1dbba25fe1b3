//! Evaluations, in each of their formats.

mod json;
mod text;
mod writer;

pub(crate) use writer::{EvaluationFormat, Measured, OtherRun, Sweep};

/// The formats, the usual one first.
pub(crate) const EVALUATION_FORMATS: &[EvaluationFormat] = &[text::FORMAT, json::FORMAT];

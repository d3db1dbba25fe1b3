//! Matrices of similarities, in each of their formats.

mod csv;
mod json;
mod similarities;
mod text;

pub(crate) use similarities::{MatrixFormat, Similarities};

/// The formats, the usual one first.
pub(crate) const MATRIX_FORMATS: &[MatrixFormat] = &[text::FORMAT, json::FORMAT, csv::FORMAT];

//! How similar texts are to each other.

use std::io;

use crate::cli::output::format::OutputFormat;

/// Texts and how similar each pair is.
pub(crate) struct Similarities<'a> {
    /// The texts, in order.
    pub(crate) texts: &'a [String],
    /// A row for each text, with its similarity to every text.
    pub(crate) rows: Vec<Vec<f32>>,
}

/// A format of similarities; its writer writes to standard output.
pub(crate) type MatrixFormat = OutputFormat<fn(&Similarities<'_>) -> io::Result<()>>;

/// What `write` makes of two texts, for the formats' tests.
#[cfg(test)]
pub(super) fn written(write: impl FnOnce(&Similarities<'_>, &mut Vec<u8>) -> io::Result<()>) -> String {
    let (texts, mut bytes) = (["a, b".into(), "c\nd".into()], Vec::new());
    write(&Similarities { texts: &texts, rows: vec![vec![1.0, -0.25], vec![-0.25, 1.0]] }, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

//! The readers of formats in a build without their features.

use std::ops::ControlFlow;

use super::content::InputContent;
use super::reader::Reader;
use crate::CorpusError;
use crate::record::RecordSink;

/// Fails, and names the feature that is missing.
pub(super) struct MissingReader {
    /// The format's name.
    format: &'static str,
    feature: &'static str,
}

#[cfg(not(feature = "parquet"))]
pub(super) const PARQUET: MissingReader = MissingReader { format: "Parquet", feature: "parquet" };
#[cfg(not(feature = "pdf"))]
pub(super) const PDF: MissingReader = MissingReader { format: "PDF", feature: "pdf" };
#[cfg(not(feature = "docx"))]
pub(super) const DOCX: MissingReader = MissingReader { format: "DOCX", feature: "docx" };

impl Reader for MissingReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let what = format!("{}: to read {}", content.name(), self.format);
        sink(Err(CorpusError::NotBuiltIn { what, feature: self.feature }))
    }

    fn is_binary(&self) -> bool {
        true
    }
}

//! The reader of Parquet in a build without the feature `parquet`.

use std::ops::ControlFlow;

use crate::CorpusError;
use crate::format::content::InputContent;
use crate::format::reader::Reader;
use crate::record::RecordSink;

/// Fails, and names the feature that is missing.
pub(in crate::format) struct MissingParquetReader;

impl Reader for MissingParquetReader {
    fn read(&self, content: InputContent<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let what = format!("{}: reading Parquet", content.name());
        sink(Err(CorpusError::NotBuiltIn { what, feature: "parquet" }))
    }

    fn is_binary(&self) -> bool {
        true
    }
}

//! The reader of Parquet in a build without the feature `parquet`.

use std::ops::ControlFlow;

use crate::CorpusError;
use crate::format::content::Content;
use crate::format::reader::Reader;
use crate::record::RecordSink;

/// Fails, and names the feature that is missing.
pub(in crate::format) struct Parquet;

impl Reader for Parquet {
    fn read(&self, content: Content<'_>, sink: &mut RecordSink<'_>) -> ControlFlow<()> {
        let what = format!("{}: to read Parquet", content.name());
        sink(Err(CorpusError::NotBuiltIn { what, feature: "parquet" }))
    }

    fn is_binary(&self) -> bool {
        true
    }
}

//! Vectors that were computed elsewhere, one row for each record.

use std::path::Path;

use semsearch_store::IndexConfig;
use semsearch_vector_file::VectorReader;

use super::EngineError;

/// The vectors of an index's records, from a file.
pub struct GivenVectors {
    reader: VectorReader,
    normalized: bool,
    /// Whether only some of the records are indexed.
    limited: bool,
}

impl GivenVectors {
    /// Opens the file. With a `limit`, it may have more rows than records are indexed.
    ///
    /// # Errors
    /// The file cannot be read, or its rows are not vectors of the index's model.
    pub fn open(path: &Path, config: &IndexConfig, limit: Option<usize>) -> Result<Self, EngineError> {
        let reader = VectorReader::open(path)?;
        if reader.dim() != config.dim {
            let (path, found) = (path.to_owned(), reader.dim());
            return Err(EngineError::GivenDim { path, found, model: config.model.id.clone(), expected: config.dim });
        }
        Ok(Self { reader, normalized: config.normalized, limited: limit.is_some() })
    }

    /// The vector of the next record.
    pub(super) fn next(&mut self) -> Result<Vec<f32>, EngineError> {
        match self.reader.row(self.normalized)? {
            Some(row) => Ok(row),
            None => Err(self.wrong_count("more")),
        }
    }

    /// Checks that no row is left.
    pub(super) fn end(mut self) -> Result<(), EngineError> {
        if self.limited || self.reader.row(false)?.is_none() {
            return Ok(());
        }
        Err(self.wrong_count("fewer"))
    }

    fn wrong_count(&self, records: &'static str) -> EngineError {
        EngineError::GivenCount { path: self.reader.path().into(), rows: self.reader.rows(), records }
    }
}

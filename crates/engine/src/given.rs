//! Vectors that were computed elsewhere, a row a record.

use std::path::Path;

use semsearch_error::Error;
use semsearch_store::IndexConfig;
use semsearch_vector_file::VectorReader;

/// The vectors of an index's records, from a file.
pub struct GivenVectors {
    reader: VectorReader,
    normalized: bool,
    /// Whether only some of the records are indexed.
    limited: bool,
}

impl GivenVectors {
    /// Opens the file. With a `limit` it may have more rows than there are records.
    ///
    /// # Errors
    /// It cannot be read, or its rows are not vectors of the index's model.
    pub fn open(path: &Path, config: &IndexConfig, limit: Option<usize>) -> Result<Self, Error> {
        let reader = VectorReader::open(path)?;
        if reader.dim() != config.dim {
            let (found, id, dim) = (reader.dim(), &config.model.id, config.dim);
            let what = format!("its rows have {found} components, the model {id} makes {dim}");
            let hint = "name the model that made them with `--model`: queries are embedded by it";
            return Err(Error::GivenVectors { path: path.into(), what, hint });
        }
        Ok(Self { reader, normalized: config.normalized, limited: limit.is_some() })
    }

    /// The vector of the next record.
    pub(super) fn next(&mut self) -> Result<Vec<f32>, Error> {
        match self.reader.row(self.normalized)? {
            Some(row) => Ok(row),
            None => Err(self.wrong_count("more")),
        }
    }

    /// Checks that no row is left.
    pub(super) fn end(mut self) -> Result<(), Error> {
        if self.limited || self.reader.row(false)?.is_none() {
            return Ok(());
        }
        Err(self.wrong_count("fewer"))
    }

    fn wrong_count(&self, records: &str) -> Error {
        let what = format!("{} rows, but there are {records} records", self.reader.rows());
        let hint = "row i is the vector of record i; nothing was committed";
        Error::GivenVectors { path: self.reader.path().into(), what, hint }
    }
}

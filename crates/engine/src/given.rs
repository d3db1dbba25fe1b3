//! Vectors that were computed elsewhere, one for each record.

use std::path::{Path, PathBuf};

use semsearch_corpus::{Input, ReadOptions, Record, RecordStream, expand, records};
use semsearch_store::IndexConfig;
use semsearch_vector_file::{VectorFileError, VectorFormat, VectorReader, check_vector};
use serde_json::Value;

use super::EngineError;

/// The field of a record that holds its vector, as `semsearch embed` writes it.
pub const EMBEDDING: &str = "embedding";

/// The vectors of an index's records, from a file.
pub struct GivenVectors {
    source: Source,
    normalized: bool,
    /// Whether only some of the records are indexed.
    limited: bool,
}

/// Where the vectors are.
enum Source {
    /// A matrix: row n belongs to record n.
    Matrix(VectorReader),
    /// Records that each have a vector: record n belongs to record n.
    Records(EmbeddedRecords),
}

/// Files of records with vectors.
struct EmbeddedRecords {
    path: PathBuf,
    records: RecordStream,
    /// The first vector, until it is taken.
    first: Option<Vec<f32>>,
    dim: usize,
    /// How many vectors were read.
    read: u64,
}

impl GivenVectors {
    /// Opens the file: a matrix (npy, safetensors), or records with a field [`EMBEDDING`] in any format of records or in a
    /// directory. With a `limit`, there may be more vectors than records are indexed.
    ///
    /// # Errors
    /// The file cannot be read, or what it holds are no vectors of the index's model.
    pub fn open(path: &Path, config: &IndexConfig, limit: Option<usize>) -> Result<Self, EngineError> {
        let source = match VectorFormat::of(path) {
            Some(_) => Source::Matrix(VectorReader::open(path)?),
            None => Source::Records(EmbeddedRecords::open(path)?),
        };
        let found = source.dim();
        if found != config.dim {
            let (path, model) = (path.to_owned(), config.model.id.clone());
            return Err(EngineError::GivenDim { path, found, model, expected: config.dim });
        }
        Ok(Self { source, normalized: config.normalized, limited: limit.is_some() })
    }

    /// Whether the vectors are a field of records. If these are the records that are indexed, the field is no metadata.
    pub fn are_in_records(&self) -> bool {
        matches!(self.source, Source::Records(_))
    }

    /// The vector of the next record.
    pub(super) fn next(&mut self) -> Result<Vec<f32>, EngineError> {
        match self.source.next(self.normalized)? {
            Some(row) => Ok(row),
            None => Err(self.wrong_count("more")),
        }
    }

    /// Checks that no vector is left.
    pub(super) fn end(mut self) -> Result<(), EngineError> {
        if self.limited || self.source.next(false)?.is_none() {
            return Ok(());
        }
        Err(self.wrong_count("fewer"))
    }

    fn wrong_count(&self, records: &'static str) -> EngineError {
        let (path, rows) = match &self.source {
            Source::Matrix(reader) => (reader.path().into(), reader.rows()),
            Source::Records(embedded) => (embedded.path.clone(), embedded.read),
        };
        EngineError::GivenCount { path, rows, records }
    }
}

impl Source {
    fn dim(&self) -> usize {
        match self {
            Self::Matrix(reader) => reader.dim(),
            Self::Records(embedded) => embedded.dim,
        }
    }

    fn next(&mut self, normalized: bool) -> Result<Option<Vec<f32>>, EngineError> {
        match self {
            Self::Matrix(reader) => Ok(reader.row(normalized)?),
            Self::Records(embedded) => embedded.next(normalized),
        }
    }
}

impl EmbeddedRecords {
    fn open(path: &Path) -> Result<Self, EngineError> {
        let options = ReadOptions::default();
        let inputs = expand(&[Input::File(path.to_owned())], &[], &options)?.inputs;
        let records = records(&inputs, options)?;
        let mut opened = Self { path: path.to_owned(), records, first: None, dim: 0, read: 0 };
        opened.first = opened.read()?;
        let none =
            || VectorFileError::NoMatrix { path: path.into(), what: format!("no record with a field `{EMBEDDING}`") };
        opened.dim = opened.first.as_ref().ok_or_else(none)?.len();
        Ok(opened)
    }

    /// The next vector, which has as many components as the first.
    fn next(&mut self, normalized: bool) -> Result<Option<Vec<f32>>, EngineError> {
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => self.read()?,
        };
        let Some(vector) = next else { return Ok(None) };
        check_vector(&self.path, self.read, &vector, normalized)?;
        if vector.len() != self.dim {
            let what =
                format!("row {} (from 0) has {} components, the first has {}", self.read, vector.len(), self.dim);
            return Err(VectorFileError::NoMatrix { path: self.path.clone(), what }.into());
        }
        self.read += 1;
        Ok(Some(vector))
    }

    fn read(&mut self) -> Result<Option<Vec<f32>>, EngineError> {
        let Some(record) = self.records.next().transpose()? else { return Ok(None) };
        vector_of(&record).map(Some).ok_or_else(|| {
            let what = format!("{}: no list of numbers in the field `{EMBEDDING}`", record.place);
            VectorFileError::NoMatrix { path: self.path.clone(), what }.into()
        })
    }
}

/// The vector of a record, if it has one.
fn vector_of(record: &Record) -> Option<Vec<f32>> {
    let numbers = record.fields.get(EMBEDDING)?.as_array()?;
    // A float of 32 bits that is written with enough digits comes back as it was.
    let vector: Option<Vec<f32>> =
        numbers.iter().map(|number| Value::as_f64(number).map(|number| number as f32)).collect();
    vector.filter(|vector| !vector.is_empty())
}

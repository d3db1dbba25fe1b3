//! Every way indexing and searching can fail.

use std::path::PathBuf;

use semsearch_corpus::CorpusError;
use semsearch_encoder::EncoderError;
use semsearch_files::FileError;
use semsearch_store::StoreError;
use semsearch_vector_file::VectorFileError;

/// A failure of the engine, or of a part that it is made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The inputs failed.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A file of vectors failed.
    #[error(transparent)]
    VectorFile(#[from] VectorFileError),
    /// The index failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A query without a word.
    #[error("the query is empty")]
    EmptyQuery,
    /// What this searcher or indexer cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// Given vectors are not of the index's model.
    #[error("{}: its rows have {found} components, the model {model} makes {expected}", .path.display())]
    GivenDim {
        /// The file of vectors.
        path: PathBuf,
        /// Components of its rows.
        found: usize,
        /// The index's model.
        model: String,
        /// Components of the index's vectors.
        expected: usize,
    },
    /// There are not as many given vectors as records.
    #[error("{}: {rows} rows, but there are {records} records", .path.display())]
    GivenCount {
        /// The file of vectors.
        path: PathBuf,
        /// Its rows.
        rows: u64,
        /// `more` or `fewer`.
        records: &'static str,
    },
}

//! Semantic search: texts are turned into vectors by a BERT model, kept in an index, and found by meaning.
//!
//! This is the library behind the command `semsearch`. Its modules, in the order in which data passes through them:
//!
//! | module | what goes in | what comes out |
//! | --- | --- | --- |
//! | [`corpus`] | files and streams | [`Document`](corpus::Document)s |
//! | [`hub`] | a name on the Hugging Face Hub | its files |
//! | [`model`] | a name | the model's files, and texts as token ids |
//! | [`encoder`] | token ids | vectors |
//! | [`embedder`] | texts | vectors, made with a model and an encoder |
//! | [`index`] | documents and vectors | a directory, changed in atomic commits |
//! | [`filter`] | an expression | which metadata it lets pass |
//! | [`engine`] | documents and queries | [`Hit`](engine::Hit)s |
//! | [`eval`] | runs and judgements | how good the hits are |
//! | [`plot`] | curves, similarities | pictures |
//! | [`vector_file`] | vectors of other programs, and for them | npy, safetensors |
//!
//! Version numbers follow Semantic Versioning. Before 1.0, a minor version may change the public API in an incompatible
//! way; after that, only a major version may. CHANGELOG.md lists such changes. Types of other crates are public in two
//! places: `serde_json`'s values, which metadata consist of, and the types behind [`error::Cause`].
//!
//! Nothing here prints, exits, or reads the environment; that is the command line's part.

pub use semsearch_corpus as corpus;
pub use semsearch_encoder::{cross_encoder, embedder, encoder};
pub use semsearch_engine as engine;
pub mod error {
    //! Errors, each crate's own.
    pub use semsearch_corpus::{BadRecord, CorpusError};
    pub use semsearch_encoder::EncoderError;
    pub use semsearch_engine::EngineError;
    pub use semsearch_eval::EvalError;
    pub use semsearch_files::{Cause, FileError, Panicked, Place, guarded, is_guarded};
    pub use semsearch_filter::BadFilter;
    pub use semsearch_hub::HubError;
    pub use semsearch_models::ModelsError;
    pub use semsearch_store::StoreError;
    pub use semsearch_vector_file::VectorFileError;
}
pub use semsearch_eval as eval;
pub use semsearch_eval::plot;
pub use semsearch_files as files;
pub use semsearch_filter as filter;
pub use semsearch_hub as hub;
pub use semsearch_kernels as kernels;
pub mod model {
    //! Models: where they are, and what their files say.
    pub use semsearch_encoder::model::*;
    pub use semsearch_models::*;
}
pub mod index {
    //! Indexes: what one is, and one in a directory.
    pub use semsearch_store::*;
    pub use semsearch_store_local::*;
    pub use semsearch_words::words_of;
}
#[cfg(feature = "postgres")]
pub use semsearch_store_postgres as postgres;
pub use semsearch_vector_file as vector_file;

//! Static embeddings: a vector for each token, and a text's vector is their mean (van Dongen and Tulkens 2024,
//! *Model2Vec*).

use std::path::Path;

use serde::Deserialize;

use super::Architecture;
use super::spec::StaticTable;
use crate::error::EncoderError;
use crate::json;

/// The part of model2vec's `config.json` that is used here. The table's size is that of its tensor.
#[derive(Deserialize)]
struct StaticConfig {
    #[serde(default)]
    normalize: bool,
}

/// Reads model2vec's `config.json`.
///
/// # Errors
/// The file is damaged.
pub(super) fn architecture(path: &Path, bytes: &[u8]) -> Result<Architecture, EncoderError> {
    let config: StaticConfig = json::parse(path, bytes)?;
    Ok(Architecture::Static(StaticTable { normalized: config.normalize }))
}

impl StaticTable {
    /// A mean over more tokens says nothing.
    pub(super) const MAX_TOKENS: usize = 1 << 20;

    /// As in model2vec, if nothing else is asked for.
    pub(super) const USUAL_TOKENS: usize = 512;

    /// The names that the table has in existing files: those of model2vec, and of sentence-transformers.
    pub(crate) const NAMES: [&'static str; 2] = ["embeddings", "embedding.weight"];
}

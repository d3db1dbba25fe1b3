//! Which network a model is: a description that every backend can run.
//!
//! `config.json` names a family of networks, its `model_type`. One file for each family turns its configuration into an
//! [`Architecture`]: the layers in order, and for each of them the names of its tensors, its sizes and its activation. The
//! backends know layers and no families, so a new family is a file here and a line in `FAMILIES`.
//!
//! A description names tensors as the family's own library does. Files in the wild use other names as well; `names` is
//! the one place that knows them.

mod bert;
mod distilbert;
mod modernbert;
mod mpnet;
pub(crate) mod names;
mod nomic;
mod sizes;
mod spec;
mod static_table;

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::spec::{
    AttentionSpec, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormOrder, NormSpec, PositionSpec,
    RelativeBiasSpec, StaticTable, TableSpec, Transformer,
};
use crate::error::EncoderError;
use crate::json;

/// Reads the `config.json` at a path; its bytes are given.
type Constructor = fn(&Path, &[u8]) -> Result<Architecture, EncoderError>;

/// The families that are known, by their `model_type`.
const FAMILIES: [(&str, Constructor); 9] = [
    ("bert", bert::bert),
    ("roberta", bert::roberta),
    ("xlm-roberta", bert::roberta),
    ("camembert", bert::roberta),
    ("mpnet", mpnet::architecture),
    ("distilbert", distilbert::architecture),
    ("modernbert", modernbert::architecture),
    ("nomic_bert", nomic::architecture),
    ("model2vec", static_table::architecture),
];

/// The family of files without a `model_type`: the oldest ones.
const OLDEST: &str = "bert";

/// What turns tokens into vectors.
#[derive(Clone, Debug, PartialEq)]
pub enum Architecture {
    /// Layers of attention.
    Transformer(Box<Transformer>),
    /// A table alone: a text's vector is the mean of its tokens'.
    Static(StaticTable),
}

/// Parses a configuration, and describes its transformer.
///
/// # Errors
/// The file is damaged, or `described` says what is not supported.
fn parsed<C: DeserializeOwned>(
    path: &Path,
    bytes: &[u8],
    described: impl FnOnce(&C) -> Result<Transformer, String>,
) -> Result<Architecture, EncoderError> {
    let described = described(&json::parse(path, bytes)?);
    described.map(|network| Architecture::Transformer(Box::new(network))).map_err(|what| EncoderError::Model {
        path: path.into(),
        what,
        source: None,
    })
}

impl Architecture {
    /// The longest text, in tokens.
    pub fn max_tokens(&self) -> usize {
        match self {
            Self::Transformer(transformer) => transformer.max_tokens,
            Self::Static(_) => StaticTable::MAX_TOKENS,
        }
    }

    /// The tokens that are kept of a text if the model's other files do not say it.
    pub(crate) fn usual_tokens(&self) -> usize {
        match self {
            Self::Transformer(transformer) => transformer.max_tokens,
            Self::Static(_) => StaticTable::USUAL_TOKENS,
        }
    }

    /// Reads the bytes of the `config.json` at `path`.
    ///
    /// # Errors
    /// The file is damaged, its `model_type` is unknown, or a value in it is not supported.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, EncoderError> {
        #[derive(Deserialize)]
        struct Family {
            model_type: Option<String>,
        }
        let family: Family = json::parse(path, bytes)?;
        let family = family.model_type.as_deref().unwrap_or(OLDEST);
        let Some((_, constructor)) = FAMILIES.into_iter().find(|(name, _)| *name == family) else {
            let known = FAMILIES.map(|(name, _)| name).join(", ");
            let what = format!("model type {family:?} is not supported, only {known}");
            return Err(EncoderError::Model { path: path.into(), what, source: None });
        };
        constructor(path, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(config: &str) -> Result<Architecture, String> {
        Architecture::parse(Path::new("config.json"), config.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_unknown_family_is_refused_with_the_known_ones() {
        let message = parse(r#"{"model_type": "gpt2"}"#).unwrap_err();
        let known = "bert, roberta, xlm-roberta, camembert, mpnet, distilbert, modernbert, nomic_bert, model2vec";
        assert_eq!(message, format!("config.json: model type \"gpt2\" is not supported, only {known}"));
    }

    #[test]
    fn a_file_without_a_family_is_berts() {
        let known = bert::tests::CONFIG.replace("\"model_type\": \"bert\", ", "");
        assert_ne!(known, bert::tests::CONFIG);
        assert_eq!(parse(&known), parse(bert::tests::CONFIG));
    }
}

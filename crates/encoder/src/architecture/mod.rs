//! Which network a model is: a description that every backend can run.
//!
//! `config.json` names a family of networks, its `model_type`. One file for each family turns its configuration into an
//! [`Architecture`]: the layers in order, and for each of them the names of its tensors, its sizes and its activation. The
//! backends know layers and no families, so a new family is a file here and a line in `FAMILIES`.
//!
//! A description names tensors as the family's own library does. Files in the wild use other names as well; `names` is
//! the one place that knows them.

mod bert;
pub(crate) mod names;
mod spec;

use std::path::Path;

use serde::Deserialize;

pub use self::spec::{Architecture, EmbeddingSpec, HiddenAct, LayerSpec, LinearSpec, NormSpec, TableSpec};
use crate::error::EncoderError;
use crate::json;

/// Reads the `config.json` at a path; its bytes are given.
type Constructor = fn(&Path, &[u8]) -> Result<Architecture, EncoderError>;

/// The families that are known, by their `model_type`.
const FAMILIES: [(&str, Constructor); 1] = [("bert", bert::architecture)];

/// The family of files without a `model_type`: the oldest ones.
const OLDEST: &str = "bert";

impl Architecture {
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
        let message = parse(r#"{"model_type": "xlm-roberta"}"#).unwrap_err();
        assert_eq!(message, "config.json: model type \"xlm-roberta\" is not supported, only bert");
    }

    #[test]
    fn a_file_without_a_family_is_berts() {
        let known = bert::tests::CONFIG.replace("\"model_type\": \"bert\", ", "");
        assert_ne!(known, bert::tests::CONFIG);
        assert_eq!(parse(&known), parse(bert::tests::CONFIG));
    }
}

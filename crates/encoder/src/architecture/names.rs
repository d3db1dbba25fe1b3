//! The names that tensors have in existing files.
//!
//! A description names tensors as the family's library names them today. Files differ from that in three ways, and only
//! this module knows them: models for other tasks keep the whole network below a name of its own
//! (`bert.encoder.layer.0…`); files that were converted from TensorFlow's call the weights of a normalization `gamma`
//! and `beta`; and many files lack tensors that no text's vector needs, such as the pooler over `[CLS]`. Nothing asks
//! for such tensors, so they may be missing.

use safetensors::tensor::{Metadata, TensorInfo};

/// Finds tensors in the header of a weights' file.
pub(crate) struct TensorNames {
    header: Metadata,
    prefix: &'static str,
}

impl TensorNames {
    /// Names with the first of `prefixes` under which there is a tensor `probe`, or without a prefix.
    pub(crate) fn new(header: Metadata, prefixes: &[&'static str], probe: &str) -> Self {
        let there = |prefix: &&&str| header.info(&format!("{prefix}{probe}")).is_some();
        let prefix = prefixes.iter().find(there).copied().unwrap_or_default();
        Self { header, prefix }
    }

    /// The name of a tensor in the file, and where it is.
    ///
    /// # Errors
    /// The error is the full name of a tensor that does not exist.
    pub(crate) fn find(&self, name: &str) -> Result<(String, &TensorInfo), String> {
        let bare = name;
        let name = format!("{}{name}", self.prefix);
        if let Some(info) = self.header.info(&name) {
            return Ok((name, info));
        }
        // The head of a classifier is beside the network, not below its name.
        if let Some(info) = self.header.info(bare) {
            return Ok((bare.to_owned(), info));
        }
        let older = older_name(&name).and_then(|older| Some((self.header.info(&older)?, older)));
        older.map(|(info, older)| (older, info)).ok_or(name)
    }

    /// Every tensor of the file, in the order of its bytes.
    pub(crate) fn all(&self) -> Vec<(String, &TensorInfo)> {
        let mut tensors: Vec<(String, &TensorInfo)> = self.header.tensors().into_iter().collect();
        tensors.sort_by_key(|(_, info)| info.data_offsets);
        tensors
    }
}

/// The name in files that were converted from TensorFlow's, for the weight or the bias of a normalization.
fn older_name(name: &str) -> Option<String> {
    let (layer, parameter) = name.rsplit_once('.')?;
    let older = if parameter == "weight" { "gamma" } else { "beta" };
    layer.ends_with("LayerNorm").then(|| format!("{layer}.{older}"))
}

#[cfg(test)]
mod tests {
    use safetensors::Dtype;

    use super::*;

    fn names(of: &[&str]) -> TensorNames {
        let info = |number: usize| TensorInfo {
            dtype: Dtype::F32,
            shape: vec![1],
            data_offsets: (4 * number, 4 * number + 4),
        };
        let tensors = of.iter().enumerate().map(|(number, name)| ((*name).to_owned(), info(number))).collect();
        let header = Metadata::new(None, tensors).unwrap();
        TensorNames::new(header, &["bert.", ""], "embeddings.word_embeddings.weight")
    }

    fn found(names: &TensorNames, name: &str) -> Result<String, String> {
        names.find(name).map(|(name, _)| name)
    }

    #[test]
    fn a_network_below_a_name_of_its_own_is_found() {
        let bare = names(&["embeddings.word_embeddings.weight", "encoder.x.weight"]);
        assert_eq!(found(&bare, "encoder.x.weight").unwrap(), "encoder.x.weight");
        let below = names(&["bert.embeddings.word_embeddings.weight", "bert.encoder.x.weight", "cls.x.weight"]);
        assert_eq!(found(&below, "encoder.x.weight").unwrap(), "bert.encoder.x.weight");
        assert_eq!(found(&below, "encoder.y.weight").unwrap_err(), "bert.encoder.y.weight");
    }

    #[test]
    fn a_normalization_may_have_its_older_names() {
        let names = names(&["embeddings.LayerNorm.gamma", "embeddings.LayerNorm.beta", "encoder.x.gamma"]);
        assert_eq!(found(&names, "embeddings.LayerNorm.weight").unwrap(), "embeddings.LayerNorm.gamma");
        assert_eq!(found(&names, "embeddings.LayerNorm.bias").unwrap(), "embeddings.LayerNorm.beta");
        assert_eq!(found(&names, "encoder.x.weight").unwrap_err(), "encoder.x.weight");
    }
}

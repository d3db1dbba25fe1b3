//! The prompts that a model was trained to see before a text.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Prompts by the names that sentence-transformers' `encode_query` and `encode_document` look for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelPrompts {
    /// The prompt before a query.
    pub query: String,
    /// The prompt before a document.
    pub document: String,
}

/// The part of `config_sentence_transformers.json` that is used here.
#[derive(Default, Deserialize)]
pub(super) struct PromptConfig {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
}

impl PromptConfig {
    /// The prompts for queries and for documents; empty where the file names none.
    pub(super) fn prompts(self) -> ModelPrompts {
        let first = |names: &[&str]| names.iter().find_map(|name| self.prompts.get(*name)).cloned().unwrap_or_default();
        ModelPrompts { query: first(&["query"]), document: first(&["document", "passage", "corpus"]) }
    }
}

//! Everything that an index records about how it was made.
//!
//! A setting is declared once, here: as a field of [`IndexConfig`] and a row of [`SETTINGS`]. The manifest, the output
//! of `info` and the comparison with another configuration follow from these.

use std::path::Path;

use semsearch_encoder::embedder::Embedder;
use semsearch_encoder::encoder::Precision;
use semsearch_encoder::model::Pooling;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Analysis, Language, Metric, Splitting, StoreError};

/// A model as an index records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// The Hub id, or the absolute path of the directory.
    pub id: String,
    /// The revision, if the id is a Hub id.
    pub revision: Option<String>,
    /// A digest of the model's files, which tells models apart.
    pub fingerprint: String,
}

/// The prompts that are put before texts when they are embedded, for models that were trained with them (such as E5's
/// `query: `).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prompts {
    /// The prompt before queries.
    pub query: String,
    /// The prompt before documents.
    pub document: String,
}

/// How long texts are cut into chunks; `None` stands for the default. Each document's version records how the document
/// was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkPolicy {
    /// Whether long texts are cut into chunks at all.
    pub chunked: Option<bool>,
    /// The most tokens of a chunk.
    pub tokens: Option<usize>,
    /// The most tokens that a chunk shares with the one before it.
    pub overlap: Option<usize>,
}

/// How a file becomes the id of its document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileIds {
    /// The path as it was named, as in releases before 0.2.
    #[default]
    AsNamed,
    /// The path from the directory that holds the index, or the absolute path of a file elsewhere.
    FromRoot,
}

/// Everything that an index records about how it was made. Queries must be embedded in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexConfig {
    /// The model.
    pub model: ModelIdentity,
    /// How token vectors become a text's vector.
    pub pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub normalized: bool,
    /// The tokens that are kept of a text, special tokens included.
    pub max_length: usize,
    /// The arithmetic with which the index was built. A query may use another.
    pub precision: Precision,
    /// The number of components of a vector.
    pub dim: usize,
    /// Whether a record's title is embedded before its text.
    pub with_title: bool,
    /// How vectors are compared.
    pub metric: Metric,
    /// FAISS's name for the kind of vector index.
    pub factory: String,
    /// The prompts that are put before texts when they are embedded.
    #[serde(default)]
    pub prompts: Prompts,
    /// Whether the model makes more components than `dim`, of which only the first `dim` are kept.
    #[serde(default)]
    pub truncated: bool,
    /// The language of words for lexical search; `None` in format 2, which has no words.
    #[serde(default)]
    pub language: Option<Language>,
    /// By which rules texts are split into words.
    #[serde(default, rename = "words")]
    pub splitting: Splitting,
    /// Whether a file of text is embedded with what it is about: its title or name, and the headings above each chunk.
    #[serde(default)]
    pub with_context: bool,
    /// How a file becomes the id of its document.
    #[serde(default)]
    pub file_ids: FileIds,
    /// How long texts are cut, unless a run says otherwise.
    #[serde(default, rename = "cutting")]
    pub chunks: ChunkPolicy,
}

/// A recorded setting, as users see it.
pub struct Setting {
    /// The setting's name in `info`.
    pub name: &'static str,
    /// The command line option that sets it.
    pub option: &'static str,
    /// The setting's value.
    pub value: fn(&IndexConfig) -> Value,
    /// The value as it is typed after the option; `None` if it has no such form.
    pub typed: fn(&IndexConfig) -> Option<String>,
    /// Whether a query must be embedded with the same value.
    pub fixed: bool,
}

/// Every recorded setting except the model, in the order in which they are shown and compared.
pub const SETTINGS: [Setting; 16] = [
    Setting {
        name: "pooling",
        option: "pooling",
        value: |config| json!(config.pooling),
        typed: |config| Some(config.pooling.to_string()),
        fixed: true,
    },
    Setting {
        name: "normalized",
        option: "no-normalize",
        value: |config| json!(config.normalized),
        typed: |config| Some((!config.normalized).to_string()),
        fixed: true,
    },
    Setting {
        name: "max_length",
        option: "max-length",
        value: |config| json!(config.max_length),
        typed: |config| Some(config.max_length.to_string()),
        fixed: true,
    },
    Setting {
        name: "precision",
        option: "precision",
        value: |config| json!(config.precision),
        typed: |config| Some(config.precision.to_string()),
        fixed: false,
    },
    Setting {
        name: "dim",
        option: "truncate-dim",
        value: |config| json!(config.dim),
        typed: |config| Some(config.dim.to_string()),
        fixed: true,
    },
    Setting {
        name: "factory",
        option: "factory",
        value: |config| json!(config.factory),
        typed: |config| Some(config.factory.clone()),
        fixed: true,
    },
    Setting {
        name: "truncated",
        option: "truncate-dim",
        value: |config| json!(config.truncated),
        typed: |config| config.truncated.then(|| config.dim.to_string()),
        fixed: false,
    },
    Setting {
        name: "metric",
        option: "metric",
        value: |config| json!(config.metric),
        typed: |config| Some(config.metric.to_string()),
        fixed: true,
    },
    Setting {
        name: "title_embedded",
        option: "no-title",
        value: |config| json!(config.with_title),
        typed: |config| Some((!config.with_title).to_string()),
        fixed: true,
    },
    Setting {
        name: "context_embedded",
        option: "no-title",
        value: |config| json!(config.with_context),
        typed: |_| None,
        fixed: false,
    },
    Setting {
        name: "file_ids",
        option: "rebuild",
        value: |config| json!(config.file_ids),
        typed: |_| None,
        fixed: false,
    },
    Setting {
        name: "language",
        option: "language",
        value: |config| json!(config.language),
        typed: |config| config.language.map(|language| language.to_string()),
        fixed: true,
    },
    Setting {
        name: "words",
        option: "rebuild",
        value: |config| json!(config.splitting),
        typed: |_| None,
        fixed: false,
    },
    Setting {
        name: "cutting",
        option: "chunk-tokens",
        value: |config| json!(config.chunks),
        typed: |config| config.chunks.tokens.map(|tokens| tokens.to_string()),
        fixed: false,
    },
    Setting {
        name: "query_prompt",
        option: "query-prompt",
        value: |config| json!(config.prompts.query),
        typed: |config| Some(config.prompts.query.clone()),
        fixed: true,
    },
    Setting {
        name: "document_prompt",
        option: "document-prompt",
        value: |config| json!(config.prompts.document),
        typed: |config| Some(config.prompts.document.clone()),
        fixed: true,
    },
];

impl IndexConfig {
    /// The configuration of an index of `model`, as `embedder` runs the model, with these settings of the index itself.
    pub fn new(model: ModelIdentity, embedder: &Embedder, settings: IndexSettings) -> Self {
        Self {
            model,
            pooling: embedder.pooling(),
            normalized: embedder.normalized(),
            max_length: embedder.tokenizer().max_length(),
            precision: embedder.precision(),
            dim: embedder.dim(),
            with_title: settings.with_title,
            metric: settings.metric,
            factory: settings.factory,
            prompts: settings.prompts,
            truncated: embedder.truncated(),
            with_context: settings.with_context,
            file_ids: settings.file_ids,
            language: settings.language,
            splitting: settings.splitting,
            chunks: settings.chunks,
        }
    }

    /// The settings of the index itself.
    pub fn settings(&self) -> IndexSettings {
        IndexSettings {
            factory: self.factory.clone(),
            metric: self.metric,
            with_title: self.with_title,
            prompts: self.prompts.clone(),
            language: self.language,
            splitting: self.splitting,
            with_context: self.with_context,
            file_ids: self.file_ids,
            chunks: self.chunks,
        }
    }

    /// How texts become words; `None` in format 2, which has no words.
    pub fn analysis(&self) -> Option<Analysis> {
        self.language.map(|language| Analysis { language, splitting: self.splitting })
    }

    /// Checks that `asked` is the model with which the index at `dir` was built; it may have another name.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] if it is another model.
    pub fn check_model(&self, asked: &ModelIdentity, dir: &Path) -> Result<(), StoreError> {
        if self.model.fingerprint == asked.fingerprint {
            return Ok(());
        }
        let named = |model: &ModelIdentity| match self.model.id == asked.id {
            // To show the same name twice would explain nothing.
            true => format!("{} (digest {:.12})", model.id, model.fingerprint),
            false => model.id.clone(),
        };
        Err(mismatch(dir, "model", named(&self.model), named(asked)))
    }

    /// Checks that vectors made with `asked` may be compared with those of this configuration, in the index at `dir`.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`], naming the first setting that differs.
    pub fn check(&self, asked: &Self, dir: &Path) -> Result<(), StoreError> {
        self.check_model(&asked.model, dir)?;
        for Setting { option, typed, .. } in SETTINGS.iter().filter(|setting| setting.fixed) {
            let shown = |config: &Self| typed(config).unwrap_or_else(|| "-".into());
            let (recorded, asked) = (shown(self), shown(asked));
            if recorded != asked {
                return Err(mismatch(dir, option, recorded, asked));
            }
        }
        Ok(())
    }
}

fn mismatch(dir: &Path, setting: &'static str, recorded: String, asked: String) -> StoreError {
    StoreError::Mismatch { dir: dir.into(), setting, recorded, asked }
}

/// The recorded settings that belong to the index and not to the embedder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexSettings {
    /// FAISS's index factory string.
    pub factory: String,
    /// How vectors are compared.
    pub metric: Metric,
    /// Whether a record's title is embedded before its text.
    pub with_title: bool,
    /// The prompts that are put before texts when they are embedded.
    pub prompts: Prompts,
    /// The language of words, for lexical search.
    pub language: Option<Language>,
    /// By which rules texts are split into words.
    pub splitting: Splitting,
    /// Whether a file of text is embedded with what it is about.
    pub with_context: bool,
    /// How a file becomes the id of its document.
    pub file_ids: FileIds,
    /// How long texts are cut.
    pub chunks: ChunkPolicy,
}

impl Default for IndexSettings {
    /// Exact search by inner products, with titles embedded and English words.
    fn default() -> Self {
        Self {
            factory: "Flat".into(),
            metric: Metric::default(),
            with_title: true,
            prompts: Prompts::default(),
            language: Some(Language::default()),
            splitting: Splitting::Parts,
            with_context: true,
            file_ids: FileIds::FromRoot,
            chunks: ChunkPolicy::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> IndexConfig {
        IndexConfig {
            model: ModelIdentity { id: "a/b".into(), revision: None, fingerprint: "00".into() },
            pooling: Pooling::Mean,
            normalized: true,
            max_length: 256,
            precision: Precision::F32,
            dim: 384,
            with_title: true,
            metric: Metric::Ip,
            factory: "Flat".into(),
            prompts: Prompts::default(),
            truncated: false,
            with_context: true,
            file_ids: FileIds::FromRoot,
            language: Some(Language::default()),
            splitting: Splitting::Parts,
            chunks: ChunkPolicy::default(),
        }
    }

    #[test]
    fn a_difference_that_changes_vectors_is_named_and_precision_is_none() {
        let built = config();
        let message = |asked: IndexConfig| built.check(&asked, Path::new("ix")).unwrap_err().to_string();
        let cls = IndexConfig { pooling: Pooling::Cls, ..config() };
        assert_eq!(message(cls), "ix: built with pooling mean, asked for cls");
        assert_eq!(
            message(IndexConfig { max_length: 128, ..config() }),
            "ix: built with max-length 256, asked for 128"
        );
        let model = ModelIdentity { id: "c/d".into(), revision: None, fingerprint: "11".into() };
        assert_eq!(message(IndexConfig { model, ..config() }), "ix: built with model a/b, asked for c/d");
        let retrained = ModelIdentity { fingerprint: "11".into(), ..config().model };
        assert!(message(IndexConfig { model: retrained, ..config() }).contains("(digest 11)"));
        built.check(&IndexConfig { precision: Precision::Int8, ..config() }, Path::new("ix")).unwrap();
    }

    #[test]
    fn every_field_beside_the_model_is_a_row_of_the_table() {
        let Value::Object(fields) = serde_json::to_value(config()).unwrap() else { unreachable!() };
        // `prompts` has two rows.
        assert_eq!(fields.len() - 1 + 1, SETTINGS.len());
    }
}

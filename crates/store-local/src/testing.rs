//! What several tests need.

use semsearch_encoder::encoder::Precision;
use semsearch_encoder::model::Pooling;
use semsearch_store::{IndexConfig, Metric, ModelIdentity, Prompts, Splitting};

/// A config for vectors that no model made.
pub(crate) fn config(dim: usize, metric: Metric, factory: &str) -> IndexConfig {
    IndexConfig {
        model: ModelIdentity { id: "a/b".into(), revision: None, fingerprint: String::new() },
        pooling: Pooling::Mean,
        normalized: false,
        max_length: 256,
        precision: Precision::F32,
        dim,
        with_title: true,
        with_context: true,
        file_ids: Default::default(),
        metric,
        factory: factory.into(),
        prompts: Prompts::default(),
        truncated: false,
        language: None,
        splitting: Splitting::default(),
        chunks: Default::default(),
    }
}

//! Models for tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::tensor::{Dtype, TensorView, serialize};
use semsearch_encoder::embedder::{Embedder, Options};
use semsearch_encoder::model::ModelFiles;
use semsearch_hub::{DownloadProgress, Hub, Proxies};
use semsearch_models::{Locations, ModelName, resolve};
use serde_json::json;

/// The default model, from the caches of this machine.
pub(crate) fn default_model() -> ModelFiles {
    let cache = std::env::home_dir().unwrap_or_default().join(".cache");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or(cache, PathBuf::from);
    let hub = Hub {
        cache: cache.join("huggingface/hub"),
        endpoint: String::new(),
        offline: true,
        token: None,
        proxies: Proxies::default(),
    };
    let places = Locations { own: cache.join("semsearch/models"), prepared: cache.join("semsearch/prepared"), hub };
    let progress: Arc<dyn DownloadProgress> = Arc::new(());
    resolve(&ModelName::default(), &places, &progress).expect("the tests need the default model: script/test brings it")
}

pub(crate) fn load(model: &ModelFiles, options: Options) -> Embedder {
    Embedder::load(model, &options).unwrap()
}

/// Some texts of all lengths, for any vocabulary.
pub(crate) fn texts() -> Vec<String> {
    let words = ["a", "dog", "walks", "in", "the", "rain", "today", "and", "cats", "do", "not", "b", "c"];
    let text = |number: usize| {
        let word = |at: usize| words[(number * 7 + at * at) % words.len()];
        (0..number * number % 90).map(word).collect::<Vec<_>>().join(" ")
    };
    (0..40).step_by(2).map(text).chain(["long ".repeat(600)]).collect()
}

/// The largest difference of two components in the same place.
pub(crate) fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A small BERT with random weights, and the naming habits of its file.
#[derive(Clone, Copy)]
pub(crate) struct SmallBert {
    pub(crate) hidden_act: &'static str,
    /// The prefix of every name.
    pub(crate) prefix: &'static str,
    /// The names of a normalization's weight and bias.
    pub(crate) norm: [&'static str; 2],
    /// Whether the file has tensors that no vector needs.
    pub(crate) others: bool,
}

impl Default for SmallBert {
    fn default() -> Self {
        Self { hidden_act: "gelu", prefix: "", norm: ["weight", "bias"], others: false }
    }
}

const WORDS: [&str; 16] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "dog", "cat", "walk", "rain", "today", "##s", "the", "and", "in",
];
const HIDDEN: usize = 64;
const INNER: usize = 160;
const LAYERS: usize = 2;
const POSITIONS: usize = 96;

impl SmallBert {
    /// Writes the model's files.
    pub(crate) fn write(self, dir: &Path) -> ModelFiles {
        let special = |id: usize| {
            json!({"id": id, "content": WORDS[id], "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false})
        };
        let vocabulary: serde_json::Map<_, _> =
            WORDS.iter().zip(0..).map(|(word, id)| ((*word).into(), id.into())).collect();
        let tokenizer = json!({"version": "1.0", "truncation": null, "padding": null, "decoder": null,
            "added_tokens": (0..4).map(special).collect::<Vec<_>>(),
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocabulary}});
        let config = json!({"model_type": "bert", "vocab_size": WORDS.len(), "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS, "num_attention_heads": 4, "intermediate_size": INNER,
            "hidden_act": self.hidden_act, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
            "layer_norm_eps": 1e-12, "pad_token_id": 0});
        fs::write(dir.join("config.json"), config.to_string()).unwrap();
        fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
        fs::write(dir.join("model.safetensors"), self.weights()).unwrap();
        ModelFiles { dir: dir.into(), id: "small".into(), revision: None }
    }

    fn weights(self) -> Vec<u8> {
        let mut random = 7_u32;
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        for (name, shape) in self.shapes() {
            // Embeddings have size 1, matrices keep that size, and normalizations are near the identity.
            let scale = if shape.len() == 2 && !name.contains("embeddings") { 0.2 } else { 1.0 };
            let offset = if name.ends_with(&format!("Norm.{}", self.norm[0])) { 1.5 } else { 0.0 };
            let mut value = || {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((random >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale + offset
            };
            let bytes = (0..shape.iter().product()).flat_map(|_| value().to_le_bytes()).collect();
            tensors.push((name, shape, bytes));
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
        serialize(views, None).unwrap()
    }

    /// The tensors, in an order that does not depend on their names.
    fn shapes(self) -> Vec<(String, Vec<usize>)> {
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        for (table, rows) in [("word", WORDS.len()), ("position", POSITIONS), ("token_type", 2)] {
            shapes.push((format!("{}embeddings.{table}_embeddings.weight", self.prefix), vec![rows, HIDDEN]));
        }
        let norm = |name: &str| self.norm.map(|parameter| (format!("{}{name}.{parameter}", self.prefix), vec![HIDDEN]));
        let linear = |name: &str, inputs, outputs| {
            let name = format!("{}{name}", self.prefix);
            [(format!("{name}.weight"), vec![outputs, inputs]), (format!("{name}.bias"), vec![outputs])]
        };
        shapes.extend(norm("embeddings.LayerNorm"));
        for layer in (0..LAYERS).map(|number| format!("encoder.layer.{number}")) {
            for part in ["query", "key", "value"] {
                shapes.extend(linear(&format!("{layer}.attention.self.{part}"), HIDDEN, HIDDEN));
            }
            shapes.extend(linear(&format!("{layer}.attention.output.dense"), HIDDEN, HIDDEN));
            shapes.extend(norm(&format!("{layer}.attention.output.LayerNorm")));
            shapes.extend(linear(&format!("{layer}.intermediate.dense"), HIDDEN, INNER));
            shapes.extend(linear(&format!("{layer}.output.dense"), INNER, HIDDEN));
            shapes.extend(norm(&format!("{layer}.output.LayerNorm")));
        }
        if self.others {
            shapes.extend(linear("pooler.dense", HIDDEN, HIDDEN));
            shapes.push(("cls.predictions.bias".into(), vec![WORDS.len()]));
        }
        shapes
    }
}

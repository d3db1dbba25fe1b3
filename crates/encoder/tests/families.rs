//! Compares every family of networks with transformers, in float64.
//!
//! `script/families.py` writes the files in `families/`: a configuration, a tokenizer, how to make random weights, texts,
//! and what transformers computes for them.

use std::path::Path;

use semsearch_encoder::backend::{Device, Precision};
use semsearch_encoder::cross_encoder::CrossEncoder;
use semsearch_encoder::embedder::{Backend, Embedder, Options};
use semsearch_encoder::model::ModelFiles;
use semsearch_kernels::Isa;
use serde::Deserialize;

use crate::family::{Family, file};
use crate::support::{load, worst};

/// The networks whose texts become vectors.
const EMBEDDERS: [&str; 12] = [
    "bert",
    "bert-gelu-new",
    "bert-relu",
    "roberta",
    "xlm-roberta",
    "mpnet",
    "distilbert",
    "modernbert",
    "nomic-bert-original",
    "nomic_bert",
    "model2vec",
    "model2vec-weights",
];

/// The networks whose pairs become scores.
const CROSS_ENCODERS: [&str; 6] = [
    "rerank-bert",
    "rerank-roberta",
    "rerank-mpnet",
    "rerank-distilbert",
    "rerank-modernbert",
    "rerank-modernbert-cls",
];

/// A family, and what transformers computes with it.
#[derive(Deserialize)]
struct Reference {
    #[serde(flatten)]
    family: Family,
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
    #[serde(default)]
    vectors: Vec<Vec<f64>>,
    #[serde(default)]
    pairs: Vec<[usize; 2]>,
    #[serde(default)]
    logits: Vec<Vec<f64>>,
}

impl Reference {
    fn read(name: &str) -> Self {
        serde_json::from_slice(&file(name)).unwrap()
    }

    fn vectors(&self) -> Vec<f32> {
        self.vectors.concat().iter().map(|&value| value as f32).collect()
    }
}

fn written(reference: &Reference, dir: &Path) -> ModelFiles {
    reference.family.write(dir);
    ModelFiles::at(dir)
}

/// Every backend and instruction set that computes in f32.
fn exact() -> Vec<Options> {
    let on_cpu = Options { device: Device::Cpu, ..Options::default() };
    let packed = Isa::all().into_iter().map(|isa| Options { isa: Some(isa), ..on_cpu });
    packed.chain([Options { backend: Some(Backend::Tensor), ..on_cpu }]).collect()
}

#[test]
fn every_family_gives_the_vectors_of_transformers() {
    for name in EMBEDDERS {
        let (reference, dir) = (Reference::read(name), tempfile::tempdir().unwrap());
        let model = written(&reference, dir.path());
        for options in exact() {
            let embedded = load(&model, options).embed(&reference.texts).unwrap();
            let ids: Vec<Vec<u32>> = embedded.tokenized.ids.iter().map(<[u32]>::to_vec).collect();
            assert_eq!(ids, reference.ids, "{name}");
            let worst = worst(embedded.vectors.as_slice(), &reference.vectors());
            assert!(worst <= 1e-5, "{name}, {:?}, {:?}: {worst:e}", options.backend, options.isa);
        }
    }
}

#[test]
fn rounded_formats_stay_near_and_a_text_has_the_same_bits_alone() {
    for name in EMBEDDERS {
        let (reference, dir) = (Reference::read(name), tempfile::tempdir().unwrap());
        let model = written(&reference, dir.path());
        for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
            let options = Options { device: Device::Cpu, precision: Some(precision), ..Options::default() };
            let embedder = load(&model, options);
            let together = embedder.embed(&reference.texts).unwrap().vectors;
            let worst = worst(together.as_slice(), &reference.vectors());
            assert!(worst <= 0.1, "{name}, {precision}: {worst:e}");
            for (text, vector) in reference.texts.iter().zip(together.iter()) {
                assert_eq!(embedder.embed(&[text]).unwrap().vectors.row(0), vector, "{name}, {precision}, {text:?}");
            }
        }
    }
}

#[test]
fn every_cross_encoder_gives_the_scores_of_transformers() {
    for name in CROSS_ENCODERS {
        let (reference, dir) = (Reference::read(name), tempfile::tempdir().unwrap());
        let model = written(&reference, dir.path());
        let pairs: Vec<(&str, &str)> =
            reference.pairs.iter().map(|&[a, b]| (&*reference.texts[a], &*reference.texts[b])).collect();
        let expected: Vec<f32> = reference.logits.concat().iter().map(|&value| value as f32).collect();
        for options in exact() {
            let scores = CrossEncoder::load(&model, &options).unwrap().scores(&pairs).unwrap().scores;
            let worst = worst(&scores, &expected);
            assert!(worst <= 1e-5, "{name}, {:?}, {:?}: {worst:e}", options.backend, options.isa);
        }
    }
}

#[test]
fn a_model_that_is_no_cross_encoder_says_so() {
    let (reference, dir) = (Reference::read("bert"), tempfile::tempdir().unwrap());
    let message = CrossEncoder::load(&written(&reference, dir.path()), &Options::default()).err().unwrap().to_string();
    assert!(message.contains("the model is not a cross-encoder"), "{message}");
}

#[test]
fn static_embeddings_run_only_on_the_cpu() {
    let (reference, dir) = (Reference::read("model2vec"), tempfile::tempdir().unwrap());
    let gpu = Options { device: Device::Cuda(0), ..Options::default() };
    let message = Embedder::load(&written(&reference, dir.path()), &gpu).err().unwrap().to_string();
    assert!(message.contains("only on the CPU"), "{message}");
}
